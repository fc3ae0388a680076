"""Keeps how often something begins below a limit of the far side."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(slots=True, eq=False)
class Turn:
    """One that began."""

    at: float  # when it counts, on the pace's clock


class Pace:
    """Lets at most `most` begin within any such time, in the order in which they came.

    The far side counts by its own clock, when a request reaches it: one that was long on its way
    may get there together with one of the next second. Who knows when a request was answered says
    so, and it counts from then on.
    """

    def __init__(
        self,
        most: int,
        *,
        seconds: float = 1.0,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._turns: list[Turn] = []
        self._in_order = asyncio.Lock()

    async def turn(self) -> Turn:
        """Wait until the next may begin."""
        async with self._in_order:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            turn = Turn(self._clock())
            self._turns.append(turn)
            return turn

    def answered(self, turn: Turn) -> None:
        """Count it from now on, unless its time was over already."""
        turn.at = self._clock()

    def _wait(self) -> float:
        if len(self._turns) < self._most:
            return 0.0
        now = self._clock()
        self._turns = [turn for turn in self._turns if turn.at + self._seconds > now]
        if len(self._turns) < self._most:
            return 0.0
        return min(turn.at for turn in self._turns) + self._seconds - now
