from pydantic import SecretStr

from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.db.chunks import Chunks
from docbot.retrieval.search import Query
from docbot.settings import Settings
from tests.model_server import ModelServer
from tests.town import QUESTION, Ground, Quiet


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

        assert await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Quiet())
        after = await rooms.searcher.search(*asked)
        assert rooms.index.embedding_model == "test-embedding"
        assert (after.dense_used, after.warning) == (True, None)


async def test_pages_of_chunks_are_those_of_their_text_and_unknown_ids_are_left_out(
    ground: Ground,
) -> None:
    async with open_rooms(settings_with_model(ground, "http://127.0.0.1:9/v1")) as rooms:
        found = await rooms.searcher.search(Query(QUESTION, ""), await sources(rooms))
        expected = {passage.chunk_id: passage.page_id for passage in found.passages}
        assert await Chunks(rooms.pool).pages_of([*expected, 2**40]) == expected
        assert expected
