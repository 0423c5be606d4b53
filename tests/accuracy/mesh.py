"""Healthy meshes as data that can be broken on purpose, and the lines where they then are broken."""

import copy
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
"""The healthy meshes: a directory each, or a file."""

USE_WAYPOINT = "istio.io/use-waypoint"
USE_WAYPOINT_NAMESPACE = "istio.io/use-waypoint-namespace"

Object = dict[str, Any]
# Those in C, if they are there: meshes are written and read thousands of times.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Pod", "Job", "CronJob")
ROOT = "istio-system"
"""The root namespace of every mesh of the corpus."""


class At(NamedTuple):
    """Where a mesh was broken: a field of an object."""

    object: Object
    path: tuple[str | int, ...]


class Carrier(NamedTuple):
    """An object whose labels may ask for a waypoint: its own, or those of its pods."""

    object: Object
    labels: dict[str, str]
    path: tuple[str, ...]


class HealthyMesh:
    """
    A mesh of the corpus: its documents, by the path of the file that they stand in.

    The first lines of a mesh's first file may ask for circumstances, as those of a fixture do. `others` are
    the texts of files that hold no objects of their own, by path: kustomizations, patches.
    """

    def __init__(
        self,
        name: str,
        files: dict[str, list[Object]],
        circumstances: str = "",
        others: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.files = files
        self.circumstances = circumstances
        self.others = others or {}

    def copy(self) -> "HealthyMesh":
        """The same mesh, to be broken."""
        return HealthyMesh(self.name, copy.deepcopy(self.files), self.circumstances, self.others)

    @property
    def objects(self) -> list[Object]:
        """All objects, those of Lists too, in the order of the files."""
        return [item for documents in self.files.values() for _, item in _objects_of(documents)]

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

    def add(self, item: Object, beside: Object | None = None) -> Object:
        """
        Put one more object into the mesh: behind the last of its namespace, else at the very end.

        `beside` is an object in whose file it is to stand instead.
        """
        namespace = item["metadata"].get("namespace")
        neighbours = [each for each in self.objects if each["metadata"].get("namespace") == namespace]
        last = beside or (neighbours[-1] if namespace and neighbours else self.objects[-1])
        if "uid" in last["metadata"]:
            item["metadata"] |= {"uid": "7d1c2f0e-0000-4000-8000-00000000c0de", "resourceVersion": "990001"}
        self._holder(last).append(item)
        return item

    def remove(self, item: Object) -> None:
        """Take an object out of the mesh."""
        holder = self._holder(item)
        holder[:] = [each for each in holder if each is not item]

    def _holder(self, item: Object) -> list[Object]:
        """The list that an object stands in: a file's documents, or the items of a List."""
        return next(
            holder for holder in _holders(self.files.values()) if any(each is item for each in holder)
        )

    # What ambient mode makes of it, as far as labels of healthy meshes tell

    def ambient_namespaces(self) -> Iterator[Object]:
        """The Namespaces that are labelled for ambient mode."""
        return (
            each for each in self.of("Namespace") if labels(each).get("istio.io/dataplane-mode") == "ambient"
        )

    def ambient_workloads(self) -> Iterator[Object]:
        """
        The workloads of ambient namespaces whose pods carry no labels about modes themselves.

        What another workload has made, as in a dump, is left out.
        """
        for namespace in self.ambient_namespaces():
            for workload in self.beside(namespace, *WORKLOADS):
                own = pod_metadata(workload).get("labels") or {}
                says = own.keys() & {"istio.io/dataplane-mode", "sidecar.istio.io/inject", "istio.io/rev"}
                made = workload["metadata"].get("ownerReferences")
                if not (says or made or pod_template(workload)["spec"].get("hostNetwork")):
                    yield workload

    def sidecar_namespaces(self) -> Iterator[Object]:
        """The Namespaces that have sidecars injected, and nothing of ambient mode."""
        for namespace in self.of("Namespace"):
            own = labels(namespace)
            injects = own.get("istio-injection") == "enabled" or (
                "istio.io/rev" in own and "istio-injection" not in own
            )
            if injects and "istio.io/dataplane-mode" not in own:
                yield namespace

    def injectable_workloads(self) -> Iterator[Object]:
        """The ambient workloads whose namespaces leave it to the pods whether anything is injected."""
        for workload in self.ambient_workloads():
            namespace = self.find("Namespace", None, namespace_of(workload) or "")
            if namespace and not labels(namespace).keys() & {"istio-injection", "istio.io/rev"}:
                yield workload

    def waypoints(self) -> Iterator[Object]:
        """The waypoints of Istio's class."""
        return (
            each for each in self.of("Gateway") if each["spec"].get("gatewayClassName") == "istio-waypoint"
        )

    def carriers(self) -> Iterator[Carrier]:
        """The objects that carry labels which may ask for a waypoint, with those labels."""
        for item in self.of("Namespace", "Service", "ServiceEntry", "WorkloadEntry"):
            yield Carrier(item, item["metadata"].get("labels") or {}, ("metadata", "labels"))
        for workload in self.of(*WORKLOADS):
            own = pod_metadata(workload).get("labels") or {}
            yield Carrier(workload, own, (*pod_path(workload), "metadata", "labels"))

    def users_of(self, gateway: Object) -> list[Carrier]:
        """The objects whose labels ask for a waypoint."""
        wanted = (namespace_of(gateway), gateway["metadata"]["name"])
        return [
            each
            for each in self.carriers()
            if (
                each.labels.get(USE_WAYPOINT_NAMESPACE, namespace_of(each.object)),
                each.labels.get(USE_WAYPOINT),
            )
            == wanted
        ]

    def own_waypoint(self, carrier: Object) -> Object | None:
        """The waypoint of Istio's class that an object's own labels ask for."""
        asked = waypoint_request(carrier)
        found = self.find("Gateway", asked[0] or namespace_of(carrier), asked[1]) if asked else None
        return found if any(each is found for each in self.waypoints()) else None

    def waypoints_with_one_user(self) -> Iterator[tuple[Object, Carrier]]:
        """The waypoints that exactly one label asks for, with what carries that."""
        for gateway in self.waypoints():
            users = self.users_of(gateway)
            if len(users) == 1:
                yield gateway, users[0]

    def gateways(self) -> Iterator[Object]:
        """The ingress gateways of Istio's class, but for those that ztunnel captures."""
        for gateway in self.of("Gateway"):
            own = gateway["metadata"].get("labels") or {}
            if gateway["spec"].get("gatewayClassName") == "istio" and "istio.io/dataplane-mode" not in own:
                yield gateway

    def policies_for(self, service: Object) -> Iterator[Object]:
        """The AuthorizationPolicies that target a Service or a ServiceEntry, those aside that only try."""
        for policy in self.beside(service, "AuthorizationPolicy"):
            if "istio.io/dry-run" in (policy["metadata"].get("annotations") or {}):
                continue
            for ref in policy["spec"].get("targetRefs", ()):
                if (ref["kind"], ref["name"]) == (service["kind"], service["metadata"]["name"]):
                    yield policy

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
        """The Services with an IP, in ambient namespaces, for which nothing asks for a waypoint."""
        for namespace in self.ambient_namespaces():
            for service in self.beside(namespace, "Service"):
                asked = waypoint_request(service) or self._request_of_namespace(service)
                if asked is None and service["spec"].get("clusterIP") != "None":
                    yield service

    def ambient_services(self) -> Iterator[tuple[Object, Object]]:
        """The Services with a virtual IP and ambient pods, each with the first workload of these."""
        ambient = list(self.ambient_workloads())
        for service in self.of("Service"):
            workload = self.workload_of(service)
            if service["spec"].get("clusterIP") != "None" and any(each is workload for each in ambient):
                yield service, workload or {}

    def workload_of(self, service: Object) -> Object | None:
        """A workload that a Service selects; of those in a dump, not one that another has made."""
        selector = service["spec"].get("selector") or {}
        for workload in self.beside(service, *WORKLOADS):
            if workload["metadata"].get("ownerReferences"):
                continue
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

    def services_selecting(self, workload: Object) -> Iterator[Object]:
        """The Services that select the pods of a workload."""
        own = pod_metadata(workload).get("labels", {})
        for service in self.beside(workload, "Service"):
            selector = service["spec"].get("selector")
            if selector and selector.items() <= own.items():
                yield service

    def waypoint_of(self, user: Object) -> Object | None:
        """The waypoint that a Service or ServiceEntry asks for, itself or by its namespace's label."""
        asked = waypoint_request(user) or self._request_of_namespace(user)
        return self.find("Gateway", asked[0] or namespace_of(user), asked[1]) if asked else None

    def targeted(self, *kinds: str) -> Iterator[tuple[Object, int, Object]]:
        """Policies of some kinds with `targetRefs` to Services of the mesh: with which, and the Service."""
        for policy in self.of(*kinds):
            for index, target in enumerate(policy["spec"].get("targetRefs", [])):
                service = self.find("Service", namespace_of(policy), target["name"])
                if target["kind"] == "Service" and service is not None:
                    yield policy, index, service

    def at_ztunnel(self) -> Iterator[Object]:
        """The AuthorizationPolicies without `targetRefs` that select ambient pods of their namespace."""
        ambient = list(self.ambient_workloads())
        for policy in self.of("AuthorizationPolicy"):
            if not policy["spec"].keys() & {"targetRef", "targetRefs"}:
                wanted = policy["spec"].get("selector", {}).get("matchLabels", {}).items()
                if any(
                    wanted <= pod_metadata(each).get("labels", {}).items()
                    for each in self.beside(policy, *WORKLOADS)
                    if any(each is one for one in ambient)
                ):
                    yield policy

    def mesh_routes(self) -> Iterator[tuple[Object, int, Object]]:
        """The routes with Services of the mesh as their parents: with which, and the Service."""
        for route in self.of("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"):
            for index, parent in enumerate(route["spec"]["parentRefs"]):
                namespace = parent.get("namespace", namespace_of(route))
                service = self.find("Service", namespace, parent["name"])
                if parent.get("kind") == "Service" and service is not None:
                    yield route, index, service

    def has_sidecars(self) -> bool:
        """Whether some pods have sidecars, as far as labels of Namespaces tell."""
        return any(self.sidecar_namespaces())

    def has_kustomizations(self) -> bool:
        """Whether the mesh is whole only when kustomizations are built."""
        return any(Path(name).stem == "kustomization" for name in self.others)

    def is_before(self, minor: int) -> bool:
        """Whether the mesh asks for an Istio version before 1.minor."""
        _, _, asked = self.circumstances.partition("istio-version=1.")
        return bool(asked) and int(asked.split()[0].split(".")[0]) < minor

    def _request_of_namespace(self, item: Object) -> tuple[str | None, str] | None:
        namespace = self.find("Namespace", None, namespace_of(item) or "")
        return waypoint_request(namespace) if namespace else None

    # Files

    def write(self, directory: Path) -> None:
        """Write the mesh below a directory."""
        for name, documents in self.files.items():
            head = f"{self.circumstances}\n" if self.circumstances else ""
            _write(directory / name, head + dump(documents))
        for name, text in self.others.items():
            _write(directory / name, text)

    def line(self, at: At) -> tuple[str, int]:
        """The file and the line of a field when the mesh is written; of one that is gone, its parent's."""
        for name, documents in self.files.items():
            for (index, *way), item in _objects_of(documents):
                if item is at.object:
                    head = 1 if self.circumstances else 0
                    node = list(yaml.compose_all(dump(documents), Loader=_LOADER))[index]
                    return name, head + _line(node, (*way, *at.path))
        raise AssertionError(f"no such object in {self.name}: {at.object}")


def copy_original(name: str, directory: Path) -> None:
    """Put the files of a mesh into a directory as they are in the corpus, with all that data cannot tell."""
    if (CORPUS / name).is_dir():
        shutil.copytree(CORPUS / name, directory, dirs_exist_ok=True)
    else:
        shutil.copy(CORPUS / f"{name}.yaml", directory)


def read_corpus() -> list[HealthyMesh]:
    """All healthy meshes, by name."""
    return [_read(path) for path in sorted(CORPUS.iterdir()) if path.name != "README.md"]


def _read(path: Path) -> HealthyMesh:
    top = path if path.is_dir() else path.parent
    paths = [each for each in sorted(path.rglob("*")) if each.is_file()] if path.is_dir() else [path]
    apart = _without_objects(paths)
    texts = {str(each.relative_to(top)): each.read_text(encoding="utf-8") for each in paths}
    files = {name: text for name, text in texts.items() if top / name not in apart}
    first = next(iter(files.values())).splitlines()[0]
    return HealthyMesh(
        path.stem,
        {name: _documents(text) for name, text in files.items()},
        first if first.startswith("# test:") else "",
        {name: text for name, text in texts.items() if name not in files},
    )


def _without_objects(paths: list[Path]) -> set[Path]:
    """The files that are no YAML, and kustomizations with what they only take as patches or data."""
    found = {each for each in paths if each.suffix not in (".yaml", ".yml", ".json")}
    for each in paths:
        if each.stem == "kustomization":
            whole = yaml.safe_load(each.read_text(encoding="utf-8"))
            named = (
                text for key, value in whole.items() if key not in _HOLD_OBJECTS for text in _texts(value)
            )
            found |= {each, *((each.parent / text).resolve() for text in named if "\n" not in text)}
    return found


_HOLD_OBJECTS = ("resources", "components", "bases")


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)


