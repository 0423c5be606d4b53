"""What becomes of plaintext to a workload."""

from itertools import product
from typing import NamedTuple

import pytest

from manifests import deployment, mesh_of, named, namespace
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.policies.lost_strict import LossForm
from meshlint.mesh.policies.mtls import MtlsVerdict

AMBIENT = namespace("shop", dataplane_mode="ambient") + namespace("istio-system")
CART = deployment("cart", "shop")
SETTLED = "1.31"
BEFORE = ("1.22.7", "1.23.4", "1.24.2")


def policy(
    where: str,
    mode: str = "",
    *,
    name: str = "policy",
    selector: str = "",
    ports: dict[int, str] | None = None,
    metadata: str = "",
) -> str:
    """A PeerAuthentication document; `selector` in flow style, `ports` by number."""
    spec = [f"  selector: {selector}"] if selector else []
    spec += [f"  mtls: {{mode: {mode}}}"] if mode else []
    spec += ["  portLevelMtls:"] if ports else []
    spec += [f"    {port}: {{mode: {port_mode}}}" for port, port_mode in (ports or {}).items()]
    place = f", namespace: {where}" if where else ""
    return (
        "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
        f"metadata: {{name: {name}{place}{metadata}}}\nspec:{'' if spec else ' {}'}\n"
        + "\n".join(spec)
        + "\n"
    )


def selecting_cart(mode: str = "", ports: dict[int, str] | None = None, **words: str) -> str:
    return policy("shop", mode, selector="{matchLabels: {app: cart}}", ports=ports, name="cart", **words)


def verdict(text: str, version: str = SETTLED) -> MtlsVerdict:
    mesh = mesh_of(text, version)
    return mesh.mtls(named(mesh, "cart", "Deployment"))


def asked(text: str, version: str = SETTLED) -> MtlsVerdict:
    mesh = mesh_of(text, version)
    return mesh.asked_mtls(named(mesh, "cart", "Deployment"))


def plaintext(found: MtlsVerdict, *ports: int) -> str:
    """`denied`, `accepted` or `unknown` for each port."""
    words = {"strict": "denied", "permissive": "accepted", "unknown": "unknown"}
    return " ".join(words[found.on(port).value] for port in ports)


# `policy-and-routing.md` 8.10: what stands in the root namespace, in the namespace, on the workload.
ROWS = [
    ("STRICT", None, None, {}, "denied denied", "denied denied"),
    ("STRICT", None, "PERMISSIVE", {}, "accepted accepted", "accepted accepted"),
    ("STRICT", None, "DISABLE", {}, "accepted accepted", "accepted accepted"),
    ("STRICT", None, "", {8080: "PERMISSIVE"}, "accepted denied", "accepted denied"),
    ("STRICT", None, "STRICT", {8080: "DISABLE"}, "accepted denied", "accepted denied"),
    ("STRICT", None, "", {8080: "DISABLE"}, "denied denied", "accepted denied"),
    ("STRICT", None, "", {8080: "DISABLE", 9090: "PERMISSIVE"}, "accepted denied", "accepted denied"),
    (None, "STRICT", "", {8080: "PERMISSIVE"}, "accepted denied", "accepted denied"),
    (None, "STRICT ∅", "", {8080: "PERMISSIVE"}, "accepted accepted", "accepted denied"),
    ("STRICT", "STRICT ∅", "", {8080: "PERMISSIVE"}, "accepted denied", "accepted denied"),
    ("STRICT", "", "", {8080: "PERMISSIVE"}, "accepted accepted", "accepted denied"),
    ("STRICT", None, "PERMISSIVE", {8080: "STRICT"}, "accepted accepted", "denied accepted"),
    ("STRICT", "", "DISABLE", {8080: "STRICT"}, "accepted accepted", "denied accepted"),
    (None, None, "PERMISSIVE", {8080: "STRICT"}, "denied accepted", "denied accepted"),
    ("PERMISSIVE", "STRICT", "STRICT", {8080: "STRICT"}, "denied denied", "denied denied"),
    # enrollment-and-waypoints.md 4.2, and policy-and-routing.md 2.2, where 8.10 has no row for them.
    ("STRICT", None, "STRICT", {8080: "PERMISSIVE"}, "accepted denied", "accepted denied"),
    (None, None, "STRICT", {8080: "DISABLE"}, "accepted denied", "accepted denied"),
    (None, None, "", {8080: "STRICT"}, "denied accepted", "denied accepted"),
    (None, None, "DISABLE", {8080: "STRICT"}, "denied accepted", "denied accepted"),
    ("DISABLE", None, None, {}, "accepted accepted", "accepted accepted"),
    ("STRICT", "DISABLE", None, {}, "accepted accepted", "accepted accepted"),
    ("STRICT", "UNSET", None, {}, "denied denied", "denied denied"),
    ("STRICT", None, "UNSET", {8080: "UNSET"}, "denied denied", "denied denied"),
    ("PERMISSIVE", None, None, {}, "accepted accepted", "accepted accepted"),
    (None, None, None, {}, "accepted accepted", "accepted accepted"),
    # Several STRICT ports are all strict where the bug of release note 54146 is mended.
    (None, None, "", {8080: "STRICT", 7070: "STRICT"}, "denied denied", "denied denied"),
]


