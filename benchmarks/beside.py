"""What who asks notices of a sync: the reply overhead at rest, and while the bot reads a site.

The real bot over the local stand-in, answering from a corpus; then the same bot while its schedule
syncs a site of made pages from a local server, pause 0.

    python -m benchmarks.beside [--chunks N] [--posts N] [--pages N]
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.corpus import questions
from benchmarks.house import House, open_house, running_bot
from benchmarks.loop_watch import Stall
from benchmarks.overhead import percentile, reply_overhead
from benchmarks.syncs import served
from benchmarks.table import Line, milliseconds, print_table
from docbot.telemetry import set_up_logging

MOST_SLOWER = 3.0  # times, at p99
_WARM_UP = 10  # posts that are not counted
_UNDER_WAY = 50  # pages that the sync has read before the first post
_PATIENCE = 180.0
_LOOK_SECONDS = 0.1
_READ = "SELECT count(*) FROM pages JOIN sources ON sources.id = source_id WHERE kind = 'website'"
_IS_UNDER_WAY = "SELECT EXISTS (SELECT FROM syncs WHERE ended_at IS NULL)"


@dataclass(frozen=True, slots=True)
class Beside:
    """Seconds for each post; `read` pages were read during those beside the sync."""

    at_rest: Sequence[float]
    beside: Sequence[float]
    stall: Stall
    read: int

    @property
    def slower(self) -> float:
        return percentile(self.beside, 0.99) / percentile(self.at_rest, 0.99)

    def lines(self) -> list[Line]:
        return [
            Line(f"Reply overhead at rest: p50 / p99 of {len(self.at_rest)}", _both(self.at_rest)),
            Line(
                f"The same while a sync reads {self.read} pages: p50 / p99 of {len(self.beside)}",
                _both(self.beside),
            ),
            Line("Times slower at p99", f"{self.slower:.1f}", f"at most {MOST_SLOWER:g}"),
            Line("Worst stall of the event loop beside the sync", str(self.stall), "50 ms"),
        ]


def _both(seconds: Sequence[float]) -> str:
    return " / ".join(milliseconds(percentile(seconds, share)) for share in (0.5, 0.99))


async def measure(house: House, posts: int, pages: int) -> Beside:
    async with running_bot(house):
        at_rest = await _ask(house, posts)
    async with served("--made", str(pages)) as site:
        source = await house.rooms.sources.add(
            name="site", kind="website", location=site.url, base_url=None
        )
        await house.rooms.syncs.put_off([source], 0)
        async with running_bot(house, DOCBOT_CRAWL_PAUSE="0") as bot:
            before = await _under_way(house)
            beside = await _ask(house, posts)
            if not await house.rooms.pool.fetchval(_IS_UNDER_WAY):
                raise RuntimeError("the sync ended before the last post; give it more --pages")
            read = await house.rooms.pool.fetchval(_READ) - before
    return Beside(at_rest, beside, bot.at_work, read)


async def _under_way(house: House) -> int:
    """Wait until the sync has read some pages; return how many."""
    deadline = time.monotonic() + _PATIENCE
    read = 0
    while read < _UNDER_WAY and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        read = await house.rooms.pool.fetchval(_READ)
    return read


async def _ask(house: House, posts: int) -> list[float]:
    asked = questions(house.chunks, _WARM_UP + posts)
    return [await reply_overhead(house, question) for question in asked][_WARM_UP:]


async def run(chunks: int, posts: int, pages: int) -> Beside:
    async with open_house(chunks) as house:
        return await measure(house, posts, pages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, default=5_000)
    parser.add_argument("--posts", type=int, default=300)
    parser.add_argument("--pages", type=int, default=5_000)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    print_table(asyncio.run(run(arguments.chunks, arguments.posts, arguments.pages)).lines())


if __name__ == "__main__":
    main()
