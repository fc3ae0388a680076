"""A kill -9 before and after each commit and each call on the path: one outcome, one message.

What there is to be killed at is seen, not remembered: each life below is lived once by a bot that
is watched, and what it committed and called must be what stands here. A commit or a call that is
added to the path turns the first test red until it has its name, and with it two crash points.
"""

import asyncio
import signal
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import docbot
from docbot.answers.sanitise import plain
from docbot.playground.actors import Invocation, Member
from docbot.playground.faults import SEND_MESSAGE
from docbot.playground.objects import Thread
from tests.forked import Process
from tests.model_server import Hang, ModelServer, Reply, Status
from tests.path.dying_bot import retry_failed
from tests.path.effects import writers
from tests.path.scene import Scene, open_scene
from tests.town import ANSWER_READ_SECONDS, OFF_TOPIC, QUESTION, Ground, eventually

DOCBOT = Path(docbot.__file__).parent
BODY = "It fails each night."
SEND = "POST /channels/*/messages in OutboxDrain._send"
# Two messages, each with words of its own; the second has a file.
CODE = ["\n\n```python\n" + "frobnicate(max_retries=3)\n" * lines + "```" for lines in (45, 46, 90)]
LONG = Reply("Set `max_retries` [1]." + "".join(CODE))
SHORT = Reply("After `timeout_seconds` [1].")
# What a post says in which the model fails, or makes an answer that AutoMod refuses.
HOPELESS = "It is hopeless."
HOPELESS_CALL = "How do I set max_retries to repeat a failed frobnication?"
PATIENT_CALL = "How do I set max_retries for a frobnication?"
REFUSED = "By any means."
# Of one question alone: any other error would soon keep the model from all of them.
BUSY = Status(429)

# How many questions end in each state, whenever the bot dies; of those that are not named, any.
Ended: TypeAlias = dict[str, int]

_OPEN = """
    SELECT EXISTS (SELECT FROM questions WHERE ended_at IS NULL)
        OR EXISTS (SELECT FROM outbox WHERE ended_at IS NULL)
        OR EXISTS (SELECT FROM interactions WHERE ended_at IS NULL)
"""

# Waits for no row that a bot has in hand, as a bot may wait for the others.
_TIME_PASSES = """
    UPDATE questions SET ready_at = now()
    WHERE id IN (SELECT id FROM questions WHERE state = 'waiting' FOR UPDATE SKIP LOCKED);
    UPDATE outbox SET due_at = now()
    WHERE id IN (SELECT id FROM outbox WHERE state = 'pending' FOR UPDATE SKIP LOCKED);
    UPDATE interactions SET due_at = now()
    WHERE id IN (
        SELECT id FROM interactions WHERE parts IS NOT NULL AND ended_at IS NULL AND claimed_by IS NULL
        FOR UPDATE SKIP LOCKED);
"""

# As if a bot had tried to send it a while ago, beyond what Discord remembers of a nonce.
_TRIED_LONG_AGO = "UPDATE outbox SET first_tried_at = first_tried_at - interval '5 minutes'"

# Its outcome is not known, and for now nobody asks.
_LEAVE_IN_DOUBT = """
    UPDATE outbox SET due_at = now() + interval '1 hour'
    WHERE channel_id = $1 AND attempt = 1 AND state = 'pending' RETURNING true
"""

_FAIL_ONCE = """
    CREATE SEQUENCE tried_{state};
    CREATE FUNCTION fail_{state}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tried_{state}') = 1 THEN
            RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER fail_{state} BEFORE UPDATE OF state ON {table} FOR EACH ROW
        WHEN (NEW.state = '{state}') EXECUTE FUNCTION fail_{state}()
"""


@dataclass
class Script:
    """What the model says: to each question the same, however often a bot has to ask."""

    first: deque[Status | Hang] = field(default_factory=deque)
    hopeless: bool = True

    def __call__(self, body: dict[str, Any]) -> Reply | Status | Hang:
        asked = str(body["messages"][-1]["content"])
        if self.first:
            return self.first.popleft()
        hopeless = (HOPELESS, HOPELESS_CALL, PATIENT_CALL)
        if self.hopeless and any(each in asked for each in hopeless):
            return BUSY
        if REFUSED in asked:
            return Reply("Set `max_retries` [1].\n\n```text\nprohibited\n```")
        return SHORT if "time out" in asked else LONG


