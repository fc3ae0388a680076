from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.db.chunks import ChunkPlace
from docbot.retrieval.fusion import RankedPage, combine, order_chunks, rank_pages, without_chunks
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Hit

SCORES = st.floats(-1e6, 1e6)
HITS = st.lists(
    st.builds(Hit, st.integers(0, 10**6), SCORES, st.none() | SCORES),
    unique_by=lambda hit: hit.chunk,
    max_size=30,
)


def chunks(scored: list[tuple[int, float]]) -> list[int]:
    return [chunk for chunk, _ in scored]


def test_a_hit_strong_on_both_sides_beats_the_best_of_either() -> None:
    hits = [Hit(1, 9.0, 0.1), Hit(2, 8.0, 0.8), Hit(3, 1.0, 0.9), Hit(4, 0.0, 0.0)]
    assert chunks(combine(hits))[0] == 2


def test_sides_are_added_in_standard_deviations() -> None:
    against = combine([Hit(1, 30.0, 0.2), Hit(2, 10.0, 0.4)])
    assert dict(against) == pytest.approx({1: 0.0, 2: 0.0})
    together = combine([Hit(1, 30.0, 0.4), Hit(2, 10.0, 0.2)])
    assert dict(together) == pytest.approx({1: 2.0, 2: -2.0})


def test_without_embeddings_words_alone_decide() -> None:
    hits = [Hit(1, 1.0, None), Hit(2, 5.0, None), Hit(3, 3.0, None)]
    assert chunks(combine(hits)) == [2, 3, 1]


def test_a_chunk_without_embedding_counts_as_an_average_one() -> None:
    scored = dict(combine([Hit(1, 1.0, 0.9), Hit(2, 1.0, None), Hit(3, 1.0, 0.1)]))
    assert scored[1] > scored[2] > scored[3]


def test_no_hit_and_one_hit_and_equal_hits_have_an_order() -> None:
    assert combine([]) == []
    assert combine([Hit(5, 3.0, 0.5)]) == [(5, 0.0)]
    assert combine([Hit(9, 0.1, 0.1), Hit(2, 0.1, 0.1), Hit(4, 0.1, 0.1)]) == [
        (2, 0.0),
        (4, 0.0),
        (9, 0.0),
    ]


@given(HITS)
def test_every_hit_keeps_its_place_once_and_in_order(hits: list[Hit]) -> None:
    scored = combine(hits)
    assert sorted(chunks(scored)) == sorted(hit.chunk for hit in hits)
    assert scored == sorted(scored, key=lambda each: (-each[1], each[0]))


def places(page_of: dict[int, int]) -> dict[int, ChunkPlace]:
    sizes = Counter(page_of.values())
    return {chunk: ChunkPlace(page, sizes[page]) for chunk, page in page_of.items()}


def by_words(scores: dict[int, float]) -> list[Hit]:
    return [Hit(chunk, score, None) for chunk, score in scores.items()]


def ranked(
    hits: list[Hit], page_of: dict[int, int], stages: Stages = ALL_STAGES
) -> list[RankedPage]:
    return rank_pages(hits, places(page_of), stages)


def order(pages: list[RankedPage]) -> list[int]:
    return [page.page for page in pages]


def test_a_page_with_several_good_chunks_beats_one_with_a_slightly_better_one() -> None:
    hits = by_words({1: 5.0, 2: 4.8, 3: 4.6, 4: 4.5, 5: 1.0})
    page_of = {1: 10, 2: 20, 3: 20, 4: 20, 5: 30}
    pages = ranked(hits, page_of)
    assert order(pages) == [20, 10, 30]
    assert chunks(list(pages[0].chunks)) == [2, 3, 4]
    assert order(ranked(hits, page_of, Stages(several_chunks=False))) == [10, 20, 30]


