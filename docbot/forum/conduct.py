"""How docbot behaves in a thread: one pure function from what is and what happens to what follows.

`decide` takes a thread, one of its questions and an event, and gives both as they are from then on,
with what is to be done. It knows no clock, no database and no Discord: whoever calls it locks the
thread, stores what changed and carries out the effects in the same transaction.

When to speak, in short: a post is answered once its author has stopped writing, unless somebody
else was there first; then docbot speaks only when it is called, and not at all once it was told to
stay out.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Literal

from docbot.answers.lanes import Lane
from docbot.config import ForumConfig
from docbot.forum.effects import (
    Archive,
    CallHuman,
    Effect,
    Learn,
    OfferDraft,
    Post,
    Remind,
    SayClosed,
    SayNothingFound,
    ShowState,
    ShowTag,
    Unlearn,
    WithdrawDraft,
)
from docbot.forum.events import (
    Actor,
    Closed,
    Deleted,
    DraftDeleted,
    DraftDiscarded,
    Drafted,
    DraftSent,
    Edited,
    Escalated,
    Event,
    Forgotten,
    Opened,
    Origin,
    Retagged,
    Shut,
    Solved,
    Ticked,
    Unsolved,
    Wrote,
)

Mode = Literal["auto", "draft", "mention", "off"]
State = Literal[
    "collecting",
    "waiting",
    "answering",
    "review",
    "posting",
    "answered",
    "abstained",
    "yielded",
    "cancelled",
    "failed",
]

# Of a post that comes in parts, however fast its author goes on writing.
LONGEST_SETTLING = timedelta(seconds=30)
STOPPED = "docbot was asked to stay out of this thread"
FORGOTTEN = "its asker had it erased"
_PEOPLE_FIRST = "people were first"
_SOLVED = "solved"
_NOT_LEFT_ALONE = "the thread is not left alone any more"
_EDITED = "the question was edited"
_NO_STAFF_CHANNEL = (
    "the forum's mode is draft and it has no staff channel; set one: "
    "docbot config set staff-channel CHANNEL_ID --forum CHANNEL_ID"
)
# A reminder that is as late as this would only bring an old thread up again; and where reminders are
# turned on, only what became due within this time is reminded of at once.
_OLD = timedelta(days=1)

# What docbot says or does of its own accord.
Unasked = Literal["nothing found", "reminder", "archive"]

# Why a press or a command is refused; each has its line for whom it was.
Refusal = Literal[
    "not yours",
    "staff only",
    "solved already",
    "not solved",
    "closed already",
    "not closed",
    "asked already",
    "no draft",
    "draft over",
    "draft changed",
    "no solution",
    "solution learned",
    "solution discarded",
    "solution over",
    "solution changed",
    "no words",
    "thread shut",
    "no thread",
    "nobody to ask",
]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the forum is set to; `mode` counts for the next post."""

    mode: Mode = "auto"
    config: ForumConfig = field(default_factory=ForumConfig)

    @property
    def has_somebody_to_ask(self) -> bool:
        return self.config.helper_role is not None or self.config.staff_channel is not None


@dataclass(frozen=True, slots=True)
class ThreadState:
    """A thread as far as docbot's conduct depends on it.

    `others_wrote`: somebody but its author; `staff_wrote`: one of them is staff. `is_closed`:
    docbot was told to stay out. `spoke_at` is when a person wrote last. `was_answered`: docbot's
    answer stands in it, or is on its way there. `reminded_at` is when it asked whether that solved
    it; that of a thread in which it was too late to ask is `spoke_at`, so that none is closed
    unasked. `is_channel`: a text channel, which is nobody's: docbot answers there who calls it, one
    by one, and nothing in it is ever solved or closed.
    """

    author_id: int
    created_at: datetime
    rules: Rules
    spoke_at: datetime
    others_wrote: bool = False
    staff_wrote: bool = False
    is_archived: bool = False
    is_locked: bool = False
    is_deleted: bool = False
    is_closed: bool = False
    is_solved: bool = False
    solved_at: datetime | None = None
    solution_id: int | None = None
    was_answered: bool = False
    was_escalated: bool = False
    reminded_at: datetime | None = None
    is_channel: bool = False

    @property
    def people_talk(self) -> bool:
        """Whether docbot steps back for who is there."""
        return steps_back(
            self.rules.config, others_wrote=self.others_wrote, staff_wrote=self.staff_wrote
        )

    @property
    def is_shut(self) -> bool:
        return self.is_locked or self.is_deleted


