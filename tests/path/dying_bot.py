"""A bot in a process of its own that kills itself at the step or the crash point it is told.

It prints each crash point it comes by. At SIGUSR1 it does what an operator does otherwise in a process
of its own: it has tried again what failed.
"""

import asyncio
import os
import signal
import sys

from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot, stop_on_signals
from docbot.forum.again import try_again
from docbot.settings import load
from docbot.telemetry import set_up_logging
from tests.path.effects import Observer


async def run(last: str) -> None:
    def die_at(name: str) -> None:
        if name == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def come_by(point: str) -> None:
        sys.stdout.write(f"{point}\n")
        sys.stdout.flush()
        die_at(point)

    async with open_rooms(load(None)) as rooms, asyncio.TaskGroup() as tasks:
        Observer(come_by).observe()
        bot = RunningBot(rooms, read_settings=lambda: load(None), on_step=die_at, idle_seconds=0.5)
        stop_on_signals(bot)
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGUSR1, lambda: tasks.create_task(retry_failed(rooms))
        )
        await bot.run()


async def retry_failed(rooms: Rooms) -> None:
    for question in reversed(await rooms.questions.all("failed")):
        await try_again(rooms.pool, rooms.questions, rooms.outbox, question.id)


if __name__ == "__main__":
    set_up_logging("info", "text")
    asyncio.run(run(sys.argv[1]))
