"""How Istio is installed, as far as the manifests tell."""
