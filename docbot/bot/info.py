"""What docbot tells of itself, as messages: what it searches, its commands, who sees what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from discord.utils import format_dt

from docbot import texts
from docbot.answers.sanitise import inline_code, plain
from docbot.answers.split import LIMIT, length
from docbot.bot.described import Described
from docbot.bot.who import Who
from docbot.text import LOCAL_MODEL, shortened

_NAME_CHARACTERS = 80
_USAGE_CHARACTERS = 100
_MOST_FORUMS = 5


@dataclass(frozen=True, slots=True)
class Collection:
    """A source and its sizes; `synced_at` is None until it was read."""

    name: str
    pages: int
    chunks: int
    synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Models:
    """Which models are at work, by name, and the endpoint that they are asked at."""

    chat: str | None  # None: passages are quoted
    embedding: str | None  # None: search is by words; `local:NAME`: it runs beside docbot
    endpoint: str  # its whole address


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose commands are listed."""

    is_staff: bool
    is_manager: bool


def collections(sources: Sequence[Collection]) -> str:
    """List what a server may ask, with its size and its age."""
    if not sources:
        return texts.no_collections()
    return listed(texts.collections_head(), [f"- {_collection(each)}" for each in sources])


def commands(known: Sequence[Described], caller: Caller) -> str:
    """List what the caller may use, a line for each."""
    lines = [f"- {_command(each, caller)}" for each in known if _is_for(caller, each.who)]
    return listed(texts.commands_head(), lines)


def hello(mode: str | None, forums: Sequence[int]) -> str:
    """Say how to ask in a channel.

    Args:
        mode: of the forum or channel; None where it is not bound.
        forums: channels in which docbot does answer.
    """
    if mode is not None:
        return texts.hello(mode)
    return texts.hello_elsewhere([f"<#{each}>" for each in forums[:_MOST_FORUMS]])


def about(
    version: str, sources: Sequence[Collection], models: Models, retention_days: int | None
) -> str:
    """Say what docbot is, what it knows, who sees what is asked, and what is kept for how long."""
    knowledge = texts.about_knowledge(
        texts.counted_sources(len(sources)),
        texts.counted_pages(sum(each.pages for each in sources)),
    )
    return "\n\n".join(
        [
            texts.about_me(version),
            knowledge,
            f"{_who_writes(models)} {_who_searches(models)}",
            _what_is_kept(retention_days),
            texts.about_docs(),
        ]
    )


def listed(head: str, lines: Sequence[str]) -> str:
    """Put as many lines below the head as a message holds, and say how many more there are."""
    for shown in range(len(lines), -1, -1):
        left = len(lines) - shown
        rest = [texts.and_more(left)] if left else []
        text = "\n".join([head, *lines[:shown], *rest])
        if length(text) <= LIMIT:
            return text
    raise ValueError("the head alone is too long for a message")


def host_of(address: str) -> str:
    """The host that an address leads to, without what else may stand in it."""
    return urlsplit(address).hostname or ""


def shown_model(name: str) -> str:
    """The name of a model; of a file, without the folders that it lies in."""
    is_file = name.startswith(("/", "~", ".")) or "\\" in name
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] if is_file else name


def _collection(source: Collection) -> str:
    read = source.synced_at
    return texts.collection(
        plain(shortened(source.name, _NAME_CHARACTERS)),
        texts.counted_pages(source.pages),
        texts.counted_passages(source.chunks),
        texts.last_read(format_dt(read, "R")) if read else texts.not_read_yet(),
    )


def _command(command: Described, caller: Caller) -> str:
    usage = _code(command.usage, _USAGE_CHARACTERS)
    is_of_own = command.who is Who.AUTHOR and not caller.is_staff
    line = texts.command_for_own_threads if is_of_own else texts.command_line
    return line(usage, plain(command.what))


def _is_for(caller: Caller, who: Who) -> bool:
    return who is not Who.MANAGERS or caller.is_manager


def _what_is_kept(retention_days: int | None) -> str:
    kept = texts.about_keeping(retention_days)
    return f"{kept} {texts.about_votes_and_solutions()} {texts.about_erasing()}"


def _who_writes(models: Models) -> str:
    if models.chat is None:
        return texts.about_quoting()
    return texts.about_chat_model(_named(models.chat), _host(models))


def _who_searches(models: Models) -> str:
    if models.embedding is None:
        return texts.about_lexical_search()
    if models.embedding.startswith(LOCAL_MODEL):
        return texts.about_local_embedding(_named(models.embedding.removeprefix(LOCAL_MODEL)))
    return texts.about_embedding(_named(models.embedding), _host(models))


def _named(model: str) -> str:
    return _code(shown_model(model))


def _host(models: Models) -> str:
    return _code(host_of(models.endpoint))


def _code(text: str, limit: int = _NAME_CHARACTERS) -> str:
    # Nothing between code marks would leave them open.
    return inline_code(shortened(text, limit) or "?")
