"""What time alone brings: a post whose author has stopped writing, a reminder, what is too old to keep;
and what waited for a channel of the staff.
"""

from collections.abc import Callable
from time import monotonic

from docbot.db.erasure import Erasure
from docbot.db.errors import translated
from docbot.db.pool import Pool
from docbot.db.questions import Questions
from docbot.db.threads import Threads
from docbot.forum.admission import Admission
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.conductor import Conductor
from docbot.forum.events import Ticked
from docbot.forum.retention import Retention
from docbot.forum.reviews import Reviews

_TIDY_SECONDS = 3600.0
_AT_ONCE = 20  # threads, before it looks again at what is written just now


class Clock(ClaimLoop):
    """Looks at what is due; all it does is in Postgres, so nothing is in hand between two looks."""

    def __init__(
        self,
        *,
        pool: Pool,
        questions: Questions,
        threads: Threads,
        conductor: Conductor,
        admission: Admission,
        erasure: Erasure,
        retention: Retention,
        reviews: Reviews,
        wake: Wake,
        idle_seconds: float,
        wake_worker: Callable[[], None],
        wake_drain: Callable[[], None],
    ) -> None:
        super().__init__(wake=wake, idle_seconds=idle_seconds)
        self._pool = pool
        self._questions = questions
        self._threads = threads
        self._conductor = conductor
        self._admission = admission
        self._erasure = erasure
        self._retention = retention
        self._reviews = reviews
        self._tidied_at = float("-inf")  # the first look is at once
        self._wake_worker = wake_worker
        self._wake_drain = wake_drain

    async def take_one(self) -> bool:
        if await self._questions.end_collecting():
            self._wake_worker()
        is_tidy = await self._tidy()
        unseen = await self._reviews.unseen(_AT_ONCE)
        for thread_id in unseen:
            with translated():
                async with self._pool.acquire() as conn, conn.transaction():
                    await self._reviews.show(conn, thread_id)
        due = await self._threads.to_look_at(_AT_ONCE)
        for thread_id, at in due:
            with translated():
                async with self._pool.acquire() as conn, conn.transaction():
                    await self._conductor.tell(conn, thread_id, Ticked(at))
        if due or unseen:
            self._wake_drain()
        return bool(due or unseen) or not is_tidy

    async def _tidy(self) -> bool:
        """Do a small part of it, since somebody may wait for what else is due; True: no more is left."""
        if monotonic() - self._tidied_at > _TIDY_SECONDS:
            self._tidied_at = monotonic()
            await self._admission.prune()
            await self._retention.begin()
        has_more_rows = await self._erasure.erase_ended_rows()
        return not await self._retention.erase_some() and not has_more_rows

    async def put_back(self) -> None:
        """Nothing was in hand."""

    async def seconds_to_next(self) -> float | None:
        waits = [
            await self._questions.seconds_to_collected(),
            await self._threads.seconds_to_look(),
        ]
        return min((max(wait, 0.0) for wait in waits if wait is not None), default=None)
