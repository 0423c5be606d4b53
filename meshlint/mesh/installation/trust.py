"""Whom istiod trusts to ask for the certificates of others, and as whom ztunnel asks."""

from collections.abc import Sequence

from meshlint.mesh.changes import TRUSTED_ZTUNNEL_IN_VALUES, ZTUNNEL_ACCOUNT_HAS_ITS_NAME
from meshlint.mesh.derived import Cause, Derived
from meshlint.mesh.installation.components import Account
from meshlint.mesh.installation.parts import OPERATOR_NAMES, Component, Part, Setting
from meshlint.mesh.installation.switches import environment, is_environment_known, is_template, parse_bool
from meshlint.model import kind as k
from meshlint.model.kinds.workload import Workload
from meshlint.model.version import IstioVersion
from meshlint.source.document import FieldPath, Location

_NODE_ACCOUNTS = "CA_TRUSTED_NODE_ACCOUNTS"
_NAME = "ztunnel"
_OPENSHIFT_NAMESPACE = "kube-system"
# sail-operator `api/v1`, the defaults of `spec.namespace`.
_SAIL_NAMESPACES = {
    Component.ISTIOD: "istio-system",
    Component.CNI: "istio-cni",
    Component.ZTUNNEL: "ztunnel",
}
_OF_SAIL = (k.SAIL_ISTIO, k.SAIL_CNI, k.SAIL_ZTUNNEL)
_OWN: FieldPath = ("metadata", "namespace")


def ztunnel_account(part: Part, version: IstioVersion) -> Derived[Account | None]:
    """
    The service account as which a ztunnel asks istiod for certificates.

    None where that cannot be told, and where it asks another CA.
    """
    namespace = installed_in(part)
    name = _account_name(part, version)
    if namespace.value is None or name is None or _asks_another_ca(part):
        return Derived(None)
    cause = Cause(f"ztunnel runs as '{namespace.value}/{name}'", namespace.because[0].at)
    return Derived(Account(namespace.value, name), (cause,))


def trusted_accounts(part: Part, version: IstioVersion) -> Derived[frozenset[Account] | None]:
    """
    The service accounts that an istiod lets ask for the certificates of the pods on their node.

    `CA_TRUSTED_NODE_ACCOUNTS`, which the chart makes of `trustedZtunnelNamespace` and `trustedZtunnelName`
    (istio `pilot/pkg/features/security.go`, `security/pkg/server/ca/node_auth.go`,
    `manifests/charts/istio-control/istio-discovery/templates/deployment.yaml`). Platform openshift sets the
    former to kube-system. None where it cannot be told, and where another CA signs.
    """
    if _is_no_ca(part):
        return Derived(None)
    told = environment(part, _NODE_ACCOUNTS)
    if told.value is not None:
        return Derived(None) if is_template(told.value) else Derived(_accounts(told.value), told.because)
    if part.is_rendered:
        if not is_environment_known(part, _NODE_ACCOUNTS):
            return Derived(None)
        return Derived(frozenset(), (Cause(f"istiod runs without {_NODE_ACCOUNTS}", part.at),))
    if not TRUSTED_ZTUNNEL_IN_VALUES.holds(version):
        return Derived(None)
    return _of_values(part, version)


def installed_in(part: Part) -> Derived[str | None]:
    """The namespace that a component is installed in; None where the object does not tell."""
    resource = part.resource
    for path in _namespace_fields(part):
        found = resource.namespace if path == _OWN else resource.manifest.value(*path)
        if isinstance(found, str) and found and not is_template(found):
            return _namespace(part, found, resource.at(*path))
    default = _default_namespace(part)
    return _namespace(part, default, part.at) if default else Derived(None)


def _namespace(part: Part, name: str, at: Location) -> Derived[str | None]:
    return Derived(name, (Cause(f"{part.component.value} is installed in {name!r}", at),))


