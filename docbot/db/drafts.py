"""Drafts: answers that staff has before it, and what it decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from docbot.db.outbox import UndecidedNote
from docbot.db.pool import Conn
from docbot.text import storable

# One that was offered before, and withdrawn, is offered anew.
_OFFER = """
    INSERT INTO drafts (answer_id, guild_id, channel_id, outbox_id, revision)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (answer_id) DO UPDATE
    SET channel_id = $3, outbox_id = $4, revision = $5, state = 'open', decided_by = NULL,
        decided_at = NULL
"""
_NEXT_REVISION = "SELECT coalesce(max(revision), 0) + 1 FROM drafts WHERE answer_id = $1"
_DECIDE = """
    UPDATE drafts SET state = $2, decided_by = $3, decided_at = now()
    WHERE answer_id = $1 AND state = 'open' RETURNING outbox_id
"""
_EDIT = """
    UPDATE drafts SET text = $2, edited_by = $3, revision = revision + 1
    WHERE answer_id = $1 AND state = 'open' RETURNING revision
"""
_FIND = """
    SELECT drafts.answer_id, drafts.guild_id, drafts.channel_id, outbox_id, drafts.state,
           drafts.revision, coalesce(drafts.text, answers.text) AS text, question_id, conversations.thread_id,
           threads.forum_id, questions.state = 'yielded' AS is_held_back
    FROM drafts JOIN answers ON answers.id = answer_id
    JOIN questions ON questions.id = question_id
    JOIN conversations ON conversations.id = conversation_id
    JOIN threads ON threads.id = thread_id
    WHERE drafts.answer_id = $1 AND drafts.guild_id = $2
"""
_UNDECIDED = """
    SELECT drafts.answer_id, question_id, conversations.thread_id, threads.forum_id
    FROM drafts JOIN outbox ON outbox.id = outbox_id AND outbox.channel_id = drafts.channel_id
    JOIN answers ON answers.id = drafts.answer_id
    JOIN questions ON questions.id = question_id
    JOIN conversations ON conversations.id = conversation_id
    JOIN threads ON threads.id = conversations.thread_id
    WHERE drafts.state = 'open' AND {which}
    ORDER BY drafts.answer_id
"""
_UNDECIDED_BY_MESSAGE = _UNDECIDED.format(which="outbox.message_id = ANY($1::bigint[])")
_UNDECIDED_BY_CHANNEL = _UNDECIDED.format(which="drafts.channel_id = $1")
_UNDECIDED_NOTES = """
    SELECT drafts.guild_id, drafts.channel_id, message_id
    FROM drafts JOIN outbox ON outbox.id = outbox_id
    WHERE drafts.state = 'open' ORDER BY drafts.answer_id
"""


@dataclass(frozen=True, slots=True)
class StoredDraft:
    """A draft; `text` is as staff left it, `outbox_id` the row of the message that shows it.

    `revision` goes up with each change of the text. `is_held_back`: people were first.
    """

    answer_id: int
    guild_id: int
    channel_id: int
    outbox_id: int
    state: str
    revision: int
    text: str
    question_id: int
    thread_id: int
    forum_id: int
    is_held_back: bool


@dataclass(frozen=True, slots=True)
class UndecidedDraft:
    """A draft that staff has before it, for a question of a thread."""

    answer_id: int
    question_id: int
    thread_id: int
    forum_id: int


class Drafts:
    """Every method joins the transaction of its caller."""

    async def offer(
        self,
        conn: Conn,
        *,
        answer_id: int,
        guild_id: int,
        channel_id: int,
        outbox_id: int,
        revision: int,
    ) -> None:
        """Let staff decide, below the message that the row becomes."""
        await conn.execute(_OFFER, answer_id, guild_id, channel_id, outbox_id, revision)

    async def next_revision(self, conn: Conn, answer_id: int) -> int:
        """What the revision is to be once the answer is offered, now or again."""
        return int(await conn.fetchval(_NEXT_REVISION, answer_id))

    async def decide(
        self, conn: Conn, answer_id: int, state: str, person_id: int | None
    ) -> int | None:
        """Note that it was `sent`, `discarded` or `withdrawn`.

        `person_id`: who decided; None where that was docbot, or is not known.

        Returns:
            the row of the message that shows it; None where it was decided before.
        """
        row_id: int | None = await conn.fetchval(_DECIDE, answer_id, state, person_id)
        return row_id

    async def edit(self, conn: Conn, answer_id: int, text: str, person_id: int) -> int | None:
        """Keep what staff made of it; its new revision, None where it was decided."""
        revision: int | None = await conn.fetchval(_EDIT, answer_id, storable(text), person_id)
        return revision

    async def find(self, conn: Conn, answer_id: int, guild_id: int) -> StoredDraft | None:
        """None: there is none in this server."""
        row = await conn.fetchrow(_FIND, answer_id, guild_id)
        return StoredDraft(**row) if row else None

    async def undecided_by_message(
        self, conn: Conn, message_ids: Sequence[int]
    ) -> list[UndecidedDraft]:
        """Those that these messages show."""
        rows = await conn.fetch(_UNDECIDED_BY_MESSAGE, list(message_ids))
        return [UndecidedDraft(**row) for row in rows]

    async def undecided_by_channel(self, conn: Conn, channel_id: int) -> list[UndecidedDraft]:
        """Those that this channel shows, or is to show."""
        rows = await conn.fetch(_UNDECIDED_BY_CHANNEL, channel_id)
        return [UndecidedDraft(**row) for row in rows]

    async def undecided_notes(self, conn: Conn) -> list[UndecidedNote]:
        """The messages that show those."""
        return [UndecidedNote(**row) for row in await conn.fetch(_UNDECIDED_NOTES)]
