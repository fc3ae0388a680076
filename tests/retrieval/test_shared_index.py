"""An index on a server: who builds it, who drops it, and what happens while it is away."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from qdrant_client import models

from docbot.app.asking import search_once
from docbot.app.rooms import Rooms, complete_index, open_rooms, rebuild_index
from docbot.db.generations import Built, Generation
from docbot.errors import TransientError
from docbot.retrieval.generations import CurrentIndex, open_rows
from docbot.retrieval.lexical import LEXICAL_VERSION
from docbot.retrieval.places import ServerPlace
from docbot.retrieval.qdrant import QdrantServer
from docbot.retrieval.search import Query
from docbot.retrieval.server import ServerStore
from docbot.retrieval.store import Index
from docbot.settings import Settings
from tests.qdrant_server import QdrantRecorder
from tests.retrieval.rows import DIMENSIONS, some_rows, streamed
from tests.retrieval.test_generations import found_texts, put_usage_page, sources
from tests.town import ANSWER_PLACE, QUESTION, Ground

pytestmark = pytest.mark.slow

LATER = "A failed frobnication is repeated by `retry`."


@pytest.fixture
async def recorder() -> AsyncIterator[QdrantRecorder]:
    async with QdrantRecorder.open() as recorder:
        yield recorder
        assert recorder.violations == []


def settings_for(ground: Ground, url: str, **changes: Any) -> Settings:
    return Settings(_env_file=None).model_copy(
        update={
            "database_url": SecretStr(ground.database_url),
            "docbot_data_dir": ground.data_dir,
            "qdrant_url": url,
            **changes,
        }
    )


@pytest.fixture
async def rooms(ground: Ground, recorder: QdrantRecorder) -> AsyncIterator[Rooms]:
    """A docbot whose index is on the server."""
    async with open_rooms(settings_for(ground, recorder.url)) as rooms:
        await fill(rooms, (await current(rooms)).name)
        assert await rooms.index.refresh()
        yield rooms


async def fill(rooms: Rooms, name: str) -> Built:
    """Build a collection in this process, which spares the start of a child."""
    database_url = rooms.builder.database_url
    async with open_rows(database_url, rooms.builder.data_dir, None) as (built, rows):
        await rooms.store.build(name, 0, rows)
    return built


async def replace_index(rooms: Rooms) -> None:
    """Put another generation in place of the current one, as a sync does."""
    name = await rooms.generations.begin(
        lexical_version=LEXICAL_VERSION, embedding_model=None, dimensions=0
    )
    await rooms.generations.switch(name, await fill(rooms, name))
    assert await rooms.index.refresh()


async def current(rooms: Rooms) -> Generation:
    found = await rooms.generations.find_current()
    assert found is not None
    return found


async def collection(rooms: Rooms, generation: str | None = None) -> str:
    name = generation or (await current(rooms)).name
    return f"docbot_{await rooms.generations.installation()}_{name}"


async def best_place(rooms: Rooms) -> str:
    found = await search_once(rooms, QUESTION, [], 1)
    return found.passages[0].url


async def pass_two_minutes(rooms: Rooms) -> None:
    await rooms.pool.execute(
        "UPDATE index_generations SET retired_at = retired_at - interval '2 minutes'"
    )


async def test_an_index_that_the_server_lacks_is_built_there_under_a_name_of_its_own(
    ground: Ground, recorder: QdrantRecorder
) -> None:
    async with open_rooms(settings_for(ground, recorder.url)) as rooms:
        before = await current(rooms)
        assert rooms.index.get() is None
        await complete_index(rooms)
        assert (await current(rooms)).name != before.name
        assert await recorder.names() == [await collection(rooms)]
        assert await best_place(rooms) == ANSWER_PLACE


async def test_an_installation_keeps_its_name(rooms: Rooms) -> None:
    name = await rooms.generations.installation()
    assert name == await rooms.generations.installation()
    assert len(name) == 12


async def test_who_reads_an_older_index_may_do_so_until_all_have_swapped(
    rooms: Rooms, ground: Ground, recorder: QdrantRecorder
) -> None:
    old = await collection(rooms)
    async with open_rooms(settings_for(ground, recorder.url)) as syncing:
        await put_usage_page(syncing, LATER)
        await replace_index(syncing)
        new = await collection(syncing)
        assert sorted(await recorder.names()) == sorted([old, new])
        reader = rooms.index.get()
        assert (await rooms.searcher.search(Query(QUESTION, ""), await sources(rooms))).passages
        assert rooms.index.get() is reader

        assert await rooms.index.refresh()
        assert await found_texts(rooms) == [LATER]
        assert sorted(await recorder.names()) == sorted([old, new])
        await pass_two_minutes(syncing)
        assert await syncing.index.refresh()
        assert await recorder.names() == [new]


async def test_a_search_whose_index_was_dropped_goes_to_the_next_one(
    rooms: Rooms, ground: Ground, recorder: QdrantRecorder
) -> None:
    async with open_rooms(settings_for(ground, recorder.url)) as syncing:
        await put_usage_page(syncing, LATER)
        await replace_index(syncing)
        await pass_two_minutes(syncing)
        assert await syncing.index.refresh()
    assert await found_texts(rooms) == [LATER]


class Halting(ServerStore):
    """Holds up who opens one generation, until released."""

    def __init__(self, place: ServerPlace, held: str) -> None:
        super().__init__(QdrantServer.connect(place.url, None), place.installation)
        self._held = held
        self.reached = asyncio.Event()
        self.release = asyncio.Event()

    async def open(self, name: str) -> Index:
        index = await super().open(name)
        if name == self._held:
            self.reached.set()
            await self.release.wait()
        return index


async def test_a_slow_look_for_the_index_does_not_bring_an_older_one_back(rooms: Rooms) -> None:
    assert isinstance(rooms.builder.place, ServerPlace)
    store = Halting(rooms.builder.place, (await current(rooms)).name)
    index = CurrentIndex(store, rooms.generations)
    slow = asyncio.create_task(index.refresh())
    await store.reached.wait()
    await replace_index(rooms)
    assert await index.refresh()
    newer = index.get()
    store.release.set()
    assert await slow
    assert newer is not None
    assert index.get() is newer
    await store.close()


async def test_a_collection_that_another_process_builds_is_neither_dropped_nor_opened(
    rooms: Rooms, ground: Ground, recorder: QdrantRecorder
) -> None:
    building = await rooms.generations.begin(lexical_version=1, embedding_model=None, dimensions=0)
    await rooms.store.build(building, DIMENSIONS, streamed(some_rows(5)))
    async with open_rooms(settings_for(ground, recorder.url)) as other:
        assert await other.index.refresh()
        assert await best_place(other) == ANSWER_PLACE
    assert await collection(rooms, building) in await recorder.names()


async def test_what_a_killed_build_left_goes_with_the_next_sync(
    rooms: Rooms, recorder: QdrantRecorder
) -> None:
    killed = await rooms.generations.begin(lexical_version=1, embedding_model=None, dimensions=0)
    await rooms.store.build(killed, DIMENSIONS, streamed(some_rows(5)))
    await rebuild_index(rooms)
    assert await collection(rooms, killed) not in await recorder.names()


async def test_a_collection_that_lost_points_is_not_searched_and_replaced_by_a_new_one(
    rooms: Rooms, ground: Ground, recorder: QdrantRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = await collection(rooms)
    some, _ = await recorder.client.scroll(damaged, limit=1)
    await recorder.client.delete(damaged, models.PointIdsList(points=[some[0].id]))
    with caplog.at_level(logging.WARNING):
        async with open_rooms(settings_for(ground, recorder.url)) as other:
            assert other.index.get() is None
            assert "holds 2 of 3 chunks" in caplog.text
            await complete_index(other)
            assert await best_place(other) == ANSWER_PLACE
    # Who has the old one open is not left without an index, nor with one that is being filled.
    assert damaged in await recorder.names()
    assert await collection(rooms) != damaged


async def test_a_collection_that_was_deleted_by_hand_is_missed_and_built_anew(
    rooms: Rooms, recorder: QdrantRecorder
) -> None:
    await recorder.client.delete_collection(await collection(rooms))
    found = await rooms.searcher.search(Query(QUESTION, ""), await sources(rooms))
    assert not found.indexed
    assert not await rooms.index.refresh()  # so whoever acts builds it anew


async def test_a_server_that_is_down_at_the_start_is_searched_once_it_is_back(
    rooms: Rooms, ground: Ground, recorder: QdrantRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    port, url = recorder.port, recorder.url
    await recorder.stop()
    built = len(recorder.requests)
    with caplog.at_level(logging.WARNING):
        async with open_rooms(settings_for(ground, url)) as late:
            assert "the index is out of reach for now" in caplog.text
            with pytest.raises(TransientError, match=r"cannot be reached.*QDRANT_URL"):
                await best_place(late)
            with pytest.raises(TransientError, match="cannot be reached"):
                await complete_index(late)  # nothing is taken for missing
            async with recorder.serving(port):
                assert await best_place(late) == ANSWER_PLACE
    assert {each.method for each in recorder.requests[built:]} == {"GET", "POST"}


async def test_a_search_while_the_server_is_down_says_so_and_the_next_one_finds(
    rooms: Rooms, recorder: QdrantRecorder
) -> None:
    port = recorder.port
    index = rooms.index.get()
    await recorder.stop()
    with pytest.raises(TransientError, match="cannot be reached"):
        await best_place(rooms)
    assert rooms.index.get() is index
    async with recorder.serving(port):
        assert await best_place(rooms) == ANSWER_PLACE


async def test_a_wrong_key_spoils_no_start_and_no_question(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    key = SecretStr("wrong-key-of-mine")
    async with QdrantRecorder.open(key="right") as recorder:
        with caplog.at_level(logging.WARNING):
            async with open_rooms(settings_for(ground, recorder.url, qdrant_api_key=key)) as rooms:
                assert await rooms.sources.all()
                # It may be set right, so a question waits instead of being given up.
                with pytest.raises(TransientError, match="QDRANT_API_KEY"):
                    await best_place(rooms)
        assert recorder.requests == []
    assert "QDRANT_API_KEY" in caplog.text
    assert "wrong-key-of-mine" not in caplog.text


async def test_a_key_that_goes_over_the_network_in_clear_is_warned_of(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(ground, "http://qdrant.invalid:6333", qdrant_api_key=SecretStr("a-key"))
    with caplog.at_level(logging.WARNING):
        async with open_rooms(settings):
            pass
    assert "QDRANT_API_KEY is sent unencrypted to http://qdrant.invalid:6333" in caplog.text
