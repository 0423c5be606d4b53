"""Which waypoint a label may mean that names none, and what it costs to tell."""

from collections import Counter

import pytest

from manifests import gateway, mesh_of, named, namespace, service
from meshlint.mesh.mesh import Mesh
from meshlint.mesh.waypoints import facts

NAMESPACES, WAYPOINTS = 6, 5


@pytest.fixture
def calls(monkeypatch) -> Counter[str]:
    """How often names are compared, and Gateways judged."""
    counted: Counter[str] = Counter()
    nearest, is_waypoint = facts.nearest, Mesh.is_waypoint

    def count_nearest(*args):
        counted["nearest"] += 1
        return nearest(*args)

    def count_is_waypoint(*args):
        counted["is_waypoint"] += 1
        return is_waypoint(*args)

    monkeypatch.setattr(facts, "nearest", count_nearest)
    monkeypatch.setattr(Mesh, "is_waypoint", count_is_waypoint)
    return counted


def many() -> str:
    """Namespaces with several waypoints each, and for each of these a label with a slip."""
    return "".join(
        namespace(f"n{n}")
        + "".join(
            gateway(f"{'abcde'[w] * 5}-wp", f"n{n}")
            + service(f"s{w}", f"n{n}", use_waypoint=f"{'abcde'[w] * 5}-wpp")
            for w in range(WAYPOINTS)
        )
        for n in range(NAMESPACES)
    )


def test_each_lost_label_is_judged_once_however_many_waypoints_there_are(calls):
    """
    To ask all waypoints for the labels that may mean them takes a step for each label and each Gateway.
    """
    mesh = mesh_of(many())
    found = [len(mesh.lost_labels_for(wp)) for wp in mesh.waypoints()]

    assert [1] * (NAMESPACES * WAYPOINTS) == found
    assert NAMESPACES * WAYPOINTS == calls["nearest"]
    assert calls["is_waypoint"] <= 4 * NAMESPACES * WAYPOINTS


def test_a_waypoint_of_one_name_in_every_namespace_is_judged_once(calls):
    """
    Labels that ask for a common name do not make each of them ask all waypoints of that name.
    """
    text = "".join(namespace(f"n{n}") + gateway("wp", f"n{n}") for n in range(20))
    text += "".join(namespace(f"m{n}", use_waypoint="wp") for n in range(20))
    mesh = mesh_of(text)

    assert [()] * 20 == [mesh.lost_labels_for(wp) for wp in mesh.waypoints()]
    assert calls["is_waypoint"] <= 4 * 20


@pytest.mark.parametrize("label", ["infra/shared", "sharde", "shared"])
def test_a_label_may_mean_a_waypoint_by_a_slip_or_another_way_to_write_it(label):
    """
    Written as `namespace/name`, misspelt beside it, or without the namespace that it stands in.
    """
    where = "infra" if label == "sharde" else "shop"
    text = namespace("shop") + namespace("infra") + gateway("shared", "infra")
    mesh = mesh_of(text + service("cart", where, use_waypoint=label))
    [shared] = mesh.waypoints()

    cart = named(mesh, "cart")

    assert [cart.label_at("istio.io/use-waypoint")] == list(mesh.lost_labels_for(shared))


@pytest.mark.parametrize(
    ("where", "complete", "expected"),
    [("shop", False, ["Service 'cart'"]), ("shop", True, []), ("other", False, [])],
)
def test_a_policy_for_a_service_that_is_missing_may_need_the_waypoint_beside_it(where, complete, expected):
    """
    The Service may be told elsewhere, but not of another namespace, nor where nothing is missing.
    """
    policy = (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        f"metadata: {{name: p, namespace: {where}}}\n"
        "spec: {targetRefs: [{kind: Service, name: cart}, {kind: Service, name: here}]}\n"
    )
    text = namespace("shop") + gateway("wp", "shop") + service("here", where) + policy
    mesh = mesh_of(text, complete=complete)
    [wp] = mesh.waypoints()
    found = [cause.message for cause in mesh.possible_dependents(wp)]

    assert len(expected) == len(found)
    assert all(words in message for words, message in zip(expected, found, strict=True))
