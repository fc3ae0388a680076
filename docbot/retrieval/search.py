"""A question in, the passages that may answer it out.

Promise: a search needs neither an embedding model nor, when its endpoint is out of reach, that
endpoint: it goes on by words alone and says so. A question is embedded with the model that the
open index was built with, so that another model may be taken up without a gap.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from docbot.breaker import Breaker
from docbot.db.chunks import ChunkBeside, ChunkPlace, StoredChunk
from docbot.errors import DocbotError, GoneError, RefusedError, TransientError
from docbot.retrieval.embedder import Embedder, question_text
from docbot.retrieval.folding import fold
from docbot.retrieval.fusion import RankedPage, order_chunks, rank_pages, without_chunks
from docbot.retrieval.lexical import query_vector, words_asked
from docbot.retrieval.passages import Passage
from docbot.retrieval.sections import REACH, with_sections
from docbot.retrieval.signals import LOOKED_AT, NONE, Signals, signals
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Hit, Index, Sparse
from docbot.retrieval.vocabulary import Vocabulary, languages_of

log = logging.getLogger(__name__)

_CANDIDATES = 200  # of each side; a page's second and third chunk are often far down
_SPARE = 8  # chunks that are read beyond those wanted, for those that are folded
_EMBED_SECONDS = 15.0  # retries included; a sync can wait for longer than who asks
_SWAPS = 2  # of the index during one search; more would be a sync every few seconds


class IndexInUse(Protocol):
    """The index that searches use now; it may be another one after each `await`."""

    @property
    def embedding_model(self) -> str | None:
        """The model whose vectors the index holds; None where it holds none."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers each of those vectors has."""
        ...

    @property
    def vocabularies(self) -> Mapping[int, Vocabulary]:
        """The words of each source in the index."""
        ...

    async def reach(self) -> Index | None: ...
    def let_go(self, gone: Index) -> None: ...


class StoredChunks(Protocol):
    async def places(self, ids: Sequence[int]) -> dict[int, ChunkPlace]: ...
    async def get_many(self, ids: Sequence[int]) -> dict[int, StoredChunk]: ...
    async def beside(self, ids: Sequence[int], reach: int) -> list[ChunkBeside]: ...


