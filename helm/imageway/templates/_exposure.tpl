{{- define "imageway.maxBodyBytes" -}}
{{- default (default 268435456 .Values.config.server.max_upload_bytes) .Values.calls.maxBodyBytes | int64 }}
{{- end }}
