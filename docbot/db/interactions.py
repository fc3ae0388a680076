"""Calls by /chat and /private, and what is replied to them.

Discord takes replies to a call by its token, for a quarter of an hour. The token is erased when the
reply is out or that time is over; what is still to be said then goes another way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched
from docbot.text import storable

CallKind: TypeAlias = Literal["chat", "private"]

# The call, its conversation and its question; nothing where Discord told of it before.
_ADD = """
    WITH called AS (
        INSERT INTO interactions
            (id, guild_id, channel_id, forum_id, person_id, kind, token, expires_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 second',
                now() + $8 * interval '1 second')
        ON CONFLICT (id) DO NOTHING
        RETURNING id),
    conversation AS (
        INSERT INTO conversations (kind, guild_id, channel_id, person_id)
        SELECT $6, $2, $3, $5 FROM called
        ON CONFLICT (kind, channel_id, person_id)
            WHERE kind <> 'post' AND closed_at IS NULL
        DO UPDATE SET guild_id = $2
        RETURNING id)
    INSERT INTO questions
        (conversation_id, guild_id, author_id, origin, interaction_id, body, asked_at, ready_at)
    -- Discord's clock may be ahead of this one: nobody waits for that.
    SELECT conversation.id, $2, $5, $6, called.id, $9, $10::timestamptz, least($10, now())
    FROM conversation CROSS JOIN called
    RETURNING id
"""
_SHOW = """
    UPDATE interactions SET note = $2, due_at = now()
    WHERE id = $1 AND token IS NOT NULL AND parts IS NULL AND ended_at IS NULL
"""
# One that has ended is answered anew when an operator had its question tried again.
_ANSWER = """
    UPDATE interactions
    SET parts = $2, parts_sent = 0, note = NULL, due_at = now(), attempt = 0, ended_at = NULL
    WHERE id = $1
