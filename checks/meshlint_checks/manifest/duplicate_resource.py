"""
One object is defined more than once, so that what becomes of it hangs on which definition is applied last.

## What it does

Compares group, kind, namespace and name of all objects that belong together: those of a
kustomization, of one file, or of the files that meshlint was given. The version is no part of it.
Each further definition is one finding, a note if it says the same as the first.

Files that merely stand in one directory may be alternatives, of which one is applied: what they both
define is one note for the two files. What a kustomization changes in ways that meshlint does not
follow (prefixes, patches) is judged in the same way.

Patches and kustomize components are no definitions. Objects with `generateName` or a placeholder
for a name are left alone.

## Why it matters

`kubectl apply` lets the last definition win, kustomize refuses to build, and GitOps controllers
report a conflict or apply one after the other for ever. Labels that enrol a namespace, or name a
waypoint, are lost without a word if the other definition lacks them. What meshlint says of such an
object may be true of one definition only, so it is never an error.

## How to fix it

Keep one definition. If they are alternatives, put them into directories of their own, or exclude one.
"""

from collections.abc import Iterator

from meshlint import Cause, Impact, Mesh, Problem, Resource, Severity, check, kind

_PLACEHOLDERS = frozenset(("_", "placeholder"))


@check(
    doc=__doc__,
    severity=Severity.WARNING,
    impact=Impact.HYGIENE,
    subjects=(kind.ANY_RESOURCE,),
    since="0.1.0",
)
def duplicate_resource(resource: Resource, mesh: Mesh) -> Iterator[Problem]:
    """Find objects that are defined more than once."""
    copies = mesh.copies(resource.ref)
    if len(copies) < 2 or not _is_named(resource):  # noqa: PLR2004 - once is right
        return
    first, neighbour = copies[0], mesh.first_in_file(resource)
    if neighbour is not resource:
        yield _defined_again(resource, neighbour)
    elif first is not resource and mesh.is_applied_together:
        yield _defined_again(resource, first)
    elif first is not resource and _is_first_to_overlap(resource, first, mesh):
        yield _overlapping_files(resource, first, mesh)


def _is_named(resource: Resource) -> bool:
    return bool(resource.name) and resource.name.lower() not in _PLACEHOLDERS


def _defined_again(resource: Resource, first: Resource) -> Problem:
    agrees = resource.says_the_same(first)
    what = "in the same words" if agrees else "and differently: the one that is applied last wins"
    return Problem(
        f"{resource.kind.name} {resource.name!r} is defined a second time, {what}",
        at=resource.at(),
        related=(Cause("the first definition", first.at()),),
        severity=Severity.NOTE if agrees else None,
    )


def _is_first_to_overlap(resource: Resource, first: Resource, mesh: Mesh) -> bool:
    return next(filter(_is_named, mesh.overlap(first, resource))) is resource


def _overlapping_files(resource: Resource, first: Resource, mesh: Mesh) -> Problem:
    shared = [copy for copy in mesh.overlap(first, resource) if _is_named(copy)]
    agree = all(copy.says_the_same(mesh.copies(copy.ref)[0]) for copy in shared)
    count = len(shared)
    what = f"{resource.kind.name} {resource.name!r} is" if count == 1 else f"{count} objects of this file are"
    how = "in the same words" if agree else "and differently: applied together, the last one wins"
    return Problem(
        f"{what} also defined in {_path(first)!r}, {how}",
        at=resource.at(),
        related=(Cause("a first definition", first.at()),),
        severity=Severity.NOTE,
    )


def _path(resource: Resource) -> str:
    return resource.manifest.file.path
