"""Suppressions: where they hold, what they name, and what is wrong with them."""

from datetime import datetime, timedelta

import pytest

from manifests import TWO_MODES, reading
from meshlint.checking.catalog import Check, Page
from meshlint.checking.finding import Problem
from meshlint.checking.run import Checkable, run_checks
from meshlint.checking.suppression import Mark, Suppression, Suppressions, comments_of
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.fixing.run import fix
from meshlint.graph.build import build_graph
from meshlint.graph.scope import closed_scopes
from meshlint.lint import Options, lint
from meshlint.mesh.mesh import Mesh
from meshlint.model.decode import decode
from meshlint.model.kind import SERVICE
from meshlint.model.version import IstioVersion, VersionRange
from meshlint.source.renderer import find_program

kustomize = pytest.mark.skipif(
    not (find_program("kustomize") or find_program("kubectl")), reason="neither kustomize nor kubectl is here"
)
HEAD, INJECTED = TWO_MODES.partition("    istio-injection")[0], "    istio-injection: enabled\n"
NOW = datetime.now().astimezone()
YESTERDAY = (NOW - timedelta(days=1)).date().isoformat()
TOMORROW = (NOW + timedelta(days=1)).date().isoformat()


def at_name(subject, _: Mesh):
    yield Problem(f"{subject.name} is there", at=subject.at())


def found_in(text: str):
    """What a check that points at the name of each Service finds in a text, and the text's reading."""
    read = reading(text)
    decoded = decode(read.manifests)
    mesh = Mesh(build_graph(decoded, closed_scopes(decoded, ())), IstioVersion.parse("1.31"))
    checks = [check_named("some-check"), check_named("third-check")]
    return run_checks(checks, (), Checkable(".", mesh, decoded)), read


def check_named(name: str) -> Check:
    return Check(
        id=name,
        family="tests",
        page=Page("A title", ""),
        severity=Severity.ERROR,
        impact=Impact.HYGIENE,
        subjects=(SERVICE,),
        reads=(),
        istio=VersionRange("all"),
        since="0.1.0",
        module=__name__,
        run=at_name,
    )


def split(text: str):
    found, read = found_in(text)
    said = [each for each in comments_of(read.file, read.manifests) if isinstance(each, Suppression)]
    return Suppressions(said).split(found)


def suppressed_of(text: str) -> int:
    return len([finding for finding in split(text)[1] if finding.check == "some-check"])


def test_comments_suppress_at_the_line_or_above_it():
    """
    A suppression counts for its own line and the one below its comment block, by id.
    """
    comments = "  # meshlint: ignore[other-check, some-check] we know\n  # another comment\n"
    shown, suppressed = split(f"apiVersion: v1\nkind: Service\nmetadata:\n{comments}  name: cart")

    assert ["third-check"] == [finding.check for finding in shown]
    assert ["some-check"] == [finding.check for finding in suppressed]


def test_a_suppression_is_no_suppression_of_lines_further_down():
    """
    A comment does not reach over a line that is no comment.
    """
    text = "# meshlint: ignore[some-check]\napiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n"

    assert 0 == suppressed_of(text)


@pytest.mark.parametrize(
    ("comment", "count"),
    [
        ("# meshlint: ignore[some-check]", 1),
        ("# meshlint: ignore [ some-check ]", 1),
        ("## we know # meshlint: ignore[tests]", 1),
        ("# meshlint: ignore[impact:hygiene]", 1),
        ("# meshlint: ignore[all]", 1),
        ("# meshlint: ignore[impact:exposure, other]", 0),
        ("#meshlint:ignore[some-check]", 1),
        ("# meshlint: ignore[]", 0),
        ("# meshlint: ignore[other] # meshlint: ignore[some-check] two of them", 1),
    ],
)
def test_a_suppression_names_checks_as_the_command_line_does(comment, count):
    """
    Families and impacts count as they do for `--ignore`.
    """
    assert count == suppressed_of(f"apiVersion: v1\nkind: Service\nmetadata:\n  name: cart {comment}\n")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("{apiVersion: v1, kind: Service, metadata: {name: a, note: ' # meshlint: ignore[some-check]'}}", 0),
        ("{apiVersion: v1, kind: Service, metadata: {name: a, ' # meshlint: ignore[some-check]': x}}", 0),
        ("{apiVersion: v1, kind: Service, metadata: {name: a}}# meshlint: ignore[some-check]", 0),
        ("{apiVersion: v1, kind: Service, metadata: {name: a}} # meshlint: ignore[some-check]", 1),
        ("apiVersion: v1\nkind: Service\nmetadata:\n  x: |\n    # meshlint: ignore[all]\n  name: cart\n", 0),
        ("apiVersion: v1\nkind: Service\nmetadata:\n  name: > # meshlint: ignore[all]\n    cart\n", 1),
    ],
)
def test_text_that_looks_like_a_comment_suppresses_nothing(text, count):
    """
    What stands inside of quotes or of a block is a value, whatever it says.
    """
    assert count == suppressed_of(text)


