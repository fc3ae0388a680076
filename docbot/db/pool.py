"""Connections to Postgres: a server by address, or the embedded one.

Every connection asks the embedded server to be there first, so a server that died is back with
the next connect.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from weakref import WeakSet

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from docbot.db.embedded import EmbeddedServer
from docbot.db.errors import LOST, translated
from docbot.db.server import (
    SHARED,
    connect_error,
    refusal_of_pooler,
    refuse_older,
    shares_sessions,
)
from docbot.errors import DocbotError

# In quotes: asyncpg's classes take parameters only in its stubs.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Conn: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
# A connection left in a transaction makes every claim slower, and what a frozen process had locked
# holds up the one that takes over; no step of ours needs this long.
# Said anew after each reset: a pooler takes it as no parameter of the connection.
_LIMIT_IDLE = "SET idle_in_transaction_session_timeout = '20s'"
POOL_SIZE = 10
_CLOSE_SECONDS = 2.0


class Database:
    """Where Postgres is; plain values only, so that a child process can be given the same two."""

    def __init__(self, url: str | None, data_dir: Path) -> None:
        self._url = url
        self._embedded = None if url else EmbeddedServer(data_dir)
        self._pooled: WeakSet[Connection] = WeakSet()

    @property
    def place(self) -> str:
        """Where the data is, for messages; holds no password."""
        if self._embedded is not None:
            return f"the embedded server in {self._embedded.location}"
        parts = urlsplit(self._url or "")
        where = parts.netloc.rpartition("@")[2] or "local socket"
        return f"{where}{parts.path}"

    async def connect(self, **arguments: Any) -> Connection:
        """Open one connection; the embedded server is started when it is not there.

        Raises:
            SettingsError: DATABASE_URL cannot be used as it is, or its server is too old.
            TransientError: the server does not answer.
        """
        where = await asyncio.to_thread(self._where)
        options = {"timeout": CONNECT_SECONDS, **where, **arguments}
        try:
            conn: Connection = await asyncpg.connect(**options)
        except (*LOST, ValueError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            raise connect_error(error, self.place, self._url) from error
        try:
            refuse_older(_version_number(conn), self.place)
        except DocbotError:
            await close(conn)
            raise
        return conn

    async def refuse_shared_sessions(self, conn: Connection) -> None:
        """Refuse a pooler that gives each transaction another connection to the server.

        Raises:
            SettingsError: there is one; locks and notifications would be lost.
        """
        with translated():
            try:
                shared = await self._shares_sessions(conn)
            except SHARED:
                shared = True
        if shared:
            raise refusal_of_pooler(self.place)

    @asynccontextmanager
    async def pool(self, size: int = POOL_SIZE) -> AsyncIterator[Pool]:
        """A pool whose connections speak jsonb as Python values."""
        pool = asyncpg.create_pool(
            min_size=1,
            max_size=size,
            connect=self._connect_for_pool,
            init=_prepare,
            reset=_keep,
            command_timeout=STATEMENT_SECONDS,
        )
        try:
            with translated():
                await pool
            yield pool
        finally:
            await _close_pool(pool)

    def abandon(self) -> None:
        """Drop the pools' connections with what is under way on them; the next use opens others.

        asyncpg waits without end for the server to take a cancellation in, also where the
        connection leads nowhere.
        """
        for conn in list(self._pooled):
            conn.terminate()

    def close(self) -> None:
        if self._embedded is not None:
            self._embedded.close()

    def _where(self) -> dict[str, Any]:
        if self._embedded is None:
            return {"dsn": self._url}
        return dict(self._embedded.ensure())

    async def _shares_sessions(self, conn: Connection) -> bool:
        if await _server_pid(conn) == conn.get_server_pid():
            return False  # Postgres itself: a pooler answers with a number of its own
        other = await self.connect()
        try:
            asked = (conn, other, other, conn, conn, other)
            return shares_sessions(tuple([await _server_pid(one) for one in asked]))
        finally:
            await close(other)

    async def _connect_for_pool(self, *_: Any, **arguments: Any) -> Connection:
        kept = {name: value for name, value in arguments.items() if name != "dsn"}
        conn = await self.connect(**kept)
        self._pooled.add(conn)
        return conn


async def close(conn: Connection) -> None:
    """Close a connection; one that is lost already is dropped without a word."""
    try:
        # asyncpg's own limit leaves out its wait for a statement that was cancelled.
        async with asyncio.timeout(_CLOSE_SECONDS):
            await conn.close()
    except (*LOST, asyncpg.InterfaceError, asyncpg.PostgresError):
        conn.terminate()


async def _close_pool(pool: Pool) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await pool.close()
    except (*LOST, asyncpg.PostgresError, DocbotError):
        pool.terminate()


async def _server_pid(conn: Connection) -> int:
    return int(await conn.fetchval("SELECT pg_backend_pid()"))


def _version_number(conn: Connection) -> int:
    """`server_version_num`, from what the server said at the beginning."""
    version = conn.get_server_version()
    return version.major * 10_000 + version.micro


async def _keep(_: Conn) -> None:
    """Spare each use a statement that resets the session; no statement of ours changes it.

    A transaction that was left open is rolled back all the same.
    """


async def _prepare(conn: Conn) -> None:
    await conn.execute(_LIMIT_IDLE)
    await conn.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
