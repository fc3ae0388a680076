import json
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.answers.lanes import Caution, judge, lane_of, logistic, probability_of
from docbot.retrieval.signals import NONE, Signals
from tests.answers.passages import found, passage

SHARES = st.floats(0, 1)
SIGNALS = st.builds(Signals, SHARES, SHARES, SHARES, st.floats(0, 5), st.none() | st.floats(-1, 1))
ORDER = {"abstain": 0, "suggest": 1, "answer": 2}


def test_nothing_found_or_nothing_asked_is_quiet() -> None:
    strong = Signals(1.0, 1.0, 1.0, 2.0)
    assert judge(found([], strong), "helpful").lane == "abstain"
    assert judge(found([passage()], NONE), "helpful").lane == "abstain"
    assert judge(found([passage()], None), "helpful").lane == "abstain"


def test_a_question_whose_words_are_at_home_and_found_is_answered() -> None:
    words = Signals(familiarity=0.7, coverage=1.0, strength=0.5, length=2.0)
    assert judge(found([passage()], words), "cautious").lane == "answer"
    both = Signals(familiarity=0.7, coverage=1.0, strength=0.5, length=2.0, closeness=0.7)
    assert judge(found([passage()], both), "cautious").lane == "answer"


def test_a_question_about_something_else_is_quiet() -> None:
    words = Signals(familiarity=0.2, coverage=0.2, strength=0.1, length=2.0)
    assert judge(found([passage()], words), "helpful").lane == "abstain"
    near = Signals(familiarity=0.2, coverage=0.2, strength=0.1, length=2.0, closeness=0.2)
    assert judge(found([passage()], near), "helpful").lane == "abstain"


def test_the_search_score_alone_changes_nothing() -> None:
    signals = Signals(0.6, 0.6, 0.4, 2.0)
    first, last = (judge(found([passage(rank)], signals), "cautious") for rank in (1, 100))
    assert first == last


@pytest.mark.parametrize("name", ["familiarity", "coverage", "strength", "closeness"])
@given(SIGNALS, SHARES)
def test_what_speaks_for_an_answer_never_lowers_it(
    name: str, signals: Signals, more: float
) -> None:
    value = getattr(signals, name)
    if value is None or value > more:
        return
    assert probability_of(signals) <= probability_of(replace(signals, **{name: more}))


@given(SIGNALS)
def test_who_is_helpful_never_says_less(signals: Signals) -> None:
    probability = probability_of(signals)
    assert 0 <= probability <= 1
    assert ORDER[lane_of(probability, "cautious")] <= ORDER[lane_of(probability, "helpful")]


@pytest.mark.parametrize("caution", ["cautious", "helpful"])
def test_lanes_follow_one_another(caution: Caution) -> None:
    lanes = [ORDER[lane_of(share / 100, caution)] for share in range(101)]
    assert lanes == sorted(lanes)
    assert set(lanes) == {0, 1, 2}


def test_a_probability_beyond_what_can_be_written_is_none_of_a_problem() -> None:
    assert logistic({"intercept": 0.0, "a": 1e9}, {"a": 1.0}) == 1
    assert logistic({"intercept": 0.0, "a": -1e9}, {"a": 1.0}) < 1e-100


def test_the_weights_say_how_they_were_made() -> None:
    model = json.loads((files("docbot.answers") / "lanes.json").read_text(encoding="utf-8"))
    assert "benchmarks.lanes" in model["made by"]
