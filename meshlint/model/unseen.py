"""
Fields of manifests that nothing here looks at, and files of which nothing else was edited.

Whatever is not named here may be looked at; nor does a field that is named decide whether something changes
the object, as annotations do that patches select by. Whether there is another object of its name, and what
changes it now, is for whoever asks to know.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from meshlint.model import kind as k
from meshlint.model.decode import decode
from meshlint.model.kind import Kind
from meshlint.model.kinds.workload import pod_template_path
from meshlint.regex import regex
from meshlint.source.reading import read_text

_Way = tuple[str, ...]

# In a way, whichever item of a list.
_EACH: Final = "*"
_RBAC: Final = "rbac.authorization.k8s.io"
_NOTES: Final = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/restartedAt")
_OF_CONTAINERS: Final = (
    *("command", "image", "imagePullPolicy", "lifecycle", "resources", "securityContext"),
    *("terminationMessagePath", "terminationMessagePolicy", "volumeMounts", "workingDir"),
)
_OF_PODS: Final = (
    *("affinity", "imagePullSecrets", "nodeSelector", "priorityClassName", "schedulerName"),
    *("terminationGracePeriodSeconds", "tolerations", "topologySpreadConstraints"),
)
_OF_STATUS: Final = ("containerStatuses", "initContainerStatuses")
_OF_CONTROLLERS: Final = (
    *("backoffLimit", "completions", "concurrencyPolicy", "failedJobsHistoryLimit", "minReadySeconds"),
    *("parallelism", "progressDeadlineSeconds", "replicas", "revisionHistoryLimit", "schedule", "strategy"),
    *("successfulJobsHistoryLimit", "ttlSecondsAfterFinished", "updateStrategy"),
)
_OF_OTHERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    k.CONFIG_MAP: ("data", "binaryData"),
    Kind("", "Secret"): ("data", "stringData"),
    Kind("", "PersistentVolumeClaim"): ("spec",),
    Kind("autoscaling", "HorizontalPodAutoscaler"): ("spec",),
    Kind("monitoring.coreos.com", "PrometheusRule"): ("spec",),
    Kind("monitoring.coreos.com", "ServiceMonitor"): ("spec",),
    Kind(_RBAC, "ClusterRole"): ("rules",),
    Kind(_RBAC, "ClusterRoleBinding"): ("subjects",),
    Kind(_RBAC, "Role"): ("rules",),
    Kind(_RBAC, "RoleBinding"): ("subjects",),
}
# Only as texts.
_TEXTS: Final = frozenset(("image", *_NOTES))
# Images of Istio tell its version, and which pods are its own; so do the names of its ConfigMaps.
_OF_ISTIO: Final = regex(r"pilot|proxyv2|ztunnel|install-cni|istio")


def is_same(before: bytes, after: bytes) -> bool:
    """
    Whether two versions of a file say the same of their objects, as far as anything looks at it.

    False wherever there is doubt: for what could not be read or is of a wrong type, which is looked at as it
    is written; for keys that are there twice; for variables, which may stand for anything.
    """
    texts = (before, after)
    # Aliases can make small texts stand for data without end.
    if any(b"&" in text and b"*" in text for text in texts):
        return False
    try:
        one, other = map(_seen_of, texts)
    except RecursionError:
        return False
    return one is not None and one == other


def _seen_of(text: bytes) -> str | None:
    reading = read_text("", text)
    if reading.unread or reading.duplicate_keys:
        return None
    if any(resource.malformed for resource in decode(reading.manifests)):
        return None
    if "${" in json.dumps([manifest.data for manifest in reading.manifests]):
        return None
    lists: dict[object | None, int] = {None: 0}
    return json.dumps(
        [
            (lists.setdefault(manifest.listing, len(lists)), manifest.prefix, seen(manifest.data))
            for manifest in reading.manifests
        ]
    )


def seen(data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - YAML holds anything
    """
    Plain data without what nothing here looks at.

    Raises RecursionError for what is too deep, and never ends for aliases of aliases of aliases.
    """
    return _without(data, (), _unseen(data))


def _unseen(data: Mapping[str, Any]) -> frozenset[_Way]:
    version, name = data.get("apiVersion"), data.get("kind")
    if not isinstance(version, str) or not isinstance(name, str):
        return frozenset()
    kind, metadata = Kind(version.rpartition("/")[0], name), data.get("metadata")
    if kind == k.CONFIG_MAP and not (isinstance(metadata, dict) and _is_of_others(metadata.get("name"))):
        return frozenset()
    return _UNSEEN.get(kind, frozenset())


def _without(value: Any, way: _Way, unseen: frozenset[_Way]) -> Any:  # noqa: ANN401 - YAML holds anything
    match value:
        case dict():
            return {
                key: _without(item, (*way, key), unseen)
                for key, item in value.items()
                if (*way, key) not in unseen or _is_odd(key, item)
            }
        case list():
            return [_without(item, (*way, _EACH), unseen) for item in value]
        case _:
            return value


def _is_odd(key: str, value: object) -> bool:
    """Whether a field is looked at for once: the types in a ConfigMap's `data`, and what is Istio's own."""
    if key == "data":
        return not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values())
    return key in _TEXTS and not _is_of_others(value)


def _is_of_others(value: object) -> bool:
    """Whether a text is none of Istio's."""
    return isinstance(value, str) and _OF_ISTIO.search(value) is None


def _of_workload(kind: Kind) -> frozenset[_Way]:
    pod = pod_template_path(kind)
    controllers = {pod[:length] for length in range(1, len(pod)) if pod[length - 1] == "spec"}
    return frozenset(
        (
            *((*pod, "metadata", "annotations", note) for note in _NOTES if pod),
            *(("status", field) for field in _OF_STATUS),
            *((*way, field) for way in controllers for field in _OF_CONTROLLERS),
            *((*pod, "spec", field) for field in _OF_PODS),
            *(
                (*pod, "spec", containers, _EACH, field)
                for containers in ("initContainers", "containers")
                for field in _OF_CONTAINERS
            ),
        )
    )


_UNSEEN: Final[Mapping[Kind, frozenset[_Way]]] = {
    **{kind: _of_workload(kind) for kind in k.WORKLOADS},
    **{kind: frozenset((field,) for field in fields) for kind, fields in _OF_OTHERS.items()},
}
