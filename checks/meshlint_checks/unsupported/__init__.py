"""What ambient mode, or a version of it, does not do."""
