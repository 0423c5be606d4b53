"""What a dump of a cluster shows to be all that there is: `kubectl get KINDS -A -o yaml`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshlint.source.document import Manifest

GroupKind = tuple[str, str]
"""API group, empty for the core group, and kind."""

# Every cluster has these, and nobody asks for them all by name.
_ALWAYS_THERE = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
_NAMESPACE = ("", "Namespace")


def listed_kinds(manifests: Iterable[Manifest]) -> frozenset[GroupKind]:
    """
    The kinds of which some dumps hold every object of their cluster.

    A list shows by an object that its kind was asked for, and by objects of two namespaces, or by the
    Namespaces that every cluster has, that all namespaces were: kubectl takes no names with `-A`. One
    whose items share a label may have been narrowed by it, and shows nothing. So does an object that
    is no item of a list.
    """
    lists: dict[object, list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        if manifest.listing is not None:
            lists[manifest.listing].append(manifest)
    return frozenset[GroupKind]().union(*(_listed(items) for items in lists.values()))


def _listed(items: Sequence[Manifest]) -> frozenset[GroupKind]:
    if not all(item.is_live for item in items) or _share_a_label(items):
        return frozenset()
    kinds = frozenset(map(_kind, items))
    if len({_text(item, "namespace") for item in items} - {""}) > 1:
        return kinds
    named = {_text(item, "name") for item in items if _kind(item) == _NAMESPACE}
    return frozenset({_NAMESPACE}) if named >= _ALWAYS_THERE else frozenset()


def _share_a_label(items: Sequence[Manifest]) -> bool:
    shared = _labels(items[0]).items()
    return any(all(_labels(item).get(key) == value for item in items) for key, value in shared)


def _text(item: Manifest, key: str) -> str:
    value = item.value("metadata", key)
    return value if isinstance(value, str) else ""


def _labels(item: Manifest) -> Mapping[str, Any]:
    labels = item.value("metadata", "labels")
    return labels if isinstance(labels, dict) else {}


def _kind(item: Manifest) -> GroupKind:
    api_version, kind = str(item.data.get("apiVersion", "")), str(item.data.get("kind", ""))
    return api_version.rpartition("/")[0], kind
