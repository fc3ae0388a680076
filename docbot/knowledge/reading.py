"""Reads the pages of a source, whatever it is; conversion runs in other processes."""

import asyncio
import signal
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from functools import partial
from pathlib import Path

from docbot.db.sources import Source
from docbot.errors import DocbotError, GoneError, PermanentError, TransientError
from docbot.knowledge.crawl import WebsiteSource, crawl
from docbot.knowledge.folder import FolderSource, read_file
from docbot.knowledge.pages import Failure, Fetched, Page, read_fetched

_FILES_AHEAD = 8  # files in conversion at once; bounds memory
# Of a processor, so that a busy machine fails no page; HTML of 10 MB, the most there is, took 114.
_MOST_SECONDS = 300.0


async def read_pages(
    source: Source,
    executor: Executor,
    *,
    pause: float,
    user_agent: str,
    expect: Callable[[int], None],
    leave_out: Callable[[str], None] = lambda _: None,
    allow_hosts: tuple[str, ...] = (),
) -> AsyncGenerator[Page | Failure, None]:
    """Give every page of the source; `expect` is told their number where it is known.

    `leave_out` is told each address that is linked like a page and is of another kind, as a PDF.
    `allow_hosts` may be reached although their address is not public, as the source's own may be.

    Raises:
        DocbotError: the source as a whole cannot be read.
    """
    if source.kind == "folder":
        folder = FolderSource(Path(source.location), source.base_url)
        async for page in _folder_pages(folder, executor, expect):
            yield page
        return
    site = WebsiteSource(
        source.location, user_agent, pause, source.base_url, allow_hosts=allow_hosts
    )
    convert = _converter(executor, source.base_url)
    async with aclosing(crawl(site, convert, leave_out)) as pages:
        async for page in pages:
            yield page


async def _folder_pages(
    folder: FolderSource, executor: Executor, expect: Callable[[int], None]
) -> AsyncGenerator[Page | Failure, None]:
    loop = asyncio.get_running_loop()
    unreadable: list[OSError] = []
    files = folder.files(unreadable.append)
    for error in unreadable:
        reason = f"{error.filename} cannot be read: {error.strerror or error}"
        yield Failure(str(error.filename), reason, is_transient=True)
    expect(len(files))
    waiting = deque[Path]()
    file_of: dict[str, Path] = {}
    for path in files:
        first = file_of.setdefault(folder.address(path), path)
        if first is path:
            waiting.append(path)
        else:
            reason = f"{path} has the same address as {first}, which is read instead"
            yield Failure(folder.address(path), reason)
    running: deque[tuple[Path, asyncio.Future[Page]]] = deque()
    try:
        while waiting or running:
            while waiting and len(running) < _FILES_AHEAD:
                path = waiting.popleft()
                read = partial(read_file, folder.root, path, folder.base_url)
                job = partial(bounded, read, str(path))
                running.append((path, loop.run_in_executor(executor, job)))
            path, page = running.popleft()
            try:
                yield await page
            except DocbotError as error:
                yield Failure(
                    folder.address(path),
                    str(error),
                    is_transient=isinstance(error, TransientError),
                    is_gone=isinstance(error, GoneError),
                )
    finally:
        for _, page in running:
            page.cancel()
        # Of a pool that broke each has an error, which asyncio would complain of.
        await asyncio.gather(*(page for _, page in running), return_exceptions=True)


def _converter(
    executor: Executor, base_url: str | None
) -> Callable[[Fetched], asyncio.Future[Page]]:
    def convert(fetched: Fetched) -> asyncio.Future[Page]:
        job = partial(bounded, partial(read_fetched, fetched, base_url), fetched.url)
        return asyncio.get_running_loop().run_in_executor(executor, job)

    return convert


def bounded(read: Callable[[], Page], name: str, seconds: float = _MOST_SECONDS) -> Page:
    """Convert a page in a process of a pool, but give up when it takes too long.

    Raises:
        PermanentError: the conversion took more than so many seconds of a processor.
    """

    def give_up(*_: object) -> None:
        raise PermanentError(f"{name} takes more than {seconds:g} seconds to convert")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return read()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
