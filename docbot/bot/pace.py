"""Keeps all requests of the process together within what Discord allows a bot.

discord.py waits for the limit of each route before a request, but learns of the one over all
routes only when Discord refuses a request for it, and knows nothing of a wall before Discord's
API; too many refusals ban the address.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from types import SimpleNamespace

import aiohttp
from yarl import URL

from docbot.bot.faults import retry_after
from docbot.bot.refusals import HeldBackError, Refusals
from docbot.pace import Pace, Turn

# Seconds; a longer pause is kept by whoever wants to call, not by a call that lasts.
LONGEST_RATE_LIMIT = 30.0

# Calls to interactions do not count: https://discord.com/developers/docs/topics/rate-limits
_UNCOUNTED = ("/interactions/", "/webhooks/")
_PLACE = re.compile(r"/(?:channels|guilds)/(\d+)")
_REFUSED = {401, 403, 429}
# A wall is tried again after 1 s, doubling up to this.
_LONGEST_WALL_SECONDS = 60.0
_PROBE_SECONDS = 1.0

# Asked right before the requests of one task, once they have waited for their turn.
_also_confirm: ContextVar[Callable[[], Awaitable[None]] | None] = ContextVar(
    "also_confirm", default=None
)


@contextmanager
def confirming(confirm: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Ask this right before each request within, after every wait; it raises to keep it back."""
    token = _also_confirm.set(confirm)
    try:
        yield
    finally:
        _also_confirm.reset(token)


class RequestPace:
    """Lets at most `requests` reach Discord within any second, in the order in which they came.

    A pause that Discord asks for over all requests is kept by all. So is one before a wall: a
    firewall's page, or a token that was reset; after it one request goes first.
    """

    def __init__(
        self,
        requests: int,
        *,
        refusals: Refusals | None = None,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.refusals = refusals or Refusals()
        self._clock = clock
        self._sleep = sleep
        self._a_second = Pace(requests, clock=clock, sleep=sleep)
        self._in_order = asyncio.Lock()
        self._global_until = 0.0
        self._walls = 0  # one after the other, with no other answer between
        self._wall_at = ""
        self._wall_until = 0.0

    async def turn(self) -> Turn:
        """Wait until a request may begin; `answered` takes what it gives.

        Raises:
            HeldBackError: Discord asks for a pause that is too long to wait in a call.
        """
        async with self._in_order:
            await self._wait_for_all()
            turn = await self._a_second.turn()
            while self._global_until > self._clock():  # asked for meanwhile
                await self._wait_for_all()
                turn = await self._a_second.turn()
            return turn

    def answered(self, turn: Turn) -> None:
        """Say that its request reached Discord by now, or never will."""
        self._a_second.answered(turn)

    async def _wait_for_all(self) -> None:
        left = self._global_until - self._clock()
        if left > LONGEST_RATE_LIMIT:
            raise HeldBackError(f"Discord asks for a pause of {left:.0f} s", retry_after=left)
        if left > 0:
            await self._sleep(left)

    def begin(self, place: int | None) -> None:
        """Count a request as under way.

        Raises:
            HeldBackError: it would only be refused.
        """
        left = self._wall_until - self._clock()
        if left > 0:
            raise HeldBackError("Discord lets no request through just now", retry_after=left)
        if self._walls and self.refusals.under_way:
            raise HeldBackError(
                "Discord is tried with one request first", retry_after=_PROBE_SECONDS
            )
        self.refusals.begin(place)

    def end(self, place: int | None, response: aiohttp.ClientResponse) -> None:
        """Learn from an answer."""
        status, headers = response.status, response.headers
        scope = headers.get("X-RateLimit-Scope")
        is_of_all = is_wall(response)
        if status == 429 and (scope == "global" or "X-RateLimit-Global" in headers):
            is_of_all = True
            pause = retry_after(headers.get("Retry-After", ""))
            self._global_until = max(self._global_until, self._clock() + pause)
        elif is_of_all:
            self._meet_wall(headers.get("Retry-After"), response.url.path)
        else:
            self._walls, self._wall_at = 0, ""
        # A limit that other bots used up is not held against this one.
        refused = status in _REFUSED and scope != "shared"
        self.refusals.end(None if is_of_all else place, refused=refused)

    def _meet_wall(self, asked: str | None, path: str) -> None:
        now = self._clock()
        # Not another one that was under way with the first; nor one message that a firewall
        # dislikes, whose tries shall not lengthen the pause of all.
        if now >= self._wall_until and path != self._wall_at:
            self._walls += 1
        self._wall_at = path
        drawn = min(_LONGEST_WALL_SECONDS, 2.0 ** min(self._walls - 1, 10))
        pause = drawn if asked is None else max(drawn, retry_after(asked))
        self._wall_until = max(self._wall_until, now + pause)

    def trace(
        self,
        forum_of: Callable[[int], int] = lambda channel_id: channel_id,
        *,
        confirm: Callable[[], Awaitable[None]] | None = None,
    ) -> aiohttp.TraceConfig:
        """What makes an aiohttp session keep the pace.

        `forum_of` gives the forum of a thread where it knows it, else what it was given. `confirm`
        is asked right before each request that changes something, and raises to keep it back.
        """

        def place_of(url: URL) -> int | None:
            found = _PLACE.search(url.path)
            return forum_of(int(found[1])) if found else None

        async def wait(
            _: aiohttp.ClientSession, own: SimpleNamespace, request: aiohttp.TraceRequestStartParams
        ) -> None:
            own.turn = await self.turn() if is_counted(request.url) else None
            # A process that was stopped wakes up in the midst of a send that is not its own now.
            if confirm is not None and request.method != "GET" and not _is_callback(request.url):
                await confirm()
            also = _also_confirm.get()
            if also is not None:
                await also()
            if not _is_gateway(request.url):
                self.begin(place_of(request.url))

        async def learn(
            _: aiohttp.ClientSession, own: SimpleNamespace, request: aiohttp.TraceRequestEndParams
        ) -> None:
            if own.turn is not None:
                self.answered(own.turn)
            if not _is_gateway(request.url):
                self.end(place_of(request.url), request.response)

        async def let_go(
            _: aiohttp.ClientSession,
            own: SimpleNamespace,
            request: aiohttp.TraceRequestExceptionParams,
        ) -> None:
            if own.turn is not None:
                self.answered(own.turn)
            if not _is_gateway(request.url):
                self.refusals.end(None, refused=False)

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(wait)
        trace.on_request_end.append(learn)
        trace.on_request_exception.append(let_go)
        return trace


def is_wall(response: aiohttp.ClientResponse) -> bool:
    """Whether what answered stands before Discord's API, or the token is none any more."""
    is_api = response.content_type == "application/json"
    if response.status == 429:
        return "Via" not in response.headers or not is_api
    if response.status == 401:  # of an interaction: its own token is too old
        return not is_api or is_counted(response.url)
    return response.status == 403 and not is_api


def is_counted(url: URL) -> bool:
    return not any(part in url.path for part in _UNCOUNTED)


def _is_callback(url: URL) -> bool:
    """Whether it acknowledges a command or a button.

    Discord waits three seconds for that, whatever Postgres does, and told this process alone.
    """
    return url.path.endswith("/callback")


def _is_gateway(url: URL) -> bool:
    return url.scheme in {"ws", "wss"}
