"""A text channel: docbot answers who calls it there, and takes in nothing else."""

from collections.abc import AsyncIterator

import pytest

from docbot import texts
from docbot.app.configuring import set_value
from docbot.forum.bindings import Place
from docbot.playground.objects import Message, Permission
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
)

pytestmark = pytest.mark.slow

TIMEOUTS = "https://docs.test/timeouts#when-it-times-out"
SEND = r"/channels/\d+/messages"


@pytest.fixture
async def quiet(ground: Ground) -> AsyncIterator[QuietTown]:
    """A town whose text channel is bound beside its forum, and nobody who answers yet."""
    async with open_quiet_town(ground) as town:
        await bind(town.rooms, town.playground, mode="mention", channel=town.playground.text)
        yield town


@pytest.fixture
async def here(quiet: QuietTown) -> AsyncIterator[Town]:
    async with quiet.awake() as town:
        yield town


async def test_chat_is_answered_as_a_mention_is_where_drafts_are_set(quiet: QuietTown) -> None:
    channel = quiet.playground.text
    await set_value(quiet.rooms, Place(quiet.playground.guild.id, channel.id), "mode", "draft")
    async with quiet.awake() as town:
        called = await town.asker.slash(channel, "chat", question=QUESTION)
        assert ANSWER_PLACE in (await called.answered()).content


async def _call(town: QuietTown, question: str = QUESTION) -> Message:
    return await town.asker.send(town.playground.text, f"{town.mention} {question}")


async def test_who_calls_docbot_is_answered_with_a_reply(here: Town) -> None:
    called = await _call(here)
    said = await here.asker.sees_reply(here.playground.text)
    assert ANSWER_PLACE in said.content
    assert said.reply_to == called.id
    assert said.buttons == []  # a channel is no thread that could be solved
    await here.until("SELECT state = 'answered' AND mode = 'mention' FROM questions")


async def test_what_people_say_to_each_other_is_neither_answered_nor_stored(here: Town) -> None:
    for text in (QUESTION, "I would also like to know."):
        await here.asker.send(here.playground.text, text)
    called = await _call(here)
    await here.asker.sees_reply(here.playground.text)
    await here.until("SELECT state = 'answered' FROM questions")
    stored = await here.rooms.pool.fetch("SELECT id, content FROM messages")
    assert [row["id"] for row in stored] == [called.id]


async def test_of_a_thread_in_the_channel_only_what_calls_docbot_is_stored(here: Town) -> None:
    begun = await here.asker.send(here.playground.text, "Let us talk about it.")
    thread = here.playground.world.create_thread(
        here.playground.text.id, here.asker.id, {"name": "Between us"}, begun.id
    )
    await here.helper.reply(thread, "I have a secret.")
    called = await here.asker.reply(thread, f"{here.mention} {QUESTION}")
    assert ANSWER_PLACE in (await here.asker.sees_reply(thread)).content
    await here.until("SELECT state = 'answered' FROM questions")
    stored = await here.rooms.pool.fetch("SELECT id FROM messages")
    assert [row["id"] for row in stored] == [called.id]


async def test_a_reply_to_the_answer_goes_on_with_that_persons_conversation_alone(
    here: Town,
) -> None:
    text = here.playground.text
    await _call(here)
    first = await here.asker.sees_reply(text)
    await here.until("SELECT state = 'answered' FROM questions")
    await here.asker.send(text, "And when does it time out?", reply_to=first)
    assert TIMEOUTS in (await here.asker.sees_reply(text, after=first)).content
    await here.helper.send(text, f"{here.mention} When does a frobnication time out?")
    await here.until("SELECT count(*) = 3 FROM questions WHERE state = 'answered'")
    rows = await here.rooms.pool.fetch(
        "SELECT kind, person_id, count(*) AS turns FROM conversations "
        "JOIN questions ON conversation_id = conversations.id GROUP BY 1, 2 ORDER BY 3 DESC"
    )
    assert [tuple(row) for row in rows] == [
        ("channel", here.asker.id, 2),
        ("channel", here.helper.id, 1),
    ]


