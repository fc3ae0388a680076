"""Chunks as a search reads them: the pages of many, text and address of few."""

from collections.abc import Sequence
from dataclasses import dataclass

from docbot.db.errors import translated
from docbot.db.pool import Pool

_PLACES = """
    WITH found AS MATERIALIZED (SELECT id, page_id FROM chunks WHERE id = ANY($1::bigint[])),
    sizes AS (
        SELECT page_id, count(*) AS chunks FROM chunks
        WHERE page_id = ANY(ARRAY(SELECT DISTINCT page_id FROM found))
        GROUP BY page_id)
    SELECT id, page_id, chunks FROM found JOIN sizes USING (page_id)
"""
# A solved thread is found by its question too, but what is read of it is its solution alone.
_GET_MANY = """
    SELECT chunks.id, chunks.page_id, chunks.source_id, sources.name AS source,
           coalesce(pages.indexed_title, pages.title) AS title,
           CASE WHEN thread_id IS NULL THEN chunks.heading_path ELSE '{}' END AS heading_path,
           CASE WHEN thread_id IS NULL THEN chunks.url ELSE pages.url END AS url,
           coalesce(solutions.edited, solutions.solution, chunks.text) AS text,
           coalesce(chunks.position, 0) AS position, solutions.question AS solved
    FROM chunks
    JOIN pages ON pages.id = chunks.page_id
    JOIN sources ON sources.id = chunks.source_id
    LEFT JOIN solutions ON solutions.page_id = pages.id
    WHERE chunks.id = ANY($1::bigint[])
"""
_BESIDE = """
    SELECT beside.id, beside.page_id, beside.position, beside.heading_path, beside.url, beside.text
    FROM chunks AS known
    JOIN chunks AS beside ON beside.page_id = known.page_id AND beside.url = known.url
        AND beside.position BETWEEN known.position - $2 AND known.position + $2
    WHERE known.id = ANY($1::bigint[]) AND beside.id <> ALL($1::bigint[])
      AND NOT EXISTS (SELECT FROM solutions WHERE page_id = known.page_id)
"""


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """The page that a chunk stands on, and how many chunks that page has, 1 and up."""

    page: int
    chunks: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """`position` counts from the top of its page; 0 also where the page has it no more.

    `solved` is the question of a solved thread, whose solution `text` is; None for documentation.
    """

    id: int
    page_id: int
    source_id: int
    source: str
    title: str
    heading_path: tuple[str, ...]
    url: str
    text: str
    position: int
    solved: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkBeside:
    """A chunk of the same section, which is what has the same address, as another."""

    id: int
    page_id: int
    position: int
    heading_path: tuple[str, ...]
    url: str
    text: str


class Chunks:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def places(self, ids: Sequence[int]) -> dict[int, ChunkPlace]:
        """Return where each chunk stands, by its id; ids removed since are left out."""
        with translated():
            rows = await self._pool.fetch(_PLACES, list(ids))
        return {row["id"]: ChunkPlace(row["page_id"], row["chunks"]) for row in rows}

    async def get_many(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return what is stored of `ids`, by id; ids removed since are left out."""
        with translated():
            rows = await self._pool.fetch(_GET_MANY, list(ids))
        return {
            row["id"]: StoredChunk(**{**dict(row), "heading_path": tuple(row["heading_path"])})
            for row in rows
        }

    async def beside(self, ids: Sequence[int], reach: int) -> list[ChunkBeside]:
        """Return the other chunks of the sections of `ids`, at most `reach` away on their page."""
        with translated():
            rows = await self._pool.fetch(_BESIDE, list(ids), reach)
        once = {row["id"]: row for row in rows}  # beside several it comes with each
        return [
            ChunkBeside(**{**dict(row), "heading_path": tuple(row["heading_path"])})
            for row in once.values()
        ]
