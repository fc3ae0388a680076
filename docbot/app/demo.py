"""The demo: the real bot over a local stand-in of Discord, in a data folder of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import SecretStr

from docbot.app.configuring import set_value, unset_value
from docbot.app.embedding import Progress
from docbot.app.reading import is_stale, sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot, stop_on_signals
from docbot.db.afresh import forget_discord
from docbot.db.config import Stored
from docbot.db.locks import sync_lock
from docbot.db.sources import Sources
from docbot.errors import DocbotError, TransientError, UsageError, cause_of
from docbot.forum.bindings import Place
from docbot.knowledge.location import located
from docbot.playground.page import DocPage, page_routes
from docbot.playground.server import HOST, Playground
from docbot.settings import Settings, load

SOURCE = "docs"
SAMPLE_QUESTION = "Which permissions does the bot need?"
SAMPLE_BODY = "I would like to invite it to our server."

_ANSWER_SECONDS = 60.0
_SETTLE, _AT_ONCE = "settle-seconds", "0"


@dataclass(frozen=True, slots=True)
class Demo:
    """A local forum with the bot in it."""

    playground: Playground
    rooms: Rooms


async def run_demo(
    settings: Settings,
    *,
    source: str | None,
    port: int,
    once: bool,
    say: Callable[[str], None],
    progress: Progress,
) -> None:
    """Serve the forum until it is stopped, or ask one sample question with `once`.

    Raises:
        UsageError: the source is neither a folder nor an address, or the port is taken.
        DocbotError: the source cannot be read, or the question got no answer.
    """
    async with open_demo(settings, source, port, once=once, say=say, progress=progress) as demo:
        bot = RunningBot(demo.rooms, read_settings=lambda: _demo_settings(load(), demo.playground))
        stop_on_signals(bot)
        try:
            async with asyncio.TaskGroup() as tasks:
                await _use(demo, bot, tasks, sample=source is None, once=once, say=say)
        except BaseExceptionGroup as group:
            raise cause_of(group) from group


async def _use(
    demo: Demo,
    bot: RunningBot,
    tasks: asyncio.TaskGroup,
    *,
    sample: bool,
    once: bool,
    say: Callable[[str], None],
) -> None:
    running = tasks.create_task(bot.run(), name="bot")
    connected = tasks.create_task(bot.connected.wait(), name="connected")
    await asyncio.wait([running, connected], return_when=asyncio.FIRST_COMPLETED)
    connected.cancel()
    if running.done():
        return
    if not once:
        say(f"A local forum with docbot in it: {demo.playground.url}/  (Ctrl-C ends it)")
        return
    try:
        await _ask(demo, sample=sample, say=say)
    finally:
        bot.stop()


@asynccontextmanager
async def open_demo(
    settings: Settings,
    source: str | None,
    port: int,
    *,
    once: bool,
    say: Callable[[str], None],
    progress: Progress,
) -> AsyncIterator[Demo]:
    """Open a new forum whose documentation is read, without a bot in it yet.

    Raises:
        UsageError, DocbotError: as `run_demo`.
    """
    kind, location = located(source) if source is not None else ("folder", str(own_docs()))
    shelf = _Shelf()
    async with AsyncExitStack() as stack:
        playground = await stack.enter_async_context(_playground(port, shelf))
        rooms = await stack.enter_async_context(open_rooms(_demo_settings(settings, playground)))
        await _refuse_servers_beside(rooms, playground)
        shelf.sources, shelf.address = rooms.sources, f"{playground.url}/docs/"
        await _read(
            rooms,
            kind,
            location,
            base_url=shelf.address if kind == "folder" else None,
            say=say,
            progress=progress,
        )
        # After the reading: a website need not be read again for the threads that its index loses.
        await forget_discord(rooms.pool)
        await _bind(rooms, playground, once=once)
        yield Demo(playground, rooms)


async def _refuse_servers_beside(rooms: Rooms, playground: Playground) -> None:
    """What is asked on a real server must not be forgotten for the demo's new one."""
    beside = sorted({*await rooms.forums.guilds()} - {playground.guild.id})
    if beside:
        raise UsageError(
            f"{rooms.settings.docbot_data_dir} holds what docbot stored of server {beside[0]}, and "
            "the demo would delete it; choose another --port, or another DOCBOT_DATA_DIR"
        )


class _Shelf:
    """The page viewer's way to the pages that were read."""

    def __init__(self) -> None:
        self.sources: Sources | None = None
        self.address = ""

    async def find(self, path: str) -> DocPage | None:
        if self.sources is None:
            return None
        page = await self.sources.find_page(SOURCE, self.address + path)
        return DocPage(page.title, page.markdown) if page else None


