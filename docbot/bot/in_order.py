"""Takes events in: those of one thread one after the other, those of several side by side.

Promise: however many events come at once, no more than so many are worked on; the others are kept
as the little that is needed of them, since a task for each takes several times as much.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

log = logging.getLogger(__name__)

Call: TypeAlias = Callable[[], Awaitable[None]]


class InOrder:
    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._at_work = 0
        # By thread, what is not begun; a thread that is worked on has its entry, maybe an empty one.
        self._waiting: dict[int, deque[Call]] = {}
        self._ready: deque[int] = deque()  # threads that wait for somebody to work on them

    async def run(self, thread_id: int, call: Call) -> None:
        """Run it after what came before it in its thread.

        Returns when it is done, or at once where enough are at work, who then see to it too.
        """
        if thread_id in self._waiting:
            self._waiting[thread_id].append(call)
        else:
            self._waiting[thread_id] = deque([call])
            self._ready.append(thread_id)
        if self._at_work == self._at_once:
            return
        self._at_work += 1
        try:
            while self._ready:
                await self._run_next(self._ready.popleft())
        finally:
            self._at_work -= 1

    async def _run_next(self, thread_id: int) -> None:
        calls = self._waiting[thread_id]
        try:
            await calls.popleft()()
        except Exception:  # one event must not leave those behind it undone
            log.exception("an event of thread %d broke its handler", thread_id)
        finally:
            if calls:
                self._ready.append(thread_id)
            else:
                del self._waiting[thread_id]
