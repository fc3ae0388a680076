"""A question that was answered before, word for word, is answered from the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from docbot.app.reading import sync_sources
from docbot.playground.objects import Message, Thread
from tests.model_server import ModelServer
from tests.town import QUESTION, Ground, Quiet, Town, button, eventually, open_town

BODY = "It fails each night."
NEWEST = "SELECT * FROM answers ORDER BY id DESC LIMIT 1"


@asynccontextmanager
async def with_model(ground: Ground) -> AsyncIterator[tuple[Town, ModelServer]]:
    async with (
        ModelServer.open(lambda _: "Set `max_retries` [1]. Never [9].") as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        yield town, model


async def asked(town: Town, title: str = QUESTION, body: str = BODY) -> tuple[Thread, Message]:
    thread = await town.asker.post(town.playground.forum, title, body)
    reply = await town.asker.sees_reply(thread)
    await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
    return thread, reply


async def test_the_same_question_gets_the_same_answer_without_the_model(ground: Ground) -> None:
    async with with_model(ground) as (town, model):
        _, first = await asked(town)
        before = await town.rooms.pool.fetchrow(NEWEST)
        _, second = await asked(town, f" {QUESTION.upper()}", f"{BODY.replace(' ', '  ')}\n")
        again = await town.rooms.pool.fetchrow(NEWEST)
        assert len(model.requests) == 1
    assert second.content == first.content
    assert before is not None
    assert again is not None
    same = ("lane", "text", "citations", "evidence", "model", "prompt_version", "probability")
    assert [again[name] for name in same] == [before[name] for name in same]
    assert 0 < before["probability"] <= 1
    assert before["evidence"][0]["source"] == "docs"
    assert (again["tokens_in"], again["tokens_out"]) == (0, 0)
    assert set(again["timings_ms"]) == {"repeat", "total"}
    assert again["cut"] == [*before["cut"], f"repeats answer {before['id']}"]


async def test_another_question_is_put_to_the_model(ground: Ground) -> None:
    async with with_model(ground) as (town, model):
        await asked(town)
        await asked(town, body="It fails each day.")
        await asked(town, QUESTION.replace("repeat", "retry"))
        assert len(model.requests) == 3


async def test_an_answer_that_was_not_right_is_not_given_again(ground: Ground) -> None:
    async with with_model(ground) as (town, model):
        _, first = await asked(town)
        await asked(town)  # a repeat; a vote on either is one on the text
        await town.helper.press(first, button(first, "Not right"))
        await town.until("SELECT count(*) = 1 FROM feedback WHERE vote = 'not_right'")
        await asked(town)
        assert len(model.requests) == 2


async def test_after_a_sync_that_changed_something_it_is_answered_anew(ground: Ground) -> None:
    async with with_model(ground) as (town, model):
        await asked(town)
        before = town.rooms.index.name
        [source] = await town.rooms.sources.all()
        Path(source.location, "more.md").write_text("# More\n\nAbout a frobnication.\n")
        await sync_sources(town.rooms, [], full=False, say=lambda _: None, progress=Quiet())
        await eventually(lambda: town.rooms.index.name != before)
        await asked(town)
        assert len(model.requests) == 2


async def test_what_was_said_before_makes_it_another_question(ground: Ground) -> None:
    async with with_model(ground) as (town, model):
        thread, first = await asked(town)
        for count in (3, 5):  # rewritten and answered, each time
            await town.asker.reply(thread, f"{town.mention} {QUESTION}")
            first = await town.asker.sees_reply(thread, after=first)
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
            assert len(model.requests) == count


async def test_nothing_is_repeated_across_servers(ground: Ground) -> None:
    async with with_model(ground) as (town, model):
        await asked(town)
        await town.rooms.pool.execute("UPDATE answers SET guild_id = guild_id + 1")
        await asked(town)
        assert len(model.requests) == 2
