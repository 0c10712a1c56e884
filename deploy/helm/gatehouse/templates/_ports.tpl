{{/* `ports` in every spelling Traefik's chart ever had, made one. */}}

{{/* Seconds of `10s`, `1m30s`, `2h` or a number. */}}
{{- define "gatehouse.seconds" -}}
{{- $text := toString . -}}
{{- if regexMatch "^[0-9]+$" $text -}}
{{- $text -}}
{{- else -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smh])" $text -1 -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "ms" . -}}{{- $sum = add $sum (div (add $number 999) 1000) -}}
{{- else if hasSuffix "h" . -}}{{- $sum = add $sum (mul $number 3600) -}}
{{- else if hasSuffix "m" . -}}{{- $sum = add $sum (mul $number 60) -}}
{{- else -}}{{- $sum = add $sum $number -}}{{- end -}}
{{- end -}}
{{- $sum -}}
{{- end -}}
{{- end -}}

{{/* JSON: how long a stop takes: {accept, grace, whole, terminationGracePeriodSeconds}. A period that is given shortens
     the drain of the ports that set none of their own. */}}
{{- define "gatehouse.stop" -}}
{{- $accept := int .Values.drain.acceptSeconds -}}
{{- $grace := int .Values.drain.graceSeconds -}}
{{- $spare := 10 -}}
{{- $given := .Values.deployment.terminationGracePeriodSeconds -}}
{{- if not (kindIs "invalid" $given) -}}
{{- $left := sub (sub (int $given) $spare) $accept | int -}}
{{- if lt $left $grace -}}{{- $grace = max $left 0 | int -}}{{- end -}}
{{- end -}}
{{- $whole := add $accept $grace | int -}}
{{- range $name, $port := .Values.ports -}}
{{- $life := dig "transport" "lifeCycle" dict (default dict $port) -}}
{{- $own := add (include "gatehouse.seconds" (default $accept $life.requestAcceptGraceTimeout) | int) (include "gatehouse.seconds" (default $grace $life.graceTimeOut) | int) | int -}}
{{- if gt $own $whole -}}{{- $whole = $own -}}{{- end -}}
{{- end -}}
{{- $period := add $whole $spare | int -}}
{{- if not (kindIs "invalid" $given) -}}{{- $period = int $given -}}{{- end -}}
{{- dict "accept" $accept "grace" $grace "whole" $whole "terminationGracePeriodSeconds" $period | toJson -}}
{{- end -}}

{{/* JSON: name → {port, exposedPort, exposed, containerName, nodePort?, hostPort?, hostIP?, containerPort, appProtocol?}
     of the entry points but the admin's. */}}
{{- define "gatehouse.ports" -}}
{{- $ports := dict -}}
{{- range $name, $port := .Values.ports -}}
{{- if and $port (not (has $name (list "admin" "traefik" "metrics"))) -}}
{{- $expose := has $name (list "web" "websecure") -}}
{{- if kindIs "bool" $port.expose -}}{{- $expose = $port.expose -}}
{{- else if kindIs "map" $port.expose -}}{{- if hasKey $port.expose "default" -}}{{- $expose = $port.expose.default -}}{{- end -}}
{{- end -}}
{{- $one := dict "port" (int $port.port) "exposed" $expose -}}
{{- $_ := set $one "exposedPort" (int (default $port.port $port.exposedPort)) -}}
{{- $_ := set $one "containerName" (lower $name | trunc 15 | trimSuffix "-") -}}
{{- $_ := set $one "containerPort" (int (default $port.port $port.containerPort)) -}}
{{- with $port.targetPort -}}{{- $_ := set $one "targetPort" (kindIs "string" . | ternary . (int .)) -}}{{- end -}}
{{- range $key := list "nodePort" "hostPort" -}}
{{- with get $port $key -}}{{- $_ := set $one $key (int .) -}}{{- end -}}
{{- end -}}
{{- range $key := list "hostIP" "appProtocol" -}}
{{- with get $port $key -}}{{- $_ := set $one $key . -}}{{- end -}}
{{- end -}}
{{- $_ := set $ports $name $one -}}
{{- end -}}
{{- end -}}
{{- $ports | toJson -}}
{{- end -}}

{{/* The admin's port, whatever it is called. */}}
{{- define "gatehouse.adminPort" -}}
{{- default (dict "port" 8080) .Values.ports.admin | mergeOverwrite (dict) (default dict .Values.ports.traefik) | dig "port" 8080 | int -}}
{{- end -}}

