"""
What mkdocs is told beside `mkdocs.yml`.

The README, CONTRIBUTING.md and the changelog are pages of the site as well; the checks stand in the
navigation by family; and what lies outside of docs/ is linked to where the repository is read.
"""

import re
from pathlib import Path
from posixpath import normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from meshlint.checking.catalog import load_catalog

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages that stand at the root of the repository, and where they are on the site."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the checks into the navigation."""
    assert config.nav is not None
    for entry in config.nav:
        if isinstance(entry, dict) and "Checks" in entry:
            entry["Checks"] = _checks()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside of docs/."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_LINK.sub(_from_root, text)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links out of docs/ to the page that is made of their target, or to the repository."""
    home = Path(page.file.src_uri).parent.as_posix()

    def target(link: re.Match[str]) -> str:
        path = normpath(f"docs/{home}/{link[1]}")
        return link[1] if path.startswith("docs/") else _outside(path, page, files, str(config.repo_url))

    return _LINK.sub(target, markdown)


def _checks() -> list[str | dict[str, list[str]]]:
    families: dict[str, list[str]] = {}
    for check in sorted(load_catalog().checks, key=lambda check: check.id):
        families.setdefault(check.family, []).append(f"checks/{check.id}.md")
    by_family = [{family.replace("_", " "): pages} for family, pages in sorted(families.items())]
    return ["checks/index.md", *by_family]


def _from_root(link: re.Match[str]) -> str:
    """A link of a page at the root, as it is from docs/, where the site has it."""
    path = link[1]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}"


def _outside(path: str, page: Page, files: Files, repository: str) -> str:
    if path in PAGES:
        it = files.get_file_from_path(PAGES[path])
        assert it is not None
        return _up(page) + it.src_uri
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{repository}/{kind}/main/{path}"


def _up(page: Page) -> str:
    return "../" * page.file.src_uri.count("/")
