{{/* Peers and ports of NetworkPolicies. */}}

{{/* A pod of this release: (list $ component) */}}
{{- define "dfpt.peer" -}}
- podSelector:
    matchLabels:
      {{- include "dfpt.selector" . | nindent 6 }}
{{- end -}}

{{/* The pods of a run, and the nodes of a TrainJob. */}}
{{- define "dfpt.runPeers" -}}
{{- range list "workflows.argoproj.io/workflow" "jobset.sigs.k8s.io/jobset-name" }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "dfpt.runNamespace" $ }}
  podSelector:
    matchExpressions:
      - {key: {{ . }}, operator: Exists}
{{- end }}
{{- end -}}

{{- define "dfpt.namespacePeer" -}}
- namespaceSelector:
    matchLabels:
      {{- toYaml . | nindent 6 }}
{{- end -}}

{{- define "dfpt.ports" -}}
{{- range . }}
- {protocol: TCP, port: {{ int . }}}
{{- end }}
{{- end -}}

{{/* Database, object store, mail, identity provider: wherever they are, so only their ports can be named. */}}
{{- define "dfpt.egressOutside" -}}
{{- with .Values.networkPolicy.egressPorts }}
- ports:
    {{- include "dfpt.ports" . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "dfpt.egressMlflow" -}}
{{- if .Values.mlflow.enabled }}
- to:
    {{- include "dfpt.peer" (list . "mlflow") | nindent 4 }}
  ports:
    {{- include "dfpt.ports" (list 5000) | nindent 4 }}
{{- else }}
{{- $url := urlParse .Values.mlflow.url }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) }}
- ports:
    {{- include "dfpt.ports" (list $port) | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "dfpt.egressKubeflow" -}}
- to:
    {{- include "dfpt.namespacePeer" (dict "kubernetes.io/metadata.name" .Values.kubeflow.namespace) | nindent 4 }}
{{- end -}}

{{/* What a default applies to. */}}
{{- define "dfpt.denied" -}}
{{- if eq .Values.networkPolicy.scope "namespace" -}}
{}
{{- else -}}
matchLabels:
  app.kubernetes.io/name: {{ .Chart.Name }}
  app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- end -}}
