"""Which words a documentation uses, in how many of its chunks, and in which languages.

A question whose words are at home in the documentation is likely about it. Counted while an
index is built, from the rows that go into it.
"""

import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from docbot.retrieval.language import ENGLISH, FUNCTION_WORDS
from docbot.retrieval.store import Row

# What a language needs to be searched for in all of a source: a page or two tell nothing, as they
# may quote it, or be told wrong. Of a source of few chunks half will do.
_LEAST_CHUNKS = 3
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms of some chunks: `counts[i]` of all `chunks` hold the term of id `terms[i]`.

    `terms` ascend; both are arrays of 32-bit numbers, which take a tenth of a dict's memory.
    `languages` are those that the chunks are in, English first.
    """

    chunks: int
    terms: "array[int]"
    counts: "array[int]"
    languages: tuple[str, ...] = (ENGLISH,)

    @classmethod
    def counted(
        cls, chunks: int, holding: Mapping[int, int], languages: Sequence[str] = (ENGLISH,)
    ) -> "Vocabulary":
        terms = sorted(holding)
        counts = array("I", (holding[term] for term in terms))
        return cls(chunks, array("I", terms), counts, tuple(languages))

    @classmethod
    def stored(
        cls, chunks: int, terms: bytes, counts: bytes, languages: Sequence[str] = (ENGLISH,)
    ) -> "Vocabulary":
        return cls(chunks, _numbers(terms), _numbers(counts), tuple(languages))

    def count(self, term: int) -> int:
        """Return how many chunks hold a term; 0 for one that none does."""
        place = bisect_left(self.terms, term)
        return self.counts[place] if self.terms[place : place + 1] == array("I", [term]) else 0


@dataclass(slots=True)
class Counting:
    """Counts the rows that pass through on their way into an index."""

    _chunks: Counter[int] = field(default_factory=Counter)
    _holding: dict[int, Counter[int]] = field(default_factory=dict)
    _languages: dict[int, Counter[str]] = field(default_factory=dict)

    async def through(self, rows: AsyncIterable[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            self._chunks[row.source] += 1
            self._holding.setdefault(row.source, Counter()).update(row.lexical.ids)
            self._languages.setdefault(row.source, Counter())[row.language] += 1
            yield row

    def vocabularies(self) -> dict[int, Vocabulary]:
        """Return what was counted, by source."""
        return {
            source: Vocabulary.counted(
                self._chunks[source], holding, spoken(self._languages[source])
            )
            for source, holding in self._holding.items()
        }


def spoken(chunks: Mapping[str, int]) -> list[str]:
    """List the languages that a source is in, English first, which always counts.

    Args:
        chunks: how many are in each language.
    """
    total = sum(chunks.values())
    others = {
        language
        for language, count in chunks.items()
        if count >= min(_LEAST_CHUNKS, total / 2) and count >= _LEAST_SHARE * total
    }
    return [ENGLISH, *sorted(others - {ENGLISH})]


def languages_of(vocabularies: Iterable[Vocabulary]) -> tuple[str, ...]:
    """List the languages of all of them, English first; those of a later docbot are left out."""
    known = {language for each in vocabularies for language in each.languages}
    return (ENGLISH, *sorted(known.intersection(FUNCTION_WORDS) - {ENGLISH}))


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
