"""A sync: every source read, then the index built anew once."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import SystemRandom
from urllib.parse import urljoin

from docbot import __version__
from docbot.app.embedding import Progress, embed_chunks, forget_vectors_of_another
from docbot.app.rooms import Rooms, complete_index, rebuild_index, refuse_endpoint_without_model
from docbot.app.sources import told
from docbot.db.locks import sync_lock
from docbot.db.sources import PageRow, Source, Uncut
from docbot.db.syncs import Begun
from docbot.errors import DocbotError, UsageError
from docbot.knowledge.reading import read_pages
from docbot.knowledge.site.leftout import lines_of_left_out
from docbot.knowledge.site.pacer import Pacers
from docbot.knowledge.sync import (
    RESUMABLE_HOURS,
    MayRemove,
    Stored,
    StoredMemory,
    Summary,
    cut_anew,
    cut_page,
    store,
)
from docbot.processes import lasting_pool
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.lexical import LEXICAL_VERSION

USER_AGENT = f"docbot/{__version__} (+https://github.com/docbot/docbot)"

_SHOWN_FAILURES = 20
JITTER = 0.1  # of the time between two scheduled syncs
AFTER_FAILURE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many sources could be read, and whether all their chunks have a vector, if wanted.

    `held` are the sources of which too many pages would have been removed.
    """

    sources: int
    embedded: bool
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Way:
    """How a sync is done, and whom it tells."""

    full: bool
    say: Callable[[str], None]
    warn: Callable[[str], None]
    progress: Progress
    may_remove: MayRemove
    pacers: Pacers


async def keep_all(_doomed: int, _pages: int) -> bool:
    return False


async def sync_sources(
    rooms: Rooms,
    names: Sequence[str],
    *,
    full: bool,
    say: Callable[[str], None],
    progress: Progress,
    warn: Callable[[str], None] | None = None,
    may_remove: MayRemove = keep_all,
) -> Outcome:
    """Read the named sources (all when none is named) and index what changed.

    Each failure is said and spoils nothing else: what could be read is indexed. `warn` is told
    what somebody has to look at, as a source that was not read; without it `say` is. `may_remove`
    is asked where so many pages are gone that it may be a mistake.

    Raises:
        UsageError: there is no source, or a name is not known.
        TakenError: another sync runs.
    """
    await refuse_endpoint_without_model(rooms.settings)
    async with sync_lock(rooms.database):
        chosen = await rooms.sources.get_many(names)
        if not chosen:
            raise UsageError("there is no source yet; `docbot sources add NAME URL_OR_FOLDER`")
        way = _Way(full, say, warn or say, progress, may_remove, Pacers())
        synced = [await _sync_one(rooms, source, way) for source in chosen]
        summaries = [summary for summary in synced if summary is not None]
        embedded = True
        if full and rooms.embedder is not None:
            await _forget(rooms, rooms.embedder, way.warn)
        if await is_stale(rooms):
            embedded = False
            try:
                embedded = await _index(rooms, way)
            finally:
                if not embedded:
                    seconds = _seconds_to_next(rooms, is_done=False)
                    await rooms.syncs.put_off([source.id for source in chosen], seconds)
        elif rooms.index.get() is None:
            await complete_index(rooms)
    held = tuple(summary.source for summary in summaries if summary.held)
    return Outcome(len(summaries), embedded, held)


async def _sync_one(rooms: Rooms, source: Source, way: _Way) -> Summary | None:
    sync = await rooms.syncs.begin(source.id, is_full=way.full, resumable_hours=RESUMABLE_HOURS)
    if sync.is_resumed:
        way.say(f"{source.name}: going on with the sync that was stopped half way")
    way.progress.begin(f"reading {source.name}")
    summary, reason = None, ""
    try:
        summary = await _read(rooms, source, sync, way)
    except BrokenProcessPool:
        reason = "the processes that convert pages die one after the other; is memory short?"
        await rooms.syncs.end(
            sync.id, "failed", counts=sync.counts, deleted=0, failed=0, reason=reason
        )
    except DocbotError as error:
        reason = str(error)
    way.progress.end()
    await rooms.syncs.put_off([source.id], _seconds_to_next(rooms, is_done=summary is not None))
    if summary is None:
        way.warn(f"{source.name}: not read: {reason}")
        if source.pages:
            way.warn(f"  what was read of it before is kept ({source.pages} pages)")
        return None
    for line in lines_of(summary):
        way.say(line)
    if summary.held:
        way.warn(_held_line(summary))
    return summary