def manifests(root: str | None, shop: str | None, workload: str | None, ports: dict[int, str]) -> str:
    text = AMBIENT + CART
    if root is not None:
        text += policy("istio-system", root, name="mesh")
    if shop is not None:
        mode, empty = shop.removesuffix("∅").strip(), "{}" if shop.endswith("∅") else ""
        text += policy("shop", mode, name="namespace", selector=empty)
    if workload is not None:
        text += selecting_cart(workload, ports)
    return text


@pytest.mark.parametrize(("root", "shop", "workload", "ports", "real", "documented"), ROWS)
@pytest.mark.parametrize("version", ["1.22.8", "1.23.5", "1.24.3", "1.25", SETTLED])
def test_the_rows_of_the_decision_tables(root, shop, workload, ports, real, documented, version):
    """
    What istiod's two functions make of the policies, beside what is asked for.
    """
    text = manifests(root, shop, workload, ports)

    assert real == plaintext(verdict(text, version), 8080, 7070)
    assert documented == plaintext(asked(text, version), 8080, 7070)


@pytest.mark.parametrize("empty", ["{}", "{matchLabels: {}}"])
def test_both_forms_of_the_empty_selector_lose_strict(empty):
    """
    `selector: {}` and `selector: {matchLabels: {}}` on the namespace's policy are one and the same.
    """
    strict = policy("shop", "STRICT", name="namespace", selector=empty)
    text = AMBIENT + CART + strict + selecting_cart("", {8080: "PERMISSIVE"})

    assert "accepted accepted" == plaintext(verdict(text), 8080, 7070)
    assert "denied" == plaintext(verdict(AMBIENT + CART + strict), 8080)


# An exhaustive comparison with the documented inheritance


class Case(NamedTuple):
    """Modes at each level, None without a policy; `∅` marks an empty selector."""

    root: str | None
    shop: str | None
    workload: str | None
    ports: tuple[tuple[int, str], ...]


def documented_inheritance(case: Case, port: int) -> str:
    """The inheritance as the documentation has it, written for itself: the narrowest mode that is set."""
    shop = (case.shop or "").removesuffix("∅").strip()
    chain = [case.root or "", shop, case.workload or "", dict(case.ports).get(port, "")]
    mode = "PERMISSIVE"
    for level in chain:
        mode = level or mode
    return "denied" if mode == "STRICT" else "accepted"


MODES = ("", "STRICT", "PERMISSIVE", "DISABLE")
PORT_SETS = (
    (),
    *(((8080, mode),) for mode in MODES[1:]),
    *(((8080, one), (9090, other)) for one, other in product(MODES[1:], repeat=2)),
)


