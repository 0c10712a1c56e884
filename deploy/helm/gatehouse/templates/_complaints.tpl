{{/* What cannot be done with the values, one line each; and what is left out, for NOTES. Rather a refusal that names the
     value than an edge that does something else than its values say. */}}

{{- define "gatehouse.complaints" -}}
{{- $all := . -}}
{{- $stop := include "gatehouse.stop" . | fromJson -}}
{{- $image := printf "%s/%s" (default "" .Values.image.repository) (default "" .Values.image.name) -}}
{{- if contains "traefik" (lower $image) }}
image: it is Traefik's; leave it out, or name your copy of Gatehouse's image
{{- end }}
{{- if contains "traefik" (lower (toString .Values.image.tag)) }}
image.tag: it is Traefik's
{{- end }}
{{- range $key := list "datadog" "statsd" "influxdb" "influxdb2" "otlp" }}
{{- if get $all.Values.metrics $key }}
metrics.{{ $key }}: metrics are at /metrics of the admin entry point, which Prometheus and most collectors can read
{{- end }}
{{- end }}
{{- range $name := list "kubernetesGateway" "kubernetesIngressNginx" "kubernetesIngressNGINX" "knative" }}
{{- if dig $name "enabled" false $all.Values.providers }}
providers.{{ $name }}.enabled: it is not available; Gatehouse reads Ingress and IngressRouteTCP objects
{{- end }}
{{- end }}
{{- if dig "file" "enabled" false .Values.providers }}
providers.file.enabled: write routes as Ingress and IngressRouteTCP objects
{{- end }}
{{- $endpoint := .Values.providers.kubernetesIngress.ingressEndpoint }}
{{- if and .Values.providers.kubernetesIngress.publishedService.pathOverride (or $endpoint.ip $endpoint.hostname) }}
providers.kubernetesIngress: give either ingressEndpoint or publishedService.pathOverride
{{- end }}
{{- if or (dig "plugins" dict (default dict .Values.experimental)) (dig "localPlugins" dict (default dict .Values.experimental)) }}
experimental: there are no plug-ins
{{- end }}
{{- range $name, $options := .Values.tlsOptions }}
{{- if ne $name "default" }}
tlsOptions.{{ $name }}: only tlsOptions.default is read; others go into config.tls.options
{{- else }}
{{- if $options.maxVersion }}
tlsOptions.default.maxVersion: not available
{{- end }}
{{- if $options.clientAuth }}
tlsOptions.default.clientAuth: put it into config.tls.options, with caFiles of a volume (value volumes) in place of secretNames
{{- end }}
{{- end }}
{{- end }}
{{- $numbers := dict }}
{{- $exposed := dict }}
{{- $containers := dict }}
{{- $ports := include "gatehouse.ports" . | fromJson }}
{{- $_ := set $numbers (include "gatehouse.adminPort" .) "admin" }}
{{- range $name, $made := $ports }}
{{- $port := get $all.Values.ports $name }}
{{- if not $made.port }}
ports.{{ $name }}.port: missing
{{- end }}
{{- if and $port.protocol (ne (upper $port.protocol) "TCP") }}
ports.{{ $name }}.protocol: {{ $port.protocol }} is not available, only TCP
{{- end }}
{{- if dig "http3" "enabled" false (dict "http3" (kindIs "map" $port.http3 | ternary $port.http3 dict)) }}
ports.{{ $name }}.http3: clients use HTTP over TCP
{{- end }}
{{- if or $port.middlewares (dig "http" "middlewares" false $port) }}
ports.{{ $name }}.http.middlewares: there are no middlewares
{{- end }}
{{- if kindIs "map" $port.expose }}
{{- range $service, $on := $port.expose }}
{{- if and $on (ne $service "default") }}
ports.{{ $name }}.expose.{{ $service }}: there is one Service, `default`
{{- end }}
{{- end }}
{{- end }}
{{- $redirection := include "gatehouse.redirection" (list $all $port) | fromJson }}
{{- if and $redirection.to (not (regexMatch "^:[0-9]+$" $redirection.to)) }}
ports.{{ $name }}: redirects to {{ $redirection.to }}, which is no entry point and no `:port`
{{- end }}
{{- with get $numbers (toString $made.port) }}
ports.{{ $name }}.port: {{ $made.port }} is already that of {{ . }}
{{- end }}
{{- $_ := set $numbers (toString $made.port) $name }}
{{- with get $containers $made.containerName }}
ports.{{ $name }}: shares its first 15 letters with {{ . }}
{{- end }}
{{- $_ := set $containers $made.containerName $name }}
{{- if $made.exposed }}
{{- with get $exposed (toString $made.exposedPort) }}
ports.{{ $name }}.exposedPort: {{ $made.exposedPort }} is already that of {{ . }}
{{- end }}
{{- $_ := set $exposed (toString $made.exposedPort) $name }}
{{- end }}
{{- end }}
{{- $admin := merge (dict) (default dict .Values.ports.traefik) (default dict .Values.ports.admin) }}
{{- if or (and (kindIs "bool" $admin.expose) $admin.expose) (and (kindIs "map" $admin.expose) (has true (values $admin.expose))) }}
ports.{{ empty .Values.ports.traefik | ternary "admin" "traefik" }}.expose: the admin entry point asks nobody who they are: reach it with kubectl port-forward, or make a Service of your own
{{- end }}
{{- range (include "gatehouse.arguments" . | fromJson).list }}
{{- with .error }}
additionalArguments: {{ . }}
{{- end }}
{{- end }}
{{- $directory := false }}
{{- range $name, $resolver := include "gatehouse.resolvers" . | fromJson }}
{{- if $resolver.acme }}
{{- if ne $all.Values.acmeStorage "kubernetes" }}{{ $directory = true }}{{ end }}
{{- with dig "dnsChallenge" "provider" "" $resolver.acme }}
certificatesResolvers.{{ $name }}: dnsChallenge.provider: {{ . }}: use rfc2136, exec or webhook (docs/certificates.md)
{{- end }}
{{- end }}
{{- end }}
{{- $several := or (gt (int .Values.deployment.replicas) 1) .Values.autoscaling.enabled (eq .Values.deployment.kind "DaemonSet") }}
{{- if and $directory $several }}
acmeStorage: {{ .Values.acmeStorage }}: several replicas would each ask the CA; use acmeStorage: kubernetes, or deployment.replicas: 1
{{- end }}
{{- if and .Values.persistence.enabled $several (has .Values.persistence.accessMode (list "ReadWriteOnce" "ReadWriteOncePod")) }}
persistence: a volume of access mode {{ .Values.persistence.accessMode }} is for one replica; use acmeStorage: kubernetes without persistence, or deployment.replicas: 1
{{- end }}
{{- if lt (int $stop.terminationGracePeriodSeconds) (int $stop.whole) }}
deployment.terminationGracePeriodSeconds: {{ $stop.terminationGracePeriodSeconds }} is shorter than the drain of {{ $stop.whole }} seconds: raise it, or lower drain.acceptSeconds, drain.graceSeconds and the ports' transport.lifeCycle
{{- end }}
{{- end -}}

