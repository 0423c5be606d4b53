"""What a cluster holds of the kinds that decide what the mesh makes of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meshlint.errors import UsageError
from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.compose import MAX_DEPTH
from meshlint.source.dump import GroupKind
from meshlint.source.kubectl import Answer, Kubectl, Outcome
from meshlint.source.live import LiveManifest, without_noise

_AT_A_TIME = 4
_STATUS_MATTERS = frozenset({"Service"})
_MESH_GROUPS = ("gateway.networking.k8s.io", "networking.istio.io", "security.istio.io")

KINDS: Mapping[str, Mapping[str, str]] = {
    "": {"namespaces": "Namespace", "services": "Service", "pods": "Pod"},
    "apps": {
        "deployments": "Deployment",
        "statefulsets": "StatefulSet",
        "daemonsets": "DaemonSet",
        "replicasets": "ReplicaSet",
    },
    "batch": {"jobs": "Job", "cronjobs": "CronJob"},
    "argoproj.io": {"rollouts": "Rollout"},
    "gateway.networking.k8s.io": {
        "gatewayclasses": "GatewayClass",
        "gateways": "Gateway",
        "httproutes": "HTTPRoute",
        "grpcroutes": "GRPCRoute",
        "tcproutes": "TCPRoute",
        "tlsroutes": "TLSRoute",
        "referencegrants": "ReferenceGrant",
        "listenersets": "ListenerSet",
        "backendtlspolicies": "BackendTLSPolicy",
    },
    "networking.istio.io": {
        "virtualservices": "VirtualService",
        "destinationrules": "DestinationRule",
        "serviceentries": "ServiceEntry",
        "workloadentries": "WorkloadEntry",
        "workloadgroups": "WorkloadGroup",
        "sidecars": "Sidecar",
        "envoyfilters": "EnvoyFilter",
        "proxyconfigs": "ProxyConfig",
        "gateways": "Gateway",
    },
    "security.istio.io": {
        "authorizationpolicies": "AuthorizationPolicy",
        "peerauthentications": "PeerAuthentication",
        "requestauthentications": "RequestAuthentication",
    },
    "telemetry.istio.io": {"telemetries": "Telemetry"},
    "extensions.istio.io": {"wasmplugins": "WasmPlugin", "trafficextensions": "TrafficExtension"},
    "install.istio.io": {"istiooperators": "IstioOperator"},
    "sailoperator.io": {"istios": "Istio", "istiocnis": "IstioCNI", "ztunnels": "ZTunnel"},
    "networking.k8s.io": {
        "networkpolicies": "NetworkPolicy",
        "ingresses": "Ingress",
        "ingressclasses": "IngressClass",
    },
    "admissionregistration.k8s.io": {
        "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
        "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
    },
    "apiregistration.k8s.io": {"apiservices": "APIService"},
    "spire.spiffe.io": {"clusterspiffeids": "ClusterSPIFFEID"},
}
"""The kinds that are read whole, by API group and plural. Never a Secret, which nothing here needs."""

# Read in part: the ConfigMaps of Istio, by their names, and the CRDs of the kinds above that Istio watches.
_CONFIG_MAP = ("", "ConfigMap")
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_OF_ISTIO = regex(r"istio(?!-ca-root-cert$)(?:-[a-z0-9.-]+)?(?<!-leader)(?<!-election)")
_NAME = regex(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_DEFINED = (*_MESH_GROUPS, "telemetry.istio.io", "extensions.istio.io")

READ_KINDS: frozenset[GroupKind] = frozenset(
    (group, kind) for group, kinds in KINDS.items() for kind in kinds.values()
) | {_CONFIG_MAP, _DEFINITION}
"""All kinds that are asked for."""


class Cluster(NamedTuple):
    """
    What was read of a cluster.

    `listed` are the kinds of which nothing is missing; `complaints` say of the others why.
    """

    manifests: tuple[LiveManifest, ...]
    listed: frozenset[GroupKind]
    complaints: tuple[str, ...]


class _Told(NamedTuple):
    """What was learned of one kind: `why` something of it may be missing, empty if nothing is."""

    kind: GroupKind
    items: Sequence[dict[str, Any]]
    outcome: Outcome = Outcome.TOLD
    why: str = ""


def read_cluster(context: str | None = None) -> Cluster:
    """
    Read a cluster with the kubectl on PATH; `context` is one of the kubeconfig, None for the current one.

    What may not be read, or could not, is told and may hold anything. Raises UsageError without kubectl,
    and if there is nothing that may be read.
    """
    reader = _Reader(Kubectl(context))
    told = reader.read()
    if not any(entry.outcome in (Outcome.TOLD, Outcome.ABSENT) or entry.items for entry in told):
        raise UsageError(f"cannot read the cluster: {told[0].why}")
    return Cluster(
        manifests=tuple(
            LiveManifest(_path(data), data) for entry in told for data in map(_needed, entry.items)
        ),
        listed=frozenset(entry.kind for entry in told if not entry.why),
        complaints=tuple(_complaints(told)),
    )


class _Reader:
    """Asks for the kinds: one first, to see that there is a cluster at all, then several at a time."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl: Final = kubectl

    def read(self) -> list[_Told]:
        from concurrent.futures import ThreadPoolExecutor

        resources = [(group, plural) for group, kinds in KINDS.items() for plural in kinds]
        first = self._list(resources[0])
        if first.outcome is Outcome.FAILED and not first.items:
            return [first]
        pool = ThreadPoolExecutor(_AT_A_TIME)
        try:
            served = dict(pool.map(self._served, self._groups().items()))
            rest = list(pool.map(lambda resource: self._list_served(resource, served), resources[1:]))
            return [first, *rest, self._definitions(served), self._config_maps()]
        finally:
            # After Ctrl-C nothing is to go on; else all is done by now.
            pool.shutdown(wait=False, cancel_futures=True)
            self._kubectl.end()

    def _groups(self) -> Mapping[str, Sequence[str]]:
        """
        The API groups that matter, each with its versions: none for those that the cluster does not have.

        Empty if it does not tell. kubectl would look for each kind that is not there in all groups.
        """
        told = _entries(_json(self._kubectl.get("--raw=/apis")), "groups")
        versions = {str(group.get("name")): _texts(group, "versions", "groupVersion") for group in told}
        # What lacks a group that every cluster has is not the list of its groups.
        return {group: versions.get(group, []) for group in KINDS if group} if "apps" in versions else {}

    def _served(self, group: tuple[str, Sequence[str]]) -> tuple[str, frozenset[str] | None]:
        """The plurals that are served in a group; None if one of its versions does not tell."""
        name, versions = group
        served: set[str] = set()
        for version in versions:
            names = _texts(_json(self._kubectl.get(f"--raw=/apis/{version}")), "resources", "name")
            if not names:
                return name, None
            served.update(names)
        return name, frozenset(served)

    def _list_served(self, resource: tuple[str, str], served: Mapping[str, frozenset[str] | None]) -> _Told:
        group, plural = resource
        known = served.get(group)
        if known is not None and plural not in known:
            return _Told((group, KINDS[group][plural]), (), Outcome.ABSENT)
        return self._list(resource)

    def _list(self, resource: tuple[str, str]) -> _Told:
        group, plural = resource
        answer = self._kubectl.list(f"{plural}.{group}" if group else plural)
        return _told((group, KINDS[group][plural]), answer)

    def _definitions(self, served: Mapping[str, frozenset[str] | None]) -> _Told:
        there = [group for group in _DEFINED if served.get(group) != frozenset()]
        names = [f"{plural}.{group}" for group in there for plural in KINDS[group]]
        if not names:
            return _Told(_DEFINITION, ())
        return _told(_DEFINITION, self._named("customresourcedefinitions.apiextensions.k8s.io", *names))

    def _config_maps(self) -> _Told:
        # A table holds names, and none of what the ConfigMaps of others say.
        table = self._kubectl.get("configmaps", "--all-namespaces", "--no-headers")
        if table.outcome is not Outcome.TOLD:
            return _Told(_CONFIG_MAP, (), table.outcome, table.why)
        names = _names_by_namespace(table.text)
        found = [self._named("configmaps", *some, f"--namespace={place}") for place, some in names.items()]
        told = [_told(_CONFIG_MAP, answer) for answer in found]
        items = [item for entry in told for item in entry.items]
        failed = next((entry for entry in told if entry.why), _Told(_CONFIG_MAP, ()))
        return failed._replace(items=items)

    def _named(self, resource: str, *arguments: str) -> Answer:
        return self._kubectl.get(resource, *arguments, "--ignore-not-found", "--output=json")


