"""A row in every table, and what a database holds, to be compared."""

from typing import Any

from docbot.db.pool import Conn

# One or more rows for each table that a backup holds.
FILL = r"""
    INSERT INTO guilds (id, name) VALUES (1, 'Frobnicators');
    INSERT INTO sources (name, kind, location, base_url)
    VALUES ('docs', 'folder', '/docs', 'https://d.test/'), ('gone', 'website', 'https://g.test/', NULL);
    INSERT INTO sources (guild_id, forum_id, name, kind, location)
    VALUES (1, 20, 'solved-20', 'solved', '');
    INSERT INTO syncs (source_id, ended_at, outcome, reason, failed)
    VALUES (1, now(), 'failed', E'the folder\tis gone', 1);
    INSERT INTO addresses (source_id, address, body_hash, links, sync_id, failed_at, failure)
    VALUES (1, 'usage.md', '\x5c00', E'a\nb', 1, '2026-01-02 03:04:05+00', 'cannot be read');
    INSERT INTO pages (source_id, url, title, markdown, content_hash, etag)
    VALUES (1, 'usage.md', 'Usage', E'# Usage\n\n\tSet `C:\\retries`.\n', '\x00ff0a09', '');
    INSERT INTO pages (source_id, url, title, markdown, content_hash)
    VALUES (3, 'https://discord.com/channels/1/2/3', 'How?', 'How so?', '\x01');
    INSERT INTO solutions (thread_id, guild_id, forum_id, source_id, page_id, message_id, asker_id,
                           solver_id, title, question, solution, state, marked_by, verified_by)
    VALUES (2, 1, 20, 3, 2, 3, 300, 301, 'How?', 'How', E'So:\n\t`C:\\so`', 'verified', 300, 300);
    INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text)
    VALUES (1, 1, NULL, '\x5c0a', '{Usage,"a, \"b\" \\ c"}', 'usage.md', E'line\r\nline \\N \\.');
    INSERT INTO embeddings (model, chunk_hash, vector) VALUES ('m', '\x5c0a', '\x0000803f0a5c0900');
    INSERT INTO index_generations (name, state, lexical_version, points) VALUES ('g1', 'current', 1, 1);
    INSERT INTO forums (channel_id, guild_id, mode) VALUES (20, 1, 'mention');
    INSERT INTO forum_sources (channel_id, source_id) VALUES (20, 1);
    INSERT INTO config (guild_id, channel_id, name, value)
    VALUES (1, NULL, 'limit-calls', '5/1'), (1, 20, 'solved-tag', E'all\\t"done"');
    INSERT INTO threads (id, guild_id, forum_id, author_id, title, tags, created_at)
    VALUES (9223372036854775807, 1, 20, 300, 'How?', '{5,6}', '2026-01-02 03:04:05.678901+05');
    INSERT INTO messages (id, guild_id, thread_id, author_id, content, created_at)
    VALUES (7, 1, 9223372036854775807, 300, '', '2026-01-02 03:04:05+00');
    INSERT INTO conversations (kind, guild_id, channel_id, thread_id)
    VALUES ('post', 1, 9223372036854775807, 9223372036854775807);
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, message_id, asked_at, ready_at, state)
    VALUES (1, 1, 300, 'post', 7, now(), now(), 'posting');
    INSERT INTO question_messages (question_id, message_id) VALUES (1, 7);
    INSERT INTO answers (question_id, guild_id, lane, text, citations, evidence, timings_ms)
    VALUES (1, 1, 'answer', 'So [1].', '[{"n": 1, "url": "a\\n\"b"}]', '[]', '{"search": 0.1}');
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, answer_id, state,
                        message_id, ended_at, first_tried_at)
    VALUES ('send', 1, 9, 'channel:9', '{"content": "So [1]."}', 'abc', 1, 'sent', 70, now(), now());
    UPDATE solutions SET outbox_id = (SELECT min(id) FROM outbox), shown = 1;
    INSERT INTO drafts (answer_id, guild_id, channel_id, outbox_id, text, edited_by)
        SELECT 1, 1, 50, min(id), 'Set it higher.', 302 FROM outbox;
    INSERT INTO outbox_erasures (outbox_id) VALUES (1);
    INSERT INTO feedback (answer_id, person_id, guild_id, vote) VALUES (1, 301, 1, 'helpful');
    INSERT INTO interactions (id, guild_id, channel_id, forum_id, person_id, kind, parts, parts_sent, created_at, expires_at, ended_at)
    VALUES (8, 1, 9, 9, 300, 'chat', '[{"content": "So\n\"[1]\"."}]', 1, now(), now(), now());
    INSERT INTO conversations (kind, guild_id, channel_id, person_id) VALUES ('chat', 1, 9, 300);
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, interaction_id, body, asked_at, ready_at, state, ended_at)
    VALUES (2, 1, 300, 'chat', 8, 'How?', now(), now(), 'answered', now());
    INSERT INTO server_turns (guild_id, served_at) VALUES (1, '2026-01-02 03:04:05+00');
    INSERT INTO person_turns (guild_id, person_id, served_at) VALUES (1, 300, '2026-01-02 03:04:05+00');
    INSERT INTO person_turns (guild_id, person_id, served_at, is_first) VALUES (1, 301, '-infinity', true);
    INSERT INTO uses (guild_id, person_id, kind, at) VALUES (1, 300, 'call', '2026-01-02 03:04:05.678901+00');
    UPDATE activity SET epoch = 5, holder = 'process 1 on there', taken_at = now();
"""

_NAMES = """
    SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations'
    ORDER BY tablename
"""


async def contents(conn: Conn) -> dict[str, list[Any]]:
    """Every row of every table but the history of the schema, as text."""
    return {
        row["tablename"]: sorted(
            each["row"]
            for each in await conn.fetch(f'SELECT t::text AS row FROM "{row["tablename"]}" AS t')
        )
        for row in await conn.fetch(_NAMES)
    }
