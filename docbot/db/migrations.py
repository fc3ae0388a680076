"""Brings the database's schema to this version: plain SQL files, in order, each in its transaction.

A bot of the version before goes on meanwhile: a migration does not wait long for a lock, since
whoever asks for the same table after it would wait too. It gives way and tries again.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from time import monotonic

import asyncpg

from docbot import __version__
from docbot.db.errors import translated
from docbot.db.pool import Conn
from docbot.errors import DocbotError, PermanentError, TransientError

log = logging.getLogger(__name__)

# Any constant of our own: two processes that start together migrate one after the other.
_LOCK = 7_110_001

_CREATE_TABLE = """
    CREATE TABLE IF NOT EXISTS migrations (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now())
"""
_HAS_HISTORY = "SELECT to_regclass('migrations') IS NOT NULL"
_APPLIED = "SELECT name, checksum FROM migrations ORDER BY name"
# Everybody waits behind a migration that waits. How long it works is its own affair, but one whose
# process was killed shall not keep the next from beginning.
_LIMITS = """
    SET LOCAL lock_timeout = '500ms';
    SET LOCAL statement_timeout = 0;
    SET LOCAL client_connection_check_interval = '1s';
"""
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0  # in which those who waited behind it go first
_IN_THE_WAY = asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError
_OLDEST_TRANSACTION = """
    SELECT format('process %s of Postgres, in a transaction for %s s', pid,
                  round(extract(epoch FROM clock_timestamp() - xact_start)))
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT 1
"""
_RECORD = "INSERT INTO migrations (name, checksum) VALUES ($1, $2)"
# How each migration makes or drops a table: at the beginning of a line.
_MAKES = re.compile(r"^(CREATE|DROP) TABLE (\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> list[Migration]:
    """Every migration of this version, in order: from the wheel, or from the checkout."""
    checkout = Path(__file__).parents[2] / "migrations"
    folder = checkout if checkout.is_dir() else files("docbot.db") / "sql"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [
        Migration(entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(found, key=lambda entry: entry.name)
    ]


async def migrate(
    conn: Conn,
    migrations: list[Migration] | None = None,
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> list[str]:
    """Apply what is missing and return the names; nothing is done when the history does not fit.

    Raises:
        PermanentError: a migration was edited after it was applied, the database is newer, or this
            user may not create tables in it.
        TransientError: somebody kept a table locked for longer than `patience_seconds`.
    """
    wanted = shipped() if migrations is None else migrations
    async with migration_lock(conn):
        return await _apply_missing(conn, wanted, patience_seconds)


@asynccontextmanager
async def migration_lock(conn: Conn) -> AsyncIterator[None]:
    """Keep every other process from changing the schema; may be taken again by who has it."""
    with translated():
        await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        yield
    finally:
        with translated():
            await conn.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def applied_to(conn: Conn, migrations: list[Migration] | None = None) -> list[Migration]:
    """The migrations that this database has; none where docbot never was. Changes nothing.

    Raises:
        PermanentError: a migration was edited after it was applied, the database is newer, or
            another program's.
    """
    known = shipped() if migrations is None else migrations
    try:
        with translated():
            has_history = await conn.fetchval(_HAS_HISTORY)
            applied = await _applied(conn) if has_history else {}
    except PermanentError as error:
        raise _explained(error) from error
    _refuse_foreign_history(applied, known)
    return [migration for migration in known if migration.name in applied]


def tables_of(migrations: Iterable[Migration]) -> set[str]:
    """Name the tables that there are once these migrations were applied."""
    tables: set[str] = set()
    for migration in migrations:
        for verb, table in _MAKES.findall(migration.sql):
            (tables.add if verb == "CREATE" else tables.remove)(table)
    return tables


async def _applied(conn: Conn) -> dict[str, str]:
    return {row["name"]: row["checksum"] for row in await conn.fetch(_APPLIED)}


async def _apply_missing(conn: Conn, wanted: list[Migration], patience_seconds: float) -> list[str]:
    try:
        with translated():
            async with conn.transaction():
                await conn.execute("SET client_min_messages = warning")
                await conn.execute(_CREATE_TABLE)
                applied = await _applied(conn)
    except DocbotError as error:
        raise _explained(error) from error
    _refuse_foreign_history(applied, wanted)
    missing = [migration for migration in wanted if migration.name not in applied]
    for migration in missing:
        await _insist(conn, migration, patience_seconds)
    return [migration.name for migration in missing]


async def _insist(conn: Conn, migration: Migration, patience_seconds: float) -> None:
    """Apply it, again for as long as a lock is in the way."""
    until = monotonic() + patience_seconds
    attempt = 0
    while True:
        attempt += 1
        with translated():
            try:
                await _apply(conn, migration)
            except _IN_THE_WAY as error:
                who = await conn.fetchval(_OLDEST_TRANSACTION) or "nobody just now"
                if monotonic() > until:
                    raise TransientError(
                        f"migration {migration.name} was not applied: {error}, {attempt} times in "
                        f"{patience_seconds:.0f} s; nothing was changed. In its way: {who}; let "
                        "that end, or end it with pg_terminate_backend, then start docbot again"
                    ) from error
                if attempt == 1:
                    log.info("migration %s waits for a lock; in its way: %s", migration.name, who)
            else:
                return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _apply(conn: Conn, migration: Migration) -> None:
    async with conn.transaction():
        await conn.execute(_LIMITS)
        await conn.execute(migration.sql)
        await conn.execute(_RECORD, migration.name, migration.checksum)


def _explained(error: DocbotError) -> DocbotError:
    """Add what to do, where Postgres does not let docbot make its tables."""
    cause = error.__cause__
    advice = "give docbot a database of its own"
    if isinstance(cause, asyncpg.InsufficientPrivilegeError):
        advice = "make its user the database's owner: ALTER DATABASE ... OWNER TO ..."
    elif isinstance(cause, asyncpg.ReadOnlySQLTransactionError):
        advice = "it is a replica, or set read-only: give the address of the primary server"
    elif isinstance(cause, asyncpg.UndefinedColumnError):
        advice = f"another program has a table `migrations` there: {advice}"
    else:
        return error
    return PermanentError(f"DATABASE_URL: {error}; {advice}")


def _refuse_foreign_history(applied: dict[str, str], wanted: list[Migration]) -> None:
    known = {migration.name: migration.checksum for migration in wanted}
    unknown = sorted(applied.keys() - known.keys())
    if unknown:
        raise PermanentError(
            f"the database is newer than this docbot: it has {', '.join(unknown)}, and docbot "
            f"{__version__} knows {max(known, default='none')} as the last; nothing was changed; "
            "install the version that last ran on it, or a later one"
        )
    edited = [name for name, checksum in applied.items() if known[name] != checksum]
    if edited:
        raise PermanentError(
            f"{', '.join(edited)} was edited after it was applied to this database; "
            "restore the file as it was, and write the change as a new migration"
        )
