"""Watches the bound forums: whether docbot can do its work there, and what to do where it cannot.

Each trouble is told to the operator once, in one line that names the forum and the way out, and
so is its end. What depends on a forum, such as its answers on their way, asks here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, TypeGuard

import discord

from docbot.bot import faults
from docbot.bot.set_up import ChannelFound, Found, RoleFound, losses
from docbot.db.forums import Forum
from docbot.errors import DocbotError, GoneError, RefusedError, TransientError
from docbot.forum.bindings import Bindings
from docbot.forum.intake import Intake

log = logging.getLogger(__name__)

# What a help bot needs in a forum and no more, as Discord's pages name it.
NEEDED = {
    "view_channel": "View Channels",
    "read_message_history": "Read Message History",
    "send_messages_in_threads": "Send Messages in Threads",
}
# In a text channel, bound or of the staff, it writes itself.
NEEDED_IN_CHANNEL = {
    **{right: name for right, name in NEEDED.items() if right != "send_messages_in_threads"},
    "send_messages": "Send Messages",
}
# What docbot can do without, and what is so then.
WANTED = {
    "attach_files": ("Attach Files", "code that is too long for a message is posted in several"),
    "manage_threads": ("Manage Threads", "solved threads get no tag and are not archived"),
}
_HISTORY = "read_message_history"
_SENDING = {"send_messages_in_threads", "send_messages"}
_WANTED_OF_THREADS = {"manage_threads"}

Kind = Literal["left", "deleted", "no forum", "rights", "timeout", "unread", "lost", "wanted"]
IsRead = Callable[[Forum], Awaitable[bool]]
# What may be bound.
Bindable: TypeAlias = discord.ForumChannel | discord.TextChannel


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why docbot cannot work in a forum; `line` tells the operator which one and what to do."""

    kind: Kind
    line: str
    missing: tuple[str, ...] = ()  # rights, by Discord's keys
    until: datetime | None = None  # it ends by itself, and Discord does not tell
    further: tuple[str, ...] = ()  # lines, each of another thing that is amiss

    @property
    def lines(self) -> tuple[str, ...]:
        return (self.line, *self.further)

    @property
    def is_slight(self) -> bool:
        """Whether docbot answers there all the same."""
        return self.kind in ("lost", "wanted")

    @property
    def stops_sending(self) -> bool:
        return any(right != _HISTORY for right in self.missing)

    @property
    def stops_reading(self) -> bool:
        return any(right not in _SENDING for right in self.missing)