def _names_by_namespace(table: str) -> Mapping[str, Sequence[str]]:
    names: dict[str, list[str]] = {}
    for line in table.splitlines():
        match line.split():
            case [namespace, name, *_] if _NAME.fullmatch(namespace) and _OF_ISTIO.fullmatch(name):
                names.setdefault(namespace, []).append(name)
            case _:
                pass
    return names


def _told(kind: GroupKind, answer: Answer) -> _Told:
    if answer.outcome is Outcome.ABSENT:
        return _Told(kind, (), answer.outcome)
    items = _items(answer.text)
    if items is None:
        why = answer.why or "kubectl's answer cannot be read"
        outcome = Outcome.FAILED if answer.outcome is Outcome.TOLD else answer.outcome
        return _Told(kind, (), outcome, why)
    fit = [item for item in items if isinstance(item, dict) and _is_of(kind, item)]
    why = answer.why if len(fit) == len(items) else answer.why or "some of its objects cannot be read"
    return _Told(kind, fit, answer.outcome, why)


def _json(answer: Answer) -> object:
    """The data of an answer; None if it is none."""
    try:
        return json.loads(answer.text) if answer.outcome is Outcome.TOLD else None
    except (ValueError, RecursionError):
        return None


def _entries(data: object, key: str) -> list[dict[str, Any]]:
    """The mappings in a list of some data."""
    entries = data.get(key) if isinstance(data, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _texts(data: object, key: str, field: str) -> list[str]:
    """A text of each of the mappings in a list of some data."""
    return [entry[field] for entry in _entries(data, key) if isinstance(entry.get(field), str)]


def _items(text: str) -> list[object] | None:
    """The objects in an answer: of a list, or the only one; None if it is no answer."""
    if not text.strip():
        return []
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if "\\ud" in text.lower():
        data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    match data:
        case {"kind": str(kind), "items": [*items]} if kind.endswith("List"):
            return items
        case {"kind": _}:
            return [data]
        case _:
            return None


def _is_of(kind: GroupKind, item: dict[str, Any]) -> bool:
    """Whether it is an object of a kind, with a name, and nested no deeper than text may be."""
    match item:
        case {"apiVersion": str(version), "kind": str(name), "metadata": {"name": str(_)}}:
            return (version.rpartition("/")[0], name) == kind and not _is_deeper(item, MAX_DEPTH)
        case _:
            return False


def _is_deeper(item: dict[str, Any], limit: int) -> bool:
    level: list[Any] = [item]
    for _ in range(limit):
        children = (child for node in level for child in (node.values() if isinstance(node, dict) else node))
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _needed(item: dict[str, Any]) -> dict[str, Any]:
    """An object without noise, the status that other controllers write, and the schemas of a CRD."""
    data = {**without_noise(item)}
    group = str(data["apiVersion"]).rpartition("/")[0]
    if group not in _MESH_GROUPS and data["kind"] not in _STATUS_MATTERS and "status" in data:
        data = {**data, **_phase(data.pop("status"))}
    if group == _DEFINITION[0]:
        _drop_schemas(data)
    return data


def _phase(status: object) -> dict[str, Any]:
    phase = status.get("phase") if isinstance(status, dict) else None
    return {"status": {"phase": phase}} if phase else {}


def _drop_schemas(definition: dict[str, Any]) -> None:
    match definition:
        case {"spec": {"versions": [*versions]}}:
            for version in versions:
                if isinstance(version, dict):
                    version.pop("schema", None)
        case _:
            pass


def _path(data: Mapping[str, Any]) -> str:
    """`cluster:Service/shop/cart`; with its group where two groups have a kind of that name."""
    group, kind = str(data["apiVersion"]).rpartition("/")[0], str(data["kind"])
    shown = f"{kind}.{group}" if (group, kind) == ("networking.istio.io", "Gateway") else kind
    namespace = data["metadata"].get("namespace")
    return "cluster:" + "/".join(str(part) for part in (shown, namespace, data["metadata"]["name"]) if part)


def _complaints(told: Sequence[_Told]) -> Iterator[str]:
    """One line for what may not be read, and one for each other reason."""
    reasons: dict[str, list[str]] = {}
    for entry in told:
        if entry.why:
            why = "may not be read" if entry.outcome is Outcome.FORBIDDEN else entry.why
            reasons.setdefault(why, []).append(_kind_name(entry.kind))
    for why, kinds in reasons.items():
        said = why if why == "may not be read" else f"could not be read: {why}"
        yield f"{', '.join(kinds)}: {said}; what they hold counts as unknown"


def _kind_name(kind: GroupKind) -> str:
    group, name = kind
    return f"{name}.{group}" if kind == ("networking.istio.io", "Gateway") else name
