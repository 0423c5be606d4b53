"""ServiceEntry, DNS, egress gateways."""
