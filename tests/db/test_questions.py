import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from docbot.db import questions as statements
from docbot.db.answers import Answers
from docbot.db.outbox import Outbox
from docbot.db.pool import Pool
from docbot.db.questions import Claimed, Ended, Questions
from docbot.db.threads import Message, Threads
from docbot.db.usage import Uses
from tests.db.seed import an_answer, ask, now, post_answer, take_over, thread_of


@pytest.fixture(autouse=True)
async def active(pool: Pool) -> None:
    assert await take_over(pool) == 1


async def _end(pool: Pool, question_id: int, epoch: int, state: str) -> bool:
    async with pool.acquire() as conn:
        return await Questions(pool).end_claimed(conn, question_id, epoch, state, "because")


async def test_a_message_asks_once_however_often_it_is_told(pool: Pool) -> None:
    assert await ask(pool, 10) is not None
    assert await ask(pool, 10) is None
    assert len(await Questions(pool).all(None)) == 1


async def test_a_claimed_question_brings_its_text_and_place(pool: Pool) -> None:
    await ask(pool, 10, body="It breaks.")
    claimed = await Questions(pool).claim_next(1, 0)
    assert claimed is not None
    assert (claimed.title, claimed.body, claimed.channel_id, claimed.forum_id, claimed.attempt) == (
        "How?",
        "It breaks.",
        10,
        20,
        1,
    )


async def test_a_conversation_has_one_question_in_hand_at_a_time(pool: Pool) -> None:
    questions = Questions(pool)
    first = await ask(pool, 10)
    later = await ask(pool, 10, message_id=11)
    claimed = await questions.claim_next(1, 0)
    assert claimed is not None
    assert claimed.id == first
    assert await questions.claim_next(1, 0) is None
    assert await _end(pool, claimed.id, 1, "abstained")
    after = await questions.claim_next(1, 0)
    assert after is not None
    assert after.id == later


async def test_a_question_does_not_wait_for_a_clock_that_is_behind_that_of_discord(
    pool: Pool,
) -> None:
    await ask(pool, 10, asked_at=now() + timedelta(minutes=5))
    assert await Questions(pool).claim_next(1, 0) is not None


async def test_other_conversations_do_not_wait(pool: Pool) -> None:
    questions = Questions(pool)
    await ask(pool, 10)
    await ask(pool, 12)
    claims = [await questions.claim_next(1, 0), await questions.claim_next(1, 0)]
    assert [claim.channel_id for claim in claims if claim] == [10, 12]


async def test_a_write_of_an_older_epoch_touches_nothing(pool: Pool) -> None:
    questions = Questions(pool)
    await ask(pool, 10)
    lost = await questions.claim_next(1, 0)  # its worker dies here
    assert lost is not None
    assert await take_over(pool) == 2
    assert await questions.claim_next(1, 0) is None
    taken = await questions.claim_next(2, 0)
    assert taken is not None
    assert (taken.id, taken.attempt) == (lost.id, 2)
    assert not await _end(pool, lost.id, 1, "failed")
    assert await _end(pool, taken.id, 2, "failed")


async def test_a_question_that_was_put_off_comes_back_when_due(pool: Pool) -> None:
    questions = Questions(pool)
    await ask(pool, 10)
    claimed = await questions.claim_next(1, 0)
    assert claimed is not None
    async with pool.acquire() as conn:
        assert await questions.put_off(conn, claimed.id, 1, 3600, "down", refused=True)
    assert await questions.claim_next(1, 0) is None
    seconds = await questions.seconds_to_next()
    assert seconds is not None
    assert 3500 < seconds <= 3600
    await pool.execute("UPDATE questions SET ready_at = now()")
    again = await questions.claim_next(1, 0)
    assert again is not None
    assert (again.attempt, again.refusals) == (2, 1)


async def test_deleting_the_message_cancels_its_question(pool: Pool) -> None:
    questions = Questions(pool)
    question_id = await ask(pool, 10)
    async with pool.acquire() as conn, conn.transaction():
        await Threads(pool).delete_messages(conn, [10])
        await questions.call_off(conn, question_id or 0, "message deleted")
    [question] = await questions.all(None)
    assert (question.state, question.reason) == ("cancelled", "message deleted")
    assert await pool.fetchval("SELECT content FROM messages WHERE id = 10") == ""


async def test_a_follow_up_reads_the_answered_turns_before_it(pool: Pool) -> None:
    questions = Questions(pool)
    await ask(pool, 10, body="First.")
    first = await questions.claim_next(1, 0)
    assert first is not None
    answer_id = await post_answer(pool, first.id, 1, "Like this.", channel=10)
    async with pool.acquire() as conn:
        await questions.end_posted(conn, answer_id, "answered", None)
    await ask(pool, 10, message_id=11, body="And then?")
    second = await questions.claim_next(1, 0)
    assert second is not None
    [turn] = await questions.history(second, limit=5)
    assert (turn.title, turn.body, turn.answer) == ("How?", "First.", an_answer().text)


