import asyncio
import multiprocessing
import time

import pytest

from docbot.processes import process_pool


async def test_a_cancelled_wait_ends_the_work_and_does_not_hold_up_the_loop() -> None:
    async def work(begun: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        with process_pool(1) as pool:
            await loop.run_in_executor(pool, time.monotonic)
            begun.set()
            await loop.run_in_executor(pool, time.sleep, 60)

    begun = asyncio.Event()
    working = asyncio.create_task(work(begun))
    async with asyncio.timeout(20):
        await begun.wait()
        working.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert time.monotonic() - began < 5
    assert multiprocessing.active_children() == []
