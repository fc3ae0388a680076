"""Finds what was posted while docbot was away: a restart of the gateway replays nothing."""

import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import discord

from docbot.bot import faults
from docbot.bot.translate import Place, change_of, is_from_person
from docbot.bot.watch import Bindable
from docbot.db.forums import Forum, Forums
from docbot.db.threads import ThreadChange, Threads, Told
from docbot.errors import DocbotError, GoneError, PermanentError, TransientError
from docbot.forum.bindings import Bindings
from docbot.forum.conduct import steps_back
from docbot.forum.decide import Bounds, Incoming, judge_missed
from docbot.forum.intake import Intake

log = logging.getLogger(__name__)

# Whoever wrote; a member of the server where Discord tells as much.
Author: TypeAlias = discord.User | discord.Member

# An event may be tried again for so long before it is given up, or be late by itself: what a
# forum's mark says was told, was told up to so long before it.
_MARGIN = timedelta(minutes=30)
# A live message moves the mark so seldom: it saves a few requests at the next start.
_MARK_EVERY = timedelta(minutes=10)
# Between two missed questions: a third of what Discord lets a bot answer, the rest is for live ones.
_TURN = timedelta(seconds=0.2)
# In which the further messages of a thread that is found are taken in.
_MOMENT = timedelta(seconds=2)
# A thread that was not to be had so often is tried after all others: it may never be.
_LAST_AFTER = 3
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Tally:
    """What was found of one forum since it fell behind, over all tries to catch up on it."""

    asked: int = 0
    posts: int = 0  # of those asked, and of those that staff is shown an answer to
    left: int = 0  # to people, who wrote first
    missed: Counter[str] = field(default_factory=Counter)  # by why it is not answered
    failures: Counter[int] = field(default_factory=Counter)  # by thread, to take it in


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a thread that is found tells of its post.

    `is_left`: to people, who wrote; `is_shown_to_staff`: who get docbot's answer all the same.
    `whole_at`: when all of it is there.
    """

    is_left: bool = False
    is_shown_to_staff: bool = False
    whole_at: datetime = _EVER


class CatchUp:
    """Compares each bound forum's threads with what is stored, and takes in what is missing.

    Knows in which forums everything up to the newest event was told: not so after a gap, until it
    is caught up on. Each forum has a mark, moved on while it is in step: all up to there was told, so
    that no search for what was missed goes further back.
    """

    def __init__(
        self,
        client: discord.Client,
        intake: Intake,
        bindings: Bindings,
        threads: Threads,
        forums: Forums,
        *,
        bounds: Bounds,
        as_incoming: Callable[[discord.Message, Place, Author], Awaitable[Incoming]],
        change_thread: Callable[[ThreadChange], Awaitable[None]],
        in_order: Callable[[int], AbstractAsyncContextManager[None]],
    ) -> None:
        self._client = client
        self._intake = intake
        self._bindings = bindings
        self._threads = threads
        self._forums = forums
        self._bounds = bounds
        self._as_incoming = as_incoming
        self._change_thread = change_thread
        self._in_order = in_order  # keeps other events of a thread waiting
        # By forum: how often there was a gap; the last one that was caught up on, and as of which
        # binding: what came before this process knew of a new one was taken for nobody's.
        self._gaps: Counter[int] = Counter()
        self._caught_up: dict[int, tuple[int, datetime]] = {}
        self._tallies: defaultdict[int, _Tally] = defaultdict(_Tally)
        self._marks: dict[int, datetime] = {}
        # By server and person, while a catch-up runs: one request for all that somebody wrote.
        self._authors: dict[tuple[int, int], Author] = {}
        # By thread, while a catch-up runs: newer than the lists that it reads.
        self._changes: dict[int, ThreadChange] | None = None
        self._next_turn = datetime.now(UTC)

    def is_in_step(self, forum_id: int | None) -> bool:
        """Whether everything up to now was told of this forum."""
        forum = None if forum_id is None else self._bindings.find(forum_id)
        if forum is None:
            return False
        now = self._gaps[forum.channel_id], forum.bound_at
        return self._caught_up.get(forum.channel_id) == now

    def fall_behind(self, guild_id: int | None = None) -> None:
        """From now on something may be missing, in the forums of one server or in all."""
        for forum in self._in_guild(guild_id):
            self._gaps[forum.channel_id] += 1

    def fall_behind_where_blind(self, guild_id: int | None = None) -> None:
        """As `fall_behind`, in the forums that docbot may not read just now."""
        for forum in self._in_guild(guild_id):
            if self._readable(forum) is None:
                self._gaps[forum.channel_id] += 1

    async def told(self, forum_id: int, message: discord.Message) -> None:
        """Move the forum's mark on to a message that was told live and is seen to."""
        at = message.created_at
        if self.is_in_step(forum_id) and at - self._marks.get(forum_id, _EVER) >= _MARK_EVERY:
            self._marks[forum_id] = at
            await self._forums.tell(forum_id, at)

    def changed(self, change: ThreadChange) -> None:
        """Hear of a change that was stored; a catch-up that runs does not put it back."""
        if self._changes is not None:
            self._changes[change.id] = change

    async def run(self, guild_id: int | None = None) -> None:
        """Catch up on the forums that are behind, of one server or of all; one run at a time.

        Raises:
            TransientError: not on every one; the others are done.
        """
        self._changes = {}
        try:
            await self._run(guild_id)
        finally:
            self._changes = None
            self._authors.clear()

    async def _run(self, guild_id: int | None) -> None:
        missed: TransientError | None = None
        for forum in self._in_guild(guild_id):
            channel = self._readable(forum)
            if channel is None or self.is_in_step(forum.channel_id):
                continue
            try:
                await self._catch_up_or_report(forum, channel)
            except TransientError as error:
                missed = error
        if missed is not None:
            raise missed

    def _in_guild(self, guild_id: int | None) -> list[Forum]:
        return [each for each in self._bindings.all() if guild_id in (None, each.guild_id)]

    def _readable(self, forum: Forum) -> Bindable | None:
        channel = self._client.get_channel(forum.channel_id)
        if not isinstance(channel, Bindable) or forum.mode == "off":
            return None
        return channel if may_read(channel) else None

    async def _catch_up_or_report(self, forum: Forum, channel: Bindable) -> None:
        """One forum that docbot may not read keeps no other from being caught up on."""
        gap = self._gaps[forum.channel_id]
        tally = self._tallies[forum.channel_id]
        try:
            with faults.translated():
                await self._catch_up_on(forum, channel, tally)
        except PermanentError as error:
            log.error("forum %d cannot be caught up on: %s", forum.channel_id, error)
        else:
            self._caught_up[forum.channel_id] = gap, forum.bound_at
            self._tell_operator(forum, tally)
            del self._tallies[forum.channel_id]

    def _tell_operator(self, forum: Forum, tally: _Tally) -> None:
        if not (tally.asked or tally.left or tally.missed):
            return
        log.log(
            logging.WARNING if tally.missed else logging.INFO,
            "forum %d: found %d questions from while docbot was away: %s",
            forum.channel_id,
            tally.asked + tally.left + tally.missed.total(),
            ", ".join(_told(tally)),
        )

    async def _catch_up_on(self, forum: Forum, channel: Bindable, tally: _Tally) -> None:
        began = datetime.now(UTC)
        horizon = max(forum.bound_at, await self._forums.told_until(forum) - _MARGIN)
        if isinstance(channel, discord.TextChannel):
            await self._take_new_calls(channel, horizon, began, tally)
        with faults.understood():
            threads = await _threads_since(channel, horizon)
        told = await self._threads.told([thread.id for thread in threads])
        for thread in threads:
            if thread.id in told:
                await self._tell_change(change_of(thread), told[thread.id])
        behind = [thread for thread in threads if _is_behind(thread, told.get(thread.id), horizon)]
        # First what waits, as somebody may have been there before docbot; then what can still be
        # answered, the oldest of it first.
        waiting = {thread_id for thread_id, each in told.items() if each.open_id is not None}
        oldest = discord.utils.time_snowflake(began - self._bounds.age)

        def turn(thread: discord.Thread) -> tuple[bool, bool, bool, int]:
            is_late = tally.failures[thread.id] >= _LAST_AFTER
            return is_late, thread.id not in waiting, thread.id < oldest, thread.id

        for thread in sorted(behind, key=turn):
            after = _told_up_to(thread, told.get(thread.id), horizon)
            try:
                with faults.translated():
                    await self._take_new_messages(thread, after, began, tally)
            except GoneError:
                log.debug("thread %d was deleted while it was caught up on", thread.id)
            except DocbotError:
                tally.failures[thread.id] += 1
                raise
        changes = [_last_change(thread) for thread in threads]
        if isinstance(channel, discord.TextChannel):
            changes.append(discord.utils.snowflake_time(channel.last_message_id or channel.id))
        if changes:
            await self._forums.tell(forum.channel_id, max(changes))

    async def _tell_change(self, listed: ThreadChange, told: Told) -> None:
        """Tell of a thread that was solved, archived or the like meanwhile."""
        if told.is_as_in(listed):
            return
        async with self._in_order(listed.id):
            if listed.id not in (self._changes or {}):
                await self._change_thread(listed)

    async def _take_new_calls(
        self, channel: discord.TextChannel, horizon: datetime, began: datetime, tally: _Tally
    ) -> None:
        """Take in who called docbot in the channel itself, as far as that is still answered."""
        start = max(horizon, began - self._bounds.age)
        async with self._in_order(channel.id):
            for message in await _written_since(channel, discord.utils.time_snowflake(start)):
                incoming = await self._incoming(message, channel)
                await self._take(incoming, began, tally, _Surroundings())

    async def _take_new_messages(
        self, thread: discord.Thread, after: int, began: datetime, tally: _Tally
    ) -> None:
        """Take in what people wrote in the thread that was not told."""
        async with self._in_order(thread.id):
            messages = [
                message
                for message in await _written_since(thread, after)
                if self._intake.is_heard(thread.guild.id, message.author.id)
            ]
            found = [await self._incoming(message, thread) for message in messages]
            around = self._around(thread, found)
            for incoming in found:
                await self._take(self._as_changed(incoming), began, tally, around)
            await self._threads.saw(thread.id, _last_id(thread))

    async def _incoming(self, message: discord.Message, place: Place) -> Incoming:
        key = place.guild.id, message.author.id
        if key not in self._authors:
            self._authors[key] = await _author_of(message, place.guild)
        return await self._as_incoming(message, place, self._authors[key])

    def _as_changed(self, incoming: Incoming) -> Incoming:
        change = (self._changes or {}).get(incoming.thread.id)
        return replace(incoming, thread=incoming.thread.changed(change)) if change else incoming

    def _around(self, thread: discord.Thread, found: Sequence[Incoming]) -> _Surroundings:
        forum = self._bindings.find(thread.parent_id)
        if forum is None:
            return _Surroundings()
        others = [each for each in found if each.message.author_id != thread.owner_id]
        # Who calls docbot wants docbot, whoever else is there.
        is_left = forum.mode != "mention" and steps_back(
            forum.config,
            others_wrote=bool(others),
            staff_wrote=any(each.is_staff for each in others),
        )
        parts = [
            each.message.created_at for each in found if each.message.author_id == thread.owner_id
        ]
        return _Surroundings(
            is_left=is_left,
            is_shown_to_staff=is_left and forum.config.staff_channel is not None,
            whole_at=_whole_at(parts, forum.config.settle_seconds, is_alone=len(found) == 1),
        )

    async def _take(
        self,
        incoming: Incoming,
        began: datetime,
        tally: _Tally,
        around: _Surroundings,
    ) -> None:
        written = incoming.message.created_at
        # What is written from now on is live, also where the gateway tells of it a moment later.
        if not self._intake.asks(incoming) or written >= began:
            await self._intake.take(incoming, in_step=False)
            return
        is_left = incoming.opens_thread and around.is_left
        is_work = not is_left or around.is_shown_to_staff
        too_late = judge_missed(
            incoming, self._bounds, age=began - written, taken=tally.posts if is_work else 0
        )
        turn = max(self._next_turn, datetime.now(UTC))
        turn_at = max(turn, around.whole_at) if incoming.opens_thread else turn
        incoming = replace(
            incoming, turn_at=None if too_late else turn_at, is_missed=too_late is not None
        )
        taken = await self._intake.take(incoming, in_step=False)
        if taken == "missed" and too_late:
            tally.missed[too_late] += 1
        elif taken == "asked":
            self._next_turn = turn + _TURN
            tally.left += is_left
            tally.asked += not is_left
            tally.posts += incoming.opens_thread and is_work


