"""Who may use a command: declared with it, held to where it is called, and told in the docs.

A command says it once, with `may_use`. What depends on the thread is for the command itself to
refuse; what Discord tells of the caller is refused before the command begins.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import discord
from discord import app_commands

Command = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu
AnyCommand = TypeVar("AnyCommand", bound=Command)

_KEY = "who"


class Who(StrEnum):
    """In the words of `docs/commands.md`."""

    EVERYONE = "everyone"
    AUTHOR = "who opened the thread, and staff"
    MANAGERS = "members who may manage the server"


def may_use(who: Who) -> Callable[[AnyCommand], AnyCommand]:
    """Declare who may use a command; the outermost decorator."""

    def declare(command: AnyCommand) -> AnyCommand:
        command.extras[_KEY] = who
        if who is Who.MANAGERS:
            # It hides the command from others. A server can override that; the right it cannot.
            command.default_permissions = discord.Permissions(manage_guild=True)
            command.add_check(_manages)
        return command

    return declare


def who_may_use(command: Command) -> Who:
    """Return what was declared.

    Raises:
        ValueError: nothing was.
    """
    who = command.extras.get(_KEY)
    if not isinstance(who, Who):
        raise ValueError(f"the command {command.qualified_name} lacks `@may_use(...)`")  # noqa: TRY004  # of the command, not of a type
    return who


def _manages(interaction: discord.Interaction[Any]) -> bool:
    return interaction.permissions.manage_guild