{{/* A redirection's target as Gatehouse has it: the name of an entry point becomes the port that clients know.
     List of the context and the target. */}}
{{- define "gatehouse.redirectionTarget" -}}
{{- $ports := include "gatehouse.ports" (index . 0) | fromJson -}}
{{- $to := index . 1 -}}
{{- if hasKey $ports $to -}}{{- printf ":%d" (int (get $ports $to).exposedPort) -}}{{- else -}}{{- $to -}}{{- end -}}
{{- end -}}

{{/* JSON: {to, scheme?, permanent?} of a port, or {}. List of the context and the port. */}}
{{- define "gatehouse.redirection" -}}
{{- $all := index . 0 -}}
{{- $port := index . 1 -}}
{{- $found := dict -}}
{{- if kindIs "string" $port.redirectTo -}}
{{- with $port.redirectTo -}}{{- $found = dict "to" . -}}{{- end -}}
{{- else if $port.redirectTo -}}
{{- with $port.redirectTo.port -}}{{- $found = dict "to" . -}}{{- end -}}
{{- with $port.redirectTo -}}{{- if hasKey . "permanent" -}}{{- $_ := set $found "permanent" .permanent -}}{{- end -}}{{- end -}}
{{- end -}}
{{- range $given := list (dig "redirections" "entryPoint" dict $port) (dig "http" "redirections" "entryPoint" dict $port) -}}
{{- if and $given $given.to -}}{{- $found = pick $given "to" "scheme" "permanent" -}}{{- end -}}
{{- end -}}
{{- if $found.to -}}{{- $_ := set $found "to" (include "gatehouse.redirectionTarget" (list $all $found.to)) -}}{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* JSON: {certResolver?, domains?} when TLS is on at the port, or {"off": true}. */}}
{{- define "gatehouse.portTls" -}}
{{- $tls := merge (dict) (dig "http" "tls" dict .) (default dict .tls) -}}
{{- if $tls.enabled -}}
{{- $found := dict -}}
{{- with $tls.certResolver -}}{{- $_ := set $found "certResolver" . -}}{{- end -}}
{{- with $tls.domains -}}{{- $_ := set $found "domains" . -}}{{- end -}}
{{- $found | toJson -}}
{{- else -}}
{"off": true}
{{- end -}}
{{- end -}}

{{/* JSON: one entry point of the static configuration. List of the context and the port. */}}
{{- define "gatehouse.entryPoint" -}}
{{- $all := index . 0 -}}
{{- $port := index . 1 -}}
{{- $stop := include "gatehouse.stop" $all | fromJson -}}
{{- $point := dict "address" (printf ":%d" (int $port.port)) -}}
{{- if $port.asDefault -}}{{- $_ := set $point "asDefault" true -}}{{- end -}}
{{- $http := dict -}}
{{- range $key := list "maxHeaderBytes" "maxTargetBytes" "maxHeaderFields" -}}
{{- $value := dig "http" $key "" $port -}}
{{- if $value -}}{{- $_ := set $http $key $value -}}{{- end -}}
{{- end -}}
{{- $redirection := include "gatehouse.redirection" . | fromJson -}}
{{- if $redirection.to -}}{{- $_ := set $http "redirections" (dict "entryPoint" $redirection) -}}{{- end -}}
{{- $tls := include "gatehouse.portTls" $port | fromJson -}}
{{- if not $tls.off -}}{{- $_ := set $http "tls" $tls -}}{{- end -}}
{{- if $http -}}{{- $_ := set $point "http" $http -}}{{- end -}}
{{- $given := default dict $port.transport -}}
{{- $transport := pick $given "keepAliveMaxRequests" -}}
{{- $timeouts := omit (default dict $given.respondingTimeouts) "readTimeout" "writeTimeout" -}}
{{- if $timeouts -}}{{- $_ := set $transport "respondingTimeouts" $timeouts -}}{{- end -}}
{{- $life := dict "requestAcceptGraceTimeout" (printf "%ds" (int $stop.accept)) "graceTimeOut" (printf "%ds" (int $stop.grace)) -}}
{{- range $key, $value := default dict $given.lifeCycle -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $life $key $value -}}{{- end -}}
{{- end -}}
{{- $_ := set $transport "lifeCycle" $life -}}
{{- $_ := set $point "transport" $transport -}}
{{- range $key := list "proxyProtocol" "forwardedHeaders" -}}
{{- $trust := pick (default dict (get $port $key)) "trustedIPs" "insecure" -}}
{{- if or $trust.trustedIPs $trust.insecure -}}{{- $_ := set $point $key $trust -}}{{- end -}}
{{- end -}}
{{- with $port.limits -}}{{- $_ := set $point "limits" . -}}{{- end -}}
{{- $point | toJson -}}
{{- end -}}