@dataclass(frozen=True)
class Stage(Scene):
    """A scene with a model, and with the bot that is to die."""

    script: Script
    model: ModelServer
    dying: Process | None = None

    async def post(self, body: str = BODY) -> Thread:
        return await self.asker.post(self.playground.forum, QUESTION, body)

    async def caught_up(self) -> None:
        """Wait until what is posted from now on comes by the gateway alone."""

        def is_caught_up() -> bool:
            routes = [one.route for one in tuple(self.playground.requests)]
            archived = [n for n, route in enumerate(routes) if "threads/archived" in route]
            # The active ones are listed once more after those.
            return bool(archived) and any("threads/active" in r for r in routes[archived[-1] :])

        await eventually(is_caught_up)
        await asyncio.sleep(ANSWER_READ_SECONDS)

    async def has_ended(self, questions: int) -> None:
        """Wait until so many questions were asked, have ended, and nothing is left to send."""
        await self.until(
            "SELECT count(*) = $1 AND bool_and(ended_at IS NOT NULL) AND NOT EXISTS"
            " (SELECT FROM outbox WHERE ended_at IS NULL) FROM questions",
            questions,
        )

    async def end_all(self) -> None:
        """Wait until every question has ended, also those that nobody answered before the kill."""
        self.script.hopeless = False
        async with asyncio.timeout(60):
            while await self.value(_OPEN):
                await self.rooms.pool.execute(_TIME_PASSES)
                await asyncio.sleep(0.02)

    async def is_single(self, ended: Ended) -> None:
        """Each question has one outcome; each part is one message, in the order of the rows."""
        pool, world = self.rooms.pool, self.playground.world
        states = Counter(state for state, _ in await self.states())
        assert {state: states[state] for state in ended} == ended
        sent = await pool.fetch(
            "SELECT * FROM outbox WHERE state = 'sent' AND kind = 'send' ORDER BY id"
        )
        for thread_id in await self._threads():
            seen = world.replies_of_bot(thread_id)
            rows = [row for row in sent if row["channel_id"] == thread_id]
            assert [one.id for one in seen] == [row["message_id"] for row in rows]
            assert len({one.content for one in seen}) == len(seen)
            for one, row in zip(seen, rows, strict=True):
                if row["erased_at"] is None:  # else its question was deleted
                    payload = row["payload"]
                    files = [file.content.decode() for file in one.attachments]
                    assert one.content == payload["content"]
                    assert files == [file["content"] for file in payload.get("files", ())]

    async def _threads(self) -> Sequence[int]:
        """Those that are still there."""
        rows = await self.rooms.pool.fetch("SELECT id FROM threads")
        return [row["id"] for row in rows if row["id"] in self.playground.world.threads]

    async def until_or_death(self, sql: str, *arguments: Any) -> None:
        """Wait for what only the bot that is alive can do: an event comes once."""
        assert self.dying is not None
        async with asyncio.timeout(60):
            while self.dying.returncode is None and not await self.value(sql, *arguments):
                await asyncio.sleep(0.02)

    async def hurry(self, thread: Thread, *, hours: int = 0) -> None:
        """Let the question that was put off be tried now, as one asked so many hours ago."""
        await self.until(
            "SELECT state = 'waiting' AND attempt > 0 FROM questions WHERE message_id = $1",
            thread.id,
        )
        await self.rooms.pool.execute(
            "UPDATE questions SET asked_at = asked_at - $2 * interval '1 hour',"
            " counts_from = counts_from - $2 * interval '1 hour',"
            " ready_at = asked_at - $2 * interval '1 hour' WHERE message_id = $1",
            thread.id,
            hours,
        )

    async def insist(self, sql: str, press: Callable[[], Awaitable[None]]) -> None:
        """Press until it counts, as people do where nothing seems to happen."""
        async with asyncio.timeout(60):
            while not await self.value(sql):
                await press()
                await asyncio.sleep(0.1)

    async def press_send(self) -> None:
        await self._press(self.playground.moderator, self.playground.staff.id, "docbot:draft:send:")

    async def press_in(self, thread: Thread, begin: str) -> None:
        await self._press(self.asker, thread.id, begin)

    async def _press(self, person: Member, channel_id: int, begin: str) -> None:
        for message in self.playground.world.replies_of_bot(channel_id):
            for each in message.buttons:
                if each["custom_id"].startswith(begin):
                    await person.press(message, each["custom_id"])
                    return

    async def call(self, name: str, question: str, by: Member | None = None) -> Invocation:
        """Call until docbot has stored it: a call comes once, and one before a death is lost."""
        stored = "SELECT EXISTS (SELECT FROM interactions WHERE id = $1)"
        async with asyncio.timeout(60):
            while True:
                called = await (by or self.asker).slash(
                    self.playground.text, name, question=question
                )
                while not called.failed:
                    if await self.value(stored, called.interaction.id):
                        return called
                    await asyncio.sleep(0.02)

    async def was_told_to_wait(self, called: Invocation) -> None:
        """Wait until a call whose model is busy says so; it does at the third try."""
        await self.until_or_death(
            "SELECT state = 'waiting' AND questions.attempt >= 3 AND note IS NULL FROM interactions"
            " JOIN questions ON interaction_id = interactions.id WHERE interactions.id = $1",
            called.interaction.id,
        )

    async def expire(self, called: Invocation) -> None:
        """Let a quarter of an hour be over for a call that waits for its model."""
        await self.until(
            "UPDATE interactions SET expires_at = now(), due_at = now() FROM questions"
            " WHERE interactions.id = $1 AND interaction_id = $1 AND state = 'waiting'"
            " AND questions.attempt > 0 RETURNING true",
            called.interaction.id,
        )

    async def states_of(self, *calls: Invocation) -> list[str]:
        """How the questions of these calls have ended."""
        ids = [called.interaction.id for called in calls]
        rows = await self.rooms.pool.fetch("SELECT interaction_id, state FROM questions")
        states = {row["interaction_id"]: row["state"] for row in rows}
        return [states[number] for number in ids]

    def said_in_channel(self) -> list[str]:
        """What everyone reads in the channel that the calls come from."""
        said = self.playground.world.replies_of_bot(self.playground.text.id)
        return [message.content for message in said if message.content]

    async def retry(self) -> None:
        """The operator has all that failed tried again, and insists where the process dies of it."""
        assert self.dying is not None
        if self.dying.returncode is None:
            self.dying.send_signal(signal.SIGUSR1)
            await self.until_or_death("SELECT count(*) = 0 FROM questions WHERE state = 'failed'")
        await retry_failed(self.rooms)


