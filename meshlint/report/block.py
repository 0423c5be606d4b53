"""One finding with its lines, in the manner of rustc."""

from collections.abc import Iterator

from meshlint.checking.finding import Finding
from meshlint.checking.vocabulary import Impact
from meshlint.named import NamedTuple
from meshlint.report.excerpt import excerpt
from meshlint.report.terminal import Paint, Style, linked, plain, severity_style
from meshlint.report.wording import place
from meshlint.source.document import Location


def block(finding: Finding, paint: Paint, *, with_sets: bool, url: str | None = None) -> Iterator[str]:
    """The lines of one finding: what is wrong, where, why, and what to type; `url` is the check's page."""
    frame = _Frame(max(len(str(at.span.start_line)) for at in finding.places), paint)
    style = severity_style(finding.severity)
    title = paint(f"{finding.severity.value}[{finding.check}]", style)
    yield f"{linked(title, url)}{paint(f': {plain(finding.message)}', Style.STRONG)}"
    yield from _heading(frame, "-->", finding.at)
    yield from _snippet(frame, finding.at, "^", "", style)
    previous = finding.at
    for cause in finding.related:
        yield from _passage(frame, previous, cause.at)
        yield from _snippet(frame, cause.at, "-", plain(cause.message), Style.FRAME)
        previous = cause.at
    yield from _notes(frame, finding, with_sets=with_sets)


class _Frame(NamedTuple):
    """The left edge of one finding: as wide as its longest line number."""

    width: int
    paint: Paint

    def edge(self, sign: str = "|", number: int | None = None) -> str:
        label = "" if number is None else str(number)
        return self.paint(f" {label:>{self.width}} {sign}", Style.FRAME)

    def arrow(self, sign: str, location: Location) -> str:
        margin = " " * (self.width + 1)
        return f"{self.paint(f'{margin}{sign}', Style.FRAME)} {place(location)}"


def _passage(frame: _Frame, previous: Location, following: Location) -> Iterator[str]:
    """What stands between two snippets: dots within a file, else where the next one is."""
    if previous.file.path == following.file.path and excerpt(following) is not None:
        yield frame.paint("...", Style.FRAME)
    else:
        yield frame.edge()
        yield from _heading(frame, ":::", following)


def _heading(frame: _Frame, sign: str, location: Location) -> Iterator[str]:
    yield frame.arrow(sign, location)
    if excerpt(location) is not None:
        yield frame.edge()


def _snippet(frame: _Frame, location: Location, mark: str, label: str, style: Style) -> Iterator[str]:
    shown = excerpt(location)
    if shown is None:
        if label:
            yield f"{frame.edge()} {label}"
        return
    marks = frame.paint(f"{mark * shown.length} {label}".rstrip(), style)
    yield f"{frame.edge(number=shown.number)} {shown.text}"
    yield f"{frame.edge()} {' ' * shown.indent}{marks}"


def _notes(frame: _Frame, finding: Finding, *, with_sets: bool) -> Iterator[str]:
    notes = []
    if finding.fix is not None:
        notes.append(("help", plain(finding.fix.title)))
    if finding.impact is not Impact.HYGIENE:
        notes.append(("impact", finding.impact.value))
    if with_sets and finding.sets:
        notes.append(("in", plain(", ".join(finding.sets))))
    if notes:
        yield frame.edge()
    for name, text in notes:
        yield f"{frame.edge('=')} {frame.paint(f'{name}:', Style.STRONG)} {text}"
