"""The control planes of a mesh, the tags that stand for them, and whose a Gateway is."""

from collections.abc import Iterator, Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.graph.known import ABSENT, UNKNOWN, Known, present
from meshlint.mesh.changes import SERVICES_ARE_TAGS
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.components import istiods
from meshlint.mesh.installation.injector import DEFAULT_REVISION
from meshlint.mesh.installation.values import Values, is_rendered, of_istiod
from meshlint.model.keys import REVISION, TAG
from meshlint.model.kind import MUTATING_WEBHOOK, SERVICE, VALIDATING_WEBHOOK, ResourceRef
from meshlint.model.kinds.core import Namespace
from meshlint.model.kinds.gateway import Gateway
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.source.document import Location

_DEFAULT_VALIDATOR = ResourceRef(VALIDATING_WEBHOOK, None, "istiod-default-validator")


class Tag(NamedTuple):
    """A name that stands for a revision, and the line that says so."""

    name: str
    revision: str
    at: Location


class Revisions(NamedTuple):
    """
    The control planes that the set tells of. `is_complete` tells that there are no others.

    `default` is the revision that validates by default: it serves what names no revision, unless
    there is a tag `default` (from 1.28).
    """

    names: frozenset[str]
    tags: tuple[Tag, ...]
    default: str | None
    is_complete: bool

    def owner_of(self, wanted: str) -> str | None:
        """The revision that serves a value of `istio.io/rev`, empty for none; None if no known one does."""
        tagged = [tag.revision for tag in self.tags if tag.name == (wanted or DEFAULT_REVISION)]
        if wanted in self.names:
            return wanted
        if not wanted and DEFAULT_REVISION in self.names:
            return DEFAULT_REVISION
        if tagged:
            return tagged[0]
        return self.default if not wanted else None


def revisions(graph: ResourceGraph, values: Sequence[Values], version: IstioVersion) -> Revisions:
    """
    Read control planes and tags off istiod's Deployments, webhooks and Services, and chart values.

    istio `pkg/revisions/tag_watcher.go`: tags are webhook configurations with the label `istio.io/tag`,
    from 1.28 Services too; so is the default validator's revision.
    """
    tags = tuple(_tags(graph, version))
    names = frozenset((*_deployed(graph), *_of_webhooks(graph), *_of_values(values)))
    default = None
    if SERVICES_ARE_TAGS.holds(version):
        validator = graph.find(_DEFAULT_VALIDATOR).value
        default = validator.labels.get(REVISION) if validator else None
    complete = graph.scopes.cluster and is_rendered(graph) and bool(names)
    return Revisions(names, tags, default if default in names else None, complete)


def owner(gateway: Gateway, namespace: Known[Namespace], known: Revisions) -> Derived[Known[str]]:
    """
    The revision that deploys and programs a Gateway; absent if no control plane does.

    The Gateway's `istio.io/rev`, else its Namespace's; without either it is the default's
    (istio `pkg/revisions/tag_watcher.go`, IsMine).
    """
    if REVISION in gateway.labels:
        asked, because = _asked(gateway)
    elif namespace.value is not None:
        asked, because = _asked(namespace.value)
    else:
        return Derived(UNKNOWN)
    found = known.owner_of(asked)
    if found is not None:
        return Derived(present(found), because)
    return Derived(ABSENT if known.is_complete else UNKNOWN, because)


def _asked(resource: Resource) -> tuple[str, tuple[Cause, ...]]:
    value = resource.labels.get(REVISION, "")
    if REVISION not in resource.labels:
        return value, ()
    text = f"{resource.kind.name} {resource.name!r} asks for revision {value!r}"
    return value, (Cause(text, resource.label_at(REVISION)),)


def _tags(graph: ResourceGraph, version: IstioVersion) -> Iterator[Tag]:
    kinds = (MUTATING_WEBHOOK, SERVICE) if SERVICES_ARE_TAGS.holds(version) else (MUTATING_WEBHOOK,)
    for resource in graph.of_kind(*kinds):
        name, revision = resource.labels.get(TAG), resource.labels.get(REVISION)
        if name and revision:
            yield Tag(name, revision, resource.label_at(TAG))


def _deployed(graph: ResourceGraph) -> Iterator[str]:
    for istiod in istiods(graph):
        own = [container.env["REVISION"] for container in istiod.containers if container.env.get("REVISION")]
        yield own[0] if own else istiod.pod_labels.get(REVISION) or DEFAULT_REVISION


def _of_webhooks(graph: ResourceGraph) -> Iterator[str]:
    for configuration in graph.of_kind(MUTATING_WEBHOOK):
        revision = configuration.labels.get(REVISION)
        if revision and TAG not in configuration.labels:
            yield revision


def _of_values(values: Sequence[Values]) -> Iterator[str]:
    for held, prefix in of_istiod(values):
        revision = held.get(*prefix, "revision")
        if isinstance(revision, str) and revision:
            yield revision
        elif held.chart != "*":
            yield DEFAULT_REVISION