def _told(tally: _Tally) -> Iterator[str]:
    """What becomes of what was found."""
    if tally.asked:
        yield f"{tally.asked} to be answered"
    if tally.left:
        yield f"{tally.left} left to people who wrote first"
    if tally.missed:
        why = ", ".join(f"{number} {reason}" for reason, number in sorted(tally.missed.items()))
        yield f"{tally.missed.total()} cancelled as missed ({why})"


async def _author_of(message: discord.Message, guild: discord.Guild) -> Author:
    """The author with roles and rights, which a channel's history does not tell."""
    try:
        with faults.translated(), faults.understood():
            return await guild.fetch_member(message.author.id)
    except GoneError:  # who left has neither
        return message.author


async def _written_since(place: Place, after: int) -> list[discord.Message]:
    """What people wrote after a message, the oldest first."""
    start = discord.Object(after)
    with faults.understood():
        return [
            message
            async for message in place.history(after=start, limit=None, oldest_first=True)
            if is_from_person(message)
        ]


async def _threads_since(channel: Bindable, horizon: datetime) -> list[discord.Thread]:
    """Every thread in which something may have happened since then."""
    # Asked for, since the cache lacks what was made while the forum was hidden.
    threads = {thread.id: thread for thread in await _active_threads(channel)}
    # The last archived come first, and what was written in is archived after that.
    async for thread in channel.archived_threads(limit=None):
        if thread.archive_timestamp < horizon:
            break
        threads[thread.id] = thread
    # Once more, for what was opened again while the archived were read.
    threads |= {thread.id: thread for thread in await _active_threads(channel)}
    return list(threads.values())


