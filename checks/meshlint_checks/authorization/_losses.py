"""What ztunnel loses of a policy that other proxies would enforce."""

from collections.abc import Iterable

from meshlint import AuthorizationPolicy, Cause, Mesh
from meshlint_checks.authorization._scope import quoted

_FEW = 4


def losses(policy: AuthorizationPolicy, causes: Iterable[Cause], mesh: Mesh) -> tuple[Cause, ...]:
    """
    What is lost at ztunnel alone, in the order of the text, each line once.

    Principals with `spiffe://` match nowhere else either: of them spiffe-prefixed-principal speaks.
    """
    prefixed = {principal.at.field for principal in mesh.prefixed_principals(policy)}
    own = {cause.at.field: cause for cause in causes if cause.at.field not in prefixed}
    return tuple(sorted(own.values(), key=lambda cause: cause.at.offsets))


def named(lost: Iterable[Cause]) -> str:
    """The attributes, keys and values that are lost, quoted: the first of them, if they are many."""
    names = list(dict.fromkeys(_name(cause) for cause in lost))
    more = len(names) - _FEW
    return quoted(names) if more <= 0 else f"{', '.join(map(repr, names[:_FEW]))} and {more} more"


def _name(cause: Cause) -> str:
    step = cause.at.field[-1]
    is_value = step == "key" or isinstance(step, int)
    return str(cause.at.manifest.value(*cause.at.field) if is_value and cause.at.manifest else step)
