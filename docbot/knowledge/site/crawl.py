"""A website, read page by page: by its sitemaps, its `llms.txt` and its links.

One site is read with few connections and a pause between requests, within what its robots.txt
allows, and only below the folder of the address that was given. Each page comes once, in an order
that depends on the site alone. Old versions and translations are left out, as `editions` tells
them, and so is what `scope` says. What is known of an address from before is asked for with the
validators it came with, and not parsed where it is the same.
"""

import asyncio
import shlex
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

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
    asked,
    at_home,
    bare,
    folded,
    folder_of,
    is_login_address,
    is_pdf,
    is_possible,
    is_under,
    looks_like_login,
    may_be_page,
    rebase,
)
from docbot.knowledge.memory import Known, Memory, NoMemory
from docbot.knowledge.pages import (
    HTML_TYPES,
    PDF_TYPE,
    Failure,
    Fetched,
    Missed,
    Nothing,
    Page,
    Result,
    Unchanged,
    body_hash,
    moved,
)
from docbot.knowledge.site.discovery import origin_of, read_lists, read_robots
from docbot.knowledge.site.editions import Candidate, is_other_language
from docbot.knowledge.site.fetch import Answer, Fetcher, NotModified, Validators
from docbot.knowledge.site.frontier import Frontier, Probe
from docbot.knowledge.site.network import GuardedTransport, place_of, place_of_url
from docbot.knowledge.site.pacer import Pacer, Pacers
from docbot.knowledge.site.robots import Robots
from docbot.knowledge.site.scope import OTHER_KINDS, Scope
from docbot.knowledge.site.twins import is_as_complete

MOST_PAGES = 5000  # unless another number is set
_MOST_REDIRECTS = 6  # of the start address
# So many addresses in a row without an answer: the site is down, and not these pages.
_MOST_FAILURES_IN_A_ROW = 10
# So often one and the same content is no page that happens to have several addresses.
_MOST_OF_ONE_CONTENT = 5
_MOST_HELD = 100  # pages that wait to see whether the site has the page they name as their own
_MOST_POOR_TWINS = 20  # in a row that were no better; the next are not asked for
# Pages on their way for each connection: a long one in conversion must not leave those that convert
# without work while the others wait for their turn behind it.
_AHEAD = 4
_AT_ONCE = 500  # addresses of a long list that are looked at before other work has its turn
_PAGE_TYPES = HTML_TYPES | {"text/markdown", "text/x-markdown"}
_MARKDOWN_ENDINGS = (".md", ".markdown", ".mdx")


@dataclass(frozen=True, slots=True)
class WebsiteSource:
    """A site to read.

    `base_url` is the address that stands in place of the start address's folder. `allow_hosts` are
    those that may be reached although their address is not public, as the start's host and port are.

    `include` names what is read although it would be left out, as an old version; `exclude` what is
    not read, also where `include` names it. Each is a glob over the path below the start address's
    folder (`blog/*`, `v1.2/**`), or over the whole address where it begins with `http`: `*` and `?`
    stand for letters of one part of the path, `**` for any parts, and what names a folder names all
    that lies in it. robots.txt is obeyed whatever they say.
    """

    start_url: str
    user_agent: str
    pause: float  # seconds between the beginnings of two requests
    base_url: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None  # CSS; where the text of a page is
    repeated: frozenset[bytes] = frozenset()  # at the ends of most pages; in no chunk
    reads_pdf: bool = False
    max_pages: int = MOST_PAGES
    max_depth: int = 20  # folders below the start's
    max_seconds: float = 6 * 3600
    max_bytes: int = 4_000_000_000  # of all bodies, decompressed
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
    leave_out: Callable[[str, str], None] = lambda _, __: None,
    memory: Memory | None = None,
    pacers: Pacers | None = None,
) -> AsyncGenerator[Result, None]:
    """Read a site; close the iterator (`contextlib.aclosing`) when it is left early.

    Args:
        source: what to read.
        convert: turns a fetched page into a `Page`; awaited, so that it may run `read_fetched` in
            a process pool.
        leave_out: told each address that is not read, with the reason: one or two words, for
            editions with their folder ("other versions: v1.2/").
        memory: what is known of the site's addresses; None: nothing.
        pacers: of what else is read in turn, so that two sources on one site are no burden to it.

    Raises:
        TransientError: the site cannot be reached, or stopped answering.
        MovedError: the start address leads to another site.
        PermanentError: the start address is no page, is closed to robots, or the site has no text.

    """
    memory = memory or NoMemory()
    async with source.client() as client:
        pacer = (pacers or Pacers()).of(source.start_url, source.pause, step=source.backoff)
        fetcher = Fetcher(client, pacer, tries=source.tries, backoff=source.backoff)
        start = await _start(fetcher, pacer, source, memory)
        root = folder_of(start.url)
        scope = Scope(
            root,
            start.robots,
            include=source.include,
            exclude=source.exclude,
            max_depth=source.max_depth,
            today=datetime.now(UTC).date(),
            reads_pdf=source.reads_pdf,
        )
        walk = _Walk(source, fetcher, scope, convert, leave_out=leave_out, memory=memory)
        async with aclosing(walk.results(start)) as results:
            async for result in results:
                yield result


