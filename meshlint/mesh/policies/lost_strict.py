"""Where istiod's translation for ztunnel loses the STRICT that PeerAuthentications ask for."""

from enum import Enum

from meshlint.mesh.policies.levels import PodSource, PolicyLevels
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
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple


class LossForm(Enum):
    """What about a policy makes istiod lose STRICT."""

    EMPTY_SELECTOR = "the namespace's policy has an empty selector"
    UNSET_MODE = "the namespace's policy sets no mode"
    STRICT_PORT = "a port is STRICT under a mode that is not"


class LostStrict(NamedTuple):
    """
    Ports that accept plaintext although the policies ask for STRICT.

    `blamed` is the policy whose form loses it, `exceptions` the one of the pods with their ports,
    `strict` the line of the namespace or the mesh that asks for STRICT.
    `ports` are empty where it is every port of the pods. It is not certain where policies compete, or
    where one that would mend it may be missing from the set.
    """

    form: LossForm
    blamed: PeerAuthentication
    exceptions: PeerAuthentication
    strict: MtlsLine
    ports: tuple[int, ...]
    is_certain: bool


def lost_strict(source: PodSource, held: PolicyLevels, version: IstioVersion) -> tuple[LostStrict, ...]:
    """
    What is lost for ambient pods.

    istio `pilot/pkg/serviceregistry/ambient/authorization.go`: convertedSelectorPeerAuthentications tells a
    workload to go by a converted policy that convertPeerAuthentication does not write, since the two read
    different parents.
    """
    possible = held.in_ambient(source)
    found = [_lost(levels, version) for levels in possible]
    lost = list(dict.fromkeys(loss for loss in found if loss is not None))
    agree = len(lost) == 1 and None not in found
    return tuple(loss._replace(is_certain=agree and _is_told(loss, possible, source, held)) for loss in lost)


def _lost(levels: Levels, version: IstioVersion) -> LostStrict | None:
    own, namespace = levels.workload, levels.namespace
    above = [policy for policy in (namespace, levels.mesh) if policy and policy.mode == STRICT]
    if own is None or not above:
        return None
    strict = MtlsLine(above[0], STRICT, OTHER_PORTS)
    ports = (OTHER_PORTS, *sorted(port_modes_of(own)))
    lost = [
        port for port in ports if asked_strict(levels, port) and not ztunnel_denies(levels, port, version)
    ]
    if not lost:
        return None
    if OTHER_PORTS not in lost:
        return LostStrict(LossForm.STRICT_PORT, own, own, strict, tuple(lost), is_certain=True)
    if namespace is None:
        return None
    is_empty = mode_of(namespace) == STRICT
    form = LossForm.EMPTY_SELECTOR if is_empty else LossForm.UNSET_MODE
    return LostStrict(form, namespace, own, strict, (), is_certain=True)


def _is_told(loss: LostStrict, possible: tuple[Levels, ...], source: PodSource, held: PolicyLevels) -> bool:
    """Whether no policy that would mend it can be missing: a STRICT one of the mesh, one of the namespace."""
    match loss.form:
        case LossForm.EMPTY_SELECTOR:
            return held.is_root_closed or all(levels.mesh is not None for levels in possible)
        case LossForm.UNSET_MODE:
            return True
        case LossForm.STRICT_PORT:
            return held.is_closed(source) or all(levels.namespace is not None for levels in possible)
