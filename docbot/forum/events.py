"""What happens in a thread, as `conduct` is told of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from docbot.answers.lanes import Lane

Origin = Literal["post", "mention"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who presses a button or calls a command."""

    id: int
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Wrote:
    """A person wrote a message; `asks` is what it is by itself, before anybody looks around.

    Of one that was missed and found late, `turn_at` is when it is answered, and `missed` why it
    never is. `is_kept`: its text is stored, so that it can be part of a question.
    """

    message_id: int
    author_id: int
    at: datetime
    asks: Origin | None
    is_staff: bool = False
    says_stop: bool = False
    turn_at: datetime | None = None
    missed: str | None = None
    is_kept: bool = True
    opens_thread: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """A message, or the title, has another text now."""

    message_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    message_ids: frozenset[int]
    at: datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Who asked the question had it erased."""


@dataclass(frozen=True, slots=True)
class Shut:
    """The thread was locked or deleted."""

    reason: Literal["thread locked", "thread deleted"]


@dataclass(frozen=True, slots=True)
class Retagged:
    """The forum's tag for solved threads was put on by hand, or taken off."""

    is_solved: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Solved:
    """`message_id` is what solved it; None: it was not said."""

    by: Actor
    at: datetime
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Unsolved:
    by: Actor


@dataclass(frozen=True, slots=True)
class Closed:
    by: Actor


@dataclass(frozen=True, slots=True)
class Opened:
    by: Actor


@dataclass(frozen=True, slots=True)
class Escalated:
    by: Actor


@dataclass(frozen=True, slots=True)
class Drafted:
    """An answer is written."""

    lane: Lane
    note: str | None = None  # why nothing is said


@dataclass(frozen=True, slots=True)
class DraftSent:
    by: Actor


@dataclass(frozen=True, slots=True)
class DraftDiscarded:
    by: Actor


@dataclass(frozen=True, slots=True)
class DraftDeleted:
    """Its message was deleted in the channel of the staff; who did it is not told."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed."""

    at: datetime


Event: TypeAlias = (
    Wrote
    | Edited
    | Deleted
    | Forgotten
    | Shut
    | Retagged
    | Solved
    | Unsolved
    | Closed
    | Opened
    | Escalated
    | Drafted
    | DraftSent
    | DraftDiscarded
    | DraftDeleted
    | Ticked
)
