import asyncio
import json

import pytest

from docbot.db.outbox import _CLAIM_NEXT, Delivery, Outbox
from docbot.db.pool import Pool
from docbot.db.questions import Questions
from tests.db.seed import ask, post_answer, take_over

_IS_WAITED = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE NOT granted AND locktype = 'advisory' AND datname = current_database())
"""


@pytest.fixture(autouse=True)
async def active(pool: Pool) -> None:
    assert await take_over(pool) == 1


async def _posting(pool: Pool, thread_id: int, *parts: str) -> int:
    await ask(pool, thread_id)
    claimed = await Questions(pool).claim_next(1, 0)
    assert claimed is not None
    return await post_answer(pool, claimed.id, 1, *parts, channel=thread_id)


async def _claim(outbox: Outbox, epoch: int = 1) -> Delivery:
    delivery = await outbox.claim_next(epoch, 0)
    assert delivery is not None
    return delivery


async def test_parts_of_one_channel_go_one_after_the_other(pool: Pool) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one", "two")
    first = await _claim(outbox)
    assert await outbox.claim_next(1, 0) is None
    async with pool.acquire() as conn:
        assert await outbox.mark_sent(conn, first, 1, 900)
    assert (await _claim(outbox)).payload == {"content": "two"}


async def test_a_slow_channel_delays_no_other(pool: Pool) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one", "two")
    await _posting(pool, 12, "other")
    assert (await _claim(outbox)).channel_id == 10
    assert (await _claim(outbox)).channel_id == 12


async def test_a_taken_over_row_keeps_its_nonce_and_the_time_of_its_first_try(pool: Pool) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one")
    lost = await _claim(outbox)  # its holder dies here
    assert await take_over(pool) == 2
    assert await outbox.claim_next(1, 0) is None
    taken = await _claim(outbox, epoch=2)
    assert (taken.nonce, taken.attempt) == (lost.nonce, 2)
    assert taken.tried_for > lost.tried_for == 0
    async with pool.acquire() as conn:
        assert not await outbox.mark_sent(conn, lost, 1, 900)
        assert await outbox.mark_sent(conn, taken, 2, 900)


async def test_a_dead_part_takes_the_later_parts_with_it(pool: Pool) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one", "two", "three")
    first = await _claim(outbox)
    async with pool.acquire() as conn, conn.transaction():
        assert await outbox.end_unsent(conn, first, 1, "dead", "refused")
    assert await outbox.claim_next(1, 0) is None
    states = await pool.fetch("SELECT state FROM outbox ORDER BY part")
    assert [row["state"] for row in states] == ["dead", "dropped", "dropped"]


async def test_a_row_that_was_put_off_waits_and_holds_back_its_channel(pool: Pool) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one", "two")
    first = await _claim(outbox)
    await outbox.put_off(first, 1, 3600, "Discord is down", refused=False)
    assert await outbox.claim_next(1, 0) is None
    seconds = await outbox.seconds_to_next()
    assert seconds is not None
    assert 3500 < seconds <= 3600


async def test_two_writers_of_one_channel_commit_in_the_order_of_their_ids(pool: Pool) -> None:
    outbox = Outbox(pool)

    async def write(nonce: str, first_in: asyncio.Event, go: asyncio.Event) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await outbox.add(conn, guild_id=1, channel_id=5, payload={}, nonce=nonce)
            first_in.set()
            await go.wait()

    started, go = asyncio.Event(), asyncio.Event()
    one = asyncio.create_task(write("one", started, go))
    await started.wait()
    second_started = asyncio.Event()
    two = asyncio.create_task(write("two", second_started, go))
    _, waiting = await asyncio.wait([two], timeout=0.2)
    assert waiting
    assert not second_started.is_set()
    go.set()
    await asyncio.gather(one, two)
    rows = await pool.fetch("SELECT nonce FROM outbox ORDER BY id")
    assert [row["nonce"] for row in rows] == ["one", "two"]


async def test_a_row_gets_its_id_when_its_turn_came(pool: Pool) -> None:
    outbox = Outbox(pool)

    async def write(nonce: str) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await outbox.add(conn, guild_id=1, channel_id=5, payload={}, nonce=nonce)

    async with pool.acquire() as conn, conn.transaction():
        await outbox.add(conn, guild_id=1, channel_id=5, payload={}, nonce="one")
        other = asyncio.create_task(write("of another"))
        while not await pool.fetchval(_IS_WAITED):
            pass
        await outbox.add(conn, guild_id=1, channel_id=5, payload={}, nonce="two")
    await other
    rows = await pool.fetch("SELECT nonce FROM outbox ORDER BY id")
    assert [row["nonce"] for row in rows] == ["one", "two", "of another"]


async def test_a_claim_in_a_flood_that_no_statistics_know_reads_little(pool: Pool) -> None:
    outbox = Outbox(pool)
    await pool.execute(
        """
        INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, state,
                            ended_at, message_id)
        SELECT 'send', 1, 1, 'channel:1', '{}', 'old:' || number, 'sent', now(), number
        FROM generate_series(1, 5000) AS number
        """
    )
    await pool.execute("VACUUM (ANALYZE) outbox")
    await pool.execute(
        """
        INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce)
        SELECT 'send', 1, number / 50, 'channel:' || number / 50, '{}', 'new:' || number
        FROM generate_series(1, 5000) AS number
        """
    )
    in_flight = [await _claim(outbox) for _ in range(4)]
    assert len({delivery.channel_id for delivery in in_flight}) == 4
    told = await pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON, BUFFERS) {_CLAIM_NEXT}", 1, 0)
    # It passes over the 196 rows behind the four; it must not read all that waits for each.
    assert json.loads(told)[0]["Plan"]["Shared Hit Blocks"] < 1500


async def test_what_a_drain_lost_sight_of_is_settled_again_and_its_neighbours_keep_theirs(
    pool: Pool,
) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one")
    await _posting(pool, 12, "other")
    lost, kept = await outbox.claim_next(1, 0), await outbox.claim_next(1, 1)
    assert lost is not None
    assert kept is not None
    await outbox.put_back(1, 0)
    again = await _claim(outbox)
    assert (again.nonce, again.attempt) == (lost.nonce, 2)
    async with pool.acquire() as conn:
        assert await outbox.mark_sent(conn, kept, 1, 900)


async def test_what_a_drain_has_in_hand_still_is_not_put_back_with_what_it_lost(
    pool: Pool,
) -> None:
    outbox = Outbox(pool)
    await _posting(pool, 10, "one")
    await _posting(pool, 12, "other")
    lost, in_hand = await _claim(outbox), await _claim(outbox)
    await outbox.put_back(1, 0, kept=[in_hand.id])
    assert (await _claim(outbox)).id == lost.id
    assert await outbox.claim_next(1, 0) is None
