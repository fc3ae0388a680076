"""Commands about the thread that they are called in: its author and staff steer docbot there."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import discord
from discord import app_commands

from docbot import texts
from docbot.bot.acknowledging import Interaction, say
from docbot.bot.presses import PressDesk
from docbot.bot.who import Who, may_use

if TYPE_CHECKING:
    from docbot.bot.client import HelpClient

Call: TypeAlias = Callable[[PressDesk, Interaction], Awaitable[str]]


def add_thread_commands(client: "HelpClient") -> None:
    for name, description, call, who in (
        ("solve", "Mark this thread as solved", PressDesk.solve, Who.AUTHOR),
        ("unsolve", "Take back that this thread is solved", PressDesk.unsolve, Who.AUTHOR),
        ("close", "Keep docbot out of this thread", PressDesk.close, Who.AUTHOR),
        ("open", "Let docbot into this thread again", PressDesk.open, Who.AUTHOR),
        ("escalate", "Ask a human to help in this thread", PressDesk.escalate, Who.AUTHOR),
        (
            "status",
            "Show how this thread stands, and what docbot did in it",
            PressDesk.status,
            Who.EVERYONE,
        ),
    ):
        _add(client, name, description, call, who)
    _add_mark_solution(client)


def _add(client: "HelpClient", name: str, description: str, call: Call, who: Who) -> None:
    @may_use(who)
    @client.tree.command(name=name, description=description)
    @app_commands.guild_only()
    async def command(interaction: Interaction) -> None:
        await client.desk.answer(interaction, f"/{name}", call(client.desk, interaction))


def _add_mark_solution(client: "HelpClient") -> None:
    @may_use(Who.AUTHOR)
    @client.tree.context_menu(name="Mark solution")
    @app_commands.guild_only()
    async def mark_solution(interaction: Interaction, message: discord.Message) -> None:
        if message.channel.id != interaction.channel_id:
            await say(interaction, texts.not_a_thread())
            return
        solved = client.desk.mark_solution(interaction, message)
        await client.desk.answer(interaction, "Mark solution", solved)
