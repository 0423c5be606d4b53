"""The default format."""

from collections.abc import Callable

import pytest

from meshlint.checking.finding import Finding, Fix
from meshlint.checking.result import LintResult
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.mesh.derived import Cause
from meshlint.report.text import render
from meshlint.source.document import Location, Manifest, Place
from meshlint.source.text import SourceFile

Finder = Callable[[SourceFile, str], Location]
Maker = Callable[..., Finding]
Result = Callable[..., LintResult]


def test_finding_shows_its_lines_and_the_fix(dangling: Finding, make_result: Result) -> None:
    """A finding is its message, its line, the lines that explain it, and what to do."""
    shown = render(make_result(dangling), color=False)

    expected = """\
error[dangling-waypoint]: no waypoint 'waypont' in namespace 'shop': L7 policies are skipped
  --> shop/namespace.yaml:6:5
   |
 6 |     istio.io/use-waypoint: waypont
   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
  ::: shop/waypoint.yaml:4:3
   |
 4 |   name: waypoint
   |   -------------- the only waypoint of this namespace
   |
   = help: use 'waypoint'
   = impact: exposure
   = in: overlays/prod, overlays/test

Found 1 error in 12 files (80 objects, Istio 1.31: newest known).
1 can be fixed with `--unsafe-fixes`.
"""
    assert expected == shown


def test_places_of_one_file_share_a_heading(place: Finder, make_finding: Maker, make_result: Result) -> None:
    """A related line of the same file follows after dots, and line numbers are aligned."""
    file = SourceFile("a.yaml", "".join(f"key{number}: x\n" for number in range(1, 13)))
    finding = make_finding(place(file, "key12: x"), related=(Cause("first", place(file, "key3: x")),))

    shown = render(make_result(finding), color=False).splitlines()[1:7]

    assert [
        "   --> a.yaml:12:1",
        "    |",
        " 12 | key12: x",
        "    | ^^^^^^^^",
        "...",
        "  3 | key3: x",
    ] == shown


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        ("a: 日本 needle", "        ^^^^^^"),
        ("a:\tneedle", "      ^^^^^^"),
        ("a: e\N{COMBINING ACUTE ACCENT} needle", "     ^^^^^^"),
        ("a: \N{ROCKET} needle", "      ^^^^^^"),
        ("a: \x1b[1m needle", "           ^^^^^^"),
    ],
)
def test_marks_stand_under_the_place(
    line: str, marks: str, place: Finder, make_finding: Maker, make_result: Result
) -> None:
    """Wide, combining, tab and control characters before a place do not shift its marks."""
    finding = make_finding(place(SourceFile("a.yaml", line), "needle"))

    shown = render(make_result(finding), color=False).splitlines()[4]

    assert f"   | {marks}" == shown


def test_long_line_is_cut_around_the_place(place: Finder, make_finding: Maker, make_result: Result) -> None:
    """Of a very long line only the neighbourhood of the place is shown, its marks in step."""
    file = SourceFile("a.yaml", f"{'x' * 5000} needle {'y' * 5000}")

    shown = render(make_result(make_finding(place(file, "needle"))), color=False).splitlines()

    assert shown[3].index("needle") == shown[4].index("^^^^^^")
    assert ("…", "…", True) == (shown[3][5], shown[3][-1], len(shown[3]) < 130)


def test_line_break_in_a_place_ends_the_marks(make_finding: Maker, make_result: Result) -> None:
    """Of a place that goes over several lines the first is shown, marked to its end."""
    file = SourceFile("a.yaml", "one: 1\r\ntwo: 2\r\n")

    shown = render(make_result(make_finding(Location(file, 0, len(file.text)))), color=False).splitlines()

    assert [" 1 | one: 1", "   | ^^^^^^"] == shown[3:5]


@pytest.mark.parametrize(("path", "text"), [("empty.yaml", ""), ("<stdin>", "a: 1\n"), ("b.yaml", "\n\n")])
def test_place_without_text_has_no_snippet(
    path: str, text: str, make_finding: Maker, make_result: Result
) -> None:
    """A place at the end of a file, or in an empty one, is named without a line."""
    file = SourceFile(path, text)
    at = Location(file, len(text), len(text))
    finding = make_finding(at, related=(Cause("here", at),), severity=Severity.NOTE)

    shown = render(make_result(finding), color=False).splitlines()

    where = f"{path}:{at.span.start_line}:1"
    assert [f"  --> {where}", "   |", f"  ::: {where}", "   | here", ""] == shown[1:6]


