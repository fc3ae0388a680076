"""Sources, their pages and chunks: what docbot has read."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from docbot.db.addresses import AddressRow, put_address
from docbot.db.errors import translated
from docbot.db.listen import TELL_OF_SETTINGS
from docbot.db.pool import Conn, Pool
from docbot.errors import UsageError

_ADD = """
    INSERT INTO sources (name, kind, location, base_url, include, exclude, selector, max_pages)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
"""
_REMOVE = "DELETE FROM sources WHERE guild_id IS NULL AND name = $1 RETURNING id"
_LIST = """
    SELECT id, name, kind, location, base_url, include, exclude, selector, max_pages, repeated,
           synced_at, due_at,
           (SELECT count(*) FROM pages WHERE source_id = sources.id AND removed_at IS NULL) AS pages,
           coalesce(stored.chunks, 0) AS chunks, coalesce(stored.tokens, 0) AS tokens
    FROM sources
    LEFT JOIN (
        SELECT source_id, count(*) AS chunks, sum(tokens) AS tokens
        FROM chunks WHERE position IS NOT NULL GROUP BY source_id) AS stored
        ON stored.source_id = sources.id
    WHERE (kind = 'solved') = $1 AND ($2::bigint IS NULL OR guild_id IS NULL OR guild_id = $2)
    ORDER BY name
"""
_READABLE = """
    SELECT id, name FROM sources
    WHERE (guild_id IS NULL OR guild_id = $1)
      -- What was learned in a forum is for those alone who can read it.
      AND forum_id IS NULL
    ORDER BY id
"""
_PAGE_HASHES = """
    SELECT url, content_hash FROM pages WHERE source_id = $1 AND removed_at IS NULL
"""
_COUNT_PAGES = "SELECT count(*) FROM pages WHERE source_id = $1 AND removed_at IS NULL"
_PUT_PAGE = """
    INSERT INTO pages (source_id, url, title, markdown, content_hash, chunker, edges)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (source_id, url) DO UPDATE
    SET title = $3, markdown = $4, content_hash = $5, chunker = $6, edges = $7, removed_at = NULL,
        fetched_at = now(), changed_at = now(), indexed_title = coalesce(
            pages.indexed_title, CASE WHEN pages.title <> $3 THEN pages.title END)
    RETURNING id
"""
# What the page no longer has is still found until an index without it is in use.
_SET_ASIDE = "UPDATE chunks SET position = NULL WHERE page_id = $1 RETURNING id, hash, url"
_KEEP_CHUNK = "UPDATE chunks SET position = $2, tokens = $3 WHERE id = $1"
_ADD_CHUNK = """
    INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text, tokens)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_COUNT_PAGE = "UPDATE syncs SET added = added + $2, changed = changed + $3 WHERE id = $1"
# A page stays for as long as an address gives it. One that no address ever gave, as it was read
# before addresses were kept, goes with the first sync that read everything.
_DOOMED = """
    SELECT url FROM pages
    WHERE source_id = $1 AND removed_at IS NULL
      AND NOT EXISTS (
        SELECT FROM addresses
        WHERE addresses.source_id = $1 AND page_url = pages.url
          AND NOT (address = ANY($2::text[]) OR missed >= $3
                   OR coalesce(failed_at < now() - make_interval(days => $4), false)))
      AND ($5 OR EXISTS (
        SELECT FROM addresses WHERE addresses.source_id = $1 AND page_url = pages.url))
    ORDER BY url
"""
_FORGET_ADDRESSES = """
    DELETE FROM addresses WHERE source_id = $1 AND (address = ANY($2::text[]) OR missed >= $3)
"""
# Since when it fails is kept: what fails for that long holds up nothing else.
_EMPTY_ADDRESSES = """
    UPDATE addresses
    SET page_url = NULL, etag = NULL, last_modified = NULL, body_hash = NULL, links = '',
        leads_to = NULL, note = NULL
    WHERE source_id = $1 AND failed_at < now() - make_interval(days => $2)
"""
_FORGET_PAGELESS = """
    DELETE FROM addresses
    WHERE source_id = $1 AND sync_id IS DISTINCT FROM $2 AND page_url IS NULL
"""
# They are still found until an index without them is in use.
_SET_PAGES_ASIDE = """
    UPDATE pages SET removed_at = now() WHERE source_id = $1 AND url = ANY($2::text[])
"""
_SET_THEIR_CHUNKS_ASIDE = """
    UPDATE chunks SET position = NULL
    FROM pages
    WHERE pages.id = chunks.page_id AND pages.source_id = $1 AND pages.url = ANY($2::text[])
"""
_MARK_SYNCED = "UPDATE sources SET synced_at = now() WHERE id = $1"
_EDGES = """
    SELECT edge, count(*) AS pages FROM pages, unnest(edges) AS edge
    WHERE source_id = $1 AND removed_at IS NULL GROUP BY edge HAVING count(*) >= $2
"""
_SET_REPEATED = "UPDATE sources SET repeated = $2 WHERE id = $1"
_CUT_OTHERWISE = """
    SELECT url, title, markdown, content_hash FROM pages
    WHERE source_id = $1 AND removed_at IS NULL AND url > $2 AND (chunker <> $3 OR edges && $4::bytea[])
    ORDER BY url LIMIT $5
"""
_ARE_CUT_OTHERWISE = """
    SELECT EXISTS (SELECT FROM pages WHERE removed_at IS NULL AND chunker <> $1)
"""
_ARE_INDEXED = """
    SELECT EXISTS (
        SELECT FROM chunks JOIN index_generations ON state = 'current' AND chunks.id <= last_chunk
        WHERE source_id = ANY($1::bigint[]))
"""
_FIND_PAGE = """
    SELECT pages.url, pages.title, pages.markdown
    FROM pages JOIN sources ON sources.id = pages.source_id
    WHERE guild_id IS NULL AND sources.name = $1 AND pages.url = $2
"""

