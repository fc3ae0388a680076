"""The slash commands."""

from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import discord
from discord import app_commands

from docbot import texts
from docbot.bot.client import HelpClient, leave_out_voice, needed_intents
from docbot.bot.search import MOST_RESULTS, Search, asked, look_up, search_failed
from docbot.errors import DocbotError

_CHOICES = 25  # Discord's limit for autocomplete

# Takes the guild it was asked in; returns what to tell the administrator.
Reload = Callable[[int], Awaitable[str]]


def add_commands(client: HelpClient, reload: Reload) -> None:
    _add_search(client)
    _add_reload(client, reload)
    client.tree.error(partial(_on_error, client))


def every_command() -> app_commands.CommandTree[Any]:
    """Return all commands as members see them described; they cannot be called."""
    leave_out_voice()
    tree = app_commands.CommandTree(discord.Client(intents=needed_intents()))

    async def reload(_: int) -> str:
        return ""

    # A command needs no more of its client until it is called.
    add_commands(cast("HelpClient", SimpleNamespace(tree=tree)), reload)
    return tree


async def _on_error(
    client: HelpClient, interaction: discord.Interaction[Any], error: app_commands.AppCommandError
) -> None:
    """Whoever called a command hears that it failed; the operator hears why."""
    name = interaction.command.name if interaction.command else "command"
    client.report(f"/{name}", getattr(error, "original", error))
    if interaction.response.is_done():
        await interaction.followup.send(texts.failed(), ephemeral=True)
    else:
        await interaction.response.send_message(texts.failed(), ephemeral=True)


def _add_search(client: HelpClient) -> None:
    @client.tree.command(name="search", description="Find pages of the documentation")
    @app_commands.guild_only()
    @app_commands.describe(
        query="What to look for",
        source="Only this documentation",
        limit=f"At most this many results ({MOST_RESULTS} unless given)",
    )
    async def search(
        interaction: discord.Interaction[Any],
        query: app_commands.Range[str, 1, 400],
        source: str | None = None,
        limit: app_commands.Range[int, 1, MOST_RESULTS] = MOST_RESULTS,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            page = await look_up(client.parts.search, Search(asked(query), source, limit))
        except DocbotError as error:
            client.report("/search", error)
            page = search_failed(error)
        if isinstance(page, str):
            await interaction.followup.send(page, ephemeral=True)
            return
        await interaction.followup.send(
            page.text,
            view=page.buttons or discord.utils.MISSING,
            ephemeral=True,
            suppress_embeds=True,
        )

    @search.autocomplete("source")
    async def suggest(_: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        names = [source.name for source in await client.parts.search.sources.all()]
        near = [name for name in names if typed.lower() in name]
        return [app_commands.Choice(name=name, value=name) for name in near[:_CHOICES]]


def _add_reload(client: HelpClient, reload: Reload) -> None:
    @client.tree.command(name="reload-config", description="Take in changed settings")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def reload_config(interaction: discord.Interaction[Any]) -> None:
        # The default permission can be overridden by a server; the right itself cannot.
        if not interaction.permissions.manage_guild:
            await interaction.response.send_message(texts.not_allowed(), ephemeral=True)
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            reply = await reload(interaction.guild_id or 0)
        except DocbotError as error:
            client.report("/reload-config", error)
            reply = texts.reload_refused(str(error))
        await interaction.followup.send(reply, ephemeral=True)
