"""Comments that accept what is found."""

import pytest

from meshlint.cli import run
from meshlint.errors import UsageError
from meshlint.fixing.comments import add_comments
from meshlint.lint import Options, lint
from meshlint.source.reading import read_text

FAULTY = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
    istio-injection: enabled # old
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_comment_is_written_above_what_is_found(here, newline):
    """
    As far in as the line, with the file's line breaks; afterwards nothing is found.
    """
    (here / "a.yaml").write_bytes(FAULTY.replace("\n", newline).encode())

    assert 0 == run(["check", "--add-ignore", "we are moving"])

    comment = "    # meshlint: ignore[dual-mode-namespace] we are moving\n"
    expected = FAULTY.replace("    istio-inj", f"{comment}    istio-inj").replace("\n", newline)
    assert expected.encode() == (here / "a.yaml").read_bytes()
    assert not lint(Options()).findings


def test_several_checks_of_one_line_share_a_comment(here):
    """
    One comment a line, the checks in order; a second run has nothing to add.
    """
    (here / "a.yaml").write_text(
        FAULTY.replace("shop", "kube-system").replace("    istio-inj", "    app: x\n    istio-inj")
    )
    labels = "{istio.io/use-waypoint: x, istio.io/waypont-for: y}"
    (here / "b.yaml").write_text(f"apiVersion: v1\nkind: Service\nmetadata:\n  name: x\n  labels: {labels}\n")
    before = lint(Options()).findings
    added = add_comments(Options(), "so it is")
    lines = {(finding.at.file.path, finding.at.span.start_line) for finding in before}

    assert len(lines) == added.comments < len(before)
    assert not added.result.findings
    assert not added.refused


@pytest.mark.parametrize(
    "reason", ["", "  ", "two\nlines", "a\x1b[31m", "x # meshlint: ignore[all]", "a\u2028b"]
)
def test_a_reason_is_one_line_of_words(here, reason):
    """
    What could not stand behind a comment is refused, and nothing is written.
    """
    (here / "a.yaml").write_text(FAULTY)

    with pytest.raises(UsageError, match="wants a reason"):
        add_comments(Options(), reason)


def test_a_comment_that_would_not_hold_is_not_written(here, capsys):
    """
    An end that is past suppresses nothing.
    """
    (here / "a.yaml").write_text(FAULTY)

    assert 1 == run(["check", "--add-ignore", "until 2020-01-01"])
    assert FAULTY == (here / "a.yaml").read_text()
    assert "not accepted: dual-mode-namespace at a.yaml:7:5" in capsys.readouterr().err


def test_files_that_are_not_ours_to_change_are_left_alone(here, capsys):
    """
    Templates, JSON and context get no comment; what is found in them is said.
    """
    template = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n"
    (here / "a.yaml").write_text(FAULTY + template)
    (here / "b.json").write_text(
        '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "till",\n'
        '"labels": {"istio.io/dataplane-mode": "ambient", "istio-injection": "enabled"}}}\n'
    )
    texts = {path.name: path.read_text() for path in here.glob("[ab].*")}

    assert 1 == run(["check", "--add-ignore", "moving"])
    assert texts == {path.name: path.read_text() for path in here.glob("[ab].*")}
    said = capsys.readouterr().err
    assert "b.json" in said
    assert "JSON has no comments" in said
    assert "has templates in it" in said


def test_what_was_rendered_gets_no_comment(here, monkeypatch):
    """
    The line that is shown of a rendered object is not always the one that decides.
    """
    (here / "a.yaml").write_text(FAULTY)
    monkeypatch.setattr("meshlint.fixing.comments.is_rendered", lambda manifest: manifest is not None)
    added = add_comments(Options(), "moving")

    assert not added.texts
    assert ["it was rendered: use the annotation `meshlint.dev/ignore`, or the settings"] == [
        why for _, why in added.refused
    ]


def test_a_diff_writes_nothing(here, capsys):
    """
    `--diff` shows the comments; exit code 1 says that there are some.
    """
    (here / "a.yaml").write_text(FAULTY)

    assert 1 == run(["check", "--add-ignore", "moving", "--diff"])
    assert "+    # meshlint: ignore[dual-mode-namespace] moving" in capsys.readouterr().out
    assert FAULTY == (here / "a.yaml").read_text()
    assert 2 == run(["check", "--add-ignore", "moving", "--fix"])


NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:"
AMBIENT = "istio.io/dataplane-mode: ambient"
STYLES = {
    "folded": f"""{NAMESPACE}
  name: >
    shop
  labels:
    {AMBIENT}
    app: a
      b
    istio-injection: enabled
""",
    "flow": f"""{NAMESPACE} {{name: shop,
 labels: {{{AMBIENT}, app: 'a

  b', istio-injection: enabled}}}}
""",
    "quoted": f"""{NAMESPACE}
  name: shop
  annotations:
    a: "x
      y"
  labels:
    {AMBIENT}
    istio-injection: enabled""",
}


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES)
def test_whatever_the_style_the_file_reads_as_before(here, text):
    """
    A comment that would become part of a value is not written.
    """
    (here / "a.yaml").write_text(text)
    before = [manifest.data for manifest in read_text("a.yaml", text.encode()).manifests]
    assert lint(Options()).findings

    run(["check", "--add-ignore", "moving"])

    after = read_text("a.yaml", (here / "a.yaml").read_bytes())
    assert before == [manifest.data for manifest in after.manifests]
