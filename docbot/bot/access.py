"""What Discord lets docbot do: its servers, their forums, and the permissions it lacks there.

Asked by REST alone, so it works beside a running bot and uses up no session.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import discord
import httpx

from docbot.bot import faults
from docbot.bot.client import (
    invite_link,
    leave_out_voice,
    needed_intents,
    refuse_token,
)
from docbot.bot.endpoint import point_at
from docbot.bot.set_up import ChannelFound, RoleFound
from docbot.bot.watch import (
    NEEDED,
    NEEDED_IN_CHANNEL,
    WANTED,
    Bindable,
    may_ping,
    missing_rights,
    missing_to_write,
    needed_in,
    tags_of,
    wanted_in,
    wanted_rights,
)
from docbot.errors import GoneError, RefusedError, TransientError

_SECONDS = 10.0
_PAUSE_SECONDS = 30.0  # the longest that discord.py waits for a rate limit; no less is possible
_TYPES: dict[int, type[Bindable]] = {
    discord.ChannelType.forum.value: discord.ForumChannel,
    discord.ChannelType.media.value: discord.ForumChannel,
    discord.ChannelType.text.value: discord.TextChannel,
    discord.ChannelType.news.value: discord.TextChannel,
}


@dataclass(frozen=True, slots=True)
class Application:
    """The bot's own registration with Discord."""

    name: str
    invite_link: str
    has_message_content: bool
    requires_code_grant: bool


@dataclass(frozen=True, slots=True)
class ForumAccess:
    """A forum or text channel of a server, and which permissions docbot lacks there.

    Those in `missing` it needs, those in `wanted` it could use. `tags` are its own by id, `roles`
    those of the server with whether docbot may ping them there.
    """

    guild_id: int
    guild_name: str
    channel_id: int
    channel_name: str
    is_forum: bool
    missing: tuple[str, ...]
    wanted: tuple[str, ...]
    tags: Mapping[int, str] | None
    roles: Mapping[int, RoleFound]

    @property
    def called(self) -> str:
        return f"{'forum' if self.is_forum else 'text channel'} #{self.channel_name}"


@dataclass(frozen=True, slots=True)
class GuildAccess:
    id: int
    name: str
    forums: tuple[ForumAccess, ...]
    channels: Mapping[int, ChannelFound]  # those for text, by id
    timed_out_until: datetime | None  # by a moderator; None: not now


class Access:
    """A signed-in look at Discord."""

    def __init__(self, client: discord.Client, application: discord.AppInfo) -> None:
        self._client = client
        self._application = application

    def application(self) -> Application:
        flags = self._application.flags
        return Application(
            name=self._application.name,
            invite_link=invite_link(self._application.id),
            has_message_content=flags.gateway_message_content
            or flags.gateway_message_content_limited,
            requires_code_grant=self._application.bot_require_code_grant,
        )

    async def count_guilds(self) -> int:
        return len(await self._guild_ids())

    async def guilds(self) -> list[GuildAccess]:
        """Every server that docbot is in, with its forums and text channels."""
        return [await self.guild(guild_id) for guild_id in await self._guild_ids()]

    async def _guild_ids(self) -> list[int]:
        with faults.translated(), faults.understood():
            return [guild.id async for guild in self._client.fetch_guilds(limit=None)]

    async def guild(self, guild_id: int) -> GuildAccess:
        """One server.

        Raises:
            GoneError: docbot is not in it.
        """
        try:
            with faults.translated(), faults.understood():
                guild = await self._client.fetch_guild(guild_id, with_counts=False)
                member = await guild.fetch_member(self._client.user.id if self._client.user else 0)
                forums = await self._fetch_forums(guild)
        except (GoneError, RefusedError) as error:
            raise GoneError(f"docbot is not in server {guild_id}; invite it there") from error
        timed_out_until = member.timed_out_until if member.is_timed_out() else None
        member.timed_out_until = None  # what it takes away no role can give
        return GuildAccess(
            guild.id,
            guild.name,
            tuple(_seen(forums, guild, member)),
            {
                each.id: ChannelFound(each.name, missing_to_write(each.permissions_for(member)))
                for each in forums
                if isinstance(each, discord.TextChannel)
            },
            timed_out_until,
        )

    async def _fetch_forums(self, guild: discord.Guild) -> list[Bindable]:
        # Guild.fetch_channels() fails for all where it does not know the type of one.
        channels = await self._client.http.get_all_guild_channels(guild.id)
        state = guild._state  # noqa: SLF001  # no public name makes a channel
        return [
            _TYPES[channel["type"]](state=state, guild=guild, data=channel)
            for channel in channels
            if channel["type"] in _TYPES
        ]


def _seen(
    forums: Sequence[Bindable], guild: discord.Guild, member: discord.Member
) -> list[ForumAccess]:
    return [
        _access(guild, forum, forum.permissions_for(member))
        for forum in sorted(forums, key=_place_in_list)
    ]


def _place_in_list(forum: Bindable) -> tuple[bool, int, int]:
    """Forums first; else as Discord shows them."""
    return isinstance(forum, discord.TextChannel), forum.position, forum.id


def _access(guild: discord.Guild, forum: Bindable, given: discord.Permissions) -> ForumAccess:
    names = NEEDED | NEEDED_IN_CHANNEL
    return ForumAccess(
        guild.id,
        guild.name,
        forum.id,
        forum.name,
        is_forum=isinstance(forum, discord.ForumChannel),
        missing=tuple(names[right] for right in missing_rights(given, needed_in(forum))),
        wanted=tuple(WANTED[right][0] for right in wanted_rights(given, wanted_in(forum))),
        tags=tags_of(forum),
        roles={role.id: RoleFound(role.name, may_ping(role, given)) for role in guild.roles},
    )


@asynccontextmanager
async def signed_in(token: str, api: str, proxy: str | None) -> AsyncIterator[Access]:
    """Sign in with the bot's token.

    Raises:
        SettingsError: Discord refuses the token.
        TransientError: Discord is out of reach.
    """
    await point_at(api)
    leave_out_voice()
    async with discord.Client(
        intents=needed_intents(), proxy=proxy, max_ratelimit_timeout=_PAUSE_SECONDS
    ) as client:
        with refuse_token(), faults.translated(), faults.understood():
            await client.login(token)
            application = await client.application_info()
        yield Access(client, application)


async def clock_skew(api: str, proxy: str | None) -> float | None:
    """Seconds by which this machine's clock is ahead of Discord's; None when it does not tell.

    Raises:
        TransientError: Discord is out of reach.
    """
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, proxy=proxy) as client:
            reply = await client.get(f"{api}/gateway")
    except httpx.HTTPError as error:
        raise TransientError(f"Discord is out of reach: {str(error) or repr(error)}") from error
    try:
        theirs = parsedate_to_datetime(reply.headers["Date"])
    except (KeyError, ValueError):
        return None
    return (datetime.now(UTC) - theirs).total_seconds()
