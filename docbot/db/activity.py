"""One active process: who holds the lock acts, everybody else stands by.

The lock is a session advisory lock on a connection of its own, so it ends with its process. What
a process writes carries the epoch it raised when it took over; a write of an older epoch touches
no row.
"""

import asyncio
import os
import socket
from typing import Any

from docbot.db.errors import translated
from docbot.db.pool import Conn, Connection, Database, close

_LOCK = 7_110_002

_RAISE_EPOCH = """
    UPDATE activity SET epoch = epoch + 1, holder = $1, taken_at = now() RETURNING epoch
"""
_HOLDER = """
    SELECT holder FROM activity
    WHERE EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objid = $1 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""

# An idle holder must not lose its lock to a time limit set for everybody else, and a host that
# vanished must not hold it for hours.
_SERVER_SETTINGS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "2s",
}
_TRANSACTION_TIMEOUT_SINCE = 17  # Postgres's major version that has transaction_timeout


class ActiveLock:
    """The right to act, from `acquire` until `lost` is set or `release`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._conn: Connection | None = None
        self.lost = asyncio.Event()

    async def try_acquire(self) -> bool:
        return bool(await self._fetchval("SELECT pg_try_advisory_lock($1)", _LOCK))

    async def acquire(self) -> None:
        """Wait, as long as it takes, for the process that acts to end."""
        await self._fetchval("SELECT pg_advisory_lock($1)", _LOCK)

    async def release(self) -> None:
        if self._conn is not None:
            self._conn.remove_termination_listener(self._on_termination)
            await close(self._conn)
            self._conn = None

    async def _fetchval(self, sql: str, *arguments: Any) -> Any:
        if self._conn is None:
            self._conn = await self._open()
        with translated():
            return await self._conn.fetchval(sql, *arguments)

    async def _open(self) -> Connection:
        conn = await self._database.connect(server_settings=_SERVER_SETTINGS)
        conn.add_termination_listener(self._on_termination)
        if conn.get_server_version().major >= _TRANSACTION_TIMEOUT_SINCE:
            with translated():
                await conn.execute("SET transaction_timeout = 0")
        return conn

    def _on_termination(self, _: object) -> None:
        self.lost.set()


async def raise_epoch(conn: Conn) -> int:
    """Join the caller's transaction that hands over what the process before left in flight."""
    with translated():
        return int(await conn.fetchval(_RAISE_EPOCH, this_process()))


async def find_holder(conn: Conn) -> str | None:
    """Name the process that acts, or None when nobody does."""
    with translated():
        holder: str | None = await conn.fetchval(_HOLDER, _LOCK)
    return holder


def this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