def test_hostile_text_has_no_power(place: Finder, make_finding: Maker, make_result: Result) -> None:
    """Escape sequences, reading directions, line breaks and workflow commands are shown, not obeyed."""
    file = SourceFile("::error::\x1b[2J.yaml", "a: \x1b]0;x\x07 needle\u202e ##[add-mask]a\n")
    finding = make_finding(
        place(file, "needle"), message="evil\n::error::\x9b1m\u2028", fix=Fix("type\r\x00"), sets=("\x1b",)
    )

    shown = render(make_result(finding), color=False)

    assert shown.replace("\n", "").isprintable()
    assert "##[" not in shown
    assert not any(line.lstrip().startswith("::error") for line in shown.splitlines())


def test_value_of_a_secret_is_never_shown(place: Finder, make_finding: Maker, make_result: Result) -> None:
    """The line of a Secret is shown without its value, whether or not it could be read."""
    text = "kind: Gateway\n---\nkind: Secret\nstringData:\n  password: hunter2\n  hunter2\n"
    file = SourceFile("s.yaml", text)
    manifest = Manifest(file, {"kind": "Secret"}, Place(18, len(file.text)))
    password = place(file, "password: hunter2")
    known = Location(file, password.start, password.end, ("stringData", "password"), manifest)
    findings = [make_finding(at) for at in (password, known, place(file, "  hunter2\n"))]

    shown = render(make_result(*findings), color=False)

    assert "  password: …" in shown
    assert "hunter2" not in shown


def test_reference_to_a_secret_is_shown(place: Finder, make_finding: Maker, make_result: Result) -> None:
    """An object that refers to a Secret is none."""
    text = "kind: Secret\n---\nkind: Gateway\nspec:\n  refs:\n  - kind: Secret\n    name: tls\n"
    file = SourceFile("g.yaml", text)

    shown = render(make_result(make_finding(place(file, "name: tls"))), color=False)

    assert " 7 |     name: tls" in shown


def test_color_adds_nothing_but_codes(dangling: Finding, make_result: Result) -> None:
    """With colour the same text is shown, the severity in its own colour."""
    shown = render(make_result(dangling), color=True)

    assert shown.startswith("\x1b[1;31merror[dangling-waypoint]\x1b[0m")
    for code in ("1;31", "1;34", "1", "0"):
        shown = shown.replace(f"\x1b[{code}m", "")
    assert render(make_result(dangling), color=False) == shown


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, "No problems found in 12 files (80 objects, Istio 1.31: newest known).\n"),
        ({"files": 3, "resources": 0, "other_files": 3}, "Nothing of Kubernetes in 3 files.\n"),
        ({"files": 0, "resources": 0}, "No files to look at.\n"),
        (
            {"files": 1, "resources": 0, "unrendered": 14, "encrypted": 3},
            "No objects to check in 1 file.\n14 templates not rendered, 3 encrypted documents skipped.\n",
        ),
        (
            {"files": 1, "resources": 1, "unread": 2, "suppressed": 1},
            (
                "No problems found in 1 file (1 object, Istio 1.31: newest known).\n"
                "2 documents could not be read. 1 finding suppressed.\n"
            ),
        ),
    ],
)
def test_clean_run_says_what_was_looked_at(
    counts: dict[str, int], expected: str, make_result: Result
) -> None:
    """Without findings only the conclusion is shown, and it claims no more than was looked at."""
    assert expected == render(make_result(**counts), color=False)


def test_conclusion_counts_by_severity(make_finding: Maker, make_result: Result) -> None:
    """The conclusion counts the findings of each severity, the gravest first, and the crashed checks."""
    findings = [
        make_finding(severity=Severity.NOTE),
        make_finding(severity=Severity.WARNING),
        make_finding(severity=Severity.NOTE),
        make_finding(check="check-crashed", impact=Impact.HYGIENE),
    ]

    shown = render(make_result(*findings), color=False).splitlines()[-2:]

    about = "in 12 files (80 objects, Istio 1.31: newest known)."
    assert [f"Found 1 error, 1 warning and 2 notes {about}", "1 check crashed."] == shown
