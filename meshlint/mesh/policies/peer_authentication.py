"""How istiod turns PeerAuthentications into what ztunnel and sidecars refuse."""

from collections.abc import Iterator

from meshlint.mesh.changes import PARENTS_COUNT_IN_CONVERSION
from meshlint.model.kinds.policy import PeerAuthentication
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location

STRICT = "STRICT"
_LAX = frozenset({"PERMISSIVE", "DISABLE"})
_MODES = frozenset({"", "UNSET", STRICT, *_LAX})
_LAST_PORT = 65535
_LONGEST_PORT = 5

OTHER_PORTS = 0
"""Stands for every port that no policy names."""


class Levels(NamedTuple):
    """
    The policies that speak for a workload, one at each level.

    `converted_under` is what the conversion of a workload's policy takes for the namespace's
    own: unlike the rest of istiod it does not see one that has an empty selector.
    """

    mesh: PeerAuthentication | None = None
    namespace: PeerAuthentication | None = None
    workload: PeerAuthentication | None = None
    converted_under: PeerAuthentication | None = None

    @property
    def speaking(self) -> Iterator[PeerAuthentication]:
        """The policies, the widest first."""
        return (policy for policy in self[:3] if policy is not None)


class MtlsLine(NamedTuple):
    """A mode that a policy sets: for one port, or for all (`OTHER_PORTS`) that it does not name."""

    policy: PeerAuthentication
    mode: str
    port: int

    @property
    def is_for_port(self) -> bool:
        """Whether it is about a single port."""
        return self.port != OTHER_PORTS

    @property
    def at(self) -> Location:
        """Where it is written."""
        if self.is_for_port:
            return self.policy.at("spec", "portLevelMtls", str(self.port), "mode")
        return self.policy.at("spec", "mtls", "mode")


class Reference(NamedTuple):
    """What ztunnel is told to enforce on a workload: the static STRICT policy, its own converted one."""

    static: bool
    converted: bool


class PortMatch(NamedTuple):
    """A rule of a converted policy, as plaintext meets it: on some ports (None is all), not on others."""

    ports: frozenset[int] | None = None
    but: frozenset[int] = frozenset()

    def covers(self, port: int) -> bool:
        """Whether it matches plaintext to a port."""
        return (self.ports is None or port in self.ports) and port not in self.but


Groups = tuple[tuple[PortMatch, ...], ...]
"""A converted policy: it denies where all rules of one of its groups match."""


def mode_of(policy: PeerAuthentication | None) -> str:
    """The mode that a policy sets for all ports; empty if it sets none."""
    return "" if policy is None or policy.mode == "UNSET" else policy.mode


def port_modes_of(policy: PeerAuthentication | None) -> dict[int, str]:
    """The modes that a policy sets for single ports, without what is no port."""
    modes = policy.port_modes.items() if policy else ()
    return {int(port): mode for port, mode in modes if _is_port(port)}


def is_rejected(policy: PeerAuthentication) -> bool:
    """
    Whether the API server refuses a policy, so that it is not there.

    istio `manifests/charts/base/files/crd-all.gen.yaml` (enums, and rules on portLevelMtls);
    before, `pkg/config/validation/validation.go`, ValidatePeerAuthentication.
    """
    ports = policy.port_modes
    return (
        any(mode not in _MODES for mode in (policy.mode, *ports.values()))
        or (bool(ports) and not policy.selector)
        or not all(_is_port(port) for port in ports)
    )


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= _LONGEST_PORT and 0 < int(text) <= _LAST_PORT


def lines_of(policy: PeerAuthentication) -> Iterator[MtlsLine]:
    """The modes that a policy sets."""
    for port, mode in {OTHER_PORTS: policy.mode, **port_modes_of(policy)}.items():
        if mode not in ("", "UNSET"):
            yield MtlsLine(policy, mode, port)


def line_for(levels: Levels, port: int) -> MtlsLine | None:
    """The line that plain inheritance goes by for a port; None if no policy sets a mode."""
    own = port_modes_of(levels.workload).get(port, "")
    if levels.workload is not None and own not in ("", "UNSET"):
        return MtlsLine(levels.workload, own, port)
    deciding = [MtlsLine(policy, policy.mode, OTHER_PORTS) for policy in levels.speaking if mode_of(policy)]
    return deciding[-1] if deciding else None