async def test_what_a_worker_lost_sight_of_waits_again_and_its_neighbours_keep_theirs(
    pool: Pool,
) -> None:
    questions = Questions(pool)
    await ask(pool, 10)
    await ask(pool, 12)
    lost, kept = await questions.claim_next(1, 0), await questions.claim_next(1, 1)
    assert lost is not None
    assert kept is not None
    await questions.put_back(1, 0)
    again = await questions.claim_next(1, 0)
    assert again is not None
    assert (again.id, again.attempt) == (lost.id, 2)
    assert await _end(pool, kept.id, 1, "abstained")


async def _claimed(pool: Pool, thread_id: int) -> Claimed:
    await ask(pool, thread_id)
    claimed = await Questions(pool).claim_next(1, 0)
    assert claimed is not None
    return claimed


async def _cancel(pool: Pool, question_id: int) -> Ended:
    async with pool.acquire() as conn, conn.transaction():
        return await Questions(pool).call_off(conn, question_id, "message deleted")


async def test_an_answer_stored_while_its_question_is_cancelled_goes_with_it(pool: Pool) -> None:
    claimed = await _claimed(pool, 10)
    questions, outbox = Questions(pool), Outbox(pool)
    async with pool.acquire() as conn, conn.transaction():
        assert await questions.send_on(conn, claimed.id, 1, "posting")
        cancelling = asyncio.create_task(_cancel(pool, claimed.id))
        await _waits_for_a_lock(pool)
        answer_id = await Answers(pool).add(conn, claimed.id, 1, an_answer())
        await outbox.add(
            conn, guild_id=1, channel_id=10, payload={}, nonce="1", answer_id=answer_id
        )
    assert await cancelling == Ended(unsent=[answer_id], in_doubt=[])
    assert [one.state for one in await questions.all(None)] == ["cancelled"]


async def test_an_answer_that_a_drain_has_taken_up_is_in_doubt(pool: Pool) -> None:
    claimed = await _claimed(pool, 10)
    answer_id = await post_answer(pool, claimed.id, 1, "one", "two", channel=10)
    async with pool.acquire() as conn, conn.transaction():
        # As a drain does whose claim is not committed yet.
        await conn.execute("UPDATE outbox SET state = 'sending' WHERE part = 1")
        assert await _cancel(pool, claimed.id) == Ended(unsent=[], in_doubt=[answer_id])
    assert [one.state for one in await Questions(pool).all(None)] == ["posting"]
    # It looks once more before it sends, and finds that it must not.
    row_id = await pool.fetchval("SELECT id FROM outbox WHERE part = 1")
    assert await Outbox(pool).withdrawn(row_id) == "message deleted"


async def test_an_answer_withdrawn_while_a_drain_has_it_ends_as_what_it_was_withdrawn_as(
    pool: Pool,
) -> None:
    claimed, questions = await _claimed(pool, 10), Questions(pool)
    answer_id = await post_answer(pool, claimed.id, 1, "one", channel=10)
    assert await Outbox(pool).claim_next(1, 0) is not None
    async with pool.acquire() as conn, conn.transaction():
        await questions.call_off(conn, claimed.id, "people were first", "yielded")
    async with pool.acquire() as conn, conn.transaction():
        assert await questions.end_dropped(conn, answer_id, "people were first") == "yielded"
    async with pool.acquire() as conn, conn.transaction():
        await questions.reopen(conn, claimed.id)
    assert await pool.fetchval("SELECT withdrawn IS NULL AND state = 'posting' FROM questions")


async def test_a_question_found_late_has_its_turn_later_and_its_age_counts_from_there(
    pool: Pool,
) -> None:
    await ask(pool, 10)
    turn = now() + timedelta(hours=1)
    async with pool.acquire() as conn, conn.transaction():
        await Threads(pool).put(conn, thread_of(12))
        await Threads(pool).put_message(conn, Message(12, 1, 12, 300, False, "?", now()))
        await Questions(pool).add(
            conn,
            guild_id=1,
            thread_id=12,
            author_id=300,
            origin="post",
            message_id=12,
            title="How?",
            asked_at=now(),
            turn_at=turn,
        )
    assert await Questions(pool).claim_next(1, 0) is not None
    assert await Questions(pool).claim_next(1, 0) is None
    assert await pool.fetchval("SELECT counts_from FROM questions WHERE message_id = 12") == turn


