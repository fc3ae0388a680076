"""What time alone brings: a post whose author has stopped writing, a reminder, what is too old to keep;
and what waited for a channel of the staff.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from docbot.db.erasure import Erasure
from docbot.db.errors import translated
from docbot.db.pool import Pool
from docbot.db.questions import Questions
from docbot.db.threads import Threads
from docbot.errors import TransientError
from docbot.forum.admission import Admission
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.conductor import Conductor
from docbot.forum.events import Ticked
from docbot.forum.retention import Retention
from docbot.forum.reviews import Reviews

log = logging.getLogger(__name__)

_TIDY_SECONDS = 3600.0
_BROKEN_SECONDS = 3600.0  # until a thread is looked at again that broke the look before
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
        self._broken: set[int] = set()  # threads whose solutions cannot be shown
        self._wake_worker = wake_worker
        self._wake_drain = wake_drain

    async def take_one(self) -> bool:
        if await self._questions.end_collecting():
            self._wake_worker()
        is_tidy = await self._tidy()
        shown = await self._show_solutions()
        due = await self._threads.to_look_at(_AT_ONCE)
        for thread_id, at in due:
            await self._look_at(thread_id, at)
        if due or shown:
            self._wake_drain()
        return bool(due or shown) or not is_tidy

    async def _look_at(self, thread_id: int, at: datetime) -> None:
        """Let time pass in a thread; one in which that breaks keeps no other waiting."""
        try:
            with translated():
                async with self._pool.acquire() as conn, conn.transaction():
                    await self._conductor.tell(conn, thread_id, Ticked(at))
        except TransientError:
            raise
        except Exception:
            log.exception("thread %d broke the look at it, again in an hour", thread_id)
            await self._threads.look_later(thread_id, _BROKEN_SECONDS)

    async def _show_solutions(self) -> bool:
        """Show staff what waits for them; what cannot be shown is let be until the next start."""
        unseen = set(await self._reviews.unseen(_AT_ONCE)) - self._broken
        for thread_id in sorted(unseen):
            try:
                with translated():
                    async with self._pool.acquire() as conn, conn.transaction():
                        await self._reviews.show(conn, thread_id)
            except TransientError:
                raise
            except Exception:
                log.exception("the solution of thread %d cannot be shown to staff", thread_id)
                self._broken.add(thread_id)
        return bool(unseen)

    async def _tidy(self) -> bool:
        """Do a small part of it, since somebody may wait for what else is due; True: no more is left."""
        if monotonic() - self._tidied_at > _TIDY_SECONDS:
            await self._admission.prune()
            await self._retention.begin()
            self._tidied_at = monotonic()
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
