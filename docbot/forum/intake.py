"""Stores what happens in bound forums, and the questions in it, before anything else is done."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from docbot.db.errors import translated
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Ended, Questions
from docbot.db.threads import Message, ThreadChange, Threads
from docbot.forum.bindings import Bindings
from docbot.forum.decide import Incoming, judge
from docbot.telemetry import OnStep

log = logging.getLogger(__name__)

# What became of a message: of two times that it was told, the second is of no account.
Taken = Literal["ignored", "stored", "asked", "missed"]
MISSED = "missed"  # the reason of a question that was found too late to be answered

# Events overtake each other by moments; of so many nothing else comes in between.
_EARLY_EVENTS = 1_000


@dataclass(frozen=True, slots=True)
class _Edit:
    content: str
    edited_at: datetime


class _Early:
    """Edits and deletions that came before the message that they are about.

    Kept in memory alone: a new process is told no message that was edited or deleted before; it
    reads those that it missed, as they are by then.
    """

    def __init__(self) -> None:
        self._by_message: OrderedDict[int, _Edit | None] = OrderedDict()  # None: deleted

    def edited(self, message_id: int, edit: _Edit) -> None:
        if self._by_message.get(message_id, edit) is not None:
            self._note(message_id, edit)

    def deleted(self, message_ids: Collection[int]) -> None:
        for message_id in message_ids:
            self._note(message_id, None)

    def forget(self, message_ids: Collection[int]) -> None:
        for message_id in message_ids:
            self._by_message.pop(message_id, None)

    def is_deleted(self, message_id: int) -> bool:
        return message_id in self._by_message and self._by_message[message_id] is None

    def newest(self, message: Message) -> Message:
        edit = self._by_message.get(message.id)
        if edit is None or (message.edited_at and message.edited_at >= edit.edited_at):
            return message
        return replace(message, content=edit.content, edited_at=edit.edited_at)

    def _note(self, message_id: int, edit: _Edit | None) -> None:
        self._by_message[message_id] = edit
        if len(self._by_message) > _EARLY_EVENTS:
            self._by_message.popitem(last=False)


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
        self._early = _Early()

    def asks(self, incoming: Incoming) -> bool:
        verdict = judge(incoming, self._bindings.find(incoming.thread.forum_id))
        return verdict in ("post", "mention")

    async def take(self, incoming: Incoming, *, in_step: bool) -> Taken:
        """Store the message, and its question if it asks one; the same event twice is one.

        `in_step`: every earlier message of the thread was told as well.
        """
        verdict = judge(incoming, self._bindings.find(incoming.thread.forum_id))
        if verdict == "ignore" or self._early.is_deleted(incoming.message.id):
            return "ignored"
        self._on_step("message received")
        asked = False
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                seen_id = incoming.message.id if in_step else 0
                if not await self._threads.put(conn, incoming.thread, seen_id):
                    return "ignored"  # the thread was deleted before this was told
                await self._threads.put_message(conn, self._early.newest(incoming.message))
                if verdict != "store":
                    asked = await self._ask(conn, incoming, verdict)
        self._on_step("message stored")
        if not asked:
            return "stored"
        self._wake_worker()
        return "missed" if incoming.is_missed else "asked"

    async def _ask(self, conn: Conn, incoming: Incoming, origin: str) -> bool:
        question_id = await self._questions.add(
            conn,
            guild_id=incoming.thread.guild_id,
            thread_id=incoming.thread.id,
            author_id=incoming.message.author_id,
            origin=origin,
            message_id=incoming.message.id,
            title=incoming.thread.title if incoming.opens_thread else "",
            asked_at=incoming.message.created_at,
            turn_at=incoming.turn_at,
            cancelled=MISSED if incoming.is_missed else None,
        )
        return question_id is not None

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> None:
        if not await self._threads.edit_message(message_id, content, edited_at):
            self._early.edited(message_id, _Edit(content, edited_at))

    def heard_of_deletion(self, message_ids: list[int]) -> None:
        """Take none of them in any more; `deleted` follows, once what came before it is seen to."""
        self._early.deleted(message_ids)

    async def deleted(self, message_ids: list[int]) -> None:
        """Erase the messages; a question not yet answered is cancelled with its message."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                known = await self._threads.delete_messages(conn, message_ids)
                reason = "message deleted"
                ended = await self._questions.cancel_by_messages(conn, message_ids, reason)
                await self._stop_sending(conn, ended, reason)
        self._early.deleted([each for each in message_ids if each not in known])
        self._early.forget(known)
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
        self._early.deleted([thread_id])  # its first message has its id
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
        ended = await self._questions.cancel_by_forum(conn, forum_id, reason)
        await self._stop_sending(conn, ended, reason)

    async def _cancel_thread(self, conn: Conn, thread_id: int, reason: str) -> None:
        ended = await self._questions.cancel_by_thread(conn, thread_id, reason)
        await self._stop_sending(conn, ended, reason)

    async def _stop_sending(self, conn: Conn, ended: Ended, reason: str) -> None:
        """Drop what was never tried; what may be on Discord already is settled by a drain."""
        await self._outbox.drop_unsent(conn, ended.unsent, reason)
        await self._outbox.withdraw(conn, ended.in_doubt, reason)
