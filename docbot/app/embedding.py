"""Embedding what has no vector yet, and taking up another embedding model while the bot runs."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from docbot.app.rooms import Rooms, complete_index, rebuild_index
from docbot.db.generations import Missing
from docbot.db.locks import sync_lock
from docbot.errors import DocbotError, TransientError, UsageError
from docbot.forum.retry import pause
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.generations import embed_missing

log = logging.getLogger(__name__)

_MANY_CHUNKS = 2_000
_MANY_TOKENS = 500_000
_BYTES_PER_TOKEN = 4  # of English; code and other scripts come near it when counted in bytes
_PROBE = "documentation"  # any text shows how long a model's vectors are
_PATIENCE = 10  # times as long as for a question, whose asker waits


class Progress(Protocol):
    """Shows how far a long piece of work is."""

    def begin(self, what: str) -> None: ...
    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...


class LoggedProgress:
    """A log line for each tenth."""

    def begin(self, what: str) -> None:
        self._what, self._total, self._told = what, 0, 0

    def expect(self, total: int) -> None:
        self._total = total

    def at(self, done: int) -> None:
        tenths = 10 * done // max(self._total, 1)
        if tenths > self._told:
            self._told = tenths
            log.info("%s: %d of %d", self._what, done, self._total)

    def end(self) -> None: ...


def cost_line(model: str, missing: Missing, price: float | None) -> str | None:
    """Say what embedding will take, where that is much; `price` is for a million tokens."""
    tokens = missing.size // _BYTES_PER_TOKEN
    if missing.chunks < _MANY_CHUNKS and tokens < _MANY_TOKENS:
        return None
    line = f"to embed with {model}: {missing.chunks:,} chunks, about {tokens:,} tokens (an estimate"
    if price is None:
        return f"{line} from their length)"
    return f"{line} from their length), about {tokens * price / 1e6:,.2f} at {price:g} a million"


async def embed_chunks(
    rooms: Rooms, embedder: Embedder, say: Callable[[str], None], progress: Progress
) -> int:
    """Embed every chunk that has no vector yet; return how many there were.

    Raises:
        DocbotError: the endpoint fails; what was embedded by then is kept.
    """
    missing = await rooms.generations.missing(embedder.model)
    cost = cost_line(embedder.model, missing, rooms.settings.docbot_embedding_price)
    if cost is not None:
        say(cost)
    progress.begin("embedding")
    progress.expect(missing.chunks)
    try:
        return await embed_missing(rooms.generations, embedder, progress.at)
    finally:
        progress.end()


async def forget_vectors_of_another(rooms: Rooms, embedder: Embedder) -> None:
    """Delete what an endpoint gave while it had another model under the same name."""
    [vector] = await embedder.embed([_PROBE])
    await rooms.generations.forget_other_lengths(embedder.model, len(vector))


def patient_pause(attempt: int) -> float:
    return _PATIENCE * pause(attempt)


async def take_up_model(rooms: Rooms, *, wait: Callable[[int], float] = patient_pause) -> None:
    """Make the index with the embedding model that is set where it has another; then end.

    Searches go on in the index there is until the new one is complete. A process that dies half
    way is followed by one that goes on there. What cannot be embedded at all is logged once.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            if not await _has_another_model(rooms):
                return
            async with sync_lock(rooms.database):
                await _take_up(rooms)
        except TransientError as error:
            seconds = max(wait(attempt), error.retry_after or 0)
            log.warning("the new index waits %.0f s: %s", seconds, error)
        except UsageError:  # another sync runs; it may do the same
            seconds = wait(attempt)
        except DocbotError as error:
            log.error("the index stays as it is; `docbot sync` or a restart tries again: %s", error)
            return
        else:
            return
        await asyncio.sleep(seconds)


async def _has_another_model(rooms: Rooms) -> bool:
    current = await rooms.generations.find_current()
    wanted = rooms.settings.docbot_embedding_model
    # An index of nothing holds no model's vectors; the first sync makes it with the one set.
    return current is not None and current.points > 0 and current.embedding_model != wanted


async def _take_up(rooms: Rooms) -> None:
    if not await _has_another_model(rooms):  # the sync before was quicker
        return
    if rooms.index.get() is None:
        await complete_index(rooms)
    if rooms.embedder is not None:
        log.info("making the index anew with embedding model %s", rooms.embedder.model)
        await embed_chunks(rooms, rooms.embedder, log.info, LoggedProgress())
    chunks = await rebuild_index(rooms)
    by = f"words and {rooms.embedder.model}" if rooms.embedder else "words alone"
    log.info("searching by %s from now on (%d chunks)", by, chunks)