@dataclass(frozen=True, slots=True)
class _Start:
    """The start page, where its redirects ended; without an answer it was read before."""

    url: str
    robots: Robots
    answer: Answer | NotModified | None


@dataclass(slots=True)
class _Read:
    """What came of one address, before it is known what becomes of it."""

    address: str
    page: Page | None = None
    result: Unchanged | Nothing | Failure | None = None
    links: Sequence[str] = ()
    leads_to: str | None = None
    kind: str | None = None  # why it is left out, of what is no page


@dataclass(slots=True)
class _Tally:
    """What a crawl went through."""

    started: int = 0
    body_bytes: int = 0
    failed_in_a_row: int = 0
    poor_twins: int = 0
    contents: Counter[str] = field(default_factory=Counter)
    first_failure: str = ""


class _Walk:
    """The state of one crawl: what waits, what came, what it was."""

    def __init__(
        self,
        source: WebsiteSource,
        fetcher: Fetcher,
        scope: Scope,
        convert: Callable[[Fetched], Awaitable[Page]],
        *,
        leave_out: Callable[[str, str], None],
        memory: Memory,
    ) -> None:
        self._source = source
        self._fetcher = fetcher
        self._scope = scope
        self._convert = convert
        self._leave_out = leave_out
        self._memory = memory
        self._frontier = Frontier(scope, leave_out)
        self._tally = _Tally()
        # Who waits here for a connection is not, as in httpx, given up after a while.
        self._fetching = asyncio.Semaphore(source.connections)
        self._ends_at = asyncio.get_running_loop().time() + source.max_seconds
        self._language: str | None = None  # of the site
        self._text = ""  # of the start page
        self._stored: set[str] = set()  # addresses
        self._new: set[str] = set()  # those of them that are not what they were
        self._pages_of: dict[bytes, str] = {}  # by the hash of the body
        self._redirects: dict[str, str] = {}
        self._copies: list[tuple[str, str]] = []  # unchanged ones, with what they repeated
        self._held: deque[tuple[Page, str]] = deque()  # name another one as their canonical
        self._probed: list[tuple[Candidate, _Read]] = []

    async def results(self, start: _Start) -> AsyncGenerator[Result, None]:
        """Yield what came of each address in the order it was found, several being fetched ahead."""
        lists = await read_lists(
            self._fetcher, start.robots, self._scope.root, is_over=self._is_time_over
        )
        for failure in lists.failures:
            yield failure
        self._frontier.take(folded(start.url))
        self._frontier.waiting.append(asked(start.url))
        self._frontier.name_twins(lists.twins)
        first: _Start | None = start
        is_first = True
        while first or (self._frontier.waiting and self._stopped_by() is None):
            async with aclosing(self._drained(first)) as results:
                async for result in results:
                    yield result
            first = None
            if is_first:  # the start page tells the language, and the lists come after it
                is_first = False
                await self._look_at(lists.pages)
                if any(failure.is_transient for failure in lists.failures):
                    await self._look_at(sorted(await self._memory.addresses()))
            while self._stopped_by() is None and not self._frontier.waiting:
                probe = await asyncio.to_thread(self._frontier.settle)
                if probe is not None:
                    await self._see(probe)
                for result in [one async for one in self._decided()]:
                    yield result
                if probe is None:
                    break
        async with aclosing(self._last()) as results:
            async for result in results:
                yield result

    async def _last(self) -> AsyncGenerator[Result, None]:
        """Yield what can only be told when everything else is known."""
        for address in self._changed_copies():
            for result in self._settled(await self._read(address, is_known=False)):
                yield result
        while self._held:
            yield self._unheld(*self._held.popleft(), is_last=True)
        stopped_by = self._stopped_by()
        left = len(self._frontier.waiting) + self._frontier.held_back
        if stopped_by is not None and left:
            reason = f"stopped after {stopped_by}; {left} known addresses were not read"
            yield Failure(self._source.start_url, reason, is_transient=True)
        else:
            async with aclosing(self._missed()) as missed:
                async for result in missed:
                    yield result
        if self._gave_one_content():
            [(_, times)] = self._tally.contents.most_common(1)
            yield Failure(
                self._source.start_url,
                f"{times} of {self._tally.started} addresses gave one and the same page; does the "
                "site ask for a login, or does a script draw its pages in the browser?",
                is_transient=True,
            )
        if not self._stored:
            raise PermanentError(
                f"{self._source.start_url} gave no page with text: "
                f"looked at {self._tally.started} addresses under {self._scope.root}; "
                f"{self._tally.first_failure} (pages that a script draws in the browser cannot be read)"
            )

    async def _drained(self, start: _Start | None) -> AsyncGenerator[Result, None]:
        """Read until nothing waits, or a limit is reached; `start` alone where it is given."""
        running: deque[asyncio.Task[_Read]] = deque()
        try:
            while True:
                while self._may_begin(len(running)):
                    address = self._frontier.waiting.popleft()
                    self._tally.started += 1
                    answer = start.answer if start else None
                    running.append(asyncio.create_task(self._read(address, answer)))
                if not running:
                    return
                for result in self._settled(await running.popleft()):
                    yield result
                if start:
                    return
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _may_begin(self, running: int) -> bool:
        return (
            bool(self._frontier.waiting)
            and running < _AHEAD * self._source.connections
            and self._stopped_by() is None
        )

    def _stopped_by(self) -> str | None:
        """Say which limit is reached; the start page is read in any case."""
        if self._tally.started == 0:
            return None
        if self._tally.started >= self._source.max_pages:
            return f"{self._source.max_pages} pages"
        if self._tally.body_bytes >= self._source.max_bytes:
            return f"{self._source.max_bytes / 1_000_000:g} MB"
        return f"{self._source.max_seconds:g} seconds" if self._is_time_over() else None

    def _is_time_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._ends_at

    async def _look_at(self, addresses: Sequence[str]) -> None:
        for first in range(0, len(addresses), _AT_ONCE):
            self._frontier.add(addresses[first : first + _AT_ONCE])
            await asyncio.sleep(0)  # a list of 100,000 must not stall others

    async def _read(
        self, url: str, answer: Answer | NotModified | None = None, *, is_known: bool = True
    ) -> _Read:
        """Find out what there is at one address now; without `is_known` as if for the first time."""
        address = folded(url)
        known = await self._memory.recall(address) if is_known else None
        if known is not None and known.is_settled:
            return _unchanged(address, known)
        try:
            answer = answer or await self._fetch(url, known)
        except DocbotError as error:
            return self._not_read(address, known, error)
        self._tally.failed_in_a_row = 0
        return await self._taken_in(address, answer, known)

    async def _taken_in(
        self, address: str, answer: Answer | NotModified | None, known: Known | None
    ) -> _Read:
        """Convert what came, unless it is what came before."""
        if isinstance(answer, NotModified):
            return _unchanged(address, known) if known else _Read(address)
        if answer is None:
            nothing = Nothing(address, None, None, None)
            return _Read(address, result=nothing, kind=OTHER_KINDS)
        self._tally.body_bytes += len(answer.body)
        if known is not None and known.body_hash == body_hash(answer.body):
            now = replace(known, etag=answer.etag, last_modified=answer.last_modified)
            return _unchanged(address, now, has_new_validators=now != known)
        return await self._converted(address, answer, known)

    async def _converted(self, address: str, answer: Answer, known: Known | None) -> _Read:
        digest = body_hash(answer.body)
        nothing = Nothing(address, answer.etag, answer.last_modified, digest)
        first = self._pages_of.get(digest)
        # Where only a slash or an ending differs, the links of one of both may be the right ones.
        if first is not None and bare(first) != bare(self._home(address)):
            self._tally.contents[first] += 1
            return _Read(address, result=replace(nothing, leads_to=first))
        fetched = self._fetched(answer)
        try:
            page = await self._convert(fetched)
        except DocbotError as error:
            transient = isinstance(error, TransientError)
            return self._failure(address, known, str(error), is_transient=transient)
        if page.is_login:
            reason = f"{answer.url} asks for a password; docbot reads only what needs no login"
            return self._failure(address, known, reason, is_transient=True)
        page = replace(
            await self._with_twin(page, address),
            read_from=address,
            body_hash=digest,
            etag=answer.etag,
            last_modified=answer.last_modified,
        )
        if page.chunks:
            return _Read(address, page, links=page.links, leads_to=page.leads_to)
        note = None if page.leads_to else f"{address} holds no text"
        nothing = replace(nothing, links=page.links, leads_to=page.leads_to, note=note)
        return _Read(address, result=nothing, links=page.links, leads_to=page.leads_to)

    def _fetched(self, answer: Answer) -> Fetched:
        return Fetched(
            url=answer.url,
            root=self._scope.root,
            body=answer.body,
            content_type=answer.content_type,
            etag=answer.etag,
            last_modified=answer.last_modified,
            selector=self._source.selector,
            repeated=self._source.repeated,
        )

    async def _with_twin(self, page: Page, address: str) -> Page:
        """Return the page as its Markdown twin has it, where nothing is lost by that."""
        named = page.head.twin or self._frontier.twins.get(bare(address))
        twin = at_home(named, self._scope.root) if named else None
        if (
            twin is None
            or not page.chunks
            or self._tally.poor_twins >= _MOST_POOR_TWINS
            or folded(twin) == address
            or not is_under(twin, self._scope.root)
            or not self._scope.allows(folded(twin))
        ):
            return page
        try:
            async with self._fetching:
                answer = await self._fetcher.get(
                    asked(twin), may_follow=lambda _: False, accepts=_is_markdown
                )
            found = await self._convert(self._fetched(answer)) if answer else None
        except DocbotError:  # the page itself was read
            found = None
        if found is None or not is_as_complete(found, page):
            self._tally.poor_twins += 1
            return page
        self._tally.poor_twins = 0
        title = found.title or page.title
        there = moved(found, page.url)
        return replace(there, title=title, links=page.links, head=page.head)

    async def _fetch(self, url: str, known: Known | None) -> Answer | NotModified | None:
        address = folded(url)
        validators = None
        if known is not None and (known.etag or known.last_modified):
            validators = Validators(known.etag, known.last_modified)

        async def get(place: str) -> Answer | NotModified | None:
            async with self._fetching:
                return await self._fetcher.get(
                    place,
                    may_follow=lambda target: folded(target) == address,
                    accepts=_is_page,
                    known=validators and replace(validators, url=place),
                )

        try:
            return await get(url)
        except GoneError as error:
            elsewhere = _kept_at(url)
            if elsewhere is None:
                raise
            gone = error
        try:
            answer = await get(elsewhere)
        except (GoneError, RefusedError):
            raise gone from None
        return replace(answer, url=url) if isinstance(answer, Answer) else answer

    def _not_read(self, address: str, known: Known | None, error: DocbotError) -> _Read:
        """Tell what stays (gone, moved) from what passes, or may be let in again (rights)."""
        if isinstance(error, MovedError):
            return self._redirected(address, error)
        if isinstance(error, TransientError):
            self._count_failure(error)
        twin = self._frontier.instead_of(address) if isinstance(error, GoneError) else None
        if twin is not None:
            self._frontier.push(twin)
            return _Read(address)
        is_transient = isinstance(error, RefusedError | TransientError)
        is_gone = isinstance(error, GoneError)
        return self._failure(address, known, str(error), is_transient=is_transient, is_gone=is_gone)

    def _count_failure(self, error: TransientError) -> None:
        self._tally.failed_in_a_row += 1
        if self._tally.failed_in_a_row >= _MOST_FAILURES_IN_A_ROW:
            raise TransientError(
                f"{self._scope.root} stopped answering after {len(self._stored)} pages: {error}"
            ) from error

    def _failure(
        self,
        address: str,
        known: Known | None,
        reason: str,
        *,
        is_transient: bool = False,
        is_gone: bool = False,
    ) -> _Read:
        """Fail an address; what it led to before is found all the same unless it is gone."""
        url = known.page_url if known and known.page_url else self._home(address)
        failure = Failure(
            url, reason, is_transient=is_transient, is_gone=is_gone, read_from=address
        )
        links = known.links if known and not is_gone else ()
        return _Read(address, result=failure, links=links)

    def _redirected(self, address: str, error: MovedError) -> _Read:
        """An address that leads to another one of the site has no page; a loop or a way out fails."""
        target = at_home(error.target, self._scope.root)
        if not is_under(target, self._scope.root):
            failure = Failure(
                self._home(address), str(error), moved_to=error.target, read_from=address
            )
            return _Read(address, result=failure)
        if is_login_address(target) and not is_login_address(address):
            reason = f"{address} leads to {target}, which looks like a login"
            return self._failure(address, None, reason, is_transient=True)
        self._redirects[address] = folded(target)
        if self._leads_back(address):
            reason = f"{address} leads from one address to the next without end"
            return self._failure(address, None, reason)
        nothing = Nothing(address, None, None, None, leads_to=target)
        return _Read(address, result=nothing, leads_to=target)

    def _leads_back(self, address: str) -> bool:
        place, seen = self._redirects.get(address), {address}
        while place is not None and place not in seen:
            seen.add(place)
            place = self._redirects.get(place)
        return place is not None

    def _settled(self, read: _Read) -> Iterator[Result]:
        """Follow what an address leads to, and say what came of it."""
        self._follow(read)
        yield from self._kept(read)

    def _follow(self, read: _Read) -> None:
        if read.page is not None:
            self._see_language(read.page)
            self._frontier.see_translations(read.address, read.page.head, self._language)
        self._frontier.add(read.links)
        if read.leads_to:
            self._frontier.add([read.leads_to])

    def _see_language(self, page: Page) -> None:
        if not self._text:
            self._text = page.markdown
            self._language = page.head.language

    def _kept(self, read: _Read) -> Iterator[Result]:
        result = read.result
        if read.kind is not None:
            self._leave_out(read.address, read.kind)
        if isinstance(result, Failure):
            self._tally.first_failure = self._tally.first_failure or result.reason
        elif isinstance(result, Nothing) and result.note:
            self._tally.first_failure = self._tally.first_failure or result.note
        elif isinstance(result, Unchanged):
            self._remember(result)
        if result is not None:
            yield result
        if read.page is None:
            return
        if bare(read.page.url) == bare(self._home(read.address)):
            yield self._stored_at(read.page, self._home(read.address))
            return
        # Only at the end it is known whether the site has that page too.
        self._held.append((read.page, self._home(read.address)))
        if len(self._held) > _MOST_HELD:
            yield self._unheld(*self._held.popleft(), is_last=False)

    def _remember(self, result: Unchanged) -> None:
        known = result.known
        if known.page_url is None:
            if known.leads_to and known.body_hash and not known.note:
                self._copies.append((result.read_from, known.leads_to))
            return
        self._stored.add(known.page_url)
        if known.body_hash is not None:
            self._pages_of.setdefault(known.body_hash, known.page_url)

    def _unheld(self, page: Page, home: str, *, is_last: bool) -> Page | Nothing | Failure:
        if not is_last:
            return self._stored_at(moved(page, home), home)
        taken = {bare(self._home(address)) for address in self._frontier.taken()}
        return self._stored_at(moved(page, home) if bare(page.url) in taken else page, home)

    def _home(self, address: str) -> str:
        """Return the address under which a page is stored that names no canonical one."""
        base = self._source.base_url
        return rebase(address, self._scope.root, base) if base else address

    def _stored_at(self, page: Page, home: str) -> Page | Nothing | Failure:
        """Give the page its address, canonical or `home`; it has none where its content came before."""
        first = self._pages_of.get(page.content_hash)
        if first is not None:
            self._tally.contents[first] += 1
            return _copy_of(page, first)
        if page.url in self._stored:
            page = moved(page, home)
        if page.url in self._stored:
            reason = f"another page has the address {page.url} already"
            return Failure(home, reason, read_from=page.read_from)
        self._tally.contents[page.url] += 1
        self._stored.add(page.url)
        self._new.add(page.url)
        self._pages_of[page.content_hash] = page.url
        if page.body_hash is not None:
            self._pages_of.setdefault(page.body_hash, page.url)
        return page

    def _changed_copies(self) -> list[str]:
        """Return the unchanged repeats of pages that are not any more what they were."""
        base = self._source.base_url or self._scope.root
        same = (self._stored - self._new) | {self._home(address) for address, _ in self._copies}
        return [
            address
            for address, original in self._copies
            if original.startswith((self._scope.root, base))
            and self._home(folded(original)) not in same
        ]

    async def _see(self, probe: Probe) -> None:
        """Read one page of a folder that may be another edition, to see what the folder is."""
        candidate = probe.candidate
        if candidate.kind == "language":
            marked = await self._memory.recall(self._scope.root + candidate.folder)
            if marked is not None and _is_mark(marked):
                self._frontier.decide(candidate, is_read=False)
                return
        self._tally.started += 1
        read = await self._read(probe.address)
        self._frontier.add(read.links)
        if read.leads_to:
            self._frontier.add([read.leads_to])
        self._probed.append((candidate, read))
        if candidate.kind == "language":
            is_other = self._is_other_language(candidate, read)
            if is_other is not None:
                self._frontier.decide(candidate, is_read=not is_other)

    def _is_other_language(self, candidate: Candidate, read: _Read) -> bool | None:
        if isinstance(read.result, Unchanged) and read.result.known.page_url is not None:
            return False  # it was read last time
        if read.page is None:
            return None
        is_other = is_other_language(
            candidate, read.page.head.language, read.page.markdown, self._language, self._text
        )
        return self._frontier.repeats_the_site(candidate) if is_other is None else is_other

    async def _decided(self) -> AsyncGenerator[Result, None]:
        """Give what came of probes whose folder is decided on, and a mark for each translation."""
        seen: set[str] = set()
        waiting: list[tuple[Candidate, _Read]] = []
        for candidate, read in self._probed:
            other, is_clear = self._frontier.edition_of(read.address, candidate)
            if not is_clear:
                waiting.append((candidate, read))
            elif other is None:
                for result in self._kept(read):
                    yield result
            else:
                self._leave_out(read.address, other.reason)
                if (left := _left(read)) is not None:
                    seen.add(read.address)
                    yield left
        self._probed = waiting
        for candidate in self._frontier.left_out:
            mark = self._scope.root + candidate.folder
            if mark not in seen:
                yield Nothing(mark, None, None, None)
        self._frontier.left_out.clear()

    async def _missed(self) -> AsyncGenerator[Result, None]:
        """Ask for what gave a page before and is named by nothing now: it is gone, or it is missed."""
        for address in sorted(await self._memory.addresses()):
            if self._frontier.is_taken(address):
                continue
            if not is_under(address, self._scope.root) or not self._scope.allows(address):
                yield Missed(address)
                continue
            known = await self._memory.recall(address)
            try:
                await self._ask(address, known)
            except DocbotError as error:
                read = self._not_read(address, known, error)
                if read.result is not None:
                    yield read.result
            else:
                yield Missed(address)

    async def _ask(self, address: str, known: Known | None) -> None:
        """Raise where an address does not answer; its body is not wanted."""
        validators = Validators(known.etag, known.last_modified) if known else None
        for place in filter(None, (address, _kept_at(address))):
            try:
                await self._fetcher.get(
                    place,
                    may_follow=lambda target: folded(target) == address,
                    accepts=lambda _, __: False,
                    known=validators,
                )
            except GoneError as error:
                gone = error
            else:
                return
        raise gone

    def _gave_one_content(self) -> bool:
        most = max(self._tally.contents.values(), default=0)
        return most >= _MOST_OF_ONE_CONTENT and most > self._tally.started / 2