_A_TITLE = """
    SELECT pages.title FROM pages
    JOIN sources ON sources.id = pages.source_id
    JOIN chunks ON chunks.page_id = pages.id
    WHERE guild_id IS NULL AND sources.name = $1 AND chunks.position IS NOT NULL
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
    tokens: int = 0  # estimated
    include: tuple[str, ...] = ()  # globs
    exclude: tuple[str, ...] = ()
    selector: str | None = None  # CSS
    max_pages: int | None = None
    repeated: frozenset[bytes] = frozenset()  # edges that stand on most pages; chunks lack them
    due_at: datetime | None = None  # of the next scheduled sync


@dataclass(frozen=True, slots=True)
class ChunkRow:
    hash: bytes
    heading_path: tuple[str, ...]
    url: str
    text: str
    tokens: int = 0  # estimated


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as it was read; `content_hash` covers its title and its Markdown.

    `chunker` is the version that cut it, `edges` are hashes of its first and last blocks.
    """

    url: str
    title: str
    markdown: str
    content_hash: bytes
    chunks: tuple[ChunkRow, ...]
    chunker: int = 0
    edges: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncut:
    """A stored page that is to be cut anew."""

    url: str
    title: str
    markdown: str
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Removal:
    """What a sync finds to be gone.

    `addresses` answered that they are; `most_missed` is in how many syncs in a row an address may
    be named by nothing, `grace_days` for how long it may fail.
    """

    addresses: frozenset[str]
    most_missed: int
    grace_days: int


@dataclass(frozen=True, slots=True)
class PageText:
    url: str
    title: str
    markdown: str


