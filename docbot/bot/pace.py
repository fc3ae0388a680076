"""Keeps all requests of the process together below Discord's limit for a bot.

discord.py waits for the limit of each route before a request, but learns of the one over all
routes only when Discord refuses a request for it; too many refusals ban the address.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from types import SimpleNamespace

import aiohttp

# Seconds; a longer pause is kept by whoever wants to call, not by a call that lasts.
LONGEST_RATE_LIMIT = 30.0

_WINDOW_SECONDS = 1.0
# Calls to interactions do not count: https://discord.com/developers/docs/topics/rate-limits
_UNCOUNTED = ("/interactions/", "/webhooks/")


class Pace:
    """Lets at most `requests` begin within any second, in the order in which they came."""

    def __init__(
        self,
        requests: int,
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._begun: deque[float] = deque(maxlen=requests)
        self._in_order = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until a request may begin."""
        async with self._in_order:
            if len(self._begun) == self._begun.maxlen:
                wait = self._begun[0] + _WINDOW_SECONDS - self._clock()
                if wait > 0:
                    await self._sleep(wait)
            self._begun.append(self._clock())

    def trace(self) -> aiohttp.TraceConfig:
        """What makes an aiohttp session wait its turn before each request that counts."""

        async def wait(
            _: aiohttp.ClientSession, __: SimpleNamespace, request: aiohttp.TraceRequestStartParams
        ) -> None:
            if not any(part in request.url.path for part in _UNCOUNTED):
                await self.turn()

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(wait)
        return trace