def _unchanged(address: str, known: Known, *, has_new_validators: bool = False) -> _Read:
    result = Unchanged(address, known, has_new_validators)
    return _Read(address, result=result, links=known.links, leads_to=known.leads_to)


def _copy_of(page: Page, first: str) -> Nothing:
    return Nothing(
        page.read_from,
        page.etag,
        page.last_modified,
        page.body_hash,
        links=page.links,
        leads_to=first,
    )


def _left(read: _Read) -> Nothing | Unchanged | None:
    """What is remembered of a page that was read only to see what its folder is."""
    if read.page is not None:
        page = read.page
        return Nothing(
            read.address, page.etag, page.last_modified, page.body_hash, links=page.links
        )
    return read.result if isinstance(read.result, Nothing | Unchanged) else None


def _is_mark(known: Known) -> bool:
    """Tell whether an address was remembered only because its folder is left out."""
    return known.page_url is None and known.note is None and known.leads_to is None


def _kept_at(url: str) -> str | None:
    """Where a plain web server keeps what is not at its address.

    It has `guide/why.html` where the site links to `guide/why`, and may not answer for the folder
    of an `index.html`.
    """
    if url.endswith("/"):
        return f"{url}index.html"
    return None if "." in urlsplit(url).path.rpartition("/")[2] else f"{url}.html"


