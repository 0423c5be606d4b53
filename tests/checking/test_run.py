"""Running checks: crashes, fingerprints, sets."""

from manifests import mesh_of, namespace, reading, resources, service
from meshlint.checking.catalog import About, Check, Page, Precedence, TextSubject
from meshlint.checking.finding import Problem
from meshlint.checking.run import CHECK_CRASHED, Checkable, field_text, merge_sets, run_checks
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
