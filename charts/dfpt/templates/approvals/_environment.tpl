{{/* The Service's own names are among the hosts, for helm test and for the steps that file a request. */}}
{{- define "dfpt.approvalsEnv" -}}
{{- $service := printf "%s-approvals" (include "dfpt.fullname" .) -}}
- name: DFPT_SERVICE_ALLOWED_HOSTS
  value: {{ printf "%s,%s.%s,%s.%s.svc,%s.%s.svc.cluster.local" $service $service .Release.Namespace $service .Release.Namespace $service .Release.Namespace | quote }}
{{- with .Values.approvals }}
- name: DFPT_SERVICE_LOCAL_LOGIN
  value: {{ .localLogin | quote }}
{{- with .url }}
- name: DFPT_SERVICE_PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- with .mlflowPages }}
- name: DFPT_SERVICE_MLFLOW_URL
  value: {{ . | quote }}
{{- end }}
{{- with .trustedProxies }}
- name: DFPT_SERVICE_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .oidc }}
{{- if .issuer }}
- name: DFPT_SERVICE_OIDC_ISSUER
  value: {{ .issuer | quote }}
- name: DFPT_SERVICE_OIDC_CLIENT_ID
  value: {{ .clientId | quote }}
- name: DFPT_SERVICE_OIDC_SECRET_FILE
  value: /oidc/client-secret
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
