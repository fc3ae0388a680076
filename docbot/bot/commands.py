"""The slash commands."""

from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import discord
from discord import app_commands

from docbot import texts
from docbot.bot.acknowledging import acknowledge, in_time, say, say_failed, see_through
from docbot.bot.calls import add_calls
from docbot.bot.client import HelpClient, leave_out_voice, needed_intents
from docbot.bot.info_commands import add_info_commands
from docbot.bot.search import MOST_RESULTS, Search, asked, look_up, search_failed
from docbot.bot.thread_commands import add_thread_commands
from docbot.bot.who import Who, may_use
from docbot.errors import DocbotError

_CHOICES = 25  # Discord's limit for autocomplete

# Takes the guild it was asked in; returns what to tell the administrator.
Reload = Callable[[int], Awaitable[str]]


def add_commands(client: HelpClient, reload: Reload) -> None:
    _add_search(client)
    add_calls(client)
    _add_reload(client, reload)
    add_thread_commands(client)
    add_info_commands(client)
    _add_forget(client)
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
    """Whoever called a command hears that they may not, or that it failed; the operator, why."""
    name = f"/{interaction.command.name}" if interaction.command else "a command"
    if isinstance(error, app_commands.CheckFailure):
        saying = say(interaction, texts.not_allowed())
        await see_through(interaction, name, saying, client.report)
    else:
        await say_failed(interaction, name, getattr(error, "original", error), client.report)


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
        await acknowledge(interaction)
        try:
            page = await look_up(client.parts.search, Search(asked(query), source, limit))
        except DocbotError as error:
            client.report("/search", error)
            page = search_failed(error)
        if isinstance(page, str):
            await say(interaction, page)
        else:
            await say(interaction, page.text, page.buttons)

    @search.autocomplete("source")
    async def suggest(_: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        try:
            names = [each.name for each in await in_time(client.parts.search.sources.all())]
        except DocbotError as error:
            client.report("completing a source's name", error)
            return []
        near = [name for name in names if typed.lower() in name]
        return [app_commands.Choice(name=name, value=name) for name in near[:_CHOICES]]


def _add_forget(client: HelpClient) -> None:
    @may_use(Who.EVERYONE)
    @client.tree.command(
        name="forget", description="Show what docbot stores of you in this server, and erase it"
    )
    @app_commands.guild_only()
    async def forget(interaction: discord.Interaction[Any]) -> None:
        await client.desk.answer(interaction, "/forget", client.desk.show_held(interaction))


def _add_reload(client: HelpClient, reload: Reload) -> None:
    @may_use(Who.MANAGERS)
    @client.tree.command(name="reload-config", description="Take in changed settings")
    @app_commands.guild_only()
    async def reload_config(interaction: discord.Interaction[Any]) -> None:
        await acknowledge(interaction)
        try:
            reply = await reload(interaction.guild_id or 0)
        except DocbotError as error:
            client.report("/reload-config", error)
            reply = texts.reload_refused(str(error))
        await say(interaction, reply)
