"""Embedding what has no vector yet, and what it will cost."""

import logging
from collections.abc import Callable
from typing import Protocol

from docbot.app.rooms import Rooms
from docbot.db.generations import Missing
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.generations import embed_missing

log = logging.getLogger(__name__)

_MANY_CHUNKS = 2_000
_MANY_TOKENS = 500_000
_PROBE = "documentation"  # any text shows how long a model's vectors are


class Progress(Protocol):
    """Shows how far a long piece of work is."""

    def begin(self, what: str) -> None: ...
    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...


class LoggedProgress:
    """A log line for each tenth; where nobody knows how much there is, at 100, 200, 400, 800, ..."""

    def begin(self, what: str) -> None:
        self._what, self._total, self._told = what, 0, 0

    def expect(self, total: int) -> None:
        self._total = total

    def at(self, done: int) -> None:
        steps = 10 * done // self._total if self._total else (done // 100).bit_length()
        if steps > self._told:
            self._told = steps
            of = f" of {self._total}" if self._total else ""
            log.info("%s: %d%s", self._what, done, of)

    def end(self) -> None: ...


def cost_line(model: str, missing: Missing, price: float | None) -> str | None:
    """Say what embedding will take, where that is much; `price` is for a million tokens."""
    tokens = missing.tokens
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
