"""Questions: from the message that asks one to the state it ends in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched
from docbot.text import storable

STATES = (
    *("collecting", "waiting", "answering", "review", "posting"),
    *("answered", "abstained", "yielded", "cancelled", "failed"),
)

_ADD = """
    WITH conversation AS (
        {begun}
        RETURNING id),
    question AS (
        INSERT INTO questions
            (conversation_id, guild_id, author_id, origin, message_id, title, asked_at, ready_at,
             counts_from, state, reason, ended_at, mode)
        -- Discord's clock may be ahead of this one: nobody waits for that.
        SELECT id, $1, $3, $4, $5, $6, $7::timestamptz,
               coalesce($8::timestamptz, greatest(
                   least($7, now()) + $11 * interval '1 second',
                   -- Of a post that is told late the further parts are told at once.
                   CASE WHEN $11 > 0 THEN now() + least($11, 2) * interval '1 second' END)), $8,
               CASE WHEN $9::text IS NOT NULL THEN 'cancelled' WHEN $11 > 0 THEN 'collecting'
                    ELSE 'waiting' END,
               $9, CASE WHEN $9::text IS NOT NULL THEN now() END, $10
        FROM conversation
        ON CONFLICT (message_id) DO NOTHING
        RETURNING id)
    INSERT INTO question_messages (question_id, message_id)
    SELECT id, $5 FROM question
    RETURNING question_id
