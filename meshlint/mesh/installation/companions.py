"""Which parts of Istio are installed together."""

from collections.abc import Iterable, Sequence

from meshlint.mesh.installation.parts import Component, Part
from meshlint.model.kind import ISTIO_OPERATOR
from meshlint.model.resource import Resource
from meshlint.named import NamedTuple

_WORDS = {Component.ISTIOD: "istiod", Component.CNI: "cni", Component.ZTUNNEL: "ztunnel"}
_OF_ALL = ("istio", "ambient")


class Companions(NamedTuple):
    """
    The parts that are of one component, and of the same installation as another part.

    `is_certain` tells that they are for one cluster, rather than found side by side. `is_missing` tells that
    nothing in the whole run installs the component, as far as its objects tell what they install.
    """

    parts: tuple[Part, ...] = ()
    is_certain: bool = False
    is_missing: bool = False


class Surroundings(NamedTuple):
    """
    What there is beside a part: the parts of its set, and of the other sets of the run.

    `releases` are what Flux and Argo CD install in any of them without telling a chart of Istio.
    """

    here: Sequence[Part]
    elsewhere: Sequence[Part]
    releases: Sequence[Resource]
    together: bool


def companions(part: Part, component: Component, around: Surroundings) -> Companions:
    """
    Find the parts of a component that are installed along with a part.

    For a part's own component these are all that take turns with it, itself among them: revisions of istiod.
    An IstioOperator installs all of its parts. Others are of one installation if they are in one set; those
    of another set are if in the whole run there is only one of either component, as in a repository
    with a directory a chart.
    """
    own = [one for one in around.here if one.resource is part.resource and one.component is component]
    if own and component is not part.component:
        return Companions(tuple(own), is_certain=True)
    beside = [one for one in around.here if one.component is component and _is_shared(one)]
    if beside:
        certain = around.together or all(_are_in_one_file(part, one) for one in beside)
        is_clear = _is_shared(part) and (certain or _are_only(part, beside, around.here))
        return Companions(tuple(beside), is_certain=certain) if is_clear else Companions()
    others = [one for one in around.elsewhere if one.component is component]
    if others:
        is_clear = _are_only(part, others, (*around.here, *around.elsewhere)) and _is_shared(others[0])
        return Companions(tuple(others)) if is_clear else Companions()
    return Companions(is_missing=not _may_be_installed(component, around.releases))


def _are_only(part: Part, others: Sequence[Part], installed: Sequence[Part]) -> bool:
    """Whether of the components of both there is only one, so that no other installation may be meant."""
    return len(others) == 1 and [part] == [one for one in installed if one.component is part.component]


def _is_shared(part: Part) -> bool:
    """Whether it is one piece of an installation, and no installation of its own."""
    return part.resource.kind != ISTIO_OPERATOR


def _are_in_one_file(part: Part, other: Part) -> bool:
    return part.resource.manifest.file is other.resource.manifest.file


def _may_be_installed(component: Component, releases: Iterable[Resource]) -> bool:
    """Whether a release is named for a component, or for all of Istio."""
    words = (_WORDS[component], *_OF_ALL)
    return any(word in release.name for release in releases for word in words)
