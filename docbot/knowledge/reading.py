"""Reads the pages of a source, whatever it is; conversion runs in other processes."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from functools import partial
from pathlib import Path

from docbot.db.sources import Source
from docbot.errors import DocbotError, TransientError
from docbot.knowledge.crawl import WebsiteSource, crawl
from docbot.knowledge.folder import FolderSource, read_file
from docbot.knowledge.pages import Failure, Fetched, Page, read_fetched

_FILES_AHEAD = 8  # files in conversion at once; bounds memory


async def read_pages(
    source: Source,
    executor: Executor,
    *,
    pause: float,
    user_agent: str,
    expect: Callable[[int], None],
) -> AsyncGenerator[Page | Failure, None]:
    """Give every page of the source; `expect` is told their number where it is known.

    Raises:
        DocbotError: the source as a whole cannot be read.
    """
    if source.kind == "folder":
        folder = FolderSource(Path(source.location), source.base_url)
        async for page in _folder_pages(folder, executor, expect):
            yield page
        return
    site = WebsiteSource(source.location, user_agent, pause, source.base_url)
    async with aclosing(crawl(site, _converter(executor, source.base_url))) as pages:
        async for page in pages:
            yield page


async def _folder_pages(
    folder: FolderSource, executor: Executor, expect: Callable[[int], None]
) -> AsyncGenerator[Page | Failure, None]:
    loop = asyncio.get_running_loop()
    files = folder.files()
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
    while waiting or running:
        while waiting and len(running) < _FILES_AHEAD:
            path = waiting.popleft()
            job = partial(read_file, folder.root, path, folder.base_url)
            running.append((path, loop.run_in_executor(executor, job)))
        path, page = running.popleft()
        try:
            yield await page
        except DocbotError as error:
            is_transient = isinstance(error, TransientError)
            yield Failure(folder.address(path), str(error), is_transient=is_transient)


def _converter(
    executor: Executor, base_url: str | None
) -> Callable[[Fetched], asyncio.Future[Page]]:
    def convert(fetched: Fetched) -> asyncio.Future[Page]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(executor, read_fetched, fetched, base_url)

    return convert
