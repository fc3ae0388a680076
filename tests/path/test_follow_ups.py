"""A thread goes on: mentions, edits, deletions, and what is remembered of it."""

from tests.model_server import Hang, ModelServer
from tests.town import ANSWER_PLACE, OFF_TOPIC, QUESTION, Ground, Town, open_town

BODY = "It fails each night."
TIMEOUTS = "https://docs.test/timeouts#when-it-times-out"


async def test_a_mention_goes_on_with_the_conversation(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.asker.reply(thread, f"{town.playground.bot.mention} and when does it time out?")
    second = await town.asker.sees_reply(thread, after=first)
    assert TIMEOUTS in second.content
    rows = await town.rooms.pool.fetch("SELECT origin FROM questions ORDER BY id")
    assert [row["origin"] for row in rows] == ["post", "mention"]


async def test_a_reply_to_docbots_message_is_a_mention_also_without_a_ping(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")
    body = {
        "content": "and when does it time out?",
        "message_reference": {"message_id": str(first.id)},
        "allowed_mentions": {"parse": [], "replied_user": False},
    }
    town.playground.world.send_message(thread.id, town.asker.id, body)
    second = await town.asker.sees_reply(thread, after=first)
    assert TIMEOUTS in second.content


async def test_the_answer_to_a_mention_replies_to_it(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, OFF_TOPIC, BODY)
    asked = await town.asker.reply(thread, f"{town.playground.bot.mention} {QUESTION}")
    reply = await town.asker.sees_reply(thread)
    assert ANSWER_PLACE in reply.content
    assert reply.reply_to == asked.id


async def test_who_mentions_docbot_is_told_when_nothing_is_found(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.asker.reply(thread, f"{town.playground.bot.mention} {OFF_TOPIC}")
    second = await town.asker.sees_reply(thread, after=first)
    assert "nothing" in second.content
    assert second.buttons == []
    assert (await town.states())[-1] == ("abstained", None)


async def test_other_messages_are_remembered_but_not_answered(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.helper.reply(thread, "I had this too.")
    await town.until("SELECT content = 'I had this too.' FROM messages ORDER BY id DESC LIMIT 1")
    assert len(await town.states()) == 1
    assert town.playground.world.replies_of_bot(thread.id) == [first]


async def test_earlier_turns_reach_the_model_in_their_right_roles(ground: Ground) -> None:
    replies = ["Set `max_retries` [1].", "After `timeout_seconds` [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        first = await town.asker.sees_reply(thread)
        await town.until("SELECT state = 'answered' FROM questions")
        await town.asker.reply(thread, f"{town.playground.bot.mention} when does it time out?")
        await town.asker.sees_reply(thread, after=first)
        _, second = model.requests
    turns = [(turn["role"], turn["content"]) for turn in second.body["messages"]]
    roles = [role for role, _ in turns]
    assert roles == ["system", "user", "assistant", "user"]
    assert QUESTION in turns[1][1]
    assert "max_retries" in turns[2][1]
    assert "when does it time out?" in turns[3][1]
    assert town.playground.bot.mention not in turns[3][1]


async def test_edits_deletions_renames_and_states_are_kept_in_step(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    message = await town.helper.reply(thread, "Try this.")
    await town.until("SELECT count(*) = 2 FROM messages")
    await town.helper.edit(message, "Try that.")
    await town.until("SELECT count(*) = 1 FROM messages WHERE content = 'Try that.'")
    await town.helper.delete(message)
    await town.until(
        "SELECT count(*) = 1 FROM messages WHERE content = '' AND deleted_at IS NOT NULL"
    )
    await town.asker.rename(thread, "Solved, thanks")
    await town.until("SELECT title = 'Solved, thanks' FROM threads")
    await town.playground.moderator.archive(thread)
    await town.until("SELECT archived FROM threads")
    await town.playground.moderator.delete_thread(thread)
    await town.until("SELECT deleted_at IS NOT NULL AND title = '' FROM threads")


async def test_a_post_deleted_before_its_answer_is_not_answered(ground: Ground) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await model.arrived.wait()
        await town.playground.moderator.delete_thread(thread)
        await town.until("SELECT state = 'cancelled' FROM questions")
        model.release.set()
        other = await town.asker.post(town.playground.forum, OFF_TOPIC, BODY)
        await town.until("SELECT count(*) = 1 FROM questions WHERE state = 'abstained'")
        assert await town.states() == [("cancelled", "thread deleted"), ("abstained", None)]
        assert town.playground.world.replies_of_bot(other.id) == []


async def test_a_thread_locked_before_its_answer_gets_none(ground: Ground) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await model.arrived.wait()
        await town.playground.moderator.lock(thread)
        await town.until("SELECT state = 'cancelled' FROM questions")
        assert await town.states() == [("cancelled", "thread locked")]
        model.release.set()
