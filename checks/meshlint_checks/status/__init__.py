"""Live dumps."""