def asked_strict(levels: Levels, port: int) -> bool:
    """
    Whether plain inheritance asks for STRICT on a port, as the documentation has it and sidecars do it.

    istio `pilot/pkg/security/authn/policy_applier.go`, ComposePeerAuthentication.
    """
    port_mode = port_modes_of(levels.workload).get(port, "")
    if port_mode not in ("", "UNSET"):
        return port_mode == STRICT
    return _inherited(levels.mesh, levels.namespace, levels.workload) == STRICT


def ztunnel_denies(levels: Levels, port: int, version: IstioVersion) -> bool:
    """
    Whether ztunnel refuses plaintext to a port.

    A policy that it is told of but never given it ignores (ztunnel `src/state.rs`, assert_rbac).
    """
    reference = referenced(levels, version)
    groups = (converted(levels, version) or ()) if reference.converted else ()
    return reference.static or any(all(rule.covers(port) for rule in group) for group in groups)


def referenced(levels: Levels, version: IstioVersion) -> Reference:
    """
    Which policies istiod tells ztunnel to enforce on a workload.

    istio `pilot/pkg/serviceregistry/ambient/authorization.go`, convertedSelectorPeerAuthentications
    (before 1.25 under `pilot/pkg/serviceregistry/kube/controller`). Only PERMISSIVE ports count
    as exceptions from an inherited STRICT, DISABLE does not.
    """
    strict = _inherited(levels.mesh, levels.namespace, levels.workload) == STRICT
    mode, ports = mode_of(levels.workload), port_modes_of(levels.workload).values()
    if mode == STRICT:
        excepted = any(port in _LAX for port in ports)
        return Reference(static=not excepted, converted=excepted)
    if mode in _LAX or not strict:
        return Reference(static=False, converted=STRICT in ports)
    excepted = "PERMISSIVE" in ports
    static = not excepted or not PARENTS_COUNT_IN_CONVERSION.holds(version)
    return Reference(static=static, converted=excepted)


def converted(levels: Levels, version: IstioVersion) -> Groups | None:
    """
    The policy that istiod makes of the ports of a workload's policy; None if it makes none.

    istio `pilot/pkg/serviceregistry/ambient/authorization.go`, convertPeerAuthentication. The
    operators are its own: an inherited STRICT leaves out STRICT ports even where the workload's
    own mode has replaced it.
    """
    if not PARENTS_COUNT_IN_CONVERSION.holds(version):
        return _converted_before(levels)
    own = mode_of(levels.workload)
    above, root = mode_of(levels.converted_under), mode_of(levels.mesh)
    ports = port_modes_of(levels.workload)
    parent_covers = own == STRICT or (own == "" and above == STRICT) or (above == "" and root == STRICT)
    denied = [p for p, mode in ports.items() if mode == STRICT and not parent_covers]
    is_lax = levels.converted_under is not None or root != STRICT
    irrelevant = own in _LAX or (own == "" and above != STRICT and is_lax)
    spared = [p for p, mode in ports.items() if mode in _LAX and not irrelevant]
    if not denied and not spared:
        return None
    merged = above == STRICT or (above == "" and root == STRICT)
    groups = [(PortMatch(ports=frozenset({port})),) for port in denied]
    rules = [PortMatch()] * (own == STRICT or (merged and bool(spared)))
    rules += [PortMatch(but=frozenset({port})) for port in spared]
    return (*groups, tuple(rules)) if rules else tuple(groups)


def _converted_before(levels: Levels) -> Groups | None:
    """As istiod did before release note 54146: all in one group, so that two STRICT ports never match."""
    own, ports = mode_of(levels.workload), port_modes_of(levels.workload)
    denied = [port for port, mode in ports.items() if mode == STRICT]
    spared = [port for port, mode in ports.items() if mode in _LAX and own not in _LAX]
    if own == STRICT and not spared:
        return None
    rules = [PortMatch()] * (own == STRICT)
    rules += [PortMatch(ports=frozenset({port})) for port in denied]
    rules += [PortMatch(but=frozenset({port})) for port in spared]
    return (tuple(rules),) if rules else None


def _inherited(*policies: PeerAuthentication | None) -> str:
    """The mode of the last policy that sets one."""
    return next((mode for mode in map(mode_of, reversed(policies)) if mode), "")
