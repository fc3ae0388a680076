"""A bot that is stopped leaves nothing behind, wherever it was."""

import asyncio
import gc
import threading

import pytest
from discord.gateway import KeepAliveHandler

from tests.town import QUESTION, Ground, eventually, open_quiet_town, open_town


def _reactions() -> list[str]:
    """The events that discord.py still has in hand."""
    return [name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("discord")]


async def test_one_that_catches_up_says_nothing_of_what_it_left(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as quiet:
        for number in range(3):
            await quiet.asker.post(quiet.playground.forum, f"{QUESTION} {number}", "Each night.")
        async with quiet.rooms.pool.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await conn.execute("LOCK TABLE threads IN SHARE ROW EXCLUSIVE MODE")
            async with quiet.awake():
                await quiet.until(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted "
                    "AND relation = 'threads'::regclass)"
                )
            await transaction.rollback()
        await eventually(lambda: not _reactions())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_one_that_connects_anew_leaves_no_heartbeat_and_no_connection(
    ground: Ground,
) -> None:
    def heartbeats() -> list[KeepAliveHandler]:
        running = [each for each in threading.enumerate() if isinstance(each, KeepAliveHandler)]
        return [each for each in running if not each._stop_ev.is_set()]

    async with open_town(ground) as town:
        # discord.py says hello and waits 5 s before it begins another session.
        [first] = heartbeats()
        town.playground.faults.invalidate_session(resumable=False)
        await eventually(lambda: bool(heartbeats()) and first not in heartbeats())
        town.bot.stop()
        await eventually(lambda: not heartbeats())
    gc.collect()  # a connection that is still open warns, and a warning is an error
