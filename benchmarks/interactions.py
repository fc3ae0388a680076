"""How soon commands and presses are acknowledged while many answers are in flight.

The real bot in a process of its own over the local stand-in, and a language model that takes some
seconds for each answer. As one answer goes out the next post is made, so that always as many are
in flight; in the same run the same calls with nothing in flight.

    python -m benchmarks.interactions [--chunks N] [--calls N] [--in-flight N]
"""

import argparse
import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from benchmarks.corpus import Question, questions
from benchmarks.house import House, open_house, running_bot, wait_until_all_ended
from benchmarks.overhead import percentile
from benchmarks.table import Line, milliseconds, print_table
from docbot.playground.actors import Invocation
from docbot.playground.objects import Message, Thread
from docbot.playground.rest import Exchange
from docbot.playground.server import Playground
from docbot.telemetry import set_up_logging
from tests.model_server import Hang, ModelServer, Script
from tests.town import button, eventually

CALLS, IN_FLIGHT = 200, 50
_MODEL_SECONDS = 4.0  # with 50 in flight 12 answers a second: about what Discord lets a bot send
_PAUSE_SECONDS = 0.05  # between two calls, in the mean
_PATIENCE = 300.0  # the last questions of one person are answered one by one
_REPLY = "Set it like this [1]:\n\n```text\nset = it\n```"
_ENVIRONMENT = {
    "DOCBOT_CHAT_MODEL": "test-chat",
    "DOCBOT_CAUTION": "helpful",  # made words give fewer signs than a documentation's
    "DOCBOT_MODEL_CALLS_PER_MINUTE": "100000",
}
_CALLBACK = re.compile(r"/interactions/(\d+)/[^/]+/callback$")
_MESSAGES = re.compile(r"/channels/(\d+)/messages$")
_UNANSWERED = """
    SELECT count(*) FROM questions WHERE state IN ('abstained', 'yielded', 'cancelled', 'failed')
"""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Seconds for each call, from the frame that tells docbot of it to its acknowledgement."""

    idle: Sequence[float]
    busy: Sequence[float]
    in_flight: Sequence[int]  # posts without an answer, at each of the busy calls
    at_model: Sequence[int]  # those of them that the model works on
    answered: int  # in the time of the busy calls

    def lines(self) -> list[Line]:
        of, least = f"p50 / p99 / worst of {len(self.busy)}", min(self.in_flight)
        at_model = sum(self.at_model) / len(self.at_model)
        return [
            Line(f"Interactions acknowledged, nothing in flight: {of}", _shown(self.idle)),
            Line(f"The same with {least} answers in flight: {of}", _shown(self.busy), "p99 300 ms"),
            Line(
                "Of them at the model, in the mean; answered meanwhile",
                f"{at_model:.0f}; {self.answered}",
            ),
        ]


def _shown(seconds: Sequence[float]) -> str:
    found = percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)
    return " / ".join(map(milliseconds, found))


async def measure(house: House, calls: int, in_flight: int) -> Acknowledged:
    asked = iter(questions(house.chunks, house.chunks))
    watch, slow = Watch(house.playground), SlowModel()
    async with ModelServer.open(slow.reply) as model:
        environment = {
            **_ENVIRONMENT,
            "OPENAI_BASE_URL": model.base_url,
            "DOCBOT_MODEL_CALLS_AT_ONCE": str(in_flight),
        }
        async with running_bot(house, **environment):
            caller = await _caller(house, asked, watch)
            idle = [await caller.call() for _ in range(calls)]
            busy, waiting, at_model = [], [], []
            slow.seconds = _MODEL_SECONDS
            async with _in_flight(house, watch, asked, in_flight):
                await eventually(lambda: slow.under_way >= in_flight)
                before = watch.answered
                for _ in range(calls):
                    waiting.append(len(watch.waiting))
                    at_model.append(slow.under_way)
                    busy.append(await caller.call())
                answered = watch.answered - before
            assert await wait_until_all_ended(house, _PATIENCE) == 0
    # A post that nobody answers would be no answer in flight.
    assert await house.rooms.pool.fetchval(_UNANSWERED) == 0
    return Acknowledged(idle, busy, waiting, at_model, answered)


class SlowModel:
    """Takes `seconds` for each answer, for any number at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.under_way = 0
        self._begun: set[int] = set()

    def reply(self, body: dict[str, Any]) -> Script:
        """Called when a request comes, and again when its time is over."""
        request = id(body)
        if request in self._begun:
            self._begun.remove(request)
            self.under_way -= 1
            return _REPLY
        self._begun.add(request)
        self.under_way += 1
        return Hang(self.seconds)


