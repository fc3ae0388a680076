"""discord.py's objects as docbot's own."""

import re
from collections.abc import Collection
from typing import TypeAlias

import discord

from docbot import texts
from docbot.db.threads import Message, Thread, ThreadChange
from docbot.forum.decide import Incoming
from docbot.text import without_mentions

# Where docbot reads what is written: a forum's post, a text channel or a thread of one.
Place: TypeAlias = discord.Thread | discord.TextChannel

# What is written; the other kinds say that a thread was renamed, a message pinned and so on.
_WRITTEN = (discord.MessageType.default, discord.MessageType.reply)

# Of what a word is made; smileys and full stops are none.
_NO_LETTER = re.compile(r"[^\w']+")


def is_from_person(message: discord.Message) -> bool:
    return not message.author.bot and message.webhook_id is None and message.type in _WRITTEN


def forum_of(channel: object) -> int | None:
    """The forum that a channel is a thread of, or the text channel that it is or belongs to."""
    if isinstance(channel, discord.Thread):
        return channel.parent_id
    return channel.id if isinstance(channel, discord.TextChannel) else None


def thread_from(thread: Place) -> Thread:
    """As docbot has a thread; a text channel is one that nobody began and that has no title."""
    if isinstance(thread, discord.TextChannel):
        return Thread(
            id=thread.id,
            guild_id=thread.guild.id,
            forum_id=thread.id,
            author_id=0,
            title="",
            created_at=thread.created_at,
        )
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
        in_channel=isinstance(thread.parent, discord.TextChannel),
    )


def change_from(payload: discord.RawThreadUpdateEvent) -> ThreadChange:
    """From the event itself: an archived thread is not in discord.py's cache."""
    data = payload.data
    state = data["thread_metadata"]
    return ThreadChange(
        id=payload.thread_id,
        title=data["name"],
        tags=tuple(int(tag) for tag in data.get("applied_tags") or ()),
        archived=state["archived"],
        locked=state.get("locked", False),
        forum_id=payload.parent_id,
    )


def change_of(thread: discord.Thread) -> ThreadChange:
    """As `change_from`, from a thread that was asked for."""
    now = thread_from(thread)
    return ThreadChange(now.id, now.title, now.tags, now.archived, now.locked, now.forum_id)


def says_stop(content: str) -> bool:
    """Whether a reply to docbot tells it to stop, and nothing else."""
    words = without_mentions(content).strip(" .!,").casefold()
    return words in texts.stop_words()


def is_satisfied(content: str) -> bool:
    """Whether a message to docbot thanks or says yes, and nothing that may want an answer."""
    plainly = without_mentions(content).casefold().replace("\u2019", "'")
    said = _NO_LETTER.sub(" ", plainly).strip()
    if "?" in content or not _is_made_of(said, texts.closing_words()):
        return False
    return any(f"{said} ".startswith(f"{words} ") for words in texts.satisfied_words())


def _is_made_of(said: str, known: Collection[str]) -> bool:
    """Whether a text with single spaces is nothing but these; each may be several words."""
    longest_first = sorted(known, key=len, reverse=True)
    either = "|".join(re.escape(words) for words in longest_first)
    return not re.sub(rf"(?<!\S)(?:{either})(?!\S)", "", said).strip()


def roles_of(person: discord.abc.User) -> tuple[int, ...]:
    """Give the roles that somebody has in the server; none where Discord did not tell."""
    return tuple(role.id for role in person.roles) if isinstance(person, discord.Member) else ()


def message_from(message: discord.Message, thread: Place) -> Message:
    reference = message.reference
    return Message(
        id=message.id,
        guild_id=thread.guild.id,
        thread_id=thread.id,
        author_id=message.author.id,
        is_bot=message.author.bot or message.webhook_id is not None,
        content=message.content,
        created_at=message.created_at,
        reply_to=reference.message_id if reference else None,
        edited_at=message.edited_at,
    )


def incoming_from(
    message: discord.Message,
    thread: Place,
    author: discord.abc.User,
    *,
    calls_us: bool,
    is_staff: bool,
    says_stop: bool,
    solved_tag: int | None,
) -> Incoming:
    return Incoming(
        message_from(message, thread),
        thread_from(thread),
        calls_us=calls_us,
        is_staff=is_staff,
        says_stop=says_stop,
        solved_tag=solved_tag,
        role_ids=roles_of(author),
    )
