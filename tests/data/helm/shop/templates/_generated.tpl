{{- define "shop.generated" }}
---
apiVersion: v1
kind: Secret
metadata:
  name: generated
{{- end }}
