"""/chat, /private and /clear: answered to whom they should be, in order, also after a restart."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any

import pytest

from docbot import texts
from docbot.playground.actors import Invocation, Member
from docbot.playground.interactions import TOKEN_SECONDS, Callback
from docbot.playground.objects import Message, MessageFlag, Permission
from tests.model_server import Hang, ModelServer, Reply, Script, Status
from tests.town import (
    ANSWER_PLACE,
    OFF_TOPIC,
    QUESTION,
    Ground,
    QuietTown,
    Town,
    eventually,
    open_quiet_town,
    open_town,
)

pytestmark = pytest.mark.slow

SHORT = Reply("Set `max_retries` [1].")
LINES = [f"frobnicate(max_retries={number})\n" * 36 for number in range(5)]
LONG = Reply(
    "\n\n".join(["Set `max_retries` [1].", *(f"```python\n{each}```" for each in LINES), "So [1]."])
)
# Code that fits into no message whole becomes a file.
WITH_FILE = Reply(f"Set `max_retries` [1].\n\n```python\n{''.join(LINES)}```")
# Of one question alone: any other error would soon keep the model from all of them.
BUSY = Status(429)
EDIT = r"/webhooks/\d+/[^/]+/messages/@original"
FOLLOW_UP = r"/webhooks/\d+/[^/]+"


@dataclass
class Model:
    """What the model says to each request; a reply that is scripted first is used up."""

    reply: Script = SHORT
    first: list[Script] = field(default_factory=list)

    def __call__(self, _: dict[str, Any]) -> Script:
        return self.first.pop(0) if self.first else self.reply


@asynccontextmanager
async def with_model(
    ground: Ground, **changes: Any
) -> AsyncIterator[tuple[QuietTown, ModelServer, Model]]:
    model = Model()
    async with (
        ModelServer.open(model) as server,
        open_quiet_town(
            ground, openai_base_url=server.base_url, docbot_chat_model="test-chat", **changes
        ) as town,
    ):
        yield town, server, model


class Clock:
    """The stand-in's own time."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time() + self.ahead


async def call(
    town: QuietTown, name: str, question: str = QUESTION, by: Member | None = None
) -> Invocation:
    called = await (by or town.asker).slash(town.playground.text, name, question=question)
    await called.acknowledged()
    return called


async def ended(town: QuietTown, questions: int) -> None:
    """Wait until so many were asked, all have ended, and nothing is left to say."""
    await town.until(
        "SELECT count(*) = $1 AND bool_and(ended_at IS NOT NULL)"
        " AND NOT EXISTS (SELECT FROM interactions WHERE ended_at IS NULL)"
        " AND NOT EXISTS (SELECT FROM outbox WHERE ended_at IS NULL) FROM questions",
        questions,
    )


async def is_erased(town: QuietTown) -> bool:
    return bool(await town.rooms.pool.fetchval("SELECT bool_and(token IS NULL) FROM interactions"))


def seen_by(called: Invocation) -> list[Message]:
    """What stands below the call, as its caller sees it."""
    assert [message.flags & MessageFlag.SUPPRESS_EMBEDS > 0 for message in called.messages] == [
        True
    ] * len(called.messages)
    return called.messages


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_a_call_is_answered_to_everyone_or_to_the_asker_alone(town: Town, name: str) -> None:
    called = await call(town, name)
    assert called.interaction.callback is Callback.DEFERRED_MESSAGE
    reply = await called.answered()
    assert ANSWER_PLACE in reply.content
    await ended(town, 1)
    assert [message.content for message in seen_by(called)] == [reply.content]
    assert reply.ephemeral_to == (town.asker.id if name == "private" else None)
    assert await town.states() == [("answered", None)]
    assert await is_erased(town)


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_a_long_answer_comes_in_several_messages_in_order(ground: Ground, name: str) -> None:
    async with with_model(ground) as (quiet, _, model):
        model.reply = LONG
        async with quiet.awake() as town:
            called = await call(town, name)
            await ended(town, 1)
    shown = seen_by(called)
    assert len(shown) == 3
    assert shown[0].content.startswith("Set `max_retries` [1].")
    assert ANSWER_PLACE in shown[-1].content
    hidden_from_others = town.asker.id if name == "private" else None
    assert {message.ephemeral_to for message in shown} == {hidden_from_others}


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_who_calls_is_told_that_nothing_was_found(town: Town, name: str) -> None:
    called = await call(town, name, OFF_TOPIC)
    assert (await called.answered()).content == texts.nothing_found()
    await ended(town, 1)
    assert [state for state, _ in await town.states()] == ["abstained"]
    assert await is_erased(town)


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_code_that_is_too_long_for_a_message_comes_as_a_file(
    ground: Ground, name: str
) -> None:
    async with with_model(ground) as (quiet, _, model):
        model.reply = WITH_FILE
        quiet.playground.faults.reset(method="PATCH", path=EDIT, after_effect=True)
        async with quiet.awake() as town:
            called = await call(town, name)
            await ended(town, 1)
    [answer] = seen_by(called)
    # Also where the edit is tried again.
    assert len(answer.attachments) == 1


