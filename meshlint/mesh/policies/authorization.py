"""What ztunnel makes of an AuthorizationPolicy: it sees layer 4 alone."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum

from meshlint.mesh.changes import DRY_RUNS_STAY_AT_ISTIOD, SERVICE_ACCOUNTS
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.switches import parse_bool
from meshlint.model.keys import DRY_RUN
from meshlint.model.kinds.policy import AuthorizationPolicy, Condition, Match, Rule
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location

ENFORCED_ACTIONS = frozenset({"ALLOW", "DENY"})

# What httpSources and httpOperations list, in no order.
_HTTP = frozenset(
    {
        *("remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals"),
        *("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"),
    }
)
# Kept out of what ztunnel is sent without a word: workloadapi/security/authorization.proto has no such field.
_DROPPED = frozenset({"trustDomains", "notTrustDomains"})
_L4_SOURCE = ("principals", "namespaces", "serviceAccounts", "ipBlocks")
_L4_OPERATION = ("ports",)
_L4_CONDITIONS: Mapping[str, str] = {
    "source.ip": "ipBlocks",
    "source.namespace": "namespaces",
    "source.principal": "principals",
    "destination.ip": "destinationIps",
    "destination.port": "ports",
}
_LAST_PORT = 65535
SPIFFE = "spiffe://"
"""How a SPIFFE id begins; a policy's principals are written without it."""


class Terms(NamedTuple):
    """What an attribute must be one of, if there are `values`, and must be none of."""

    values: tuple[str, ...]
    not_values: tuple[str, ...]


class Alternative(NamedTuple):
    """
    One entry of `from`, `to` or `when` as ztunnel sees it: all of its terms must hold.

    Without terms it is skipped, and so matches nothing. `widened` are the restrictions that are
    written and lost, `narrowed` the values that are written and match nothing.
    """

    terms: Mapping[str, Terms]
    widened: tuple[Cause, ...]
    narrowed: tuple[Cause, ...]
    path: FieldPath

    @property
    def is_dead(self) -> bool:
        """Whether nothing can match it."""
        return not self.terms or any(
            terms.values and not any(can_match(name, value) for value in terms.values)
            for name, terms in self.terms.items()
        )


class ZtunnelRule(NamedTuple):
    """
    A rule as ztunnel gets it: every clause must match, by any of its alternatives.

    Without clauses it matches everything. `is_removed` if istiod leaves it out; `http` are its
    attributes that would take HTTP, each by its line.
    """

    index: int  # type: ignore[assignment]  # the index of the rule, not the method of tuples
    clauses: tuple[tuple[Alternative, ...], ...]
    http: tuple[tuple[str, Cause], ...]
    is_removed: bool
    path: FieldPath

    @property
    def is_dead(self) -> bool:
        """Whether no connection can match it."""
        return self.is_removed or any(
            all(alternative.is_dead for alternative in clause) for clause in self.clauses
        )


class PrefixedPrincipal(NamedTuple):
    """
    A principal that is written with `spiffe://`, and so is nobody's.

    `is_excluded` tells that it is one of those to leave out (`notPrincipals`).
    """

    value: str
    is_excluded: bool
    at: Location


class RuleOutcome(Enum):
    """What becomes of a rule at ztunnel."""

    ENFORCED = "enforced"
    NO_EFFECT = "no-effect"
    NEVER_MATCHES = "never-matches"
    OVER_DENY = "over-deny"
    PARTLY = "partly"


class RuleVerdict(NamedTuple):
    """What becomes of the rule of an index, and because of which lines."""

    index: int  # type: ignore[assignment]  # the index of the rule, not the method of tuples
    outcome: RuleOutcome
    because: tuple[Cause, ...]


def is_sent(policy: AuthorizationPolicy, version: IstioVersion) -> Derived[bool]:
    """
    Whether ztunnel is told of a policy to enforce it; where it is attached does not matter here.

    istio `pilot/pkg/serviceregistry/ambient/authorization.go`, convertAuthorizationPolicy (to 1.29
    under `kube/controller/ambient`): not with action CUSTOM or AUDIT, and from 1.25.2 not with
    `istio.io/dry-run` (1.29 can be told to send those, and ztunnel then only logs).
    """
    if policy.action not in ENFORCED_ACTIONS:
        text = f"ztunnel does not support the {policy.action} action"
        return Derived(False, (Cause(text, policy.at("spec", "action")),))
    if is_dry_run(policy) and DRY_RUNS_STAY_AT_ISTIOD.holds(version):
        return Derived(False, (Cause("a dry run is not enforced", policy.annotation_at(DRY_RUN)),))
    return Derived(True)


