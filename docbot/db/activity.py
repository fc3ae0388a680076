"""One active process: who holds the lock acts, everybody else stands by.

The lock is a session advisory lock on a connection of its own, so it ends with its process. What
a process writes carries the epoch it raised when it took over; a write of an older epoch touches
no row. What it does outside Postgres it does after the server has confirmed the lock.
"""

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import Any

import asyncpg

from docbot.db.errors import translated
from docbot.db.locks import open_for_lock
from docbot.db.pool import Conn, Connection, Database, close
from docbot.errors import SettingsError, TransientError

_LOCK = 7_110_002

# Who claims reads the epoch: once these locks are had, no claim of an older one is under way.
_SETTLE_CLAIMS = "LOCK TABLE questions, outbox, interactions IN SHARE ROW EXCLUSIVE MODE"
_WAIT_FOR_LOCKS = "SELECT set_config('lock_timeout', $1, true)"
# Who claims sends a statement in two parts. A process that is stopped between them holds its locks,
# and no time limit of Postgres ends it: it counts neither as idle nor as one that works.
_PUT_OUT_HALTED = """
    SELECT bool_or(pg_terminate_backend(pid))
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock'
      AND relation IN ('questions'::regclass, 'outbox'::regclass, 'interactions'::regclass)
      AND state = 'active' AND wait_event = 'ClientRead'
      AND state_change < clock_timestamp() - $1 * interval '1 second'
"""
_RAISE_EPOCH = """
    UPDATE activity
    SET epoch = epoch + 1, holder = $1, taken_at = now(), lock_pid = $2, embedding_model = $3
    RETURNING epoch
"""
# `taken_at` tells when a process began to act or, if later, a session on Discord.
_NOTE_START = "UPDATE activity SET taken_at = clock_timestamp()"
_SINCE_START = """
    SELECT extract(epoch FROM clock_timestamp() - taken_at)::float8 FROM activity
"""
# `state_change` moves with each sign of life that the holder gives on the lock's connection.
_HOLDER = """
    SELECT holder AS name,
           extract(epoch FROM clock_timestamp() - state_change)::float8 AS silent_seconds,
           lock_pid IS NOT DISTINCT FROM pid AS is_described, epoch, embedding_model
    FROM activity
    JOIN pg_locks ON locktype = 'advisory' AND objid = $1 AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    JOIN pg_stat_activity USING (pid)
"""
_IS_QUEUED = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND pid = $2)
"""
_PUT_OUT = """
    SELECT pg_terminate_backend(pid)
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND objid = $1 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND state_change < clock_timestamp() - $2 * interval '1 second'
"""

# Well beyond the pauses of a busy machine, and long before anybody looks.
SILENT_SECONDS = 20.0
_HALTED_SECONDS = 5.0  # a statement's second part follows the first at once
_SIGN_SECONDS = 2.0  # between two signs of life
_CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that acts; `silent_seconds` since its last sign of life, None if not to be seen."""

    name: str
    silent_seconds: float | None
    # False until it told what it works with, as an older docbot never does.
    is_described: bool = False
    epoch: int = 0
    embedding_model: str | None = None


