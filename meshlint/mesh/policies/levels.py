"""Which PeerAuthentications speak for which pods."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product

from meshlint.graph.graph import Relation, ResourceGraph
from meshlint.graph.known import ABSENT, UNKNOWN, Known, present
from meshlint.mesh.derived import Derived
from meshlint.mesh.policies.peer_authentication import Levels, MtlsLine, is_rejected, line_for, mode_of
from meshlint.mesh.policies.selection import SelectorIndex
from meshlint.model.keys import REVISION
from meshlint.model.kind import NAMESPACE, PEER_AUTHENTICATION, WORKLOADS
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.policy import PeerAuthentication
from meshlint.model.kinds.workload import Workload
from meshlint.model.selector import LabelSelector
from meshlint.named import NamedTuple

_Policies = Sequence[PeerAuthentication]

PodSource = Workload | Namespace | PeerAuthentication
"""
What tells of pods: a workload of its own, a Namespace of pods without labels, a policy of those it selects.

The latter two stand for pods that the set does not hold.
"""


class Pods(NamedTuple):
    """What policies go by: where pods are, and their labels."""

    namespace: str | None
    labels: Mapping[str, str]


class PolicyLevels:
    """
    The PeerAuthentications of a mesh, and which of them speak for pods.

    The oldest policy of a level wins. Which one that is shows only in manifests with a
    `creationTimestamp`; else every one may be, and so may a policy be there or not that another
    revision may own, whose namespace is not told, or that has the `targetRefs` which the API
    has not. Policies that the API server refuses are not there.
    """

    def __init__(self, graph: ResourceGraph, root: Derived[str]) -> None:
        self._graph = graph
        self._root = root.value
        self._found: dict[tuple[PodSource, bool], tuple[Levels, ...]] = {}
        self._index: SelectorIndex[PeerAuthentication] = SelectorIndex(
            (
                policy
                for policy in graph.of_kind(PEER_AUTHENTICATION)
                if isinstance(policy, PeerAuthentication) and not is_rejected(policy)
            ),
            _selector,
        )

    def in_ambient(self, source: PodSource) -> tuple[Levels, ...]:
        """
        Each way in which policies may speak for ambient pods.

        An empty selector in the root namespace holds for the pods beside it alone
        (istio `pilot/pkg/serviceregistry/ambient/workloads.go`, fetchPeerAuthentications).
        """
        return self._possible(source, empty_is_mesh_wide=pods_of(source).namespace == self._root)

    def in_sidecars(self, source: PodSource) -> tuple[Levels, ...]:
        """
        Each way in which policies may speak for pods with sidecars.

        An empty selector is none
        (istio `pilot/pkg/security/authn/policy_applier.go`, ComposePeerAuthentication).
        """
        return self._possible(source, empty_is_mesh_wide=True)

    def line(self, source: PodSource, port: int) -> MtlsLine | None:
        """The line that decides for a port of ambient pods; None without one, or if several may."""
        lines = {line_for(levels, port) for levels in self.in_ambient(source)}
        return lines.pop() if len(lines) == 1 else None

    def inherited(self, source: PodSource) -> Known[str]:
        """The mode that ambient pods have from their namespace or the mesh; absent where none is set."""
        modes = {mode_of(levels.namespace) or mode_of(levels.mesh) for levels in self.in_ambient(source)}
        if len(modes) > 1:
            return UNKNOWN
        only = modes.pop()
        if only:
            return present(only)
        return ABSENT if self.is_root_closed and self.is_closed(source) else UNKNOWN

    @property
    def is_root_closed(self) -> bool:
        """Whether no policy for the whole mesh can be missing from the set."""
        return self._graph.scopes.is_closed(self._root, PEER_AUTHENTICATION)

    def is_closed(self, source: PodSource) -> bool:
        """Whether no policy of the pods' namespace can be missing from the set."""
        return self._graph.scopes.is_closed(pods_of(source).namespace, PEER_AUTHENTICATION)

    def governed(self, policy: PeerAuthentication) -> Sequence[PodSource]:
        """
        The pods for which a policy may speak, in ambient mode.

        A namespace stands for its pods where the set holds none of them, and so does a policy for those that
        it selects.
        """
        return self._governed.get(policy, ())

    @cached_property
    def _governed(self) -> Mapping[PeerAuthentication, Sequence[PodSource]]:
        governed: dict[PeerAuthentication, dict[PodSource, None]] = defaultdict(dict)
        for source in self._sources():
            for levels in self.in_ambient(source):
                for policy in levels.speaking:
                    governed[policy][source] = None
        return {policy: tuple(sources) for policy, sources in governed.items()}

    def _sources(self) -> Iterator[PodSource]:
        for workload in self._graph.of_kind(*WORKLOADS):
            if isinstance(workload, Workload):
                yield workload
        for namespace in self._graph.of_kind(NAMESPACE):
            is_bare = next(self._graph.in_namespace(namespace.name, *WORKLOADS), None) is None
            if isinstance(namespace, Namespace) and is_bare:
                yield namespace
        for policy in self._graph.of_kind(PEER_AUTHENTICATION):
            is_bare = next(self._graph.edges_from(policy, Relation.SELECTS), None) is None
            if isinstance(policy, PeerAuthentication) and policy.selector and is_bare:
                yield policy

    def _possible(self, source: PodSource, *, empty_is_mesh_wide: bool) -> tuple[Levels, ...]:
        key = (source, empty_is_mesh_wide)
        if key not in self._found:
            self._found[key] = tuple(self._levels(pods_of(source), empty_is_mesh_wide=empty_is_mesh_wide))
        return self._found[key]

    def _levels(self, pods: Pods, *, empty_is_mesh_wide: bool) -> Iterator[Levels]:
        """Of the root namespace a policy with labels in its selector selects nothing, in any mode."""
        mesh_wide = [
            policy
            for policy in self._speaking(self._root, Pods(pods.namespace, {}))
            if policy.selector is None or empty_is_mesh_wide
        ]
        beside = [] if pods.namespace == self._root else list(self._speaking(pods.namespace, pods))
        general, selecting = [p for p in beside if not p.selector], [p for p in beside if p.selector]
        without_selector = [policy for policy in general if policy.selector is None]
        for mesh, namespace, own in product(
            *(_distinct(_winners(policies, pods)) for policies in (mesh_wide, general, selecting))
        ):
            if namespace is None or namespace.selector is None:
                yield Levels(mesh, namespace, own, namespace)
            else:
                for above in _distinct(_winners(without_selector, pods)):
                    yield Levels(mesh, namespace, own, above)

    def _speaking(self, namespace: str | None, pods: Pods) -> Iterator[PeerAuthentication]:
        """The policies that select pods in a namespace, those that may be in it included."""
        yield from self._index.selecting(namespace, pods.labels)
        if namespace is not None and pods.namespace is not None:
            yield from self._index.selecting(None, pods.labels)


