"""Session advisory locks that this database gives out by name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from docbot.db.errors import translated
from docbot.db.pool import Database, close
from docbot.errors import UsageError

_SYNC = 7_110_003


@asynccontextmanager
async def sync_lock(database: Database) -> AsyncIterator[None]:
    """The right to read sources and build the index; ends with its process.

    Raises:
        UsageError: another process syncs right now.
    """
    conn = await database.connect()
    try:
        with translated():
            if not await conn.fetchval("SELECT pg_try_advisory_lock($1)", _SYNC):
                raise UsageError("another sync is running on this database; wait for it to end")
        yield
    finally:
        await close(conn)