class ActiveLock:
    """The right to act, from `acquire` until `lost` is set or `release`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._conn: Connection | None = None
        self.server_pid: int | None = None  # of the server's process that holds the lock
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self.lost = asyncio.Event()

    async def try_acquire(self) -> bool:
        return bool(await self._fetchval("SELECT pg_try_advisory_lock($1)", _LOCK))

    async def acquire(self) -> None:
        """Wait, as long as it takes, for the process that acts to end."""
        await self._fetchval("SELECT pg_advisory_lock($1)", _LOCK)

    async def watch(self) -> None:
        """Give signs of life, at once whenever `confirm` waits for one, until the lock is lost.

        Raises:
            TransientError: it is, or its server is silent, so that another may hold it by now.
        """
        try:
            while not self.lost.is_set():
                self._asked.clear()
                asked = len(self._waiting)  # who comes during the sign waits for the next
                await self._check()
                confirmed, self._waiting = self._waiting[:asked], self._waiting[asked:]
                for sign in confirmed:
                    sign.set_result(None)
                await self._rest()
            raise _lost()
        finally:
            self.lost.set()
            for sign in self._waiting:
                sign.cancel()

    async def confirm(self) -> None:
        """Wait until the server has said, later than this call began, that the lock is ours.

        Whatever stopped this process before, it may act for a moment after.

        Raises:
            TransientError: the lock is lost.
        """
        if not self.lost.is_set():
            sign = asyncio.get_running_loop().create_future()
            self._waiting.append(sign)
            self._asked.set()
            await asyncio.wait([sign])
            if not sign.cancelled():
                return
        raise _lost()

    async def release(self) -> None:
        if self._conn is not None:
            self._conn.remove_termination_listener(self._on_termination)
            await close(self._conn)
            self._conn = None

    async def _check(self) -> None:
        with translated():
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._fetchval("SELECT 1")

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_SIGN_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            pass

    async def _fetchval(self, sql: str, *arguments: Any) -> Any:
        if self._conn is None:
            self._conn = await self._open()
        with translated():
            return await self._conn.fetchval(sql, *arguments)

    async def _open(self) -> Connection:
        conn = await open_for_lock(self._database)
        conn.add_termination_listener(self._on_termination)
        with translated():  # behind a pooler the driver does not know it
            self.server_pid = await conn.fetchval("SELECT pg_backend_pid()")
        return conn

    def _on_termination(self, _: object) -> None:
        self.lost.set()
        self._asked.set()


async def raise_epoch(
    conn: Conn,
    *,
    lock_pid: int | None = None,
    embedding_model: str | None = None,
    halted_seconds: float = _HALTED_SECONDS,
) -> int:
    """Join the caller's transaction that hands over what the process before left in flight.

    Args:
        conn: within that transaction.
        lock_pid: the server's process that holds the lock, to tell whose `embedding_model` it is.
        embedding_model: what this process works with.
        halted_seconds: after which a statement that is not sent to its end is ended.

    Raises:
        TransientError: somebody else holds the tables.
    """
    with translated():
        epoch = int(await conn.fetchval(_RAISE_EPOCH, this_process(), lock_pid, embedding_model))
        await _settle_claims(conn, halted_seconds)
    return epoch


async def _settle_claims(conn: Conn, halted_seconds: float) -> None:
    while True:
        try:
            async with conn.transaction():
                await conn.execute(_WAIT_FOR_LOCKS, f"{halted_seconds * 1000:.0f}ms")
                await conn.execute(_SETTLE_CLAIMS)
            return
        except asyncpg.LockNotAvailableError:
            if not await conn.fetchval(_PUT_OUT_HALTED, halted_seconds):
                raise


async def find_holder(conn: Conn) -> Holder | None:
    """Find the process that acts, or None when nobody does."""
    with translated():
        row = await conn.fetchrow(_HOLDER, _LOCK)
    return Holder(**row) if row else None


async def is_queued(conn: Conn, lock_pid: int) -> bool:
    """Whether that process of the server still waits for the lock, or has it."""
    with translated():
        return bool(await conn.fetchval(_IS_QUEUED, _LOCK, lock_pid))


async def put_out_silent(conn: Conn, seconds: float = SILENT_SECONDS) -> bool:
    """Take the lock from a process that hangs, or whose connection leads nowhere; True if so.

    It acts no more: before each thing it does it asks the server whether the lock is its own.
    """
    with translated():
        return bool(await conn.fetchval(_PUT_OUT, _LOCK, seconds))


def refuse_other_model(holder: Holder, embedding_model: str | None) -> None:
    """Refuse to stand by with another embedding model than that of the process that acts.

    Raises:
        SettingsError: they differ; each would make the index anew with its own.
    """
    if not holder.is_described or holder.embedding_model == embedding_model:
        return
    theirs, ours = holder.embedding_model or "none", embedding_model or "none"
    raise SettingsError(
        f"DOCBOT_EMBEDDING_MODEL: here it is {ours}, and {holder.name}, which acts on this "
        f"database, has {theirs}; set the same here to stand by, or stop that process first to "
        "change the model; nothing was changed"
    )


def _lost() -> TransientError:
    return TransientError("the connection that holds the right to act broke")


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