async def test_what_a_worker_lost_is_found_without_reading_every_question(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO conversations (kind, guild_id, channel_id, person_id) VALUES ('chat', 1, 1, 1)"
    )
    await pool.execute(
        "INSERT INTO questions (conversation_id, guild_id, author_id, origin, message_id, state,"
        " asked_at, ready_at, ended_at)"
        " SELECT 1, 1, 1, 'post', n, 'answered', now(), now(), now()"
        " FROM generate_series(1, 20000) AS n"
    )
    await pool.execute("ANALYZE questions")
    plan = await pool.fetch(
        "EXPLAIN UPDATE questions SET state = 'waiting'"
        " WHERE state = 'answering' AND epoch = 1 AND claimed_by = 1"
    )
    assert any("questions_answering" in row[0] for row in plan)


async def _waits_for_a_lock(pool: Pool) -> None:
    async with asyncio.timeout(60):
        while not await pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            await asyncio.sleep(0.01)


async def test_a_deleted_thread_that_is_told_again_stays_deleted(pool: Pool) -> None:
    await ask(pool, 10)
    threads = Threads(pool)
    async with pool.acquire() as conn, conn.transaction():
        await threads.delete(conn, 10)
    async with pool.acquire() as conn, conn.transaction():
        assert not await threads.put(conn, thread_of(10, "A secret"))
    assert await pool.fetchval("SELECT title FROM threads") == ""


async def test_an_older_edit_that_comes_later_changes_nothing(pool: Pool) -> None:
    await ask(pool, 10, body="First.")
    threads, edited_at = Threads(pool), now()
    async with pool.acquire() as conn:
        assert await threads.edit_message(conn, 10, "Third.", edited_at)
        earlier = edited_at - timedelta(seconds=1)
        assert not await threads.edit_message(conn, 10, "Second.", earlier)
        assert not await threads.edit_message(conn, 11, "Unknown.", edited_at)
    assert await pool.fetchval("SELECT content FROM messages") == "Third."


# A flood without its messages: row n is of server 1 + n mod servers, and of a person there.
_FLOOD = """
    WITH conversation AS (
        INSERT INTO conversations (kind, guild_id, channel_id, person_id)
        SELECT 'chat', 1 + n % $2, n, 1000 + n / $2 % $3
        FROM generate_series($4::int + 1, $4::int + $1::int) AS n
        RETURNING id, guild_id, channel_id AS n)
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, message_id, asked_at,
                           ready_at, state, ended_at)
    SELECT id, guild_id, 1000 + n / $2 % $3, 'mention', -n, past.at, past.at,
           CASE WHEN $5 THEN 'abstained' ELSE 'waiting' END, CASE WHEN $5 THEN past.at END
    FROM conversation, LATERAL (SELECT now() - interval '1 hour' + n * interval '1 ms') AS past (at)
"""


async def flood(
    pool: Pool, many: int, servers: int = 1, people: int = 1, *, ended: bool = False
) -> None:
    before = await pool.fetchval("SELECT count(*) FROM questions")
    await pool.execute(_FLOOD, many, servers, people, before, ended)


async def served(pool: Pool, many: int) -> Sequence[tuple[int, int]]:
    """The server and the person of each of the next questions that are claimed."""
    claims = [await Questions(pool).claim_next(1, 0) for _ in range(many)]
    return [(claim.guild_id, claim.author_id) for claim in claims if claim]


async def test_a_server_that_floods_delays_the_question_of_another_by_one_answer(
    pool: Pool,
) -> None:
    await flood(pool, 1_000)
    await served(pool, 1)
    await ask(pool, 10, guild=2)
    assert (2, 300) in await served(pool, 2)


async def test_a_person_who_floods_delays_the_question_of_another_by_one_answer(
    pool: Pool,
) -> None:
    await flood(pool, 1_000)
    await served(pool, 1)
    await ask(pool, 10, author=300)
    assert (1, 300) in await served(pool, 2)


async def test_all_who_wait_are_served_once_before_anyone_is_served_again(pool: Pool) -> None:
    await flood(pool, 120, servers=3, people=4)
    for _ in range(3):  # rounds of the servers, and of the people in each
        assert set(Counter(await served(pool, 12)).values()) == {1}


async def test_who_comes_new_again_and_again_does_not_keep_others_waiting(pool: Pool) -> None:
    await flood(pool, 2)
    await served(pool, 1)
    for newcomer in range(10, 14):
        await ask(pool, newcomer, author=newcomer)
    assert (await served(pool, 1)) == [(1, 1000)]


async def put_first(pool: Pool, *people: int, guild: int = 1) -> None:
    async with pool.acquire() as conn:
        for person in people:
            await Uses(pool).add(
                conn,
                guild_id=guild,
                person_id=person,
                kind="call",
                is_counted=False,
                is_first=True,
            )