@dataclass(frozen=True, slots=True)
class QuestionState:
    """A question; `messages` are all that it is written in, the first of them asked it.

    `mode` is that of the forum when it was asked, `lane` that of its answer, if it has one.
    `opens_thread`: it is what its thread is about, also where it calls docbot besides.
    `holds_draft`: staff has the answer before it and has not yet sent or discarded it;
    `was_reviewed`: staff sent it.
    """

    origin: Origin
    mode: Mode
    state: State
    first_id: int
    began_at: datetime
    ready_at: datetime
    messages: frozenset[int]
    opens_thread: bool = False
    reason: str | None = None
    lane: Lane | None = None
    holds_draft: bool = False
    was_reviewed: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in ("collecting", "waiting", "answering", "review", "posting")


@dataclass(frozen=True, slots=True)
class Decision:
    """Thread and question from now on; `refusal` says why nothing was done of what was asked.

    `asked` is a new question that came of the event.
    """

    thread: ThreadState
    question: QuestionState | None
    effects: tuple[Effect, ...] = ()
    asked: QuestionState | None = None
    refusal: Refusal | None = None


def decide(thread: ThreadState, question: QuestionState | None, event: Event) -> Decision:
    """Decide what follows from an event.

    Args:
        thread: as it is.
        question: the one that the event is about: that of the message, of the draft, of the
            answer; else the thread's open post, if it has one.
        event: what happened; the same one told twice changes nothing the second time.
    """
    return _decide(event, thread, question)


def consequence(thread: ThreadState, question: QuestionState, event: Event) -> Decision:
    """Decide what an event that is about one question does to the others of its thread.

    Args:
        thread: as the event left it.
        question: another one, that is open or whose draft staff still holds.
        event: what happened.
    """
    if isinstance(event, Shut):
        return _call_off(thread, question, event.reason)
    if isinstance(event, Deleted | Edited):
        return decide(thread, question, event)
    if isinstance(event, Forgotten):
        return Decision(thread, question)
    if isinstance(event, Solved | Retagged) and thread.is_solved:
        return _settle(thread, question)
    return _call_off(thread, question, STOPPED) if thread.is_closed else Decision(thread, question)


def steps_back(config: ForumConfig, *, others_wrote: bool, staff_wrote: bool) -> bool:
    """Whether docbot leaves a thread to those who wrote there beside its author."""
    return staff_wrote if config.yields_to == "helpers" else others_wrote


def next_look(thread: ThreadState) -> datetime | None:
    """When time alone may change something in the thread; None: never."""
    due = [at for at in (_archive_at(thread), _remind_at(thread), _close_at(thread)) if at]
    return min(due, default=None)


def why_undone(thread: ThreadState, deed: Unasked, at: datetime) -> str | None:
    """Tell why what was to be said or done is not by now, which is `at`; None: it still fits."""
    if thread.is_shut:
        return _shut_because(thread)
    if deed == "archive":
        return None if _is_to_be_archived(thread, at) else _NOT_LEFT_ALONE
    return _why_unsaid(thread, is_reminder=deed == "reminder")


def _why_unsaid(thread: ThreadState, *, is_reminder: bool) -> str | None:
    if thread.is_closed:
        return STOPPED
    if thread.is_solved:
        return _SOLVED
    if thread.people_talk:
        return _PEOPLE_FIRST
    if is_reminder and not (_is_left_alone(thread) and _is_silent(thread)):
        return _NOT_LEFT_ALONE
    return None


@dataclass(frozen=True, slots=True)
class Called:
    """Who is told that a human is wanted: `role` is pinged in the thread, None pings nobody."""

    in_thread: bool
    role: int | None
    staff_channel: int | None