@asynccontextmanager
async def _playground(port: int, shelf: _Shelf) -> AsyncIterator[Playground]:
    async with AsyncExitStack() as stack:
        try:
            opening = Playground.open(
                port=port, routes=lambda playground: page_routes(playground, shelf.find)
            )
            playground = await stack.enter_async_context(opening)
        except OSError as error:
            raise UsageError(
                f"--port {port}: cannot listen on {HOST}:{port} ({error.strerror}); "
                "is another demo running? Choose another port"
            ) from error
        yield playground


def _demo_settings(settings: Settings, playground: Playground) -> Settings:
    """Keep the models that are set; everything else is the demo's own, apart from real data."""
    port = playground.url.rpartition(":")[2]
    # Who looks at docbot for the first time would rather see what it can find than how it keeps quiet.
    caution = (
        settings.docbot_caution if "docbot_caution" in settings.model_fields_set else "helpful"
    )
    return settings.model_copy(
        update={
            "discord_token": SecretStr(playground.token),
            "docbot_discord_api": playground.api_url,
            "docbot_discord_proxy": None,
            "docbot_operator_guild": playground.guild.id,
            "docbot_caution": caution,
            "database_url": None,
            "qdrant_url": None,
            "docbot_data_dir": settings.docbot_data_dir / f"demo-{port}",
        }
    )


def own_docs() -> Path:
    """Return docbot's own documentation: of the checkout, or as it came with the package."""
    checkout = Path(__file__).parents[2] / "docs"
    return checkout if checkout.is_dir() else Path(str(files("docbot.app") / "docs"))


async def _read(
    rooms: Rooms,
    kind: str,
    location: str,
    *,
    base_url: str | None,
    say: Callable[[str], None],
    progress: Progress,
) -> None:
    """Read the source; a website that was read before is taken as it is."""
    known = {source.name: source for source in await rooms.sources.all()}.get(SOURCE)
    if known and (known.location, known.base_url) != (location, base_url):
        async with sync_lock(rooms.database):
            await rooms.sources.remove(SOURCE)
        known = None
    if known is None:
        await rooms.sources.add(name=SOURCE, kind=kind, location=location, base_url=base_url)
    elif kind == "website" and known.synced_at and await _is_ready(rooms):
        say(f"Answering from {location} as read before ({known.pages} pages).")
        return
    outcome = await sync_sources(rooms, [SOURCE], full=False, say=say, progress=progress)
    if not outcome.sources:
        raise DocbotError(f"{location} could not be read, so there is nothing to answer from")


async def _is_ready(rooms: Rooms) -> bool:
    return rooms.index.get() is not None and not await is_stale(rooms)


async def _bind(rooms: Rooms, playground: Playground, *, once: bool) -> None:
    [source] = await rooms.sources.get_many([SOURCE])
    for channel, mode in ((playground.forum, "auto"), (playground.text, "mention")):
        await rooms.forums.bind(
            guild_id=playground.guild.id,
            channel_id=channel.id,
            mode=mode,
            source_ids=[source.id],
        )
    place = Place(playground.guild.id)
    await set_value(rooms, place, "staff-channel", str(playground.staff.id))
    await set_value(rooms, place, "helper-role", str(playground.town.helpers.id))
    await _set_settling(rooms, place, once=once)


async def _set_settling(rooms: Rooms, place: Place, *, once: bool) -> None:
    """Answer at once who waits for the one answer, and will not write more."""
    if once:
        await set_value(rooms, place, _SETTLE, _AT_ONCE)
    elif Stored(place.guild_id, place.channel_id, _SETTLE, _AT_ONCE) in await rooms.configs.all():
        # By the last run; what an operator sets for the forum, or otherwise, stays.
        await unset_value(rooms, place, _SETTLE)


async def _ask(demo: Demo, *, sample: bool, say: Callable[[str], None]) -> None:
    title = SAMPLE_QUESTION if sample else f"What is {await demo.rooms.sources.a_title(SOURCE)}?"
    asker = demo.playground.members[0]
    thread = await asker.post(demo.playground.forum, title, SAMPLE_BODY if sample else title)
    say(f"{asker.name} asks: {title}\n")
    try:
        reply = await asker.sees_reply(thread, timeout=_ANSWER_SECONDS)
    except TimeoutError as error:
        raise TransientError(
            f"no answer within {_ANSWER_SECONDS:.0f} s; the lines above say why"
        ) from error
    say(f"docbot answers:\n{reply.content}")
    for file in reply.attachments:
        say(f"\n{file.filename}:\n{file.content.decode()}")