Before: TypeAlias = Callable[[Stage], Awaitable[None]]
Life: TypeAlias = Callable[[Stage], Coroutine[Any, Any, Ended]]


async def _nothing(_: Stage) -> None: ...


async def a_post_and_a_mention(stage: Stage) -> Ended:
    """Answered in two messages, then in one."""
    await stage.caught_up()
    thread = await stage.post()
    await stage.has_ended(1)
    await stage.asker.reply(thread, f"{stage.mention} when does it time out?")
    await stage.has_ended(2)
    return {"answered": 2}


async def trouble_on_the_way(stage: Stage) -> Ended:
    """Put off, sent with an unknown outcome, refused, given up, without an answer, unbound."""
    await stage.caught_up()
    stage.script.first.extend([Status(503)] * 2)  # it is asked twice before it is left for now
    stage.playground.faults.answer(503, method="POST", path=SEND_MESSAGE, after_effect=True)
    thread = await stage.post()
    await stage.has_ended(1)
    stage.playground.world.blocked_words.append("prohibited")
    await stage.post(REFUSED)
    await stage.has_ended(2)
    await stage.asker.reply(thread, f"{stage.mention} {OFF_TOPIC}")
    await stage.has_ended(3)
    await stage.hurry(await stage.post(HOPELESS), hours=7)
    await stage.has_ended(4)
    stage.playground.faults.lose_events("THREAD_CREATE")
    await stage.post()
    await stage.has_ended(5)
    unbound = await stage.post(HOPELESS)
    await stage.until("SELECT attempt > 0 FROM questions WHERE message_id = $1", unbound.id)
    await stage.rooms.forums.remove(stage.playground.forum.id)
    await stage.hurry(unbound)
    await stage.has_ended(6)
    return {"answered": 2, "abstained": 1, "failed": 2, "cancelled": 1}


