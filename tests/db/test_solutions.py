"""What is read of the stores when something learned is taken back, however much there is."""

import json

import pytest

from docbot.db import solutions as statements
from docbot.db.pool import Pool

# A forum of a large server: each thread is a page of three chunks, and was cited by an answer.
_MANY = """
    INSERT INTO guilds (id, name) VALUES (1, 'Here');
    INSERT INTO sources (guild_id, forum_id, name, kind, location)
    VALUES (1, 20, 'solved-20', 'solved', '');
    INSERT INTO pages (source_id, url, title, markdown, content_hash)
    SELECT 1, 'https://discord.com/channels/1/' || n || '/1', 'How?', 'So.', ''
    FROM generate_series(1, 5000) AS n;
    INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text)
    SELECT 1, pages.id, place, convert_to(pages.id || '-' || place, 'UTF8'), '{}', url, 'So.'
    FROM pages, generate_series(0, 2) AS place;
    INSERT INTO embeddings (model, chunk_hash, vector) SELECT 'm', hash, '' FROM chunks;
    INSERT INTO solutions (thread_id, guild_id, forum_id, source_id, page_id, message_id, asker_id,
                           solver_id, title, question, solution, state, marked_by, verified_by)
    SELECT id, 1, 20, 1, id, 1, 300 + id % 1000, 5300 + id % 700, 'How?', 'How?', 'So.', 'verified', 1, 1
    FROM pages;
    INSERT INTO threads (id, guild_id, forum_id, author_id, title, created_at)
    SELECT id, 1, 20, 300, 'How?', now() FROM pages;
    INSERT INTO conversations (kind, guild_id, channel_id, thread_id)
    SELECT 'post', 1, id, id FROM pages;
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, message_id, asked_at,
                           ready_at, ended_at, state)
    SELECT id, 1, 300, 'post', id, now(), now(), now(), 'answered' FROM conversations;
    INSERT INTO answers (question_id, guild_id, lane, text, citations, evidence, timings_ms, repeat_key)
    SELECT questions.id, 1, 'answer', 'So [1].',
           jsonb_build_array(jsonb_build_object('n', 1, 'url', url, 'title', 'How?')), '[]', '{}', url::bytea
    FROM questions JOIN pages ON pages.id = questions.id;
    VACUUM ANALYZE;
"""
_LOOKS = {
    "_FORGET_VECTORS": ("7",),
    "_FORGET_REPEATS": ("1", "7"),
    "_DELETE_PAGE": ("7",),
    "_OF_PERSON": ("1", "307"),
}


@pytest.fixture
async def crowded(pool: Pool) -> Pool:
    for part in _MANY.split(";\n"):
        if part.strip():
            await pool.execute(part)
    return pool


async def test_what_is_taken_back_is_found_without_reading_all_that_was_learned(
    crowded: Pool,
) -> None:
    for name, values in _LOOKS.items():
        statement = getattr(statements, name)
        for place, value in enumerate(values, start=1):
            statement = statement.replace(f"${place}", value)
        async with crowded.acquire() as conn:
            trial = conn.transaction()
            await trial.start()
            told = await conn.fetchval("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement)
            await trial.rollback()
        assert "Seq Scan" not in told, name
        [document] = json.loads(told)
        plan = document["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100, name
