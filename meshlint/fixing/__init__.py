"""Applying fixes: what may be changed, whether it did what it was to do, and writing it."""
