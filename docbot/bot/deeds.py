"""What docbot does on Discord beside sending: buttons and texts that change, tags, archiving, lines
to one person.

Each is done as things stand by then and may be done twice, so none needs to be looked for first.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import discord

from docbot.bot import faults
from docbot.bot.attached import attached
from docbot.bot.tags import solved_tag
from docbot.bot.views import answer_view, plain_view
from docbot.db.answers import Answers
from docbot.db.outbox import TAKES_NO_LINES, Delivery, Outbox
from docbot.db.threads import Threads
from docbot.errors import GoneError, TransientError
from docbot.forum.bindings import Bindings

log = logging.getLogger(__name__)

_MOST_TAGS = 5  # Discord's, on one thread
_ON_ITS_WAY_SECONDS = 1.0
_ARCHIVED_MEANWHILE_SECONDS = 1.0
_TIMELY_SECONDS = 60.0  # a line to one person that comes later is of no use, and may come twice


class Deeds:
    def __init__(
        self,
        client: discord.Client,
        threads: Threads,
        answers: Answers,
        outbox: Outbox,
        bindings: Bindings,
    ) -> None:
        self._client = client
        self._threads = threads
        self._answers = answers
        self._outbox = outbox
        self._bindings = bindings
        # Who opens an archived thread closes it again, and nobody else is at work in it then.
        self._openings: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def do(self, delivery: Delivery) -> int | None:
        """Do it; the message that came of it, if one did.

        Raises:
            GoneError: there is nothing left to do it to, or it is too late.
            RefusedError: Discord does not let docbot.
            TransientError: it may be possible later.
        """
        deed: dict[str, Callable[[Delivery], Any]] = {
            "edit": self._edit,
            "tag": self._tag,
            "archive": self._archive,
            "direct": self._tell,
        }
        with faults.translated(), faults.understood():
            message_id: int | None = await deed[delivery.kind](delivery)
        return message_id

    async def answer_view(self, answer_id: int, row_id: int) -> discord.ui.View:
        """The buttons of an answer as its thread stands by now."""
        board = await self._answers.board(answer_id)
        config = self._bindings.server(board.guild_id)
        return answer_view(answer_id, row_id, board, has_feedback=config.has_feedback)

    async def _edit(self, delivery: Delivery) -> None:
        """Show what a message is about as it stands by now."""
        payload = delivery.payload
        answer_id: int | None = payload.get("buttons_of")
        row_id = int(payload["row"]) if answer_id is None else await self._row_of(answer_id)
        message_id = await self._outbox.message_of(row_id)
        if message_id is None:
            raise TransientError("the message is on its way", retry_after=_ON_ITS_WAY_SECONDS)
        message = self._client.get_partial_messageable(
            delivery.channel_id, guild_id=delivery.guild_id
        ).get_partial_message(message_id)

        async def show() -> None:
            if answer_id is not None:
                await message.edit(view=await self.answer_view(answer_id, row_id))
                return
            buttons = payload.get("buttons")
            await message.edit(
                content=payload["content"],
                view=plain_view(buttons, row_id) if buttons else None,
                attachments=attached(payload),
                allowed_mentions=discord.AllowedMentions.none(),
            )

        try:
            await show()
        except discord.HTTPException as error:
            if error.code != faults.ARCHIVED:
                raise
            await self._do_opened(delivery.channel_id, show)

    async def _do_opened(self, thread_id: int, work: Callable[[], Awaitable[None]]) -> None:
        """Do what Discord does not let be done in a thread as long as it is archived."""
        async with self._turn_in(thread_id):
            # Not the cached one, which may not know it yet.
            thread = _as_thread(await self._client.fetch_channel(thread_id))
            _refuse_unmanaged(thread)
            async with _opened(thread):
                await work()

    async def _row_of(self, answer_id: int) -> int:
        row_id = await self._outbox.first_row_of(answer_id)
        if row_id is None:
            raise GoneError(f"answer {answer_id} was never sent")
        return row_id

    async def _tag(self, delivery: Delivery) -> None:
        """Put the forum's tag for solved threads on, or take it off."""
        async with self._turn_in(delivery.channel_id):
            # Asked for: the cache may not know yet of what docbot itself changed last.
            channel = await self._client.fetch_channel(delivery.channel_id)
            await self._tag_as_solved(_as_thread(channel))

    async def _tag_as_solved(self, thread: discord.Thread) -> None:
        forum = self._bindings.find(thread.parent_id)
        channel = thread.parent
        if forum is None or not isinstance(channel, discord.ForumChannel):
            return
        tag = solved_tag(channel, forum.config)
        if tag is None:
            return
        others = [each for each in thread.applied_tags if each.id != tag.id]
        is_solved = await self._threads.is_solved(thread.id)
        if is_solved == (len(others) < len(thread.applied_tags)):
            return
        if is_solved and len(others) >= _MOST_TAGS:
            raise GoneError(f"thread {thread.id} has {_MOST_TAGS} tags, and no room for another")
        _refuse_unmanaged(thread)
        async with _opened(thread):
            await thread.edit(applied_tags=[*others, tag] if is_solved else others)

    async def _archive(self, delivery: Delivery) -> None:
        thread = await self._thread(delivery.channel_id)
        if not thread.archived:
            _refuse_unmanaged(thread)
            await thread.edit(archived=True)

    async def _thread(self, thread_id: int) -> discord.Thread:
        return _as_thread(
            self._client.get_channel(thread_id) or await self._client.fetch_channel(thread_id)
        )

    def _turn_in(self, thread_id: int) -> asyncio.Lock:
        return self._openings.setdefault(thread_id, asyncio.Lock())

    async def _tell(self, delivery: Delivery) -> int:
        """Tell one person; who takes no such messages is not told."""
        if delivery.tried_for > _TIMELY_SECONDS:
            raise GoneError("it came too late to be told")
        person = discord.Object(delivery.payload["person"])
        try:
            channel = await self._client.create_dm(person)
            sent = await channel.send(
                delivery.payload["content"],
                nonce=delivery.nonce,
                suppress_embeds=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except discord.Forbidden as error:
            raise GoneError(TAKES_NO_LINES) from error
        return sent.id


@asynccontextmanager
async def _opened(thread: discord.Thread) -> AsyncIterator[None]:
    """Open an archived thread for as long as something is done in it.

    Raises:
        TransientError: it was archived meanwhile.
    """
    was_archived = thread.archived
    if was_archived:
        await thread.edit(archived=False)
    try:
        yield
    except discord.HTTPException as error:
        if error.code != faults.ARCHIVED:
            raise
        raise TransientError(
            "the thread was archived meanwhile", retry_after=_ARCHIVED_MEANWHILE_SECONDS
        ) from error
    finally:
        if was_archived:
            await thread.edit(archived=True)


def _as_thread(channel: object) -> discord.Thread:
    if not isinstance(channel, discord.Thread):
        raise GoneError("the channel is no thread")
    return channel


def _refuse_unmanaged(thread: discord.Thread) -> None:
    """Raise GoneError where docbot may not manage threads; the watch has told what is so then."""
    if thread.parent and not thread.permissions_for(thread.guild.me).manage_threads:
        raise GoneError("docbot lacks Manage Threads there")
