"""The format for code scanning."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from meshlint.checking.catalog import Check, Page
from meshlint.checking.finding import Edit, Finding, Fix, ResourceIdentity
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.mesh.derived import Cause
from meshlint.report.line_hash import line_hashes
from meshlint.report.sarif import _plain_data, render
from meshlint.source.document import Location
from meshlint.source.text import SourceFile

Finder = Callable[[SourceFile, str], Location]
Maker = Callable[..., Finding]
Result = Callable[..., LintResult]
Checks = Callable[..., Check]

_TESTS = Path(__file__).parents[1]
_SCHEMA = _TESTS / "data" / "sarif-2.1.0.json"
_MULTITOOL = Path(
    os.environ.get("MESHLINT_SARIF_MULTITOOL")
    or _TESTS.parent / "node_modules" / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"
)


@pytest.fixture
def hostile(place: Finder, make_finding: Maker) -> Finding:
    """A finding with odd names in all places."""
    file = SourceFile("shop/ä b#[1].yaml", "a: \N{ROCKET} [x](1) needle\nb: 2\n")
    return make_finding(
        place(file, "needle"),
        message="no '[here](https://evil.example)' in\n'\x1b[1m'",
        severity=Severity.WARNING,
        related=(Cause("a [b] (c) \\", Location(SourceFile("<stdin>", ""), 0, 0)),),
        fix=Fix("replace", (Edit(file, 5, 8, ""), Edit(file, 0, 1, "\N{ROCKET}\n"))),
        resource=ResourceIdentity("v1", "Service", "shop", "cart"),
    )


@pytest.fixture
def in_repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root; the working directory is `repo` in it."""
    (tmp_path / "repo").mkdir()
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path


@pytest.fixture
def everything(
    dangling: Finding, hostile: Finding, make_result: Result, make_finding: Maker, make_check: Checks
) -> str:
    """A log with all there can be in one."""
    crash = make_finding(check="check-crashed", family="meshlint", message="the check 'x' failed: a fault")
    checks = (make_check("dangling-waypoint"), make_check("unused-thing", impact=Impact.HYGIENE))
    return render(make_result(dangling, hostile, crash, checks=checks, unread=2), root=Path())


def test_log_is_valid(everything: str) -> None:
    """A log with all there can be in one is valid by the schema."""
    _validate(everything)


def test_clean_log_is_valid_and_has_results(make_result: Result, make_check: Checks) -> None:
    """Without findings there is an empty list of results, or else old alerts would stay open."""
    log = render(make_result(checks=(make_check(),)), root=Path())

    _validate(log)
    assert [] == _run(log)["results"]


def test_multitool_finds_nothing(everything: str, tmp_path: Path) -> None:
    """Microsoft's validator has no error and no warning, by the rules of GitHub."""
    if not _MULTITOOL.is_file():
        pytest.skip("Sarif.Multitool is not there: npm install @microsoft/sarif-multitool")
    log, found = tmp_path / "log.sarif", tmp_path / "found.sarif"
    log.write_text(everything, encoding="utf-8")

    options = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--log", "ForceOverwrite"]
    subprocess.run(
        [_MULTITOOL, "validate", log, *options, "--output", found], check=True, capture_output=True
    )

    assert [] == _run(found.read_text(encoding="utf-8-sig")).get("results", [])


def test_rules_are_all_checks(everything: str) -> None:
    """The rules are the selected checks and what else was found, sorted, and results refer to them."""
    run = _run(everything)
    rules = run["tool"]["driver"]["rules"]

    assert ["check-crashed", "dangling-waypoint", "unused-thing"] == [rule["id"] for rule in rules]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_rule_shows_the_page(make_result: Result, make_check: Checks) -> None:
    """A rule has the page as it is in Markdown, and without marks where plain text is shown."""
    (rule,) = _run(render(make_result(checks=(make_check(),)), root=Path()))["tool"]["driver"]["rules"]

    title = "A use-waypoint label names a waypoint that does not exist."
    assert "DanglingWaypoint" == rule["name"]
    assert title == rule["shortDescription"]["text"]
    assert f"{title} Looks for the Gateway." == rule["fullDescription"]["text"]
    assert "What it does\n\nLooks for the Gateway.\n\nWhy it matters\n\nIt is silent." == rule["help"]["text"]
    assert rule["help"]["markdown"].startswith(
        "## What it does\n\nLooks for the [Gateway](https://istio.io)."
    )


def test_long_page_is_cut(make_result: Result, make_check: Checks) -> None:
    """Descriptions keep to the length that code scanning takes."""
    check = make_check(page=Page("word " * 400, "text " * 400))

    (rule,) = _run(render(make_result(checks=(check,)), root=Path()))["tool"]["driver"]["rules"]

    assert 1024 >= max(len(rule[name]["text"]) for name in ("shortDescription", "fullDescription"))


