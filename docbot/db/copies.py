"""Copies of a whole database: every table read as one snapshot, and loaded in one transaction.

Which tables there are is asked of the database, so that a new one is copied without a word here;
what is not copied stands in `LEFT_OUT`, with the reason.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from types import MappingProxyType
from typing import Any, TypeAlias

from docbot.db.activity import ActiveLock, find_holder
from docbot.db.errors import translated
from docbot.db.locks import open_for_lock
from docbot.db.migrations import (
    Migration,
    applied_to,
    migrate,
    migration_lock,
    shipped,
    tables_of,
)
from docbot.db.pool import Conn, Connection, Database, close
from docbot.db.touched import touched
from docbot.errors import PermanentError, UsageError

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "activity": "who acts is true of one database alone",
        "index_generations": "names folders or collections that are not in the backup; built anew",
        "installation": "two databases of one name on a Qdrant server drop each other's index",
        "vocabularies": "of index generations; counted anew with them",
    }
)

_TABLES = """
    SELECT relname::text AS name,
           array_agg(attname::text ORDER BY attnum) FILTER (WHERE attgenerated = '') AS columns
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind = 'r'
      AND attnum > 0 AND NOT attisdropped AND relname <> 'migrations'
      -- It lets whoever has it speak as docbot, and is of no use to whom a backup is restored.
      AND (relname, attname) <> ('interactions', 'token')
    GROUP BY relname ORDER BY relname
"""
_REFERENCES = """
    SELECT referring.relname::text AS referring, referred.relname::text AS referred
    FROM pg_constraint
    JOIN pg_class AS referring ON referring.oid = conrelid
    JOIN pg_class AS referred ON referred.oid = confrelid
    WHERE contype = 'f' AND conrelid <> confrelid
      AND connamespace = to_regnamespace(quote_ident(current_schema()))
"""
# Statements about tables whose names are known at run time only: Postgres itself writes them.
_WRITE_LOCK = """
    SELECT 'LOCK TABLE ' || string_agg(quote_ident(name), ', ') || ' IN ACCESS ' || $2 || ' MODE'
    FROM unnest($1::text[]) AS name
"""
_WRITE_COUNTS = """
    SELECT string_agg(format('SELECT %L AS name, count(*) AS rows FROM %I', name, name),
                      ' UNION ALL ')
    FROM unnest($1::text[]) AS name
"""
_WRITE_DROP = """
    SELECT 'DROP TABLE ' || string_agg(quote_ident(name), ', ') FROM unnest($1::text[]) AS name
"""
# What a text says must not depend on how a server or a user is set up, and no limit may end it.
_PLAIN = """
    SET LOCAL datestyle = 'ISO';
    SET LOCAL intervalstyle = 'postgres';
    SET LOCAL timezone = 'UTC';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 3;
    SET LOCAL idle_in_transaction_session_timeout = 0
"""
# Somebody's open transaction must not let a restore wait without a word.
_LIMIT_WAIT = "SET LOCAL lock_timeout = '30s'"
# The buttons of what was posted after the backup bear ids that the backup knows nothing of; they
# must not become those of another answer.
_SET_IDENTITIES = """
    DO $$
    DECLARE
        identity record;
        highest bigint;
    BEGIN
        FOR identity IN
            SELECT relname AS table_name, attname AS column_name,
                   CASE WHEN relname IN ('answers', 'outbox') THEN 100000 END AS gap
            FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
            WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))
              AND attidentity <> '' AND NOT attisdropped
        LOOP
            EXECUTE format('SELECT max(%I) FROM %I', identity.column_name, identity.table_name)
            INTO highest;
            IF highest IS NOT NULL OR identity.gap IS NOT NULL THEN
                PERFORM setval(
                    pg_get_serial_sequence(quote_ident(identity.table_name), identity.column_name),
                    coalesce(highest, 0) + coalesce(identity.gap, 0));
            END IF;
        END LOOP;
    END $$
"""
# A bot that ran on after the backup has sent these, perhaps: counted as tried since they were
# written, each is looked for in its channel before it is sent.
_DOUBT_UNSENT = """
    UPDATE outbox
    SET attempt = greatest(attempt, 1), first_tried_at = coalesce(first_tried_at, created_at)
    WHERE state IN ('pending', 'sending')
"""
# A bot that ran on after the backup has answered these, perhaps, and no token of then is of use.
_FAIL_CALLS = """
    UPDATE questions SET state = 'failed', ended_at = now(), reason =
        'it was open in the backup, and may have been answered since; ask again'
    WHERE ended_at IS NULL
      AND interaction_id IN (SELECT id FROM interactions WHERE ended_at IS NULL);
    UPDATE interactions
    SET token = NULL, note = NULL, due_at = NULL, claimed_by = NULL, ended_at = now()
    WHERE ended_at IS NULL
"""

Sink: TypeAlias = Callable[[bytes], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables as they were at one moment, however long they take to read."""

    schema: str  # the last migration
    tables: Sequence[Table]  # to be copied
    left_out: Sequence[str]  # of `LEFT_OUT`, those that are there
    foreign: Sequence[str]  # tables that docbot did not make; not copied
    _conn: Connection

    async def copy(self, table: Table, sink: Sink) -> int:
        """Hand a table's rows over as Postgres's text, a line each; return how many they were."""
        with translated():
            status = await self._conn.copy_from_table(
                table.name, columns=table.columns, output=sink, format="text"
            )
        return touched(status)


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Snapshot]:
    """Read what is there without changing it; others go on, only the schema must stay.

    Raises:
        UsageError: docbot was never run on this database.
        PermanentError: it is of a newer docbot, or not as docbot's migrations leave it.
    """
    conn = await open_for_lock(database)
    try:
        with translated():
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                await conn.execute(_PLAIN)
                yield await _look(conn, database.place)
    finally:
        await close(conn)


