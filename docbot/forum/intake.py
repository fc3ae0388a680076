"""Stores what happens in bound forums, and the questions in it, before anything else is done."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from docbot.db import conversations
from docbot.db.erasure import Erasure
from docbot.db.errors import translated
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Questions
from docbot.db.threads import Message, Standing, ThreadChange, Threads
from docbot.db.usage import UseKind
from docbot.forum.admission import Admission, why_refused
from docbot.forum.bindings import Bindings
from docbot.forum.conduct import Decision, QuestionState
from docbot.forum.conductor import Conductor
from docbot.forum.decide import Incoming, Verdict, judge
from docbot.forum.events import Deleted, Edited, Retagged, Shut, Wrote
from docbot.forum.learning import Learning
from docbot.forum.limits import Allowed, Refused
from docbot.forum.undecided import Undecided
from docbot.telemetry import OnStep

log = logging.getLogger(__name__)

# What became of a message: of two times that it was told, the second is of no account.
Taken = Literal["ignored", "stored", "asked", "missed"]
MISSED = "missed"  # the reason of a question that was found too late to be answered

_ERASED_AT_ONCE = 5_000  # messages
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
    """One transaction for each event; `wake` is called once there may be something to do."""

    def __init__(
        self,
        *,
        pool: Pool,
        threads: Threads,
        questions: Questions,
        outbox: Outbox,
        learning: Learning,
        bindings: Bindings,
        conductor: Conductor,
        admission: Admission,
        erasure: Erasure,
        undecided: Undecided,
        wake: Callable[[], None],
        on_step: OnStep,
    ) -> None:
        self._pool = pool
        self._threads = threads
        self._questions = questions
        self._outbox = outbox
        self._learning = learning
        self._bindings = bindings
        self._conductor = conductor
        self._admission = admission
        self._erasure = erasure
        self._undecided = undecided
        self._wake = wake
        self._on_step = on_step
        self._early = _Early()

    def is_heard(self, guild_id: int, person_id: int) -> bool:
        """Whether what this person writes is of any account in the server."""
        return not self._admission.is_banned(guild_id, person_id)

    def asks(self, incoming: Incoming) -> bool:
        return self._verdict_on(incoming) in ("post", "mention")

    def _verdict_on(self, incoming: Incoming) -> Verdict:
        if not self.is_heard(incoming.message.guild_id, incoming.message.author_id):
            return "ignore"
        return judge(incoming, self._bindings.find(incoming.thread.forum_id))

    async def take(self, incoming: Incoming, *, in_step: bool) -> Taken:
        """Store the message, and its question if it asks one; the same event twice is one.

        `in_step`: every earlier message of the thread was told as well.
        """
        verdict = self._verdict_on(incoming)
        if verdict == "ignore" or self._early.is_deleted(incoming.message.id):
            return "ignored"
        if verdict == "note":
            await self._note(incoming)
            return "ignored"
        self._on_step("message received")
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                seen_id = incoming.message.id if in_step else 0
                before = await self._threads.lock_standing(conn, incoming.thread.id)
                if not await self._threads.put(conn, incoming.thread, seen_id):
                    return "ignored"  # the thread was deleted before this was told
                # What changed may be told later than what came after it, or not at all.
                await self._tell_tags(
                    conn,
                    incoming.thread.id,
                    before.tags if before is not None else (),
                    incoming.thread.tags,
                    incoming.solved_tag,
                )
                message = self._early.newest(incoming.message)
                await self._threads.put_message(conn, message)
                if message.edited_at is not None:  # it may have been stored before
                    await self._learning.follow_thread(conn, incoming.thread.id)
                decision = await self._conductor.tell(
                    conn,
                    incoming.thread.id,
                    wrote(incoming, verdict),
                    message_ids=[incoming.message.id],
                )
                new = decision.asked if decision is not None else None
                asked = new is not None and await self._ask(conn, incoming, new)
        self._on_step("message stored")
        if asked or _may_bring_work(decision):
            self._wake()
        if not asked:
            return "stored"
        return "missed" if incoming.is_missed else "asked"

    async def _note(self, incoming: Incoming) -> None:
        """Let it count in a thread that docbot knows that somebody wrote; the text is not kept."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                event = wrote(incoming, "note")
                decision = await self._conductor.tell(conn, incoming.thread.id, event)
        if _may_bring_work(decision):
            self._wake()

    async def _ask(self, conn: Conn, incoming: Incoming, question: QuestionState) -> bool:
        """Store a question, if its author may ask just now; who may not is told alone."""
        message, guild_id = incoming.message, incoming.thread.guild_id
        verdict = await self._judge(conn, incoming, question)
        cancelled = None if question.is_open else question.reason
        if isinstance(verdict, Refused):
            cancelled = verdict.reason
        settles = (question.ready_at - question.began_at).total_seconds()
        question_id = await self._questions.add(
            conn,
            guild_id=guild_id,
            thread_id=incoming.thread.id,
            author_id=message.author_id,
            origin=question.origin,
            message_id=message.id,
            title=incoming.thread.title if incoming.opens_thread else "",
            asked_at=message.created_at,
            turn_at=incoming.turn_at,
            cancelled=cancelled,
            mode=question.mode,
            settle_seconds=settles if question.state == "collecting" else 0.0,
            is_in_channel=incoming.thread.is_channel,
        )
        if question_id is None:
            return False
        kind = _kind_of(question)
        if isinstance(verdict, Allowed):
            await self._admission.note(
                conn, verdict, guild_id=guild_id, person_id=message.author_id, kind=kind
            )
        elif verdict is not None and kind == "call" and verdict.is_told:
            said = why_refused(verdict)
            await self._conductor.tell_alone(
                conn, guild_id, incoming.thread.id, message.author_id, said
            )
        return True

    async def _judge(
        self, conn: Conn, incoming: Incoming, question: QuestionState
    ) -> Allowed | Refused | None:
        """Ask whether it is admitted; None where it is not answered anyhow."""
        if not question.is_open:
            return None
        return await self._admission.ask(
            conn,
            guild_id=incoming.thread.guild_id,
            person_id=incoming.message.author_id,
            role_ids=incoming.role_ids,
            is_staff=incoming.is_staff,
            kind=_kind_of(question),
            conversation_id=await _conversation_of(conn, incoming),
            was_missed=incoming.turn_at is not None,
        )

    async def edited(
        self, thread_id: int, message_id: int, content: str, edited_at: datetime
    ) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.lock_standing(conn, thread_id)
                if await self._threads.edit_message(conn, message_id, content, edited_at):
                    event = Edited(message_id, edited_at)
                    await self._conductor.tell(conn, thread_id, event, message_ids=[message_id])
                    await self._learning.follow_thread(conn, thread_id)
                elif not await self._threads.is_stored(conn, message_id):
                    self._early.edited(message_id, _Edit(content, edited_at))
        self._wake()

    def heard_of_deletion(self, message_ids: list[int]) -> None:
        """Take none of them in any more; `deleted` follows, once what came before it is seen to."""
        self._early.deleted(message_ids)

    async def deleted(self, thread_id: int, message_ids: list[int]) -> None:
        """Erase the messages; a question is erased with its first, cancelled if still open.

        Of docbot's own, those that ask staff for a decision have it by that.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.lock_standing(conn, thread_id)
                known = await self._threads.delete_messages(conn, message_ids)
                event = Deleted(frozenset(message_ids), datetime.now(UTC))
                await self._conductor.tell(conn, thread_id, event, message_ids=message_ids)
                await self._learning.follow_thread(conn, thread_id)
                await self._undecided.follow_messages(conn, message_ids)
                known |= await self._erasure.follow_messages(conn, message_ids)
        self._early.deleted([each for each in message_ids if each not in known])
        self._early.forget(known)
        self._wake()  # a later question of the conversation may go now

    async def thread_changed(self, thread: ThreadChange, solved_tag: int | None = None) -> None:
        """Keep title, tags and state in step; a locked thread gets no more answers.

        `solved_tag` is the forum's tag for threads that are solved, if it has one.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                before = await self._threads.lock_standing(conn, thread.id)
                if before is not None and await self._threads.update(conn, thread):
                    await self._tell_change(conn, before, thread, solved_tag)
                    await self._learning.follow_thread(conn, thread.id)
        self._wake()

    async def _tell_change(
        self, conn: Conn, before: Standing, thread: ThreadChange, solved_tag: int | None
    ) -> None:
        now = datetime.now(UTC)
        await self._tell_tags(conn, thread.id, before.tags, thread.tags, solved_tag)
        if thread.locked:
            await self._conductor.tell(conn, thread.id, Shut("thread locked"))
            return
        if await self._questions.retitle(conn, thread.id, thread.title):
            event = Edited(thread.id, now)
            await self._conductor.tell(conn, thread.id, event, message_ids=[thread.id])

    async def _tell_tags(
        self,
        conn: Conn,
        thread_id: int,
        before: Collection[int],
        now: Collection[int],
        solved_tag: int | None,
    ) -> None:
        """Tell where somebody put the tag for solved threads on, or took it off.

        What docbot's own changes bring about is no act of a person: told late, it would take back
        what was decided since.
        """
        has = solved_tag in now
        if solved_tag is None or (solved_tag in before) == has:
            return
        if not await self._threads.is_being_tagged(conn, thread_id):
            event = Retagged(is_solved=has, at=datetime.now(UTC))
            await self._conductor.tell(conn, thread_id, event)

    async def thread_deleted(self, thread_id: int) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.delete(conn, thread_id)
                await self._conductor.tell(conn, thread_id, Shut("thread deleted"))
                await self._learning.follow_thread(conn, thread_id)
                await self._erasure.follow_thread(conn, thread_id)
        self._early.deleted([thread_id])  # its first message has its id
        self._wake()

    async def forum_deleted(self, forum_id: int) -> None:
        """As if each of its threads was deleted: Discord tells only of those it shows."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._threads.delete_of_forum(conn, forum_id)
                await self._cancel_forum(conn, forum_id, "forum deleted")
                await self._learning.follow_forum_deletion(conn, forum_id)
                await self._erasure.follow_forum(conn, forum_id)
        self._wake()
        while await self._threads.erase_messages_of_forum(forum_id, _ERASED_AT_ONCE):
            pass  # many times, as a forum may hold more than a statement has time for

    async def forum_left(self, forum_id: int) -> None:
        """Nothing can be answered there; the texts are kept, since docbot may be invited again."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._cancel_forum(conn, forum_id, "docbot is no longer in the server")
        self._wake()

    async def _cancel_forum(self, conn: Conn, forum_id: int, reason: str) -> None:
        """Drop what was never tried; what may be on Discord already is settled by a drain."""
        ended = await self._questions.cancel_by_forum(conn, forum_id, reason)
        await self._outbox.drop_unsent(conn, ended.unsent, reason)
        await self._outbox.hasten(conn, ended.in_doubt)


def wrote(incoming: Incoming, verdict: Verdict) -> Wrote:
    """Tell of a message as an event of its thread; who says stop asks nothing, counted or not."""
    message = incoming.message
    return Wrote(
        message_id=message.id,
        author_id=message.author_id,
        at=message.created_at,
        asks=verdict if verdict in ("post", "mention") and not incoming.says_stop else None,
        is_staff=incoming.is_staff,
        says_stop=incoming.says_stop,
        turn_at=incoming.turn_at,
        missed=MISSED if incoming.is_missed else None,
        is_kept=verdict != "note",
        opens_thread=incoming.opens_thread,
    )


def _may_bring_work(decision: Decision | None) -> bool:
    return decision is not None and bool(decision.effects or decision.question)


async def _conversation_of(conn: Conn, incoming: Incoming) -> int | None:
    if not incoming.thread.is_channel:
        return await conversations.find_post(conn, incoming.thread.id)
    return await conversations.find_own(
        conn,
        kind="channel",
        channel_id=incoming.thread.id,
        person_id=incoming.message.author_id,
    )


def _kind_of(question: QuestionState) -> UseKind:
    return "post" if question.origin == "post" else "call"
