"""Which pods something without targets is for, and what waypoints in front of them act by."""

import pytest

from manifests import deployment, gateway, mesh_of, named, namespace, service
from meshlint.mesh.mesh import Mesh
from meshlint.mesh.policies.coverage import Coverage
from meshlint.model.kind import REQUEST_AUTHENTICATION
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.model.kinds.traffic import Sidecar
from meshlint.model.kinds.workload import Workload

AMBIENT = namespace("shop", dataplane_mode="ambient")
CART = deployment("cart", "shop")
OLD = deployment("old", "shop", inject="true")
ROOT = namespace("istio-system")
API = {"Sidecar": "networking", "EnvoyFilter": "networking"}


def policy(
    spec: str = "", kind: str = "RequestAuthentication", where: str | None = "shop", name: str = "policy"
) -> str:
    place = f", namespace: {where}" if where else ""
    return (
        f"---\napiVersion: {API.get(kind, 'security')}.istio.io/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}{place}}}\nspec: {{{spec}}}\n"
    )


def sidecar(spec: str = "", where: str = "shop") -> str:
    return policy(spec, "Sidecar", where)


def covered(text: str, *, complete: bool = False) -> Coverage:
    mesh = mesh_of(text, complete=complete)
    found = named(mesh, "policy")
    assert isinstance(found, TargetedPolicy | Sidecar)
    return mesh.coverage(found)


def ambient(text: str, *, complete: bool = False) -> list[str]:
    return [pod.name for pod in covered(text, complete=complete).ambient]


SELECT_CART = ("selector: {matchLabels: {app: cart}}", "workloadSelector: {labels: {app: cart}}")


@pytest.mark.parametrize(
    ("text", "selecting", "expected"),
    [
        (AMBIENT + CART, True, ["cart"]),
        (AMBIENT + CART + OLD, False, ["cart"]),
        (AMBIENT + CART + deployment("till", "shop"), False, ["cart", "till"]),
        (AMBIENT + deployment("till", "shop"), True, []),
        (AMBIENT + deployment("cart", "shop", dataplane_mode="none"), True, []),
        (AMBIENT + deployment("cart", "web"), True, []),
        (namespace("shop", injection="enabled") + CART, True, []),
        (CART, True, []),
        (deployment("cart", "shop", dataplane_mode="ambient"), True, ["cart"]),
        (AMBIENT, False, ["shop"]),
        (AMBIENT, True, []),
        (AMBIENT + deployment("cart", "shop", dataplane_mode="none"), False, []),
    ],
)
def test_ambient_pods_are_those_that_are_covered_and_have_no_proxy(text, selecting, expected):
    """
    The same for policies and Sidecars; a Namespace stands for its pods where the set holds none.
    """
    of_policy, of_sidecar = SELECT_CART if selecting else ("", "")

    assert expected == ambient(text + policy(of_policy))
    assert expected == ambient(text + sidecar(of_sidecar))


def test_what_stands_in_the_root_namespace_is_for_all():
    """
    Of a Sidecar that is so only without selector.
    """
    text = ROOT + AMBIENT + CART

    assert ["cart"] == ambient(text + policy(where="istio-system"))
    assert ["cart"] == ambient(text + policy(SELECT_CART[0], where="istio-system"))
    assert ["cart"] == ambient(text + sidecar(where="istio-system"))
    assert [] == ambient(text + sidecar(SELECT_CART[1], where="istio-system"))


def test_a_policy_with_targets_covers_nobody():
    """
    Where it acts is decided by its targets.
    """
    target = "targetRefs: [{group: '', kind: Service, name: cart}]"

    assert [] == ambient(AMBIENT + CART + policy(target))
    assert [] == ambient(AMBIENT + CART + policy(target, "EnvoyFilter"))


GATEWAY_CLASS = (
    "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: company}\n"
    "spec: {controllerName: example.com/controller}\n"
)


