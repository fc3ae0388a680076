"""Whether a far side that failed is worth another call just now."""

import time
from collections.abc import Callable

_FAILURES = 3  # in a row; one alone says little
_REST_SECONDS = 30.0


class Breaker:
    """Holds calls back after some failures in a row, and lets one through now and then."""

    def __init__(
        self,
        *,
        failures: int = _FAILURES,
        rest_seconds: float = _REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up, closed.

        Args:
            failures: in a row, until calls are held back.
            rest_seconds: between two calls that are let through while they fail.
            clock: in seconds, never going back.
        """
        self._failures = failures
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._failed = 0
        self._next_try = 0.0

    @property
    def is_open(self) -> bool:
        return self._failed >= self._failures

    def allows(self) -> bool:
        """Whether to call now; whoever is told so calls, the others rest meanwhile."""
        if not self.is_open:
            return True
        if self._clock() < self._next_try:
            return False
        self._next_try = self._clock() + self._rest_seconds
        return True

    def succeeded(self) -> bool:
        """Note a call that went well; True when calls were held back until now."""
        was_open, self._failed = self.is_open, 0
        return was_open

    def failed(self) -> bool:
        """Note a failure; True when calls are held back from now on."""
        was_open = self.is_open
        self._failed += 1
        self._next_try = self._clock() + self._rest_seconds
        return self.is_open and not was_open
