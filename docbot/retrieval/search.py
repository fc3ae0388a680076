"""A question in, the passages that may answer it out.

Promise: a search needs neither an embedding model nor, when its endpoint is out of reach, that
endpoint: it goes on by words alone and says so.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from docbot.db.chunks import StoredChunk
from docbot.errors import DocbotError
from docbot.retrieval.embedder import Embedder, question_text
from docbot.retrieval.fusion import combine, order_chunks, rank_pages
from docbot.retrieval.lexical import query_vector
from docbot.retrieval.passages import Passage
from docbot.retrieval.store import Hit, Index

log = logging.getLogger(__name__)

_CANDIDATES = 200  # of each side; a page's second and third chunk are often far down


class StoredChunks(Protocol):
    async def get_many(self, ids: Sequence[int]) -> dict[int, StoredChunk]: ...


@dataclass(frozen=True, slots=True)
class Query:
    """A post as it was asked; `context` is what it follows up on, and only helps out."""

    title: str
    body: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best passages first; `indexed` is False when there was no index to search.

    `dense_used` tells whether embeddings took part, `warning` why they did not although a
    model is set. `timings_ms` has `embed`, `search` and `read`, as far as the search came.
    """

    passages: list[Passage]
    timings_ms: dict[str, float]
    dense_used: bool
    indexed: bool
    warning: str | None = None


class Searcher:
    def __init__(
        self,
        index: Callable[[], Index | None],
        embedder: Embedder | None,
        chunks: StoredChunks,
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._chunks = chunks

    async def search(self, query: Query, sources: Collection[int], limit: int = 8) -> SearchResult:
        """Search the chunks of `sources`; chunks that were removed since the build are left out.

        Without an answer of the embedding endpoint it goes on by words alone, with a `warning`.

        Raises:
            PermanentError: the index is broken.
        """
        timings: dict[str, float] = {}
        if self._index() is None:
            return SearchResult([], timings, dense_used=False, indexed=False)
        with _timed(timings, "embed"):
            dense, warning = await self._embed(query)
        # Asked for again: another generation may have come, and the old one gone, meanwhile.
        index = self._index()
        if index is None:
            return SearchResult([], timings, dense_used=False, indexed=False)
        with _timed(timings, "search"):
            words = query_vector(query.title, query.body, query.context)
            hits = index.search(words, dense, sources, _CANDIDATES)
        with _timed(timings, "read"):
            stored = await self._chunks.get_many([hit.chunk for hit in hits])
        return SearchResult(
            passages(hits, stored, limit),
            timings,
            dense_used=any(hit.dense is not None for hit in hits),
            indexed=True,
            warning=warning,
        )

    async def _embed(self, query: Query) -> tuple[list[float] | None, str | None]:
        text = question_text(query.title, query.body, query.context)
        if self._embedder is None or not text:
            return None, None
        try:
            return (await self._embedder.embed([text]))[0], None
        except DocbotError as error:  # a search by words is better than none
            log.warning("searching by words alone: %s", error)
            return None, f"searched by words alone: {error}"


def passages(hits: Sequence[Hit], stored: Mapping[int, StoredChunk], limit: int) -> list[Passage]:
    """Rank the hits that are still stored and return the best `limit` as passages."""
    found = {hit.chunk: hit for hit in hits if hit.chunk in stored}
    page_of = {chunk: stored[chunk].page_id for chunk in found}
    pages = rank_pages(combine(list(found.values())), page_of)
    return [
        _passage(rank, stored[chunk], found[chunk], score)
        for rank, (chunk, score) in enumerate(order_chunks(pages, limit), start=1)
    ]


def _passage(rank: int, chunk: StoredChunk, hit: Hit, score: float) -> Passage:
    return Passage(
        rank=rank,
        chunk_id=chunk.id,
        page_id=chunk.page_id,
        source=chunk.source,
        title=chunk.title,
        heading_path=chunk.heading_path,
        url=chunk.url,
        text=chunk.text,
        score=score,
        lexical=hit.lexical,
        dense=hit.dense,
    )


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[step] = round((time.perf_counter() - start) * 1000, 3)