@pytest.mark.parametrize(
    ("more", "spec", "expected"),
    [
        ("", "", True),
        (OLD, "", False),
        (OLD, SELECT_CART[1], True),
        (deployment("edge", "shop", gateway_name="x"), SELECT_CART[1], True),
        (gateway("public", "shop", class_name="istio"), "", False),
        (gateway("public", "shop", class_name="istio"), SELECT_CART[1], True),
        (gateway("public", "shop", class_name="company"), "", False),
        (gateway("public", "shop", class_name="company") + GATEWAY_CLASS, "", True),
        (gateway("waypoint", "shop"), "", True),
        (deployment("job", "shop", dataplane_mode="none"), "", True),
    ],
)
def test_a_policy_is_lost_if_it_is_for_ambient_pods_alone(more, spec, expected):
    """
    Sidecars and gateways act by it, and so may a Gateway of a class that is not known.
    """
    assert expected is covered(AMBIENT + CART + more + policy(spec, "EnvoyFilter")).is_lost


def test_a_policy_for_all_of_a_namespace_is_lost_where_all_of_it_is_known():
    """
    In an open namespace, and in one without pods, a gateway may be what it is for.
    """
    own = deployment("cart", "shop", dataplane_mode="ambient")

    assert not covered(own + policy(kind="EnvoyFilter")).is_lost
    assert covered(own + policy(SELECT_CART[1], kind="EnvoyFilter")).is_lost
    assert not covered(AMBIENT + policy(kind="EnvoyFilter")).is_lost
    assert not covered(ROOT + AMBIENT + CART + policy(kind="EnvoyFilter", where="istio-system")).is_lost


def test_a_sidecar_resource_is_lost_without_a_sidecar():
    """
    Gateways do not read it.
    """
    public = gateway("public", "shop", class_name="istio")

    assert covered(AMBIENT + CART + public + sidecar()).is_lost
    assert covered(AMBIENT + sidecar()).is_lost
    assert not covered(AMBIENT + CART + OLD + sidecar()).is_lost
    assert not covered(ROOT + AMBIENT + CART + sidecar(where="istio-system")).is_lost
    assert covered(ROOT + AMBIENT + CART + sidecar(where="istio-system"), complete=True).is_lost


BOUND = namespace("shop", dataplane_mode="ambient", use_waypoint="waypoint") + gateway("waypoint", "shop")
SERVICE = service("cart", "shop", spec="selector: {app: cart}")


def in_front(mesh: Mesh, name: str, kind: str) -> list[str]:
    subject = named(mesh, name, kind)
    assert isinstance(subject, Workload | Namespace)
    return [policy.name for policy in mesh.at_waypoints_of(subject, REQUEST_AUTHENTICATION)]


@pytest.mark.parametrize(
    ("target", "of_pods", "of_namespace"),
    [
        ("group: '', kind: Service, name: cart", ["policy"], []),
        ("group: '', kind: Service, name: till", [], []),
        ("group: gateway.networking.k8s.io, kind: Gateway, name: waypoint", ["policy"], ["policy"]),
        ("group: gateway.networking.k8s.io, kind: Gateway, name: other", [], []),
    ],
)
def test_what_the_waypoints_in_front_of_pods_act_by(target, of_pods, of_namespace):
    """
    By what is for a Service of the pods, or for the waypoint of it.
    """
    till = service("till", "shop", spec="selector: {app: till}")
    text = BOUND + CART + SERVICE + till + gateway("other", "shop") + policy(f"targetRefs: [{{{target}}}]")
    mesh = mesh_of(text)

    assert of_pods == in_front(mesh, "cart", "Deployment")
    assert of_namespace == in_front(mesh, "shop", "Namespace")


def test_without_a_waypoint_nothing_is_in_front():
    """
    A Service that leaves its waypoint has no policy of it.
    """
    service_alone = service("cart", "shop", spec="selector: {app: cart}", use_waypoint="none")
    target = "targetRefs: [{group: '', kind: Service, name: cart}]"

    assert [] == in_front(mesh_of(BOUND + CART + service_alone + policy(target)), "cart", "Deployment")
