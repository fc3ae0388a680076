"""A playground whose every frame and exchange is checked, and a real client without any docbot."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import discord
import pytest
import yarl
from discord import app_commands

from docbot.playground.objects import Payload
from docbot.playground.rest import Exchange
from docbot.playground.server import Playground
from docbot.playground.world import Clock
from tests.playground.schemas import Schemas

PATIENCE = 30.0


class Recorder:
    """Collects what the server said, and where that differs from Discord's schemas."""

    def __init__(self) -> None:
        self.schemas = Schemas.load()
        self.frames: list[Payload] = []
        self.problems: list[str] = []

    def frame(self, frame: Payload) -> None:
        self.frames.append(frame)
        if self.schemas:
            self.problems += self.schemas.problems_of_frame(frame)

    def exchange(self, exchange: Exchange) -> None:
        if self.schemas:
            self.problems += self.schemas.problems_of_exchange(exchange)

    def events(self, name: str) -> list[Payload]:
        return [frame["d"] for frame in self.frames if frame["t"] == name]


class Bot(discord.Client):
    """The real client; every event that a test asks for waits in a queue."""

    def __init__(self, intents: discord.Intents | None = None) -> None:
        super().__init__(
            intents=intents or reading_intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,
        )
        self.tree = app_commands.CommandTree(self)
        self._queues: dict[str, asyncio.Queue[Any]] = {}

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once; the real client waits 5 s before it does so again."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        super().dispatch(event, *args, **kwargs)
        self._queue(event).put_nowait(args[0] if len(args) == 1 else args)

    async def next(self, event: str) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await self._queue(event).get()

    async def next_message(self) -> discord.Message:
        """Return the next message of somebody else."""
        while True:
            message: discord.Message = await self.next("message")
            if message.author != self.user:
                return message

    def waiting(self, event: str) -> int:
        return self._queue(event).qsize()

    def _queue(self, event: str) -> asyncio.Queue[Any]:
        return self._queues.setdefault(event, asyncio.Queue())


def reading_intents() -> discord.Intents:
    intents = discord.Intents.default()
    intents.message_content = True
    return intents


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def playground(clock: Clock, recorder: Recorder) -> AsyncIterator[Playground]:
    async with Playground.open(clock=clock) as opened:
        opened.record(recorder.frame, recorder.exchange)
        yield opened
    assert recorder.problems == []


@pytest.fixture
def pointed(playground: Playground) -> Iterator[None]:
    with pointed_at(playground):
        yield


@contextmanager
def pointed_at(playground: Playground) -> Iterator[None]:
    """Point the real client at a playground until the block ends."""
    base, gateway = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    discord.http.Route.BASE = playground.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(playground.gateway_url)
    try:
        yield
    finally:
        discord.http.Route.BASE = base
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway


@asynccontextmanager
async def connected(playground: Playground, bot: Bot) -> AsyncIterator[Bot]:
    """Run a client until the block ends; it is ready when the block begins."""
    await bot.login(playground.token)
    async with asyncio.TaskGroup() as group:
        group.create_task(bot.connect())
        await bot.next("ready")
        try:
            yield bot
        finally:
            await bot.close()


@pytest.fixture
async def bot(playground: Playground, pointed: None) -> AsyncIterator[Bot]:
    async with connected(playground, Bot()) as running:
        yield running
    assert playground.violations == []
