"""An operator tries a failed question again; and what was tried once ends as what is true."""

import asyncio

import pytest

from docbot.errors import TransientError, UsageError
from docbot.forum.again import Again, try_again
from docbot.playground.objects import Thread
from tests.forked import start
from tests.model_server import ModelServer
from tests.town import ANSWER_PLACE, QUESTION, Ground, QuietTown, Town, open_quiet_town, open_town

pytestmark = pytest.mark.slow

BODY = "It fails each night."
_REFUSE_ANSWERS = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'refused';
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON answers EXECUTE FUNCTION refuse()
"""
SEND = r"/channels/\d+/messages"
CODE = ["\n\n```python\n" + f"frobnicate(max_retries={n})\n" * 35 + "```" for n in range(5)]
LONG = "Set `max_retries` [1]." + "".join(CODE)


async def _retry(town: QuietTown, question_id: int | None = None) -> Again:
    rooms = town.rooms
    wanted = question_id or await rooms.pool.fetchval("SELECT max(id) FROM questions")
    return await try_again(rooms.pool, rooms.questions, rooms.outbox, wanted)


async def _fail_the_send(town: Town) -> Thread:
    """Post a question whose answer Discord refuses for good."""
    town.playground.faults.answer(400, code=200000, method="POST", path=SEND)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT count(*) = 1 FROM questions WHERE state = 'failed'")
    return thread


# Again


async def test_an_answer_that_was_not_sent_is_sent_again_as_it_was_written(town: Town) -> None:
    thread = await _fail_the_send(town)
    before = await town.rooms.pool.fetchrow("SELECT id, nonce FROM outbox")
    assert await _retry(town) == Again(messages=1)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
    await town.until("SELECT state = 'answered' FROM questions")
    assert await town.rooms.pool.fetchrow("SELECT id, nonce FROM outbox") == before
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM answers") == 1


async def test_the_running_bot_begins_at_once_not_at_its_next_look(ground: Ground) -> None:
    async with (
        open_quiet_town(ground) as quiet,
        quiet.awake(idle_seconds=3_600.0) as town,
    ):
        thread = await _fail_the_send(town)
        await _retry(town)
        await town.asker.sees_reply(thread)


async def test_the_parts_that_fell_with_a_dead_one_are_sent_after_it_in_order(
    ground: Ground,
) -> None:
    async with (
        ModelServer.open(replies=[LONG]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await _fail_the_send(town)
        states = "SELECT array_agg(state ORDER BY part) FROM outbox"
        fallen = await town.rooms.pool.fetchval(states)
        assert fallen[0] == "dead"
        assert set(fallen[1:]) == {"dropped"}
        assert await _retry(town) == Again(messages=len(fallen))
        await town.until("SELECT bool_and(state = 'sent') FROM outbox")
        sent = await town.rooms.pool.fetch("SELECT message_id FROM outbox ORDER BY part")
        replies = [reply.id for reply in town.playground.world.replies_of_bot(thread.id)]
        assert [row["message_id"] for row in sent] == replies


async def test_of_an_answer_that_is_there_in_part_only_what_is_missing_is_sent(
    ground: Ground,
) -> None:
    async with (
        ModelServer.open(replies=[LONG]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        first = town.playground.faults.hold(method="POST", path=SEND)
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await first.reached.wait()
        town.playground.faults.answer(400, code=200000, method="POST", path=SEND)
        first.release()
        await town.until("SELECT count(*) = 1 FROM outbox WHERE state = 'dead'")
        await town.until("SELECT state = 'answered' FROM questions")
        missing = await town.rooms.pool.fetchval("SELECT count(*) FROM outbox WHERE part > 1")
        assert await _retry(town) == Again(messages=missing)
        await town.until("SELECT bool_and(state = 'sent') FROM outbox")
        assert len(town.playground.world.replies_of_bot(thread.id)) == missing + 1


async def test_a_message_that_arrived_all_the_same_is_found_not_sent_again(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground, nonce_seconds=0.0) as quiet:
        quiet.playground.faults.reset(method="POST", path=SEND, after_effect=True)
        async with quiet.awake() as town:
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(thread)
            await town.until("SELECT attempt = 1 AND state = 'pending' FROM outbox")
        # As if it had been given up hours later, without another look.
        await quiet.rooms.pool.execute(
            "UPDATE outbox SET state = 'dead', reason = 'given up', ended_at = now(),"
            " first_tried_at = now() - interval '7 hours'"
        )
        await quiet.rooms.pool.execute(
            "UPDATE questions SET state = 'failed', reason = 'given up', ended_at = now()"
        )
        assert await _retry(quiet) == Again(messages=1)
        async with quiet.awake():
            await quiet.until("SELECT state = 'answered' FROM questions")
        assert len(quiet.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_question_without_an_answer_waits_for_one_again_and_its_age_counts_anew(
    ground: Ground,
) -> None:
    async with (
        ModelServer.open(replies=["Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        pool = town.rooms.pool
        await pool.execute(_REFUSE_ANSWERS)
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.until("SELECT refusals = 1 FROM questions")
        await pool.execute("UPDATE questions SET refusals = 4, asked_at = now() - interval '1 day'")
        await town.until("SELECT state = 'failed' FROM questions")
        await pool.execute("DROP TRIGGER refuse ON answers")
        assert await _retry(town) == Again(messages=0)
        assert "max_retries" in (await town.asker.sees_reply(thread)).content


async def test_of_two_who_retry_at_once_one_wins_and_the_other_is_told(ground: Ground) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            await _fail_the_send(town)
        tried = await asyncio.gather(_retry(quiet), _retry(quiet), return_exceptions=True)
        assert [Again(messages=1)] == [one for one in tried if isinstance(one, Again)]
        [error] = [one for one in tried if isinstance(one, UsageError)]
        assert "is posting" in str(error)


@pytest.mark.parametrize("state", ["answered", "cancelled", "waiting", "answering"])
async def test_what_did_not_fail_is_not_tried_again(ground: Ground, state: str) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake():
            await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until("SELECT state = 'answered' FROM questions")
        await town.rooms.pool.execute(
            "UPDATE questions SET state = $1, reason = 'because',"
            " ended_at = CASE WHEN $1 IN ('answered', 'cancelled') THEN now() END",
            state,
        )
        before = await _everything(town)
        with pytest.raises(UsageError, match=f"is {state}"):
            await _retry(town)
        with pytest.raises(UsageError, match="there is no question 4711"):
            await _retry(town, 4711)
        assert await _everything(town) == before


@pytest.mark.parametrize("what", ["message", "thread", "lock"])
@pytest.mark.parametrize("answered", [True, False])
async def test_what_was_deleted_or_locked_after_it_failed_is_not_tried_again(
    town: Town, what: str, answered: bool
) -> None:
    thread = await _fail_the_send(town)
    pool = town.rooms.pool
    if not answered:
        await pool.execute("DELETE FROM outbox")
        await pool.execute("DELETE FROM answers")
    if what == "message":
        await town.asker.delete(town.playground.world.messages[thread.id])
        await town.until("SELECT deleted_at IS NOT NULL FROM messages")
    elif what == "thread":
        await town.playground.moderator.delete_thread(thread)
        await town.until("SELECT deleted_at IS NOT NULL FROM threads")
    else:
        await town.playground.moderator.lock(thread)
        await town.until("SELECT locked FROM threads")
    before = await _everything(town)
    gone = "its thread is locked" if what == "lock" else "was deleted"
    with pytest.raises(UsageError, match=gone):
        await _retry(town)
    assert await _everything(town) == before


async def _everything(town: QuietTown) -> list[str]:
    rows = await town.rooms.pool.fetch(
        "SELECT questions::text AS row FROM questions UNION ALL SELECT outbox::text FROM outbox"
    )
    return [row["row"] for row in rows]


async def test_what_would_overtake_a_later_question_of_its_thread_is_not_tried_again(
    town: Town,
) -> None:
    thread = await _fail_the_send(town)
    failed = await town.rooms.pool.fetchval("SELECT id FROM questions")
    town.playground.faults.rate_limit(600, method="POST", path=SEND)
    await town.asker.reply(thread, f"{town.mention} when does it time out?")
    await town.until("SELECT due_at > now() + interval '9 minutes' FROM outbox WHERE id = 2")
    before = await _everything(town)
    with pytest.raises(TransientError, match="later one of its thread"):
        await _retry(town, failed)
    assert await _everything(town) == before


async def test_an_operator_finds_what_failed_and_tries_it_again(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake() as awake:
            await _fail_the_send(awake)
        listed = await _docbot(ground, "list", "--state", "failed")
        assert "AutoMod" in listed
        assert "docbot questions retry ID" in listed
        question_id = await town.rooms.pool.fetchval("SELECT id FROM questions")
        assert "message 1: dead, tried 1 time (" in await _docbot(ground, "show", str(question_id))
        retried = await _docbot(ground, "retry", str(question_id))
        assert retried == f"question {question_id} has 1 message to be sent\n"


async def _docbot(ground: Ground, *arguments: str) -> str:
    process = await start(
        *("docbot", "questions"),
        *arguments,
        env={"DATABASE_URL": ground.database_url, "DOCBOT_DATA_DIR": str(ground.data_dir)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


# Tried once, and then not wanted any more


async def _tried_once(town: Town, *, arrives: bool) -> Thread:
    """Post a question whose answer is put off after a send of unknown outcome."""
    town.playground.faults.reset(method="POST", path=SEND, after_effect=arrives)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT attempt = 1 AND state = 'pending' FROM outbox")
    await town.rooms.pool.execute("UPDATE outbox SET due_at = now() + interval '1 hour'")
    return thread


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("what", ["the thread is locked", "the message is deleted"])
async def test_who_ends_a_question_whose_answer_was_tried_learns_whether_it_is_there(
    town: Town, what: str, *, arrives: bool
) -> None:
    thread = await _tried_once(town, arrives=arrives)
    if what == "the thread is locked":
        await town.playground.moderator.lock(thread)
    else:
        await town.asker.delete(town.playground.world.messages[thread.id])
    await town.until("SELECT ended_at IS NOT NULL FROM questions")
    [(state, reason)] = await town.states()
    there = town.playground.world.replies_of_bot(thread.id)
    if arrives:
        assert (state, reason) == ("answered", None)
        assert await town.rooms.pool.fetchval("SELECT message_id FROM outbox") == there[0].id
    else:
        assert state == "cancelled"
        assert reason in {"thread locked", "message deleted"}
    assert len(there) == arrives


async def test_a_thread_locked_while_away_is_looked_through_for_an_answer_that_was_tried(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            thread = await _tried_once(town, arrives=True)
        await quiet.playground.moderator.lock(thread)
        await quiet.rooms.pool.execute("UPDATE outbox SET due_at = now()")
        async with quiet.awake():
            await quiet.until("SELECT ended_at IS NOT NULL FROM questions")
        assert await quiet.states() == [("answered", None)]


async def test_a_deleted_thread_takes_an_answer_with_it_that_was_tried(town: Town) -> None:
    thread = await _tried_once(town, arrives=True)
    await town.playground.moderator.delete_thread(thread)
    await town.until("SELECT ended_at IS NOT NULL FROM questions")
    assert await town.states() == [("cancelled", "thread deleted")]
