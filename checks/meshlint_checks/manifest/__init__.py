"""The input itself, before any of Istio's semantics."""
