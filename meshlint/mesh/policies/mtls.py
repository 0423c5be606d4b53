"""What becomes of plaintext to pods: whether mTLS is strict, port by port."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum

from meshlint.graph.graph import ResourceGraph
from meshlint.graph.known import Known
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.enrollment.dataplane import DataplaneMode
from meshlint.mesh.enrollment.pod_settings import bypasses_inbound
from meshlint.mesh.policies.levels import PodSource, PolicyLevels
from meshlint.mesh.policies.lost_strict import LostStrict, lost_strict
from meshlint.mesh.policies.peer_authentication import (
    OTHER_PORTS,
    STRICT,
    Levels,
    MtlsLine,
    asked_strict,
    mode_of,
    port_modes_of,
    ztunnel_denies,
)
from meshlint.model.kinds.policy import PeerAuthentication
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple

_Rule = Callable[[Levels, int], bool]


class MtlsMode(Enum):
    """What becomes of plaintext: refused, accepted, or not known. DISABLE counts as permissive."""

    STRICT = "strict"
    PERMISSIVE = "permissive"
    UNKNOWN = "unknown"


class MtlsVerdict(NamedTuple):
    """What becomes of plaintext to pods. `ports` are those where it is not `value`."""

    value: MtlsMode
    ports: Mapping[int, MtlsMode]
    because: tuple[Cause, ...]

    def on(self, port: int | None) -> MtlsMode:
        """What becomes of plaintext to a port of the pods; None is a port that is not known."""
        if port is None:
            return MtlsMode.UNKNOWN if self.ports else self.value
        return self.ports.get(port, self.value)


class PeerAuthentications:
    """
    What the PeerAuthentications of a mesh come to for pods.

    Where all that may speak for them agree, that is the answer.
    """

    def __init__(self, graph: ResourceGraph, version: IstioVersion, root: Derived[str]) -> None:
        self._root = root
        self._version = version
        self._levels = PolicyLevels(graph, root)

    def verdict(self, source: PodSource, mode: Derived[DataplaneMode]) -> MtlsVerdict:
        """
        What really becomes of plaintext to the pods.

        Outside of the mesh, and at gateways (which take what their listeners say), nothing refuses
        it. An unknown data plane may be any of them.
        """
        outside = MtlsVerdict(MtlsMode.PERMISSIVE, {}, mode.because)
        match mode.value:
            case DataplaneMode.AMBIENT:
                return self._ambient(source)
            case DataplaneMode.SIDECAR:
                return self.asked(source)
            case DataplaneMode.UNKNOWN:
                return _agreed((self._ambient(source), self.asked(source), outside))
            case _:
                return outside

    def asked(self, source: PodSource) -> MtlsVerdict:
        """What plain inheritance makes of the policies: as documented, and as sidecars do it."""
        return self._outcome(source, self._levels.in_sidecars(source), asked_strict)

    def governed(self, policy: PeerAuthentication) -> tuple[PodSource, ...]:
        """The pods for which a policy may speak, in ambient mode."""
        return tuple(self._levels.governed(policy))

    def line(self, source: PodSource, port: int) -> MtlsLine | None:
        """The line that decides for a port of ambient pods; None without one, or if several may."""
        return self._levels.line(source, port)

    def inherited(self, source: PodSource) -> Known[str]:
        """The mode that ambient pods have from their namespace or the mesh; absent where none is set."""
        return self._levels.inherited(source)

    def lost(self, source: PodSource) -> tuple[LostStrict, ...]:
        """Where ambient pods accept plaintext although their policies ask for STRICT."""
        if _bypass(source, self._version) is not None:
            return ()
        return lost_strict(source, self._levels, self._version)

    def _ambient(self, source: PodSource) -> MtlsVerdict:
        bypass = _bypass(source, self._version)
        if bypass is not None:
            return MtlsVerdict(MtlsMode.PERMISSIVE, {}, (bypass,))
        return self._outcome(source, self._levels.in_ambient(source), self._denied)

    def _denied(self, levels: Levels, port: int) -> bool:
        return ztunnel_denies(levels, port, self._version)

    def _outcome(self, source: PodSource, possible: Sequence[Levels], denies: _Rule) -> MtlsVerdict:
        ports = sorted({port for levels in possible for port in port_modes_of(levels.workload)})
        modes = {port: _mode({denies(levels, port) for levels in possible}) for port in (OTHER_PORTS, *ports)}
        value = modes.pop(OTHER_PORTS)
        differing = {port: mode for port, mode in modes.items() if mode is not value}
        return MtlsVerdict(value, differing, tuple(self._causes(source, possible, denies)))

    def _causes(self, source: PodSource, possible: Sequence[Levels], denies: _Rule) -> Iterator[Cause]:
        seen = set()
        for levels in possible:
            for cause in _causes_of(levels, denies):
                if cause.at not in seen:
                    seen.add(cause.at)
                    yield cause
        decided_below = all(mode_of(x.namespace) or mode_of(x.workload) for x in possible)
        if not decided_below and not self._levels.is_root_closed and all(x.mesh is None for x in possible):
            message = f"a policy of namespace {self._root.value!r} outside of these manifests would change it"
            yield Cause(message, source.at())


def _bypass(source: PodSource, version: IstioVersion) -> Cause | None:
    """The line by which pods get what comes in past ztunnel, so that no policy is enforced."""
    if not isinstance(source, Workload):
        return None
    return next(iter(bypasses_inbound(source, version).because), None)


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
