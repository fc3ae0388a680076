"""A sync: every source read, then the index built anew once."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import aclosing
from typing import Protocol

from docbot import __version__
from docbot.app.rooms import Rooms, rebuild_index, refuse_endpoint_without_model
from docbot.db.locks import sync_lock
from docbot.db.sources import Source
from docbot.errors import DocbotError, PermanentError, UsageError
from docbot.knowledge.reading import read_pages
from docbot.knowledge.sync import Summary, store
from docbot.processes import process_pool
from docbot.retrieval.generations import embed_missing
from docbot.retrieval.lexical import LEXICAL_VERSION

USER_AGENT = f"docbot/{__version__} (+https://github.com/docbot/docbot)"

_SHOWN_FAILURES = 20


class Progress(Protocol):
    """Shows how far a long piece of work is."""

    def begin(self, what: str) -> None: ...
    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...


async def sync_sources(
    rooms: Rooms,
    names: Sequence[str],
    *,
    full: bool,
    say: Callable[[str], None],
    progress: Progress,
) -> bool:
    """Read the named sources (all when none is named) and index what changed.

    Returns:
        whether at least one source could be read; each failure was said.

    Raises:
        UsageError: there is no source, a name is not known, or another sync runs.
    """
    await refuse_endpoint_without_model(rooms.settings)
    chosen = await rooms.sources.get_many(names)
    if not chosen:
        raise UsageError("there is no source yet; `docbot sources add NAME URL_OR_FOLDER`")
    async with sync_lock(rooms.database):
        summaries = []
        for source in chosen:
            summary = await _sync_one(rooms, source, full=full, say=say, progress=progress)
            if summary is not None:
                summaries.append(summary)
        if await is_stale(rooms):
            await _index(rooms, say, progress)
    return bool(summaries)


async def _sync_one(
    rooms: Rooms, source: Source, *, full: bool, say: Callable[[str], None], progress: Progress
) -> Summary | None:
    progress.begin(f"reading {source.name}")
    try:
        with process_pool(os.cpu_count() or 1) as executor:
            pages = read_pages(
                source,
                executor,
                pause=rooms.settings.docbot_crawl_pause,
                user_agent=USER_AGENT,
                expect=progress.expect,
            )
            async with aclosing(pages):
                summary = await store(source, rooms.sources, pages, full=full, progress=progress.at)
    except BrokenProcessPool as error:
        raise PermanentError(
            f"{source.name}: the process that converts pages died; is memory short?"
        ) from error
    except DocbotError as error:
        progress.end()
        say(f"{source.name}: not read: {error}")
        return None
    progress.end()
    for line in lines_of(summary):
        say(line)
    return summary


async def is_stale(rooms: Rooms) -> bool:
    """Whether the index is not there, or not what this process would build from Postgres now."""
    current = await rooms.generations.find_current()
    return (
        current is None
        or not await rooms.generations.is_up_to_date()
        or rooms.index.get() is None
        or current.lexical_version != LEXICAL_VERSION
        or current.embedding_model != rooms.settings.docbot_embedding_model
    )


async def _index(rooms: Rooms, say: Callable[[str], None], progress: Progress) -> None:
    if rooms.embedder is not None:
        progress.begin("embedding")
        embedded = await embed_missing(rooms.generations, rooms.embedder, progress.at)
        progress.end()
        say(f"embedded {embedded} chunks with {rooms.embedder.model}")
    progress.begin("indexing")
    chunks = await rebuild_index(rooms)
    progress.end()
    say(f"indexed {chunks} chunks")


def lines_of(summary: Summary) -> list[str]:
    """Say what a sync did: one line of counts, then a line for each page that failed."""
    counts = (
        f"{summary.source}: {summary.read} pages: {summary.added} added, {summary.changed} changed, "
        f"{summary.unchanged} unchanged, {summary.deleted} deleted, {len(summary.failures)} failed"
    )
    lines = [counts]
    lines += [f"  failed: {f.url}: {f.reason}" for f in summary.failures[:_SHOWN_FAILURES]]
    if len(summary.failures) > _SHOWN_FAILURES:
        lines.append(f"  and {len(summary.failures) - _SHOWN_FAILURES} more failed")
    if summary.kept:
        lines.append(
            f"  {summary.kept} pages were not found this time; they are kept until all can be read"
        )
    return lines
