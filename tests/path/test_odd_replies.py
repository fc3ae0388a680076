"""Replies of a model that it should not have made: what reaches Discord is inert, whole and short."""

from itertools import chain
from typing import Any

from docbot.answers.split import length
from docbot.playground.objects import Message
from tests.answers.discord_reader import read
from tests.model_server import ModelServer, Script
from tests.town import ANSWER_PLACE, BASE_URL, QUESTION, Ground, Town, open_town

EVIL = "https://evil.test/login"
# What the model writes, a word that members still read of it, and the lane of the answer.
REPLIES = {
    "an invented citation": ("Set `max_retries` [99].", None, "suggest"),
    "an invented citation beside a true one": ("Set `max_retries` [1] [99].", "[1]", "answer"),
    "its own list of sources": (f"Set it [1].\n\nSources:\n[1]: {EVIL}", "Set it [1]", "answer"),
    "no citation": ("Just restart it.", None, "suggest"),
    "nothing": ("", "max_retries", "answer"),
    "white space": (" \n\n\t ", "max_retries", "answer"),
    "a sign that it does not know": ("NO_ANSWER", None, "abstain"),
    "20,000 characters": ("Set `max_retries` [1]. " + "And so on, and so on. " * 910, "[1]", "answer"),
    "20,000 characters without a space": ("Set [1]. " + "A" * 20_000, "Set [1]", "answer"),
    "20,000 characters of code": ("Set [1].\n```py\n" + "frobnicate()\n" * 1_540, "[1]", "answer"),
    "20,000 citations": ("[1]" * 7_000, None, "suggest"),
    "20,000 emoji": ("Set [1]. " + "\U0001f468\u200d\U0001f469\u200d\U0001f467 " * 3_400, "[1]", "answer"),
    "pings": ("Set `max_retries` @everyone @here <@1> <@!1> <@&1> [1]", "everyone", "answer"),
    "a ping that is hidden": ("Set `max_retries` @every\u200bone @\u202eereh <@\u20601> [1]", "[1]", "answer"),
    "links of its own": (f"See [the docs]({EVIL}), {EVIL} and <{EVIL}> [1].", "the docs", "answer"),
    "a link in its citation": (f"Set it [[1]]({EVIL}) and [1]({EVIL}).", "[1]", "answer"),
    "a link below another name": (f"[{BASE_URL}usage]({EVIL}) [1]", "[1]", "answer"),
    "a picture": (f"![how]({EVIL}.png) [1]", "how", "answer"),
    "invites": ("Join discord.gg/abc or https://discord.com/invite/abc [1]!", "Join", "answer"),
    "a script": ("[x](javascript:alert(1)) data:text/html,x [1]", "[1]", "answer"),
    "channels, commands, times": ("Set `max_retries` <#1> </ask:1> <t:1:R> <id:guide> [1]", "[1]", "answer"),
    "emoji of a server": ("Set `max_retries` <:smile:1> <a:smile:1> :smile: [1]", ":smile:", "answer"),
    "headings": ("# HUGE\n## Large\n###### Deep\n-# Small\nSet it [1].", "Deep", "answer"),
    "a spoiler": ("||@everyone|| ||[a](https://evil.test)|| [1]", "everyone", "answer"),
    "a fence that it never closes": ("Set it [1].\n```py\nfrobnicate()", "frobnicate()", "answer"),
    "nested fences": ("````md\n```py\n@everyone\n```\n````\nSet it [1].", "Set it [1]", "answer"),
    "a table": ("| a | b |\n|---|---|\n| @here | 2 |\n\nSet it [1].", "Set it [1]", "answer"),
    "its thoughts": ("<think>@everyone [2]</think>Set it [1].", "Set it [1]", "answer"),
    "control characters": ("Set\0 `max_retries`\x1b[31m [1]\ud83d.", "Set", "answer"),
}  # fmt: skip


async def test_whatever_a_model_writes_reaches_discord_inert(ground: Ground) -> None:
    def reply(body: dict[str, Any]) -> Script:
        asked = body["messages"][-1]["content"]
        return next(text for name, (text, _, _) in REPLIES.items() if f"Case: {name}." in asked)

    async with (
        ModelServer.open(replies=reply) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        world, forum = town.playground.world, town.playground.forum
        threads = {
            name: await town.asker.post(forum, QUESTION, f"It fails. Case: {name}.")
            for name in REPLIES
        }
        ended = "SELECT count(*) = $1 FROM questions WHERE ended_at IS NOT NULL"
        await town.until(ended, len(REPLIES))
        await town.until("SELECT bool_and(state = 'sent') FROM outbox")
        lanes = await _lanes(town)
        parts = {name: world.replies_of_bot(thread.id) for name, thread in threads.items()}
    assert {name: lanes[thread.id] for name, thread in threads.items()} == {
        name: lane for name, (_, _, lane) in REPLIES.items()
    }
    for part in chain.from_iterable(parts.values()):
        _is_harmless(part)
    written = {name: "\n".join(part.content for part in parts[name]) for name in REPLIES}
    assert written.pop("a sign that it does not know") == ""
    for name, text in written.items():
        assert len(text) < 7_000, name
        assert "[99]" not in text, name
        assert f"<{ANSWER_PLACE}>" in text, name
        assert (REPLIES[name][1] or "") in text.replace("\u200b", ""), name


async def _lanes(town: Town) -> dict[int, str]:
    """The lane of each thread's answer; one whose state does not fit it is wrong."""
    rows = await town.rooms.pool.fetch(
        "SELECT message_id, lane, state FROM questions JOIN answers ON question_id = questions.id"
    )
    assert all((row["lane"] == "abstain") == (row["state"] == "abstained") for row in rows)
    assert all(row["state"] in {"abstained", "answered"} for row in rows)
    return {row["message_id"]: row["lane"] for row in rows}


def _is_harmless(message: Message) -> None:
    seen = read(message.content)
    assert not seen.mentions
    assert not seen.previews
    assert all(link.startswith(BASE_URL) for link in seen.links)
    assert 0 < length(message.content) <= 2000
    assert message.content.count("```") % 2 == 0
    assert not message.mention_everyone
    assert [*message.mentions, *message.mention_roles] == []
    assert message.flags & 4  # no previews