def is_dry_run(policy: AuthorizationPolicy) -> bool:
    """Whether a policy is only to be tried out (Go's ParseBool: what it does not know is false)."""
    return parse_bool(policy.annotations.get(DRY_RUN, "")) is True


def translate(policy: AuthorizationPolicy, version: IstioVersion) -> tuple[ZtunnelRule, ...]:
    """
    The rules of a policy as ztunnel gets them.

    istio `pilot/pkg/serviceregistry/ambient/authorization.go`, handleRule (all versions;
    `serviceAccounts` from 1.25). A rule with an HTTP attribute is removed from an ALLOW policy; in a
    DENY policy it stays, without that attribute.
    """
    translator = _Translator(policy, version)
    return tuple(translator.rule(rule) for rule in policy.rules)


def rule_verdicts(policy: AuthorizationPolicy, version: IstioVersion) -> tuple[RuleVerdict, ...]:
    """What becomes of each rule of a policy at ztunnel."""
    sent = is_sent(policy, version)
    rules = translate(policy, version)
    if not sent.value:
        return tuple(RuleVerdict(rule.index, RuleOutcome.NO_EFFECT, sent.because) for rule in rules)
    return tuple(_verdict(rule, denies=policy.action == "DENY") for rule in rules)


def prefixed_principals(policy: AuthorizationPolicy) -> Iterator[PrefixedPrincipal]:
    """
    The principals of a policy that are written with `spiffe://`: ztunnel and Envoy compare without it.

    ztunnel `src/rbac.rs`, StringMatch; istio `pilot/pkg/security/authz/model/generator.go`,
    srcPrincipalGenerator, which puts another `spiffe://` before it (all versions).
    """
    for values, is_excluded, path in _principals(policy):
        for index, value in enumerate(values):
            if value.startswith(SPIFFE):
                yield PrefixedPrincipal(value, is_excluded, policy.at(*path, index))


def can_match(attribute: str, value: str) -> bool:
    """
    Whether ztunnel can find anything to match a value.

    It knows `x`, `x*`, `*x` and `*` alone, and compares principals without `spiffe://`
    (ztunnel `src/rbac.rs`, StringMatch; istio `authorization.go`, stringToMatch).
    """
    if attribute == "serviceAccounts":
        return "*" not in value
    if attribute not in ("principals", "namespaces") or value == "*":
        return True
    literal = value[1:] if value.startswith("*") else value.removesuffix("*")
    return "*" not in literal and not (attribute == "principals" and SPIFFE in literal)


def _principals(policy: AuthorizationPolicy) -> Iterator[tuple[tuple[str, ...], bool, FieldPath]]:
    """Each list of principals, whether it excludes them, and the way to it."""
    for rule in policy.rules:
        for source in rule.sources:
            for name, is_excluded in (("principals", False), ("notPrincipals", True)):
                yield source.values.get(name, ()), is_excluded, (*source.path, name)
        for condition in rule.conditions:
            if condition.key == "source.principal":
                yield condition.values, False, (*condition.path, "values")
                yield condition.not_values, True, (*condition.path, "notValues")


def _verdict(rule: ZtunnelRule, *, denies: bool) -> RuleVerdict:
    live = [a for clause in rule.clauses for a in clause if not a.is_dead]
    dead = tuple(cause for clause in rule.clauses for a in clause if a.is_dead for cause in _loss(a))
    widened = tuple(cause for alternative in live for cause in alternative.widened)
    narrowed = (*dead, *(cause for alternative in live for cause in alternative.narrowed))
    if rule.is_removed:
        removed = tuple(cause for _, cause in rule.http)
        return RuleVerdict(rule.index, RuleOutcome.NEVER_MATCHES, removed)
    if rule.is_dead:
        outcome = RuleOutcome.NO_EFFECT if denies else RuleOutcome.NEVER_MATCHES
        return RuleVerdict(rule.index, outcome, dead)
    if widened and denies:
        return RuleVerdict(rule.index, RuleOutcome.OVER_DENY, (*widened, *narrowed))
    if widened or narrowed:
        return RuleVerdict(rule.index, RuleOutcome.PARTLY, (*narrowed, *widened))
    return RuleVerdict(rule.index, RuleOutcome.ENFORCED, ())


def _loss(dead: Alternative) -> tuple[Cause, ...]:
    return (*dead.widened, *dead.narrowed)


