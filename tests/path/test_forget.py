"""`/forget`, retention and deletion, through the real client: what was asked for is gone, and stays gone."""

import pytest

from docbot import texts
from docbot.forum.conduct import FORGOTTEN
from docbot.forum.retention import Retention
from docbot.playground.objects import Message, Thread
from tests.model_server import Hang, ModelServer
from tests.town import QUESTION, Ground, QuietTown, Town, button, open_quiet_town, open_town

BODY = "It fails each swordfish."
WHOLE = "SELECT count(*) FROM messages WHERE content <> ''"
HOLDS = """
    SELECT concat_ws(' ', (SELECT string_agg(content, ' ') FROM messages),
        (SELECT string_agg(title, ' ') FROM threads), (SELECT string_agg(title, ' ') FROM questions),
        (SELECT string_agg(text, ' ') FROM answers), (SELECT string_agg(payload::text, ' ') FROM outbox))
"""


async def answered(town: Town) -> tuple[Thread, Message]:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    reply = await town.asker.sees_reply(thread)
    await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
    return thread, reply


async def offered(town: QuietTown) -> Message:
    call = await town.asker.slash(town.playground.text, "forget")
    return await call.answered()


async def pressed(town: QuietTown, offer: Message, label: str) -> str:
    press = await town.asker.press(offer, button(offer, label))
    said = await press.answered()
    assert said.ephemeral_to == town.asker.id
    return said.content


async def test_everyone_is_shown_what_is_stored_and_has_it_erased(town: Town) -> None:
    _, reply = await answered(town)
    await (await town.asker.press(reply, button(reply, texts.helpful()))).answered()
    offer = await offered(town)
    assert offer.ephemeral_to == town.asker.id
    assert [line for line in offer.content.splitlines() if line.startswith("- ")] == [
        "- the text of 1 message",
        "- the title of 1 thread that you opened",
        "- 1 question in threads, with its answer",
        "- 1 vote on an answer",
    ]
    assert await pressed(town, offer, texts.keep()) == texts.nothing_erased()
    assert "swordfish" in await town.rooms.pool.fetchval(HOLDS)
    assert await pressed(town, offer, texts.erase()) == texts.all_erased()
    held = await town.rooms.pool.fetchval(HOLDS)
    assert "swordfish" not in held
    assert QUESTION not in held
    assert "max_retries" not in held
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM feedback") == 0
    # It can be pressed again, and the command says that nothing is left.
    assert await pressed(town, offer, texts.erase()) == texts.all_erased()
    assert (await offered(town)).content == texts.nothing_held()
    assert "max_retries" in reply.content  # what docbot wrote stays on Discord


async def test_each_person_erases_their_own_alone(town: Town) -> None:
    thread, _ = await answered(town)
    await town.helper.reply(thread, "Look at the halibut.")
    await town.until(f"{WHOLE} HAVING count(*) = 2")
    await pressed(town, await offered(town), texts.erase())
    assert "halibut" in await town.rooms.pool.fetchval(HOLDS)


async def test_the_offer_outlives_a_restart(ground: Ground) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            await answered(town)
            offer = await offered(town)
        async with quiet.awake():
            assert await pressed(quiet, offer, texts.erase()) == texts.all_erased()
        assert "swordfish" not in await quiet.rooms.pool.fetchval(HOLDS)


async def test_what_is_being_answered_is_called_off_and_never_sent(ground: Ground) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.until("SELECT state = 'answering' FROM questions")
        await pressed(town, await offered(town), texts.erase())
        model.release.set()
        await town.helper.reply(thread, f"{town.mention} {QUESTION}")
        await town.asker.sees_reply(thread)
        assert (await town.states())[0] == ("cancelled", FORGOTTEN)
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1  # to the helper


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_a_call_that_is_being_answered_says_so_and_nothing_else(
    ground: Ground, name: str
) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        called = await town.asker.slash(town.playground.text, name, question=f"{QUESTION} {BODY}")
        await town.until("SELECT state = 'answering' FROM questions")
        await pressed(town, await offered(town), texts.erase())
        assert (await called.answered()).content == texts.call_erased()
        model.release.set()
        await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM interactions")
        assert await town.states() == [("cancelled", FORGOTTEN)]
        assert await town.rooms.pool.fetchval("SELECT body FROM questions") == ""
        assert [message.content for message in called.messages] == [texts.call_erased()]


async def test_a_draft_of_who_is_forgotten_can_not_be_sent(town: Town) -> None:
    staff = town.playground.staff
    await town.configure("staff-channel", str(staff.id))
    await town.configure("mode", "draft")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT state = 'review' FROM questions")
    draft = await town.playground.admin.sees_reply(staff)
    await pressed(town, await offered(town), texts.erase())
    assert await town.states() == [("cancelled", FORGOTTEN)]
    await town.playground.world.wait_for(lambda: FORGOTTEN in draft.content, 10)
    await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM outbox")
    await town.until("SELECT count(*) = 0 FROM outbox_erasures")
    assert "max_retries" not in await town.rooms.pool.fetchval(HOLDS)
    assert town.playground.world.replies_of_bot(thread.id) == []


async def test_what_happens_in_the_thread_later_brings_no_text_back(town: Town) -> None:
    thread, _ = await answered(town)
    await pressed(town, await offered(town), texts.erase())
    await town.helper.reply(thread, "Did that help?")
    await town.until(WHOLE + " HAVING count(*) = 1")
    held = await town.rooms.pool.fetchval(HOLDS)
    assert "swordfish" not in held
    assert QUESTION not in held


async def test_a_moderator_who_deletes_an_answer_deletes_its_text_here(town: Town) -> None:
    _, reply = await answered(town)
    await town.playground.admin.delete(reply)
    await town.until("SELECT text = '' FROM answers")
    assert "max_retries" not in await town.rooms.pool.fetchval(HOLDS)
    assert await town.rooms.pool.fetchval("SELECT title FROM questions") == QUESTION


async def test_a_deleted_thread_leaves_no_text(town: Town) -> None:
    thread, _ = await answered(town)
    await town.playground.admin.delete_thread(thread)
    await town.until("SELECT erased_at IS NOT NULL FROM questions")
    held = await town.rooms.pool.fetchval(HOLDS)
    assert not any(word in held for word in ("swordfish", QUESTION, "max_retries"))


_A_YEAR_AGO = """
    UPDATE messages SET created_at = created_at - interval '1 year';
    UPDATE threads SET created_at = created_at - interval '1 year', spoke_at = NULL;
    UPDATE questions SET ended_at = ended_at - interval '1 year';
    UPDATE outbox SET ended_at = ended_at - interval '1 year';
"""


async def test_what_is_too_old_is_gone_once_docbot_runs(ground: Ground) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            await answered(town)
        await quiet.rooms.pool.execute(_A_YEAR_AGO)
        async with quiet.awake():
            await quiet.until(f"SELECT (({HOLDS}) !~ 'swordfish|max_retries|frobnication')")


async def test_a_server_keeps_texts_for_as_long_as_it_is_set_to(town: Town) -> None:
    await answered(town)
    await town.rooms.pool.execute(_A_YEAR_AGO)
    retention = Retention(town.rooms.erasure, town.bot.bindings.server)

    async def tidy() -> str:
        await retention.begin()
        while await retention.erase_some():
            pass
        return str(await town.rooms.pool.fetchval(HOLDS))

    for kept in ("off", "400"):
        await town.configure("retention-days", kept)
        assert "swordfish" in await tidy()
    await town.configure("retention-days", "300")
    assert "swordfish" not in await tidy()
