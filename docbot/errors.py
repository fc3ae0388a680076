"""Every error that docbot raises on purpose, split by what the caller does next.

DocbotError
├── UsageError          the input is wrong: say so and stop (exit 2 on the command line)
│   ├── SettingsError   an environment variable or a line of `.env` is wrong
│   └── TakenError      another process does it right now
├── TransientError      the same call may succeed later
│   ├── BusyError       the far side is at its rate limit
│   └── DownError       it failed again and again, and is left alone for a while
└── PermanentError      repeating the call cannot help
    ├── GoneError       what the call was about was deleted, locked or hidden from us
    ├── RefusedError    the far side will not do it for us (rights, moderation, quota)
    │   └── MovedError  what was asked for is somewhere else, where we may not follow
    ├── TooLongError    the far side takes less at once; less may go through
    ├── EmptyError      what came back holds nothing
    └── GarbledError    what came back cannot be read
"""

from collections.abc import Iterator


class DocbotError(Exception):
    """Root of all we raise on purpose; the message says what, on which input, and what to do."""


class UsageError(DocbotError):
    """The input is wrong; nothing was done."""


class SettingsError(UsageError):
    """A setting is wrong; the message names the variable and what is allowed."""


class TakenError(UsageError):
    """Another process does it right now; nothing was done."""


class TransientError(DocbotError):
    """The same call may succeed later."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds; None: the caller's own backoff


class BusyError(TransientError):
    """The far side takes no more calls just now: a rate limit."""


class DownError(TransientError):
    """The far side failed several times in a row; nothing was asked of it."""


class PermanentError(DocbotError):
    """Repeating the call cannot help."""


class GoneError(PermanentError):
    """What the call was about was deleted, locked or hidden from us."""


class RefusedError(PermanentError):
    """The far side will not do it for us: rights, moderation, quota."""


class MovedError(RefusedError):
    """What was asked for is at `target`, where we may not follow."""

    def __init__(self, message: str, *, target: str) -> None:
        super().__init__(message)
        self.target = target


class TooLongError(PermanentError):
    """The far side takes less at once; less may go through."""


class EmptyError(PermanentError):
    """What came back holds nothing; another try may bring something."""


class GarbledError(PermanentError):
    """What came back cannot be read: it is not of the far side that was meant, or broken."""


def cause_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Choose the error to show of several that fell together: ours, where there is one."""
    leaves = list(_leaves(group))
    ours = [leaf for leaf in leaves if isinstance(leaf, DocbotError)]
    return (ours or leaves)[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
