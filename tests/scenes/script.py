"""The language that the scenes are written in.

A scene reads like a short play: who does what in the forum, one line each. How it ends stands above
it, in words and in figures, and is held against all that docbot did anywhere:

    @scene("Docbot answers once.", ends=["answered"], says=1)
    async def test_a_plain_post(s: Scene) -> None:
        await s.ada.posts("How do I repeat a failed frobnication?")
        assert "max_retries" in (await s.docbot_says()).content

What a person does is taken in by docbot before the next line begins, so the order of the lines is
the order of events. That docbot says nothing is seen at the end, when nothing is left to be done.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

import asyncpg
import pytest

from docbot.forum.again import try_again
from docbot.playground.actors import Invocation, Member
from docbot.playground.interactions import InteractionKind
from docbot.playground.objects import NO_PERMISSIONS, Channel, Message, Permission, Thread
from docbot.playground.server import Playground
from docbot.playground.server import Town as Guild
from tests.model_server import Chat, ModelServer
from tests.model_server import Script as Reply
from tests.town import QUESTION, Ground, QuietTown, Town, button, eventually, open_quiet_town

BODY = "It fails each night."
# What only the passing of time brings is looked for this often.
_IDLE_SECONDS = 0.3
# For what comes in a moment on a machine that has nothing else to do.
_PATIENCE_SECONDS = 60.0

_IS_OVER = """
    SELECT NOT EXISTS (SELECT FROM outbox WHERE ended_at IS NULL)
       AND NOT EXISTS (SELECT FROM questions WHERE ended_at IS NULL AND state <> 'review')
"""
_ANSWERED_TWICE = """
    SELECT question_id FROM answers JOIN outbox ON answer_id = answers.id
    WHERE part = 1 AND outbox.state = 'sent' GROUP BY question_id HAVING count(*) > 1
