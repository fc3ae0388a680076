"""Brings the database's schema to this version: plain SQL files, in order, each in its transaction."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

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
_APPLIED = "SELECT name, checksum FROM migrations ORDER BY name"
_RECORD = "INSERT INTO migrations (name, checksum) VALUES ($1, $2)"


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
        PermanentError: a migration was edited after it was applied, or the database is newer.
    """
    wanted = shipped() if migrations is None else migrations
    with translated():
        await conn.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        return await _apply_missing(conn, wanted)
    finally:
        with translated():
            await conn.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _apply_missing(conn: Conn, wanted: list[Migration]) -> list[str]:
    with translated():
        await conn.execute("SET client_min_messages = warning")
        await conn.execute(_CREATE_TABLE)
        applied = {row["name"]: row["checksum"] for row in await conn.fetch(_APPLIED)}
    _refuse_foreign_history(applied, wanted)
    missing = [migration for migration in wanted if migration.name not in applied]
    for migration in missing:
        with translated():
            async with conn.transaction():
                await conn.execute(migration.sql)
                await conn.execute(_RECORD, migration.name, migration.checksum)
    return [migration.name for migration in missing]


def _refuse_foreign_history(applied: dict[str, str], wanted: list[Migration]) -> None:
    known = {migration.name: migration.checksum for migration in wanted}
    unknown = sorted(applied.keys() - known.keys())
    if unknown:
        raise PermanentError(
            f"the database is newer than this docbot: it has {', '.join(unknown)}; "
            "install the version that last ran on it, or a later one"
        )
    edited = [name for name, checksum in applied.items() if known[name] != checksum]
    if edited:
        raise PermanentError(
            f"{', '.join(edited)} was edited after it was applied to this database; "
            "restore the file as it was, and write the change as a new migration"
        )