async def a_database_that_fails(stage: Stage) -> Ended:
    """An answer cannot be stored, nor its question put off; then a message that went out, marked."""
    await stage.caught_up()
    for table, state in (("questions", "posting"), ("questions", "waiting"), ("outbox", "sent")):
        await stage.rooms.pool.execute(_FAIL_ONCE.format(table=table, state=state))
    await stage.post()
    await stage.has_ended(1)
    return {"answered": 1}


async def a_model_that_is_busy(stage: Stage) -> Ended:
    """Who called docbot is told that the answer comes later."""
    await stage.caught_up()
    thread = await stage.post()
    await stage.has_ended(1)
    stage.script.first.extend([BUSY] * 6)  # three times: the rewriting, then the answer
    await stage.asker.reply(thread, f"{stage.mention} when does it time out?")
    await stage.has_ended(2)
    return {"answered": 2}


async def tried_again(stage: Stage) -> Ended:
    """An answer that Discord refused is sent after all, a question that was given up answered."""
    await stage.caught_up()
    stage.playground.world.blocked_words.append("prohibited")
    await stage.post(REFUSED)
    await stage.has_ended(1)
    await stage.hurry(await stage.post(HOPELESS), hours=7)
    await stage.has_ended(2)
    stage.playground.world.blocked_words.clear()
    stage.script.hopeless = False
    await stage.rooms.pool.execute(_TRIED_LONG_AGO)
    await stage.retry()
    await stage.has_ended(2)
    return {"answered": 2}


async def withdrawn(stage: Stage) -> Ended:
    """Two answers are taken back while nobody knows whether they arrived; one of them did."""
    await stage.caught_up()
    ended = "SELECT count(*) = $1 FROM questions WHERE ended_at IS NOT NULL"
    arrived = await _post_in_doubt(stage, after_effect=True)
    await stage.asker.delete(stage.playground.world.messages_of(arrived.id)[0])
    await stage.until_or_death(ended, 1)
    lost = await _post_in_doubt(stage, after_effect=False)
    await stage.playground.moderator.lock(lost)
    await stage.until_or_death(ended, 2)
    return {}


async def _post_in_doubt(stage: Stage, *, after_effect: bool) -> Thread:
    stage.playground.faults.answer(503, method="POST", path=SEND_MESSAGE, after_effect=after_effect)
    thread = await stage.post()
    await stage.until_or_death(_LEAVE_IN_DOUBT, thread.id)
    return thread


async def a_send_in_doubt(stage: Stage) -> None:
    """A bot died at its send; what comes while it is away: a mention, and a post soon archived."""
    before = await stage.start(f"after {SEND} #1")
    await stage.caught_up()
    thread = await stage.post()
    await _is_killed(before)
    await stage.rooms.pool.execute(_TRIED_LONG_AGO)
    await stage.asker.reply(thread, f"{stage.mention} when does it time out?")
    archived = await stage.post()
    await stage.playground.moderator.archive(archived)
    # Discord may not open it by itself.
    stage.playground.faults.answer(
        400, code=50083, method="POST", path=f"/channels/{archived.id}/messages"
    )


async def taken_over(stage: Stage) -> Ended:
    await stage.has_ended(3)
    return {"answered": 3}


async def taken_back(stage: Stage) -> Ended:
    """Edited, deleted, locked, and at last the forum deleted, each before its answer."""
    cancelled = "SELECT count(*) = $1 FROM questions WHERE state = 'cancelled'"
    moderator, world = stage.playground.moderator, stage.playground.world
    await stage.caught_up()
    threads = [await stage.post(HOPELESS) for _ in range(4)]
    await stage.until_or_death(
        "SELECT count(*) = 4 AND bool_and(attempt > 0 AND state = 'waiting') FROM questions"
    )
    [opening] = world.messages_of(threads[0].id)
    await stage.asker.edit(opening, "It fails at noon.")
    await stage.until_or_death("SELECT bool_or(edited_at IS NOT NULL) FROM messages")
    await stage.asker.delete(opening)
    await stage.until_or_death(cancelled, 1)
    await moderator.lock(threads[1])
    await stage.until_or_death(cancelled, 2)
    await moderator.delete_thread(threads[2])
    await stage.until_or_death(cancelled, 3)
    world.delete_channel(stage.playground.forum.id, stage.playground.admin.id)
    await stage.until_or_death(cancelled, 4)
    return {}


