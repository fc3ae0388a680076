"""Erasing texts: of what was deleted on Discord, of what is too old, and of who asks for it.

Promise: what is erased keeps its row, with ids, states, lanes, addresses and scores, and gets no
text again. A row of the outbox that is on its way loses its text once it has ended, as until then
its text tells whether it has arrived.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched

# Of one statement, so that no lock is held for long.
BATCH = 200

# Every text that comes of a question goes with it.
_ERASE_QUESTIONS = """
    UPDATE questions SET title = '', body = '', erased_at = now()
    WHERE id = ANY($1::bigint[]) AND erased_at IS NULL
"""
_ANSWERS_OF_QUESTIONS = "SELECT id FROM answers WHERE question_id = ANY($1::bigint[])"
_ERASE_ANSWERS = """
    UPDATE answers
    SET text = '', cut = '[]', repeat_key = NULL, erased_at = now(),
        citations = (
            SELECT coalesce(jsonb_agg(cited || '{"title": ""}' ORDER BY place), '[]')
            FROM jsonb_array_elements(citations) WITH ORDINALITY AS listed (cited, place)),
        -- A passage may be of a member's thread.
        evidence = (
            SELECT coalesce(jsonb_agg(piece || '{"title": "", "heading": ""}' ORDER BY place), '[]')
            FROM jsonb_array_elements(evidence) WITH ORDINALITY AS listed (piece, place))
    WHERE id = ANY($1::bigint[]) AND erased_at IS NULL
"""
# One that staff could still send would be empty.
_ERASE_DRAFTS = """
    UPDATE drafts
    SET text = CASE WHEN text IS NOT NULL THEN '' END,
        decided_at = coalesce(decided_at, now()),
        state = CASE state WHEN 'open' THEN 'withdrawn' ELSE state END
    WHERE answer_id = ANY($1::bigint[])
"""
_ERASE_NOTES = """
    UPDATE feedback SET note = NULL WHERE answer_id = ANY($1::bigint[]) AND note IS NOT NULL
"""
# The messages of an answer, and those that show it to staff.
_ROWS_OF_ANSWERS = """
    SELECT id FROM outbox WHERE answer_id = ANY($1::bigint[])
    UNION
    SELECT outbox.id FROM answers JOIN questions ON questions.id = question_id
    JOIN conversations ON conversations.id = conversation_id
    JOIN outbox ON outbox.thread_id = conversations.thread_id
    WHERE answers.id = ANY($1::bigint[])
      AND payload -> 'buttons' ->> 0 = 'draft' AND payload -> 'buttons' -> 1 = to_jsonb(answers.id)
"""
# The messages that show staff what solved a thread: a text of any of these may stand in them.
_REVIEWS_OF_MESSAGES = """
    SELECT outbox.id FROM messages JOIN outbox USING (thread_id)
    WHERE messages.id = ANY($1::bigint[]) AND payload -> 'buttons' ->> 0 = 'learn'
      AND outbox.erased_at IS NULL
"""
_REVIEWS_OF_PERSON = """
    SELECT DISTINCT outbox.id FROM messages JOIN outbox USING (thread_id)
    WHERE messages.guild_id = $1 AND messages.author_id = $2 AND messages.content <> ''
      AND payload -> 'buttons' ->> 0 = 'learn' AND outbox.erased_at IS NULL
"""
# Said in the channel in place of a reply, below the words of the question.
_ROWS_OF_CALLS = """
    SELECT outbox.id FROM questions JOIN outbox ON payload ->> 'after' = interaction_id::text
    WHERE questions.id = ANY($1::bigint[]) AND payload ? 'after' AND outbox.erased_at IS NULL