SHAPES = {
    "lost-strict-mtls, shape 1": LossForm.EMPTY_SELECTOR,
    "lost-strict-mtls, shape 2": LossForm.UNSET_MODE,
    "lost-strict-mtls, shape 3": LossForm.STRICT_PORT,
}


def all_cases():
    shops = (None, *MODES, *(f"{mode} ∅" for mode in MODES))
    for root, shop in product((None, *MODES), shops):
        yield Case(root, shop, None, ())
        for workload, ports in product(MODES, PORT_SETS):
            yield Case(root, shop, workload, ports)


def known_deviation(case: Case) -> str | None:
    """Which of the known deviations a case shows, by its form alone; None for none."""
    shop = (case.shop or "").removesuffix("∅").strip()
    if (case.workload or "") in ("", "STRICT") and "STRICT" == (case.workload or shop or case.root or ""):
        return None if case.workload else lost_in_strict(case)
    return lost_in_lax(case, unseen=shop == "" or "∅" in (case.shop or ""))


def lost_in_strict(case: Case) -> str | None:
    """Deviations where the workload inherits STRICT."""
    ports = {mode for _, mode in case.ports}
    if "PERMISSIVE" in ports and "∅" in (case.shop or "") and case.root != "STRICT":
        return "lost-strict-mtls, shape 1"
    if "PERMISSIVE" in ports and case.shop == "" and case.root == "STRICT":
        return "lost-strict-mtls, shape 2"
    return "ignored-port-disable" if "DISABLE" in ports and "PERMISSIVE" not in ports else None


def lost_in_lax(case: Case, *, unseen: bool) -> str | None:
    """Deviations where the workload is not STRICT; `unseen`: the conversion sees no mode of the namespace."""
    ports = {mode for _, mode in case.ports}
    if "STRICT" not in ports or case.root != "STRICT" or not unseen:
        return None
    if case.workload or ports == {"STRICT"}:
        return "lost-strict-mtls, shape 3"
    return "over-strict: the conversion does not see the namespace's empty selector"


@pytest.mark.slow
def test_the_only_deviations_from_the_documentation_are_the_known_ones():
    """
    With any root, namespace and workload mode and up to two ports, istiod deviates just where it is known to.
    """
    found: dict[str | None, int] = {}
    for case in all_cases():
        mesh = mesh_of(manifests(case.root, case.shop, case.workload, dict(case.ports)))
        cart = named(mesh, "cart", "Deployment")
        real, wanted = mesh.mtls(cart), mesh.asked_mtls(cart)
        documented = " ".join(documented_inheritance(case, port) for port in (8080, 9090, 7070))
        deviation = known_deviation(case)
        if deviation is None:
            assert documented == plaintext(real, 8080, 9090, 7070), case
        else:
            assert documented != plaintext(real, 8080, 9090, 7070), (case, deviation)
        assert documented == plaintext(wanted, 8080, 9090, 7070), case
        shapes = [form for name, form in SHAPES.items() if name == deviation]
        assert shapes == [loss.form for loss in mesh.lost_strict(cart)], case
        found[deviation] = found.get(deviation, 0) + 1

    assert {None: 2219, "ignored-port-disable": 52, "lost-strict-mtls, shape 1": 24} | {
        "lost-strict-mtls, shape 2": 6,
        "lost-strict-mtls, shape 3": 76,
        "over-strict: the conversion does not see the namespace's empty selector": 8,
    } == found


# Versions


