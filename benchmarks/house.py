"""What every benchmark starts from: a corpus that was read, a forum bound to it, and a docbot.

The stand-in of Discord runs in this process and docbot in one of its own, so that what is measured
of it is its own.
"""

import asyncio
import fcntl
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.corpus import write_corpus
from benchmarks.loop_watch import Stall
from docbot.app.configuring import set_value
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.db.embedded import SERVER_LOCK, EmbeddedServer
from docbot.db.errors import translated
from docbot.errors import TransientError
from docbot.forum.bindings import Place
from docbot.playground.server import Playground
from docbot.settings import Settings

ROOT = Path(__file__).parents[1]
_SOURCE = "docs"
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_OPEN_ROWS = """
    SELECT (SELECT count(*) FROM questions WHERE ended_at IS NULL)
         + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))
"""


@dataclass(frozen=True, slots=True)
class House:
    """`chunks` are those wanted, and `rooms` those of this process, to look at what was stored."""

    playground: Playground
    rooms: Rooms
    chunks: int
    indexed: int


class BotProcess:
    """A docbot that runs, and what it told of itself."""

    def __init__(self, process: asyncio.subprocess.Process, began: float) -> None:
        self._process = process
        self._began = began
        self.ready_seconds = 0.0  # from the start of the process to READY handled
        self.at_start = Stall()
        self.at_work = Stall()  # this and the next are known once it has ended
        self.computing_seconds = 0.0  # of all its threads, from READY to the end

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_until_ready(self) -> None:
        async with asyncio.timeout(_READY_SECONDS):
            told = await self._next_line()
        self.ready_seconds = told["ready"] - self._began
        self.computing_seconds = -told["computed"]
        self.at_start = Stall(**told["at_start"])

    async def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_STOP_SECONDS):
            told = await self._next_line()
            self.computing_seconds += told["computed"]
            self.at_work = Stall(**told["at_work"])
            await self._process.wait()

    async def end(self) -> None:
        """Let no process outlive a benchmark that failed."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _next_line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("docbot ended on its own; the lines above say why")
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def open_to_all() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="docbot-") as name:
        Path(name).chmod(0o755)  # as root Postgres runs as nobody, who must reach it
        yield Path(name)


@asynccontextmanager
async def open_house(chunks: int) -> AsyncIterator[House]:
    with open_to_all() as folder:
        async with Playground.open() as playground:
            settings = Settings(_env_file=None).model_copy(
                update={
                    "docbot_data_dir": folder / "data",
                    "database_url": None,
                    "discord_token": SecretStr(playground.token),
                    "docbot_discord_api": playground.api_url,
                }
            )
            async with open_rooms(settings) as rooms:
                indexed = await _read(rooms, folder / "pages", chunks)
                await _bind(rooms, playground)
                yield House(playground, rooms, chunks, indexed)
            await asyncio.to_thread(wait_for_server_to_end, settings.docbot_data_dir)


def wait_for_server_to_end(data_dir: Path) -> None:
    """It still writes for a moment after its last user left."""
    with (EmbeddedServer(data_dir).location / SERVER_LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


async def _read(rooms: Rooms, pages: Path, chunks: int) -> int:
    """Read the corpus as `docbot sync` does; return how many chunks it has."""
    write_corpus(pages, chunks)
    base_url = "https://docs.test/"
    await rooms.sources.add(name=_SOURCE, kind="folder", location=str(pages), base_url=base_url)
    await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Silent())
    [source] = await rooms.sources.all()
    return source.chunks


async def _bind(rooms: Rooms, playground: Playground) -> None:
    [source] = await rooms.sources.all()
    await rooms.forums.bind(
        guild_id=playground.guild.id,
        channel_id=playground.forum.id,
        mode="auto",
        source_ids=[source.id],
    )
    # What is measured is docbot's own time.
    await set_value(rooms, Place(playground.guild.id), "settle-seconds", "0")


def environment_of(house: House) -> dict[str, str]:
    """What every docbot that is measured there is started with."""
    return {
        "DISCORD_TOKEN": house.playground.token,
        "DOCBOT_DISCORD_API": house.playground.api_url,
        "DOCBOT_DATA_DIR": str(house.rooms.settings.docbot_data_dir),
        "DOCBOT_LIMITS": "off",  # a few people ask all there is
    }


@asynccontextmanager
async def running_bot(
    house: House, *arguments: str, **environment: str
) -> AsyncIterator[BotProcess]:
    """A docbot that handled READY; the arguments are those of `benchmarks.bot_process`."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bot_process", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **environment_of(house),
            **environment,
        },
    )
    bot = BotProcess(process, began)
    try:
        await bot.wait_until_ready()
        yield bot
        await bot.stop()
    finally:
        await bot.end()


async def wait_until_all_ended(house: House, patience: float) -> int:
    """Wait, so many seconds at most; return how many questions and messages have not ended."""
    deadline = time.monotonic() + patience
    while left := await _count_open(house):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return left


async def _count_open(house: House) -> int:
    try:
        with translated():
            return int(await house.rooms.pool.fetchval(_OPEN_ROWS))
    except TransientError:  # Postgres was struck a moment ago
        return 1


class Silent:
    """Nobody looks at how far it is."""

    def begin(self, what: str) -> None: ...
    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...