def test_a_long_block_of_comments_is_walked_once():
    """
    Thousands of comments one under the other take no longer than as many lines.
    """
    comments = "".join(f"  # meshlint: ignore[c{number}] x\n" for number in range(3000))
    text = f"apiVersion: v1\nkind: Service\nmetadata:\n{comments}  name: cart\n"
    read = reading(text)
    asked = []
    line = read.file.line
    read.file.line = lambda number: asked.append(number) or line(number)  # type: ignore[method-assign]
    Suppressions(each for each in comments_of(read.file, read.manifests) if isinstance(each, Suppression))

    assert len(asked) < 3100


@pytest.mark.parametrize(
    ("reason", "until", "why"),
    [
        ("made by the platform", None, "made by the platform"),
        ("until 2027-01-01", "2027-01-01", ""),
        ("we move (until 2027-01-01)", "2027-01-01", "we move"),
        ("until 2027-01-01: we move", "2027-01-01", "we move"),
        ("until the platform is there", None, "until the platform is there"),
        ("valid until 2027-13", "2027-13", "valid"),
        ("-", None, ""),
    ],
)
def test_a_reason_may_have_an_end(reason, until, why):
    """
    `until` and a day is the end, what is left the reason.
    """
    read = reading(f"# meshlint: ignore[x] {reason}\napiVersion: v1\nkind: Pod\n")
    [said] = comments_of(read.file, read.manifests)

    assert isinstance(said, Suppression)
    assert (until, why) == (said.until, said.why)


def test_what_cannot_be_read_as_a_suppression_is_a_bare_mark():
    """
    Comments that begin as one are given, so that somebody may say what is wrong with them.
    """
    read = reading(
        "# meshlint: ignore\n# meshlint: ignor[x]\n# we use meshlint: it is nice\nkind: a\napiVersion: b\n"
    )

    assert ["ignore", "ignor"] == [
        each.verb for each in comments_of(read.file, read.manifests) if isinstance(each, Mark)
    ][:2]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(**options) -> list[str]:
    return [f"{finding.check}: {finding.message}" for finding in lint(Options(**options)).findings]


def checks(**options) -> list[str]:
    return [finding.check for finding in lint(Options(**options)).findings]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("ignore[dual-mode-namespace] moving", []),
        (f"ignore[dual-mode-namespace] moving until {TOMORROW}", []),
        (
            f"ignore[dual-mode-namespace] moving until {YESTERDAY}",
            ["dual-mode-namespace", "expired-suppression"],
        ),
        ("ignore[dual-mode-namespace] until 2099-02-30", ["dual-mode-namespace", "unknown-suppression"]),
        ("ignore[dual-mode-namespce] moving", ["dual-mode-namespace", "unknown-suppression"]),
        ("ignore[dual-mode-namespace, dual-mode-pod] moving", ["unused-suppression"]),
        ("ignore[dual-mode-namespace, unused-suppression, dual-mode-pod] moving", []),
        ("ignore[enrollment]", []),
        ("ignore[waypoint]", ["dual-mode-namespace", "unused-suppression"]),
        ("ignore[] moving", ["dual-mode-namespace", "unknown-suppression"]),
        ("ignore the rest", ["dual-mode-namespace", "unknown-suppression"]),
        ("ignroe[all]", ["dual-mode-namespace", "unknown-suppression"]),
        ("is a linter", ["dual-mode-namespace"]),
        ("file-ignore[all] too late", ["dual-mode-namespace", "unused-suppression"]),
        ("ignore[{words}{0}] braces", ["dual-mode-namespace", "unknown-suppression"]),
    ],
)
def test_what_is_wrong_with_a_comment_is_a_finding(here, comment, expected):
    """
    Unknown words, ends that have come or are no day, and what suppresses nothing are found.
    """
    (here / "a.yaml").write_text(TWO_MODES.rstrip() + f" # meshlint: {comment}\n")

    assert expected == sorted(checks())


