"""discord.py's objects as docbot's own."""

import discord

from docbot.db.threads import Message, Thread
from docbot.forum.decide import Incoming


def thread_from(thread: discord.Thread) -> Thread:
    return Thread(
        id=thread.id,
        guild_id=thread.guild.id,
        forum_id=thread.parent_id,
        author_id=thread.owner_id,
        title=thread.name,
        created_at=thread.created_at or discord.utils.snowflake_time(thread.id),
        tags=tuple(tag.id for tag in thread.applied_tags),
        archived=thread.archived,
        locked=thread.locked,
    )


def incoming_from(message: discord.Message, thread: discord.Thread, *, calls_us: bool) -> Incoming:
    reference = message.reference
    return Incoming(
        Message(
            id=message.id,
            guild_id=thread.guild.id,
            thread_id=thread.id,
            author_id=message.author.id,
            is_bot=message.author.bot or message.webhook_id is not None,
            content=message.content,
            created_at=message.created_at,
            reply_to=reference.message_id if reference else None,
        ),
        thread_from(thread),
        calls_us,
    )
