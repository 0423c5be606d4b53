"""How a waypoint is made to admit a namespace."""


def admission(namespace: str | None) -> str:
    """What to do, as the words of a fix."""
    return (
        f"admit namespace {namespace!r} on the HBONE listener: "
        "'allowedRoutes: {namespaces: {from: All}}', "
        "or 'from: Selector' with a selector on 'kubernetes.io/metadata.name'"
    )
