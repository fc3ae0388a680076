"""The outbox: replies are written down here before they are sent.

A reply is added in the transaction that decides to answer. A send may repeat on the wire; the
nonce and, later, the channel's history keep the message single.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched
from docbot.errors import GoneError
from docbot.text import storable

# Why a line to one person was dropped, where Discord does not let docbot write to them.
TAKES_NO_LINES = "the person takes no direct messages from docbot"

# Ids are given before commit: two writers of one key go one after the other, and the row gets its
# id once the lock is had.
_LOCK_ORDER = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7110))"
_ADD = """
    WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($3, 7110)) IS NULL)
    INSERT INTO outbox
        (kind, guild_id, channel_id, order_key, payload, nonce, answer_id, part, thread_id)
    SELECT 'send', $1, $2, $3, $4, $5, $6, $7, $8 FROM turn
    RETURNING id
"""
# What waits to be done already sees how things stand once it is its turn.
_ADD_ONCE = """
    WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($4, 7110)) IS NULL)
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, thread_id)
    SELECT $1, $2, $3, $4, $5, $6, $7 FROM turn
    WHERE NOT EXISTS (
        SELECT FROM outbox
        WHERE order_key = $4 AND state = 'pending' AND kind = $1 AND payload = $5)
"""
# The same line is not said again so soon, and nothing to whom Discord lets docbot say nothing: each
# try that is refused counts against docbot there.
_TELL = """
    WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($3, 7110)) IS NULL)
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce)
    SELECT 'direct', $1, $2, $3, $4, $5 FROM turn
    WHERE NOT EXISTS (
        SELECT FROM outbox
        WHERE guild_id = $1 AND kind = 'direct' AND payload ->> 'person' = $4::jsonb ->> 'person'
          AND (payload ->> 'content' = $4::jsonb ->> 'content'
               AND created_at > now() - interval '5 minutes'
               OR reason = $6 AND ended_at > now() - interval '1 hour'))
