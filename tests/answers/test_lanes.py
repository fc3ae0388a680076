from docbot.answers.lanes import Lane, judge, support
from docbot.retrieval.lexical import terms
from docbot.retrieval.passages import Passage
from tests.answers.passages import found, passage

RETRIES = terms("How do I set max_retries for a failed task?")


def decide(asked: list[str], passages: list[Passage]) -> Lane:
    return judge(asked, found(passages), "cautious").lane


def test_a_question_whose_words_are_in_the_passages_is_answered() -> None:
    assert decide(RETRIES, [passage()]) == "answer"


def test_nothing_found_or_nothing_asked_is_quiet() -> None:
    assert decide(RETRIES, []) == "abstain"
    assert decide([], [passage()]) == "abstain"


def test_a_question_about_something_else_is_quiet() -> None:
    assert decide(terms("Which pizza should I eat tonight in Berlin?"), [passage()]) == "abstain"


def test_a_question_half_about_it_is_a_suggestion() -> None:
    asked = terms("number failed task times executor namespace")
    assert decide(asked, [passage()]) == "suggest"


def test_the_search_score_alone_changes_nothing() -> None:
    low, high = passage(1), passage(100)
    assert support(RETRIES, [low]) == support(RETRIES, [high])


def test_a_question_of_many_words_proves_more_than_one_of_few() -> None:
    few, many = terms("failed task"), terms("number failed task tried again")
    assert support(few, [passage()]) < support(many, [passage()]) < 1


def test_words_in_one_passage_count_more_than_spread_over_several() -> None:
    halves = [passage(1, text="a failed task"), passage(2, text="the number of times")]
    asked = terms("failed task number times")
    whole = [passage(1, text="a failed task, the number of times"), passage(2, text="")]
    assert support(asked, halves) < support(asked, whole)


def test_dense_similarity_raises_and_lowers_what_words_alone_say() -> None:
    near, far, none = passage(dense=0.8), passage(dense=0.1), passage()
    asked = terms("number failed task times executor namespace")
    assert support(asked, [far]) < support(asked, [none]) < support(asked, [near])


def test_repeated_words_count_once() -> None:
    assert support([*RETRIES, "zzz"], [passage()]) == support([*RETRIES, "zzz", "zzz"], [passage()])
