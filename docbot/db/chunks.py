"""Chunks as a search reads them: pages of many, text and address of few."""

from collections.abc import Sequence
from dataclasses import dataclass

from docbot.db.errors import translated
from docbot.db.pool import Pool

_PAGES_OF = "SELECT id, page_id FROM chunks WHERE id = ANY($1::bigint[])"
_GET_MANY = """
    SELECT chunks.id, chunks.page_id, chunks.source_id, sources.name AS source,
           coalesce(pages.indexed_title, pages.title) AS title, chunks.heading_path, chunks.url, chunks.text
    FROM chunks
    JOIN pages ON pages.id = chunks.page_id
    JOIN sources ON sources.id = chunks.source_id
    WHERE chunks.id = ANY($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class StoredChunk:
    id: int
    page_id: int
    source_id: int
    source: str
    title: str
    heading_path: tuple[str, ...]
    url: str
    text: str


class Chunks:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def pages_of(self, ids: Sequence[int]) -> dict[int, int]:
        """Return the page's id by chunk id; ids removed since are left out."""
        with translated():
            rows = await self._pool.fetch(_PAGES_OF, list(ids))
        return {row["id"]: row["page_id"] for row in rows}

    async def get_many(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return what is stored of `ids`, by id; ids removed since are left out."""
        with translated():
            rows = await self._pool.fetch(_GET_MANY, list(ids))
        return {
            row["id"]: StoredChunk(**{**dict(row), "heading_path": tuple(row["heading_path"])})
            for row in rows
        }
