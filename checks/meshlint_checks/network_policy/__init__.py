"""Kubernetes NetworkPolicy and CNI settings against HBONE."""
