"""What people ask of docbot with buttons and commands: stored first, shown after."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from docbot.answers import write
from docbot.db.answers import Answers, ThreadStatus
from docbot.db.drafts import Drafts, StoredDraft
from docbot.db.errors import translated
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.solutions import Solution
from docbot.db.threads import Message, Thread, Threads
from docbot.forum import notes
from docbot.forum.conduct import Decision, Refusal
from docbot.forum.conductor import Conductor
from docbot.forum.events import Actor, DraftDiscarded, DraftSent, Event
from docbot.forum.learning import Learning, SeenSolution
from docbot.forum.repeats import repeated
from docbot.forum.staff_notes import StaffNote, StaffNotes

LONGEST_NOTE = 2000  # characters, of a reason in somebody's own words


@dataclass(frozen=True, slots=True)
class Written:
    """A thread in which somebody presses, and messages that this is about, as they are on Discord."""

    thread: Thread
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class SeenDraft:
    """What somebody decides on: the draft of an answer, as it was when they read it."""

    guild_id: int
    answer_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class Presses:
    """One transaction for each; `wake` is called once there may be something to do."""

    pool: Pool
    conductor: Conductor
    threads: Threads
    answers: Answers
    drafts: Drafts
    outbox: Outbox
    staff_notes: StaffNotes
    learning: Learning
    wake: Callable[[], None]

    async def tell(self, thread_id: int, event: Event, written: Written | None) -> Decision | None:
        """Let an event happen in a thread; None where it is not stored, or was deleted.

        What is `written` is stored first, as far as it is not: docbot may not have been there then.
        """
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                if written is not None:
                    await self._store(conn, written)
                decision = await self.conductor.tell(conn, thread_id, event)
        self.wake()
        return decision

    async def is_stored(self, message_id: int) -> bool:
        with translated():
            async with self.pool.acquire() as conn:
                return await self.threads.is_stored(conn, message_id)

    async def status(self, thread_id: int, guild_id: int) -> ThreadStatus | None:
        """How a thread stands, and what docbot did in it; None where it does not know it."""
        with translated():
            async with self.pool.acquire() as conn:
                return await self.answers.thread_status(conn, thread_id, guild_id)

    async def vote(
        self, answer_id: int, guild_id: int, channel_id: int, person_id: int, vote: str
    ) -> bool:
        """Store a vote; False where this server has no such answer."""
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                known = await self.answers.vote(conn, answer_id, person_id, guild_id, vote)
                if known:
                    await self._show_votes(conn, answer_id, guild_id, channel_id)
        self.wake()
        return known

    async def take_back(
        self, answer_id: int, guild_id: int, channel_id: int, person_id: int
    ) -> bool:
        """Forget a person's vote; False where there is none."""
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                known = await self.answers.take_back(conn, answer_id, person_id, guild_id)
                if known:
                    await self._show_votes(conn, answer_id, guild_id, channel_id)
        self.wake()
        return known

    async def give_reason(
        self, answer_id: int, guild_id: int, person_id: int, reason: str, note: str | None = None
    ) -> bool:
        """Keep why an answer is not right for this person; False where they did not say so."""
        return await self.answers.give_reason(answer_id, person_id, guild_id, reason, note)

    async def draft(self, answer_id: int, guild_id: int) -> StoredDraft | None:
        with translated():
            async with self.pool.acquire() as conn:
                return await self.drafts.find(conn, answer_id, guild_id)

    async def forum_of_draft(self, answer_id: int, guild_id: int) -> int | None:
        draft = await self.draft(answer_id, guild_id)
        return draft.forum_id if draft else None

    async def send_draft(self, seen: SeenDraft, by: Actor) -> Refusal | None:
        return await self._decide_draft(seen, by, DraftSent(by))

    async def discard_draft(self, seen: SeenDraft, by: Actor) -> Refusal | None:
        return await self._decide_draft(seen, by, DraftDiscarded(by))

    async def edit_draft(self, seen: SeenDraft, text: str, by: Actor) -> Refusal | None:
        """Keep the draft as staff wrote it anew, and show it so."""
        if not by.is_staff:
            return "staff only"
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                draft = await self._draft_in_turn(conn, seen)
                stored = await self.answers.find(conn, seen.answer_id)
                if draft is None or stored is None:
                    return "no draft"
                refusal = why_not_draft(draft, seen)
                if refusal is not None:
                    return refusal
                revision = await self.drafts.edit(conn, seen.answer_id, text, by.id)
                if revision is None:  # its message never arrived
                    return "draft over"
                answer = replace(repeated(stored), text=text)
                message = notes.draft(answer, draft.thread_id, people_first=draft.is_held_back)
                buttons = ("draft", seen.answer_id, revision)
                await self.staff_notes.edit(conn, _note(draft), message, buttons)
        self.wake()
        return None

    async def _draft_in_turn(self, conn: Conn, seen: SeenDraft) -> StoredDraft | None:
        """Find the draft as it is once nobody else is about to decide on it."""
        draft = await self.drafts.find(conn, seen.answer_id, seen.guild_id)
        if draft is None:
            return None
        await self.conductor.begin_in(conn, draft.thread_id)
        return await self.drafts.find(conn, seen.answer_id, seen.guild_id)

    async def _store(self, conn: Conn, written: Written) -> None:
        # Of a thread that is known what happened to it was told, and is not to be overtaken.
        if await self.threads.lock_standing(conn, written.thread.id) is None:
            await self.threads.put(conn, written.thread)
        for message in written.messages:
            await self.threads.put_message(conn, message)

    async def _decide_draft(
        self, seen: SeenDraft, by: Actor, event: DraftSent | DraftDiscarded
    ) -> Refusal | None:
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                draft = await self._draft_in_turn(conn, seen)
                if draft is None:
                    return "no draft"
                if by.is_staff and why_not_draft(draft, seen) == "draft changed":
                    return "draft changed"
                decision = await self.conductor.tell(
                    conn, draft.thread_id, event, question_id=draft.question_id
                )
                if decision is None or decision.refusal == "no draft":
                    return "draft over"  # it is here, and no question waits for it any more
                if decision.refusal is not None:
                    return decision.refusal
                is_sent = isinstance(event, DraftSent)
                if not is_sent:
                    await self.drafts.decide(conn, seen.answer_id, "discarded", by.id)
                content = notes.draft_decided(draft.thread_id, by.id, is_sent=is_sent)
                await self.staff_notes.edit(conn, _note(draft), write.Message(content))
        self.wake()
        return None

    async def solution(self, guild_id: int, thread_id: int) -> Solution | None:
        """The solution of a thread, whatever became of it; None where this server has none."""
        return await self.learning.find(guild_id, thread_id)

    async def accept_solution(self, seen: SeenSolution, by: Actor) -> Refusal | None:
        return await self._decide_solution(by, lambda conn: self.learning.accept(conn, seen, by.id))

    async def edit_solution(self, seen: SeenSolution, text: str, by: Actor) -> Refusal | None:
        """Learn it in staff's own words."""
        return await self._decide_solution(
            by, lambda conn: self.learning.edit(conn, seen, text, by.id)
        )

    async def discard_solution(self, seen: SeenSolution, by: Actor) -> Refusal | None:
        return await self._decide_solution(
            by, lambda conn: self.learning.discard(conn, seen, by.id)
        )

    async def _decide_solution(
        self, by: Actor, decide: Callable[[Conn], Awaitable[Refusal | None]]
    ) -> Refusal | None:
        if not by.is_staff:
            return "staff only"
        with translated():
            async with self.pool.acquire() as conn, conn.transaction():
                refusal = await decide(conn)
        self.wake()
        return refusal

    async def _show_votes(self, conn: Conn, answer_id: int, guild_id: int, channel_id: int) -> None:
        await self.outbox.add_once(
            conn,
            "edit",
            guild_id=guild_id,
            channel_id=channel_id,
            payload={"buttons_of": answer_id},
        )


def why_not_draft(draft: StoredDraft, seen: SeenDraft) -> Refusal | None:
    """Why nothing is decided any more on a draft as somebody read it; None: it still is so."""
    if draft.state != "open":
        return "draft over"
    return None if draft.revision == seen.revision else "draft changed"


def _note(draft: StoredDraft) -> StaffNote:
    return StaffNote(draft.outbox_id, draft.guild_id, draft.channel_id, draft.thread_id)
