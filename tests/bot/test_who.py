from typing import Any

import discord
import pytest
from discord import app_commands

from docbot.bot.who import Who, may_use, who_may_use


async def _call(_: discord.Interaction[Any]) -> None: ...


def _command() -> app_commands.Command[Any, ..., Any]:
    return app_commands.Command(name="tidy", description="Tidies up", callback=_call)


def test_a_command_of_managers_is_shown_to_them_alone() -> None:
    managed = may_use(Who.MANAGERS)(_command())
    assert managed.default_permissions == discord.Permissions(manage_guild=True)
    assert len(managed.checks) == 1
    assert who_may_use(managed) is Who.MANAGERS
    free = may_use(Who.EVERYONE)(_command())
    assert free.default_permissions is None
    assert not free.checks


def test_a_command_that_does_not_say_who_may_use_it_is_told() -> None:
    with pytest.raises(ValueError, match="the command tidy lacks"):
        who_may_use(_command())
