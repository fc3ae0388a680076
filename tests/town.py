"""A whole docbot in a local Discord: the real bot, a real database, a real index, two pages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import discord
from pydantic import SecretStr

from docbot.app.configuring import set_value
from docbot.app.reading import Outcome, sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot
from docbot.bot.client import PERMISSIONS
from docbot.config import MODE
from docbot.db.forums import Forum
from docbot.forum.bindings import Place
from docbot.playground.actors import Member
from docbot.playground.objects import Channel, Message, Permission
from docbot.playground.server import Playground
from docbot.playground.world import NONCE_SECONDS
from docbot.settings import Settings

PAGES = {
    "install.md": "# Installing\n\n## Requirements\n\n"
    "The frobnicator needs Python 3.11 and two cores. Install it with `pip install frobnicator`.\n",
    "usage.md": "# Usage\n\n## Retries\n\nSet `max_retries` to repeat a failed frobnication.\n\n"
    "```python\nfrobnicate(max_retries=3)\n```\n\n"
    "Between two tries it waits one second, then two, then four.\n",
    "timeouts.md": "# Timeouts\n\n## When it times out\n\n"
    "A frobnication times out after `timeout_seconds`, which is 30 unless set.\n",
}
BASE_URL = "https://docs.test/"
QUESTION = "How do I repeat a failed frobnication?"
ANSWER_PLACE = "https://docs.test/usage#retries"
# The stand-in has answered; that docbot has read it shows nowhere from outside.
ANSWER_READ_SECONDS = 0.2
OFF_TOPIC = "Who won the chess tournament in Reykjavik?"


class Quiet:
    """Shows no progress."""

    def begin(self, what: str) -> None: ...
    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...


def button(message: Message, label: str) -> str:
    """The id of the button that begins with this label: some go on with a count."""
    return next(
        str(each["custom_id"]) for each in message.buttons if each["label"].startswith(label)
    )


async def eventually(look: Callable[[], bool]) -> None:
    """Wait, bounded, for what another task of this process does."""
    async with asyncio.timeout(60):
        while not look():
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class QuietTown:
    """A local Discord and a docbot's rooms; nobody answers before `awake`."""

    playground: Playground
    rooms: Rooms

    @property
    def asker(self) -> Member:
        return self.playground.members[0]

    @property
    def helper(self) -> Member:
        return self.playground.members[1]

    async def configure(self, name: str, value: str, *, of_forum: bool = False) -> None:
        """Set a value for the server, or its forum, as `docbot config set` does."""
        is_of_forum = of_forum or name == MODE
        forum_id = self.playground.forum.id if is_of_forum else None
        await set_value(self.rooms, Place(self.playground.guild.id, forum_id), name, value)

    @property
    def mention(self) -> str:
        """What a member writes to call docbot."""
        return self.playground.bot.mention

    @asynccontextmanager
    async def awake(self, **arguments: Any) -> AsyncIterator["Town"]:
        """Run a bot until the block ends, then stop it as SIGTERM does."""
        settings = self.rooms.settings
        arguments = {"read_settings": lambda: settings, **arguments}
        bot = RunningBot(self.rooms, **arguments)
        begun_at = len(self.playground.requests)
        async with running(bot):
            yield Town(self.playground, self.rooms, bot, begun_at)

    async def states(self) -> list[tuple[str, str | None]]:
        """State and reason of each question, in the order asked."""
        listed = await self.rooms.questions.all(None)
        return [(question.state, question.reason) for question in reversed(listed)]

    async def until(self, sql: str, *arguments: Any) -> Any:
        """Wait, bounded, until the query gives a true value."""
        async with asyncio.timeout(60):
            while True:
                value = await self.value(sql, *arguments)
                if value:
                    return value
                await asyncio.sleep(0.02)

    async def value(self, sql: str, *arguments: Any) -> Any:
        """What the query gives, however often docbot drops the connections, which are ours too.

        It does so where the server is silent for long, as on a machine with much else to do.
        """
        while True:
            with suppress(asyncpg.ConnectionDoesNotExistError):
                return await self.rooms.pool.fetchval(sql, *arguments)


