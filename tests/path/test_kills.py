"""A kill -9 between any two steps of the path: the question is answered, once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from docbot.app.run import RunningBot
from docbot.telemetry import STEPS, Step
from tests.town import QUESTION, Ground, QuietTown, open_quiet_town


@dataclass(frozen=True)
class Scene(QuietTown):
    ground: Ground

    async def start(self, last_step: str = "") -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.path.dying_bot",
            last_step,
            env={
                "PATH": "/usr/bin:/bin",
                "DISCORD_TOKEN": self.playground.token,
                "DOCBOT_DISCORD_API": self.playground.api_url,
                "DATABASE_URL": self.ground.database_url,
                "DOCBOT_DATA_DIR": str(self.ground.data_dir),
            },
        )
        await self.playground.bot_connects()
        return process

    async def is_answered_once(self, thread_id: int) -> None:
        await self.until("SELECT state = 'answered' FROM questions")
        replies = self.playground.world.replies_of_bot(thread_id)
        assert len(replies) == 1
        rows = await self.rooms.pool.fetch("SELECT state, message_id FROM outbox")
        assert [(row["state"], row["message_id"]) for row in rows] == [("sent", replies[0].id)]
        assert await self.rooms.pool.fetchval("SELECT count(*) FROM answers") == 1


@asynccontextmanager
async def open_scene(ground: Ground, *, nonce_seconds: float = 180.0) -> AsyncIterator[Scene]:
    async with open_quiet_town(ground, nonce_seconds=nonce_seconds) as town:
        yield Scene(town.playground, town.rooms, ground)


@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_after_this_step_loses_and_doubles_nothing(ground: Ground, step: Step) -> None:
    async with open_scene(ground) as scene:
        dying = await scene.start(step)
        thread = await scene.asker.post(scene.playground.forum, QUESTION, "It fails.")
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        async with scene.awake():
            await scene.asker.sees_reply(thread)
            await scene.is_answered_once(thread.id)


async def test_after_the_nonce_is_forgotten_the_channels_history_settles_a_send(
    ground: Ground,
) -> None:
    async with open_scene(ground, nonce_seconds=0.0) as scene:
        dying = await scene.start("message sent")
        thread = await scene.asker.post(scene.playground.forum, QUESTION, "It fails.")
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        # The restart comes minutes later, by the row's own clock.
        await scene.rooms.pool.execute(
            "UPDATE outbox SET first_tried_at = first_tried_at - $1::interval",
            timedelta(minutes=5),
        )
        async with scene.awake():
            await scene.is_answered_once(thread.id)


async def test_a_second_process_stands_by_and_takes_over(ground: Ground) -> None:
    async with open_scene(ground) as scene:
        first = await scene.start()
        bot = RunningBot(scene.rooms, read_settings=lambda: scene.rooms.settings)
        standing_by = asyncio.create_task(bot.run())
        thread = await scene.asker.post(scene.playground.forum, QUESTION, "It fails.")
        await scene.asker.sees_reply(thread)
        await scene.is_answered_once(thread.id)
        assert not bot.connected.is_set()
        first.kill()
        await first.wait()
        await asyncio.wait_for(bot.connected.wait(), 20)
        again = await scene.asker.post(scene.playground.forum, QUESTION, "It fails again.")
        await scene.asker.sees_reply(again)
        bot.stop()
        await standing_by


async def test_sigterm_ends_with_0_and_loses_nothing(ground: Ground) -> None:
    async with open_scene(ground) as scene:
        process = await scene.start()
        thread = await scene.asker.post(scene.playground.forum, QUESTION, "It fails.")
        await scene.asker.sees_reply(thread)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
        async with scene.awake():
            await scene.is_answered_once(thread.id)