class Sources:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self,
        *,
        name: str,
        kind: str,
        location: str,
        base_url: str | None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        selector: str | None = None,
        max_pages: int | None = None,
    ) -> int:
        """Raises UsageError when the name is taken or has characters that no name has."""
        scope = list(include), list(exclude), selector, max_pages
        try:
            with translated():
                async with self._pool.acquire() as conn, conn.transaction():
                    await conn.execute(TELL_OF_SETTINGS)
                    return int(await conn.fetchval(_ADD, name, kind, location, base_url, *scope))
        except Exception as error:
            raise _named(error, name) from error

    async def remove(self, name: str) -> None:
        """Remove a source with its pages and chunks; forums bound to it lose it."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                removed = await conn.fetchval(_REMOVE, name)
                await conn.execute(TELL_OF_SETTINGS)
        if removed is None:
            raise _unknown(name, [source.name for source in await self.all()])

    async def all(self, guild_id: int | None = None) -> list[Source]:
        """Return what the operator added; where a server is named, without those of others."""
        with translated():
            rows = await self._pool.fetch(_LIST, False, guild_id)
        return [_source(row) for row in rows]

    async def solved(self) -> list[Source]:
        """Return what was learned from threads, a source for each forum."""
        with translated():
            rows = await self._pool.fetch(_LIST, True, None)
        return [_source(row) for row in rows]

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

    async def readable_by(self, guild_id: int) -> dict[int, str]:
        """Names by id of what a server may read anywhere: the operator's sources, and its own."""
        with translated():
            rows = await self._pool.fetch(_READABLE, guild_id)
        return {row["id"]: row["name"] for row in rows}

    async def are_indexed(self, source_ids: Sequence[int]) -> bool:
        """Whether the current index holds anything of at least one of these sources."""
        with translated():
            return bool(await self._pool.fetchval(_ARE_INDEXED, list(source_ids)))

    async def page_hashes(self, source_id: int) -> dict[str, bytes]:
        with translated():
            rows = await self._pool.fetch(_PAGE_HASHES, source_id)
        return {row["url"]: row["content_hash"] for row in rows}

    async def count_pages(self, source_id: int) -> int:
        with translated():
            return int(await self._pool.fetchval(_COUNT_PAGES, source_id))

    async def put_page(
        self,
        source_id: int,
        page: PageRow,
    ) -> None:
        """Store the page in place of what was there, all or nothing.

        A chunk that the page had before keeps its id, wherever in the page it is now.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await write_page(conn, source_id, page)

    async def put_read_page(
        self,
        source_id: int,
        sync_id: int,
        page: PageRow,
        address: AddressRow,
        *,
        added: int,
        changed: int,
    ) -> None:
        """Store a page as `put_page`, with the address that gave it to a sync, and count it there."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await write_page(conn, source_id, page)
                await put_address(conn, source_id, sync_id, address)
                await conn.execute(_COUNT_PAGE, sync_id, added, changed)

    async def doomed(self, source_id: int, removal: Removal, *, read_all: bool) -> list[str]:
        """Return the pages that no address gives any more, all but what is gone counted.

        With `read_all` those that no address ever gave too.
        """
        with translated():
            rows = await self._pool.fetch(
                _DOOMED,
                source_id,
                list(removal.addresses),
                removal.most_missed,
                removal.grace_days,
                read_all,
            )
        return [row["url"] for row in rows]

    async def remove_pages(
        self, source_id: int, sync_id: int, urls: Sequence[str], removal: Removal
    ) -> None:
        """Take pages out of what is indexed next, and forget the addresses that gave them."""
        gone = list(removal.addresses), removal.most_missed
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await conn.execute(_SET_PAGES_ASIDE, source_id, list(urls))
                await conn.execute(_SET_THEIR_CHUNKS_ASIDE, source_id, list(urls))
                await conn.execute(_FORGET_ADDRESSES, source_id, *gone)
                await conn.execute(_EMPTY_ADDRESSES, source_id, removal.grace_days)
                await conn.execute(_FORGET_PAGELESS, source_id, sync_id)

    async def mark_synced(self, source_id: int) -> None:
        with translated():
            await self._pool.execute(_MARK_SYNCED, source_id)

    async def edges(self, source_id: int, *, least: int) -> dict[bytes, int]:
        """Count on how many pages each edge stands, where on at least so many."""
        with translated():
            rows = await self._pool.fetch(_EDGES, source_id, least)
        return {row["edge"]: row["pages"] for row in rows}

    async def set_repeated(self, source_id: int, repeated: Collection[bytes]) -> None:
        with translated():
            await self._pool.execute(_SET_REPEATED, source_id, sorted(repeated))

    async def cut_otherwise(
        self, source_id: int, *, chunker: int, edges: Collection[bytes], after: str, limit: int
    ) -> list[Uncut]:
        """Return pages, by address, that another chunker cut or that have one of these edges."""
        with translated():
            rows = await self._pool.fetch(
                _CUT_OTHERWISE, source_id, after, chunker, list(edges), limit
            )
        return [Uncut(**row) for row in rows]

    async def are_cut_otherwise(self, chunker: int) -> bool:
        """Whether another chunker cut any page."""
        with translated():
            return bool(await self._pool.fetchval(_ARE_CUT_OTHERWISE, chunker))

    async def a_title(self, source_name: str) -> str:
        """Return the title of the source's longest page, for a sample question."""
        with translated():
            return str(await self._pool.fetchval(_A_TITLE, source_name))

    async def find_page(self, source_name: str, url: str) -> PageText | None:
        with translated():
            row = await self._pool.fetchrow(_FIND_PAGE, source_name, url)
        return PageText(**row) if row else None


def _source(row: asyncpg.Record) -> Source:
    lists = {
        "include": tuple(row["include"]),
        "exclude": tuple(row["exclude"]),
        "repeated": frozenset(row["repeated"]),
    }
    return Source(**{**row, **lists})


async def write_page(conn: Conn, source_id: int, page: PageRow) -> int:
    """Join the caller's transaction: store the page as `put_page` says; return its id."""
    page_id: int = await conn.fetchval(
        _PUT_PAGE,
        source_id,
        page.url,
        page.title,
        page.markdown,
        page.content_hash,
        page.chunker,
        list(page.edges),
    )
    had: dict[tuple[bytes, str], list[int]] = {}
    for row in await conn.fetch(_SET_ASIDE, page_id):
        had.setdefault((row["hash"], row["url"]), []).append(row["id"])
    kept: list[tuple[int, int, int]] = []
    new: list[tuple[object, ...]] = []
    for position, chunk in enumerate(page.chunks):
        same = had.get((chunk.hash, chunk.url))
        if same:
            kept.append((same.pop(), position, chunk.tokens))
        else:
            path = list(chunk.heading_path)
            place = source_id, page_id, position
            new.append((*place, chunk.hash, path, chunk.url, chunk.text, chunk.tokens))
    await conn.executemany(_KEEP_CHUNK, kept)
    await conn.executemany(_ADD_CHUNK, new)
    return page_id


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
