"""Whether what a policy names may be there although no manifest defines it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from meshlint.model.kind import GATEWAY, Kind, ResourceRef
from meshlint.model.resource import Resource

_OF_KUBERNETES = frozenset({"", "apps", "autoscaling", "batch", "policy"})
_OF_OTHERS = (".k8s.io", "istio.io")


class Makers:
    """
    The objects whose controllers may make Services of their own: those of other projects, and Gateways.

    By custom, the name of what is made begins with the name of the object that it is made for: `pg-rw` for
    the Cluster `pg` of CloudNativePG, `quickstart-es-http` for the Elasticsearch `quickstart`.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        by_namespace: dict[str | None, list[Resource]] = defaultdict(list)
        for resource in resources:
            if resource.name and _may_make(resource.kind):
                by_namespace[resource.namespace].append(resource)
        self._by_namespace: Mapping[str | None, Sequence[Resource]] = by_namespace

    def of(self, ref: ResourceRef) -> Resource | None:
        """What may be the reason that an object is there."""
        for resource in self._by_namespace.get(ref.namespace, ()):
            if ref.name == resource.name or ref.name.startswith(f"{resource.name}-"):
                return resource
        return None


def _may_make(kind: Kind) -> bool:
    return kind == GATEWAY or not (kind.group in _OF_KUBERNETES or kind.group.endswith(_OF_OTHERS))
