"""Faults of the database under a running bot."""

import asyncio

import pytest

from tests.town import ANSWER_PLACE, QUESTION, Town

BODY = "It fails each night."


async def test_a_bot_whose_lock_breaks_stops_acting_and_comes_back(town: Town) -> None:
    await town.rooms.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread, timeout=30)).content
    await town.until("SELECT state = 'answered' FROM questions")
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1
    assert await town.rooms.pool.fetchval("SELECT epoch FROM activity") == 2


async def test_connections_that_break_delay_a_question_and_lose_none(town: Town) -> None:
    await town.rooms.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread, timeout=30)).content


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
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread, timeout=30)).content


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
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread, timeout=30)).content
    await town.until("SELECT state = 'answered' FROM questions")
    assert await town.rooms.pool.fetchval("SELECT last_value FROM tries") >= 2
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1
