"""Index generations: built whole from Postgres in a child process, then switched to at once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from docbot.db.generations import (
    Built,
    Generation,
    Generations,
    VocabularyRow,
    index_rows,
    index_size,
)
from docbot.db.pool import Conn, Database, close
from docbot.errors import DocbotError, PermanentError, RefusedError, TransientError
from docbot.processes import process_pool
from docbot.retrieval.embedder import BATCH, Embedder, embedding_text
from docbot.retrieval.lexical import LEXICAL_VERSION, document_language, document_vector
from docbot.retrieval.places import Place
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Index, Row, VectorStore
from docbot.retrieval.vocabulary import Counting, Vocabulary, bytes_of

log = logging.getLogger(__name__)

_READ_AT_ONCE = 8 * BATCH  # chunks
# Who uses a shared generation hears of the next one at once, or looks every 30 s, and may be in
# the middle of a question; then nobody reads it any more.
_READERS_SWAP_SECONDS = 120.0


class CurrentIndex:
    """The index that searches use; swapped whole when Postgres names another generation."""

    def __init__(self, store: VectorStore, generations: Generations) -> None:
        self._store = store
        self._generations = generations
        self._index: Index | None = None
        self._generation: Generation | None = None
        self._vocabularies: Mapping[int, Vocabulary] = {}
        self._others_left = False

    def get(self) -> Index | None:
        return self._index

    async def reach(self) -> Index | None:
        """Return the open index, or look for it again; None when it must be built first.

        Raises:
            TransientError, RefusedError: the store cannot be asked.
        """
        if self._index is None:
            await self.refresh()
        return self._index

    def let_go(self, gone: Index) -> None:
        """Forget an index that turned out to be gone, unless another one came meanwhile."""
        if self._index is gone:
            self._index = self._generation = None

    @property
    def name(self) -> str | None:
        """The generation of the open index."""
        return self._generation.name if self._generation else None

    @property
    def embedding_model(self) -> str | None:
        """The model whose vectors the open index holds."""
        return self._generation.embedding_model if self._generation else None

    @property
    def dimensions(self) -> int:
        """How many numbers each of those vectors has; 0 without any."""
        return self._generation.dimensions if self._generation else 0

    @property
    def vocabularies(self) -> Mapping[int, Vocabulary]:
        """The words of each source in the open index."""
        return self._vocabularies

    async def refresh(self) -> bool:
        """Open the generation that Postgres names; False when it must be built first.

        The one in use is kept until then, and freed by its last user after the swap.

        Raises:
            TransientError, RefusedError: the store cannot be asked; nothing changed.
        """
        for _ in range(2):  # it may be replaced and dropped while it loads
            current = await self._generations.find_current()
            if current is None or current == self._generation:
                if self._others_left:
                    await self._drop_others()
                return True
            index = await self._open(current)
            rows = await self._generations.vocabularies(current.id)
            if self._generation is not None and current.id < self._generation.id:
                return True  # another look, begun later, was faster
            if index is not None:
                self._index, self._generation = index, current
                self._vocabularies = {row.source_id: _vocabulary(row) for row in rows}
                await self._drop_others()
                return True
        return False

    async def _open(self, current: Generation) -> Index | None:
        try:
            index = await self._store.open(current.name)
            points = await index.count()
        except (TransientError, RefusedError):
            raise
        except DocbotError as error:
            log.warning("index generation %s cannot be opened: %s", current.name, error)
            return None
        if points != current.points:
            log.warning(
                "index generation %s holds %d of %d chunks", current.name, points, current.points
            )
            return None
        return index

    async def _drop_others(self) -> None:
        """Delete what the store still holds of generations that nobody will name or read again."""
        kept_seconds = _READERS_SWAP_SECONDS if self._store.shared else 0.0
        try:
            # In this order: what Postgres does not name, but names a moment later, is a new build.
            here = await self._store.names()
            wanted = await self._generations.names(retired_for_seconds=kept_seconds)
            for name in here:
                if name not in wanted:
                    await self._store.drop(name)
            self._others_left = len(wanted.intersection(here)) > 1
        except DocbotError as error:  # the index in use is none the worse for it
            log.warning("replaced indexes are dropped later: %s", error)
            self._others_left = True


async def embed_missing(
    generations: Generations, embedder: Embedder, progress: Callable[[int], None]
) -> int:
    """Embed every chunk that has no vector of this model yet; return how many there were.

    Each batch is stored as it comes: who is stopped half way goes on there the next time.

    Raises:
        PermanentError: the vectors have another length than those that are stored; an index can
            hold only one.
    """
    embedded = 0
    stored = await generations.find_dimensions(embedder.model)
    while missing := await generations.not_embedded(embedder.model, _READ_AT_ONCE):
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            vectors = await embedder.embed(
                [embedding_text(chunk.title, chunk.heading_path, chunk.text) for chunk in batch]
            )
            length = len(vectors[0])
            if stored not in (None, length):
                raise PermanentError(
                    f"model {embedder.model} gives vectors of {length} numbers, those stored have"
                    f" {stored}: the endpoint has another model under that name; embed all anew"
                    " with `docbot sync --full`"
                )
            stored = length
            await generations.put_embeddings(
                embedder.model, list(zip((c.hash for c in batch), vectors, strict=True))
            )
            embedded += len(batch)
            progress(embedded)
    return embedded


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds generations, each in a child process; who calls holds the sync lock."""

    generations: Generations
    store: VectorStore
    place: Place  # where that store is
    database_url: str | None
    data_dir: Path

    async def rebuild(self, embedding_model: str | None) -> int:
        """Build a new generation from Postgres and switch to it; return its number of chunks.

        Searches go on in the generation before.
        """
        generations = self.generations
        for name in await generations.unfinished():
            await self.store.drop(name)
            await generations.forget(name)
        dimensions = await generations.find_dimensions(embedding_model) if embedding_model else None
        model = embedding_model if dimensions else None
        name = await generations.begin(
            lexical_version=LEXICAL_VERSION, embedding_model=model, dimensions=dimensions or 0
        )
        built, vocabularies = await self._build_in_child(name, model, dimensions or 0)
        await generations.switch(name, built, vocabularies)
        return built.points

    async def build_current(self) -> bool:
        """Build, in this data folder, the very generation that Postgres names.

        Returns:
            False when that cannot be done any more, as chunks changed since, or must not be, as
            others may read the one that is there; `rebuild` helps then.
        """
        current = await self.generations.find_current()
        if current is None or current.lexical_version != LEXICAL_VERSION or self.store.shared:
            return False
        await self.store.drop(current.name)
        built, _ = await self._build_in_child(
            current.name, current.embedding_model, current.dimensions
        )
        return built == Built(current.points, current.last_chunk)

    async def _build_in_child(
        self, name: str, model: str | None, dimensions: int
    ) -> tuple[Built, list[VocabularyRow]]:
        loop = asyncio.get_running_loop()
        order = _Order(self.database_url, self.data_dir, self.place, name, model, dimensions)
        with process_pool(1) as pool:
            try:
                return await loop.run_in_executor(pool, _build, order)
            except BrokenProcessPool as error:
                raise PermanentError(
                    f"the process that built the index in {self.place} died; "
                    "is the disk full, or memory short?"
                ) from error


