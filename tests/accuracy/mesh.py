"""Healthy meshes as data that can be broken on purpose, and the lines where they then are broken."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CORPUS = Path(__file__).parent.parent / "corpus"
"""The healthy meshes: a directory each, or a file."""

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Pod", "Job", "CronJob")
ROOT = "istio-system"
"""The root namespace of every mesh of the corpus."""


class At(NamedTuple):
    """Where a mesh was broken: a field of an object."""

    object: Object
    path: tuple[str | int, ...]


class HealthyMesh:
    """
    A mesh of the corpus: its objects, by the file that they stand in.

    The first lines of a mesh's first file may ask for circumstances, as those of a fixture do.
    """

    def __init__(self, name: str, files: dict[str, list[Object]], circumstances: str = "") -> None:
        self.name = name
        self.files = files
        self.circumstances = circumstances

    def copy(self) -> "HealthyMesh":
        """The same mesh, to be broken."""
        return HealthyMesh(self.name, copy.deepcopy(self.files), self.circumstances)

    @property
    def objects(self) -> list[Object]:
        """All objects, in the order of the files."""
        return [item for items in self.files.values() for item in items]

    def of(self, *kinds: str) -> Iterator[Object]:
        """The objects of some kinds."""
        return (item for item in self.objects if item["kind"] in kinds)

    def find(self, kind: str, namespace: str | None, name: str) -> Object | None:
        """The object of a name, None if there is none."""
        found = (
            item
            for item in self.of(kind)
            if item["metadata"].get("namespace") == namespace and item["metadata"].get("name") == name
        )
        return next(found, None)

    def beside(self, item: Object, *kinds: str) -> Iterator[Object]:
        """The objects of some kinds in the namespace of an object, or in a Namespace."""
        namespace = namespace_of(item)
        return (each for each in self.of(*kinds) if each["metadata"].get("namespace") == namespace)

    def add(self, item: Object) -> Object:
        """Put one more object into the mesh, at the end of its last file."""
        list(self.files.values())[-1].append(item)
        return item

    def remove(self, item: Object) -> None:
        """Take an object out of the mesh."""
        for items in self.files.values():
            items[:] = [each for each in items if each is not item]

    # What ambient mode makes of it, as far as labels of healthy meshes tell

    def ambient_namespaces(self) -> Iterator[Object]:
        """The Namespaces that are labelled for ambient mode."""
        return (
            each for each in self.of("Namespace") if labels(each).get("istio.io/dataplane-mode") == "ambient"
        )

    def ambient_workloads(self) -> Iterator[Object]:
        """The workloads of ambient namespaces whose pods carry no labels about modes themselves."""
        for namespace in self.ambient_namespaces():
            for workload in self.beside(namespace, *WORKLOADS):
                own = pod_metadata(workload).get("labels", {})
                if not own.keys() & {"istio.io/dataplane-mode", "sidecar.istio.io/inject", "istio.io/rev"}:
                    yield workload

    def waypoints(self) -> Iterator[Object]:
        """The waypoints of Istio's class."""
        return (
            each for each in self.of("Gateway") if each["spec"].get("gatewayClassName") == "istio-waypoint"
        )

    def services_with_waypoint(self) -> Iterator[tuple[Object, Object]]:
        """The Services that are bound to a waypoint by a label, their own or their namespace's, with it."""
        for service in self.of("Service"):
            asked = waypoint_request(service) or self._request_of_namespace(service)
            if asked is None or asked[1] == "none" or service["spec"].get("clusterIP") == "None":
                continue
            gateway = self.find("Gateway", asked[0] or namespace_of(service), asked[1])
            if gateway is not None and labels(gateway).get("istio.io/waypoint-for", "service") in (
                "service",
                "all",
            ):
                yield service, gateway

    def services_without_waypoint(self) -> Iterator[Object]:
        """The Services of ambient namespaces that ask for no waypoint, nor does their namespace."""
        for namespace in self.ambient_namespaces():
            for service in self.beside(namespace, "Service"):
                asked = waypoint_request(service) or self._request_of_namespace(service)
                if asked is None:
                    yield service

    def workload_of(self, service: Object) -> Object | None:
        """A workload that a Service selects."""
        selector = service["spec"].get("selector") or {}
        for workload in self.beside(service, *WORKLOADS):
            if selector and selector.items() <= pod_metadata(workload).get("labels", {}).items():
                return workload
        return None

    def servers(self) -> Iterator[tuple[Object, int]]:
        """The ambient workloads that stay and take connections, each with its first port."""
        for workload in self.ambient_workloads():
            if "ambient.istio.io/bypass-inbound-capture" in pod_metadata(workload).get("annotations", {}):
                continue
            is_lasting = workload["kind"] in ("Deployment", "StatefulSet", "DaemonSet")
            port = next(ports_of(workload), None) if is_lasting else None
            if port is not None:
                yield workload, port

    def selecting(self, workload: Object, *kinds: str) -> Iterator[Object]:
        """The policies of its namespace that select a workload, by labels or without a selector."""
        own = pod_metadata(workload).get("labels", {})
        for policy in self.beside(workload, *kinds):
            spec = policy.get("spec") or {}
            selector = spec.get("podSelector", spec.get("selector"))
            if "targetRefs" not in spec and matches(selector or {}, own):
                yield policy

    def of_namespace(self, namespace: str | None, kind: str) -> Object | None:
        """The policy of a kind that is for all of a namespace; of the root namespace, for the mesh."""
        policies = (each for each in self.of(kind) if each["metadata"].get("namespace") == namespace)
        whole = (
            each for each in policies if not (each.get("spec") or {}).keys() & {"selector", "targetRefs"}
        )
        return next(whole, None)

    def strict_parent(self, workload: Object) -> Object | None:
        """The PeerAuthentication of the namespace or the mesh by which a workload is STRICT."""
        for namespace in (namespace_of(workload), ROOT):
            policy = self.of_namespace(namespace, "PeerAuthentication")
            mode = mtls_mode(policy) if policy else None
            if mode is not None:
                return policy if mode == "STRICT" else None
        return None

    def services_of(self, workload: Object) -> Iterator[Object]:
        """The Services that select a workload and have an address."""
        own = pod_metadata(workload).get("labels", {})
        for service in self.beside(workload, "Service"):
            selector = service["spec"].get("selector") or {}
            if selector and selector.items() <= own.items() and service["spec"].get("clusterIP") != "None":
                yield service

    def chart_values(self, *charts: str) -> Iterator[tuple[Object, tuple[str | int, ...]]]:
        """The values, as data, that HelmReleases and Applications give to charts: the object, and the way."""
        for item in self.of("HelmRelease"):
            if (
                item["spec"].get("chart", {}).get("spec", {}).get("chart") in charts
                and "values" in item["spec"]
            ):
                yield item, ("spec", "values")
        for item in self.of("Application"):
            spec = item["spec"]
            ways: list[tuple[str | int, ...]] = [
                ("sources", n) for n, _ in enumerate(spec.get("sources", ()))
            ]
            for way in ways or [("source",)]:
                source = value_at(spec, way)
                if source.get("chart") in charts and "valuesObject" in source.get("helm", {}):
                    yield item, ("spec", *way, "helm", "valuesObject")

    def _request_of_namespace(self, item: Object) -> tuple[str | None, str] | None:
        namespace = self.find("Namespace", None, namespace_of(item) or "")
        return waypoint_request(namespace) if namespace else None

    # Files

    def write(self, directory: Path) -> dict[int, str]:
        """Write the mesh; which file each object is in, by identity."""
        where = {}
        for name, items in self.files.items():
            head = f"{self.circumstances}\n" if self.circumstances else ""
            (directory / name).write_text(head + dump(items), encoding="utf-8")
            where.update({id(item): name for item in items})
        return where

    def line(self, at: At) -> tuple[str, int]:
        """The file and the line of a field when the mesh is written; of one that is gone, its parent's."""
        for name, items in self.files.items():
            for index, item in enumerate(items):
                if item is at.object:
                    head = 1 if self.circumstances else 0
                    node = list(yaml.compose_all(dump(items)))[index]
                    return name, head + _line(node, at.path)
        raise AssertionError(f"no such object in {self.name}: {at.object}")