def whom_to_call(
    config: ForumConfig, *, can_ping: bool, has_ping_left: bool, can_tell_staff: bool
) -> Called:
    """Tell whom to call: the helpers; where they were pinged often enough, staff in their channel.

    A role that Discord would not ping is no reason for silence in the thread, nor is a channel of
    the staff that is gone.

    Args:
        config: of the forum.
        can_ping: there is a helper role, and docbot may ping it.
        has_ping_left: and was not too often in the last hour.
        can_tell_staff: there is a channel of the staff, and docbot may write there.
    """
    if can_ping and has_ping_left:
        return Called(in_thread=True, role=config.helper_role, staff_channel=None)
    is_mute = config.helper_role is not None and not can_ping
    staff_channel = config.staff_channel if can_tell_staff else None
    return Called(
        in_thread=is_mute or staff_channel is None, role=None, staff_channel=staff_channel
    )


@singledispatch
def _decide(event: Event, thread: ThreadState, question: QuestionState | None) -> Decision:
    raise TypeError(f"{type(event).__name__} is no event")


@_decide.register
def _(event: Wrote, thread: ThreadState, question: QuestionState | None) -> Decision:
    if question is not None and event.message_id in question.messages:
        return Decision(thread, question)
    is_author = event.author_id == thread.author_id
    thread = replace(
        thread,
        spoke_at=max(thread.spoke_at, event.at),
        others_wrote=thread.others_wrote or not is_author,
        staff_wrote=thread.staff_wrote or (event.is_staff and not is_author),
    )
    if event.says_stop and (is_author or event.is_staff) and not thread.is_channel:
        return _closed(thread, question)
    if thread.is_closed:
        called = (SayClosed(event.author_id),) if event.asks == "mention" else ()
        return Decision(thread, question, called)
    return _taken_in(event, thread, question, is_author=is_author)


def _taken_in(
    event: Wrote, thread: ThreadState, question: QuestionState | None, *, is_author: bool
) -> Decision:
    if event.asks == "post":
        return Decision(thread, question, asked=_asked(thread, event))
    if is_author and question is not None and _is_part(thread, question, event):
        return Decision(thread, _joined(thread, question, event))
    decision = Decision(thread, question) if is_author else _yield_to(thread, question)
    return replace(decision, asked=_asked(thread, event)) if event.asks else decision


def _is_part(thread: ThreadState, question: QuestionState, event: Wrote) -> bool:
    """Whether what the author wrote belongs to the post that nobody is on yet.

    A call that comes later is a question of its own, also where both were found after a gap.
    """
    is_untouched = question.opens_thread and question.state in ("collecting", "waiting")
    if not is_untouched or not event.is_kept:
        return False
    settles = thread.rules.config.settle_seconds > 0
    is_soon = settles and event.at <= question.began_at + LONGEST_SETTLING
    return is_soon or not event.asks


def _asked(thread: ThreadState, event: Wrote) -> QuestionState:
    settles = event.opens_thread and event.turn_at is None
    seconds = thread.rules.config.settle_seconds if settles else 0.0
    question = QuestionState(
        origin=event.asks or "mention",
        mode="mention" if thread.is_channel else thread.rules.mode,
        state="collecting" if seconds else "waiting",
        first_id=event.message_id,
        began_at=event.at,
        ready_at=event.turn_at or event.at + timedelta(seconds=seconds),
        messages=frozenset([event.message_id]),
        opens_thread=event.opens_thread,
    )
    if event.missed:
        return _ended(question, "cancelled", event.missed)
    if thread.is_shut:
        return _ended(question, "cancelled", _shut_because(thread))
    if thread.is_solved and question.origin == "post":
        return _ended(question, "cancelled", _SOLVED)
    return question


def _joined(thread: ThreadState, question: QuestionState, event: Wrote) -> QuestionState:
    """Take a further message of its author into the question."""
    ready_at = question.ready_at
    if question.state == "collecting":
        settled = event.at + timedelta(seconds=thread.rules.config.settle_seconds)
        ready_at = max(ready_at, min(settled, question.began_at + LONGEST_SETTLING))
    return replace(question, messages=question.messages | {event.message_id}, ready_at=ready_at)


