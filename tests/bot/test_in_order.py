"""Events of one thread keep their order, and however many come, only so many are worked on."""

import asyncio
from functools import partial

import pytest

from docbot.bot.in_order import InOrder


class Storing:
    """Calls that wait until they are let go; keeps what ran, and how much of it at once."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.done: list[tuple[int, int]] = []
        self.at_once = self.most_at_once = 0

    async def store(self, thread: int, number: int) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.go.wait()
        self.at_once -= 1
        self.done.append((thread, number))


async def flooded(
    in_order: InOrder, storing: Storing, threads: int, each: int
) -> list[asyncio.Task[None]]:
    """Tell many events at once, as discord.py does: a task for each."""
    tasks = [
        asyncio.create_task(in_order.run(thread, partial(storing.store, thread, number)))
        for number in range(each)
        for thread in range(threads)
    ]
    while storing.at_once < min(threads, 4):
        await asyncio.sleep(0)
    return tasks


async def test_a_flood_is_worked_on_by_so_many_tasks_and_the_rest_have_ended() -> None:
    in_order, storing = InOrder(4), Storing()
    tasks = await flooded(in_order, storing, threads=10, each=50)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert sum(not task.done() for task in tasks) == 4
    storing.go.set()
    await asyncio.wait(tasks)
    assert (len(storing.done), storing.most_at_once) == (500, 4)


async def test_events_of_one_thread_run_one_after_the_other_in_their_order() -> None:
    in_order, storing = InOrder(4), Storing()
    tasks = await flooded(in_order, storing, threads=3, each=20)
    storing.go.set()
    await asyncio.wait(tasks)
    for thread in range(3):
        assert [n for t, n in storing.done if t == thread] == list(range(20))
    assert storing.most_at_once == 3


async def test_a_thread_with_many_events_does_not_keep_another_waiting() -> None:
    in_order, slow, quick = InOrder(2), Storing(), Storing()
    tasks = await flooded(in_order, slow, threads=1, each=100)
    quick.go.set()
    await in_order.run(7, partial(quick.store, 7, 0))
    assert (quick.done, slow.done) == ([(7, 0)], [])
    slow.go.set()
    await asyncio.wait(tasks)


async def test_an_event_that_breaks_leaves_none_behind_it_undone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    in_order, storing = InOrder(1), Storing()
    storing.go.set()

    async def breaks() -> None:
        raise ValueError("not as expected")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(in_order.run(1, breaks))
        tasks.create_task(in_order.run(1, partial(storing.store, 1, 1)))
        tasks.create_task(in_order.run(2, partial(storing.store, 2, 1)))
    assert sorted(storing.done) == [(1, 1), (2, 1)]
    assert "thread 1" in caplog.text
