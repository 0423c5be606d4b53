"""The bytes of one file to manifests, and to what of them could not be read."""

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import Any

from meshlint.named import NamedTuple
from meshlint.regex import regex
from meshlint.source.block import Block, read_block
from meshlint.source.compose import (
    MAX_LENGTH,
    Composed,
    ComposeError,
    DocumentSyntaxError,
    LimitError,
    LostEntry,
    compose,
)
from meshlint.source.document import (
    DuplicateKey,
    FieldPath,
    Location,
    Manifest,
    Place,
    Unread,
    UnreadReason,
)
from meshlint.source.placing import ItemPlace, QuickDocument
from meshlint.source.text import SourceFile, speaks_of_kubernetes
from meshlint.source.unrendered import (
    Template,
    find_template,
    find_template_in_text,
    holds_only_control,
    may_hold_template,
)


class Reading(NamedTuple):
    """What one file gave: its manifests, and what could not be read of it."""

    file: SourceFile
    manifests: tuple[Manifest, ...] = ()
    duplicate_keys: tuple[DuplicateKey, ...] = ()
    unread: tuple[Unread, ...] = ()
    is_kubernetes: bool = False


class ReadDocument(NamedTuple):
    """A document of a text, by offsets: what the quick reader makes of it, None if nothing."""

    start: int
    end: int
    block: Block | None


def read_text(path_as_shown: str, raw: bytes, documents: Sequence[ReadDocument] | None = None) -> Reading:
    """
    Read the manifests of one file, each document by itself.

    A file that does not speak of `apiVersion` and `kind` is not ours: it is not parsed, its
    text is not kept, and nothing is said about it. `documents` are its own, if somebody has read them
    already.
    """
    decoded = _decoded(raw)
    if decoded is None:
        return Reading(SourceFile(path_as_shown, ""))
    file = SourceFile(path_as_shown, decoded.text, decoded.has_bom)
    found: list[_Found] = []
    for document in _documents(decoded.text) if documents is None else documents:
        bad = decoded.first_bad(document.start, document.end)
        found.extend(_read_document(file, document, bad))
    return _reading(file, found)


def read_documents(raw: bytes) -> list[ReadDocument]:
    """Read the documents of one file as far as that is quick; none of a file that is not ours."""
    decoded = _decoded(raw)
    return [] if decoded is None else [*_documents(decoded.text)]


def _documents(text: str) -> Iterator[ReadDocument]:
    for start, end in split_documents(text):
        yield ReadDocument(start, end, read_block(text[start:end]))


def _decoded(raw: bytes) -> "_Decoded | None":
    """The text of a file; None if it does not speak of Kubernetes."""
    if not speaks_of_kubernetes(raw):
        return None
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoded = _decode_utf16(raw) if is_utf16 else _decode_utf8(raw)
    return decoded if "apiVersion" in decoded.text and "kind" in decoded.text else None


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """Give the plain data of YAML that stands in a value of a manifest; None if it is not YAML."""
    try:
        return compose(text).data
    except ComposeError:
        return None


def read_mapping(file: SourceFile, start: int = 0, end: int | None = None) -> Manifest | None:
    """Read one document that is a mapping, an object of Kubernetes or not; None if it is anything else."""
    end = len(file.text) if end is None else end
    block = read_block(file.text[start:end])
    if block is not None and end - start <= MAX_LENGTH:
        return Manifest(file, block.data, QuickDocument(file, start, end, block).place)
    try:
        composed = compose(file.text, start, end)
    except ComposeError:
        return None
    if composed.place is None or not isinstance(composed.data, dict):
        return None
    return Manifest(file, composed.data, composed.place)


def split_documents(text: str) -> Iterator[tuple[int, int]]:
    """
    Give start and end of each YAML document of a text, its directives included.

    `---` in the first column begins a document wherever it stands, inside quotes too.
    """
    start, begun = 0, False
    for marker in _markers(text):
        if marker["end"]:
            yield start, marker.end()
            start, begun = marker.end(), False
        elif begun or not _PREAMBLE.fullmatch(text, start, marker.start()):
            yield start, marker.start()
            start, begun = marker.start(), True
        else:
            begun = True
    yield start, len(text)


