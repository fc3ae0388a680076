"""Index generations: built whole from Postgres in a child process, then switched to at once."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from docbot.db.generations import Built, Generation, Generations, index_rows
from docbot.db.pool import Database, close
from docbot.errors import DocbotError, PermanentError
from docbot.processes import process_pool
from docbot.retrieval.edge import EdgeStore
from docbot.retrieval.embedder import BATCH, Embedder, embedding_text
from docbot.retrieval.lexical import LEXICAL_VERSION, document_vector
from docbot.retrieval.store import Index, Row, VectorStore

log = logging.getLogger(__name__)

_READ_AT_ONCE = 8 * BATCH  # chunks


class CurrentIndex:
    """The index that searches use; swapped whole when Postgres names another generation."""

    def __init__(self, store: VectorStore, generations: Generations) -> None:
        self._store = store
        self._generations = generations
        self._index: Index | None = None
        self._generation: Generation | None = None

    def get(self) -> Index | None:
        return self._index

    @property
    def embedding_model(self) -> str | None:
        """The model whose vectors the open index holds."""
        return self._generation.embedding_model if self._generation else None

    async def refresh(self) -> bool:
        """Open the generation that Postgres names; False when it must be built first.

        The one in use is kept until then, and freed by its last user after the swap.
        """
        for _ in range(2):  # it may be replaced and dropped while it loads
            current = await self._generations.find_current()
            if current is None or current == self._generation:
                return True
            index = self._open(current)
            if index is not None:
                self._index, self._generation = index, current
                await self._drop_others()
                return True
        return False

    def _open(self, current: Generation) -> Index | None:
        try:
            index = self._store.open(current.name)
        except DocbotError as error:
            log.warning("index generation %s cannot be opened: %s", current.name, error)
            return None
        if index.count() != current.points:
            log.warning(
                "index generation %s holds %d of %d chunks",
                current.name,
                index.count(),
                current.points,
            )
            return None
        return index

    async def _drop_others(self) -> None:
        """Delete what this machine still holds of generations that nobody will name again."""
        here = self._store.names()  # before the look at Postgres: a later one is a new build
        wanted = await self._generations.names()
        for name in here:
            if name not in wanted:
                self._store.drop(name)


async def embed_missing(
    generations: Generations, embedder: Embedder, progress: Callable[[int], None]
) -> int:
    """Embed every chunk that has no vector of this model yet; return how many there were.

    Each batch is stored as it comes: who is stopped half way goes on there the next time.
    """
    embedded = 0
    while missing := await generations.not_embedded(embedder.model, _READ_AT_ONCE):
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            vectors = await embedder.embed(
                [embedding_text(chunk.title, chunk.heading_path, chunk.text) for chunk in batch]
            )
            await generations.put_embeddings(
                embedder.model, list(zip((c.hash for c in batch), vectors, strict=True))
            )
            embedded += len(batch)
            progress(embedded)
    return embedded


async def rebuild(
    generations: Generations,
    *,
    database_url: str | None,
    data_dir: Path,
    embedding_model: str | None,
) -> int:
    """Build a new generation from Postgres and switch to it; return its number of chunks.

    The caller holds the sync lock. Searches go on in the generation before.
    """
    for name in await generations.unfinished():
        EdgeStore(index_folder(data_dir)).drop(name)
        await generations.forget(name)
    dimensions = await generations.find_dimensions(embedding_model) if embedding_model else None
    model = embedding_model if dimensions else None
    name = await generations.begin(
        lexical_version=LEXICAL_VERSION, embedding_model=model, dimensions=dimensions or 0
    )
    built = await _build_in_child(database_url, data_dir, name, model, dimensions or 0)
    await generations.switch(name, built)
    return built.points


async def build_current(
    generations: Generations, *, database_url: str | None, data_dir: Path
) -> bool:
    """Build, in this data folder, the very generation that Postgres names.

    Returns:
        False when that cannot be done any more, as chunks changed since; `rebuild` helps then.
        The caller holds the sync lock.
    """
    current = await generations.find_current()
    if current is None or current.lexical_version != LEXICAL_VERSION:
        return False
    EdgeStore(index_folder(data_dir)).drop(current.name)
    built = await _build_in_child(
        database_url, data_dir, current.name, current.embedding_model, current.dimensions
    )
    return built == Built(current.points, current.last_chunk)


def index_folder(data_dir: Path) -> Path:
    return data_dir / "index"


async def _build_in_child(
    database_url: str | None, data_dir: Path, name: str, model: str | None, dimensions: int
) -> Built:
    loop = asyncio.get_running_loop()
    with process_pool(1) as pool:
        try:
            return await loop.run_in_executor(
                pool, _build, database_url, data_dir, name, model, dimensions
            )
        except BrokenProcessPool as error:
            raise PermanentError(
                f"the process that built the index in {index_folder(data_dir)} died; "
                "is the disk full, or memory short?"
            ) from error


def _build(
    database_url: str | None, data_dir: Path, name: str, model: str | None, dimensions: int
) -> Built:
    rows = asyncio.run(_read_rows(database_url, data_dir, model))
    points = EdgeStore(index_folder(data_dir)).build(name, dimensions, rows)
    return Built(points, max((row.chunk for row in rows), default=0))


async def _read_rows(database_url: str | None, data_dir: Path, model: str | None) -> list[Row]:
    database = Database(database_url, data_dir)
    conn = await database.connect()
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            return [
                Row(
                    chunk=row.id,
                    source=row.source_id,
                    lexical=document_vector(row.title, row.heading_path, row.url, row.text),
                    dense=row.vector,
                )
                async for row in index_rows(conn, model)
            ]
    finally:
        await close(conn)
        database.close()
