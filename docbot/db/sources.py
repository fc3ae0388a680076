"""Sources, their pages and chunks: what docbot has read."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.errors import UsageError

_ADD = """
    INSERT INTO sources (name, kind, location, base_url) VALUES ($1, $2, $3, $4) RETURNING id
"""
_REMOVE = "DELETE FROM sources WHERE guild_id IS NULL AND name = $1 RETURNING id"
_LIST = """
    SELECT id, name, kind, location, base_url, synced_at,
           (SELECT count(*) FROM pages WHERE source_id = sources.id) AS pages,
           (SELECT count(*) FROM chunks
            WHERE source_id = sources.id AND position IS NOT NULL) AS chunks
    FROM sources WHERE guild_id IS NULL ORDER BY name
"""
_PAGE_HASHES = "SELECT url, content_hash FROM pages WHERE source_id = $1"
_PUT_PAGE = """
    INSERT INTO pages (source_id, url, title, markdown, content_hash, etag, last_modified)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (source_id, url) DO UPDATE
    SET title = $3, markdown = $4, content_hash = $5, etag = $6, last_modified = $7,
        fetched_at = now(), changed_at = now()
    RETURNING id
"""
# What the page no longer has is still found until an index without it is in use.
_SET_ASIDE = "UPDATE chunks SET position = NULL WHERE page_id = $1 RETURNING id, hash, url"
_KEEP_CHUNK = "UPDATE chunks SET position = $2 WHERE id = $1"
_ADD_CHUNK = """
    INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_DELETE_PAGES = "DELETE FROM pages WHERE source_id = $1 AND url = ANY($2::text[])"
_MARK_SYNCED = "UPDATE sources SET synced_at = now() WHERE id = $1"
_ARE_INDEXED = """
    SELECT EXISTS (
        SELECT FROM chunks JOIN index_generations ON state = 'current' AND chunks.id <= last_chunk
        WHERE source_id = ANY($1::bigint[]))
"""
_FIND_PAGE = """
    SELECT pages.url, pages.title, pages.markdown
    FROM pages JOIN sources ON sources.id = pages.source_id
    WHERE sources.name = $1 AND pages.url = $2
"""

_A_TITLE = """
    SELECT pages.title FROM pages
    JOIN sources ON sources.id = pages.source_id
    JOIN chunks ON chunks.page_id = pages.id
    WHERE sources.name = $1 AND chunks.position IS NOT NULL
    GROUP BY pages.id ORDER BY count(*) DESC, pages.id LIMIT 1
"""

_SHOWN = 80  # characters of a name in a message


@dataclass(frozen=True, slots=True)
class Source:
    id: int
    name: str
    kind: str
    location: str
    base_url: str | None
    synced_at: datetime | None
    pages: int
    chunks: int


