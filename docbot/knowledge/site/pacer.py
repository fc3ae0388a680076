"""When the next request to a site may begin, so that reading it is no burden to it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from statistics import median
from time import monotonic
from urllib.parse import urlsplit

from docbot.errors import TransientError

LONGEST_REST = 60.0  # seconds that a site's Retry-After is waited for
_FIRST, _LAST = 10, 5  # answers that tell how fast the site is when it is well, and how fast now
# Slower than this is slow: below it lies what connections, caches and our own load make of it.
_SLOW_TIMES, _SLOW_SECONDS = 3.0, 0.5
_MOST_FOR_SLOWNESS = 10.0  # seconds


class Pacer:
    """Lets one request begin each `pause` seconds, whoever asks, in the order in which they came.

    While the site answers more slowly than it did at first, the pause is longer by as much as the
    answers are. Each failure doubles what is added, from a quarter of `step` to twice `step`, and
    each answer halves it. While the site asked for a rest nothing begins.
    """

    def __init__(
        self,
        pause: float,
        *,
        step: float = 0.0,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.pause = pause  # the floor, in seconds
        self._step = step
        self._clock = clock
        self._sleep = sleep
        self._in_order = asyncio.Lock()
        self._begun = self._rest_until = float("-inf")
        self._first: list[float] = []
        self._last: deque[float] = deque(maxlen=_LAST)
        self._slowness = 0.0
        self._trouble = 0.0

    @property
    def current(self) -> float:
        """The seconds between two beginnings now."""
        return self.pause + max(self._slowness, self._trouble)

    async def wait(self) -> None:
        """Wait until the next request may begin.

        Raises:
            TransientError: the site asked for a longer rest than is waited for.
        """
        async with self._in_order:
            while (left := self._left()) > 0:
                await self._sleep(left)
            self._begun = self._clock()

    def _left(self) -> float:
        now = self._clock()
        rest = self._rest_until - now
        if rest > LONGEST_REST:
            raise TransientError(
                f"the site asked to be left alone for another {rest:.0f} seconds", retry_after=rest
            )
        return max(rest, self._begun + self.current - now)

    def answered(self, seconds: float) -> None:
        """Take in that an answer began so long after it was asked for."""
        if len(self._first) < _FIRST:
            self._first.append(seconds)
        self._last.append(seconds)
        self._slowness = _slowness(self._first, self._last)
        self._trouble = self._trouble / 2 if self._trouble > self._step / 4 else 0.0

    def failed(self, retry_after: float | None = None) -> None:
        """Take in that no answer came, or one that asks for a rest of so many seconds."""
        self._trouble = min(max(self._trouble * 2, self._step / 4), self._step * 2)
        if retry_after is not None:
            self._rest_until = max(self._rest_until, self._clock() + retry_after)


class Pacers:
    """One pacer for each site, whichever of its folders are read one after the other."""

    def __init__(self) -> None:
        self._by_place: dict[str, Pacer] = {}

    def of(self, url: str, pause: float, *, step: float) -> Pacer:
        """Return the pacer of the site that an address lies on, with `pause` as its floor."""
        place = urlsplit(url).netloc.lower().removeprefix("www.")
        pacer = self._by_place.setdefault(place, Pacer(pause, step=step))
        pacer.pause = max(pause, pacer.pause)
        return pacer


def _slowness(first: list[float], last: deque[float]) -> float:
    """Return by how many seconds answers are slower than at first; 0 where that says nothing."""
    if len(first) < _FIRST:
        return 0.0
    before, now = median(first), median(last)
    slow = now > before * _SLOW_TIMES + _SLOW_SECONDS
    return min(now - before, _MOST_FOR_SLOWNESS) if slow else 0.0
