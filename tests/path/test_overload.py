"""Too much at once, or a far side that is down: answers go on, in turn, and memory stays flat."""

import logging

import pytest

from docbot import texts
from tests.model_server import Hang, ModelServer, Status
from tests.town import ANSWER_PLACE, QUESTION, Ground, open_town

pytestmark = pytest.mark.slow

BODY = "It fails each night."
DOWN = Status(503, "overloaded", "server_error")


async def test_while_the_model_is_down_passages_are_quoted_and_that_is_said(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        ModelServer.open(lambda _: DOWN) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        forum = town.playground.forum
        with caplog.at_level(logging.WARNING):
            first = await town.asker.post(forum, QUESTION, BODY)  # its own tries find it out
            said = [await town.asker.sees_reply(first)]
            asked = len(model.requests)
            for _ in range(3):
                thread = await town.asker.post(forum, QUESTION, BODY)
                said.append(await town.asker.sees_reply(thread))
            await town.until("SELECT bool_and(state = 'answered') FROM questions")
        assert asked == len(model.requests) == 3
        for message in said:
            quoted = f"{texts.quoted_instead()}\n\nFrom **Usage › Retries** [1]:"
            assert message.content.startswith(quoted)
            assert f"<{ANSWER_PLACE}>" in message.content
        notes = await town.rooms.pool.fetch("SELECT cut FROM answers")
        assert all("left alone" in row["cut"][-1] for row in notes)
        lines = [record.getMessage() for record in caplog.records]
        assert sum("passages are quoted until" in line for line in lines) == 1


async def test_only_so_many_questions_are_put_to_the_model_at_once(ground: Ground) -> None:
    async with (
        ModelServer.open([Hang(), *["Set `max_retries` [1]."] * 3]) as model,
        open_town(
            ground,
            openai_base_url=model.base_url,
            docbot_chat_model="test-chat",
            docbot_model_calls_at_once=1,
        ) as town,
    ):
        for _ in range(3):
            await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.until("SELECT count(*) = 3 FROM questions WHERE state = 'answering'")
        await model.arrived.wait()
        assert len(model.requests) == 1
        model.release.set()
        await town.until("SELECT count(*) = 3 FROM questions WHERE state = 'answered'")
        assert await town.rooms.pool.fetchval("SELECT max(attempt) FROM questions") == 1
