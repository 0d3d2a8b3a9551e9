{{- define "dfpt.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a Service, a policy and a Deployment select by: (list $ component). Never changes. */}}
{{- define "dfpt.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object: (list $ component) */}}
{{- define "dfpt.labels" -}}
{{- $root := index . 0 -}}
{{ include "dfpt.selector" . }}
app.kubernetes.io/part-of: dfpt
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: those of the object without what a mere upgrade of the chart changes. */}}
{{- define "dfpt.podLabels" -}}
{{ include "dfpt.selector" . }}
app.kubernetes.io/part-of: dfpt
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Name, namespace and labels: (list $ component) */}}
{{- define "dfpt.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "dfpt.fullname" $root }}-{{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "dfpt.labels" . | nindent 2 }}
{{- end -}}

{{- define "dfpt.runNamespace" -}}
{{ .Values.kubeflow.runNamespace | default .Release.Namespace }}
{{- end -}}

{{- define "dfpt.mlflowUrl" -}}
{{- if .Values.mlflow.enabled -}}
http://{{ include "dfpt.fullname" . }}-mlflow.{{ .Release.Namespace }}.svc:{{ .Values.mlflow.service.port }}
{{- else -}}
{{ .Values.mlflow.url }}
{{- end -}}
{{- end -}}

{{/* Where the steps of a run file their requests. */}}
{{- define "dfpt.approvalsUrl" -}}
{{- if .Values.approvals.enabled -}}
http://{{ include "dfpt.fullname" . }}-approvals.{{ .Release.Namespace }}.svc:{{ .Values.approvals.service.port }}
{{- else -}}
{{ .Values.approvals.url }}
{{- end -}}
{{- end -}}

{{- define "dfpt.approvalsHost" -}}
{{ (urlParse .Values.approvals.url).host }}
{{- end -}}
