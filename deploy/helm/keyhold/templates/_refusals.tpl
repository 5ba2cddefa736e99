{{/*
Values that cannot work, and names that mean something in other charts or in earlier versions of this one. The schema lets these
names through, so that the message says what to write instead.
*/}}
{{- define "keyhold.refusals" -}}
{{- $refused := dict
  "replicaCount" "write replicas"
  "postgresql" "this chart has no PostgreSQL; name one of yours by database.existingSecret (examples/cloudnative-pg.yaml)"
  "externalDatabase" "write database.existingSecret"
  "databaseUrl" "a password does not belong into values; write database.existingSecret"
  "terminationGracePeriodSeconds" "it is computed from drainSeconds and preStopSeconds"
  "env" "write settings for KEYHOLD_ variables, and extraEnv for others"
-}}
{{- range $name, $advice := $refused -}}
{{- if hasKey $.Values $name -}}
{{- fail (printf "\n\nThere is no value %s: %s." $name $advice) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "create" "value" "data" -}}
{{- if hasKey $.Values.rootKey $name -}}
{{- fail (printf "\n\nThere is no value rootKey.%s: this chart never makes or holds a root key, since a wrong one loses every tenant. Make it once, with keyhold-server root-key create, and name its Secret by rootKey.existingSecret." $name) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.rootKey.existingSecret -}}
{{- fail "\n\nrootKey.existingSecret is missing. Make the root key once, with keyhold-server root-key create, back it up, and put it into a Secret:\n  kubectl create secret generic keyhold-root-key --from-file=root-key\nThis chart never makes one: everything that the internal KMS protects is lost without it." -}}
{{- end -}}
{{- if not .Values.database.existingSecret -}}
{{- fail "\n\ndatabase.existingSecret is missing: a Secret with the URL of your PostgreSQL, under the key that database.key names." -}}
{{- end -}}
{{- if not .Values.image.repository -}}
{{- fail "\n\nimage.repository is missing: build the image with deploy/Dockerfile, push it to a registry of yours, and name it here." -}}
{{- end -}}
{{- if and .Values.database.ca.existingConfigMap .Values.database.ca.existingSecret -}}
{{- fail "\n\ndatabase.ca names both a ConfigMap and a Secret: remove one." -}}
{{- end -}}
{{- if and .Values.issuers.existingConfigMap .Values.issuers.existingSecret -}}
{{- fail "\n\nissuers names both a ConfigMap and a Secret: remove one." -}}
{{- end -}}
{{- if and (or .Values.issuers.existingConfigMap .Values.issuers.existingSecret) (hasKey .Values.settings "KEYHOLD_ISSUERS_FILE") -}}
{{- fail "\n\nissuers sets KEYHOLD_ISSUERS_FILE itself: remove it from settings." -}}
{{- end -}}
{{- if and (eq .Values.migration.mode "start") (or .Values.migration.existingSecret .Values.migration.serveRole) -}}
{{- fail "\n\nmigration.mode start changes the schema with the role of the replicas: remove migration.existingSecret and migration.serveRole, or write hook or job." -}}
{{- end -}}
{{- if and .Values.migration.serveRole (not .Values.migration.existingSecret) -}}
{{- fail "\n\nmigration.serveRole is the role of the replicas. The role that owns the tables is another one: name its Secret by migration.existingSecret." -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "\n\nautoscaling.minReplicas is more than autoscaling.maxReplicas." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "\n\ningress.host is missing." -}}
{{- end -}}
{{- if and (or .Values.monitoring.serviceMonitor.enabled .Values.monitoring.prometheusRule.enabled) (not .Values.metrics.enabled) -}}
{{- fail "\n\nmonitoring needs metrics.enabled: without it there is nothing to read." -}}
{{- end -}}
{{- end -}}
