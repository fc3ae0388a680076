"""How long to wait before the same thing is tried again, and when to give it up."""

import random
from datetime import UTC, datetime, timedelta

# What is given up is given up by age: an outage of any length uses up no try.
GIVE_UP_AFTER = timedelta(hours=6)
# Who asked looks for an answer now: a model that goes on failing for one question is left, and
# pages are pointed to.
_PATIENCE = timedelta(seconds=60)
# An error of one input alone does not go away with time.
REFUSALS = 5

# Discord's firewall bans for up to a day; what asks for more is in error, and past what Postgres
# can count.
LONGEST_ASKED_SECONDS = 86_400.0

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 30.0


def pause(attempt: int, *, retry_after: float | None = None) -> float:
    """Seconds before try `attempt` + 1: 1 s doubling to 30 s, half of it by chance.

    `retry_after` is what the far side asked for; below a day it is never cut short.
    """
    longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(attempt - 1, 10))
    drawn = longest * random.uniform(0.5, 1)  # noqa: S311  # spreads retries, guards nothing
    return max(drawn, min(retry_after or 0, LONGEST_ASKED_SECONDS))


def is_worth_a_line(attempt: int) -> bool:
    """Whether the log says that try `attempt` failed: the 1st, 2nd, 4th, 8th, so few in hours."""
    return attempt & (attempt - 1) == 0


def may_wait(counts_from: datetime) -> bool:
    """Whether a question is young enough to wait for a model that fails in passing."""
    return datetime.now(UTC) - counts_from < _PATIENCE


def is_too_old(counts_from: datetime) -> bool:
    return datetime.now(UTC) - counts_from > GIVE_UP_AFTER
