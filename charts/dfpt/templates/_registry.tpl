{{/* Pods that open the registry: where its database is, and the key that signs the audit log. */}}
{{- define "dfpt.databaseEnv" -}}
{{- with .Values.registry }}
{{- if .database.existingSecret }}
{{ include "dfpt.fromSecret" (dict "name" "DFPT_REGISTRY_URL" "secret" .database.existingSecret "key" .database.key) }}
{{- end }}
{{- if .auditKey.existingSecret }}
{{ include "dfpt.fromSecret" (dict "name" "DFPT_AUDIT_KEY" "secret" .auditKey.existingSecret "key" .auditKey.key) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dfpt.registryEnv" -}}
- name: HOME
  value: /tmp
- name: DFPT_HOME
  value: /state
- name: DFPT_APPROVALS
  value: /etc/dfpt/approvals.yaml
- name: MLFLOW_TRACKING_URI
  value: {{ include "dfpt.mlflowUrl" . | quote }}
- name: MLFLOW_DISABLE_TELEMETRY
  value: "true"
{{- with include "dfpt.databaseEnv" . }}
{{ . | trim }}
{{- end }}
{{- with .Values.registry.mlflowCredentials }}
{{- if .existingSecret }}
{{ include "dfpt.fromSecret" (dict "name" "MLFLOW_TRACKING_USERNAME" "secret" .existingSecret "key" .usernameKey) }}
{{ include "dfpt.fromSecret" (dict "name" "MLFLOW_TRACKING_PASSWORD" "secret" .existingSecret "key" .passwordKey) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dfpt.registryMounts" -}}
{{ include "dfpt.tmpMount" . }}
- name: state
  mountPath: /state
- name: policy
  mountPath: /etc/dfpt
  readOnly: true
{{- end -}}

{{- define "dfpt.registryVolumes" -}}
{{ include "dfpt.tmpVolume" . }}
- name: state
  persistentVolumeClaim:
    claimName: {{ .Values.state.existingClaim | default (printf "%s-state" (include "dfpt.fullname" .)) }}
- name: policy
  configMap:
    name: {{ include "dfpt.fullname" . }}-policy
{{- end -}}

{{/* A volume of one node is shared by pods of that node alone: whoever comes later goes where approvals is. */}}
{{- define "dfpt.besideApprovals" -}}
{{- if and (eq .Values.state.accessMode "ReadWriteOnce") .Values.approvals.enabled }}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "dfpt.selector" (list . "approvals") | nindent 12 }}
{{- end }}
{{- end -}}

{{/* Changes with the policy, so that a change of it restarts who has read it. */}}
{{- define "dfpt.policyChecksum" -}}
checksum/policy: {{ .Values.registry.policy | toYaml | sha256sum }}
{{- end -}}
