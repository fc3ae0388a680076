"""What is erased loses every text, and nothing else does."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from docbot.db import erasure as statements
from docbot.db.answers import Answers
from docbot.db.erasure import BATCH, Erasure, Held
from docbot.db.outbox import Outbox
from docbot.db.pool import Pool
from docbot.db.questions import Questions
from docbot.db.threads import Message, Thread, ThreadChange, Threads
from tests.db.contents import contents
from tests.db.seed import ASKER, FORUM, GUILD, ask, now, take_over

BEN, STAFF = 301, 302
THREAD, REPLY, OURS, STAFF_CHANNEL = 50, 51, 60, 90
SECRET = "swordfish"
KEY = b"key"
DAYS = 180

_ERASED = "erased"
_DOCUMENTATION = "documentation, or what was learned, as in solutions"
_LEARNED = "follows its message, and goes with it; docbot/forum/learning.py"
_OVER = "goes when the call has ended; docbot/db/interactions.py"
_OPERATOR = "written by the operator or by staff as a setting"
_REASON = "said by docbot, Discord, Postgres or a model's endpoint about a failure or a state"
_WORD = "one of docbot's own words"
_DIGEST = "digest, number or vector"

# Of a new column say whether it is erased; if it may hold what members wrote, docbot/db/erasure.py
# has to erase it.
TEXTS = {
    "messages.content": _ERASED,
    "threads.title": _ERASED,
    "questions.title": _ERASED,
    "questions.body": _ERASED,
    "interactions.kind": _WORD,
    "interactions.note": _OVER,
    "interactions.parts": _OVER,
    "interactions.token": _OVER,
    "answers.text": _ERASED,
    "answers.citations": _ERASED,  # but for numbers and addresses
    "answers.evidence": _ERASED,  # but for numbers, addresses, sources and scores
    "answers.cut": _ERASED,
    "answers.repeat_key": _ERASED,  # so that nothing is repeated
    "drafts.text": _ERASED,
    "feedback.note": _ERASED,
    "outbox.payload": _ERASED,  # but for ids
    "activity.embedding_model": _OPERATOR,
    "activity.holder": _WORD,
    "addresses.address": _DOCUMENTATION,
    "addresses.body_hash": _DIGEST,
    "addresses.etag": _DOCUMENTATION,
    "addresses.failure": _REASON,
    "addresses.last_modified": _DOCUMENTATION,
    "addresses.leads_to": _DOCUMENTATION,
    "addresses.links": _DOCUMENTATION,
    "addresses.note": _REASON,
    "addresses.page_url": _DOCUMENTATION,
    "answers.lane": _WORD,
    "answers.model": _OPERATOR,
    "answers.prompt_version": _WORD,
    "answers.timings_ms": _DIGEST,
    "chunks.hash": _DIGEST,
    "chunks.heading_path": _DOCUMENTATION,
    "chunks.text": _DOCUMENTATION,
    "chunks.url": _DOCUMENTATION,
    "config.name": _WORD,
    "config.value": _OPERATOR,
    "conversations.kind": _WORD,
    "drafts.state": _WORD,
    "embeddings.chunk_hash": _DIGEST,
    "embeddings.model": _OPERATOR,
    "embeddings.vector": _DIGEST,
    "feedback.reason": _WORD,
    "feedback.vote": _WORD,
    "forums.mode": _WORD,
    "guilds.name": "the server's name, for operators",
    "index_generations.embedding_model": _OPERATOR,
    "index_generations.name": _WORD,
    "index_generations.state": _WORD,
    "installation.name": _WORD,
    "migrations.checksum": _DIGEST,
    "migrations.name": _WORD,
    "outbox.kind": _WORD,
    "outbox.nonce": _DIGEST,
    "outbox.order_key": _WORD,
    "outbox.reason": _REASON,
    "outbox.state": _WORD,
    "outbox.withdrawn": _REASON,
    "pages.content_hash": _DIGEST,
    "pages.edges": _DIGEST,
    "pages.etag": _DOCUMENTATION,
    "pages.indexed_title": _DOCUMENTATION,
    "pages.last_modified": _DOCUMENTATION,
    "pages.markdown": _DOCUMENTATION,
    "pages.title": _DOCUMENTATION,
    "pages.url": _DOCUMENTATION,
    "questions.mode": _WORD,
    "questions.origin": _WORD,
    "questions.reason": _REASON,
    "questions.state": _WORD,
    "questions.withdrawn": _REASON,
    "questions.withdrawn_as": _WORD,
    "forums.tags": "the forum's own tags",
    "solutions.edited": _LEARNED,
    "solutions.question": _LEARNED,
    "solutions.reason": _REASON,
    "solutions.solution": _LEARNED,
    "solutions.state": _WORD,
    "solutions.title": _LEARNED,
    "sources.base_url": _OPERATOR,
    "sources.exclude": _OPERATOR,
    "sources.include": _OPERATOR,
    "sources.kind": _WORD,
    "sources.location": _OPERATOR,
    "sources.name": _OPERATOR,
    "sources.repeated": _DIGEST,
    "sources.selector": _OPERATOR,
    "syncs.outcome": _WORD,
    "syncs.reason": _REASON,
    "uses.kind": _WORD,
    "vocabularies.counts": _DIGEST,
    "vocabularies.languages": _WORD,
    "vocabularies.terms": _DIGEST,
}

_COLUMNS = """
    SELECT table_name || '.' || column_name AS name FROM information_schema.columns
    WHERE table_schema = 'public'
      AND (data_type LIKE '%char%' OR data_type IN ('text', 'json', 'jsonb', 'bytea', 'xml')
           OR udt_name IN ('_text', '_bytea', '_varchar', '_jsonb'))
