"""A website, read page by page: by its sitemap, else along its links.

One site is read with few connections and a pause between requests, within what its robots.txt
allows, and only below the folder of the address that was given. Each page comes once, in an order
that depends on the site alone.
"""

import asyncio
import shlex
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from docbot.errors import (
    DocbotError,
    GoneError,
    MovedError,
    PermanentError,
    RefusedError,
    TransientError,
    UsageError,
)
from docbot.knowledge.addresses import (
    bare,
    folded,
    folder_of,
    is_document,
    is_under,
    looks_like_login,
    may_be_page,
    rebase,
)
from docbot.knowledge.fetch import Answer, Fetcher
from docbot.knowledge.network import GuardedTransport, place_of, place_of_url
from docbot.knowledge.pacer import Pacer
from docbot.knowledge.pages import Failure, Fetched, Page, moved
from docbot.knowledge.sitemap import parse_sitemap

_LONGEST_CRAWL_DELAY = 30  # seconds; a robots.txt that asks for more is obeyed this far
_MOST_OF_ROBOTS = 500 * 1024  # bytes; what RFC 9309 asks a reader to take in at least
_MOST_SITEMAPS = 1000
# So many addresses in a row without an answer: the site is down, and not these pages.
_MOST_FAILURES_IN_A_ROW = 10
# So often one and the same content is no page that happens to have several addresses.
_MOST_OF_ONE_CONTENT = 5
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/markdown", "text/x-markdown"})
_MARKDOWN_ENDINGS = (".md", ".markdown", ".mdx")


@dataclass(frozen=True, slots=True)
class WebsiteSource:
    """A site to read.

    `base_url` is the address that stands in place of the start address's folder. `allow_hosts` are
    those that may be reached although their address is not public, as the start's host and port are.
    """

    start_url: str
    user_agent: str
    pause: float  # seconds between the beginnings of two requests
    base_url: str | None = None
    max_pages: int = 5000
    connections: int = 4
    timeout: float = 20.0  # seconds for each step of a request
    tries: int = 3
    backoff: float = 1.0  # seconds before the second try
    allow_hosts: tuple[str, ...] = ()

    def client(self) -> httpx.AsyncClient:
        allowed = [place_of_url(self.start_url), *map(place_of, self.allow_hosts)]
        return httpx.AsyncClient(
            headers={
                "User-Agent": self.user_agent,
                "Accept": "text/html, text/markdown;q=0.9, */*;q=0.5",
                "Accept-Encoding": "gzip, deflate",
            },
            timeout=self.timeout,
            transport=GuardedTransport(allowed, connections=self.connections),
        )


async def crawl(
    source: WebsiteSource,
    convert: Callable[[Fetched], Awaitable[Page]],
    leave_out: Callable[[str], None] = lambda _: None,
) -> AsyncGenerator[Page | Failure, None]:
    """Read a site; close the iterator (`contextlib.aclosing`) when it is left early.

    Args:
        source: what to read.
        convert: turns a fetched page into a `Page`; awaited, so that it may run `read_fetched` in
            a process pool.
        leave_out: told each address that is linked like a page and is of another kind, as a PDF.

    Raises:
        TransientError: the site cannot be reached, or stopped answering.
        MovedError: the start address leads to another site.
        PermanentError: the start address is no page, is closed to robots, or the site has no text.

    """
    async with source.client() as client:
        pacer = Pacer(source.pause, step=source.backoff)
        fetcher = Fetcher(client, pacer, tries=source.tries, backoff=source.backoff)
        robots = await _robots(fetcher, source)
        pacer.pause = max(source.pause, _crawl_delay(robots, source))
        start = await _start(fetcher, robots, source)
        root = folder_of(start.url)
        named = await _sitemap_pages(fetcher, robots.site_maps() or [], root)
        for failure in named.failures:
            yield failure
        follow = not named.pages
        walk = _Walk(source, fetcher, robots, root, convert, follow=follow, leave_out=leave_out)
        walk.found([start.url, *named.pages])
        async with aclosing(walk.results(start)) as results:
            async for result in results:
                yield result


