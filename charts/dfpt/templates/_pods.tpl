{{/* What every pod has: accounts, user, place. (dict "root" $ "account" name "token" bool) */}}
{{- define "dfpt.pod" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ include "dfpt.fullname" .root }}-{{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if not (kindIs "invalid" $values.security.user) }}
  runAsUser: {{ int64 $values.security.user }}
  {{- end }}
  {{- if not (kindIs "invalid" $values.security.group) }}
  runAsGroup: {{ int64 $values.security.group }}
  fsGroup: {{ int64 $values.security.group }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container has. */}}
{{- define "dfpt.container" -}}
image: {{ include "dfpt.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- define "dfpt.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (list path-while-it-lives path-when-it-can-serve). A service of ours refuses the names that it does not know, and the
kubelet comes by the pod's address. */}}
{{- define "dfpt.probes" -}}
startupProbe:
  httpGet: {path: {{ index . 0 }}, port: http, httpHeaders: [{name: Host, value: localhost}]}
  periodSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: {path: {{ index . 0 }}, port: http, httpHeaders: [{name: Host, value: localhost}]}
  periodSeconds: 20
  timeoutSeconds: 5
readinessProbe: # longer than approvals waits for MLflow, whose absence is no reason to send people away
  httpGet: {path: {{ index . 1 }}, port: http, httpHeaders: [{name: Host, value: localhost}]}
  periodSeconds: 15
  timeoutSeconds: 15
{{- end -}}

{{- define "dfpt.tmpMount" -}}
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- define "dfpt.tmpVolume" -}}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- end -}}

{{/* One variable out of a Secret: (dict "name" "secret" "key") */}}
{{- define "dfpt.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}