def test_thousands_of_unknown_words_are_one_finding_a_comment(here):
    """
    A hostile comment makes neither thousands of findings nor a line that nobody can read.
    """
    words = ", ".join(f"dual-mode-p{number}" for number in range(3000))
    lines = "".join(f"# meshlint: ignore[dual-mode-n{number}] x\n" for number in range(500))
    (here / "a.yaml").write_text(f"# meshlint: ignore[{words}] x\n{lines}{TWO_MODES}")

    said = [message for message in findings() if "unknown-suppression" in message]

    assert 501 == len(said)
    assert ", and 2995 more: nothing is suppressed by it" in said[0]
    assert max(map(len, said)) < 600


def test_a_file_ignore_holds_for_its_file_and_no_other(here):
    """
    At the top, below comments, directives and the first `---`, it holds for everything in the file.
    """
    top = "# a file\n\n--- # of ours\n# meshlint: file-ignore[dual-mode-namespace] all are moving\n"
    (here / "a.yaml").write_text(top + TWO_MODES + "---\n" + TWO_MODES.replace("shop", "till"))
    (here / "b.yaml").write_text(TWO_MODES.replace("shop", "stock"))

    found = lint(Options()).findings

    assert [("dual-mode-namespace", "b.yaml")] == [(f.check, f.at.file.path) for f in found]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("meshlint.dev/ignore: dual-mode-namespace=moving", []),
        ("meshlint.dev/ignore: 'unused-waypoint=x; dual-mode-namespace=moving'", ["unused-suppression"]),
        ("meshlint.dev/ignore: enrollment", []),
        (f"meshlint.dev/ignore: all=until {YESTERDAY}", ["dual-mode-namespace", "expired-suppression"]),
        ("meshlint.dev/ignore: moving", ["dual-mode-namespace", "unknown-suppression"]),
        ("meshlint.dev/ignore: ''", ["dual-mode-namespace"]),
        ("meshlint.dev/ignroe: all=x", ["dual-mode-namespace", "unknown-suppression"]),
        ("example.com/ignore: all=x", ["dual-mode-namespace"]),
    ],
)
def test_an_annotation_suppresses_what_is_found_about_its_object(here, annotation, expected):
    """
    Several checks have a reason each; other objects of the file are shown.
    """
    text = TWO_MODES.replace("  labels:", f"  annotations:\n    {annotation}\n  labels:")
    (here / "a.yaml").write_text(text + "---\n" + TWO_MODES.replace("shop", "till"))

    assert sorted(["dual-mode-namespace", *expected]) == sorted(checks())


def test_an_annotation_of_a_wrong_type_breaks_nothing(here):
    """
    What is no text suppresses nothing.
    """
    for number, value in enumerate(("true", "[a]", "{a: b}", "")):
        text = TWO_MODES.replace("  labels:", f"  annotations:\n    meshlint.dev/ignore: {value}\n  labels:")
        (here / f"{number}.yaml").write_text(text.replace("shop", f"shop-{number}"))

    assert 4 == checks(select=["dual-mode-namespace"]).count("dual-mode-namespace")


def test_unused_is_only_said_of_checks_that_ran_and_files_that_were_found(here):
    """
    With `--select`, `--ignore`, or a file that is named, nothing is known of what is needed in a whole run.
    """
    comment = " # meshlint: ignore[dangling-waypoint, waypoint, all] moving\n"
    (here / "a.yaml").write_text(TWO_MODES.replace("istio-injection: enabled\n", "app: shop" + comment))

    assert ["unused-suppression"] == checks()
    assert [] == checks(paths=["a.yaml"])
    assert [] == checks(select=["enrollment"])
    [said] = findings(ignore=["enrollment"])
    assert "no finding of 'dangling-waypoint' and 'waypoint'" in said


