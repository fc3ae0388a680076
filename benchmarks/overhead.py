"""Reply overhead: from the gateway frame with a post to the request with its answer.

The real bot in a process of its own over the local stand-in, no chat model, a corpus of the wanted
size. In the same run the same pipeline without wake-ups, polling each second, as a measure that
does not hang on the machine.

    python -m benchmarks.overhead [--chunks N] [--posts N] [--polled N]
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.corpus import Question, questions
from benchmarks.house import House, open_house, running_bot
from benchmarks.loop_watch import Stall
from benchmarks.table import Line, milliseconds, print_table
from docbot.telemetry import set_up_logging

POLL_SECONDS = 1.0
TARGET = 20  # times lower in the mean than the polled pipeline
_WARM_UP = 5  # posts that are not counted
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds for each post, and what the loop was at worst held up for."""

    chunks: int
    woken: Sequence[float]
    polled: Sequence[float]
    stall: Stall

    @property
    def ratio(self) -> float:
        return mean(self.polled) / mean(self.woken)

    def lines(self) -> list[Line]:
        median, late = percentile(self.woken, 0.5), percentile(self.woken, 0.99)
        polled = percentile(self.polled, 0.5), percentile(self.polled, 0.99)
        what = f"Reply overhead, {self.chunks:,} chunks"
        return [
            Line(
                f"{what}: p50 / p99 / mean of {len(self.woken)}",
                " / ".join(map(milliseconds, (median, late, mean(self.woken)))),
                "30 / 80 ms",
            ),
            Line(
                f"The same polled each second: p50 / p99 / mean of {len(self.polled)}",
                " / ".join(map(milliseconds, (*polled, mean(self.polled)))),
            ),
            Line("Times lower than polled (means)", f"{self.ratio:.0f}", f"at least {TARGET}"),
            Line("Worst stall of the event loop in these posts", str(self.stall), "50 ms"),
        ]


async def measure(house: House, posts: int, polled: int) -> Overhead:
    asked = questions(house.chunks, _WARM_UP + max(posts, polled))
    async with running_bot(house) as bot:
        woken = [await reply_overhead(house, question) for question in asked[: _WARM_UP + posts]]
    without_wake_ups = "--polled", "--idle-seconds", str(POLL_SECONDS)
    async with running_bot(house, *without_wake_ups):
        waited = [await reply_overhead(house, question) for question in asked[: _WARM_UP + polled]]
    return Overhead(house.indexed, woken[_WARM_UP:], waited[_WARM_UP:], bot.at_work)


async def reply_overhead(house: House, question: Question) -> float:
    """Seconds from the frame with a post to the request with its answer."""
    # Not in step with a poll that began when the answer before was sent.
    await asyncio.sleep(random.uniform(0, 0.05))
    asker = random.choice(house.playground.members)
    sent: dict[str, float] = {}

    def on_frame(frame: dict[str, object]) -> None:
        if frame.get("t") == "MESSAGE_CREATE":
            sent.setdefault("frame", time.monotonic())

    house.playground.record(on_frame=on_frame)
    thread = await asker.post(house.playground.forum, question.title, question.body)
    await asker.sees_reply(thread, timeout=_PATIENCE)
    arrived = next(
        exchange.began
        for exchange in reversed(house.playground.requests)
        if exchange.method == "POST" and exchange.path.endswith(f"/{thread.id}/messages")
    )
    return arrived - sent["frame"]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def run(chunks: int, posts: int, polled: int) -> Overhead:
    async with open_house(chunks) as house:
        return await measure(house, posts, polled)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--polled", type=int, default=40)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    result = asyncio.run(run(arguments.chunks, arguments.posts, arguments.polled))
    print_table(result.lines())


if __name__ == "__main__":
    main()
