"""SARIF 2.1.0, as GitHub code scanning and other viewers read it."""

import heapq
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attr
import sarif_om as om

from meshlint import __version__
from meshlint.checking.finding import Edit, Finding, Fix, ResourceIdentity
from meshlint.checking.result import LintResult
from meshlint.checking.run import CHECK_CRASHED
from meshlint.mesh.derived import Cause
from meshlint.report.documentation import HOME
from meshlint.report.line_hash import line_hashes
from meshlint.report.sarif_rules import RuleText, rule_texts
from meshlint.report.terminal import plain
from meshlint.report.wording import not_applied, not_read
from meshlint.source.document import Location
from meshlint.source.live import LiveFile
from meshlint.source.text import SourceFile, SourceSpan

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SOURCE_ROOT = "%SRCROOT%"
_ROOT_DESCRIPTION = "The root of the repository."
# What code scanning keeps of one run, and of one result.
_MOST_RESULTS = 5_000
_MOST_LOCATIONS = 100


def render(result: LintResult, *, root: Path | None = None) -> str:
    """Write the result as a log of one run; URIs are relative to `root` where files are below it."""
    return json.dumps(_plain_data(_log(result, root or Path.cwd())), indent=2) + "\n"


def _log(result: LintResult, root: Path) -> om.SarifLog:
    findings = _gravest(result.findings)
    rules = rule_texts(result)
    order = {rule.id: index for index, rule in enumerate(rules)}
    places = _Places(findings, root)
    run = om.Run(
        tool=om.Tool(driver=_driver(rules)),
        invocations=[_invocation(result, len(result.findings) - len(findings), order)],
        original_uri_base_ids={_SOURCE_ROOT: om.ArtifactLocation(description=_text(_ROOT_DESCRIPTION))},
        column_kind="utf16CodeUnits",
        results=[_result(finding, order[finding.check], places) for finding in findings],
        properties={"istioVersion": result.istio_version, "istioVersionOrigin": result.version_origin},
    )
    return om.SarifLog(schema_uri=_SCHEMA, version="2.1.0", runs=[run])


def _gravest(findings: tuple[Finding, ...]) -> list[Finding]:
    """As many findings as code scanning keeps, the gravest, in their order."""
    numbers = range(len(findings))
    kept = heapq.nlargest(_MOST_RESULTS, numbers, key=lambda number: (findings[number].severity, -number))
    return [findings[number] for number in sorted(kept)]


def _driver(rules: Iterable[RuleText]) -> om.ToolComponent:
    return om.ToolComponent(
        name="meshlint",
        version=__version__,
        semantic_version=__version__,
        information_uri=HOME,
        rules=[_rule(rule) for rule in rules],
    )


def _rule(rule: RuleText) -> om.ReportingDescriptor:
    return om.ReportingDescriptor(
        id=rule.id,
        name=rule.name,
        short_description=om.MultiformatMessageString(text=rule.short),
        full_description=om.MultiformatMessageString(text=rule.full),
        help=om.MultiformatMessageString(text=rule.help_text, markdown=rule.help_markdown),
        help_uri=rule.help_uri,
        default_configuration=om.ReportingConfiguration(level=rule.level),
        properties=rule.properties,
    )


def _invocation(result: LintResult, left_out: int, order: dict[str, int]) -> om.Invocation:
    notifications = [_crash(message, order) for message in result.crashed]
    if left_out:
        message = f"{left_out} of {len(result.findings)} findings are left out, the least grave ones."
        notifications.append(om.Notification(message=_text(message), level="warning"))
    omitted = (not_read(result.summary), not_applied(result.summary))
    notifications += [om.Notification(message=_text(text), level="note") for text in omitted if text]
    return om.Invocation(
        execution_successful=not result.crashed, tool_execution_notifications=notifications or None
    )


def _crash(message: str, order: dict[str, int]) -> om.Notification:
    rule = om.ReportingDescriptorReference(id=CHECK_CRASHED.id, index=order[CHECK_CRASHED.id])
    return om.Notification(message=_text(f"{_literal(message)}."), level="error", associated_rule=rule)


def _result(finding: Finding, rule: int, places: "_Places") -> om.Result:
    related = finding.related[:_MOST_LOCATIONS]
    return om.Result(
        rule_id=finding.check,
        rule_index=rule,
        level=finding.severity.value,
        message=_text(_message(finding, related)),
        locations=[_location(finding, places)],
        related_locations=[_related(*numbered, places) for numbered in enumerate(related, 1)] or None,
        partial_fingerprints={
            "primaryLocationLineHash": places.line_hash(finding.at),
            "meshlint/v1": finding.fingerprint,
        },
        fixes=[_fix(finding.fix, places)] if finding.fix and finding.fix.edits else None,
        properties={"impact": finding.impact.value, "sets": list(finding.sets)},
    )


def _message(finding: Finding, related: tuple[Cause, ...]) -> str:
    """The finding with its object, links to the lines that explain it, and the fix."""
    about = f" ({_literal(str(finding.resource))})" if finding.resource else ""
    text = f"{_literal(finding.message)}{about}."
    if related:
        links = [f"[{_link_text(cause.message)}]({number})" for number, cause in enumerate(related, 1)]
        text += f" See {', '.join(links)}."
    if finding.fix:
        text += f" To fix it, {_literal(finding.fix.title)}."
    return text


