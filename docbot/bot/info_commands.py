"""/collections, /commands, /hello and /about: what docbot is, and how to ask it here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from docbot import __version__
from docbot.bot import faults, info
from docbot.bot.acknowledging import Interaction, say
from docbot.bot.described import described
from docbot.bot.staff import actor_of
from docbot.bot.translate import forum_of
from docbot.bot.who import Who, may_use
from docbot.db.forums import Forum

if TYPE_CHECKING:
    from docbot.bot.client import HelpClient


def add_info_commands(client: "HelpClient") -> None:
    _add_collections(client)
    _add_commands(client)
    _add_hello(client)
    _add_about(client)


def _add_collections(client: "HelpClient") -> None:
    async def listed(interaction: Interaction) -> str:
        return info.collections(await _collections(client, interaction))

    @may_use(Who.EVERYONE)
    @client.tree.command(name="collections", description="List what docbot searches in")
    @app_commands.guild_only()
    async def collections(interaction: Interaction) -> None:
        await client.desk.answer(interaction, "/collections", listed(interaction))


def _add_commands(client: "HelpClient") -> None:
    @may_use(Who.EVERYONE)
    @client.tree.command(name="commands", description="List what you can use here")
    @app_commands.guild_only()
    async def commands(interaction: Interaction) -> None:
        by = actor_of(interaction, forum_of(interaction.channel), client.parts.bindings)
        caller = info.Caller(by.is_staff, interaction.permissions.manage_guild)
        await say(interaction, info.commands(described(client.tree), caller))


def _add_hello(client: "HelpClient") -> None:
    @may_use(Who.EVERYONE)
    @client.tree.command(name="hello", description="Say how to ask docbot here; everyone sees it")
    @app_commands.guild_only()
    async def hello(interaction: Interaction) -> None:
        forum = _forum_of(client, interaction)
        said = info.hello(_mode_in(interaction, forum), _open_forums(client, interaction))
        with faults.translated():
            await interaction.response.send_message(said, suppress_embeds=True)


def _add_about(client: "HelpClient") -> None:
    async def told(interaction: Interaction) -> str:
        server = client.parts.bindings.server(interaction.guild_id or 0)
        sources = await _collections(client, interaction)
        return info.about(__version__, sources, client.parts.models(), server.retention_days)

    @may_use(Who.EVERYONE)
    @client.tree.command(
        name="about", description="Tell what docbot is, who sees what you ask, and what it keeps"
    )
    @app_commands.guild_only()
    async def about(interaction: Interaction) -> None:
        await client.desk.answer(interaction, "/about", told(interaction))


async def _collections(client: "HelpClient", interaction: Interaction) -> list[info.Collection]:
    sources = await client.parts.search.sources.all(interaction.guild_id)
    return [info.Collection(each.name, each.pages, each.chunks, each.synced_at) for each in sources]


def _forum_of(client: "HelpClient", interaction: Interaction) -> Forum | None:
    """What is bound where the command was called: the forum of its thread, or its channel."""
    return client.parts.bindings.find(forum_of(interaction.channel))


def _mode_in(interaction: Interaction, forum: Forum | None) -> str | None:
    """The mode of what is bound there; a text channel has no posts that could be answered."""
    if forum is None or forum.mode == "off":
        return forum.mode if forum else None
    return "mention" if isinstance(interaction.channel, discord.TextChannel) else forum.mode


def _open_forums(client: "HelpClient", interaction: Interaction) -> Sequence[int]:
    """The forums in which docbot answers here, and that everyone can see."""
    guild = interaction.guild
    bound = (each for each in client.parts.bindings.all() if each.mode != "off")
    return [each.channel_id for each in bound if guild and _is_open(guild, each.channel_id)]


def _is_open(guild: discord.Guild, channel_id: int) -> bool:
    channel = guild.get_channel(channel_id)
    return channel is not None and channel.permissions_for(guild.default_role).view_channel
