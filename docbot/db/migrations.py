"""Brings the database's schema to this version: plain SQL files, in order, each in its transaction."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import asyncpg

from docbot import __version__
from docbot.db.errors import translated
from docbot.db.pool import Conn
from docbot.errors import PermanentError

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


async def migrate(conn: Conn, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing and return the names; nothing is done when the history does not fit.

    Raises:
        PermanentError: a migration was edited after it was applied, the database is newer, or this
            user may not create tables in it.
    """
    wanted = shipped() if migrations is None else migrations
    async with migration_lock(conn):
        return await _apply_missing(conn, wanted)


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


async def _apply_missing(conn: Conn, wanted: list[Migration]) -> list[str]:
    try:
        with translated():
            async with conn.transaction():
                await conn.execute("SET client_min_messages = warning")
                await conn.execute(_CREATE_TABLE)
                applied = await _applied(conn)
    except PermanentError as error:
        raise _explained(error) from error
    _refuse_foreign_history(applied, wanted)
    missing = [migration for migration in wanted if migration.name not in applied]
    for migration in missing:
        with translated():
            async with conn.transaction():
                await conn.execute(migration.sql)
                await conn.execute(_RECORD, migration.name, migration.checksum)
    return [migration.name for migration in missing]


def _explained(error: PermanentError) -> PermanentError:
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