def _is_page(url: str, content_type: str) -> bool:
    if content_type == "text/plain":
        return urlsplit(url).path.endswith(_MARKDOWN_ENDINGS)
    return content_type in _PAGE_TYPES or (content_type == PDF_TYPE and is_pdf(url))


def _is_markdown(url: str, content_type: str) -> bool:
    return content_type != "text/html" and _is_page(url, content_type)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_website = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        if is_website and is_possible(url):
            return
    except ValueError:  # as a port that is no number
        pass
    raise UsageError(f"{url} is no address of a website; it begins with http:// or https://")


async def _start(fetcher: Fetcher, pacer: Pacer, source: WebsiteSource, memory: Memory) -> _Start:
    """Fetch the start page; a redirect on the same site moves the start, to https or www too."""
    url = asked(source.start_url)
    _check(url)
    robots = await _obeyed(fetcher, pacer, source, url)
    for _ in range(_MOST_REDIRECTS):
        if not robots.allows(url):
            raise RefusedError(f"{origin_of(url)}robots.txt does not allow reading {url}")
        known = await memory.recall(folded(url))
        if known is not None and known.is_settled and known.page_url is not None:
            return _Start(url, robots, None)
        try:
            answer = await _asked_for(fetcher, url, known)
        except MovedError as error:
            target = asked(error.target)
            if not is_under(at_home(target, url), origin_of(url)):
                told = f"{error}; {_instead(error.target)}"
                raise MovedError(told, target=error.target) from error
            if origin_of(target) != origin_of(url):
                robots = await _obeyed(fetcher, pacer, source, target)
            url = target
            continue
        if answer is None or not may_be_page(answer.url):
            raise PermanentError(
                f"{url} is no page of HTML or Markdown (as a PDF is none); "
                "give the address of the site's first page"
            )
        return _Start(url, robots, answer)
    raise PermanentError(f"{source.start_url} leads from one address to the next without end")


async def _asked_for(
    fetcher: Fetcher, url: str, known: Known | None
) -> Answer | NotModified | None:
    validators = Validators(known.etag, known.last_modified) if known else None
    return await fetcher.get(url, may_follow=lambda _: False, accepts=_is_page, known=validators)


async def _obeyed(fetcher: Fetcher, pacer: Pacer, source: WebsiteSource, url: str) -> Robots:
    """Read the robots.txt for an address, and keep to the pause that it asks for."""
    robots = await read_robots(fetcher, url, source.user_agent)
    pacer.pause = max(source.pause, robots.crawl_delay)
    return robots


def _instead(target: str) -> str:
    if looks_like_login(target):
        return "that looks like a login, and docbot reads only what needs none"
    return f"to read that site: docbot sources add NAME {shlex.quote(target)}"
