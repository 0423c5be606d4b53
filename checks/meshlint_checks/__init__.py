"""
The checks that come with meshlint: a plugin like anyone's.

Sub-packages are families, each of their modules is a check with its fixtures beside it.
"""

from meshlint import About, Precedence

_LOST_LABELS = (
    "dangling-waypoint",
    "denied-waypoint-attachment",
    "invalid-use-waypoint",
    "waypoint-in-other-namespace",
    "waypoint-traffic-mismatch",
)
_WITHOUT_WAYPOINT = (
    "destination-rule-without-waypoint",
    "route-without-waypoint",
    "virtual-service-without-waypoint",
)

_SAID_BEFORE = {
    About.SHOWN: (
        "dangling-waypoint",
        "denied-waypoint-attachment",
        "invalid-use-waypoint",
        "invalid-waypoint-for",
        "non-waypoint-target",
        "waypoint-in-other-namespace",
        "waypoint-traffic-mismatch",
    ),
    About.RESOURCE: (
        "broadened-deny",
        "dangling-policy-target",
        "dangling-route-parent",
        "invalid-policy-target",
        "l7-rule-at-ztunnel",
        "malformed-waypoint-listener",
        "policy-without-enforcer",
        "route-without-waypoint",
        "selector-on-waypoint",
        "unenforced-deny",
        "unmatched-parent-port",
        "unsupported-ztunnel-action",
        "unusable-waypoint-name",
        "weakened-deny",
    ),
}
"""The checks that know the line for which istiod refuses something. Where they only suppose, it knows."""

PRECEDENCE = (
    Precedence("unquoted-label-value", "invalid-use-waypoint", About.PLACE),
    Precedence("unquoted-label-value", "invalid-dataplane-mode", About.PLACE),
    Precedence("unquoted-label-value", "powerless-inject-label", About.PLACE),
    Precedence("unquoted-label-value", "invalid-ambient-boolean", About.PLACE),
    Precedence("misspelt-istio-key", "invalid-label", About.PLACE),
    Precedence("invalid-use-waypoint", "invalid-label", About.PLACE),
    Precedence("invalid-use-waypoint", "dangling-waypoint", About.PLACE),
    Precedence("dual-mode-namespace", "mixed-dataplane-modes", About.RESOURCE),
    Precedence("injecting-revision-label", "mixed-dataplane-modes", About.RESOURCE),
    Precedence("dual-mode-pod", "mixed-dataplane-modes", About.SHOWN),
    Precedence("preinjected-template", "mixed-dataplane-modes", About.SHOWN),
    Precedence("waypoint-in-other-namespace", "dangling-waypoint", About.PLACE),
    Precedence("invalid-waypoint-for", "waypoint-traffic-mismatch", About.SHOWN),
    Precedence("contradictory-profile", "half-enabled-ambient", About.PLACE),
    Precedence("contradictory-profile", "missing-ztunnel", About.PLACE),
    Precedence("half-enabled-ambient", "disabled-ambient-cni", About.PLACE),
    Precedence("dangling-waypoint", "unused-waypoint", About.SHOWN),
    Precedence("invalid-use-waypoint", "unused-waypoint", About.SHOWN),
    Precedence("waypoint-in-other-namespace", "unused-waypoint", About.SHOWN),
    Precedence("leftover-selector-policy", "unenforced-deny", About.RESOURCE),
    Precedence("leftover-selector-policy", "unsupported-ztunnel-action", About.RESOURCE),
    Precedence("leftover-selector-policy", "weakened-deny", About.RESOURCE),
    Precedence("ignored-port-disable", "mtls-disabled-in-ambient", About.PLACE),
    Precedence("unusable-waypoint-name", "unused-waypoint", About.PLACE),
    Precedence("misspelt-istio-key", "orphan-waypoint-namespace", About.SHOWN),
    Precedence("label-as-annotation", "orphan-waypoint-namespace", About.SHOWN),
    Precedence("malformed-waypoint-listener", "non-waypoint-target", About.SHOWN),
    Precedence("invalid-dataplane-mode", "waypoint-without-ambient", About.RESOURCE),
    Precedence("unquoted-label-value", "waypoint-without-ambient", About.RESOURCE),
    Precedence("misspelt-istio-key", "waypoint-without-ambient", About.RESOURCE),
    Precedence("label-as-annotation", "waypoint-without-ambient", About.RESOURCE),
    Precedence("dangling-waypoint", "dangling-policy-target", About.SHOWN),
    Precedence("label-as-annotation", "policy-without-enforcer", About.SHOWN),
    Precedence("misspelt-istio-key", "policy-without-enforcer", About.SHOWN),
    Precedence("selector-on-waypoint", "l7-rule-at-ztunnel", About.RESOURCE),
    Precedence("selector-on-waypoint", "unenforced-deny", About.RESOURCE),
    Precedence("selector-on-waypoint", "unsupported-ztunnel-action", About.RESOURCE),
    Precedence("selector-on-waypoint", "unchecked-jwt", About.RESOURCE),
    Precedence("selector-on-waypoint", "unattached-extension", About.RESOURCE),
    Precedence("selector-on-waypoint", "unattached-telemetry", About.RESOURCE),
    Precedence("non-waypoint-target", "policy-without-enforcer", About.SHOWN),
    Precedence("l7-rule-at-ztunnel", "missing-waypoint-principal", About.RESOURCE),
    *(Precedence(label, "policy-without-enforcer", About.SHOWN) for label in _LOST_LABELS),
    Precedence("bypassed-egress-gateway", "virtual-service-without-waypoint", About.RESOURCE),
    *(
        Precedence(label, echo, About.SHOWN)
        for label in _LOST_LABELS
        for echo in ("bypassed-egress-gateway", *_WITHOUT_WAYPOINT)
    ),
    *(Precedence("service-entry-without-vip", echo, About.SHOWN) for echo in _WITHOUT_WAYPOINT),
    Precedence("waypoint-on-headless-service", "route-without-waypoint", About.SHOWN),
    *(Precedence("unused-waypoint", echo, About.SHOWN) for echo in _WITHOUT_WAYPOINT),
    *(
        Precedence(speaks, "failed-status-condition", about, if_certain=True)
        for about, checks in _SAID_BEFORE.items()
        for speaks in checks
    ),
)
"""Where two checks could speak of one thing, which of them does."""

_OF_ISTIO = ("istio", "Istio")
_EXTENSIONS = ("RequestAuthentication", "WasmPlugin", "TrafficExtension", "Telemetry", "EnvoyFilter")

FAMILY_WORDS = {
    "authorization": ("targetRef", "AuthorizationPolicy", *_EXTENSIONS),
    "egress": ("ServiceEntry", "VirtualService"),
    "enrollment": _OF_ISTIO,
    "extension": (*_EXTENSIONS, "Sidecar"),
    "installation": (*_OF_ISTIO, "gateway.networking.k8s.io"),
    "migration": _OF_ISTIO,
    "network_policy": ("NetworkPolicy",),
    "peer_authentication": ("PeerAuthentication", "ENABLE_HBONE", "mesh:", '"mesh"'),
    "routing": ("parentRefs", "VirtualService", "DestinationRule"),
    "status": ("resourceVersion",),
    "unsupported": _OF_ISTIO,
    "waypoint": (*_OF_ISTIO, "waypoint"),
}
"""Families that have nothing to say of manifests in which none of these words occurs."""
