"""`meshlint describe`: what the mesh makes of it, and because of which lines."""

import argparse
from typing import TYPE_CHECKING, Any

from meshlint.cli.options import (
    add_cluster_options,
    add_input_options,
    add_output_options,
    fill_in,
    istio_version,
    lint_options,
    reports,
    say_if_unknown,
    wants_color,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from meshlint.mesh.description import Description
    from meshlint.model.resource import Resource

NAME = "describe"
_SHORT_NAMES = {
    "ap": "authorizationpolicy",
    "deploy": "deployment",
    "ds": "daemonset",
    "gtw": "gateway",
    "ns": "namespace",
    "po": "pod",
    "ra": "requestauthentication",
    "se": "serviceentry",
    "sts": "statefulset",
    "svc": "service",
    "we": "workloadentry",
}


def add_parser(verbs: Any) -> None:  # noqa: ANN401 - argparse does not name the type
    """Declare the subcommand."""
    parser = verbs.add_parser(NAME, help="say what the mesh makes of it", description=__doc__)
    parser.set_defaults(run=run)
    parser.add_argument(
        "objects",
        nargs="*",
        metavar="KIND/NAMESPACE/NAME",
        help="what to describe, such as service/shop/cart or ns/shop (default: everything)",
    )
    parser.add_argument(
        "--path",
        dest="paths",
        action="append",
        default=[],
        metavar="PATH",
        help="files and directories to read (default: .); '-' is standard input",
    )
    add_input_options(parser)
    add_cluster_options(parser)
    add_output_options(parser, ("text", "json"))


def run(options: argparse.Namespace) -> int:
    """Describe, and answer with exit code 0."""
    from meshlint.lint import linked_meshes
    from meshlint.mesh.description import describe
    from meshlint.model.version import NEWEST_KNOWN

    fill_in(options)
    say_if_unknown(istio_version(options.istio_version))
    wanted = reports(options)
    given = None
    if options.cluster:
        from meshlint.cli.live import read_asked_cluster

        given = read_asked_cluster(options)
    linked, summary = linked_meshes(lint_options(options), given)
    described = _only([describe(one.name, one.mesh, one.resources) for one in linked], options.objects)
    newest = max((one.mesh.version for one in linked), default=NEWEST_KNOWN)
    versions = sorted({f"Istio {one.mesh.version.minor_release}: {one.version_origin}" for one in linked})
    for report in wanted:
        if report.format == "json":
            from meshlint.report.description_json import render as render_json

            text = render_json(described, newest.minor_release)
        else:
            from meshlint.report.description_text import render as render_text

            text = render_text(described, versions, summary, color=wants_color(report, options))
        write(text, report.output)
    return 0


def _only(described: "list[Description]", wanted: list[str]) -> "list[Description]":
    """What is left of descriptions if only some objects are asked for."""
    if not wanted:
        return described
    tests = [_test(word) for word in wanted]
    for word, test in zip(wanted, tests, strict=True):
        if not any(test(resource) for one in described for resource in _resources(one)):
            _complain(word, (resource for one in described for resource in _resources(one)))
    filtered = [_filtered(one, tests) for one in described]
    return [one for one in filtered if any(True for _ in _resources(one))]


def _filtered(description: "Description", tests: "list[Callable[[Resource], bool]]") -> "Description":
    lists: Any = {
        name: tuple(entry for entry in getattr(description, name) if any(t(entry.resource) for t in tests))
        for name in description._fields[1:]
    }
    return description._replace(**lists)


def _test(word: str) -> "Callable[[Resource], bool]":
    """Whether a resource is the one that `kind/namespace/name` or `kind/name` names."""
    kind, *where = word.split("/")
    kind = _SHORT_NAMES.get(kind.lower(), kind.lower().removesuffix("s") if where else kind.lower())
    name = where[-1] if where else ""
    namespace = where[0] if len(where) > 1 else None

    def is_it(resource: "Resource") -> bool:
        its_kind = resource.kind.name.lower()
        same_kind = its_kind.removesuffix("s") == kind.removesuffix("s")
        return same_kind and name == resource.name and namespace in (None, resource.namespace)

    return is_it


def _resources(description: "Description") -> "Iterable[Resource]":
    return (entry.resource for name in description._fields[1:] for entry in getattr(description, name))


def _complain(word: str, resources: "Iterable[Resource]") -> None:
    from meshlint.errors import UsageError
    from meshlint.model.spelling import nearest

    known = ["/".join(part for part in (r.kind.name.lower(), r.namespace, r.name) if part) for r in resources]
    meant = nearest(word, known, limit=3)
    hint = f"; did you mean {meant!r}?" if meant else ""
    raise UsageError(f"nothing to describe under {word!r}{hint}")
