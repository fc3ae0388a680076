"""Interactions: acknowledged in time, and answered whatever becomes of the work.

Discord waits three seconds for the acknowledgement, so it goes out before or beside anything that
takes time. What breaks is told to the one person who waits, and in one line to the operator.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import discord

from docbot import texts
from docbot.bot import faults
from docbot.errors import TransientError

log = logging.getLogger(__name__)

Interaction: TypeAlias = discord.Interaction[Any]
# Tells the operator what failed.
Report: TypeAlias = Callable[[str, BaseException], None]
Result = TypeVar("Result")

# Of the three that Discord waits: one is for the way there and back.
FIRST_SECONDS = 2.0


async def acknowledge(
    interaction: Interaction, *, is_private: bool = True, thinking: bool = True
) -> None:
    """Let the one person see that docbot is at work; without `thinking`, see what was pressed.

    Where it is not `is_private`, everyone sees it.

    Raises:
        DocbotError: Discord does not take it.
    """
    with faults.translated():
        await interaction.response.defer(ephemeral=is_private, thinking=thinking)


async def say(interaction: Interaction, content: str, view: discord.ui.View | None = None) -> None:
    """Say it to the one person alone: as the acknowledgement, or after it.

    Raises:
        DocbotError: Discord does not take it.
    """
    shown: dict[str, Any] = {"ephemeral": True, "suppress_embeds": True}
    if view is not None:
        shown["view"] = view
    with faults.translated():
        if interaction.response.is_done():
            await interaction.followup.send(content, **shown)
        else:
            await interaction.response.send_message(content, **shown)


async def see_through(
    interaction: Interaction, what: str, work: Awaitable[object], report: Report
) -> None:
    """Do the work; where it breaks, say so to the one person and to the operator."""
    try:
        await work
    except Exception as error:  # noqa: BLE001  # whatever it is, somebody waits for an answer
        await say_failed(interaction, what, error, report)


async def say_failed(
    interaction: Interaction, what: str, error: BaseException, report: Report
) -> None:
    report(what, error)
    try:
        await say(interaction, texts.failed())
    except Exception:  # the operator has a line already
        log.debug("nobody was told that %s failed", what, exc_info=True)


async def in_time(work: Awaitable[Result]) -> Result:
    """Do what must come before the acknowledgement, while that is still in time.

    Raises:
        TransientError: it takes too long.
    """
    working = asyncio.ensure_future(work)
    if not (await asyncio.wait([working], timeout=FIRST_SECONDS))[0]:
        working.cancel()  # not waited for: a server that is silent has to take that in
        raise TransientError(f"it took more than {FIRST_SECONDS:.0f} s")
    return working.result()
