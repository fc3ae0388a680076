"""What says the same as a better passage is folded; what says anything else is not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from docbot.retrieval.folding import fold
from docbot.retrieval.passages import Passage
from tests.answers.passages import passage

TEXT = (
    "A pool limits how many slots are taken at once. Tasks whose pool is full wait for their turn,"
    " and the one of the highest weight goes first. The default pool has 128 slots, and any admin"
    " may raise them on the page of pools."
)
OTHER = (
    "The scheduler starts what is due. It looks at each schedule every five seconds and hands the"
    " tasks that may begin to an executor, which runs them where there is room."
)


def ranks(passages: list[Passage]) -> list[int]:
    return [each.rank for each in fold(passages)]


def test_of_a_page_under_two_addresses_the_better_ranked_stays() -> None:
    assert ranks([passage(1, text=TEXT), passage(2, text=OTHER), passage(3, text=TEXT)]) == [1, 2]


def test_a_paragraph_within_a_better_passage_is_not_told_again() -> None:
    whole = passage(1, text=f"{OTHER}\n\n{TEXT}")
    assert ranks([whole, passage(2, text=TEXT)]) == [1]


def test_what_says_more_than_a_better_passage_stays() -> None:
    assert ranks([passage(1, text=TEXT), passage(2, text=f"{OTHER}\n\n{TEXT}")]) == [1, 2]


def test_a_word_that_was_changed_between_versions_does_not_matter() -> None:
    later = TEXT.replace("any admin may", "any operator may")
    assert ranks([passage(1, text=TEXT), passage(2, text=later)]) == [1]


def test_what_differs_in_a_number_stays() -> None:
    later = TEXT.replace("128", "16")
    assert ranks([passage(1, text=TEXT), passage(2, text=later)]) == [1, 2]


def test_links_into_another_version_of_the_pages_make_no_difference() -> None:
    old = f"{TEXT} See [pools](https://docs.test/2.5/pools.html)."
    assert ranks([passage(1, text=old), passage(2, text=old.replace("2.5", "2.6"))]) == [1]


def test_of_two_sources_only_what_is_word_for_word_the_same_is_folded() -> None:
    later = TEXT.replace("any admin may", "any operator may")
    stable = passage(1, text=TEXT, source="stable")
    assert ranks([stable, passage(2, text=later, source="next")]) == [1, 2]
    assert ranks([stable, passage(2, text=TEXT, source="next")]) == [1]


def test_a_short_text_says_something_else_under_another_heading() -> None:
    short = [
        passage(number, title="Reference", heading=f"{name}.close", text="Closes it.")
        for number, name in enumerate(("Pool", "Client"), start=1)
    ]
    assert ranks(short) == [1, 2]


def test_a_text_without_words_is_told_once() -> None:
    signs = [replace(passage(number, text="---"), title="", heading_path=()) for number in (1, 2)]
    assert ranks(signs) == [1]


@given(st.lists(st.text(max_size=60), max_size=8))
def test_the_best_stays_and_the_rest_keeps_its_order(texts: list[str]) -> None:
    passages = [passage(rank, text=text) for rank, text in enumerate(texts, start=1)]
    kept = fold(passages)
    assert kept[:1] == passages[:1]
    assert kept == [each for each in passages if each in kept]
    assert fold(kept) == kept
    assert fold([*kept, *kept]) == kept
