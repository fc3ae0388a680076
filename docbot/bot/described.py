"""All commands, as the docs and `/commands` list them."""

from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands

from docbot import texts
from docbot.bot.who import Who, who_may_use

# Where a command of a menu is found; it has no description, so its name must say what it does.
_MENUS = {
    discord.AppCommandType.message: texts.in_menu_of_message,
    discord.AppCommandType.user: texts.in_menu_of_person,
}


@dataclass(frozen=True, slots=True)
class Described:
    """A command; in `usage`, options in brackets may be left out."""

    usage: str
    who: Who
    what: str


def described(tree: app_commands.CommandTree[Any]) -> list[Described]:
    """Describe all commands in the language that is spoken: first the typed ones, then the menus'.

    Raises:
        ValueError: one of them does not declare who may use it.
    """
    typed = [
        Described(_usage(command), who_may_use(command), texts.of_command(command.description))
        for command in tree.walk_commands(type=discord.AppCommandType.chat_input)
        if isinstance(command, app_commands.Command)
    ]
    chosen = [
        Described(f"Apps > {command.name}", who_may_use(command), place())
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
