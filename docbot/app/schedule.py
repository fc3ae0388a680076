"""Syncs on a schedule while the bot runs, each in a process of its own.

The process is nicer than the bot, so that who asks does not wait for what is read, and takes its
memory with it when it ends. Postgres tells the bot of the new index.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool

from docbot.app.embedding import LoggedProgress
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.errors import DocbotError
from docbot.processes import process_pool
from docbot.settings import Settings
from docbot.telemetry import set_up_logging

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0  # the longest between two looks at what is due
# A source that was just added is left to who added it, and may be about to sync it.
FIRST_AFTER_SECONDS = 900.0
_NICER = 10


async def sync_on_schedule(
    rooms: Rooms, settings: Callable[[], Settings], *, look_seconds: float = LOOK_SECONDS
) -> None:
    """Sync what is due, for as long as this process acts; a failure is logged and outlived."""
    while True:
        try:
            if settings().docbot_sync_hours > 0:
                await _sync_due(rooms, settings())
            seconds = await rooms.syncs.seconds_to_next(first_after_seconds=FIRST_AFTER_SECONDS)
        except DocbotError as error:
            log.warning("the scheduled sync waits: %s", error)
            seconds = None
        except BrokenProcessPool:
            log.error("the process of the scheduled sync died; is memory short?")
            seconds = None
        wait = look_seconds if seconds is None else min(max(seconds, 1.0), look_seconds)
        await asyncio.sleep(wait)


async def _sync_due(rooms: Rooms, settings: Settings) -> None:
    names = await rooms.syncs.due(first_after_seconds=FIRST_AFTER_SECONDS)
    if not names:
        return
    with process_pool(1) as pool:
        loop = asyncio.get_running_loop()
        went_wrong = await loop.run_in_executor(pool, _sync_here, settings, names)
    if went_wrong is not None:
        log.warning("the scheduled sync of %s: %s", ", ".join(names), went_wrong)


def _sync_here(settings: Settings, names: Sequence[str]) -> str | None:
    """Sync in this process, a child of the bot; return what went wrong."""
    os.nice(_NICER)
    set_up_logging(settings.docbot_log_level, settings.docbot_log_format, settings.secrets())
    try:
        asyncio.run(_sync(settings, names))
    except DocbotError as error:  # as another sync that runs, or a source that was removed
        return str(error)
    return None


async def _sync(settings: Settings, names: Sequence[str]) -> None:
    async with open_rooms(settings) as rooms:
        await sync_sources(rooms, names, full=False, say=log.info, progress=LoggedProgress())
