"""Two docbots with one database and one token: one acts, one stands by."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from docbot.app.rooms import open_rooms
from docbot.app.run import RunningBot
from docbot.db.activity import find_holder
from docbot.playground.faults import SEND_MESSAGE
from docbot.playground.server import Playground
from tests.path.processes import Bot, Way, bot, way_to
from tests.town import (
    ANSWER_PLACE,
    QUESTION,
    Ground,
    QuietTown,
    bind,
    open_quiet_town,
    read_pages,
    settings_for,
)

pytestmark = pytest.mark.slow

log = logging.getLogger(__name__)

BODY = "It fails each night."
ACTIVE = "active from now on"
STANDING_BY = "standing by: process"
# Of the lock that says who acts, in this database.
_END_LOCK = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 7110002 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def _answered_once(town: QuietTown, threads: int) -> None:
    """Each of so many threads has one reply, and the database knows of each as sent once."""
    await town.until("SELECT count(*) = $1 FROM questions WHERE state = 'answered'", threads)
    channels = await town.rooms.pool.fetch("SELECT channel_id FROM conversations")
    for row in channels:
        assert len(town.playground.world.replies_of_bot(row["channel_id"])) == 1
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM outbox") == threads


def _measured(what: str, began: float) -> None:
    log.warning("%s after %.2f s", what, monotonic() - began)


@pytest.mark.parametrize(
    "end", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.check)]
)
async def test_of_two_on_two_data_folders_the_second_takes_over_and_answers_what_waits(
    ground: Ground, tmp_path: Path, end: signal.Signals
) -> None:
    async with (
        open_quiet_town(ground) as town,
        bot(town.playground, ground.data_dir, ground.database_url) as first,
    ):
        await first.tells("connected to Discord")
        async with bot(town.playground, tmp_path / "other", ground.database_url) as second:
            await second.tells(STANDING_BY)
            # Its own folder has no index: it is made while there is time for it.
            await second.tells("the index is in")
            async with town.rooms.pool.acquire() as conn:
                holder = await find_holder(conn)
            assert holder is not None
            assert holder.name.startswith(f"process {first.process.pid} on ")
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(thread)
            first.signal(end)
            began = monotonic()
            late = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await second.tells(ACTIVE)
            _measured(f"{end.name}: active", began)
            assert ANSWER_PLACE in (await town.asker.sees_reply(late)).content
            _measured(f"{end.name}: answered", began)
            await _answered_once(town, 2)
            assert await first.ends() == (0 if end is signal.SIGTERM else -end)
            assert second.told(STANDING_BY) == 1
            second.signal(signal.SIGTERM)
            assert await second.ends() == 0


async def test_two_on_one_data_folder_share_its_postgres_and_outlive_its_end(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    async with Playground.open() as playground:
        settings = settings_for(playground, "", tmp_path / "data").model_copy(
            update={"database_url": None}
        )
        async with open_rooms(settings) as rooms:
            await read_pages(rooms, tmp_path / "pages")
            await bind(rooms, playground)
            town = QuietTown(playground, rooms)
            async with (
                bot(playground, tmp_path / "data", None) as first,
                bot(playground, tmp_path / "data", None) as second,
            ):
                await playground.bot_connects()
                both = first, second
                await asyncio.wait_for(
                    asyncio.wait(
                        [asyncio.ensure_future(each.tells(STANDING_BY)) for each in both],
                        return_when=asyncio.FIRST_COMPLETED,
                    ),
                    20,
                )
                active, standby = both if second.told(STANDING_BY) else both[::-1]
                assert standby.told(ACTIVE) == 0
                # The postmaster dies: whoever comes first starts another, and one acts again.
                postmaster = await rooms.pool.fetchval("SELECT pg_read_file('postmaster.pid')")
                os.kill(int(postmaster.split()[0]), signal.SIGKILL)
                began = monotonic()
                thread = await town.asker.post(playground.forum, QUESTION, BODY)
                await town.asker.sees_reply(thread)
                _measured("postmaster killed: answered", began)
                holder = None
                async with rooms.pool.acquire() as conn:
                    holder = await find_holder(conn)
                assert holder is not None
                active, standby = both if str(first.process.pid) in holder.name else both[::-1]
                active.signal(signal.SIGKILL)
                began = monotonic()
                late = await town.asker.post(playground.forum, QUESTION, BODY)
                await town.asker.sees_reply(late)
                _measured("one folder, SIGKILL: answered", began)
                await _answered_once(town, 2)
                standby.signal(signal.SIGTERM)
                assert await standby.ends() == 0


@pytest.mark.parametrize(
    "step",
    [
        "thread checked",
        *(
            pytest.param(step, marks=pytest.mark.check)
            for step in ("row claimed", "answer generated")
        ),
    ],
)
async def test_one_that_was_stopped_before_a_step_does_not_do_it_when_it_wakes_up(
    ground: Ground, step: str
) -> None:
    frozen = "tests.path.frozen_bot"
    async with (
        open_quiet_town(ground, nonce_seconds=0.0) as town,
        bot(town.playground, ground.data_dir, ground.database_url, frozen, step) as old,
    ):
        await old.tells("connected to Discord")
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await old.is_frozen()
        assert await town.rooms.pool.fetchval(_END_LOCK)
        async with town.awake():
            await town.asker.sees_reply(thread)
            await _answered_once(town, 1)
            old.signal(signal.SIGCONT)
            await old.tells("not acting")
            await old.tells(STANDING_BY)
            await _answered_once(town, 1)
            old.signal(signal.SIGTERM)
            assert await old.ends() == 0


@asynccontextmanager
async def _one_whose_way_can_be_cut(ground: Ground) -> AsyncIterator[tuple[QuietTown, Bot, Way]]:
    """A docbot that acts, and its way to Postgres."""
    async with (
        way_to(ground.database_url) as way,
        open_quiet_town(ground) as town,
        bot(town.playground, ground.data_dir, way.url) as acting,
    ):
        await acting.tells("connected to Discord")
        yield town, acting, way


async def test_a_send_under_way_when_the_right_is_lost_is_no_second_message(
    ground: Ground,
) -> None:
    async with _one_whose_way_can_be_cut(ground) as (town, old, way):
        held = town.playground.faults.hold(method="POST", path=SEND_MESSAGE)
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await held.reached.wait()
        way.swallows = lambda _: True
        await town.rooms.pool.execute(_END_LOCK)  # as Postgres does once the keepalives are silent
        async with town.awake():
            await town.asker.sees_reply(thread)
            held.release()
            await old.tells("not acting")
            await _answered_once(town, 1)
            way.swallows = lambda _: False
            way.break_off()
            await old.tells(STANDING_BY)
        old.signal(signal.SIGTERM)
        assert await old.ends() == 0


@pytest.mark.check
async def test_one_whose_lock_alone_leads_nowhere_hands_it_over_and_stands_by(
    ground: Ground,
) -> None:
    async with _one_whose_way_can_be_cut(ground) as (town, old, way):
        standby = RunningBot(town.rooms, read_settings=lambda: town.rooms.settings)
        waiting = asyncio.create_task(standby.run())
        await town.until(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE objid = 7110002 AND NOT granted)"
        )
        lock = way.lock()
        way.swallows = lambda link: link is lock
        began = monotonic()
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.asker.sees_reply(thread)
        _measured("lock alone stalled: answered", began)
        await _answered_once(town, 1)
        await old.tells("not acting")
        assert await town.rooms.pool.fetchval("SELECT epoch FROM activity") == 2
        standby.stop()
        await waiting
        old.signal(signal.SIGTERM)
        assert await old.ends() == 0


@pytest.mark.check
async def test_one_that_stands_by_takes_over_although_its_place_in_the_queue_was_lost_unheard(
    ground: Ground, tmp_path: Path
) -> None:
    async with (
        way_to(ground.database_url) as way,
        open_quiet_town(ground) as town,
        town.awake() as acting,
        bot(town.playground, tmp_path / "other", way.url) as standby,
    ):
        queued = "SELECT pid FROM pg_locks WHERE objid = 7110002 AND NOT granted"
        pid = await town.until(queued)
        lock = way.lock()
        way.swallows = lambda link: link is lock
        await town.rooms.pool.execute("SELECT pg_terminate_backend($1)", pid)
        await town.until(f"SELECT EXISTS ({queued} AND pid <> $1)", pid)
        assert standby.told(ACTIVE) == 0
        acting.bot.stop()
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.asker.sees_reply(thread)
        standby.signal(signal.SIGTERM)
        assert await standby.ends() == 0


async def test_one_with_another_embedding_model_is_refused_and_changes_nothing(
    ground: Ground, tmp_path: Path
) -> None:
    async with open_quiet_town(ground) as town, town.awake():
        before = await town.rooms.pool.fetch("SELECT * FROM index_generations")
        async with bot(
            town.playground,
            tmp_path / "other",
            ground.database_url,
            OPENAI_BASE_URL="http://127.0.0.1:9/v1",
            DOCBOT_EMBEDDING_MODEL="mini",
        ) as other:
            assert await other.ends() == 2
        [told] = [line for line in other.lines if line.startswith("docbot: ")]
        assert "DOCBOT_EMBEDDING_MODEL: here it is mini, and process" in told
        assert "has none; set the same here" in told
        assert await town.rooms.pool.fetch("SELECT * FROM index_generations") == before
        assert not (tmp_path / "other" / "index").exists()
        assert await town.rooms.pool.fetchval("SELECT epoch FROM activity") == 1