@pytest.mark.parametrize("version", BEFORE)
@pytest.mark.parametrize(
    ("root", "mode", "ports", "expected"),
    [
        (None, "", {8080: "STRICT", 7070: "STRICT"}, "accepted accepted"),
        (None, "PERMISSIVE", {8080: "STRICT", 7070: "STRICT"}, "accepted accepted"),
        (None, "PERMISSIVE", {8080: "STRICT"}, "denied accepted"),
        ("STRICT", "", {8080: "PERMISSIVE"}, "denied denied"),
        ("STRICT", "", {8080: "DISABLE"}, "denied denied"),
        (None, "STRICT", {8080: "PERMISSIVE"}, "accepted denied"),
        (None, "STRICT", {8080: "PERMISSIVE", 9090: "STRICT"}, "accepted accepted"),
        ("STRICT", "PERMISSIVE", {8080: "STRICT"}, "denied accepted"),
    ],
)
def test_before_the_fixes_ports_were_converted_without_their_parents(version, root, mode, ports, expected):
    """
    Until 1.22.8, 1.23.5 and 1.24.3 several STRICT ports came to nothing, and exceptions to STRICT too.
    """
    assert expected == plaintext(verdict(manifests(root, None, mode, ports), version), 8080, 7070)


# Which policies speak


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (policy("istio-system", "STRICT", selector="{matchLabels: {app: cart}}"), "accepted"),
        (policy("istio-system", "STRICT", selector="{}"), "accepted"),
        (policy("istio-system", "STRICT"), "denied"),
        (policy("other", "STRICT"), "accepted"),
        (policy("shop", "STRICT", selector="{matchLabels: {app: till}}"), "accepted"),
        (policy("shop", "STRICT", selector="{matchLabels: {app: cart, tier: a}}"), "accepted"),
        (policy("shop", "STRICT", selector="{matchExpressions: []}"), "denied"),
        (policy("shop", "STRICT"), "denied"),
    ],
)
def test_root_selectors_and_foreign_policies_do_not_reach_a_workload(extra, expected):
    """
    Of the root namespace only a policy without any selector counts elsewhere.
    """
    assert expected == plaintext(verdict(AMBIENT + CART + extra), 80)


def test_an_empty_selector_in_the_root_namespace_is_mesh_wide_for_sidecars_only():
    """
    What is asked for, and what sidecars do, is STRICT; ambient pods of other namespaces do not see it.
    """
    root = namespace("istio-system") + policy("istio-system", "STRICT", selector="{}")
    sidecars = namespace("shop", injection="enabled") + root + CART

    assert "denied" == plaintext(verdict(sidecars), 80)
    assert "denied" == plaintext(asked(AMBIENT + CART + policy("istio-system", "STRICT", selector="{}")), 80)


def test_the_root_namespace_s_own_pods_have_its_policies_without_those_with_labels():
    """
    An empty selector holds for ambient pods of the root namespace itself, one with labels not even there.
    """
    root = namespace("istio-system", dataplane_mode="ambient") + deployment("cart", "istio-system")
    by_label = policy("istio-system", "STRICT", selector="{matchLabels: {app: cart}}")

    assert "denied" == plaintext(verdict(root + policy("istio-system", "STRICT", selector="{}")), 80)
    assert "accepted" == plaintext(verdict(root + by_label), 80)


def test_the_root_namespace_is_the_one_of_mesh_config():
    """
    `rootNamespace` moves the mesh-wide policy.
    """
    config = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n"
        "data:\n  mesh: |\n    rootNamespace: policies\n"
    )
    strict = policy("istio-system", "STRICT", name="a")

    assert "accepted" == plaintext(verdict(AMBIENT + CART + config + strict), 80)
    assert "denied" == plaintext(verdict(AMBIENT + CART + config + policy("policies", "STRICT")), 80)


OLD = ', creationTimestamp: "2024-01-01T00:00:00Z"'
NEW = ', creationTimestamp: "2025-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    ("strict", "permissive", "expected"),
    [
        (OLD, NEW, "denied"),
        (NEW, OLD, "accepted"),
        (OLD, OLD, "unknown"),
        (OLD, "", "unknown"),
        ("", "", "unknown"),
    ],
)
@pytest.mark.parametrize("level", ["istio-system", "shop", "cart"])
def test_the_oldest_policy_of_a_level_wins_if_the_manifests_tell_it(strict, permissive, expected, level):
    """
    Without different creation times either may win.
    """
    where, selector = ("shop", "{matchLabels: {app: cart}}") if level == "cart" else (level, "")
    text = policy(where, "PERMISSIVE", name="a", selector=selector, metadata=permissive) + policy(
        where, "STRICT", name="b", selector=selector, metadata=strict
    )

    assert expected == plaintext(verdict(AMBIENT + CART + text), 80)


