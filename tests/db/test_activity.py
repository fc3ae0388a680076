import asyncio

from docbot.db.activity import ActiveLock, find_holder, raise_epoch, this_process
from docbot.db.pool import Database, Pool


async def test_only_one_process_acts_and_the_next_follows_when_it_ends(
    database: Database, pool: Pool
) -> None:
    first, second = ActiveLock(database), ActiveLock(database)
    assert await first.try_acquire()
    assert not await second.try_acquire()
    waiting = asyncio.create_task(second.acquire())
    await first.release()
    await asyncio.wait_for(waiting, 5)
    await second.release()


async def test_who_acts_is_named(database: Database, pool: Pool) -> None:
    lock = ActiveLock(database)
    async with pool.acquire() as conn:
        assert await find_holder(conn) is None
        assert await lock.try_acquire()
        for epoch in (1, 2):
            async with conn.transaction():
                assert await raise_epoch(conn) == epoch
        holder = await find_holder(conn)
        assert holder is not None
        assert holder.name == this_process()
        assert holder.silent_seconds is not None
        assert holder.silent_seconds < 30
    await lock.release()


async def test_a_broken_connection_is_told_as_a_lost_lock(database: Database, pool: Pool) -> None:
    lock = ActiveLock(database)
    assert await lock.try_acquire()
    await pool.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    await asyncio.wait_for(lock.lost.wait(), 5)
    await lock.release()
