"""Which AuthorizationPolicy rules are enforced, where; attachment of each policy that can have targetRefs."""
