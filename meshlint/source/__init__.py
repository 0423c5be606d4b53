"""Files to documents with places: discovery, YAML, manifest sets."""
