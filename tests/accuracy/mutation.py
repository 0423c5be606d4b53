"""Ways to break a healthy mesh: each is one fault, and tells which check is to find it and where."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple

from accuracy.mesh import At, HealthyMesh

Break = Callable[[HealthyMesh], At | None]


class Fault(NamedTuple):
    """What is wrong: the check that is to find it, what is done, and the Istio version it is wrong in."""

    check: str
    how: str
    version: str | None


class Mutation(NamedTuple):
    """
    A named way to break a mesh.

    `also` are the checks that may speak too, since the one fault has a second consequence. `run` breaks a
    mesh in the first place that is fit for it, and gives the place to be blamed; None if the mesh has no
    such place.
    """

    fault: Fault
    also: frozenset[str]
    run: Break


def mutation(
    check: str, how: str, *, also: tuple[str, ...] = (), version: str | None = None
) -> Callable[[Break], Mutation]:
    """Declare a way to break a mesh, for one Istio version or for any."""
    return lambda run: Mutation(Fault(check, how, version), frozenset(also), run)


def all_mutations() -> list[Mutation]:
    """Those of all families, by check."""
    import accuracy.mutations

    found = []
    for module in pkgutil.iter_modules(accuracy.mutations.__path__, "accuracy.mutations."):
        members = vars(importlib.import_module(module.name)).values()
        found.extend(member for member in members if isinstance(member, Mutation))
    return sorted(found, key=lambda each: each.fault[:2])
