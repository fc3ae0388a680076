"""The queues that `benchmarks.outbox` compares: what each of them is asked, and docbot's own.

Each has a database of its own on the one server, and 4 who take its jobs. A job costs nothing to
do, so that what is measured is the queue.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from docbot.db.activity import raise_epoch
from docbot.db.migrations import migrate
from docbot.db.outbox import Delivery, Outbox
from docbot.db.pool import POOL_SIZE, Database, Pool, close
from docbot.forum.claims import ClaimLoop, Wake

OnStart = Callable[[int], None]

AT_ONCE = 4  # as many drains as docbot runs
CONNECTIONS = POOL_SIZE
_IDLE_SECONDS = 5.0  # as docbot's drains have it, the net beneath the wake-ups
_GUILD = 1

_FILL = """
    INSERT INTO outbox (kind, guild_id, channel_id, order_key, payload, nonce, state, attempt,
                        epoch, claimed_by, first_tried_at, ended_at, message_id)
    SELECT 'send', 1, number % 50, 'channel:' || number % 50, '{"number": 0}',
           'finished:' || number, 'sent', 1, 1, 0, now(), now(), -number
    FROM generate_series(1, $1::bigint) AS number
"""
# What autovacuum does by and by; beside the measuring it would only be noise.
_TIDY = "VACUUM (ANALYZE) outbox"
_FILL_SECONDS = 1800.0


class Queue(Protocol):
    """A queue that is open; numbers are its jobs, and jobs of one key belong in order."""

    @property
    def name(self) -> str: ...

    @property
    def keeps_order(self) -> bool:
        """Whether jobs of one key start in order, one after the other."""

    async def put(self, number: int, key: int) -> None:
        """Commit a transaction that puts a job, and have whoever waits look for it.

        A transaction of the caller's, as an outbox needs it: the job comes with what decided it.
        """

    def working(self, on_start: OnStart) -> AbstractAsyncContextManager[None]:
        """Have jobs taken and done as they come; `on_start` is told each that begins."""

    async def claim(self) -> bool:
        """Take the job that waits, as one who works does; False when there is none."""

    async def finish(self) -> None:
        """Bring what was claimed to its end."""

    async def fill(self, finished: int) -> None:
        """Leave as many finished jobs behind as a long life would."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """What every drain of one process works with."""

    outbox: Outbox
    pool: Pool
    epoch: int

    async def claim(self, drain: int) -> Delivery | None:
        return await self.outbox.claim_next(self.epoch, drain)

    async def record(self, delivery: Delivery) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            assert await self.outbox.mark_sent(conn, delivery, self.epoch, message_id=delivery.id)


class DocbotQueue:
    """docbot's outbox and the loop of its drains; only the far side is left out."""

    name = "docbot"
    keeps_order = True

    def __init__(self, pool: Pool, epoch: int) -> None:
        self._pool = pool
        self._rows = _Rows(Outbox(pool), pool, epoch)
        self._wake = Wake()
        self._claimed: Delivery | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["DocbotQueue"]:
        database = Database(url, Path())
        conn = await database.connect()
        try:
            await migrate(conn)
            async with conn.transaction():
                epoch = await raise_epoch(conn)
        finally:
            await close(conn)
        async with database.pool(CONNECTIONS) as pool:
            yield cls(pool, epoch)

    async def put(self, number: int, key: int) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await self._rows.outbox.add(
                conn,
                guild_id=_GUILD,
                channel_id=key,
                payload={"number": number},
                nonce=secrets.token_hex(12),
            )
        self._wake.set()

    @asynccontextmanager
    async def working(self, on_start: OnStart) -> AsyncIterator[None]:
        drains = [_Drain(self._rows, number, self._wake, on_start) for number in range(AT_ONCE)]
        async with asyncio.TaskGroup() as tasks:
            for drain in drains:
                tasks.create_task(drain.run())
            yield
            for drain in drains:
                drain.stop()

    async def claim(self) -> bool:
        self._claimed = await self._rows.claim(0)
        return self._claimed is not None

    async def finish(self) -> None:
        assert self._claimed is not None
        await self._rows.record(self._claimed)

    async def look(self) -> None:
        """What a drain that is woken in vain asks before it rests."""
        assert not await self.claim()
        await self._rows.outbox.seconds_to_next()

    async def fill(self, finished: int) -> None:
        await self._pool.execute(_FILL, finished, timeout=_FILL_SECONDS)
        await self._pool.execute(_TIDY, timeout=_FILL_SECONDS)

    async def states(self) -> dict[tuple[str, int], int]:
        """How many rows there are by state and number of tries."""
        rows = await self._pool.fetch(
            "SELECT state, attempt, count(*) FROM outbox GROUP BY state, attempt"
        )
        return {(row["state"], row["attempt"]): row["count"] for row in rows}


class _Drain(ClaimLoop):
    """A drain whose far side has the message at once."""

    def __init__(self, rows: "_Rows", number: int, wake: Wake, on_start: OnStart) -> None:
        super().__init__(wake=wake, idle_seconds=_IDLE_SECONDS)
        self._rows = rows
        self._number = number
        self._on_start = on_start

    async def take_one(self) -> bool:
        delivery = await self._rows.claim(self._number)
        if delivery is None:
            return False
        self._wake.set()
        self._on_start(delivery.payload["number"])
        await self._rows.record(delivery)
        return True

    async def put_back(self) -> None:
        await self._rows.outbox.put_back(self._rows.epoch, self._number)

    async def seconds_to_next(self) -> float | None:
        return await self._rows.outbox.seconds_to_next()