async def left(stage: Stage) -> Ended:
    """Docbot is taken out of the server before the answer."""
    await stage.caught_up()
    await stage.post(HOPELESS)
    await stage.until_or_death("SELECT attempt > 0 AND state = 'waiting' FROM questions")
    stage.playground.world.remove_member(stage.playground.guild.id, stage.playground.bot.id)
    await stage.until_or_death("SELECT state = 'cancelled' FROM questions")
    return {"cancelled": 1}


async def staff_reads_first(stage: Stage) -> None:
    """A forum whose answers staff has before it, and whose posts may come in parts."""
    forum_id, staff_id = stage.playground.forum.id, stage.playground.staff.id
    await stage.rooms.forums.set_mode(forum_id, "draft")
    await stage.configure("settle-seconds", "0.3")
    await stage.configure("staff-channel", str(staff_id))


async def reviewed(stage: Stage) -> Ended:
    """A post in two parts; staff sends its draft; its author says that it is solved."""
    await stage.caught_up()
    thread = await stage.post()
    await stage.asker.reply(thread, "Since Monday.")
    await stage.insist("SELECT state = 'sent' FROM drafts", stage.press_send)
    await stage.has_ended(1)
    solved = partial(stage.press_in, thread, "docbot:solve:")
    await stage.insist("SELECT solved_at IS NOT NULL FROM threads", solved)
    return {"answered": 1}


async def calls(stage: Stage) -> Ended:
    """Answered to everyone in two messages, to the asker alone in one; then begun anew."""
    await stage.caught_up()
    chat = await stage.call("chat", QUESTION)
    private = await stage.call("private", "when does it time out?", stage.helper)
    await stage.end_all()
    await stage.until_or_death("SELECT bool_and(ended_at IS NOT NULL) FROM interactions")
    said = stage.said_in_channel()
    # The second message may be there twice: Discord knows no nonce for it.
    assert sum("Set `max_retries` [1]." in each for each in said) == 1
    assert any("**Sources**" in each for each in said)
    states = await stage.states_of(chat, private)
    assert states[0] == "answered"
    if private.interaction.callback is not None:
        assert states[1] == "answered"
        [answer] = private.messages
        assert answer.content.startswith("After `timeout_seconds` [1].")
        assert answer.ephemeral_to == stage.helper.id
    else:  # docbot died before it said that it was on it, so that there is no way to answer it
        assert states[1] == "failed"
    clear, bot = await stage.asker.slash(stage.playground.text, "clear"), stage.dying
    assert bot is not None
    await eventually(
        lambda: bot.returncode is not None or (bool(clear.messages) and not clear.thinking)
    )
    return {}


async def calls_in_trouble(stage: Stage) -> Ended:
    """Told to wait, replied with an unknown outcome; then two whose time is over."""
    await stage.caught_up()
    stage.playground.faults.reset(method="PATCH", path=r".*/@original", after_effect=True)
    waited = await stage.call("chat", PATIENT_CALL)
    await stage.was_told_to_wait(waited)
    await stage.end_all()
    stage.script.hopeless = True
    late = await stage.call("chat", HOPELESS_CALL, stage.helper)
    await stage.expire(late)
    await stage.end_all()
    stage.script.hopeless = True
    lost = await stage.call("private", HOPELESS_CALL, stage.helper)
    await stage.expire(lost)
    await stage.end_all()
    assert await stage.states_of(waited, late, lost) == ["answered", "answered", "failed"]
    heads = [each for each in stage.said_in_channel() if each.startswith("<@")]
    assert sum(plain(HOPELESS_CALL) in each for each in heads) == 1
    return {}


