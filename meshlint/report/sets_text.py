"""`sets` for people: each manifest set, how it was decided, and what is not known of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from meshlint.graph.decided import DecidedSet
from meshlint.report.terminal import Paint, Style, painter, plain
from meshlint.report.wording import place
from meshlint.source.decision import Decision

_MOST_SHOWN = 10


def render(decided: Sequence[DecidedSet], program: str | None, *, color: bool) -> str:
    """Write what was decided; `program` is what builds kustomizations."""
    paint = painter(color=color)
    blocks = ["\n".join(_block(one, program, paint)) for one in decided]
    return "\n\n".join([*blocks, _total(decided)]) + "\n"


def _block(one: DecidedSet, program: str | None, paint: Paint) -> Iterator[str]:
    manifest_set = one.manifest_set
    yield f"{paint(plain(manifest_set.name), Style.STRONG)}: {_how(one, program)}"
    files, objects = _count(len(one.files), "file"), _count(len(one.resources), "object")
    left = len(one.without_namespace)
    yield f"  {objects} from {files}" + (f", {left} of them in no namespace that is told" if left else "")
    if one.closed:
        yield f"  complete: {', '.join(map(plain, one.closed))}"
    for why, names in _by_reason(one).items():
        yield f"  open, {why}: {', '.join(map(plain, names))}"
    verb = "rendered" if manifest_set.decision is Decision.CHART else "built"
    for refusal in manifest_set.not_built:
        yield f"  not {verb}: {plain(refusal.why)} ({place(refusal.at)})"
    said = {refusal.why for refusal in manifest_set.not_built}
    unread = [problem for problem in one.unread if problem.message not in said]
    for problem in unread[:_MOST_SHOWN]:
        yield f"  not read: {plain(problem.message)} ({place(problem.at)})"
    if len(unread) > _MOST_SHOWN:
        yield f"  not read: {len(unread) - _MOST_SHOWN} more"


def _how(one: DecidedSet, program: str | None) -> str:
    decision, because = one.manifest_set.decision, one.manifest_set.because
    by = f" by `{program}`" if decision is Decision.BUILT and program else ""
    can_be_in_part = decision in (Decision.READ, Decision.CHART)
    in_part = " in part" if can_be_in_part and one.manifest_set.not_built else ""
    where = f" ({place(because)})" if because is not None else ""
    return f"{decision.value}{in_part}{by}{where}"


def _by_reason(one: DecidedSet) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, why in one.open.items():
        reasons[why].append(name)
    return reasons


def _total(decided: Sequence[DecidedSet]) -> str:
    objects = sum(len(one.resources) for one in decided)
    kustomized = [one.manifest_set for one in decided if one.manifest_set.decision is not Decision.CHART]
    not_built = sum(len(one.not_built) for one in kustomized)
    left = f" {_count(not_built, 'kustomization')} not built." if not_built else ""
    return f"{_count(len(decided), 'set')}, {_count(objects, 'object')}.{left}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
