"""What a message in a forum is to docbot: nothing, something to remember, or a question."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from docbot.db.forums import Forum
from docbot.db.threads import Message, Thread

# `note`: that somebody wrote counts in a thread that is stored, but what they wrote is not kept.
Verdict = Literal["ignore", "note", "store", "post", "mention"]
# Why a question that docbot missed is never answered.
TooLate = Literal["too old", "too many"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as Discord told it.

    `calls_us`: it mentions docbot or replies to it; `says_stop`: it replies that docbot shall
    stop. `solved_tag` is the forum's tag for threads that are solved. `is_staff` and `role_ids` are
    of its author, as far as Discord told. Of one that was missed and found later, `turn_at` is when
    it is answered, and `is_missed` that it never is.
    """

    message: Message
    thread: Thread
    calls_us: bool
    is_staff: bool = False
    says_stop: bool = False
    solved_tag: int | None = None
    role_ids: tuple[int, ...] = ()
    turn_at: datetime | None = None
    is_missed: bool = False

    @property
    def opens_thread(self) -> bool:
        # A forum post's first message has the id of its thread.
        return self.message.id == self.thread.id


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which of the questions that were missed are answered all the same."""

    age: timedelta
    posts: int  # of one forum in one catch-up


def judge(incoming: Incoming, forum: Forum | None) -> Verdict:
    """Decide what to do with a message of a thread whose forum is bound as `forum`."""
    if forum is None or incoming.message.is_bot:
        return "ignore"
    in_channel = incoming.thread.is_channel or incoming.thread.in_channel
    if in_channel and not incoming.calls_us:
        return "ignore"  # what people say to each other there is nothing that docbot keeps
    if forum.mode == "off":
        return "note"
    older = incoming.thread.created_at < forum.bound_at
    if incoming.opens_thread and forum.mode in ("auto", "draft") and not older:
        return "post"
    # What called docbot before it was bound called somebody else.
    if incoming.calls_us and incoming.message.created_at >= forum.bound_at:
        return "mention"
    # A post made before its forum was bound was not written to docbot.
    return "note" if older else "store"


def judge_missed(
    incoming: Incoming, bounds: Bounds, *, age: timedelta, taken: int
) -> TooLate | None:
    """Tell why a question that was missed is not answered; None when it is.

    Args:
        incoming: the message that asks.
        bounds: what the operator set.
        age: since it was written.
        taken: the posts of its forum that this catch-up lets answer already.
    """
    if age > bounds.age:
        return "too old"
    if not incoming.opens_thread:  # who calls docbot wants docbot, whoever else is there
        return None
    return "too many" if taken >= bounds.posts else None
