"""One JSON object a line for each finding: those of the format `json`."""

import json

from meshlint.checking.result import LintResult
from meshlint.report.json_report import finding_record


def render(result: LintResult) -> str:
    """Write each finding on a line of its own; nothing if there is none."""
    return "".join(json.dumps(finding_record(finding)) + "\n" for finding in result.findings)
