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

{{/* Options of the commands that read schedules.yaml. */}}
{{- define "dfpt.schedulerOptions" -}}
--file, /etc/schedules/schedules.yaml
{{- if .Values.schedules.params }}, --config, /etc/schedules/params.yaml{{ end }}
{{- end -}}

{{- define "dfpt.schedulerMounts" -}}
- name: schedules
  mountPath: /etc/schedules
  readOnly: true
{{- if .Values.kubeflow.multiUser }}
- name: kubeflow
  mountPath: /var/run/secrets/kubeflow/pipelines
  readOnly: true
{{- end }}
{{- end -}}

{{- define "dfpt.schedulerVolumes" -}}
- name: schedules
  configMap:
    name: {{ include "dfpt.fullname" . }}-schedules
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