class ForumWatch:
    """Knows the trouble of each bound forum, as of the last look."""

    def __init__(
        self,
        client: discord.Client,
        bindings: Bindings,
        intake: Intake,
        *,
        is_read: IsRead,
        invite_link: Callable[[], str],
    ) -> None:
        self._client = client
        self._bindings = bindings
        self._intake = intake
        self._is_read = is_read
        self._invite_link = invite_link
        self._troubles: dict[int, Trouble] = {}
        self._looking = asyncio.Lock()

    def trouble_in(self, forum_id: int | None) -> Trouble | None:
        trouble = self._troubles.get(forum_id) if forum_id is not None else None
        is_over = trouble is not None and trouble.until and trouble.until <= datetime.now(UTC)
        return None if is_over else trouble

    async def look(self, guild_id: int | None = None) -> None:
        """Look at the forums of one server, or of all."""
        async with self._looking:
            bound = {f.channel_id: f for f in self._bindings.all() if f.mode != "off"}
            for forum_id in self._troubles.keys() - bound.keys():
                del self._troubles[forum_id]
            for forum in bound.values():
                if guild_id in (None, forum.guild_id):
                    await self._look_at(forum)

    async def _look_at(self, forum: Forum) -> None:
        """What cannot be found out or stored just now is seen to at the next look."""
        try:
            trouble = await self._trouble_of(forum)
        except DocbotError as error:
            log.debug("forum %d was not looked at: %s", forum.channel_id, error)
            return
        if trouble is None:
            if self._troubles.pop(forum.channel_id, None) is not None:
                log.info("forum %d: all is well again", forum.channel_id)
        elif trouble != self._troubles.get(forum.channel_id):
            try:
                await self._take_note(forum, trouble)
            except DocbotError as error:
                log.warning("what forum %d leaves behind waits: %s", forum.channel_id, error)

    async def _take_note(self, forum: Forum, trouble: Trouble) -> None:
        if trouble.kind == "deleted":
            await self._intake.forum_deleted(forum.channel_id)
        elif trouble.kind == "left":
            await self._intake.forum_left(forum.channel_id)
        before = self._troubles.get(forum.channel_id)
        self._troubles[forum.channel_id] = trouble
        for line in trouble.lines:
            if before is None or line not in before.lines:
                log.log(logging.WARNING if trouble.is_slight else logging.ERROR, "%s", line)

    async def _trouble_of(self, forum: Forum) -> Trouble | None:
        guild = self._client.get_guild(forum.guild_id)
        if guild is None:
            return _left(forum, self._invite_link())
        if guild.unavailable:
            raise TransientError(f"server {guild.id} is away")
        channel = guild.get_channel(forum.channel_id)
        if channel is None:
            return await self._absent(forum, guild)
        if not isinstance(channel, Bindable):
            return _no_forum(forum, f"#{channel.name}", str(channel.type))
        missing = missing_rights(channel.permissions_for(guild.me), needed_in(channel))
        if missing and guild.me.timed_out_until and guild.me.is_timed_out():
            return _timed_out(forum, guild, missing, guild.me.timed_out_until)
        if missing:
            return _lacks(forum, guild, called(channel), missing)
        return await self._slight_trouble_of(forum, channel)

    async def _slight_trouble_of(self, forum: Forum, channel: Bindable) -> Trouble | None:
        """What no right that docbot needs has to do with."""
        if not await self._is_read(forum):
            return _unread(forum)
        found = await self._found(forum, channel)
        lines = [
            f"forum {forum.channel_id}: {each.says}. Next: {each.advice}"
            for each in losses(forum, found)
        ]
        lines += _without_effect(forum, channel)
        kind: Kind = "lost" if lines else "wanted"
        wanted = wanted_rights(channel.permissions_for(channel.guild.me), wanted_in(channel))
        lines += [_wants(forum, channel, wanted)] if wanted else []
        return Trouble(kind, lines[0], further=tuple(lines[1:])) if lines else None

    async def _found(self, forum: Forum, channel: Bindable) -> Found:
        """Look for what the forum's settings name."""
        role_id, staff_id = forum.config.helper_role, forum.config.staff_channel
        role = channel.guild.get_role(role_id) if role_id is not None else None
        given = channel.permissions_for(channel.guild.me)
        return Found(
            role=RoleFound(role.name, may_ping(role, given)) if role else None,
            staff=await self._staff_channel(channel.guild, staff_id) if staff_id else None,
            tags=tags_of(channel),
        )

    async def _staff_channel(self, guild: discord.Guild, channel_id: int) -> ChannelFound | None:
        """What docbot lacks in the channel of the staff; None where that is none of the server's."""
        channel: object = guild.get_channel_or_thread(channel_id)
        try:
            if channel is None:
                with faults.translated():
                    channel = await self._client.fetch_channel(channel_id)
        except (GoneError, discord.InvalidData):  # deleted, or of a kind that takes no text
            return None
        except RefusedError:
            return ChannelFound(str(channel_id), ("view_channel",))
        if not is_of_server(channel, guild.id):
            return None
        return ChannelFound(channel.name, lacked_in(channel))

    async def _absent(self, forum: Forum, guild: discord.Guild) -> Trouble:
        """Tell a forum that was deleted from one that is hidden, or that never was one here."""
        try:
            with faults.translated():
                found = await self._client.fetch_channel(forum.channel_id)
        except GoneError:
            return _deleted(forum, guild)
        except RefusedError:
            return _lacks(forum, guild, "forum", ("view_channel",))
        except discord.InvalidData:  # a channel of another server
            return _no_forum(forum, f"channel {forum.channel_id}", "channel of another server")
        if isinstance(found, Bindable) and found.guild.id == guild.id:
            raise TransientError(f"the gateway has yet to tell of channel {found.id}")
        return _no_forum(forum, f"#{found}", str(getattr(found, "type", "channel")))


def needed_in(channel: Bindable) -> Collection[str]:
    """The rights that docbot needs there, by Discord's keys."""
    return NEEDED_IN_CHANNEL if isinstance(channel, discord.TextChannel) else NEEDED


def wanted_in(channel: Bindable) -> Collection[str]:
    """The rights that docbot can do without, by Discord's keys."""
    is_forum = isinstance(channel, discord.ForumChannel)
    return WANTED if is_forum else WANTED.keys() - _WANTED_OF_THREADS


def missing_rights(permissions: discord.Permissions, needed: Collection[str]) -> tuple[str, ...]:
    """Name what docbot lacks of what it needs; a hidden channel tells nothing of the rest."""
    if not permissions.view_channel:
        return ("view_channel",)
    return wanted_rights(permissions, needed)


def wanted_rights(permissions: discord.Permissions, wanted: Collection[str]) -> tuple[str, ...]:
    """Name what docbot lacks of what it wants."""
    return tuple(right for right in wanted if not getattr(permissions, right))


def called(channel: Bindable) -> str:
    """Name a channel to the operator."""
    kind = "text channel" if isinstance(channel, discord.TextChannel) else "forum"
    return f"{kind} #{channel.name}"


def tags_of(channel: object) -> Mapping[int, str] | None:
    """The names of a forum's tags by id; what is no forum has none."""
    if not isinstance(channel, discord.ForumChannel):
        return None
    return {tag.id: tag.name for tag in channel.available_tags}


