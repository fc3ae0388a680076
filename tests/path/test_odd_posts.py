"""Posts of any form: what is asked in them is answered, the rest met with silence and a reason."""

import pytest

from docbot.answers.split import length
from docbot.playground.objects import Message, Thread
from tests.model_server import Hang, ModelServer, Script
from tests.town import ANSWER_PLACE, QUESTION, Ground, Town, open_town

BODY = "It fails each night."
NOTHING_ASKED = "its title and text say nothing to search for"
FENCES = """````md
```python
~~~
frobnicate()
~~~
```
````
> ```sh
> frobnicate --now
"""
STORM = "Z\u0351\u036b\u0343\u036a\u0302" + "\u0300\u0301\u0302\u0303" * 200
# A post that a member of Discord could write, and whether what it asks is in the pages.
POSTS = {
    "an image alone": (QUESTION, "", True),
    "a title of no words": ("???", BODY, False),
    "a title that says nothing": ("help", "", False),
    "100 emoji": ("\U0001f680" * 100, "", False),
    "100 emoji above a question": ("\U0001f680" * 100, QUESTION, True),
    "families of emoji": (QUESTION, "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 100, True),
    "Chinese": ("如何重试失败的任务\uff1f", "每天晚上都会失败。谢谢\uff01", False),
    "Japanese": ("失敗したタスクを再試行するには\uff1f", "毎晩失敗します。", False),
    "Arabic": ("كيف أعيد المحاولة؟", "\u202eيفشل كل ليلة\u202c \u200f max_retries \u200f", False),
    "a storm of marks": (f"{QUESTION[:60]} Z\u0351\u036b\u0343", STORM, True),
    "hidden characters": ("How do I\u200b repeat a\u2060 failed frobni\u00adcation?", "\u200b" * 500, True),
    "nested fences": (QUESTION, FENCES, True),
    "only code": (QUESTION, "```python\n" + "frobnicate(max_retries=0)\n" * 70 + "```", True),
    "4,000 characters": (QUESTION, "It fails \u00e9ach night. " * 190, True),
    "only an address": (QUESTION, "https://example.com/" + "a" * 1900, True),
    "only mentions": (QUESTION, "@everyone <@123> <@&456> <#789> </ask:1>", True),
    "marks that no database holds": (f"{QUESTION}\0", "It fails\0 \ud83d each\ud800 night.\0", True),
}  # fmt: skip


async def test_a_post_ends_in_one_state_whatever_it_is_made_of(town: Town) -> None:
    world, forum = town.playground.world, town.playground.forum
    image = world.attachment("error.png", b"\x89PNG", "image/png", forum.id)
    # Members with Nitro write up to 4,000 characters; the stand-in's limit is the bots'.
    held = town.playground.faults.hold_events("MESSAGE_CREATE")
    threads = {}
    for name, (title, body, _) in POSTS.items():
        post = {"name": title, "message": {"content": body[:1]}}
        files = [] if body else [image]
        threads[name], message = world.create_post(forum.id, town.asker.id, post, files=files)
        assert message is not None
        message.content = held.events[-1][1]["content"] = body
    held.release()
    ended = "SELECT count(*) = $1 FROM questions WHERE ended_at IS NOT NULL"
    await town.until(ended, len(POSTS))
    rows = await town.rooms.pool.fetch("SELECT message_id, state, reason FROM questions")
    states = {row["message_id"]: row["state"] for row in rows}
    assert {name: states[thread.id] for name, thread in threads.items()} == {
        name: "answered" if is_answered else "abstained"
        for name, (_, _, is_answered) in POSTS.items()
    }
    assert all(bool(row["reason"]) == (row["state"] == "abstained") for row in rows)
    replies = {name: len(world.replies_of_bot(thread.id)) for name, thread in threads.items()}
    assert replies == {name: int(is_answered) for name, (_, _, is_answered) in POSTS.items()}


async def test_what_says_nothing_to_search_for_is_met_with_silence_and_the_reason(
    town: Town,
) -> None:
    thread = await _post_image(town, "help")
    await town.until("SELECT state = 'abstained' FROM questions")
    assert await town.states() == [("abstained", NOTHING_ASKED)]
    assert town.playground.world.replies_of_bot(thread.id) == []


async def test_who_calls_docbot_below_a_post_that_says_nothing_is_asked_for_words(
    town: Town,
) -> None:
    thread = await _post_image(town, "help")
    await town.asker.reply(thread, town.mention)
    reply = await town.asker.sees_reply(thread)
    assert "write your question in a few words" in reply.content
    assert (await town.states())[-1] == ("abstained", NOTHING_ASKED)


async def test_who_writes_docbots_name_alone_below_an_answer_is_asked_for_words(
    town: Town,
) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.asker.reply(thread, f"{town.mention} {town.mention}")
    reply = await town.asker.sees_reply(thread, after=first)
    assert "write your question in a few words" in reply.content


async def test_a_mention_that_is_an_image_below_a_clear_post_gets_the_post_answered(
    ground: Ground,
) -> None:
    async with open_town(ground) as town:
        world = town.playground.world
        thread = await town.asker.post(town.playground.forum, "Look", BODY)
        await town.until("SELECT count(*) = 1 FROM questions WHERE ended_at IS NOT NULL")
        await town.asker.rename(thread, QUESTION)
        await town.until("SELECT title = $1 FROM threads", QUESTION)
        image = world.attachment("error.png", b"\x89PNG", "image/png", thread.id)
        world.send_message(thread.id, town.helper.id, {"content": town.mention}, [image])
        assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


@pytest.mark.parametrize("name", ["Chinese", "Arabic", "a storm of marks", "nested fences"])
async def test_an_answer_that_repeats_the_post_is_whole_messages(ground: Ground, name: str) -> None:
    title, body, _ = POSTS[name]
    echo = f"You wrote {title} [1]:\n\n{body}\n\nSet `max_retries` [1]."
    async with (
        ModelServer.open(replies=[echo]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, body)
        await town.until("SELECT count(*) > 0 AND bool_and(state = 'sent') FROM outbox")
        parts = town.playground.world.replies_of_bot(thread.id)
    assert all(length(part.content) <= 2000 for part in parts)
    assert all(part.content.count("```") % 2 == 0 for part in parts)
    assert "max_retries" in parts[-1].content


async def test_webhooks_are_not_answered(town: Town) -> None:
    await town.caught_up()
    held = town.playground.faults.hold_events("MESSAGE_CREATE", times=1)
    await town.helper.post(town.playground.forum, QUESTION, BODY)
    [(_, payload)] = held.events
    payload["webhook_id"] = payload["author"]["id"]
    held.release()
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    assert len(await town.states()) == 1


async def test_a_mention_edited_while_it_waits_is_answered_as_it_then_reads(
    ground: Ground,
) -> None:
    replies: list[Script] = [Hang(), "Set `max_retries` [1].", "After `timeout_seconds` [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await model.arrived.wait()
        mention = await town.asker.reply(thread, f"{town.mention} who won the chess?")
        await town.until("SELECT count(*) = 2 FROM questions")
        better = f"{town.mention} when does it time out?"
        await town.asker.edit(mention, better)
        await town.until("SELECT count(*) = 1 FROM messages WHERE content = $1", better)
        model.release.set()
        await town.until("SELECT count(*) = 2 FROM questions WHERE state = 'answered'")
        assert "when does it time out?" in model.requests[-1].body["messages"][-1]["content"]


async def test_a_post_edited_while_its_answer_is_written_gets_one_answer(ground: Ground) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await model.arrived.wait()
        await town.asker.edit(_first(town, thread), "It fails each day.")
        await town.until("SELECT content = 'It fails each day.' FROM messages")
        model.release.set()
        await town.until("SELECT state = 'answered' FROM questions")
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1
        assert await town.states() == [("answered", None)]


async def test_a_post_deleted_while_its_answer_is_being_sent_ends_with_what_was_sent(
    town: Town,
) -> None:
    hold = town.playground.faults.hold(method="POST", path=r"/channels/\d+/messages")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await hold.reached.wait()
    await town.asker.delete(_first(town, thread))
    await town.until("SELECT content = '' FROM messages")
    hold.release()
    await town.until("SELECT state = 'answered' FROM questions")
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def _post_image(town: Town, title: str) -> Thread:
    world, forum = town.playground.world, town.playground.forum
    image = world.attachment("error.png", b"\x89PNG", "image/png", forum.id)
    post = {"name": title, "message": {"content": ""}}
    thread, _ = world.create_post(forum.id, town.asker.id, post, files=[image])
    return thread


def _first(town: Town, thread: Thread) -> Message:
    return town.playground.world.messages_of(thread.id)[0]
