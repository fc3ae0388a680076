"""Reply overhead: from the gateway frame with a post to the request with its answer.

The real bot over the local stand-in, no chat model, docbot's own documentation. In the same run the
same pipeline without wake-ups, polling each second, as a measure that does not hang on the machine.

    python -m benchmarks.overhead [--posts N] [--polled N]
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from docbot.app.demo import own_docs
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot
from docbot.playground.server import Playground
from docbot.settings import Settings
from docbot.telemetry import set_up_logging

QUESTIONS = (
    "Which permissions does the bot need?",
    "How do I bind a forum?",
    "Where does docbot keep its data?",
    "What happens when docbot is killed?",
    "Which settings need a restart?",
)
POLL_SECONDS = 1.0
TARGET = 20  # times lower in the mean than the polled pipeline


class _Silent:
    def begin(self, what: str) -> None: ...
    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...


async def measure(
    rooms: Rooms, playground: Playground, posts: int, *, wake_ups: bool
) -> list[float]:
    """Post one question after the other; return each overhead in seconds."""
    bot = RunningBot(
        rooms,
        read_settings=lambda: rooms.settings,
        wake_ups=wake_ups,
        idle_seconds=5.0 if wake_ups else POLL_SECONDS,
    )
    async with _running(bot):
        overheads = [await _one(playground, number) for number in range(posts + 5)]
    return overheads[5:]  # the first ones warm caches


async def _one(playground: Playground, number: int) -> float:
    # Not in step with a poll that began when the answer before was sent.
    await asyncio.sleep(random.uniform(0, 0.05))
    asker = playground.members[number % len(playground.members)]
    sent: dict[str, float] = {}

    def on_frame(frame: dict[str, object]) -> None:
        if frame.get("t") == "MESSAGE_CREATE":
            sent.setdefault("frame", time.monotonic())

    playground.record(on_frame=on_frame)
    question = QUESTIONS[number % len(QUESTIONS)]
    thread = await asker.post(playground.forum, question, "I could not find it.")
    await asker.sees_reply(thread, timeout=30)
    arrived = next(
        exchange.began
        for exchange in reversed(playground.requests)
        if exchange.method == "POST" and exchange.path.endswith(f"/{thread.id}/messages")
    )
    return arrived - sent["frame"]


@asynccontextmanager
async def _running(bot: RunningBot) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.run())
        await bot.connected.wait()
        yield
        bot.stop()


@asynccontextmanager
async def open_house() -> AsyncIterator[tuple[Rooms, Playground]]:
    """A bot's rooms with docbot's own documentation, and a forum bound to it."""
    with tempfile.TemporaryDirectory() as folder:
        async with Playground.open() as playground:
            settings = Settings(_env_file=None).model_copy(
                update={
                    "docbot_data_dir": Path(folder),
                    "database_url": None,
                    "discord_token": SecretStr(playground.token),
                    "docbot_discord_api": playground.api_url,
                }
            )
            async with open_rooms(settings) as rooms:
                await rooms.sources.add(
                    name="docs", kind="folder", location=str(own_docs()), base_url="https://d.test/"
                )
                await sync_sources(rooms, [], full=False, say=lambda _: None, progress=_Silent())
                [source] = await rooms.sources.all()
                await rooms.forums.bind(
                    guild_id=playground.guild.id,
                    channel_id=playground.forum.id,
                    mode="auto",
                    source_ids=[source.id],
                )
                yield rooms, playground


async def compare(posts: int, polled: int) -> tuple[list[float], list[float]]:
    async with open_house() as (rooms, playground):
        woken = await measure(rooms, playground, posts, wake_ups=True)
        return woken, await measure(rooms, playground, polled, wake_ups=False)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--polled", type=int, default=40)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    woken, polled = asyncio.run(compare(arguments.posts, arguments.polled))
    for name, values in (("woken", woken), (f"polled each {POLL_SECONDS:.0f} s", polled)):
        print(
            f"{name:16} {len(values):4} posts  mean {mean(values) * 1000:7.1f} ms"
            f"  p50 {percentile(values, 0.5) * 1000:7.1f}  p99 {percentile(values, 0.99) * 1000:7.1f}"
        )
    print(f"ratio of the means: {mean(polled) / mean(woken):.0f} (target: at least {TARGET})")


if __name__ == "__main__":
    main()