"""
# As if all that is stored had happened so many seconds earlier.
_TIME_PASSES = """
    WITH passed AS (SELECT $1 * interval '1 second' AS seconds),
    threads_then AS (
        UPDATE threads
        SET created_at = created_at - seconds, spoke_at = spoke_at - seconds,
            solved_at = solved_at - seconds, reminded_at = reminded_at - seconds,
            pinged_at = pinged_at - seconds, look_at = look_at - seconds
        FROM passed),
    uses_then AS (UPDATE uses SET at = at - seconds FROM passed),
    outbox_then AS (UPDATE outbox SET due_at = due_at - seconds FROM passed)
    UPDATE questions SET ready_at = ready_at - seconds, asked_at = asked_at - seconds FROM passed
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scene ends.

    `ends`: of each question in the order asked its state, or `state: reason`. `says`: how many
    messages docbot wrote in threads; `to_staff`, in a channel of staff; `privately`, to one person
    alone. `pings`: how many of them pinged anybody; `gives_up`: messages that it could not send.
    """

    ends: Sequence[str]
    says: int = 0
    to_staff: int = 0
    privately: int = 0
    pings: int = 0
    gives_up: int = 0


class Person:
    """Somebody who acts in the scene, in the thread at hand unless another one is named."""

    def __init__(self, scene: "Scene", member: Member) -> None:
        self._scene = scene
        self.member = member

    @property
    def id(self) -> int:
        return self.member.id

    async def posts(
        self,
        title: str = QUESTION,
        body: str = BODY,
        *,
        tags: Sequence[str] = (),
        forum: Channel | None = None,
    ) -> Thread:
        """Open a thread, which is the one at hand from then on."""
        forum = forum or self._scene.playground.forum
        self._scene.thread = thread = await self.member.post(forum, title, body, tags)
        await self._scene.has_read(thread.id)
        return thread

    async def writes(self, text: str, *, to: Message | None = None) -> Message:
        """Write in the thread, as a reply to a message if one is named."""
        message = await self.member.reply(self._scene.thread, text, to)
        await self._scene.has_read(message.id)
        return message

    async def calls_docbot(self, text: str) -> Message:
        return await self.writes(f"{self._scene.town.mention} {text}")

    async def edits(self, message: Message, text: str) -> None:
        await self.member.edit(message, text)
        await self._scene.until("SELECT content = $2 FROM messages WHERE id = $1", message.id, text)

    async def deletes(self, message: Message) -> None:
        await self.member.delete(message)
        is_known = "SELECT deleted_at IS NOT NULL FROM messages WHERE id = $1"
        if message.author is not self._scene.playground.bot:
            await self._scene.until(is_known, message.id)

    async def clears(self, messages: Sequence[Message]) -> None:
        """Delete messages of a channel at once."""
        await self.member.clear(messages)

    async def renames(self, title: str) -> None:
        thread = self._scene.thread
        await self.member.rename(thread, title)
        await self._scene.until("SELECT title = $2 FROM threads WHERE id = $1", thread.id, title)

    async def locks(self) -> None:
        await self.member.lock(self._scene.thread)
        await self._scene.until("SELECT locked FROM threads WHERE id = $1", self._scene.thread.id)

    async def unlocks(self) -> None:
        await self.member.unlock(self._scene.thread)
        await self._scene.until(
            "SELECT NOT locked FROM threads WHERE id = $1", self._scene.thread.id
        )

    async def archives(self) -> None:
        await self.member.archive(self._scene.thread)
        await self._scene.until("SELECT archived FROM threads WHERE id = $1", self._scene.thread.id)

    async def tags(self, *names: str) -> None:
        """Put these tags on the thread, in place of those it has."""
        thread = self._scene.thread
        await self.member.tag(thread, *names)
        await self._scene.until(
            "SELECT tags @> $2 AND tags <@ $2 FROM threads WHERE id = $1",
            thread.id,
            thread.applied_tags,
        )

    async def presses(self, label: str, on: Message | None = None) -> Message:
        """Press the button that begins with this label; what docbot says to that, in private."""
        message = on or self._scene.last_with(label)
        return await _private(await self.member.press(message, button(message, label)), self)

    async def opens(self, label: str, on: Message) -> Invocation:
        """Press a button that opens a form."""
        call = await self.member.press(on, button(on, label))
        await call.modal()
        return call

    async def fills_in(self, form: Invocation, text: str) -> Message:
        """Send a form of one field in with this text."""
        [name] = (await form.modal()).fields
        return await _private(await self.member.submit_modal(form, {name: text}), self)

    async def sends_in(self, custom_id: str, text: str) -> Message:
        """Send in a form that no client of Discord's would let out."""
        field = {"type": 4, "id": 2, "custom_id": "why", "value": text}
        row = {"type": 18, "id": 1, "component": field}
        data = {"custom_id": custom_id, "components": [row]}
        return await self._forges(InteractionKind.MODAL, data)

    async def forges(self, custom_id: str, on: Message) -> Message:
        """Press a button that is not there."""
        data = {"custom_id": custom_id, "component_type": 2, "id": 1}
        return await self._forges(InteractionKind.COMPONENT, data, on)

    async def asks(self, command: str, question: str, place: Channel | Thread) -> Message:
        """Call a command that answers a question; what only this person sees of it."""
        return await _private(await self.member.slash(place, command, question=question), self)

    async def runs(self, command: str) -> Message:
        return await _private(await self.member.slash(self._scene.thread, command), self)

    async def marks_as_solution(self, message: Message) -> Message:
        return await _private(await self.member.message_menu(message, "Mark solution"), self)

    async def hears(self, containing: str = "") -> Message:
        """What docbot wrote to this person alone."""
        return await self.member.sees_direct_message(containing=containing)

    async def _forges(
        self, kind: InteractionKind, data: dict[str, Any], on: Message | None = None
    ) -> Message:
        interactions = self._scene.playground.interactions
        place = on.channel_id if on else self._scene.thread.id
        begun = interactions.begin(kind, self.member.user, place, data, message=on)
        return await _private(Invocation(interactions, begun), self)


async def _private(call: Invocation, person: Person) -> Message:
    """What comes of a call, which nobody else may see."""
    said = await call.answered()
    assert said.ephemeral_to == person.id
    return said


