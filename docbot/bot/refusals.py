"""Keeps what Discord refuses far below what it bans an address for.

Discord counts its answers 401, 403 and 429 and bans an address after 10,000 of them within ten
minutes. Here no ten minutes see a hundred: where a forum gets them, its requests wait first.
"""

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic

from docbot.errors import TransientError

log = logging.getLogger(__name__)

WINDOW_SECONDS = 600.0
# From here on nothing is asked where one of them came from.
SCARCE = 50
# At this number nothing at all is asked.
MOST = 99

_UNDER_WAY_SECONDS = 1.0


class HeldBackError(TransientError):
    """Discord was not asked, since it would refuse; the operator knows already."""


class Refusals:
    """Counts the requests that Discord refused within the last ten minutes."""

    def __init__(
        self,
        *,
        most: int = MOST,
        scarce: int = SCARCE,
        window: float = WINDOW_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most = most
        self._scarce = scarce
        self._window = window
        self._clock = clock
        self._times: deque[float] = deque()
        self._places: dict[int, float] = {}  # where, and when for the last time
        self._under_way = 0
        self._is_told = False

    @property
    def under_way(self) -> int:
        """Requests that were begun and have no answer yet."""
        return self._under_way

    def begin(self, place: int | None) -> None:
        """Count a request as under way; `place` is the forum or channel it is about.

        Raises:
            HeldBackError: it might be one too many.
        """
        self.check(place)
        # What is under way may be refused too.
        if len(self._times) + self._under_way >= self._most:
            raise HeldBackError(self._line(), retry_after=self._seconds_to_below(self._most))
        self._under_way += 1

    def end(self, place: int | None, *, refused: bool) -> None:
        self._under_way -= 1
        if not refused:
            return
        self._times.append(self._clock())
        if place is not None:
            self.refused_in(place)
        if len(self._times) >= self._scarce and not self._is_told:
            self._is_told = True
            log.error("%s", self._line())

    def refused_in(self, place: int) -> None:
        """Note of a refused request where it was; it is counted already."""
        self._places[place] = self._clock()

    def was_refused_in(self, place: int) -> bool:
        self._forget()
        return place in self._places

    def check(self, place: int | None) -> None:
        """Raise HeldBackError where refusals are many, and one of them came from this place."""
        self._forget()
        if len(self._times) >= self._scarce and place in self._places:
            raise HeldBackError(self._line(), retry_after=self._seconds_to_below(self._scarce))

    def _forget(self) -> None:
        oldest = self._clock() - self._window
        if not self._times or self._times[0] > oldest:
            return
        while self._times and self._times[0] <= oldest:
            self._times.popleft()
        self._places = {place: at for place, at in self._places.items() if at > oldest}
        self._is_told = self._is_told and len(self._times) >= self._scarce

    def _seconds_to_below(self, count: int) -> float:
        over = len(self._times) - count
        if over < 0:  # too many are under way
            return _UNDER_WAY_SECONDS
        return self._times[over] + self._window - self._clock()

    def _line(self) -> str:
        return (
            f"Discord refused {len(self._times)} requests within {self._window / 60:.0f} minutes; "
            "where that happened docbot waits, so that its address is not banned. "
            "The lines before this one say why; what waits is sent later"
        )
