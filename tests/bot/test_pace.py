import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from operator import itemgetter

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from docbot.bot.pace import RequestPace
from docbot.bot.refusals import HeldBackError, Refusals


class Clock:
    """Seconds that pass when somebody sleeps, or when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self._later: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._later.append((self.now + seconds, call))

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        for at, call in sorted(self._later, key=itemgetter(0)):
            if at <= until:
                self.now = max(self.now, at)
                call()
        self._later = [one for one in self._later if one[0] > until]
        self.now = until


@given(
    requests=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 0.5, allow_subnormal=False), min_size=1, max_size=60),
)
def test_no_second_sees_more_requests_than_allowed(requests: int, gaps: list[float]) -> None:
    clock = Clock()
    pace = RequestPace(requests, clock=clock, sleep=clock.sleep)
    begun = []

    async def ask() -> None:
        for gap in gaps:
            clock.now += gap
            await pace.turn()
            begun.append(clock.now)

    asyncio.run(ask())
    for first, later in zip(begun, begun[requests:], strict=False):
        assert later - first >= 1 - 1e-9


@given(
    requests=st.integers(1, 8),
    asked=st.lists(
        st.tuples(st.floats(0, 0.3), st.floats(0, 0.9), st.floats(0, 1)), min_size=1, max_size=60
    ),
)
def test_no_second_sees_more_arrive_than_allowed_however_long_each_is_on_its_way(
    requests: int, asked: list[tuple[float, float, float]]
) -> None:
    clock = Clock()
    pace = RequestPace(requests, clock=clock, sleep=clock.sleep)
    arrived = []

    async def ask() -> None:
        for gap, lasts, there in asked:  # how far into its time it gets there
            await clock.sleep(gap)
            turn = await pace.turn()
            arrived.append(clock.now + lasts * there)
            clock.later(lasts, partial(pace.answered, turn))

    asyncio.run(ask())
    arrived.sort()
    for first, later in zip(arrived, arrived[requests:], strict=False):
        assert later - first >= 1 - 1e-9


async def test_an_answer_that_is_long_in_coming_holds_up_nobody_for_more_than_the_second() -> None:
    clock = Clock()
    pace = RequestPace(1, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        await pace.turn()  # and is never answered
    assert clock.now == 102.0


async def test_below_the_limit_nobody_waits() -> None:
    clock = Clock()
    pace = RequestPace(3, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        await pace.turn()
    assert clock.now == 100.0


Handler = Callable[[web.Request], Awaitable[web.Response]]
Get = Callable[..., Awaitable[int]]  # takes a path and, unless it is GET, the method


@asynccontextmanager
async def session(
    pace: RequestPace, handler: Handler, confirm: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Get]:
    """What asks a server that answers every path so, in a session that keeps the pace."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(trace_configs=[pace.trace(confirm=confirm)]) as client:

        async def get(path: str, method: str = "GET") -> int:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
            async with client.request(method, url) as response:
                return response.status

        yield get
    await runner.cleanup()


def script(*answers: web.Response) -> Handler:
    left = list(answers)

    async def answer(_: web.Request) -> web.Response:
        return left.pop(0) if left else web.json_response({})

    return answer


def page(status: int, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text="<html>", content_type="text/html", headers=named)


def limited(seconds: int, scope: str) -> web.Response:
    headers = {"Via": "1.1 google", "Retry-After": str(seconds), "X-RateLimit-Scope": scope}
    return web.json_response({}, status=429, headers=headers)


@pytest.mark.parametrize(
    ("path", "method", "asks"),
    [
        ("/channels/1/messages", "POST", True),
        ("/channels/1/messages", "GET", False),
        ("/webhooks/1/x", "POST", True),
        ("/interactions/1/x/callback", "POST", False),  # Discord waits three seconds for it
    ],
)
async def test_what_changes_something_asks_first_but_for_an_acknowledgement(
    path: str, method: str, asks: bool
) -> None:
    asked = []

    async def confirm() -> None:
        asked.append(path)

    async with session(RequestPace(10), script(), confirm) as get:
        assert await get(path, method) == 200
    assert bool(asked) is asks


