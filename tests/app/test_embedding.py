import asyncio
import hashlib
import importlib.util
import logging
import shutil
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from docbot.app.embedding import LoggedProgress, cost_line
from docbot.app.reading import Outcome, is_stale, sync_sources
from docbot.app.renewal import renew_index
from docbot.app.rooms import Rooms, open_rooms
from docbot.db.generations import Missing
from docbot.db.locks import sync_lock
from docbot.db.sources import ChunkRow, PageRow
from docbot.errors import SettingsError
from docbot.knowledge.chunking.chunks import CHUNKER_VERSION
from docbot.retrieval.generations import open_rows
from docbot.retrieval.lexical import LEXICAL_VERSION
from docbot.retrieval.local import LocalModels
from docbot.retrieval.search import Query, SearchResult
from docbot.settings import Settings
from tests.model_server import DIMENSIONS, NO_QUOTA, Hang, ModelServer, Status
from tests.retrieval.tiny_model import MINI, MINI_REPOSITORY, model_files, put
from tests.town import ANSWER_PLACE, QUESTION, Ground, Quiet, open_town

pytestmark = pytest.mark.slow

OLD, NEW = "test-embedding", "new-model"  # the old one is the library's
needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("fastembed") is None,
    reason="docbot[local-embeddings] is not installed",
)
SOON = {"retry-after": "0.01"}


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer.open(models=[OLD, NEW]) as server:
        yield server


def settings_for(ground: Ground, server: ModelServer, model: str | None) -> Settings:
    return Settings(_env_file=None).model_copy(
        update={
            "database_url": SecretStr(ground.database_url),
            "docbot_data_dir": ground.data_dir,
            "openai_base_url": server.base_url,
            "docbot_embedding_model": model,
        }
    )


async def sync(rooms: Rooms, said: list[str] | None = None, *, full: bool = False) -> Outcome:
    say = (said if said is not None else []).append
    return await sync_sources(rooms, [], full=full, say=say, progress=Quiet())


@pytest.fixture
def indexed(ground_with_vectors: Ground) -> Ground:
    """The library, indexed with the old model."""
    return ground_with_vectors


async def search(rooms: Rooms) -> SearchResult:
    sources = [source.id for source in await rooms.sources.all()]
    return await rooms.searcher.search(Query(QUESTION, ""), sources)


async def add_page(rooms: Rooms, chunks: int) -> None:
    """Store a page of so many chunks that no file stands behind."""
    [source] = await rooms.sources.all()
    url, texts = "https://docs.test/more", [f"Part {number}." for number in range(chunks)]
    await rooms.sources.put_page(
        source.id,
        PageRow(
            url=url,
            title="More",
            markdown="\n\n".join(texts),
            content_hash=hashlib.sha256(b"more").digest(),
            chunks=tuple(
                ChunkRow(hashlib.sha256(text.encode()).digest(), ("More",), url, text, 7)
                for text in texts
            ),
            chunker=CHUNKER_VERSION,
        ),
    )


def embedded_by(server: ModelServer, model: str) -> list[int]:
    """How many texts each request to embed with the model had."""
    return [
        len(request.body["input"])
        for request in server.requests
        if request.body.get("model") == model
    ]


async def stored(rooms: Rooms, model: str) -> Any:
    return await rooms.pool.fetchval("SELECT count(*) FROM embeddings WHERE model = $1", model)


@pytest.mark.parametrize(
    ("missing", "price", "line"),
    [
        (Missing(1_999, 499_999), 0.02, None),
        (Missing(0, 0), None, None),
        (
            Missing(2_000, 600_000),
            None,
            "to embed with m: 2,000 chunks, about 600,000 tokens (an estimate from their length)",
        ),
        (
            Missing(1, 500_000),
            0.02,
            (
                "to embed with m: 1 chunks, about 500,000 tokens (an estimate from their length), "
                "about 0.01 at 0.02 a million"
            ),
        ),
    ],
)
def test_what_is_much_to_embed_is_said_before_with_its_price_if_known(
    missing: Missing, price: float | None, line: str | None
) -> None:
    assert cost_line("m", missing, price) == line


def test_a_long_work_is_logged_by_tenths(caplog: pytest.LogCaptureFixture) -> None:
    progress = LoggedProgress()
    progress.begin("embedding")
    progress.expect(1_000)
    with caplog.at_level(logging.INFO):
        for done in range(32, 1_000, 32):
            progress.at(done)
    progress.end()
    assert len(caplog.records) == 9
    assert caplog.records[0].getMessage() == "embedding: 128 of 1000"


def test_a_long_work_of_unknown_length_is_logged_ever_more_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    progress = LoggedProgress()
    progress.begin("reading docs")
    with caplog.at_level(logging.INFO):
        for done in range(1, 5_001):
            progress.at(done)
    assert [record.getMessage() for record in caplog.records] == [
        f"reading docs: {done}" for done in (100, 200, 400, 800, 1600, 3200)
    ]


