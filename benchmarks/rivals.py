"""procrastinate and pgqueuer, each used as its documentation says; needs the extra `queues`."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast
from uuid import uuid4

import asyncpg
from pgqueuer import PgQueuer, Queries
from pgqueuer.models import Job
from pgqueuer.queries import EntrypointExecutionParameter
from pgqueuer.types import QueueEntrypoint, QueueManagerId
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job as ProcrastinateJob
from procrastinate.jobs import Status

from benchmarks.queues import AT_ONCE, CONNECTIONS, OnStart
from docbot.db.pool import Connection, Pool

_NAME = "job"
_BATCH = 10  # jobs that pgqueuer takes with one statement, unless told otherwise
_ENTRYPOINTS = {QueueEntrypoint(_NAME): EntrypointExecutionParameter(0)}  # 0: no limit
_HEARTBEAT = timedelta(seconds=30)

_FILL_PROCRASTINATE = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, status, attempts)
    SELECT 'default', 'job', (number % 50)::text, '{"number": 0}', 'succeeded', 1
    FROM generate_series(1, $1::bigint) AS number
"""
_FILL_PGQUEUER = """
    INSERT INTO pgqueuer_log (job_id, status, priority, entrypoint, aggregated)
    SELECT number, 'successful', 0, 'job', true FROM generate_series(1, $1::bigint) AS number
"""


class ProcrastinateQueue:
    """Jobs of a key have its lock; the worker listens, and psycopg's pool is its own."""

    name = "procrastinate"
    keeps_order = True

    def __init__(self, app: App, connector: PsycopgConnector, url: str) -> None:
        self._app = app
        self._connector = connector
        self._url = url
        self._worker_id: int | None = None  # of who claims without a worker
        self._on_start: OnStart = lambda _: None
        self._task = app.task(name=_NAME)(self._begin)
        self._claimed: ProcrastinateJob | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["ProcrastinateQueue"]:
        connector = PsycopgConnector(conninfo=url, max_size=CONNECTIONS)
        app = App(connector=connector)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            yield cls(app, connector, url)

    async def _begin(self, number: int) -> None:
        self._on_start(number)

    async def put(self, number: int, key: int) -> None:
        async with self._connector.pool.connection() as conn:
            job = self._task.configure(lock=str(key), connection=conn)
            await job.defer_async(number=number)

    @asynccontextmanager
    async def working(self, on_start: OnStart) -> AsyncIterator[None]:
        self._on_start = on_start
        worker = asyncio.create_task(
            self._app.run_worker_async(
                concurrency=AT_ONCE, listen_notify=True, install_signal_handlers=False
            )
        )
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.wait([worker])

    async def claim(self) -> bool:
        if self._worker_id is None:
            self._worker_id = await self._app.job_manager.register_worker()
        self._claimed = await self._app.job_manager.fetch_job(None, self._worker_id)
        return self._claimed is not None

    async def finish(self) -> None:
        assert self._claimed is not None
        await self._app.job_manager.finish_job(self._claimed, Status.SUCCEEDED, delete_job=False)

    async def fill(self, finished: int) -> None:
        await _fill(self._url, _FILL_PROCRASTINATE, "procrastinate_jobs", finished)


class PgqueuerQueue:
    """Over asyncpg, a connection to work with and a pool to put with; it knows no order by key."""

    name = "pgqueuer"
    keeps_order = False

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._queries = Queries.from_asyncpg_pool(pool)
        self._url = url
        self._id = QueueManagerId(uuid4())
        self._claimed: list[Job] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator["PgqueuerQueue"]:
        async with asyncpg.create_pool(url, max_size=CONNECTIONS) as pool:
            await Queries.from_asyncpg_pool(pool).install()
            yield cls(pool, url)

    async def put(self, number: int, key: int) -> None:
        payload = json.dumps({"number": number}).encode()
        async with self._pool.acquire() as conn, conn.transaction():
            # One of a pool does as well as one alone; only the annotation does not say so.
            alone = cast("Connection", conn)
            await Queries.from_asyncpg_connection(alone).enqueue(_NAME, payload)

    @asynccontextmanager
    async def working(self, on_start: OnStart) -> AsyncIterator[None]:
        async def begin(job: Job) -> None:
            on_start(json.loads(job.payload or b"")["number"])

        conn = await asyncpg.connect(self._url)
        try:
            worker = PgQueuer.from_asyncpg_connection(conn)
            worker.entrypoint(_NAME)(begin)
            at_work = asyncio.create_task(worker.run())
            try:
                yield
            finally:
                worker.shutdown.set()
                await at_work
        finally:
            await conn.close()

    async def claim(self) -> bool:
        self._claimed = await self._queries.dequeue(
            _BATCH, _ENTRYPOINTS, self._id, None, _HEARTBEAT
        )
        return bool(self._claimed)

    async def finish(self) -> None:
        await self._queries.log_jobs([(job, "successful", None) for job in self._claimed])

    async def fill(self, finished: int) -> None:
        await _fill(self._url, _FILL_PGQUEUER, "pgqueuer_log", finished)


async def _fill(url: str, statement: str, table: str, finished: int) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(statement, finished)
        await conn.execute(f"VACUUM (ANALYZE) {table}")
    finally:
        await conn.close()
