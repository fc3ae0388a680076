"""docbots in processes of their own, and a way to Postgres that can be cut."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from docbot.playground.server import Playground
from tests.forked import Process, start
from tests.town import eventually


@dataclass
class Bot:
    """One process, and what it told so far."""

    process: Process
    lines: list[str] = field(default_factory=list)

    def told(self, what: str) -> int:
        return sum(what in line for line in tuple(self.lines))

    async def tells(self, what: str, times: int = 1) -> None:
        await eventually(lambda: self.told(what) >= times)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def ends(self, within: float = 60) -> int:
        """Wait for its end, bounded; give its exit code."""
        return await asyncio.wait_for(self.process.wait(), within)

    async def is_frozen(self) -> None:
        state = Path(f"/proc/{self.process.pid}/stat")
        await eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    async def listen(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode().rstrip())


@asynccontextmanager
async def bot(
    playground: Playground,
    data_dir: Path,
    database_url: str | None,
    *command: str,
    **settings: str,
) -> AsyncIterator[Bot]:
    """Run `docbot run`, or another module, and let no process outlive the block."""
    given = {"DATABASE_URL": database_url} if database_url else {}
    process = await start(
        *(command or ("docbot", "run")),
        stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": os.defpath,
            "DISCORD_TOKEN": playground.token,
            "DOCBOT_DISCORD_API": playground.api_url,
            "DOCBOT_DATA_DIR": str(data_dir),
            **given,
            **settings,
        },
    )
    started = Bot(process)
    listening = asyncio.create_task(started.listen())
    try:
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


@dataclass
class Link:
    """One connection through the way; `is_lock` once it asked for the right to act."""

    sides: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_lock: bool = False


@dataclass
class Way:
    """A way to Postgres: it passes all on, swallows what the rule says, or lets nobody in."""

    host: str
    port: int
    url: str = ""
    links: list[Link] = field(default_factory=list)
    swallows: Callable[[Link], bool] = lambda _: False
    refuses: bool = False  # those who come from now on

    def lock(self) -> Link | None:
        """The connection that asked for the right to act, the first one that did."""
        return next((link for link in self.links if link.is_lock), None)

    def break_off(self) -> None:
        """Cut every connection there is."""
        for link in self.links:
            for side in link.sides:
                side.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        socket = f"{self.host}/.s.PGSQL.{self.port}"
        try:
            if self.host.startswith("/"):
                far_reader, far_writer = await asyncio.open_unix_connection(socket)
            else:
                far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            writer.transport.abort()
            return
        link = Link((writer, far_writer))
        self.links.append(link)
        await asyncio.gather(
            self._pump(link, reader, far_writer), self._pump(link, far_reader, writer)
        )

    async def _pump(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(65_536):
                link.is_lock |= b"pg_try_advisory_lock" in data
                if not self.swallows(link):
                    writer.write(data)
                    await writer.drain()
            if not self.swallows(link):  # the other end does not hear of this one's end either
                writer.close()
        except OSError:
            writer.transport.abort()


@asynccontextmanager
async def way_to(database_url: str) -> AsyncIterator[Way]:
    """Open a way to the server of the address; its own `url` leads through it."""
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    host = query["host"][0] if "host" in query else parts.hostname or "127.0.0.1"
    way = Way(host, int(query["port"][0]) if "port" in query else parts.port or 5432)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    credentials = parts.netloc.rpartition("@")[0]
    port = server.sockets[0].getsockname()[1]
    way.url = f"postgresql://{credentials}@127.0.0.1:{port}{parts.path}?sslmode=disable"
    try:
        yield way
    finally:
        server.close()
        way.break_off()
