{{- define "dfpt.mlflowNeedsVolume" -}}
{{- if and .Values.mlflow.enabled (or (not .Values.mlflow.database.existingSecret) (not .Values.mlflow.artifacts.destination)) -}}
true
{{- end -}}
{{- end -}}

{{- define "dfpt.mlflowEnv" -}}
- name: HOME
  value: /tmp
- name: MLFLOW_DISABLE_TELEMETRY
  value: "true"
{{- with .Values.mlflow.database }}
{{- if .existingSecret }}
{{ include "dfpt.fromSecret" (dict "name" "MLFLOW_BACKEND_STORE_URI" "secret" .existingSecret "key" .key) }}
{{- else }}
- name: MLFLOW_BACKEND_STORE_URI
  value: sqlite:////mlflow/mlflow.db
{{- end }}
{{- end }}
{{- end -}}

{{/* The names it answers to: localhost for the probes, the Service's with and without its port, those of browsers. */}}
{{- define "dfpt.mlflowHosts" -}}
{{- $name := printf "%s-mlflow" (include "dfpt.fullname" .) -}}
{{- $hosts := list "localhost" -}}
{{- range list "" (printf ".%s" .Release.Namespace) (printf ".%s.svc" .Release.Namespace) (printf ".%s.svc.cluster.local" .Release.Namespace) -}}
{{- $hosts = concat $hosts (list (printf "%s%s" $name .) (printf "%s%s:%d" $name . (int $.Values.mlflow.service.port))) -}}
{{- end -}}
{{- concat $hosts .Values.mlflow.allowedHosts | join "," -}}
{{- end -}}
