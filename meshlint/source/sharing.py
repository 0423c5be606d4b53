"""Reading many files, by several processes where that pays."""

import marshal
from collections.abc import Iterator, Sequence

from meshlint.parallel import division, share
from meshlint.source.block import Block
from meshlint.source.reading import ReadDocument, Reading, read_documents, read_text

PAYS_FROM = 8 * 1024 * 1024
"""How many bytes are worth another process."""

# How many bytes a process reads before it looks for more to do.
_PIECE = 4 * 1024 * 1024

Texts = list[tuple[str, bytes]]
"""Paths as shown, with the bytes of the files."""


def read_texts(texts: Texts, jobs: int = 1) -> list[Reading]:
    """
    Read files, by as many processes as there are `jobs`.

    The bytes are let go of one after the other: of a large cluster they are hundreds of megabytes.
    """
    size = sum(len(raw) for _, raw in texts)
    jobs, pieces = division(size, worth=PAYS_FROM, piece=_PIECE, jobs=jobs)
    parts = [*_parts(texts, pieces)]
    if len(parts) == 1:
        return _read(texts, parts[0])
    readings = share(
        len(parts),
        jobs,
        lambda piece: _read(texts, parts[piece]),
        lambda piece: _portable(texts, parts[piece]),
        lambda piece, result: _read(texts, parts[piece], _unpacked(result)),
    )
    return [reading for of_part in readings for reading in of_part]


def _read(texts: Texts, part: range, known: Sequence[Sequence[ReadDocument]] | None = None) -> list[Reading]:
    readings = []
    for index in part:
        path, raw = texts[index]
        texts[index] = path, b""
        readings.append(read_text(path, raw, None if known is None else known[index - part.start]))
    return readings


def _parts(texts: Texts, count: int) -> Iterator[range]:
    """Neighbouring files, in parts that are about as large."""
    whole = sum(len(raw) for _, raw in texts)
    start, size, made = 0, 0, 0
    for index, (_, raw) in enumerate(texts):
        size += len(raw)
        if made < count - 1 and size >= whole * (made + 1) / count:
            yield range(start, index + 1)
            start, made = index + 1, made + 1
    yield range(start, len(texts))


def _portable(texts: Texts, part: range) -> bytes:
    documents = (read_documents(texts[index][1]) for index in part)
    return marshal.dumps(
        [[(start, end, block and (*block,)) for start, end, block in it] for it in documents]
    )


def _unpacked(result: bytes) -> list[list[ReadDocument]]:
    """What another process of this run has found out."""
    return [
        [ReadDocument(start, end, block and Block(*block)) for start, end, block in documents]
        for documents in marshal.loads(result)  # noqa: S302 - made by this very program
    ]
