"""What refers to what, and what is there."""

from manifests import deployment, gateway, graph_of, namespace, service
from meshlint.graph.graph import Relation
from meshlint.model.kind import DEPLOYMENT, GATEWAY, NAMESPACE, SERVICE, ResourceRef


def test_every_edge_shows_the_line_that_declares_it():
    """
    A reference is declared by the field that a person would edit.
    """
    graph = graph_of(
        namespace("shop")
        + service("cart", "shop", spec="selector: {app: cart}", use_waypoint="wp")
        + deployment("cart", "shop")
    )
    [cart] = graph.of_kind(SERVICE)
    lines = {
        edge.relation: edge.declared_at.file.line(edge.declared_at.span.start_line).strip()
        for edge in graph.edges_from(cart)
    }

    assert {
        Relation.IN_NAMESPACE: "namespace: shop",
        Relation.SELECTS: "selector: {app: cart}",
        Relation.USES_WAYPOINT: "istio.io/use-waypoint: 'wp'",
    } == lines


def test_a_selector_selects_by_all_of_its_labels_in_its_own_namespace():
    """
    Pods of another namespace, or with only some of the labels, are not selected.
    """
    graph = graph_of(
        service("cart", "shop", spec="selector: {app: cart, app2: x}")
        + service("all", "shop", spec="selector: {app: cart}")
        + service("none", "shop", spec="selector: {}")
        + deployment("cart", "shop")
        + deployment("cart", "other")
    )
    selected = {
        edge.source.name: edge.target
        for s in graph.of_kind(SERVICE)
        for edge in graph.edges_from(s, Relation.SELECTS)
    }

    assert {"all": ResourceRef(DEPLOYMENT, "shop", "cart")} == selected


def test_an_object_is_absent_only_from_a_closed_scope():
    """
    What is not in the set is unknown, unless the Namespace object is.
    """
    wanted = ResourceRef(GATEWAY, "shop", "wp")

    assert graph_of(service("cart", "shop")).find(wanted).is_unknown
    assert graph_of(namespace("shop")).find(wanted).is_absent
    assert graph_of(namespace("other")).find(wanted).is_unknown
    assert graph_of(service("cart", "shop"), complete=True).find(wanted).is_absent


def test_something_unread_opens_the_namespace_that_it_may_be_for():
    """
    A template for a namespace opens that one; one of which the namespace is not told opens all.
    """
    wanted = ResourceRef(GATEWAY, "shop", "wp")
    template = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: '{{ x }}'\n  namespace: "
    both = namespace("shop") + namespace("other")

    assert graph_of(both + template + "other\n").find(wanted).is_absent
    assert graph_of(both + template + "shop\n").find(wanted).is_unknown
    assert graph_of(both + template + "'{{ y }}'\n").find(wanted).is_unknown


def test_an_object_of_a_cluster_does_not_say_what_else_there_is():
    """
    What carries uid and resourceVersion was read from a cluster, that one alone perhaps.
    """
    for text in (service("cart", "shop"), namespace("shop")):
        live = text.replace("metadata:\n", "metadata:\n  uid: a\n  resourceVersion: '1'\n")

        assert graph_of(live).find(ResourceRef(GATEWAY, "shop", "wp")).is_unknown


def test_definitions_that_differ_are_no_answer():
    """
    The same object twice is found if the copies agree, unknown if they do not.
    """
    ref = ResourceRef(NAMESPACE, None, "shop")

    assert graph_of(namespace("shop") + namespace("shop")).find(ref).value is not None
    assert graph_of(namespace("shop") + namespace("shop", dataplane_mode="ambient")).find(ref).is_unknown


def test_networkx_gets_every_node_and_edge():
    """
    The graph for algorithms has the objects, those that are only referred to, and the lines.
    """
    graph = graph_of(
        namespace("shop") + service("cart", "shop", use_waypoint="wp") + gateway("other", "shop")
    )
    picture = graph.to_networkx()
    missing = ResourceRef(GATEWAY, "shop", "wp")

    assert picture.nodes[missing]["resource"] is None
    [edge] = picture.get_edge_data(ResourceRef(SERVICE, "shop", "cart"), missing).values()
    assert Relation.USES_WAYPOINT is edge["relation"]
    assert "use-waypoint" in edge["declared_at"].field[-1]
