{{- define "imageway.maxBodyBytes" -}}
{{- default .Values.config.server.max_upload_bytes .Values.calls.maxBodyBytes | int64 }}
{{- end }}

{{- define "imageway.callSeconds" -}}
{{- default (addf .Values.config.server.max_call_s 30 | ceil) .Values.calls.timeoutSeconds | int }}
{{- end }}