async def _look(conn: Connection, place: str) -> Snapshot:
    applied = await applied_to(conn)
    if not applied:
        raise UsageError(
            f"{place} holds nothing of docbot's, so there is nothing to back up; "
            "is DATABASE_URL, or DOCBOT_DATA_DIR, the one that the bot runs with?"
        )
    _refuse_gap(applied)
    made = tables_of(applied)
    found = await _tables(conn)
    ours = [table for table in found if table.name in made]
    lost = made.difference(table.name for table in ours)
    if lost:
        raise PermanentError(
            f"{place} lacks docbot's table {', '.join(sorted(lost))}; it cannot be backed up as it is"
        )
    await _execute_written(conn, _WRITE_LOCK, [table.name for table in ours], "SHARE")
    return Snapshot(
        applied[-1].name,
        [table for table in ours if table.name not in LEFT_OUT],
        sorted(made.intersection(LEFT_OUT)),
        [table.name for table in found if table.name not in made],
        conn,
    )


def _refuse_gap(applied: Sequence[Migration]) -> None:
    names = {migration.name for migration in applied}
    skipped = [m.name for m in shipped() if m.name < max(names) and m.name not in names]
    if skipped:
        raise PermanentError(
            f"the database lacks migration {', '.join(skipped)}; `docbot doctor` applies it"
        )


@asynccontextmanager
async def nobody_acts(database: Database) -> AsyncIterator[None]:
    """Keep every `docbot run` from acting on this database.

    Raises:
        UsageError: one acts; the message names it.
    """
    lock = ActiveLock(database)
    try:
        if not await lock.try_acquire():
            raise UsageError(
                f"{await _holder(database)} is active on {database.place}; stop it first"
            )
        yield
    finally:
        await lock.release()


async def _holder(database: Database) -> str:
    conn = await database.connect()
    try:
        holder = await find_holder(conn)
    finally:
        await close(conn)
    return f"`docbot run` ({holder.name})" if holder and holder.name else "a `docbot run`"


class Loading:
    """A database being filled: all of it or, when an error leaves the block, nothing."""

    def __init__(self, conn: Connection, tables: Mapping[str, Table], order: Sequence[str]) -> None:
        self._conn = conn
        self._tables = tables
        self._order = order

    @property
    def tables(self) -> Sequence[Table]:
        """What can be loaded, a table after all that it refers to."""
        return [self._tables[name] for name in self._order]

    async def load(self, table: Table, lines: AsyncIterable[bytes]) -> int:
        """Load what `Snapshot.copy` handed over; return the number of rows."""
        with translated():
            status = await self._conn.copy_to_table(
                table.name, columns=table.columns, source=lines, format="text"
            )
        return touched(status)

    async def finish(self) -> list[str]:
        """Bring the schema up to date; return which migrations that took."""
        applied = await migrate(self._conn)
        with translated():
            await self._conn.execute(_SET_IDENTITIES)
            await self._conn.execute(_DOUBT_UNSENT)
            await self._conn.execute(_FAIL_CALLS)
        return applied


@asynccontextmanager
async def loading(database: Database, migrations: list[Migration]) -> AsyncIterator[Loading]:
    """Make the tables anew as of `migrations`; what the block loads counts once it ends well.

    Raises:
        UsageError: the database holds data.
    """
    conn = await open_for_lock(database)
    try:
        async with migration_lock(conn):
            with translated():
                async with conn.transaction():
                    await conn.execute(_PLAIN)
                    await conn.execute(_LIMIT_WAIT)
                    await _clear(conn, database.place)
                    await migrate(conn, migrations)
                    tables = {table.name: table for table in await _tables(conn)}
                    made = tables_of(migrations)
                    order = [name for name in await _load_order(conn, tables) if name in made]
                    yield Loading(conn, tables, order)
            with translated():
                await conn.execute("ANALYZE")
    finally:
        await close(conn)


async def _clear(conn: Connection, place: str) -> None:
    """Drop the tables that an empty docbot left."""
    made = tables_of(await applied_to(conn))
    there = sorted(made.intersection(table.name for table in await _tables(conn)))
    if there:
        await _execute_written(conn, _WRITE_LOCK, there, "EXCLUSIVE")
        await _refuse_data(conn, [name for name in there if name not in LEFT_OUT], place)
        await _execute_written(conn, _WRITE_DROP, there)
        await conn.execute("DROP TABLE migrations")


async def _refuse_data(conn: Connection, tables: list[str], place: str) -> None:
    rows = await conn.fetch(await conn.fetchval(_WRITE_COUNTS, tables))
    held = [f"{row['name']} {row['rows']}" for row in rows if row["rows"]]
    if held:
        raise UsageError(
            f"{place} is not empty (rows: {', '.join(held)}), and a restore overwrites nothing; "
            "set DOCBOT_DATA_DIR to a new folder, or DATABASE_URL to an empty database"
        )


async def _execute_written(conn: Conn, writes: str, *arguments: object) -> None:
    await conn.execute(await conn.fetchval(writes, *arguments))


async def _tables(conn: Conn) -> list[Table]:
    return [Table(row["name"], tuple(row["columns"] or ())) for row in await conn.fetch(_TABLES)]


async def _load_order(conn: Conn, tables: Mapping[str, Table]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(tables, ()))
    for row in await conn.fetch(_REFERENCES):
        sorter.add(row["referring"], row["referred"])
    return list(sorter.static_order())