"""

# A thread of which everything is known: a post, its answer in two messages, a draft of it for staff,
# a vote, a line that called a human, and a line to the asker alone.
_FILL = f"""
    INSERT INTO guilds (id, name) VALUES ({GUILD}, 'Here') ON CONFLICT DO NOTHING;
    UPDATE threads SET title = '{SECRET}' WHERE id = {THREAD};
    UPDATE questions SET title = '{SECRET}', state = 'answered', ended_at = now();
    INSERT INTO answers (question_id, guild_id, lane, text, citations, evidence, timings_ms, cut,
                         repeat_key, probability)
    SELECT id, guild_id, 'answer', '{SECRET}',
           '[{{"n": 1, "url": "https://d.test/a", "title": "{SECRET}"}},
             {{"n": 2, "url": "https://d.test/b", "title": "{SECRET}"}}]',
           '[{{"n": 1, "url": "https://d.test/a", "title": "{SECRET}", "heading": "{SECRET}",
               "score": 0.5}}]',
           '{{}}', '["{SECRET}"]', '{KEY.decode()}', 0.5
    FROM questions;
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, answer_id, part,
                        state, message_id, ended_at)
    SELECT 'send', {GUILD}, {THREAD}, 'k', '{{"content": "{SECRET}", "files": [
        {{"name": "a", "content": "{SECRET}"}}], "reply_to": {THREAD}}}', part, id, part,
        'sent', {OURS} + part - 1, now()
    FROM answers CROSS JOIN generate_series(1, 2) AS part;
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, state, message_id,
                        ended_at, thread_id)
    SELECT 'send', {GUILD}, {STAFF_CHANNEL}, 's',
           jsonb_build_object('content', '{SECRET}', 'buttons', jsonb_build_array('draft', id, 1)),
           'd', 'sent', 70, now(), {THREAD}
    FROM answers;
    INSERT INTO drafts (answer_id, guild_id, channel_id, outbox_id, text, edited_by)
    SELECT answers.id, {GUILD}, {STAFF_CHANNEL}, outbox.id, '{SECRET}', {STAFF}
    FROM answers CROSS JOIN outbox WHERE nonce = 'd';
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, state, message_id,
                        ended_at, thread_id)
    VALUES ('send', {GUILD}, {STAFF_CHANNEL}, 's', '{{"content": "{SECRET}"}}', 'h', 'sent', 71,
            now(), {THREAD}),
           ('direct', {GUILD}, {THREAD}, 'd', '{{"content": "{SECRET}", "person": {ASKER}}}', 'p',
            'sent', 72, now(), NULL);
    INSERT INTO feedback (answer_id, person_id, guild_id, vote, reason, note)
    SELECT id, {BEN}, {GUILD}, 'not_right', 'other', '{SECRET}' FROM answers;
