"""Who is staff: whom a server trusts with its threads, or made a helper of a forum."""

from collections.abc import Iterable

import discord

from docbot.bot.acknowledging import Interaction
from docbot.bot.translate import Place, roles_of
from docbot.config import ForumConfig
from docbot.forum.bindings import Bindings
from docbot.forum.events import Actor


def is_staff(
    permissions: discord.Permissions, role_ids: Iterable[int], config: ForumConfig | None
) -> bool:
    """Whether somebody may manage threads or the server, or has the forum's helper role."""
    trusted = permissions.administrator or permissions.manage_guild or permissions.manage_threads
    helper_role = config.helper_role if config else None
    return trusted or (helper_role is not None and helper_role in role_ids)


def actor_of(interaction: Interaction, forum_id: int | None, bindings: Bindings) -> Actor:
    """Who pressed or called, by the rights and roles that Discord gives with it.

    `forum_id` is what it is about, which may be another channel: who may manage threads there has
    a say in it too. Where no forum is bound, what is set for the server counts.
    """
    user = interaction.user
    config = bindings.config_of(bindings.find(forum_id), interaction.guild_id or 0)
    permissions = interaction.permissions | _permissions_in(forum_id, interaction)
    return Actor(user.id, is_staff(permissions, roles_of(user), config))


def _permissions_in(channel_id: int | None, interaction: Interaction) -> discord.Permissions:
    guild, user = interaction.guild, interaction.user
    channel = guild.get_channel(channel_id) if guild and channel_id else None
    if channel is None or not isinstance(user, discord.Member):
        return discord.Permissions.none()
    return channel.permissions_for(user)


def writes_as_staff(author: discord.abc.User, place: Place, config: ForumConfig | None) -> bool:
    """Whether who writes in a place is staff, as far as Discord tells of them."""
    if not isinstance(author, discord.Member):
        return False
    parent = place.parent if isinstance(place, discord.Thread) else place
    permissions = (
        parent.permissions_for(author)
        if isinstance(parent, discord.abc.GuildChannel)
        else author.guild_permissions
    )
    return is_staff(permissions, roles_of(author), config)
