"""What keeps the event loop free: child processes, and a garbage collector with less to look at.

The children end with their parent.

Ctrl-C reaches every process of a terminal; the parent alone decides what ends.
"""

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess


class _QuietProcess(SpawnProcess):
    """A process that Ctrl-C cannot reach, not even while it starts."""

    def start(self) -> None:
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
        # Before Python 3.14 a pool has no other way to end its processes.
        for process in list((pool._processes or {}).values()):  # noqa: SLF001  # as said above
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def freeze_what_is_loaded() -> None:
    """Spare a long-lived process that each full garbage collection looks at its libraries again.

    To be called once they are imported and before there is an event loop: a collection stops it,
    with discord.py loaded for 50 ms each time.
    """
    gc.collect()
    gc.freeze()


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where no mask could be inherited
    threading.Thread(target=_wait_for_parent, name="parent watch", daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
