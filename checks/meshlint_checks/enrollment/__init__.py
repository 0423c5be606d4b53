"""Which pods are in the mesh, and by which label."""
