"""Calls: stored once, claimed in order, and their token gone when it is of no more use."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from docbot.db import conversations
from docbot.db.answers import Answers
from docbot.db.interactions import Call, CallKind, Interactions, Reply
from docbot.db.pool import Pool
from docbot.db.questions import Claimed, Questions
from tests.db.seed import ASKER, GUILD, an_answer, now, take_over

CHANNEL = 50


def a_call(
    number: int, kind: CallKind = "chat", *, person: int = ASKER, expires_in: float = 840.0
) -> Call:
    return Call(
        id=number,
        guild_id=GUILD,
        channel_id=CHANNEL,
        forum_id=CHANNEL,
        person_id=person,
        kind=kind,
        text=f"Question {number}?",
        token=f"token-{number}",
        asked_at=now(),
        expires_in=expires_in,
    )


async def take(pool: Pool, call: Call) -> bool:
    async with pool.acquire() as conn, conn.transaction():
        return await Interactions(pool).add(conn, call)


async def answer(pool: Pool, epoch: int, *messages: str) -> Claimed:
    """Claim the next question and answer it."""
    question = await Questions(pool).claim_next(epoch, 0)
    assert question is not None
    assert question.interaction_id is not None
    async with pool.acquire() as conn, conn.transaction():
        assert await Questions(pool).send_on(conn, question.id, epoch, "posting")
        await Answers(pool).add(conn, question.id, GUILD, an_answer())
        await Interactions(pool).answer(
            conn, question.interaction_id, [{"content": each} for each in messages]
        )
    return question


async def claim(pool: Pool, epoch: int, replier: int = 0) -> Reply:
    reply = await Interactions(pool).claim_next(epoch, replier)
    assert reply is not None
    return reply


async def say(pool: Pool, epoch: int, reply: Reply) -> None:
    """End the reply as a replier does that has said all."""
    async with pool.acquire() as conn, conn.transaction():
        parts = len(reply.parts or ())
        assert await Interactions(pool).mark_sent(conn, reply, epoch, parts)
        if reply.answer_id is not None:
            await Questions(pool).end_posted(conn, reply.answer_id, "answered", None)
        assert await Interactions(pool).end(conn, reply, epoch) == parts


async def row(pool: Pool, number: int) -> dict[str, Any]:
    found = await pool.fetchrow("SELECT * FROM interactions WHERE id = $1", number)
    assert found is not None
    return dict(found)


async def test_a_call_told_twice_is_one_question(pool: Pool) -> None:
    assert await take(pool, a_call(1))
    assert not await take(pool, a_call(1))
    assert await pool.fetchval("SELECT count(*) FROM questions") == 1


async def test_a_question_reads_what_was_called_and_where(pool: Pool) -> None:
    await take(pool, replace(a_call(1, "private"), forum_id=20))
    question = await Questions(pool).claim_next(await take_over(pool), 0)
    assert question is not None
    assert (question.origin, question.body, question.post) == ("private", "Question 1?", "")
    assert (question.channel_id, question.forum_id) == (CHANNEL, 20)


async def test_the_conversations_of_a_person_are_by_channel_and_kind(pool: Pool) -> None:
    others = replace(a_call(3), channel_id=51, forum_id=51), a_call(4, "private")
    for call in (a_call(1), a_call(2), *others, a_call(5, person=301)):
        await take(pool, call)
    rows = await pool.fetch("SELECT conversation_id FROM questions ORDER BY interaction_id")
    first, second, elsewhere, private, of_other = (each[0] for each in rows)
    assert first == second
    assert len({first, elsewhere, private, of_other}) == 4


async def test_history_is_of_the_same_conversation_and_of_none_after_it_was_cleared(
    pool: Pool,
) -> None:
    epoch, questions = await take_over(pool), Questions(pool)
    for call in (a_call(1), a_call(2, "private")):
        await take(pool, call)
        await answer(pool, epoch, "So.")
        await say(pool, epoch, await claim(pool, epoch))
    await take(pool, a_call(3))
    third = await questions.claim_next(epoch, 0)
    assert third is not None
    assert [turn.body for turn in await questions.history(third, 9)] == ["Question 1?"]
    async with pool.acquire() as conn:
        there = {"channel_id": CHANNEL, "person_id": ASKER}
        assert await conversations.find_own(conn, kind="chat", **there)
        assert await conversations.close_own(conn, **there)
        assert not await conversations.close_own(conn, **there)
        assert await conversations.find_own(conn, kind="chat", **there) is None
    await take(pool, a_call(4))
    fourth = await questions.claim_next(epoch, 1)
    assert fourth is not None
    assert await questions.history(fourth, 9) == []


async def test_a_reply_is_claimed_by_one_and_its_token_goes_with_its_end(pool: Pool) -> None:
    epoch = await take_over(pool)
    await take(pool, a_call(1))
    assert await Interactions(pool).claim_next(epoch, 0) is None
    await answer(pool, epoch, "One.", "Two.")
    reply = await claim(pool, epoch)
    assert (reply.token, reply.parts_sent, reply.is_expired) == ("token-1", 0, False)
    assert [part["content"] for part in reply.parts or ()] == ["One.", "Two."]
    assert await Interactions(pool).claim_next(epoch, 1) is None
    await say(pool, epoch, reply)
    assert (await row(pool, 1))["token"] is None
    assert await Interactions(pool).seconds_to_next() is None


async def test_what_an_earlier_call_has_to_say_goes_first(pool: Pool) -> None:
    epoch, interactions = await take_over(pool), Interactions(pool)
    await take(pool, a_call(1))
    await take(pool, a_call(2))
    question = await Questions(pool).claim_next(epoch, 0)
    assert question is not None
    async with pool.acquire() as conn, conn.transaction():
        await Questions(pool).end_claimed(conn, question.id, epoch, "abstained", "nothing")
        await interactions.answer(conn, 1, [{"content": "Nothing found."}])
    await answer(pool, epoch, "Two.")
    first = await claim(pool, epoch)
    assert (first.id, first.is_over, first.answer_id) == (1, True, None)
    assert await interactions.claim_next(epoch, 1) is None
    await interactions.put_off(first, epoch, 60)
    assert await interactions.claim_next(epoch, 1) is None
    await pool.execute("UPDATE interactions SET due_at = now() WHERE id = 1")
    await say(pool, epoch, await claim(pool, epoch))
    assert (await claim(pool, epoch)).id == 2


async def test_who_was_taken_over_from_records_nothing(pool: Pool) -> None:
    epoch, interactions = await take_over(pool), Interactions(pool)
    await take(pool, a_call(1))
    await answer(pool, epoch, "One.")
    stale = await claim(pool, epoch)
    newer = await take_over(pool)
    async with pool.acquire() as conn:
        assert not await interactions.mark_sent(conn, stale, epoch, 1)
        assert await interactions.end(conn, stale, epoch) is None
        await interactions.end_question(conn, stale, epoch, "failed", "no")
    assert await interactions.claim_next(epoch, 0) is None
    again = await claim(pool, newer)
    assert (again.attempt, again.parts_sent) == (2, 0)
    await say(pool, newer, again)
    assert await pool.fetchval("SELECT state FROM questions") == "answered"


async def test_what_a_replier_lost_sight_of_is_claimed_again(pool: Pool) -> None:
    epoch = await take_over(pool)
    await take(pool, a_call(1))
    await answer(pool, epoch, "One.")
    await claim(pool, epoch, 3)
    await Interactions(pool).put_back(epoch, 2)
    assert await Interactions(pool).claim_next(epoch, 2) is None
    await Interactions(pool).put_back(epoch, 3)
    assert (await claim(pool, epoch, 2)).attempt == 2


async def test_an_answer_that_comes_while_a_note_is_shown_is_not_lost(pool: Pool) -> None:
    epoch, interactions = await take_over(pool), Interactions(pool)
    await take(pool, a_call(1))
    async with pool.acquire() as conn:
        await interactions.show(conn, 1, "Later.")
    noted = await claim(pool, epoch)
    assert (noted.note, noted.parts) == ("Later.", None)
    await answer(pool, epoch, "One.")
    await interactions.mark_shown(noted, epoch)
    reply = await claim(pool, epoch)
    assert (reply.note, len(reply.parts or ())) == (None, 1)


async def test_a_note_that_was_shown_waits_for_the_answer(pool: Pool) -> None:
    epoch, interactions = await take_over(pool), Interactions(pool)
    await take(pool, a_call(1))
    async with pool.acquire() as conn:
        await interactions.show(conn, 1, "Later.")
    await interactions.mark_shown(await claim(pool, epoch), epoch)
    assert await interactions.claim_next(epoch, 0) is None
    assert (await interactions.seconds_to_next() or 0) > 60


async def test_a_call_is_due_when_its_token_ends_and_put_off_no_longer(pool: Pool) -> None:
    epoch, interactions = await take_over(pool), Interactions(pool)
    await take(pool, a_call(1, expires_in=0))
    expired = await claim(pool, epoch)
    assert expired.is_expired
    await interactions.put_off(expired, epoch, 3600)
    again = await claim(pool, epoch)
    await interactions.wait_without_token(again, epoch)
    assert (await row(pool, 1))["token"] is None
    assert await interactions.claim_next(epoch, 0) is None
    await answer(pool, epoch, "One.")
    assert (await claim(pool, epoch)).token is None


async def test_a_failed_call_that_is_tried_again_is_answered_without_its_token(
    pool: Pool,
) -> None:
    epoch, interactions = await take_over(pool), Interactions(pool)
    await take(pool, a_call(1))
    reply_to = await Questions(pool).claim_next(epoch, 0)
    assert reply_to is not None
    async with pool.acquire() as conn, conn.transaction():
        await Questions(pool).end_claimed(conn, reply_to.id, epoch, "failed", "no")
        await interactions.answer(conn, 1, [{"content": "Something went wrong."}])
    await say(pool, epoch, await claim(pool, epoch))
    async with pool.acquire() as conn, conn.transaction():
        await Questions(pool).retry(conn, reply_to.id, "waiting")
    await answer(pool, epoch, "One.")
    again = await claim(pool, epoch)
    assert (again.token, [part["content"] for part in again.parts or ()]) == (None, ["One."])


@pytest.mark.parametrize(
    "broken",
    [
        "INSERT INTO conversations (kind, guild_id, channel_id) VALUES ('private', 1, 50)",
        "INSERT INTO conversations (kind, guild_id, channel_id, person_id) VALUES ('chat', 1, 50, 300)",
        "UPDATE interactions SET ended_at = now(), due_at = NULL",
        "UPDATE interactions SET parts_sent = 1",
        "UPDATE interactions SET due_at = NULL",
        "UPDATE questions SET interaction_id = 2",
    ],
)
async def test_what_cannot_be_is_refused(pool: Pool, broken: str) -> None:
    await take(pool, a_call(1))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await pool.execute(broken)
