"""Threads and their messages, kept in step with Discord."""

from dataclasses import dataclass
from datetime import datetime

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.text import storable

# Events may come twice and out of order: what is stored is never put back to an older state.
_PUT_THREAD = """
    INSERT INTO threads
        (id, guild_id, forum_id, author_id, title, tags, archived, locked, created_at, seen_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (id) DO UPDATE
    SET title = $5, tags = $6, archived = $7, locked = $8,
        seen_id = greatest(threads.seen_id, $10)
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
_ADD_MESSAGE = """
    INSERT INTO messages (id, guild_id, thread_id, author_id, is_bot, content, reply_to, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""
_EDIT_MESSAGE = """
    UPDATE messages SET content = $2, edited_at = $3
    WHERE id = $1 AND deleted_at IS NULL AND (edited_at IS NULL OR edited_at <= $3)
"""
_DELETE_MESSAGES = """
    UPDATE messages SET deleted_at = now(), content = ''
    WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL
"""
_SAW = "UPDATE threads SET seen_id = $2 WHERE id = $1 AND seen_id < $2"
_SEEN_IDS = "SELECT id, seen_id FROM threads WHERE id = ANY($1::bigint[])"


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


class Threads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, conn: Conn, thread: Thread, seen_id: int = 0) -> None:
        """Join the caller's transaction: store the thread as it is now.

        `seen_id`: every message up to this one was told to docbot; 0 where that is not sure.
        """
        await conn.execute(
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

    async def add_message(self, conn: Conn, message: Message) -> bool:
        """Join the caller's transaction; False when the message is known already."""
        added = await conn.fetchval(
            _ADD_MESSAGE,
            message.id,
            message.guild_id,
            message.thread_id,
            message.author_id,
            message.is_bot,
            storable(message.content),
            message.reply_to,
            message.created_at,
        )
        return added is not None

    async def delete_messages(self, conn: Conn, message_ids: list[int]) -> None:
        """Join the caller's transaction; what is deleted loses its text."""
        await conn.execute(_DELETE_MESSAGES, message_ids)

    async def delete(self, conn: Conn, thread_id: int) -> None:
        """Join the caller's transaction; the thread and its messages lose their text."""
        await conn.execute(_DELETE_THREAD, thread_id)
        await conn.execute(_ERASE_MESSAGES, thread_id)

    async def delete_of_forum(self, conn: Conn, forum_id: int) -> None:
        """Join the caller's transaction; all threads of the forum, as `delete` does with one."""
        await conn.execute(_DELETE_THREADS_OF_FORUM, forum_id)
        await conn.execute(_ERASE_MESSAGES_OF_FORUM, forum_id)

    async def edit_message(self, message_id: int, content: str, edited_at: datetime) -> None:
        with translated():
            await self._pool.execute(_EDIT_MESSAGE, message_id, storable(content), edited_at)

    async def saw(self, thread_id: int, message_id: int) -> None:
        """Note that every message up to this one was told; a thread not stored stays so."""
        with translated():
            await self._pool.execute(_SAW, thread_id, message_id)

    async def seen_ids(self, thread_ids: list[int]) -> dict[int, int]:
        """Up to which message each thread was told; a thread that is not stored is left out."""
        with translated():
            rows = await self._pool.fetch(_SEEN_IDS, thread_ids)
        return {row["id"]: row["seen_id"] for row in rows}