def missing_to_write(given: discord.Permissions, *, in_thread: bool = False) -> tuple[str, ...]:
    """Name what docbot lacks, by the keys of STAFF_NEEDED, to write in a channel or a thread."""
    if not given.view_channel:
        return ("view_channel",)
    if not (given.send_messages_in_threads if in_thread else given.send_messages):
        return ("send_messages",)  # who may not write may attach nothing either
    return () if given.attach_files else ("attach_files",)


def is_of_server(
    channel: object, guild_id: int
) -> TypeGuard[discord.Thread | discord.abc.GuildChannel]:
    """Whether it is a channel or a thread of this server, and of no other that docbot is in."""
    return (
        isinstance(channel, discord.Thread | discord.abc.GuildChannel)
        and channel.guild.id == guild_id
    )


def lacked_in(channel: object) -> tuple[str, ...]:
    """As `missing_to_write`, of a channel as discord.py knows it; nothing where it knows too little."""
    if isinstance(channel, discord.Thread):
        given = channel.permissions_for(channel.guild.me) if channel.parent else None
        return missing_to_write(given, in_thread=True) if given else ()
    if isinstance(channel, discord.abc.GuildChannel):
        return missing_to_write(channel.permissions_for(channel.guild.me))
    return ()


def may_ping(role: discord.Role, given: discord.Permissions) -> bool:
    """Whether Discord pings a role that docbot names where it has these permissions."""
    return role.mentionable or given.mention_everyone


def may_attach(client: discord.Client, channel_id: int) -> bool | None:
    """Whether docbot may attach files in a channel and its threads; None if that is not known."""
    channel = client.get_channel(channel_id)
    if not isinstance(channel, discord.abc.GuildChannel):
        return None
    return channel.permissions_for(channel.guild.me).attach_files


def _left(forum: Forum, invite_link: str) -> Trouble:
    return Trouble(
        "left",
        f"docbot is not in server {forum.guild_id}, whose forum {forum.channel_id} is bound. "
        f"Invite it: {invite_link}  Or: docbot forum remove {forum.channel_id}",
    )


def _deleted(forum: Forum, guild: discord.Guild) -> Trouble:
    return Trouble(
        "deleted",
        f"forum {forum.channel_id} of server {_named(guild)} does not exist any more; its open "
        f"questions are cancelled. Next: docbot forum remove {forum.channel_id}",
    )


def _no_forum(forum: Forum, name: str, kind: str) -> Trouble:
    return Trouble(
        "no forum",
        f"{name} ({forum.channel_id}) is bound but is a {kind}, no forum or text channel of server "
        f"{forum.guild_id}, so nothing is answered there. Next: docbot forum remove "
        f"{forum.channel_id}, then bind one that `docbot forum list --available` shows",
    )


def _lacks(forum: Forum, guild: discord.Guild, place: str, missing: Collection[str]) -> Trouble:
    names = ", ".join((NEEDED | NEEDED_IN_CHANNEL)[right] for right in missing)
    return Trouble(
        "rights",
        f"docbot lacks {names} in {place} ({forum.channel_id}) of server {_named(guild)}. Give it to docbot's role in that "
        "channel: Edit Channel > Permissions. What waits is sent then; no restart is needed",
        tuple(missing),
    )


def _without_effect(forum: Forum, channel: Bindable) -> Iterator[str]:
    """Say what is set for a text channel and means nothing there."""
    if isinstance(channel, discord.TextChannel) and forum.mode != "mention":
        yield (
            f"{called(channel)} ({forum.channel_id}) has the mode {forum.mode}, but in a text "
            "channel docbot answers only when it is called. Next: docbot config set mode mention "
            f"--forum {forum.channel_id}"
        )


def _wants(forum: Forum, channel: Bindable, wanted: Collection[str]) -> str:
    names = ", ".join(WANTED[right][0] for right in wanted)
    without = "; ".join(WANTED[right][1] for right in wanted)
    return (
        f"docbot could use {names} in {called(channel)} ({forum.channel_id}) of server "
        f"{_named(channel.guild)}; without it {without}. Give it to docbot's role in that channel: "
        "Edit Channel > Permissions. No restart is needed"
    )


def _timed_out(
    forum: Forum, guild: discord.Guild, missing: tuple[str, ...], until: datetime
) -> Trouble:
    return Trouble(
        "timeout",
        f"a moderator of server {_named(guild)} timed docbot out until {until:%Y-%m-%d %H:%M} UTC, "
        f"so it cannot write in forum {forum.channel_id}. End the timeout in the server, or wait: "
        "what waits is sent then",
        missing,
        until,
    )


def _unread(forum: Forum) -> Trouble:
    if not forum.source_names:
        what = "has no source"
        then = f"docbot forum add {forum.guild_id} {forum.channel_id} --source NAME"
    else:
        what = f"has nothing to answer from yet (sources: {', '.join(forum.source_names)})"
        then = f"docbot sync {' '.join(forum.source_names)}"
    return Trouble("unread", f"forum {forum.channel_id} {what}. Next: {then}")


def _named(guild: discord.Guild) -> str:
    return f'"{guild.name}" ({guild.id})'
