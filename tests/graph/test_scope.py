"""What the other sets of a run, and what is delivered, leave closed."""

from manifests import gateway, namespace, resources, service
from meshlint.graph.build import build_graph
from meshlint.graph.graph import ResourceGraph
from meshlint.graph.scope import Told, closed_scopes, neighbours
from meshlint.model.kind import GATEWAY, NAMESPACE, SERVICE, ResourceRef

WAYPOINT = ResourceRef(GATEWAY, "shop", "wp")


def first_of(*sets: str, beyond: tuple[frozenset[str | None], ...] = ()) -> ResourceGraph:
    """The graph of the first set of a run."""
    decoded = [resources(text) for text in sets]
    reach = [*beyond, *[frozenset[str | None]()] * (len(sets) - len(beyond))]
    told = [Told(one, own) for one, own in zip(decoded, reach, strict=True)]
    scopes = closed_scopes(decoded[0], (), beyond=reach[0], neighbours=neighbours(told)[0])
    return build_graph(decoded[0], scopes)


def test_a_delivery_opens_the_namespace_that_it_goes_to():
    """
    What is delivered and was not read may be anything in its namespace, or anywhere if none is told.
    """
    both = namespace("shop") + namespace("other")

    assert first_of(both).find(WAYPOINT).is_absent
    assert first_of(both, beyond=(frozenset({"other"}),)).find(WAYPOINT).is_absent
    assert first_of(both, beyond=(frozenset({"shop"}),)).find(WAYPOINT).is_unknown
    assert first_of(both, beyond=(frozenset({None}),)).find(WAYPOINT).is_unknown


def test_a_delivery_of_another_set_opens_what_that_set_does_not_declare():
    """
    A set that declares the namespace itself is an alternative: its deliveries are for its own cluster.
    """
    shop, other = namespace("shop"), namespace("other")
    nothing: frozenset[str | None] = frozenset()
    for reach in (frozenset({"shop"}), frozenset({None})):
        assert first_of(shop, other, beyond=(nothing, reach)).find(WAYPOINT).is_unknown
        assert first_of(shop, shop, beyond=(nothing, reach)).find(WAYPOINT).is_absent
    assert first_of(shop, other, beyond=(nothing, frozenset({"other"}))).find(WAYPOINT).is_absent


def test_a_set_that_holds_objects_of_a_namespace_of_another_continues_it():
    """
    Objects in a namespace that their set does not declare are for the set that does.
    """
    shop = namespace("shop")

    assert first_of(shop, service("cart", "shop")).find(WAYPOINT).is_unknown
    assert first_of(shop, shop + service("cart", "shop")).find(WAYPOINT).is_absent
    assert first_of(shop, service("cart", "other")).find(WAYPOINT).is_absent


def test_an_object_of_another_set_without_a_namespace_may_be_meant():
    """
    Its name decides; a namespace that is told, of another or of an alternative, rules it out.
    """
    shop = namespace("shop")

    assert first_of(shop, gateway("wp")).find(WAYPOINT).is_unknown
    assert first_of(shop, gateway("wp")).could_be(WAYPOINT)
    assert first_of(shop, gateway("wp2")).find(WAYPOINT).is_absent
    assert first_of(shop, service("wp")).find(WAYPOINT).is_absent
    assert first_of(shop, gateway("wp", "other")).find(WAYPOINT).is_absent
    assert first_of(shop, shop + gateway("wp", "shop")).find(WAYPOINT).is_absent
    assert first_of(shop, gateway("wp", "shop")).could_be(WAYPOINT)
    assert first_of(namespace("other"), shop + gateway("wp", "shop")).could_be(WAYPOINT)
    assert not first_of(shop).could_be(WAYPOINT)


def test_an_altered_object_is_no_answer():
    """
    Of an object that something changes which was not applied, it is not known what it will be.
    """
    decoded = resources(namespace("shop") + gateway("wp", "shop") + gateway("other", "shop"))
    altered = {decoded[1].manifest: decoded[1].at()}
    graph = build_graph(decoded, closed_scopes(decoded, ()), altered)

    assert graph.find(WAYPOINT).is_unknown
    assert graph.find(ResourceRef(GATEWAY, "shop", "other")).value is decoded[2]


def test_the_objects_of_the_other_sets():
    """
    What several sets hold of one file is not told again.
    """
    shared, cart = resources(namespace("shop")), resources(service("cart", "shop"))
    told = [Told(shared), Told([*shared, *cart])]

    assert cart == list(neighbours(told)[0].resources(NAMESPACE, SERVICE))
    assert [] == list(neighbours(told)[1].resources(NAMESPACE, SERVICE))
