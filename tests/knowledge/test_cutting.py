from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.chunking.cutting import Part, Rule, Rules, pieces

HEADING, BLOCK, WORST = 9, 3, 0
RULES = Rules(
    most=500,
    within=(Rule(200, HEADING),),
    beyond=(Rule(200, HEADING), Rule(200, BLOCK), Rule(1, WORST)),
)


def row(*sizes: int, rank: int = BLOCK) -> list[Part]:
    return [Part(size, rank, f"part {number}") for number, size in enumerate(sizes)]


def test_nothing_is_cut_within_the_most_and_nothing_gives_nothing() -> None:
    assert pieces(row(100, 100, 100), RULES) == [range(3)]
    assert pieces([], RULES) == []


def test_the_best_rank_is_cut_first_even_within_the_most() -> None:
    parts = [*row(100, 110), Part(200, HEADING, "a heading"), *row(10)]
    assert pieces(parts, RULES) == [range(2), range(2, 4)]


def test_a_side_is_not_left_too_small() -> None:
    parts = [*row(100), Part(200, HEADING, "a heading"), *row(60)]
    assert pieces(parts, RULES) == [range(3)]


def test_a_part_beyond_the_most_stays_whole() -> None:
    assert pieces(row(2000), RULES) == [range(1)]


def test_what_is_repeated_before_a_piece_counts() -> None:
    parts = [Part(150, BLOCK, f"row {number}", before=250) for number in range(8)]
    assert all(len(piece) == 1 for piece in pieces(parts, RULES))


def test_of_parts_that_are_the_same_the_one_in_the_middle_is_cut() -> None:
    parts = [Part(100, BLOCK, "same") for _ in range(8)]
    assert pieces(parts, RULES) == [range(4), range(4, 8)]


_rows = st.lists(
    st.builds(Part, st.integers(0, 700), st.integers(0, 10), st.text(max_size=5), st.just(0)),
    max_size=60,
)


@given(_rows)
def test_pieces_are_the_row_and_beyond_the_most_only_where_a_part_alone_is(
    parts: list[Part],
) -> None:
    found = pieces(parts, RULES)
    assert [place for piece in found for place in piece] == list(range(len(parts)))
    for piece in found:
        own = parts[piece.start : piece.stop]
        # With a part of nothing beside it there is no cut that leaves something on both sides.
        assert sum(part.size for part in own) <= RULES.most or sum(map(_has_size, own)) == 1
    assert found == pieces(parts, RULES)


def _has_size(part: Part) -> bool:
    return part.size > 0


@given(_rows, st.integers(0, 10))
def test_what_stands_before_a_cut_of_the_best_rank_does_not_move_cuts_after_it(
    parts: list[Part], count: int
) -> None:
    after = [Part(300, HEADING + 5, "here"), *parts]
    alone = [range(piece.start + count, piece.stop + count) for piece in pieces(after, RULES)]
    together = pieces([*row(*[300] * count), *after], RULES)
    assert together[len(together) - len(alone) :] == alone