def _literal(text: str) -> str:
    """Text that makes no link of its own, whatever the names are that it quotes."""
    return plain(text).replace("](", "] (")


def _link_text(text: str) -> str:
    """Text for between brackets (SARIF 2.1.0, 3.11.6)."""
    return plain(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(finding: Finding, places: "_Places") -> om.Location:
    return om.Location(
        physical_location=places.physical(finding.at),
        logical_locations=[_logical(finding.resource)] if finding.resource else None,
    )


def _logical(resource: ResourceIdentity) -> om.LogicalLocation:
    parts = (resource.namespace, resource.kind, resource.name)
    return om.LogicalLocation(
        name=resource.name,
        kind="resource",
        fully_qualified_name="/".join(part for part in parts if part),
    )


def _related(number: int, cause: Cause, places: "_Places") -> om.Location:
    return om.Location(
        id=number, message=_text(_literal(cause.message)), physical_location=places.physical(cause.at)
    )


def _fix(fix: Fix, places: "_Places") -> om.Fix:
    edits: dict[SourceFile, list[Edit]] = defaultdict(list)
    for edit in fix.edits:
        edits[edit.file].append(edit)
    changes = [
        om.ArtifactChange(
            artifact_location=places.artifact(file),
            replacements=[_replacement(edit) for edit in sorted(of_file, key=lambda edit: edit.start)],
        )
        for file, of_file in edits.items()
    ]
    return om.Fix(description=_text(_literal(fix.title)), artifact_changes=changes)


def _replacement(edit: Edit) -> om.Replacement:
    region = _region(edit.file, edit.file.span(edit.start, edit.end))
    content = om.ArtifactContent(text=edit.text) if edit.text else None
    return om.Replacement(deleted_region=region, inserted_content=content)


class _Places:
    """Where findings are, for readers elsewhere: URIs from the root, UTF-16 columns, hashes of lines."""

    def __init__(self, findings: Iterable[Finding], root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._uris: dict[SourceFile, om.ArtifactLocation] = {}
        lines: dict[SourceFile, set[int]] = defaultdict(set)
        for finding in findings:
            lines[finding.at.file].add(finding.at.span.start_line)
        self._hashes = {file: line_hashes(file, numbers) for file, numbers in lines.items()}

    def line_hash(self, location: Location) -> str:
        return self._hashes[location.file][location.span.start_line]

    def physical(self, location: Location) -> om.PhysicalLocation:
        """A place on one line: pull requests show an alert only if all of its lines were changed."""
        span = location.span
        if span.end_line > span.start_line:
            line, start = span.start_line, span.start_column
            span = SourceSpan(line, start, line, max(start, len(location.file.line(line)) + 1))
        return om.PhysicalLocation(
            artifact_location=self.artifact(location.file), region=_region(location.file, span)
        )

    def artifact(self, file: SourceFile) -> om.ArtifactLocation:
        if file not in self._uris:
            self._uris[file] = self._artifact(file)
        return self._uris[file]

    def _artifact(self, file: SourceFile) -> om.ArtifactLocation:
        """A file below the root is relative to it, with links resolved; what is no file keeps its name."""
        path = file.path
        if isinstance(file, LiveFile):
            return om.ArtifactLocation(uri=quote(path, safe="/:"))
        if path.startswith("<"):
            return om.ArtifactLocation(uri=quote(path))
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self._root):
            return om.ArtifactLocation(uri=real.as_uri())
        relative = os.fsencode(real.relative_to(self._root).as_posix())
        return om.ArtifactLocation(uri=quote(relative), uri_base_id=_SOURCE_ROOT)


def _region(file: SourceFile, span: SourceSpan) -> om.Region:
    return om.Region(
        start_line=span.start_line,
        start_column=_utf16_column(file, span.start_line, span.start_column),
        end_line=span.end_line,
        end_column=_utf16_column(file, span.end_line, span.end_column),
    )


def _utf16_column(file: SourceFile, line: int, column: int) -> int:
    before = file.line(line)[: column - 1]
    return column if before.isascii() else 1 + len(before.encode("utf-16-le", "surrogatepass")) // 2


def _text(text: str) -> om.Message:
    return om.Message(text=text)


def _plain_data(value: object) -> object:
    """
    Turn sarif_om's objects into plain data, leaving out what the schema has as default.

    A level is always written: code scanning takes the rule's where a result has none, not the
    schema's. (`jschema_to_python`, made for sarif_om, loses it.)
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_plain_data(item) for item in value]
        case dict():
            return {key: _plain_data(item) for key, item in value.items()}
        case _ if attr.has(type(value)) and type(value).__module__.startswith("sarif_om"):
            return dict(_properties(value))
        case _:
            msg = f"not a part of a SARIF log: {value!r}"
            raise TypeError(msg)


def _properties(value: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401 - sarif_om has no types
    for field in attr.fields(type(value)):
        item = getattr(value, field.name)
        make = getattr(field.default, "factory", None)
        default = make() if make else field.default
        if item is not None and (field.name == "level" or item != default):
            yield field.metadata["schema_property_name"], _plain_data(item)
