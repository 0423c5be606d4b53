"""Near misses: which known word was meant."""

from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)  # The names of objects recur from namespace to namespace.
def edit_distance(left: str, right: str, limit: int) -> int:
    """
    How many slips make one word of another: letters inserted, deleted, replaced, or swapped.

    Any number over `limit` may be returned as `limit + 1`.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        # Off the diagonal by more than the limit every way costs more than it.
        first, last = max(1, i - limit), min(len(right), i + limit)
        previous, row = row, [limit + 1] * (len(right) + 1)
        row[0] = i
        for j in range(first, last + 1):
            other = right[j - 1]
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (letter != other))
            if before and j > 1 and left[i - 2] == other and letter == right[j - 2]:
                cost = min(cost, before[j - 2] + 1)
            row[j] = cost
        if min(row) > limit:
            return limit + 1
        before = previous
    return row[-1]


def nearest(word: str, known: Iterable[str], limit: int = 2) -> str | None:
    """The known word that `word` is a slip of, None if none or several are equally near."""
    ranked = sorted((edit_distance(word.lower(), other.lower(), limit), other) for other in set(known))
    close = [(distance, other) for distance, other in ranked if distance <= min(limit, len(word) // 2)]
    match close:
        case [(_, only)]:
            return only
        case [(best, name), (second, _), *_] if best < second:
            return name
        case _:
            return None
