"""Watches the event loop it runs in: how long it kept a callback waiting that was due."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Stall:
    """`seconds` late; `computing` of them this thread had a core, for the rest it waited.

    What it waited for is the disk, another thread, or a core that others had.
    """

    seconds: float = 0.0
    computing: float = 0.0

    def __str__(self) -> str:
        return f"{self.seconds * 1000:.0f} ms ({self.computing * 1000:.0f} ms of it computing)"


class LoopWatch:
    """Looks each 5 ms; `worst` is what it saw since the last `restart`."""

    def __init__(self) -> None:
        self.worst = Stall()
        self._due = 0.0
        self._computed = 0.0
        self._next: asyncio.TimerHandle | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._look_again()
        try:
            yield
        finally:
            if self._next is not None:
                self._next.cancel()

    def restart(self) -> Stall:
        """Forget the worst so far and return it."""
        worst, self.worst = self.worst, Stall()
        return worst

    def _look(self) -> None:
        late = time.monotonic() - self._due
        if late > self.worst.seconds:
            self.worst = Stall(late, min(time.thread_time() - self._computed, late))
        self._look_again()

    def _look_again(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _LOOK_SECONDS
        self._computed = time.thread_time()
        self._next = loop.call_at(self._due, self._look)