async def test_what_an_answer_says_pings_nobody(ground: Ground) -> None:
    async with with_model(ground) as (quiet, _, model):
        model.reply = Reply(f"Ask {quiet.helper.mention} or @everyone [1].")
        async with quiet.awake() as town:
            reply = await (await call(town, "chat")).answered()
    assert reply.mentions == []
    assert not reply.mention_everyone


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_a_model_that_is_busy_is_waited_for_and_the_asker_told_so(
    ground: Ground, name: str
) -> None:
    async with with_model(ground) as (quiet, _, model):
        model.reply = BUSY
        async with quiet.awake(idle_seconds=0.2) as town:
            called = await call(town, name)
            await town.until("SELECT state = 'waiting' AND attempt = 1 FROM questions")
            await town.rooms.pool.execute("UPDATE questions SET attempt = 2, ready_at = now()")
            told = await called.answered()
            expected = texts.later() if name == "chat" else texts.later_privately()
            assert told.content == expected
            model.reply = SHORT
            await town.rooms.pool.execute("UPDATE questions SET ready_at = now()")
            await ended(town, 1)
    [answer] = called.messages
    assert answer is told
    assert answer.content.startswith("Set `max_retries` [1].")


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_a_question_that_is_given_up_is_told_to_its_asker(ground: Ground, name: str) -> None:
    async with with_model(ground) as (quiet, server, model):
        model.first.append(Hang())
        model.reply = BUSY
        async with quiet.awake() as town:
            called = await call(town, name)
            await server.arrived.wait()
            await town.rooms.pool.execute(
                "UPDATE questions SET counts_from = now() - interval '7 hours',"
                " state = 'waiting', epoch = NULL"
            )
            server.release.set()
            await ended(town, 1)
        assert [message.content for message in called.messages] == [texts.cannot_answer()]
        assert [state for state, _ in await quiet.states()] == ["failed"]


async def test_a_restart_in_the_midst_resumes_with_the_stored_tokens(ground: Ground) -> None:
    async with with_model(ground) as (quiet, server, model):
        model.first += [Hang(), Hang()]
        async with quiet.awake() as town:
            calls = [await call(town, "chat"), await call(town, "private", by=town.helper)]
            await eventually(lambda: len(server.requests) == 2)
        assert [one.thinking for one in calls] == [True, True]
        async with quiet.awake() as town:
            await ended(town, 2)
    assert [len(seen_by(one)) for one in calls] == [1, 1]
    answers = [one.messages[0] for one in calls]
    assert [each.ephemeral_to for each in answers] == [None, quiet.helper.id]
    assert all(each.content.startswith("Set `max_retries` [1].") for each in answers)


@asynccontextmanager
async def interrupted(
    ground: Ground, name: str
) -> AsyncIterator[tuple[QuietTown, Invocation, Clock]]:
    """A town whose bot was stopped while a call waited for its model."""
    clock = Clock()
    async with with_model(ground, clock=clock) as (quiet, _, model):
        model.first += [BUSY, BUSY]
        async with quiet.awake() as town:
            called = await call(town, name, f"{QUESTION} *max_retries*")
            await town.until("SELECT state = 'waiting' AND attempt = 1 FROM questions")
        yield quiet, called, clock


