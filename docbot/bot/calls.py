"""/chat, /private and /clear: acknowledged in time, whatever Postgres does, and stored first.

Discord waits three seconds. What is refused is told to the caller alone; else everyone, or of a
private call the caller, sees that docbot is at work on it, and a worker takes it up.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from docbot import texts
from docbot.bot.acknowledging import Interaction, acknowledge, in_time, say
from docbot.bot.replies import REPLY_SECONDS
from docbot.bot.staff import actor_of
from docbot.bot.translate import forum_of, roles_of
from docbot.bot.who import Who, may_use
from docbot.db.interactions import Call, CallKind
from docbot.errors import DocbotError
from docbot.forum.limits import Caller

if TYPE_CHECKING:
    from docbot.bot.client import HelpClient
    from docbot.forum.calls import Cleared

_LONGEST_QUESTION = 2_000

_CLEARED: "dict[Cleared, Callable[[], str]]" = {
    "nothing": texts.nothing_to_clear,
    "own": texts.cleared,
    "thread": texts.cleared_thread,
}


def add_calls(client: "HelpClient") -> None:
    _add_call(client, "chat", "Ask the documentation; everyone sees the answer")
    _add_call(client, "private", "Ask the documentation; only you see the answer")
    _add_clear(client)


def _add_call(client: "HelpClient", kind: CallKind, description: str) -> None:
    @may_use(Who.EVERYONE)
    @client.tree.command(name=kind, description=description)
    @app_commands.guild_only()
    @app_commands.describe(question="What you want to know")
    async def call(
        interaction: Interaction, question: app_commands.Range[str, 1, _LONGEST_QUESTION]
    ) -> None:
        refusal = await _take(client, interaction, kind, question)
        try:
            if refusal is None:
                await acknowledge(interaction, is_private=kind == "private")
            else:
                await say(interaction, refusal)
        except DocbotError as error:
            client.report(f"acknowledging /{kind}", error)
        finally:  # what is stored is answered all the same
            client.parts.calls.begin()


async def _take(
    client: "HelpClient", interaction: Interaction, kind: CallKind, question: str
) -> str | None:
    """Store the call; return why that is not done, as the caller reads it."""
    is_staff = _is_staff(client, interaction)
    caller = Caller(interaction.user.id, roles_of(interaction.user), is_staff)
    call = _call_from(interaction, kind, question)
    try:
        return await in_time(client.parts.calls.take(call, caller))
    except DocbotError as error:
        client.report(f"/{kind}", error)
        return texts.not_taken()


def _call_from(interaction: Interaction, kind: CallKind, question: str) -> Call:
    channel_id = interaction.channel_id or 0
    return Call(
        id=interaction.id,
        guild_id=interaction.guild_id or 0,
        channel_id=channel_id,
        forum_id=forum_of(interaction.channel) or channel_id,
        person_id=interaction.user.id,
        kind=kind,
        text=question,
        token=interaction.token,
        asked_at=interaction.created_at,
        expires_in=REPLY_SECONDS,
    )


def _add_clear(client: "HelpClient") -> None:
    async def cleared(interaction: Interaction) -> str:
        done = await client.parts.calls.clear(
            channel_id=interaction.channel_id or 0,
            person_id=interaction.user.id,
            thread_id=_thread_to_clear(client, interaction),
        )
        return _CLEARED[done]()

    @may_use(Who.EVERYONE)
    @client.tree.command(name="clear", description="Begin a new conversation with me here")
    @app_commands.guild_only()
    async def clear(interaction: Interaction) -> None:
        await client.desk.answer(interaction, "/clear", cleared(interaction))


def _thread_to_clear(client: "HelpClient", interaction: Interaction) -> int | None:
    """The bound forum's thread that the caller may begin anew: its author, and staff."""
    channel = interaction.channel
    if not isinstance(channel, discord.Thread):
        return None
    is_bound = client.parts.bindings.find(channel.parent_id) is not None
    may_clear = channel.owner_id == interaction.user.id or _is_staff(client, interaction)
    return channel.id if is_bound and may_clear else None


def _is_staff(client: "HelpClient", interaction: Interaction) -> bool:
    return actor_of(interaction, forum_of(interaction.channel), client.parts.bindings).is_staff