def _documents(text: str) -> list[Object]:
    """The documents of a file, none of which shares a part with another or with itself."""
    return [_unshared(document) for document in yaml.load_all(text, Loader=_LOADER) if document]


def _unshared(value: Any) -> Any:
    """The same data without the aliases, and without the null that is as good as nothing."""
    match value:
        case dict():
            return {key: _unshared(each) for key, each in value.items() if each is not None}
        case list():
            return [_unshared(each) for each in value]
        case _:
            return value


def _holders(lists: Iterable[list[Object]]) -> Iterator[list[Object]]:
    """Lists of objects, and the items of the Lists in them."""
    for each in lists:
        yield each
        yield from _holders(item["items"] for item in each if item["kind"] == "List")


def _objects_of(documents: list[Object]) -> Iterator[tuple[tuple[Any, ...], Object]]:
    """The objects of some documents, each with the way to it."""
    for index, document in enumerate(documents):
        if document["kind"] == "List":
            for way, item in _objects_of(document["items"]):
                yield (index, "items", *way), item
        else:
            yield (index,), document


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def dump(items: list[Object]) -> str:
    """The objects as YAML that repeats nothing by alias."""

    class Plain(_DUMPER):  # type: ignore[misc,valid-type]
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


def host_of(service: Object) -> str:
    """The full DNS name of a Service."""
    return f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"


