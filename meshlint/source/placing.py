"""Documents that were read quickly: they are composed again when somebody asks for their places."""

from collections.abc import Sequence

from meshlint.regex import regex
from meshlint.source.block import Block
from meshlint.source.compose import MAX_LENGTH, compose
from meshlint.source.document import Place
from meshlint.source.text import SourceFile

_BREAK = regex(r"\n")


class QuickDocument:
    """
    One document of a file, from `start` to `end`, that `block` is the data of.

    It stands for the list that its items are from.
    """

    __slots__ = ("_end", "_file", "_items", "_items_end", "_lines", "_start")

    def __init__(self, file: SourceFile, start: int, end: int, block: Block) -> None:
        self._file = file
        self._start = start
        self._end = end
        self._items = block.items
        self._items_end = block.items_end
        self._lines: Sequence[int] = ()

    @property
    def longest(self) -> int:
        """How many characters have to be composed at once, at most: those of an item, if it is a list."""
        whole = self._end - self._start
        if not self._items or whole <= MAX_LENGTH:
            return whole
        return max(end - start for start, end in map(self._item, range(len(self._items))))

    def place(self) -> Place:
        """Work out the places of the whole document."""
        return _known(compose(self._file.text, self._start, self._end).place)

    def item_place(self, index: int) -> Place:
        """Work out the places of one item of its `items`."""
        _, column = self._items[index]
        return _known(compose(self._file.text, *self._item(index), leave_out=column).place)

    def _item(self, index: int) -> tuple[int, int]:
        """Start and end of the lines of an item."""
        line, _ = self._items[index]
        behind = self._items[index + 1][0] if index + 1 < len(self._items) else self._items_end
        lines = self._line_starts()
        return lines[line], lines[behind] if behind < len(lines) else self._end

    def _line_starts(self) -> Sequence[int]:
        if not self._lines:
            breaks = _BREAK.finditer(self._file.text, self._start, self._end)
            self._lines = [self._start, *(match.end() for match in breaks)]
        return self._lines


class ItemPlace:
    """The place of an item of a document, to be worked out."""

    __slots__ = ("_document", "_index")

    def __init__(self, document: QuickDocument, index: int) -> None:
        self._document = document
        self._index = index

    def __call__(self) -> Place:
        """Work it out."""
        return self._document.item_place(self._index)


def _known(place: Place | None) -> Place:
    if place is None:
        raise AssertionError("what was read quickly holds something")
    return place
