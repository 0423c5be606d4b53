"""Which Gateways are waypoints, and who gets which."""
