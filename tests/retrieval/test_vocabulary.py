from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.retrieval.store import Row, Sparse
from docbot.retrieval.vocabulary import (
    Counting,
    Vocabulary,
    bytes_of,
    languages_of,
    spoken,
    together,
)
from tests.retrieval.rows import streamed

TERMS = st.integers(0, 2**32 - 1)
HOLDING = st.dictionaries(TERMS, st.integers(1, 1000), max_size=30)


def row(chunk: int, source: int, *terms: int) -> Row:
    return Row(chunk, source, Sparse(terms, tuple(1.0 for _ in terms)), None)


async def test_rows_are_counted_by_source_on_their_way() -> None:
    rows = [row(1, 1, 5, 6), row(2, 1, 6), row(3, 2, 6), row(4, 3)]
    counting = Counting()
    assert [each async for each in counting.through(streamed(rows))] == rows
    found = counting.vocabularies()
    assert {source: each.chunks for source, each in found.items()} == {1: 2, 2: 1, 3: 1}
    assert (found[1].count(5), found[1].count(6), found[1].count(7)) == (1, 2, 0)
    assert together([found[1], found[2]], [5, 6, 7]) == {5: 1, 6: 3, 7: 0}


@given(HOLDING, TERMS)
def test_what_is_stored_tells_the_same_of_every_term(holding: dict[int, int], other: int) -> None:
    counted = Vocabulary.counted(7, holding)
    stored = Vocabulary.stored(7, bytes_of(counted.terms), bytes_of(counted.counts))
    assert stored == counted
    assert {term: stored.count(term) for term in {*holding, other}} == {
        other: 0,
        **Counter(holding),
    }


@pytest.mark.parametrize(
    ("chunks", "languages"),
    [
        ({"german": 3, "english": 97}, ["english", "german"]),
        ({"german": 2, "english": 48}, ["english"]),  # too few
        ({"german": 3, "english": 148}, ["english"]),  # under one in fifty
        ({"german": 40, "french": 60}, ["english", "french", "german"]),
        ({"german": 1}, ["english", "german"]),  # all that there is
        ({"german": 1, "english": 1}, ["english", "german"]),
        ({"english": 5}, ["english"]),
    ],
)
def test_a_source_is_in_the_languages_of_more_than_a_few_chunks(
    chunks: dict[str, int], languages: list[str]
) -> None:
    assert spoken(chunks) == languages


async def test_the_languages_of_rows_are_counted_by_source() -> None:
    counting = Counting()
    rows = [replace(row(n, n % 2), language="german" if n % 2 else "english") for n in range(10)]
    assert [each async for each in counting.through(streamed(rows))] == rows
    found = counting.vocabularies()
    assert {source: each.languages for source, each in found.items()} == {
        0: ("english",),
        1: ("english", "german"),
    }
    assert languages_of(found.values()) == ("english", "german")


def test_languages_of_a_later_docbot_are_left_out_and_english_is_always_one() -> None:
    assert languages_of([]) == ("english",)
    assert languages_of([Vocabulary.counted(1, {}, ["english", "klingon"])]) == ("english",)


def test_terms_are_stored_little_endian_everywhere() -> None:
    assert bytes_of(Vocabulary.counted(1, {1: 258}).counts) == b"\x02\x01\x00\x00"
