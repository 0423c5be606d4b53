"""Faults, a module a family of checks."""
