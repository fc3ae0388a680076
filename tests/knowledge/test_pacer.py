"""When requests begin, by a clock that only waiting moves."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.errors import TransientError
from docbot.knowledge.site.pacer import LONGEST_REST, Pacer, Pacers


class Clock:
    """Time that passes while somebody sleeps, and when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def paced(pause: float, step: float = 1.0) -> tuple[Pacer, Clock]:
    clock = Clock()
    return Pacer(pause, step=step, clock=clock, sleep=clock.sleep), clock


async def begin(pacer: Pacer, clock: Clock, times: int) -> list[float]:
    """Several at once wait for their turn; when each had it."""

    async def one() -> float:
        await pacer.wait()
        return clock.now

    return list(await asyncio.gather(*(one() for _ in range(times))))


async def test_each_request_begins_a_pause_after_the_one_before_whoever_asks() -> None:
    pacer, clock = paced(2)
    assert await begin(pacer, clock, 4) == [1000, 1002, 1004, 1006]
    clock.now += 100  # nothing is owed for a quiet time
    assert await begin(pacer, clock, 2) == [1106, 1108]


async def test_without_a_pause_nothing_waits() -> None:
    pacer, clock = paced(0)
    await begin(pacer, clock, 100)
    assert clock.slept == []


async def test_a_rest_that_the_site_asks_for_holds_back_all_and_lets_them_go_one_by_one() -> None:
    pacer, clock = paced(2, step=0)
    await pacer.wait()
    pacer.failed(retry_after=30)
    assert await begin(pacer, clock, 3) == [1030, 1032, 1034]


async def test_a_rest_that_comes_while_others_wait_holds_them_back_too() -> None:
    pacer, clock = paced(2, step=0)
    await pacer.wait()
    waiting = asyncio.create_task(begin(pacer, clock, 1))
    await asyncio.sleep(0)
    pacer.failed(retry_after=30)
    [begun] = await waiting
    assert begun >= 1030


async def test_a_longer_rest_than_is_waited_for_ends_all_at_once_and_then_is_over() -> None:
    pacer, clock = paced(1)
    pacer.failed(retry_after=3600)
    for _ in range(3):
        with pytest.raises(TransientError, match="left alone for another 3600 seconds") as error:
            await pacer.wait()
        assert error.value.retry_after == 3600
    assert clock.slept == []
    clock.now += 3600 - LONGEST_REST
    await pacer.wait()
    assert clock.now == 1000 + 3600


def test_the_pause_grows_by_what_the_site_slows_and_shrinks_again() -> None:
    pacer, _ = paced(0.5)
    for _ in range(20):
        pacer.answered(0.1)
    pacer.answered(30)  # one alone says nothing
    assert pacer.current == 0.5
    for _ in range(5):
        pacer.answered(2.1)
    assert pacer.current == 2.5
    for _ in range(5):
        pacer.answered(60)
    assert pacer.current == 10.5
    for _ in range(5):
        pacer.answered(0.2)
    assert pacer.current == 0.5


def test_a_site_that_was_slow_from_the_first_is_not_slow() -> None:
    pacer, _ = paced(0.5)
    for _ in range(50):
        pacer.answered(3)
    assert pacer.current == 0.5


def test_the_pause_grows_with_failures_and_shrinks_with_answers() -> None:
    pacer, _ = paced(0.5)
    grown = []
    for _ in range(6):
        pacer.failed()
        grown.append(pacer.current)
    assert grown == [0.75, 1.0, 1.5, 2.5, 2.5, 2.5]
    shrunk = []
    for _ in range(5):
        pacer.answered(0.1)
        shrunk.append(pacer.current)
    assert shrunk == [1.5, 1.0, 0.75, 0.5, 0.5]


seconds = st.floats(0, 100)
events = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 4)),
    st.tuples(st.just("answered"), seconds),
    st.tuples(st.just("failed"), st.none() | st.floats(0, LONGEST_REST)),
    st.tuples(st.just("idle"), seconds),
)


@given(st.floats(0, 100), st.floats(0, 10), st.lists(events, max_size=60))
def test_whatever_happens_no_pause_is_cut_short_and_none_is_without_bound(
    pause: float, step: float, happening: list[tuple[str, float | None]]
) -> None:
    async def run() -> None:
        pacer, clock = paced(pause, step)
        begun: list[float] = []
        rest = 0.0
        for what, value in happening:
            if what == "wait":
                most = max(pause + max(10, 2 * step), LONGEST_REST)
                turns = await begin(pacer, clock, int(value or 0))
                assert all(turn >= rest - 1e-6 for turn in turns)
                begun += turns
                assert all(slept <= most + 1e-6 for slept in clock.slept)
            elif what == "answered":
                pacer.answered(value or 0)
            elif what == "idle":
                clock.now += value or 0
            else:
                pacer.failed(value)
                rest = max(rest, clock.now + (value or 0))
        gaps = [later - earlier for earlier, later in pairwise(begun)]
        assert all(gap >= pause - 1e-6 for gap in gaps)
        for _ in range(20):
            pacer.answered(0)
        assert pacer.current == pause

    asyncio.run(run())


def test_what_lies_on_one_site_shares_a_pacer() -> None:
    pacers = Pacers()
    first = pacers.of("https://docs.test/guide/", 0.5, step=1)
    assert pacers.of("https://www.Docs.test/api/", 0.2, step=1) is first
    assert first.pause == 0.5  # the longer one, as its robots.txt may have asked for it
    assert pacers.of("https://docs.test:8443/", 0.2, step=1) is not first
