"""What makes pods: Pod, the controllers with a pod template, and the entries for what is no pod."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from meshlint.model.fields import Fields, Malformed
from meshlint.model.kind import CRON_JOB, POD, Kind, ResourceRef
from meshlint.model.resource import Head, Resource
from meshlint.named import NamedTuple
from meshlint.source.document import FieldPath, Location

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_CONNECTING = ("httpGet", "tcpSocket", "grpc")


class ContainerPort(NamedTuple):
    """A port that a container declares; `name` is empty without one."""

    name: str
    number: int
    protocol: str


class Probe(NamedTuple):
    """A probe by which the kubelet connects to a container: at a port, or at one declared by name."""

    port: int | str
    path: FieldPath


class Container(NamedTuple):
    """
    A container, init containers included. `path` is the way to it.

    `port_paths` are the ways to the numbers of `declared_ports`. `probes` are those that connect to it,
    `exec` is not among them. `env` are the variables whose value is written; `indirect_env` are the names
    of those whose value stands elsewhere, `*` if a whole object is taken in.
    """

    name: str
    image: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    ports: tuple[int, ...]
    path: FieldPath
    declared_ports: tuple[ContainerPort, ...] = ()
    probes: tuple[Probe, ...] = ()
    port_paths: tuple[FieldPath, ...] = ()
    indirect_env: frozenset[str] = frozenset()


class Volume(NamedTuple):
    """A volume; `csi_driver` is empty unless a CSI driver provides it inline."""

    name: str
    csi_driver: str
    path: FieldPath


class Workload(Resource):
    """
    A Pod, or a controller with a pod template.

    `pod_labels` and `pod_annotations` are those of the pods; `template` is the way to the
    pod template in the manifest, empty for a Pod itself. `owners` are what made it in a cluster.
    """

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        template = pod_template_path(head.ref.kind)
        pod = document.part(*template)
        metadata, spec = pod.part("metadata"), pod.part("spec")
        self.template: Final[FieldPath] = template
        self.owners: Final = tuple(_owners(document.part("metadata"), head.ref.namespace))
        self.pod_labels: Final = metadata.text_map("labels") if template else head.labels
        self.pod_annotations: Final = metadata.text_map("annotations") if template else head.annotations
        self.host_network: Final = spec.flag("hostNetwork")
        self.service_account: Final = spec.text("serviceAccountName")
        self._spec: Final = spec

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """The containers, those that only initialise first."""
        listed = (container for key in ("initContainers", "containers") for container in self._spec.each(key))
        return tuple(map(_container, listed))

    @cached_property
    def volumes(self) -> tuple[Volume, ...]:
        """The volumes that containers can mount."""
        return tuple(
            Volume(volume.text("name"), volume.part("csi").text("driver"), volume.path)
            for volume in self._spec.each("volumes")
        )

    @property
    def malformed(self) -> Sequence[Malformed]:
        """The fields of a wrong type, those of containers and volumes included."""
        # Which are found when they are decoded, and they are half the work for a cluster full of pods.
        _ = self.containers, self.volumes
        return self.head.malformed

    @property
    def is_controller(self) -> bool:
        """Whether it makes pods from a template, so that its own labels are not theirs."""
        return bool(self.template)

    def pod_port(self, port: int | str | None) -> int | None:
        """The number of a TCP port of the pods, given as such or by the name that a container declares."""
        if not isinstance(port, str):
            return port
        declared = (each for container in self.containers for each in container.declared_ports)
        return next((each.number for each in declared if each[::2] == (port, "TCP")), None)

    @property
    def is_live_pod(self) -> bool:
        """Whether it is a pod as a cluster holds it, with what Istio has written into it."""
        return not self.is_controller and (self.head.live or bool(self.owners))

    def pod_at(self, *path: str | int) -> Location:
        """The place of a field of the pod template."""
        return self.at(*self.template, *path)

    def pod_label_at(self, key: str) -> Location:
        """The place of a label of the pods."""
        return self.pod_at("metadata", "labels", key)

    def pod_annotation_at(self, key: str) -> Location:
        """The place of an annotation of the pods."""
        return self.pod_at("metadata", "annotations", key)

    def env_at(self, container: Container, name: str) -> Location:
        """The place of the value of a container's variable; of all of them, if it has none of that name."""
        listed = self.manifest.value(*container.path, "env")
        for index, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict) and entry.get("name") == name:
                return self.at(*container.path, "env", index, "value")
        return self.at(*container.path, "env")


class WorkloadEntry(Resource):
    """A WorkloadEntry: a workload that is no pod."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        spec = document.part("spec")
        self.address: Final = spec.text("address")
        self.workload_labels: Final = spec.text_map("labels")
        self.network: Final = spec.text("network")


class WorkloadGroup(Resource):
    """A WorkloadGroup: the template of WorkloadEntries that virtual machines register."""

    def __init__(self, head: Head, document: Fields) -> None:
        super().__init__(head)
        metadata, template = document.part("spec", "metadata"), document.part("spec", "template")
        self.workload_labels: Final = {**template.text_map("labels"), **metadata.text_map("labels")}
        self.workload_annotations: Final = metadata.text_map("annotations")


def pod_template_path(kind: Kind) -> tuple[str, ...]:
    """The way to the pod template in a workload of this kind."""
    if kind == POD:
        return ()
    if kind == CRON_JOB:
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template")


def _owners(metadata: Fields, namespace: str | None) -> Iterator[ResourceRef]:
    for owner in metadata.each("ownerReferences"):
        kind = Kind(owner.text("apiVersion").rpartition("/")[0], owner.text("kind"))
        yield ResourceRef(kind, namespace, owner.text("name"))


def _container(container: Fields) -> Container:
    ports = [
        (ContainerPort(port.text("name"), number, port.text("protocol") or "TCP"), port.path)
        for port in container.each("ports")
        if (number := port.number("containerPort")) is not None
    ]
    declared = tuple(port for port, _ in ports)
    env, indirect = _environment(container)
    return Container(
        name=container.text("name"),
        image=container.text("image"),
        args=container.texts("args"),
        env=env,
        ports=tuple(port.number for port in declared),
        path=container.path,
        declared_ports=declared,
        probes=tuple(_probes(container)),
        port_paths=tuple((*path, "containerPort") for _, path in ports),
        indirect_env=indirect,
    )


def _environment(container: Fields) -> tuple[dict[str, str], frozenset[str]]:
    """The variables with values, and the names of those that come from elsewhere: `*` stands for any."""
    values: dict[str, str] = {}
    indirect: set[str] = set()
    for entry in container.each("env"):
        name = entry.text("name")
        if "value" in entry:
            values[name] = entry.text("value")
        if "valueFrom" in entry:
            indirect.add(name)
    if any(container.each("envFrom")):
        indirect.add("*")
    return values, frozenset(indirect)


def _probes(container: Fields) -> Iterator[Probe]:
    for key in filter(container.__contains__, _PROBES):
        probe = container.part(key)
        for action in filter(probe.__contains__, _CONNECTING):
            port = probe.part(action).data.get("port")
            if isinstance(port, int | str):
                yield Probe(port, (*probe.path, action, "port"))