class Scene:
    """What goes on, and docbot in it."""

    def __init__(
        self, quiet: QuietTown, model: ModelServer | None, log: pytest.LogCaptureFixture
    ) -> None:
        self._quiet = quiet
        self._model = model
        self._log = log
        self._run = AsyncExitStack()
        self._seen: set[int] = set()
        self._thread: Thread | None = None
        self._staff: list[Channel | Thread] = [quiet.playground.staff]
        self.town: Town
        people = self.playground
        self.ada, self.ben, self.cleo = (Person(self, each) for each in people.members)
        self.hana = Person(self, people.helper)  # has the role Helpers
        people.town.helpers.mentionable = True
        self.mina = Person(self, people.moderator)
        self.olga = Person(self, people.admin)

    @property
    def playground(self) -> Playground:
        return self._quiet.playground

    @property
    def thread(self) -> Thread:
        assert self._thread is not None
        return self._thread

    @thread.setter
    def thread(self, thread: Thread) -> None:
        self._thread = thread

    @property
    def staff(self) -> Channel | Thread:
        """Where staff decides."""
        return self._staff[-1]

    @property
    def post(self) -> Message:
        """The message that opened the thread."""
        return self.playground.world.messages[self.thread.id]

    @property
    def tags(self) -> list[str]:
        """The tags on the thread, by name."""
        names = {tag.id: tag.name for tag in self.playground.forum.tags}
        return [names[each] for each in self.thread.applied_tags if each in names]

    # Docbot

    async def docbot_starts(self) -> None:
        self.town = await self._run.enter_async_context(
            self._quiet.awake(idle_seconds=_IDLE_SECONDS)
        )
        await self.town.caught_up()

    async def docbot_stops(self) -> None:
        await self._run.aclose()

    async def docbot_restarts(self) -> None:
        await self.docbot_stops()
        await self.docbot_starts()

    async def docbot_says(self, containing: str = "") -> Message:
        """What docbot writes next in the thread."""
        return await self._next(self.thread.id, containing)

    async def staff_gets(self, containing: str = "") -> Message:
        """What docbot writes next in the channel of the staff."""
        return await self._next(self.staff.id, containing)

    async def docbot_thinks(self, *, times: int = 1) -> None:
        """Wait until docbot has asked its model so often; it is scripted to keep it waiting."""
        model = self._model
        assert model is not None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(model.requests) < times:
                model.arrived.clear()
                await model.arrived.wait()

    def docbot_goes_on(self) -> None:
        assert self._model is not None
        self._model.release.set()

    def docbot_hangs_again(self) -> None:
        """Let the model keep docbot waiting once more, where it is scripted to."""
        assert self._model is not None
        self._model.release.clear()

    async def question_is(self, state: str) -> None:
        """Wait until the newest question is in a state."""
        await self.until("SELECT state = $1 FROM questions ORDER BY id DESC LIMIT 1", state)

    async def answer_shows(self, label: str) -> None:
        """Wait until a button of docbot's in the thread has this label."""

        def look() -> bool:
            replies = self.playground.world.replies_of_bot(self.thread.id)
            return label in [each["label"] for reply in replies for each in reply.buttons]

        await self.comes_true(look)

    async def thread_has_tags(self, *names: str) -> None:
        """Wait until the thread has these tags and no other."""
        await self.comes_true(lambda: sorted(self.tags) == sorted(names))

    async def staff_reads(self, containing: str, message: Message) -> None:
        """Wait until a message to staff says this."""
        await self.comes_true(lambda: containing in message.content)

    async def has_read(self, message_id: int) -> None:
        """Wait until docbot has taken a message in; where it is to take none, do not."""
        forum = self.town.bot.bindings.find(self.thread.parent_id)
        message = self.playground.world.messages[message_id]
        banned = self.town.bot.bindings.server(message.guild_id or 0).banned
        is_taken = not message.author.bot and message.author.id not in banned
        if forum is not None and forum.mode != "off" and is_taken:
            await self.until("SELECT true FROM messages WHERE id = $1", message_id)

    def lines_with(self, words: str) -> list[str]:
        """Those for the operator that say this."""
        return [
            record.message
            for record in self._log.records
            if words in record.message and record.levelno >= logging.WARNING
        ]

    def was_refused_nothing(self) -> bool:
        """Whether docbot asked Discord for nothing that it may not do."""
        return self.playground.rest.invalid_requests == 0

    def last_with(self, label: str) -> Message:
        """The newest message in the thread that has such a button."""
        replies = self.playground.world.replies_of_bot(self.thread.id)
        return next(
            reply
            for reply in reversed(replies)
            if any(each["label"].startswith(label) for each in reply.buttons)
        )

    async def operator_reads(self, containing: str) -> None:
        """Wait until the log has such a line."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await eventually(lambda: any(containing in line for line in self._log.messages))

    # What people cannot do

    async def time_passes(self, *, hours: float = 0, seconds: float = 0) -> None:
        """Let all that is stored have happened earlier.

        No order of locks is right for a statement that writes everything: docbot takes a thread
        before its questions here, and a question alone there. Who is broken off begins anew.
        """
        while True:
            with suppress(asyncpg.DeadlockDetectedError):
                await self.town.rooms.pool.execute(_TIME_PASSES, hours * 3600 + seconds)
                return

    async def staff_moves(self, to: Channel | Thread | None = None) -> None:
        """Set another channel for the staff; a new one, unless one is named."""
        world, guild = self.playground.world, self.playground.guild
        self._staff.append(to or world.add_channel(guild.id, "staff-room"))
        await self.set("staff-channel", "#staff")

    async def operator_retries(self) -> None:
        """Have all tried again that failed."""
        rooms = self.town.rooms
        for question in await rooms.questions.all("failed"):
            await try_again(rooms.pool, rooms.questions, rooms.outbox, question.id)

    async def set(self, name: str, value: str) -> None:
        """Change a setting of the forum; `#staff` and `@Helpers` stand for their ids."""
        ids = {
            "#staff": str(self.staff.id),
            "@Helpers": str(self.playground.town.helpers.id),
        }
        await self.town.configure(name, ids.get(value, value))

    def docbot_may_not(self, *rights: Permission, place: Channel | None = None) -> None:
        """Take these rights from docbot in its forum or another channel; it has all others."""
        denied = reduce(or_, rights, NO_PERMISSIONS)
        world, role = self.playground.world, self.playground.town.bot_role
        channel = place or self.playground.forum
        seen = Permission.VIEW_CHANNEL & ~denied
        world.set_overwrite(channel.id, role.id, allow=seen, deny=denied)

    def nobody_may_mention_helpers(self) -> None:
        """Let Discord ping the helpers for nobody but who may ping all roles."""
        helpers = self.playground.town.helpers
        helpers.mentionable = False
        self.playground.world.edit_role(helpers, helpers.permissions)

    def robot(self, name: str) -> Person:
        """Somebody else's bot."""
        return Person(self, self.playground.add_member(name, bot=True))

    async def at_once(self, *acts: Awaitable[Message]) -> list[Message]:
        """Let people act at the same moment."""
        return list(await asyncio.gather(*acts))

    async def another_server(self, name: str = "Elsewhere") -> Guild:
        """Found a server that Ada is in too, with a forum where docbot answers."""
        guild = self.playground.add_town(name, ("Ada",))
        await self.until("SELECT true FROM guilds WHERE id = $1", guild.guild.id)
        [docs] = await self.town.rooms.sources.get_many(["docs"])
        await self.town.rooms.forums.bind(
            guild_id=guild.guild.id,
            channel_id=guild.forum.id,
            mode="auto",
            source_ids=[docs.id],
        )
        await self.town.bot.bindings.reload()
        return guild

    async def until(self, sql: str, *arguments: Any) -> Any:
        """Wait, bounded, until the query gives a true value."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.town.until(sql, *arguments)

    async def value(self, sql: str, *arguments: Any) -> Any:
        return await self.town.value(sql, *arguments)

    async def comes_true(self, look: Callable[[], bool]) -> None:
        """Wait, bounded, until it looks so in the server."""
        await self.playground.world.wait_for(look, _PATIENCE_SECONDS)

    # The end

    async def stands(self) -> str:
        """How all stands, for whoever has to find out what did not come."""
        tables = ("threads", "questions", "outbox", "config", "forums")
        rows = [
            f"{table}: {dict(row)}"
            for table in tables
            for row in await self.town.rooms.pool.fetch(f"SELECT * FROM {table}")
        ]
        asked = [
            f"{one.method} {one.path} {one.status}" for one in list(self.playground.requests)[-40:]
        ]
        return "\n".join([f"at {await self.value('SELECT now()')}", *rows, *asked])

    async def ends_as(self, outcome: Outcome) -> None:
        """Wait until nothing is left to be done; then hold it against what was foretold."""
        await self.until(_IS_OVER)
        listed = await self.town.states()
        told = [
            f"{state}: {reason}" if ": " in expected else state
            for (state, reason), expected in zip(listed, outcome.ends, strict=False)
        ]
        assert told + [str(each) for each in listed[len(told) :]] == list(outcome.ends)
        self._check_messages(outcome)
        await self._check_outbox(outcome)
        assert [record for record in self._log.records if record.exc_info] == []

    def _check_messages(self, outcome: Outcome) -> None:
        written = list(self._written())
        places = Counter(self._place_of(message) for message in written)
        assert places["thread"] == outcome.says, [each.content for each in written]
        assert places["staff"] == outcome.to_staff, [each.content for each in written]
        assert places["private"] == outcome.privately, [each.content for each in written]
        pinging = [each for each in written if each.mention_roles]
        assert len(pinging) == outcome.pings
        assert [each for each in written if each.mentions or each.mention_everyone] == []

    async def _check_outbox(self, outcome: Outcome) -> None:
        """Each message is one row's, each row came to an end, and nothing is answered twice."""
        pool = self.town.rooms.pool
        sent = await pool.fetch("SELECT message_id FROM outbox WHERE message_id IS NOT NULL")
        assert sorted(row["message_id"] for row in sent) == sorted(m.id for m in self._written())
        dead = await pool.fetch("SELECT kind, reason FROM outbox WHERE state = 'dead'")
        assert len(dead) == outcome.gives_up, dead
        assert await pool.fetch(_ANSWERED_TWICE) == []

    def _written(self) -> Iterator[Message]:
        """All that docbot wrote by itself: what answers a press or a command is not of it."""
        for message in self.playground.world.messages.values():
            if message.author is self.playground.bot and message.interaction is None:
                yield message

    def _place_of(self, message: Message) -> str:
        if message.guild_id is None:
            return "private"
        is_to_staff = message.channel_id in [place.id for place in self._staff]
        return "staff" if is_to_staff else "thread"

    async def _next(self, channel_id: int, containing: str) -> Message:
        def look() -> Message | None:
            for message in self.playground.world.replies_of_bot(channel_id):
                if message.id not in self._seen and containing in message.content:
                    return message
            return None

        message = await self.playground.world.wait_for(
            look, _PATIENCE_SECONDS, channel_id=channel_id
        )
        self._seen.add(message.id)
        # Nobody is so fast that docbot does not yet know of its own message.
        await self.until("SELECT true FROM outbox WHERE message_id = $1", message.id)
        return message


