{{- define "syncline.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "syncline.selector" -}}
app.kubernetes.io/name: syncline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "syncline.labels" -}}
{{ include "syncline.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") | quote }}
{{- end -}}

{{- define "syncline.passwordSecret" -}}
{{- if .Values.administrator.existingSecret -}}
{{ .Values.administrator.existingSecret }}
{{- else if .Values.administrator.password -}}
{{ include "syncline.name" . }}
{{- end -}}
{{- end -}}

{{- define "syncline.keySecret" -}}
{{- if .Values.secretKey.existingSecret -}}
{{ .Values.secretKey.existingSecret }}
{{- else if .Values.secretKey.base64 -}}
{{ include "syncline.name" . }}
{{- end -}}
{{- end -}}

{{- define "syncline.config" -}}
{{- range $name := list "data" "secret-key-file" "tls-cert" "tls-key" "metrics-listen" "listen" "database" "database-file" "database-listen" "database-connections" -}}
{{- if hasKey $.Values.config $name -}}
{{- fail (printf "config.%s is set by the chart itself; leave it out" $name) -}}
{{- end -}}
{{- end -}}
{{- $settings := dict "data" "/data/syncline" "listen" ":4443" -}}
{{- if include "syncline.keySecret" . -}}
{{- $_ := set $settings "secret-key-file" "/etc/syncline/key/secret.key" -}}
{{- end -}}
{{- if .Values.database.existingSecret -}}
{{- $_ := set $settings "database-connections" (int .Values.database.connections) -}}
{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $settings "tls-cert" "/etc/syncline/tls/tls.crt" -}}
{{- $_ := set $settings "tls-key" "/etc/syncline/tls/tls.key" -}}
{{- end -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $settings "metrics-listen" (printf ":%d" (int .Values.metrics.port)) -}}
{{- end -}}
{{- toYaml (merge $settings .Values.config) -}}
{{- end -}}