"""
# A thread is one conversation of all who write in it.
_ADD_IN_THREAD = _ADD.format(
    begun="""
        INSERT INTO conversations (kind, guild_id, channel_id, thread_id)
        VALUES ('post', $1, $2, $2)
        ON CONFLICT (thread_id) WHERE kind = 'post' AND closed_at IS NULL
        DO UPDATE SET channel_id = $2"""
)
# In a text channel everyone has their own.
_ADD_IN_CHANNEL = _ADD.format(
    begun="""
        INSERT INTO conversations (kind, guild_id, channel_id, thread_id, person_id)
        VALUES ('channel', $1, $2, $2, $3)
        ON CONFLICT (kind, channel_id, person_id) WHERE kind <> 'post' AND closed_at IS NULL
        DO UPDATE SET guild_id = $1"""
)
# Whose turn it is: the server that waits longest, within it the person who waits longest, those with
# priority before the others, of theirs the oldest conversation. Each waits since its oldest due question, or since it was last served if
# that is later: so everyone is served once in a round, and nobody who comes new passes a round.
# The recursions step over all that an index holds of one server, person or conversation at once;
# the joins are LATERAL so that they are gone through in this order, and no further than to a row.
_CLAIM_NEXT = """
    WITH claimed AS (
        UPDATE questions
        SET state = 'answering', epoch = $1, claimed_by = $2, attempt = attempt + 1
        WHERE (SELECT epoch FROM activity) = $1 AND id = (
            WITH RECURSIVE servers AS (
                (SELECT guild_id, ready_at FROM questions WHERE state = 'waiting'
                 ORDER BY guild_id, ready_at LIMIT 1)
                UNION ALL
                SELECT next.* FROM servers CROSS JOIN LATERAL (
                    SELECT guild_id, ready_at FROM questions
                    WHERE state = 'waiting' AND guild_id > servers.guild_id
                    ORDER BY guild_id, ready_at LIMIT 1) AS next)
            SELECT due.id FROM (
                SELECT guild_id FROM servers LEFT JOIN server_turns USING (guild_id)
                WHERE ready_at <= now()
                ORDER BY greatest(ready_at, served_at), guild_id) AS server
            CROSS JOIN LATERAL (
                WITH RECURSIVE people AS (
                    (SELECT author_id, ready_at FROM questions
                     WHERE state = 'waiting' AND guild_id = server.guild_id
                     ORDER BY author_id, ready_at LIMIT 1)
                    UNION ALL
                    SELECT next.* FROM people CROSS JOIN LATERAL (
                        SELECT author_id, ready_at FROM questions
                        WHERE state = 'waiting' AND guild_id = server.guild_id
                          AND author_id > people.author_id
                        ORDER BY author_id, ready_at LIMIT 1) AS next)
                SELECT author_id FROM people LEFT JOIN person_turns
                    ON person_turns.guild_id = server.guild_id AND person_id = author_id
                WHERE ready_at <= now()
                ORDER BY coalesce(is_first, false) DESC, greatest(ready_at, served_at), author_id)
                AS person
            CROSS JOIN LATERAL (
                WITH RECURSIVE firsts AS (
                    (SELECT conversation_id, id, ready_at FROM questions
                     WHERE state = 'waiting' AND guild_id = server.guild_id
                       AND author_id = person.author_id
                     ORDER BY conversation_id, id LIMIT 1)
                    UNION ALL
                    SELECT next.* FROM firsts CROSS JOIN LATERAL (
                        SELECT conversation_id, id, ready_at FROM questions
                        WHERE state = 'waiting' AND guild_id = server.guild_id
                          AND author_id = person.author_id
                          AND conversation_id > firsts.conversation_id
                        ORDER BY conversation_id, id LIMIT 1) AS next)
                SELECT id FROM firsts
                -- One at a time in a conversation: a later question reads the answer of the earlier.
                WHERE ready_at <= now() AND id = (
                    SELECT earliest.id FROM questions AS earliest
                    WHERE earliest.conversation_id = firsts.conversation_id
                      -- Staff may take its time.
                      AND earliest.ended_at IS NULL AND earliest.state <> 'review'
                    ORDER BY earliest.id LIMIT 1)) AS first
            CROSS JOIN LATERAL (
                SELECT id FROM questions WHERE id = first.id AND state = 'waiting'
                FOR UPDATE SKIP LOCKED) AS due
            LIMIT 1)
        RETURNING *),
    server_served AS (
        INSERT INTO server_turns SELECT guild_id, clock_timestamp() FROM claimed
        ON CONFLICT (guild_id) DO UPDATE SET served_at = excluded.served_at),
    person_served AS (
        INSERT INTO person_turns SELECT guild_id, author_id, clock_timestamp() FROM claimed
        ON CONFLICT (guild_id, person_id) DO UPDATE SET served_at = excluded.served_at)
    SELECT claimed.id, conversation_id, claimed.guild_id, claimed.author_id, origin, claimed.title,
           coalesce(claimed.mode, 'auto') AS mode, claimed.claimed_by,
           coalesce(counts_from, asked_at) AS counts_from,
           claimed.attempt, refusals, message_id, interaction_id, conversations.channel_id,
           coalesce(threads.forum_id, interactions.forum_id, conversations.channel_id) AS forum_id,
           coalesce(threads.tags,
                    (SELECT tags FROM threads AS place WHERE place.id = interactions.channel_id),
                    '{}') AS tags,
           coalesce(threads.others_wrote, false) AS others_wrote,
           coalesce(threads.staff_wrote, false) AS staff_wrote,
           coalesce((
            SELECT string_agg(content, E'\n\n' ORDER BY messages.id)
            FROM messages JOIN question_messages ON question_messages.message_id = messages.id
            WHERE question_id = claimed.id), claimed.body) AS body,
           -- The post that a mention stands below, as far as it is stored.
           CASE WHEN threads.id IS DISTINCT FROM message_id
                THEN concat_ws(E'\n\n', nullif(threads.title, ''), nullif(opening.content, ''))
                ELSE '' END AS post
    FROM claimed JOIN conversations ON conversations.id = conversation_id
    LEFT JOIN threads ON threads.id = conversations.thread_id
    LEFT JOIN messages AS opening ON opening.id = threads.id
    LEFT JOIN interactions ON interactions.id = interaction_id