LIVES: dict[str, tuple[Before, Life]] = {
    "a post and a mention": (_nothing, a_post_and_a_mention),
    "trouble on the way": (_nothing, trouble_on_the_way),
    "a database that fails": (_nothing, a_database_that_fails),
    "a model that is busy": (_nothing, a_model_that_is_busy),
    "tried again": (_nothing, tried_again),
    "a send in doubt": (a_send_in_doubt, taken_over),
    "withdrawn": (_nothing, withdrawn),
    "taken back": (_nothing, taken_back),
    "left": (_nothing, left),
    "reviewed": (staff_reads_first, reviewed),
    "calls": (_nothing, calls),
    "calls in trouble": (_nothing, calls_in_trouble),
}
# Where each life is ended: the first all along, the others where they go another way.
EFFECTS = {
    "a post and a mention": (
        "commit in RunningBot._take_over #1",
        "GET /gateway in point_at #1",
        "GET /users/@me in connect #1",
        "GET /oauth2/applications/@me in connect #1",
        "PUT /applications/*/commands in HelpClient.setup_hook #1",
        "GET /gateway/bot in _fetch_start_limit #1",
        "GET /gateway in GatewayLine._listen #1",
        "commit in note_start #1",
        "commit in Forums.put_guild #1",
        "commit in Forums.put_tags #1",
        "GET /guilds/*/threads/active in _active_threads #1",
        "GET /channels/*/threads/archived/public in _threads_since #1",
        "GET /guilds/*/threads/active in _active_threads #2",
        "commit in Intake.take #1",
        "commit in Forums.tell #1",
        "commit in Questions.claim_next #1",
        "POST /embeddings in OpenAIEmbedder._request #1",
        "POST /chat/completions in OpenAIChatModel.complete #1",
        "commit in QuestionWorker._store #1",
        "commit in Outbox.claim_next #1",
        "POST /channels/*/messages in OutboxDrain._send #1",
        "commit in Threads.saw_next #1",
        "commit in OutboxDrain._end_sent #1",
        "commit in Outbox.claim_next #2",
        "POST /channels/*/messages in OutboxDrain._send #2",
        "commit in Threads.saw_next #2",
        "commit in OutboxDrain._end_sent #2",
        "commit in Intake.take #2",
        "commit in Questions.claim_next #2",
        "POST /chat/completions in OpenAIChatModel.complete #2",  # of the follow-up's rewriting
        "POST /embeddings in OpenAIEmbedder._request #2",
        "POST /chat/completions in OpenAIChatModel.complete #3",
        "commit in QuestionWorker._store #2",
        "commit in Outbox.claim_next #3",
        "POST /channels/*/messages in OutboxDrain._send #3",
        "commit in Threads.saw_next #3",
        "commit in OutboxDrain._end_sent #3",
    ),
    "trouble on the way": (
        "commit in QuestionWorker._put_off #1",
        "commit in Outbox.put_off #1",
        f"{SEND} #2",
        "commit in OutboxDrain._end #1",
        "commit in QuestionWorker._store #3",
        "commit in QuestionWorker._fail #1",
        "GET /channels/* in HelpClient._place_of #1",
        "commit in QuestionWorker._cancel #1",
    ),
    "a database that fails": (
        "commit in Questions.put_back #1",
        "commit in Outbox.put_back #1",
        f"{SEND} #2",
    ),
    "a model that is busy": (
        "commit in QuestionWorker._put_off #3",
        f"{SEND} #3",
        "commit in OutboxDrain._end_sent #3",
        f"{SEND} #4",
    ),
    "tried again": (
        "commit in QuestionWorker._fail #1",
        "commit in try_again #1",
        "commit in try_again #2",
        "GET /channels/*/messages in OutboxDrain._find_sent #1",
        f"{SEND} #2",
        "commit in OutboxDrain._end_sent #1",
        f"{SEND} #3",
        "commit in OutboxDrain._end_sent #2",
    ),
    "a send in doubt": (
        "commit in RunningBot._take_over #1",
        "GET /channels/*/messages in _written_since #1",
        "GET /guilds/*/members/* in _author_of #1",
        "commit in Intake.take #1",
        "commit in Intake.take #2",
        "commit in Threads.saw #1",
        "commit in Forums.tell #1",
        "GET /channels/* in OutboxDrain._fetch #1",
        "GET /channels/*/messages in OutboxDrain._find_sent #1",
        "commit in OutboxDrain._end_sent #1",
        "PATCH /channels/* in OutboxDrain._reopen #1",
    ),
    "withdrawn": (
        "commit in Outbox.put_off #1",
        "commit in Intake.deleted #1",
        "GET /channels/*/messages in OutboxDrain._find_sent #1",
        "commit in OutboxDrain._end_sent #1",
        "commit in OutboxDrain._end #1",
        "commit in Erasure.erase_ended_rows #1",
        "commit in Outbox.put_off #2",
        "commit in Intake.thread_changed #1",
        "GET /channels/*/messages in OutboxDrain._find_sent #2",
        "commit in OutboxDrain._end #2",
    ),
    "taken back": (
        "commit in Intake.edited #1",
        "commit in Intake.deleted #1",
        "commit in Intake.thread_changed #1",
        "commit in Intake.thread_deleted #1",
        "GET /channels/* in ForumWatch._absent #1",
        "commit in Intake.forum_deleted #1",
    ),
    "left": ("commit in Intake.forum_left #1",),
    "reviewed": (
        "commit in Questions.end_collecting #1",
        "commit in QuestionWorker._store #1",
        f"{SEND} #1",
        "commit in OutboxDrain._end_sent #1",
        "POST /interactions/*/*/callback in acknowledge #1",
        "commit in Presses._decide_draft #1",
        "POST /webhooks/*/* in say #1",
        "PATCH /channels/*/messages/* in Deeds._edit #1",
        f"{SEND} #2",
        "commit in Presses.tell #1",
        "GET /channels/* in Deeds._tag #1",
        "PATCH /channels/* in Deeds._tag_as_solved #1",
    ),
    "calls": (
        "commit in Calls.take #1",
        "POST /interactions/*/*/callback in acknowledge #1",
        "commit in Questions.claim_next #1",
        "commit in QuestionWorker._store #1",
        "commit in Interactions.claim_next #1",
        "PATCH /webhooks/*/*/messages/@original in Replier._answered #1",
        "commit in Replier._note_sent #1",
        "POST /webhooks/*/* in Replier._answered #1",
        "commit in Replier._note_sent #2",
        "commit in Calls.take #2",
        "POST /interactions/*/*/callback in acknowledge #2",
        "PATCH /webhooks/*/*/messages/@original in Replier._answered #2",
        "commit in Replier._note_sent #3",
        "POST /interactions/*/*/callback in acknowledge #3",
        "commit in Calls.clear #1",
        "POST /webhooks/*/* in say #1",
    ),
    "calls in trouble": (
        "commit in Interactions.put_off #1",
        "PATCH /webhooks/*/*/messages/@original in Replier._answered #2",
        "commit in Interactions.mark_shown #1",
        "PATCH /webhooks/*/*/messages/@original in Replier._answered #3",
        "commit in Interactions.wait_without_token #1",
        "commit in Replier._hand_over #1",
        "commit in Replier._end #1",
    ),
}
# The rooms of the path; what in them writes and is no part of a question's way.
PATH = (
    "app/run.py",
    "bot",
    "forum",
    "db/answers.py",
    "db/outbox.py",
    "db/questions.py",
    "db/threads.py",
)
OFF_THE_PATH = {
    "Answers.give_reason",
    "Clock._look_at",  # for reminders, and what is archived
    "Clock._show_solutions",  # what staff was not shown yet
    "Forgetting._call_off",  # broken off, it is pressed again
    "Forgetting._unlearn",
    "OutboxDrain._refuse_undone",  # a look alone, under the lock of the thread
    "Intake._note",  # that somebody wrote where docbot answers nobody
    "Presses._decide_solution",
    "Presses.edit_draft",
    "Presses.take_back",
    "Presses.vote",
    "Threads.erase_messages_of_forum",  # some at a time, until there are no more
    "Threads.look_anew",
    "Threads.look_later",
    "Undecided.lose_channel",  # broken off, the next look finds the channel gone
}
ALL_ALONG = "a post and a mention"
# Shown where an answer takes its time; nothing waits for it.
TYPING = "POST /channels/*/typing in _keep_typing"