# libyaml begins a line after U+0085, U+2028 and U+2029 as well, so a marker may stand there.
_MARKER = regex(
    "(?<![^\r\n\x85\u2028\u2029])\ufeff?(?:---|(?P<end>\\.\\.\\.))(?=[ \t\r\n\x85\u2028\u2029]|\\Z)"
)
_OTHER_BREAK = regex("[\x85\u2028\u2029]")
_MARKED_LINE = regex(r"\n(?=\ufeff?(?:---|\.\.\.))")
_PREAMBLE = regex("(?:(?:%[^\r\n]*|[ \t\ufeff]*(?:#[^\r\n]*)?)[\r\n])*+")
_BAD_BYTE = regex("[\udc80-\udcff]")
_NAMESPACE_LINE = regex(r"""( *)namespace:[ \t]+["']?([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)["']?[ \t]*(?:#.*)?""")
_FURTHEST_NAMESPACE = 100_000
_METADATA_LINE = regex(r"^metadata:[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_TEXT_LINE = regex(r"[^\r\n]*")


def _markers(text: str) -> Iterator[re.Match[str]]:
    """The lines that begin or end documents."""
    if "\r" in text or not (text.isascii() or _OTHER_BREAK.search(text) is None):
        yield from _MARKER.finditer(text)
        return
    places = (match.end() for match in _MARKED_LINE.finditer(text))
    for place in (0, *places):
        marker = _MARKER.match(text, place)
        if marker:
            yield marker


class _NoIdentity(NamedTuple):
    """What may be an object with its `apiVersion` or `kind` missing: it is one among other objects."""

    unread: Unread


_Found = Manifest | DuplicateKey | Unread | _NoIdentity


class _Decoded(NamedTuple):
    """A text; `escaped` is the same with a lone surrogate for each byte that could not be decoded."""

    text: str
    has_bom: bool
    escaped: str | None = None

    def first_bad(self, start: int, end: int) -> int | None:
        match = _BAD_BYTE.search(self.escaped, start, end) if self.escaped is not None else None
        return match.start() if match else None


def _decode_utf8(raw: bytes) -> _Decoded:
    has_bom = raw.startswith(codecs.BOM_UTF8)
    raw = raw[len(codecs.BOM_UTF8) :] if has_bom else raw
    try:
        return _Decoded(raw.decode("utf-8"), has_bom)
    except UnicodeDecodeError as error:
        # Of what is too long to be a document anyway, nothing behind the first bad byte is read.
        raw = raw if len(raw) <= MAX_LENGTH else raw[: error.start + 1]
    escaped = raw.decode("utf-8", "surrogateescape")
    return _Decoded(_BAD_BYTE.sub("\ufffd", escaped), has_bom, escaped)


def _decode_utf16(raw: bytes) -> _Decoded:
    try:
        return _Decoded(raw.decode("utf-16"), has_bom=True)
    except UnicodeDecodeError as error:
        readable = raw[: error.start].decode("utf-16")
    return _Decoded(raw.decode("utf-16", "replace"), has_bom=True, escaped=readable + "\udc80")


def _reading(file: SourceFile, found: list[_Found]) -> Reading:
    manifests = tuple(each for each in found if isinstance(each, Manifest))
    if manifests:
        found = [each.unread if isinstance(each, _NoIdentity) else each for each in found]
    return Reading(
        file,
        manifests,
        tuple(each for each in found if isinstance(each, DuplicateKey)),
        tuple(each for each in found if isinstance(each, Unread)),
        is_kubernetes=True,
    )


def _read_document(file: SourceFile, document: ReadDocument, bad: int | None) -> Iterator[_Found]:
    start, end, _ = document
    if bad is not None:
        message = "the text is not in the encoding of the file (UTF-8, if it has no byte order mark)"
        yield _unread(file, (start, end), UnreadReason.ENCODING, message, (bad, bad + 1))
        return
    quickly = _read_quickly(file, document)
    if quickly is not None:
        yield from quickly
        return
    try:
        composed = compose(file.text, start, end)
    except LimitError as error:
        at = _rest_of_line(file.text, error.offset)
        yield _unread(file, (start, end), UnreadReason.LIMIT, error.message, at)
    except DocumentSyntaxError as error:
        unread = _unparsable(file, (start, end), error)
        yield from () if unread is None else (unread,)
    else:
        yield from _read_composed(file, composed, (start, end))


def _read_quickly(file: SourceFile, document: ReadDocument) -> list[Manifest] | None:
    """The objects of a document, without their places; None if there may be anything to tell of it."""
    start, end, block = document
    if block is None or "sops" in block.data:
        return None
    quick = QuickDocument(file, start, end, block)
    if quick.longest > MAX_LENGTH:
        return None
    manifests = _quick_manifests(file, block, quick)
    if not all(_is_object(manifest.data) for manifest in manifests or ()):
        return None
    if manifests and may_hold_template(file.text, start, end) and _unrendered(file, block.data, manifests):
        return None
    return manifests


def _quick_manifests(file: SourceFile, block: Block, document: QuickDocument) -> list[Manifest] | None:
    """The object that a document is, or those that it lists; None if it is something else."""
    data = block.data
    if not _is_object(data):
        return None
    items = data.get("items")
    if not (data["kind"].endswith("List") and isinstance(items, list)):
        return [Manifest(file, data, document.place)]
    if len(items) != len(block.items) or not all(isinstance(item, dict) for item in items):
        return None
    typed = [_typed(item, data) for item in items]
    if any(str(item.get("kind")).endswith("List") for item in typed):
        return None
    return [
        Manifest(file, item, ItemPlace(document, index), ("items", index), document)
        for index, item in enumerate(typed)
    ]


def _unparsable(file: SourceFile, document: tuple[int, int], error: DocumentSyntaxError) -> Unread | None:
    if find_template_in_text(file.text, *document) is not None:
        return _template_text(file, document)
    at = (error.offset, max(error.offset, min(error.offset + 1, document[1])))
    return _unread(file, document, UnreadReason.SYNTAX, error.message, at)


def _template_text(file: SourceFile, document: tuple[int, int]) -> Unread | None:
    """A document that only rendering makes YAML; None if nothing would come of it."""
    template = find_template_in_text(file.text, *document)
    if template is None or holds_only_control(file.text, *document):
        return None
    return _unread(file, document, UnreadReason.TEMPLATE, template.message, (template.start, template.end))


def _unread(
    file: SourceFile, document: tuple[int, int], reason: UnreadReason, message: str, at: tuple[int, int]
) -> Unread:
    """Something to tell about a document that has no data."""
    return Unread(reason, message, Location(file, *at), _namespace_line(file.text, *document))


def _namespace_line(text: str, start: int, end: int) -> str | None:
    """The namespace as far as it can be told without parsing."""
    end = min(end, start + _FURTHEST_NAMESPACE)
    metadata = _METADATA_LINE.search(text, start, end)
    indent = None
    for line in text[metadata.end() : end].splitlines()[1:] if metadata else ():
        if not line.strip() or line.lstrip().startswith(("#", "{{")):
            continue
        indent = indent or line[: len(line) - len(line.lstrip())]
        if not indent or not line.startswith(" "):
            return None
        match = _NAMESPACE_LINE.fullmatch(line)
        if match and match[1] == indent:
            return match[2]
    return None


def _rest_of_line(text: str, start: int) -> tuple[int, int]:
    match = _TEXT_LINE.match(text, start)
    return start, match.end() if match else start


def _read_composed(file: SourceFile, composed: Composed, document: tuple[int, int]) -> Iterator[_Found]:
    data, place = composed.data, composed.place
    if data is None or place is None:
        return
    if not isinstance(data, dict):
        yield from _not_an_object(file, data, place)
        return
    unread = _encrypted(file, data, place)
    manifests = list(_manifests(file, data, place))
    if unread is None and file.text.startswith("{{", place.start):
        unread = _template_text(file, document)
    elif unread is None and may_hold_template(file.text, *document):
        unread = _unrendered(file, data, manifests)
    if unread is not None:
        yield unread
        return
    manifests = [manifest for manifest in manifests if _is_object(manifest.data)]
    yield from manifests
    if not may_hold_template(file.text, *document):
        yield from _incomplete_identity(file, data, place)
    yield from _duplicate_keys(file, manifests, composed.lost_entries)


def _incomplete_identity(file: SourceFile, data: dict[str, Any], place: Place) -> Iterator[_NoIdentity]:
    """Tell of what is an object but for its `apiVersion` or its `kind`."""
    metadata = data.get("metadata")
    missing = [key for key in ("apiVersion", "kind") if key not in data]
    if len(missing) != 1 or not (isinstance(metadata, dict) and isinstance(metadata.get("name"), str)):
        return
    [wanted] = missing
    written = next((key for key in data if key.lower() == wanted.lower()), None)
    instead = f", but `{written}`" if written else ""
    message = f"the document has no `{wanted}`{instead}: Kubernetes takes no object without it"
    at = (place.keys or {})[written] if written else _rest_of_line(file.text, place.start)
    yield _NoIdentity(Unread(UnreadReason.SYNTAX, message, Location(file, *at), _namespace(data)))


def _not_an_object(file: SourceFile, data: object, place: Place) -> Iterator[Unread]:
    """Tell of a list of Kubernetes objects, or of text; other lists (playbooks, patches) are not ours."""
    if isinstance(data, list) and not any(map(_is_object, data)):
        return
    what = "a list" if isinstance(data, list) else "text"
    message = f"the top level is {what}, not a Kubernetes object"
    yield Unread(UnreadReason.SYNTAX, message, Location(file, *_rest_of_line(file.text, place.start)))


def _is_object(item: object) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("apiVersion"), str)
        and isinstance(item.get("kind"), str)
    )