"""
# Earlier turns of the same conversation: what was asked, and what was answered on Discord.
_HISTORY = """
    SELECT questions.title,
           coalesce((
            SELECT string_agg(content, E'\n\n' ORDER BY messages.id)
            FROM messages JOIN question_messages ON message_id = messages.id
            WHERE question_id = questions.id), questions.body) AS body,
           answers.text AS answer
    FROM questions JOIN answers ON answers.question_id = questions.id
    WHERE questions.conversation_id = $1 AND questions.id < $2 AND questions.state = 'answered'
      AND answers.erased_at IS NULL
    ORDER BY questions.id DESC LIMIT $3
"""
_SEND_ON = "UPDATE questions SET state = $3 WHERE id = $1 AND state = 'answering' AND epoch = $2"
_END_CLAIMED = """
    UPDATE questions SET state = $3, reason = $4, ended_at = now()
    WHERE id = $1 AND state = 'answering' AND epoch = $2
"""
_PUT_OFF = """
    UPDATE questions
    SET state = 'waiting', ready_at = now() + $3 * interval '1 second', reason = $4,
        refusals = refusals + $5
    WHERE id = $1 AND state = 'answering' AND epoch = $2
"""
_END_POSTED = """
    UPDATE questions SET state = $2, reason = $3, ended_at = now()
    WHERE id = (SELECT question_id FROM answers WHERE id = $1) AND state = 'posting'
    RETURNING id
"""
_END_DROPPED = """
    UPDATE questions
    SET state = coalesce(withdrawn_as, 'cancelled'), reason = $2, ended_at = now()
    WHERE id = (SELECT question_id FROM answers WHERE id = $1) AND state = 'posting'
    RETURNING state
"""
# Those of a thread that something may still become of, and those that a message belongs to.
_LOCK_OF_THREAD = """
    SELECT questions.id, origin, coalesce(questions.mode, 'auto') AS mode, questions.state, reason,
           questions.message_id, asked_at, ready_at, answers.id AS answer_id, lane,
           coalesce(drafts.state = 'open', false) AS holds_draft,
           coalesce(drafts.state = 'sent', false) AS was_reviewed,
           ARRAY(SELECT question_messages.message_id FROM question_messages
                 WHERE question_id = questions.id) AS messages
    FROM conversations JOIN questions ON conversation_id = conversations.id
    LEFT JOIN answers ON question_id = questions.id
    LEFT JOIN drafts ON drafts.answer_id = answers.id
    WHERE thread_id = $1 AND (
        ended_at IS NULL OR drafts.state = 'open' OR questions.message_id = ANY($2::bigint[])
        OR EXISTS (SELECT FROM question_messages AS written
                   WHERE question_id = questions.id AND written.message_id = ANY($2::bigint[])))
    ORDER BY questions.id FOR UPDATE OF questions
"""
# One that was edited meanwhile may be in another worker's hand, within the same epoch.
_IS_CLAIMED = """
    SELECT state = 'answering' AND epoch = $2 AND claimed_by = $3 FROM questions
    WHERE id = $1 FOR NO KEY UPDATE
