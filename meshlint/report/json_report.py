"""
The format for scripts, version 1.

Lines and columns are 1-based, columns count code points, ends are exclusive. Whatever may be
absent is null, never left out. `set` holds all the manifest sets of a finding, joined by `, `.
"""

import json
from typing import Any

from meshlint import __version__
from meshlint.checking.finding import Edit, Finding, Fix, ResourceIdentity
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Severity
from meshlint.mesh.derived import Cause
from meshlint.source.document import Location
from meshlint.source.text import SourceFile, SourceSpan

_VERSION = 1


def render(result: LintResult) -> str:
    """Write the result as one JSON object."""
    return json.dumps(_report(result), indent=2) + "\n"


def _report(result: LintResult) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "tool": {"name": "meshlint", "version": __version__},
        "istio_version": result.istio_version,
        "summary": {
            "files": result.summary.files,
            "resources": result.summary.resources,
            **{severity.value: result.total(severity) for severity in sorted(Severity, reverse=True)},
            "suppressed": result.summary.suppressed,
            "baselined": result.summary.baselined,
            "unapplied": result.summary.unapplied,
            "fixed": result.summary.fixed,
        },
        "findings": [finding_record(finding) for finding in result.findings],
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """A finding as scripts get it."""
    return {
        "check": finding.check,
        "family": finding.family,
        "severity": finding.severity.value,
        "impact": finding.impact.value,
        "message": finding.message,
        "set": ", ".join(finding.sets) or None,
        "resource": _resource(finding.resource) if finding.resource else None,
        "field": finding.field,
        "location": location(finding.at),
        "related": [related(cause) for cause in finding.related],
        "fix": _fix(finding.fix) if finding.fix else None,
        "fingerprint": finding.fingerprint,
    }


def _resource(resource: ResourceIdentity) -> dict[str, str | None]:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "namespace": resource.namespace,
        "name": resource.name,
    }


def related(cause: Cause) -> dict[str, Any]:
    """A cause, with its place."""
    return {"message": cause.message, "location": location(cause.at)}


def _fix(fix: Fix) -> dict[str, Any]:
    return {"title": fix.title, "safe": fix.safe, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> dict[str, str | int]:
    return {**_span(edit.file, edit.file.span(edit.start, edit.end)), "text": edit.text}


def location(at: Location) -> dict[str, str | int]:
    """A place as scripts are told it."""
    return _span(at.file, at.span)


def _span(file: SourceFile, span: SourceSpan) -> dict[str, str | int]:
    return {
        "path": file.path,
        "line": span.start_line,
        "column": span.start_column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
