"""A soak in time-lapse: tens of thousands of questions through one docbot, and what its memory does.

One docbot in a process of its own, no language model, the stand-in's rate limits off. Threads are
closed once they are answered, as they are on Discord. Memory is read now and then; what it is early
on, when every part has been in use for a while, is held against what it is at the end.

    python -m benchmarks.soak [--questions N]
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.corpus import questions
from benchmarks.footprint import memory_of
from benchmarks.house import House, open_house, running_bot, wait_until_all_ended
from benchmarks.table import Line, megabytes, print_table
from docbot.playground.objects import Payload
from docbot.telemetry import set_up_logging

CHUNKS = 2_000
TARGET = 1.10  # times
_MOST_OPEN = 100  # questions that wait at once
_WARM_UP = 0.1  # of all questions
_SAMPLES = 50
_PATIENCE = 120.0
_STATES = "SELECT state, count(*) FROM questions GROUP BY state"


@dataclass(frozen=True, slots=True)
class Soak:
    questions: int
    seconds: float
    resident: Sequence[int]  # bytes, over time, after the warm-up
    states: dict[str, int]
    stuck: int

    @property
    def growth(self) -> float:
        """The last fifth of the samples held against the first fifth, by their means."""
        share = max(len(self.resident) // 5, 1)
        return _mean(self.resident[-share:]) / _mean(self.resident[:share])

    def lines(self) -> list[Line]:
        first, last = self.resident[0], self.resident[-1]
        return [
            Line("Questions", f"{self.questions:,} ({self.questions / self.seconds:.0f} a second)"),
            Line(
                f"Memory after the first {_WARM_UP:.0%} / at the end",
                f"{megabytes(first)} / {megabytes(last)}",
            ),
            Line(
                "Memory at the end, times that of the beginning",
                f"{self.growth:.3f}",
                f"{TARGET:g}",
            ),
            Line("Questions by their end", ", ".join(f"{k} {v:,}" for k, v in self.states.items())),
            Line("Rows that never ended", str(self.stuck), "0"),
        ]


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


async def measure(house: House, count: int) -> Soak:
    world, forum = house.playground.world, house.playground.forum
    open_threads: set[int] = set()
    resident: list[int] = []

    def on_event(name: str, payload: Payload) -> None:
        if name == "MESSAGE_CREATE" and int(payload["author"]["id"]) == world.bot.id:
            thread_id = int(payload["channel_id"])
            if thread_id in open_threads:
                open_threads.discard(thread_id)
                asyncio.get_running_loop().call_soon(close, thread_id)

    def close(thread_id: int) -> None:
        owner = world.threads[thread_id].owner_id
        world.edit_thread(thread_id, owner, {"archived": True})

    asked = questions(house.chunks, house.chunks)
    end_watch = world.subscribe(on_event)
    began = time.monotonic()
    async with running_bot(house, "--requests-per-second", "1000000") as bot:
        for number in range(count):
            question = asked[number % len(asked)]
            asker = house.playground.members[number % len(house.playground.members)]
            thread = await asker.post(forum, question.title, question.body)
            open_threads.add(thread.id)
            await world.wait_for(lambda: len(open_threads) < _MOST_OPEN, _PATIENCE)
            if number >= _WARM_UP * count and number % max(count // _SAMPLES, 1) == 0:
                resident.append(memory_of(bot.pid).resident)
        await world.wait_for(lambda: not open_threads, _PATIENCE)
        seconds = time.monotonic() - began
        stuck = await wait_until_all_ended(house, _PATIENCE)
        resident.append(memory_of(bot.pid).resident)
    end_watch()
    states = {row["state"]: row["count"] for row in await house.rooms.pool.fetch(_STATES)}
    return Soak(count, seconds, resident, states, stuck)


async def run(count: int) -> Soak:
    async with open_house(CHUNKS) as house:
        return await measure(house, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--questions", type=int, default=50_000)
    chosen = parser.parse_args()
    set_up_logging("error", "text")
    print_table(asyncio.run(run(chosen.questions)).lines())


if __name__ == "__main__":
    main()
