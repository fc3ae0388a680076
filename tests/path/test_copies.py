"""A bot goes on from a backup: nothing that was asked is lost, nothing that was sent is sent again."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from docbot.app.copies import back_up, restore
from docbot.app.rooms import open_rooms
from docbot.playground.world import Clock
from docbot.telemetry import Step
from tests.forked import start
from tests.town import QUESTION, Ground, Quiet, QuietTown, open_quiet_town

pytestmark = pytest.mark.slow

# A question that waits, one whose answer is pending, and one whose answer is sent and not recorded.
STEPS = (
    pytest.param("message stored", marks=pytest.mark.check),
    pytest.param("answer stored", marks=pytest.mark.check),
    "message sent",
)
_ENDED = "SELECT count(*) > 0 AND bool_and(ended_at IS NOT NULL) FROM questions"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "docbot.tar"


async def back_up_town(town: QuietTown, file: Path) -> None:
    await back_up(town.rooms.settings, file, force=False, say=lambda _: None, progress=Quiet())


@asynccontextmanager
async def restored(town: QuietTown, file: Path, database_url: str) -> AsyncIterator[QuietTown]:
    """The same Discord with a docbot that knows what the backup holds."""
    changes = {
        "database_url": SecretStr(database_url),
        "docbot_data_dir": file.parent / "restored",
    }
    settings = town.rooms.settings.model_copy(update=changes)
    await restore(settings, file, say=lambda _: None, progress=Quiet())
    async with open_rooms(settings) as rooms:
        yield QuietTown(town.playground, rooms)


@asynccontextmanager
async def town_of_before(ground: Ground) -> AsyncIterator[QuietTown]:
    """A Discord of ten minutes ago, so that all that is asked in it is late; it keeps no nonce."""
    clock = Clock()
    clock.advance(-600)
    async with open_quiet_town(ground, clock=clock, nonce_seconds=0.0) as town:
        await town.rooms.pool.execute("UPDATE forums SET bound_at = now() - interval '1 hour'")
        yield town


@pytest.mark.parametrize("step", STEPS)
async def test_what_a_killed_bot_left_is_answered_after_a_restore(
    ground: Ground, empty_url: str, file: Path, step: Step
) -> None:
    async with open_quiet_town(ground) as town:
        dying = await start(
            *("tests.path.dying_bot", step),
            env={
                "PATH": "/usr/bin:/bin",
                "DISCORD_TOKEN": town.playground.token,
                "DOCBOT_DISCORD_API": town.playground.api_url,
                "DATABASE_URL": ground.database_url,
                "DOCBOT_DATA_DIR": str(ground.data_dir),
            },
        )
        await town.playground.bot_connects()
        thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        await back_up_town(town, file)
        async with restored(town, file, empty_url) as again, again.awake():
            await again.until(_ENDED)
            assert [state for state, _ in await again.states()] == ["answered"]
            assert len(town.playground.world.replies_of_bot(thread.id)) == 1


@pytest.mark.parametrize("step", STEPS)
async def test_what_the_bot_sent_after_the_backup_is_not_sent_again(
    ground: Ground, empty_url: str, file: Path, step: Step
) -> None:
    async with town_of_before(ground) as town:

        def back_up_at(name: Step) -> None:
            if name == step and not file.exists():  # this very moment: the bot waits for it
                there = threading.Thread(target=lambda: asyncio.run(back_up_town(town, file)))
                there.start()
                there.join()

        async with town.awake(on_step=back_up_at):
            thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
            await town.until(_ENDED)
        async with restored(town, file, empty_url) as again:
            await minutes_pass(again)
            async with again.awake():
                await again.until(_ENDED)
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_later_part_that_was_sent_after_the_backup_is_found_in_its_channel(
    ground: Ground, empty_url: str, file: Path
) -> None:
    async with town_of_before(ground) as town:
        thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
        async with town.rooms.pool.acquire() as conn, conn.transaction():
            await town.rooms.outbox.add(
                conn,
                guild_id=town.playground.guild.id,
                channel_id=thread.id,
                payload={"content": "The second part.", "reply_to": None, "vote_on": None},
                nonce="part-2",
                part=2,
            )
        await town.rooms.pool.execute(
            "UPDATE forums SET bound_at = now()"
        )  # the post is no question
        await back_up_town(town, file)
        sent = "SELECT message_id FROM outbox WHERE state = 'sent'"
        async with town.awake():
            message_id = await town.until(sent)
        async with restored(town, file, empty_url) as again:
            await minutes_pass(again)
            async with again.awake():
                assert await again.until(sent) == message_id
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def minutes_pass(town: QuietTown) -> None:
    """Set the outbox's clock back to that of its Discord."""
    await town.rooms.pool.execute(
        "UPDATE outbox SET first_tried_at = first_tried_at - $1::interval", timedelta(minutes=10)
    )


async def test_what_was_asked_and_answered_after_the_backup_is_not_answered_again(
    ground: Ground, empty_url: str, file: Path
) -> None:
    async with town_of_before(ground) as town:
        await back_up_town(town, file)
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
            first = await town.asker.sees_reply(thread)
            await town.until(_ENDED)
            follow_up = f"{town.mention} How many seconds does it wait between two tries?"
            await town.asker.reply(thread, follow_up)
            await town.asker.sees_reply(thread, after=first)
            await town.until(
                "SELECT count(*) = 2 AND bool_and(ended_at IS NOT NULL) FROM questions"
            )
        said = [reply.id for reply in town.playground.world.replies_of_bot(thread.id)]
        async with restored(town, file, empty_url) as again, again.awake():
            await again.until(
                "SELECT count(*) = 2 AND bool_and(ended_at IS NOT NULL) FROM questions"
            )
            states = await again.states()
        assert [reply.id for reply in town.playground.world.replies_of_bot(thread.id)] == said
        assert [state for state, _ in states] == ["cancelled", "cancelled"]
        assert all("answers it already" in str(reason) for _, reason in states)


async def test_the_index_and_its_vectors_are_there_after_a_restore(
    ground: Ground, empty_url: str, file: Path
) -> None:
    async with open_quiet_town(ground) as town:
        await back_up_town(town, file)
        async with restored(town, file, empty_url) as again:
            assert again.rooms.index.get() is not None
            async with again.awake():
                thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
                await town.asker.sees_reply(thread)