"""
# Who ends a row just now is waited for by nobody: it holds the row and will want its question.
_ERASE_ROWS = """
    WITH erased AS (
        UPDATE outbox SET payload = payload - 'content' - 'files', erased_at = now()
        WHERE id IN (
            SELECT id FROM outbox
            WHERE id = ANY($1::bigint[]) AND ended_at IS NOT NULL AND erased_at IS NULL
            FOR UPDATE SKIP LOCKED)
        RETURNING id)
    INSERT INTO outbox_erasures (outbox_id)
    SELECT id FROM outbox
    WHERE id = ANY($1::bigint[]) AND erased_at IS NULL AND id NOT IN (SELECT id FROM erased)
    ON CONFLICT DO NOTHING
"""
_ERASE_ENDED_ROWS = """
    WITH due AS (
        SELECT outbox_id FROM outbox_erasures LEFT JOIN outbox ON outbox.id = outbox_id
        WHERE outbox.id IS NULL OR ended_at IS NOT NULL
        ORDER BY outbox_id LIMIT $1),
    erased AS (
        UPDATE outbox SET payload = payload - 'content' - 'files', erased_at = now()
        WHERE id IN (SELECT outbox_id FROM due) AND ended_at IS NOT NULL AND erased_at IS NULL)
    DELETE FROM outbox_erasures WHERE outbox_id IN (SELECT outbox_id FROM due)
"""

# Deleted on Discord
_ASKED_IN_MESSAGES = "SELECT id FROM questions WHERE message_id = ANY($1::bigint[])"
_SENT_AS_MESSAGES = """
    SELECT id, message_id, CASE WHEN part = 1 THEN answer_id END AS begins
    FROM outbox WHERE message_id = ANY($1::bigint[])
"""
_ASKED_IN_THREADS = """
    SELECT questions.id FROM conversations JOIN questions ON conversation_id = conversations.id
    WHERE thread_id = ANY($1::bigint[])
"""
_THREADS_OF_FORUM = "SELECT id FROM threads WHERE forum_id = $1"
_ROWS_ABOUT_THREADS = """
    SELECT id FROM outbox
    WHERE (channel_id = ANY($1::bigint[]) OR thread_id = ANY($1::bigint[])) AND erased_at IS NULL
