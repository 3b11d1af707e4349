{{- /* Short enough that the longest name of a Job with it has 63 characters. */ -}}
{{- define "awe.name" -}}{{ .Release.Name | trunc 34 | trimSuffix "-" }}{{- end }}
{{- define "awe.domain" -}}{{ regexReplaceAll "^[^.]*\\." .Values.global.aweHostname "" }}{{- end }}
{{- define "awe.issuer" -}}{{ tpl .Values.global.keycloakIssuerUrl . }}{{- end }}
{{- define "awe.db" -}}{{ tpl .Values.global.aweDB . | default (regexReplaceAll "[-.]" .Release.Name "_") }}{{- end }}
{{- define "awe.dbOwner" -}}{{ tpl .Values.global.aweDBUser . | default (printf "%s_user" (include "awe.db" .)) }}{{- end }}
{{- define "awe.dbApp" -}}{{ .Values.database.appUser | default (printf "%s_app" (include "awe.dbOwner" .)) }}{{- end }}
{{- define "awe.dbSecret" -}}{{ tpl .Values.global.aweDBSecret . | default (printf "%s-database" (include "awe.name" .)) }}{{- end }}
{{- define "awe.dbPort" -}}{{ .Values.global.aweDBPort | default .Values.global.postgresqlPort }}{{- end }}
{{- define "awe.dbOwnerKey" -}}{{ .Values.global.aweDBUserPasswordKey | default .Values.database.ownerPasswordKey }}{{- end }}
{{- /* postgres://host:port, and what is asked of the connection; the password is never part of a URL: it may have any character. */ -}}
{{- define "awe.dbServer" -}}{{ .Values.global.postgresqlHost }}:{{ include "awe.dbPort" . }}{{- end }}
{{- define "awe.dbParameters" -}}{{ with .Values.global.postgresqlParameters }}?{{ . }}{{ end }}{{- end }}
{{- define "awe.keySecret" -}}{{ .Values.secrets.masterKeySecret | default (printf "%s-master-key" (include "awe.name" .)) }}{{- end }}
{{- define "awe.resolverSecret" -}}{{ .Values.global.aweAdminResolverSecretName | default .Values.global.aweAdminResolverClientId }}{{- end }}

{{- define "awe.custodian" -}}{{ include "awe.name" . }}-custodian{{- end }}
{{- define "awe.custodianSecret" -}}{{ .Values.custodian.existingSecret | default (include "awe.custodian" .) }}{{- end }}
{{- define "awe.custodianDb" -}}{{ .Values.custodian.database.name | default (printf "%s_custodian" (include "awe.db" .)) }}{{- end }}
{{- define "awe.custodianDbUser" -}}{{ .Values.custodian.database.user | default (include "awe.custodianDb" .) }}{{- end }}

{{- define "awe.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "awe.selector" . }}
{{- end }}
{{- define "awe.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* image: (list root image) */ -}}
{{- define "awe.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}{{ else }}{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "awe.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "awe.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Of everything that may stand in a Job: one that is there cannot be changed, and running them again is harmless. */ -}}
{{- define "awe.jobHash" -}}
{{- list .Values .Chart.Version .Chart.AppVersion | toJson | sha256sum | trunc 8 }}
{{- end }}
{{- define "awe.jobName" -}}
{{- $root := index . 0 -}}
{{ include "awe.name" $root }}-{{ index . 1 }}{{ if not $root.Values.jobs.helmHooks }}-{{ include "awe.jobHash" $root }}{{ end }}
{{- end }}
{{- define "awe.jobAnnotations" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.jobs.helmHooks }}
annotations:
  helm.sh/hook: pre-install,pre-upgrade
  helm.sh/hook-weight: {{ index . 1 | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- end }}

{{- /* The database, as (list root role key). */ -}}
{{- define "awe.databaseEnv" -}}
{{- $root := index . 0 -}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "awe.dbSecret" $root }}, key: {{ index . 2 }}}}
- name: AWE__DATABASE__URL
  value: {{ printf "postgres://%s@%s/%s%s" (index . 1 | urlquery) (include "awe.dbServer" $root) (include "awe.db" $root | urlquery) (include "awe.dbParameters" $root) | quote }}
{{- end }}

{{- define "awe.custodianDatabaseEnv" -}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "awe.custodianSecret" . }}, key: database-password}}
- name: DATA_CUSTODIAN__DATABASE__URL
  value: {{ printf "postgres://%s@%s/%s%s" (include "awe.custodianDbUser" . | urlquery) (include "awe.dbServer" .) (include "awe.custodianDb" . | urlquery) (include "awe.dbParameters" .) | quote }}
{{- end }}

