import asyncio

import asyncpg
import pytest

from docbot.db.errors import translated
from docbot.db.pool import Database, Pool, close
from docbot.errors import TransientError

ROUNDS = 60  # about one in six ends in asyncpg's own confusion rather than in a lost connection


async def test_a_connection_cut_at_any_instant_is_a_passing_failure_and_closes(
    database: Database, pool: Pool
) -> None:
    failures = 0
    for number in range(ROUNDS):
        conn = await database.connect()
        process = await conn.fetchval("SELECT pg_backend_pid()")
        cut = asyncio.create_task(pool.execute("SELECT pg_terminate_backend($1)", process))
        await asyncio.sleep(number * 0.0001)
        try:
            with translated():
                await conn.fetchval("SELECT 1")
        except TransientError:
            failures += 1
        await close(conn)
        await cut
    assert failures


async def test_a_full_disk_is_told_as_one_and_may_pass() -> None:
    with (
        pytest.raises(TransientError, match=r"disk of Postgres is full, .*No space left"),
        translated(),
    ):
        raise asyncpg.DiskFullError("could not extend file: No space left on device")


async def test_a_server_that_takes_no_writes_just_now_is_a_passing_failure(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction(readonly=True):
        with pytest.raises(TransientError, match="read-only"), translated():
            await conn.execute("UPDATE activity SET epoch = epoch")


async def test_a_cancellation_is_one_also_when_the_rollback_fails() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        with translated():
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                raise ConnectionResetError("the rollback finds no connection") from error

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
