"""How often docbot begins a session: seldom enough whatever happens, at once where all is well."""

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from docbot.bot.gateway import StartLimit, refusal

DAY = 86_400.0
GATEWAY = yarl.URL("wss://gateway.test")


def limit(remaining: int, reset_after: float, *, total: int = 1000, at_once: int = 1) -> StartLimit:
    return StartLimit(GATEWAY, total, remaining, reset_after, at_once)


@given(remaining=st.integers(500, 1000), reset_after=st.floats(0, DAY), hours=st.integers(1, 100))
def test_a_start_after_a_while_waits_for_nothing(
    remaining: int, reset_after: float, hours: int
) -> None:
    assert limit(remaining, reset_after).wait(3600.0 * hours) == 0


def test_sessions_begin_over_five_seconds_apart() -> None:
    assert limit(1000, 0.0).wait(0.0) > 5
    assert limit(1000, 0.0).wait(2.0) > 3
    assert limit(1000, 0.0, at_once=16).wait(0.0) < 1


def test_with_none_left_the_next_begins_after_the_reset() -> None:
    assert limit(0, 7200.0).wait(DAY) == 7200


def test_a_day_with_few_left_delays_a_restart_that_is_the_first_for_long_by_nothing() -> None:
    assert limit(100, 10_000.0).wait(200.0) == 0


@given(
    life=st.floats(0, 100),  # from IDENTIFY to the crash
    restart=st.floats(0, 60),  # what a supervisor waits for
    used=st.integers(0, 900),
)
def test_a_crash_loop_never_uses_up_the_sessions_of_a_day(
    life: float, restart: float, used: int
) -> None:
    now, remaining, began = 0.0, 1000 - used, -DAY
    while now < DAY:
        wait = limit(remaining, DAY - now).wait(now - began)
        if now + wait >= DAY:
            return
        now += wait
        began, remaining = now, remaining - 1
        assert remaining > 0 or DAY - now < 200  # to the reset
        now += life + restart


@pytest.mark.parametrize("code", [4004, 4010, 4011, 4012, 4013, 4014])
def test_each_close_that_nothing_cures_says_so(code: int) -> None:
    assert str(code) in str(refusal(code))


@given(st.integers(1000, 4999).filter(lambda code: code not in {4004, *range(4010, 4015)}))
def test_every_other_close_is_followed_by_another_try(code: int) -> None:
    assert refusal(code) is None