{{- /* Authorities of the installation's own, for whatever calls others by HTTPS. */ -}}
{{- define "awe.caEnv" -}}
{{- with .Values.caBundle }}{{ if .configMap }}
- {name: SSL_CERT_FILE, value: {{ printf "/etc/awe-ca/%s" .key | quote }}}
{{- end }}{{ end }}
{{- end }}
{{- define "awe.caMount" -}}
{{- if .Values.caBundle.configMap }}
- {name: ca, mountPath: /etc/awe-ca, readOnly: true}
{{- end }}
{{- end }}
{{- define "awe.caVolume" -}}
{{- with .Values.caBundle.configMap }}
- {name: ca, configMap: {name: {{ . }}}}
{{- end }}
{{- end }}

{{- define "awe.serverEnv" -}}
{{ include "awe.databaseEnv" (list . (include "awe.dbApp" .) .Values.database.appPasswordKey) }}
- name: AWE_CONFIG
  value: /etc/awe/config.yaml
- name: AWE__SECRETS__MASTER_KEY
  valueFrom: {secretKeyRef: {name: {{ include "awe.keySecret" . }}, key: {{ .Values.secrets.masterKeyKey }}}}
- name: AWE__KEYCLOAK__ADMIN_CLIENT_SECRET
  valueFrom: {secretKeyRef: {name: {{ include "awe.resolverSecret" . }}, key: {{ .Values.global.aweAdminResolverSecretKey }}}}
{{- include "awe.caEnv" . }}
{{- if .Values.nats.existingSecret }}
- name: AWE__NATS__URL
  valueFrom: {secretKeyRef: {name: {{ .Values.nats.existingSecret }}, key: {{ .Values.nats.existingSecretKey }}}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What must hold and no schema can say. */ -}}
{{- define "awe.check" -}}
{{- if not .Values.secrets.generate -}}
{{- if not (and .Values.global.aweDBSecret .Values.secrets.masterKeySecret .Values.global.aweAdminResolverSecretName) -}}
{{- fail "secrets.generate is false: name global.aweDBSecret, secrets.masterKeySecret and global.aweAdminResolverSecretName" -}}
{{- end -}}{{- end -}}
{{- if and .Values.jobs.helmHooks .Values.secrets.generate -}}
{{- fail "jobs.helmHooks needs secrets.generate=false: a hook runs before the Secrets of the same release exist" -}}
{{- end -}}
{{- if and .Values.keda.enabled (not .Values.split.enabled) -}}{{- fail "keda.enabled scales delivery alone: it needs split.enabled" -}}{{- end -}}
{{- if .Values.custodian.enabled -}}
{{- if not (and .Values.custodian.hostname .Values.custodian.issuer) -}}{{- fail "custodian.enabled needs custodian.hostname and custodian.issuer" -}}{{- end -}}
{{- if eq .Values.custodian.hostname .Values.global.aweHostname -}}{{- fail "custodian.hostname must be another host than global.aweHostname" -}}{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.custodian.backchannel.from) -}}{{- fail "custodian.backchannel.from: say which pods are authorization servers" -}}{{- end -}}
{{- if not (or .Values.secrets.generate .Values.custodian.existingSecret) -}}{{- fail "secrets.generate is false: name custodian.existingSecret" -}}{{- end -}}
{{- end -}}
{{- if and .Values.istio.enabled .Values.ingress.enabled -}}{{- fail "istio.enabled and ingress.enabled: choose one" -}}{{- end -}}
{{- if not (regexMatch "^https?://.+" (include "awe.issuer" .)) -}}{{- fail "global.keycloakIssuerUrl must be a URL: an empty issuer would accept unsigned tokens" -}}{{- end -}}
{{- end }}

{{- define "awe.placement" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.topologySpread }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "awe.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ index $ 1 }}
{{- end }}
{{- end }}
{{- include "awe.nodes" $root }}
{{- end }}

{{- /* Where pods may run; Jobs, too. */ -}}
{{- define "awe.nodes" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "awe.gateways" -}}
{{- if .Values.istio.gateway.enabled }}
- {{ include "awe.name" . }}
{{- else }}
{{ toYaml .Values.istio.gateways }}
{{- end }}
{{- end }}
{{- define "awe.ports" -}}
[{{ range $i, $port := . }}{{ if $i }}, {{ end }}{port: {{ $port }}}{{ end }}]
{{- end }}
{{- define "awe.dns" -}}
- to: [{namespaceSelector: {}}]
  ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end }}
{{- define "awe.namespaces" -}}
- namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }}}]}
{{- end }}
