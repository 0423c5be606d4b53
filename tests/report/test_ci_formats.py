"""The formats that CI systems read: what their readers make of them."""

import json
import re
from xml.etree import ElementTree as ET

import pytest
from junitparser import Failure, JUnitXml
from markdown_it import MarkdownIt

from meshlint.checking.finding import Finding, Fix
from meshlint.checking.vocabulary import Severity
from meshlint.mesh.derived import Cause
from meshlint.report import render
from meshlint.source.document import Location
from meshlint.source.text import SourceFile

NASTY = "100% <b>`x`</b> |\\ 'a&b' ::error:: @team ]]> *y* [z](javascript:x)\x1b[31m\n::stop-commands::x"


def at(path: str, text: str = "a: b\n") -> Location:
    return Location(SourceFile(path, text), 0, len(text.rstrip()))


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """The workflow commands of a log, as the runner of GitHub Actions decodes them."""
    found = []
    for line in text.split("\n"):
        match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        if match:
            properties = dict(entry.split("=", 1) for entry in match[2].split(","))
            found.append((match[1], {k: decoded(v) for k, v in properties.items()}, decoded(match[3])))
    return found


def decoded(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_github_annotations_stand_at_their_lines(make_finding, make_result, tmp_path):
    """
    An annotation names the file from the root of the repository, its line and columns, causes and fix.
    """
    related = (Cause("it is here", at("c.yaml")),)
    finding = make_finding(at("a,b:c.yaml"), related=related, fix=Fix("do this"), severity=Severity.WARNING)

    [(kind, properties, text)] = commands(render(make_result(finding), "github"))

    assert "warning" == kind
    expected = {"file": "a,b:c.yaml", "line": "1", "endLine": "1", "col": "1", "endColumn": "5"}
    assert expected | {"title": "meshlint: dangling-waypoint"} == properties
    assert f"{finding.message}\n- it is here: c.yaml:1:1\nTo fix it: do this" == text


def test_github_runs_no_command_of_a_message(make_finding, make_result):
    """
    Whatever stands in a message, the log holds one command.
    """
    [(_, _, text)] = commands(render(make_result(make_finding(at("a.yaml"), message=NASTY)), "github"))

    assert text.startswith("100% <b>`x`</b>")
    assert "\x1b" not in text


def test_github_counts_what_it_does_not_show(make_finding, make_result):
    """
    Ten annotations of a kind are shown, errors first; the rest is counted, and in the log all the same.
    """
    errors = [make_finding(at(f"e{n}.yaml")) for n in range(12)]
    notes = [make_finding(at(f"n{n}.yaml"), severity=Severity.NOTE) for n in range(10)]
    text = render(make_result(*notes, *errors), "github")
    shown = [kind for kind, _, _ in commands(text)]

    assert ["error"] * 10 + ["notice"] * 10 == shown
    assert "3 more" in text
    assert all(f"e{n}.yaml:1:1" in text for n in range(12))


def test_gitlab_gets_unique_fingerprints_and_relative_paths(make_finding, make_result):
    """
    GitLab wants description, check_name, fingerprint, severity and place, no fingerprint twice.
    """
    twins = [make_finding(at("a.yaml"), severity=severity) for severity in Severity]
    violations = json.loads(render(make_result(*twins), "gitlab"))

    assert ["info", "major", "critical"] == [each["severity"] for each in violations]
    assert 3 == len({each["fingerprint"] for each in violations})
    for each in violations:
        assert {"description", "check_name", "fingerprint", "severity", "location"} == each.keys()
        assert {"path": "a.yaml", "lines": {"begin": 1, "end": 1}} == each["location"]


def test_junit_is_read_back(make_finding, make_result):
    """
    A suite for each file, failures for errors and warnings; a note passes.
    """
    findings = [make_finding(at(f"{n}.yaml"), severity=severity) for n, severity in enumerate(Severity)]
    read = JUnitXml.fromstring(render(make_result(*findings), "junit"))

    assert ["0.yaml", "1.yaml", "2.yaml"] == [suite.name for suite in read]
    assert (3, 2) == (read.tests, read.failures)
    results = [case.result for suite in read for case in suite]
    assert [0, 1, 1] == [sum(isinstance(one, Failure) for one in result) for result in results]


def test_junit_of_nothing_is_a_test_that_passes(make_result):
    """
    An empty report would read as one that did not run.
    """
    read = JUnitXml.fromstring(render(make_result(), "junit"))

    assert (1, 0) == (read.tests, read.failures)


def test_junit_stays_xml_whatever_is_said(make_finding, make_result):
    """
    Markup and control characters in names and messages are text.
    """
    finding = make_finding(at('a"<&>.yaml'), message=NASTY)
    root = ET.fromstring(render(make_result(finding), "junit"))

    assert 'a"<&>.yaml' == root[0].get("name")


def test_markdown_is_a_table_whatever_is_said(make_finding, make_result):
    """
    Pipes, markup, links and mentions in a message stay text in its cell.
    """
    finding = make_finding(at("a|b.yaml"), message=NASTY, related=(Cause(NASTY, at("c.yaml")),))
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(render(make_result(finding), "markdown"))
    )

    [row] = re.findall(r"<tr>\n<td>.*?</tr>", html, re.DOTALL)
    assert 5 == row.count("<td>")
    assert "<code>a|b.yaml:1:1</code>" in row
    assert not re.search(r"<(b|em|a|strong)\b", row)
    assert "@team" not in row


def test_markdown_fits_the_summary_of_a_job(make_finding, make_result):
    """
    What would be too much is left out, the gravest first, and counted.
    """
    many = [make_finding(at("a.yaml"), message="x" * 500, severity=Severity.NOTE)] * 3000
    text = render(make_result(*many, make_finding(at("b.yaml"))), "markdown")

    assert 1_000_000 > len(text.encode())
    assert re.search(r"\n\d+ more findings do not fit here\.\n$", text)
    assert text.index("b.yaml") < text.index("a.yaml")


@pytest.mark.parametrize("format_", ["github", "gitlab", "junit", "jsonl", "markdown"])
def test_nothing_found_is_said_in_each_format(make_result, format_):
    """
    Without findings each format is what its reader takes for success.
    """
    text = render(make_result(), format_)

    assert {"gitlab": "[]\n", "jsonl": ""}.get(format_, text) == text


def test_jsonl_is_the_findings_of_json(make_finding: object, make_result, dangling: Finding):
    """
    Each line is what the format `json` says of a finding.
    """
    lines = render(make_result(dangling, dangling), "jsonl").splitlines()

    assert json.loads(render(make_result(dangling, dangling), "json"))["findings"] == [
        *map(json.loads, lines)
    ]
