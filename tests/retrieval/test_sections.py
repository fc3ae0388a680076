"""The section around a passage: what a model is given of it, and within which budget."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from docbot.answers.prompt import within_budget
from docbot.db.chunks import ChunkBeside
from docbot.knowledge.chunking.tokens import tokens
from docbot.retrieval.passages import Passage
from docbot.retrieval.sections import REACH, whole, with_sections

PATH = ("Operations", "Pools")
ADDRESS = "https://docs.test/pools.html#pools"
PLENTY = 100_000


def at(
    position: int,
    *,
    rank: int = 1,
    size: int = 10,
    page: int = 1,
    url: str = ADDRESS,
    path: tuple[str, ...] = PATH,
) -> Passage:
    """The chunk at a place of a page, of so many tokens; its first word is its place."""
    return Passage(
        rank=rank,
        chunk_id=100 * page + position,
        page_id=page,
        source="docs",
        title="Pools",
        heading_path=path,
        url=url,
        text=f"{position} " + "word " * (size - 1),
        score=1 / rank,
        lexical=1.0,
        dense=None,
        position=position,
    )


def beside(passage: Passage) -> ChunkBeside:
    return ChunkBeside(
        passage.chunk_id,
        passage.page_id,
        passage.position,
        passage.heading_path,
        passage.url,
        passage.text,
    )


def given_of(
    chosen: Sequence[Passage], others: Sequence[Passage], room: int = PLENTY
) -> list[Passage]:
    return whole(with_sections(chosen, [beside(each) for each in others]), room)


def places(passage: Passage) -> list[int]:
    return [part.position for part in passage.section]


def test_a_part_of_a_section_comes_with_the_whole_in_the_pages_order() -> None:
    [section] = given_of([at(3)], [at(4), at(2)])
    assert [word for word in section.text.split() if word.isdigit()] == ["2", "3", "4"]
    assert (section.url, section.heading_path, section.rank) == (ADDRESS, PATH, 1)
    assert section.chunk_ids == (102, 103, 104)


def test_a_chunk_that_is_the_whole_section_stays_as_it_is() -> None:
    alone = at(3)
    assert given_of([alone], []) == [alone]
    assert alone.chunk_ids == (103,)


def test_what_has_another_address_or_is_of_another_page_is_another_section() -> None:
    apart = [at(3), at(4, rank=2, url=f"{ADDRESS}-2"), at(4, rank=3, page=2)]
    assert given_of(apart, []) == apart


def test_two_parts_of_one_section_are_one_passage_at_the_place_of_the_better() -> None:
    between = at(7, rank=2, page=2)
    first, second = given_of([at(4, rank=1), between, at(2, rank=3)], [])
    assert (first.rank, places(first)) == (1, [2, 4])
    assert first.text.split().index("…") == 10  # where what is between them is left out
    assert second == between


def test_of_a_section_that_is_too_long_the_parts_nearest_to_the_passage_are_given() -> None:
    others = [at(position, size=300) for position in (1, 2, 3, 5, 6)]
    [section] = given_of([at(4, size=300)], others)
    assert places(section) == [2, 3, 4, 5]
    assert tokens(section.text) <= 1_200


def test_parts_far_from_the_passage_are_not_given() -> None:
    [section] = given_of([at(10)], [at(10 + REACH), at(10 + REACH + 1)])
    assert places(section) == [10, 10 + REACH]


def test_the_passages_that_were_found_are_given_however_long() -> None:
    found = [at(position, rank=position, size=700) for position in (1, 2, 3)]
    [section] = given_of(found, [at(4)])
    assert places(section) == [1, 2, 3]


def test_each_part_stands_under_the_headings_of_its_own() -> None:
    first, inner = at(1), at(2, path=(*PATH, "Slots"))
    [section] = given_of([inner], [first])
    assert section.heading_path == PATH
    assert section.text == f"{first.text}\n\n#### Slots\n\n{inner.text}"


def test_what_a_passage_needs_is_not_spent_on_the_rest_of_a_better_ones_section() -> None:
    chosen = [at(1, size=200), at(1, rank=2, page=2, size=200)]
    found = with_sections(chosen, [beside(at(2, size=200)), beside(at(2, page=2, size=200))])
    room_for_three = 3 * 220
    assert [places(each) for each in within_budget(found, room_for_three)] == [[1, 2], []]
    assert [each.chunk_ids for each in within_budget(found, 2 * 220)] == [(101,), (201,)]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), max_size=8, unique=True),
    st.integers(1, 700),
    st.integers(50, 6_000),
)
def test_the_budget_holds_and_costs_no_passage(
    chosen: list[tuple[int, int]], size: int, budget: int
) -> None:
    """Each of three pages is one section of 13 chunks."""
    pages = [at(position, page=page, size=size) for page in (1, 2, 3) for position in range(13)]
    ids = {100 * page + position for position, page in chosen}
    found = [
        at(position, page=page, size=size, rank=rank)
        for rank, (position, page) in enumerate(chosen, start=1)
    ]
    others = [beside(each) for each in pages if each.chunk_id not in ids]
    alone = within_budget(found, budget)
    shown = within_budget(with_sections(found, others), budget)
    told = [chunk for each in shown for chunk in each.chunk_ids]
    assert {each.chunk_id for each in alone} <= set(told)
    assert len(told) == len(set(told))
    texts = sum(tokens(each.text) for each in shown)
    assert texts <= max(budget, size)