async def _read(rooms: Rooms, source: Source, sync: Begun, way: _Way) -> Summary:
    left_out = Counter[str]()
    stored = Stored(rooms.sources, rooms.addresses, rooms.syncs)
    with lasting_pool(os.cpu_count() or 1) as executor:
        pages = read_pages(
            source,
            executor,
            memory=StoredMemory(rooms.addresses, source.id, sync),
            pause=rooms.settings.docbot_crawl_pause,
            user_agent=USER_AGENT,
            expect=way.progress.expect,
            leave_out=lambda _, reason: left_out.update((reason,)),
            allow_hosts=rooms.settings.docbot_allow_hosts,
            pacers=way.pacers,
        )
        async with aclosing(pages):
            summary = await store(
                source,
                stored,
                sync,
                pages,
                progress=way.progress.at,
                may_remove=way.may_remove,
            )
        await cut_anew(source, rooms.sources, cutter(executor))
    return replace(summary, left_out=left_out)


def cutter(executor: Executor) -> Callable[[Uncut, frozenset[bytes]], Awaitable[PageRow]]:
    """Let pages be cut in another process."""

    def cut(uncut: Uncut, repeated: frozenset[bytes]) -> Awaitable[PageRow]:
        return asyncio.get_running_loop().run_in_executor(executor, cut_page, uncut, repeated)

    return cut


def _seconds_to_next(rooms: Rooms, *, is_done: bool) -> float:
    """Return when to sync again; spread, so that not every docbot comes at the same minute."""
    seconds = rooms.settings.docbot_sync_hours * 3600
    if not is_done:
        seconds = min(seconds, AFTER_FAILURE_SECONDS)
    return seconds * SystemRandom().uniform(1 - JITTER, 1 + JITTER)


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


async def _index(rooms: Rooms, way: _Way) -> bool:
    """Embed and index; False when not all could be embedded, and is found by words alone."""
    embedded = await _embed(rooms, rooms.embedder, way) if rooms.embedder else True
    way.progress.begin("indexing")
    try:
        chunks = await rebuild_index(rooms)
    except DocbotError:
        way.warn("not indexed; searches go on in the index as it was")
        raise
    finally:
        way.progress.end()
    way.say(f"indexed {chunks} chunks")
    return embedded


async def _forget(rooms: Rooms, embedder: Embedder, warn: Callable[[str], None]) -> None:
    try:
        await forget_vectors_of_another(rooms, embedder)
    except DocbotError as error:  # what is stored may be as good as ever
        warn(f"whether {embedder.model} is still the same model could not be seen: {error}")


async def _embed(rooms: Rooms, embedder: Embedder, way: _Way) -> bool:
    try:
        embedded = await embed_chunks(rooms, embedder, way.say, way.progress)
    except DocbotError as error:  # what was read is found by its words meanwhile
        way.warn(f"not all chunks could be embedded, the next `docbot sync` tries again: {error}")
        return False
    way.say(f"embedded {embedded} chunks with {embedder.model}")
    return True


def lines_of(summary: Summary) -> list[str]:
    """Say what a sync did: one line of counts, then a line for each page that failed."""
    counts = (
        f"{summary.source}: {summary.read} pages: {summary.added} added, {summary.changed} changed, "
        f"{summary.unchanged} unchanged, {summary.deleted} deleted, {len(summary.failures)} failed"
    )
    lines = [counts]
    lines += [f"  left out: {line}" for line in lines_of_left_out(summary.left_out)]
    if summary.unselected:
        lines.append(
            f"  the selector found nothing in {len(summary.unselected)} pages, which were read as any,"
            f" as {summary.unselected[0]}"
        )
    lines += [
        f"  failed: {told(failure.url, failure.reason)}"
        for failure in summary.failures[:_SHOWN_FAILURES]
    ]
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
            f"  {summary.kept} pages were not found this time; they are kept until all can be read,"
            " or until the next sync finds them gone too"
        )
    return lines


def _held_line(summary: Summary) -> str:
    return (
        f"{summary.source}: {summary.held} pages are gone, so many that it may be a mistake; nothing"
        f" was removed. To remove them: docbot sync {summary.source} --yes"
    )


def _site_of(address: str) -> str:
    return urljoin(address, "/")
