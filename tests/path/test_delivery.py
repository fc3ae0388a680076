"""What Discord does to a send, and what becomes of the answer: single, or ended with its reason."""

import pytest

from docbot.bot.client import PERMISSIONS
from docbot.playground.objects import Permission
from tests.model_server import Hang, ModelServer
from tests.town import QUESTION, Ground, Town, eventually, open_town

pytestmark = pytest.mark.slow

BODY = "It fails each night."
SEND = r"/channels/\d+/messages"


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_connection_reset_is_tried_again_and_sends_one_message(
    town: Town, *, after_effect: bool
) -> None:
    town.playground.faults.reset(method="POST", path=SEND, after_effect=after_effect)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1
    sends = [
        request.body["nonce"]
        for request in town.playground.requests
        if request.method == "POST" and request.route.endswith("/messages")
    ]
    assert len(sends) == 2
    assert len(set(sends)) == 1


async def test_a_503_is_tried_again_with_the_same_nonce(town: Town) -> None:
    town.playground.faults.answer(503, method="POST", path=SEND, after_effect=True)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT state = 'answered' FROM questions")
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_cloudflare_429_is_waited_out(town: Town) -> None:
    town.playground.faults.cloudflare(429, method="POST", path=SEND)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")


async def test_a_refusal_of_one_thread_alone_ends_its_question_with_the_reason(
    town: Town,
) -> None:
    town.playground.faults.answer(403, code=50013, method="POST", path=SEND, times=2)
    await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.until("SELECT refusals = 1 FROM outbox")
    await town.rooms.pool.execute("UPDATE outbox SET refusals = 4")  # its last try comes next
    await town.until("SELECT state = 'failed' FROM questions")
    [(state, reason)] = await town.states()
    assert state == "failed"
    assert reason is not None
    assert "permission" in reason
    assert await town.rooms.pool.fetchval("SELECT state FROM outbox") == "dead"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_that_is_about_no_message_ends_none(town: Town, status: int) -> None:
    town.playground.faults.cloudflare(status, method="POST", path=SEND)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    assert await town.rooms.pool.fetchval("SELECT refusals FROM outbox") == 0


async def test_automod_ends_the_question_with_the_reason(town: Town) -> None:
    town.playground.world.blocked_words.append("frobnicate")
    await town.asker.post(town.playground.forum, QUESTION.replace("frob", "throb"), BODY)
    await town.asker.post(town.playground.forum, "How to set max_retries?", BODY)
    await town.until("SELECT count(*) = 1 FROM questions WHERE state = 'failed'")
    assert any("AutoMod" in (reason or "") for _, reason in await town.states())


# What Discord says of one thread, and how its question ends.
SAID = {
    10003: (404, "cancelled", "deleted"),
    10008: (404, "cancelled", "deleted"),
    50083: (400, "answered", None),  # it is opened
    160005: (403, "cancelled", "locked"),
    200000: (400, "failed", "AutoMod"),
    240000: (400, "failed", "harmful links"),
    30046: (400, "failed", "30046"),
    50035: (400, "failed", "50035"),
    40058: (400, "answered", None),
    20016: (400, "answered", None),
}


async def test_each_thing_that_discord_says_of_a_thread_ends_its_question_and_delays_no_other(
    town: Town,
) -> None:
    forum, ended = town.playground.forum, {}
    for code, (status, _, _) in SAID.items():
        thread = await town.asker.post(forum, QUESTION, BODY)
        path = rf"/channels/{thread.id}/messages"
        town.playground.faults.answer(status, code=code, method="POST", path=path)
        ended[code] = thread.id
    other = await town.helper.post(forum, QUESTION, BODY)
    await town.helper.sees_reply(other)
    await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
    found = await town.rooms.pool.fetch("SELECT message_id, state, reason FROM questions")
    rows = {row["message_id"]: row for row in found}
    states = {code: rows[thread_id]["state"] for code, thread_id in ended.items()}
    assert states == {code: state for code, (_, state, _) in SAID.items()}
    for code, (_, _, reason) in SAID.items():
        assert reason is None or reason in rows[ended[code]]["reason"]


