from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from docbot.forum.retry import is_too_old, is_worth_a_line, pause


@given(st.integers(1, 10_000))
def test_a_pause_doubles_from_1_s_to_30_s_with_up_to_half_left_to_chance(attempt: int) -> None:
    longest = min(30.0, 2.0 ** min(attempt - 1, 10))
    assert longest / 2 <= pause(attempt) <= longest


@given(st.integers(1, 100), st.floats(0, 3600))
def test_what_the_far_side_asked_for_is_never_cut_short(attempt: int, asked: float) -> None:
    assert pause(attempt, retry_after=asked) >= asked


def test_what_is_asked_for_by_mistake_is_over_in_a_day() -> None:
    assert pause(1, retry_after=1e15) == 86_400


def test_a_question_is_given_up_by_its_age() -> None:
    now = datetime.now(UTC)
    assert not is_too_old(now - timedelta(hours=5))
    assert is_too_old(now - timedelta(hours=7))


def test_six_hours_of_tries_make_a_handful_of_lines() -> None:
    tries = 6 * 3600 // 15
    assert [n for n in range(1, 20) if is_worth_a_line(n)] == [1, 2, 4, 8, 16]
    assert sum(map(is_worth_a_line, range(1, tries))) < 12
