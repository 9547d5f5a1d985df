{{/* The gateway's configuration with what the chart adds: stores in a shared Redis, and open doors where all is sketch. */}}
{{- define "imageway.config" -}}
{{- $config := deepCopy .Values.config }}
{{- if .Values.redis.enabled }}
  {{- $store := default "env:IMAGEWAY_REDIS_URL" .Values.redis.url }}
  {{- range $section := list "ledger" "budgets" "limits" }}
    {{- $given := default dict (get $config $section) }}
    {{- if not (hasKey $given "store") }}
      {{- $_ := set $config $section (merge (dict "store" $store) $given) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if and (eq (include "imageway.onlySketch" .) "true") (not $config.keys) (not (hasKey $config.server "allow_unauthenticated")) }}
  {{- $_ := set $config.server "allow_unauthenticated" true }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* The part of the configuration whose change replaces the pods. */}}
{{- define "imageway.rollsWith" -}}
{{- $config := include "imageway.config" . | fromYaml }}
{{- if eq .Values.configChanges "reload" }}{{- $config = pick $config "server" "limits" "budgets" "ledger" "media" "traces" }}{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "imageway.onlySketch" -}}
{{- $only := true }}
{{- range .Values.config.providers }}
  {{- if ne .type "sketch" }}{{- $only = false }}{{- end }}
{{- end }}
{{- $only }}
{{- end }}

{{/* The model that `helm test` draws with: one that nothing but sketch can serve, or none. */}}
{{- define "imageway.sketchModel" -}}
{{- $sketches := list }}
{{- range .Values.config.providers }}
  {{- if eq .type "sketch" }}{{- $sketches = append $sketches .name }}{{- end }}
{{- end }}
{{- $found := "" }}
{{- range $model := .Values.config.models }}
  {{- $free := gt (len $model.targets) 0 }}
  {{- range $model.targets }}
    {{- if not (has .provider $sketches) }}{{- $free = false }}{{- end }}
  {{- end }}
  {{- if and $free (not $found) }}{{- $found = $model.name }}{{- end }}
{{- end }}
{{- if and (not .Values.config.models) (eq (include "imageway.onlySketch" .) "true") }}{{- $found = "gpt-image-2" }}{{- end }}
{{- $found }}
{{- end }}

{{- define "imageway.gracePeriodSeconds" -}}
{{- $server := .Values.config.server }}
{{- $drain := default dict .Values.drain }}
{{- addf $drain.preStopSeconds $server.drain_delay_s $server.drain_s $drain.graceSeconds | ceil | int }}
{{- end }}

{{/* The name of the port that serves metrics. */}}
{{- define "imageway.metricsPort" -}}
{{- ternary "metrics" "http" (not (empty .Values.config.server.metrics_port)) }}
{{- end }}

{{/* TCP ports of the configured providers, issuer and collector, as JSON; an address by `env:` is taken for 443. */}}
{{- define "imageway.upstreamPorts" -}}
{{- $addresses := list }}
{{- range .Values.config.providers }}
  {{- if ne .type "sketch" }}
    {{- $addresses = append $addresses (default "https://" (default .base_url .endpoint)) }}
    {{- if eq (default "" .auth) "entra" }}{{- $addresses = append $addresses "https://" }}{{- end }}
  {{- end }}
{{- end }}
{{- with .Values.config.oidc }}{{- $addresses = append $addresses .issuer }}{{- end }}
{{- with .Values.config.traces }}{{- $addresses = append $addresses (default "http://:4318" .endpoint) }}{{- end }}
{{- $ports := list }}
{{- range $addresses }}
  {{- $url := urlParse . }}
  {{- if regexMatch ":[0-9]+$" $url.host }}
    {{- $ports = append $ports (regexFind "[0-9]+$" $url.host) }}
  {{- else }}
    {{- $ports = append $ports (ternary "80" "443" (eq $url.scheme "http")) }}
  {{- end }}
{{- end }}
{{- $ports | uniq | sortAlpha | toJson }}
{{- end }}

{{/* What can't work is told here, before anything is installed. */}}
{{- define "imageway.refusals" -}}
{{- $config := .Values.config }}
{{- $several := or .Values.autoscaling.enabled .Values.keda.enabled (gt (int .Values.replicaCount) 1) }}
{{- if and (ne (include "imageway.onlySketch" .) "true") (not $config.keys) (not $config.server.allow_unauthenticated) }}
  {{- fail "\nconfig.keys is empty: whoever reaches the gateway would spend your money. Make a key with `imageway-gateway keys new`, or say config.server.allow_unauthenticated: true" }}
{{- end }}
{{- if and .Values.autoscaling.enabled .Values.keda.enabled }}
  {{- fail "\nautoscaling and keda are both enabled; one of them sets the number of replicas" }}
{{- end }}
{{- range $section := list "ledger" "budgets" }}
  {{- $given := default dict (get $config $section) }}
  {{- $store := default (ternary "" "sqlite:" $.Values.redis.enabled) $given.store }}
  {{- if and $several (get $config $section) (hasPrefix "sqlite:" $store) }}
    {{- fail (printf "\nconfig.%s is kept in SQLite, which is for one replica: name a Redis as its store, enable redis, or set replicaCount: 1 and no autoscaling" $section) }}
  {{- end }}
{{- end }}
{{- $claim := .Values.volumes.state.persistentVolumeClaim }}
{{- if and $several $claim.enabled (not (has "ReadWriteMany" $claim.accessModes)) }}
  {{- fail "\nvolumes.state.persistentVolumeClaim is for one node, and there are several replicas: give it ReadWriteMany, or set replicaCount: 1 and no autoscaling" }}
{{- end }}
{{- if and .Values.redis.enabled (not .Values.redis.url) (not .Values.redis.existingSecret.name) }}
  {{- fail "\nredis.enabled needs redis.url, or redis.existingSecret.name with the address under its key" }}
{{- end }}
{{- range $name := list "drain_delay_s" "drain_s" "max_call_s" "max_upload_bytes" "spool_bytes" }}
  {{- if not (hasKey $config.server $name) }}
    {{- fail (printf "\nconfig.server.%s is missing, and the pod's time to end, its volumes and the proxies in front go by it" $name) }}
  {{- end }}
{{- end }}
{{- if eq (int $config.server.port) 0 }}
  {{- fail "\nconfig.server.port is 0, a port that nobody knows" }}
{{- end }}
{{- if has (default "127.0.0.1" $config.server.host) (list "127.0.0.1" "localhost" "::1") }}
  {{- fail (printf "\nconfig.server.host is %s, where neither callers nor probes get to; 0.0.0.0 is every address of the pod" (default "127.0.0.1" $config.server.host)) }}
{{- end }}
{{- end }}
