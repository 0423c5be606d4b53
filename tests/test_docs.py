"""The documents: nothing in them leads nowhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "examples" / "plugin"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    """
    Each link within the project leads to a file, and to a heading of it where it names one.
    """
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target, _, heading = link.partition("#")
        if "://" in target:
            continue
        other = page.parent / target if target else page

        assert other.exists(), link
        assert not heading or heading in _anchors(other), link


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PLUGIN.rglob("*.*")) if path.suffix in (".py", ".yaml", ".toml")],
    ids=lambda path: path.name,
)
def test_the_page_on_checks_shows_the_plugin_as_it_is(path: Path):
    """
    What a reader copies from the page is what is installed and run.
    """
    text = path.read_text(encoding="utf-8")
    if path.name == "__init__.py":
        return

    assert f"\n{text}```" in (ROOT / "docs" / "writing-a-check.md").read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
