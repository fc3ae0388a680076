"""Session advisory locks that this database gives out by name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from docbot.db.errors import translated
from docbot.db.pool import Connection, Database, close
from docbot.errors import TakenError

_SYNC = 7_110_003
# For a second: who holds it for a moment, or has just ended, is no sync that runs.
_TRIES = 5
_PAUSE_SECONDS = 0.2

# An idle holder must not lose its lock to a time limit set for everybody else, and a host that
# vanished must not hold it for hours.
_SETTINGS = """
    SET statement_timeout = 0;
    SET lock_timeout = 0;
    SET idle_session_timeout = 0;
    SET tcp_keepalives_idle = 3;
    SET tcp_keepalives_interval = 1;
    SET tcp_keepalives_count = 3;
    SET client_connection_check_interval = '2s';
"""
_TRANSACTION_TIMEOUT_SINCE = 17  # Postgres's major version that has transaction_timeout


async def open_for_lock(database: Database) -> Connection:
    """Open a connection that may hold a session lock for as long as its process lives."""
    conn = await database.connect()
    try:
        with translated():
            await conn.execute(_SETTINGS)
            if conn.get_server_version().major >= _TRANSACTION_TIMEOUT_SINCE:
                await conn.execute("SET transaction_timeout = 0")
    except BaseException:
        await close(conn)
        raise
    return conn


@asynccontextmanager
async def sync_lock(database: Database) -> AsyncIterator[None]:
    """The right to read sources and build the index; ends with its process.

    Raises:
        TakenError: another process syncs right now.
    """
    conn = await open_for_lock(database)
    try:
        with translated():
            for _ in range(_TRIES):
                if await conn.fetchval("SELECT pg_try_advisory_lock($1)", _SYNC):
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                raise TakenError("another sync is running on this database; wait for it to end")
        yield
    finally:
        await close(conn)
