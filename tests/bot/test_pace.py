import asyncio

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from docbot.bot.pace import Pace


class Clock:
    """Seconds that pass when somebody sleeps, or when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    requests=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 0.5, allow_subnormal=False), min_size=1, max_size=60),
)
def test_no_second_sees_more_requests_than_allowed(requests: int, gaps: list[float]) -> None:
    clock = Clock()
    pace = Pace(requests, clock=clock, sleep=clock.sleep)
    begun = []

    async def ask() -> None:
        for gap in gaps:
            clock.now += gap
            await pace.turn()
            begun.append(clock.now)

    asyncio.run(ask())
    for first, later in zip(begun, begun[requests:], strict=False):
        assert later - first >= 1 - 1e-9


async def test_below_the_limit_nobody_waits() -> None:
    clock = Clock()
    pace = Pace(3, clock=clock, sleep=clock.sleep)
    for _ in range(3):
        await pace.turn()
    assert clock.now == 100.0


@pytest.mark.parametrize(
    ("path", "waits"), [("/channels/1/messages", True), ("/webhooks/1/x", False)]
)
async def test_a_session_waits_before_requests_that_count(path: str, waits: bool) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get(path, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    clock = Clock()
    pace = Pace(1, clock=clock, sleep=clock.sleep)
    async with aiohttp.ClientSession(trace_configs=[pace.trace()]) as session:
        for _ in range(3):
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
            async with session.get(url) as response:
                assert response.status == 200
    await runner.cleanup()
    assert clock.now == (102.0 if waits else 100.0)