def read_corpus() -> list[HealthyMesh]:
    """All healthy meshes, by name."""
    return [_read(path) for path in sorted(CORPUS.iterdir()) if path.name != "README.md"]


def _read(path: Path) -> HealthyMesh:
    paths = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    first = paths[0].read_text(encoding="utf-8").splitlines()[0]
    return HealthyMesh(
        path.stem,
        {
            str(each.relative_to(path if path.is_dir() else path.parent)).replace("/", "_"): _objects(each)
            for each in paths
        },
        first if first.startswith("# test:") else "",
    )


def _objects(path: Path) -> list[Object]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def dump(items: list[Object]) -> str:
    """The objects as YAML that repeats nothing by alias."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - what it is given
            return True

    return yaml.dump_all(items, Dumper=Plain, sort_keys=False, width=1000)


def labels(item: Object) -> dict[str, str]:
    """`metadata.labels`, made if there are none."""
    found: dict[str, str] = item["metadata"].setdefault("labels", {})
    return found


def namespace_of(item: Object) -> str | None:
    """The namespace of an object; of a Namespace, itself."""
    metadata = item["metadata"]
    name: str | None = metadata["name"] if item["kind"] == "Namespace" else metadata.get("namespace")
    return name


def pod_path(workload: Object) -> tuple[str, ...]:
    """The way to the pod template."""
    if workload["kind"] == "Pod":
        return ()
    if workload["kind"] == "CronJob":
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template")


def pod_template(workload: Object) -> Object:
    """The pod template; a Pod is its own."""
    template = workload
    for step in pod_path(workload):
        template = template[step]
    return template


def pod_metadata(workload: Object) -> Object:
    """The metadata of the pods, made if there is none."""
    found: Object = pod_template(workload).setdefault("metadata", {})
    return found


def waypoint_request(item: Object) -> tuple[str | None, str] | None:
    """Namespace and name that an object's own labels ask for."""
    own = item["metadata"].get("labels") or {}
    name = own.get("istio.io/use-waypoint")
    return (own.get("istio.io/use-waypoint-namespace"), name) if name else None


