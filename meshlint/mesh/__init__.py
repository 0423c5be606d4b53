"""What ambient mode makes of the resources: all of Istio's semantics."""
