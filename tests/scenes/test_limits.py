"""Who asks too often, or too soon."""

import pytest

from docbot import texts
from tests.model_server import Hang
from tests.scenes.script import Scene, scene
from tests.town import QUESTION

pytestmark = pytest.mark.check

REPLY = "Set `max_retries` [1]."
TIMEOUT = "What is timeout_seconds?"


@scene(
    "The second call within six hours is refused: Ben alone is told when the next is free. Then it is.",
    ends=["answered", "answered", "cancelled: over the person's limit", "answered"],
    says=3,
    privately=1,
    limits="on",
    given={"limit-calls": "1/6"},
)
async def test_the_limit_is_reached(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ben.calls_docbot(TIMEOUT)
    await s.docbot_says()
    await s.ben.calls_docbot(QUESTION)
    assert "You can ask again <t:" in (await s.ben.hears()).content
    await s.time_passes(hours=6)
    await s.ben.calls_docbot(QUESTION)
    await s.docbot_says()


@scene(
    "The second post is refused without a word.",
    ends=["answered", "cancelled: over the person's limit"],
    says=1,
    limits="on",
    given={"limit-posts": "1/6"},
)
async def test_too_many_posts(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.question_is("answered")
    await s.ada.posts(TIMEOUT)


@scene(
    "Hana helps in every forum of the server, so she has no limit in its other channels either.",
    ends=["answered", "answered", "answered"],
    limits="on",
    given={"limit-calls": "1/6", "helper-role": "@Helpers"},
)
async def test_a_helper_asks_where_no_forum_is_bound(s: Scene) -> None:
    for _ in range(2):
        await s.hana.asks("private", QUESTION, s.playground.text)
    await s.ben.asks("private", QUESTION, s.playground.text)
    refused = await s.ben.asks("private", TIMEOUT, s.playground.text)
    assert "You can ask again <t:" in refused.content


@scene(
    "Ada alone is told that docbot is still on her last one, which it then answers.",
    ends=["answered", "yielded", "cancelled: still on the last one"],
    says=1,
    privately=1,
    limits="on",
    model=[Hang(), REPLY, REPLY],
)
async def test_still_on_the_last_one(s: Scene) -> None:
    hers = await s.ada.posts()
    await s.docbot_thinks()
    await s.set("settle-seconds", "30")
    await s.ben.posts(TIMEOUT)
    await s.ada.calls_docbot(QUESTION)
    assert (await s.ada.hears()).content == texts.still_on_last_one()
    s.docbot_goes_on()
    s.thread = hers
    await s.docbot_says()
