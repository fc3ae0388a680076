"""The docbots and the Postgres that the chaos benchmark strikes: real processes, killed for real."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.house import ROOT
from docbot.db.embedded import CLUSTER, EmbeddedServer

_ACTING, _CONNECTED = "active from now on", "connected to Discord as"
_STANDBY, _IDLE = "standing by", "not acting"
_READY_SECONDS = 60.0


class Docbot:
    """One `docbot run`, and what its log says of it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.began = time.monotonic()
        self.acts = False  # holds the right to act, as far as its log says
        self.connected = asyncio.Event()
        self.stands_by = asyncio.Event()
        self._process = process
        self._log = log

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def watch(self) -> None:
        """Keep its log, and read from it what it does; ends with the process."""
        assert self._process.stderr is not None
        with self._log.open("wb") as log:
            async for line in self._process.stderr:
                log.write(line)
                self._read(line.decode(errors="replace"))

    def _read(self, line: str) -> None:
        if _ACTING in line:
            self.acts = True
        elif _CONNECTED in line:  # told each time, who acts after failures not
            self.acts = True
            self.connected.set()
        elif _STANDBY in line:
            self.stands_by.set()
        elif _IDLE in line:
            self.acts = False

    async def end(self, number: signal.Signals) -> int:
        if self.is_alive:
            self._process.send_signal(number)
        return await self._process.wait()


class Fleet:
    """Starts docbots that share one data folder, and strikes at them and at their Postgres."""

    def __init__(
        self, data_dir: Path, environment: Mapping[str, str], logs: Path, command: list[str]
    ) -> None:
        self._data_dir = data_dir
        self._environment = environment
        self.logs = logs
        self._command = command
        self._started = 0
        self.docbots: list[Docbot] = []

    @property
    def alive(self) -> list[Docbot]:
        return [one for one in self.docbots if one.is_alive]

    @property
    def acting(self) -> Docbot | None:
        return next((one for one in self.alive if one.acts), None)

    async def start(self, tasks: asyncio.TaskGroup) -> Docbot:
        self._started += 1
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *self._command),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self._environment},
        )
        docbot = Docbot(process, self.logs / f"docbot-{self._started:03}.log")
        self.docbots.append(docbot)
        tasks.create_task(docbot.watch())
        return docbot

    async def start_ready(self, tasks: asyncio.TaskGroup) -> Docbot:
        docbot = await self.start(tasks)
        async with asyncio.timeout(_READY_SECONDS):
            await docbot.connected.wait()
        return docbot

    async def start_standby(self, tasks: asyncio.TaskGroup) -> Docbot:
        docbot = await self.start(tasks)
        async with asyncio.timeout(_READY_SECONDS):
            await docbot.stands_by.wait()
        return docbot

    async def kill(self, docbot: Docbot) -> None:
        await docbot.end(signal.SIGKILL)

    async def end_all(self, number: signal.Signals) -> list[int]:
        """End every docbot; return their exit codes."""
        return list(await asyncio.gather(*(one.end(number) for one in self.alive)))

    def strike_postgres(self, *, at_once: bool) -> bool:
        """Kill the server (SIGKILL), or stop it as `pg_ctl stop -m immediate` does (SIGQUIT).

        Who connects next starts it again. False when there was none to strike.
        """
        cluster = EmbeddedServer(self._data_dir).location / CLUSTER
        try:
            pid = int((cluster / "postmaster.pid").read_text().split("\n")[0])
            os.kill(pid, signal.SIGKILL if at_once else signal.SIGQUIT)
        except (OSError, ValueError):
            return False
        return True
