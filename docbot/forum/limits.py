"""Who may ask now: rolling windows, exceptions from them, and bans.

In a window of 10 in 6 h a use counts for six hours, and ten count at most at any moment. Calls
(mentions, /chat, /private) and posts have windows of their own; the server's counts the calls of
all. Searching, and commands that only show or manage something, are no uses.

What holds for a caller, the first that fits:

- Who is banned is refused, staff too.
- Staff are not ignored, and have no window.
- The person's own entry says whether they are ignored. Without one, any role that is ignored.
- Calls: the window of the person's entry, else the best of their roles', else the server's default.
  Posts have the one window of the server: entries are about calls.
- Priority: the person's entry or any role has it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from docbot.config import Override, ServerConfig, Window
from docbot.db.usage import Past, UseKind

Reason = Literal[
    "banned",
    "ignored",
    "over the person's limit",
    "over the server's limit",
    "still on the last one",
]


@dataclass(frozen=True, slots=True)
class Caller:
    person_id: int
    role_ids: Collection[int]
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a caller and one kind of use, whatever was asked before; None: no limit."""

    own: Window | None
    server: Window | None
    is_one_at_a_time: bool  # a call waits for the end of the last question elsewhere
    has_priority: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """`is_counted`: a window counts it, so it is to be written down."""

    has_priority: bool
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """`next_free_at`: the first moment with a place, should nobody else take it; None: not known."""

    reason: Reason
    next_free_at: datetime | None = None

    @property
    def is_told(self) -> bool:
        """Whether a message that called docbot is worth a word; a command always gets one."""
        return self.reason not in ("banned", "ignored")


def terms_for(
    caller: Caller, kind: UseKind, config: ServerConfig, *, are_limits_on: bool
) -> Terms | Refused:
    """Tell what holds for this caller, by what is set alone.

    Without limits nobody has a window and nobody waits for their last question; bans stay, and so
    does who is ignored.
    """
    if caller.person_id in config.banned:
        return Refused("banned")
    entry = _find(config.overrides, caller.person_id)
    roles = [o for o in config.overrides if o.kind == "role" and o.target_id in caller.role_ids]
    if not caller.is_staff and _is_ignored(entry, roles):
        return Refused("ignored")
    has_windows = are_limits_on and not caller.is_staff
    is_call = kind == "call"
    own = _call_window(entry, roles, config.call_limit) if is_call else config.post_limit
    return Terms(
        own=own if has_windows else None,
        server=config.server_limit if has_windows and is_call else None,
        is_one_at_a_time=are_limits_on and is_call,
        has_priority=any(o.has_priority for o in (*roles, *([entry] if entry else []))),
    )


def judge_call(terms: Terms, past: Past, conversation_id: int | None) -> Allowed | Refused:
    """Decide by what was asked before.

    Args:
        terms: what holds for the caller.
        past: as it was read for the windows of `terms`.
        conversation_id: where they ask; None where nobody asked before. While docbot is on their
            newest question, another in the same conversation is a follow-up and waits its turn.
    """
    own_free_at = _free_at(terms.own, past.own_at, past.now)
    server_free_at = _free_at(terms.server, past.server_at, past.now)
    if max(own_free_at, server_free_at) > past.now:
        if own_free_at >= server_free_at:
            return Refused("over the person's limit", own_free_at)
        return Refused("over the server's limit", server_free_at)
    if terms.is_one_at_a_time and past.running_in not in (None, conversation_id):
        return Refused("still on the last one")
    return Allowed(terms.has_priority, is_counted=bool(terms.own or terms.server))


def longest_hours(config: ServerConfig) -> float:
    """For how long any window of the server counts a use; 0 where there is none."""
    windows = (config.call_limit, config.post_limit, config.server_limit)
    exceptions = (override.window for override in config.overrides)
    return max((window.hours for window in (*windows, *exceptions) if window), default=0)


def _free_at(window: Window | None, filled_at: datetime | None, now: datetime) -> datetime:
    """The first moment from now on with a place; `filled_at` is the use that must leave for it."""
    if window is None or filled_at is None:
        return now
    return max(now, filled_at + timedelta(hours=window.hours))


def _find(overrides: Iterable[Override], person_id: int) -> Override | None:
    found = (o for o in overrides if o.kind == "person" and o.target_id == person_id)
    return next(found, None)


def _is_ignored(entry: Override | None, roles: Sequence[Override]) -> bool:
    if entry is not None:
        return entry.is_ignored
    return any(role.is_ignored for role in roles)


def _call_window(
    entry: Override | None, roles: Sequence[Override], default: Window | None
) -> Window | None:
    if entry is not None and entry.window is not None:
        return entry.window
    return max((role.window for role in roles if role.window), key=_worth, default=default)


def _worth(window: Window) -> tuple[float, int]:
    """The more uses in an hour the better; of those alike the one that gives more at once."""
    return window.count / window.hours, window.count