def ports_of(workload: Object) -> Iterator[int]:
    """The ports of a workload's containers."""
    for container in pod_template(workload)["spec"]["containers"]:
        yield from (port["containerPort"] for port in container.get("ports", ()))


def selector_for(workload: Object) -> dict[str, str]:
    """The labels by which its owner selects the pods."""
    found: dict[str, str] = workload["spec"]["selector"]["matchLabels"]
    return dict(found)


def matches(selector: Object, own: dict[str, str]) -> bool:
    """Whether a label selector takes some labels."""
    if not selector.get("matchLabels", {}).items() <= own.items():
        return False
    for rule in selector.get("matchExpressions", ()):
        value, values = own.get(rule["key"]), rule.get("values", ())
        taken = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not taken[rule["operator"]]:
            return False
    return True


def mtls_mode(policy: Object) -> str | None:
    """The mode of a PeerAuthentication, None if it sets none."""
    mode: str | None = ((policy.get("spec") or {}).get("mtls") or {}).get("mode")
    return None if mode == "UNSET" else mode


def value_at(item: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at the end of a way."""
    for step in path:
        item = item[step]
    return item


def _line(node: yaml.Node, path: tuple[str | int, ...]) -> int:
    """The line of a key or an item; of the nearest that is there, if it is not."""
    line = node.start_mark.line + 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if pair[0].value == step), None)
            if entry is None:
                return line
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
