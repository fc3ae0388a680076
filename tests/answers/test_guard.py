"""Calls to a model keep their limits, and an endpoint that is down is left alone."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from docbot.answers.generate import OnText
from docbot.answers.guard import GuardedModel
from docbot.answers.prompt import ChatMessage
from docbot.answers.reply import Completion
from docbot.breaker import Breaker
from docbot.errors import (
    BusyError,
    DocbotError,
    DownError,
    GarbledError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)
from docbot.pace import Pace

ASKED = [ChatMessage("user", "How?")]
REST = 30.0


class Clock:
    """Seconds that pass when somebody sleeps, or when told."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Endpoint:
    """A model that replies, fails as scripted, or hangs until it is let go."""

    name = "scripted"

    def __init__(self) -> None:
        self.error: DocbotError | None = None
        self.calls = self.most_at_once = self.at_once = 0
        self.go = asyncio.Event()
        self.go.set()

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        self.calls += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return Completion("Set it [1].", "scripted-1", 1, 1)


class Guarded:
    """A guarded model with its endpoint and its clock."""

    def __init__(self, *, at_once: int = 4, per_minute: int = 1_000) -> None:
        self.clock, self.endpoint = Clock(), Endpoint()
        self.model = GuardedModel(
            self.endpoint,
            at_once=at_once,
            pace=Pace(per_minute, seconds=60, clock=self.clock, sleep=self.clock.sleep),
            breaker=Breaker(failures=3, rest_seconds=REST, clock=self.clock),
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    async def ask(self, error: DocbotError | None = None) -> DocbotError | None:
        """Return what the endpoint's reply or failure became."""
        self.endpoint.error = error
        try:
            await self.model.complete(ASKED)
        except DocbotError as raised:
            return raised
        return None


@pytest.fixture
def guarded() -> Guarded:
    return Guarded()


async def opened(guarded: Guarded, error: DocbotError | None = None) -> None:
    for _ in range(3):
        await guarded.ask(error or TransientError("refused the connection"))


async def test_no_more_calls_run_at_once_than_allowed() -> None:
    guarded = Guarded(at_once=2)
    guarded.endpoint.go.clear()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(guarded.ask())
        while guarded.endpoint.calls < 2:
            await asyncio.sleep(0)
        guarded.endpoint.go.set()
    assert (guarded.endpoint.calls, guarded.endpoint.most_at_once) == (6, 2)


async def test_no_minute_sees_more_calls_than_allowed() -> None:
    guarded = Guarded(per_minute=3)
    for _ in range(3):
        await guarded.ask()
    assert guarded.clock.now == 1_000
    await guarded.ask()
    assert guarded.clock.now == 1_060


async def test_who_stops_waiting_for_a_turn_leaves_it_to_the_next() -> None:
    guarded = Guarded(at_once=1)
    guarded.endpoint.go.clear()
    first, second, third = [asyncio.create_task(guarded.ask()) for _ in range(3)]
    while not guarded.endpoint.calls:
        await asyncio.sleep(0)
    second.cancel()
    guarded.endpoint.go.set()
    await asyncio.wait([first, second, third])
    assert second.cancelled()
    assert (guarded.endpoint.calls, await third) == (2, None)


async def test_a_pause_that_the_endpoint_asks_for_is_kept_by_all(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(await guarded.ask(BusyError("slow down", retry_after=40)), BusyError)
    guarded.clock.now += 10
    refused = await guarded.ask()
    assert isinstance(refused, BusyError)
    assert refused.retry_after == 30
    guarded.clock.now += 26  # what is left is short enough to wait for
    assert await guarded.ask() is None
    assert guarded.clock.now == 1_040
    assert guarded.endpoint.calls == 2
    assert len(caplog.records) == 1


async def test_a_rate_limit_is_no_failure(guarded: Guarded) -> None:
    for _ in range(5):
        assert type(await guarded.ask(BusyError("slow down"))) is BusyError


@pytest.mark.parametrize("error", [TransientError("no reply"), GarbledError("a page of HTML")])
async def test_after_some_failures_in_a_row_nothing_is_asked_any_more(
    guarded: Guarded, error: DocbotError
) -> None:
    became = [type(await guarded.ask(error)) for _ in range(5)]
    assert became == [type(error), type(error), DownError, DownError, DownError]
    assert guarded.endpoint.calls == 3


async def test_a_reply_after_the_rest_ends_it_and_the_operator_hears_of_both(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await opened(guarded)
        guarded.clock.now += REST
        assert isinstance(await guarded.ask(TransientError("still away")), DownError)
        guarded.clock.now += REST
        assert await guarded.ask() is None
        assert await guarded.ask() is None
    [began, ended] = [record.getMessage() for record in caplog.records]
    assert "passages are quoted until the model answers again: refused the connection" in began
    assert ended == "model scripted answers again"


async def test_who_may_try_an_endpoint_that_is_down_waits_for_no_pause_of_it(
    guarded: Guarded,
) -> None:
    guarded.endpoint.go.clear()
    guarded.endpoint.error = TransientError("overloaded", retry_after=600)
    tasks = [asyncio.create_task(guarded.model.complete(ASKED)) for _ in range(3)]
    while guarded.endpoint.calls < 3:
        await asyncio.sleep(0)
    guarded.endpoint.go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(3):
        assert isinstance(await guarded.ask(), DownError)
        guarded.clock.now += REST
    assert guarded.endpoint.calls == 3
    guarded.clock.now += 600
    assert await guarded.ask() is None


async def test_who_tries_an_endpoint_that_is_down_and_meets_its_rate_limit_waits_for_nothing(
    guarded: Guarded,
) -> None:
    await opened(guarded)
    guarded.clock.now += REST
    assert isinstance(await guarded.ask(BusyError("slow down", retry_after=600)), DownError)
    assert isinstance(await guarded.ask(), DownError)
    guarded.clock.now += 600
    assert await guarded.ask() is None


async def test_who_waits_for_a_turn_while_the_endpoint_goes_down_asks_nothing() -> None:
    guarded = Guarded(at_once=3)
    guarded.endpoint.error = TransientError("no reply within 60 seconds")
    guarded.endpoint.go.clear()
    tasks = [asyncio.create_task(guarded.model.complete(ASKED)) for _ in range(6)]
    while guarded.endpoint.calls < 3:
        await asyncio.sleep(0)
    guarded.endpoint.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert guarded.endpoint.calls == 3
    assert sum(isinstance(outcome, DownError) for outcome in outcomes) == 4


async def test_a_try_that_hangs_keeps_no_other_from_being_told_at_once() -> None:
    guarded = Guarded(at_once=1)
    await opened(guarded)
    guarded.clock.now += REST
    guarded.endpoint.go.clear()
    trial = asyncio.create_task(guarded.model.complete(ASKED))
    while guarded.endpoint.calls < 4:
        await asyncio.sleep(0)
    assert isinstance(await guarded.ask(), DownError)
    guarded.endpoint.go.set()
    assert (await trial).text == "Set it [1]."


@pytest.mark.parametrize("error", [PermanentError("filtered"), TooLongError("too long")])
async def test_a_fault_of_one_request_shows_that_the_endpoint_is_up(
    guarded: Guarded, error: DocbotError
) -> None:
    for _ in range(3):
        await guarded.ask(TransientError("away"))
        assert await guarded.ask(error) is error


async def test_a_refusal_is_told_once_until_it_ends(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            await guarded.ask(RefusedError("no credit"))
        await guarded.ask(RefusedError("wrong key"))
        await guarded.ask()
        await guarded.ask(RefusedError("no credit"))
    told = [record.getMessage() for record in caplog.records]
    assert [line.rpartition(": ")[2] for line in told] == [
        "no credit",
        "wrong key",
        "model scripted answers again",
        "no credit",
    ]