class _Walk:
    """The state of one crawl: what is known, what waits, what came."""

    def __init__(
        self,
        source: WebsiteSource,
        fetcher: Fetcher,
        robots: RobotFileParser,
        root: str,
        convert: Callable[[Fetched], Awaitable[Page]],
        *,
        follow: bool,
        leave_out: Callable[[str], None],
    ) -> None:
        self._source = source
        self._fetcher = fetcher
        self._robots = robots
        self._root = root
        self._convert = convert
        self._leave_out = leave_out
        self._follow = follow
        self._known: set[str] = set()  # folded
        self._waiting: deque[str] = deque()
        self._stored: set[str] = set()  # addresses
        self._contents: Counter[bytes] = Counter()
        self._first_failure = ""
        self._held: list[tuple[Page, str]] = []  # pages that name another one as their canonical
        self._started = 0
        self._failed_in_a_row = 0

    def found(self, links: Iterable[str]) -> None:
        """Queue the pages of the site that are not known yet."""
        for link in links:
            if not is_under(link, self._root) or not (may_be_page(link) or is_document(link)):
                continue
            page = folded(link)
            if page in self._known or not self._robots.can_fetch(self._source.user_agent, page):
                continue
            self._known.add(page)
            if is_document(page):
                self._leave_out(page)
                continue
            # Fetched as it is linked: not every server answers for the folder of an index.html.
            self._waiting.append(link.partition("#")[0].partition("?")[0])

    async def results(self, start: Answer) -> AsyncGenerator[Page | Failure, None]:
        """Yield each page in the order it was found, several being fetched ahead."""
        running: deque[asyncio.Task[_Outcome]] = deque()
        known_answer: Answer | None = start
        try:
            while self._waiting or running:
                while self._may_begin(len(running)):
                    url = self._waiting.popleft()
                    self._started += 1
                    running.append(asyncio.create_task(self._read(url, known_answer)))
                    known_answer = None
                if not running:
                    break
                result = self._settled(await running.popleft())
                if isinstance(result, Failure):
                    self._first_failure = self._first_failure or result.reason
                if result is not None:
                    yield result
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        taken = {bare(self._home(address)) for address in self._known} if self._held else set()
        for page, home in self._held:
            result = self._stored_at(moved(page, home) if bare(page.url) in taken else page, home)
            if result is not None:
                yield result
        if self._waiting:
            yield Failure(
                self._source.start_url,
                f"stopped after {self._source.max_pages} pages; "
                f"{len(self._waiting)} known addresses were not read",
                is_transient=True,
            )
        if self._gave_one_content():
            [(_, times)] = self._contents.most_common(1)
            yield Failure(
                self._source.start_url,
                f"{times} of {self._started} addresses gave one and the same page; does the site "
                "ask for a login, or does a script draw its pages in the browser?",
                is_transient=True,
            )
        if not self._stored:
            raise PermanentError(
                f"{self._source.start_url} gave no page with text: "
                f"looked at {self._started} addresses under {self._root}, found "
                f"{'by links' if self._follow else 'in the sitemap'}; "
                f"{self._first_failure} (pages that a script draws in the browser cannot be read)"
            )

    def _gave_one_content(self) -> bool:
        most = max(self._contents.values(), default=0)
        return most >= _MOST_OF_ONE_CONTENT and most > self._started / 2

    def _may_begin(self, running: int) -> bool:
        return (
            bool(self._waiting)
            and running < self._source.connections
            and self._started < self._source.max_pages
        )

    async def _read(self, url: str, answer: Answer | None) -> "_Outcome":
        try:
            answer = answer or await self._fetch(url)
        except TransientError as error:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= _MOST_FAILURES_IN_A_ROW:
                raise TransientError(
                    f"{self._root} stopped answering after {len(self._stored)} pages: {error}"
                ) from error
            return Failure(url, str(error), is_transient=True)
        except DocbotError as error:
            return self._refused(url, error)
        self._failed_in_a_row = 0
        if answer is None:
            self._leave_out(url)
            return None
        self._known.add(folded(answer.url))
        fetched = Fetched(
            url=answer.url,
            root=self._root,
            body=answer.body,
            content_type=answer.content_type,
            etag=answer.etag,
            last_modified=answer.last_modified,
        )
        try:
            page = await self._convert(fetched)
        except DocbotError as error:
            home = self._home(folded(url))
            return Failure(home, str(error), is_transient=isinstance(error, TransientError))
        if page.is_login:
            reason = f"{answer.url} asks for a password; docbot reads only what needs no login"
            return Failure(url, reason, is_transient=True)
        return page, folded(answer.url)

    def _refused(self, url: str, error: DocbotError) -> Failure:
        """Tell what stays (gone, moved) from what may be let in again (rights)."""
        return Failure(
            self._home(folded(url)),
            str(error),
            is_transient=isinstance(error, RefusedError) and not isinstance(error, MovedError),
            is_gone=isinstance(error, GoneError),
            moved_to=error.target if isinstance(error, MovedError) else None,
        )

    async def _fetch(self, url: str) -> Answer | None:
        try:
            return await self._fetcher.get(url, may_follow=self._may_follow, accepts=_is_page)
        except GoneError:
            if url.endswith("/") or "." in urlsplit(url).path.rpartition("/")[2]:
                raise
        # A plain web server has `guide/why.html` where the site itself links to `guide/why`.
        answer = await self._fetcher.get(
            f"{url}.html", may_follow=self._may_follow, accepts=_is_page
        )
        return replace(answer, url=url) if answer else None

    def _may_follow(self, target: str) -> bool:
        return is_under(target, self._root) and self._robots.can_fetch(
            self._source.user_agent, target
        )

    def _settled(self, outcome: "_Outcome") -> Page | Failure | None:
        """Take in what came; None for what is no page, or came before."""
        if not isinstance(outcome, tuple):
            return outcome
        page, own = outcome
        if self._follow:
            self.found(page.links)
        if page.leads_to:
            self.found([page.leads_to])
        if not page.chunks:
            if page.leads_to:
                return None
            return Failure(self._home(own), f"{own} holds no text", is_gone=True)
        home = self._home(own)
        if bare(page.url) != bare(home):
            # Only at the end it is known whether the site has that page too.
            self._held.append((page, home))
            return None
        return self._stored_at(page, home)

    def _home(self, address: str) -> str:
        """Return the address under which a page is stored that names no canonical one."""
        base = self._source.base_url
        return rebase(address, self._root, base) if base else address

    def _stored_at(self, page: Page, home: str) -> Page | Failure | None:
        """Give the page its address, canonical or `home`; None where its content came before."""
        self._contents[page.content_hash] += 1
        if self._contents[page.content_hash] > 1:
            return None
        if page.url in self._stored:
            page = moved(page, home)
        if page.url in self._stored:
            return Failure(home, f"another page has the address {page.url} already")
        self._stored.add(page.url)
        return page