"""
_TABLES = {
    "messages": "created_at",
    "threads": "created_at",
    "questions": "ended_at",
    "outbox": "ended_at",
    "feedback": "changed_at",
}


async def fill(pool: Pool) -> None:
    await ask(pool, THREAD, body=SECRET)
    threads = Threads(pool)
    async with pool.acquire() as conn:
        reply = Message(REPLY, GUILD, THREAD, BEN, False, "Ben says so", now())
        await threads.put_message(conn, reply)
    await pool.execute(_FILL)


async def grow_old(pool: Pool, days: float) -> None:
    """Let all that there is be older by so many days."""
    for table, column in _TABLES.items():
        await pool.execute(
            f"UPDATE {table} SET {column} = {column} - $1::interval",
            timedelta(days=days),
        )


async def holds(pool: Pool, word: str) -> list[str]:
    """The tables in which the word stands."""
    async with pool.acquire() as conn:
        return [name for name, rows in (await contents(conn)).items() if word in str(rows)]


async def delete_thread(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await Threads(pool).delete(conn, THREAD)
        await Erasure(pool).follow_thread(conn, THREAD)


async def delete_forum(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await Threads(pool).delete_of_forum(conn, FORUM)
        await Erasure(pool).follow_forum(conn, FORUM)
    while await Threads(pool).erase_messages_of_forum(FORUM, BATCH):
        pass


async def expire_all(pool: Pool, guild: int = GUILD) -> None:
    while await Erasure(pool).expire(guild, DAYS):
        pass


async def outlive_retention(pool: Pool) -> None:
    await grow_old(pool, DAYS + 1)
    await expire_all(pool)


async def forget_asker(pool: Pool) -> None:
    await Erasure(pool).forget(GUILD, ASKER, REPLY)


async def test_of_each_column_with_text_it_is_known_whether_it_is_erased(pool: Pool) -> None:
    assert {row["name"] for row in await pool.fetch(_COLUMNS)} == TEXTS.keys()


ERASURES = [delete_thread, delete_forum, outlive_retention, forget_asker]


@pytest.mark.parametrize("erase", ERASURES)
async def test_no_text_is_left_in_any_table(pool: Pool, erase: Any) -> None:
    await fill(pool)
    held = {name.partition(".")[0] for name, why in TEXTS.items() if why == _ERASED}
    assert {*await holds(pool, SECRET)} == held
    await erase(pool)
    assert await holds(pool, SECRET) == []


@pytest.mark.parametrize("erase", ERASURES)
async def test_what_tells_no_words_stays(pool: Pool, erase: Any) -> None:
    await fill(pool)
    await erase(pool)
    [answer] = await pool.fetch("SELECT * FROM answers")
    assert (answer["lane"], answer["probability"], answer["repeat_key"]) == ("answer", 0.5, None)
    assert answer["citations"] == [
        {"n": 1, "url": "https://d.test/a", "title": ""},
        {"n": 2, "url": "https://d.test/b", "title": ""},
    ]
    [piece] = answer["evidence"]
    assert piece == {
        "n": 1,
        "url": "https://d.test/a",
        "title": "",
        "heading": "",
        "score": 0.5,
    }
    assert await pool.fetchval("SELECT state FROM questions") == "answered"
    assert await pool.fetchval("SELECT vote FROM feedback") == "not_right"
    assert await pool.fetchval("SELECT payload -> 'reply_to' FROM outbox WHERE part = 2") == THREAD
    assert await pool.fetchval("SELECT state FROM drafts") == "withdrawn"


@pytest.mark.parametrize("erase", ERASURES)
async def test_erased_twice_is_erased_once(pool: Pool, erase: Any) -> None:
    await fill(pool)
    await erase(pool)
    async with pool.acquire() as conn:
        before = await contents(conn)
    if erase is not outlive_retention:
        await erase(pool)
    await expire_all(pool)
    async with pool.acquire() as conn:
        assert await contents(conn) == before


async def test_what_is_empty_is_erased_like_all_else(pool: Pool) -> None:
    await fill(pool)
    await pool.execute("UPDATE answers SET citations = '[]', evidence = '[]'")
    await delete_thread(pool)
    row = await pool.fetchrow("SELECT citations, evidence FROM answers")
    assert row is not None
    assert (row["citations"], row["evidence"]) == ([], [])


# With what was deleted on Discord


async def delete_messages(pool: Pool, *message_ids: int) -> set[int]:
    async with pool.acquire() as conn, conn.transaction():
        await Threads(pool).delete_messages(conn, [*message_ids])
        return await Erasure(pool).follow_messages(conn, [*message_ids])


async def test_with_its_first_message_a_question_and_its_answer_are_erased(pool: Pool) -> None:
    await fill(pool)
    assert await delete_messages(pool, THREAD) == set()
    # What tells of the thread alone stays for as long as the thread does.
    assert await holds(pool, SECRET) == ["outbox", "threads"]
    rows = await pool.fetch("SELECT nonce FROM outbox WHERE erased_at IS NULL ORDER BY id")
    assert [row["nonce"] for row in rows] == ["h", "p"]


async def test_another_message_of_the_thread_leaves_the_question_alone(pool: Pool) -> None:
    await fill(pool)
    await delete_messages(pool, REPLY)
    assert await holds(pool, "Ben says so") == []
    assert await pool.fetchval("SELECT text FROM answers") == SECRET


async def test_with_docbots_first_message_its_answer_is_erased(pool: Pool) -> None:
    await fill(pool)
    assert await delete_messages(pool, OURS) == {OURS}
    assert await pool.fetchval("SELECT text FROM answers") == ""
    assert await pool.fetchval("SELECT title FROM questions") == SECRET
    assert await Answers(pool).find_repeated(GUILD, KEY) is None


async def test_with_a_later_message_of_docbots_only_its_own_text_goes(pool: Pool) -> None:
    await fill(pool)
    assert await delete_messages(pool, OURS + 1) == {OURS + 1}
    rows = await pool.fetch("SELECT payload FROM outbox WHERE answer_id IS NOT NULL ORDER BY part")
    assert [row["payload"].get("content") for row in rows] == [SECRET, None]
    assert await pool.fetchval("SELECT text FROM answers") == SECRET


async def test_a_row_on_its_way_keeps_its_text_until_it_has_ended(pool: Pool) -> None:
    await fill(pool)
    await pool.execute(
        "UPDATE outbox SET state = 'sending', message_id = NULL, ended_at = NULL WHERE part = 2"
    )
    erasure = Erasure(pool)
    await delete_thread(pool)
    assert not await erasure.erase_ended_rows()
    assert await holds(pool, SECRET) == ["outbox"]
    await pool.execute(
        "UPDATE outbox SET state = 'dropped', reason = 'gone', ended_at = now() WHERE part = 2"
    )
    assert not await erasure.erase_ended_rows()
    assert await holds(pool, SECRET) == []
    assert await pool.fetchval("SELECT count(*) FROM outbox_erasures") == 0


async def test_who_ends_a_row_just_now_is_not_waited_for_and_its_text_goes(pool: Pool) -> None:
    await fill(pool)
    await pool.execute(
        "UPDATE outbox SET state = 'sending', message_id = NULL, ended_at = NULL WHERE part = 2"
    )
    async with asyncio.timeout(60), pool.acquire() as drain:
        ending = drain.transaction()
        await ending.start()
        await drain.execute(
            "UPDATE outbox SET state = 'sent', message_id = 99, ended_at = now() WHERE part = 2"
        )
        await delete_thread(pool)
        await ending.commit()
    await Erasure(pool).erase_ended_rows()
    assert await holds(pool, SECRET) == []


# What was erased does not come back


async def test_no_event_brings_an_erased_text_back(pool: Pool) -> None:
    await fill(pool)
    await outlive_retention(pool)
    threads, later = Threads(pool), now() + timedelta(days=1)
    async with pool.acquire() as conn:
        edited = Message(THREAD, GUILD, THREAD, ASKER, False, SECRET, now(), edited_at=later)
        await threads.put_message(conn, edited)
        assert not await threads.edit_message(conn, THREAD, SECRET, later)
        assert await threads.update(conn, ThreadChange(THREAD, SECRET, (5,), True, False))
        await Questions(pool).retitle(conn, THREAD, SECRET)
        await threads.put(conn, Thread(THREAD, GUILD, FORUM, ASKER, SECRET, now()))
    assert await holds(pool, SECRET) == []


async def test_an_erased_answer_is_neither_repeated_nor_history_nor_tried_again(
    pool: Pool,
) -> None:
    await fill(pool)
    await forget_asker(pool)
    await ask(pool, THREAD, message_id=80, author=BEN)
    claimed = await Questions(pool).claim_next(await take_over(pool), 0)
    assert claimed is not None
    assert claimed.post == ""
    assert await Questions(pool).history(claimed, 4) == []
    assert await Answers(pool).find_repeated(GUILD, KEY) is None
    async with pool.acquire() as conn:
        first = await conn.fetchval("SELECT min(id) FROM questions")
        retried = await Questions(pool).find_to_retry(conn, first)
        assert retried is not None
        assert retried.gone == "its text was erased"
        assert await Answers(pool).find(conn, retried.answer_id or 0) is None


# Too old


@pytest.mark.parametrize("days", [DAYS - 1, 0])
async def test_what_is_young_enough_stays(pool: Pool, days: int) -> None:
    await fill(pool)
    await grow_old(pool, days)
    assert not await Erasure(pool).expire(GUILD, DAYS)
    assert not await Erasure(pool).expire(GUILD + 1, DAYS)


async def test_only_the_server_that_was_named_is_tidied(pool: Pool) -> None:
    await fill(pool)
    await grow_old(pool, DAYS + 1)
    await expire_all(pool, GUILD + 1)
    assert await pool.fetchval("SELECT text FROM answers") == SECRET


async def test_a_thread_with_an_open_question_is_left_alone(pool: Pool) -> None:
    await fill(pool)
    await grow_old(pool, DAYS + 1)
    await ask(pool, THREAD, message_id=80, author=BEN)
    await expire_all(pool)
    assert await pool.fetchval(f"SELECT content FROM messages WHERE id = {THREAD}") == SECRET
    assert await pool.fetchval("SELECT title FROM threads") != ""


async def test_an_answer_that_is_still_sent_is_left_alone(pool: Pool) -> None:
    await fill(pool)
    await grow_old(pool, DAYS + 1)
    await pool.execute(
        "UPDATE outbox SET state = 'pending', message_id = NULL, ended_at = NULL WHERE part = 2"
    )
    await expire_all(pool)
    assert await pool.fetchval("SELECT text FROM answers") == SECRET
    assert await pool.fetchval("SELECT title FROM threads") == SECRET


async def test_the_title_stays_while_people_write_in_the_thread(pool: Pool) -> None:
    await fill(pool)
    await grow_old(pool, DAYS + 1)
    await pool.execute("UPDATE threads SET spoke_at = now()")
    await expire_all(pool)
    assert await pool.fetchval("SELECT title FROM threads") == SECRET


async def test_a_late_word_on_an_old_answer_has_an_age_of_its_own(pool: Pool) -> None:
    await fill(pool)
    await grow_old(pool, DAYS + 1)
    await pool.execute("UPDATE feedback SET changed_at = now()")
    await expire_all(pool)
    assert await pool.fetchval("SELECT note FROM feedback") == SECRET
    await grow_old(pool, DAYS + 1)
    await expire_all(pool)
    assert await pool.fetchval("SELECT note FROM feedback") is None


_MANY = """
    INSERT INTO guilds (id, name) VALUES (1, 'Here'), (2, 'There') ON CONFLICT DO NOTHING;
    INSERT INTO threads (id, guild_id, forum_id, author_id, title, created_at)
    SELECT 1000000 + n, 1 + n % 2, 20, 300 + n % 50, 'How?', now() - n * interval '1 min'
    FROM generate_series($1::int, $2::int) AS n;
    INSERT INTO messages (id, guild_id, thread_id, author_id, content, created_at)
    SELECT 1000000 + n, 1 + n % 2, 1000000 + n, 300 + n % 50, 'words', now() - n * interval '1 min'
    FROM generate_series($1::int, $2::int) AS n;
    INSERT INTO conversations (kind, guild_id, channel_id, thread_id)
    SELECT 'post', guild_id, id, id FROM threads WHERE id > 1000000 + $1::int - 1;
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, message_id, title, asked_at,
                           ready_at, ended_at, state)
    SELECT conversations.id, threads.guild_id, author_id, 'post', threads.id, 'How?',
           threads.created_at, threads.created_at, threads.created_at, 'answered'
    FROM conversations JOIN threads ON threads.id = thread_id
    WHERE threads.id > 1000000 + $1::int - 1;
    INSERT INTO answers (question_id, guild_id, lane, text, citations, evidence, timings_ms)
    SELECT id, guild_id, 'answer', 'words', '[]', '[]', '{}' FROM questions
    WHERE message_id > 1000000 + $1::int - 1;
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, answer_id, state,
                        message_id, ended_at)
    SELECT 'send', guild_id, 1, 'k', '{"content": "words"}', 'a' || id, id, 'sent',
           2000000000 + id, now() - id * interval '1 min'
    FROM answers WHERE id NOT IN (SELECT answer_id FROM outbox WHERE answer_id IS NOT NULL);
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, state, message_id,
                        ended_at)
    SELECT 'send', 1 + n % 2, 1, 'k', '{"content": "words"}', 'n' || n, 'sent', 3000000000 + n,
           now() - n * interval '1 min'
    FROM generate_series($1::int, $2::int) AS n;
    INSERT INTO feedback (answer_id, person_id, guild_id, vote, reason, note, changed_at)
    SELECT id, 300 + id % 50, guild_id, 'not_right', 'other', 'words', now() - id * interval '1 min'
    FROM answers ON CONFLICT DO NOTHING;
