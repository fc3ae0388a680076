from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.bot.refusals import HeldBackError, Refusals
from tests.bot.test_pace import Clock

HERE, THERE = 1, 2


def _refuse(refusals: Refusals, times: int, place: int | None = HERE) -> None:
    for _ in range(times):
        refusals.begin(place)
        refusals.end(place, refused=True)


def _may(begin: Callable[[int | None], None], place: int | None) -> bool:
    try:
        begin(place)
    except HeldBackError:
        return False
    return True


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 90), st.integers(0, 4), st.booleans(), st.integers(0, 12)),
        max_size=300,
    )
)
def test_no_window_sees_more_refusals_than_allowed(
    steps: list[tuple[float, int, bool, int]],
) -> None:
    clock = Clock()
    refusals = Refusals(most=9, scarce=5, window=600, clock=clock)
    under_way: list[int] = []
    began: list[float] = []
    for seconds, place, refused, ended in steps:
        clock.now += seconds
        if _may(refusals.begin, place):
            under_way.append(place)
        for _ in range(min(ended, len(under_way))):
            refusals.end(under_way.pop(0), refused=refused)
            began += [clock.now] * refused
    for first, last in zip(began, began[9:], strict=False):
        assert last - first >= 600


def test_where_refusals_come_from_waits_first() -> None:
    clock = Clock()
    refusals = Refusals(clock=clock)
    _refuse(refusals, 49)
    refusals.check(HERE)
    _refuse(refusals, 1)
    with pytest.raises(HeldBackError) as held:
        refusals.check(HERE)
    assert held.value.retry_after == 600
    refusals.check(THERE)
    clock.now += 600
    refusals.check(HERE)


def test_beyond_the_most_nothing_is_asked_until_the_oldest_is_forgotten() -> None:
    clock = Clock()
    refusals = Refusals(clock=clock)
    _refuse(refusals, 1, None)
    clock.now += 100
    _refuse(refusals, 98, None)
    with pytest.raises(HeldBackError) as held:
        refusals.begin(THERE)
    assert held.value.retry_after == 500
    clock.now += 500
    refusals.begin(THERE)
    assert not _may(refusals.begin, THERE)  # what is under way may be refused too
    refusals.end(THERE, refused=False)
    refusals.begin(THERE)


def test_many_refusals_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    refusals = Refusals(clock=clock)
    _refuse(refusals, 60, None)
    [record] = caplog.records
    assert record.message.startswith("Discord refused 50 requests within 10 minutes")
    clock.now += 700
    refusals.check(HERE)
    _refuse(refusals, 50, None)
    assert len(caplog.records) == 2