def test_competing_policies_that_agree_decide():
    """
    Ports on which all that may win agree are known, the others are not.
    """
    text = selecting_cart("STRICT", {8080: "PERMISSIVE"}) + selecting_cart("STRICT").replace(
        "name: cart,", "name: b,"
    )
    found = verdict(AMBIENT + CART + text)

    assert "unknown denied" == plaintext(found, 8080, 7070)
    assert "denied" == plaintext(verdict(AMBIENT + CART + policy("shop", "STRICT", name="a") * 2), 80)


@pytest.mark.parametrize(
    "refused",
    [
        policy("shop", "strict"),
        policy("shop", "MUTUAL"),
        policy("shop", "STRICT", ports={8080: "PERMISSIVE"}),
        policy("shop", "STRICT", selector="{}", ports={8080: "PERMISSIVE"}),
        selecting_cart("STRICT", {0: "PERMISSIVE"}),
        selecting_cart("STRICT", {70000: "PERMISSIVE"}),
        selecting_cart("STRICT", {8080: "LAX"}),
    ],
)
def test_what_the_api_server_refuses_is_not_there(refused):
    """
    Modes and ports that the schema does not know, and ports without a selector.
    """
    assert "accepted" == plaintext(verdict(AMBIENT + CART + refused), 80)


def test_a_policy_that_may_not_be_there_leaves_it_open():
    """
    Another revision may own it, or it may be in another namespace: no matter where it changes nothing.
    """
    of_revision = policy("shop", "STRICT", metadata=", labels: {istio.io/rev: canary}")
    nowhere = policy("", "STRICT")
    strict = policy("shop", "STRICT", name="b")

    assert "unknown" == plaintext(verdict(AMBIENT + CART + of_revision), 80)
    assert "unknown" == plaintext(verdict(AMBIENT + CART + nowhere), 80)
    assert "denied" == plaintext(verdict(AMBIENT + CART + strict + of_revision), 80)


# Data planes


@pytest.mark.parametrize(
    ("where", "pod", "expected"),
    [
        (namespace("shop"), CART, "accepted"),
        (namespace("shop", dataplane_mode="ambient"), CART, "denied"),
        (namespace("shop", injection="enabled"), CART, "denied"),
        (
            namespace("shop", dataplane_mode="ambient"),
            deployment("cart", "shop", dataplane_mode="none"),
            "accepted",
        ),
        (
            namespace("shop", dataplane_mode="ambient"),
            deployment("cart", "shop", spec="hostNetwork: true"),
            "accepted",
        ),
        ("", CART, "unknown"),
        ("", deployment("cart", "shop", dataplane_mode="ambient"), "denied"),
    ],
)
def test_strict_protects_what_is_in_the_mesh(where, pod, expected):
    """
    Outside of the mesh nothing refuses plaintext; without the Namespace nobody knows.
    """
    assert expected == plaintext(verdict(where + pod + policy("shop", "STRICT")), 80)


def test_an_unknown_data_plane_without_policies_accepts_plaintext():
    """
    All data planes give the same answer.
    """
    assert "accepted" == plaintext(verdict(CART), 80)
    assert "accepted" == plaintext(verdict(CART + policy("shop", "DISABLE")), 80)


@pytest.mark.parametrize(
    ("version", "value", "expected"),
    [
        ("1.24", "true", "accepted"),
        ("1.24", "T", "accepted"),
        ("1.24", "yes", "denied"),
        ("1.23", "true", "denied"),
    ],
)
def test_bypassed_pods_accept_plaintext(version, value, expected):
    """
    `ambient.istio.io/bypass-inbound-capture` takes incoming traffic away from ztunnel, from 1.24.
    """
    annotated = CART.replace(
        "      labels:",
        f"      annotations: {{ambient.istio.io/bypass-inbound-capture: '{value}'}}\n      labels:",
    )

    assert expected == plaintext(verdict(AMBIENT + annotated + policy("shop", "STRICT"), version), 80)