@dataclass(frozen=True, slots=True)
class ChunkRow:
    hash: bytes
    heading_path: tuple[str, ...]
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as it was read; `content_hash` covers all that its chunks are made from."""

    url: str
    title: str
    markdown: str
    content_hash: bytes
    chunks: tuple[ChunkRow, ...]
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class PageText:
    url: str
    title: str
    markdown: str


class Sources:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, *, name: str, kind: str, location: str, base_url: str | None) -> int:
        """Raises UsageError when the name is taken or has characters that no name has."""
        try:
            with translated():
                return int(await self._pool.fetchval(_ADD, name, kind, location, base_url))
        except Exception as error:
            raise _named(error, name) from error

    async def remove(self, name: str) -> None:
        """Remove a source with its pages and chunks; forums bound to it lose it."""
        with translated():
            removed = await self._pool.fetchval(_REMOVE, name)
        if removed is None:
            raise _unknown(name, [source.name for source in await self.all()])

    async def all(self) -> list[Source]:
        with translated():
            rows = await self._pool.fetch(_LIST)
        return [Source(**row) for row in rows]

    async def get_many(self, names: Sequence[str]) -> list[Source]:
        """The named sources, in the order given, or all when none is named.

        Raises:
            UsageError: one of the names is not known.
        """
        known = {source.name: source for source in await self.all()}
        for name in names:
            if name not in known:
                raise _unknown(name, known)
        return [known[name] for name in dict.fromkeys(names)] or list(known.values())

    async def are_indexed(self, source_ids: Sequence[int]) -> bool:
        """Whether the current index holds anything of at least one of these sources."""
        with translated():
            return bool(await self._pool.fetchval(_ARE_INDEXED, list(source_ids)))

    async def page_hashes(self, source_id: int) -> dict[str, bytes]:
        with translated():
            rows = await self._pool.fetch(_PAGE_HASHES, source_id)
        return {row["url"]: row["content_hash"] for row in rows}

    async def put_page(self, source_id: int, page: PageRow) -> None:
        """Store the page in place of what was there, all or nothing.

        A chunk that the page had before keeps its id, wherever in the page it is now.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await _put_page(conn, source_id, page)

    async def delete_pages(self, source_id: int, urls: Sequence[str]) -> None:
        with translated():
            await self._pool.execute(_DELETE_PAGES, source_id, list(urls))

    async def mark_synced(self, source_id: int) -> None:
        with translated():
            await self._pool.execute(_MARK_SYNCED, source_id)

    async def a_title(self, source_name: str) -> str:
        """Return the title of the source's longest page, for a sample question."""
        with translated():
            return str(await self._pool.fetchval(_A_TITLE, source_name))

    async def find_page(self, source_name: str, url: str) -> PageText | None:
        with translated():
            row = await self._pool.fetchrow(_FIND_PAGE, source_name, url)
        return PageText(**row) if row else None


async def _put_page(conn: Conn, source_id: int, page: PageRow) -> None:
    page_id = await conn.fetchval(
        _PUT_PAGE,
        source_id,
        page.url,
        page.title,
        page.markdown,
        page.content_hash,
        page.etag,
        page.last_modified,
    )
    had: dict[tuple[bytes, str], list[int]] = {}
    for row in await conn.fetch(_SET_ASIDE, page_id):
        had.setdefault((row["hash"], row["url"]), []).append(row["id"])
    kept: list[tuple[int, int]] = []
    new: list[tuple[object, ...]] = []
    for position, chunk in enumerate(page.chunks):
        same = had.get((chunk.hash, chunk.url))
        if same:
            kept.append((same.pop(), position))
        else:
            heading_path = list(chunk.heading_path)
            new.append(
                (source_id, page_id, position, chunk.hash, heading_path, chunk.url, chunk.text)
            )
    await conn.executemany(_KEEP_CHUNK, kept)
    await conn.executemany(_ADD_CHUNK, new)


def _unknown(name: str, known: Collection[str]) -> UsageError:
    near = difflib.get_close_matches(name[:_SHOWN], known, n=1, cutoff=0.5)
    guess = f"; did you mean `{near[0]}`?" if near else ""
    have = ", ".join(known) or "none yet (`docbot sources add NAME URL_OR_FOLDER`)"
    return UsageError(f"there is no source `{_shown(name)}`{guess}; sources: {have}")


def _shown(name: str) -> str:
    """A name as an operator gave it, on one line of a terminal."""
    whole = name if name.isprintable() else ascii(name)[1:-1]
    return whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}..."


def _named(error: Exception, name: str) -> Exception:
    cause = error.__cause__
    if isinstance(cause, asyncpg.UniqueViolationError):
        return UsageError(
            f"there is a source `{name}` already; `docbot sources remove {name}` removes it"
        )
    if isinstance(cause, asyncpg.CheckViolationError):
        return UsageError(
            f"`{_shown(name)}` cannot be a source's name; allowed: up to 64 lower-case letters, digits, "
            "`.`, `_` and `-`, a letter or digit first"
        )
    return error
