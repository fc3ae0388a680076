"""Carries out what is decided about a thread, in the transaction of whoever tells of the event.

Promise: of one thread one event is decided at a time, on how things stand in Postgres, and what
follows is written down with it: a state or a row of the outbox, so that nothing is lost or done
twice when a process dies.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from docbot.answers.answer import Answer
from docbot.answers.attached import File
from docbot.answers.lanes import Lane
from docbot.answers.write import write
from docbot.db.answers import AnswerRow, Answers
from docbot.db.drafts import Drafts
from docbot.db.forums import Forum
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn
from docbot.db.questions import Claimed, OfThread, Questions
from docbot.db.threads import Standing, Threads
from docbot.forum import conduct, effects, notes
from docbot.forum.bindings import Bindings
from docbot.forum.conduct import (
    Decision,
    Mode,
    QuestionState,
    Rules,
    ThreadState,
    Unasked,
    consequence,
    decide,
    next_look,
)
from docbot.forum.effects import Effect
from docbot.forum.events import Drafted, Event, Origin
from docbot.forum.learning import Learning
from docbot.forum.repeats import repeated
from docbot.forum.staff_notes import StaffNote, StaffNotes

PINGS_AN_HOUR = 5  # of the helpers, in one server

_CALLED_OFF = {"yielded", "cancelled"}
_ENDED = {"answered", "abstained", "yielded", "cancelled", "failed"}


@dataclass(frozen=True, slots=True)
class _Scene:
    """A thread and what is open in it, under lock.

    `standing` and `questions` are as the database has them, `state` as it is from now on.
    """

    id: int
    standing: Standing
    state: ThreadState
    questions: Sequence[OfThread]


class Conductor:
    def __init__(
        self,
        *,
        threads: Threads,
        questions: Questions,
        answers: Answers,
        drafts: Drafts,
        outbox: Outbox,
        staff_notes: StaffNotes,
        learning: Learning,
        bindings: Bindings,
        may_attach: Callable[[int], bool],
        may_ping: Callable[[int, int], bool],
        may_write: Callable[[int, int], bool],
    ) -> None:
        """Set up.

        `may_attach` tells whether files are taken in the threads of a forum, `may_ping` whether a
        mention there of a role pings it, `may_write` whether a channel of a server takes messages.
        """
        self._threads = threads
        self._questions = questions
        self._answers = answers
        self._drafts = drafts
        self._outbox = outbox
        self._staff_notes = staff_notes
        self._learning = learning
        self._bindings = bindings
        self._may_attach = may_attach
        self._may_ping = may_ping
        self._may_write = may_write

    async def tell(
        self,
        conn: Conn,
        thread_id: int,
        event: Event,
        *,
        message_ids: Sequence[int] = (),
        question_id: int | None = None,
    ) -> Decision | None:
        """Decide on an event, and carry it out; None where the thread is not stored.

        Args:
            conn: of the caller's transaction.
            thread_id: where it happened.
            event: what happened.
            message_ids: the messages that it is about.
            question_id: the question that it is about, where that is known.
        """
        scene = await self._enter(conn, thread_id, message_ids)
        if scene is None:
            return None
        chosen = _chosen(scene, message_ids, question_id)
        decision = decide(scene.state, _state_of(chosen, scene.id), event)
        await self._keep(conn, scene, decision.thread)
        scene = replace(scene, state=decision.thread)
        follows = decision.effects
        if chosen is not None and decision.question is not None:
            await self._withdraw_drafts(conn, scene, chosen, follows)
            is_settled = await self._move(conn, scene, chosen, decision.question)
            if not is_settled:  # whoever settles it offers the draft, if it never arrived
                follows = tuple(
                    each for each in follows if not isinstance(each, effects.OfferDraft)
                )
        for other in scene.questions:
            if chosen is None or other.id != chosen.id:
                await self._follow(conn, scene, other, event)
        for effect in follows:
            await self._do(conn, scene, effect, chosen, None)
        return decision

    async def drafted(
        self, conn: Conn, claimed: Claimed, epoch: int, answer: Answer, row: AnswerRow
    ) -> bool:
        """Decide what becomes of an answer; False when the claim is no longer ours."""
        scene = await self._enter(conn, claimed.channel_id, ())
        if scene is None:
            return False
        chosen = _chosen(scene, (), claimed.id)
        if chosen is None or not await self._questions.is_claimed(conn, claimed, epoch):
            return False
        event = Drafted(answer.lane, answer.note)
        decision = decide(scene.state, _state_of(chosen, scene.id), event)
        after = decision.question
        if after is None or after.state == "answering":
            return False
        if after.state == "failed":  # tried again, it is answered anew
            await self._questions.end_claimed(conn, claimed.id, epoch, after.state, after.reason)
            return True
        answer_id = await self._answers.add(conn, claimed.id, claimed.guild_id, row)
        if after.is_open:
            await self._questions.send_on(conn, claimed.id, epoch, after.state)
        else:
            await self._questions.end_claimed(conn, claimed.id, epoch, after.state, after.reason)
        written = replace(chosen, answer_id=answer_id, lane=answer.lane)
        for effect in decision.effects:
            await self._do(conn, scene, effect, written, answer)
        return True

    async def offer_draft(self, conn: Conn, answer_id: int, thread_id: int) -> None:
        """Offer what was held back in the last moment, since somebody else was first."""
        scene = await self._enter(conn, thread_id, ())
        stored = await self._answers.find(conn, answer_id)
        if scene is None or stored is None:
            return
        await self._offer(conn, scene, answer_id, repeated(stored), is_late=True)

    async def lose_draft(self, conn: Conn, answer_id: int, reason: str) -> None:
        """Give up a draft that could not be shown to staff."""
        await self._drafts.decide(conn, answer_id, "withdrawn", None)
        why = f"the draft could not be shown to staff: {reason}"
        await self._questions.fail_review(conn, answer_id, why)

    async def call_off(
        self, conn: Conn, question_id: int, reason: str, state: str = "cancelled"
    ) -> bool:
        """Drop what was never tried; what may be on Discord already is settled by a drain.

        False where there is something to settle.
        """
        ended = await self._questions.call_off(conn, question_id, reason, state)
        await self._outbox.drop_unsent(conn, ended.unsent, reason)
        await self._outbox.hasten(conn, ended.in_doubt)
        return not ended.in_doubt

    async def tell_alone(
        self, conn: Conn, guild_id: int, channel_id: int, person_id: int, content: str
    ) -> None:
        """Write to one person alone about what they did in a channel, unless they know."""
        await self._outbox.tell(
            conn, guild_id=guild_id, channel_id=channel_id, person_id=person_id, content=content
        )

    async def why_undone(
        self, conn: Conn, thread_id: int, deed: Unasked, reply_to: int | None
    ) -> str | None:
        """Look at a thread again: why what nobody called for is not said or done any more there.

        None: it still fits. `reply_to` is the message that it is about.
        """
        standing = await self._threads.lock_standing(conn, thread_id)
        if standing is None:
            return "thread deleted"
        if reply_to is not None and await self._threads.is_deleted(conn, reply_to):
            return "message deleted"
        forum = self._bindings.find(standing.forum_id)
        now = await self._threads.now(conn)
        return conduct.why_undone(state_of(standing, forum), deed, now)

    async def begin_in(self, conn: Conn, thread_id: int) -> None:
        """Join the caller's transaction: go after who else is about something in the thread.

        To be called before a row of anything in it is locked.
        """
        await self._threads.lock_standing(conn, thread_id)

    # Reading

    async def _enter(self, conn: Conn, thread_id: int, message_ids: Sequence[int]) -> _Scene | None:
        standing = await self._threads.lock_standing(conn, thread_id)
        if standing is None:
            return None
        questions = await self._questions.lock_of_thread(conn, thread_id, message_ids)
        forum = self._bindings.find(standing.forum_id)
        return _Scene(thread_id, standing, state_of(standing, forum), questions)

    # Storing what changed

    async def _keep(self, conn: Conn, scene: _Scene, after: ThreadState) -> None:
        standing = replace(
            scene.standing,
            others_wrote=after.others_wrote,
            staff_wrote=after.staff_wrote,
            spoke_at=after.spoke_at,
            is_closed=after.is_closed,
            solved_at=after.solved_at,
            solution_id=after.solution_id,
            was_escalated=after.was_escalated,
            reminded_at=after.reminded_at,
            look_at=next_look(after),
        )
        if standing != scene.standing:
            await self._threads.set_standing(conn, scene.id, standing)

    async def _follow(self, conn: Conn, scene: _Scene, other: OfThread, event: Event) -> None:
        state = _state_of(other, scene.id)
        if state is None:
            return
        decision = consequence(scene.state, state, event)
        if decision.question is not None:
            await self._withdraw_drafts(conn, scene, other, decision.effects)
            await self._move(conn, scene, other, decision.question)
        for effect in decision.effects:
            await self._do(conn, scene, effect, other, None)

    async def _move(
        self, conn: Conn, scene: _Scene, before: OfThread, after: QuestionState
    ) -> bool:
        """Bring a question from the state that it is in to the one that was decided.

        False where its answer may be on Discord already: a drain settles that, and ends it.
        """
        for message_id in after.messages - before.messages:
            await self._questions.join(conn, before.id, message_id)
        if after.ready_at != before.ready_at and after.state == "collecting":
            seconds = scene.state.rules.config.settle_seconds
            await self._questions.settle_later(conn, before.id, after.ready_at, seconds)
        if after.state == before.state:
            return True
        if after.state == "waiting":
            await self._ask_anew(conn, scene, before, after)
        elif after.state in _CALLED_OFF and before.state == "review":
            await self._questions.end_review(conn, before.id, after.reason or "")
        elif after.state in _CALLED_OFF:
            return await self.call_off(conn, before.id, after.reason or "", after.state)
        elif after.state == "posting":
            await self._questions.reopen(conn, before.id)
        return True

    async def _ask_anew(
        self, conn: Conn, scene: _Scene, before: OfThread, after: QuestionState
    ) -> None:
        if before.state == "posting" and await self._outbox.was_tried(conn, before.answer_id):
            return  # it may be there
        seconds = scene.state.rules.config.settle_seconds if after.opens_thread else 0.0
        await self._questions.ask_anew(conn, before.id, seconds)

    # Doing what follows

    async def _do(
        self,
        conn: Conn,
        scene: _Scene,
        effect: Effect,
        question: OfThread | None,
        answer: Answer | None,
    ) -> None:
        """Carry out one effect; `answer` is the question's, where it was written just now."""
        match effect:
            case effects.Post() if question is not None:
                await self._post(conn, scene, question, answer, effect.reviewed_by)
            case effects.OfferDraft() if question is not None and question.answer_id is not None:
                await self._offer_stored(conn, scene, question.answer_id, answer)
            case effects.SayNothingFound() if question is not None and answer is not None:
                await self._say_nothing_found(conn, scene, question, answer, effect)
            case effects.ShowTag():
                await self._once(conn, scene, "tag", {})
            case effects.Archive():
                await self._once(conn, scene, "archive", {"unasked": "archive"})
            case effects.ShowState() if scene.standing.buttons_on is not None:
                await self._once(conn, scene, "edit", {"buttons_of": scene.standing.buttons_on})
            case effects.Remind():
                await self._send(
                    conn,
                    scene,
                    notes.reminder(scene.standing.author_id),
                    buttons=["remind"],
                    unasked="reminder",
                )
            case effects.SayClosed():
                content = notes.closed(scene.id)
                await self.tell_alone(
                    conn, scene.standing.guild_id, scene.id, effect.person_id, content
                )
            case effects.Learn() | effects.Unlearn():
                await self._learn(conn, scene, effect)
            case effects.CallHuman():
                await self._call_human(conn, scene, effect.by)
            case _:
                pass

    async def _learn(
        self, conn: Conn, scene: _Scene, effect: effects.Learn | effects.Unlearn
    ) -> None:
        if isinstance(effect, effects.Unlearn):
            await self._learning.unlearn(conn, scene.id)
            return
        forum = self._bindings.find(scene.standing.forum_id)
        await self._learning.learn(
            conn,
            thread_id=scene.id,
            message_id=effect.message_id,
            marked_by=effect.verified_by,
            learns=scene.state.rules.config.learns,
            # Only a forum has tags; a thread of a text channel may be private.
            is_open=forum is not None and forum.tags is not None,
        )

    async def _post(
        self,
        conn: Conn,
        scene: _Scene,
        question: OfThread,
        answer: Answer | None,
        reviewed_by: int | None,
    ) -> None:
        answer_id = question.answer_id
        if answer is None and answer_id is not None:
            answer = await self._reviewed(conn, scene, answer_id, reviewed_by)
        if answer is None or answer_id is None:
            return
        await self._outbox.forget_unsent(conn, answer_id)
        has_buttons = not scene.state.is_channel and await self._threads.carry_buttons(
            conn, scene.id, answer_id
        )
        await self._keep(conn, scene, replace(scene.state, was_answered=True))
        messages = write(answer, attaches=self._may_attach(scene.standing.forum_id))
        if reviewed_by is not None:
            messages = notes.with_reviewer(messages, reviewed_by)
        for part, message in enumerate(messages, start=1):
            await self._send(
                conn,
                scene,
                message.content,
                files=message.files,
                reply_to=question.message_id if part == 1 else None,
                vote_on=answer_id if part == 1 and has_buttons else None,
                answer_id=answer_id,
                part=part,
            )

    async def _reviewed(
        self, conn: Conn, scene: _Scene, answer_id: int, person_id: int | None
    ) -> Answer | None:
        """Take the draft as staff left it, and keep that as the answer."""
        # Decided first: from then on nobody changes the text that is sent.
        await self._drafts.decide(conn, answer_id, "sent", person_id)
        draft = await self._drafts.find(conn, answer_id, scene.standing.guild_id)
        stored = await self._answers.find(conn, answer_id)
        if draft is None or stored is None:
            return None
        await self._answers.set_text(conn, answer_id, draft.text)
        return replace(repeated(stored), text=draft.text)

    async def _offer_stored(
        self, conn: Conn, scene: _Scene, answer_id: int, answer: Answer | None
    ) -> None:
        if answer is None:
            stored = await self._answers.find(conn, answer_id)
            answer = repeated(stored) if stored else None
        if answer is not None:
            await self._offer(conn, scene, answer_id, answer, is_late=scene.state.people_talk)

    async def _offer(
        self, conn: Conn, scene: _Scene, answer_id: int, answer: Answer, *, is_late: bool
    ) -> None:
        channel_id = scene.state.rules.config.staff_channel
        if channel_id is None:
            return
        note = notes.draft(answer, scene.id, people_first=is_late)
        revision = await self._drafts.next_revision(conn, answer_id)
        row_id = await self._staff_notes.send(
            conn,
            note,
            guild_id=scene.standing.guild_id,
            channel_id=channel_id,
            thread_id=scene.id,
            buttons=("draft", answer_id, revision),
        )
        await self._drafts.offer(
            conn,
            answer_id=answer_id,
            guild_id=scene.standing.guild_id,
            channel_id=channel_id,
            outbox_id=row_id,
            revision=revision,
        )

    async def _withdraw_drafts(
        self, conn: Conn, scene: _Scene, question: OfThread, follows: Sequence[Effect]
    ) -> None:
        """Before the question moves on: one that is asked anew loses its answer, and the draft."""
        for effect in follows:
            if isinstance(effect, effects.WithdrawDraft) and question.answer_id is not None:
                await self._withdraw_draft(conn, scene, question.answer_id, effect.why)

    async def _withdraw_draft(self, conn: Conn, scene: _Scene, answer_id: int, why: str) -> None:
        draft = await self._drafts.find(conn, answer_id, scene.standing.guild_id)
        row_id = await self._drafts.decide(conn, answer_id, "withdrawn", None)
        if draft is None or row_id is None:
            return
        note = StaffNote(row_id, draft.guild_id, draft.channel_id, scene.id)
        await self._staff_notes.take_back(conn, note, notes.draft_over(scene.id, why), why)

    async def _say_nothing_found(
        self,
        conn: Conn,
        scene: _Scene,
        question: OfThread,
        answer: Answer,
        effect: effects.SayNothingFound,
    ) -> None:
        await self._send(
            conn,
            scene,
            answer.text,
            reply_to=question.message_id,
            buttons=["human"] if effect.asks_human else None,
            unasked="nothing found" if question.origin == "post" else None,
        )

    async def _call_human(self, conn: Conn, scene: _Scene, by: int) -> None:
        config, standing = scene.state.rules.config, scene.standing
        role, staff = config.helper_role, config.staff_channel
        can_ping = role is not None and self._may_ping(standing.forum_id, role)
        called = conduct.whom_to_call(
            config,
            can_ping=can_ping,
            has_ping_left=can_ping
            and await self._threads.may_ping(conn, standing.guild_id, scene.id, PINGS_AN_HOUR),
            can_tell_staff=staff is not None and self._may_write(standing.guild_id, staff),
        )
        gist = await self._questions.gist(conn, scene.id)
        summary = notes.summary(standing.title, gist.body, gist.lane, gist.titles)
        if called.in_thread:
            content = notes.human_wanted(called.role, summary)
            await self._send(conn, scene, content, ping=called.role)
        if called.staff_channel is not None:
            content = notes.human_wanted_in(scene.id, by, summary)
            await self._send(conn, scene, content, channel_id=called.staff_channel)

    async def _once(self, conn: Conn, scene: _Scene, kind: str, payload: dict[str, Any]) -> None:
        await self._outbox.add_once(
            conn,
            kind,
            guild_id=scene.standing.guild_id,
            channel_id=scene.id,
            payload=payload,
        )

    async def _send(
        self,
        conn: Conn,
        scene: _Scene,
        content: str,
        *,
        files: Sequence[File] = (),
        channel_id: int | None = None,
        reply_to: int | None = None,
        vote_on: int | None = None,
        buttons: list[Any] | None = None,
        ping: int | None = None,
        unasked: Unasked | None = None,
        answer_id: int | None = None,
        part: int = 1,
    ) -> None:
        await self._outbox.add(
            conn,
            guild_id=scene.standing.guild_id,
            channel_id=channel_id or scene.id,
            payload={
                "content": content,
                "files": [asdict(file) for file in files],
                "reply_to": reply_to,
                "vote_on": vote_on,
                **({"buttons": buttons} if buttons else {}),
                **({"ping": ping} if ping else {}),
                **({"unasked": unasked} if unasked else {}),
            },
            answer_id=answer_id,
            part=part,
            thread_id=scene.id if channel_id else None,
        )


