"""Where a sequence of parts is best cut into pieces of a wanted size.

Cuts are chosen from the whole downwards: the best place first, then within each side. Which place
is best depends on what stands there, not on how much stands before it, so that an edit moves the
cuts around it and no others.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from zlib import crc32

_KEY_BITS = 32


@dataclass(frozen=True, slots=True)
class Part:
    """What is never cut, as far as cutting is concerned.

    `rank` says how good a cut before it is, 0 and up; `name` tells it from parts of the same
    rank; `before` is the size of what is repeated where a piece begins with it.
    """

    size: int
    rank: int
    name: str
    before: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows cuts of at least `rank` that leave at least `least` on both sides."""

    least: int
    rank: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What is cut though it is within `most`, and what, in this order, where it is beyond."""

    most: int
    within: tuple[Rule, ...]
    beyond: tuple[Rule, ...]


def pieces(parts: Sequence[Part], rules: Rules) -> list[range]:
    """Cut parts into pieces, given as ranges over them, in order; no parts give no pieces.

    A piece is beyond `most` where no rule for such allows another cut.
    """
    row = _Row(parts)
    found: list[range] = []
    waiting = [range(len(parts))] if parts else []
    while waiting:
        piece = waiting.pop()
        place = row.place_to_cut(piece, rules)
        if place is None:
            found.append(piece)
        else:
            waiting += [range(place, piece.stop), range(piece.start, place)]
    return found


class _Row:
    def __init__(self, parts: Sequence[Part]) -> None:
        self._before = [part.before for part in parts]
        self._ends = [0, *accumulate(part.size for part in parts)]
        # Parts of one rank are chosen among by a checksum: as good as drawn, and always the same.
        self._priorities = [
            part.rank << _KEY_BITS | crc32(part.name.encode("utf-8", "surrogatepass"))
            for part in parts
        ]

    def place_to_cut(self, piece: range, rules: Rules) -> int | None:
        is_beyond = self._size(piece) > rules.most
        for rule in rules.beyond if is_beyond else rules.within:
            place = self._best(piece, rule.least)
            if place is not None and self._priorities[place] >> _KEY_BITS >= rule.rank:
                return place
        return None

    def _size(self, piece: range) -> int:
        return self._ends[piece.stop] - self._ends[piece.start] + self._before[piece.start]

    def _best(self, piece: range, least: int) -> int | None:
        """Return the best place that leaves so much on both sides; of equals the one in the middle."""
        begin, end = self._ends[piece.start], self._ends[piece.stop]
        first = max(bisect_left(self._ends, begin + least), piece.start + 1)
        last = min(bisect_right(self._ends, end - least), piece.stop)
        candidates = self._priorities[first:last]
        if not candidates:
            return None
        middle = bisect_left(self._ends, (begin + end) / 2, first, last) - first
        return first + _nearest(candidates, max(candidates), middle)


def _nearest(values: Sequence[int], value: int, middle: int) -> int:
    """Return where `value`, which is there, stands nearest to the middle."""
    try:
        after = values.index(value, middle)
    except ValueError:
        after = len(values) + middle
    try:
        before = middle - 1 - values[:middle][::-1].index(value)
    except ValueError:
        return after
    return before if middle - before <= after - middle else after