_Outcome: TypeAlias = tuple[Page, str] | Failure | None  # a page with where it was read


def _is_page(url: str, content_type: str) -> bool:
    if content_type == "text/plain":
        return urlsplit(url).path.endswith(_MARKDOWN_ENDINGS)
    return content_type in _PAGE_TYPES


def _origin(url: str) -> str:
    return urljoin(folded(url), "/")


async def _robots(fetcher: Fetcher, source: WebsiteSource) -> RobotFileParser:
    """Read the site's robots.txt; a site that has none, or hides it, allows everything."""
    origin = _checked_origin(source.start_url)
    robots = RobotFileParser()
    lines: list[str] = []
    try:
        answer = await fetcher.get(
            f"{origin}robots.txt", may_follow=lambda target: is_under(target, origin)
        )
        if answer is not None and answer.content_type != "text/html":
            text = answer.body[:_MOST_OF_ROBOTS].decode("utf-8-sig", "replace")
            lines = text.splitlines()
    except PermanentError:
        pass
    except TransientError as error:
        raise TransientError(
            f"the site of {source.start_url} cannot be read: {error}",
            retry_after=error.retry_after,
        ) from error
    robots.parse([line for line in lines if _is_readable(line)])
    return robots


def _is_readable(line: str) -> bool:
    """Tell whether the parser takes a line; it raises on an address as broken as `//[x/`."""
    try:
        RobotFileParser().parse(["User-agent: *", line])
    except ValueError:
        return False
    return True


