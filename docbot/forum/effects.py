"""What follows from what happened in a thread: `conduct` decides on it, a `Conductor` does it."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Post:
    """Send the answer; `reviewed_by` has read it before."""

    reviewed_by: int | None = None


@dataclass(frozen=True, slots=True)
class OfferDraft:
    """Show the answer to staff, who may send it."""


@dataclass(frozen=True, slots=True)
class WithdrawDraft:
    """Say below the draft that there is nothing more to decide, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class SayNothingFound:
    """One honest line; `asks_human`: with the button that calls for one."""

    asks_human: bool


@dataclass(frozen=True, slots=True)
class ShowTag:
    """Let the forum's tag for solved threads be on it as long as it is solved."""


@dataclass(frozen=True, slots=True)
class Learn:
    message_id: int
    verified_by: int


@dataclass(frozen=True, slots=True)
class Unlearn:
    pass


@dataclass(frozen=True, slots=True)
class ShowState:
    """Let the buttons of the first answer show how the thread stands."""


@dataclass(frozen=True, slots=True)
class CallHuman:
    by: int


@dataclass(frozen=True, slots=True)
class Remind:
    pass


@dataclass(frozen=True, slots=True)
class Archive:
    pass


@dataclass(frozen=True, slots=True)
class SayClosed:
    """Tell whoever called, privately, that docbot stays out of this thread."""

    person_id: int


Effect: TypeAlias = (
    Post
    | OfferDraft
    | WithdrawDraft
    | SayNothingFound
    | ShowTag
    | Learn
    | Unlearn
    | ShowState
    | CallHuman
    | Remind
    | Archive
    | SayClosed
)
