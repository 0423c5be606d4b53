"""What becomes of plaintext to a workload: whether mTLS is strict, port by port."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import product
from typing import NamedTuple

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.changes import CAPTURE_CAN_BE_BYPASSED
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.policies.peer_authentication import (
    OTHER_PORTS,
    STRICT,
    Levels,
    asked_strict,
    is_rejected,
    mode_of,
    port_modes_of,
    ztunnel_denies,
)
from meshlint.mesh.policies.selection import SelectorIndex
from meshlint.model.keys import BYPASS_INBOUND_CAPTURE, REVISION
from meshlint.model.kind import PEER_AUTHENTICATION
from meshlint.model.kinds.policy import PeerAuthentication
from meshlint.model.kinds.workload import Workload
from meshlint.model.selector import LabelSelector
from meshlint.model.version import IstioVersion

# Go's strconv.ParseBool.
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})

_Policies = Sequence[PeerAuthentication]
_Rule = Callable[[Levels, int], bool]


class MtlsMode(Enum):
    """What becomes of plaintext: refused, accepted, or not known. DISABLE counts as permissive."""

    STRICT = "strict"
    PERMISSIVE = "permissive"
    UNKNOWN = "unknown"


class MtlsVerdict(NamedTuple):
    """What becomes of plaintext to a workload. `ports` are those where it is not `value`."""

    value: MtlsMode
    ports: Mapping[int, MtlsMode]
    because: tuple[Cause, ...]

    def on(self, port: int) -> MtlsMode:
        """What becomes of plaintext to a port of the pods."""
        return self.ports.get(port, self.value)


class PeerAuthentications:
    """
    The PeerAuthentications of a mesh, and what they come to for a workload.

    The oldest policy of a level wins. Which one that is shows only in manifests with a
    `creationTimestamp`; else every one may be, and so may a policy be there or not that another
    revision may own, or whose namespace is not told. Where all that can be agrees, that is the answer.
    Policies that the API server refuses are not there.
    """

    def __init__(self, graph: ResourceGraph, version: IstioVersion, root: Derived[str]) -> None:
        self._root = root
        self._version = version
        self._root_closed = graph.scopes.is_closed(root.value)
        self._index: SelectorIndex[PeerAuthentication] = SelectorIndex(
            (
                policy
                for policy in graph.of_kind(PEER_AUTHENTICATION)
                if isinstance(policy, PeerAuthentication) and not is_rejected(policy)
            ),
            _selector,
        )

    def verdict(self, workload: Workload, mode: Derived[DataplaneMode]) -> MtlsVerdict:
        """
        What really becomes of plaintext to the pods.

        Outside of the mesh, and at gateways (which take what their listeners say), nothing refuses
        it. An unknown data plane may be any of them.
        """
        outside = MtlsVerdict(MtlsMode.PERMISSIVE, {}, mode.because)
        match mode.value:
            case DataplaneMode.AMBIENT:
                return self._ambient(workload)
            case DataplaneMode.SIDECAR:
                return self.asked(workload)
            case DataplaneMode.UNKNOWN:
                return _agreed((self._ambient(workload), self.asked(workload), outside))
            case _:
                return outside

    def asked(self, workload: Workload) -> MtlsVerdict:
        """What plain inheritance makes of the policies: as documented, and as sidecars do it."""
        possible = list(self._possible_levels(workload, empty_is_mesh_wide=True))
        return self._outcome(workload, possible, asked_strict)

    def _ambient(self, workload: Workload) -> MtlsVerdict:
        bypass = workload.pod_annotations.get(BYPASS_INBOUND_CAPTURE)
        if bypass in _TRUE and CAPTURE_CAN_BE_BYPASSED.holds(self._version):
            at = workload.pod_annotation_at(BYPASS_INBOUND_CAPTURE)
            cause = Cause("ztunnel does not capture what comes in to the pods", at)
            return MtlsVerdict(MtlsMode.PERMISSIVE, {}, (cause,))
        possible = list(
            self._possible_levels(workload, empty_is_mesh_wide=workload.namespace == self._root.value)
        )
        return self._outcome(workload, possible, self._denied)

    def _denied(self, levels: Levels, port: int) -> bool:
        return ztunnel_denies(levels, port, self._version)

    def _outcome(self, workload: Workload, possible: Sequence[Levels], denies: _Rule) -> MtlsVerdict:
        ports = sorted({port for levels in possible for port in port_modes_of(levels.workload)})
        modes = {port: _mode({denies(levels, port) for levels in possible}) for port in (OTHER_PORTS, *ports)}
        value = modes.pop(OTHER_PORTS)
        differing = {port: mode for port, mode in modes.items() if mode is not value}
        return MtlsVerdict(value, differing, tuple(self._causes(workload, possible, denies)))

    # Which policies speak

    def _possible_levels(self, workload: Workload, *, empty_is_mesh_wide: bool) -> Iterator[Levels]:
        """
        Each way in which policies may speak for a workload.

        istio `pilot/pkg/serviceregistry/ambient/workloads.go`, fetchPeerAuthentications: a policy of the
        root namespace with labels in its selector selects nothing, one with an empty selector only
        the pods beside it (in sidecar mode all of the mesh: `pilot/pkg/model/authentication.go`).
        """
        labels, root = workload.pod_labels, self._root.value
        mesh_wide = [
            policy
            for policy in self._speaking(root, {}, workload)
            if policy.selector is None or empty_is_mesh_wide
        ]
        beside = (
            [] if workload.namespace == root else list(self._speaking(workload.namespace, labels, workload))
        )
        general, selecting = [p for p in beside if not p.selector], [p for p in beside if p.selector]
        without_selector = [policy for policy in general if policy.selector is None]
        for mesh, namespace, own in product(
            *(_distinct(self._winners(policies, workload)) for policies in (mesh_wide, general, selecting))
        ):
            if namespace is None or namespace.selector is None:
                yield Levels(mesh, namespace, own, namespace)
            else:
                for above in _distinct(self._winners(without_selector, workload)):
                    yield Levels(mesh, namespace, own, above)

    def _speaking(
        self, namespace: str | None, labels: Mapping[str, str], workload: Workload
    ) -> Iterator[PeerAuthentication]:
        """The policies that select labels in a namespace, those that may be in it included."""
        yield from self._index.selecting(namespace, labels)
        if namespace is not None and workload.namespace is not None:
            yield from self._index.selecting(None, labels)

    def _winners(self, policies: _Policies, workload: Workload) -> Iterator[PeerAuthentication | None]:
        """The policies of a level that may be the one that counts; None if it may have none."""
        certain = [policy for policy in policies if _is_certain(policy, workload)]
        yield from _oldest(certain)
        if not certain:
            yield None
        yield from (policy for policy in policies if not _is_certain(policy, workload))

    # Why

    def _causes(self, workload: Workload, possible: Sequence[Levels], denies: _Rule) -> Iterator[Cause]:
        seen = set()
        for levels in possible:
            for cause in _causes_of(levels, denies):
                if cause.at not in seen:
                    seen.add(cause.at)
                    yield cause
        decided_below = all(mode_of(x.namespace) or mode_of(x.workload) for x in possible)
        if not decided_below and not self._root_closed and all(x.mesh is None for x in possible):
            message = f"a policy of namespace {self._root.value!r} outside of these manifests would change it"
            yield Cause(message, workload.at())


def _selector(policy: PeerAuthentication) -> LabelSelector:
    return LabelSelector(policy.selector or {})


def _oldest(policies: _Policies) -> _Policies:
    """
    The policies that may be the oldest, by their `creationTimestamp`.

    istio `pilot/pkg/serviceregistry/ambient/authorization.go`, getOldestPeerAuthn: of two of the
    same age the first wins in an order that nothing fixes.
    """
    ages = [policy.manifest.value("metadata", "creationTimestamp") for policy in policies]
    if not all(isinstance(age, str) for age in ages):
        return policies
    return [policy for policy, age in zip(policies, ages, strict=True) if age == min(ages)]


def _is_certain(policy: PeerAuthentication, workload: Workload) -> bool:
    """
    Whether a policy is surely there for istiod.

    One with `istio.io/rev` is there only for the control plane of that revision
    (istio `pkg/config/model.go`, LabelsInRevision).
    """
    return REVISION not in policy.labels and (policy.namespace is not None or workload.namespace is None)


def _distinct(policies: Iterator[PeerAuthentication | None]) -> list[PeerAuthentication | None]:
    """The policies that differ in what they can bring about."""
    return list({_content(policy): policy for policy in policies}.values())


def _content(policy: PeerAuthentication | None) -> object:
    if policy is None:
        return None
    return mode_of(policy), policy.selector is None, frozenset(policy.port_modes.items())


def _mode(denied: set[bool]) -> MtlsMode:
    match sorted(denied):
        case [only]:
            return MtlsMode.STRICT if only else MtlsMode.PERMISSIVE
        case _:
            return MtlsMode.UNKNOWN


def _agreed(verdicts: Sequence[MtlsVerdict]) -> MtlsVerdict:
    """What verdicts agree on, port by port; unknown where they do not."""
    ports = sorted({port for verdict in verdicts for port in verdict.ports})

    def agreed(modes: set[MtlsMode]) -> MtlsMode:
        return modes.pop() if len(modes) == 1 else MtlsMode.UNKNOWN

    value = agreed({verdict.value for verdict in verdicts})
    on_ports = {port: agreed({verdict.on(port) for verdict in verdicts}) for port in ports}
    differing = {port: mode for port, mode in on_ports.items() if mode is not value}
    causes = dict.fromkeys(cause for verdict in verdicts for cause in verdict.because)
    return MtlsVerdict(value, differing, tuple(causes))


def _causes_of(levels: Levels, denies: _Rule) -> Iterator[Cause]:
    """The lines that decide, the deciding mode first, then each port that is set apart."""
    own = levels.workload
    deciding = [policy for policy in (own, levels.namespace, levels.mesh) if mode_of(policy)]
    for policy in deciding[:1]:
        if policy is not None:
            yield Cause(f"{_named(policy)} sets {policy.mode}", policy.at("spec", "mtls", "mode"))
    if own is None:
        return
    for port, mode in port_modes_of(own).items():
        if mode in ("", "UNSET"):
            continue
        wanted = denies(levels, port) == (mode == STRICT)
        outcome = "" if wanted else ", to no effect"
        at = own.at("spec", "portLevelMtls", str(port), "mode")
        yield Cause(f"{_named(own)} sets {mode} for port {port}{outcome}", at)
    if asked_strict(levels, OTHER_PORTS) and not denies(levels, OTHER_PORTS):
        message = (
            "istiod takes STRICT away for the ports of this policy, and never sends what should replace it"
        )
        yield Cause(message, own.at("spec", "portLevelMtls"))


def _named(policy: PeerAuthentication) -> str:
    return f"PeerAuthentication {policy.name!r}"
