"""The running bot syncs what is due by itself, and searches what it read."""

import asyncio
import logging
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from aiohttp import web

from docbot.app.rooms import Rooms
from docbot.app.schedule import sync_on_schedule
from docbot.retrieval.search import Query
from tests.knowledge.conftest import served
from tests.knowledge.site import Site, page, site
from tests.town import Ground, QuietTown, eventually, open_quiet_town

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
    seconds = await quiet.rooms.syncs.seconds_to_next(first_after_seconds=0)
    assert seconds is not None
    assert 5 * 3600 < seconds < 7 * 3600


async def test_a_site_that_fails_is_logged_and_tried_again_later(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    await add_due(quiet.rooms, "http://127.0.0.1:9/")
    with caplog.at_level(logging.INFO):
        async with quiet.awake():
            assert await quiet.until(_ENDED) == "failed"
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
            async with asyncio.timeout(20):
                await asked.wait()
            began = monotonic()
        assert monotonic() - began < 10
        assert await quiet.rooms.pool.fetchval(_ENDED) is None
        hangs.set()
        async with quiet.awake():
            assert await quiet.until(_ENDED) == "done"
        assert (
            await quiet.rooms.pool.fetchval("SELECT count(*) FROM syncs WHERE source_id > 1") == 1
        )
