"""Which pods are in the mesh, and in which mode."""
