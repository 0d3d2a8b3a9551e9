{{/* Pods that speak to Kubeflow Pipelines. */}}
{{- define "dfpt.schedulerEnv" -}}
- name: DFPT_CLUSTER__HOST
  value: {{ .Values.kubeflow.pipelinesUrl | quote }}
- name: DFPT_CLUSTER__NAMESPACE
  value: {{ include "dfpt.runNamespace" . }}
- name: DFPT_CLUSTER__IMAGE
  value: {{ include "dfpt.image" . | quote }}
- name: DFPT_CLUSTER__SERVICE_ACCOUNT
  value: {{ include "dfpt.fullname" . }}-pipeline
{{- end -}}

{{- define "dfpt.schedulerMounts" -}}
{{- if .Values.kubeflow.multiUser }}
- name: kubeflow
  mountPath: /var/run/secrets/kubeflow/pipelines
  readOnly: true
{{- end }}
{{- end -}}

{{- define "dfpt.schedulerVolumes" -}}
{{- if .Values.kubeflow.multiUser }}
- name: kubeflow
  projected:
    sources:
      - serviceAccountToken:
          audience: pipelines.kubeflow.org
          expirationSeconds: 7200
          path: token
{{- end }}
{{- end -}}
