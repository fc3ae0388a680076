"""Calls by /chat and /private: let in, stored, and told what there is to be told.

Promise: a call is stored with its question in one transaction, before docbot says that it is on it.
What is to be said to the caller is written down beside the call; `bot/replies.py` says it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal, TypeAlias

from docbot import texts
from docbot.answers.answer import Answer
from docbot.answers.write import Message, write
from docbot.db import conversations
from docbot.db.answers import AnswerRow, Answers
from docbot.db.errors import translated
from docbot.db.interactions import Call, Interactions
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Claimed, Questions
from docbot.db.threads import Threads
from docbot.forum import notes
from docbot.forum.admission import Admission, why_refused
from docbot.forum.bindings import Bindings
from docbot.forum.limits import Allowed, Caller, Refused

# What was begun anew: `thread` is the conversation of a forum's thread, `own` what the caller had.
Cleared: TypeAlias = Literal["nothing", "own", "thread"]


class Calls:
    """One transaction for each call."""

    def __init__(
        self,
        *,
        pool: Pool,
        interactions: Interactions,
        threads: Threads,
        questions: Questions,
        answers: Answers,
        bindings: Bindings,
        admission: Admission,
        may_attach: Callable[[int], bool],
        wake_worker: Callable[[], None],
        wake_replier: Callable[[], None],
    ) -> None:
        """Set up; `may_attach` tells whether files are taken in a channel and its threads."""
        self._pool = pool
        self._interactions = interactions
        self._threads = threads
        self._questions = questions
        self._answers = answers
        self._bindings = bindings
        self._admission = admission
        self._may_attach = may_attach
        self._wake_worker = wake_worker
        self.wake_replier = wake_replier

    async def take(self, call: Call, caller: Caller) -> str | None:
        """Store the call and its question; return why not, as the caller reads it.

        The same call told twice is one, and counts once.
        """
        forum = self._bindings.find(call.forum_id)
        if forum is not None and forum.mode == "off":
            return texts.switched_off()
        # A text channel has no drafts: whoever calls docbot there is answered, whatever is set.
        is_thread = call.channel_id != call.forum_id
        if forum is not None and forum.mode == "draft" and call.kind == "chat" and is_thread:
            return texts.staff_reads_first()
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                # Of what is answered privately nobody else in the thread sees anything.
                if call.kind == "chat" and await self._threads.is_closed(conn, call.channel_id):
                    return notes.closed(call.channel_id)
                verdict = await self._judge(conn, call, caller)
                if isinstance(verdict, Refused):
                    return why_refused(verdict)
                if await self._interactions.add(conn, call):
                    await self._admission.note(
                        conn,
                        verdict,
                        guild_id=call.guild_id,
                        person_id=call.person_id,
                        kind="call",
                    )
        return None

    async def _judge(self, conn: Conn, call: Call, caller: Caller) -> Allowed | Refused:
        conversation_id = await conversations.find_own(
            conn, kind=call.kind, channel_id=call.channel_id, person_id=call.person_id
        )
        return await self._admission.ask(
            conn,
            guild_id=call.guild_id,
            person_id=call.person_id,
            role_ids=caller.role_ids,
            is_staff=caller.is_staff,
            kind="call",
            conversation_id=conversation_id,
        )

    def begin(self) -> None:
        """Let a worker look for what was taken, once Discord knows that docbot is on it."""
        self._wake_worker()

    async def answered(
        self, conn: Conn, claimed: Claimed, epoch: int, answer: Answer, row: AnswerRow
    ) -> bool:
        """Join the caller's transaction: store the answer to a call, and what is said of it.

        Who called is also told that nothing was found. False when the claim is no longer ours.
        """
        if answer.lane == "abstain":
            messages = [Message(answer.text)]
            is_ours = await self._questions.end_claimed(
                conn, claimed.id, epoch, "abstained", answer.note
            )
        else:
            messages = write(answer, attaches=self._may_attach(claimed.forum_id))
            is_ours = await self._questions.send_on(conn, claimed.id, epoch, "posting")
        if is_ours:
            await self._answers.add(conn, claimed.id, claimed.guild_id, row)
            await self.tell(conn, claimed, *messages)
        return is_ours

    async def tell(self, conn: Conn, claimed: Claimed, *messages: Message) -> None:
        """Join the caller's transaction: this is all that is said to the caller."""
        await self._interactions.answer(conn, _id_of(claimed), _payloads(messages))

    async def ask_for_patience(self, conn: Conn, claimed: Claimed) -> None:
        """Join the caller's transaction: tell the caller that the answer takes its time."""
        is_private = claimed.origin == "private"
        line = texts.later_privately() if is_private else texts.later()
        await self._interactions.show(conn, _id_of(claimed), line)

    async def clear(self, *, channel_id: int, person_id: int, thread_id: int | None) -> Cleared:
        """Let what this person asks next in the channel begin anew.

        `thread_id`: of the thread whose own conversation begins anew too.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                had_own = await conversations.close_own(
                    conn, channel_id=channel_id, person_id=person_id
                )
                if thread_id is not None and await conversations.close_post(conn, thread_id):
                    return "thread"
        return "own" if had_own else "nothing"


def _id_of(claimed: Claimed) -> int:
    assert claimed.interaction_id is not None  # noqa: S101  # the worker asks only for calls
    return claimed.interaction_id


def _payloads(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"content": message.content, "files": [asdict(file) for file in message.files]}
        for message in messages
    ]