def _encrypted(file: SourceFile, data: dict[str, Any], place: Place) -> Unread | None:
    sops = data.get("sops")
    if not (isinstance(sops, dict) and ("mac" in sops or "version" in sops)):
        return None
    message = "encrypted with SOPS: this document was not checked"
    at = (place.keys or {})["sops"]
    return Unread(UnreadReason.ENCRYPTED, message, Location(file, *at), _namespace(data))


def _namespace(data: dict[str, Any]) -> str | None:
    """The namespace, if it is written out: neither a template nor encrypted."""
    metadata = data.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    plain = isinstance(namespace, str) and re.fullmatch(r"[-a-z0-9.]+", namespace)
    return namespace if plain else None


def _manifests(
    file: SourceFile,
    data: dict[str, Any],
    place: Place,
    prefix: FieldPath = (),
    listing: object | None = None,
) -> Iterator[Manifest]:
    kind, items = data.get("kind"), data.get("items")
    children = place.children
    is_list = isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)
    if not is_list:
        # Even unquoted template syntax, which reads as a mapping, makes this a Kubernetes object.
        if _is_identity(data.get("apiVersion")) and _is_identity(kind):
            yield Manifest(file, data, place, prefix, listing)
        return
    item_places = children["items"].children if isinstance(children, dict) else None
    for index, (item, item_place) in enumerate(zip(items or (), item_places or (), strict=True)):
        if isinstance(item, dict) and isinstance(item_place, Place):
            path = (*prefix, "items", index)
            yield from _manifests(file, _typed(item, data), item_place, path, listing or place)