def pods_of(source: PodSource) -> Pods:
    """The pods that something tells of."""
    match source:
        case Workload():
            return Pods(source.namespace, source.pod_labels)
        case Namespace():
            return Pods(source.name, {})
        case PeerAuthentication():
            return Pods(source.namespace, source.selector or {})


def _selector(policy: PeerAuthentication) -> LabelSelector:
    return LabelSelector(policy.selector or {})


def _winners(policies: _Policies, pods: Pods) -> Iterator[PeerAuthentication | None]:
    """The policies of a level that may be the one that counts; None if it may have none."""
    certain = [policy for policy in policies if _is_certain(policy, pods)]
    yield from _oldest(certain)
    if not certain:
        yield None
    yield from (policy for policy in policies if not _is_certain(policy, pods))


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


def _is_certain(policy: PeerAuthentication, pods: Pods) -> bool:
    """
    Whether a policy is surely there for istiod.

    One with `istio.io/rev` is there only for the control plane of that revision
    (istio `pkg/config/model.go`, LabelsInRevision). One with `targetRefs` the API server refuses,
    unless it was told to drop unknown fields.
    """
    is_placed = policy.namespace is not None or pods.namespace is None
    return REVISION not in policy.labels and not policy.targets and is_placed


def _distinct(policies: Iterator[PeerAuthentication | None]) -> list[PeerAuthentication | None]:
    """The policies that differ in what they can bring about."""
    return list({_content(policy): policy for policy in policies}.values())


def _content(policy: PeerAuthentication | None) -> object:
    if policy is None:
        return None
    return mode_of(policy), policy.selector is None, frozenset(policy.port_modes.items())