@pytest.mark.parametrize("who_knows", ["docbot", "discord"])
async def test_a_chat_whose_token_has_ended_is_answered_in_its_channel(
    ground: Ground, who_knows: str
) -> None:
    async with interrupted(ground, "chat") as (quiet, called, clock):
        await time_is_over(quiet, clock, who_knows)
        async with quiet.awake() as town:
            answer = await town.asker.sees_reply(
                town.playground.text, after=called.messages[0], containing="max_retries"
            )
            await ended(town, 1)
            assert await is_erased(town)
        assert await quiet.states() == [("answered", None)]
    head, _, rest = answer.content.partition("\n\n")
    assert head == f"<@{quiet.asker.id}> asked: {QUESTION} \\*max\\_retries\\*"
    assert rest.startswith("Set `max_retries` [1].")
    assert answer.mentions == []
    assert called.thinking


@pytest.mark.parametrize("who_knows", ["docbot", "discord"])
async def test_a_private_call_whose_token_has_ended_fails_with_its_reason(
    ground: Ground, who_knows: str
) -> None:
    async with interrupted(ground, "private") as (quiet, called, clock):
        await time_is_over(quiet, clock, who_knows)
        async with quiet.awake() as town:
            await ended(town, 1)
            assert await is_erased(town)
        [(state, reason)] = await quiet.states()
        assert await quiet.rooms.pool.fetchval("SELECT count(*) FROM outbox") == 0
    assert state == "failed"
    assert "15 minutes" in (reason or "")
    assert called.thinking


async def time_is_over(quiet: QuietTown, clock: Clock, who_knows: str) -> None:
    """A quarter of an hour later: docbot knows by its own clock, or Discord says so."""
    clock.ahead += TOKEN_SECONDS + 1
    if who_knows == "docbot":
        await quiet.rooms.pool.execute("UPDATE interactions SET expires_at = now(), due_at = now()")


async def test_an_answer_that_was_begun_is_ended_in_the_channel(ground: Ground) -> None:
    clock = Clock()
    async with with_model(ground, clock=clock) as (quiet, _, model):
        model.reply = LONG
        hold = quiet.playground.faults.hold(method="POST", path=FOLLOW_UP)
        async with quiet.awake() as town:
            called = await call(town, "chat")
            await hold.reached.wait()
            clock.ahead += TOKEN_SECONDS + 1
            hold.release()
            await ended(town, 1)
    [first] = called.messages
    in_channel = quiet.playground.world.replies_of_bot(quiet.playground.text.id)
    later = [message for message in in_channel if message is not first]
    assert len(later) == 2
    assert later[0].content.startswith(f"<@{quiet.asker.id}> asked: {QUESTION}\n\n```")
    assert first.content not in [each.content for each in later]
    assert ANSWER_PLACE in later[-1].content


