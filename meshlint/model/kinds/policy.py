"""Istio's policies: who may call, over what, and what else attaches to workloads."""

from collections.abc import Iterator, Mapping
from typing import Final

from meshlint.model.fields import Fields
from meshlint.model.kinds.gateway import ObjectReference, object_reference
from meshlint.model.resource import Head, Resource
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath

_ATTACHING = frozenset({"selector", "targetRef", "targetRefs"})


class TargetedPolicy(Resource):
    """
    A policy that attaches by `targetRefs` (or the older `targetRef`), or by a selector.

    `selector` is None without one; an empty mapping is a selector without labels.
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.selector: Final = selector_labels(spec)
        self.targets: Final = tuple(_targets(spec))


class Match(NamedTuple):
    """
    One block of a rule: an entry of `from` (its `source`) or of `to` (its `operation`).

    `values` holds each attribute that is written, by its name in the API (`notPaths`).
    """

    values: Mapping[str, tuple[str, ...]]
    path: FieldPath


class Condition(NamedTuple):
    """An entry of `when`."""

    key: str
    values: tuple[str, ...]
    not_values: tuple[str, ...]
    path: FieldPath


class Rule(NamedTuple):
    """A rule of an AuthorizationPolicy. Empty lists match everything."""

    sources: tuple[Match, ...]
    operations: tuple[Match, ...]
    conditions: tuple[Condition, ...]
    path: FieldPath


class AuthorizationPolicy(TargetedPolicy):
    """An AuthorizationPolicy."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head, document)
        spec = document.part("spec")
        self.action: Final = spec.text("action") or "ALLOW"
        self.rules: Final = tuple(_rule(rule) for rule in spec.each("rules"))
        self.provider: Final = spec.part("provider").text("name")


class RequestAuthentication(TargetedPolicy):
    """A RequestAuthentication; `issuers` are those whose tokens it checks."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head, document)
        self.issuers: Final = frozenset(
            rule.text("issuer") for rule in document.part("spec").each("jwtRules")
        )


class Extension(TargetedPolicy):
    """
    A WasmPlugin or a TrafficExtension. `phase` is empty if it is not written.

    `content` is all that it says but to what it attaches.
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head, document)
        spec = document.part("spec")
        self.phase: Final = spec.text("phase")
        self.content: Final = {key: value for key, value in spec.data.items() if key not in _ATTACHING}


class PeerAuthentication(Resource):
    """
    A PeerAuthentication. `mode` is empty if it is not written.

    `selector` is None without one; an empty mapping is a selector without labels. `targets` are
    what is written as such: the API has none.
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.targets: Final = tuple(_targets(spec))
        ports = spec.part("portLevelMtls")
        self.selector: Final = selector_labels(spec)
        self.mode: Final = spec.part("mtls").text("mode")
        self.port_modes: Final = {port: ports.part(port).text("mode") for port in ports.data}


def selector_labels(spec: Fields) -> Mapping[str, str] | None:
    """The labels that a `selector` or `workloadSelector` asks for; None without one."""
    if "selector" in spec:
        return spec.part("selector").text_map("matchLabels")
    # EnvoyFilter and Sidecar call it workloadSelector, and the labels `labels`.
    if "workloadSelector" in spec:
        return spec.part("workloadSelector").text_map("labels")
    return None


def _targets(spec: Fields) -> Iterator[ObjectReference]:
    for target in spec.each("targetRefs"):
        yield object_reference(target)
    if "targetRef" in spec:
        yield object_reference(spec.part("targetRef"))


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
