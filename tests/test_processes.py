import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from docbot.errors import TransientError
from docbot.processes import StandingProcess, lasting_pool, process_pool

pytestmark = pytest.mark.slow


async def test_a_cancelled_wait_ends_the_work_and_does_not_hold_up_the_loop() -> None:
    async def work(begun: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        with process_pool(1) as pool:
            await loop.run_in_executor(pool, time.monotonic)
            begun.set()
            await loop.run_in_executor(pool, time.sleep, 60)

    begun = asyncio.Event()
    working = asyncio.create_task(work(begun))
    async with asyncio.timeout(60):
        await begun.wait()
        working.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert time.monotonic() - began < 50
    assert multiprocessing.active_children() == []


def end_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_a_job_that_ends_its_process_fails_alone() -> None:
    loop = asyncio.get_running_loop()
    with lasting_pool(2) as pool:
        jobs = [
            loop.run_in_executor(pool, end_process if number == 3 else partial(abs, -number))
            for number in range(8)
        ]
        done = await asyncio.gather(*jobs, return_exceptions=True)
        assert isinstance(error := done.pop(3), TransientError)
        assert "the process that read it died, twice" in str(error)
        assert done == [0, 1, 2, 4, 5, 6, 7]
        assert await loop.run_in_executor(pool, abs, -9) == 9
    assert multiprocessing.active_children() == []


async def test_where_every_job_ends_its_process_the_pool_says_so() -> None:
    loop = asyncio.get_running_loop()
    with lasting_pool(1, most_deaths=2) as pool:
        jobs = [loop.run_in_executor(pool, end_process) for _ in range(2)]
        done = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(done[0], TransientError)
    assert isinstance(done[-1], BrokenProcessPool)


async def test_a_cancelled_job_of_a_lasting_pool_does_not_hold_up_the_loop() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        with lasting_pool(1) as pool:
            await loop.run_in_executor(pool, time.monotonic)
            async with asyncio.timeout(0.1):
                await loop.run_in_executor(pool, time.sleep, 60)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await work()
    assert time.monotonic() - began < 50
    assert multiprocessing.active_children() == []


def test_a_child_does_not_import_what_its_parent_was_started_with(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os\n"
        "print('imported', flush=True)\n"
        "from docbot.processes import process_pool\n"
        "if __name__ == '__main__':\n"
        "    with process_pool(1) as pool:\n"
        "        print(pool.submit(os.getpid).result() != os.getpid())\n"
    )
    ran = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.split() == ["imported", "True"]


async def test_a_standing_process_is_the_same_until_it_dies() -> None:
    standing = StandingProcess()
    first = await standing.run(os.getpid)
    assert await standing.run(os.getpid) == first != os.getpid()
    os.kill(first, signal.SIGKILL)
    assert await standing.run(os.getpid) not in (first, os.getpid())
    standing.end()
    with pytest.raises(TransientError, match="was ended"):
        await standing.run(os.getpid)


async def test_a_job_that_ends_a_standing_process_twice_fails_alone() -> None:
    standing = StandingProcess()
    with pytest.raises(TransientError, match="its process died, twice"):
        await standing.run(end_process)
    assert await standing.run(abs, -9) == 9
    standing.end()


async def test_a_standing_process_ends_at_once_with_what_it_does() -> None:
    standing = StandingProcess()
    await standing.run(abs, -1)
    working = asyncio.create_task(standing.run(time.sleep, 60))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        standing.end()
        with pytest.raises(TransientError):
            await working


async def test_a_standing_process_that_has_nothing_to_do_ends() -> None:
    standing = StandingProcess(idle_seconds=0.01)
    await standing.run(abs, -1)
    [child] = multiprocessing.active_children()
    assert await asyncio.to_thread(wait, [child.sentinel], 20)
    assert await standing.run(abs, -2) == 2
    standing.end()