{{- define "gatehouse.refuse" -}}
{{- $complaints := include "gatehouse.complaints" . | trim -}}
{{- if $complaints -}}
{{- fail (printf "\n\nThese values cannot be had:\n%s\n" (regexReplaceAll "(?m)^" $complaints "  - ")) -}}
{{- end -}}
{{- end -}}

{{- define "gatehouse.leftOut" -}}
{{- $all := . -}}
{{- range (include "gatehouse.arguments" . | fromJson).list }}
{{- with .note }}
additionalArguments: {{ . }}
{{- end }}
{{- end }}
{{- range $name := list "kubernetesIngress" "kubernetesCRD" }}
{{- if not (dig $name "enabled" true $all.Values.providers) }}
providers.{{ $name }}.enabled: Ingress and IngressRouteTCP objects are always watched
{{- end }}
{{- if dig $name "nativeLBByDefault" false $all.Values.providers }}
providers.{{ $name }}.nativeLBByDefault: endpoints are reached directly; annotation service.nativelb of a Service asks for its address
{{- end }}
{{- end }}
{{- if and .Values.persistence.enabled (or .Values.persistence.path .Values.persistence.name) }}
persistence: the volume is always at /var/lib/gatehouse
{{- end }}
{{- if dig "dashboard" "enabled" false (default dict .Values.ingressRoute) }}
ingressRoute.dashboard: the overview is on the admin entry point (kubectl port-forward)
{{- end }}
{{- range $key := list "hub" "pilot" "tracing" "experimental" "podSecurityPolicy" "gateway" "gatewayClass" }}
{{- $given := get $all.Values $key }}
{{- if and $given (not (eq (dig "enabled" "unsaid" $given | toString) "false")) }}
{{ $key }}: there is no such thing in Gatehouse
{{- end }}
{{- end }}
{{- range $name, $port := .Values.ports }}
{{- if $port }}
{{- range $key := list "readTimeout" "writeTimeout" }}
{{- if hasKey (dig "transport" "respondingTimeouts" dict $port) $key }}
ports.{{ $name }}.transport.respondingTimeouts.{{ $key }}: transfers that move are never limited; bodyIdleTimeout and writeIdleTimeout limit those that stand still
{{- end }}
{{- end }}
{{- if or $port.observability $port.allowACMEByPass }}
ports.{{ $name }}: observability and allowACMEByPass are not needed
{{- end }}
{{- end }}
{{- end }}
{{- range $where, $log := dict "logs.access" .Values.logs.access "accessLog" .Values.accessLog }}
{{- range $key := list "filters" "fields" "bufferingSize" }}
{{- if get (default dict $log) $key }}
{{ $where }}.{{ $key }}: every exchange has its line, whose fields are fixed and hold no secret
{{- end }}
{{- end }}
{{- end }}
{{- range $given := list .Values.certResolvers .Values.certificatesResolvers }}
{{- range $name, $resolver := default dict $given }}
{{- $storage := default "" (default $resolver $resolver.acme).storage }}
{{- if $storage }}
certificate resolver {{ $name }}: storage {{ $storage }}: certificates are kept where acmeStorage says; `gatehouse certs import` takes those of an acme.json
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