@pytest.mark.parametrize(
    ("severity", "impact", "ranking"),
    [
        (Severity.ERROR, Impact.EXPOSURE, ("error", "8.0")),
        (Severity.WARNING, Impact.EXPOSURE, ("warning", "5.0")),
        (Severity.NOTE, Impact.EXPOSURE, ("recommendation", "2.0")),
        (Severity.ERROR, Impact.OUTAGE, ("error", None)),
    ],
)
def test_only_exposures_are_security_rules(
    severity: Severity,
    impact: Impact,
    ranking: tuple[str, str | None],
    make_result: Result,
    make_check: Checks,
) -> None:
    """A rule has a security severity and the tag `security` if it is about exposure."""
    log = render(make_result(checks=(make_check(severity=severity, impact=impact),)), root=Path())

    (rule,) = _run(log)["tool"]["driver"]["rules"]
    properties = rule["properties"]
    assert ranking == (properties["problem.severity"], properties.get("security-severity"))
    assert (impact is Impact.EXPOSURE) == ("security" in properties["tags"])
    assert severity.value == rule["defaultConfiguration"]["level"]


def test_level_is_always_written(hostile: Finding, make_result: Result) -> None:
    """A warning says so, although that is the schema's default."""
    (result,) = _run(render(make_result(hostile), root=Path()))["results"]

    assert "warning" == result["level"]


def test_message_links_the_causes(dangling: Finding, make_result: Result) -> None:
    """The first sentence stands alone, causes are links to related locations, the fix comes last."""
    (result,) = _run(render(make_result(dangling), root=Path()))["results"]

    assert (
        "no waypoint 'waypont' in namespace 'shop': L7 policies are skipped (Namespace shop). "
        "See [the only waypoint of this namespace](1). To fix it, use 'waypoint'."
    ) == result["message"]["text"]
    assert [1] == [location["id"] for location in result["relatedLocations"]]
    assert "Namespace/shop" == result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]


def test_names_make_no_links(hostile: Finding, make_result: Result) -> None:
    """Whatever users call their things, the only links of a message are its own."""
    (result,) = _run(render(make_result(hostile), root=Path()))["results"]

    assert (
        r"no '[here] (https://evil.example)' in\n'\x1b[1m' (Service shop/cart). "
        r"See [a \[b\] (c) \\](1). To fix it, replace."
    ) == result["message"]["text"]
    assert "shop/Service/cart" == result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]


def test_columns_count_utf16_units(hostile: Finding, make_result: Result) -> None:
    """A character outside the basic plane counts twice, and the log says so."""
    run = _run(render(make_result(hostile), root=Path()))

    assert "utf16CodeUnits" == run["columnKind"]
    assert {"startLine": 1, "startColumn": 14, "endLine": 1, "endColumn": 20} == _physical(run)["region"]


