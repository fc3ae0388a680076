"""What a model does wrong ends in its own way: in a forum, at a mention, and on the command line."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from docbot import texts
from docbot.answers.answer import Answer
from docbot.app.asking import ask_once
from docbot.errors import TransientError
from docbot.playground.objects import Message
from tests.model_server import NO_QUOTA, Fault, Html, ModelServer, Reply, Status
from tests.town import ANSWER_PLACE, QUESTION, Ground, Town, open_town

pytestmark = pytest.mark.slow

BODY = "It fails each night."
QUOTED = "From **Usage › Retries** [1]:"
# Every one of them would be served again if it were asked for again.
# The last figure is how often one question asks; a wrong key is told once and not for each. HTML
# comes last: the third in a row keeps the bot from asking.
REFUSALS: list[tuple[Fault | Reply, str, int]] = [
    (NO_QUOTA, "no credit", 1),
    (Status(401, "no"), "OPENAI_API_KEY", 1),
    (Status(410, "gone", "model_not_found"), "DOCBOT_CHAT_MODEL", 1),
    (Status(400, "no", "context_length_exceeded"), "too long", 2),
    (Reply(""), "empty reply", 2),
    (Reply("<think>hm"), "empty reply", 2),
    (Reply("I will not", finish_reason="content_filter"), "filter held it back", 1),
    (Html(), "usually one that ends in /v1", 1),
]
REWRITE = "You rewrite the last message"  # so begins what a follow-up is rewritten by
OF_ALL = 3  # the first of them are about every question


UNSAFE: list[tuple[Reply, str, str]] = [
    (Reply("Set it [1]. " * 1_700), "Set it [1].", "of 20399 characters"),
    (Reply("Set it [1]. Then", finish_reason="length"), "Set it [1].\n…", "length limit"),
    (Reply("Set it [1], see [99]."), "Set it [1], see.", "[99]"),
    (Reply("Set it [99]."), texts.may_help(), "cited none of the passages"),
    (Reply("Set it [1] <@1> @everyone."), "Set it [1]", ""),
    (Reply("Set it [1] at https://evil.test/ now."), "`https://evil.test/`", ""),
    (Reply("See [it](https://evil.test/) [1]."), "See it [1].", ""),
]


@dataclass
class Script:
    reply: Fault | Reply = field(default_factory=lambda: Reply("Set `max_retries` [1]."))


@asynccontextmanager
async def with_model(ground: Ground) -> AsyncIterator[tuple[Town, ModelServer, Script]]:
    """A town whose model gives the same reply until the test scripts another."""
    script = Script()
    async with (
        ModelServer.open(lambda _: script.reply) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        yield town, model, script


_LENGTHEN = """
    WITH answering AS (SELECT * FROM chunks WHERE url = $1),
    moved AS (
        UPDATE chunks SET position = chunks.position + 100 FROM answering
        WHERE chunks.page_id = answering.page_id AND chunks.position > answering.position)
    INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text)
    SELECT source_id, page_id, position + 1, $2::text::bytea, heading_path, url, $2 FROM answering
"""


async def ask(town: Town) -> Answer:
    return await ask_once(town.rooms, QUESTION, [], warn=lambda _: None)


async def posted_and_mentioned(town: Town, body: str) -> tuple[Message, Message]:
    """Post, then ask again by a mention: the first message of each answer."""
    thread = await town.asker.post(town.playground.forum, QUESTION, body)
    await town.asker.sees_reply(thread)
    await town.until("SELECT bool_and(state = 'sent') FROM outbox")
    last = town.playground.world.replies_of_bot(thread.id)
    await town.asker.reply(thread, f"{town.playground.bot.mention} {QUESTION}")
    mention = await town.asker.sees_reply(thread, after=last[-1])
    await town.until("SELECT bool_and(state = 'sent') FROM outbox")
    return last[0], mention


async def notes(town: Town) -> list[str]:
    """What the operator finds with the last two answers: what was taken out, and why."""
    rows = await town.rooms.pool.fetch("SELECT cut FROM answers ORDER BY id DESC LIMIT 2")
    return ["; ".join(row["cut"]) for row in rows]


async def test_what_a_model_refuses_for_good_is_quoted_everywhere_and_the_operator_told_why(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with with_model(ground) as (town, model, script):
        for index, (fault, why, requests) in enumerate(REFUSALS):
            script.reply = fault
            model.requests.clear()
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                post, mention = await posted_and_mentioned(town, BODY)
                asked = await ask(town)
            for said in (post.content, mention.content, asked.text):
                assert said.removeprefix(f"{texts.quoted_instead()}\n\n").startswith(QUOTED), why
            assert [why in note for note in await notes(town)] == [True, True]
            assert why in (asked.note or "")
            told = [record.getMessage() for record in caplog.records]
            assert [why in line and model.base_url in line for line in told] == [True] * len(told)
            rewritings = [one for one in model.requests if REWRITE in str(one.body["messages"][0])]
            assert len(rewritings) == 1  # of the mention
            assert len(model.requests) - 1 == 3 * requests
            is_of_all = index < OF_ALL  # told once by the bot, once on the command line
            assert len(told) == (2 if is_of_all else 3 * requests)


@pytest.mark.parametrize(
    "fault", [Status(429, "slow down", headers={"retry-after": "40"}), Html(502)]
)
async def test_what_passes_is_waited_for_in_a_forum_and_told_at_once_on_the_command_line(
    ground: Ground, fault: Fault
) -> None:
    async with with_model(ground) as (town, _, script):
        script.reply = fault
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        row = await town.until(
            "SELECT row(reason, ready_at - now() > interval '30 s') FROM questions"
            " WHERE state = 'waiting' AND reason IS NOT NULL"
        )
        assert "overloaded or at its rate limit" in row[0]
        assert row[1] is isinstance(fault, Status)
        assert town.playground.world.replies_of_bot(thread.id) == []
        with pytest.raises(TransientError, match="overloaded or at its rate limit"):
            await ask(town)


async def test_what_a_model_must_not_write_is_taken_out_everywhere(ground: Ground) -> None:
    async with with_model(ground) as (town, _, script):
        for number, (reply, kept, cut) in enumerate(UNSAFE):
            script.reply = reply
            for message in await posted_and_mentioned(town, f"{BODY} Case {number}."):
                assert kept in message.content
                assert len(message.content) <= 2_000
                assert not message.mention_everyone
                assert message.mentions == []
                assert "<https://evil.test" not in message.content
            assert [cut in note for note in await notes(town)] == [True, True]
            asked = await ask(town)
            assert cut in "; ".join(filter(None, [*asked.cut, asked.note]))


async def test_a_model_reads_the_section_that_a_passage_is_a_part_of(ground: Ground) -> None:
    rest = "The rest of it tells of zebras."
    async with with_model(ground) as (town, model, _):
        await town.rooms.pool.execute(_LENGTHEN, ANSWER_PLACE, rest)
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.asker.sees_reply(thread)
        await ask(town)
        asked = [json.dumps(request.body["messages"]) for request in model.requests]
    assert [rest in each for each in asked] == [True, True]
