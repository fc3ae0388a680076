"""A sync: every source read, then the index built anew once."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urljoin

from docbot import __version__
from docbot.app.embedding import Progress, embed_chunks, forget_vectors_of_another
from docbot.app.rooms import Rooms, complete_index, rebuild_index, refuse_endpoint_without_model
from docbot.db.locks import sync_lock
from docbot.db.sources import Source
from docbot.errors import DocbotError, UsageError
from docbot.knowledge.memory import NoMemory
from docbot.knowledge.pages import Failure
from docbot.knowledge.reading import read_pages
from docbot.knowledge.sync import Summary, store
from docbot.processes import process_pool
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.lexical import LEXICAL_VERSION

USER_AGENT = f"docbot/{__version__} (+https://github.com/docbot/docbot)"

_SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many sources could be read, and whether all their chunks have a vector, if wanted."""

    sources: int
    embedded: bool


async def sync_sources(
    rooms: Rooms,
    names: Sequence[str],
    *,
    full: bool,
    say: Callable[[str], None],
    progress: Progress,
) -> Outcome:
    """Read the named sources (all when none is named) and index what changed.

    Each failure is said and spoils nothing else: what could be read is indexed.

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
        embedded = True
        if full and rooms.embedder is not None:
            await _forget(rooms, rooms.embedder, say)
        if await is_stale(rooms):
            embedded = await _index(rooms, say, progress)
        elif rooms.index.get() is None:
            await complete_index(rooms)
    return Outcome(len(summaries), embedded)


async def _sync_one(
    rooms: Rooms, source: Source, *, full: bool, say: Callable[[str], None], progress: Progress
) -> Summary | None:
    progress.begin(f"reading {source.name}")
    left_out: set[str] = set()
    try:
        with process_pool(os.cpu_count() or 1) as executor:
            pages = read_pages(
                source,
                executor,
                memory=NoMemory(),
                pause=rooms.settings.docbot_crawl_pause,
                user_agent=USER_AGENT,
                expect=progress.expect,
                leave_out=lambda address, _: left_out.add(address),
                allow_hosts=rooms.settings.docbot_allow_hosts,
            )
            async with aclosing(pages):
                summary = await store(source, rooms.sources, pages, full=full, progress=progress.at)
    except BrokenProcessPool:
        progress.end()
        say(f"{source.name}: not read: the process that converts pages died; is memory short?")
        _say_kept(source, say)
        return None
    except DocbotError as error:
        progress.end()
        say(f"{source.name}: not read: {error}")
        _say_kept(source, say)
        return None
    progress.end()
    for line in lines_of(summary, len(left_out)):
        say(line)
    return summary


def _say_kept(source: Source, say: Callable[[str], None]) -> None:
    if source.pages:
        say(f"  what was read of it before is kept ({source.pages} pages)")


async def is_stale(rooms: Rooms) -> bool:
    """Whether the index is not what this process would build from Postgres now."""
    model = rooms.settings.docbot_embedding_model
    current = await rooms.generations.find_current()
    return (
        current is None
        or not await rooms.generations.is_up_to_date()
        or current.lexical_version != LEXICAL_VERSION
        or current.embedding_model != model
        or (model is not None and bool(await rooms.generations.not_embedded(model, 1)))
    )


async def _index(rooms: Rooms, say: Callable[[str], None], progress: Progress) -> bool:
    """Embed and index; False when not all could be embedded, and is found by words alone."""
    embedded = await _embed(rooms, rooms.embedder, say, progress) if rooms.embedder else True
    progress.begin("indexing")
    try:
        chunks = await rebuild_index(rooms)
    except DocbotError:
        say("not indexed; searches go on in the index as it was")
        raise
    finally:
        progress.end()
    say(f"indexed {chunks} chunks")
    return embedded


async def _forget(rooms: Rooms, embedder: Embedder, say: Callable[[str], None]) -> None:
    try:
        await forget_vectors_of_another(rooms, embedder)
    except DocbotError as error:  # what is stored may be as good as ever
        say(f"whether {embedder.model} is still the same model could not be seen: {error}")


async def _embed(
    rooms: Rooms, embedder: Embedder, say: Callable[[str], None], progress: Progress
) -> bool:
    try:
        embedded = await embed_chunks(rooms, embedder, say, progress)
    except DocbotError as error:  # what was read is found by its words meanwhile
        say(f"not all chunks could be embedded, the next `docbot sync` tries again: {error}")
        return False
    say(f"embedded {embedded} chunks with {embedder.model}")
    return True


def lines_of(summary: Summary, left_out: int = 0) -> list[str]:
    """Say what a sync did: one line of counts, then a line for each page that failed.

    `left_out` addresses are no pages, as PDFs.
    """
    counts = (
        f"{summary.source}: {summary.read} pages: {summary.added} added, {summary.changed} changed, "
        f"{summary.unchanged} unchanged, {summary.deleted} deleted, {len(summary.failures)} failed"
    )
    lines = [f"{counts}, {left_out} left out (PDFs and the like)" if left_out else counts]
    lines += [f"  failed: {_told(failure)}" for failure in summary.failures[:_SHOWN_FAILURES]]
    if len(summary.failures) > _SHOWN_FAILURES:
        lines.append(f"  and {len(summary.failures) - _SHOWN_FAILURES} more failed")
    elsewhere = Counter(_site_of(f.moved_to) for f in summary.failures if f.moved_to)
    lines += [
        f"  {count} of them lead to {site}; to read that site: docbot sources add NAME {site}"
        for site, count in elsewhere.most_common(1)
        if count > 1  # one alone is a page that was given up, not a site that moved
    ]
    if summary.kept:
        lines.append(
            f"  {summary.kept} pages were not found this time; they are kept until all can be read"
        )
    return lines


def _told(failure: Failure) -> str:
    """The reason, with the address where it does not begin with it."""
    reason = failure.reason
    return reason if reason.startswith(failure.url) else f"{failure.url}: {reason}"


def _site_of(address: str) -> str:
    return urljoin(address, "/")
