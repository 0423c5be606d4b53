"""Resources to nodes and edges: what refers to what, and the line that says so."""