class _Translator:
    """Translates the rules of one policy."""

    def __init__(self, policy: AuthorizationPolicy, version: IstioVersion) -> None:
        self._policy = policy
        self._knows_accounts = SERVICE_ACCOUNTS.holds(version)

    def rule(self, rule: Rule) -> ZtunnelRule:
        http = tuple(self._http(rule))
        clauses = [
            tuple(self._entry(entry, names) for entry in entries)
            for entries, names in ((rule.operations, _L4_OPERATION), (rule.sources, _L4_SOURCE))
            if entries
        ]
        clauses.extend((self._condition(condition),) for condition in rule.conditions)
        index = rule.path[-1]
        assert isinstance(index, int)
        removed = bool(http) and self._policy.action == "ALLOW"
        return ZtunnelRule(index, () if removed else tuple(clauses), http, removed, rule.path)

    def _http(self, rule: Rule) -> Iterator[tuple[str, Cause]]:
        for entry in (*rule.operations, *rule.sources):
            for name, values in entry.values.items():
                if values and name in _HTTP:
                    yield name, self._unseen(name, (*entry.path, name))
        for condition in rule.conditions:
            if condition.key not in _L4_CONDITIONS:
                yield condition.key, self._unseen(condition.key, (*condition.path, "key"))

    def _entry(self, entry: Match, names: tuple[str, ...]) -> Alternative:
        widened = [
            self._unseen(name, (*entry.path, name))
            for name, values in entry.values.items()
            if values and self._is_lost(name)
        ]
        written = {
            name: (entry.values.get(name, ()), entry.values.get(_negated(name), ()))
            for name in names
            if not self._is_lost(name)
        }
        paths = {name: ((*entry.path, name), (*entry.path, _negated(name))) for name in written}
        return self._alternative(written, paths, widened, entry.path)

    def _condition(self, condition: Condition) -> Alternative:
        name = _L4_CONDITIONS.get(condition.key)
        if name is None:
            lost = self._unseen(condition.key, (*condition.path, "key"))
            return Alternative({}, (lost,), (), condition.path)
        paths = {name: ((*condition.path, "values"), (*condition.path, "notValues"))}
        return self._alternative({name: (condition.values, condition.not_values)}, paths, [], condition.path)

    def _alternative(
        self,
        written: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
        paths: Mapping[str, tuple[FieldPath, FieldPath]],
        widened: list[Cause],
        path: FieldPath,
    ) -> Alternative:
        kept: dict[str, Terms] = {}
        narrowed: list[Cause] = []
        for name, (values, not_values) in written.items():
            terms = Terms(self._kept(name, values), self._kept(name, not_values))
            unmatched = list(self._unmatched(name, values, paths[name][0]))
            # Without any value left, an attribute restricts nothing.
            (narrowed if terms.values else widened).extend(unmatched)
            widened.extend(self._unmatched(name, not_values, paths[name][1]))
            if terms.values or terms.not_values:
                kept[name] = terms
        return Alternative(kept, tuple(widened), tuple(narrowed), path)

    def _kept(self, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
        if name == "serviceAccounts":
            own = self._policy.namespace or ""
            return tuple(value if "/" in value else f"{own}/{value}" for value in values)
        is_valid = _VALID.get(name)
        return tuple(filter(is_valid, values)) if is_valid else values

    def _unmatched(self, name: str, values: tuple[str, ...], path: FieldPath) -> Iterator[Cause]:
        is_valid = _VALID.get(name)
        for index, value in enumerate(values):
            if is_valid and not is_valid(value):
                yield Cause(f"ztunnel is not told of {value!r}", self._policy.at(*path, index))
            elif not can_match(name, value):
                yield Cause(f"{value!r} matches nothing at ztunnel", self._policy.at(*path, index))

    def _is_lost(self, name: str) -> bool:
        is_account = name in ("serviceAccounts", "notServiceAccounts")
        return name in _HTTP or name in _DROPPED or (is_account and not self._knows_accounts)

    def _unseen(self, name: str, path: FieldPath) -> Cause:
        return Cause(f"ztunnel does not see {name!r}", self._policy.at(*path))


def _negated(name: str) -> str:
    return f"not{name[0].upper()}{name[1:]}"


def _is_port(text: str) -> bool:
    """Whether strconv.ParseUint reads a port (stringToPort)."""
    return (
        text.isascii()
        and text.isdecimal()
        and len(text.lstrip("0")) <= len("65535")
        and (int(text) <= _LAST_PORT)
    )


def is_address(text: str) -> bool:
    """Whether Go's net/netip reads an address or a prefix (stringToIP)."""
    import ipaddress

    address, slash, bits = text.partition("/")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not slash:
        return True
    if not (bits.isascii() and bits.isdecimal()) or (bits.startswith("0") and bits != "0") or "%" in address:
        return False
    return int(bits) <= parsed.max_prefixlen


_VALID: Mapping[str, Callable[[str], bool]] = {
    "ports": _is_port,
    "ipBlocks": is_address,
    "destinationIps": is_address,
}
