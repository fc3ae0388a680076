"""The one place where what Discord says no with becomes docbot's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord

from docbot.errors import DocbotError, GoneError, RefusedError, TransientError

# Discord's error codes, https://discord.com/developers/docs/topics/opcodes-and-status-codes
_GONE = {
    10003: "the channel was deleted",
    10008: "the message was deleted",
    50083: "the thread is archived",
    160005: "the thread is locked",
}
_REFUSED = {
    50001: "docbot may not see the channel",
    50013: "docbot lacks a permission there",
    200000: "the server's AutoMod refused the message",
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise docbot's errors for discord.py's and for a lost connection."""
    try:
        yield
    except discord.HTTPException as error:
        raise classify(error) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise TransientError(f"Discord is out of reach: {str(error) or repr(error)}") from error


def classify(error: discord.HTTPException) -> DocbotError:
    """What the caller can do about this answer of Discord's."""
    said = f"Discord answered {error.status} (code {error.code}): {error.text or 'no reason'}"
    if error.code in _GONE:
        return GoneError(f"{_GONE[error.code]}; {said}")
    if error.code in _REFUSED:
        return RefusedError(f"{_REFUSED[error.code]}; {said}")
    if error.status == 429:
        return TransientError(said, retry_after=_retry_after(error))
    if error.status >= 500:
        return TransientError(said)
    return GoneError(said) if error.status == 404 else RefusedError(said)


def _retry_after(error: discord.HTTPException) -> float:
    header = error.response.headers.get("Retry-After", "")
    try:
        return float(header)
    except ValueError:
        return 5.0
