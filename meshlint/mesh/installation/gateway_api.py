"""The CRDs of the Gateway API: which are there, and whether istiod takes them."""

from collections.abc import Iterable

from meshlint.mesh.changes import BACKEND_TLS_BY_1_4, TCP_ROUTES_BY_1_6, TLS_ROUTES_BY_1_5, Change
from meshlint.model import kind as k
from meshlint.model.keys import BUNDLE_VERSION
from meshlint.model.kind import Kind
from meshlint.model.kinds.core import CustomResourceDefinition
from meshlint.model.resource import Resource
from meshlint.model.version import IstioVersion
from meshlint.named import NamedTuple
from meshlint.regex import regex

_VERSION = regex(r"^v?(\d+)\.(\d+)\.(\d+)")
# That of GRPCRoutes was required before any version that meshlint knows.
_MINIMUM: dict[Kind, tuple[tuple[int, int, int], Change | None]] = {
    k.GRPC_ROUTE: ((1, 1, 0), None),
    k.BACKEND_TLS_POLICY: ((1, 4, 0), BACKEND_TLS_BY_1_4),
    k.TLS_ROUTE: ((1, 5, 0), TLS_ROUTES_BY_1_5),
    k.TCP_ROUTE: ((1, 6, 0), TCP_ROUTES_BY_1_6),
}


class OutdatedBundle(NamedTuple):
    """
    A CRD of a release of the Gateway API that istiod does not take.

    `bundle` is None for one that does not tell its release; `since` is the first version of Istio that wants
    `minimum`, None for all of them.
    """

    bundle: str | None
    minimum: str
    since: IstioVersion | None


def outdated_bundle(definition: CustomResourceDefinition, version: IstioVersion) -> OutdatedBundle | None:
    """
    Why istiod does not watch the kind of a CRD; None if it does.

    Only the release counts, whatever was pre-released of it; a CRD that tells none is not taken
    (istio `pkg/kube/kclient/crdwatcher.go`, minimumVersionFilter).
    """
    if definition.defines not in _MINIMUM:
        return None
    minimum, change = _MINIMUM[definition.defines]
    if change is not None and not change.holds(version):
        return None
    bundle = definition.annotations.get(BUNDLE_VERSION)
    match = _VERSION.match(bundle or "")
    if match and tuple(map(int, match.groups())) >= minimum:
        return None
    return OutdatedBundle(bundle, "v" + ".".join(map(str, minimum)), change.since if change else None)


def served_kinds(resources: Iterable[Resource]) -> frozenset[Kind]:
    """The kinds of which there is a CRD, or an object that was read from a cluster."""
    found = set()
    for resource in resources:
        if isinstance(resource, CustomResourceDefinition):
            found.add(resource.defines)
        elif resource.head.live:
            found.add(resource.kind)
    return frozenset(found).intersection(k.GATEWAY_API)
