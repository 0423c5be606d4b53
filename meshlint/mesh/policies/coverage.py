"""Which pods something without targets is written for: such that ztunnel alone serves, or others too."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.policies.attachment import Attachments
from meshlint.mesh.policies.target_attachment import target_references
from meshlint.mesh.waypoints.binding import class_of
from meshlint.model.kind import GATEWAY, NAMESPACE, POD, WORKLOADS, Kind
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.kinds.policy import TargetedPolicy
from meshlint.model.kinds.traffic import Sidecar
from meshlint.model.kinds.workload import Workload
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple

if TYPE_CHECKING:
    from meshlint.mesh.policies.facts import PolicyFacts


class Coverage(NamedTuple):
    """
    The pods that something without targets is written for.

    `ambient` are those that ztunnel alone serves; a Namespace stands for its pods if the set holds
    none of them. `is_proxied` tells that an Envoy acts by it too. Unless `is_known`, it may be for more
    than this set shows; a selector is taken to select in the cluster what it selects here.
    """

    ambient: tuple[Workload | Namespace, ...]
    is_proxied: bool
    is_known: bool

    @property
    def is_lost(self) -> bool:
        """Whether it is for ambient pods, and for nothing else."""
        return bool(self.ambient) and not self.is_proxied and self.is_known


NOBODY = Coverage((), is_proxied=False, is_known=False)


def policy_coverage(policy: TargetedPolicy, attachments: Attachments, mesh: "PolicyFacts") -> Coverage:
    """Whom a policy without targets is for; nobody if it has targets, or istiod does not read it."""
    if target_references(policy, mesh.version) or attachments.ignored(policy) is not None:
        return NOBODY
    everywhere = policy.namespace == mesh.root_namespace.value
    workloads = tuple(attachments.selected(policy))
    namespaces = () if policy.selector else _namespaces(policy, mesh, everywhere=everywhere)
    is_closed = _is_closed(policy, mesh, (POD, GATEWAY), everywhere=everywhere)
    shown = bool(policy.selector) or (bool(workloads) and is_closed)
    return Coverage(
        ambient=_ambient(workloads, namespaces, mesh),
        is_proxied=bool(mesh.reach(policy).enforcements),
        is_known=shown
        and _are_modes_known(workloads, mesh)
        and not any(_unknown_gateways(policy, attachments, mesh)),
    )


def sidecar_coverage(sidecar: Sidecar, mesh: "PolicyFacts") -> Coverage:
    """
    Whom a Sidecar is for: pods of its namespace; without selector in the root namespace, of the whole mesh.

    Gateways and waypoints have scopes of their own
    (istio `pilot/pkg/model/push_context.go`, initSidecarScopes and doGetSidecarScope).
    """
    if mesh.is_discovered(sidecar) is False:
        return NOBODY
    everywhere = not sidecar.selector and sidecar.namespace == mesh.root_namespace.value
    selector = LabelSelector(sidecar.selector or {})
    beside = (
        mesh.graph.of_kind(*WORKLOADS)
        if everywhere
        else mesh.graph.in_namespace(sidecar.namespace, *WORKLOADS)
    )
    workloads = tuple(w for w in beside if isinstance(w, Workload) and selector.matches(w.pod_labels))
    namespaces = () if sidecar.selector else _namespaces(sidecar, mesh, everywhere=everywhere)
    return Coverage(
        ambient=_ambient(workloads, namespaces, mesh),
        is_proxied=any(mesh.dataplane_mode(w).value is DataplaneMode.SIDECAR for w in workloads),
        is_known=(bool(sidecar.selector) or _is_closed(sidecar, mesh, (POD,), everywhere=everywhere))
        and _are_modes_known(workloads, mesh),
    )


def _ambient(
    workloads: Iterable[Workload], namespaces: Iterable[Namespace], mesh: "PolicyFacts"
) -> tuple[Workload | Namespace, ...]:
    pods = (w for w in workloads if mesh.dataplane_mode(w).value is DataplaneMode.AMBIENT)
    empty = (n for n in namespaces if not any(mesh.workloads_in(n)))
    return (*pods, *(n for n in empty if mesh.namespace_mode(n).value is DataplaneMode.AMBIENT))


def _namespaces(
    resource: TargetedPolicy | Sidecar, mesh: "PolicyFacts", *, everywhere: bool
) -> tuple[Namespace, ...]:
    """The Namespaces whose pods something without selector is for."""
    own = mesh.namespace_of(resource)
    found = mesh.graph.of_kind(NAMESPACE) if everywhere else (own,)
    return tuple(namespace for namespace in found if isinstance(namespace, Namespace))


def _is_closed(
    resource: TargetedPolicy | Sidecar, mesh: "PolicyFacts", kinds: tuple[Kind, ...], *, everywhere: bool
) -> bool:
    """Whether all of some kinds that something may be for is in the set: a dump of Pods shows all pods."""
    return mesh.is_complete if everywhere else mesh.is_closed(resource.namespace, *kinds)


def _are_modes_known(workloads: Iterable[Workload], mesh: "PolicyFacts") -> bool:
    return all(mesh.dataplane_mode(w).value is not DataplaneMode.UNKNOWN for w in workloads)


def _unknown_gateways(
    policy: TargetedPolicy, attachments: Attachments, mesh: "PolicyFacts"
) -> Iterator[Gateway]:
    """The Gateways that a policy selects and that may be Istio's: their class is not in the set."""
    for gateway in attachments.gateways_in_scope(policy):
        may_be = mesh.is_waypoint(gateway).value is None and class_of(mesh.graph, gateway).is_unknown
        if may_be and attachments.selects(policy, gateway):
            yield gateway