def _checked_origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return _origin(url)
    except ValueError:  # as a port that is no number
        pass
    raise UsageError(f"{url} is no address of a website; it begins with http:// or https://")


def _crawl_delay(robots: RobotFileParser, source: WebsiteSource) -> float:
    delay = robots.crawl_delay(source.user_agent)
    return float(min(int(delay), _LONGEST_CRAWL_DELAY)) if delay else 0.0


async def _start(fetcher: Fetcher, robots: RobotFileParser, source: WebsiteSource) -> Answer:
    """Fetch the start page; a redirect on the same host moves the start."""
    url, origin = source.start_url.partition("#")[0].partition("?")[0], _origin(source.start_url)
    if not robots.can_fetch(source.user_agent, url):
        raise RefusedError(f"{origin}robots.txt does not allow reading {url}")
    try:
        answer = await fetcher.get(
            url, may_follow=lambda target: is_under(target, origin), accepts=_is_page
        )
    except MovedError as error:
        raise MovedError(f"{error}; {_instead(error.target)}", target=error.target) from error
    if answer is None or not may_be_page(answer.url):
        raise PermanentError(
            f"{url} is no page of HTML or Markdown (as a PDF is none); "
            "give the address of the site's first page"
        )
    return answer


def _instead(target: str) -> str:
    if looks_like_login(target):
        return "that looks like a login, and docbot reads only what needs none"
    return f"to read that site: docbot sources add NAME {shlex.quote(target)}"


@dataclass(frozen=True, slots=True)
class _Named:
    """The pages that sitemaps name, and the sitemaps that could not be read just now."""

    pages: tuple[str, ...]
    failures: tuple[Failure, ...]


async def _sitemap_pages(fetcher: Fetcher, stated: list[str], root: str) -> _Named:
    """Find the pages under `root` that the site's sitemaps name."""
    origin = _origin(root)
    failures: list[Failure] = []
    usual = [place for place in _usual_places(root) if place not in stated]
    for candidate in (stated, *([place] for place in usual)):
        named = await _named_in(fetcher, candidate, origin)
        failures += named.failures
        inside = tuple(page for page in named.pages if is_under(page, root))
        if inside:
            return _Named(inside, tuple(failures))
    return _Named((), tuple(failures))


def _usual_places(root: str) -> list[str]:
    """`sitemap.xml` in the folder and in each above it."""
    places, folder, origin = [], root, _origin(root)
    while len(folder) >= len(origin):
        places.append(f"{folder}sitemap.xml")
        folder = folder[:-1].rpartition("/")[0] + "/"
    return places


async def _named_in(fetcher: Fetcher, sitemaps: list[str], origin: str) -> _Named:
    """Read sitemaps and those they name; one that is not there, or is none, is passed over."""
    waiting, known = deque(sitemaps), set(sitemaps)
    pages: list[str] = []
    failures: list[Failure] = []
    read = 0
    while waiting and read < _MOST_SITEMAPS:
        place = waiting.popleft()
        if not is_under(place, origin):
            continue
        read += 1
        try:
            answer = await fetcher.get(place, may_follow=lambda to: is_under(to, origin))
        except TransientError as error:
            failures.append(Failure(place, str(error), is_transient=True))
            continue
        except DocbotError:
            continue
        found = await asyncio.to_thread(parse_sitemap, answer.body if answer else b"")
        pages += found.pages
        waiting += [inner for inner in found.sitemaps if inner not in known]
        known.update(found.sitemaps)
    if waiting:
        reason = f"stopped after {read} sitemaps; {len(waiting)} more were not read"
        failures.append(Failure(origin, reason, is_transient=True))
    return _Named(tuple(pages), tuple(failures))
