"""A bot whose index is on a Qdrant server: what happens to questions while that is away."""

import pytest
from pydantic import SecretStr

from docbot import texts
from docbot.app.rooms import complete_index, open_rooms
from docbot.settings import Settings
from tests.qdrant_server import QdrantRecorder
from tests.town import ANSWER_PLACE, QUESTION, Ground, open_town

pytestmark = pytest.mark.slow

BODY = "It fails each night."


def with_server(ground: Ground, url: str) -> Settings:
    return Settings(_env_file=None).model_copy(
        update={
            "database_url": SecretStr(ground.database_url),
            "docbot_data_dir": ground.data_dir,
            "qdrant_url": url,
        }
    )


async def test_a_bot_that_starts_while_the_server_is_down_answers_once_it_is_back(
    ground: Ground,
) -> None:
    async with QdrantRecorder.open() as recorder:
        async with open_rooms(with_server(ground, recorder.url)) as rooms:
            await complete_index(rooms)
        port, url = recorder.port, recorder.url
        await recorder.stop()
        async with open_town(ground, qdrant_url=url) as town:
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until("SELECT reason LIKE '%cannot be reached%' FROM questions")
            invocation = await town.asker.slash(town.playground.text, "search", query="retries")
            assert (await invocation.answered()).content == texts.out_of_reach()
            assert town.playground.world.replies_of_bot(thread.id) == []

            async with recorder.serving(port):
                assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
                await town.until("SELECT state = 'answered' FROM questions")
                # The server's outage is no fault of the question.
                assert await town.rooms.pool.fetchval("SELECT refusals FROM questions") == 0
        assert recorder.violations == []


async def test_a_bot_builds_its_index_on_an_empty_server(ground: Ground) -> None:
    async with QdrantRecorder.open() as recorder:
        async with open_town(ground, qdrant_url=recorder.url) as town:
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
        assert recorder.violations == []