def _yield_to(thread: ThreadState, question: QuestionState | None) -> Decision:
    """Somebody else has written: hold back what is not sent yet."""
    if question is None or question.origin != "post" or not thread.people_talk:
        return Decision(thread, question)
    if question.was_reviewed:  # staff has judged
        return Decision(thread, question)
    has_staff = thread.rules.config.staff_channel is not None
    if question.state == "posting" and has_staff:
        return _yield_with_draft(thread, question)
    # With a staff channel an answer that is not written yet still is, as a draft.
    if question.state == "posting" or (
        question.is_open and question.state != "review" and not has_staff
    ):
        return Decision(thread, _ended(question, "yielded", _PEOPLE_FIRST))
    return Decision(thread, question)


def _yield_with_draft(thread: ThreadState, question: QuestionState) -> Decision:
    yielded = replace(_ended(question, "yielded", _PEOPLE_FIRST), holds_draft=True)
    return Decision(thread, yielded, (OfferDraft(),))


@_decide.register
def _(event: Edited, thread: ThreadState, question: QuestionState | None) -> Decision:
    if question is None or event.message_id not in question.messages:
        return Decision(thread, question)
    return _asked_anew(thread, question, event.at)


@_decide.register
def _(event: Deleted, thread: ThreadState, question: QuestionState | None) -> Decision:
    if thread.solution_id in event.message_ids:
        thread = replace(thread, solution_id=None)
    if question is None or not question.messages & event.message_ids:
        return Decision(thread, question)
    if question.first_id in event.message_ids:
        return _call_off(thread, question, "message deleted")
    question = replace(question, messages=question.messages - event.message_ids)
    return _asked_anew(thread, question, event.at)


def _asked_anew(thread: ThreadState, question: QuestionState, at: datetime) -> Decision:
    """The text is another: what was written for the text before does not count any more."""
    if question.state == "yielded":
        withdrawn = _withdrawn(question, _EDITED)
        return Decision(thread, replace(question, holds_draft=False), withdrawn)
    if question.state not in ("answering", "review", "posting"):
        return Decision(thread, question)
    seconds = thread.rules.config.settle_seconds if question.opens_thread else 0.0
    anew = replace(
        question,
        state="waiting",
        ready_at=at + timedelta(seconds=seconds),
        lane=None,
        holds_draft=False,
        was_reviewed=False,
    )
    return Decision(thread, anew, _withdrawn(question, _EDITED))


@_decide.register
def _(_: Forgotten, thread: ThreadState, question: QuestionState | None) -> Decision:
    return _call_off(thread, question, FORGOTTEN)


@_decide.register
def _(event: Shut, thread: ThreadState, question: QuestionState | None) -> Decision:
    is_deleted = event.reason == "thread deleted"
    thread = replace(thread, is_locked=True, is_deleted=thread.is_deleted or is_deleted)
    return _call_off(thread, question, event.reason)


@_decide.register
def _(event: Retagged, thread: ThreadState, question: QuestionState | None) -> Decision:
    if event.is_solved == thread.is_solved:
        return Decision(thread, question)
    if event.is_solved:
        thread = replace(thread, is_solved=True, solved_at=event.at)
        return _and(_settle(thread, question), ShowState())
    thread = replace(thread, is_solved=False, solved_at=None, solution_id=None)
    return Decision(thread, question, (Unlearn(), ShowState()))


