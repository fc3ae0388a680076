import asyncio
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from docbot.db.errors import translated
from docbot.db.migrations import Migration, migrate, shipped
from docbot.db.pool import Database, Pool
from docbot.errors import PermanentError, TransientError

# As a later version might bring.
LATER = Migration(
    "9996_later.sql",
    "ALTER TABLE questions ADD COLUMN later text; CREATE INDEX questions_later ON questions (later)",
)
# Applies that migration in a process of its own, and stays in it for as long as it takes.
_MIGRATE_SLOWLY = """
import asyncio, sys
from pathlib import Path
from docbot.db.migrations import Migration, migrate, shipped
from docbot.db.pool import Database
async def run():
    conn = await Database(sys.argv[1], Path("unused")).connect()
    await migrate(conn, [*shipped(), Migration(sys.argv[2], sys.argv[3] + "; SELECT pg_sleep(600)")])
asyncio.run(run())
"""
_HOLDS_TABLE = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'questions'::regclass"
    " AND mode = 'AccessExclusiveLock' AND granted)"
)


async def test_what_is_applied_is_not_applied_again(database: Database) -> None:
    conn = await database.connect()
    assert await migrate(conn) == []
    await conn.close()


async def test_an_edited_migration_is_refused(database: Database) -> None:
    conn = await database.connect()
    first, *later = shipped()
    edited = Migration(first.name, first.sql + "\n-- edited")
    with pytest.raises(PermanentError, match=r"0001_begin\.sql was edited"):
        await migrate(conn, [edited, *later])
    await conn.close()


async def test_a_newer_database_is_refused(database: Database) -> None:
    conn = await database.connect()
    newer = Migration("9999_later.sql", "CREATE TABLE later ()")
    assert await migrate(conn, [*shipped(), newer]) == ["9999_later.sql"]
    with pytest.raises(PermanentError, match=r"newer.*9999_later\.sql.*knows \d{4}.*changed"):
        await migrate(conn)
    await conn.close()


async def test_a_database_of_another_program_is_refused_as_it_is(database: Database) -> None:
    conn = await database.connect()
    await conn.execute("DROP TABLE migrations; CREATE TABLE migrations (id int, batch int)")
    with pytest.raises(PermanentError, match=r"another program.*a database of its own"):
        await migrate(conn)
    await conn.close()


async def test_a_replica_is_told_as_one(database: Database) -> None:
    conn = await database.connect()
    await conn.execute("DROP TABLE migrations")
    await conn.execute("SET default_transaction_read_only = on")
    with pytest.raises(PermanentError, match="give the address of the primary"):
        await migrate(conn)
    await conn.close()


async def test_a_failed_migration_leaves_the_schema_as_it_was(database: Database) -> None:
    conn = await database.connect()
    broken = Migration("9998_broken.sql", "CREATE TABLE half (); SELECT 1 / 0;")
    with pytest.raises(PermanentError, match="division by zero"):
        await migrate(conn, [*shipped(), broken])
    with pytest.raises(asyncpg.UndefinedTableError):
        await conn.execute("SELECT FROM half")
    await conn.close()


async def test_two_processes_that_start_together_migrate_once(database: Database) -> None:
    slow = Migration("9997_slow.sql", "SELECT pg_sleep(0.1); CREATE TABLE once ()")
    one, two = await database.connect(), await database.connect()
    applied = await asyncio.gather(
        migrate(one, [*shipped(), slow]), migrate(two, [*shipped(), slow])
    )
    assert sorted(applied) == [[], ["9997_slow.sql"]]
    await one.close()
    await two.close()


async def test_a_lost_connection_is_an_error_that_may_pass(database: Database) -> None:
    conn, other = await database.connect(), await database.connect()
    await other.execute("SELECT pg_terminate_backend($1)", conn.get_server_pid())
    with pytest.raises(Exception, match="out of reach") as error, translated():
        await conn.execute("SELECT 1")
    assert type(error.value).__name__ == "TransientError"
    await other.close()


async def test_a_migration_gives_way_to_whoever_comes_while_it_waits_for_a_lock(
    database: Database, pool: Pool
) -> None:
    conn = await database.connect()
    async with pool.acquire() as reader:
        long = reader.transaction()
        await long.start()
        await reader.execute("SELECT FROM questions")
        migrating = asyncio.create_task(migrate(conn, [*shipped(), LATER]))
        for _ in range(3):  # each would wait for as long as the reader reads
            assert await asyncio.wait_for(pool.fetchval("SELECT count(*) FROM questions"), 5) == 0
            await asyncio.sleep(0.1)
        assert not migrating.done()
        await long.rollback()
    assert await asyncio.wait_for(migrating, 20) == [LATER.name]
    await conn.close()


async def test_a_migration_that_gets_no_lock_ends_with_who_is_in_its_way(
    database: Database, pool: Pool
) -> None:
    conn = await database.connect()
    async with pool.acquire() as reader, reader.transaction():
        await reader.execute("SELECT FROM questions")
        pid = reader.get_server_pid()
        with pytest.raises(TransientError, match=rf"9996_later.*changed.*process {pid} of Postgr"):
            await migrate(conn, [*shipped(), LATER], patience_seconds=0.1)
    assert await migrate(conn) == []
    assert await migrate(conn, [*shipped(), LATER]) == [LATER.name]
    await conn.close()


async def test_a_kill_in_the_midst_of_a_migration_leaves_the_schema_as_it_was(
    database_url: str, database: Database, pool: Pool
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _MIGRATE_SLOWLY, database_url, LATER.name, LATER.sql),
        cwd=Path(__file__).parents[2],
    )
    async with asyncio.timeout(60):
        while not await pool.fetchval(_HOLDS_TABLE):
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    # Postgres sees within a second that nobody is there, and the next goes on.
    conn = await database.connect()
    assert await asyncio.wait_for(migrate(conn, [*shipped(), LATER]), 20) == [LATER.name]
    await conn.close()


async def test_a_statement_whose_result_a_migration_changed_is_asked_anew(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.fetch("SELECT * FROM activity")
        async with pool.acquire() as other:
            await other.execute("ALTER TABLE activity ADD COLUMN later text")
        with pytest.raises(TransientError), translated():
            async with conn.transaction():
                await conn.fetch("SELECT * FROM activity")
        async with conn.transaction():
            [row] = await conn.fetch("SELECT * FROM activity")
        assert row["later"] is None
