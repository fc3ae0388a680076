"""Stores what happens in bound forums, and the questions in it, before anything else is done."""

import logging
from collections.abc import Callable
from datetime import datetime

from docbot.db.errors import translated
from docbot.db.pool import Pool
from docbot.db.questions import Questions
from docbot.db.threads import Thread, Threads
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
        bindings: Bindings,
        wake_worker: Callable[[], None],
        on_step: OnStep,
    ) -> None:
        self._pool = pool
        self._threads = threads
        self._questions = questions
        self._bindings = bindings
        self._wake_worker = wake_worker
        self._on_step = on_step

    async def take(self, incoming: Incoming) -> None:
        """Store the message, and its question if it asks one; the same event twice is one."""
        verdict = judge(incoming, self._bindings.find(incoming.thread.forum_id))
        if verdict == "ignore":
            return
        self._on_step("message received")
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.put(conn, incoming.thread)
                await self._threads.add_message(conn, incoming.message)
                if verdict != "store":
                    await self._questions.add(
                        conn,
                        guild_id=incoming.thread.guild_id,
                        thread_id=incoming.thread.id,
                        author_id=incoming.message.author_id,
                        origin=verdict,
                        message_id=incoming.message.id,
                        title=incoming.thread.title if verdict == "post" else "",
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
                await self._questions.cancel_by_messages(conn, message_ids, "message deleted")

    async def thread_changed(self, thread: Thread) -> None:
        """Keep title, tags and state in step; a locked thread gets no more answers."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                known = await self._threads.update(conn, thread)
                if known and thread.locked:
                    await self._questions.cancel_by_thread(conn, thread.id, "thread locked")

    async def thread_deleted(self, thread_id: int) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.delete(conn, thread_id)
                await self._questions.cancel_by_thread(conn, thread_id, "thread deleted")
