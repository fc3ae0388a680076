"""What each address of a source gave when it was last asked for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.text import storable

_FIND = """
    SELECT page_url, etag, last_modified, body_hash, converter, links, leads_to, note, sync_id, failure,
           page_url IS NULL OR EXISTS (
               SELECT FROM pages WHERE source_id = $1 AND url = page_url AND removed_at IS NULL
           ) AS is_stored
    FROM addresses WHERE source_id = $1 AND address = $2
"""
_WITH_PAGE = "SELECT address FROM addresses WHERE source_id = $1 AND page_url IS NOT NULL"
_PUT = """
    INSERT INTO addresses (source_id, sync_id, address, page_url, etag, last_modified, body_hash,
                           converter, links, leads_to, note)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (source_id, address) DO UPDATE
    SET sync_id = $2, page_url = $4, etag = $5, last_modified = $6, body_hash = $7, converter = $8,
        links = $9, leads_to = $10, note = $11, missed = 0, failed_at = NULL, failure = NULL
"""
_SETTLE = """
    UPDATE addresses SET sync_id = $2, missed = 0, failed_at = NULL, failure = NULL
    WHERE source_id = $1 AND address = ANY($3::text[])
"""
_SET_VALIDATORS = """
    UPDATE addresses SET etag = $3, last_modified = $4 WHERE source_id = $1 AND address = $2
"""
# Of an address that was never read the page is found by its own address.
_FAIL = """
    INSERT INTO addresses (source_id, sync_id, address, page_url, failed_at, failure)
    VALUES ($1, $2, $3,
            (SELECT url FROM pages WHERE source_id = $1 AND url = $4 AND removed_at IS NULL),
            now(), $5)
    ON CONFLICT (source_id, address) DO UPDATE
    SET sync_id = $2, failed_at = coalesce(addresses.failed_at, now()), failure = $5
    RETURNING body_hash IS NOT NULL AS was_read, now() - failed_at AS failing_for
"""
# A sync that was stopped half way and goes on counts once.
_MISS = """
    UPDATE addresses SET missed = missed + 1, sync_id = $2
    WHERE source_id = $1 AND address = ANY($3::text[]) AND sync_id IS DISTINCT FROM $2
"""
_NOT_ASKED = """
    SELECT address FROM addresses
    WHERE source_id = $1 AND sync_id IS DISTINCT FROM $2 AND page_url IS NOT NULL
"""
_FAILURES = """
    SELECT address, failure FROM addresses
    WHERE source_id = $1 AND failure IS NOT NULL ORDER BY failed_at, address LIMIT $2
"""
# A stub leads to another address, which gives the page.
_PLACES = """
    SELECT url AS address, url, id AS page_id
    FROM pages WHERE source_id = $1 AND removed_at IS NULL
    UNION
    SELECT address, url, pages.id
    FROM addresses JOIN pages ON pages.source_id = $1 AND url = page_url AND removed_at IS NULL
    WHERE addresses.source_id = $1
    UNION
    SELECT stub.address, url, pages.id
    FROM addresses AS stub
    JOIN addresses AS target ON target.source_id = $1 AND target.address = stub.leads_to
    JOIN pages ON pages.source_id = $1 AND url = target.page_url AND removed_at IS NULL
    WHERE stub.source_id = $1
"""
_COUNT_FAILURES = "SELECT count(*) FROM addresses WHERE source_id = $1 AND failure IS NOT NULL"


@dataclass(frozen=True, slots=True)
class AddressRow:
    """What an address gave: a page, or none of its own with a note where that is worth a line.

    `is_stored` is false where the page is not there any more, as when an older docbot removed it.
    """

    address: str
    page_url: str | None
    etag: str | None
    last_modified: str | None
    body_hash: bytes | None
    converter: int
    links: Sequence[str] = ()
    leads_to: str | None = None
    note: str | None = None
    sync_id: int | None = None
    failure: str | None = None
    is_stored: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """One of the addresses at which a page is reached; `url` is the page's own."""

    address: str
    url: str
    page_id: int


@dataclass(frozen=True, slots=True)
class Failing:
    """An address that cannot be read; `was_read` tells whether it ever was."""

    was_read: bool
    failing_for: timedelta


class Addresses:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, source_id: int, address: str) -> AddressRow | None:
        with translated():
            row = await self._pool.fetchrow(_FIND, source_id, address)
        if row is None:
            return None
        return AddressRow(address=address, **{**row, "links": tuple(row["links"].splitlines())})

    async def with_page(self, source_id: int) -> frozenset[str]:
        """Every address that gave a page when it was last read."""
        with translated():
            rows = await self._pool.fetch(_WITH_PAGE, source_id)
        return frozenset(row["address"] for row in rows)

    async def places(self, source_id: int) -> list[Place]:
        """Give every address of every page: its own, and those that lead to it."""
        with translated():
            rows = await self._pool.fetch(_PLACES, source_id)
        return [Place(**row) for row in rows]

    async def put(self, source_id: int, sync_id: int, row: AddressRow) -> None:
        with translated():
            async with self._pool.acquire() as conn:
                await put_address(conn, source_id, sync_id, row)

    async def settle(self, source_id: int, sync_id: int, addresses: Collection[str]) -> None:
        """Note that these gave in this sync what they gave before."""
        with translated():
            await self._pool.execute(_SETTLE, source_id, sync_id, list(addresses))

    async def set_validators(
        self, source_id: int, address: str, *, etag: str | None, last_modified: str | None
    ) -> None:
        """Ask with these from now on; the body is the one that came with others."""
        with translated():
            await self._pool.execute(_SET_VALIDATORS, source_id, address, etag, last_modified)

    async def fail(
        self, source_id: int, sync_id: int, *, address: str, page_url: str, reason: str
    ) -> Failing:
        """Note that an address cannot be read, and since when; `page_url` is what it would give."""
        with translated():
            [row] = await self._pool.fetch(
                _FAIL, source_id, sync_id, address, page_url, storable(reason)
            )
        return Failing(**row)

    async def miss(self, source_id: int, sync_id: int, addresses: Collection[str]) -> None:
        """Count a sync in which nothing named these, though they are still there."""
        with translated():
            await self._pool.execute(_MISS, source_id, sync_id, list(addresses))

    async def not_asked(self, source_id: int, sync_id: int) -> list[str]:
        """Addresses with a page that this sync did not come by."""
        with translated():
            rows = await self._pool.fetch(_NOT_ASKED, source_id, sync_id)
        return [row["address"] for row in rows]

    async def failures(self, source_id: int, limit: int) -> list[tuple[str, str]]:
        """Return (address, reason) of what cannot be read, the longest failing first."""
        with translated():
            rows = await self._pool.fetch(_FAILURES, source_id, limit)
        return [(row["address"], row["failure"]) for row in rows]

    async def count_failures(self, source_id: int) -> int:
        """Return how many addresses cannot be read."""
        with translated():
            return int(await self._pool.fetchval(_COUNT_FAILURES, source_id))


async def put_address(conn: Conn, source_id: int, sync_id: int, row: AddressRow) -> None:
    await conn.execute(
        _PUT,
        source_id,
        sync_id,
        row.address,
        row.page_url,
        row.etag,
        row.last_modified,
        row.body_hash,
        row.converter,
        "\n".join(row.links),
        row.leads_to,
        row.note,
    )
