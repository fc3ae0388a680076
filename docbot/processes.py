"""What keeps the event loop free: child processes, and a garbage collector with less to look at.

The children end with their parent. A job that ends its process, by its memory or by a fault of a
library, costs itself alone where it runs in a `lasting_pool`.

Ctrl-C reaches every process of a terminal; the parent alone decides what ends.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from docbot.errors import TransientError

# Jobs in a row that end the process they are alone in: then it is the machine, and not the jobs.
_MOST_DEATHS = 10
OOM_SCORE = "500"  # of 1000; a machine short of memory ends this process before others
_OOM_PLACE = Path("/proc/self/oom_score_adj")  # of Linux

_T = TypeVar("_T")


class _QuietProcess(SpawnProcess):
    """A process that Ctrl-C cannot reach, not even while it starts.

    It imports what it works with, and not the module by which its parent was started.
    """

    def start(self) -> None:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")  # of no file: nothing to import
        try:
            self._start_quietly()
        finally:
            sys.modules["__main__"] = main

    def _start_quietly(self) -> None:
        if sys.platform == "win32":
            super().start()
            return
        # A child inherits the mask. The resource tracker, whose start would lift it, runs since
        # the pool made its queues.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _QuietSpawn(SpawnContext):
    Process = _QuietProcess


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of spawned processes: a forked one would inherit the locks of its parent.

    Left by an error or a cancellation it ends them at once: to wait for what nobody wants any
    more would hold up the event loop for as long as that takes.
    """
    pool = ProcessPoolExecutor(workers, mp_context=_QuietSpawn(), initializer=_end_with_parent)
    try:
        yield pool
    except BaseException:
        _end_processes_of(pool)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def lasting_pool(workers: int, *, most_deaths: int = _MOST_DEATHS) -> Iterator["LastingPool"]:
    """Give a pool as `process_pool` does, that outlives its processes."""
    pool = LastingPool(workers, most_deaths=most_deaths)
    try:
        yield pool
    except BaseException:
        pool.end_processes()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class LastingPool(Executor):
    """Runs jobs in child processes; the job that ends its process fails alone.

    A process that dies takes all with it that its pool has under way. Each of these jobs is done
    once more, in a process where nothing else is: the one that ends that too fails with
    TransientError. When one job after the other does, all fail with BrokenProcessPool.
    """

    def __init__(self, workers: int, *, most_deaths: int = _MOST_DEATHS) -> None:
        self._workers = workers
        self._most_deaths = most_deaths
        self._lock = threading.Lock()
        self._is_ending = False
        self._pool = _expendable(workers)
        self._alone = _expendable(1)
        self._once_more = ThreadPoolExecutor(1, thread_name_prefix="once more")
        self._deaths = 0  # in a row

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> "Future[_T]":
        job = partial(fn, *args, **kwargs)
        outcome: Future[_T] = Future()
        with self._lock:
            try:
                doing = self._pool.submit(job)
            except BrokenProcessPool:
                self._pool.shutdown(wait=False)
                self._pool = _expendable(self._workers)
                doing = self._pool.submit(job)
        outcome.add_done_callback(lambda _: doing.cancel())
        doing.add_done_callback(partial(self._done, job, outcome))
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._is_ending = True
        for pool in (self._pool, self._once_more, self._alone):
            pool.shutdown(wait, cancel_futures=cancel_futures)

    def end_processes(self) -> None:
        self._is_ending = True
        for pool in (self._pool, self._alone):
            _end_processes_of(pool)

    def _done(self, job: Callable[[], _T], outcome: "Future[_T]", doing: "Future[_T]") -> None:
        is_lost = not doing.cancelled() and isinstance(doing.exception(), BrokenProcessPool)
        if is_lost and not self._is_ending:
            with suppress(RuntimeError):  # it is ending by now
                self._once_more.submit(self._do_alone, job, outcome)
                return
        if doing.cancelled():
            outcome.cancel()
        elif outcome.set_running_or_notify_cancel():
            _settle(outcome, doing)

    def _do_alone(self, job: Callable[[], _T], outcome: "Future[_T]") -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        doing = self._alone.submit(job)
        error = doing.exception()
        if not isinstance(error, BrokenProcessPool):
            self._deaths = 0
            _settle(outcome, doing)
            return
        self._deaths += 1
        if self._deaths < self._most_deaths and not self._is_ending:
            self._alone.shutdown(wait=False)
            self._alone = _expendable(1)
            message = "the process that read it died, twice; it may need more memory than there is"
            outcome.set_exception(TransientError(message))
        else:
            outcome.set_exception(error)


class StandingProcess:
    """Does job after job in one child process, which starts with the first and then stays.

    One that dies is followed by another, which does once more what was lost.
    """

    def __init__(self, *, idle_seconds: float | None = None) -> None:
        """Set up; a process that had no job for `idle_seconds` ends, and its memory is free."""
        self._idle_seconds = idle_seconds
        self._pool: ProcessPoolExecutor | None = None
        self._jobs = 0  # under way
        self._idle: asyncio.TimerHandle | None = None
        self._has_ended = False

    async def run(self, fn: Callable[..., _T], /, *args: Any) -> _T:
        """Do a job and return what it returns, or raise what it raises.

        Raises:
            TransientError: the process died twice over it, or was ended.
        """
        self._stop_clock()
        self._jobs += 1
        try:
            return await self._run(partial(fn, *args), tries=2)
        finally:
            self._jobs -= 1
            if self._idle_seconds is not None and not self._jobs and not self._has_ended:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(self._idle_seconds, self._drop)

    def end(self) -> None:
        """End it at once with all that it does; nothing is started any more."""
        self._has_ended = True
        self._stop_clock()
        self._drop()

    async def _run(self, job: Callable[[], _T], tries: int) -> _T:
        if self._has_ended:
            raise TransientError("its process was ended")
        pool = self._pool = self._pool or _expendable(1)
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, job)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._drop()
            if tries == 1 or self._has_ended:
                message = "its process died, twice; it may need more memory than there is"
                raise TransientError(message) from error
        return await self._run(job, tries - 1)

    def _drop(self) -> None:
        if self._pool is not None:
            _end_processes_of(self._pool)
            self._pool.shutdown(wait=False)  # jobs are not cancelled: who waits for one is told
        self._pool = None

    def _stop_clock(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def _settle(outcome: "Future[_T]", done: "Future[_T]") -> None:
    error = done.exception()
    if error is None:
        outcome.set_result(done.result())
    else:
        outcome.set_exception(error)


def _expendable(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=_QuietSpawn(), initializer=_go_before_others)


def tell_to_end(pool: ProcessPoolExecutor) -> None:
    """Send SIGTERM to the processes of a pool, for a job that listens to it to end in order."""
    for process in list((pool._processes or {}).values()):  # noqa: SLF001  # as said below
        process.terminate()


def _end_processes_of(pool: ProcessPoolExecutor) -> None:
    # Before Python 3.14 a pool has no other way to end its processes.
    for process in list((pool._processes or {}).values()):  # noqa: SLF001  # as said above
        process.kill()


def freeze_what_is_loaded() -> None:
    """Spare a long-lived process that each full garbage collection looks at its libraries again.

    To be called once they are imported and before there is an event loop: a collection stops it,
    with discord.py loaded for 50 ms each time.
    """
    gc.collect()
    gc.freeze()


def _go_before_others() -> None:
    _end_with_parent()
    with suppress(OSError):
        _OOM_PLACE.write_text(OOM_SCORE)


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where no mask could be inherited
    threading.Thread(target=_wait_for_parent, name="parent watch", daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