class Watch:
    """Notes when docbot was told of a call and acknowledged it, and which posts it answered."""

    def __init__(self, playground: Playground) -> None:
        self.waiting: set[int] = set()  # threads whose answer is in flight
        self.answered = 0
        self.changed = asyncio.Event()
        self._told: dict[int, float] = {}
        self._acknowledged: dict[int, float] = {}
        playground.record(self._on_frame, self._on_exchange)

    async def seconds_for(self, call: Invocation) -> float:
        number = call.interaction.id
        await eventually(lambda: number in self._acknowledged)
        return self._acknowledged[number] - self._told[number]

    def _on_frame(self, frame: Mapping[str, Any]) -> None:
        if frame.get("t") == "INTERACTION_CREATE":
            self._told[int(frame["d"]["id"])] = time.monotonic()

    def _on_exchange(self, exchange: Exchange) -> None:
        if exchange.method != "POST" or exchange.status not in (200, 204):
            return
        if found := _CALLBACK.search(exchange.path):
            self._acknowledged[int(found[1])] = exchange.began
        elif (found := _MESSAGES.search(exchange.path)) and int(found[1]) in self.waiting:
            self.waiting.remove(int(found[1]))
            self.answered += 1
            self.changed.set()


class Caller:
    """Votes, searches, asks, looks how a thread stands and solves it, one after the other."""

    def __init__(
        self,
        house: House,
        thread: Thread,
        answer: Message,
        asked: Iterator[Question],
        watch: Watch,
    ) -> None:
        self._members = house.playground.members
        self._thread = thread
        self._asked = asked
        self._answer = answer
        self._watch = watch
        self._calls: Iterator[Callable[[], Awaitable[Invocation]]] = cycle(
            [
                lambda: self._press("Helpful"),
                lambda: self._slash("search", query="how to set it"),
                lambda: self._slash("status"),
                lambda: self._ask("chat"),
                lambda: self._press("Not right"),
                lambda: self._slash("solve"),
                lambda: self._ask("private"),
                lambda: self._slash("unsolve"),
            ]
        )

    async def call(self) -> float:
        """Make the next call and return the seconds to its acknowledgement."""
        await asyncio.sleep(random.uniform(0, 2 * _PAUSE_SECONDS))
        made = await next(self._calls)()
        return await self._watch.seconds_for(made)

    async def _press(self, label: str) -> Invocation:
        return await self._members[0].press(self._answer, button(self._answer, label))

    async def _slash(self, name: str, **options: str) -> Invocation:
        return await self._members[0].slash(self._thread, name, **options)

    async def _ask(self, name: str) -> Invocation:
        """Ask in the name of anybody: the questions of one person are answered one by one."""
        asker = random.choice(self._members)
        return await asker.slash(self._thread, name, question=next(self._asked).title)


async def _caller(house: House, asked: Iterator[Question], watch: Watch) -> Caller:
    member, question = house.playground.members[0], next(asked)
    thread = await member.post(house.playground.forum, question.title, question.body)
    answer = await member.sees_reply(thread)
    return Caller(house, thread, answer, asked, watch)


@asynccontextmanager
async def _in_flight(
    house: House, watch: Watch, asked: Iterator[Question], count: int
) -> AsyncIterator[None]:
    """Make a post for each that is answered, until the block ends."""

    async def keep() -> None:
        while True:
            watch.changed.clear()
            while len(watch.waiting) < count:
                question, asker = next(asked), random.choice(house.playground.members)
                thread = await asker.post(house.playground.forum, question.title, question.body)
                watch.waiting.add(thread.id)
            await watch.changed.wait()

    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keep())
        yield
        keeping.cancel()


async def run(chunks: int, calls: int, in_flight: int) -> Acknowledged:
    async with open_house(chunks) as house:
        return await measure(house, calls, in_flight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    result = asyncio.run(run(arguments.chunks, arguments.calls, arguments.in_flight))
    print_table(result.lines())


if __name__ == "__main__":
    main()
