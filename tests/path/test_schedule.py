"""The running bot syncs what is due by itself, and searches what it read."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from docbot.app.renewal import renew_index
from docbot.app.rooms import Rooms
from docbot.app.schedule import sync_on_schedule
from docbot.db.locks import sync_lock
from docbot.db.sources import ChunkRow, PageRow
from docbot.knowledge.chunking.chunks import CHUNKER_VERSION
from docbot.retrieval.search import Query
from docbot.settings import Settings
from tests.knowledge.conftest import served
from tests.knowledge.site import Site, page, site
from tests.path.processes import bot
from tests.test_cli import shell_in
from tests.town import Ground, QuietTown, eventually, open_quiet_town

pytestmark = pytest.mark.slow

_ENDED = "SELECT outcome FROM syncs JOIN sources ON sources.id = source_id WHERE name = 'site' AND ended_at IS NOT NULL"


@pytest.fixture
async def place() -> AsyncIterator[Site]:
    async with site({"/": page("zeppelin", "mast"), "/mast": page("mast")}) as opened:
        yield opened


@pytest.fixture
async def quiet(ground: Ground) -> AsyncIterator[QuietTown]:
    async with open_quiet_town(ground, docbot_crawl_pause=0.0) as opened:
        yield opened


async def add_due(rooms: Rooms, url: str) -> int:
    source = await rooms.sources.add(name="site", kind="website", location=url, base_url=None)
    await rooms.syncs.put_off([source], 0)
    return source


async def finds(rooms: Rooms, source: int) -> list[str]:
    found = await rooms.searcher.search(Query("zeppelin", ""), [source])
    return [passage.url for passage in found.passages]


async def test_what_is_due_is_read_and_searched_without_anybody_asking(
    quiet: QuietTown, place: Site
) -> None:
    source = await add_due(quiet.rooms, place.url)
    before = quiet.rooms.index.get()
    async with quiet.awake():
        assert await quiet.until(_ENDED) == "done"
        await eventually(lambda: quiet.rooms.index.get() is not before)
        assert place.url in await finds(quiet.rooms, source)
        await quiet.until(
            "SELECT due_at BETWEEN now() + interval '5 hours' AND now() + interval '7 hours' "
            "FROM sources WHERE name = 'site'"
        )


async def test_a_site_that_fails_is_a_warning_and_tried_again_later(
    quiet: QuietTown, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def is_told() -> bool:
        said.append(capfd.readouterr().err)
        return "site: not read" in "".join(said)

    await add_due(quiet.rooms, "http://127.0.0.1:9/")
    async with quiet.awake():
        assert await quiet.until(_ENDED) == "failed"
        await quiet.until(
            "SELECT due_at > now() + interval '30 minutes' FROM sources WHERE name = 'site'"
        )
        await eventually(is_told)
    told = [line for line in "".join(said).splitlines() if "site: not read" in line]
    assert len(told) == 1
    assert "WARNING" in told[0]
    assert await quiet.rooms.syncs.due(first_after_seconds=0) == []


async def test_no_sync_is_scheduled_where_none_is_wanted(quiet: QuietTown, place: Site) -> None:
    await add_due(quiet.rooms, place.url)
    never = quiet.rooms.settings.model_copy(update={"docbot_sync_hours": 0.0})
    schedule = asyncio.create_task(sync_on_schedule(quiet.rooms, lambda: never, look_seconds=0.01))
    await asyncio.wait([schedule], timeout=0.5)
    schedule.cancel()
    assert place.asked == []


async def test_a_stop_waits_for_no_sync_and_the_next_start_goes_on_with_it(
    quiet: QuietTown,
) -> None:
    hangs, asked = asyncio.Event(), asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/mast" and not hangs.is_set():
            asked.set()
            await hangs.wait()
        pages = {"/": page("zeppelin", "mast"), "/mast": page("mast")}
        if request.path not in pages:
            raise web.HTTPNotFound
        return web.Response(text=pages[request.path], content_type="text/html")

    async with served(handle) as url:
        await add_due(quiet.rooms, url)
        async with quiet.awake():
            async with asyncio.timeout(60):
                await asked.wait()
        assert await quiet.rooms.pool.fetchval(_ENDED) is None
        hangs.set()
        async with quiet.awake():
            assert await quiet.until(_ENDED) == "done"
        assert (
            await quiet.rooms.pool.fetchval("SELECT count(*) FROM syncs WHERE source_id > 1") == 1
        )


@asynccontextmanager
async def hanging_site() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A site of which one page does not come; the event tells that it was asked for."""
    asked, is_over = asyncio.Event(), asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/mast":
            asked.set()
            await is_over.wait()
        if request.path != "/":
            raise web.HTTPNotFound
        return web.Response(text=page("zeppelin", "mast"), content_type="text/html")

    async with served(handle) as url:
        try:
            yield url, asked
        finally:
            is_over.set()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_an_end_in_the_middle_of_a_sync_leaves_no_process_behind(
    quiet: QuietTown, ground: Ground, end: signal.Signals
) -> None:
    async with hanging_site() as (url, asked):
        await add_due(quiet.rooms, url)
        pace = {"DOCBOT_CRAWL_PAUSE": "0"}
        async with bot(quiet.playground, ground.data_dir, ground.database_url, **pace) as running:
            async with asyncio.timeout(60):
                await asked.wait()
            below = descendants(running.process.pid)
            assert len(below) >= 2  # the sync, and who converts for it
            running.signal(end)
            await running.ends()
            async with asyncio.timeout(60):
                while any(map(is_alive, below)):
                    await asyncio.sleep(0.05)


