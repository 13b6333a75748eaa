{{/* Prefix of every name. */}}
{{- define "llm-ops.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* What the selectors of a component look for: never changed, they cannot be. */}}
{{- define "llm-ops.selector" -}}
app.kubernetes.io/name: llm-ops
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "llm-ops.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: llm-ops
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: llm-ops
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "llm-ops.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Namespaces of the environments' models. */}}
{{- define "llm-ops.environmentNamespace" -}}
llm-ops-{{ . }}
{{- end }}

{{/* Options that are no secrets, as the server reads them: the chart's own, then those of `config`. */}}
{{- define "llm-ops.options" -}}
{{- $full := include "llm-ops.fullname" . -}}
{{- $services := list -}}
{{- range list "api" "gateway" -}}
{{- $name := printf "%s-%s" $full . -}}
{{- $services = concat $services (list $name (printf "%s.%s" $name $.Release.Namespace) (printf "%s.%s.svc" $name $.Release.Namespace) (printf "%s.%s.svc.cluster.local" $name $.Release.Namespace)) -}}
{{- end -}}
{{- $options := dict -}}
{{- range $name, $value := .Values.config -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $text := toString $value -}}
{{- if kindIs "float64" $value -}}
{{- $text = ternary (printf "%.0f" $value) (toString $value) (eq (floor $value) $value) -}}
{{- end -}}
{{- $_ := set $options $name $text -}}
{{- end -}}
{{- end -}}
{{- $hosts := splitList "," (get $options "ALLOWED_HOSTS") | compact -}}
{{- $_ := set $options "ALLOWED_HOSTS" (join "," (concat $hosts $services)) -}}
{{- if and .Values.ingress.enabled (not (get $options "PUBLIC_URL")) -}}
{{- $_ := set $options "PUBLIC_URL" (printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host) -}}
{{- end -}}
{{- $_ := set $options "MODELS_ENABLED" (toString .Values.models.enabled) -}}
{{- $_ := set $options "MODELS_NAMESPACE" .Values.models.namespace -}}
{{- with .Values.models.defaultStorageClass -}}
{{- $_ := set $options "MODELS_DEFAULT_STORAGE_CLASS" . -}}
{{- end -}}
{{- $_ := set $options "HOST" "0.0.0.0" -}}
{{- $_ := set $options "PORT" "8000" -}}
{{- $_ := set $options "DATA_DIR" "/data" -}}
{{ toYaml $options }}
{{- end }}

{{/* Where the secret options come from. `prefix` names the chart's own Secret. */}}
{{- define "llm-ops.secretSources" -}}
{{- with .root.Values.secrets.existingSecret }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- if .root.Values.secrets.values }}
- secretRef:
    name: {{ .own }}
{{- end }}
{{- end }}

{{- define "llm-ops.secretVariables" -}}
{{- range $name, $from := .Values.secrets.from }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.name }}
      key: {{ $from.key }}
{{- end }}
{{- end }}

{{- define "llm-ops.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "llm-ops.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Pod template of a component. `ready`: path of its readiness probe. `volume`: its /data, or empty for a claim. */}}
{{- define "llm-ops.pod" -}}
{{- $values := index .root.Values .component -}}
metadata:
  labels:
    {{- include "llm-ops.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ .component }}
    # a changed option starts new pods
    checksum/config: {{ include "llm-ops.options" .root | sha256sum }}
    {{- with .root.Values.secrets.values }}
    checksum/secret: {{ toYaml . | sha256sum }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "llm-ops.fullname" .root }}-{{ .component }}
  enableServiceLinks: false
  # what comes before the drain, the drain, and the settling of the usage journal
  terminationGracePeriodSeconds: {{ add .root.Values.preStopSeconds $values.drainSeconds 30 }}
  securityContext:
    {{- include "llm-ops.podSecurity" .root | nindent 4 }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "llm-ops.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      env:
        - name: ROLES
          value: {{ .component }}
        - name: SHUTDOWN_SECONDS
          value: {{ $values.drainSeconds | quote }}
        {{- include "llm-ops.secretVariables" .root | nindent 8 }}
      envFrom:
        - configMapRef:
            name: {{ include "llm-ops.fullname" .root }}
        {{- include "llm-ops.secretSources" (dict "root" .root "own" (include "llm-ops.fullname" .root)) | nindent 8 }}
      ports:
        - name: http
          containerPort: 8000
      # it listens when the database was reached and the routes are loaded
      startupProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 2
        failureThreshold: 90
      readinessProbe:
        httpGet: { path: {{ .ready }}, port: http }
        periodSeconds: 3
        timeoutSeconds: 3
        failureThreshold: 3
      livenessProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- if .root.Values.preStopSeconds }}
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ .root.Values.preStopSeconds | quote }}]
      {{- end }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        {{- include "llm-ops.containerSecurity" .root | nindent 8 }}
      volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    {{- with .volume }}
    - name: data
      {{- toYaml . | nindent 6 }}
    {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "llm-ops.selector" . | nindent 10 }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* What has no default and must be given; the words say where. */}}
{{- define "llm-ops.check" -}}
{{- $config := .Values.config -}}
{{- $secrets := .Values.secrets -}}
{{- if not $config.OBJECT_STORE_ENDPOINT -}}
{{- fail "config.OBJECT_STORE_ENDPOINT: name the S3 service; pods share no folder, so the files of models cannot be kept in one." -}}
{{- end -}}
{{- if not $config.OBJECT_STORE_BUCKET -}}
{{- fail "config.OBJECT_STORE_BUCKET: name the bucket." -}}
{{- end -}}
{{- if not $secrets.existingSecret -}}
{{- range list "DATABASE_URL" "SECRETS_KEY" "OBJECT_STORE_ACCESS_KEY" "OBJECT_STORE_SECRET_KEY" -}}
{{- if not (or (hasKey $secrets.values .) (hasKey $secrets.from .)) -}}
{{- fail (printf "secrets: %s is missing. Put it into a Secret and name that in secrets.existingSecret, or give it in secrets.from or secrets.values." .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne (default "oidc" $config.IDENTITY_MODE) "header" -}}
{{- if not (and $config.OIDC_ISSUER $config.OIDC_CLIENT_ID) -}}
{{- fail "config: IDENTITY_MODE oidc needs OIDC_ISSUER and OIDC_CLIENT_ID." -}}
{{- end -}}
{{- else if not (or $config.TRUSTED_PROXIES $secrets.existingSecret (hasKey $secrets.values "PROXY_SHARED_SECRET") (hasKey $secrets.from "PROXY_SHARED_SECRET")) -}}
{{- fail "config.IDENTITY_MODE header believes X-User-* headers of whoever sends them: set TRUSTED_PROXIES, or the secret PROXY_SHARED_SECRET." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: name the host under which people reach the platform." -}}
{{- end -}}
{{- end }}