@dataclass(frozen=True, slots=True)
class _Order:
    """All that a child process needs to build one generation."""

    database_url: str | None
    data_dir: Path
    place: Place
    name: str
    model: str | None
    dimensions: int


def _build(order: _Order) -> tuple[Built, list[VocabularyRow]]:
    return asyncio.run(_read_and_build(order))


async def _read_and_build(order: _Order) -> tuple[Built, list[VocabularyRow]]:
    store = order.place.open()
    counting = Counting()
    try:
        async with open_rows(order.database_url, order.data_dir, order.model) as (there, rows):
            points = await store.build(
                order.name, order.dimensions, counting.through(rows), expected=there.points
            )
    finally:
        await store.close()
    words = [
        VocabularyRow(
            source, each.chunks, bytes_of(each.terms), bytes_of(each.counts), each.languages
        )
        for source, each in counting.vocabularies().items()
    ]
    return Built(points, there.last_chunk), words


def _vocabulary(row: VocabularyRow) -> Vocabulary:
    return Vocabulary.stored(row.chunks, row.terms, row.counts, row.languages)


@asynccontextmanager
async def open_rows(
    database_url: str | None, data_dir: Path, model: str | None, stages: Stages = ALL_STAGES
) -> AsyncIterator[tuple[Built, AsyncIterator[Row]]]:
    """Give all that a generation is built from, as one snapshot, with the vectors of `model`.

    The rows come as they are read, and with them what a generation of all of them is.
    """
    database = Database(database_url, data_dir)
    conn = await database.connect()
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            yield await index_size(conn), _rows(conn, model, stages)
    finally:
        await close(conn)
        database.close()


async def _rows(conn: Conn, model: str | None, stages: Stages) -> AsyncIterator[Row]:
    async for row in index_rows(conn, model):
        language = document_language(row.title, row.heading_path, row.text)
        yield Row(
            chunk=row.id,
            source=row.source_id,
            lexical=document_vector(
                row.title, row.heading_path, row.url, row.text, stages, language=language
            ),
            dense=row.vector,
            language=language,
        )
