"""One active process: who holds the lock acts, everybody else stands by.

The lock is a session advisory lock on a connection of its own, so it ends with its process. What
a process writes carries the epoch it raised when it took over; a write of an older epoch touches
no row.
"""

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import Any

from docbot.db.errors import translated
from docbot.db.locks import open_for_lock
from docbot.db.pool import Conn, Connection, Database, close

_LOCK = 7_110_002

# Who claims reads the epoch: once these locks are had, no claim of an older one is under way.
_SETTLE_CLAIMS = "LOCK TABLE questions, outbox IN SHARE ROW EXCLUSIVE MODE"
_RAISE_EPOCH = """
    UPDATE activity SET epoch = epoch + 1, holder = $1, taken_at = now() RETURNING epoch
"""
# `taken_at` tells when a process began to act or, if later, a session on Discord.
_NOTE_START = "UPDATE activity SET taken_at = clock_timestamp()"
_SINCE_START = """
    SELECT extract(epoch FROM clock_timestamp() - taken_at)::float8 FROM activity
"""
# `state_change` moves with each sign of life that the holder gives on the lock's connection.
_HOLDER = """
    SELECT holder AS name,
           extract(epoch FROM clock_timestamp() - state_change)::float8 AS silent_seconds
    FROM activity
    JOIN pg_locks ON locktype = 'advisory' AND objid = $1 AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    JOIN pg_stat_activity USING (pid)
"""

_CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that acts; `silent_seconds` since its last sign of life, None if not to be seen."""

    name: str
    silent_seconds: float | None


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

    async def check(self) -> None:
        """Ask the server for a sign of life.

        Raises:
            TransientError: it gives none, so another process may hold the lock by now.
        """
        with translated():
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._fetchval("SELECT 1")

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
        conn = await open_for_lock(self._database)
        conn.add_termination_listener(self._on_termination)
        return conn

    def _on_termination(self, _: object) -> None:
        self.lost.set()


async def raise_epoch(conn: Conn) -> int:
    """Join the caller's transaction that hands over what the process before left in flight."""
    with translated():
        epoch = int(await conn.fetchval(_RAISE_EPOCH, this_process()))
        await conn.execute(_SETTLE_CLAIMS)
    return epoch


async def find_holder(conn: Conn) -> Holder | None:
    """Find the process that acts, or None when nobody does."""
    with translated():
        row = await conn.fetchrow(_HOLDER, _LOCK)
    return Holder(**row) if row else None


async def seconds_since_start(conn: Conn) -> float | None:
    """How long ago a process began to act or a session on Discord; None if none ever did."""
    with translated():
        seconds: float | None = await conn.fetchval(_SINCE_START)
    return seconds


async def note_start(conn: Conn) -> None:
    """Note, for whoever comes next, that a session on Discord begins."""
    with translated():
        await conn.execute(_NOTE_START)


def this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
