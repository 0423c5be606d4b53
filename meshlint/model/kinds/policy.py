"""Istio's policies: who may call, over what, and what else attaches to workloads."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshlint.model.fields import Fields
from meshlint.model.kinds.gateway import ObjectReference, object_reference
from meshlint.model.resource import Head, Resource
from meshlint.source.document import FieldPath


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TargetedPolicy(Resource):
    """
    A policy that attaches by `targetRefs` (or the older `targetRef`), or by a selector.

    `selector` is None without one; an empty mapping is a selector without labels.
    """

    selector: Mapping[str, str] | None
    targets: tuple[ObjectReference, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """
    One block of a rule: an entry of `from` (its `source`) or of `to` (its `operation`).

    `values` holds each attribute that is written, by its name in the API (`notPaths`).
    """

    values: Mapping[str, tuple[str, ...]]
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """An entry of `when`."""

    key: str
    values: tuple[str, ...]
    not_values: tuple[str, ...]
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule of an AuthorizationPolicy. Empty lists match everything."""

    sources: tuple[Match, ...]
    operations: tuple[Match, ...]
    conditions: tuple[Condition, ...]
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AuthorizationPolicy(TargetedPolicy):
    """An AuthorizationPolicy."""

    action: str
    rules: tuple[Rule, ...]
    provider: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PeerAuthentication(Resource):
    """
    A PeerAuthentication. `mode` is empty if it is not written.

    `selector` is None without one; an empty mapping is a selector without labels.
    """

    selector: Mapping[str, str] | None
    mode: str
    port_modes: Mapping[str, str]


def targeted_policy(head: Head, document: Fields) -> TargetedPolicy:
    """Decode a policy of which only the attachment matters."""
    return TargetedPolicy(head, *_attachment(document.part("spec")))


def authorization_policy(head: Head, document: Fields) -> AuthorizationPolicy:
    """Decode an AuthorizationPolicy."""
    spec = document.part("spec")
    return AuthorizationPolicy(
        head,
        *_attachment(spec),
        action=spec.text("action") or "ALLOW",
        rules=tuple(_rule(rule) for rule in spec.each("rules")),
        provider=spec.part("provider").text("name"),
    )


def peer_authentication(head: Head, document: Fields) -> PeerAuthentication:
    """Decode a PeerAuthentication."""
    spec = document.part("spec")
    ports = spec.part("portLevelMtls")
    return PeerAuthentication(
        head,
        selector=spec.part("selector").text_map("matchLabels") if "selector" in spec else None,
        mode=spec.part("mtls").text("mode"),
        port_modes={port: ports.part(port).text("mode") for port in ports.data},
    )


def _attachment(spec: Fields) -> tuple[Mapping[str, str] | None, tuple[ObjectReference, ...]]:
    # EnvoyFilter and ServiceEntry call it workloadSelector, and the labels `labels`.
    selector: Mapping[str, str] | None = None
    if "selector" in spec:
        selector = spec.part("selector").text_map("matchLabels")
    elif "workloadSelector" in spec:
        selector = spec.part("workloadSelector").text_map("labels")
    targets = [object_reference(target) for target in spec.each("targetRefs")]
    if "targetRef" in spec:
        targets.append(object_reference(spec.part("targetRef")))
    return selector, tuple(targets)


def _rule(rule: Fields) -> Rule:
    return Rule(
        sources=tuple(_match(entry.part("source")) for entry in rule.each("from")),
        operations=tuple(_match(entry.part("operation")) for entry in rule.each("to")),
        conditions=tuple(
            Condition(entry.text("key"), entry.texts("values"), entry.texts("notValues"), entry.path)
            for entry in rule.each("when")
        ),
        path=rule.path,
    )


def _match(block: Fields) -> Match:
    return Match({name: block.texts(name) for name in block.data}, block.path)