"""
_JOIN = """
    INSERT INTO question_messages (question_id, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
_SETTLE_LATER = """
    UPDATE questions SET ready_at = least($2, now() + $3 * interval '1 second')
    WHERE id = $1 AND state = 'collecting'
"""
_COLLECTED = """
    UPDATE questions SET state = 'waiting' WHERE state = 'collecting' AND ready_at <= now()
"""
_SECONDS_TO_COLLECTED = """
    SELECT extract(epoch FROM min(ready_at) - now())::float FROM questions
    WHERE state = 'collecting'
"""
_ASK_ANEW = """
    WITH forgotten AS (DELETE FROM answers WHERE question_id = $1)
    UPDATE questions
    SET state = 'waiting', ready_at = now() + $2 * interval '1 second', epoch = NULL, attempt = 0,
        withdrawn = NULL, withdrawn_as = NULL
    WHERE id = $1
"""
_FORGET_ANSWER = "DELETE FROM answers WHERE question_id = $1"
_RETITLE = """
    UPDATE questions SET title = $2
    WHERE message_id = $1 AND title <> $2 AND title <> ''
"""
# The first question of a thread, and what was said to it.
_GIST = """
    SELECT (SELECT content FROM messages WHERE messages.id = $1) AS body, answers.lane,
           ARRAY(SELECT citation ->> 'title' FROM jsonb_array_elements(citations) AS citation
                 WHERE citation ->> 'title' <> '') AS titles
    FROM conversations JOIN questions ON conversation_id = conversations.id
    LEFT JOIN answers ON question_id = questions.id
    WHERE thread_id = $1 ORDER BY questions.id LIMIT 1
"""
_END_REVIEW = """
    UPDATE questions SET state = 'cancelled', reason = $2, ended_at = now()
    WHERE id = $1 AND state = 'review'
"""
_FAIL_REVIEW = """
    UPDATE questions SET state = 'failed', reason = $2, ended_at = now()
    WHERE id = (SELECT question_id FROM answers WHERE id = $1) AND state = 'review'
"""
_REOPEN = """
    UPDATE questions
    SET state = 'posting', reason = NULL, ended_at = NULL, counts_from = now(), withdrawn = NULL,
        withdrawn_as = NULL
    WHERE id = $1
"""
_LOCK = """
    SELECT id FROM questions
    -- Without an end, as its index has it.
    WHERE {which} AND ended_at IS NULL
    ORDER BY id FOR UPDATE
"""
_LOCK_BY_ID = _LOCK.format(which="id = $1")
_LOCK_BY_FORUM = _LOCK.format(
    which="""conversation_id IN (
        SELECT conversations.id FROM conversations JOIN threads ON threads.id = thread_id
        WHERE forum_id = $1)"""
)
# A row that a drain holds at this moment is passed over: it is no longer untried.
_LOCK_UNTRIED = """
    SELECT id FROM outbox
    WHERE answer_id IN (SELECT id FROM answers WHERE question_id = ANY($1::bigint[]))
      AND state = 'pending' AND first_tried_at IS NULL
    FOR UPDATE SKIP LOCKED
"""
# One whose answer is on its way, or was tried and may have arrived, is left to the drain.
_CALL_OFF = """
    WITH in_doubt AS (
        SELECT question_id FROM answers JOIN outbox ON outbox.answer_id = answers.id
        WHERE question_id = ANY($1::bigint[]) AND outbox.id <> ALL($3::bigint[])),
    cancelled AS (
        UPDATE questions SET state = $4, reason = $2, ended_at = now()
        WHERE id = ANY($1::bigint[]) AND id NOT IN (SELECT question_id FROM in_doubt)),
    withdrawn AS (
        UPDATE questions SET withdrawn = $2, withdrawn_as = $4
        WHERE id IN (SELECT question_id FROM in_doubt))
    SELECT id AS answer_id, question_id IN (SELECT question_id FROM in_doubt) AS in_doubt
    FROM answers WHERE question_id = ANY($1::bigint[])
"""
_FIND_TO_RETRY = """
    SELECT questions.id, state, reason, channel_id, answers.id AS answer_id,
           EXISTS (SELECT FROM questions AS later
                   WHERE later.conversation_id = questions.conversation_id
                     AND later.id > questions.id AND later.ended_at IS NULL) AS is_passed,
           CASE WHEN threads.deleted_at IS NOT NULL THEN 'its thread was deleted'
                WHEN messages.deleted_at IS NOT NULL THEN 'its message was deleted'
                WHEN threads.locked THEN 'its thread is locked'
                WHEN origin = 'private' THEN 'Discord takes no private reply to it any more'
                WHEN questions.erased_at IS NOT NULL OR answers.erased_at IS NOT NULL
                THEN 'its text was erased' END AS gone
    FROM questions JOIN conversations ON conversations.id = conversation_id
    LEFT JOIN answers ON answers.question_id = questions.id
    LEFT JOIN threads ON threads.id = thread_id
    LEFT JOIN messages ON messages.id = message_id
    WHERE questions.id = $1 FOR UPDATE OF questions
"""
_RETRY = """
    UPDATE questions
    SET state = $2, reason = NULL, ended_at = NULL, epoch = NULL, attempt = 0, refusals = 0,
        ready_at = now(), counts_from = now(), withdrawn = NULL, withdrawn_as = NULL
    WHERE id = $1
"""
_NOTIFY = "SELECT pg_notify('docbot_work', '')"
_PUT_BACK = """
    UPDATE questions SET state = 'waiting'
    WHERE state = 'answering' AND epoch = $1 AND claimed_by = $2
"""
_TAKE_OVER = "UPDATE questions SET state = 'waiting', epoch = NULL WHERE state = 'answering'"
# Nothing waits for as long as this, so that none of these turns counts any more.
_FORGET_SERVERS = "DELETE FROM server_turns WHERE served_at < now() - interval '1 day'"
_FORGET_PEOPLE = """
    DELETE FROM person_turns AS person
    WHERE served_at < now() - interval '1 day'
      -- Whose question goes first may have been served never.
      AND NOT (is_first AND EXISTS (
        SELECT FROM questions
        WHERE state = 'waiting' AND guild_id = person.guild_id AND author_id = person_id))
"""
_NEXT_READY = """
    SELECT extract(epoch FROM min(ready_at) - now())::float FROM questions
    WHERE state = 'waiting' AND ready_at > now()
"""
_LIST = """
    SELECT questions.id, questions.guild_id, conversations.channel_id, questions.origin,
           questions.title, questions.state, questions.reason, questions.asked_at,
           questions.attempt, answers.lane, answers.text AS answer
    FROM questions
    JOIN conversations ON conversations.id = questions.conversation_id
    LEFT JOIN answers ON answers.question_id = questions.id
    WHERE ($1::text IS NULL OR questions.state = $1) AND ($2::bigint IS NULL OR questions.id = $2)
    ORDER BY questions.id DESC LIMIT $3
"""

# Solved is what somebody found helpful and nobody not right. Of a post alone: what a mention asks
# leans on what stands above it, and private questions stay where they are. What was deleted on
# Discord or erased here has no text any more. Evidence of older versions names no source, but its chunk does.
_SOLVED = """
    SELECT questions.id, questions.title,
           (SELECT coalesce(string_agg(content, E'\n\n' ORDER BY messages.id), '')
            FROM messages JOIN question_messages ON message_id = messages.id
            WHERE question_id = questions.id) AS body,
           (SELECT bool_or(messages.deleted_at IS NOT NULL OR messages.erased_at IS NOT NULL)
            FROM messages JOIN question_messages ON message_id = messages.id
            WHERE question_id = questions.id) AS is_deleted,
           (SELECT jsonb_agg(jsonb_build_array(
                       coalesce(piece ->> 'source', sources.name), piece ->> 'url')
                   ORDER BY (piece ->> 'n')::int)
            FROM jsonb_array_elements(evidence) AS piece
            LEFT JOIN chunks ON chunks.id = (piece ->> 'chunk')::bigint
            LEFT JOIN sources ON sources.id = chunks.source_id
            -- What members solved is no documentation, by which an evaluation measures.
            WHERE (piece ->> 'cited')::boolean
              AND NOT coalesce((piece ->> 'solved')::boolean, false)) AS cited
    FROM questions JOIN answers ON question_id = questions.id
    WHERE origin = 'post' AND state = 'answered' AND lane IN ('answer', 'suggest')
      AND EXISTS (SELECT FROM feedback WHERE answer_id = answers.id AND vote = 'helpful')
      AND NOT EXISTS (SELECT FROM feedback WHERE answer_id = answers.id AND vote = 'not_right')
    ORDER BY questions.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A question in the hand of worker `claimed_by`; `attempt` is 1 on the first claim."""

    id: int
    claimed_by: int
    conversation_id: int
    guild_id: int
    author_id: int
    origin: str
    title: str
    counts_from: datetime  # when it was asked, found or tried again: from here its age counts
    attempt: int
    refusals: int
    channel_id: int
    forum_id: int
    message_id: int | None
    interaction_id: int | None  # of a call by /chat or /private
    body: str
    post: str  # what the thread began with, where the question itself did not begin it
    mode: str = "auto"  # of its forum when it was asked
    tags: Sequence[int] = ()  # of its thread
    others_wrote: bool = False  # in its thread: somebody but its author
    staff_wrote: bool = False  # and one of them is staff


@dataclass(frozen=True, slots=True)
class OfThread:
    """A question as its thread sees it; `messages` are all that it is written in.

    `mode` is that of its forum when it was asked; `holds_draft`: staff has its answer to decide on,
    `was_reviewed`: and has sent it.
    """

    id: int
    origin: str
    mode: str
    state: str
    reason: str | None
    message_id: int
    asked_at: datetime
    ready_at: datetime
    answer_id: int | None
    lane: str | None
    holds_draft: bool
    was_reviewed: bool
    messages: frozenset[int]


@dataclass(frozen=True, slots=True)
class Gist:
    """What a thread began with, and what docbot said: the lane, and the titles of its sources."""

    body: str
    lane: str | None
    titles: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ended:
    """The answers that must not be sent any more; of those in doubt a message may be there."""

    unsent: list[int]
    in_doubt: list[int]


@dataclass(frozen=True, slots=True)
class Retried:
    """A question that is to be tried again.

    `is_passed`: a later one of its conversation is in hand, and must not be overtaken. `gone`: why
    there is nothing left to answer.
    """

    id: int
    state: str
    reason: str | None
    channel_id: int
    answer_id: int | None
    is_passed: bool
    gone: str | None


@dataclass(frozen=True, slots=True)
class PastTurn:
    title: str
    body: str
    answer: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A question as an operator sees it."""

    id: int
    guild_id: int
    channel_id: int
    origin: str
    title: str
    state: str
    reason: str | None
    asked_at: datetime
    attempt: int
    lane: str | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Solved:
    """A post whose answer helped; `cited` are (source, address), in the order of their numbers.

    The source is None where it is not known any more; `is_deleted`: there is no text left.
    """

    id: int
    title: str
    body: str
    is_deleted: bool
    cited: Sequence[tuple[str | None, str]]


class Questions:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        conn: Conn,
        *,
        guild_id: int,
        thread_id: int,
        author_id: int,
        origin: str,
        message_id: int,
        title: str,
        asked_at: datetime,
        turn_at: datetime | None = None,
        cancelled: str | None = None,
        mode: str = "auto",
        settle_seconds: float = 0.0,
        is_in_channel: bool = False,
    ) -> int | None:
        """Join the caller's transaction; None when this message asked already.

        `turn_at`: when its turn comes, where that is later than when it was asked. `cancelled`:
        why it is never answered. `settle_seconds`: for which its author may go on writing.
        `is_in_channel`: `thread_id` is a text channel's.
        """
        question_id: int | None = await conn.fetchval(
            _ADD_IN_CHANNEL if is_in_channel else _ADD_IN_THREAD,
            guild_id,
            thread_id,
            author_id,
            origin,
            message_id,
            storable(title),
            asked_at,
            turn_at,
            cancelled,
            mode,
            settle_seconds,
        )
        return question_id

    async def lock_of_thread(
        self, conn: Conn, thread_id: int, message_ids: Sequence[int]
    ) -> list[OfThread]:
        """Join the caller's transaction: what is open in a thread, or is of these messages."""
        rows = await conn.fetch(_LOCK_OF_THREAD, thread_id, list(message_ids))
        return [OfThread(**{**row, "messages": frozenset(row["messages"])}) for row in rows]

    async def is_claimed(self, conn: Conn, claimed: Claimed, epoch: int) -> bool:
        """Join the caller's transaction: whether the claim is ours, and remains so until its end."""
        return bool(await conn.fetchval(_IS_CLAIMED, claimed.id, epoch, claimed.claimed_by))

    async def join(self, conn: Conn, question_id: int, message_id: int) -> None:
        """Join the caller's transaction: a further message of the same question."""
        await conn.execute(_JOIN, question_id, message_id)

    async def settle_later(
        self, conn: Conn, question_id: int, ready_at: datetime, seconds: float
    ) -> None:
        """Join the caller's transaction; never later than `seconds` from now."""
        await conn.execute(_SETTLE_LATER, question_id, ready_at, seconds)

    async def end_collecting(self) -> bool:
        """Let the questions wait for an answer whose authors have stopped writing."""
        with translated():
            return touched(await self._pool.execute(_COLLECTED)) > 0

    async def seconds_to_collected(self) -> float | None:
        """How long until the next question is whole; None when none is written just now."""
        with translated():
            seconds: float | None = await self._pool.fetchval(_SECONDS_TO_COLLECTED)
        return seconds

    async def ask_anew(self, conn: Conn, question_id: int, seconds: float) -> None:
        """Join the caller's transaction: forget its answer, and wait for another one."""
        await conn.execute(_ASK_ANEW, question_id, seconds)

    async def forget_answer(self, conn: Conn, question_id: int) -> None:
        """Join the transaction that lets the question be answered anew."""
        await conn.execute(_FORGET_ANSWER, question_id)

    async def retitle(self, conn: Conn, thread_id: int, title: str) -> bool:
        """Join the caller's transaction; True where the post's question has another title now."""
        return touched(await conn.execute(_RETITLE, thread_id, storable(title))) > 0

    async def gist(self, conn: Conn, thread_id: int) -> Gist:
        row = await conn.fetchrow(_GIST, thread_id)
        if row is None:
            return Gist("", None, ())
        return Gist(row["body"] or "", row["lane"], tuple(row["titles"] or ()))

    async def end_review(self, conn: Conn, question_id: int, reason: str) -> None:
        """Join the caller's transaction: staff will not send it."""
        await conn.execute(_END_REVIEW, question_id, storable(reason))

    async def fail_review(self, conn: Conn, answer_id: int, reason: str) -> None:
        """Join the caller's transaction: its draft never reached staff."""
        await conn.execute(_FAIL_REVIEW, answer_id, storable(reason))

    async def reopen(self, conn: Conn, question_id: int) -> None:
        """Join the caller's transaction: its answer is sent after all."""
        await conn.execute(_REOPEN, question_id)

    async def claim_next(self, epoch: int, worker: int) -> Claimed | None:
        """Take the question whose turn it is; None if none is due or another process acts."""
        with translated():
            row = await self._pool.fetchrow(_CLAIM_NEXT, epoch, worker)
        return Claimed(**row) if row else None

    async def history(self, question: Claimed, limit: int) -> list[PastTurn]:
        """The last `limit` answered turns before this question, oldest first."""
        with translated():
            rows = await self._pool.fetch(_HISTORY, question.conversation_id, question.id, limit)
        return [PastTurn(r["title"], r["body"], r["answer"]) for r in reversed(rows)]

    async def send_on(self, conn: Conn, question_id: int, epoch: int, state: str) -> bool:
        """Join the transaction that stores the answer: to `posting` or `review`.

        False when the claim is no longer ours.
        """
        return touched(await conn.execute(_SEND_ON, question_id, epoch, state)) > 0

    async def end_claimed(
        self, conn: Conn, question_id: int, epoch: int, state: str, reason: str | None
    ) -> bool:
        """Join the caller's transaction; False when the claim is no longer ours."""
        why = None if reason is None else storable(reason)
        return touched(await conn.execute(_END_CLAIMED, question_id, epoch, state, why)) > 0

    async def put_off(
        self,
        conn: Conn,
        question_id: int,
        epoch: int,
        seconds: float,
        reason: str,
        *,
        refused: bool,
    ) -> bool:
        """Join the caller's transaction; False when the claim is no longer ours.

        The claim is handed back, to be taken again in `seconds`; `refused` counts against it.
        """
        status = await conn.execute(
            _PUT_OFF, question_id, epoch, seconds, storable(reason), int(refused)
        )
        return touched(status) > 0

    async def end_posted(self, conn: Conn, answer_id: int, state: str, reason: str | None) -> bool:
        """Join the transaction that ends the row of the answer's first message."""
        why = None if reason is None else storable(reason)
        return await conn.fetchval(_END_POSTED, answer_id, state, why) is not None

    async def end_dropped(self, conn: Conn, answer_id: int, reason: str) -> str | None:
        """As `end_posted`, where it was not sent; the state in which the question ends by that."""
        ended: str | None = await conn.fetchval(_END_DROPPED, answer_id, storable(reason))
        return ended

    async def lock(self, conn: Conn, question_id: int) -> None:
        """Join the caller's transaction, before it locks the call of an open question."""
        await conn.execute(_LOCK_BY_ID, question_id)

    async def call_off(
        self, conn: Conn, question_id: int, reason: str, state: str = "cancelled"
    ) -> Ended:
        """Join the caller's transaction: end a question that is not answered yet.

        One whose answer may be on Discord already is withdrawn: a drain ends it.
        """
        return await _call_off(conn, await conn.fetch(_LOCK_BY_ID, question_id), reason, state)

    async def cancel_by_forum(self, conn: Conn, forum_id: int, reason: str) -> Ended:
        """Join the caller's transaction: every question of the forum not yet answered."""
        return await _call_off(conn, await conn.fetch(_LOCK_BY_FORUM, forum_id), reason)

    async def find_to_retry(self, conn: Conn, question_id: int) -> Retried | None:
        """Join the transaction that tries it again; others who would wait for its end."""
        row = await conn.fetchrow(_FIND_TO_RETRY, question_id)
        return Retried(**row) if row else None

    async def retry(self, conn: Conn, question_id: int, state: str) -> None:
        """Join the caller's transaction: `waiting`, or `posting` where there is an answer."""
        await conn.execute(_RETRY, question_id, state)

    async def tell_workers(self, conn: Conn) -> None:
        """Join the caller's transaction: its end wakes the process that acts."""
        await conn.execute(_NOTIFY)

    async def put_back(self, epoch: int, worker: int) -> None:
        """Let go of what this worker claimed and lost sight of when the database failed it."""
        with translated():
            await self._pool.execute(_PUT_BACK, epoch, worker)

    async def take_over(self, conn: Conn) -> None:
        """Join the transaction that raised the epoch: what was in a worker's hand waits again."""
        await conn.execute(_TAKE_OVER)
        await conn.execute(_FORGET_SERVERS)
        await conn.execute(_FORGET_PEOPLE)

    async def seconds_to_next(self) -> float | None:
        """How long until the next question that was put off is due; None when there is none."""
        with translated():
            seconds: float | None = await self._pool.fetchval(_NEXT_READY)
        return seconds

    async def all(self, state: str | None, limit: int = 50) -> list[Listed]:
        with translated():
            rows = await self._pool.fetch(_LIST, state, None, limit)
        return [Listed(**row) for row in rows]

    async def solved(self) -> list[Solved]:
        """Every post whose answer helped, the oldest first."""
        with translated():
            rows = await self._pool.fetch(_SOLVED)
        return [
            Solved(
                row["id"],
                row["title"],
                row["body"],
                bool(row["is_deleted"]),
                [(source, url) for source, url in row["cited"] or ()],
            )
            for row in rows
        ]

    async def find(self, question_id: int) -> Listed | None:
        with translated():
            row = await self._pool.fetchrow(_LIST, None, question_id, 1)
        return Listed(**row) if row else None


async def _call_off(
    conn: Conn, locked: Sequence[Any], reason: str, state: str = "cancelled"
) -> Ended:
    """End what no drain has tried to answer.

    A statement each, so that the next one sees what a worker or a drain committed while the lock
    before was waited for.
    """
    ids = [row["id"] for row in locked]
    untried = [row["id"] for row in await conn.fetch(_LOCK_UNTRIED, ids)]
    answers = await conn.fetch(_CALL_OFF, ids, storable(reason), untried, state)
    return Ended(
        unsent=[row["answer_id"] for row in answers if not row["in_doubt"]],
        in_doubt=[row["answer_id"] for row in answers if row["in_doubt"]],
    )
