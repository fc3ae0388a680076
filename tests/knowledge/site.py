"""A small site on a local port that counts what is asked of it, and a memory of what came."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from aiohttp import web

from docbot.knowledge.memory import Known, Memory
from docbot.knowledge.pages import (
    Failure,
    Fetched,
    Missed,
    Nothing,
    Page,
    Result,
    Unchanged,
    read_fetched,
)
from docbot.knowledge.site.crawl import WebsiteSource, crawl
from tests.knowledge.conftest import served

Body = str | Callable[[], web.Response]


def page(text: str, *links: str, head: str = "", language: str = "") -> str:
    anchors = " ".join(f'<a href="{link}">{link}</a>' for link in links)
    attribute = f' lang="{language}"' if language else ""
    return (
        f"<html{attribute}><head>{head}</head><body><nav>{anchors}</nav>"
        f"<main><h1>{text}</h1><p>What {text} says.</p></main></body></html>"
    )


@dataclass(slots=True)
class Site:
    """Pages by path; `asked` are the (path, status) answered since it was last emptied."""

    url: str
    pages: dict[str, Body]
    asked: list[tuple[str, int]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Every page asked for; the lists that each crawl begins with are none."""
        lists = ("/robots.txt", "llms.txt", ".xml")
        return [path for path, _ in self.asked if not path.endswith(lists)]

    @property
    def bodies(self) -> list[str]:
        return [path for path, status in self.asked if status == 200]


@asynccontextmanager
async def site(pages: dict[str, Body]) -> AsyncIterator[Site]:
    """Serve pages with ETags."""
    place = Site("", pages)

    def answer(request: web.BaseRequest) -> web.Response:
        body = place.pages.get(request.path)
        if body is None:
            return web.Response(status=404)
        if not isinstance(body, str):
            return body()
        etag = f'"{blake2b(body.encode(), digest_size=8).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        kind = "text/markdown" if request.path.endswith(".md") else "text/html"
        return web.Response(text=body, content_type=kind, headers={"ETag": etag})

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = answer(request)
        place.asked.append((request.path, response.status))
        return response

    async with served(handle) as url:
        place.url = url
        yield place


class Remembered:
    """Keeps what a crawl gave, as the database does; `settle` makes it the same sync's."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    async def recall(self, address: str) -> Known | None:
        return self.known.get(address)

    async def addresses(self) -> frozenset[str]:
        return frozenset(place for place, known in self.known.items() if known.page_url)

    def take(self, results: Iterable[Result]) -> None:
        for result in results:
            if isinstance(result, Page):
                self.known[result.read_from] = Known(
                    result.url, result.etag, result.last_modified, result.body_hash, result.links
                )
            elif isinstance(result, Nothing):
                self.known[result.read_from] = Known(
                    None,
                    result.etag,
                    result.last_modified,
                    result.body_hash,
                    result.links,
                    result.leads_to,
                    result.note,
                )

    def settle(self, *addresses: str) -> None:
        for address in addresses:
            self.known[address] = replace(self.known[address], is_settled=True)


@dataclass(slots=True)
class Crawled:
    results: list[Result]
    left_out: list[tuple[str, str]]  # address, reason
    url: str

    def of(self, kind: type[Result]) -> list[str]:
        """The paths of the results of one kind."""
        return [
            (r.url if isinstance(r, Page | Failure) else r.read_from).removeprefix(self.url)
            for r in self.results
            if isinstance(r, kind)
        ]

    @property
    def pages(self) -> list[str]:
        return self.of(Page)

    @property
    def unchanged(self) -> list[str]:
        return [
            (r.known.page_url or "").removeprefix(self.url)
            for r in self.results
            if isinstance(r, Unchanged) and r.known.page_url
        ]

    @property
    def missed(self) -> list[str]:
        return self.of(Missed)

    @property
    def failures(self) -> list[Failure]:
        return [r for r in self.results if isinstance(r, Failure)]

    @property
    def reasons(self) -> set[str]:
        return {reason for _, reason in self.left_out}


async def crawled(
    place: Site,
    start: str = "",
    memory: Memory | None = None,
    kind: type[WebsiteSource] = WebsiteSource,
    **settings: object,
) -> Crawled:
    """Read the site without pauses, converting in this process."""

    async def convert(fetched: Fetched) -> Page:
        return read_fetched(fetched, source.base_url)

    place.asked.clear()
    plain = kind(
        place.url + start, user_agent="docbot/1 (+https://x.y)", pause=0, backoff=0, tries=1
    )
    source = replace(plain, **settings)  # type: ignore[arg-type]  # named by the test
    left_out: list[tuple[str, str]] = []
    crawling = crawl(source, convert, lambda *told: left_out.append((told[0], told[1])), memory)
    async with aclosing(crawling) as coming:
        results = [result async for result in coming]
    if isinstance(memory, Remembered):
        memory.take(results)
    return Crawled(results, left_out, place.url)