def descendants(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").iterdir()  # each has the children that it started
    children = [int(child) for each in threads for child in (each / "children").read_text().split()]
    return [one for child in children for one in (child, *descendants(child))]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("command", [("sync",), ("sources", "remove", "site")])
async def test_who_comes_in_the_middle_of_a_scheduled_sync_is_told_and_changes_nothing(
    quiet: QuietTown, ground: Ground, tmp_path: Path, command: tuple[str, ...]
) -> None:
    async with hanging_site() as (url, asked):
        await add_due(quiet.rooms, url)
        async with quiet.awake():
            async with asyncio.timeout(60):
                await asked.wait()
            ran = await shell_in(tmp_path, ground.database_url, ground.data_dir).run(*command)
        assert ran.out == ""
        assert ran.err == "docbot: another sync is running on this database; wait for it to end\n"
        assert len(await quiet.rooms.sources.all()) == 2


async def test_a_sync_that_somebody_else_does_is_left_to_him_for_a_while(
    quiet: QuietTown, place: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await add_due(quiet.rooms, place.url)
    schedule = sync_on_schedule(quiet.rooms, lambda: quiet.rooms.settings, look_seconds=0.01)
    with caplog.at_level(logging.INFO):
        async with sync_lock(quiet.rooms.database), running(schedule):
            await eventually(lambda: "another sync is running" in caplog.text)
            await quiet.until(
                "SELECT due_at > now() + interval '5 minutes' FROM sources WHERE name = 'site'"
            )
    assert place.asked == []
    assert caplog.text.count("another sync is running") == 1


async def test_no_fault_of_a_scheduled_sync_ends_the_schedule(
    quiet: QuietTown, place: Site, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [ZeroDivisionError()]

    def settings() -> Settings:
        if faults:
            raise faults.pop()
        return quiet.rooms.settings

    await add_due(quiet.rooms, place.url)
    async with running(sync_on_schedule(quiet.rooms, settings, look_seconds=0.01)):
        assert await quiet.until(_ENDED) == "done"
    assert "the scheduled sync failed" in caplog.text


async def test_what_a_killed_sync_read_but_did_not_index_is_indexed_at_the_next_start(
    quiet: QuietTown,
) -> None:
    [library] = await quiet.rooms.sources.all()
    text = "The zeppelin has a mast."
    await quiet.rooms.sources.put_page(
        library.id,
        PageRow(
            url="https://docs.test/zeppelin",
            title="Zeppelin",
            markdown=text,
            content_hash=b"zeppelin",
            chunks=(ChunkRow(b"mast", ("Zeppelin",), "https://docs.test/zeppelin", text, 7),),
            chunker=CHUNKER_VERSION,
        ),
    )
    sync = await quiet.rooms.syncs.begin(library.id, is_full=False, resumable_hours=24)
    await renew_index(quiet.rooms)
    assert await finds(quiet.rooms, library.id) == []  # it goes on, and indexes at its end
    await quiet.rooms.syncs.end(sync.id, "done", counts=sync.counts, deleted=0, failed=0)
    await renew_index(quiet.rooms)
    assert "https://docs.test/zeppelin" in await finds(quiet.rooms, library.id)


@asynccontextmanager
async def running(schedule: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(schedule)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
