"""Which AuthorizationPolicy rules are enforced, where; attachment of every policy that can have targetRefs."""
