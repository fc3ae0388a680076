"""A thread goes on: mentions, edits, deletions, and what is remembered of it."""

import json

import pytest

from docbot import texts
from docbot.answers.follow_up import FOLLOW_UP_VERSION
from docbot.answers.prompt import PROMPT_VERSION
from docbot.forum import notes
from docbot.playground.actors import Member
from docbot.playground.objects import Message
from tests.model_server import Hang, ModelServer, Script, Status
from tests.town import (
    ANSWER_PLACE,
    OFF_TOPIC,
    QUESTION,
    Ground,
    Town,
    bind,
    eventually,
    open_quiet_town,
    open_town,
)

pytestmark = pytest.mark.slow

BODY = "It fails each night."
BUSY = Status(429, "slow down")
STANDING_ALONE = "When does a frobnication time out?"
TIMEOUTS = "https://docs.test/timeouts#when-it-times-out"


async def test_a_mention_goes_on_with_the_conversation(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.asker.reply(thread, f"{town.mention} and when does it time out?")
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


@pytest.mark.parametrize("caller", ["asker", "helper"])
async def test_who_calls_docbot_to_a_post_gets_the_post_answered(
    ground: Ground, caller: str
) -> None:
    async with open_town(ground) as town:
        await bind(town.rooms, town.playground, mode="mention")
        await eventually(lambda: town.forum_as_bound().mode == "mention")
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        member: Member = getattr(town, caller)
        called = await member.reply(thread, f"{town.mention} can you answer this?")
        reply = await town.asker.sees_reply(thread)
        assert ANSWER_PLACE in reply.content
        assert reply.reply_to == called.id


async def test_a_post_that_calls_docbot_is_asked_with_its_title(ground: Ground) -> None:
    async with open_town(ground) as town:
        await bind(town.rooms, town.playground, mode="mention")
        await eventually(lambda: town.forum_as_bound().mode == "mention")
        body = f"{town.mention} any idea?"
        thread = await town.asker.post(town.playground.forum, QUESTION, body)
        assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_who_calls_docbot_while_its_model_is_busy_is_told_and_answered_later(
    ground: Ground,
) -> None:
    replies: list[Script] = [*[BUSY] * 3, "Set `max_retries` [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, OFF_TOPIC, BODY)
        await town.asker.reply(thread, f"{town.mention} {QUESTION}")
        first = await town.asker.sees_reply(thread)
        assert "cannot answer just now" in first.content
        second = await town.asker.sees_reply(thread, after=first)
        assert "max_retries" in second.content


async def test_a_reply_that_no_database_can_hold_puts_the_question_off_and_ends_nothing(
    ground: Ground,
) -> None:
    replies: list[Script] = [*[Status(503, "down\0")] * 2, "Set `max_retries` [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        assert "max_retries" in (await town.asker.sees_reply(thread)).content


async def test_the_next_question_is_taken_as_soon_as_the_answer_before_it_is_out(
    ground: Ground,
) -> None:
    # No poll helps: only the wake-ups can have it answered in time.
    async with open_quiet_town(ground) as quiet, quiet.awake(idle_seconds=600) as town:
        hold = town.playground.faults.hold(method="POST", path=r"/channels/\d+/messages")
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await hold.reached.wait()
        asked = await town.asker.reply(thread, f"{town.mention} when does it time out?")
        await town.until("SELECT count(*) = 2 FROM questions")
        hold.release()
        first = await town.asker.sees_reply(thread, after=asked)
        assert TIMEOUTS in (await town.asker.sees_reply(thread, after=first)).content


async def test_the_answer_to_a_mention_replies_to_it(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, OFF_TOPIC, BODY)
    asked = await town.asker.reply(thread, f"{town.mention} {QUESTION}")
    reply = await town.asker.sees_reply(thread)
    assert ANSWER_PLACE in reply.content
    assert reply.reply_to == asked.id


async def test_who_mentions_docbot_is_told_when_nothing_is_found(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.asker.reply(thread, f"{town.mention} {OFF_TOPIC}")
    second = await town.asker.sees_reply(thread, after=first)
    assert "nothing" in second.content
    assert second.buttons == []
    assert (await town.states())[-1] == ("abstained", "what was found says too little about it")


async def test_other_messages_are_remembered_but_not_answered(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.helper.reply(thread, "I had this too.")
    await town.until("SELECT content = 'I had this too.' FROM messages ORDER BY id DESC LIMIT 1")
    assert len(await town.states()) == 1
    assert town.playground.world.replies_of_bot(thread.id) == [first]


async def test_earlier_turns_reach_the_model_in_their_right_roles(ground: Ground) -> None:
    replies = ["Set `max_retries` [1].", STANDING_ALONE, "After `timeout_seconds` [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        first = await town.asker.sees_reply(thread)
        await town.until("SELECT state = 'answered' FROM questions")
        await town.asker.reply(thread, f"{town.mention} when does it time out?")
        await town.asker.sees_reply(thread, after=first)
        _, _, second = model.requests
    turns = [(turn["role"], turn["content"]) for turn in second.body["messages"]]
    roles = [role for role, _ in turns]
    assert roles == ["system", "user", "assistant", "user"]
    assert QUESTION in turns[1][1]
    assert "max_retries" in turns[2][1]
    assert "[1]" not in turns[2][1]  # a number of that time
    assert "when does it time out?" in turns[3][1]
    assert STANDING_ALONE not in turns[3][1]
    assert town.playground.bot.mention not in turns[3][1]


async def follow_up(town: Town, words: str) -> Message:
    """Ask a question, then go on with a mention; the message that answers it."""
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    first = await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")
    await town.asker.reply(thread, f"{town.mention} {words}")
    return await town.asker.sees_reply(thread, after=first)


async def test_a_follow_up_is_searched_as_the_question_that_it_is_in_its_context(
    ground: Ground,
) -> None:
    words = "and how long between two of them?"
    meant = "How many seconds does a failed frobnication wait between two tries?"
    replies = ["Set `max_retries` [1].", meant, "One second [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        assert "One second" in (await follow_up(town, words)).content
        row = await town.rooms.pool.fetchrow("SELECT * FROM answers ORDER BY id DESC LIMIT 1")
        _, rewriting, answering = model.requests
    assert row is not None
    assert row["timings_ms"]["rewrite"] > 0
    assert row["prompt_version"] == f"{PROMPT_VERSION} {FOLLOW_UP_VERSION}"
    assert words in answering.body["messages"][-1]["content"]
    asked = [json.dumps(one.body["messages"][-1]["content"]) for one in (rewriting, answering)]
    assert row["tokens_in"] > len(asked[1].split())  # both calls are counted


@pytest.mark.parametrize("odd", ["I cannot help with that [1].", "", Status(400, "no"), BUSY])
async def test_whatever_comes_of_the_rewriting_the_follow_up_is_answered(
    ground: Ground, odd: Script
) -> None:
    replies: list[Script] = ["Set `max_retries` [1].", odd, "After `timeout_seconds` [1]."]
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        said = await follow_up(town, "and when does a frobnication time out?")
        assert TIMEOUTS in said.content


async def test_without_a_model_a_follow_up_has_no_rewriting(town: Town) -> None:
    assert TIMEOUTS in (await follow_up(town, "and when does it time out?")).content
    timings = await town.rooms.pool.fetchval(
        "SELECT timings_ms FROM answers ORDER BY id DESC LIMIT 1"
    )
    assert "rewrite" not in timings


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


async def test_a_post_deleted_while_its_answer_waits_to_be_sent_is_not_answered(
    town: Town,
) -> None:
    for _ in range(3):
        town.playground.faults.answer(503, method="POST", path=r"/channels/\d+/messages")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
    [post] = town.playground.world.messages_of(thread.id)
    await town.asker.delete(post)
    await town.until("SELECT state = 'cancelled' FROM questions")
    assert await town.rooms.pool.fetchval("SELECT state FROM outbox") == "dropped"


async def test_a_post_deleted_before_it_could_be_stored_is_not_answered(town: Town) -> None:
    elsewhere = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(elsewhere)
    pool = town.rooms.pool
    await pool.execute(
        "CREATE SEQUENCE tries; "  # counts on although what counted is rolled back
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM nextval('tries');"
        " RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON questions EXECUTE FUNCTION refuse()"
    )
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    [post] = town.playground.world.messages_of(thread.id)
    await town.until("SELECT is_called FROM tries")
    await town.asker.delete(post)
    stored = "SELECT count(*) = 1 FROM messages WHERE thread_id = $1 AND content = $2"
    await town.helper.reply(elsewhere, "I had this too.")
    await town.until(stored, elsewhere.id, "I had this too.")  # so the deletion was told as well
    await pool.execute("DROP TRIGGER full_disk ON questions")
    await town.helper.reply(thread, "What was it?")
    await town.until(stored, thread.id, "What was it?")
    assert len(await town.states()) == 1
    assert town.playground.world.replies_of_bot(thread.id) == []


async def test_what_changes_of_an_archived_thread_is_kept_in_step(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    moderator = town.playground.moderator
    await moderator.archive(thread)
    await town.until("SELECT archived FROM threads")
    await moderator.lock(thread)
    await town.until("SELECT locked FROM threads")
    await moderator.unarchive(thread)
    await town.until("SELECT NOT archived FROM threads")


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
        [first, (state, _)] = await town.states()
        assert (first, state) == (("cancelled", "thread deleted"), "abstained")
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


async def test_docbot_stays_out_of_a_thread_that_is_older_than_the_binding_when_told_to(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        thread = await quiet.asker.post(quiet.playground.forum, QUESTION, BODY)
        await quiet.rooms.pool.execute("UPDATE forums SET bound_at = now()")
        async with quiet.awake() as town:
            closed = await town.asker.slash(thread, "close")
            assert (await closed.answered()).content == texts.thread_closed()
            await town.helper.reply(thread, f"{town.mention} {QUESTION}")
            told = await town.helper.sees_direct_message()
            assert told.content == notes.closed(thread.id)
    assert quiet.playground.world.replies_of_bot(thread.id) == []


async def test_where_docbot_was_asked_to_stay_out_chat_is_refused_and_private_is_not(
    town: Town,
) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    closed = await town.asker.slash(thread, "close")
    assert (await closed.answered()).content == texts.thread_closed()
    refused = await town.helper.slash(thread, "chat", question=QUESTION)
    said = await refused.answered()
    assert said.content == notes.closed(thread.id)
    assert said.ephemeral_to == town.helper.id
    private = await town.helper.slash(thread, "private", question=QUESTION)
    assert ANSWER_PLACE in (await private.answered()).content


async def test_stop_as_a_reply_to_what_chat_answered_keeps_docbot_out(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    called = await town.asker.slash(thread, "chat", question="When does it time out?")
    said = await called.answered()
    await town.asker.reply(thread, "Please stop.", said)
    await town.until("SELECT closed_at IS NOT NULL FROM threads")
