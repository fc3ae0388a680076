"""Keeps how often something begins below a limit of the far side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic


class Pace:
    """Lets at most `most` begin within any such time, in the order in which they came."""

    def __init__(
        self,
        most: int,
        *,
        seconds: float = 1.0,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._begun: deque[float] = deque(maxlen=most)
        self._in_order = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until the next may begin."""
        async with self._in_order:
            if len(self._begun) == self._begun.maxlen:
                wait = self._begun[0] + self._seconds - self._clock()
                if wait > 0:
                    await self._sleep(wait)
            self._begun.append(self._clock())
