"""Reads the pages of a folder; each file is looked at and converted in another process."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Protocol, TypeVar

from docbot.errors import DocbotError, GoneError, TransientError
from docbot.knowledge.folder import File, FolderSource, Listing, read_changed
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
