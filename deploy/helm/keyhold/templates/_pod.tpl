{{/* What pods of replicas and of migrations have in common: the same account, the same certificate authority, the same rights. */}}

{{- define "keyhold.podStart" -}}
enableServiceLinks: false
automountServiceAccountToken: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "keyhold.containerStart" -}}
image: {{ include "keyhold.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{/* The variables about the database. Takes `values`, and `secret` with the name and the key of the URL. */}}
{{- define "keyhold.databaseEnv" -}}
{{- if .values.database.urlQuery -}}
- name: DATABASE_URL_WITHOUT_QUERY
  valueFrom:
    secretKeyRef:
      name: {{ .secret.name }}
      key: {{ .secret.key }}
- name: KEYHOLD_DATABASE_URL
  value: {{ printf "$(DATABASE_URL_WITHOUT_QUERY)?%s" (trimPrefix "?" .values.database.urlQuery) | quote }}
{{- else -}}
- name: KEYHOLD_DATABASE_URL_FILE
  value: /run/secrets/keyhold/database-url
{{- end }}
- name: PGSSLMODE
  value: {{ .values.database.tlsMode | quote }}
{{- if or (eq .values.database.tlsMode "disable") .values.database.allowUnverified }}
- name: KEYHOLD_ALLOW_UNVERIFIED_DATABASE
  value: "true"
{{- end }}
{{- end -}}

{{/* The file of the URL, among others of a projected volume. */}}
{{- define "keyhold.databaseSource" -}}
{{- if not .values.database.urlQuery -}}
- secret:
    name: {{ .secret.name }}
    items: [{ key: {{ .secret.key | quote }}, path: database-url }]
{{- end -}}
{{- end -}}

{{- define "keyhold.hasCa" -}}
{{- if or .Values.database.ca.existingConfigMap .Values.database.ca.existingSecret -}}yes{{- end -}}
{{- end -}}

{{- define "keyhold.caVolume" -}}
- name: database-ca
  {{- if .Values.database.ca.existingConfigMap }}
  configMap:
    name: {{ .Values.database.ca.existingConfigMap }}
  {{- else }}
  secret:
    secretName: {{ .Values.database.ca.existingSecret }}
  {{- end }}
    items: [{ key: {{ .Values.database.ca.key | quote }}, path: ca.crt }]
{{- end -}}

{{- define "keyhold.caMount" -}}
- name: database-ca
  mountPath: /etc/keyhold/database-ca
  readOnly: true
{{- end -}}

{{- define "keyhold.hasIssuers" -}}
{{- if or .Values.issuers.existingConfigMap .Values.issuers.existingSecret -}}yes{{- end -}}
{{- end -}}

{{/* As a whole and under no subPath: Kubernetes exchanges nothing else while a pod runs. */}}
{{- define "keyhold.issuersVolume" -}}
- name: issuers
  {{- if .Values.issuers.existingConfigMap }}
  configMap:
    name: {{ .Values.issuers.existingConfigMap }}
  {{- else }}
  secret:
    secretName: {{ .Values.issuers.existingSecret }}
  {{- end }}
{{- end -}}

{{- define "keyhold.issuersMount" -}}
- name: issuers
  mountPath: /etc/keyhold/issuers
  readOnly: true
{{- end -}}

{{/* Where the URL of the migration is. */}}
{{- define "keyhold.migrationSecret" -}}
{{- if .Values.migration.existingSecret -}}
{{- dict "name" .Values.migration.existingSecret "key" .Values.migration.key | toYaml -}}
{{- else -}}
{{- dict "name" .Values.database.existingSecret "key" .Values.database.key | toYaml -}}
{{- end -}}
{{- end -}}