def _namespace_fields(part: Part) -> Sequence[FieldPath]:
    """The fields that name a component's namespace (istio `operator/pkg/component/component.go`, Get)."""
    match part.resource.kind:
        case k.HELM_RELEASE:
            return [("spec", "targetNamespace"), _OWN]
        case k.ARGO_APPLICATION:
            return [("spec", "destination", "namespace")]
        case k.ISTIO_OPERATOR:
            component = ("spec", "components", OPERATOR_NAMES[part.component], "namespace")
            return [component] if _is_put_by_profile(part) else [component, _OWN]
        case k.SAIL_ISTIO | k.SAIL_CNI | k.SAIL_ZTUNNEL:
            return [("spec", "namespace")]
        case _:
            return [_OWN]


def _default_namespace(part: Part) -> str | None:
    if part.resource.kind == k.ISTIO_OPERATOR:
        return _OPENSHIFT_NAMESPACE if _is_put_by_profile(part) else "istio-system"
    return _SAIL_NAMESPACES[part.component] if part.resource.kind in _OF_SAIL else None


def _is_put_by_profile(part: Part) -> bool:
    """Whether a profile says the namespace (istio `manifests/profiles/openshift-ambient.yaml`)."""
    profile = part.resource.manifest.value("spec", "profile")
    return part.component is not Component.ISTIOD and profile in ("openshift", "openshift-ambient")


def _account_name(part: Part, version: IstioVersion) -> str | None:
    if isinstance(part.resource, Workload):
        return part.resource.service_account or None
    named = part.own("resourceName")
    if named is None or not ZTUNNEL_ACCOUNT_HAS_ITS_NAME.holds(version):
        return _NAME if part.is_whole or named else None
    return named.value if isinstance(named.value, str) and not is_template(named.value) else None


def _asks_another_ca(part: Part) -> bool:
    if isinstance(part.resource, Workload):
        addresses = [container.env.get("CA_ADDRESS", "") for container in part.resource.containers]
        return any(address and "istiod" not in address for address in addresses)
    return bool(_text(part.own("caAddress")) or _text(part.shared("global", "caAddress")))


def _is_no_ca(part: Part) -> bool:
    serves = environment(part, "ENABLE_CA_SERVER").value
    switched_off = serves is not None and parse_bool(serves) is not True
    return switched_off or bool(_text(part.shared("global", "caAddress")))


def _of_values(part: Part, version: IstioVersion) -> Derived[frozenset[Account] | None]:
    written = part.own("trustedZtunnelNamespace")
    named = _text(part.own("trustedZtunnelName")) if ZTUNNEL_ACCOUNT_HAS_ITS_NAME.holds(version) else ""
    at = written.at if written and written.value else _place_of(part, "trustedZtunnelNamespace")
    namespaces = [_text(written)] if _text(written) else _trusted_by_default(part)
    if not all(namespaces) or any(is_template(text) for text in (*namespaces, named) if text):
        return Derived(None)
    found = frozenset(Account(namespace, named or _NAME) for namespace in namespaces if namespace)
    shown = " or ".join(sorted(f"'{account.namespace}/{account.name}'" for account in found))
    return Derived(found, (Cause(f"istiod trusts {shown}", at),))


def _trusted_by_default(part: Part) -> Sequence[str | None]:
    """Its own namespace, on OpenShift kube-system; either, where an operator finds that out itself."""
    if not part.is_whole:
        return [None]
    platform = part.platform.value if part.platform else None
    if platform == "openshift" or (part.profile and part.profile.value == "openshift-ambient"):
        return [_OPENSHIFT_NAMESPACE]
    own = installed_in(part).value
    detects = part.resource.kind in (*_OF_SAIL, k.ISTIO_OPERATOR) and platform is None
    return [own, _OPENSHIFT_NAMESPACE] if detects else [own]


def _place_of(part: Part, key: str) -> Location:
    """Where a setting of a component would have to be written."""
    for held, base in part.values:
        return held.at(*base, *(("pilot", key) if held.chart == "*" else (key,)))
    return part.at


def _accounts(text: str) -> frozenset[Account]:
    split = [entry.partition("/") for entry in text.split(",")]
    return frozenset(Account(namespace, name) for namespace, slash, name in split if slash)


def _text(setting: Setting | None) -> str:
    return setting.value if setting and isinstance(setting.value, str) else ""
