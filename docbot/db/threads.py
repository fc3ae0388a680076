"""Threads and their messages, kept in step with Discord."""

from dataclasses import dataclass, replace
from datetime import datetime

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.text import storable

# Events may come twice and out of order: what is stored is never put back to an older state.
_PUT_THREAD = """
    INSERT INTO threads
        (id, guild_id, forum_id, author_id, title, tags, archived, locked, created_at, seen_id)
    -- Nothing is said of a thread whose beginning was not told: that may come later, or never.
    VALUES ($1::bigint, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $10::bigint = $1 THEN $1 ELSE 0 END)
    ON CONFLICT (id) DO UPDATE
    SET title = $5, tags = $6, archived = $7, locked = $8,
        seen_id = CASE WHEN threads.seen_id > 0 OR $10 = $1
                       THEN greatest(threads.seen_id, $10) ELSE 0 END
    WHERE threads.deleted_at IS NULL
    RETURNING id
"""
_UPDATE_THREAD = """
    UPDATE threads SET title = $2, tags = $3, archived = $4, locked = $5
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
    WHERE deleted_at IS NULL AND thread_id IN (SELECT id FROM threads WHERE forum_id = $1)
"""
_PUT_MESSAGE = """
    INSERT INTO messages
        (id, guild_id, thread_id, author_id, is_bot, content, reply_to, created_at, edited_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (id) DO UPDATE SET content = $6, edited_at = $9
    WHERE messages.deleted_at IS NULL AND (messages.edited_at IS NULL OR messages.edited_at < $9)
      AND $9 IS NOT NULL
"""
_EDIT_MESSAGE = """
    WITH edited AS (
        UPDATE messages SET content = $2, edited_at = $3
        WHERE id = $1 AND deleted_at IS NULL AND (edited_at IS NULL OR edited_at <= $3))
    SELECT EXISTS (SELECT FROM messages WHERE id = $1)
"""
_DELETE_MESSAGES = """
    WITH deleted AS (
        UPDATE messages SET deleted_at = now(), content = ''
        WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL)
    SELECT id FROM messages WHERE id = ANY($1::bigint[])
"""
_SAW = "UPDATE threads SET seen_id = $2 WHERE id = $1 AND seen_id < $2"
_SAW_NEXT = "UPDATE threads SET seen_id = $2 WHERE id = $1 AND seen_id BETWEEN 1 AND $2"
_TOLD = """
    SELECT id, seen_id, least(seen_id, (
        SELECT min(questions.message_id) - 1
        FROM questions JOIN conversations ON conversations.id = conversation_id
        WHERE conversations.thread_id = threads.id AND questions.ended_at IS NULL)) AS read_from
    FROM threads WHERE id = ANY($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Thread:
    """A forum post with its replies."""

    id: int
    guild_id: int
    forum_id: int
    author_id: int
    title: str
    created_at: datetime
    tags: tuple[int, ...] = ()
    archived: bool = False
    locked: bool = False

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
    """What may change of a thread."""

    id: int
    title: str
    tags: tuple[int, ...]
    archived: bool
    locked: bool


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
class Told:
    """What docbot was told of a stored thread: every message up to `seen_id`; 0: not surely all.

    `read_from`: the same, or before the first question that waits for its answer, so that its text
    is taken in as it is by now.
    """

    seen_id: int
    read_from: int


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
        """Join the caller's transaction; all threads of the forum, as `delete` does with one."""
        await conn.execute(_DELETE_THREADS_OF_FORUM, forum_id)
        await conn.execute(_ERASE_MESSAGES_OF_FORUM, forum_id)

    async def edit_message(self, message_id: int, content: str, edited_at: datetime) -> bool:
        """Take in a text unless a newer one is stored; False when the message is not."""
        with translated():
            return bool(
                await self._pool.fetchval(_EDIT_MESSAGE, message_id, storable(content), edited_at)
            )

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
        return {row["id"]: Told(row["seen_id"], row["read_from"]) for row in rows}
