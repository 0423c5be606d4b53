"""Running checks: crashes, fingerprints, sets, suppressions."""

import pytest

from manifests import mesh_of, namespace, reading, resources, service
from meshlint.checking.catalog import About, Check, Page, Precedence, TextSubject
from meshlint.checking.finding import Problem
from meshlint.checking.run import CHECK_CRASHED, Checkable, field_text, merge_sets, run_checks
from meshlint.checking.suppression import ignored_words, split_suppressed
from meshlint.checking.vocabulary import Impact, Severity
from meshlint.graph.build import build_graph
from meshlint.graph.scope import closed_scopes
from meshlint.mesh.derived import Cause
from meshlint.mesh.mesh import Mesh
from meshlint.model.kind import ANY_RESOURCE, SERVICE
from meshlint.model.version import VersionRange


def check_of(run, name="some-check", subjects=(SERVICE,), istio="all", severity=Severity.ERROR) -> Check:
    return Check(
        id=name,
        family="tests",
        page=Page("A title", ""),
        severity=severity,
        impact=Impact.HYGIENE,
        subjects=subjects,
        reads=(),
        istio=VersionRange(istio),
        since="0.1.0",
        module=__name__,
        run=run,
    )


def checkable_of(text: str, name: str = ".", version: str = "1.31") -> Checkable:
    mesh = mesh_of(text, version)
    return Checkable(name, mesh, mesh.graph.resources)


def at_name(subject, _: Mesh):
    yield Problem(f"{subject.name} is there", at=subject.at())


def test_a_check_that_raises_is_a_finding_and_the_others_go_on():
    """
    A crash names the check and the object, and hides nothing of what the others find.
    """

    def broken(subject, _):
        raise KeyError(subject.name)
        yield

    checks = [check_of(broken, "broken-check"), check_of(at_name)]
    findings = run_checks(checks, (), checkable_of(service("cart", "shop")))

    assert ["check-crashed", "some-check"] == [finding.check for finding in findings]
    assert "'broken-check' failed on Service shop/cart (KeyError: 'cart')" in findings[0].message
    assert Severity.ERROR is findings[0].severity


def test_what_a_check_found_before_it_raised_is_kept():
    """
    A check that raises halfway has still found what it found.
    """

    def halfway(subject, mesh):
        yield from at_name(subject, mesh)
        raise ValueError

    found = run_checks([check_of(halfway)], (), checkable_of(service("cart")))

    assert ["some-check", CHECK_CRASHED.id] == [finding.check for finding in found]


def test_a_check_runs_only_for_the_versions_it_holds_for():
    """
    Outside of its range of Istio versions a check is silent.
    """
    check = check_of(at_name, istio=">=1.24")
    text = service("cart")

    assert not run_checks([check], (), checkable_of(text, version="1.23"))
    assert run_checks([check], (), checkable_of(text, version="1.24"))


def test_fingerprints_survive_moved_lines_and_tell_objects_apart():
    """
    A comment above changes no fingerprint; another object has another.
    """
    check = check_of(at_name)
    [before] = run_checks([check], (), checkable_of(service("cart", "shop")))
    [moved] = run_checks([check], (), checkable_of("# a comment\n\n" + service("cart", "shop")))
    [other] = run_checks([check], (), checkable_of(service("cart", "other")))

    assert before.fingerprint == moved.fingerprint
    assert before.at.span != moved.at.span
    assert before.fingerprint != other.fingerprint


def test_equal_findings_have_their_number():
    """
    Two findings with one key are told apart by their order.
    """

    def twice(subject, mesh):
        yield from at_name(subject, mesh)
        yield from at_name(subject, mesh)

    one, two = run_checks([check_of(twice)], (), checkable_of(service("cart")))

    assert (":1", ":2") == (one.fingerprint[-2:], two.fingerprint[-2:])


def test_sets_that_share_a_file_share_its_finding():
    """
    What several sets find at one place is one finding that names them.
    """
    text = service("cart", "shop")
    shared = reading(text).file
    mesh = mesh_of(text)
    checks = [check_of(at_name)]
    found = [
        f
        for name in ("dev", "prod")
        for f in run_checks(checks, (), Checkable(name, mesh, mesh.graph.resources))
    ]
    [merged] = merge_sets(found)

    assert ("dev", "prod") == merged.sets
    assert shared.path == merged.at.file.path


def test_a_finding_on_an_ambiguous_object_is_no_error():
    """
    Of an object that is defined twice differently nothing is certain.
    """
    text = service("cart", "shop") + service("cart", "shop", spec="ports: [{port: 80}]")
    severities = {finding.severity for finding in run_checks([check_of(at_name)], (), checkable_of(text))}

    assert {Severity.WARNING} == severities


