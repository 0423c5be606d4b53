"""What a migration from sidecars leaves behind."""