"""
# What a person's earlier calls have to say in a channel goes first.
_CLAIM_NEXT = """
    WITH claimed AS (
        UPDATE interactions SET epoch = $1, claimed_by = $2, attempt = attempt + 1
        WHERE (SELECT epoch FROM activity) = $1 AND id = (
            SELECT id FROM interactions AS due
            WHERE due_at <= now() AND claimed_by IS NULL AND NOT EXISTS (
                SELECT FROM interactions AS earlier
                WHERE earlier.channel_id = due.channel_id AND earlier.person_id = due.person_id
                  AND earlier.kind = due.kind AND earlier.id < due.id
                  AND earlier.parts IS NOT NULL AND earlier.ended_at IS NULL)
            ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING *)
    SELECT claimed.id, claimed.guild_id, channel_id, person_id, kind, token, note, parts,
           parts_sent, claimed.attempt, questions.id AS question_id, body AS question,
           questions.ended_at IS NOT NULL AS is_over, expires_at <= now() AS is_expired,
           extract(epoch FROM now() - claimed.created_at)::float AS age,
           -- What ended without an answer has none to record.
           (SELECT id FROM answers
            WHERE question_id = questions.id AND state IN ('posting', 'answered')) AS answer_id
    FROM claimed JOIN questions ON interaction_id = claimed.id
"""
_SHOWN = """
    UPDATE interactions
    SET note = NULL, claimed_by = NULL, attempt = 0,
        due_at = CASE WHEN parts IS NULL THEN expires_at ELSE due_at END
    WHERE id = $1 AND epoch = $2 AND claimed_by IS NOT NULL
"""
_SENT = """
    UPDATE interactions SET parts_sent = $3
    WHERE id = $1 AND epoch = $2 AND claimed_by IS NOT NULL
"""
# What was said stands in the answer, and is erased with it.
_END = """
    UPDATE interactions
    SET token = NULL, note = NULL, parts = NULL, parts_sent = 0, due_at = NULL, claimed_by = NULL,
        ended_at = now()
    FROM (SELECT id, parts_sent FROM interactions WHERE id = $1 FOR UPDATE) AS before
    WHERE interactions.id = before.id AND epoch = $2 AND claimed_by IS NOT NULL
    RETURNING before.parts_sent
"""
# Whoever has it in hand loses it. Without its token there is no way to say it.
_SAY_INSTEAD = """
    UPDATE interactions
    SET parts = CASE WHEN token IS NOT NULL THEN $2::jsonb END, parts_sent = 0, note = NULL,
        due_at = CASE WHEN token IS NOT NULL THEN now() END, attempt = 0, claimed_by = NULL,
        ended_at = CASE WHEN token IS NULL THEN now() END
    WHERE id = $1 AND ended_at IS NULL
"""
# An answer that was stored meanwhile is said at once, without the token.
_WAIT_WITHOUT = """
    UPDATE interactions
    SET token = NULL, note = NULL, claimed_by = NULL, attempt = 0,
        due_at = CASE WHEN parts IS NOT NULL THEN now() END
    WHERE id = $1 AND epoch = $2 AND claimed_by IS NOT NULL
"""
# No later than the token ends: then there is another way.
_PUT_OFF = """
    UPDATE interactions
    SET claimed_by = NULL,
        due_at = least(now() + $3 * interval '1 second', greatest(now(), expires_at))
    WHERE id = $1 AND epoch = $2 AND claimed_by IS NOT NULL
"""
_END_QUESTION = """
    UPDATE questions SET state = $3, reason = $4, ended_at = now()
    WHERE interaction_id = $1 AND ended_at IS NULL AND EXISTS (
        SELECT FROM interactions WHERE id = $1 AND epoch = $2 AND claimed_by IS NOT NULL)
"""
_PUT_BACK = "UPDATE interactions SET claimed_by = NULL WHERE epoch = $1 AND claimed_by = $2"
_TAKE_OVER = "UPDATE interactions SET claimed_by = NULL WHERE claimed_by IS NOT NULL"
_NEXT_DUE = """
    SELECT extract(epoch FROM min(due_at) - now())::float FROM interactions WHERE due_at > now()
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A person calls docbot; `expires_in` seconds from now its token must not be counted on."""

    id: int
    guild_id: int
    channel_id: int
    forum_id: int  # of a thread the channel that it is in, else the channel itself
    person_id: int
    kind: CallKind
    text: str
    token: str
    asked_at: datetime
    expires_in: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A call in a replier's hand.

    `parts` are the messages that answer it, None while there is no answer; `note` is what to show
    until then. `answer_id` is the answer that they are, if they are one. `is_over`: the question
    has ended. `age` is in seconds.
    """

    id: int
    guild_id: int
    channel_id: int
    person_id: int
    kind: CallKind
    token: str | None
    note: str | None
    parts: Sequence[dict[str, Any]] | None
    parts_sent: int
    attempt: int  # 1 on the first claim
    question_id: int
    question: str
    is_over: bool
    is_expired: bool
    age: float
    answer_id: int | None


class Interactions:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, conn: Conn, call: Call) -> bool:
        """Join the caller's transaction: store the call with its question; False: it is known."""
        question_id = await conn.fetchval(
            _ADD,
            call.id,
            call.guild_id,
            call.channel_id,
            call.forum_id,
            call.person_id,
            call.kind,
            call.token,
            call.expires_in,
            storable(call.text),
            call.asked_at,
        )
        return question_id is not None

    async def show(self, conn: Conn, interaction_id: int, line: str) -> None:
        """Join the caller's transaction: let the asker read this until the answer comes."""
        await conn.execute(_SHOW, interaction_id, line)

    async def answer(
        self, conn: Conn, interaction_id: int, parts: Sequence[dict[str, Any]]
    ) -> None:
        """Join the transaction that sends the question on, or ends it: this is to be said."""
        await conn.execute(_ANSWER, interaction_id, list(parts))

    async def say_instead(
        self, conn: Conn, interaction_id: int, parts: Sequence[dict[str, Any]]
    ) -> None:
        """Join the transaction that calls the question off: say this, and nothing else."""
        await conn.execute(_SAY_INSTEAD, interaction_id, list(parts))

    async def claim_next(self, epoch: int, replier: int) -> Reply | None:
        """Take a call of which something is to be done; None if none is due or another acts."""
        with translated():
            row = await self._pool.fetchrow(_CLAIM_NEXT, epoch, replier)
        return Reply(**row) if row else None

    async def mark_shown(self, reply: Reply, epoch: int) -> None:
        """Let go of a call whose note was shown."""
        with translated():
            await self._pool.execute(_SHOWN, reply.id, epoch)

    async def mark_sent(self, conn: Conn, reply: Reply, epoch: int, parts_sent: int) -> bool:
        """Join the caller's transaction; False when the claim is no longer ours."""
        return touched(await conn.execute(_SENT, reply.id, epoch, parts_sent)) > 0

    async def end(self, conn: Conn, reply: Reply, epoch: int) -> int | None:
        """Join the caller's transaction: nothing more is said by the token.

        Returns:
            how many parts were sent by it; None when the claim is no longer ours.
        """
        parts_sent: int | None = await conn.fetchval(_END, reply.id, epoch)
        return parts_sent

    async def end_question(
        self, conn: Conn, reply: Reply, epoch: int, state: str, reason: str
    ) -> None:
        """Join the transaction that ends the call: its question ends so, unless it has ended.

        Before `end`: a worker that stores an answer locks both in this order.
        """
        await conn.execute(_END_QUESTION, reply.id, epoch, state, storable(reason))

    async def wait_without_token(self, reply: Reply, epoch: int) -> None:
        """Let go of a call that is answered without its token, once there is an answer."""
        with translated():
            await self._pool.execute(_WAIT_WITHOUT, reply.id, epoch)

    async def put_off(self, reply: Reply, epoch: int, seconds: float) -> None:
        """Hand the claim back, to be taken again in `seconds`, or when the token ends."""
        with translated():
            await self._pool.execute(_PUT_OFF, reply.id, epoch, seconds)

    async def put_back(self, epoch: int, replier: int) -> None:
        """Let go of what this replier claimed and lost sight of when the database failed it."""
        with translated():
            await self._pool.execute(_PUT_BACK, epoch, replier)

    async def take_over(self, conn: Conn) -> None:
        """Join the transaction that raised the epoch: what was in hand is in nobody's."""
        await conn.execute(_TAKE_OVER)

    async def seconds_to_next(self) -> float | None:
        """How long until a call is to be looked at; None when there is none."""
        with translated():
            seconds: float | None = await self._pool.fetchval(_NEXT_DUE)
        return seconds
