"""A wake-up reaches one of those who rest, and is never lost."""

import asyncio

import pytest

from docbot.errors import TransientError
from docbot.forum.claims import ClaimLoop, Wake


async def _resting(wake: Wake, count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(wake.wait()) for _ in range(count)]
    await asyncio.sleep(0)  # each begins to wait
    return tasks


async def _woken(tasks: list[asyncio.Task[None]]) -> int:
    await asyncio.wait(tasks, timeout=0.01)
    return sum(task.done() for task in tasks)


async def test_each_call_wakes_one_more_of_those_who_wait() -> None:
    wake = Wake()
    tasks = await _resting(wake, 3)
    wake.set()
    assert await _woken(tasks) == 1
    wake.set()
    wake.set()
    assert await _woken(tasks) == 3


async def test_calls_while_nobody_waits_are_kept_as_one() -> None:
    wake = Wake()
    for _ in range(3):
        wake.set()
    tasks = await _resting(wake, 2)
    assert await _woken(tasks) == 1
    wake.set()
    assert await _woken(tasks) == 2


async def test_a_call_to_one_who_just_gave_up_reaches_the_next() -> None:
    wake = Wake()
    first, second = await _resting(wake, 2)
    wake.set()
    first.cancel()  # as its time limit does in the same moment
    await asyncio.wait([first])
    assert await _woken([second]) == 1


class Broken(ClaimLoop):
    """Claims from a database that is out of reach for good."""

    def __init__(self, error: Exception, *, ends_after: int) -> None:
        super().__init__(wake=Wake(), idle_seconds=0.001)
        self._error = error
        self._left = ends_after

    async def take_one(self) -> bool:
        self._left -= 1
        if self._left == 0:
            self.stop()
        raise self._error

    async def put_back(self) -> None: ...

    async def seconds_to_next(self) -> float | None:
        return None


@pytest.mark.parametrize("error", [TransientError("the disk is full"), ValueError("odd row")])
async def test_a_failure_that_lasts_is_told_now_and_then(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    await Broken(error, ends_after=100).run()
    assert len(caplog.records) == 7  # 1, 2, 4, ... 64


class Looking(ClaimLoop):
    """Looks for rows until it is let go on, and finds none."""

    def __init__(self, wake: Wake, go_on: asyncio.Event) -> None:
        super().__init__(wake=wake, idle_seconds=60)
        self._go_on = go_on

    async def take_one(self) -> bool:
        await self._go_on.wait()
        return False

    async def put_back(self) -> None: ...

    async def seconds_to_next(self) -> float | None:
        return None


async def test_all_who_look_when_they_are_told_to_stop_stop_at_once() -> None:
    wake, go_on = Wake(), asyncio.Event()
    loops = [Looking(wake, go_on) for _ in range(4)]
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    await asyncio.sleep(0)  # each begins to look
    for loop in loops:
        loop.stop()
    go_on.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks)
