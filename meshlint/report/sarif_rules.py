"""What a SARIF log says of each check: its page, as far as code scanning shows it, and its ranking."""

import re

from meshlint.checking.catalog import Check, Page
from meshlint.checking.finding import Finding
from meshlint.checking.result import LintResult
from meshlint.checking.run import CHECK_CRASHED
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.report.documentation import HOME, page_url

_LONGEST = 1024
_BUILT_IN = ("meshlint_checks.", "meshlint.checking.")
_PROBLEM_SEVERITY = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "recommendation"}
# Code scanning's classes: from 7.0 high, from 4.0 medium, else low. Critical (over 9.0) is for a
# proof that something was reached, which manifests cannot give.
_SECURITY_SEVERITY = {Severity.ERROR: "8.0", Severity.WARNING: "5.0", Severity.NOTE: "2.0"}
_PRECISION = {Severity.ERROR: "high", Severity.WARNING: "high", Severity.NOTE: "medium"}

_HEADING = regex(r"^#+ +", re.MULTILINE)
_LINK = regex(r"\[([^\]]*)\]\([^)]*\)")
_SECTION_BREAK = regex(r"^#+ .*$", re.MULTILINE)
_MARKS = regex(r"`+|\*\*")


class RuleText(NamedTuple):
    """The words of one rule."""

    id: str
    name: str
    short: str
    full: str
    help_text: str
    help_markdown: str
    help_uri: str | None
    level: str
    properties: dict[str, object]


def rule_texts(result: LintResult) -> list[RuleText]:
    """
    The rules of a run, sorted by id: all checks that were selected, whether they found something or not.

    Findings that come from meshlint itself, not from a check, get a rule as well.
    """
    checks = [*result.checks, CHECK_CRASHED] if result.crashed else result.checks
    rules = {check.id: _of_check(check) for check in checks}
    others = {finding.check: finding for finding in result.findings if finding.check not in rules}
    rules.update((name, _of_finding(finding)) for name, finding in others.items())
    return [rules[name] for name in sorted(rules)]


def _of_check(check: Check) -> RuleText:
    page = check.page
    uri = page_url(check)
    more = f"\n\n[{check.id}]({uri})" if uri else ""
    return RuleText(
        id=check.id,
        name=_pascal_case(check.id),
        short=_shortened(_sentence(page.title)),
        full=_shortened(_summary(page)),
        help_text=_unmarked_page(page.body) or _sentence(page.title),
        help_markdown=f"{page.body.strip() or page.title}{more}",
        help_uri=uri,
        level=check.severity.value,
        properties=_properties(check.family, check.impact, check.severity),
    )


def _of_finding(finding: Finding) -> RuleText:
    title = f"{finding.check.replace('-', ' ').capitalize()}."
    text = f"{title} Reported by meshlint itself, not by a check."
    return RuleText(
        id=finding.check,
        name=_pascal_case(finding.check),
        short=title,
        full=text,
        help_text=text,
        help_markdown=f"{text}\n\n[meshlint]({HOME})",
        help_uri=None,
        level=finding.severity.value,
        properties=_properties(finding.family, finding.impact, finding.severity),
    )


def _pascal_case(slug: str) -> str:
    return "".join(word.capitalize() for word in slug.split("-"))


def _summary(page: Page) -> str:
    """The title and the first section of the page, on one line."""
    first = next((part for part in _SECTION_BREAK.split(page.body) if part.strip()), "")
    return f"{_sentence(page.title)} {_unmarked(first)}".strip()


def _sentence(title: str) -> str:
    return f"{_unmarked(title).rstrip('.')}."


def _unmarked(markdown: str) -> str:
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", markdown)).split())


def _unmarked_page(markdown: str) -> str:
    return _MARKS.sub("", _LINK.sub(r"\1", _HEADING.sub("", markdown))).strip()


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 1].rsplit(' ', 1)[0]}…"


def _properties(family: str, impact: Impact, severity: Severity) -> dict[str, object]:
    properties: dict[str, object] = {
        "tags": list(dict.fromkeys((family, impact.value))),
        "precision": _PRECISION[severity],
        "problem.severity": _PROBLEM_SEVERITY[severity],
    }
    if impact is Impact.EXPOSURE:
        properties["tags"] = list(dict.fromkeys((family, impact.value, "security")))
        properties["security-severity"] = _SECURITY_SEVERITY[severity]
    return properties