def _is_identity(value: object) -> bool:
    return isinstance(value, str | dict)


def _typed(item: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any]:
    """An item of a `ServiceList` may leave out that it is a Service."""
    inherited = {"apiVersion": holder.get("apiVersion"), "kind": holder["kind"].removesuffix("List")}
    if not inherited["kind"] or all(key in item for key in inherited):
        return item
    return {**inherited, **item}


def _unrendered(file: SourceFile, data: dict[str, Any], manifests: list[Manifest]) -> Unread | None:
    # What a cluster holds was rendered: what looks like a template there is its value.
    found = (find_template(manifest) for manifest in manifests if not manifest.is_live)
    template: Template | None = next((each for each in found if each is not None), None)
    if template is None:
        return None
    at = Location(file, template.start, template.end)
    return Unread(UnreadReason.TEMPLATE, template.message, at, _namespace(data))


def _duplicate_keys(
    file: SourceFile, manifests: list[Manifest], lost_entries: tuple[LostEntry, ...]
) -> Iterator[DuplicateKey]:
    if not (lost_entries and manifests):
        return
    kept = {id(entry.kept): entry for entry in lost_entries}
    fields: dict[int, Location] = {}
    for manifest in manifests:
        for path, place in _places(manifest.place, (), set()):
            if id(place) in kept:
                fields.setdefault(id(place), manifest.at(*path))
    for entry in lost_entries:
        elsewhere = Location(file, *_shown(file.text, entry.kept_key, entry.kept))
        lost = Location(file, *_shown(file.text, entry.lost_key, entry.lost))
        yield DuplicateKey(entry.key, lost, fields.get(id(entry.kept), elsewhere), entry.same_value)


def _places(place: Place, path: FieldPath, seen: set[int]) -> Iterator[tuple[FieldPath, Place]]:
    """Each place below a place with the way to it, what aliases share once."""
    children = place.children
    if children is None or id(children) in seen:
        return
    seen.add(id(children))
    steps = children.items() if isinstance(children, dict) else enumerate(children)
    for step, child in steps:
        yield (*path, step), child
        yield from _places(child, (*path, step), seen)


def _shown(text: str, key: tuple[int, int], value: Place) -> tuple[int, int]:
    """An entry that no manifest holds: key and value if both stand on one line, else the key."""
    start, key_end = key
    end = max(key_end, value.end)
    return (start, end) if value.children is None and end <= _rest_of_line(text, start)[1] else key