def test_region_is_one_line(make_finding: Maker, make_result: Result) -> None:
    """A place over several lines ends with its first: pull requests hide alerts on unchanged lines."""
    file = SourceFile("a.yaml", "one: 1\r\ntwo: 2\r\n")

    run = _run(render(make_result(make_finding(Location(file, 0, 14))), root=Path()))

    assert {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 7} == _physical(run)["region"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.yaml", {"uri": "repo/a.yaml", "uriBaseId": "%SRCROOT%"}),
        ("ä b#%/c:d.yaml", {"uri": "repo/%C3%A4%20b%23%25/c%3Ad.yaml", "uriBaseId": "%SRCROOT%"}),
        ("../a.yaml", {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"}),
        ("<stdin>", {"uri": "%3Cstdin%3E"}),
        ("/else where/a.yaml", {"uri": "file:///else%20where/a.yaml"}),
    ],
)
def test_uris_are_relative_to_the_root(
    path: str, expected: dict[str, str], make_finding: Maker, make_result: Result, in_repo: Path
) -> None:
    """URIs are percent-encoded, and relative to the root of the repository where the file is below it."""
    log = render(make_result(make_finding(Location(SourceFile(path, ""), 0, 0))), root=in_repo)

    assert expected == _physical(_run(log))["artifactLocation"]


def test_fix_is_written_as_replacements(hostile: Finding, make_result: Result) -> None:
    """The edits of a fix are in the order of the text; one that only deletes inserts nothing."""
    (result,) = _run(render(make_result(hostile), root=Path()))["results"]

    (change,) = result["fixes"][0]["artifactChanges"]
    first, second = change["replacements"]
    assert ({"text": "\N{ROCKET}\n"}, 1) == (first["insertedContent"], first["deletedRegion"]["startColumn"])
    assert (None, 7) == (second.get("insertedContent"), second["deletedRegion"]["startColumn"])


def test_advice_is_no_fix(make_finding: Maker, make_result: Result) -> None:
    """A fix without edits is in the message alone: SARIF wants changes."""
    (result,) = _run(render(make_result(make_finding(fix=Fix("name it"))), root=Path()))["results"]

    assert "fixes" not in result
    assert result["message"]["text"].endswith("To fix it, name it.")


def test_crash_is_told(everything: str) -> None:
    """A crashed check makes the execution unsuccessful, and what could not be read is noted."""
    (invocation,) = _run(everything)["invocations"]
    crash, unread = invocation["toolExecutionNotifications"]

    assert invocation["executionSuccessful"] is False
    assert ("error", "the check 'x' failed: a fault.") == (crash["level"], crash["message"]["text"])
    assert {"id": "check-crashed", "index": 0} == crash["associatedRule"]
    assert ("note", "2 documents could not be read.") == (unread["level"], unread["message"]["text"])


def test_gravest_results_are_kept(make_finding: Maker, make_result: Result) -> None:
    """Of more findings than code scanning keeps, the least grave are left out, and counted."""
    notes = [make_finding(severity=Severity.NOTE) for _ in range(5_000)]
    errors = [make_finding(severity=Severity.ERROR) for _ in range(2)]

    run = _run(render(make_result(*notes, *errors), root=Path()))

    assert (5_000, "note", "error") == (
        len(run["results"]),
        run["results"][0]["level"],
        run["results"][-2]["level"],
    )
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert "2 of 5002 findings are left out, the least grave ones." == notification["message"]["text"]


def test_fingerprints_are_written(dangling: Finding, make_result: Result) -> None:
    """A result has GitHub's hash of its line, and the key that meshlint itself goes by."""
    (result,) = _run(render(make_result(dangling), root=Path()))["results"]

    assert {
        "primaryLocationLineHash": line_hashes(dangling.at.file, [6])[6],
        "meshlint/v1": "0123abcd",
    } == result["partialFingerprints"]


_END = "c129715d7a2bc9a3:1"
_GREETINGS = [
    "e9496ae3ebfced30:1",
    "fb7c023a8b9ccb3f:1",
    "ce8ba1a563dcdaca:1",
    "e20e36e16fcb0cc8:1",
    "b3edc88f2938467e:1",
    "c8e28b0b4002a3a0:1",
    _END,
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [_END]),
        (
            " a\nb\n  \t\tc\n d",
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
        ),
        (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", _GREETINGS),
        (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", _GREETINGS),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", _GREETINGS),
        (
            "Lorem ipsum dolor sit amet.\n" * 10,
            [
                *(f"a7f2ff13bc495cf2:{count}" for count in range(1, 7)),
                "a7f2ff1481e87703:1",
                "a9cf91f7bbf1862b:1",
                "55ec222b86bcae53:1",
                "cc97dc7b1d7d8f7b:1",
                _END,
            ],
        ),
    ],
)
def test_line_hashes_are_githubs(text: str, expected: list[str]) -> None:
    """The hashes are those of codeql-action's own tests (`src/fingerprints.test.ts`)."""
    lines = range(1, len(expected) + 1)

    assert expected == list(line_hashes(SourceFile("a.yaml", text), lines).values())


@pytest.mark.parametrize(
    ("text", "has_bom", "units"),
    [
        ("a", True, [0xFEFF, 0x61]),
        ("\N{ROCKET}", False, [0xD83D, 0xDE80]),
        ("\r \n", False, [0x0A, 0x0A]),
    ],
)
def test_line_hash_is_over_utf16_units(text: str, has_bom: bool, units: list[int]) -> None:
    """A byte order mark is a unit, a rocket is two; a blank between CR and LF makes two line ends of them."""
    value = 0
    for unit in [*units, 0xFFFF, *([0] * 100)][:100]:
        value = (value * 37 + unit) % 2**64

    assert f"{value:x}:1" == line_hashes(SourceFile("a.yaml", text, has_bom), [1])[1]


def test_unknown_objects_are_refused() -> None:
    """What is no part of a log is an error, never text."""
    with pytest.raises(TypeError, match="not a part of a SARIF log"):
        _plain_data({"level": Severity.ERROR})


def _validate(log: str) -> None:
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(json.loads(log))


def _run(log: str) -> dict[str, Any]:
    (run,) = json.loads(log)["runs"]
    assert isinstance(run, dict)
    return run


def _physical(run: dict[str, Any]) -> dict[str, Any]:
    physical: dict[str, Any] = run["results"][0]["locations"][0]["physicalLocation"]
    return physical