def test_sidecars_keep_to_the_documentation():
    """
    In sidecar mode nothing of STRICT is lost, and a DISABLE port is honoured.
    """
    text = namespace("shop", injection="enabled") + namespace("istio-system") + CART
    root = policy("istio-system", "STRICT")

    assert "accepted denied" == plaintext(
        verdict(text + root + selecting_cart("", {8080: "DISABLE"})), 8080, 80
    )
    assert "denied accepted" == plaintext(
        verdict(text + root + selecting_cart("PERMISSIVE", {8080: "STRICT"})), 8080, 80
    )


# Open sets and causes


def test_a_root_namespace_that_is_not_in_the_set_counts_as_empty_and_is_named():
    """
    No mesh-wide policy is taken for granted, and the causes say that one would change the answer.
    """
    shop = namespace("shop", dataplane_mode="ambient") + CART
    open_root = verdict(shop)

    assert "accepted" == plaintext(open_root, 80)
    assert ["a policy of namespace 'istio-system' outside of these manifests would change it"] == [
        cause.message for cause in open_root.because
    ]
    assert () == verdict(AMBIENT + CART).because
    assert 1 == len(verdict(shop + policy("shop", "STRICT")).because)


def test_the_causes_are_the_lines_that_decide():
    """
    The mode first, then each port, with what comes to nothing.
    """
    found = verdict(AMBIENT + CART + policy("istio-system", "STRICT") + selecting_cart("", {8080: "DISABLE"}))

    assert [
        "PeerAuthentication 'policy' sets STRICT",
        "PeerAuthentication 'cart' sets DISABLE for port 8080, to no effect",
    ] == [cause.message for cause in found.because]
    assert ["mtls: {mode: STRICT}", "8080: {mode: DISABLE}"] == [
        cause.at.file.line(cause.at.span.start_line).strip() for cause in found.because
    ]


def test_lost_strict_names_the_policy_that_lost_it():
    """
    Where STRICT is taken away the ports of the workload's policy are to blame.
    """
    text = (
        policy("istio-system", "STRICT") + policy("shop", name="n") + selecting_cart("", {8080: "PERMISSIVE"})
    )
    found = verdict(AMBIENT + CART + text)

    assert "portLevelMtls:" == found.because[-1].at.file.line(found.because[-1].at.span.start_line).strip()


# For which pods a policy speaks, and by which line


def governed(text: str, name: str) -> list[str]:
    """What stands for the pods of a policy, as `Kind name`."""
    mesh = mesh_of(text)
    return [f"{it.kind.name} {it.name}" for it in mesh.governed_pods(named(mesh, name, "PeerAuthentication"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AMBIENT + CART + policy("shop", "STRICT"), ["Deployment cart"]),
        (AMBIENT + CART + policy("istio-system", "STRICT"), ["Deployment cart", "Namespace istio-system"]),
        (AMBIENT + policy("shop", "STRICT"), ["Namespace shop"]),
        (
            AMBIENT + CART + policy("shop", "STRICT", selector="{matchLabels: {app: cart}}"),
            ["Deployment cart"],
        ),
        (
            AMBIENT + policy("shop", "STRICT", selector="{matchLabels: {app: a}}"),
            ["PeerAuthentication policy"],
        ),
        (AMBIENT + CART + policy("istio-system", "STRICT", selector="{}"), ["Namespace istio-system"]),
        (AMBIENT + CART + policy("shop", "strict"), []),
        (AMBIENT + CART + policy("other", "STRICT"), []),
    ],
)
def test_a_policy_speaks_for_pods_that_are_there_or_may_be(text, expected):
    """
    A Namespace stands for pods where the set holds none, and so does a policy for what it selects.
    """
    assert expected == governed(text, "policy")


