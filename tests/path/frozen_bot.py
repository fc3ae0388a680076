"""A bot in a process of its own that stops itself, as a machine under a spell does, at a step."""

import asyncio
import os
import signal
import sys

from docbot.app.rooms import open_rooms
from docbot.app.run import RunningBot, stop_on_signals
from docbot.settings import load
from docbot.telemetry import Step, set_up_logging


async def run(last_step: str) -> None:
    def freeze_at(step: Step) -> None:
        if step == last_step:
            os.kill(os.getpid(), signal.SIGSTOP)

    async with open_rooms(load(None)) as rooms:
        bot = RunningBot(rooms, read_settings=lambda: load(None), on_step=freeze_at)
        stop_on_signals(bot)
        await bot.run()


if __name__ == "__main__":
    set_up_logging("info", "text")
    asyncio.run(run(sys.argv[1]))
