import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.evaluation.statistics import Difference, difference, estimated, mean, percentile
from tests.timing import processor_seconds

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)
SHARES = st.lists(st.booleans().map(float), min_size=1, max_size=200)


@given(VALUES | SHARES)
def test_an_interval_lies_among_the_values_and_is_the_same_each_time(values: list[float]) -> None:
    found = estimated(values)
    assert found is not None
    assert found == estimated(values)
    assert found.count == len(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


@given(SHARES)
def test_a_share_is_drawn_as_any_other_figure(values: list[float]) -> None:
    """A third value so near to one of the two that it takes the way of any values."""
    shares = estimated(values)
    others = estimated([*values[:-1], values[-1] + 1e-9])
    assert shares is not None
    assert others is not None
    step = 2 / len(values)  # the means of resamples are multiples of 1 / n
    assert abs(shares.low - others.low) <= step + 1e-6
    assert abs(shares.high - others.high) <= step + 1e-6


def test_an_interval_is_as_wide_as_the_normal_one_for_many() -> None:
    found = estimated([1.0] * 600 + [0.0] * 400)
    assert found is not None
    deviation = math.sqrt(0.6 * 0.4 / 1000)
    assert found.low == pytest.approx(0.6 - 1.96 * deviation, abs=0.005)
    assert found.high == pytest.approx(0.6 + 1.96 * deviation, abs=0.005)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random, held = Random(1), 0
    for _ in range(200):
        found = estimated([float(random.random() < 0.5) for _ in range(100)])
        assert found is not None
        held += found.low <= 0.5 <= found.high
    assert 180 <= held <= 200


@given(VALUES)
def test_no_change_is_never_real(values: list[float]) -> None:
    found = difference(values, values)
    assert found == Difference(0, 0, 0, len(values))
    assert found.verdict == "not told apart"


def test_a_difference_is_real_when_its_interval_is_off_zero() -> None:
    before, after = [0.0] * 40, [1.0] * 10 + [0.0] * 30
    better = difference(before, after)
    worse = difference(after, before)
    assert better is not None
    assert worse is not None
    assert better.verdict == worse.verdict == "real"
    assert (better.value, worse.value) == (0.25, -0.25)
    few = difference([0.0] * 40, [1.0, *([0.0] * 39)])
    assert few is not None
    assert few.verdict == "not told apart"


def test_pairing_tells_apart_what_two_intervals_would_not() -> None:
    before = [0.0, 1.0] * 50
    after = [1.0, 1.0] * 8 + [0.0, 1.0] * 42
    first, second, paired = estimated(before), estimated(after), difference(before, after)
    assert first is not None
    assert second is not None
    assert paired is not None
    assert first.high > second.low
    assert paired.verdict == "real"


def test_without_values_there_is_no_figure() -> None:
    assert estimated([]) is None
    assert difference([], []) is None


@given(VALUES, st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert percentile(values, 1) == max(values)
    assert mean(values) == pytest.approx(sum(values) / len(values), abs=1e-6)


def test_the_time_to_estimate_grows_with_the_records_alone() -> None:
    """0.1 s for a thousand."""
    random = Random(1)
    values = [random.random() for _ in range(1_000)]
    short = processor_seconds(lambda: estimated(values[:250]), times=2)
    assert processor_seconds(lambda: estimated(values), times=2) < 12 * short
