{{/* Rights: what is read in every namespace watched, and what is kept in our own. */}}

{{- define "gatehouse.rules" -}}
{{- $kubernetes := include "gatehouse.kubernetes" . | fromJson -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [traefik.io, traefik.containo.us]
  resources: [ingressroutetcps]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [secrets]
  {{- with .Values.rbac.secretResourceNames }}
  resourceNames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  verbs: [get, list, watch]
{{- if dig "updateStatus" true $kubernetes }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- end }}
{{- if dig "events" true $kubernetes }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
{{- end -}}

{{/* The Lease: in our own namespace, unless a setting says otherwise. */}}
{{- define "gatehouse.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ (include "gatehouse.lease" . | fromJson).name }}]
  verbs: [get, update]
{{- end -}}

{{- define "gatehouse.publishedRules" -}}
- apiGroups: [""]
  resources: [services]
  resourceNames: [{{ splitList "/" (include "gatehouse.kubernetes" . | fromJson).publishedService | last }}]
  verbs: [get, list, watch]
{{- end -}}

{{- define "gatehouse.ownRules" -}}
{{- $acme := false -}}
{{- $configuration := include "gatehouse.configuration" . | fromYaml -}}
{{- range $configuration.certificatesResolvers -}}{{- if .acme -}}{{- if eq (toString .acme.storage) "kubernetes" -}}{{- $acme = true -}}{{- end -}}{{- end -}}{{- end -}}
{{- $ticketKeys := $configuration.providers.kubernetes.ticketKeysSecret -}}
{{- if eq (include "gatehouse.lease" . | fromJson).namespace (include "gatehouse.namespace" .) -}}
{{ include "gatehouse.leaseRules" . }}
{{ end -}}
# The Service whose addresses Ingresses show.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
{{- if $acme }}
# Accounts, orders, certificates and challenges, which all replicas share.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
{{- else if $ticketKeys }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ $ticketKeys }}]
  verbs: [get, list, watch, update, patch]
{{- end }}
{{- end -}}

{{/* List of the context, a namespace and the name of a Role there. */}}
{{- define "gatehouse.binding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ index . 2 }}
  namespace: {{ index . 1 }}
  labels:
    {{- include "gatehouse.labels" (index . 0) | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "gatehouse.serviceAccountName" (index . 0) }}
    namespace: {{ include "gatehouse.namespace" (index . 0) }}
{{- end }}
