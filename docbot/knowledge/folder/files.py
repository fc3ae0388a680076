"""Reads the pages of a folder or a file; what takes time is done in another process."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, TypeVar

from docbot.errors import DocbotError, GoneError, TransientError, UsageError
from docbot.knowledge.folder.folder import File, FolderSource, Listing, read_changed
from docbot.knowledge.folder.json_lines import Line, Record, batches, read_record, records
from docbot.knowledge.memory import Memory
from docbot.knowledge.pages import Failure, Nothing, Page, Result, Unchanged

_FILES_AHEAD = 8  # in conversion at once; bounds memory

_T = TypeVar("_T")


class Run(Protocol):
    """Runs a job in another process, bounded in time; `name` is what it reads."""

    def __call__(self, job: Callable[[], _T], name: str) -> "asyncio.Future[_T]": ...


async def folder_pages(
    source: FolderSource,
    run: Run,
    memory: Memory,
    *,
    expect: Callable[[int], None],
    leave_out: Callable[[str, str], None],
) -> AsyncGenerator[Result, None]:
    """Give what came of each file, in the order of their paths, then of those that are gone.

    Args:
        source: the folder.
        run: does what would hold up the event loop.
        memory: what is known of each file, by its path within the folder.
        expect: told the number of files to read.
        leave_out: told each file or folder that is left out, with the reason.

    Raises:
        DocbotError: the folder as a whole cannot be read.
    """
    listing = await run(source.listing, str(source.root))
    for path, reason in listing.left_out:
        leave_out(path, reason)
    for failure in listing.failures:
        yield failure
    expect(len(listing.files))
    running: deque[tuple[File, asyncio.Future[Page | Unchanged | Nothing]]] = deque()
    try:
        for file in listing.files:
            known = await memory.recall(file.path)
            if known is not None and known.is_settled:
                yield Unchanged(file.path, known)
                continue
            job = partial(read_changed, source, file, known)
            running.append((file, run(job, str(source.root / file.path))))
            if len(running) == _FILES_AHEAD:
                yield await _outcome(*running.popleft())
        while running:
            yield await _outcome(*running.popleft())
    finally:
        await _cancel([page for _, page in running])
    for gone in await _gone(listing, memory):
        yield gone


async def line_pages(
    path: Path,
    base_url: str | None,
    run: Run,
    memory: Memory,
    *,
    expect: Callable[[int], None],
) -> AsyncGenerator[Result, None]:
    """Give what came of each line of a file of JSON Lines; each is known by its address.

    Args:
        path: the file.
        base_url: what comes before an address that is a path alone.
        run: does what would hold up the event loop.
        memory: what is known of each line's page, by its address.
        expect: told the number of lines looked at so far.

    Raises:
        DocbotError: the file as a whole cannot be read.
    """
    first_lines: dict[bytes, int] = {}
    lines = batches(path)
    seen, are_all_known = 0, True
    while batch := await asyncio.to_thread(_next_of, lines, path):
        found = await run(partial(records, batch, base_url), str(path))
        seen += len(batch)
        expect(seen)
        are_all_known &= all(record.url for record in found)
        told = [_unless_seen(record, first_lines) for record in found]
        async with aclosing(_batch_pages(path, batch, told, run, memory)) as outcomes:
            async for outcome in outcomes:
                yield outcome
    if are_all_known:  # else a page that is missing may be that of a broken line
        for gone in await _gone_lines(path, first_lines, memory):
            yield gone


async def _batch_pages(
    path: Path, batch: Sequence[Line], told: Sequence[Record], run: Run, memory: Memory
) -> AsyncGenerator[Result, None]:
    running: deque[tuple[Failure, asyncio.Future[Page | Unchanged | Nothing]]] = deque()
    try:
        for line, record in zip(batch, told, strict=True):
            place = f"{path.name}, line {record.number}"
            known = await memory.recall(record.url) if record.url else None
            if record.reason:
                reason, is_unknown = f"{place} {record.reason}", not record.url
                yield Failure(record.url or place, reason, is_transient=is_unknown, read_from=place)
            elif known is not None and known.is_settled:
                yield Unchanged(record.url, known)
            else:
                failed = Failure(record.url, f"{place}: ", read_from=record.url)
                running.append((failed, run(partial(read_record, line, record, known), place)))
            if len(running) == _FILES_AHEAD:
                yield await _line_outcome(*running.popleft())
        while running:
            yield await _line_outcome(*running.popleft())
    finally:
        await _cancel([page for _, page in running])


def _next_of(lines: Iterator[list[Line]], path: Path) -> list[Line]:
    try:
        return next(lines, [])
    except FileNotFoundError as error:
        raise UsageError(f"the file {path} does not exist") from error
    except OSError as error:
        raise TransientError(f"{path} cannot be read: {error.strerror or error}") from error


def _unless_seen(record: Record, first_lines: dict[bytes, int]) -> Record:
    """Note the record's address, and say so where an earlier line has it."""
    if record.reason:
        return record
    first = first_lines.setdefault(_key(record.url), record.number)
    if first == record.number:
        return record
    return replace(record, reason=f"has the url of line {first}, which is read instead")


def _key(url: str) -> bytes:
    """Stand for an address in little room, as a file may have millions."""
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=12).digest()


async def _line_outcome(
    failed: Failure, page: "asyncio.Future[Page | Unchanged | Nothing]"
) -> Page | Unchanged | Nothing | Failure:
    try:
        return await page
    except DocbotError as error:
        return replace(failed, reason=f"{failed.reason}{error}")


async def _gone_lines(path: Path, present: dict[bytes, int], memory: Memory) -> list[Failure]:
    return [
        Failure(url, f"{url} is no longer in {path.name}", is_gone=True, read_from=url)
        for url in sorted(await memory.addresses())
        if _key(url) not in present
    ]


async def _outcome(
    file: File, page: "asyncio.Future[Page | Unchanged | Nothing]"
) -> Page | Unchanged | Nothing | Failure:
    try:
        return await page
    except DocbotError as error:
        return Failure(
            file.address,
            str(error),
            is_transient=isinstance(error, TransientError),
            is_gone=isinstance(error, GoneError),
            read_from=file.path,
        )


async def _gone(listing: Listing, memory: Memory) -> list[Failure]:
    """Name what gave a page before and is not in the folder now, or is left out now."""
    present = {file.path for file in listing.files}
    unread = tuple(failure.read_from for failure in listing.failures)
    gone: list[Failure] = []
    for path in sorted(await memory.addresses() - present):
        # What lies in a folder that cannot be looked into may be there as ever.
        if any(path == other or path.startswith(f"{other.rstrip('/')}/") for other in unread):
            continue
        known = await memory.recall(path)
        address = known.page_url if known and known.page_url else path
        reason = f"{path} is no longer there, or is left out now"
        gone.append(Failure(address, reason, is_gone=True, read_from=path))
    return gone


async def _cancel(jobs: "list[asyncio.Future[Page | Unchanged | Nothing]]") -> None:
    for job in jobs:
        job.cancel()
    # Of a pool that broke each has an error, which asyncio would complain of.
    await asyncio.gather(*jobs, return_exceptions=True)