"""
_BATCHES = {
    name: getattr(statements, name)
    for name in (
        "_EXPIRE_MESSAGES",
        "_EXPIRE_TITLES",
        "_EXPIRED_QUESTIONS",
        "_EXPIRE_ROWS",
        "_EXPIRE_NOTES",
    )
}


async def put_many(pool: Pool, first: int, last: int) -> None:
    for part in _MANY.split(";\n"):
        if part.strip():
            numbered = part.replace("$1::int", str(first)).replace("$2::int", str(last))
            await pool.execute(numbered)
    await pool.execute("VACUUM ANALYZE")


async def pages_read(pool: Pool, statement: str) -> int:
    """By one batch, which is taken back."""
    batch = statement.replace("$1", "1").replace("$2", "0.1").replace("$3", str(BATCH))
    async with pool.acquire() as conn:
        trial = conn.transaction()
        await trial.start()
        [plan] = json.loads(await conn.fetchval("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + batch))
        await trial.rollback()
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


async def test_a_batch_reads_no_more_however_much_there_is(pool: Pool) -> None:
    await put_many(pool, 1, 1_000)
    few = {name: await pages_read(pool, statement) for name, statement in _BATCHES.items()}
    await put_many(pool, 1_001, 8_000)
    for name, statement in _BATCHES.items():
        many = await pages_read(pool, statement)
        assert many < 1.5 * few[name] + 50, name


# Of one person


async def test_of_a_person_it_is_counted_what_is_stored(pool: Pool) -> None:
    await fill(pool)
    erasure = Erasure(pool)
    assert await erasure.held(GUILD, ASKER) == Held(1, 1, 1, 0, 0, 0, 0)
    assert await erasure.held(GUILD, BEN) == Held(1, 0, 0, 0, 1, 0, 0)
    assert await erasure.held(GUILD, STAFF) == Held(0, 0, 0, 0, 0, 1, 0)
    assert (await erasure.held(GUILD + 1, ASKER)).is_nothing
    await forget_asker(pool)
    assert (await erasure.held(GUILD, ASKER)).is_nothing


async def test_what_others_wrote_and_the_person_in_other_servers_stays(pool: Pool) -> None:
    await fill(pool)
    await ask(pool, 55, body="elsewhere", guild=GUILD + 1)
    await ask(pool, THREAD, message_id=53, author=BEN, body="And me?")
    await forget_asker(pool)
    assert await holds(pool, "Ben says so") == ["messages"]
    assert await holds(pool, "And me?") == ["messages"]
    assert await holds(pool, "elsewhere") == ["messages"]


async def test_what_the_person_writes_later_stays(pool: Pool) -> None:
    await fill(pool)
    await ask(pool, THREAD, message_id=53, body="One more thing")
    await Erasure(pool).forget(GUILD, ASKER, 52)
    assert await holds(pool, "One more thing") == ["messages"]
    assert await Erasure(pool).held(GUILD, ASKER) == Held(1, 0, 1, 0, 0, 0, 0)


async def test_votes_go_with_their_notes_and_what_staff_wrote_anew_with_its_writer(
    pool: Pool,
) -> None:
    await fill(pool)
    await Erasure(pool).forget(GUILD, BEN, 1_000)
    assert await pool.fetchval("SELECT count(*) FROM feedback") == 0
    await pool.execute(
        "UPDATE drafts SET state = 'sent', decided_by = $1, decided_at = now()", STAFF
    )
    await Erasure(pool).forget(GUILD, STAFF, 1_000)
    assert await pool.fetchval("SELECT text FROM drafts") == ""
    assert await pool.fetchval("SELECT text FROM answers") == SECRET


async def test_uses_that_limits_count_stay(pool: Pool) -> None:
    await fill(pool)
    await pool.execute(
        "INSERT INTO uses (guild_id, person_id, kind) VALUES ($1, $2, 'call')", GUILD, ASKER
    )
    await forget_asker(pool)
    assert await pool.fetchval("SELECT count(*) FROM uses") == 1


_CALLED = """
    WITH conversation AS (
        INSERT INTO conversations (kind, guild_id, channel_id, person_id)
        VALUES ('private', 1, 9, $1) RETURNING id),
    interaction AS (
        INSERT INTO interactions (id, guild_id, channel_id, forum_id, person_id, kind, expires_at,
                                  ended_at)
        VALUES (40, 1, 9, 9, $1, 'private', now(), now()))
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, interaction_id, body,
                           asked_at, ready_at, state, ended_at)
    SELECT id, 1, $1, 'private', 40, 'whisper', now(), now(), 'answered', now() FROM conversation
