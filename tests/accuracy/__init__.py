"""How accurate the checks are: healthy meshes, and faults that are made on purpose."""
