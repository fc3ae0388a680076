from docbot.breaker import Breaker


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=3, rest_seconds=30, clock=clock)
    assert [breaker.failed() for _ in range(3)] == [False, False, True]
    return breaker


def test_failures_that_are_not_in_a_row_hold_nothing_back() -> None:
    breaker = Breaker(failures=3, clock=Clock())
    for _ in range(4):
        assert not breaker.failed()
        assert not breaker.failed()
        assert not breaker.succeeded()
    assert breaker.allows()


def test_after_some_failures_in_a_row_calls_are_held_back_for_a_while() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 29
    assert not breaker.allows()


def test_after_the_rest_one_call_alone_goes_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_a_call_that_fails_again_begins_another_rest_and_is_no_news() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    assert breaker.allows()
    clock.now += 15  # as long as it took to fail
    assert not breaker.failed()
    clock.now += 29
    assert not breaker.allows()
    clock.now += 1
    assert breaker.allows()


def test_a_call_that_was_let_through_and_never_ended_holds_nothing_back_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    for _ in range(3):
        clock.now += 30
        assert breaker.allows()


def test_a_call_that_goes_well_ends_the_rest_and_is_news_once() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    assert breaker.allows()
    assert [breaker.succeeded(), breaker.succeeded()] == [True, False]
    assert [breaker.allows() for _ in range(3)] == [True, True, True]
    assert not breaker.failed()
