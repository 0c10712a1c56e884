{{/* The pod, for a Deployment or a DaemonSet. */}}

{{- define "gatehouse.pod" -}}
{{- $all := . -}}
{{- $name := include "gatehouse.fullname" . -}}
{{- $stop := include "gatehouse.stop" . | fromJson -}}
{{- $defaultCertificate := dig "default" "defaultCertificate" "secretName" "" .Values.tlsStore -}}
metadata:
  labels:
    {{- include "gatehouse.labels" . | nindent 4 }}
    {{- with .Values.deployment.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Settings are read at start: new ones are a new pod.
    checksum/configuration: {{ include "gatehouse.configuration" . | sha256sum }}
    {{- if and .Values.metrics.prometheus (not (dig "serviceMonitor" "enabled" false .Values.metrics.prometheus)) }}
    prometheus.io/scrape: "true"
    prometheus.io/path: /metrics
    prometheus.io/port: {{ include "gatehouse.adminPort" . | quote }}
    {{- end }}
    {{- with .Values.deployment.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "gatehouse.serviceAccountName" . }}
  automountServiceAccountToken: true
  # Variables such as GATEHOUSE_PORT are Kubernetes' idea, not settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $stop.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.deployment.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.deployment.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with .Values.deployment.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.deployment.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.deployment.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- if .Values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if .Values.deployment.shareProcessNamespace }}
  shareProcessNamespace: true
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- tpl (toYaml .) $all | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- tpl (toYaml .Values.topologySpreadConstraints) . | nindent 4 }}
  {{- else if eq .Values.deployment.kind "Deployment" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "gatehouse.selectorLabels" $all | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with .Values.deployment.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: gatehouse
      image: {{ include "gatehouse.image" . | quote }}
      {{- with .Values.image.pullPolicy }}
      imagePullPolicy: {{ . }}
      {{- end }}
      args:
        - run
        - --config
        - /etc/gatehouse/gatehouse.yaml
        {{- range (include "gatehouse.arguments" . | fromJson).list }}
        {{- with .set }}
        - --set
        - {{ . | quote }}
        {{- end }}
        {{- end }}
      ports:
        {{- range $port, $made := include "gatehouse.ports" . | fromJson }}
        - name: {{ $made.containerName }}
          containerPort: {{ $made.containerPort }}
          protocol: TCP
          {{- with $made.hostPort }}
          hostPort: {{ . }}
          {{- end }}
          {{- with $made.hostIP }}
          hostIP: {{ . }}
          {{- end }}
        {{- end }}
        - name: admin
          containerPort: {{ include "gatehouse.adminPort" . }}
          protocol: TCP
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        - name: GATEHOUSE_PROVIDERS_KUBERNETES_NODENAME
          valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      # Alive is /ping; may get traffic is /ready: every kind of object was read and certificates are loaded.
      startupProbe:
        httpGet: {path: /ping, port: admin}
        {{- toYaml .Values.startupProbe | nindent 8 }}
      livenessProbe:
        httpGet: {path: /ping, port: admin}
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      readinessProbe:
        httpGet: {path: /ready, port: admin}
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      {{- with .Values.deployment.lifecycle }}
      lifecycle:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: configuration
          mountPath: /etc/gatehouse
          readOnly: true
        - name: state
          mountPath: /var/lib/gatehouse
          {{- with .Values.persistence.subPath }}
          subPath: {{ . }}
          {{- end }}
        {{- if $defaultCertificate }}
        - name: default-certificate
          mountPath: /etc/gatehouse-default-certificate
          readOnly: true
        {{- end }}
        {{- range .Values.volumes }}
        - name: {{ .name | replace "." "-" }}
          mountPath: {{ .mountPath }}
          readOnly: true
        {{- end }}
        {{- with .Values.additionalVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .Values.deployment.additionalContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: configuration
      configMap:
        name: {{ $name }}
    - name: state
      {{- if .Values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ default $name .Values.persistence.existingClaim }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- if $defaultCertificate }}
    - name: default-certificate
      secret:
        secretName: {{ $defaultCertificate }}
    {{- end }}
    {{- range .Values.volumes }}
    - name: {{ .name | replace "." "-" }}
      {{- if eq .type "secret" }}
      secret:
        secretName: {{ tpl .name $all }}
      {{- else if eq .type "configMap" }}
      configMap:
        name: {{ tpl .name $all }}
      {{- else }}
      {{ fail (printf "\n\nvolumes: type of %s is secret or configMap" .name) }}
      {{- end }}
    {{- end }}
    {{- with .Values.deployment.additionalVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