async def test_a_long_pause_that_discord_asks_for_is_kept_and_delays_no_other_thread(
    town: Town,
) -> None:
    forum = town.playground.forum
    # More of them than there are drains.
    for _ in range(6):
        thread = await town.asker.post(forum, QUESTION, BODY)
        path = rf"/channels/{thread.id}/messages"
        town.playground.faults.rate_limit(600, method="POST", path=path)
    other = await town.helper.post(forum, QUESTION, BODY)
    await town.helper.sees_reply(other)
    waiting = "SELECT count(*) = 6 FROM outbox WHERE due_at > now() + interval '9 minutes'"
    await town.until(waiting)


async def test_short_pauses_of_more_threads_than_drains_delay_no_other(town: Town) -> None:
    forum = town.playground.forum
    for _ in range(6):
        thread = await town.asker.post(forum, QUESTION, BODY)
        path = rf"/channels/{thread.id}/messages"
        # Short enough for discord.py to wait within the call.
        town.playground.faults.rate_limit(25, method="POST", path=path)
    await town.until("SELECT count(*) = 6 FROM outbox")
    other = await town.helper.post(forum, QUESTION, BODY)
    await town.helper.sees_reply(other)
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM outbox WHERE state = 'sent'") <= 1


async def test_a_thread_locked_and_archived_while_its_answer_is_sent_gets_none(
    town: Town,
) -> None:
    # Who may manage threads may write in a locked one.
    rights = Permission(PERMISSIONS.value) & ~Permission.MANAGE_THREADS
    town.playground.world.edit_role(town.playground.town.bot_role, rights)
    hold = town.playground.faults.hold(method="POST", path=SEND)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await hold.reached.wait()
    moderator = town.playground.moderator
    await moderator.lock(thread)
    await moderator.archive(thread)
    hold.release()
    await town.until("SELECT state = 'cancelled' FROM questions")
    assert await town.rooms.pool.fetchval("SELECT state FROM outbox") == "dropped"
    assert town.playground.world.replies_of_bot(thread.id) == []


async def test_a_thread_deleted_before_the_send_drops_the_row(town: Town) -> None:
    hold = town.playground.faults.hold(method="POST", path=SEND)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await hold.reached.wait()
    await town.playground.moderator.delete_thread(thread)
    hold.release()
    await town.until("SELECT state IN ('cancelled', 'failed') FROM questions")
    assert await town.rooms.pool.fetchval("SELECT state FROM outbox") == "dropped"
    [(state, reason)] = await town.states()
    assert state == "cancelled"
    assert reason is not None
    assert "deleted" in reason


async def test_an_archived_thread_is_answered_all_the_same(town: Town) -> None:
    hold = town.playground.faults.hold(method="POST", path=SEND)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await hold.reached.wait()
    await town.playground.moderator.archive(thread)
    hold.release()
    await town.asker.sees_reply(thread)


async def test_one_thread_that_hangs_delays_no_other(town: Town) -> None:
    hold = town.playground.faults.hold(method="POST", path=SEND)
    stuck = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await hold.reached.wait()
    thread = await town.helper.post(town.playground.forum, QUESTION, BODY)
    await town.helper.sees_reply(thread)
    assert town.playground.world.replies_of_bot(stuck.id) == []
    hold.release()
    await town.asker.sees_reply(stuck)


async def test_a_dropped_gateway_misses_no_post(town: Town) -> None:
    town.playground.faults.drop_gateway(resumable=False)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_global_limit_met_while_typing_ends_with_its_pause(ground: Ground) -> None:
    async with (
        ModelServer.open(replies=[Hang(), *["Set `max_retries` [1]."] * 2]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        town.playground.faults.rate_limit(
            2, method="POST", path=r"/channels/\d+/typing", everywhere=True
        )
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await eventually(lambda: bool(town.playground.faults.taken))
        model.release.set()
        assert "max_retries" in (await town.asker.sees_reply(thread)).content
