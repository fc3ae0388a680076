"""Finds what was posted while docbot was away: a restart of the gateway replays nothing."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import discord

from docbot.bot import faults
from docbot.bot.translate import incoming_from
from docbot.db.forums import Forum
from docbot.db.threads import Threads
from docbot.errors import PermanentError
from docbot.forum.bindings import Bindings
from docbot.forum.intake import Intake

log = logging.getLogger(__name__)

# Older posts have long found another answer; more at once would be a flood.
MISSED_FOR = timedelta(hours=6)
MISSED_POSTS = 50
_MESSAGES_OF_THREAD = 100


class CatchUp:
    """Compares each bound forum's threads with what is stored, and takes in what is missing."""

    def __init__(
        self,
        client: discord.Client,
        intake: Intake,
        bindings: Bindings,
        threads: Threads,
        *,
        calls_us: Callable[[discord.Message], Awaitable[bool]],
    ) -> None:
        self._client = client
        self._intake = intake
        self._bindings = bindings
        self._threads = threads
        self._calls_us = calls_us

    async def run(self) -> None:
        for forum in self._bindings.all():
            channel = self._client.get_channel(forum.channel_id)
            if isinstance(channel, discord.ForumChannel) and forum.mode != "off":
                await self._catch_up_or_report(forum, channel)

    async def _catch_up_or_report(self, forum: Forum, channel: discord.ForumChannel) -> None:
        """One forum that docbot may not read keeps no other from being caught up on."""
        try:
            with faults.translated():
                await self._catch_up_on(forum, channel)
        except PermanentError as error:
            log.error("forum %d cannot be caught up on: %s", forum.channel_id, error)

    async def _catch_up_on(self, forum: Forum, channel: discord.ForumChannel) -> None:
        threads = await self._recent_threads(forum, channel)
        stored = await self._threads.last_message_ids([thread.id for thread in threads])
        missed = [t for t in threads if (t.last_message_id or t.id) > stored.get(t.id, 0)]
        taken = missed[:MISSED_POSTS]
        for thread in taken:
            await self._take_new_messages(thread, stored.get(thread.id))
        if missed:
            log.info(
                "forum %d: took in %d threads with messages from while docbot was away, left %d",
                forum.channel_id,
                len(taken),
                len(missed) - len(taken),
            )

    async def _recent_threads(
        self, forum: Forum, channel: discord.ForumChannel
    ) -> list[discord.Thread]:
        """The threads since the binding and within MISSED_FOR, oldest first."""
        since = max(forum.bound_at, datetime.now(UTC) - MISSED_FOR)
        threads = {thread.id: thread for thread in channel.threads}
        async for thread in channel.archived_threads(limit=MISSED_POSTS):
            threads[thread.id] = thread
        recent = [t for t in threads.values() if discord.utils.snowflake_time(t.id) >= since]
        return sorted(recent, key=lambda thread: thread.id)

    async def _take_new_messages(self, thread: discord.Thread, last_stored: int | None) -> None:
        after = discord.Object(last_stored) if last_stored else discord.Object(thread.id - 1)
        messages = [
            message
            async for message in thread.history(
                after=after, limit=_MESSAGES_OF_THREAD, oldest_first=True
            )
        ]
        if last_stored is None and _somebody_helps(thread, messages):
            return
        for message in messages:
            if message.author.bot:
                continue
            calls_us = await self._calls_us(message)
            await self._intake.take(incoming_from(message, thread, calls_us=calls_us))


def _somebody_helps(thread: discord.Thread, messages: list[discord.Message]) -> bool:
    return any(message.author.id != thread.owner_id for message in messages)