def reference_to(target: Object) -> dict[str, str]:
    """An entry of `targetRefs` or `parentRefs`."""
    group = target["apiVersion"].rpartition("/")[0]
    return {"group": group, "kind": target["kind"], "name": target["metadata"]["name"]}


def made(api_version: str, kind: str, name: str, namespace: str | None, spec: object) -> Object:
    """A new object."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def replace_key(mapping: Object, key: str, new: str, value: object) -> None:
    """Put another entry where one is, in the same place."""
    items = [(new, value) if each == key else (each, mapping[each]) for each in list(mapping)]
    mapping.clear()
    mapping.update(items)


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


def pod_labels(workload: Object) -> dict[str, str]:
    """The labels of the pods, made if there are none."""
    found: dict[str, str] = pod_metadata(workload).setdefault("labels", {})
    return found


def pod_annotations(workload: Object) -> dict[str, str]:
    """The annotations of the pods, made if there are none."""
    found: dict[str, str] = pod_metadata(workload).setdefault("annotations", {})
    return found


def pod_at(workload: Object, *path: str | int) -> At:
    """A place in the pod template."""
    return At(workload, (*pod_path(workload), *path))


def waypoint_request(item: Object) -> tuple[str | None, str] | None:
    """Namespace and name that an object's own labels ask for."""
    own = item["metadata"].get("labels") or {}
    name = own.get(USE_WAYPOINT)
    return (own.get(USE_WAYPOINT_NAMESPACE), name) if name else None


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
