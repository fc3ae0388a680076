"""The slash commands."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import discord
from discord import app_commands

from docbot import texts
from docbot.bot.client import HelpClient, leave_out_voice, needed_intents
from docbot.bot.search import MOST_RESULTS, Search, asked, look_up, search_failed
from docbot.bot.thread_commands import add_thread_commands
from docbot.bot.who import Who, may_use, who_may_use
from docbot.errors import DocbotError

_CHOICES = 25  # Discord's limit for autocomplete

# Takes the guild it was asked in; returns what to tell the administrator.
Reload = Callable[[int], Awaitable[str]]


# Where a command of a menu is found; it has no description, so its name must say what it does.
_MENUS = {
    discord.AppCommandType.message: "of a message",
    discord.AppCommandType.user: "of a person",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A command for the docs; in `usage`, options in brackets may be left out."""

    usage: str
    who: Who
    what: str


def add_commands(client: HelpClient, reload: Reload) -> None:
    _add_search(client)
    _add_reload(client, reload)
    add_thread_commands(client)
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


def described() -> list[Described]:
    """Describe all commands: first those that are typed, then those of the menus.

    Raises:
        ValueError: one of them does not declare who may use it.
    """
    tree = every_command()
    typed = [
        Described(_usage(command), who_may_use(command), command.description)
        for command in tree.walk_commands(type=discord.AppCommandType.chat_input)
        if isinstance(command, app_commands.Command)
    ]
    chosen = [
        Described(f"Apps > {command.name}", who_may_use(command), f"in the menu {place}")
        for kind, place in _MENUS.items()
        for command in tree.get_commands(type=kind)
        if isinstance(command, app_commands.ContextMenu)
    ]
    return [*typed, *chosen]


def _usage(command: app_commands.Command[Any, ..., Any]) -> str:
    options = (
        option.display_name if option.required else f"[{option.display_name}]"
        for option in command.parameters
    )
    return " ".join([f"/{command.qualified_name}", *options])


async def _on_error(
    client: HelpClient, interaction: discord.Interaction[Any], error: app_commands.AppCommandError
) -> None:
    """Whoever called a command hears that they may not, or that it failed; the operator, why."""
    if isinstance(error, app_commands.CheckFailure):
        said = texts.not_allowed()
    else:
        name = interaction.command.name if interaction.command else "command"
        client.report(f"/{name}", getattr(error, "original", error))
        said = texts.failed()
    if interaction.response.is_done():
        await interaction.followup.send(said, ephemeral=True)
    else:
        await interaction.response.send_message(said, ephemeral=True)


def _add_search(client: HelpClient) -> None:
    @may_use(Who.EVERYONE)
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
    @may_use(Who.MANAGERS)
    @client.tree.command(name="reload-config", description="Take in changed settings")
    @app_commands.guild_only()
    async def reload_config(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            reply = await reload(interaction.guild_id or 0)
        except DocbotError as error:
            client.report("/reload-config", error)
            reply = texts.reload_refused(str(error))
        await interaction.followup.send(reply, ephemeral=True)
