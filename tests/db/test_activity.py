import asyncio

import pytest

from docbot.db.activity import (
    ActiveLock,
    find_holder,
    put_out_silent,
    raise_epoch,
    refuse_other_model,
    this_process,
)
from docbot.db.pool import Database, Pool, close
from docbot.errors import SettingsError, TransientError


async def test_only_one_process_acts_and_the_next_follows_when_it_ends(
    database: Database, pool: Pool
) -> None:
    first, second = ActiveLock(database), ActiveLock(database)
    assert await first.try_acquire()
    assert not await second.try_acquire()
    waiting = asyncio.create_task(second.acquire())
    await first.release()
    await asyncio.wait_for(waiting, 20)
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


async def test_the_right_to_act_is_confirmed_only_while_the_server_says_so(
    database: Database, pool: Pool
) -> None:
    lock = ActiveLock(database)
    assert await lock.try_acquire()
    watching = asyncio.create_task(lock.watch())
    await asyncio.gather(*(lock.confirm() for _ in range(20)))
    waiting = asyncio.create_task(lock.confirm())
    waiting.cancel()  # as a send is that took too long; the others are confirmed all the same
    await lock.confirm()
    await pool.execute("SELECT pg_terminate_backend($1)", lock.server_pid)
    with pytest.raises(TransientError):
        await lock.confirm()
    with pytest.raises(TransientError):
        await watching
    with pytest.raises(TransientError):
        await lock.confirm()
    await lock.release()


async def test_only_who_gives_no_sign_of_life_is_put_out(database: Database, pool: Pool) -> None:
    lock = ActiveLock(database)
    assert await lock.try_acquire()
    async with pool.acquire() as conn:
        assert not await put_out_silent(conn)
        assert not lock.lost.is_set()
        assert await put_out_silent(conn, seconds=0)
        await asyncio.wait_for(lock.lost.wait(), 5)
        assert not await put_out_silent(conn, seconds=0)
    await lock.release()


async def test_a_process_that_was_stopped_in_the_middle_of_a_claim_holds_up_no_other(
    database: Database, pool: Pool
) -> None:
    halted, busy = await database.connect(), await database.connect()
    try:
        await halted.prepare("UPDATE outbox SET state = 'sending'")  # and never goes on
        async with pool.acquire() as conn, conn.transaction():
            assert await raise_epoch(conn, halted_seconds=0.2) == 1
        async with busy.transaction():  # as an administrator's
            await busy.execute("UPDATE outbox SET state = 'sending'")
            with pytest.raises(TransientError, match="lock timeout"):
                async with pool.acquire() as conn, conn.transaction():
                    await raise_epoch(conn, halted_seconds=0.2)
    finally:
        await close(halted)
        await close(busy)


async def test_a_model_is_held_against_who_told_it_alone(database: Database, pool: Pool) -> None:
    lock = ActiveLock(database)
    assert await lock.try_acquire()
    async with pool.acquire() as conn:
        async with conn.transaction():
            await raise_epoch(conn, lock_pid=lock.server_pid, embedding_model="mini")
        holder = await find_holder(conn)
        assert holder is not None
        refuse_other_model(holder, "mini")
        for other, said in ((None, "none"), ("large", "large")):
            with pytest.raises(SettingsError, match=rf"here it is {said}, and process .* has mini"):
                refuse_other_model(holder, other)
        # One of a version that tells nothing took over, or the next has only just begun.
        async with conn.transaction():
            await raise_epoch(conn)
        holder = await find_holder(conn)
        assert holder is not None
        refuse_other_model(holder, "large")
    await lock.release()
