import json
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docbot.answers.lanes import lane_of
from docbot.evaluation.metrics import (
    GROUPS,
    MEASURE,
    MEASURES,
    by_source,
    calibration,
    compared,
    curve,
    figures,
)
from docbot.evaluation.records import Record, as_fields, record_from
from docbot.evaluation.statistics import Difference
from tests.evaluation.make import any_records, record

few = settings(
    max_examples=25
)  # lists of records take long to draw, and figures thousands of samples


def value(name: str, records: list[Record]) -> float:
    found = figures(records).measures[name]
    assert found is not None
    return found.value


def test_recall_counts_the_questions_whose_page_is_among_the_first() -> None:
    records = [record(n, rank=rank) for n, rank in enumerate([1, 2, 5, 6, 10, 11, None, None])]
    assert value("recall_at_1", records) == 1 / 8
    assert value("recall_at_5", records) == 3 / 8
    assert value("recall_at_10", records) == 5 / 8
    assert value("mrr", records) == pytest.approx((1 + 1 / 2 + 1 / 5 + 1 / 6 + 1 / 10 + 1 / 11) / 8)


def test_lanes_are_held_against_what_should_have_been() -> None:
    records = [
        record(1, lane="answer"),
        record(2, lane="suggest"),
        record(3, lane="abstain"),
        record(4, lane="abstain"),
        record(5, kind="unanswerable", lane="answer"),
        record(5, kind="cross", source="wiki", lane="abstain"),
        record(6, kind="removed", lane="answer"),
    ]
    assert value("answered", records) == 1 / 4
    assert value("helped", records) == 2 / 4
    assert value("wrongly_answered", records) == 1 / 2
    assert value("removed_answered", records) == 1
    outcome = figures(records).outcome
    assert outcome["cross"] is not None
    assert outcome["cross"].abstain.value == 1


def test_the_settings_divide_by_probability_whatever_the_model_said() -> None:
    records = [record(n, probability=n / 20, lane="abstain") for n in range(21)]
    for caution in ("cautious", "helpful"):
        shares = figures(records).settings[caution]["answerable"]
        assert shares is not None
        expected = sum(lane_of(each.probability, caution) == "answer" for each in records)
        assert shares.answer.value == expected / 21


def test_citations_are_precise_where_they_lead_to_gold_pages() -> None:
    records = [
        record(1, citations=2, gold_citations=1),
        record(2, citations=1, gold_citations=1),
        record(3, citations=3, gold_citations=0, lane="suggest"),
        record(4, citations=0),
        record(5, citations=1, kind="unanswerable"),
    ]
    assert value("citation_precision", records) == 0.75


def test_what_was_not_asked_has_no_figure() -> None:
    empty = figures([])
    assert set(empty.measures.values()) == {None}
    assert set(empty.outcome.values()) == {None}
    assert (empty.calibration, empty.tolerated, empty.latency) == (None, None, {})
    only_quiet = figures([record(kind="cross")])
    assert only_quiet.measures["recall_at_5"] is None
    assert only_quiet.tolerated is None


def test_the_best_threshold_answers_at_most_five_in_a_hundred_wrongly() -> None:
    answerable = [record(n, probability=n / 100) for n in range(100)]
    quiet = [record(n, kind="cross", probability=n / 200) for n in range(100)]
    found = figures([*answerable, *quiet]).tolerated
    assert found is not None
    assert found.threshold == 0.475
    assert found.wrongly == 0.05
    assert found.answered == 0.52


def test_a_probability_that_says_what_comes_is_calibrated() -> None:
    draw = random.Random(3)
    probabilities = [draw.random() for _ in range(5_000)]
    true = calibration(probabilities, [draw.random() < each for each in probabilities])
    over = calibration(probabilities, [draw.random() < each / 2 for each in probabilities])
    assert true is not None
    assert over is not None
    assert true.error < 0.03
    assert over.error == pytest.approx(0.25, abs=0.03)
    assert true.brier < over.brier


def test_two_certain_probabilities_are_right_or_wrong() -> None:
    right = calibration([0.0, 1.0], [False, True])
    wrong = calibration([0.0, 1.0], [True, False])
    assert right is not None
    assert wrong is not None
    assert (right.error, right.brier) == (0, 0)
    assert (wrong.error, wrong.brier) == (1, 1)


def test_tokens_and_cost_are_added_up_and_no_price_is_no_cost() -> None:
    priced = [
        record(1, model="m", tokens_in=100, tokens_out=10, cost=0.25),
        record(2, model="m", tokens_in=50, tokens_out=None, cost=0.5),
        record(3),
    ]
    spending = figures(priced).spending
    assert (spending.replies, spending.tokens_in, spending.tokens_out) == (2, 150, 10)
    assert spending.cost == 0.75
    assert figures([record(1, tokens_in=100)]).spending.cost is None


def test_runs_are_compared_on_what_both_asked() -> None:
    first = [record(n, rank=None) for n in range(10)]
    second = [record(n, rank=1) for n in range(5, 20)]
    assert compared(MEASURE["recall_at_5"], first, second) == Difference(1, 1, 1, 5)
    assert compared(MEASURE["recall_at_5"], first, [record(99)]) is None
    other_kind = [replace(each, kind="cross") for each in second]
    assert compared(MEASURE["recall_at_5"], first, other_kind) is None


@few
@given(any_records(), st.randoms())
def test_figures_hold_whatever_the_records(records: list[Record], order: random.Random) -> None:
    found = figures(records)
    assert sum(found.asked.values()) == len(records)
    for measure in MEASURES:
        estimate = found.measures[measure.name]
        if estimate is not None and measure.is_share:
            assert 0 <= estimate.low <= estimate.high <= 1
    at = [found.measures[f"recall_at_{limit}"] for limit in (1, 5, 10)]
    values = [each.value for each in at if each is not None]
    assert values == sorted(values)
    for group in GROUPS:
        shares = found.outcome[group]
        if shares is not None:
            total = shares.answer.value + shares.suggest.value + shares.abstain.value
            assert total == pytest.approx(1)
    shuffled = order.sample(records, len(records))
    assert figures(shuffled).curve == found.curve
    assert sum(map(len, by_source(records).values())) == len(records)


@few
@given(any_records())
def test_a_higher_threshold_answers_no_more(records: list[Record]) -> None:
    points = curve(records, [number / 20 for number in range(21)])
    for before, after in pairwise(points):
        assert (before.answered is None) or (after.answered or 0) <= before.answered
        assert (before.wrongly is None) or (after.wrongly or 0) <= before.wrongly
    assert points[0].answered in (None, 1)


@few
@given(any_records())
def test_no_run_differs_from_itself(records: list[Record]) -> None:
    for measure in MEASURES:
        found = compared(measure, records, records)
        assert found is None or found.verdict == "not told apart"


@few
@given(any_records())
def test_records_come_back_from_json_as_they_were(records: list[Record]) -> None:
    for each in records:
        assert record_from(json.loads(json.dumps({**as_fields(each), "later": 1}))) == each


@pytest.mark.parametrize(
    "broken",
    [[], {}, {**as_fields(record()), "kind": "odd"}, {**as_fields(record()), "rank": "1"}],
)
def test_what_is_no_record_is_refused(broken: object) -> None:
    with pytest.raises(ValueError, match=r"is no|lacks|has"):
        record_from(broken)