def state_of(standing: Standing, forum: Forum | None) -> ThreadState:
    """How a thread stands, as `conduct` has it; one whose forum is not bound any more is `off`."""
    return ThreadState(
        author_id=standing.author_id,
        created_at=standing.created_at,
        rules=_rules_of(forum),
        spoke_at=standing.spoke_at,
        others_wrote=standing.others_wrote,
        staff_wrote=standing.staff_wrote,
        is_archived=standing.archived,
        is_locked=standing.locked,
        is_deleted=standing.is_deleted,
        is_closed=standing.is_closed,
        is_solved=standing.solved_at is not None,
        solved_at=standing.solved_at,
        solution_id=standing.solution_id,
        was_answered=standing.was_answered,
        was_escalated=standing.was_escalated,
        reminded_at=standing.reminded_at,
        is_channel=standing.is_channel,
    )


def _rules_of(forum: Forum | None) -> Rules:
    if forum is None:
        return Rules("off")
    config = forum.config
    # Of a text channel not all is told.
    if forum.mode == "off" or forum.tags is None:
        config = replace(config, remind_hours=0.0, close_hours=0.0)
    if forum.mode == "off":
        config = replace(config, archive_solved_hours=0.0)
    return Rules(cast("Mode", forum.mode), config)


def _state_of(question: OfThread | None, thread_id: int) -> QuestionState | None:
    if question is None:
        return None
    return QuestionState(
        origin=cast("Origin", question.origin),
        mode=cast("Mode", question.mode),
        state=cast("conduct.State", question.state),
        first_id=question.message_id,
        began_at=question.asked_at,
        ready_at=question.ready_at,
        messages=question.messages,
        opens_thread=question.message_id == thread_id,
        reason=question.reason,
        lane=cast("Lane | None", question.lane),
        holds_draft=question.holds_draft,
        was_reviewed=question.was_reviewed,
    )


def _chosen(scene: _Scene, message_ids: Sequence[int], question_id: int | None) -> OfThread | None:
    """The question that an event is about: the named one, that of the message, the open post."""
    for question in scene.questions:
        if question.id == question_id:
            return question
    if question_id is not None:
        return None
    for question in scene.questions:
        if question.messages & {*message_ids}:
            return question
    posts = [question for question in scene.questions if question.message_id == scene.id]
    return next((post for post in posts if post.state not in _ENDED or post.holds_draft), None)