@_decide.register
def _(event: Solved, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _solving_refusal(event.by, thread)
    if refusal is None and thread.is_solved and event.message_id in (None, thread.solution_id):
        refusal = "solved already"
    if refusal is not None:
        return Decision(thread, question, refusal=refusal)
    solved = replace(
        thread,
        is_solved=True,
        solved_at=thread.solved_at if thread.is_solved else event.at,
        solution_id=event.message_id,
    )
    learn = () if event.message_id is None else (Learn(event.message_id, event.by.id),)
    tag = () if thread.is_solved else (ShowTag(),)
    return _and(_settle(solved, question), *tag, *learn, ShowState())


@_decide.register
def _(event: Unsolved, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _solving_refusal(event.by, thread)
    if refusal is None and not thread.is_solved:
        refusal = "not solved"
    if refusal is not None:
        return Decision(thread, question, refusal=refusal)
    thread = replace(thread, is_solved=False, solved_at=None, solution_id=None)
    return Decision(thread, question, (ShowTag(), Unlearn(), ShowState()))


def _settle(thread: ThreadState, question: QuestionState | None) -> Decision:
    """A solved post is not answered any more; who called docbot still is."""
    if question is None or question.origin != "post":
        return Decision(thread, question)
    return _call_off(thread, question, _SOLVED)


@_decide.register
def _(event: Closed, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _refusal(event.by, thread) or ("closed already" if thread.is_closed else None)
    if refusal is not None:
        return Decision(thread, question, refusal=refusal)
    return _closed(thread, question)


@_decide.register
def _(event: Opened, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _refusal(event.by, thread) or (None if thread.is_closed else "not closed")
    if refusal is not None:
        return Decision(thread, question, refusal=refusal)
    return Decision(replace(thread, is_closed=False), question)


def _closed(thread: ThreadState, question: QuestionState | None) -> Decision:
    return _call_off(replace(thread, is_closed=True), question, STOPPED)


@_decide.register
def _(event: Escalated, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _refusal(event.by, thread) or ("asked already" if thread.was_escalated else None)
    if refusal is None and not thread.rules.has_somebody_to_ask:
        refusal = "nobody to ask"
    if refusal is not None:
        return Decision(thread, question, refusal=refusal)
    thread = replace(thread, was_escalated=True)
    return Decision(thread, question, (CallHuman(event.by.id), ShowState()))


@_decide.register
def _(event: Drafted, thread: ThreadState, question: QuestionState | None) -> Decision:
    if question is None or question.state != "answering":
        return Decision(thread, question)
    question = replace(question, lane=event.lane)
    if event.lane == "abstain":
        ended = _ended(question, "abstained", event.note)
        return Decision(thread, ended, _honest_line(thread, question))
    has_staff = thread.rules.config.staff_channel is not None
    if question.origin == "post" and thread.people_talk:
        yielded = Decision(thread, _ended(question, "yielded", _PEOPLE_FIRST))
        return _yield_with_draft(thread, question) if has_staff else yielded
    if question.mode != "draft":
        return Decision(thread, replace(question, state="posting"), (Post(),))
    if has_staff:
        review = replace(question, state="review", holds_draft=True)
        return Decision(thread, review, (OfferDraft(),))
    return Decision(thread, _ended(question, "failed", _NO_STAFF_CHANNEL))


def _honest_line(thread: ThreadState, question: QuestionState) -> tuple[Effect, ...]:
    """Who called docbot is told that nothing was found; below a post only where that is wanted."""
    if question.origin == "post":
        is_wanted = thread.rules.config.says_nothing_found and question.mode == "auto"
        if not is_wanted or thread.people_talk:
            return ()
    was_asked = thread.was_escalated or thread.is_channel  # which no human is called into
    can_ask = thread.rules.has_somebody_to_ask and not was_asked
    return (SayNothingFound(asks_human=can_ask),)


@_decide.register
def _(event: DraftSent, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _draft_refusal(event.by, thread, question)
    if refusal is not None or question is None:
        return Decision(thread, question, refusal=refusal)
    posting = replace(question, state="posting", reason=None, holds_draft=False, was_reviewed=True)
    return Decision(thread, posting, (Post(event.by.id),))


@_decide.register
def _(event: DraftDiscarded, thread: ThreadState, question: QuestionState | None) -> Decision:
    refusal = _draft_refusal(event.by, thread, question)
    if refusal is not None or question is None:
        return Decision(thread, question, refusal=refusal)
    return Decision(thread, _discarded(question, "staff discarded the draft"))


@_decide.register
def _(_: DraftDeleted, thread: ThreadState, question: QuestionState | None) -> Decision:
    if question is None or not question.holds_draft:
        return Decision(thread, question)
    return Decision(thread, _discarded(question, "staff deleted the draft"))


def _discarded(question: QuestionState, reason: str) -> QuestionState:
    discarded = replace(question, holds_draft=False)
    return _ended(discarded, "cancelled", reason) if question.state == "review" else discarded


def _draft_refusal(
    by: Actor, thread: ThreadState, question: QuestionState | None
) -> Refusal | None:
    if not by.is_staff:
        return "staff only"
    if question is None:
        return "no draft"
    if thread.is_shut:
        return "thread shut"
    return None if question.holds_draft else "draft over"


@_decide.register
def _(event: Ticked, thread: ThreadState, question: QuestionState | None) -> Decision:
    if _is_to_be_archived(thread, event.at):
        return Decision(replace(thread, is_archived=True), question, (Archive(),))
    remind = _remind_at(thread)
    if remind is None or remind > event.at:
        return Decision(thread, question)
    if event.at - remind > _OLD:
        return Decision(replace(thread, reminded_at=thread.spoke_at), question)
    return Decision(replace(thread, reminded_at=event.at), question, (Remind(),))


def _is_to_be_archived(thread: ThreadState, at: datetime) -> bool:
    due = _archive_at(thread), _close_at(thread)
    return any(each is not None and each <= at for each in due)


def _archive_at(thread: ThreadState) -> datetime | None:
    hours = thread.rules.config.archive_solved_hours
    if not hours or not thread.is_solved or thread.is_archived or thread.is_shut:
        return None
    return max(thread.solved_at or thread.spoke_at, thread.spoke_at) + timedelta(hours=hours)


def _remind_at(thread: ThreadState) -> datetime | None:
    hours = thread.rules.config.remind_hours
    if not hours or thread.reminded_at is not None or not _is_left_alone(thread):
        return None
    return thread.spoke_at + timedelta(hours=hours)


def _close_at(thread: ThreadState) -> datetime | None:
    hours, reminded_at = thread.rules.config.close_hours, thread.reminded_at
    if not hours or reminded_at is None or not _is_left_alone(thread):
        return None
    return reminded_at + timedelta(hours=hours) if _is_silent(thread) else None


def _is_silent(thread: ThreadState) -> bool:
    """Whether nobody has written since docbot asked how it ended."""
    return thread.reminded_at is not None and thread.spoke_at < thread.reminded_at


def _is_left_alone(thread: ThreadState) -> bool:
    """Whether docbot answered, nobody else came, and it is not known how it ended."""
    is_over = thread.is_solved or thread.is_closed or thread.is_archived or thread.is_shut
    return (
        thread.was_answered and not is_over and not thread.others_wrote and not thread.was_escalated
    )


def _refusal(by: Actor, thread: ThreadState) -> Refusal | None:
    if thread.is_channel:
        return "no thread"
    if not by.is_staff and by.id != thread.author_id:
        return "not yours"
    return "thread shut" if thread.is_shut else None


def _solving_refusal(by: Actor, thread: ThreadState) -> Refusal | None:
    """Staff may have locked the thread first."""
    refusal = _refusal(by, thread)
    may_still = refusal == "thread shut" and by.is_staff and not thread.is_deleted
    return None if may_still else refusal


def _call_off(thread: ThreadState, question: QuestionState | None, reason: str) -> Decision:
    """End what is not answered yet, and take its draft back."""
    if question is None:
        return Decision(thread, None)
    withdrawn = _withdrawn(question, reason)
    question = replace(question, holds_draft=False)
    return Decision(thread, _ended(question, "cancelled", reason), withdrawn)


def _withdrawn(question: QuestionState, why: str) -> tuple[Effect, ...]:
    return (WithdrawDraft(why),) if question.holds_draft else ()


def _ended(question: QuestionState, state: State, reason: str | None) -> QuestionState:
    return replace(question, state=state, reason=reason) if question.is_open else question


def _shut_because(thread: ThreadState) -> str:
    return "thread deleted" if thread.is_deleted else "thread locked"


def _and(decision: Decision, *effects: Effect) -> Decision:
    return replace(decision, effects=(*decision.effects, *effects))