@asynccontextmanager
async def open_stage(ground: Ground) -> AsyncIterator[Stage]:
    script = Script()
    async with (
        ModelServer.open(script) as model,
        open_scene(
            ground,
            openai_base_url=model.base_url,
            docbot_chat_model="test-chat",
            docbot_embedding_model="test-embedding",
        ) as scene,
    ):
        yield Stage(scene.playground, scene.rooms, ground, scene.bots, script, model)


@pytest.mark.parametrize(
    "life",
    [
        ALL_ALONG,
        *(pytest.param(each, marks=pytest.mark.check) for each in LIVES if each != ALL_ALONG),
    ],
)
async def test_every_commit_and_call_on_the_path_is_a_crash_point(
    ground_with_vectors: Ground, life: str
) -> None:
    prelude, live = LIVES[life]
    async with open_stage(ground_with_vectors) as stage:
        await prelude(stage)
        bot = await stage.start(stdout=asyncio.subprocess.PIPE)
        assert bot.stdout is not None
        points = asyncio.create_task(bot.stdout.read())
        await live(replace(stage, dying=bot))
        await stage.end_all()
        bot.terminate()
        seen = (await points).decode().splitlines()
        assert await bot.wait() == 0
    effects = [point.removeprefix("before ") for point in seen if point.startswith("before ")]
    assert {*EFFECTS[life]} <= {*effects}
    if life == ALL_ALONG:
        assert {effect for effect in effects if _name(effect) != TYPING} == {*EFFECTS[life]}
    assert {*map(_name, effects)} - {TYPING} <= {*map(_name, chain(*EFFECTS.values()))}


