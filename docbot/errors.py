"""Every error that docbot raises on purpose, split by what the caller does next.

DocbotError
├── UsageError          the input is wrong: say so and stop (exit 2 on the command line)
│   └── SettingsError   an environment variable or a line of `.env` is wrong
├── TransientError      the same call may succeed later
└── PermanentError      repeating the call cannot help
    ├── GoneError       what the call was about was deleted, locked or hidden from us
    └── RefusedError    the far side will not do it for us (rights, moderation, quota)
"""


class DocbotError(Exception):
    """Root of all we raise on purpose; the message says what, on which input, and what to do."""


class UsageError(DocbotError):
    """The input is wrong; nothing was done."""


class SettingsError(UsageError):
    """A setting is wrong; the message names the variable and what is allowed."""


class TransientError(DocbotError):
    """The same call may succeed later."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds; None: the caller's own backoff


class PermanentError(DocbotError):
    """Repeating the call cannot help."""


class GoneError(PermanentError):
    """What the call was about was deleted, locked or hidden from us."""


class RefusedError(PermanentError):
    """The far side will not do it for us: rights, moderation, quota."""
