"""
Write what is made from the code.

`docs/checks/` with a page for each check, `docs/versions.md`, `docs/meshlint.schema.json`, and
`docs/assets/demo.svg`, a picture of a run.

The pages of the checks, `docs/versions.md`, and the schema of the settings. With `--check`, say what is out
of date.
"""

import json
import sys
from pathlib import Path

from meshlint.checking.catalog import Catalog, Check, load_catalog
from meshlint.checking.own import FAMILY
from meshlint.checking.page import fixture_path, render_page
from meshlint.checking.run import CHECK_CRASHED
from meshlint.checking.vocabulary import Impact
from meshlint.mesh.changes import ALL_CHANGES
from meshlint.model.version import NEWEST_KNOWN, OLDEST_KNOWN, VersionRange
from meshlint.settings import json_schema

DOCS = Path(__file__).parent
HOME = DOCS / "checks"
MEANINGS = {
    Impact.EXPOSURE: "traffic is let through, unencrypted or unchecked, that was to be stopped or checked",
    Impact.OUTAGE: "traffic is denied or broken that was to be allowed",
    Impact.INEFFECTIVE: "the configuration does nothing",
    Impact.UNSUPPORTED: "the feature does not exist in ambient mode, or not in this version of it",
    Impact.HYGIENE: "everything else",
}
VERSIONS = """\
# What changed in Istio

meshlint knows Istio {oldest} to {newest}. These rules of Istio do not hold in all versions; whatever else
meshlint says of the mesh holds in each. The table is that of `meshlint/mesh/changes.py`.

A note is a file of `releasenotes/notes/` in istio/istio, a path a file there. `ambient/` stands for
`pilot/pkg/serviceregistry/ambient/`, up to 1.29 for `pilot/pkg/serviceregistry/kube/controller/ambient/`.

| Istio | rule | evidence |
|---|---|---|
"""


def main() -> int:
    """Write the pages, or compare them; 1 if they are out of date."""
    from demo import demo

    catalog = _everything(load_catalog())
    pages = {HOME / f"{check.id}.md": render_page(check) for check in catalog.checks}
    pages[HOME / "index.md"] = _index(catalog)
    pages[DOCS / "versions.md"] = versions()
    pages[DOCS / "assets" / "demo.svg"] = demo()
    pages[DOCS / "meshlint.schema.json"] = json.dumps(json_schema(), indent=2) + "\n"
    stale = [path for path in HOME.glob("*.md") if path not in pages]
    if "--check" in sys.argv[1:]:
        wrong = [*stale, *(path for path, text in pages.items() if not _says(path, text))]
        for path in sorted(wrong):
            print(f"out of date: {path.relative_to(DOCS.parent)}; run `make docs`")
        return int(bool(wrong))
    HOME.mkdir(exist_ok=True)
    for path in stale:
        path.unlink()
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return 0


def _everything(catalog: Catalog) -> Catalog:
    """The catalogue with what meshlint says of itself."""
    return catalog._replace(checks=tuple(sorted((*catalog.checks, CHECK_CRASHED), key=lambda c: c.id)))


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _index(catalog: Catalog) -> str:
    """All checks twice: by family, and in short by the way in which things fail."""
    families = sorted({check.family for check in catalog.checks})
    lines = [
        "# Checks",
        "",
        f"{len(catalog.checks)} checks in {len(families)} families; `meshlint explain CHECK` prints a page.",
        "[Other tools](../other-tools.md) tells which are for the codes of `istioctl analyze` and Kiali.",
    ]
    for family in families:
        of_family = [check for check in catalog.checks if check.family == family]
        lines += ["", f"## {family}", "", f"{_purpose(of_family[0])}", ""]
        lines += ["| check | severity | impact | Istio | fix | finds |", "|---|---|---|---|---|---|"]
        lines += [
            f"| [{check.id}]({check.id}.md) | {check.severity.value} | {check.impact.value} "
            f"| {check.istio} | {'yes' if fixture_path(check, 'fixed') else ''} | {check.page.title} |"
            for check in of_family
        ]
    lines += ["", "## By impact", "", "| impact | means | checks |", "|---|---|---|"]
    lines += [
        f"| {impact.value} | {MEANINGS[impact]} "
        f"| {', '.join(f'[{c.id}]({c.id}.md)' for c in catalog.checks if c.impact is impact)} |"
        for impact in Impact
    ]
    return "\n".join(lines) + "\n"


def _purpose(check: Check) -> str:
    """What the family of a check is about: the docstring of its package."""
    if check.family == FAMILY:
        return "What meshlint says of itself, and of the suppressions that it was told."
    return str(sys.modules[check.module.rpartition(".")[0]].__doc__).strip()


def versions() -> str:
    """The table of what changed, in the order of the releases."""
    rows = [
        f"| {_shown(change.istio)} | {change.rule} | {change.evidence} |"
        for change in sorted(ALL_CHANGES, key=lambda change: (change.since, change.rule))
    ]
    return VERSIONS.format(oldest=OLDEST_KNOWN, newest=NEWEST_KNOWN) + "\n".join(rows) + "\n"


def _shown(istio: VersionRange) -> str:
    return str(istio).replace("||", "or").replace(",", ", ")


if __name__ == "__main__":
    sys.exit(main())