def test_a_page_is_rated_by_each_side_on_its_own() -> None:
    """What one side finds in one chunk and the other in another belongs to one page."""
    hits = [
        Hit(1, 9.0, 0.1),
        Hit(2, 1.0, 0.9),
        Hit(3, 6.0, 0.6),
        Hit(4, 1.0, 0.1),
        Hit(5, 1.0, 0.1),
    ]
    assert order(ranked(hits, {1: 10, 2: 10, 3: 20, 4: 30, 5: 40}))[0] == 10


def test_of_two_pages_alike_the_one_about_nothing_else_comes_first() -> None:
    hits = [Hit(1, 0.0, 0.9), Hit(2, 0.0, 0.9), Hit(3, 0.0, 0.1)]
    found = {1: ChunkPlace(10, 30), 2: ChunkPlace(20, 2), 3: ChunkPlace(30, 1)}
    assert order(rank_pages(hits, found)) == [20, 10, 30]
    assert order(rank_pages(hits, found, Stages(focus=0))) == [10, 20, 30]


@given(HITS, st.integers(-1000, 1000))
def test_a_further_chunk_never_lowers_its_page(hits: list[Hit], score: int) -> None:
    hits = by_words({hit.chunk: hit.lexical for hit in hits})
    page_of = {hit.chunk: hit.chunk % 3 for hit in hits}
    first = ranked(hits, page_of)
    if not first or min(hit.lexical for hit in hits) > score:
        return  # a new lowest score is another floor for all
    best, extra = first[0].page, 10**6 + 1
    again = ranked([*hits, Hit(extra, float(score), None)], {**page_of, extra: best})
    assert again[0].page == best


def test_chunks_of_no_known_page_are_left_out() -> None:
    assert order(ranked(by_words({1: 2.0, 2: 1.0}), {2: 20})) == [20]


def test_pages_of_equal_score_are_ordered_by_id() -> None:
    assert order(ranked(by_words({1: 1.0, 2: 1.0}), {1: 9, 2: 3})) == [3, 9]


def test_the_first_passages_show_several_pages() -> None:
    hits = by_words({1: 9.0, 2: 8.0, 3: 7.5, 4: 7.0, 5: 1.0})
    pages = ranked(hits, {1: 10, 2: 10, 3: 20, 4: 30, 5: 40})
    assert chunks(order_chunks(pages, 4)) == [1, 3, 4, 2]


def test_a_page_that_towers_over_the_rest_shows_several_chunks_at_once() -> None:
    hits = by_words({1: 20.0, 2: 18.0, 3: 3.0, 4: 1.0})
    pages = ranked(hits, {1: 10, 2: 10, 3: 20, 4: 30})
    assert chunks(order_chunks(pages, 3)) == [1, 2, 3]


@given(HITS, st.integers(0, 10))
def test_shown_chunks_are_unique_sorted_and_at_most_the_limit(hits: list[Hit], limit: int) -> None:
    pages = ranked(hits, {hit.chunk: hit.chunk % 3 for hit in hits})
    shown = order_chunks(pages, limit)
    assert len(set(chunks(shown))) == len(shown) == min(limit, len(hits))
    assert [score for _, score in shown] == sorted((score for _, score in shown), reverse=True)


def test_the_chunks_of_the_only_page_keep_their_order() -> None:
    pages = ranked(by_words({1: 1.0, 2: 3.0, 3: 2.0}), {1: 10, 2: 10, 3: 10})
    assert chunks(order_chunks(pages, 3)) == [2, 3, 1]


def test_a_page_whose_best_chunk_is_left_out_stands_where_its_next_one_does() -> None:
    hits = by_words({1: 9.0, 2: 4.0, 3: 8.0, 4: 7.0, 5: 1.0})
    pages = ranked(hits, {1: 10, 2: 10, 3: 20, 4: 30, 5: 40})
    assert order(pages)[0] == 10
    assert order(without_chunks(pages, {1})) == [20, 30, 10, 40]
    assert order(without_chunks(pages, {1, 2})) == [20, 30, 40, 10]
    assert without_chunks(pages, set()) == pages
