"""Syncs on a schedule while the bot runs, each in a process of its own.

The process is nicer than the bot, so that who asks does not wait for what is read, and takes its
memory with it when it ends. Postgres tells the bot of the new index.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from docbot.app.embedding import LoggedProgress
from docbot.app.reading import AFTER_FAILURE_SECONDS, JITTER, sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.errors import DocbotError, TakenError
from docbot.processes import process_pool, tell_to_end
from docbot.settings import Settings
from docbot.telemetry import set_up_logging

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0  # the longest between two looks at what is due
# A source that was just added is left to who added it, and may be about to sync it.
FIRST_AFTER_SECONDS = 900.0
_AFTER_ANOTHER_SECONDS = 600.0  # for which another sync may run
_NICER = 10
_END_SECONDS = 3.0  # for a sync to end in order when the bot stops


@dataclass(frozen=True, slots=True)
class _Failed:
    reason: str
    is_taken: bool = False  # another sync runs


async def sync_on_schedule(
    rooms: Rooms, settings: Callable[[], Settings], *, look_seconds: float = LOOK_SECONDS
) -> None:
    """Sync what is due, for as long as this process acts; a failure is logged and outlived."""
    while True:
        seconds = None
        try:
            if settings().docbot_sync_hours > 0:
                seconds = await _sync_due(rooms, settings())
        except DocbotError as error:
            log.warning("the scheduled sync waits: %s", error)
        except Exception:  # whatever a sync meets, the bot goes on answering
            log.exception("the scheduled sync failed")
        wait = look_seconds if seconds is None else min(max(seconds, 1.0), look_seconds)
        await asyncio.sleep(wait)


async def _sync_due(rooms: Rooms, settings: Settings) -> float | None:
    """Sync what is due; return in how many seconds the next one is."""
    # The hours may be fewer than they were when the next sync was put off.
    await rooms.syncs.bring_forward(settings.docbot_sync_hours * 3600 * (1 + JITTER))
    names = await rooms.syncs.due(first_after_seconds=FIRST_AFTER_SECONDS)
    failed = await _sync_in_child(settings, names) if names else None
    if failed is not None:
        told = log.info if failed.is_taken else log.warning
        told("the scheduled sync of %s: %s", ", ".join(names), failed.reason)
        ids = [source.id for source in await rooms.sources.all() if source.name in names]
        seconds = _AFTER_ANOTHER_SECONDS if failed.is_taken else AFTER_FAILURE_SECONDS
        await rooms.syncs.put_off(ids, min(seconds, settings.docbot_sync_hours * 3600))
    return await rooms.syncs.seconds_to_next(first_after_seconds=FIRST_AFTER_SECONDS)


async def _sync_in_child(settings: Settings, names: Sequence[str]) -> _Failed | None:
    try:
        with process_pool(1) as pool:
            loop = asyncio.get_running_loop()
            syncing = loop.run_in_executor(pool, _sync_here, settings, names)
            try:
                return await asyncio.shield(syncing)
            except asyncio.CancelledError:
                # So that it leaves nothing behind: what has no end by then is killed.
                tell_to_end(pool)
                await asyncio.wait([syncing], timeout=_END_SECONDS)
                raise
    except BrokenProcessPool:
        return _Failed("its process died; is memory short?")


def _sync_here(settings: Settings, names: Sequence[str]) -> _Failed | None:
    """Sync in this process, a child of the bot; return what went wrong."""
    os.nice(_NICER)
    set_up_logging(settings.docbot_log_level, settings.docbot_log_format, settings.secrets())
    try:
        asyncio.run(_sync(settings, names))
    except asyncio.CancelledError:
        return _Failed("it was told to end")
    except TakenError as error:
        return _Failed(str(error), is_taken=True)
    except DocbotError as error:  # as a source that was removed
        return _Failed(str(error))
    except Exception as error:  # told where it happened; the next try is an hour away
        log.exception("the scheduled sync failed")
        return _Failed(f"{type(error).__name__}: {error}")
    return None


async def _sync(settings: Settings, names: Sequence[str]) -> None:
    syncing = asyncio.current_task()
    assert syncing is not None  # noqa: S101  # a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, syncing.cancel)
    async with open_rooms(settings) as rooms:
        await sync_sources(
            rooms,
            names,
            full=False,
            say=log.info,
            warn=log.warning,
            progress=LoggedProgress(),
        )
