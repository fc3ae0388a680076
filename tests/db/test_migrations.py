import asyncio

import asyncpg
import pytest

from docbot.db.errors import translated
from docbot.db.migrations import Migration, migrate, shipped
from docbot.db.pool import Database
from docbot.errors import PermanentError


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
