"""Who is staff: whom a server trusts with its threads, or made a helper of a forum."""

from collections.abc import Iterable
from typing import Any

import discord

from docbot.bot.translate import Place, roles_of
from docbot.config import ForumConfig
from docbot.db.forums import Forum
from docbot.forum.events import Actor


def is_staff(
    permissions: discord.Permissions, role_ids: Iterable[int], config: ForumConfig | None
) -> bool:
    """Whether somebody may manage threads or the server, or has the forum's helper role."""
    trusted = permissions.administrator or permissions.manage_guild or permissions.manage_threads
    helper_role = config.helper_role if config else None
    return trusted or (helper_role is not None and helper_role in role_ids)


def actor_of(interaction: discord.Interaction[Any], forum: Forum | None) -> Actor:
    """Who pressed, by the rights and roles that Discord gives with the press; `forum`: it is about."""
    user, config = interaction.user, forum.config if forum else None
    return Actor(user.id, is_staff(interaction.permissions, roles_of(user), config))


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