"""
_CLAIM_NEXT = """
    UPDATE outbox
    SET state = 'sending', epoch = $1, claimed_by = $2, attempt = attempt + 1,
        first_tried_at = coalesce(first_tried_at, now())
    WHERE id = (
        SELECT id FROM outbox AS due
        WHERE due_at <= now() AND state = 'pending' AND (SELECT epoch FROM activity) = $1
          -- Part 2 of an answer must not overtake part 1. No NOT EXISTS: taken for a join of two
          -- tables that were empty when last analysed, it reads all that waits, for each that waits.
          AND id = (
            SELECT id FROM outbox AS earliest
            WHERE earliest.order_key = due.order_key AND earliest.state IN ('pending', 'sending')
            ORDER BY id LIMIT 1)
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, guild_id, channel_id, payload, nonce, answer_id, part, attempt, refusals,
              coalesce(counts_from, created_at) AS counts_from,
              coalesce(withdrawn, (
                SELECT questions.withdrawn FROM questions JOIN answers ON question_id = questions.id
                WHERE answers.id = answer_id)) AS withdrawn,
              extract(epoch FROM now() - first_tried_at)::float AS tried_for,
              (SELECT forum_id FROM threads WHERE threads.id = outbox.channel_id) AS forum_id,
              -- A thread's id is older than all that is in it, a question older than its answer.
              greatest(channel_id, (payload->>'reply_to')::bigint, (payload->>'after')::bigint,
                       (SELECT message_id FROM questions JOIN answers ON question_id = questions.id
                        WHERE answers.id = answer_id)) AS after_id
"""
_SENT = """
    UPDATE outbox SET state = 'sent', message_id = $3, ended_at = now(), reason = NULL
    WHERE id = $1 AND state = 'sending' AND epoch = $2
"""
_END = """
    UPDATE outbox SET state = $3, reason = $4, ended_at = now()
    WHERE id = $1 AND state = 'sending' AND epoch = $2
"""
_DROP_LATER = """
    UPDATE outbox SET state = 'dropped', reason = $3, ended_at = now()
    WHERE answer_id = $1 AND part > $2 AND state = 'pending'
"""
_PUT_OFF = """
    UPDATE outbox
    SET state = 'pending', due_at = now() + $3 * interval '1 second', reason = $4,
        refusals = refusals + $5
    WHERE id = $1 AND state = 'sending' AND epoch = $2
"""
_DROP_UNSENT = """
    UPDATE outbox SET state = 'dropped', reason = $2, ended_at = now()
    WHERE state = 'pending' AND answer_id = ANY($1::bigint[])
"""
_HASTEN = """
    UPDATE outbox SET due_at = now()
    WHERE id IN (
        SELECT id FROM outbox
        WHERE answer_id = ANY($1::bigint[]) AND state IN ('pending', 'sending')
        FOR UPDATE SKIP LOCKED)  -- one that somebody holds is under way
"""
# Older versions wrote it down in the row.
_WITHDRAWN = """
    SELECT coalesce(outbox.withdrawn, questions.withdrawn)
    FROM outbox LEFT JOIN answers ON answers.id = answer_id
    LEFT JOIN questions ON questions.id = question_id
    WHERE outbox.id = $1
"""
# It is written down anew; what arrived stays.
_LOCK_UNSENT = "SELECT FROM outbox WHERE answer_id = $1 AND state = 'pending' FOR UPDATE"
_WAS_TRIED = """
    SELECT EXISTS (SELECT FROM outbox WHERE answer_id = $1 AND first_tried_at IS NOT NULL)
"""
_FORGET_UNSENT = "DELETE FROM outbox WHERE answer_id = $1 AND state IN ('dropped', 'dead')"
_DROP = """
    UPDATE outbox SET state = 'dropped', reason = $2, ended_at = now()
    WHERE id = $1 AND state = 'pending' AND first_tried_at IS NULL
"""
_FIRST_ROW_OF = "SELECT id FROM outbox WHERE answer_id = $1 AND part = 1"
_MESSAGE_OF = "SELECT message_id, ended_at IS NOT NULL AS is_over FROM outbox WHERE id = $1"
_HAS_LATER = """
    SELECT EXISTS (
        SELECT FROM outbox
        WHERE order_key = $1 AND state IN ('pending', 'sending')
          AND id > (SELECT max(id) FROM outbox WHERE answer_id = $2))
"""
_REVIVE = """
    UPDATE outbox
    SET state = 'pending', reason = NULL, ended_at = NULL, epoch = NULL, refusals = 0,
        due_at = now(), counts_from = now()
    WHERE answer_id = $1 AND state IN ('dead', 'dropped') AND part >= (
        SELECT min(part) FROM outbox WHERE answer_id = $1 AND state = 'dead')
"""
_OF_QUESTION = """
    SELECT part, outbox.state, outbox.reason, message_id, attempt
    FROM outbox JOIN answers ON answers.id = answer_id WHERE question_id = $1 ORDER BY part
"""
_PUT_BACK = """
    UPDATE outbox SET state = 'pending'
    WHERE state = 'sending' AND epoch = $1 AND claimed_by = $2 AND id <> ALL($3::bigint[])
"""
_TAKE_OVER = "UPDATE outbox SET state = 'pending', epoch = NULL WHERE state = 'sending'"
_IS_CLAIMED = "SELECT EXISTS (SELECT FROM outbox WHERE message_id = $1)"
_NEXT_DUE = """
    SELECT extract(epoch FROM min(due_at) - now())::float FROM outbox
    WHERE state = 'pending' AND due_at > now()
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed row; `nonce` has at most 25 characters (Discord)."""

    id: int
    kind: str
    guild_id: int
    channel_id: int
    payload: dict[str, Any]
    nonce: str
    answer_id: int | None
    part: int
    attempt: int  # 1 on the first claim
    refusals: int
    counts_from: datetime  # when it was written down or tried again: from here its age counts
    tried_for: float  # seconds since the first claim, by Postgres' clock alone
    withdrawn: str | None  # why it must not be sent any more; it may be there from an earlier try
    forum_id: int | None  # of the thread it goes to
    after_id: int  # a message that is older than this one can be, by Discord's clock


@dataclass(frozen=True, slots=True)
class Part:
    """One message of an answer, as an operator sees it; `message_id` once it is on Discord."""

    part: int
    state: str
    reason: str | None
    message_id: int | None
    attempt: int


@dataclass(frozen=True, slots=True)
class UndecidedNote:
    """A message that asks staff for a decision; `message_id` once it is on Discord."""

    guild_id: int
    channel_id: int
    message_id: int | None


class Outbox:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        conn: Conn,
        *,
        guild_id: int,
        channel_id: int,
        payload: dict[str, Any],
        nonce: str | None = None,
        answer_id: int | None = None,
        part: int = 1,
        thread_id: int | None = None,
    ) -> int:
        """Join the caller's transaction; rows of one channel go out in the order of their commits.

        `nonce`: by which Discord tells a message that is sent twice from two; a new one unless
        given. `thread_id`: the thread that it tells of, where it goes elsewhere.
        """
        return int(
            await conn.fetchval(
                _ADD,
                guild_id,
                channel_id,
                _order_key(channel_id),
                payload,
                nonce or _new_nonce(),
                answer_id,
                part,
                thread_id,
            )
        )

    async def add_once(
        self,
        conn: Conn,
        kind: str,
        *,
        guild_id: int,
        channel_id: int,
        payload: dict[str, Any],
        row_id: int | None = None,
        thread_id: int | None = None,
    ) -> None:
        """Join the caller's transaction: do this in its turn, once for all who want it by then.

        In an order of its own: what Discord lets be done seldom holds up no message. `row_id`: the
        message that it is done to, where one may wait for its message and hold up no other.
        `thread_id` as with `add`.
        """
        order_key = f"{kind}:{channel_id}" if row_id is None else f"{kind}:{channel_id}:{row_id}"
        await conn.execute(
            _ADD_ONCE, kind, guild_id, channel_id, order_key, payload, _new_nonce(), thread_id
        )

    async def tell(
        self, conn: Conn, *, guild_id: int, channel_id: int, person_id: int, content: str
    ) -> None:
        """Join the caller's transaction: write to one person alone about what they did somewhere.

        In an order of its own, so that it holds up no message of the channel. Nothing is written
        where they were told the very same in the last five minutes, or took no line in the last
        hour.
        """
        payload = {"person": person_id, "content": content}
        order_key = f"direct:{person_id}"
        await conn.execute(
            _TELL, guild_id, channel_id, order_key, payload, _new_nonce(), TAKES_NO_LINES
        )

    async def claim_next(self, epoch: int, drain: int) -> Delivery | None:
        """Take the oldest due row; None if nothing is due or another process acts by now."""
        with translated():
            row = await self._pool.fetchrow(_CLAIM_NEXT, epoch, drain)
        return Delivery(**row) if row else None

    async def mark_sent(
        self, conn: Conn, delivery: Delivery, epoch: int, message_id: int | None
    ) -> bool:
        """Join the caller's transaction; False when the claim is no longer ours.

        `message_id` is None for what is no message.
        """
        return touched(await conn.execute(_SENT, delivery.id, epoch, message_id)) > 0

    async def end_unsent(
        self, conn: Conn, delivery: Delivery, epoch: int, state: str, reason: str
    ) -> bool:
        """Join the caller's transaction: `dropped` or `dead`; later parts are dropped with it."""
        if not touched(await conn.execute(_END, delivery.id, epoch, state, storable(reason))):
            return False
        if delivery.answer_id is not None:
            after = storable(f"part {delivery.part} was not sent: {reason}")
            await conn.execute(_DROP_LATER, delivery.answer_id, delivery.part, after)
        return True

    async def drop_unsent(self, conn: Conn, answer_ids: Sequence[int], reason: str) -> None:
        """Join the caller's transaction: what is still to be sent of these answers is not."""
        await conn.execute(_DROP_UNSENT, list(answer_ids), storable(reason))

    async def hasten(self, conn: Conn, answer_ids: Sequence[int]) -> None:
        """Join the transaction that withdrew these: a drain looks at once whether they are there."""
        await conn.execute(_HASTEN, list(answer_ids))

    async def withdrawn(self, row_id: int) -> str | None:
        """Why a row that is in hand must not be sent any more."""
        with translated():
            reason: str | None = await self._pool.fetchval(_WITHDRAWN, row_id)
        return reason

    async def was_tried(self, conn: Conn, answer_id: int | None) -> bool:
        """Whether a message of the answer may be on Discord; nobody begins with one meanwhile."""
        await conn.execute(_LOCK_UNSENT, answer_id)
        return bool(await conn.fetchval(_WAS_TRIED, answer_id))

    async def forget_unsent(self, conn: Conn, answer_id: int) -> None:
        """Join the transaction that writes the messages of an answer anew."""
        await conn.execute(_FORGET_UNSENT, answer_id)

    async def drop_untried(self, conn: Conn, row_id: int, reason: str) -> bool:
        """Join the caller's transaction; False where it was tried already."""
        return touched(await conn.execute(_DROP, row_id, storable(reason))) > 0

    async def first_row_of(self, answer_id: int) -> int | None:
        """The row of an answer's first message."""
        with translated():
            row_id: int | None = await self._pool.fetchval(_FIRST_ROW_OF, answer_id)
        return row_id

    async def message_of(self, row_id: int) -> int | None:
        """The message that a row became; None while it is on its way.

        Raises:
            GoneError: it never will be one.
        """
        with translated():
            row = await self._pool.fetchrow(_MESSAGE_OF, row_id)
        if row is None or (row["is_over"] and row["message_id"] is None):
            raise GoneError("its message was never sent")
        message_id: int | None = row["message_id"]
        return message_id

    async def revive(self, conn: Conn, answer_id: int, channel_id: int) -> int | None:
        """Join the caller's transaction: send what was not sent of an answer, with its nonces.

        Returns:
            how many messages that is; None, and nothing done, where later messages of the channel
            are on their way, which these would overtake.
        """
        order_key = _order_key(channel_id)
        await conn.execute(_LOCK_ORDER, order_key)
        if await conn.fetchval(_HAS_LATER, order_key, answer_id):
            return None
        return touched(await conn.execute(_REVIVE, answer_id))

    async def of_question(self, question_id: int) -> list[Part]:
        """The messages of its answer, in order."""
        with translated():
            rows = await self._pool.fetch(_OF_QUESTION, question_id)
        return [Part(**row) for row in rows]

    async def put_off(
        self, delivery: Delivery, epoch: int, seconds: float, reason: str, *, refused: bool
    ) -> None:
        """Hand the claim back, to be taken again in `seconds`; `refused` counts against it."""
        with translated():
            await self._pool.execute(
                _PUT_OFF, delivery.id, epoch, seconds, storable(reason), int(refused)
            )

    async def put_back(self, epoch: int, drain: int, kept: Sequence[int] = ()) -> None:
        """Let go of what this drain claimed and lost sight of when the database failed it.

        `kept` are the rows that it still has in hand.
        """
        with translated():
            await self._pool.execute(_PUT_BACK, epoch, drain, list(kept))

    async def take_over(self, conn: Conn) -> None:
        """Join the transaction that raised the epoch: what was on its way is settled again."""
        await conn.execute(_TAKE_OVER)

    async def is_claimed(self, message_id: int) -> bool:
        """Whether a row holds this message as its own already."""
        with translated():
            return bool(await self._pool.fetchval(_IS_CLAIMED, message_id))

    async def seconds_to_next(self) -> float | None:
        """How long until the next row that was put off is due; None when there is none."""
        with translated():
            seconds: float | None = await self._pool.fetchval(_NEXT_DUE)
        return seconds


def _new_nonce() -> str:
    return secrets.token_hex(12)  # Discord takes 25 characters


def _order_key(channel_id: int) -> str:
    return f"channel:{channel_id}"