def test_every_function_on_the_path_that_writes_is_lived_through() -> None:
    files = [file for part in PATH for file in (DOCBOT / part).rglob("*.py")]
    files += [DOCBOT / part for part in PATH if part.endswith(".py")]
    places = {_name(effect).partition(" in ")[2] for effect in chain(*EFFECTS.values())}
    assert {name for file in files for name in writers(file)} - places == OFF_THE_PATH


def _name(effect: str) -> str:
    return effect.partition(" #")[0]


@pytest.mark.check
@pytest.mark.parametrize(
    ("life", "point"),
    [
        pytest.param(life, f"{when} {effect}", id=f"{life}: {when} {effect}")
        for life, effects in EFFECTS.items()
        for effect in effects
        for when in ("before", "after")
    ],
)
async def test_a_kill_at_any_crash_point_loses_and_doubles_nothing(
    ground_with_vectors: Ground, life: str, point: str
) -> None:
    prelude, live = LIVES[life]
    async with open_stage(ground_with_vectors) as stage:
        await prelude(stage)
        bot = await stage.start(point)
        living = asyncio.create_task(live(replace(stage, dying=bot)))
        await _is_killed(bot)
        async with stage.awake(idle_seconds=0.5):
            ended = await living
            await stage.end_all()
            await stage.is_single(ended)


async def test_a_kill_between_a_sends_effect_and_its_reply_doubles_nothing(
    ground_with_vectors: Ground,
) -> None:
    async with open_stage(ground_with_vectors) as stage:
        hold = stage.playground.faults.hold(method="POST", path=SEND_MESSAGE, after_effect=True)
        bot = await stage.start()
        await stage.caught_up()
        await stage.post()
        await hold.reached.wait()
        await _kill_and_go_on(stage, bot)


@pytest.mark.parametrize("route", ["/v1/embeddings", "/v1/chat/completions"])
async def test_a_kill_while_a_model_works_loses_and_doubles_nothing(
    ground_with_vectors: Ground, route: str
) -> None:
    async with open_stage(ground_with_vectors) as stage:
        if route == "/v1/embeddings":
            stage.model.fail(Hang())
        else:
            stage.script.first.append(Hang())
        bot = await stage.start()
        await stage.caught_up()
        await stage.post()
        await eventually(lambda: any(one.path == route for one in stage.model.requests))
        await _kill_and_go_on(stage, bot)


async def _kill_and_go_on(stage: Stage, bot: Process) -> None:
    bot.kill()
    await bot.wait()
    async with stage.awake():
        await stage.has_ended(1)
        await stage.is_single({"answered": 1})


async def _is_killed(bot: Process) -> None:
    assert await asyncio.wait_for(bot.wait(), 90) == -signal.SIGKILL
