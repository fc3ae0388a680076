"""Stores what happens in bound forums, and the questions in it, before anything else is done."""

import logging
from collections.abc import Callable
from datetime import datetime

from docbot.db.errors import translated
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Questions
from docbot.db.threads import ThreadChange, Threads
from docbot.forum.bindings import Bindings
from docbot.forum.decide import Incoming, judge
from docbot.telemetry import OnStep

log = logging.getLogger(__name__)


class Intake:
    """One transaction for each event; `wake_worker` is called once a question is committed."""

    def __init__(
        self,
        *,
        pool: Pool,
        threads: Threads,
        questions: Questions,
        outbox: Outbox,
        bindings: Bindings,
        wake_worker: Callable[[], None],
        on_step: OnStep,
    ) -> None:
        self._pool = pool
        self._threads = threads
        self._questions = questions
        self._outbox = outbox
        self._bindings = bindings
        self._wake_worker = wake_worker
        self._on_step = on_step

    async def take(self, incoming: Incoming, *, in_step: bool) -> None:
        """Store the message, and its question if it asks one; the same event twice is one.

        `in_step`: every earlier message of the thread was told as well.
        """
        verdict = judge(incoming, self._bindings.find(incoming.thread.forum_id))
        if verdict == "ignore":
            return
        self._on_step("message received")
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                seen_id = incoming.message.id if in_step else 0
                await self._threads.put(conn, incoming.thread, seen_id)
                await self._threads.add_message(conn, incoming.message)
                if verdict != "store":
                    await self._questions.add(
                        conn,
                        guild_id=incoming.thread.guild_id,
                        thread_id=incoming.thread.id,
                        author_id=incoming.message.author_id,
                        origin=verdict,
                        message_id=incoming.message.id,
                        title=incoming.thread.title if incoming.opens_thread else "",
                        asked_at=incoming.message.created_at,
                    )
        self._on_step("message stored")
        if verdict != "store":
            self._wake_worker()

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> None:
        await self._threads.edit_message(message_id, content, edited_at)

    async def deleted(self, message_ids: list[int]) -> None:
        """Erase the messages; a question not yet answered is cancelled with its message."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.delete_messages(conn, message_ids)
                reason = "message deleted"
                answers = await self._questions.cancel_by_messages(conn, message_ids, reason)
                await self._outbox.drop_unsent(conn, answers, reason)
        self._wake_worker()  # a later question of the conversation may go now

    async def thread_changed(self, thread: ThreadChange) -> None:
        """Keep title, tags and state in step; a locked thread gets no more answers."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                known = await self._threads.update(conn, thread)
                if known and thread.locked:
                    await self._cancel_thread(conn, thread.id, "thread locked")
        self._wake_worker()

    async def thread_deleted(self, thread_id: int) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.delete(conn, thread_id)
                await self._cancel_thread(conn, thread_id, "thread deleted")
        self._wake_worker()

    async def forum_deleted(self, forum_id: int) -> None:
        """As if each of its threads was deleted: Discord tells only of those it shows."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.delete_of_forum(conn, forum_id)
                await self._cancel_forum(conn, forum_id, "forum deleted")
        self._wake_worker()

    async def forum_left(self, forum_id: int) -> None:
        """Nothing can be answered there; the texts are kept, since docbot may be invited again."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._cancel_forum(conn, forum_id, "docbot is no longer in the server")
        self._wake_worker()

    async def _cancel_forum(self, conn: Conn, forum_id: int, reason: str) -> None:
        answers = await self._questions.cancel_by_forum(conn, forum_id, reason)
        await self._outbox.drop_unsent(conn, answers, reason)

    async def _cancel_thread(self, conn: Conn, thread_id: int, reason: str) -> None:
        answers = await self._questions.cancel_by_thread(conn, thread_id, reason)
        await self._outbox.drop_unsent(conn, answers, reason)
