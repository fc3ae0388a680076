"""How soon what waits is answered, after docbot was killed and after Postgres was away.

A real `docbot run` is killed (SIGKILL), posts are made while nobody answers, and another is started:
from the start of its process to each answer. With another that stands by: from the kill. Then
Postgres is killed, and kept from coming back for some seconds, while posts are made: from the moment
it may come back.

    python -m benchmarks.recovery [--times N] [--posts N]
"""

import argparse
import asyncio
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import Question, questions
from benchmarks.fleet import Fleet
from benchmarks.house import House, environment_of, open_house
from benchmarks.overhead import percentile
from benchmarks.table import Line, print_table
from docbot.db.embedded import SERVER_LOCK, EmbeddedServer
from docbot.playground.objects import Thread
from docbot.telemetry import set_up_logging

CHUNKS = 300
TARGET = 3.0  # seconds, p95
AWAY = (1.0, 5.0, 20.0)  # seconds that Postgres stays away
_PATIENCE = 120.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds to each answer, by what had happened."""

    restarted: Sequence[float]
    taken_over: Sequence[float]
    postgres: Sequence[float]

    def lines(self) -> list[Line]:
        return [
            _line("docbot killed and started again: from the start of its process", self.restarted),
            _line("docbot killed, another stood by: from the kill", self.taken_over),
            _line(
                f"Postgres away for {', '.join(f'{each:g}' for each in AWAY)} s: from its return",
                self.postgres,
            ),
        ]


def _line(what: str, waited: Sequence[float]) -> Line:
    shown = " / ".join(f"{each:.2f} s" for each in (percentile(waited, 0.5), late(waited)))
    return Line(f"{what}, p50 / p95 of {len(waited)}", shown, f"p95 {TARGET:g} s")


def late(waited: Sequence[float]) -> float:
    return percentile(waited, 0.95)


class _Scene:
    def __init__(self, house: House, fleet: Fleet, tasks: asyncio.TaskGroup, posts: int) -> None:
        self._house = house
        self._fleet = fleet
        self._tasks = tasks
        self._posts = posts
        self._left = iter(questions(CHUNKS, CHUNKS))

    async def restart(self) -> list[float]:
        """Kill, post, start."""
        await self._fleet.end_all(signal.SIGKILL)
        threads = [await self._post(next(self._left)) for _ in range(self._posts)]
        began = time.time()
        await self._fleet.start(self._tasks)
        return await self._answers(threads, began)

    async def take_over(self) -> list[float]:
        """Kill who acts while another stands by, and post at once."""
        await self._fleet.start_standby(self._tasks)
        acting = self._fleet.acting
        assert acting is not None
        began = time.time()
        await self._fleet.kill(acting)
        threads = [await self._post(next(self._left)) for _ in range(self._posts)]
        return await self._answers(threads, began)

    async def postgres_away(self, seconds: float) -> list[float]:
        """Kill Postgres, keep it away while posts are made, let it come back."""
        async with self._kept_away():
            threads = [await self._post(next(self._left)) for _ in range(self._posts)]
            await asyncio.sleep(seconds)
        return await self._answers(threads, time.time())

    @asynccontextmanager
    async def _kept_away(self) -> AsyncIterator[None]:
        """Hold the lock that whoever starts the server must have.

        It is free once no process of the server lives. docbot tries for it now and then, who waits
        for it as here gets it first.
        """
        data_dir = self._house.rooms.settings.docbot_data_dir
        lock = os.open(EmbeddedServer(data_dir).location / SERVER_LOCK, os.O_RDWR)
        try:
            waiting = asyncio.create_task(asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX))
            while not waiting.done():  # again where somebody else was first
                self._fleet.strike_postgres(at_once=True)
                await asyncio.wait([waiting], timeout=_LOOK_SECONDS)
            yield
        finally:
            os.close(lock)

    async def _post(self, question: Question) -> Thread:
        asker = self._house.playground.members[0]
        return await asker.post(self._house.playground.forum, question.title, question.body)

    async def _answers(self, threads: Sequence[Thread], began: float) -> list[float]:
        asker = self._house.playground.members[0]
        replies = [await asker.sees_reply(thread, timeout=_PATIENCE) for thread in threads]
        return [reply.created_at - began for reply in replies]


async def run(times: int, posts: int, logs: Path, away: Sequence[float] = AWAY) -> Recovery:
    async with open_house(CHUNKS) as house, asyncio.TaskGroup() as tasks:
        data_dir = house.rooms.settings.docbot_data_dir
        fleet = Fleet(data_dir, environment_of(house), logs, ["docbot", "run"])
        await fleet.start_ready(tasks)
        scene = _Scene(house, fleet, tasks, posts)
        restarted = [each for _ in range(times) for each in await scene.restart()]
        taken_over = [each for _ in range(times) for each in await scene.take_over()]
        postgres = [
            each
            for seconds in away
            for _ in range(max(times // len(away), 1))
            for each in await scene.postgres_away(seconds)
        ]
        await fleet.end_all(signal.SIGTERM)
    return Recovery(restarted, taken_over, postgres)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=12, help="of each")
    parser.add_argument("--posts", type=int, default=5, help="made while nobody answers")
    parser.add_argument("--logs", type=Path, default=Path(".chaos"))
    chosen = parser.parse_args()
    set_up_logging("error", "text")
    chosen.logs.mkdir(exist_ok=True)
    print_table(asyncio.run(run(chosen.times, chosen.posts, chosen.logs.absolute())).lines())


if __name__ == "__main__":
    main()