def test_where_two_could_speak_of_one_place_one_does():
    """
    A check is silent at the place where one with precedence speaks, and only there.
    """

    def at_cart(subject, mesh):
        if subject.name == "cart":
            yield from at_name(subject, mesh)

    checks = [check_of(at_name, "second-check"), check_of(at_cart, "first-check")]
    rule = Precedence("first-check", "second-check", About.PLACE)
    found = run_checks(checks, [rule], checkable_of(service("cart") + service("stock")))

    assert [("second-check", "stock"), ("first-check", "cart")] == [
        (f.check, f.resource.name) for f in found if f.resource
    ]


def test_checks_of_texts_and_of_every_resource_get_their_subjects():
    """
    Subjects are kinds, every resource, manifests, duplicate keys or what could not be read.
    """
    seen = []

    def note(subject, _):
        seen.append(type(subject).__name__)
        return ()

    read = reading(
        namespace("shop") + "---\napiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\n---\nkind: [\n"
    )
    checkable = Checkable(
        ".", mesh_of(""), resources(namespace("shop")), duplicate_keys=read.duplicate_keys, unread=read.unread
    )
    run_checks([check_of(note, subjects=(*TextSubject, ANY_RESOURCE))], (), checkable)

    assert ["Manifest", "DuplicateKey", "Unread", "Namespace"] == seen


def test_comments_suppress_at_the_line_or_above_it():
    """
    A suppression counts for its own line and the one below its comment block, by id.
    """
    comments = "  # meshlint: ignore[other-check, some-check] we know\n  # another comment\n"
    text = f"apiVersion: v1\nkind: Service\nmetadata:\n{comments}  name: cart"
    found = run_checks([check_of(at_name), check_of(at_name, "third-check")], (), checkable_of(text))
    shown, suppressed = split_suppressed(found)

    assert ["third-check"] == [finding.check for finding in shown]
    assert ["some-check"] == [finding.check for finding in suppressed]


def test_a_suppression_is_no_suppression_of_lines_further_down():
    """
    A comment does not reach over a line that is no comment.
    """
    text = "# meshlint: ignore[some-check]\napiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n"
    shown, suppressed = split_suppressed(run_checks([check_of(at_name)], (), checkable_of(text)))

    assert (1, 0) == (len(shown), len(suppressed))


def suppressed_of(text: str) -> int:
    return len(split_suppressed(run_checks([check_of(at_name)], (), checkable_of(text)))[1])


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


def test_many_findings_on_one_line_are_looked_at_once():
    """
    A list that is written on one line, as programs do, takes no longer than one on many.
    """
    item = '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a%d"}}'
    items = ", ".join(item % number for number in range(5000))
    text = f'{{"apiVersion": "v1", "kind": "List", "items": [{items}]}}'
    found = run_checks([check_of(at_name)], (), checkable_of(text))
    lines = []
    file = found[0].at.file
    file.line = lambda number: lines.append(number) or ""  # type: ignore[method-assign]

    assert 5000 == len(split_suppressed(found)[0])
    assert [1] == lines


def test_the_words_of_all_comments_are_known():
    """
    Words are given with the place of their comment; text that looks like one has none.
    """
    read = reading("a: ' # meshlint: ignore[x]'\n# meshlint: ignore[one, two]\napiVersion: v1\nkind: Pod\n")

    assert [(28, "one"), (28, "two")] == list(ignored_words(read.file, read.manifests))


def test_fields_are_written_as_users_write_them():
    """
    Keys that are not plain words, and indices, stand in brackets.
    """
    path = ("metadata", "labels", "istio.io/use-waypoint")

    assert "metadata.labels[istio.io/use-waypoint]" == field_text(path)
    assert "spec.listeners[0].port" == field_text(("spec", "listeners", 0, "port"))


def test_a_finding_that_an_altered_object_proves_is_a_note():
    """
    What something changes that was not applied is only noted, with the place that changes it.
    """
    decoded = resources(service("cart", "shop") + service("stock", "shop") + service("till", "shop"))
    cart, _, till = decoded
    altered = {cart.manifest: till.at()}
    mesh = Mesh(build_graph(decoded, closed_scopes(decoded, ()), altered), mesh_of("").version)

    def by_cart(subject, _):
        related = (Cause("by this", cart.at()),) if subject is till else ()
        yield Problem(f"{subject.name} is there", at=subject.at(), related=related)

    found = run_checks([check_of(by_cart)], (), Checkable(".", mesh, decoded))

    assert [Severity.NOTE, Severity.ERROR, Severity.NOTE] == [finding.severity for finding in found]
    assert ["as written: this changes it and was not applied"] == [c.message for c in found[0].related]
