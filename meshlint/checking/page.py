"""The page of a check, as `meshlint explain` prints it and the documentation holds it."""

import re
import sys
from pathlib import Path

from meshlint.checking.catalog import Check
from meshlint.regex import regex

_EXPECTATION = regex(
    r"^[ \t]*#[ \t]*(?:error|warning|note): .*\n|[ \t]+#[ \t]*(?:error|warning|note): .*$", re.MULTILINE
)


def render_page(check: Check) -> str:
    """
    A check's page in Markdown: what it says of itself, then the manifests that it is tested with.

    The manifests are read from the fixtures beside the check, so that they cannot drift.
    """
    parts = [
        f"# {check.id}",
        f"{check.page.title}.",
        (
            f"{check.severity.value} · {check.impact.value} · family `{check.family}` · "
            f"Istio {check.istio} · since meshlint {check.since}"
        ),
        check.page.body,
    ]
    for title, suffix in (("What it finds", "bad"), ("What it leaves alone", "good"), ("Mended", "fixed")):
        fixture = fixture_path(check, suffix)
        if fixture is not None:
            text = fixture.read_text(encoding="utf-8")
            # What the tests expect of the faulty manifest is no longer so once it is mended.
            text = _EXPECTATION.sub("", text) if suffix == "fixed" else text
            parts += [f"## {title}", f"```yaml\n{text.rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def fixture_path(check: Check, suffix: str) -> Path | None:
    """The fixture beside a check: `bad`, `good` or `fixed`; None if there is none."""
    file = sys.modules[check.module].__file__
    path = Path(str(file)).with_suffix(f".{suffix}.yaml")
    return path if check.id != "check-crashed" and path.is_file() else None
