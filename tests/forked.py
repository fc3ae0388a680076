"""Processes forked from one that has docbot loaded, for tests that start it by the hundred.

To import docbot takes most of a second of a processor. What is forked is a process as any other,
with arguments, environment, folder, pipes, signals and an exit code of its own; it begins with the
modules loaded and nothing open. Where a start, a terminal or a session is what is tested, start a
new one.
"""

import asyncio
import gc
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

# What docbot and the bots of tests import; nothing of it starts a thread.
_LOADED = (
    "docbot.cli",
    "docbot.app.doctor",
    "docbot.app.reading",
    "docbot.app.run",
    "docbot.retrieval.edge",
    "openai",
    "tests.path.effects",
)
_REPOSITORY = Path(__file__).parents[1]
_MOST_BYTES = 100_000  # of an order, which is one message
_SMALL = 64  # bytes of a number


@dataclass(frozen=True)
class _Order:
    argv: list[str]
    env: dict[str, str]
    cwd: str


class Process:
    """A forked process, for the test to use as one that asyncio started."""

    def __init__(
        self,
        pid: int,
        life: socket.socket,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = stdout
        self.stderr = stderr
        self._life = life
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(life, self._take_end)

    def _take_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._life)
        with self._life:
            self.returncode = int(self._life.recv(_SMALL))
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        out, err = await asyncio.gather(_rest(self.stdout), _rest(self.stderr))
        await self.wait()
        return out, err

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def _rest(pipe: asyncio.StreamReader | None) -> bytes:
    return await pipe.read() if pipe else b""


async def start(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Process:
    """Run a module as `python -m` does; `stdout` and `stderr` are as for asyncio."""
    order = _Order([module, *arguments], dict(env), str(cwd or Path.cwd()))
    life, far_life = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    life.setblocking(False)
    out, far_out = await _pipe(stdout, 1)
    err, far_err = await _pipe(stderr, 2)
    with far_life, far_out, far_err:
        given = [far_out.fileno(), far_err.fileno(), far_life.fileno()]
        socket.send_fds(_forker().orders, [json.dumps(asdict(order)).encode()], given)
    pid = int(await asyncio.get_running_loop().sock_recv(life, _SMALL))
    return Process(pid, life, out, err)


async def _pipe(wanted: int | None, ours: int) -> tuple[asyncio.StreamReader | None, BinaryIO]:
    """Give what is read here, if anything is, and what the process writes to."""
    if wanted is None:
        return None, os.fdopen(os.dup(ours), "wb")
    if wanted == subprocess.DEVNULL:
        return None, Path(os.devnull).open("wb")
    begin, end = os.pipe()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(begin, "rb")
    )
    return reader, os.fdopen(end, "wb")


@dataclass(frozen=True)
class _Forker:
    process: subprocess.Popen[bytes]
    orders: socket.socket


@cache
def _forker() -> _Forker:
    """The process to fork from, one for each that runs tests."""
    orders, far_orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with far_orders:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(far_orders.fileno())],
            env={"PATH": os.defpath},
            cwd=_REPOSITORY,
            pass_fds=[far_orders.fileno()],
        )
    return _Forker(process, orders)


def end() -> None:
    """Let go of the process to fork from, where there is one."""
    if _forker.cache_info().currsize:
        _forker().orders.close()
        _forker().process.wait()
        _forker.cache_clear()


def _serve(orders: socket.socket) -> _Order | None:
    """Fork for each order and tell of each end; gives the order in what is forked alone."""
    lives: dict[int, socket.socket] = {}
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([orders, woken], [], [])
        if woken in ready:
            woken.recv(_MOST_BYTES)
            _tell_ends(lives)
        if orders in ready:
            message, given, _, _ = socket.recv_fds(orders, _MOST_BYTES, 3)
            if not message:
                return None
            out, err, life = given
            pid = os.fork()
            if pid == 0:
                _begin_anew(out, err)
                return _Order(**json.loads(message))
            os.close(out)
            os.close(err)
            lives[pid] = socket.socket(fileno=life)
            lives[pid].send(str(pid).encode())


def _tell_ends(lives: dict[int, socket.socket]) -> None:
    while lives:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with lives.pop(pid) as life, suppress(BrokenPipeError):  # nobody may wait for it
            life.send(str(os.waitstatus_to_exitcode(status)).encode())


def _begin_anew(out: int, err: int) -> None:
    """Keep nothing of the process that was forked but what it has loaded."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _main(descriptor: int) -> None:
    for module in _LOADED:
        import_module(module)
    gc.collect()
    gc.freeze()
    order = _serve(socket.socket(fileno=descriptor))
    if order is None:
        return
    os.chdir(order.cwd)
    os.environ.clear()
    os.environ.update(order.env)
    module, *_ = sys.argv = order.argv
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