async def test_an_edit_whose_outcome_is_unknown_is_repeated_and_says_nothing_twice(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        quiet.playground.faults.reset(method="PATCH", path=EDIT, after_effect=True)
        async with quiet.awake() as town:
            called = await call(town, "chat")
            await ended(town, 1)
    assert len(called.messages) == 1


@pytest.mark.parametrize("name", ["chat", "private"])
async def test_what_discord_does_not_take_as_a_reply_is_said_in_the_channel_or_fails(
    ground: Ground, name: str
) -> None:
    async with open_quiet_town(ground) as quiet:
        quiet.playground.faults.answer(400, code=50035, method="PATCH", path=EDIT)
        async with quiet.awake() as town:
            called = await call(town, name)
            await ended(town, 1)
        states = [state for state, _ in await quiet.states()]
        handed_over = await quiet.rooms.pool.fetchval("SELECT count(*) FROM outbox")
    assert called.thinking
    assert states == (["answered"] if name == "chat" else ["failed"])
    assert handed_over == (1 if name == "chat" else 0)


async def test_a_channel_that_takes_no_message_ends_the_call_with_one_line_that_says_what_to_do(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as quiet:
        place = quiet.playground
        place.world.set_overwrite(
            place.text.id, place.town.bot_role.id, deny=Permission.SEND_MESSAGES
        )
        place.faults.answer(400, code=50035, method="PATCH", path=EDIT)
        async with quiet.awake() as town:
            await call(town, "chat")
            await ended(town, 1)
        [(state, reason)] = await quiet.states()
        assert place.rest.invalid_requests == 0
    assert state == "failed"
    assert reason is not None
    assert f"docbot lacks Send Messages in channel {place.text.id}" in reason
    [line] = [line for line in caplog.messages if "docbot lacks" in line]
    assert "docbot questions retry ID" in line


async def test_a_call_that_was_never_acknowledged_is_answered_in_its_channel(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        quiet.playground.faults.answer(404, code=10062, method="POST", path=r"/interactions/.*")
        async with quiet.awake() as town:
            called = await town.asker.slash(town.playground.text, "chat", question=QUESTION)
            await town.until("SELECT count(*) = 1 FROM answers")
            await town.rooms.pool.execute(
                "UPDATE interactions SET created_at = created_at - interval '1 minute'"
            )
            answer = await town.asker.sees_reply(town.playground.text)
            await ended(town, 1)
    assert called.messages == []
    assert answer.content.startswith(f"<@{quiet.asker.id}> asked: {QUESTION}")


async def test_a_thinking_message_that_was_deleted_ends_its_question(ground: Ground) -> None:
    async with with_model(ground) as (quiet, server, model):
        model.first.append(Hang())
        async with quiet.awake() as town:
            called = await call(town, "chat")
            await server.arrived.wait()
            await town.playground.moderator.delete(called.messages[0])
            server.release.set()
            await ended(town, 1)
        assert [state for state, _ in await quiet.states()] == ["cancelled"]


def said_to(server: ModelServer) -> list[str]:
    """All that each request told the model."""
    return [json.dumps(request.body["messages"]) for request in server.requests]


async def answered_call(town: Town, name: str, question: str) -> Message:
    before = await town.rooms.pool.fetchval("SELECT count(*) FROM questions")
    called = await call(town, name, question)
    await ended(town, before + 1)
    return called.messages[0]


SECRET = "What repeats a failed frobnication with max_retries?"
PUBLIC = "How do I set max_retries to repeat a failed frobnication?"
NEXT = "Does max_retries repeat a failed frobnication?"


async def test_follow_ups_know_their_own_conversation_and_no_other(ground: Ground) -> None:
    async with with_model(ground) as (quiet, server, _), quiet.awake() as town:
        await answered_call(town, "private", SECRET)
        await answered_call(town, "chat", PUBLIC)
        thread = await town.asker.post(town.playground.forum, QUESTION, "It fails each week.")
        await town.asker.sees_reply(thread)
        server.requests.clear()
        await answered_call(town, "chat", NEXT)
        of_chat = said_to(server)
        server.requests.clear()
        await answered_call(town, "private", NEXT)
        of_private = said_to(server)
        server.requests.clear()
        called = await town.helper.slash(town.playground.text, "chat", question=NEXT)
        await called.answered()
    assert any("How do I set" in each for each in of_chat)
    assert not any("What repeats" in each or "week" in each for each in of_chat)
    assert any("What repeats" in each for each in of_private)
    assert not any("How do I set" in each for each in of_private)
    assert not any("What repeats" in each or "How do I set" in each for each in said_to(server))


@pytest.mark.parametrize("first", ["private", "chat"])
async def test_a_private_answer_is_neither_given_again_nor_taken_from_before(
    ground: Ground, first: str
) -> None:
    async with with_model(ground) as (quiet, server, _), quiet.awake() as town:
        second = "private" if first == "chat" else "chat"
        await answered_call(town, first, QUESTION)
        await answered_call(town, second, QUESTION)
        assert len(server.requests) == 2


async def test_follow_ups_are_answered_in_the_order_in_which_they_were_asked(
    ground: Ground,
) -> None:
    async with with_model(ground) as (quiet, server, model):
        model.first.append(Hang())
        async with quiet.awake() as town:
            calls = [await call(town, "chat", each) for each in (PUBLIC, OFF_TOPIC, SECRET)]
            await server.arrived.wait()
            assert [one.thinking for one in calls] == [True] * 3
            server.release.set()
            await ended(town, 3)
        order = await quiet.rooms.pool.fetch(
            "SELECT interaction_id FROM questions ORDER BY ended_at"
        )
        replied = await quiet.rooms.pool.fetch("SELECT id FROM interactions ORDER BY ended_at")
    in_order = [one.interaction.id for one in calls]
    assert [row[0] for row in order] == in_order
    assert [row[0] for row in replied] == in_order


async def cleared(town: Town, member: Any, place: Any) -> Message:
    called: Invocation = await member.slash(place, "clear")
    said = await called.answered()
    assert said.ephemeral_to == member.id
    return said


async def test_clear_begins_a_new_conversation_of_its_caller_alone(ground: Ground) -> None:
    async with with_model(ground) as (quiet, server, _), quiet.awake() as town:
        await answered_call(town, "chat", PUBLIC)
        await answered_call(town, "private", SECRET)
        of_other = await cleared(town, town.helper, town.playground.text)
        own = await cleared(town, town.asker, town.playground.text)
        again = await cleared(town, town.asker, town.playground.text)
        server.requests.clear()
        await answered_call(town, "chat", NEXT)
        await answered_call(town, "private", NEXT)
        assert not any("How do I set" in each or "What repeats" in each for each in said_to(server))
    assert (of_other.content, own.content, again.content) == (
        texts.nothing_to_clear(),
        texts.cleared(),
        texts.nothing_to_clear(),
    )


async def test_clear_begins_a_threads_conversation_anew_for_its_author_and_staff(
    ground: Ground,
) -> None:
    async with with_model(ground) as (quiet, server, _), quiet.awake() as town:
        thread = await town.asker.post(town.playground.forum, PUBLIC, "It fails each night.")
        last = await town.asker.sees_reply(thread)
        await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
        of_other = await cleared(town, town.helper, thread)
        of_staff = await cleared(town, town.playground.moderator, thread)
        of_author = await cleared(town, town.asker, thread)
        server.requests.clear()
        await town.asker.reply(thread, f"{town.mention} {NEXT}")
        await town.asker.sees_reply(thread, after=last, containing="max_retries")
        # Nothing to rewrite it by: it follows nothing.
        assert len(server.requests) == 1
    assert [each.content for each in (of_other, of_staff, of_author)] == [
        texts.nothing_to_clear(),
        texts.cleared_thread(),
        texts.nothing_to_clear(),
    ]


async def test_a_bound_forum_gives_its_sources_and_anywhere_else_all_are_searched(
    ground: Ground,
) -> None:
    async with open_town(ground, bound=False) as town:
        place = town.playground.forum
        empty = await town.rooms.sources.add(
            name="empty", kind="folder", location="/nowhere", base_url=None
        )
        await town.rooms.forums.bind(
            guild_id=town.playground.guild.id,
            channel_id=place.id,
            mode="mention",
            source_ids=[empty],
        )
        thread = await town.asker.post(place, QUESTION, "It fails each night.")
        elsewhere = await call(town, "chat")
        assert ANSWER_PLACE in (await elsewhere.answered()).content
        called = await town.asker.slash(thread, "chat", question=QUESTION)
        await called.acknowledged()
        reason = await town.until("SELECT reason FROM questions WHERE state = 'waiting'")
        assert "empty" in reason


async def test_who_asks_too_often_is_refused_privately_and_nothing_is_stored(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground, docbot_limits="on") as quiet:
        await quiet.configure("limit-calls", "1/6")
        async with quiet.awake() as town:
            assert ANSWER_PLACE in (await (await call(town, "chat")).answered()).content
            refused = await call(town, "private")
            said = await refused.answered()
            assert await town.rooms.pool.fetchval("SELECT count(*) FROM interactions") == 1
    assert "<t:" in said.content
    assert said.ephemeral_to == town.asker.id


async def test_a_forum_that_is_switched_off_refuses_privately(ground: Ground) -> None:
    async with open_quiet_town(ground, bound=False) as quiet:
        [source] = await quiet.rooms.sources.all()
        await quiet.rooms.forums.bind(
            guild_id=quiet.playground.guild.id,
            channel_id=quiet.playground.forum.id,
            mode="off",
            source_ids=[source.id],
        )
        async with quiet.awake() as town:
            thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
            called = await town.asker.slash(thread, "chat", question=QUESTION)
            refusal = await called.answered()
        assert refusal.content == texts.switched_off()
        assert refusal.ephemeral_to == town.asker.id
        assert await quiet.states() == []


async def test_a_database_that_keeps_a_call_waiting_is_no_reason_to_leave_it_unanswered(
    town: Town,
) -> None:
    async with town.rooms.pool.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
        called = await town.asker.slash(town.playground.text, "chat", question=QUESTION)
        refusal = await called.answered()
    assert refusal.content == texts.not_taken()
    assert refusal.ephemeral_to == town.asker.id
    assert await town.states() == []
