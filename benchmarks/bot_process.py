"""A docbot in a process of its own, as `docbot run` is, whose event loop is watched.

Run by the benchmarks. Its settings come from the environment. On stdout it says, as lines of JSON,
when it handled READY and, once it was stopped, what the watch saw.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.loop_watch import LoopWatch
from docbot.app.rooms import open_rooms
from docbot.app.run import IDLE_SECONDS, REQUESTS_PER_SECOND, RunningBot, stop_on_signals
from docbot.processes import freeze_what_is_loaded
from docbot.settings import load
from docbot.telemetry import set_up_logging


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--polled", action="store_true", help="no wake-ups, the polls alone")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS)
    parser.add_argument("--requests-per-second", type=int, default=REQUESTS_PER_SECOND)
    return parser


async def run(arguments: Sequence[str] | None = None) -> None:
    chosen = options().parse_args(arguments)
    watch = LoopWatch()
    with watch.watching():
        async with open_rooms(load(None)) as rooms:
            bot = RunningBot(
                rooms,
                read_settings=lambda: rooms.settings,
                wake_ups=not chosen.polled,
                idle_seconds=chosen.idle_seconds,
                requests_per_second=chosen.requests_per_second,
            )
            stop_on_signals(bot)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_tell_ready(bot, watch))
                await bot.run()
    tell(computed=time.process_time(), at_work=asdict(watch.worst))


async def _tell_ready(bot: RunningBot, watch: LoopWatch) -> None:
    await bot.connected.wait()
    tell(ready=time.monotonic(), computed=time.process_time(), at_start=asdict(watch.restart()))


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    set_up_logging("warning", "text")
    freeze_what_is_loaded()
    asyncio.run(run())
