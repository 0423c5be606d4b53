"""What makes pods: Pod, the controllers with a pod template, and the entries for what is no pod."""

from collections.abc import Mapping
from dataclasses import dataclass

from meshlint.model.fields import Fields
from meshlint.model.kind import CRON_JOB, POD, Kind
from meshlint.model.resource import Head, Resource
from meshlint.source.document import FieldPath, Location


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """A container, init containers included. `at` is the way to it."""

    name: str
    image: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    ports: tuple[int, ...]
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A volume; `csi_driver` is empty unless a CSI driver provides it inline."""

    name: str
    csi_driver: str
    path: FieldPath


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Workload(Resource):
    """
    A Pod, or a controller with a pod template.

    `pod_labels` and `pod_annotations` are those of the pods; `template` is the way to the
    pod template in the manifest, empty for a Pod itself.
    """

    pod_labels: Mapping[str, str]
    pod_annotations: Mapping[str, str]
    template: FieldPath
    host_network: bool
    service_account: str
    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...]

    @property
    def is_controller(self) -> bool:
        """Whether it makes pods from a template, so that its own labels are not theirs."""
        return bool(self.template)

    def pod_at(self, *path: str | int) -> Location:
        """The place of a field of the pod template."""
        return self.at(*self.template, *path)

    def pod_label_at(self, key: str) -> Location:
        """The place of a label of the pods."""
        return self.pod_at("metadata", "labels", key)

    def pod_annotation_at(self, key: str) -> Location:
        """The place of an annotation of the pods."""
        return self.pod_at("metadata", "annotations", key)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WorkloadEntry(Resource):
    """A WorkloadEntry: a workload that is no pod."""

    address: str
    workload_labels: Mapping[str, str]
    network: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WorkloadGroup(Resource):
    """A WorkloadGroup: the template of WorkloadEntries that virtual machines register."""

    workload_labels: Mapping[str, str]
    workload_annotations: Mapping[str, str]


def workload(head: Head, document: Fields) -> Workload:
    """Decode a Pod or a controller with a pod template."""
    template = pod_template_path(head.ref.kind)
    pod = document.part(*template)
    metadata, spec = pod.part("metadata"), pod.part("spec")
    return Workload(
        head,
        pod_labels=metadata.text_map("labels") if template else head.labels,
        pod_annotations=metadata.text_map("annotations") if template else head.annotations,
        template=template,
        host_network=spec.flag("hostNetwork"),
        service_account=spec.text("serviceAccountName"),
        containers=tuple(
            _container(container)
            for key in ("initContainers", "containers")
            for container in spec.each(key)
        ),
        volumes=tuple(
            Volume(volume.text("name"), volume.part("csi").text("driver"), volume.path)
            for volume in spec.each("volumes")
        ),
    )


def workload_entry(head: Head, document: Fields) -> WorkloadEntry:
    """Decode a WorkloadEntry."""
    spec = document.part("spec")
    return WorkloadEntry(
        head,
        address=spec.text("address"),
        workload_labels=spec.text_map("labels"),
        network=spec.text("network"),
    )


def workload_group(head: Head, document: Fields) -> WorkloadGroup:
    """Decode a WorkloadGroup."""
    metadata = document.part("spec", "metadata")
    return WorkloadGroup(head, metadata.text_map("labels"), metadata.text_map("annotations"))


def pod_template_path(kind: Kind) -> tuple[str, ...]:
    """The way to the pod template in a workload of this kind."""
    if kind == POD:
        return ()
    if kind == CRON_JOB:
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template")


def _container(container: Fields) -> Container:
    return Container(
        name=container.text("name"),
        image=container.text("image"),
        args=container.texts("args"),
        env={
            entry.text("name"): entry.text("value") for entry in container.each("env") if "value" in entry
        },
        ports=tuple(
            number
            for port in container.each("ports")
            if (number := port.number("containerPort")) is not None
        ),
        path=container.path,
    )
