"""The loop of whoever looks for what is due in Postgres, mostly rows to claim."""

import asyncio
import logging
from abc import ABC, abstractmethod

from docbot.errors import TransientError
from docbot.forum.retry import is_worth_a_line

log = logging.getLogger(__name__)

_DATABASE_PAUSE = 1.0  # seconds, while Postgres is out of reach


class Wake:
    """Wakes one of those who wait, or the next who would; calls that nobody waited for are one.

    One and not all: each look is two statements, and there is one row for one of them. Who finds a
    row calls the next, as there may be more.
    """

    def __init__(self) -> None:
        self._calls = asyncio.Semaphore(0)

    def set(self) -> None:
        if self._calls.locked():
            self._calls.release()

    async def wait(self) -> None:
        await self._calls.acquire()


class ClaimLoop(ABC):
    """Takes what is due until told to stop; what is in hand is finished first.

    Several run side by side on one `wake`, so that a slow row delays no other.
    """

    def __init__(self, *, wake: Wake, idle_seconds: float) -> None:
        self._wake = wake
        self._idle_seconds = idle_seconds  # the net beneath the wake-ups
        self._stopping = False

    @abstractmethod
    async def take_one(self) -> bool:
        """Claim a row, call the next to look, and see it through; False when none is due."""

    @abstractmethod
    async def put_back(self) -> None:
        """Let go of a row that was in hand when the database failed; it is taken again."""

    @abstractmethod
    async def seconds_to_next(self) -> float | None:
        """How long until a row that was put off is due; None when there is none."""

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        in_doubt, failures = False, 0
        while not self._stopping and not _is_cancelled():
            try:
                if in_doubt:
                    await self.put_back()
                    in_doubt = False
                if await self.take_one():
                    failures = 0
                    continue
                idle, failures = await self.seconds_to_next(), 0
            except TransientError as error:  # the database restarts: outlive it
                failures += 1
                if is_worth_a_line(failures):
                    log.warning("%s waits: %s", type(self).__name__, error)
                idle, in_doubt = _DATABASE_PAUSE, True
            except Exception:  # one row must not end the loop that serves all
                failures += 1
                if is_worth_a_line(failures):
                    log.exception("%s broke on a row", type(self).__name__)
                idle, in_doubt = _DATABASE_PAUSE, True
            await self._rest(idle)

    async def _rest(self, seconds: float | None) -> None:
        idle = self._idle_seconds if seconds is None else min(seconds, self._idle_seconds)
        if self._stopping:  # several that are told so while they look have one call between them
            return
        try:
            async with asyncio.timeout(idle):
                await self._wake.wait()
        except TimeoutError:
            pass


def _is_cancelled() -> bool:
    """Also where an error on the way out took the place of the cancellation."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