def test_a_check_that_does_not_hold_for_the_version_may_be_needed_for_another(here):
    """
    A suppression is not called unused for the Istio version that was asked for.
    """
    (here / "a.yaml").write_text("# meshlint: ignore[orphan-waypoint-namespace] x\n" + TWO_MODES)

    assert "unused-suppression" not in checks(istio_version=IstioVersion.parse("1.22"))
    assert "unused-suppression" in checks(istio_version=IstioVersion.parse("1.23"))


def test_context_is_not_reported_on(here):
    """
    Suppressions in what is only known are nobody's here to mend.
    """
    (here / "platform").mkdir()
    (here / "platform" / "a.yaml").write_text("# meshlint: ignore[nonsense]\n" + TWO_MODES)
    (here / "b.yaml").write_text(TWO_MODES.replace("shop", "b").replace("enabled", "disabled"))

    assert [] == checks(context=["platform"])


@pytest.mark.parametrize(
    "broken",
    [
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n",
        "apiVersion: v1\nkind: Service\nmetadata: [\n",
    ],
)
def test_where_something_was_not_read_a_suppression_may_be_needed(here, broken):
    """
    In a file with a template or a syntax error nothing is called unused.
    """
    (here / "a.yaml").write_text(
        "# meshlint: file-ignore[waypoint] once it is rendered\n" + TWO_MODES + "---\n" + broken
    )

    assert "unused-suppression" not in checks()


@pytest.mark.parametrize("render", [pytest.param(True, marks=kustomize), False])
def test_an_annotation_survives_rendering_and_holds_for_its_overlay(here, render):
    """
    What a kustomization annotates is suppressed in its overlay, and shown for the other one.
    """
    kind = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    for name in ("one", "two"):
        (here / name).mkdir()
        text = f"{kind}resources: [../base]\ncommonLabels: {{a: b}}\n"
        annotation = "commonAnnotations:\n  meshlint.dev/ignore: enrollment=x; dual-mode-pod=y\n"
        (here / name / "kustomization.yaml").write_text(text + annotation * (name == "one"))
    (here / "base").mkdir()
    (here / "base" / "kustomization.yaml").write_text(f"{kind}resources: [ns.yaml]\n")
    (here / "base" / "ns.yaml").write_text(TWO_MODES)
    found = lint(Options(render=render)).findings

    [shown] = [finding for finding in found if finding.check == "dual-mode-namespace"]
    assert ("two",) == (shown.sets if render else shown.sets[-1:])
    assert render == ("unused-suppression" in [finding.check for finding in found])
    assert all(not finding.fix.edits for finding in found if finding.fix and render)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    app: shop # meshlint: ignore[dual-mode-pod] x\n", "    app: shop\n"),
        ("    # meshlint: ignore[dual-mode-pod] x\n    app: shop\n", "    app: shop\n"),
        ("    app: shop # ours # meshlint: ignore[dual-mode-pod] x\n", "    app: shop # ours\n"),
        (
            "    istio-injection: enabled # meshlint: ignore[dual-mode-pod, dual-mode-namespace, nope] x\n",
            "    istio-injection: enabled # meshlint: ignore[dual-mode-namespace] x\n",
        ),
        (
            "    istio-injection: enabled # meshlint: ignore[waypoint] # meshlint: ignore[enrollment] y\n",
            "    istio-injection: enabled # meshlint: ignore[enrollment] y\n",
        ),
        ("  annotations:\n    meshlint.dev/ignore: dual-mode-pod=x\n", ""),
        (
            "  annotations:\n    a: b\n    meshlint.dev/ignore: dual-mode-pod=x # why\n",
            "  annotations:\n    a: b\n",
        ),
        (
            f"{INJECTED}  annotations:\n    meshlint.dev/ignore: 'enrollment=a b; dual-mode-pod=x'\n",
            f"{INJECTED}  annotations:\n    meshlint.dev/ignore: 'enrollment=a b'\n",
        ),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_suppresses_nothing_is_taken_out(here, before, after, newline):
    """
    The safe fix takes the word, the comment or the annotation out, and nothing else.
    """
    path = here / "a.yaml"
    path.write_bytes((HEAD + before).replace("\n", newline).encode())

    [text] = fix(Options()).texts.values()

    assert (HEAD + after).replace("\n", newline) == text
