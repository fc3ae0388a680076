import math

import pytest

from docbot.retrieval.lexical import document_vector, query_vector, term_id, terms
from docbot.retrieval.signals import NONE, Signals, signals
from docbot.retrieval.vocabulary import Vocabulary
from tests.answers.passages import passage

ASKED = "number of retries of a failed task"


def words(chunks: int, **holding: int) -> Vocabulary:
    return Vocabulary.counted(
        chunks, {term_id(term): count for word, count in holding.items() for term in terms(word)}
    )


HOME = words(100, number=30, retries=10, failed=20, task=90)
AWAY = words(100, number=30)


def measured(asked: str = ASKED, *known: Vocabulary, best_lexical: float = 3.0) -> Signals:
    found = signals(
        terms(asked),
        query_vector(asked, ""),
        known or (HOME,),
        [passage()],
        best_lexical=best_lexical,
        closeness=None,
    )
    assert found
    return found


def test_nothing_asked_or_nothing_found_tells_nothing() -> None:
    assert measured("the and of") == NONE
    assert (
        signals(terms(ASKED), query_vector(ASKED, ""), [HOME], [], best_lexical=0.0, closeness=0.9)
        == NONE
    )


def test_words_at_home_in_the_documentation_are_familiar() -> None:
    assert measured(ASKED, AWAY).familiarity < measured(ASKED, HOME).familiarity < 1
    one = measured("task", HOME)
    assert one.familiarity == pytest.approx(math.log1p(90) / math.log1p(100))


def test_sources_that_are_searched_together_are_counted_together() -> None:
    both = measured("task", HOME, AWAY)
    assert both.familiarity == pytest.approx(math.log1p(90) / math.log1p(200))


def test_coverage_is_the_share_of_the_words_in_the_passage_that_holds_most() -> None:
    assert measured("failed task").coverage == 1
    assert measured("failed pizza").coverage == 0.5


def test_the_highest_score_is_that_of_a_chunk_of_nothing_but_the_question() -> None:
    """A chunk that says all of it a thousand times comes near, and none beyond."""
    asked = "failed task"
    vocabulary = words(10, failed=1, task=1)
    chunk = document_vector("", [], "", "failed task " * 1000)
    weight_of = dict(zip(chunk.ids, chunk.weights, strict=True))
    question = query_vector(asked, "")
    idf = math.log(1 + 9.5 / 1.5)
    score = sum(
        weight * weight_of[term] * idf
        for term, weight in zip(question.ids, question.weights, strict=True)
    )
    assert 0.3 < measured(asked, vocabulary, best_lexical=score).strength <= 1


def test_where_no_words_were_counted_nothing_can_be_told() -> None:
    found = signals(
        terms(ASKED), query_vector(ASKED, ""), [], [passage()], best_lexical=3.0, closeness=None
    )
    assert found is None
