"""Gateway API mesh routes, VirtualService, DestinationRule."""
