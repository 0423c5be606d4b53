"""The kinds that meshlint knows: one module a field of Kubernetes and Istio."""
