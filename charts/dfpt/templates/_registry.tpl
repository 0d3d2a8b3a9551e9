{{/*
Pods that open the registry. The key that signs the audit log must be its owner's alone, which a mounted Secret is not:
an init container copies it, and refuses to go on where another key is in its place.
*/}}
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
{{- with .Values.registry.database }}
{{- if .existingSecret }}
{{ include "dfpt.fromSecret" (dict "name" "DFPT_REGISTRY_URL" "secret" .existingSecret "key" .key) }}
{{- end }}
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

{{- define "dfpt.auditKeyVolume" -}}
{{- with .Values.registry.auditKey }}
{{- if .existingSecret }}
- name: audit-key
  secret:
    secretName: {{ .existingSecret }}
    items:
      - key: {{ .key }}
        path: audit-key.pem
{{- end }}
{{- end }}
{{- end -}}

{{- define "dfpt.registryVolumes" -}}
{{ include "dfpt.tmpVolume" . }}
- name: state
  persistentVolumeClaim:
    claimName: {{ .Values.state.existingClaim | default (printf "%s-state" (include "dfpt.fullname" .)) }}
- name: policy
  configMap:
    name: {{ include "dfpt.fullname" . }}-policy
{{- include "dfpt.auditKeyVolume" . }}
{{- end -}}

{{- define "dfpt.registryInit" -}}
{{- if .Values.registry.auditKey.existingSecret }}
initContainers:
  - name: audit-key
    {{- include "dfpt.container" . | nindent 4 }}
    command:
      - sh
      - -ec
      - |
        if [ ! -e /state/audit-key.pem ]; then
          copy=`mktemp /state/.audit-key.XXXXXX` # its owner's alone
          cat /audit-key/audit-key.pem >"$copy"
          mv "$copy" /state/audit-key.pem
        elif ! cmp -s /audit-key/audit-key.pem /state/audit-key.pem; then
          echo "The Secret {{ .Values.registry.auditKey.existingSecret }} holds another key than the one this audit log was signed with." >&2
          echo "-> Put the old key back into the Secret; dfpt audit key shows the public half of the one in use." >&2
          exit 1
        fi
    resources:
      requests: {cpu: 10m, memory: 16Mi}
      limits: {cpu: 100m, memory: 64Mi}
    volumeMounts:
      - name: state
        mountPath: /state
      - name: audit-key
        mountPath: /audit-key
        readOnly: true
{{- end }}
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
