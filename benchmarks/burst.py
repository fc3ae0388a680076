"""A burst of posts: how many a second docbot answers, and that it answers each once.

First with the stand-in's rate limits off, so that docbot is what holds it up, with a Postgres that
has every commit on disk before it goes on; then with Discord's limits on, where no request may be
refused.

    python -m benchmarks.burst [--chunks N] [--posts N] [--limited N]
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.corpus import Question, questions
from benchmarks.house import House, open_house, running_bot
from benchmarks.loop_watch import Stall
from benchmarks.table import Line, print_table
from docbot.playground.objects import Thread
from docbot.playground.rest import Exchange
from docbot.telemetry import set_up_logging

# 50 requests a second, of which an answer takes three to four: what Discord lets any bot answer.
DISCORD_CEILING = 16  # answers a second
TARGET = 5  # times that
_UNLIMITED = "--requests-per-second", "1000000"
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_PATIENCE = 300.0  # seconds for a whole burst
# Between two posts: sixty times as many a second as Discord lets a bot answer, and not all in one
# packet, which no gateway sends.
_PAUSE = 0.001
_LOOK_SECONDS = 0.05

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])"
_QUESTIONS = """
    SELECT messages.thread_id, questions.state, answers.id AS answer_id
    FROM questions JOIN messages ON messages.id = questions.message_id
    LEFT JOIN answers ON answers.question_id = questions.id
    WHERE messages.thread_id = ANY($1::bigint[])
"""
_SENT = """
    SELECT channel_id, message_id FROM outbox
    WHERE channel_id = ANY($1::bigint[]) AND state = 'sent'
"""
_OPEN = """
    SELECT count(*) FROM questions JOIN messages ON messages.id = questions.message_id
    WHERE messages.thread_id = ANY($1::bigint[]) AND ended_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Burst:
    posts: int
    seconds: float  # from the first post to the last answer
    refused: int  # requests that Discord answered with 429
    computing: float  # seconds of docbot's process
    stall: Stall

    @property
    def per_second(self) -> float:
        return self.posts / self.seconds


@dataclass(frozen=True, slots=True)
class Bursts:
    free: Burst
    limited: Burst
    durable: str  # Postgres's settings

    def lines(self) -> list[Line]:
        free, limited = self.free, self.limited
        return [
            Line(
                f"Burst of {free.posts:,} posts, no rate limits: answers a second",
                f"{free.per_second:.0f}",
            ),
            Line(
                f"The same, times Discord's ceiling of {DISCORD_CEILING}",
                f"{free.per_second / DISCORD_CEILING:.1f}",
                f"at least {TARGET}",
            ),
            Line(
                "Computing time of docbot's process for each of these answers",
                f"{free.computing / free.posts * 1000:.1f} ms",
            ),
            Line("Postgres in these bursts", self.durable),
            Line(
                f"Burst of {limited.posts:,} posts, Discord's limits on: requests refused",
                f"{limited.refused} ({limited.per_second:.0f} answers a second)",
                "0",
            ),
            Line("Posts answered exactly once, both bursts", "all", "all"),
            Line("Worst stall of the event loop, no rate limits", str(free.stall), "50 ms"),
            Line("Worst stall of the event loop, limits on", str(limited.stall), "50 ms"),
        ]


async def measure(house: House, posts: int, limited: int) -> Bursts:
    asked = questions(house.chunks, posts + limited)
    free = await _burst(house, asked[:posts], *_UNLIMITED)
    house.playground.limits.enabled = True
    try:
        slow = await _burst(house, asked[posts:])
    finally:
        house.playground.limits.enabled = False
    return Bursts(free, slow, await _durable(house))


async def _burst(house: House, asked: Sequence[Question], *arguments: str) -> Burst:
    playground = house.playground
    async with running_bot(house, *arguments) as bot:
        tally = _Tally(len(asked))
        playground.record(on_exchange=tally.note)
        began = time.monotonic()
        threads = await _post(house, asked)
        async with asyncio.timeout(_PATIENCE):
            await tally.answered.wait()
            seconds = time.monotonic() - began
            await _all_ended(house, threads)
    await _check(house, threads)
    return Burst(len(asked), seconds, tally.refused, bot.computing_seconds, bot.at_work)


async def _post(house: House, asked: Sequence[Question]) -> list[Thread]:
    forum, members = house.playground.forum, house.playground.members
    threads = []
    for number, question in enumerate(asked):
        asker = members[number % len(members)]
        threads.append(await asker.post(forum, question.title, question.body))
        await asyncio.sleep(_PAUSE)
    return threads


class _Tally:
    """Counts what docbot asks of Discord; `answered` once each thread has a message of its."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._paths: set[str] = set()
        self.answered = asyncio.Event()
        self.refused = 0

    def note(self, exchange: Exchange) -> None:
        self.refused += exchange.status == 429
        if exchange.method == "POST" and exchange.path.endswith("/messages"):
            if exchange.status == 200:
                self._paths.add(exchange.path)
            if len(self._paths) == self._expected:
                self.answered.set()


async def _all_ended(house: House, threads: Sequence[Thread]) -> None:
    """Wait until the last answer is recorded too; after what is measured."""
    while await house.rooms.pool.fetchval(_OPEN, _ids(threads)):  # noqa: ASYNC110 - in Postgres
        await asyncio.sleep(_LOOK_SECONDS)


async def _check(house: House, threads: Sequence[Thread]) -> None:
    """One question, one answer and its messages for each post, and nothing on Discord besides."""
    questions_of = await house.rooms.pool.fetch(_QUESTIONS, _ids(threads))
    states = Counter((row["state"], row["answer_id"] is not None) for row in questions_of)
    assert states == {("answered", True): len(threads)}, states
    assert len({row["thread_id"] for row in questions_of}) == len(threads)
    recorded = await house.rooms.pool.fetch(_SENT, _ids(threads))
    on_discord = [
        (thread.id, message.id)
        for thread in threads
        for message in house.playground.world.replies_of_bot(thread.id)
    ]
    assert sorted(on_discord) == sorted(tuple(row) for row in recorded)
    assert {channel for channel, _ in on_discord} == set(_ids(threads))


def _ids(threads: Iterable[Thread]) -> list[int]:
    return [thread.id for thread in threads]


async def _durable(house: House) -> str:
    """Say what Postgres does before it reports a commit; it must be all that keeps one safe."""
    rows = await house.rooms.pool.fetch(_SETTINGS, list(_DURABLE))
    found = {row["name"]: row["setting"] for row in rows}
    assert found == _DURABLE, found
    return ", ".join(f"{name} {setting}" for name, setting in sorted(found.items()))


async def run(chunks: int, posts: int, limited: int) -> Bursts:
    async with open_house(chunks) as house:
        return await measure(house, posts, limited)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--posts", type=int, default=1_000)
    parser.add_argument("--limited", type=int, default=500)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    result = asyncio.run(run(arguments.chunks, arguments.posts, arguments.limited))
    print_table(result.lines())


if __name__ == "__main__":
    main()
