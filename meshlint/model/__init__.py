"""Documents to resources: identity, labels, selectors, versions, kinds."""
