"""What must hold of `describe` whatever the manifests are: on meshes that are made up at random."""

import json
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshlint.lint import Options, linked_meshes
from meshlint.mesh.description import describe
from meshlint.report.description_json import render

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Manifest = dict[str, Any]

modes = st.sampled_from([None, "ambient", "none", "Ambient", ""])
injections = st.sampled_from([None, None, "enabled", "disabled"])
waypoints = st.sampled_from([None, None, "waypoint", "wp", "none", "None", "missing"])
places = st.sampled_from(["shop", "infra"])


def labelled(**labels: str | None) -> dict[str, str]:
    names = {
        "mode": "istio.io/dataplane-mode",
        "injection": "istio-injection",
        "waypoint": "istio.io/use-waypoint",
        "waypoint_namespace": "istio.io/use-waypoint-namespace",
        "waypoint_for": "istio.io/waypoint-for",
        "inject": "sidecar.istio.io/inject",
    }
    return {names.get(key, key): value for key, value in labels.items() if value is not None}


def manifest(
    api: str, kind: str, name: str, namespace: str | None, labels: Manifest, spec: Manifest
) -> Manifest:
    metadata: Manifest = {"name": name, "labels": labels}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


namespaces = st.builds(
    lambda mode, injection, waypoint, elsewhere: labelled(
        mode=mode, injection=injection, waypoint=waypoint, waypoint_namespace=elsewhere
    ),
    modes,
    injections,
    waypoints,
    st.sampled_from([None, None, "infra"]),
)
gateways = st.builds(
    lambda place, name, traffic, routes: manifest(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        name,
        place,
        labelled(waypoint_for=traffic),
        {
            "gatewayClassName": "istio-waypoint",
            "listeners": [
                {
                    "name": "mesh",
                    "port": 15008,
                    "protocol": "HBONE",
                    "allowedRoutes": {"namespaces": {"from": routes}},
                }
            ],
        },
    ),
    places,
    st.sampled_from(["waypoint", "wp"]),
    st.sampled_from([None, "service", "workload", "all", "none", "services"]),
    st.sampled_from(["Same", "All", "Other"]),
)
services = st.builds(
    lambda place, name, waypoint, elsewhere, headless: manifest(
        "v1",
        "Service",
        name,
        place,
        labelled(waypoint=waypoint, waypoint_namespace=elsewhere),
        {"selector": {"app": name}, "ports": [{"port": 80}], **({"clusterIP": "None"} if headless else {})},
    ),
    places,
    st.sampled_from(["cart", "stock"]),
    waypoints,
    st.sampled_from([None, None, "infra"]),
    st.booleans(),
)
deployments = st.builds(
    lambda place, name, mode, inject, waypoint: manifest(
        "apps/v1",
        "Deployment",
        name,
        place,
        {},
        {
            "template": {
                "metadata": {
                    "labels": {"app": name, **labelled(mode=mode, inject=inject, waypoint=waypoint)}
                },
                "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}]},
            }
        },
    ),
    places,
    st.sampled_from(["cart", "stock"]),
    modes,
    st.sampled_from([None, None, "true", "false"]),
    waypoints,
)
policies = st.builds(
    lambda place, name, action, attach, rule: manifest(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        name,
        place,
        {},
        {"action": action, "rules": [rule], **attach},
    ),
    places,
    st.sampled_from(["p", "q"]),
    st.sampled_from(["ALLOW", "DENY", "AUDIT"]),
    st.sampled_from(
        [
            {},
            {"selector": {"matchLabels": {"app": "cart"}}},
            {"targetRefs": [{"kind": "Service", "group": "", "name": "cart"}]},
            {"targetRefs": [{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "waypoint"}]},
        ]
    ),
    st.sampled_from(
        [
            {},
            {"to": [{"operation": {"methods": ["GET"]}}]},
            {"to": [{"operation": {"ports": ["80"], "methods": ["GET"]}}]},
            {"from": [{"source": {"principals": ["*"]}}, {"source": {"requestPrincipals": ["*"]}}]},
        ]
    ),
)
peer_authentications = st.builds(
    lambda place, name, mode, selector: manifest(
        "security.istio.io/v1", "PeerAuthentication", name, place, {}, {"mtls": {"mode": mode}, **selector}
    ),
    st.sampled_from(["shop", "istio-system"]),
    st.sampled_from(["pa"]),
    st.sampled_from(["STRICT", "PERMISSIVE", "DISABLE", "UNSET"]),
    st.sampled_from([{}, {"selector": {"matchLabels": {"app": "cart"}}}]),
)
routes = st.builds(
    lambda place, port: manifest(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "r",
        place,
        {},
        {
            "parentRefs": [
                {"group": "", "kind": "Service", "name": "cart", **({"port": port} if port else {})}
            ],
            "rules": [{"backendRefs": [{"name": "stock", "port": 80}]}],
        },
    ),
    places,
    st.sampled_from([None, 80, 81]),
)


