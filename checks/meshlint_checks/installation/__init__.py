"""istiod, istio-cni, ztunnel, CRDs."""