async def test_what_is_missing_is_counted_once_for_each_text(
    indexed: Ground, server: ModelServer
) -> None:
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        assert await rooms.generations.missing(OLD) == Missing(0, 0)
        before = await rooms.generations.missing(NEW)
        await add_page(rooms, 10)
        after = await rooms.generations.missing(NEW)
        assert after == Missing(before.chunks + 10, before.tokens + 10 * 7)


async def test_what_much_will_cost_is_said_before_it_is_embedded(
    indexed: Ground, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[tuple[str, int]] = []

    def say(line: str) -> None:
        said.append((line, len(embedded_by(server, NEW))))

    cost = f"to embed with {NEW}: 3 chunks, about 900,000 tokens (an estimate from their length)"
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        await rooms.pool.execute("UPDATE chunks SET tokens = 300_000")
        await sync_sources(rooms, [], full=False, say=say, progress=Quiet())
        assert (cost, 0) in said
        await rooms.pool.execute("DELETE FROM embeddings")
        await rooms.pool.execute("UPDATE index_generations SET lexical_version = 0")
        with caplog.at_level(logging.INFO):
            await renew_index(rooms)
        current = await rooms.generations.find_current()
    assert cost in caplog.messages
    assert current is not None
    assert current.lexical_version == LEXICAL_VERSION


async def test_pages_that_another_chunker_cut_are_cut_by_the_bot_without_being_read_or_paid_again(
    indexed: Ground, server: ModelServer
) -> None:
    texts = "SELECT array_agg(text ORDER BY text) FROM chunks"
    async with open_rooms(settings_for(indexed, server, OLD)) as rooms:
        before = await rooms.pool.fetchval(texts)
        await rooms.pool.execute("UPDATE sources SET location = '/nowhere'")
        await rooms.pool.execute("UPDATE pages SET chunker = 0")
        await rooms.pool.execute("UPDATE chunks SET text = 'cut badly', hash = 'x'")
        await renew_index(rooms)
        assert await rooms.pool.fetchval(texts) == before
        assert not await is_stale(rooms)
    assert server.requests == []


async def test_a_sync_that_is_stopped_keeps_what_was_embedded_and_the_next_goes_on_there(
    indexed: Ground, server: ModelServer
) -> None:
    async with open_rooms(settings_for(indexed, server, OLD)) as rooms:
        await add_page(rooms, 40)
        await rooms.pool.execute("UPDATE sources SET location = '/gone'")  # so the page stays
        syncing = asyncio.create_task(sync(rooms))
        async with asyncio.timeout(60):
            await server.arrived.wait()
            server.fail(Hang())
            server.arrived.clear()
            await server.arrived.wait()
        syncing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await syncing
        assert embedded_by(server, OLD) == [32, 8]
        await sync(rooms)
        assert embedded_by(server, OLD) == [32, 8, 8]
        assert not await is_stale(rooms)


async def test_a_sync_with_another_model_that_fails_leaves_the_old_models_vectors_in_use(
    indexed: Ground, server: ModelServer
) -> None:
    said: list[str] = []
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        server.fail(NO_QUOTA)
        assert await sync(rooms, said) == Outcome(1, embedded=False)
        assert rooms.index.embedding_model == OLD
        found = await search(rooms)
        assert (found.dense_used, found.warning) == (True, None)
        assert await sync(rooms) == Outcome(1, embedded=True)
        assert rooms.index.embedding_model == NEW
    assert any("no credit" in line for line in said)


async def test_a_running_bot_takes_up_another_model_without_a_gap(
    indexed: Ground, server: ModelServer
) -> None:
    server.fail(Hang())
    async with open_town(
        indexed, openai_base_url=server.base_url, docbot_embedding_model=NEW
    ) as town:
        async with asyncio.timeout(60):
            await server.arrived.wait()
        found = await search(town.rooms)
        assert (found.dense_used, found.warning) == (True, None)
        assert town.rooms.index.embedding_model == OLD
        thread = await town.asker.post(town.playground.forum, QUESTION, "It fails each night.")
        assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content

        server.release.set()
        await town.until(
            "SELECT true FROM index_generations WHERE state = 'current' AND embedding_model = $1",
            NEW,
        )
        async with asyncio.timeout(60):
            while town.rooms.index.embedding_model != NEW:
                await asyncio.sleep(0.01)
        found = await search(town.rooms)
        assert (found.dense_used, found.warning) == (True, None)


@needs_extra
async def test_a_model_of_this_machine_takes_the_place_of_an_endpoints(
    indexed: Ground, server: ModelServer
) -> None:
    models = LocalModels(indexed.data_dir / "models")
    put(models.place(MINI), MINI_REPOSITORY, model_files())
    settings = settings_for(indexed, server, f"local:{MINI}")
    alone = settings.model_copy(update={"openai_base_url": None})
    async with open_rooms(alone) as rooms:
        before = await search(rooms)
        assert not before.dense_used
        assert f"model {OLD} is of an endpoint" in str(before.warning)
    async with open_rooms(settings) as rooms:
        before = await search(rooms)
        assert (before.dense_used, rooms.index.embedding_model) == (True, OLD)
        await renew_index(rooms)
        found = await search(rooms)
        assert (found.dense_used, found.warning) == (True, None)
        assert rooms.index.embedding_model == f"local:{MINI}"
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:  # and back
        found = await search(rooms)
        assert (found.dense_used, rooms.index.embedding_model) == (True, f"local:{MINI}")
    shutil.rmtree(models.place(MINI))
    with pytest.raises(SettingsError, match=f"DOCBOT_EMBEDDING_MODEL: .*models fetch {MINI}"):
        async with open_rooms(alone):
            pass


async def test_a_bot_that_died_half_way_goes_on_there(indexed: Ground, server: ModelServer) -> None:
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        await add_page(rooms, 40)
        taking = asyncio.create_task(renew_index(rooms))
        async with asyncio.timeout(60):
            await server.arrived.wait()
            server.fail(Hang())
            server.arrived.clear()
            await server.arrived.wait()
        taking.cancel()
        await asyncio.wait([taking])
        assert rooms.index.embedding_model == OLD
        assert await stored(rooms, NEW) == 32
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        await renew_index(rooms)
        first, left, again = embedded_by(server, NEW)
        assert (first, again) == (32, left)
        assert rooms.index.embedding_model == NEW
        assert not await is_stale(rooms)
        await renew_index(rooms)
        assert len(embedded_by(server, NEW)) == 3  # nothing is paid for twice


async def test_a_passing_failure_is_waited_out(indexed: Ground, server: ModelServer) -> None:
    attempts: list[int] = []

    def wait(attempt: int) -> float:
        attempts.append(attempt)
        return 0

    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        server.fail(Status(503, headers=SOON), times=8)  # each request is tried four times
        await renew_index(rooms, wait=wait)
        assert attempts == [1, 2]
        assert rooms.index.embedding_model == NEW


async def test_a_refusal_is_logged_once_and_the_old_model_stays(
    indexed: Ground, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.models.remove(NEW)
    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        with caplog.at_level(logging.WARNING):
            await renew_index(rooms)
        found = await search(rooms)
        assert (found.dense_used, rooms.index.embedding_model) == (True, OLD)
    [line] = [record.getMessage() for record in caplog.records]
    assert "the index stays as it is" in line
    assert f"model {NEW} at {server.base_url}" in line


async def test_without_a_model_the_index_is_made_for_words_alone(
    indexed: Ground, server: ModelServer
) -> None:
    async with open_rooms(settings_for(indexed, server, None)) as rooms:
        before = await search(rooms)
        assert (before.dense_used, before.warning) == (False, None)
        await renew_index(rooms)
        assert rooms.index.embedding_model is None
        assert (await search(rooms)).passages[0].url == ANSWER_PLACE
        assert not await is_stale(rooms)
    assert server.requests == []


async def test_it_waits_for_a_sync_that_runs(indexed: Ground, server: ModelServer) -> None:
    waits = asyncio.Event()

    def wait(_: int) -> float:
        waits.set()
        return 0.01

    async with open_rooms(settings_for(indexed, server, NEW)) as rooms:
        async with sync_lock(rooms.database):
            taking = asyncio.create_task(renew_index(rooms, wait=wait))
            async with asyncio.timeout(60):
                await waits.wait()
            assert server.requests == []
        await taking
        assert rooms.index.embedding_model == NEW


async def test_an_index_that_has_the_model_is_left_as_it_is(
    indexed: Ground, server: ModelServer
) -> None:
    async with open_rooms(settings_for(indexed, server, OLD)) as rooms:
        named = await rooms.generations.find_current()
        await renew_index(rooms)
        assert await rooms.generations.find_current() == named
    assert server.requests == []


async def test_another_model_under_the_same_name_is_taken_up_by_a_full_sync_alone(
    indexed: Ground, server: ModelServer
) -> None:
    server.dimensions = 16
    said: list[str] = []
    async with open_rooms(settings_for(indexed, server, OLD)) as rooms:
        await add_page(rooms, 3)
        await rooms.pool.execute("UPDATE sources SET location = '/gone'")  # so the page stays
        before = await stored(rooms, OLD)
        assert await sync(rooms, said) == Outcome(0, embedded=False)
        assert any("gives vectors of 16 numbers" in line for line in said)
        assert await stored(rooms, OLD) == before
        found = await search(rooms)
        assert found.passages
        assert "docbot sync --full" in (found.warning or "")

        assert await sync(rooms, full=True) == Outcome(0, embedded=True)
        found = await search(rooms)
        assert (found.dense_used, found.warning, rooms.index.dimensions) == (True, None, 16)


async def test_a_build_holds_no_more_of_a_vector_than_its_numbers(
    indexed: Ground, server: ModelServer
) -> None:
    async with open_rooms(settings_for(indexed, server, OLD)) as rooms:
        async with open_rows(indexed.database_url, indexed.data_dir, OLD) as (built, given):
            rows = [row async for row in given]
        assert len(rows) == built.points > 0
        assert all(sys.getsizeof(row.dense) < 4 * DIMENSIONS + 128 for row in rows)
        assert rooms.index.dimensions == DIMENSIONS