@dataclass(frozen=True, slots=True)
class Query:
    """A post as it was asked; `context` is what it follows up on, and only helps out."""

    title: str
    body: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best passages first; `indexed` is False when there was no index to search.

    `pages` ranks every page with a chunk among the candidates, best first; `signals` tell whether
    the passages answer, None where the index is of a docbot that took none yet; `vocabularies` are
    the words of the sources searched. `dense_used` tells whether embeddings took part, `warning`
    why they did not although a model is set.
    `timings_ms` has `embed`, `search`, `read` and `rank`, as far as the search came.
    """

    passages: list[Passage]
    timings_ms: dict[str, float]
    dense_used: bool
    indexed: bool
    warning: str | None = None
    pages: tuple[RankedPage, ...] = ()
    signals: Signals | None = NONE
    vocabularies: Sequence[Vocabulary] = ()


class Searcher:
    def __init__(
        self,
        index: IndexInUse,
        embedder: Embedder | None,
        chunks: StoredChunks,
        *,
        embed_seconds: float = _EMBED_SECONDS,
        breaker: Callable[[], Breaker] = Breaker,
        stages: Stages = ALL_STAGES,
    ) -> None:
        """Set up.

        Args:
            index: asked anew for each search.
            embedder: of the model that is set; None searches by words, whatever the index holds.
            chunks: gives the texts.
            embed_seconds: for the question's vector.
            breaker: makes one for each model that is asked.
            stages: those that take part.
        """
        self._index = index
        self._embedder = embedder
        self._chunks = chunks
        self._embed_seconds = embed_seconds
        self._breakers = defaultdict[str, Breaker](breaker)
        self._stages = stages

    async def search(
        self,
        query: Query,
        sources: Collection[int],
        limit: int = 8,
        *,
        sections: bool = False,
        without_pages: Collection[int] = (),
    ) -> SearchResult:
        """Search the chunks of `sources`; chunks that were removed since the build are left out.

        So are those of `without_pages`; the words of the documentation are counted with them. With
        `sections` each passage has the rest of its section, which only a model reads.

        Without an answer of the embedding endpoint, or where the index holds no vectors although
        a model is set, it goes on by words alone, with a `warning`.

        Raises:
            TransientError: the index cannot be reached, or is not to be had just now.
            PermanentError: the index is broken.
        """
        try:
            try:
                return await self._search(query, sources, limit, without_pages, sections=sections)
            except GoneError:  # replaced by another process; its successor is there
                return await self._search(query, sources, limit, without_pages, sections=sections)
        except (GoneError, RefusedError) as error:
            # It is no fault of this question, which can be asked again once the store is set right.
            raise TransientError(str(error)) from error

    async def _search(
        self,
        query: Query,
        sources: Collection[int],
        limit: int,
        without_pages: Collection[int],
        *,
        sections: bool,
    ) -> SearchResult:
        timings: dict[str, float] = {}
        if await self._index.reach() is None:
            return SearchResult([], timings, dense_used=False, indexed=False)
        with _timed(timings, "embed"):
            vector, warning = await self._embed(query)
        # Asked for again: another generation may have come, and the old one gone, meanwhile.
        index = await self._index.reach()
        if index is None:
            return SearchResult([], timings, dense_used=False, indexed=False)
        known = self._vocabularies_of(sources)
        languages = languages_of(known)
        words = query_vector(query.title, query.body, query.context, self._stages, languages)
        with _timed(timings, "search"):
            hits = await self._hits(index, words, vector, sources)
        with _timed(timings, "read"):
            places = await self._chunks.places([hit.chunk for hit in hits])
        with _timed(timings, "rank"):
            places = {at: each for at, each in places.items() if each.page not in without_pages}
            hits = [hit for hit in hits if hit.chunk in places]
            pages = rank_pages(hits, places, self._stages)
        with _timed(timings, "read"):
            read = await self._read(pages, hits, limit)
        with _timed(timings, "rank"):
            found, pages = self._folded(read, pages, limit)
            asked = words_asked(query.title, query.body, self._stages, languages)
        with _timed(timings, "search"):
            held = await self._words_held(index, found[:LOOKED_AT]) if asked else []
        with _timed(timings, "rank"):
            measured = signals(asked, known, held, _closeness(hits), self._stages)
        with _timed(timings, "read"):
            found = await self._with_sections(found) if sections else found
        return SearchResult(
            found,
            timings,
            dense_used=any(hit.dense is not None for hit in hits),
            indexed=True,
            warning=warning,
            pages=tuple(pages),
            signals=measured,
            vocabularies=known,
        )

    def _vocabularies_of(self, sources: Collection[int]) -> list[Vocabulary]:
        known = self._index.vocabularies
        return [known[source] for source in sources if source in known]

    async def _hits(
        self,
        index: Index,
        words: Sparse,
        dense: list[float] | None,
        sources: Collection[int],
    ) -> list[Hit]:
        with self._until_gone(index):
            return await index.search(words, dense, sources, _CANDIDATES)

    async def _words_held(self, index: Index, found: Sequence[Passage]) -> list[Sparse]:
        with self._until_gone(index):
            words = await index.words_of([each.chunk_id for each in found])
        if len(words) < len(found):
            raise TransientError("the index does not hold the words of chunks that it found")
        return list(words.values())

    @contextmanager
    def _until_gone(self, index: Index) -> Iterator[None]:
        try:
            yield
        except GoneError:
            self._index.let_go(index)
            raise

    async def _embed(self, query: Query) -> tuple[list[float] | None, str | None]:
        """Return the question's vector, or None and why there is none though a model is set."""
        text = question_text(query.title, query.body, query.context)
        if self._embedder is None or not text or not self._stages.dense:
            return None, None
        try:
            for _ in range(_SWAPS):
                model = self._index.embedding_model
                if model is None:
                    return None, _by_words(
                        "the index was built without vectors; "
                        f"`docbot sync` makes those of model {self._embedder.model}"
                    )
                vector = await self._vector(self._embedder.with_model(model), text)
                if self._index.embedding_model != model:
                    continue  # another index is in use by now
                if len(vector) != self._index.dimensions:
                    return None, _by_words(self._of_another_length(model, len(vector)))
                return vector, None
        except DocbotError as error:  # a search by words is better than none
            return None, _by_words(error)
        return None, _by_words("the index was replaced meanwhile")

    async def _vector(self, embedder: Embedder, text: str) -> list[float]:
        breaker = self._breakers[embedder.model]
        if not breaker.allows():
            raise TransientError(f"model {embedder.model} failed several times in a row just now")
        try:
            async with asyncio.timeout(self._embed_seconds):
                [vector] = await embedder.embed_questions([text])
        except (DocbotError, TimeoutError) as error:
            why = error if isinstance(error, DocbotError) else self._too_slow(embedder.model)
            if breaker.failed():
                log.warning("searching by words alone until it answers again: %s", why)
            else:
                log.info("searching by words alone: %s", why)
            raise why from error
        if breaker.succeeded():
            log.info("model %s answers again", embedder.model)
        return vector

    def _of_another_length(self, model: str, length: int) -> str:
        return (
            f"model {model} gives vectors of {length} numbers, the index holds such of"
            f" {self._index.dimensions}: the endpoint has another model under that name;"
            " `docbot sync --full` takes it up"
        )

    def _too_slow(self, model: str) -> TransientError:
        return TransientError(
            f"no vector of model {model} came within {self._embed_seconds:g} seconds"
        )

    async def _read(
        self, pages: Sequence[RankedPage], hits: Sequence[Hit], limit: int
    ) -> list[Passage]:
        chosen = order_chunks(pages, limit + (_SPARE if self._stages.folded else 0))
        stored = await self._chunks.get_many([chunk for chunk, _ in chosen])
        return passages(chosen, hits, stored)

    def _folded(
        self, read: Sequence[Passage], pages: Sequence[RankedPage], limit: int
    ) -> tuple[list[Passage], list[RankedPage]]:
        """Keep the best passages that each say something new, and rank the pages by them."""
        if not self._stages.folded:
            return list(read), list(pages)
        kept = fold(read)
        stay = {each.chunk_id for each in kept}
        ranked = without_chunks(pages, {each.chunk_id for each in read} - stay)
        found = [replace(each, rank=rank) for rank, each in enumerate(kept[:limit], start=1)]
        return found, ranked

    async def _with_sections(self, found: Sequence[Passage]) -> list[Passage]:
        if not (self._stages.sections and found):
            return list(found)
        beside = await self._chunks.beside([each.chunk_id for each in found], REACH)
        return with_sections(found, beside)


def _closeness(hits: Sequence[Hit]) -> float | None:
    return max((hit.dense for hit in hits if hit.dense is not None), default=None)


def _by_words(why: object) -> str:
    return f"searched by words alone: {why}"


def passages(
    chosen: Sequence[tuple[int, float]], hits: Sequence[Hit], stored: Mapping[int, StoredChunk]
) -> list[Passage]:
    """Make passages of the chosen chunks that are still stored, numbered from 1."""
    hit_of = {hit.chunk: hit for hit in hits}
    left = [(chunk, score) for chunk, score in chosen if chunk in stored]
    return [
        _passage(rank, stored[chunk], hit_of[chunk], score)
        for rank, (chunk, score) in enumerate(left, start=1)
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
        position=chunk.position,
        solved=chunk.solved,
    )


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        spent = (time.perf_counter() - start) * 1000
        timings[step] = round(timings.get(step, 0.0) + spent, 3)
