"""mTLS, and HBONE between sidecars and ambient pods."""
