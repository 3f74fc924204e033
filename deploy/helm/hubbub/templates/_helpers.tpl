{{- define "hubbub.name" -}}
{{- $name := printf "%s-%s" .Release.Name .Chart.Name -}}
{{- if contains .Chart.Name .Release.Name }}{{ $name = .Release.Name }}{{ end -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "hubbub.nats" -}}{{ include "hubbub.name" . }}-nats{{- end }}

{{/* The Secret of the chart's own NATS servers. */}}
{{- define "hubbub.natsSecret" -}}{{ .Values.nats.existingSecret | default (include "hubbub.nats" .) }}{{- end }}

{{- define "hubbub.selector" -}}
app.kubernetes.io/name: hubbub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: hub
{{- end }}

{{- define "hubbub.natsSelector" -}}
app.kubernetes.io/name: hubbub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: nats
{{- end }}

{{- define "hubbub.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "hubbub.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end }}

{{/* Where the hubs find NATS, or nothing: the engine inside. */}}
{{- define "hubbub.natsURLs" -}}
{{- if .Values.nats.deploy -}}
{{- $urls := list -}}
{{- range $i := until (int .Values.nats.replicas) -}}
{{- $urls = append $urls (printf "nats://%s-%d.%s:4222" (include "hubbub.nats" $) $i (include "hubbub.nats" $)) -}}
{{- end -}}
{{- join "," $urls -}}
{{- else -}}
{{- join "," .Values.nats.urls -}}
{{- end -}}
{{- end }}

{{/* Fails on what cannot be meant, and the schema cannot say. */}}
{{- define "hubbub.check" -}}
{{- if and (not (include "hubbub.natsURLs" .)) (or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled) -}}
{{- fail "replicas: without NATS there is one hub, with its log inside. Set nats.deploy, nats.urls, or replicas to 1" -}}
{{- end -}}
{{- if and (not (include "hubbub.natsURLs" .)) (not .Values.persistence.enabled) -}}
{{- fail "persistence.enabled: without NATS the log is in the hub's own folder: it needs a volume" -}}
{{- end -}}
{{- if and .Values.nats.deploy .Values.nats.urls -}}
{{- fail "nats.urls: nats.deploy runs servers of the chart's own. Set one of the two" -}}
{{- end -}}
{{- end }}

{{- define "hubbub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "hubbub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}
