"""Threads and their messages, kept in step with Discord."""

from dataclasses import dataclass, replace
from datetime import datetime

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched
from docbot.text import storable

# Events may come twice and out of order: what is stored is never put back to an older state.
_PUT_THREAD = """
    INSERT INTO threads
        (id, guild_id, forum_id, author_id, title, tags, archived, locked, created_at, seen_id)
    -- Nothing is said of a thread whose beginning was not told: that may come later, or never.
    VALUES ($1::bigint, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $10::bigint = $1 THEN $1 ELSE 0 END)
    ON CONFLICT (id) DO UPDATE
    -- What was erased comes back with no event.
    SET title = CASE WHEN threads.erased_at IS NULL THEN $5 ELSE '' END, tags = $6, archived = $7, locked = $8,
        seen_id = CASE WHEN threads.seen_id > 0 OR $10 = $1
                       THEN greatest(threads.seen_id, $10) ELSE 0 END
    WHERE threads.deleted_at IS NULL
    RETURNING id
"""
_UPDATE_THREAD = """
    UPDATE threads
    SET title = CASE WHEN erased_at IS NULL THEN $2 ELSE '' END, tags = $3, archived = $4, locked = $5,
        -- Something may be due by now; not where somebody has opened what was archived.
        look_at = CASE WHEN locked AND NOT $5 AND NOT (archived OR $4) THEN now() ELSE look_at END
    WHERE id = $1 AND deleted_at IS NULL RETURNING id
"""
_DELETE_THREAD = """
    UPDATE threads SET deleted_at = now(), title = '' WHERE id = $1 AND deleted_at IS NULL
"""
_ERASE_MESSAGES = """
    UPDATE messages SET deleted_at = now(), content = '' WHERE thread_id = $1 AND deleted_at IS NULL
"""
_DELETE_THREADS_OF_FORUM = """
    UPDATE threads SET deleted_at = now(), title = '' WHERE forum_id = $1 AND deleted_at IS NULL
"""
_ERASE_MESSAGES_OF_FORUM = """
    UPDATE messages SET deleted_at = now(), content = ''
    WHERE id IN (
        SELECT messages.id FROM messages JOIN threads ON threads.id = thread_id
        WHERE forum_id = $1 AND messages.deleted_at IS NULL LIMIT $2)
"""
_PUT_MESSAGE = """
    INSERT INTO messages
        (id, guild_id, thread_id, author_id, is_bot, content, reply_to, created_at, edited_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (id) DO UPDATE SET content = $6, edited_at = $9
    WHERE messages.deleted_at IS NULL AND messages.erased_at IS NULL
      AND (messages.edited_at IS NULL OR messages.edited_at < $9) AND $9 IS NOT NULL
"""
_EDIT_MESSAGE = """
    UPDATE messages SET content = $2, edited_at = $3
    WHERE id = $1 AND deleted_at IS NULL AND erased_at IS NULL
      AND (edited_at IS NULL OR edited_at <= $3) AND content <> $2
"""
_IS_STORED = "SELECT EXISTS (SELECT FROM messages WHERE id = $1)"
_IS_DELETED = "SELECT EXISTS (SELECT FROM messages WHERE id = $1 AND deleted_at IS NOT NULL)"
_DELETE_MESSAGES = """
    WITH deleted AS (
        UPDATE messages SET deleted_at = now(), content = ''
        WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL)
    SELECT id FROM messages WHERE id = ANY($1::bigint[])
"""
# Who changes how a thread stands goes one after the other.
_LOCK_STANDING = """
    SELECT guild_id, forum_id, author_id, title, tags, created_at, archived, locked,
           deleted_at IS NOT NULL AS is_deleted, others_wrote, staff_wrote,
           coalesce(spoke_at, created_at) AS spoke_at, closed_at IS NOT NULL AS is_closed,
           solved_at, solution_id, escalated_at IS NOT NULL AS was_escalated, reminded_at,
           buttons_on, look_at, id = forum_id AS is_channel,
           EXISTS (SELECT FROM outbox WHERE channel_id = threads.id AND answer_id IS NOT NULL
                   AND state IN ('pending', 'sending', 'sent')) AS was_answered
    FROM threads WHERE id = $1 FOR NO KEY UPDATE
"""
_SET_STANDING = """
    UPDATE threads
    SET others_wrote = $2, staff_wrote = $3, spoke_at = $4,
        closed_at = CASE WHEN $5 THEN coalesce(closed_at, now()) END, solved_at = $6,
        solution_id = $7, escalated_at = CASE WHEN $8 THEN coalesce(escalated_at, now()) END,
        reminded_at = $9, look_at = $10
    WHERE id = $1
"""
_CARRY_BUTTONS = """
    UPDATE threads SET buttons_on = $2
    WHERE id = $1 AND (buttons_on IS NULL OR NOT EXISTS (
        SELECT FROM outbox WHERE answer_id = buttons_on AND part = 1
        AND state IN ('pending', 'sending', 'sent')))
"""
_LOCK_PINGS = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7111))"
_COUNT_PINGS = """
    SELECT count(*) FROM threads WHERE guild_id = $1 AND pinged_at > now() - interval '1 hour'
"""
_PING = "UPDATE threads SET pinged_at = now() WHERE id = $1"
_IS_SOLVED = "SELECT EXISTS (SELECT FROM threads WHERE id = $1 AND solved_at IS NOT NULL)"
_IS_CLOSED = "SELECT EXISTS (SELECT FROM threads WHERE id = $1 AND closed_at IS NOT NULL)"
# One that is yet to be done follows how the thread stands; of two, the first may show the opposite.
# What Discord tells comes within a moment.
_IS_BEING_TAGGED = """
    SELECT count(*) > 1 OR bool_or(state = 'pending') FROM outbox
    WHERE channel_id = $1 AND kind = 'tag'
      AND (ended_at IS NULL OR ended_at > now() - interval '5 seconds')
"""
_TO_LOOK_AT = "SELECT id, now() AS at FROM threads WHERE look_at <= now() ORDER BY look_at LIMIT $1"
_SECONDS_TO_LOOK = """
    SELECT extract(epoch FROM min(look_at) - now())::float FROM threads WHERE look_at IS NOT NULL
"""
_NOW = "SELECT now()"
_LOOK_LATER = "UPDATE threads SET look_at = now() + $2 * interval '1 second' WHERE id = $1"
# Those of which a new setting may be about; what is older is left alone.
_LOOK_ANEW = """
    UPDATE threads SET look_at = now()
    WHERE forum_id = ANY($1::bigint[]) AND deleted_at IS NULL AND NOT archived AND NOT locked
      AND coalesce(spoke_at, created_at) > now() - interval '30 days'
"""
_SAW = "UPDATE threads SET seen_id = $2 WHERE id = $1 AND seen_id < $2"
_SAW_NEXT = "UPDATE threads SET seen_id = $2 WHERE id = $1 AND seen_id BETWEEN 1 AND $2"
_TOLD = """
    SELECT id, seen_id, (
        SELECT min(questions.message_id)
        FROM questions JOIN conversations ON conversations.id = conversation_id
        WHERE conversations.thread_id = threads.id AND questions.ended_at IS NULL) AS open_id,
        CASE WHEN erased_at IS NULL THEN title END AS title, tags, archived, locked
    FROM threads WHERE id = ANY($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Thread:
    """A forum post with its replies; or a bound text channel, with what calls docbot in it."""

    id: int
    guild_id: int
    forum_id: int
    author_id: int
    title: str
    created_at: datetime
    tags: tuple[int, ...] = ()
    archived: bool = False
    locked: bool = False
    in_channel: bool = False  # it is no post of a forum, but was begun in a text channel

    @property
    def is_channel(self) -> bool:
        return self.id == self.forum_id

    def changed(self, change: "ThreadChange") -> "Thread":
        return replace(
            self,
            title=change.title,
            tags=change.tags,
            archived=change.archived,
            locked=change.locked,
        )


@dataclass(frozen=True, slots=True)
class ThreadChange:
    """What may change of a thread; `forum_id`, which does not, is where it is."""

    id: int
    title: str
    tags: tuple[int, ...]
    archived: bool
    locked: bool
    forum_id: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    guild_id: int
    thread_id: int
    author_id: int
    is_bot: bool
    content: str
    created_at: datetime
    reply_to: int | None = None
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a stored thread stands; `is_channel`: it is a bound text channel.

    `spoke_at`: a person wrote last. `is_closed`: docbot was asked to stay out. `buttons_on` is the
    answer that carries its buttons, `was_answered` whether one is on Discord or on its way there.
    `look_at`: when time alone may change something.
    """

    guild_id: int
    forum_id: int
    author_id: int
    title: str
    tags: tuple[int, ...]
    created_at: datetime
    archived: bool
    locked: bool
    is_deleted: bool
    others_wrote: bool
    staff_wrote: bool
    spoke_at: datetime
    is_closed: bool
    solved_at: datetime | None
    solution_id: int | None
    was_escalated: bool
    reminded_at: datetime | None
    buttons_on: int | None
    look_at: datetime | None
    was_answered: bool
    is_channel: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What docbot was told of a stored thread: every message up to `seen_id`; 0: not surely all.

    `open_id`: the message that asked the first question that waits for its answer. `title`: None
    where it was erased.
    """

    seen_id: int
    open_id: int | None
    title: str | None
    tags: tuple[int, ...]
    archived: bool
    locked: bool

    @property
    def read_from(self) -> int:
        """After which it is read: what waits is taken in as it is by now."""
        return self.seen_id if self.open_id is None else min(self.seen_id, self.open_id - 1)

    def is_as_in(self, change: ThreadChange) -> bool:
        """Whether a thread that is so now has not changed."""
        is_same_title = self.title is None or self.title == storable(change.title)
        is_same_state = (self.archived, self.locked) == (change.archived, change.locked)
        return is_same_title and is_same_state and {*self.tags} == {*change.tags}


class Threads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, conn: Conn, thread: Thread, seen_id: int = 0) -> bool:
        """Join the caller's transaction: store the thread as it is now; False: it was deleted.

        `seen_id`: every message up to this one was told to docbot; 0 where that is not sure.
        """
        put = await conn.fetchval(
            _PUT_THREAD,
            thread.id,
            thread.guild_id,
            thread.forum_id,
            thread.author_id,
            storable(thread.title),
            list(thread.tags),
            thread.archived,
            thread.locked,
            thread.created_at,
            seen_id,
        )
        return put is not None

    async def update(self, conn: Conn, thread: ThreadChange) -> bool:
        """Join the caller's transaction; False when the thread is not stored."""
        updated = await conn.fetchval(
            _UPDATE_THREAD,
            thread.id,
            storable(thread.title),
            list(thread.tags),
            thread.archived,
            thread.locked,
        )
        return updated is not None

    async def put_message(self, conn: Conn, message: Message) -> None:
        """Join the caller's transaction; of a message that is stored only a newer text counts."""
        await conn.execute(
            _PUT_MESSAGE,
            message.id,
            message.guild_id,
            message.thread_id,
            message.author_id,
            message.is_bot,
            storable(message.content),
            message.reply_to,
            message.created_at,
            message.edited_at,
        )

    async def delete_messages(self, conn: Conn, message_ids: list[int]) -> set[int]:
        """Join the caller's transaction; what is deleted loses its text.

        Returns:
            those of the messages that are stored.
        """
        return {row["id"] for row in await conn.fetch(_DELETE_MESSAGES, message_ids)}

    async def delete(self, conn: Conn, thread_id: int) -> None:
        """Join the caller's transaction; the thread and its messages lose their text."""
        await conn.execute(_DELETE_THREAD, thread_id)
        await conn.execute(_ERASE_MESSAGES, thread_id)

    async def delete_of_forum(self, conn: Conn, forum_id: int) -> None:
        """Join the caller's transaction; all threads of the forum lose their titles."""
        await conn.execute(_DELETE_THREADS_OF_FORUM, forum_id)

    async def erase_messages_of_forum(self, forum_id: int, limit: int) -> bool:
        """Erase some of the messages of a forum that was deleted; False: there are no more."""
        with translated():
            return touched(await self._pool.execute(_ERASE_MESSAGES_OF_FORUM, forum_id, limit)) > 0

    async def edit_message(
        self, conn: Conn, message_id: int, content: str, edited_at: datetime
    ) -> bool:
        """Join the caller's transaction; True where the text is another now, and the newest."""
        return (
            touched(await conn.execute(_EDIT_MESSAGE, message_id, storable(content), edited_at)) > 0
        )

    async def is_stored(self, conn: Conn, message_id: int) -> bool:
        return bool(await conn.fetchval(_IS_STORED, message_id))

    async def is_deleted(self, conn: Conn, message_id: int) -> bool:
        """Join the caller's transaction: whether a message was taken in, and deleted since."""
        return bool(await conn.fetchval(_IS_DELETED, message_id))

    async def lock_standing(self, conn: Conn, thread_id: int) -> Standing | None:
        """Join the caller's transaction, after who else changes this thread; None: not stored."""
        row = await conn.fetchrow(_LOCK_STANDING, thread_id)
        return Standing(**{**row, "tags": tuple(row["tags"])}) if row else None

    async def set_standing(self, conn: Conn, thread_id: int, standing: Standing) -> None:
        """Join the transaction that locked it: what docbot itself knows of the thread."""
        await conn.execute(
            _SET_STANDING,
            thread_id,
            standing.others_wrote,
            standing.staff_wrote,
            standing.spoke_at,
            standing.is_closed,
            standing.solved_at,
            standing.solution_id,
            standing.was_escalated,
            standing.reminded_at,
            standing.look_at,
        )

    async def carry_buttons(self, conn: Conn, thread_id: int, answer_id: int) -> bool:
        """Join the caller's transaction: let this answer have them unless another one does."""
        return touched(await conn.execute(_CARRY_BUTTONS, thread_id, answer_id)) > 0

    async def may_ping(self, conn: Conn, guild_id: int, thread_id: int, most: int) -> bool:
        """Join the caller's transaction; take one of the server's `most` pings within an hour."""
        await conn.execute(_LOCK_PINGS, f"pings:{guild_id}")
        if await conn.fetchval(_COUNT_PINGS, guild_id) >= most:
            return False
        await conn.execute(_PING, thread_id)
        return True

    async def is_solved(self, thread_id: int) -> bool:
        with translated():
            return bool(await self._pool.fetchval(_IS_SOLVED, thread_id))

    async def is_closed(self, conn: Conn, thread_id: int) -> bool:
        """Join the caller's transaction: whether docbot was asked to stay out."""
        return bool(await conn.fetchval(_IS_CLOSED, thread_id))

    async def is_being_tagged(self, conn: Conn, thread_id: int) -> bool:
        """Join the transaction that locked it: whether a change of tags may be docbot's own."""
        return bool(await conn.fetchval(_IS_BEING_TAGGED, thread_id))

    async def now(self, conn: Conn) -> datetime:
        """By Postgres' clock, which says what is due."""
        now: datetime = await conn.fetchval(_NOW)
        return now

    async def to_look_at(self, limit: int) -> list[tuple[int, datetime]]:
        """Threads in which time alone may change something by now, the longest due first.

        Each with the time by Postgres' clock, which says that they are due.
        """
        with translated():
            return [(row["id"], row["at"]) for row in await self._pool.fetch(_TO_LOOK_AT, limit)]

    async def seconds_to_look(self) -> float | None:
        """How long until the next thread is to be looked at; None when there is none."""
        with translated():
            seconds: float | None = await self._pool.fetchval(_SECONDS_TO_LOOK)
        return seconds

    async def look_later(self, thread_id: int, seconds: float) -> None:
        """Look at a thread again so long from now."""
        with translated():
            await self._pool.execute(_LOOK_LATER, thread_id, seconds)

    async def look_anew(self, forum_ids: list[int]) -> None:
        """Look at every thread of these forums that is not over: their settings are others."""
        with translated():
            await self._pool.execute(_LOOK_ANEW, forum_ids)

    async def saw(self, thread_id: int, message_id: int) -> None:
        """Note that every message up to this one was told; a thread not stored stays so."""
        with translated():
            await self._pool.execute(_SAW, thread_id, message_id)

    async def saw_next(self, thread_id: int, message_id: int) -> None:
        """Note that this message was told; of a thread whose beginning was not, nothing is."""
        with translated():
            await self._pool.execute(_SAW_NEXT, thread_id, message_id)

    async def told(self, thread_ids: list[int]) -> dict[int, Told]:
        """What docbot was told of these threads; one that is not stored is left out."""
        with translated():
            rows = await self._pool.fetch(_TOLD, thread_ids)
        return {
            row["id"]: Told(
                row["seen_id"],
                row["open_id"],
                row["title"],
                tuple(row["tags"]),
                row["archived"],
                row["locked"],
            )
            for row in rows
        }
