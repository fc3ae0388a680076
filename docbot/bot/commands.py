"""The slash commands."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord
from discord import app_commands

from docbot.answers.quote import first_words
from docbot.answers.sanitise import plain, sanitise
from docbot.answers.split import LIMIT, length
from docbot.bot import texts
from docbot.bot.client import HelpClient
from docbot.db.sources import Source, Sources
from docbot.errors import DocbotError, UsageError
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import Query, Searcher
from docbot.text import shortened

_CHOICES = 25  # Discord's limit for autocomplete
_SNIPPET_CHARACTERS = 140
_TITLE_CHARACTERS = 100

# Takes the guild it was asked in; returns what to tell the administrator.
Reload = Callable[[int], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class SearchTools:
    searcher: Searcher
    sources: Sources


def add_commands(client: HelpClient, tools: SearchTools, reload: Reload) -> None:
    _add_search(client, tools)
    _add_reload(client, reload)
    client.tree.error(partial(_on_error, client))


async def _on_error(
    client: HelpClient, interaction: discord.Interaction[Any], error: app_commands.AppCommandError
) -> None:
    """Whoever called a command hears that it failed; the operator hears why."""
    name = interaction.command.name if interaction.command else "command"
    client.report(f"/{name}", getattr(error, "original", error))
    if interaction.response.is_done():
        await interaction.followup.send(texts.FAILED, ephemeral=True)
    else:
        await interaction.response.send_message(texts.FAILED, ephemeral=True)


def _add_search(client: HelpClient, tools: SearchTools) -> None:
    @client.tree.command(name="search", description="Find pages of the documentation")
    @app_commands.guild_only()
    @app_commands.describe(
        query="What to look for",
        source="Only this documentation",
        limit="How many results (5 unless given)",
    )
    async def search(
        interaction: discord.Interaction[Any],
        query: app_commands.Range[str, 1, 400],
        source: str | None = None,
        limit: app_commands.Range[int, 1, 10] = 5,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        reply = await _search(client, tools, query, source, limit)
        await interaction.followup.send(reply, ephemeral=True, suppress_embeds=True)

    @search.autocomplete("source")
    async def suggest(_: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        names = [source.name for source in await tools.sources.all()]
        near = [name for name in names if typed.lower() in name]
        return [app_commands.Choice(name=name, value=name) for name in near[:_CHOICES]]


async def _search(
    client: HelpClient, tools: SearchTools, query: str, source: str | None, limit: int
) -> str:
    try:
        sources = await tools.sources.get_many([source] if source else [])
        found = await tools.searcher.search(Query(query, ""), [s.id for s in sources], limit)
    except UsageError:
        return texts.no_such_source(source or "", await _names(tools))
    except DocbotError as error:
        client.report("/search", error)
        return texts.FAILED
    return search_reply(query, found.passages) if found.indexed else texts.NOT_READY


async def _names(tools: SearchTools) -> list[str]:
    found: Sequence[Source] = await tools.sources.all()
    return [source.name for source in found]


def search_reply(query: str, passages: Sequence[Passage]) -> str:
    """A list of titles, links and a line of text each, as many as fit into one message."""
    if not passages:
        return texts.nothing_found_for(shortened(query, _TITLE_CHARACTERS))
    reply = ""
    for number, passage in enumerate(passages, start=1):
        entry = _entry(number, passage)
        if length(reply) + length(entry) > LIMIT:
            entry = f"{number}. {plain(_name(passage))} (its address is too long to show)\n"
        if length(reply) + length(entry) > LIMIT:
            break
        reply += entry
    return reply.rstrip()


def _entry(number: int, passage: Passage) -> str:
    line = sanitise(shortened(first_words(passage.text), _SNIPPET_CHARACTERS), ())
    return f"{number}. {texts.link(_name(passage), passage.url)}\n{line}\n"


def _name(passage: Passage) -> str:
    name = passage.title
    if passage.heading not in ("", passage.title):
        name = f"{name} › {passage.heading}"
    return shortened(name, _TITLE_CHARACTERS)


def _add_reload(client: HelpClient, reload: Reload) -> None:
    @client.tree.command(name="reload-config", description="Take in changed settings")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def reload_config(interaction: discord.Interaction[Any]) -> None:
        # The default permission can be overridden by a server; the right itself cannot.
        if not interaction.permissions.manage_guild:
            await interaction.response.send_message(texts.NOT_ALLOWED, ephemeral=True)
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        try:
            reply = await reload(interaction.guild_id or 0)
        except DocbotError as error:
            client.report("/reload-config", error)
            reply = texts.reload_refused(str(error))
        await interaction.followup.send(reply, ephemeral=True)
