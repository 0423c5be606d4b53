"""Whether ztunnel answers the DNS queries of a workload."""

from collections.abc import Sequence

from meshlint.graph.graph import ResourceGraph
from meshlint.mesh.changes import DNS_CAPTURE_BY_DEFAULT
from meshlint.mesh.installation.switches import parse_bool
from meshlint.mesh.installation.values import Values
from meshlint.model.fields import as_text
from meshlint.model.keys import DNS_CAPTURE
from meshlint.model.kind import CONFIG_MAP
from meshlint.model.kinds.core import ConfigMap
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.regex import regex

_CNI_CONFIG = regex(r"^istio-cni(-.+)?-config$")
_VALUES = (("cni", "ambient", "dnsCapture"), ("ambient", "dnsCapture"))


def dns_capture(
    client: Workload, graph: ResourceGraph, values: Sequence[Values], version: IstioVersion
) -> bool | None:
    """
    Whether ztunnel answers a workload's DNS queries; None where that is not known.

    The pod's `ambient.istio.io/dns-capture`, else istio-cni's `AMBIENT_DNS_CAPTURE`
    (istio `manifests/charts/istio-cni/values.yaml`): on by default from 1.25.
    """
    own = parse_bool(client.pod_annotations.get(DNS_CAPTURE, ""))
    if own is not None:
        return own
    for config in graph.of_kind(CONFIG_MAP):
        if isinstance(config, ConfigMap) and _CNI_CONFIG.match(config.name):
            told = parse_bool(config.data.get("AMBIENT_DNS_CAPTURE", ""))
            if told is not None:
                return told
    for held in values:
        for path in _VALUES:
            if path[0] == "cni" or held.chart == "cni":
                told = parse_bool(as_text(held.get(*path)))
                if told is not None:
                    return told
    return True if DNS_CAPTURE_BY_DEFAULT.holds(version) else None
