import hashlib
import shutil
from collections import Counter

import pytest
from pydantic import SecretStr

from docbot.app.reading import Outcome, is_stale, sync_sources
from docbot.app.rooms import Rooms, complete_index, open_rooms, rebuild_index
from docbot.db.chunks import Chunks
from docbot.db.generations import Built
from docbot.db.sources import ChunkRow, PageRow
from docbot.errors import TransientError
from docbot.retrieval.lexical import document_vector, term_id, terms
from docbot.retrieval.search import Query
from docbot.settings import Settings
from tests.model_server import ModelServer
from tests.town import ANSWER_PLACE, QUESTION, Ground, Quiet

pytestmark = pytest.mark.slow

USAGE = "https://docs.test/usage"
_TEXTS = """
    SELECT pages.title, heading_path, chunks.url, text
    FROM chunks JOIN pages ON pages.id = page_id
"""


def without_model(ground: Ground) -> Settings:
    return settings_with_model(ground, "").model_copy(
        update={"openai_base_url": None, "docbot_embedding_model": None}
    )


def usage_page(*texts: str) -> PageRow:
    """The page that answers QUESTION, with other text."""
    return PageRow(
        url=USAGE,
        title="Usage",
        markdown="\n\n".join(texts),
        content_hash=hashlib.sha256("".join(texts).encode()).digest(),
        chunks=tuple(
            ChunkRow(hashlib.sha256(text.encode()).digest(), ("Usage",), USAGE, text)
            for text in texts
        ),
    )


async def put_usage_page(rooms: Rooms, *texts: str) -> None:
    [source] = await rooms.sources.all()
    await rooms.sources.put_page(source.id, usage_page(*texts))


async def found_texts(rooms: Rooms, query: str = QUESTION) -> list[str]:
    found = await rooms.searcher.search(Query(query, ""), await sources(rooms))
    return [passage.text for passage in found.passages if passage.url.startswith(USAGE)]


def settings_with_model(ground: Ground, base_url: str) -> Settings:
    return Settings(_env_file=None).model_copy(
        update={
            "database_url": SecretStr(ground.database_url),
            "docbot_data_dir": ground.data_dir,
            "openai_base_url": base_url,
            "docbot_embedding_model": "test-embedding",
        }
    )


async def sources(rooms: Rooms) -> list[int]:
    return [source.id for source in await rooms.sources.all()]


async def test_a_model_set_later_takes_part_once_a_sync_built_the_index_with_it(
    ground: Ground,
) -> None:
    async with (
        ModelServer.open() as server,
        open_rooms(settings_with_model(ground, server.base_url)) as rooms,
    ):
        asked = Query(QUESTION, ""), await sources(rooms)
        before = await rooms.searcher.search(*asked)
        assert (rooms.index.embedding_model, before.dense_used) == (None, False)
        assert before.passages
        assert "docbot sync" in (before.warning or "")
        assert server.requests == []

        outcome = await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Quiet())
        assert outcome == Outcome(1, embedded=True)
        after = await rooms.searcher.search(*asked)
        assert rooms.index.embedding_model == "test-embedding"
        assert (after.dense_used, after.warning) == (True, None)


async def test_chunks_stand_where_their_text_does_and_unknown_ids_are_left_out(
    ground: Ground,
) -> None:
    async with open_rooms(settings_with_model(ground, "http://127.0.0.1:9/v1")) as rooms:
        found = await rooms.searcher.search(Query(QUESTION, ""), await sources(rooms))
        expected = {passage.chunk_id: passage.page_id for passage in found.passages}
        places = await Chunks(rooms.pool).places([*expected, 2**40])
        assert expected
        assert {chunk: place.page for chunk, place in places.items()} == expected
        sizes = {
            place.page: await rooms.pool.fetchval(
                "SELECT count(*) FROM chunks WHERE page_id = $1", place.page
            )
            for place in places.values()
        }
        assert {place.page: place.chunks for place in places.values()} == sizes