@pytest.mark.parametrize(
    ("path", "waits"), [("/channels/1/messages", True), ("/webhooks/1/x", False)]
)
async def test_a_session_waits_before_requests_that_count(path: str, waits: bool) -> None:
    clock = Clock()
    async with session(RequestPace(1, clock=clock, sleep=clock.sleep), script()) as get:
        for _ in range(3):
            assert await get(path) == 200
    assert clock.now == (102.0 if waits else 100.0)


async def test_a_pause_over_all_is_kept_by_all_that_count() -> None:
    clock = Clock()
    pace = RequestPace(50, clock=clock, sleep=clock.sleep)
    async with session(pace, script(limited(7, "global"), web.json_response({}))) as get:
        assert await get("/channels/1/messages") == 429
        assert await get("/interactions/1/x/callback") == 200
        assert clock.now == 100
        assert await get("/channels/2/messages") == 200
        assert clock.now == 107


async def test_a_pause_over_all_that_is_long_keeps_nobody_waiting_in_a_call() -> None:
    clock = Clock()
    pace = RequestPace(50, clock=clock, sleep=clock.sleep)
    async with session(pace, script(limited(600, "global"))) as get:
        await get("/channels/1/messages")
        with pytest.raises(HeldBackError) as held:
            await get("/channels/2/messages")
    assert (held.value.retry_after, clock.now) == (600, 100)


@pytest.mark.parametrize(
    "wall",
    [
        partial(page, 429),
        partial(page, 403),
        partial(page, 401),
        partial(web.json_response, {}, status=401),
    ],
)
async def test_a_wall_is_met_ever_less_often_until_it_is_gone(
    wall: Callable[[], web.Response],
) -> None:
    clock = Clock()
    walls = [wall() for _ in range(8)]
    pauses = []
    async with session(RequestPace(50, clock=clock, sleep=clock.sleep), script(*walls)) as get:
        for number in range(8):
            assert await get(f"/channels/{number}/messages") == walls[0].status
            with pytest.raises(HeldBackError) as held:
                await get("/webhooks/1/x")
            pauses.append(held.value.retry_after)
            clock.now += held.value.retry_after or 0
        assert await get("/channels/1/messages") == 200
        assert await get("/channels/1/messages") == 200
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_message_that_a_firewall_dislikes_does_not_lengthen_the_pause_of_all() -> None:
    clock = Clock()
    walls = [page(403) for _ in range(8)]
    async with session(RequestPace(50, clock=clock, sleep=clock.sleep), script(*walls)) as get:
        for _ in walls:
            assert await get("/channels/1/messages") == 403
            clock.now += 1


async def test_the_time_that_a_wall_asks_for_is_kept() -> None:
    clock = Clock()
    async with session(
        RequestPace(50, clock=clock, sleep=clock.sleep), script(page(429, Retry_After="3600"))
    ) as get:
        await get("/channels/1/messages")
        with pytest.raises(HeldBackError) as held:
            await get("/channels/2/messages")
    assert held.value.retry_after == 3600


async def test_after_a_wall_one_request_goes_first() -> None:
    clock, reached, go_on = Clock(), asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/wall":
            return page(429)
        reached.set()
        await go_on.wait()
        return web.json_response({})

    async with session(RequestPace(50, clock=clock, sleep=clock.sleep), answer) as get:
        await get("/wall")
        clock.now += 1
        first = asyncio.ensure_future(get("/first"))
        await reached.wait()
        with pytest.raises(HeldBackError):
            await get("/second")
        go_on.set()
        assert await first == 200
        assert await get("/second") == 200


async def test_a_refused_interaction_and_a_shared_limit_are_no_wall() -> None:
    clock = Clock()
    refusals = Refusals(most=2, clock=clock)
    pace = RequestPace(50, refusals=refusals, clock=clock, sleep=clock.sleep)
    too_old = web.json_response({}, status=401)
    async with session(pace, script(too_old, limited(1, "shared"), limited(1, "user"))) as get:
        for path in ("/webhooks/1/x", "/channels/1/messages", "/channels/1/messages"):
            await get(path)
        with pytest.raises(HeldBackError):  # two of the three count
            await get("/channels/2/messages")


async def test_a_request_that_breaks_off_is_no_longer_under_way() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    pace = RequestPace(50)
    async with session(pace, answer) as get:
        with pytest.raises(aiohttp.ClientError):
            await get("/channels/1/messages")
    assert pace.refusals.under_way == 0
