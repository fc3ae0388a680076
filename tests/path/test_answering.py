"""A post becomes an answer: everything real but Discord, which is played."""

import json
import re

import pytest

from docbot.playground.objects import Permission
from tests.model_server import Hang, ModelServer, Status
from tests.town import (
    ANSWER_PLACE,
    OFF_TOPIC,
    QUESTION,
    Ground,
    QuietTown,
    Town,
    bind,
    eventually,
    open_quiet_town,
    open_town,
)

BODY = "It fails each night."


async def test_a_post_is_answered_with_a_link_to_the_right_place(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, "It fails each night.")
    reply = await town.asker.sees_reply(thread)
    assert f"<{ANSWER_PLACE}>" in reply.content
    assert "frobnicate(max_retries=3)" in reply.content
    labels = [each["label"] for each in reply.buttons]
    assert labels == ["Solved", "Helpful", "Not right", "Ask a human"]
    await town.until("SELECT state = 'answered' FROM questions")


async def test_the_answer_is_stored_with_its_evidence(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    reply = await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")
    [row] = await town.rooms.pool.fetch("SELECT * FROM answers")
    assert (row["lane"], row["model"]) == ("answer", None)
    cited = [piece for piece in row["evidence"] if piece["cited"]]
    assert cited[0]["url"] == ANSWER_PLACE
    assert cited[0]["lexical"] > 0
    assert {"search", "decide", "total"} <= row["timings_ms"].keys()
    assert await town.rooms.pool.fetchval("SELECT message_id FROM outbox") == reply.id


async def test_what_the_docs_do_not_answer_is_met_with_silence(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, OFF_TOPIC, "I wonder.")
    await town.until("SELECT state = 'abstained' FROM questions")
    # A later post is answered, so the silence before it was not slowness.
    other = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(other)
    assert town.playground.world.replies_of_bot(thread.id) == []


async def test_a_post_of_only_an_image_is_answered_from_its_title(town: Town) -> None:
    world, forum = town.playground.world, town.playground.forum
    image = world.attachment("error.png", b"\x89PNG", "image/png", forum.id)
    post = {"name": QUESTION, "message": {"content": ""}}
    thread, _ = world.create_post(forum.id, town.asker.id, post, files=[image])
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_post_of_4000_characters_of_code_ends_in_one_outcome(town: Town) -> None:
    code = "```python\n" + "frobnicate(max_retries=0)  # fails\n" * 56 + "```"
    thread = await town.asker.post(town.playground.forum, QUESTION, code[:2000])
    await town.asker.reply(thread, code[:2000])
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_nobody_is_pinged_and_no_preview_is_made(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, "@everyone look")
    await town.asker.sees_reply(thread)
    [sent] = [
        r for r in town.playground.requests if r.route.endswith("/messages") and r.method == "POST"
    ]
    assert sent.body["allowed_mentions"]["parse"] == []
    assert sent.body["flags"] & 4  # SUPPRESS_EMBEDS
    assert len(sent.body["nonce"]) <= 25
    assert sent.body["enforce_nonce"] is True


async def test_bots_and_webhooks_and_other_channels_are_ignored(town: Town) -> None:
    other_bot = town.playground.add_member("OtherBot", bot=True)
    await other_bot.post(town.playground.forum, QUESTION, BODY)
    await town.asker.send(town.playground.text, QUESTION)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM questions") == 1
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM messages") == 1


async def test_an_event_that_comes_twice_makes_one_question(town: Town) -> None:
    town.playground.faults.duplicate_events("MESSAGE_CREATE")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    again = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(again)
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM questions") == 2
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_forum_whose_source_has_no_pages_yet_waits_and_tells_the_operator(
    town: Town,
) -> None:
    await town.rooms.sources.add(name="empty", kind="folder", location="/x", base_url=None)
    await bind(town.rooms, town.playground, source="empty")
    await eventually(lambda: town.forum_as_bound().source_names == ("empty",))
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    reason = await town.until("SELECT reason FROM questions WHERE state = 'waiting'")
    assert "empty" in reason
    assert "docbot sync" in reason
    assert town.playground.world.replies_of_bot(thread.id) == []


async def test_a_mode_that_is_changed_takes_effect_on_the_next_post(town: Town) -> None:
    await bind(town.rooms, town.playground, mode="mention")
    await eventually(lambda: town.forum_as_bound().mode == "mention")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT count(*) = 1 FROM messages")
    assert await town.states() == []
    await town.helper.reply(thread, f"{town.playground.bot.mention} {QUESTION}")
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_model_answers_from_the_passages_and_its_citations_are_checked(
    ground: Ground,
) -> None:
    reply = "Set `max_retries` [1]. Ignore this [99]. @everyone see https://evil.test/ ."
    async with (
        ModelServer.open(replies=[reply]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        said = await town.asker.sees_reply(thread)
        [row] = await town.rooms.pool.fetch("SELECT * FROM answers")
        [asked] = model.requests
    assert "Set `max_retries` [1]" in said.content
    assert "[99]" not in said.content
    assert f"<{ANSWER_PLACE}>" in said.content
    assert "https://evil.test/" not in said.content.replace("`https://evil.test/`", "")
    assert not said.mention_everyone
    assert row["model"] == "test-chat"
    assert row["tokens_in"] > 0
    assert row["prompt_version"]
    assert "max_retries" in json.dumps(asked.body)


async def test_a_model_that_is_down_for_a_moment_keeps_the_question_until_it_is_back(
    ground: Ground,
) -> None:
    async with (
        ModelServer.open(replies=["Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        model.fail(Status(503, "overloaded", "server_error"), times=2)
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        said = await town.asker.sees_reply(thread)
        assert said.content.startswith("Set `max_retries` [1].")
        assert await town.rooms.pool.fetchval("SELECT attempt FROM questions") > 1


async def test_a_long_answer_comes_in_order_in_messages_that_each_stand_alone(
    ground: Ground,
) -> None:
    begun, ended = _code(0, 45), _code(45, 90)
    reply = f"Set `max_retries` [1].\n\n{begun}\n\n{ended}\n\nThat is all [1]."
    async with (
        ModelServer.open(replies=[reply]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.until("SELECT count(*) > 1 AND bool_and(state = 'sent') FROM outbox")
        parts = town.playground.world.replies_of_bot(thread.id)
    assert len(parts) == 2
    assert all(len(part.content) <= 2000 for part in parts)
    assert all(part.content.count("```") % 2 == 0 for part in parts)
    assert [bool(part.buttons) for part in parts] == [True, False]
    steps = re.findall(r"step_(\d+)", "".join(part.content for part in parts))
    assert steps == [str(number) for number in range(90)]


async def test_code_that_is_too_long_for_a_message_comes_as_a_file(ground: Ground) -> None:
    reply = f"Set `max_retries` [1].\n\n{_code(0, 90)}\n\nThat is all [1]."
    async with (
        ModelServer.open(replies=[reply]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        said = await town.asker.sees_reply(thread)
        await town.until("SELECT count(*) = 1 AND bool_and(state = 'sent') FROM outbox")
    assert "\n\nSee the attached file `example.py`.\n\nThat is all [1]." in said.content
    [file] = said.attachments
    assert file.filename == "example.py"
    assert f"```python\n{file.content.decode()}```" == _code(0, 90)


async def test_where_docbot_may_attach_no_file_long_code_comes_in_several_messages(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    reply = f"Set `max_retries` [1].\n\n{_code(0, 90)}"
    async with (
        ModelServer.open(replies=[reply]) as model,
        open_quiet_town(
            ground, openai_base_url=model.base_url, docbot_chat_model="test-chat"
        ) as quiet,
    ):
        _forbid(quiet, Permission.ATTACH_FILES)
        async with quiet.awake() as town:
            await eventually(lambda: "could use Attach Files in forum #help" in caplog.text)
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until("SELECT count(*) = 2 AND bool_and(state = 'sent') FROM outbox")
        parts = town.playground.world.replies_of_bot(thread.id)
    steps = re.findall(r"step_(\d+)", "".join(part.content for part in parts))
    assert steps == [str(number) for number in range(90)]
    assert not any(part.attachments for part in parts)


async def test_a_file_whose_right_was_taken_meanwhile_waits_and_asks_discord_nothing(
    ground: Ground,
) -> None:
    reply = f"Set `max_retries` [1].\n\n{_code(0, 90)}"
    async with (
        ModelServer.open(replies=[Hang(), reply]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        town.playground.faults.answer(503, method="POST", path=r"/channels/\d+/messages")
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        model.release.set()
        await town.until("SELECT attempt = 1 AND state = 'pending' FROM outbox")
        _forbid(town, Permission.ATTACH_FILES)
        await town.until("SELECT reason LIKE '%lacks Attach Files%' FROM outbox")
        _forbid(town, Permission(0))
        await town.rooms.pool.execute("UPDATE outbox SET due_at = now()")
        assert (await town.asker.sees_reply(thread)).attachments
        assert await town.rooms.pool.fetchval("SELECT refusals FROM outbox") == 0


def _code(begin: int, end: int) -> str:
    lines = [f"step_{number} = frobnicate(max_retries={number})" for number in range(begin, end)]
    return "\n".join(["```python", *lines, "```"])


def _forbid(town: QuietTown, right: Permission) -> None:
    """Take a right from docbot in the forum alone."""
    world, place = town.playground.world, town.playground
    world.set_overwrite(place.forum.id, place.town.bot_role.id, deny=right)


async def test_docbot_types_while_it_works_and_not_after(ground: Ground) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):

        def routes() -> list[str]:
            asked = [request for request in town.playground.requests if request.method == "POST"]
            return [request.route.rpartition("/")[2] for request in asked]

        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await eventually(lambda: "typing" in routes())
        model.release.set()
        await town.asker.sees_reply(thread)
        assert routes() == ["typing", "messages"]