async def test_a_generation_knows_the_words_of_each_source(ground: Ground) -> None:
    async with open_rooms(without_model(ground)) as rooms:
        [source] = await sources(rooms)
        vocabulary = rooms.index.vocabularies[source]
        current = await rooms.generations.find_current()
        assert current
        assert vocabulary.chunks == current.points
        [word] = terms("zyzzyva")
        assert vocabulary.count(term_id(word)) == 0
        held = Counter[int]()
        for row in await rooms.pool.fetch(_TEXTS):
            held.update(
                document_vector(row["title"], row["heading_path"], row["url"], row["text"]).ids
            )
        assert {term: vocabulary.count(term) for term in held} == dict(held)


async def test_a_page_that_changed_is_found_as_it_was_until_the_next_index_stands(
    ground: Ground,
) -> None:
    async with open_rooms(without_model(ground)) as rooms:
        before = await found_texts(rooms)
        await put_usage_page(rooms, "A failed frobnication is repeated by `retry`.")
        assert await found_texts(rooms) == before
        assert await is_stale(rooms)
        await rebuild_index(rooms)
        assert await found_texts(rooms) == ["A failed frobnication is repeated by `retry`."]
        assert not await rooms.pool.fetchval("SELECT count(*) FROM chunks WHERE position IS NULL")


async def test_a_chunk_that_only_moved_keeps_its_id_and_makes_no_index_stale(
    ground: Ground,
) -> None:
    async with open_rooms(without_model(ground)) as rooms:
        ids = "SELECT id, position, text FROM chunks WHERE url = $1 ORDER BY position"
        await put_usage_page(rooms, "First.", "Second.", "Second.")
        await rebuild_index(rooms)
        before = [row["id"] for row in await rooms.pool.fetch(ids, USAGE)]
        await put_usage_page(rooms, "Second.", "First.", "Second.")
        after = await rooms.pool.fetch(ids, USAGE)
        assert [row["text"] for row in after] == ["Second.", "First.", "Second."]
        assert sorted(row["id"] for row in after) == before
        assert not await is_stale(rooms)


async def test_a_page_put_back_as_it_was_makes_no_index_stale(ground: Ground) -> None:
    async with open_rooms(without_model(ground)) as rooms:
        await put_usage_page(rooms, "First.", "Second.")
        await rebuild_index(rooms)
        await put_usage_page(rooms, "First.", "Other.")
        assert await is_stale(rooms)
        await put_usage_page(rooms, "First.", "Second.")
        assert not await is_stale(rooms)


async def test_an_embedding_endpoint_that_is_down_costs_no_page_its_words(ground: Ground) -> None:
    said: list[str] = []
    async with open_rooms(settings_with_model(ground, "http://127.0.0.1:9/v1")) as rooms:
        await put_usage_page(rooms, "To be replaced.")
        outcome = await sync_sources(rooms, [], full=True, say=said.append, progress=Quiet())
        assert outcome == Outcome(1, embedded=False)
        found = await rooms.searcher.search(Query(QUESTION, ""), await sources(rooms))
        assert found.passages[0].url == ANSWER_PLACE
        assert await is_stale(rooms)  # so the next sync tries again
    assert any("could be embedded" in line for line in said)


async def test_a_data_folder_without_the_index_gets_the_one_that_postgres_names(
    ground: Ground,
) -> None:
    shutil.rmtree(ground.data_dir / "index")
    async with open_rooms(without_model(ground)) as rooms:
        named = await rooms.generations.find_current()
        assert rooms.index.get() is None
        await complete_index(rooms)
        assert await rooms.generations.find_current() == named
        assert await found_texts(rooms)


async def test_folders_of_generations_that_nobody_names_go(ground: Ground) -> None:
    folder = ground.data_dir / "index"
    [current] = [path for path in folder.iterdir() if path.is_dir()]
    shutil.copytree(current, folder / "g1")
    async with open_rooms(without_model(ground)):
        assert [path for path in folder.iterdir() if path.is_dir()] == [current]


async def test_a_generation_that_was_thrown_away_meanwhile_replaces_nothing(
    ground: Ground,
) -> None:
    async with open_rooms(without_model(ground)) as rooms:
        named = await rooms.generations.find_current()
        name = await rooms.generations.begin(lexical_version=1, embedding_model=None, dimensions=0)
        await rooms.generations.forget(name)
        with pytest.raises(TransientError, match="docbot sync"):
            await rooms.generations.switch(name, Built(1, 1))
        assert await rooms.generations.find_current() == named