async def test_who_has_priority_goes_before_all_others_of_the_server(pool: Pool) -> None:
    await flood(pool, 20, people=4)
    await ask(pool, 10, author=300)
    await ask(pool, 12, author=300)
    await put_first(pool, 300)
    assert (await served(pool, 3))[:2] == [(1, 300), (1, 300)]


async def test_who_have_priority_take_turns_among_themselves(pool: Pool) -> None:
    await flood(pool, 20, people=4)
    await put_first(pool, 1001, 1003)
    assert await served(pool, 6) == [(1, 1001), (1, 1003)] * 3


async def test_priority_passes_nobody_of_another_server(pool: Pool) -> None:
    await flood(pool, 40, servers=2, people=4)  # server 2 waits longest
    await put_first(pool, 1002)
    found = await served(pool, 8)
    assert [guild for guild, _ in found] == [2, 1] * 4
    assert {person for guild, person in found if guild == 1} == {1002}
    assert len({person for guild, person in found if guild == 2}) == 4


async def test_priority_of_a_question_that_waits_outlasts_a_take_over(pool: Pool) -> None:
    await flood(pool, 4, people=2)
    await put_first(pool, 1001, 1009)
    await pool.execute("UPDATE activity SET epoch = 0")
    await take_over(pool)
    turns = await pool.fetch("SELECT person_id FROM person_turns")
    assert [row["person_id"] for row in turns] == [1001]
    assert await served(pool, 2) == [(1, 1001), (1, 1001)]


async def test_of_one_person_the_oldest_conversation_goes_first(pool: Pool) -> None:
    for thread in (10, 12, 11):
        await ask(pool, thread)
    claims = [await Questions(pool).claim_next(1, 0) for _ in range(3)]
    assert [claim.channel_id for claim in claims if claim] == [10, 12, 11]


async def test_many_workers_claim_each_question_once_and_miss_none(pool: Pool) -> None:
    await flood(pool, 90, servers=3, people=3)
    questions = Questions(pool)

    async def work(number: int) -> list[int]:
        claimed = []
        while (claim := await questions.claim_next(1, number)) is not None:
            claimed.append(claim.id)
        return claimed

    found = await asyncio.gather(*(work(number) for number in range(8)))
    ids = [question_id for each in found for question_id in each]
    assert len(ids) == len(set(ids)) == 90


async def test_a_row_that_another_holds_is_passed_over_and_found_later(pool: Pool) -> None:
    first, second = await ask(pool, 10), await ask(pool, 12, author=301)
    questions = Questions(pool)
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM questions WHERE id = $1 FOR UPDATE", first)
        claims = [await questions.claim_next(1, 0), await questions.claim_next(1, 0)]
        assert [claim.id for claim in claims if claim] == [second]
    claim = await questions.claim_next(1, 0)
    assert claim is not None
    assert claim.id == first


async def test_a_flood_in_one_conversation_keeps_its_server_and_person_from_nothing_else(
    pool: Pool,
) -> None:
    for message in range(10, 30):
        await ask(pool, 10, message_id=message)
    other = await ask(pool, 40)
    questions = Questions(pool)
    claims = [await questions.claim_next(1, 0) for _ in range(3)]
    assert [claim.id for claim in claims if claim][1:] == [other]


async def test_who_has_only_questions_that_were_put_off_keeps_nobody_waiting(pool: Pool) -> None:
    await flood(pool, 5)
    await pool.execute("UPDATE questions SET ready_at = now() + interval '1 hour'")
    await ask(pool, 10, author=300)
    await ask(pool, 12, guild=2)
    assert sorted(await served(pool, 5)) == [(1, 300), (2, 300)]


async def test_a_take_over_forgets_turns_that_no_longer_count(pool: Pool) -> None:
    await flood(pool, 2, people=2)
    await served(pool, 2)
    await pool.execute("UPDATE person_turns SET served_at = now() - interval '2 days'")
    await take_over(pool)
    assert await pool.fetchval("SELECT count(*) FROM person_turns") == 0
    assert await pool.fetchval("SELECT count(*) FROM server_turns") == 1


@pytest.mark.parametrize(("servers", "people"), [(1, 1), (20, 10)])
async def test_a_claim_reads_no_more_pages_however_many_questions_wait_or_are_done(
    pool: Pool, servers: int, people: int
) -> None:
    async def pages_read() -> int:
        explain = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statements._CLAIM_NEXT
        claim = explain.replace("$1", "1").replace("$2", "0")
        await pool.execute("ANALYZE questions")
        [document] = json.loads(await pool.fetchval(claim))
        return int(document["Plan"]["Shared Hit Blocks"] + document["Plan"]["Shared Read Blocks"])

    await flood(pool, 400, servers, people)
    few = await pages_read()
    await flood(pool, 8_000, servers, people)
    await flood(pool, 20_000, servers, people, ended=True)
    assert await pages_read() < 2 * few + 100
