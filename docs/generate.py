"""Write `docs/checks/`: a page for each check, and the index. With `--check`, say what is out of date."""

import sys
from pathlib import Path

from meshlint.checking.catalog import Catalog, load_catalog
from meshlint.checking.page import render_page

HOME = Path(__file__).parent / "checks"


def main() -> int:
    """Write the pages, or compare them; 1 if they are out of date."""
    pages = {HOME / f"{check.id}.md": render_page(check) for check in load_catalog().checks}
    pages[HOME / "index.md"] = _index(load_catalog())
    stale = [path for path in HOME.glob("*.md") if path not in pages]
    if "--check" in sys.argv[1:]:
        wrong = [*stale, *(path for path, text in pages.items() if not _says(path, text))]
        for path in sorted(wrong):
            print(f"out of date: {path.relative_to(HOME.parent.parent)}; run `make docs`")
        return int(bool(wrong))
    HOME.mkdir(exist_ok=True)
    for path in stale:
        path.unlink()
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _index(catalog: Catalog) -> str:
    lines = ["# Checks", "", f"{len(catalog.checks)} checks. `meshlint explain CHECK` prints these pages."]
    for family in sorted({check.family for check in catalog.checks}):
        lines += [
            "",
            f"## {family}",
            "",
            "| check | severity | impact | Istio | finds |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| [{check.id}]({check.id}.md) | {check.severity.value} | {check.impact.value} "
            f"| {check.istio} | {check.page.title} |"
            for check in catalog.checks
            if check.family == family
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
