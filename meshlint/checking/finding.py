"""What a check says, and what the user sees of it."""

from meshlint.checking.vocabulary import Impact, Severity
from meshlint.mesh.derived import Cause
from meshlint.named import NamedTuple
from meshlint.source.document import Location
from meshlint.source.text import SourceFile


class Edit(NamedTuple):
    """New text for a stretch of a file (offsets into its text; an empty stretch inserts)."""

    file: SourceFile
    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """
    What to type instead: a verb phrase, and the edits that do it.

    Without edits it is advice. `safe` says that the edits provably keep what the file means.
    """

    title: str
    edits: tuple[Edit, ...] = ()
    safe: bool = False


class Problem(NamedTuple):
    """
    What a check has to say about a subject.

    `message` is one line: lower case, no full stop, the user's own names quoted. `at` is the
    line to edit, `related` the lines that explain it, in reading order. Severity and impact are
    the check's unless the problem gives its own.
    """

    message: str
    at: Location
    related: tuple[Cause, ...] = ()
    fix: Fix | None = None
    severity: Severity | None = None
    impact: Impact | None = None


class ResourceIdentity(NamedTuple):
    """How a finding names the object that it is about."""

    api_version: str
    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        namespace = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {namespace}{self.name}"


class Finding(NamedTuple):
    """
    What the user sees: a problem with its check, its place and its fingerprint.

    `field` is the way to the field as text (`metadata.labels[istio.io/use-waypoint]`), None
    where the finding is about text and not about a field. `sets` names the manifest sets that
    it holds for. `fingerprint` stays when lines move.
    """

    check: str
    family: str
    severity: Severity
    impact: Impact
    message: str
    at: Location
    related: tuple[Cause, ...]
    fix: Fix | None
    resource: ResourceIdentity | None
    field: str | None
    sets: tuple[str, ...]
    fingerprint: str

    @property
    def places(self) -> tuple[Location, ...]:
        """Its place, then those of what explains it."""
        return (self.at, *(cause.at for cause in self.related))