async def _active_threads(channel: Bindable) -> list[discord.Thread]:
    active = await channel.guild.active_threads()
    return [thread for thread in active if thread.parent_id == channel.id]


def may_read(channel: Bindable) -> bool:
    rights = channel.permissions_for(channel.guild.me)
    return rights.view_channel and rights.read_message_history


def _is_behind(thread: discord.Thread, told: Told | None, horizon: datetime) -> bool:
    last_id = _last_id(thread)
    return last_id > (told.seen_id if told else discord.utils.time_snowflake(horizon))


def _told_up_to(thread: discord.Thread, told: Told | None, horizon: datetime) -> int:
    """The message of the thread after which it is read."""
    since = told.read_from if told and told.seen_id else discord.utils.time_snowflake(horizon)
    return max(since, thread.id - 1)


def _last_change(thread: discord.Thread) -> datetime:
    return max(discord.utils.snowflake_time(_last_id(thread)), thread.archive_timestamp)


def _last_id(thread: discord.Thread) -> int:
    return max(thread.id, thread.last_message_id or 0)


def _whole_at(parts: Sequence[datetime], settle_seconds: float, *, is_alone: bool) -> datetime:
    """When the author of a post has stopped writing it, and all that stands there is taken in."""
    if not parts:
        return _EVER
    settled = parts[-1] + timedelta(seconds=settle_seconds)
    return settled if is_alone else max(settled, datetime.now(UTC) + _MOMENT)
