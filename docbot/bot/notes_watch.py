"""Finds what was deleted, on Discord, of what staff was to decide on."""

import asyncio
import logging
from collections.abc import Iterable

import discord

from docbot.bot import faults
from docbot.db.outbox import UndecidedNote
from docbot.errors import DocbotError, GoneError, RefusedError, TransientError
from docbot.forum.intake import Intake
from docbot.forum.undecided import Undecided

log = logging.getLogger(__name__)

_MOST_NOTES = 100  # that are looked for at a start: a request each, the newest first


class NotesWatch:
    def __init__(self, client: discord.Client, intake: Intake, undecided: Undecided) -> None:
        self._client = client
        self._intake = intake
        self._undecided = undecided
        self._looking = asyncio.Lock()

    async def look(self, guild_id: int | None = None) -> None:
        """Find what was deleted while docbot was told of nothing, in one server or in all.

        Raises:
            TransientError: not all could be looked at; the others were.
        """
        async with self._looking:
            found = await self._undecided.notes()
            notes = [note for note in found if guild_id in (None, note.guild_id)]
            missed = [await self._look_at_channels(notes), await self._look_for(_newest(notes))]
        for error in missed:
            if error is not None:
                raise error

    async def channel_deleted(self, channel_id: int) -> None:
        """Hear of it: what stood there, and was not decided on, is lost.

        Raises:
            TransientError: it is not stored.
        """
        if any(note.channel_id == channel_id for note in await self._undecided.notes()):
            await self._undecided.lose_channel(channel_id)

    async def _look_at_channels(self, notes: Iterable[UndecidedNote]) -> TransientError | None:
        missed: TransientError | None = None
        for channel_id, guild_id in {note.channel_id: note.guild_id for note in notes}.items():
            try:
                if await self._is_deleted(channel_id, guild_id):
                    await self._undecided.lose_channel(channel_id)
            except TransientError as error:
                missed = error
            except DocbotError as error:
                log.debug("channel %d was not looked at: %s", channel_id, error)
        return missed

    async def _look_for(self, notes: Iterable[UndecidedNote]) -> TransientError | None:
        missed: TransientError | None = None
        closed: set[int] = set()  # channels whose history docbot may not read
        for note in notes:
            if note.channel_id in closed or note.message_id is None:
                continue
            try:
                if await self._is_gone(note, note.message_id):
                    await self._intake.deleted(note.channel_id, [note.message_id])
            except RefusedError:
                closed.add(note.channel_id)
            except TransientError as error:
                missed = error
            except DocbotError as error:
                log.debug("message %d was not looked for: %s", note.message_id, error)
        return missed

    async def _is_gone(self, note: UndecidedNote, message_id: int) -> bool:
        """Whether a message is gone from a channel that is there."""
        guild = self._client.get_guild(note.guild_id)
        channel = guild.get_channel_or_thread(note.channel_id) if guild else None
        if not isinstance(channel, discord.abc.Messageable):
            return False
        try:
            with faults.translated(), faults.understood():
                await channel.fetch_message(message_id)
        except GoneError:
            return True
        return False

    async def _is_deleted(self, channel_id: int, guild_id: int) -> bool:
        """Whether a channel or thread is no more; one that is hidden, or whose server is away, still is."""
        guild = self._client.get_guild(guild_id)
        if guild is None or guild.unavailable or guild.get_channel_or_thread(channel_id):
            return False
        try:
            with faults.translated():
                await self._client.fetch_channel(channel_id)
        except GoneError:
            return True
        except (RefusedError, discord.InvalidData):
            pass
        return False


def _newest(notes: Iterable[UndecidedNote]) -> list[UndecidedNote]:
    sent = (note for note in notes if note.message_id is not None)
    return sorted(sent, key=lambda note: note.message_id or 0, reverse=True)[:_MOST_NOTES]
