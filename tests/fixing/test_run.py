"""Fixing files: what is changed, what is refused, and what is left exactly as it was."""

import random

import pytest
import yaml

from manifests import MISSPELT_MODE
from meshlint.checking.edits import replace_value
from meshlint.checking.finding import Edit, Fix
from meshlint.fixing.edited import compatible, edited_texts
from meshlint.fixing.files import unified_diff
from meshlint.fixing.run import fix
from meshlint.fixing.verification import keeps_the_rest
from meshlint.lint import Options, lint
from meshlint.source.reading import read_text

UNQUOTED = """\
apiVersion: v1
kind: Service
metadata:
  name: cart   # the cart
  namespace: shop
  labels:
    app: cart
    istio.io/ingress-use-waypoint: true # why not
spec:
  ports: [{port: 80}]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fixed_text(path, **options) -> str:
    """The text of the only file after fixing, whether it changed or not."""
    fixed = fix(Options(paths=[str(path)]), **options)
    return next(iter(fixed.texts.values()), path.read_text())


def test_safe_fixes_are_made_and_unsafe_ones_only_if_asked(here):
    """
    Quotes are added without being asked twice; a value that changes what the mesh does is not touched.
    """
    (here / "a.yaml").write_text(f"{UNQUOTED}---\n{MISSPELT_MODE}")

    safe = fix(Options())
    both = fix(Options(), unsafe=True)

    assert ["unquoted-label-value"] == [finding.check for finding in safe.mended]
    assert {"unquoted-label-value", "invalid-dataplane-mode"} == {finding.check for finding in both.mended}
    [text] = safe.texts.values()
    assert UNQUOTED.replace("true #", '"true" #') + f"---\n{MISSPELT_MODE}" == text


def test_a_file_with_templates_is_left_alone(here):
    """
    What a renderer will make of a file with a template in it is not known.
    """
    template = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n"
    (here / "a.yaml").write_text(UNQUOTED + template)

    assert not fix(Options(), unsafe=True).texts


def test_context_is_never_fixed(here):
    """
    Files that are only shown are not ours to change.
    """
    (here / "platform").mkdir()
    (here / "platform" / "a.yaml").write_text(UNQUOTED)
    (here / "b.yaml").write_text(MISSPELT_MODE.replace("Ambient", "ambient"))

    assert not fix(Options(paths=["b.yaml"], context=["platform"]), unsafe=True).texts


def test_a_fix_that_would_bring_an_error_is_refused_and_the_others_are_made(here):
    """
    An ambient namespace would hold a machine that cannot join it: this fix alone is left out, and says why.
    """
    group = "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: vm, namespace: shop}\n"
    (here / "a.yaml").write_text(f"{MISSPELT_MODE}---\n{UNQUOTED}")
    (here / "b.yaml").write_text(group)

    fixed = fix(Options(), unsafe=True)

    [refused] = fixed.refused
    assert "invalid-dataplane-mode" == refused.finding.check
    assert "it would bring 'vm-in-ambient' at b.yaml:3" == refused.why
    assert ["unquoted-label-value"] == [finding.check for finding in fixed.mended]


def test_a_fix_that_another_fix_makes_possible_is_made_too(here):
    """
    Passes go on until nothing is left to do, and a second run changes nothing.
    """
    text = MISSPELT_MODE.replace("istio.io/dataplane-mode: Ambient", "istio.io/dataplane-modes: Ambient")
    (here / "a.yaml").write_text(text)

    fixed = fix(Options(), unsafe=True)

    [after] = fixed.texts.values()
    assert MISSPELT_MODE.replace("Ambient", "ambient") == after
    assert 2 == len(fixed.mended)


def test_an_edit_that_an_alias_repeats_is_seen():
    """
    What changes elsewhere in the document, by an alias, is more than a fix says.
    """
    text = (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: &labels\n"
        "    app: a\nspec:\n  selector: *labels\n"
    )
    before = read_text("a.yaml", text.encode())
    edits = replace_value(before.manifests[0].at("metadata", "labels", "app"), "b")
    after = read_text("a.yaml", text.replace("app: a", "app: b").encode())

    assert not keeps_the_rest(before, after, edits)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("app: cart\n", "app: cart\n    : broken\n"),
        ("name: cart", "name: other"),
        ("  namespace: shop\n", ""),
        ("port: 80", "port: '80'"),
        ("spec:\n", "---\nspec:\n"),
    ],
)
def test_a_change_beside_the_edit_is_seen(old, new):
    """
    An edit of one label accounts for no other change of the object, nor for a broken text.
    """
    before = read_text("a.yaml", UNQUOTED.encode())
    edits = replace_value(before.manifests[0].at("metadata", "labels", "istio.io/ingress-use-waypoint"), "x")
    after = read_text("a.yaml", UNQUOTED.replace(old, new).encode())

    assert not keeps_the_rest(before, after, edits)


def test_fixes_that_overlap_are_not_made_together(here):
    """
    Of two fixes of one stretch of text the first is made, the other waits for the next pass.
    """
    (here / "a.yaml").write_text(MISSPELT_MODE)
    [finding] = lint(Options()).findings
    file, start, end = finding.at.file, *finding.at.value_offsets

    twins = [finding._replace(fix=Fix(text, (Edit(file, start, end, text),))) for text in ("one", "two")]

    assert [MISSPELT_MODE.replace("Ambient", "one")] == list(
        edited_texts(compatible(twins, unsafe=True)).values()
    )


def test_a_diff_says_what_would_change(here):
    """
    The diff is that of `diff -u`, and a missing last line break is said as git says it.
    """
    (here / "a.yaml").write_text(MISSPELT_MODE.rstrip("\n"))

    diff = unified_diff(fix(Options(), unsafe=True).texts)

    assert (
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -3,4 +3,4 @@\n metadata:\n   name: shop\n   labels:\n"
        "-    istio.io/dataplane-mode: Ambient\n\\ No newline at end of file\n"
        "+    istio.io/dataplane-mode: ambient\n\\ No newline at end of file\n"
    ) == diff


@pytest.mark.slow
def test_a_thousand_manifests_are_changed_in_nothing_but_what_is_fixed(here):
    """
    However a manifest is written, its fix changes one value: all other data and every comment stay.
    """
    rand = random.Random(20261126)
    path = here / "a.yaml"
    for _ in range(1000):
        text, data = _written(rand)
        path.write_text(text, newline="")
        after = fixed_text(path, unsafe=True)
        expected = yaml.safe_load(text)
        expected["metadata"]["labels"] = data

        assert expected == yaml.safe_load(after), text
        assert [_comment(line) for line in text.splitlines()] == [
            _comment(line) for line in after.splitlines()
        ]
        assert text.count("\r\n") == after.count("\r\n")


def _written(rand: random.Random) -> tuple[str, dict[str, str]]:
    """A Service with faulty labels in one of many ways to write it, and its labels when mended."""
    newline, comment = rand.choice(["\n", "\r\n"]), rand.choice(["", " # why", "  # a: b"])
    quote = rand.choice(["", "'", '"'])
    wrong = rand.choice(["true", "yes", "off", "False", "n", "12", "1.5", "0x1F", ".5"])
    labels = {"app": f"{quote}cart{quote}", "istio.io/ingress-use-waypoint": wrong, "tier": "'true'"}
    entries = list(labels.items())
    rand.shuffle(entries)
    if rand.random() < 0.3:
        written = ["  labels: {" + ", ".join(f"{key}: {value}" for key, value in entries) + "}" + comment]
    else:
        indent = " " * rand.choice([3, 4, 6])
        written = [
            "  labels:",
            *(f"{indent}{key}:{' ' * rand.randint(1, 3)}{v}{comment}" for key, v in entries),
        ]
    lines = [
        *rand.choice([[], ["---"], ["# a file", "---"]]),
        *["apiVersion: v1", "kind: Service", "metadata:", "  name: cart", "  namespace: shop", *written],
        *rand.choice([[], ["", "  # after"], ["  annotations: &a", "    x: y # z"]]),
        *["spec:", "  selector: {app: cart}", "  ports:", "  - port: 80" + comment, "    name: 'http'"],
    ]
    mended = {key: value.strip("'\"") for key, value in labels.items()}
    return newline.join(lines) + rand.choice(["", newline]), mended


def _comment(line: str) -> str:
    return line[line.index("#") :] if "#" in line else ""
