"""Card data, and who may see it."""
