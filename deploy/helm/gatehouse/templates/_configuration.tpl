{{/* gatehouse.yaml, made from the values (docs/configuration.md). */}}

{{/* The namespaces watched, as a JSON list under `list`; empty: all. */}}
{{- define "gatehouse.namespaces" -}}
{{- $given := concat (default list .Values.providers.kubernetesIngress.namespaces) (default list .Values.providers.kubernetesCRD.namespaces) -}}
{{- if and .Values.rbac.namespaced (not (compact $given)) -}}{{- $given = list (include "gatehouse.namespace" .) -}}{{- end -}}
{{- dict "list" ($given | compact | uniq | sortAlpha) | toJson -}}
{{- end -}}

{{- define "gatehouse.publishedService" -}}
{{- $published := .Values.providers.kubernetesIngress.publishedService -}}
{{- if $published.pathOverride -}}
{{- $published.pathOverride -}}
{{- else if and $published.enabled .Values.service.enabled -}}
{{- printf "%s/%s" (include "gatehouse.namespace" .) (include "gatehouse.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "gatehouse.className" -}}
{{- default .Values.ingressClass.name (default .Values.providers.kubernetesCRD.ingressClass .Values.providers.kubernetesIngress.ingressClass) -}}
{{- end -}}

{{/* JSON: {list: class names that are ours}. `--set x={}` gives one empty name. */}}
{{- define "gatehouse.classNames" -}}
{{- $names := list (include "gatehouse.className" .) -}}
{{- $names = concat $names (default list .Values.ingressClass.aliases) (default list .Values.ingressClass.accept) -}}
{{- dict "list" (compact $names | uniq) | toJson -}}
{{- end -}}

{{/* JSON: {name: resolver}; the short form of Traefik's older charts lacks the level `acme`. */}}
{{- define "gatehouse.resolvers" -}}
{{- $resolvers := dict -}}
{{- range $given := list .Values.certResolvers .Values.certificatesResolvers -}}
{{- range $name, $resolver := default dict $given -}}
{{- if hasKey $resolver "internal" -}}
{{- $_ := set $resolvers $name $resolver -}}
{{- else -}}
{{- $acme := deepCopy (default $resolver $resolver.acme) -}}
{{- $_ := unset $acme "storage" -}}
{{- $_ := set $acme "storage" (include "gatehouse.acmeStorage" $) -}}
{{- if kindIs "bool" $acme.tlsChallenge -}}
{{- if not $acme.tlsChallenge -}}{{- $_ := unset $acme "tlsChallenge" -}}{{- end -}}
{{- end -}}
{{- $_ := set $resolvers $name (dict "acme" $acme) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $resolvers | toJson -}}
{{- end -}}

{{- define "gatehouse.acmeStorage" -}}
{{- if eq .Values.acmeStorage "kubernetes" -}}kubernetes{{- else -}}/var/lib/gatehouse/acme{{- end -}}
{{- end -}}

{{/* JSON: {enabled, log: {…}, access: {…}} out of `logs` (charts up to 40) and `log`, `accessLog` (from 41). */}}
{{- define "gatehouse.logs" -}}
{{- $general := merge (dict) (default dict .Values.log) (default dict .Values.logs.general) -}}
{{- $access := merge (dict) (default dict .Values.accessLog) (default dict .Values.logs.access) -}}
{{- $log := dict -}}
{{- with $general.level -}}{{- $_ := set $log "level" (lower . | replace "panic" "fatal") -}}{{- end -}}
{{- range $key := list "format" "filePath" -}}{{- with get $general $key -}}{{- $_ := set $log $key . -}}{{- end -}}{{- end -}}
{{- $result := dict "log" $log -}}
{{- if $access.enabled -}}{{- $_ := set $result "access" (pick $access "format" "filePath") -}}{{- end -}}
{{- $result | toJson -}}
{{- end -}}

{{- define "gatehouse.ticketKeysSecret" -}}
{{- if .Values.ticketKeys.shared -}}{{- default (printf "%s-ticket-keys" (include "gatehouse.fullname" .)) .Values.ticketKeys.secretName -}}{{- end -}}
{{- end -}}

{{- define "gatehouse.providers" -}}
{{- $ingress := .Values.providers.kubernetesIngress -}}
{{- $made := dict "controllers" (concat (list .Values.ingressClass.controller) (default list .Values.ingressClass.acceptControllers) | compact | uniq) -}}
{{- $_ := set $made "ingressClasses" (include "gatehouse.classNames" . | fromJson).list -}}
{{- with (include "gatehouse.namespaces" . | fromJson).list -}}{{- $_ := set $made "namespaces" . -}}{{- end -}}
{{- if or $ingress.ingressEndpoint.ip $ingress.ingressEndpoint.hostname -}}
{{- range $key := list "ip" "hostname" -}}
{{- with get $ingress.ingressEndpoint $key -}}{{- $_ := set $made "ingressEndpoint" (dict $key . | merge (default dict $made.ingressEndpoint)) -}}{{- end -}}
{{- end -}}
{{- else -}}
{{- $_ := set $made "publishedService" (include "gatehouse.publishedService" .) -}}
{{- end -}}
{{- with $ingress.labelSelector -}}{{- $_ := set $made "labelSelector" . -}}{{- end -}}
{{- if or $ingress.allowExternalNameServices .Values.providers.kubernetesCRD.allowExternalNameServices -}}{{- $_ := set $made "allowExternalNameServices" true -}}{{- end -}}
{{- if .Values.providers.kubernetesCRD.allowCrossNamespace -}}{{- $_ := set $made "allowCrossNamespace" true -}}{{- end -}}
{{- if .Values.ingressClass.watchWithoutClass -}}{{- $_ := set $made "watchIngressWithoutClass" true -}}{{- end -}}
{{- if ne .Values.rbac.secrets "all" -}}{{- $_ := set $made "secrets" .Values.rbac.secrets -}}{{- end -}}
{{- $_ := set $made "leaderElection" (dict "name" (include "gatehouse.fullname" .)) -}}
{{- with include "gatehouse.ticketKeysSecret" . -}}{{- $_ := set $made "ticketKeysSecret" . -}}{{- end -}}
{{- dict "kubernetes" (mergeOverwrite $made (deepCopy .Values.providers.kubernetes)) | toJson -}}
{{- end -}}

{{/* JSON: providers.kubernetes as the program reads it, whatever value it came from: rights follow from this. */}}
{{- define "gatehouse.kubernetes" -}}
{{- (include "gatehouse.configuration" . | fromYaml).providers.kubernetes | toJson -}}
{{- end -}}

{{/* JSON: {namespace, name} of the Lease. */}}
{{- define "gatehouse.lease" -}}
{{- $election := default dict (include "gatehouse.kubernetes" . | fromJson).leaderElection -}}
{{- dict "namespace" (default (include "gatehouse.namespace" .) $election.namespace) "name" (default "gatehouse" $election.name) | toJson -}}
{{- end -}}

{{/* The namespace of the published Service, where the rights to routes and those at home do not reach it. */}}
{{- define "gatehouse.publishedElsewhere" -}}
{{- $kubernetes := include "gatehouse.kubernetes" . | fromJson -}}
{{- $given := default "" $kubernetes.publishedService -}}
{{- if and $kubernetes.namespaces (contains "/" $given) -}}
{{- $namespace := splitList "/" $given | first -}}
{{- if not (has $namespace (append $kubernetes.namespaces (include "gatehouse.namespace" .))) -}}{{- $namespace -}}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gatehouse.configuration" -}}
{{- $all := . -}}
{{- $points := dict "admin" (dict "address" (printf ":%d" (include "gatehouse.adminPort" . | int))) -}}
{{- range $name, $port := include "gatehouse.ports" . | fromJson -}}
{{- $_ := set $points $name (include "gatehouse.entryPoint" (list $all (get $all.Values.ports $name)) | fromJson) -}}
{{- end -}}
{{- $configuration := dict "entryPoints" $points "providers" (include "gatehouse.providers" . | fromJson) -}}
{{- with include "gatehouse.resolvers" . | fromJson -}}{{- $_ := set $configuration "certificatesResolvers" . -}}{{- end -}}
{{- $tls := dict -}}
{{- with .Values.tlsOptions.default -}}
{{- $options := pick . "minVersion" "cipherSuites" "curvePreferences" "sniStrict" -}}
{{- if $options -}}{{- $_ := set $tls "options" (dict "default" $options) -}}{{- end -}}
{{- end -}}
{{- if dig "default" "defaultCertificate" "secretName" "" .Values.tlsStore -}}
{{- $files := dict "certFile" "/etc/gatehouse-default-certificate/tls.crt" "keyFile" "/etc/gatehouse-default-certificate/tls.key" -}}
{{- $_ := set $tls "stores" (dict "default" (dict "defaultCertificate" $files)) -}}
{{- end -}}
{{- if $tls -}}{{- $_ := set $configuration "tls" $tls -}}{{- end -}}
{{- $logs := include "gatehouse.logs" . | fromJson -}}
{{- if $logs.log -}}{{- $_ := set $configuration "log" $logs.log -}}{{- end -}}
{{- if hasKey $logs "access" -}}{{- $_ := set $configuration "accessLog" $logs.access -}}{{- end -}}
{{- mergeOverwrite $configuration (deepCopy .Values.config) | toYaml -}}
{{- end -}}