@dataclass(frozen=True)
class Town(QuietTown):
    bot: RunningBot
    begun_at: int  # how many requests there were before

    async def configure(self, name: str, value: str, *, of_forum: bool = False) -> None:
        await super().configure(name, value, of_forum=of_forum)
        await self.bot.bindings.reload()  # so that nobody need wait until the bot has heard of it

    async def caught_up(self) -> None:
        """Wait until what is posted from now on comes by the gateway alone."""
        requests = self.playground.requests

        def lists() -> int:
            asked = tuple(requests)[self.begun_at :]
            return sum("threads/active" in one.route for one in asked)

        await eventually(lambda: lists() >= 2)  # once more after the archived ones
        await asyncio.sleep(ANSWER_READ_SECONDS)

    def forum_as_bound(self) -> Forum:
        """The forum's binding as the running bot knows it."""
        forum = self.bot.bindings.find(self.playground.forum.id)
        assert forum is not None
        return forum


def settings_for(
    playground: Playground, database_url: str, data_dir: Path, **changes: Any
) -> Settings:
    settings = Settings(_env_file=None)
    return settings.model_copy(
        update={
            "discord_token": SecretStr(playground.token),
            "docbot_discord_api": playground.api_url,
            "database_url": SecretStr(database_url),
            "docbot_data_dir": data_dir,
            # A documentation of three pages, and vectors of hashed words, give few signs.
            "docbot_caution": "helpful",
            "docbot_limits": "off",  # one person asks all there is
            **changes,
        }
    )


async def read_pages(rooms: Rooms, folder: Path) -> None:
    """Read the pages into the database and the index."""
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    await rooms.sources.add(name="docs", kind="folder", location=str(folder), base_url=BASE_URL)
    outcome = await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Quiet())
    assert outcome == Outcome(1, embedded=True)


async def bind(
    rooms: Rooms,
    playground: Playground,
    *,
    mode: str = "auto",
    source: str = "docs",
    channel: Channel | None = None,
) -> None:
    """Bind the town's forum, or another channel of it."""
    [chosen] = await rooms.sources.get_many([source])
    await rooms.forums.bind(
        guild_id=playground.guild.id,
        channel_id=(channel or playground.forum).id,
        mode=mode,
        source_ids=[chosen.id],
    )
    await set_value(rooms, Place(playground.guild.id), "settle-seconds", "0")


@asynccontextmanager
async def pointed_at_a_stand_in() -> AsyncIterator[None]:
    """Leave discord.py as it was found."""
    base, gateway = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    try:
        yield
    finally:
        discord.http.Route.BASE = base
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway


@asynccontextmanager
async def running(bot: RunningBot) -> AsyncIterator[None]:
    """Run the bot until the block ends, then stop it as SIGTERM does."""
    async with pointed_at_a_stand_in(), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bot.run())
        async with asyncio.timeout(60):
            await bot.connected.wait()
        try:
            yield
        finally:
            bot.stop()
            await asyncio.wait([task], timeout=60)


@dataclass(frozen=True)
class Library:
    """A database whose pages are read, and its index, for each test to have a copy of."""

    template: str
    index: Path


@dataclass(frozen=True)
class Ground:
    """What a town is built on: a database of its own and a data folder with its index."""

    database_url: str
    data_dir: Path


@asynccontextmanager
async def open_quiet_town(
    ground: Ground,
    *,
    bound: bool = True,
    is_operator: bool = False,
    clock: Callable[[], float] | None = None,
    nonce_seconds: float = NONCE_SECONDS,
    acknowledge_seconds: float = 30.0,
    **changes: Any,
) -> AsyncIterator[QuietTown]:
    """Build all but a running bot; `changes` are of the settings.

    `bound`: its forum is; `is_operator`: its guild is the operator's. `acknowledge_seconds`: for
    how long this Discord waits, which is longer than the real one does, as others use the machine.
    """
    async with Playground.open(
        clock=clock, nonce_seconds=nonce_seconds, acknowledge_seconds=acknowledge_seconds
    ) as playground:
        # No right but those that the invite link asks for.
        playground.world.edit_role(playground.town.bot_role, Permission(PERMISSIONS.value))
        if is_operator:
            changes["docbot_operator_guild"] = playground.guild.id
        settings = settings_for(playground, ground.database_url, ground.data_dir, **changes)
        async with open_rooms(settings) as rooms:
            if bound:
                await bind(rooms, playground)
            yield QuietTown(playground, rooms)
            assert playground.violations == []


@asynccontextmanager
async def open_town(
    ground: Ground, *, read_settings: Callable[[], Settings] | None = None, **changes: Any
) -> AsyncIterator[Town]:
    """Run a bot in a local Discord; it is the operator's guild where settings are re-read."""
    arguments = {} if read_settings is None else {"read_settings": read_settings}
    async with (
        open_quiet_town(ground, is_operator=bool(read_settings), **changes) as quiet,
        quiet.awake(**arguments) as town,
    ):
        yield town
