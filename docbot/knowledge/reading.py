"""Reads the pages of a source, whatever it is; conversion runs in other processes."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

from docbot.db.sources import Source
from docbot.errors import PermanentError
from docbot.knowledge.folder.files import Run, folder_pages, line_pages
from docbot.knowledge.folder.folder import FolderSource
from docbot.knowledge.globs import Choice
from docbot.knowledge.memory import Memory
from docbot.knowledge.pages import Fetched, Page, Result, read_fetched
from docbot.knowledge.site.crawl import MOST_PAGES, WebsiteSource, crawl
from docbot.knowledge.site.pacer import Pacers
from docbot.knowledge.text.pdf import can_read_pdf

# Of a processor, so that a busy machine fails no page; the worst that is read took 34.
_MOST_SECONDS = 300.0
# So much later a library that never comes back to Python, and so cannot be told, ends with its process.
_SECONDS_TO_COME_BACK = 60.0
_TOLD_AGAIN_SECONDS = 1.0

_T = TypeVar("_T")


async def read_pages(
    source: Source,
    executor: Executor,
    *,
    memory: Memory,
    pause: float,
    user_agent: str,
    expect: Callable[[int], None],
    leave_out: Callable[[str, str], None] = lambda _, __: None,
    allow_hosts: tuple[str, ...] = (),
    pacers: Pacers | None = None,
) -> AsyncGenerator[Result, None]:
    """Give what came of every address of the source; `expect` is told their number once known.

    `leave_out` is told each address that is left out, and why, as that it is of another kind.
    `allow_hosts` may be reached although their address is not public, as the source's own may be.
    `pacers` are shared by all that is read in turn.

    Raises:
        DocbotError: the source as a whole cannot be read.
    """
    place = Path(source.location)
    if source.kind == "file":
        reading = line_pages(place, source.base_url, _runner(executor), memory, expect=expect)
    elif source.kind == "folder":
        choice = Choice(source.include, source.exclude)
        folder = FolderSource(place, source.base_url, choice, source.selector, source.repeated)
        run = _runner(executor)
        reading = folder_pages(folder, run, memory, expect=expect, leave_out=leave_out)
    else:
        site = _website(source, pause, user_agent, allow_hosts)
        convert = _converter(executor, source.base_url)
        reading = crawl(site, convert, leave_out, memory, pacers)
    async with aclosing(reading) as results:
        async for result in results:
            yield result


def _website(
    source: Source, pause: float, user_agent: str, allow_hosts: tuple[str, ...]
) -> WebsiteSource:
    return WebsiteSource(
        source.location,
        user_agent,
        pause,
        source.base_url,
        include=source.include,
        exclude=source.exclude,
        selector=source.selector,
        repeated=source.repeated,
        reads_pdf=can_read_pdf(),
        max_pages=source.max_pages or MOST_PAGES,
        allow_hosts=allow_hosts,
    )


def _runner(executor: Executor) -> Run:
    def run(job: Callable[[], _T], name: str) -> asyncio.Future[_T]:
        return asyncio.get_running_loop().run_in_executor(executor, partial(bounded, job, name))

    return run


def _converter(
    executor: Executor, base_url: str | None
) -> Callable[[Fetched], asyncio.Future[Page]]:
    def convert(fetched: Fetched) -> asyncio.Future[Page]:
        job = partial(bounded, partial(read_fetched, fetched, base_url), fetched.url)
        return asyncio.get_running_loop().run_in_executor(executor, job)

    return convert


def bounded(read: Callable[[], _T], name: str, seconds: float = _MOST_SECONDS) -> _T:
    """Convert a page in a process of a pool, but give up when it takes too long.

    Raises:
        PermanentError: the conversion took more than so many seconds of a processor.
    """

    def give_up(*_: object) -> None:
        raise _TakesTooLongError

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds, _TOLD_AGAIN_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds + _SECONDS_TO_COME_BACK)
    try:
        return read()
    except _TakesTooLongError as error:
        raise PermanentError(f"{name} takes more than {seconds:g} seconds to convert") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGPROF, before)


class _TakesTooLongError(BaseException):
    """Passes by what outlives every error of a damaged page."""
