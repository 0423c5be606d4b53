"""Suppressing findings, and telling which suppressions are not what they should be."""

from collections.abc import Iterator, Sequence

from meshlint.checking.acceptance import AsFindings, Given, Ran, is_annotated
from meshlint.checking.finding import Finding
from meshlint.checking.own import FAMILY
from meshlint.checking.policy import Policy, impact_word
from meshlint.checking.suppression import (
    Mark,
    Suppression,
    Suppressions,
    annotations_of,
    comments_of,
    strange_annotations,
)
from meshlint.checking.suppression_faults import Circumstances, Fault, faults, holds, strange, unreadable
from meshlint.source.rendered import written_in


def suppress(
    found: Sequence[Finding], given: Given, ran: Ran, policy: Policy, as_findings: AsFindings
) -> tuple[list[Finding], list[Finding]]:
    """
    Part the findings of all sets, and those about suppressions, into those to show and those not to.

    Nothing is said of suppressions in files that are only known, or by checks that were not selected.
    """
    today = _today()
    told = {path for manifest in given.manifests for path in written_in(manifest)} - given.unsure
    given = given._replace(manifests=[manifest for manifest in given.manifests if is_annotated(manifest)])
    marks, suppressions = _read(given)
    in_force = Suppressions(
        one for one in suppressions if holds(one, today, require_reason=policy.require_reason)
    )
    shown, suppressed = in_force.split(found)

    def was_needed(one: Suppression) -> bool:
        return one.at.file.path not in told or in_force.was_needed(one)

    circumstances = Circumstances(today, policy.require_reason, _idle(ran), was_needed)
    selected = {check.id for check in ran.checks}
    wrong = [
        (check, problem)
        for check, problem in _faults(given, marks, suppressions, circumstances)
        if check.id in selected and problem.at.file.path in given.read
    ]
    more, less = in_force.split(as_findings(wrong))
    return [*shown, *more], [*suppressed, *less]


def _read(given: Given) -> tuple[list[Mark], list[Suppression]]:
    """Everything that looks like a suppression: what cannot be read as one, and what can."""
    said = [each for file, manifests in given.texts for each in comments_of(file, manifests)]
    said += [each for manifest in given.manifests for each in annotations_of(manifest)]
    marks = [each for each in said if isinstance(each, Mark)]
    return marks, [each for each in said if isinstance(each, Suppression)]


def _faults(
    given: Given, marks: Sequence[Mark], suppressions: Sequence[Suppression], circumstances: Circumstances
) -> Iterator[Fault]:
    for mark in marks:
        yield from unreadable(mark)
    for manifest in given.manifests:
        yield from (strange(manifest, key) for key in strange_annotations(manifest))
    yield from faults(suppressions, circumstances)


def _idle(ran: Ran) -> frozenset[str]:
    """
    The words that say nothing about whether a suppression is needed: some check of theirs did not run.

    That a check does not hold for the Istio version at hand counts only against its own name.
    """
    selected = {check.id for check in ran.checks}
    idle: set[str] = set()
    for check in ran.all_checks:
        if check.id not in selected and check.family != FAMILY:
            idle |= {check.id, check.family, impact_word(check.impact), "all"}
        elif any(version not in check.istio for version in ran.versions):
            idle.add(check.id)
    return frozenset(idle)


def _today() -> str:
    from datetime import datetime

    return datetime.now().astimezone().date().isoformat()
