import math

import pytest

from docbot.retrieval.lexical import document_vector, term_id, terms
from docbot.retrieval.lexical import words as words_in
from docbot.retrieval.passages import Passage
from docbot.retrieval.signals import NONE, Signals, signals
from docbot.retrieval.store import Sparse
from docbot.retrieval.vocabulary import Vocabulary
from tests.answers.passages import passage

ASKED = "number of retries of a failed task"


def words(chunks: int, **holding: int) -> Vocabulary:
    return Vocabulary.counted(
        chunks, {term_id(term): count for word, count in holding.items() for term in terms(word)}
    )


HOME = words(100, number=30, retries=10, failed=20, task=90)
AWAY = words(100, number=30)


def held(*passages: Passage) -> list[Sparse]:
    return [
        document_vector(each.title, each.heading_path, each.url, each.text) for each in passages
    ]


def measured(
    asked: str, *known: Vocabulary, passages: tuple[Passage, ...] = (passage(),)
) -> Signals:
    found = signals(words_in(asked), known or (HOME,), held(*passages), None)
    assert found
    return found


def test_nothing_asked_or_nothing_found_tells_nothing() -> None:
    assert measured("the and of") == NONE
    assert signals(words_in(ASKED), [HOME], [], 0.9) == NONE


def test_where_no_words_were_counted_nothing_can_be_told() -> None:
    assert signals(words_in(ASKED), [], held(passage()), None) is None


def test_words_at_home_in_the_documentation_are_familiar() -> None:
    assert measured(ASKED, AWAY).familiarity < measured(ASKED, HOME).familiarity < 1
    assert measured("task").familiarity == pytest.approx(math.log1p(90) / math.log1p(100))


def test_sources_that_are_searched_together_are_counted_together() -> None:
    both = measured("task", HOME, AWAY)
    assert both.familiarity == pytest.approx(math.log1p(90) / math.log1p(200))


def test_coverage_is_the_share_of_the_words_in_the_passage_that_holds_most() -> None:
    assert measured("failed task").coverage == 1
    assert measured("failed pizza").coverage == 0.5
    halves = passage(1, text="a failed run"), passage(2, text="every task")
    assert measured("failed task", passages=halves).coverage == 0.5


def test_a_passage_that_says_nothing_else_is_as_strong_as_there_can_be() -> None:
    loud = passage(title="", heading="", url="", text="failed task " * 5_000)
    quiet = passage(text=f"a failed task {'and other things ' * 50}")
    strongest = measured("failed task", passages=(quiet, loud)).strength
    assert 0 < measured("failed task", passages=(quiet,)).strength < strongest <= 1
    assert measured("failed pizza", passages=(loud,)).strength < strongest


def test_repeated_words_count_once() -> None:
    assert measured("failed task") == measured("failed task failed task task")


def test_a_longer_question_is_told_as_such() -> None:
    assert measured("task").length == math.log1p(1)
    assert measured("failed task").length == math.log1p(2)


def test_a_word_of_several_stems_counts_once_by_the_one_that_most_chunks_hold() -> None:
    asked = [("wiederholungen", "wiederhol"), ("wiederholung", "wiederhol"), ("task",)]
    holding = {term_id("wiederhol"): 20, term_id("task"): 90}
    page = passage(text="Eine Wiederholung wird in der Datei und nicht von der API gezählt.")
    german = Vocabulary.counted(100, holding, ["english", "german"])
    found = signals(asked, [german], held(page), None)
    assert found
    plain = signals([("wiederhol",), ("task",)], [german], held(page), None)
    assert found == plain
    assert (found.coverage, found.length) == (0.5, math.log1p(2))
