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
