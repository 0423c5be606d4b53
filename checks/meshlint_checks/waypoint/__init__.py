"""Which waypoint traffic takes, and whether the waypoint can exist."""
