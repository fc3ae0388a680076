"""The typing indicator: shown as long as docbot works, and never what an answer waits for."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import discord

from docbot.errors import DocbotError

if TYPE_CHECKING:
    from docbot.bot.client import HelpClient

# An answer that is there sooner needs no indicator, which would only outlast it.
_PATIENCE_SECONDS = 0.3
# Discord shows the indicator for 10 s.
_REFRESH_SECONDS = 8.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def typing(client: "HelpClient", channel_id: int) -> AsyncIterator[None]:
    """Type in the channel while the block runs; a failure to do so is no failure of the block."""
    task = asyncio.create_task(_keep_typing(client, channel_id), name=f"typing {channel_id}")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])  # whatever became of it; our own cancellation goes through


async def _keep_typing(client: "HelpClient", channel_id: int) -> None:
    try:
        await asyncio.sleep(_PATIENCE_SECONDS)
        while client.may_type(channel_id):
            await client.http.send_typing(channel_id)
            await asyncio.sleep(_REFRESH_SECONDS)
    except (DocbotError, discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.debug("no typing indicator in %d: %s", channel_id, error)
