"""
Ambient mode is to span networks, and istiod has that switched off.

## What it does

Looks at Gateways of class `istio-east-west`, and at Services with the label `istio.io/global: "true"` in a
mesh with ambient mode, for istiod's switch `AMBIENT_ENABLE_MULTI_NETWORK`, which is off by default.

It is an error if an istiod that is certainly of the same cluster is without it, or if the Istio version is
older than 1.27, which cannot do it. It is a warning if such an istiod only lies beside it. Where no istiod is
to be seen it is a note about a Gateway; of Services nothing is said. Several Services have one finding, at
the first, and none beside such a Gateway. Secrets of remote clusters do not tell a network and are no sign.

## Why it matters

Without the switch there is no class `istio-east-west`: istiod never deploys the Gateway, and nothing says so.
Services stay local to their cluster, whatever their label: calls to another network never leave this one.

## How to fix it

Run istiod with `AMBIENT_ENABLE_MULTI_NETWORK=true` (`pilot.env` of its chart). Multi-network ambient mode is
alpha in Istio 1.27 and beta from 1.29; it takes a full istiod in each cluster. If istiod is installed
elsewhere, show those manifests with `--context`.
"""

from collections.abc import Iterator

from meshlint import Derived, Fix, Impact, Mesh, Namespace, Problem, Resource, Service, Severity, check, kind

_SWITCH = "AMBIENT_ENABLE_MULTI_NETWORK"


@check(
    doc=__doc__,
    severity=Severity.ERROR,
    impact=Impact.UNSUPPORTED,
    subjects=(kind.GATEWAY, kind.SERVICE),
    reads=(kind.NAMESPACE, *kind.INSTALLATION),
    since="0.1.0",
)
def disabled_multi_network(subject: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find what is for several networks while istiod is for one."""
    use = mesh.multi_network_use(subject)
    if use is None or not _is_first(subject, mesh) or not _is_ambient(subject, mesh):
        return
    if mesh.version_known and not mesh.has_multi_network:
        yield Problem(
            f"{_effect(subject)}: Istio {mesh.version.minor_release} has no multi-network ambient mode",
            at=use.at,
            fix=Fix("use Istio 1.29 or newer, where it is beta"),
        )
        return
    found = _switch(subject, mesh)
    if found is None:
        return
    severity, switch = found
    message = f"{_effect(subject)}: istiod has {_SWITCH} switched off"
    if switch.value is None:
        message = f"{_effect(subject)} unless istiod runs with {_SWITCH}=true"
    yield Problem(
        message,
        at=use.at,
        related=switch.because,
        fix=Fix(f"run istiod with {_SWITCH}=true"),
        severity=severity,
    )


def _switch(subject: Resource, mesh: Mesh) -> tuple[Severity, Derived[bool | None]] | None:
    """How grave istiod's switch is as it stands, and the switch; None where there is nothing to say."""
    here, elsewhere = mesh.multi_network, mesh.multi_network_elsewhere
    if here.value is False:
        certain = mesh.is_applied_together or mesh.is_complete
        certain = certain or here.because[0].at.file is subject.manifest.file
        return Severity.ERROR if certain else Severity.WARNING, here
    if here.value or elsewhere.value:
        return None
    if elsewhere.value is False:
        return Severity.WARNING, elsewhere
    return None if isinstance(subject, Service) else (Severity.NOTE, elsewhere)


def _effect(subject: Resource) -> str:
    if isinstance(subject, Service):
        return "Services with 'istio.io/global' stay local to their cluster"
    return "a Gateway of class 'istio-east-west' is never deployed"


def _is_first(subject: Resource, mesh: Mesh) -> bool:
    """Whether it is to be told of: each such Gateway, and the first Service where there is none."""
    if not isinstance(subject, Service):
        return True
    if any(mesh.multi_network_use(gateway) for gateway in mesh.resources(kind.GATEWAY)):
        return False
    services = (service for service in mesh.resources(kind.SERVICE) if mesh.multi_network_use(service))
    return subject is next(services)


def _is_ambient(subject: Resource, mesh: Mesh) -> bool:
    """Whether it is about ambient mode: sidecars span networks in a way of their own."""
    if mesh.istiod_ambient.value or mesh.ambient_installation:
        return True
    namespaces = (one for one in mesh.resources(kind.NAMESPACE) if isinstance(one, Namespace))
    if any(mesh.selects_ambient(namespace).value for namespace in namespaces):
        return True
    return not isinstance(subject, Service) and mesh.istiod_ambient.value is None
