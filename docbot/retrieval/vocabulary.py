"""Which words a documentation uses, and in how many of its chunks.

A question whose words are at home in the documentation is likely about it. Counted while an
index is built, from the sparse vectors that go into it.
"""

import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from docbot.retrieval.store import Row


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms of some chunks: `counts[i]` of all `chunks` hold the term of id `terms[i]`.

    `terms` ascend; both are arrays of 32-bit numbers, which take a tenth of a dict's memory.
    """

    chunks: int
    terms: "array[int]"
    counts: "array[int]"

    @classmethod
    def counted(cls, chunks: int, holding: Mapping[int, int]) -> "Vocabulary":
        terms = sorted(holding)
        return cls(chunks, array("I", terms), array("I", (holding[term] for term in terms)))

    @classmethod
    def stored(cls, chunks: int, terms: bytes, counts: bytes) -> "Vocabulary":
        return cls(chunks, _numbers(terms), _numbers(counts))

    def count(self, term: int) -> int:
        """Return how many chunks hold a term; 0 for one that none does."""
        place = bisect_left(self.terms, term)
        return self.counts[place] if self.terms[place : place + 1] == array("I", [term]) else 0


@dataclass(slots=True)
class Counting:
    """Counts the rows that pass through on their way into an index."""

    _chunks: Counter[int] = field(default_factory=Counter)
    _holding: dict[int, Counter[int]] = field(default_factory=dict)

    async def through(self, rows: AsyncIterable[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            self._chunks[row.source] += 1
            self._holding.setdefault(row.source, Counter()).update(row.lexical.ids)
            yield row

    def vocabularies(self) -> dict[int, Vocabulary]:
        """Return what was counted, by source."""
        return {
            source: Vocabulary.counted(self._chunks[source], holding)
            for source, holding in self._holding.items()
        }


def bytes_of(numbers: "array[int]") -> bytes:
    """Write 32-bit numbers little-endian, as they are stored."""
    return _little_endian(numbers).tobytes()


def together(vocabularies: Iterable[Vocabulary], terms: Iterable[int]) -> dict[int, int]:
    """Return how many chunks of all vocabularies hold each of the terms."""
    known = list(vocabularies)
    return {term: sum(each.count(term) for each in known) for term in terms}


def _numbers(stored: bytes) -> "array[int]":
    numbers = array("I")
    numbers.frombytes(stored)
    return _little_endian(numbers)


def _little_endian(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "little":
        return numbers
    swapped = array("I", numbers)
    swapped.byteswap()
    return swapped