Play: TypeAlias = Callable[[Scene], Awaitable[None]]
Test: TypeAlias = Callable[[Ground, pytest.LogCaptureFixture], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is so before a scene begins; `model`: what it replies, None where there is none."""

    given: Mapping[str, str] = field(default_factory=dict)
    model: Sequence[Reply] | Chat | None = None
    limits: str = "off"


def scene(
    words: str,
    *,
    ends: Sequence[str],
    says: int = 0,
    to_staff: int = 0,
    privately: int = 0,
    pings: int = 0,
    gives_up: int = 0,
    given: Mapping[str, str] | None = None,
    model: Sequence[Reply] | Chat | None = None,
    limits: str = "off",
) -> Callable[[Play], Test]:
    """Make a test of a play; `words` say how it ends, as the figures of `Outcome` do.

    `given` is what is set before it begins, `model` what the model replies.
    """
    outcome = Outcome(ends, says, to_staff, privately, pings, gives_up)
    setting = Setting(given or {}, model, limits)

    def make(play: Play) -> Test:
        async def test(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
            async with _open(ground, caplog, setting) as opened:
                try:
                    await play(opened)
                    await opened.ends_as(outcome)
                except TimeoutError as error:
                    raise AssertionError(await opened.stands()) from error

        test.__name__ = test.__qualname__ = getattr(play, "__name__", "test")
        test.__doc__ = words
        return test

    return make


@asynccontextmanager
async def _open(
    ground: Ground, log: pytest.LogCaptureFixture, setting: Setting
) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        changes: dict[str, Any] = {"docbot_limits": setting.limits}
        model = None
        if setting.model is not None:
            model = await stack.enter_async_context(ModelServer.open(replies=setting.model))
            changes |= {"openai_base_url": model.base_url, "docbot_chat_model": "test-chat"}
        quiet = await stack.enter_async_context(open_quiet_town(ground, **changes))
        opened = Scene(quiet, model, log)
        await opened.docbot_starts()
        stack.push_async_callback(opened.docbot_stops)
        for name, value in setting.given.items():
            await opened.set(name, value)
        yield opened