async def test_clear_begins_the_callers_conversation_anew(here: Town) -> None:
    await _call(here)
    await here.until("SELECT state = 'answered' FROM questions")
    cleared = await here.asker.slash(here.playground.text, "clear")
    assert (await cleared.answered()).content == texts.cleared()
    await _call(here, "When does a frobnication time out?")
    await here.until("SELECT count(DISTINCT conversation_id) = 2 FROM questions")


async def test_who_is_not_answered_by_the_docs_gets_the_honest_line(here: Town) -> None:
    await here.configure("helper-role", str(here.playground.town.helpers.id))
    await _call(here, OFF_TOPIC)
    said = await here.asker.sees_reply(here.playground.text)
    assert said.buttons == []  # nobody is called into a channel
    await here.until("SELECT state = 'abstained' FROM questions")


async def test_a_call_that_is_deleted_before_its_answer_is_not_answered(quiet: QuietTown) -> None:
    quiet.playground.faults.answer(503, method="POST", path=SEND, times=1_000)
    async with quiet.awake() as town:
        called = await _call(town)
        await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
        await town.asker.delete(called)
        await town.until("SELECT content = '' FROM messages")
        town.playground.faults.clear()
        await town.until("SELECT state = 'cancelled' FROM questions")
    assert quiet.playground.world.replies_of_bot(quiet.playground.text.id) == []


async def test_no_stop_silences_docbot_in_a_channel_for_all(here: Town) -> None:
    text = here.playground.text
    await _call(here)
    first = await here.asker.sees_reply(text)
    await here.until("SELECT state = 'answered' FROM questions")
    stop = await here.playground.moderator.send(text, "stop", reply_to=first)
    await here.until("SELECT EXISTS (SELECT FROM messages WHERE id = $1)", stop.id)
    await _call(here, "When does a frobnication time out?")
    assert TIMEOUTS in (await here.asker.sees_reply(text, after=first)).content


async def test_who_called_while_docbot_was_away_is_answered(quiet: QuietTown) -> None:
    await quiet.asker.send(quiet.playground.text, "Good morning!")
    await _call(quiet)
    async with quiet.awake() as town:
        said = await town.asker.sees_reply(town.playground.text)
        assert ANSWER_PLACE in said.content
        await town.until("SELECT state = 'answered' FROM questions")
        await town.caught_up()
    async with quiet.awake() as town:
        await town.caught_up()
    assert len(quiet.playground.world.replies_of_bot(quiet.playground.text.id)) == 1
    assert await quiet.rooms.pool.fetchval("SELECT count(*) FROM messages") == 1


async def test_without_the_right_to_send_there_the_answer_waits_for_it(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    world, text = quiet.playground.world, quiet.playground.text
    role_id = quiet.playground.town.bot_role.id
    world.set_overwrite(text.id, role_id, deny=Permission.SEND_MESSAGES)
    async with quiet.awake() as town:
        line = f"docbot lacks Send Messages in text channel #{text.name} ({text.id})"
        await eventually(lambda: line in caplog.text)
        await _call(town)
        await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
        world.set_overwrite(text.id, role_id)
        assert ANSWER_PLACE in (await town.asker.sees_reply(text)).content


async def test_a_channel_with_a_mode_of_forums_answers_calls_alone_and_says_so(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as quiet:
        text = quiet.playground.text
        await bind(quiet.rooms, quiet.playground, mode="draft", channel=text)
        async with quiet.awake() as town:
            await eventually(lambda: f"set mode mention --forum {text.id}" in caplog.text)
            await _call(town)
            assert ANSWER_PLACE in (await town.asker.sees_reply(text)).content


async def test_a_channel_that_is_deleted_takes_its_questions_with_it(quiet: QuietTown) -> None:
    quiet.playground.faults.answer(503, method="POST", path=SEND, times=1_000)
    text = quiet.playground.text
    async with quiet.awake() as town:
        await _call(town)
        await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
        town.playground.world.delete_channel(text.id, town.playground.admin.id)
        await town.until("SELECT state = 'cancelled' FROM questions")
        await town.until("SELECT content = '' FROM messages")
