"""Where a check is explained for those who are not at a command line."""

from meshlint.checking.catalog import Check

HOME = "https://github.com/meshlint/meshlint"
"""Where the project lives."""

_BUILT_IN = "meshlint_checks."


def page_url(check: Check) -> str | None:
    """The page of a check; None for those of plugins, whose pages are not ours."""
    return f"{HOME}/blob/main/docs/checks/{check.id}.md" if check.module.startswith(_BUILT_IN) else None