def test_the_pods_that_something_stands_for_have_its_mode():
    """
    The mode of unlabelled pods is the namespace's, where that is known.
    """
    selecting = policy("shop", "STRICT", selector="{matchLabels: {app: a}}")
    here, elsewhere = mesh_of(AMBIENT + selecting), mesh_of(selecting)

    assert DataplaneMode.AMBIENT is here.pods_mode(named(here, "policy")).value
    assert DataplaneMode.UNKNOWN is elsewhere.pods_mode(named(elsewhere, "policy")).value


def line(text: str, port: int | None = None) -> tuple[str, str] | None:
    """Policy and mode of the line that decides for the cart."""
    mesh = mesh_of(text)
    found = mesh.mtls_line(named(mesh, "cart", "Deployment"), port)
    return (found.policy.name, found.mode) if found else None


def test_the_line_that_decides_is_the_narrowest():
    """
    A port's own line, else the mode of the pods, the namespace, the mesh.
    """
    text = AMBIENT + CART + policy("istio-system", "STRICT", name="mesh")
    with_port = text + selecting_cart("", {8080: "PERMISSIVE"})

    assert None is line(AMBIENT + CART)
    assert ("mesh", "STRICT") == line(text, 80)
    assert ("mesh", "STRICT") == line(with_port)
    assert ("cart", "PERMISSIVE") == line(with_port, 8080)
    assert ("shop", "DISABLE") == line(with_port + policy("shop", "DISABLE", name="shop"), 80)


def test_of_policies_that_compete_no_line_decides():
    """
    Which of two of a level is the older one does not show.
    """
    rivals = policy("shop", "STRICT", name="a") + policy("shop", "PERMISSIVE", name="b")

    assert None is line(AMBIENT + CART + rivals, 80)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AMBIENT + CART, "absent"),
        (namespace("shop", dataplane_mode="ambient") + CART, "unknown"),
        (AMBIENT + CART + policy("shop", "UNSET"), "absent"),
        (namespace("shop", dataplane_mode="ambient") + CART + policy("istio-system", "STRICT"), "STRICT"),
        (AMBIENT + CART + policy("istio-system", "STRICT") + policy("shop", "PERMISSIVE"), "PERMISSIVE"),
        (
            AMBIENT + CART + policy("shop", "STRICT", name="a") + policy("shop", "DISABLE", name="b"),
            "unknown",
        ),
    ],
)
def test_what_pods_inherit_is_known_absent_or_unknown(text, expected):
    """
    Nothing is inherited only where neither namespace can hold a policy that is not here.
    """
    mesh = mesh_of(text)
    found = mesh.inherited_mtls(named(mesh, "cart", "Deployment"))

    assert expected == (found.value or found.presence.value)


def test_a_loss_is_certain_where_no_other_policy_can_mend_it():
    """
    A STRICT root policy would mend an empty selector, a policy of the namespace a STRICT port.
    """
    shop = namespace("shop", dataplane_mode="ambient")
    empty = CART + policy("shop", "STRICT", selector="{}") + selecting_cart("", {8080: "PERMISSIVE"})
    port = policy("istio-system", "STRICT") + selecting_cart("PERMISSIVE", {8080: "STRICT"})
    pod = deployment("cart", "shop", dataplane_mode="ambient")

    def certain(text: str) -> list[bool]:
        mesh = mesh_of(text)
        return [loss.is_certain for loss in mesh.lost_strict(named(mesh, "cart", "Deployment"))]

    assert [True] == certain(AMBIENT + empty)
    assert [False] == certain(shop + empty)
    assert [True] == certain(shop + CART + port)
    assert [False] == certain(pod + port)


def test_a_policy_with_targets_may_be_there_or_not():
    """
    The API server refuses it, or drops the targets: both are reckoned with.
    """
    targeted = policy("shop", "STRICT").replace(
        "spec:\n", "spec:\n  targetRefs: [{kind: Service, name: a}]\n"
    )

    assert "unknown" == plaintext(verdict(AMBIENT + CART + targeted), 80)
