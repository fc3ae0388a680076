"""Finds what was posted while docbot was away: a restart of the gateway replays nothing."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import discord

from docbot.bot import faults
from docbot.bot.translate import incoming_from, is_from_person
from docbot.db.forums import Forum
from docbot.db.threads import Threads
from docbot.errors import PermanentError, TransientError
from docbot.forum.bindings import Bindings
from docbot.forum.intake import Intake

log = logging.getLogger(__name__)

# Older posts have long found another answer; more at once would be a flood.
MISSED_FOR = timedelta(hours=6)
MISSED_POSTS = 50


class CatchUp:
    """Compares each bound forum's threads with what is stored, and takes in what is missing.

    Knows in which forums everything up to the newest event was told: not so after a gap, until it
    is caught up on.
    """

    def __init__(
        self,
        client: discord.Client,
        intake: Intake,
        bindings: Bindings,
        threads: Threads,
        *,
        calls_us: Callable[[discord.Message], Awaitable[bool]],
        in_order: Callable[[int], AbstractAsyncContextManager[None]],
    ) -> None:
        self._client = client
        self._intake = intake
        self._bindings = bindings
        self._threads = threads
        self._calls_us = calls_us
        self._in_order = in_order  # keeps other events of a thread waiting
        # By forum: how often there was a gap, and the last one that was caught up on.
        self._gaps: Counter[int] = Counter()
        self._caught_up: dict[int, int] = {}

    def is_in_step(self, forum_id: int | None) -> bool:
        """Whether everything up to now was told of this forum."""
        return forum_id in self._caught_up and self._caught_up[forum_id] == self._gaps[forum_id]

    def fall_behind(self, guild_id: int | None = None) -> None:
        """From now on something may be missing, in the forums of one server or in all."""
        for forum in self._in_guild(guild_id):
            self._gaps[forum.channel_id] += 1

    def fall_behind_where_blind(self, guild_id: int | None = None) -> None:
        """As `fall_behind`, in the forums that docbot may not read just now."""
        for forum in self._in_guild(guild_id):
            if self._readable(forum) is None:
                self._gaps[forum.channel_id] += 1

    async def run(self, guild_id: int | None = None) -> None:
        """Catch up on the forums that are behind, of one server or of all.

        Raises:
            TransientError: not on every one; the others are done.
        """
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

    def _readable(self, forum: Forum) -> discord.ForumChannel | None:
        channel = self._client.get_channel(forum.channel_id)
        if not isinstance(channel, discord.ForumChannel) or forum.mode == "off":
            return None
        return channel if may_read(channel) else None

    async def _catch_up_or_report(self, forum: Forum, channel: discord.ForumChannel) -> None:
        """One forum that docbot may not read keeps no other from being caught up on."""
        gap = self._gaps[forum.channel_id]
        try:
            with faults.translated():
                await self._catch_up_on(forum, channel)
        except PermanentError as error:
            log.error("forum %d cannot be caught up on: %s", forum.channel_id, error)
        else:
            self._caught_up[forum.channel_id] = gap

    async def _catch_up_on(self, forum: Forum, channel: discord.ForumChannel) -> None:
        since = datetime.now(UTC) - MISSED_FOR
        threads = await _recent_threads(channel, since)
        seen = await self._threads.seen_ids([thread.id for thread in threads])
        behind = [thread for thread in threads if _last_id(thread) > seen.get(thread.id, 0)]
        posts = [t for t in behind if t.id not in seen and _created_at(t) >= forum.bound_at]
        left = posts[MISSED_POSTS:]
        taken = 0
        for thread in behind:
            if thread not in left:
                taken += await self._take_new_messages(thread, seen.get(thread.id, 0), since)
        if taken or left:
            log.info(
                "forum %d: took in %d messages from while docbot was away, left %d posts",
                forum.channel_id,
                taken,
                len(left),
            )

    async def _take_new_messages(
        self, thread: discord.Thread, seen_id: int, since: datetime
    ) -> int:
        """Take in what people wrote after `seen_id` and since then; return how much it was."""
        async with self._in_order(thread.id):
            start = max(seen_id, thread.id - 1, discord.utils.time_snowflake(since))
            after = discord.Object(start)
            messages = [
                message
                async for message in thread.history(after=after, limit=None, oldest_first=True)
                if is_from_person(message)
            ]
            is_late = thread.id <= start or _somebody_helps(thread, messages)
            for message in messages:
                calls_us = await self._calls_us(message)
                incoming = incoming_from(message, thread, calls_us=calls_us, is_late=is_late)
                await self._intake.take(incoming, in_step=False)
            await self._threads.saw(thread.id, _last_id(thread))
        return len(messages)


async def _recent_threads(channel: discord.ForumChannel, since: datetime) -> list[discord.Thread]:
    """The threads in which somebody wrote since then, oldest first."""
    # Asked for, since the cache lacks what was made while the forum was hidden.
    active = await channel.guild.active_threads()
    threads = {thread.id: thread for thread in active if thread.parent_id == channel.id}
    async for thread in channel.archived_threads(limit=MISSED_POSTS):
        threads[thread.id] = thread
    recent = [t for t in threads.values() if discord.utils.snowflake_time(_last_id(t)) >= since]
    return sorted(recent, key=lambda thread: thread.id)


def may_read(channel: discord.ForumChannel) -> bool:
    rights = channel.permissions_for(channel.guild.me)
    return rights.view_channel and rights.read_message_history


def _created_at(thread: discord.Thread) -> datetime:
    return discord.utils.snowflake_time(thread.id)


def _last_id(thread: discord.Thread) -> int:
    return max(thread.id, thread.last_message_id or 0)


def _somebody_helps(thread: discord.Thread, messages: list[discord.Message]) -> bool:
    return any(message.author.id != thread.owner_id for message in messages)