@st.composite
def meshes(draw: st.DrawFn) -> list[Manifest]:
    """A small mesh of two namespaces, each object at most once."""
    declared = [manifest("v1", "Namespace", name, None, draw(namespaces), {}) for name in ("shop", "infra")]
    members = draw(
        st.lists(
            st.one_of(gateways, services, deployments, policies, peer_authentications, routes), max_size=12
        )
    )
    unique = {identity(one): one for one in [*declared, *members]}
    return list(unique.values())


def identity(one: Manifest) -> tuple[str, str, str]:
    metadata = one["metadata"]
    return one["kind"], metadata.get("namespace", ""), metadata["name"]


def facts(directory, *files: list[Manifest], **options) -> dict[tuple[str, str, str], Manifest]:
    """All that is said, by object, without the lines."""
    for old in directory.iterdir():
        old.unlink()
    for number, manifests in enumerate(files):
        text = yaml.safe_dump_all(manifests, sort_keys=False)
        (directory / f"{number}.yaml").write_text(text, encoding="utf-8")
    linked = linked_meshes(Options(paths=[str(directory)], **options)).meshes
    described = [describe(one.name, one.mesh, one.resources) for one in linked]
    assert 1 == len(described)
    [found] = json.loads(render(described, "1.31"))["sets"]
    kinds = {"namespaces": "Namespace", "gateways": "Gateway"}
    return {
        (entry.get("kind", kinds.get(field, "")), entry.get("namespace") or "", entry["name"]): sorted_lists(
            entry
        )
        for field, entries in found.items()
        if field != "name"
        for entry in entries
    }


def sorted_lists(value: Any) -> Any:
    """A value without its causes, and without the order of its lists."""
    match value:
        case dict():
            return {key: sorted_lists(item) for key, item in value.items() if key != "because"}
        case list():
            return sorted(
                (sorted_lists(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
            )
        case _:
            return value


@SETTINGS
@given(mesh=meshes())
def test_an_unrelated_object_changes_no_verdict(mesh, tmp_path):
    """
    A namespace of its own, with all that belongs to it, changes nothing that is said of others.
    """
    before = facts(tmp_path, mesh)
    unrelated = [
        manifest("v1", "Namespace", "island", None, labelled(mode="ambient"), {}),
        manifest(
            "v1", "Service", "cart", "island", {}, {"selector": {"app": "cart"}, "ports": [{"port": 80}]}
        ),
    ]
    after = facts(tmp_path, [*unrelated, *mesh])

    assert before == {key: entry for key, entry in after.items() if "island" not in key}


@SETTINGS
@given(mesh=meshes(), data=st.data())
def test_the_order_of_documents_and_files_never_matters(mesh, tmp_path, data):
    """
    Shuffled, or split into files, the same manifests mean the same.
    """
    shuffled = data.draw(st.permutations(mesh))
    cut = data.draw(st.integers(0, len(mesh)))

    assert facts(tmp_path, mesh) == facts(tmp_path, shuffled[:cut], shuffled[cut:])


def decides_itself(one: Manifest) -> bool:
    labels = one["spec"].get("template", {}).get("metadata", {}).get("labels", {})
    return bool(labels.keys() & labelled(mode="", inject="").keys())


@SETTINGS
@given(mesh=meshes())
def test_without_its_namespace_an_object_is_unknown_but_never_wrong(mesh, tmp_path):
    """
    What was known by the labels of a Namespace becomes unknown without it; nothing becomes something else.

    Pods that ask for a mode by labels of their own are left out: those are taken at their word.
    """
    whole = facts(tmp_path, mesh)
    outspoken = {identity(one) for one in mesh if decides_itself(one)}
    part = facts(tmp_path, [one for one in mesh if one["kind"] != "Namespace"]) if len(mesh) > 2 else {}
    for key, entry in part.items():
        if key in outspoken:
            continue
        if "dataplane_mode" in entry:
            assert entry["dataplane_mode"]["value"] in ("unknown", whole[key]["dataplane_mode"]["value"])
        if "waypoint" in entry:
            assert entry["waypoint"]["state"] in ("unknown", whole[key]["waypoint"]["state"])
        if "mtls" in entry:
            assert entry["mtls"]["value"] in ("unknown", whole[key]["mtls"]["value"])
        for parent in entry.get("parents", ()):
            known = [p["respected"] for p in whole[key]["parents"] if p["ref"] == parent["ref"]]
            assert parent["respected"] in (None, *known)


@SETTINGS
@given(mesh=meshes())
def test_a_dump_says_what_its_manifests_say(mesh, tmp_path):
    """
    What `kubectl get -o yaml` adds (uid, status, managed fields, the last applied text) changes nothing.

    But for what is missing: a dump holds what somebody asked for, so here both are said to be complete.
    """
    live = deepcopy(mesh)
    for number, one in enumerate(live):
        applied = json.dumps(one)
        one["metadata"].update(
            uid=f"uid-{number}",
            resourceVersion=str(number),
            generation=1,
            managedFields=[{"manager": "kubectl"}],
        )
        one["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": applied}
        one["status"] = {"observedGeneration": 1}
    dump = [{"apiVersion": "v1", "kind": "List", "metadata": {}, "items": live}]

    assert facts(tmp_path, mesh, complete=True) == facts(tmp_path, dump, complete=True)
