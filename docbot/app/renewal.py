"""Making the index anew while the bot runs, where this docbot would make another one.

That is so with another embedding model, another version of the chunker, or of the lexical vectors,
where a sync read everything and was killed before the index stood, and where something was learned
from a solved thread, or is to be forgotten.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from time import monotonic

from docbot.app.embedding import LoggedProgress, embed_chunks
from docbot.app.reading import cutter
from docbot.app.rooms import Rooms, complete_index, rebuild_index
from docbot.db.locks import sync_lock
from docbot.errors import DocbotError, TakenError, TransientError
from docbot.forum.retry import pause
from docbot.knowledge.chunking.chunks import CHUNKER_VERSION
from docbot.knowledge.sync import cut_anew
from docbot.processes import process_pool
from docbot.retrieval.lexical import LEXICAL_VERSION

log = logging.getLogger(__name__)

_PATIENCE = 10  # times as long as for a question, whose asker waits
# From the end of one index that was made for what was learned to the next; and what is learned
# after a longer time waits only for what is learned in the same breath.
GATHER_SECONDS = 60.0
_BREATH_SECONDS = 1.0
_REST = 10  # times as long as an index took: so much of the time docbot makes none


def patient_pause(attempt: int) -> float:
    return _PATIENCE * pause(attempt)


def rest_after(built_seconds: float) -> float:
    """How many seconds what is learned is gathered after an index that took so long to make."""
    return max(GATHER_SECONDS, _REST * built_seconds)


async def keep_renewed(
    rooms: Rooms, learned: asyncio.Event, *, rest: Callable[[float], float] = rest_after
) -> None:
    """Renew the index now, and then whenever solved threads changed, for as long as this acts.

    Args:
        rooms: what it works with.
        learned: set when they may have.
        rest: from the seconds that an index took to make to those that it stays for; what is
            learned meanwhile is made into one.
    """
    await renew_index(rooms)
    due_at = -math.inf
    while True:
        await learned.wait()
        learned.clear()
        try:
            if not await rooms.generations.lacks_solutions():
                continue
        except TransientError as error:  # told again soon
            log.debug("whether solved threads changed is looked at later: %s", error)
            continue
        await asyncio.sleep(max(_BREATH_SECONDS, due_at - monotonic()))
        built_seconds = await renew_index(rooms)
        due_at = monotonic() + rest(built_seconds)


async def renew_index(rooms: Rooms, *, wait: Callable[[int], float] = patient_pause) -> float:
    """Make the index anew where it is of another make; then end.

    Searches go on in the index there is until the new one is complete. A process that dies half
    way is followed by one that goes on there. What cannot be embedded at all is logged once.

    Returns:
        the seconds that making it took, waits not counted; 0 where it was not made.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            if not await _is_to_be_made(rooms):
                return 0
            async with sync_lock(rooms.database):
                begun_at = monotonic()
                await _renew(rooms)
                return monotonic() - begun_at
        except TransientError as error:
            seconds = max(wait(attempt), error.retry_after or 0)
            log.warning("the new index waits %.0f s: %s", seconds, error)
        except TakenError:  # by a sync, which may do the same
            seconds = wait(attempt)
        except DocbotError as error:
            log.error("the index stays as it is; `docbot sync` or a restart tries again: %s", error)
            return 0
        await asyncio.sleep(seconds)


async def _is_to_be_made(rooms: Rooms) -> bool:
    current = await rooms.generations.find_current()
    if await _is_left_behind(rooms) or await rooms.generations.lacks_solutions():
        return True
    # An index of nothing is of no make; the first sync makes it as it should be.
    if current is None or current.points == 0:
        return False
    return (
        current.embedding_model != rooms.settings.docbot_embedding_model
        or current.lexical_version != LEXICAL_VERSION
        or await rooms.sources.are_cut_otherwise(CHUNKER_VERSION)
    )


async def _is_left_behind(rooms: Rooms) -> bool:
    """Whether the index lacks what was read; a sync that stopped half way goes on and makes it."""
    return (
        await rooms.generations.has_chunks()
        and not await rooms.generations.is_up_to_date()
        and not await rooms.syncs.are_open()
    )


async def _renew(rooms: Rooms) -> None:
    if not await _is_to_be_made(rooms):  # the sync before was quicker
        return
    if rooms.index.get() is None:
        await complete_index(rooms)
    await _cut(rooms)
    if rooms.embedder is not None:
        log.info("making the index anew with embedding model %s", rooms.embedder.model)
        await embed_chunks(rooms, rooms.embedder, log.info, LoggedProgress())
    chunks = await rebuild_index(rooms)
    by = f"words and {rooms.embedder.model}" if rooms.embedder else "words alone"
    log.info("searching by %s from now on (%d chunks)", by, chunks)


async def _cut(rooms: Rooms) -> None:
    if not await rooms.sources.are_cut_otherwise(CHUNKER_VERSION):
        return
    log.info("cutting the stored pages anew, as this docbot does it")
    with process_pool(1) as executor:
        for source in [*await rooms.sources.all(), *await rooms.sources.solved()]:
            await cut_anew(source, rooms.sources, cutter(executor))
