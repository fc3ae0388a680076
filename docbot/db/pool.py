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

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from docbot.db.embedded import EmbeddedServer
from docbot.db.errors import LOST, translated
from docbot.errors import DocbotError, SettingsError, TransientError

# In quotes: asyncpg's classes take parameters only in its stubs.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Conn: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
# A connection left in a transaction makes every claim slower; no step of ours needs this long.
IDLE_IN_TRANSACTION = "60s"
POOL_SIZE = 10
_CLOSE_SECONDS = 2.0


class Database:
    """Where Postgres is; plain values only, so that a child process can be given the same two."""

    def __init__(self, url: str | None, data_dir: Path) -> None:
        self._url = url
        self._embedded = None if url else EmbeddedServer(data_dir)

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
            SettingsError: DATABASE_URL cannot be used as it is.
            TransientError: the server does not answer.
        """
        where = await asyncio.to_thread(self._where)
        options = {"timeout": CONNECT_SECONDS, **where, **arguments}
        try:
            return await asyncpg.connect(**options)
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InvalidPasswordError,
        ) as error:
            raise SettingsError(f"DATABASE_URL: {self.place} refuses this user: {error}") from error
        except asyncpg.InvalidCatalogNameError as error:
            raise SettingsError(
                f"DATABASE_URL: {error} at {self.place}; create it with `createdb`"
            ) from error
        except (ValueError, asyncpg.InterfaceError) as error:
            raise SettingsError(
                "DATABASE_URL: cannot be read; allowed: "
                "postgresql://user:password@host:port/database, with / # ? @ % in the password "
                "percent-encoded"
            ) from error
        except (*LOST, asyncpg.PostgresError) as error:
            cause = str(error) or type(error).__name__
            raise TransientError(
                f"Postgres at {self.place} does not answer: {cause}; is it running, "
                "and is DATABASE_URL right?"
            ) from error

    @asynccontextmanager
    async def pool(self, size: int = POOL_SIZE) -> AsyncIterator[Pool]:
        """A pool whose connections speak jsonb as Python values."""
        pool = asyncpg.create_pool(
            min_size=1,
            max_size=size,
            connect=self._connect_for_pool,
            init=_speak_json,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION},
        )
        try:
            with translated():
                await pool
            yield pool
        finally:
            await _close_pool(pool)

    def close(self) -> None:
        if self._embedded is not None:
            self._embedded.close()

    def _where(self) -> dict[str, Any]:
        if self._embedded is None:
            return {"dsn": self._url}
        return dict(self._embedded.ensure())

    async def _connect_for_pool(self, *_: Any, **arguments: Any) -> Connection:
        kept = {name: value for name, value in arguments.items() if name != "dsn"}
        return await self.connect(**kept)


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
        async with asyncio.timeout(CONNECT_SECONDS):
            await pool.close()
    except (*LOST, asyncpg.PostgresError, DocbotError):
        pool.terminate()


async def _speak_json(conn: Conn) -> None:
    await conn.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
