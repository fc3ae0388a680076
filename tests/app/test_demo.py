"""What `docbot demo` keeps in its data folder from one start to the next."""

import fcntl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from docbot.app.configuring import set_value
from docbot.app.demo import Demo, open_demo
from docbot.app.rooms import open_rooms
from docbot.db.embedded import SERVER_LOCK
from docbot.errors import UsageError
from docbot.forum.bindings import Place
from docbot.settings import Settings
from tests.town import PAGES, Quiet

_USE = "INSERT INTO uses (guild_id, person_id, kind) VALUES ($1, $2, 'post')"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder, and pages below it."""
    with tempfile.TemporaryDirectory(prefix="docbot-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root Postgres runs as nobody, who must reach it
        (folder / "docs").mkdir()
        for page, text in PAGES.items():
            (folder / "docs" / page).write_text(text)
        yield folder
        for found in folder.rglob(SERVER_LOCK):
            with found.open() as lock:  # free once the server is gone
                fcntl.flock(lock, fcntl.LOCK_EX)


@asynccontextmanager
async def opened(folder: Path, port: int, *, once: bool) -> AsyncIterator[Demo]:
    settings = Settings(_env_file=None).model_copy(update={"docbot_data_dir": folder})
    source = str(folder / "docs")
    async with open_demo(
        settings, source, port, once=once, say=lambda _: None, progress=Quiet()
    ) as demo:
        yield demo


async def settling(demo: Demo) -> list[tuple[bool, str]]:
    """What is set of it: for the forum or not, and what."""
    return [
        (stored.channel_id is not None, stored.value)
        for stored in await demo.rooms.configs.all()
        if stored.name == "settle-seconds"
    ]


async def test_a_start_keeps_what_was_set_and_nothing_of_the_forum_before(folder: Path) -> None:
    async with opened(folder, 0, once=True) as demo:
        guild, port = demo.playground.guild.id, int(demo.playground.url.rpartition(":")[2])
        assert await settling(demo) == [(False, "0")]
        await demo.rooms.pool.execute(_USE, guild, demo.playground.members[0].id)
        await set_value(demo.rooms, Place(guild, demo.playground.forum.id), "settle-seconds", "0")
    async with opened(folder, port, once=False) as demo:
        assert await settling(demo) == [(True, "0")]
        assert await demo.rooms.pool.fetchval("SELECT count(*) FROM uses") == 0
        await set_value(demo.rooms, Place(guild), "settle-seconds", "3")
    async with opened(folder, port, once=False) as demo:
        assert await settling(demo) == [(False, "3"), (True, "0")]
        assert demo.rooms.index.get() is not None


async def test_nothing_is_forgotten_of_a_real_server_in_the_folder(folder: Path) -> None:
    async with opened(folder, 0, once=False) as demo:
        guild, port = demo.playground.guild.id, int(demo.playground.url.rpartition(":")[2])
        await demo.rooms.pool.execute(_USE, guild, demo.playground.members[0].id)
        await demo.rooms.forums.bind(guild_id=7, channel_id=8, mode="auto", source_ids=[])
    with pytest.raises(UsageError, match=f"demo-{port} holds what docbot stored of server 7"):
        async with opened(folder, port, once=False):
            pass
    settings = Settings(_env_file=None).model_copy(
        update={"docbot_data_dir": folder / f"demo-{port}"}
    )
    async with open_rooms(settings) as rooms:
        assert await rooms.pool.fetchval("SELECT count(*) FROM uses") == 1