"""


async def test_what_was_said_in_the_channel_in_place_of_a_reply_is_erased_too(pool: Pool) -> None:
    await pool.execute(_CALLED, ASKER)
    async with pool.acquire() as conn:
        payload = {"content": "asked: whisper", "after": 40}
        await Outbox(pool).add(conn, guild_id=GUILD, channel_id=9, payload=payload, nonce="a")
    await pool.execute("UPDATE outbox SET state = 'dropped', reason = 'gone', ended_at = now()")
    await forget_asker(pool)
    assert await holds(pool, "whisper") == []


async def test_conversations_by_commands_are_erased_and_closed(pool: Pool) -> None:
    await pool.execute(_CALLED, ASKER)
    assert await Erasure(pool).held(GUILD, ASKER) == Held(0, 0, 0, 1, 0, 0, 0)
    await forget_asker(pool)
    assert await holds(pool, "whisper") == []
    assert await pool.fetchval("SELECT closed_at IS NOT NULL FROM conversations")


_LONG = """
    INSERT INTO messages (id, guild_id, thread_id, author_id, content, created_at)
    SELECT 1000 + n, $1, $2, $3, 'words', now() FROM generate_series(1, $4::int) AS n
"""


async def test_a_long_history_is_forgotten_batch_by_batch(pool: Pool) -> None:
    await ask(pool, THREAD, author=BEN)
    await pool.execute(_LONG, GUILD, THREAD, ASKER, 2 * BATCH + 1)
    await Erasure(pool).forget(GUILD, ASKER, 2**62)
    assert (await Erasure(pool).held(GUILD, ASKER)).is_nothing
    assert not (await Erasure(pool).held(GUILD, BEN)).is_nothing


async def test_rows_of_a_draft_are_told_of_their_thread(pool: Pool) -> None:
    outbox = Outbox(pool)
    async with pool.acquire() as conn:
        await outbox.add(
            conn, guild_id=GUILD, channel_id=90, payload={}, nonce="a", thread_id=THREAD
        )
        await outbox.add_once(
            conn, "edit", guild_id=GUILD, channel_id=90, payload={}, thread_id=THREAD
        )
    rows = await pool.fetch("SELECT thread_id FROM outbox")
    assert [row["thread_id"] for row in rows] == [THREAD, THREAD]
