"""Faults of the database under a running bot."""

import asyncio
import logging
import signal
from time import monotonic

import pytest

from docbot.db.migrations import Migration, migrate, shipped
from docbot.db.pool import close
from tests.path.processes import bot, way_to
from tests.town import ANSWER_PLACE, QUESTION, Ground, Town, open_quiet_town

pytestmark = pytest.mark.slow

log = logging.getLogger(__name__)

BODY = "It fails each night."


async def test_a_bot_whose_lock_breaks_stops_acting_and_comes_back(town: Town) -> None:
    conn = await town.rooms.database.connect()  # not of the pool, which the bot gives up
    await conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await close(conn)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
    await town.until("SELECT state = 'answered' FROM questions")
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1
    assert await town.rooms.pool.fetchval("SELECT epoch FROM activity") == 2


async def test_connections_that_break_delay_a_question_and_lose_none(town: Town) -> None:
    conn = await town.rooms.database.connect()
    await conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await close(conn)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_post_that_cannot_be_stored_at_first_is_stored_when_postgres_is_back(
    town: Town,
) -> None:
    pool = town.rooms.pool
    # Every write fails as a full disk does, for as long as the trigger stands.
    await pool.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
    )
    await pool.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON questions EXECUTE FUNCTION refuse()"
    )
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await asyncio.sleep(0.3)
    assert await town.states() == []
    await pool.execute("DROP TRIGGER full_disk ON questions")
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


@pytest.mark.parametrize(
    ("table", "state"),
    [
        ("questions", "answering"),
        ("questions", "posting"),
        ("outbox", "sending"),
        ("outbox", "sent"),
    ],
)
async def test_a_write_that_fails_once_leaves_no_row_in_hand(
    town: Town, table: str, state: str
) -> None:
    await town.rooms.pool.execute(
        "CREATE SEQUENCE tries;"
        "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('tries') = 1 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF;"
        " RETURN NEW; END $$;"
        f"CREATE TRIGGER deadlock BEFORE UPDATE OF state ON {table} FOR EACH ROW"
        f" WHEN (NEW.state = '{state}') EXECUTE FUNCTION fail_once()"
    )
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
    await town.until("SELECT state = 'answered' FROM questions")
    assert await town.rooms.pool.fetchval("SELECT last_value FROM tries") >= 2
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_bot_answers_while_a_newer_version_changes_the_schema_and_after_it(
    ground: Ground, town: Town
) -> None:
    """A column more in each table of the path, an index, and the time that a large one takes."""
    tables = "activity", "forums", "threads", "messages", "conversations", "questions", "outbox"
    # A process that runs has each of its statements prepared.
    first = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(first)
    columns = ";".join(f"ALTER TABLE {table} ADD COLUMN later text" for table in tables)
    later = Migration(
        "9996_later.sql",
        f"{columns}; CREATE INDEX questions_later ON questions (later); SELECT pg_sleep(0.5)",
    )
    conn = await town.rooms.database.connect()
    migrating = asyncio.create_task(migrate(conn, [*shipped(), later]))
    threads = []
    for _ in range(5):
        threads.append(await town.asker.post(town.playground.forum, QUESTION, BODY))
        await asyncio.sleep(0.15)
    for thread in threads:
        await town.asker.sees_reply(thread)
    assert await migrating == [later.name]
    await close(conn)
    last = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(last)
    await town.until("SELECT count(*) = 7 FROM questions WHERE state = 'answered'")
    for thread in (first, *threads, last):
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1
    # It goes on for as long as it runs; it does not start again.
    async with bot(town.playground, ground.data_dir, ground.database_url) as old:
        assert await old.ends() == 1
        assert old.told("the database is newer than this docbot: it has 9996_later.sql") == 1


@pytest.mark.check
async def test_postgres_is_found_within_seconds_however_long_it_was_away(ground: Ground) -> None:
    async with (
        way_to(ground.database_url) as way,
        open_quiet_town(ground) as town,
        bot(town.playground, ground.data_dir, way.url) as process,
    ):
        await process.tells("connected to Discord")
        way.refuses = True
        way.break_off()
        await process.tells("not acting")
        away = 12
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await asyncio.sleep(away)
        assert process.told("not acting") < 8  # of some twelve looks
        way.refuses = False
        began = monotonic()
        assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
        log.warning("answered %.2f s after Postgres was back", monotonic() - began)
        assert monotonic() - began < away
        process.signal(signal.SIGTERM)
        assert await process.ends() == 0
