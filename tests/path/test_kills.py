"""A kill -9 between any two steps of the path: the question is answered, once."""

import asyncio
import signal
from datetime import timedelta

import pytest

from docbot.app.run import RunningBot
from docbot.telemetry import STEPS, Step
from tests.path.scene import open_scene
from tests.town import QUESTION, Ground

pytestmark = pytest.mark.slow

QUICK = {"message stored", "answer stored", "message sent"}  # one for each table of the path


# Before and after each commit and each call in between: tests/path/test_crash_points.py.
@pytest.mark.parametrize(
    "step",
    [pytest.param(step, marks=() if step in QUICK else pytest.mark.check) for step in STEPS],
)
async def test_a_kill_after_this_step_loses_and_doubles_nothing(ground: Ground, step: Step) -> None:
    async with open_scene(ground) as scene:
        dying = await scene.start_connected(step)
        thread = await scene.asker.post(scene.playground.forum, QUESTION, "It fails.")
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        async with scene.awake():
            await scene.asker.sees_reply(thread)
            await scene.is_answered_once(thread.id)


async def test_after_the_nonce_is_forgotten_the_channels_history_settles_a_send(
    ground: Ground,
) -> None:
    async with open_scene(ground, nonce_seconds=0.0) as scene:
        dying = await scene.start_connected("message sent")
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
        first = await scene.start_connected()
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
        process = await scene.start_connected()
        thread = await scene.asker.post(scene.playground.forum, QUESTION, "It fails.")
        await scene.asker.sees_reply(thread)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
        async with scene.awake():
            await scene.is_answered_once(thread.id)
