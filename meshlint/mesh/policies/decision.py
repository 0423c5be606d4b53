"""Whether ztunnel lets a connection through: all AuthorizationPolicies of a workload together."""

from collections.abc import Iterable, Sequence
from enum import Enum

from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.policies.authorization import Alternative, Terms, ZtunnelRule
from meshlint.model.kinds.policy import AuthorizationPolicy
from meshlint.named import NamedTuple

_PRINCIPAL_PARTS = 5


class Peer(NamedTuple):
    """
    Who connects to a pod, and to which of its ports.

    `principal` is the identity without `spiffe://` (`cluster.local/ns/shop/sa/cart`), None for plaintext;
    `namespace` is that of the identity. An `ip` or `port` of None is not known.
    """

    principal: str | None
    namespace: str | None = None
    ip: str | None = None
    port: int | None = None

    @property
    def identity_namespace(self) -> str:
        """The namespace of the identity; empty for plaintext, as ztunnel has it."""
        if self.principal is None:
            return ""
        return self.namespace or self._part(2)

    @property
    def service_account(self) -> str:
        """The identity as `namespace/serviceaccount`; empty for plaintext."""
        if self.principal is None:
            return ""
        return f"{self.identity_namespace}/{self._part(4)}"

    def _part(self, index: int) -> str:
        parts = (self.principal or "").split("/")
        return parts[index] if len(parts) == _PRINCIPAL_PARTS else ""


class Decision(Enum):
    """What becomes of a connection."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"


class AppliedPolicy(NamedTuple):
    """A policy that acts on a workload at ztunnel, and its rules as they are there."""

    policy: AuthorizationPolicy
    rules: tuple[ZtunnelRule, ...]


def decide(applied: Sequence[AppliedPolicy], peer: Peer, *, complete: bool) -> Derived[Decision]:
    """
    Whether a connection is let through.

    ztunnel `src/state.rs`, assert_rbac: any DENY that matches denies; without any ALLOW it is allowed;
    else one of them must match. `complete` tells that there are no other policies.
    """
    denying = [(entry, _first_match(entry.rules, peer)) for entry in applied if _denies(entry)]
    for entry, match in denying:
        if match.value:
            return Derived(Decision.DENIED, (_deciding(entry, match.rule, "denies it"),))
    in_doubt = [
        _deciding(entry, match.rule, "may deny it") for entry, match in denying if match.value is None
    ]
    if in_doubt or not complete:
        return Derived(Decision.UNKNOWN, tuple(in_doubt))
    return _by_allow_policies([entry for entry in applied if not _denies(entry)], peer)


def _by_allow_policies(allowing: Sequence[AppliedPolicy], peer: Peer) -> Derived[Decision]:
    if not allowing:
        return Derived(Decision.ALLOWED)
    matches = [(entry, _first_match(entry.rules, peer)) for entry in allowing]
    for entry, match in matches:
        if match.value:
            return Derived(Decision.ALLOWED, (_deciding(entry, match.rule, "allows it"),))
    in_doubt = tuple(
        _deciding(entry, match.rule, "may allow it") for entry, match in matches if match.value is None
    )
    if in_doubt:
        return Derived(Decision.UNKNOWN, in_doubt)
    return Derived(Decision.DENIED, tuple(_deciding(entry, None, "does not allow it") for entry in allowing))


class _Match(NamedTuple):
    """Whether a rule matches (None: not known), and which."""

    value: bool | None
    rule: ZtunnelRule | None


def _denies(entry: AppliedPolicy) -> bool:
    return entry.policy.action == "DENY"


def _deciding(entry: AppliedPolicy, rule: ZtunnelRule | None, verb: str) -> Cause:
    policy = entry.policy
    at = policy.at(*(rule.path if rule else ("spec", "rules")))
    return Cause(f"{policy.action} policy {policy.name!r} {verb}", at)


def _first_match(rules: Iterable[ZtunnelRule], peer: Peer) -> _Match:
    found = _Match(False, None)
    for rule in rules:
        value = False if rule.is_removed else _all(_clause_matches(clause, peer) for clause in rule.clauses)
        if value:
            return _Match(True, rule)
        if value is None:
            found = _Match(None, rule)
    return found


def _clause_matches(clause: Iterable[Alternative], peer: Peer) -> bool | None:
    return _any(_matches(alternative, peer) for alternative in clause if alternative.terms)


def _matches(alternative: Alternative, peer: Peer) -> bool | None:
    return _all(
        value
        for name, terms in alternative.terms.items()
        for value in (_positive(name, terms, peer), _negative(name, terms, peer))
    )


def _positive(name: str, terms: Terms, peer: Peer) -> bool | None:
    return _any(_value_matches(name, value, peer) for value in terms.values) if terms.values else True


def _negative(name: str, terms: Terms, peer: Peer) -> bool | None:
    found = _any(_value_matches(name, value, peer) for value in terms.not_values)
    return None if found is None else not found


def _value_matches(name: str, value: str, peer: Peer) -> bool | None:
    match name:
        case "principals":
            return peer.principal is not None and _text_matches(value, peer.principal)
        case "namespaces":
            return _text_matches(value, peer.identity_namespace)
        case "serviceAccounts":
            return value == peer.service_account
        case "ports":
            return None if peer.port is None else int(value) == peer.port
        case "ipBlocks":
            return None if peer.ip is None else _ip_matches(value, peer.ip)
        case _:
            # The pod's own address is given when it starts.
            return None


def _text_matches(pattern: str, text: str) -> bool:
    """As StringMatch does (ztunnel `src/rbac.rs`)."""
    if pattern == "*":
        return bool(text)
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _ip_matches(block: str, ip: str) -> bool:
    import ipaddress

    address = ipaddress.ip_address(ip)
    network = ipaddress.ip_network(block.partition("%")[0], strict=False)
    return address.version == network.version and address in network


def _any(values: Iterable[bool | None]) -> bool | None:
    found: bool | None = False
    for value in values:
        if value:
            return True
        found = None if value is None else found
    return found


def _all(values: Iterable[bool | None]) -> bool | None:
    found: bool | None = True
    for value in values:
        if value is False:
            return False
        found = None if value is None else found
    return found