"""

# Too old. What is still open is left alone; by its state a row on its way is found by an index.
_SERVERS = "SELECT id FROM guilds ORDER BY id"
_EXPIRE_MESSAGES = """
    UPDATE messages SET content = '', erased_at = now()
    WHERE id IN (
        SELECT id FROM messages
        WHERE guild_id = $1 AND content <> '' AND created_at < now() - $2 * interval '1 day'
          AND NOT EXISTS (
            SELECT FROM conversations JOIN questions ON conversation_id = conversations.id
            WHERE thread_id = messages.thread_id AND closed_at IS NULL
              AND ended_at IS NULL)
        ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
_EXPIRE_TITLES = """
    UPDATE threads SET title = '', erased_at = now()
    WHERE id IN (
        SELECT id FROM threads
        WHERE guild_id = $1 AND title <> '' AND created_at < now() - $2 * interval '1 day'
          AND coalesce(spoke_at, created_at) < now() - $2 * interval '1 day'
          AND NOT EXISTS (
            SELECT FROM conversations JOIN questions ON conversation_id = conversations.id
            WHERE thread_id = threads.id AND closed_at IS NULL
              AND ended_at IS NULL)
          AND NOT EXISTS (
            SELECT FROM outbox
            WHERE channel_id = threads.id AND state IN ('pending', 'sending'))
        ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
_EXPIRED_QUESTIONS = """
    SELECT id FROM questions
    WHERE guild_id = $1 AND erased_at IS NULL AND ended_at < now() - $2 * interval '1 day'
      AND NOT EXISTS (
        SELECT FROM answers JOIN outbox ON answer_id = answers.id
        WHERE question_id = questions.id AND outbox.state IN ('pending', 'sending'))
    ORDER BY ended_at LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_EXPIRE_ROWS = """
    UPDATE outbox SET payload = payload - 'content' - 'files', erased_at = now()
    WHERE id IN (
        SELECT id FROM outbox
        WHERE guild_id = $1 AND answer_id IS NULL AND erased_at IS NULL
          AND ended_at < now() - $2 * interval '1 day'
        ORDER BY ended_at LIMIT $3 FOR UPDATE SKIP LOCKED)
"""
_EXPIRE_NOTES = """
    UPDATE feedback SET note = NULL
    WHERE (answer_id, person_id) IN (
        SELECT answer_id, person_id FROM feedback
        WHERE guild_id = $1 AND note IS NOT NULL AND changed_at < now() - $2 * interval '1 day'
        ORDER BY changed_at LIMIT $3 FOR UPDATE SKIP LOCKED)
"""

# Of one person. What they write from a message on, as Discord numbers them, is not meant.
_HELD = """
    SELECT (SELECT count(*) FROM messages
            WHERE guild_id = $1 AND author_id = $2 AND content <> '') AS messages,
           (SELECT count(*) FROM threads
            WHERE guild_id = $1 AND author_id = $2 AND title <> '') AS titles,
           (SELECT count(*) FROM questions
            WHERE guild_id = $1 AND author_id = $2 AND erased_at IS NULL
              AND origin IN ('post', 'mention')) AS questions,
           (SELECT count(*) FROM questions
            WHERE guild_id = $1 AND author_id = $2 AND erased_at IS NULL
              AND origin IN ('chat', 'private')) AS calls,
           (SELECT count(*) FROM feedback WHERE guild_id = $1 AND person_id = $2) AS votes,
           (SELECT count(*) FROM drafts
            WHERE guild_id = $1 AND edited_by = $2 AND text <> '') AS drafts,
           (SELECT count(*) FROM solutions
            WHERE guild_id = $1 AND (asker_id = $2 OR solver_id = $2)
              AND state <> 'removed') AS solutions
"""
_UNSETTLED = """
    SELECT questions.id, thread_id, interaction_id FROM questions
    JOIN conversations ON conversations.id = conversation_id
    WHERE questions.guild_id = $1 AND author_id = $2 AND erased_at IS NULL
      AND coalesce(message_id, interaction_id) < $3
      AND (ended_at IS NULL OR EXISTS (
        SELECT FROM answers JOIN drafts ON answer_id = answers.id
        WHERE question_id = questions.id AND drafts.state = 'open'))
    ORDER BY thread_id, questions.id
"""
# One that is on its way is over for docbot; whether it arrived, a drain finds out by its rows.
_QUESTIONS_OF_PERSON = """
    SELECT id FROM questions
    WHERE guild_id = $1 AND author_id = $2 AND erased_at IS NULL
      AND coalesce(message_id, interaction_id) < $3
      AND (ended_at IS NOT NULL OR state = 'posting')
    ORDER BY id LIMIT $4 FOR UPDATE
"""
_ERASE_MESSAGES_OF_PERSON = """
    UPDATE messages SET content = '', erased_at = now()
    WHERE id IN (
        SELECT id FROM messages
        WHERE guild_id = $1 AND author_id = $2 AND content <> '' AND id < $3
        ORDER BY id LIMIT $4 FOR UPDATE)
"""
_ERASE_TITLES_OF_PERSON = """
    UPDATE threads SET title = '', erased_at = now()
    WHERE id IN (
        SELECT id FROM threads
        WHERE guild_id = $1 AND author_id = $2 AND title <> '' AND id < $3
        ORDER BY id LIMIT $4 FOR NO KEY UPDATE)
    RETURNING id
"""
# An answer in the thread belongs to who asked for it.
_NOTES_ABOUT_THREADS = """
    SELECT id FROM outbox
    WHERE (channel_id = ANY($1::bigint[]) OR thread_id = ANY($1::bigint[]))
      AND answer_id IS NULL AND erased_at IS NULL
"""
_TOLD_ALONE = """
    SELECT id FROM outbox
    WHERE guild_id = $1 AND kind = 'direct' AND payload ->> 'person' = $2::bigint::text
      AND erased_at IS NULL
"""
_ERASE_EDITED_DRAFTS = """
    UPDATE drafts SET text = ''
    WHERE guild_id = $1 AND edited_by = $2 AND text <> '' AND state <> 'open'
"""
_DELETE_VOTES = "DELETE FROM feedback WHERE guild_id = $1 AND person_id = $2"
_CLOSE_CALLS = """
    UPDATE conversations SET closed_at = now()
    WHERE guild_id = $1 AND person_id = $2 AND kind <> 'post' AND closed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Held:
    """How much is stored of a person in a server; `calls` are asked by commands.

    `drafts` were written anew by them, as staff. `solutions` are what was learned of threads in
    which they asked or which they solved: it outlives the texts it was learned from.
    """

    messages: int
    titles: int  # of threads that they opened
    questions: int
    calls: int
    votes: int
    drafts: int
    solutions: int

    @property
    def is_nothing(self) -> bool:
        return not any(astuple(self))


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A question that something may still come of: in a thread, or of a call by a command."""

    id: int
    thread_id: int | None
    interaction_id: int | None


class Erasure:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # With what was deleted on Discord

    async def follow_messages(self, conn: Conn, message_ids: Sequence[int]) -> set[int]:
        """Join the transaction that deletes them: erase what they asked, and what we said in them.

        Returns:
            those that are docbot's own.
        """
        await self._erase_questions(conn, await _ids(conn, _ASKED_IN_MESSAGES, message_ids))
        ours = await conn.fetch(_SENT_AS_MESSAGES, list(message_ids))
        answer_ids = [row["begins"] for row in ours if row["begins"] is not None]
        await self._erase_answers(conn, answer_ids)
        await self._erase_rows(conn, [row["id"] for row in ours])
        await self._erase_rows(conn, await _ids(conn, _REVIEWS_OF_MESSAGES, message_ids))
        return {row["message_id"] for row in ours}

    async def follow_thread(self, conn: Conn, thread_id: int) -> None:
        """Join the transaction that deletes it: erase all that was asked and said there."""
        await self._follow_threads(conn, [thread_id])

    async def follow_forum(self, conn: Conn, forum_id: int) -> None:
        """Join the transaction that deletes its threads, as `follow_thread` does with one."""
        await self._follow_threads(conn, await _ids(conn, _THREADS_OF_FORUM, forum_id))

    async def _follow_threads(self, conn: Conn, thread_ids: Sequence[int]) -> None:
        await self._erase_questions(conn, await _ids(conn, _ASKED_IN_THREADS, thread_ids))
        await self._erase_rows(conn, await _ids(conn, _ROWS_ABOUT_THREADS, thread_ids))

    async def erase_ended_rows(self) -> bool:
        """Erase rows that were on their way when all else was erased; True: there may be more."""
        with translated():
            return touched(await self._pool.execute(_ERASE_ENDED_ROWS, BATCH)) == BATCH

    # What is too old

    async def servers(self) -> list[int]:
        """Every server that docbot was ever in."""
        with translated():
            return [row["id"] for row in await self._pool.fetch(_SERVERS)]

    async def expire(self, guild_id: int, days: int) -> bool:
        """Erase some of what is older than so many days; False: nothing of it is left.

        Each statement is one of its own, and takes a batch.
        """
        erased = await self._expire_questions(guild_id, days)
        with translated():
            for statement in (_EXPIRE_MESSAGES, _EXPIRE_TITLES, _EXPIRE_ROWS, _EXPIRE_NOTES):
                erased += touched(await self._pool.execute(statement, guild_id, days, BATCH))
        return erased > 0

    async def _expire_questions(self, guild_id: int, days: int) -> int:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                ids = await _ids(conn, _EXPIRED_QUESTIONS, guild_id, days, BATCH)
                # What others said of the answer has an age of its own.
                await self._erase_questions(conn, ids, with_notes=False)
        return len(ids)

    # What is stored of one person

    async def held(self, guild_id: int, person_id: int) -> Held:
        with translated():
            [row] = await self._pool.fetch(_HELD, guild_id, person_id)
        return Held(**row)

    async def unsettled(self, guild_id: int, person_id: int, before_id: int) -> list[Unsettled]:
        """Questions asked before `before_id` that are open, or whose draft staff could send."""
        with translated():
            rows = await self._pool.fetch(_UNSETTLED, guild_id, person_id, before_id)
        return [Unsettled(**row) for row in rows]

    async def forget(self, guild_id: int, person_id: int, before_id: int) -> None:
        """Erase all of this person that is older than `before_id`, in batches.

        Each batch stays when a later one fails; done again, it goes on from there.
        """
        of_person = guild_id, person_id, before_id
        with translated():
            while await self._forget_questions(*of_person) or await self._forget_titles(*of_person):
                pass
            async with self._pool.acquire() as conn, conn.transaction():
                # Before the messages, whose texts tell of which threads they are.
                reviews = await _ids(conn, _REVIEWS_OF_PERSON, guild_id, person_id)
                await self._erase_rows(conn, reviews)
            while touched(await self._pool.execute(_ERASE_MESSAGES_OF_PERSON, *of_person, BATCH)):
                pass
            async with self._pool.acquire() as conn, conn.transaction():
                await conn.execute(_DELETE_VOTES, guild_id, person_id)
                await conn.execute(_ERASE_EDITED_DRAFTS, guild_id, person_id)
                await conn.execute(_CLOSE_CALLS, guild_id, person_id)
                await self._erase_rows(conn, await _ids(conn, _TOLD_ALONE, guild_id, person_id))

    async def _forget_questions(self, guild_id: int, person_id: int, before_id: int) -> int:
        async with self._pool.acquire() as conn, conn.transaction():
            ids = await _ids(conn, _QUESTIONS_OF_PERSON, guild_id, person_id, before_id, BATCH)
            await self._erase_questions(conn, ids)
        return len(ids)

    async def _forget_titles(self, guild_id: int, person_id: int, before_id: int) -> int:
        async with self._pool.acquire() as conn, conn.transaction():
            ids = await _ids(conn, _ERASE_TITLES_OF_PERSON, guild_id, person_id, before_id, BATCH)
            await self._erase_rows(conn, await _ids(conn, _NOTES_ABOUT_THREADS, ids))
        return len(ids)

    # Whatever the reason

    async def _erase_questions(
        self, conn: Conn, question_ids: Sequence[int], *, with_notes: bool = True
    ) -> None:
        if not question_ids:
            return
        await conn.execute(_ERASE_QUESTIONS, question_ids)
        answer_ids = await _ids(conn, _ANSWERS_OF_QUESTIONS, question_ids)
        await self._erase_answers(conn, answer_ids, with_notes=with_notes)
        await self._erase_rows(conn, await _ids(conn, _ROWS_OF_CALLS, question_ids))

    async def _erase_answers(
        self, conn: Conn, answer_ids: Sequence[int], *, with_notes: bool = True
    ) -> None:
        if not answer_ids:
            return
        await conn.execute(_ERASE_ANSWERS, answer_ids)
        await conn.execute(_ERASE_DRAFTS, answer_ids)
        if with_notes:
            await conn.execute(_ERASE_NOTES, answer_ids)
        await self._erase_rows(conn, await _ids(conn, _ROWS_OF_ANSWERS, answer_ids))

    async def _erase_rows(self, conn: Conn, row_ids: Sequence[int]) -> None:
        if row_ids:
            await conn.execute(_ERASE_ROWS, row_ids)


async def _ids(conn: Conn, statement: str, *arguments: object) -> list[int]:
    return [row["id"] for row in await conn.fetch(statement, *arguments)]
