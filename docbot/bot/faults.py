"""The one place where what Discord says no with becomes docbot's errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

import aiohttp
import discord

from docbot.errors import DocbotError, GoneError, PermanentError, RefusedError, TransientError
from docbot.forum.retry import LONGEST_ASKED_SECONDS

# Discord's error codes, https://discord.com/developers/docs/topics/opcodes-and-status-codes
ARCHIVED = 50083
_BY_CODE: dict[type[DocbotError], dict[int, str]] = {
    GoneError: {
        10003: "the channel was deleted",
        10004: "docbot is not in the server any more",
        10008: "the message was deleted",
        10015: "Discord does not wait for a reply to the command",
        10062: "Discord does not wait for a reply to the command any more",
        50027: "Discord takes no reply to the command any more",
        ARCHIVED: "the thread is archived",
        160005: "the thread is locked",
    },
    # Rights: somebody may give them within the minute.
    RefusedError: {
        50001: "docbot may not see the channel",
        50013: "docbot lacks a permission there",
        160002: "docbot may not read the history there, which a reply needs",
    },
    PermanentError: {
        200000: "the server's AutoMod refused the message",
        240000: "Discord's filter of harmful links refused the message",
    },
    # Passes by itself.
    TransientError: {
        20016: "the thread is in slow mode",
        20028: "the channel takes no more messages just now",
        40004: "Discord takes no messages just now",
        40058: "the post has no first message yet",
        40062: "Discord takes no more of this just now",
        160006: "the server has as many open threads as Discord allows",
    },
}
_UNSAID_SECONDS = 5.0
_BY_STATUS: dict[int, type[DocbotError]] = {403: RefusedError, 404: GoneError}


@contextmanager
def translated() -> Iterator[None]:
    """Raise docbot's errors for discord.py's and for a lost connection."""
    try:
        yield
    except discord.RateLimited as error:  # too long to wait for in one call
        raise TransientError(
            f"Discord asks for a pause of {error.retry_after:.0f} s", retry_after=error.retry_after
        ) from error
    except discord.HTTPException as error:
        raise classify(error) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise TransientError(f"Discord is out of reach: {str(error) or repr(error)}") from error


@contextmanager
def understood() -> Iterator[None]:
    """Around one call, inside `translated`: an answer that is not Discord's at all is no bug."""
    try:
        yield
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # discord.py takes any 200 as it should be
        raise TransientError(
            "what answered is not Discord: a proxy's page, or the login page of this network?"
        ) from error


def classify(error: discord.HTTPException) -> DocbotError:
    """What the caller can do about this answer of Discord's."""
    said = f"Discord answered {error.status} (code {error.code}): {_reason(error)}"
    for kind, codes in _BY_CODE.items():
        if error.code in codes:
            return kind(f"{codes[error.code]}; {said}")
    if error.status == 429:
        return TransientError(
            said, retry_after=retry_after(error.response.headers.get("Retry-After", ""))
        )
    if _is_of_all(error):
        return TransientError(said)
    return _BY_STATUS.get(error.status, PermanentError)(said)


def _reason(error: discord.HTTPException) -> str:
    if error.text.lstrip().startswith("<"):  # from before Discord's API
        return "a web page in place of a reason"
    return error.text or "no reason"


def _is_of_all(error: discord.HTTPException) -> bool:
    """No fault of one message: an outage, a token that was reset, what stands before Discord's API.

    What Discord itself refuses or does not find has a code.
    """
    is_unnamed = error.status in _BY_STATUS and not error.code
    return error.status >= 500 or error.status == 401 or is_unnamed


def retry_after(header: str) -> float:
    """Seconds that a 429 asks for, at most a day; some where it does not say."""
    try:
        seconds = float(header)
    except ValueError:
        return _UNSAID_SECONDS
    if not isfinite(seconds) or seconds < 0:
        return _UNSAID_SECONDS
    return min(seconds, LONGEST_ASKED_SECONDS)
