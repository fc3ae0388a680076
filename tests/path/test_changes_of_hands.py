"""Faults of the database under a running bot."""

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
