import asyncio
import gzip
import re
import zlib
from collections.abc import Callable
from contextlib import aclosing
from urllib.parse import urljoin

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from docbot.errors import DocbotError, PermanentError, RefusedError, TransientError, UsageError
from docbot.knowledge.addresses import asked, folded, folder_of, is_under, rebase
from docbot.knowledge.pages import Failure, Fetched, Nothing, Page, read_fetched
from docbot.knowledge.site.crawl import WebsiteSource, crawl
from docbot.knowledge.site.fetch import _check_status
from docbot.knowledge.site.robots import parse_robots
from docbot.knowledge.site.sitemap import parse_sitemap
from tests.knowledge.conftest import pages_handler, served

Pages = dict[str, str | Callable[[], web.Response]]


def linking(*links: str, text: str = "text") -> str:
    anchors = "".join(f'<a href="{link}">l</a> ' for link in links)
    return f"<main><p>{text} {anchors}</p></main>"


async def read(
    start: str, base_url: str | None = None, max_pages: int = 5000
) -> tuple[dict[str, Page], list[Failure]]:
    """Crawl without pauses, converting in this process."""

    async def convert(fetched: Fetched) -> Page:
        return read_fetched(fetched, base_url)

    source = WebsiteSource(
        start,
        user_agent="docbot/1 (+https://x.y)",
        pause=0,
        backoff=0,
        base_url=base_url,
        max_pages=max_pages,
    )
    pages: dict[str, Page] = {}
    failures: list[Failure] = []
    async with aclosing(crawl(source, convert)) as results:
        async for result in results:
            if isinstance(result, Failure):
                failures.append(result)
            elif isinstance(result, Nothing) and result.note:
                failures.append(Failure(result.read_from, result.note))
            elif isinstance(result, Page):
                assert result.url not in pages
                pages[result.url] = result
    return pages, failures


async def paths(pages: Pages, start: str = "", max_pages: int = 5000) -> list[str]:
    async with served(pages_handler(pages)) as url:
        read_pages, _ = await read(url + start, max_pages=max_pages)
        return [address.removeprefix(url) for address in read_pages]


async def failures(pages: Pages, start: str = "", max_pages: int = 5000) -> list[Failure]:
    async with served(pages_handler(pages)) as url:
        return [
            Failure(
                failure.url.removeprefix(url), failure.reason.replace(url, ""), failure.is_transient
            )
            for failure in (await read(url + start, max_pages=max_pages))[1]
        ]


async def test_links_are_followed_breadth_first_below_the_start_and_each_page_comes_once() -> None:
    pages: Pages = {
        "/docs/index.html": linking(
            "a.html", "b.html#x", "b.html?q=1", "../up.html", "http://x.invalid/", "pic.png"
        ),
        "/docs/a.html": linking("sub/c.html", "index.html", "./", text="a"),
        "/docs/b.html": linking("a.html", text="b"),
        "/docs/sub/c.html": linking(text="c"),
        "/up.html": linking(text="up"),
    }
    assert await paths(pages, "docs/index.html") == [
        "docs/",
        "docs/a.html",
        "docs/b.html",
        "docs/sub/c.html",
    ]


async def test_the_pages_of_the_sitemaps_are_read_beside_those_that_are_linked() -> None:
    def entries(url: str, *names: str) -> str:
        return "".join(f"<url><loc>{url}{name}</loc></url>" for name in names)

    pages: Pages = {
        "/docs/": linking("linked.html"),
        "/docs/linked.html": linking(text="l"),
        "/docs/named.html": linking(text="n"),
    }
    async with served(pages_handler(pages)) as url:
        pages["/robots.txt"] = lambda: web.Response(text=f"Sitemap: {url}index.xml")
        pages["/index.xml"] = (
            f"<sitemapindex><sitemap><loc>{url}one.xml.gz</loc></sitemap></sitemapindex>"
        )
        sitemap = f"<urlset>{entries(url, 'docs/named.html', 'other/x.html')}</urlset>"
        pages["/one.xml.gz"] = lambda: web.Response(body=gzip.compress(sitemap.encode()))
        found, _ = await read(f"{url}docs/")
    paths = [address.removeprefix(url) for address in found]
    assert paths == ["docs/", "docs/linked.html", "docs/named.html"]


async def test_a_sitemap_of_another_site_is_as_good_as_none() -> None:
    pages: Pages = {
        "/": linking("a.html"),
        "/a.html": linking(text="a"),
        "/sitemap.xml": "<urlset><url><loc>https://live.invalid/b.html</loc></url></urlset>",
    }
    assert await paths(pages) == ["", "a.html"]


@pytest.mark.parametrize("status", [503, 522])
async def test_a_sitemap_that_cannot_be_read_just_now_is_told_as_passing(status: int) -> None:
    pages: Pages = {"/": linking(), "/a.html": linking(text="a")}
    async with served(pages_handler(pages)) as url:
        pages["/robots.txt"] = lambda: web.Response(text=f"Sitemap: {url}index.xml")
        pages["/index.xml"] = (
            f"<sitemapindex><sitemap><loc>{url}a.xml</loc></sitemap>"
            f"<sitemap><loc>{url}b.xml</loc></sitemap></sitemapindex>"
        )
        pages["/a.xml"] = f"<urlset><url><loc>{url}a.html</loc></url></urlset>"
        pages["/b.xml"] = lambda: web.Response(status=status, headers={"Retry-After": "0"})
        found, told = await read(url)
    assert [address.removeprefix(url) for address in found] == ["", "a.html"]
    assert [(failure.url, failure.is_transient) for failure in told] == [(f"{url}b.xml", True)]


async def test_an_index_of_many_sitemaps_is_read_whole() -> None:
    pages: Pages = {"/": linking()}
    async with served(pages_handler(pages)) as url:
        places = [f"<sitemap><loc>{url}{n}.xml</loc></sitemap>" for n in range(60)]
        pages["/sitemap.xml"] = f"<sitemapindex>{''.join(places)}</sitemapindex>"
        for n in range(60):
            pages[f"/{n}.xml"] = f"<urlset><url><loc>{url}{n}.html</loc></url></urlset>"
            pages[f"/{n}.html"] = linking(text=f"page {n}")
        found, told = await read(url)
    assert (len(found), told) == (61, [])


async def test_where_sitemaps_are_too_many_the_rest_is_told_as_passing() -> None:
    pages: Pages = {"/": linking()}
    async with served(pages_handler(pages)) as url:
        places = [f"<sitemap><loc>{url}{n}.xml</loc></sitemap>" for n in range(1_005)]
        pages["/robots.txt"] = lambda: web.Response(text=f"Sitemap: {url}sitemap.xml")
        pages["/sitemap.xml"] = f"<sitemapindex>{''.join(places)}</sitemapindex>"
        _, [failure] = await read(url)
    assert failure.reason == "stopped after 1000 sitemaps; 6 more were not read"
    assert failure.is_transient


async def test_the_only_sitemap_failing_is_told_once_and_links_are_followed() -> None:
    pages: Pages = {
        "/": linking("a.html"),
        "/a.html": linking(text="a"),
        "/sitemap.xml": lambda: web.Response(status=503, headers={"Retry-After": "0"}),
    }
    async with served(pages_handler(pages)) as url:
        pages["/robots.txt"] = lambda: web.Response(text=f"Sitemap: {url}sitemap.xml")
        found, told = await read(url)
    assert [address.removeprefix(url) for address in found] == ["", "a.html"]
    assert [(failure.url, failure.is_transient) for failure in told] == [
        (f"{url}sitemap.xml", True)
    ]


@pytest.mark.parametrize(
    "retry_after", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "9" * 400, "soon"]
)
def test_a_retry_after_of_any_kind_is_a_passing_failure(retry_after: str) -> None:
    response = httpx.Response(503, headers={"Retry-After": retry_after})
    with pytest.raises(TransientError, match="answered 503"):
        _check_status("https://h/", response)


async def test_an_impossible_crawl_delay_is_held_to_the_longest() -> None:
    robots = parse_robots(f"User-agent: *\nCrawl-delay: {'9' * 400}".encode(), "docbot/1")
    assert robots.crawl_delay == 30


async def test_a_page_that_cannot_be_converted_is_one_failed_page() -> None:
    async def convert(fetched: Fetched) -> Page:
        if fetched.url.endswith("a.html"):
            raise PermanentError("takes too long")
        return read_fetched(fetched)

    pages: Pages = {"/": linking("a.html", "b.html"), "/a.html": "x", "/b.html": linking(text="b")}
    async with served(pages_handler(pages)) as url:
        source = WebsiteSource(url, user_agent="docbot/1", pause=0)
        async with aclosing(crawl(source, convert)) as results:
            found = [
                (result.url.removeprefix(url), type(result))
                async for result in results
                if isinstance(result, Page | Failure)
            ]
    assert found == [("", Page), ("a.html", Failure), ("b.html", Page)]


@pytest.mark.parametrize("location", ["http://[oops/", "//[", "http://host:x/", "http://a b:1/"])
async def test_a_redirect_to_no_address_is_one_failed_page(location: str) -> None:
    pages: Pages = {
        "/": linking("a.html", "b.html"),
        "/a.html": lambda: web.Response(status=302, headers={"Location": location}),
        "/b.html": linking(text="b"),
    }
    async with served(pages_handler(pages)) as url:
        found, told = await read(url)
    assert [address.removeprefix(url) for address in found] == ["", "b.html"]
    [failure] = told
    assert (failure.url, failure.is_transient) == (f"{url}a.html", False)


async def test_a_broken_line_of_robots_txt_leaves_the_others_in_force() -> None:
    pages: Pages = {
        "/": linking("a.html", "secret/b.html"),
        "/a.html": linking(text="a"),
        "/secret/b.html": linking(text="b"),
        "/robots.txt": lambda: web.Response(
            text="User-agent: *\nDisallow: //[x/\nDisallow: /secret/\n"
        ),
    }
    assert await paths(pages) == ["", "a.html"]


async def test_robots_txt_is_obeyed() -> None:
    pages: Pages = {
        "/robots.txt": lambda: web.Response(text="User-agent: docbot\nDisallow: /secret\n"),
        "/": linking("secret/a.html", "b.html"),
        "/b.html": linking(text="b"),
        "/secret/a.html": linking(text="s"),
    }
    assert await paths(pages) == ["", "b.html"]
    with pytest.raises(RefusedError, match=r"robots\.txt does not allow reading"):
        await paths(pages, "secret/a.html")


async def test_redirects_are_followed_within_the_site_and_named_beyond_it() -> None:
    def moved(target: str) -> Callable[[], web.Response]:
        return lambda: web.Response(status=301, headers={"Location": target})

    pages: Pages = {
        "/docs/": linking("old.html", "away.html", "round.html"),
        "/docs/old.html": moved("new.html"),
        "/docs/new.html": linking(text="new"),
        "/docs/away.html": moved("http://169.254.169.254/latest"),
        "/docs/round.html": moved("round.html"),
    }
    assert await paths(pages, "docs/") == ["docs/", "docs/new.html"]
    away, loop = await failures(pages, "docs/")
    assert "leads to http://169.254.169.254/latest, outside of what is read" in away.reason
    assert "without end" in loop.reason


async def test_a_start_that_redirects_to_its_folder_is_read_from_there() -> None:
    pages: Pages = {
        "/docs": lambda: web.Response(status=302, headers={"Location": "/docs/"}),
        "/docs/": linking("a.html", "/other.html"),
        "/docs/a.html": linking(text="a"),
        "/other.html": linking(text="o"),
    }
    assert await paths(pages, "docs") == ["docs/", "docs/a.html"]


async def test_a_canonical_address_in_the_site_is_the_pages_own() -> None:
    def page(canonical: str, text: str) -> str:
        return f'<link rel="canonical" href="{canonical}"><main><p>{text}</p></main>'

    pages: Pages = {
        "/": linking("a.html", "b.html", "c.html", "d.html"),
        "/a.html": page("/a/", "same"),
        "/b.html": page("/a/", "same"),
        "/c.html": page("/a/", "not the same"),
        "/d.html": page("https://live.invalid/d/", "d"),
    }
    assert await paths(pages) == ["", "a/", "d.html", "c.html"]


@pytest.mark.parametrize("order", [("v1/a.html", "v2/a.html"), ("v2/a.html", "v1/a.html")])
async def test_a_page_that_names_another_as_canonical_does_not_take_its_address(
    order: tuple[str, str],
) -> None:
    pages: Pages = {
        "/": linking(*order),
        "/v1/a.html": f'<link rel="canonical" href="/v2/a.html">{linking(text="old")}',
        "/v2/a.html": f'<link rel="canonical" href="/v2/a.html">{linking(text="new")}',
    }
    async with served(pages_handler(pages)) as url:
        found, _ = await read(url)
    assert "new" in found[f"{url}v2/a.html"].markdown
    assert "old" in found[f"{url}v1/a.html"].markdown


@pytest.mark.parametrize("status", [503, 404])
async def test_a_page_does_not_take_the_address_of_one_that_failed(status: int) -> None:
    pages: Pages = {
        "/": linking("v1/a.html", "v2/a.html"),
        "/v1/a.html": f'<link rel="canonical" href="/v2/a.html">{linking(text="old")}',
        "/v2/a.html": lambda: web.Response(status=status, headers={"Retry-After": "0"}),
    }
    assert await paths(pages) == ["", "v1/a.html"]


@pytest.mark.parametrize("base_url", [None, "https://live.example/docs/"])
async def test_a_page_takes_a_canonical_address_that_no_page_of_the_site_has(
    base_url: str | None,
) -> None:
    pages: Pages = {
        "/": linking("print/a.html"),
        "/print/a.html": f'<link rel="canonical" href="/a/">{linking(text="a")}',
    }
    async with served(pages_handler(pages)) as url:
        found, told = await read(url, base_url)
    root = base_url or url
    assert (list(found), told) == ([root, f"{root}a/"], [])


async def test_different_pages_that_end_at_one_address_are_told() -> None:
    pages: Pages = {
        "/": linking("a.html", "a/"),
        "/a.html": f'<link rel="canonical" href="/a/">{linking(text="one")}',
        "/a/": linking(text="other"),
    }
    async with served(pages_handler(pages)) as url:
        found, [failure] = await read(url)
    assert "one" in found[f"{url}a/"].markdown
    assert (failure.url, failure.is_transient) == (f"{url}a/", False)


async def test_a_stub_is_followed_and_is_no_page() -> None:
    pages: Pages = {
        "/": linking("stub/"),
        "/stub/": '<meta http-equiv="refresh" content="0; url=../new/"><p>Redirecting</p>',
        "/new/": linking(text="new"),
    }
    assert await paths(pages) == ["", "new/"]
    assert await failures(pages) == []


async def test_a_page_is_found_where_a_plain_server_keeps_it() -> None:
    pages: Pages = {"/": linking("guide/why"), "/guide/why.html": linking(text="why")}
    assert await paths(pages) == ["", "guide/why"]


async def test_what_cannot_be_read_is_told_with_its_reason() -> None:
    pages: Pages = {
        "/": linking("gone.html", "down.html", "empty.html", "big.html", "odd"),
        "/down.html": lambda: web.Response(status=503, headers={"Retry-After": "0"}),
        "/empty.html": "<main></main>",
        "/big.html": lambda: web.Response(body=b"x" * 10_000_001, content_type="text/html"),
        "/odd": lambda: web.Response(body=b"%PDF", content_type="application/pdf"),
    }
    assert await failures(pages) == [
        Failure("gone.html", "gone.html answered 404 Not Found"),
        Failure("down.html", "down.html answered 503 Service Unavailable", is_transient=True),
        Failure("empty.html", "empty.html holds no text"),
        Failure("big.html", "big.html is larger than 10 MB"),
    ]


async def test_a_passing_failure_is_tried_again() -> None:
    answers = [web.Response(status=429, headers={"Retry-After": "0"}), web.Response(status=502)]
    pages: Pages = {
        "/": linking("a.html"),
        "/a.html": lambda: (
            answers.pop(0)
            if answers
            else web.Response(text=linking(text="a"), content_type="text/html")
        ),
    }
    assert await paths(pages) == ["", "a.html"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_bomb_is_refused_and_common_bodies_are_read(encoding: str) -> None:
    def packed(body: bytes) -> Callable[[], web.Response]:
        data = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
        return lambda: web.Response(
            body=data, headers={"Content-Encoding": encoding, "Content-Type": "text/html"}
        )

    pages: Pages = {
        "/": packed(linking("bomb.html", text="packed").encode()),
        "/bomb.html": packed(b" " * 60_000_000),
    }
    assert await paths(pages) == [""]
    assert [failure.reason for failure in await failures(pages)] == [
        "bomb.html is larger than 10 MB"
    ]


async def test_the_charset_of_the_header_counts() -> None:
    body = "<main><p>größer</p></main>".encode("iso-8859-2")
    pages: Pages = {
        "/": lambda: web.Response(
            body=body, headers={"Content-Type": "text/html; charset=iso-8859-2"}
        )
    }
    async with served(pages_handler(pages)) as url:
        found, _ = await read(url)
    assert found[url].markdown == "größer\n"


async def test_markdown_is_read_as_markdown() -> None:
    pages: Pages = {
        "/": linking("a.md"),
        "/a.md": lambda: web.Response(
            text="# A\n\n[b](b.md) [c](//[oops/) [d](//h:x/)", content_type="text/plain"
        ),
        "/b.md": lambda: web.Response(text="# B", content_type="text/markdown"),
    }
    assert await paths(pages) == ["", "a.md", "b.md"]


async def test_the_base_address_stands_in_place_of_where_it_was_read() -> None:
    pages: Pages = {
        "/docs/": linking("index.html#x", "sub/index.html", "https://else.invalid/"),
        "/docs/sub/": linking(text="sub"),
        "/docs/sub/index.html": linking(text="sub"),
    }
    async with served(pages_handler(pages)) as url:
        found, _ = await read(f"{url}docs/", "https://live.example/v1")
    assert list(found) == ["https://live.example/v1/", "https://live.example/v1/sub/"]
    first = found["https://live.example/v1/"]
    assert "[l](https://live.example/v1/#x) [l](https://live.example/v1/sub/)" in first.markdown
    assert first.chunks[0].url == first.url


async def test_the_number_of_pages_is_bounded_and_said() -> None:
    pages: Pages = {
        f"/{n}.html": linking(f"{n + 1}.html", f"{n + 2}.html", text=str(n)) for n in range(20)
    }
    told = await failures(pages, "0.html", max_pages=5)
    assert told[0].reason.startswith("stopped after 5 pages; 2 known addresses were not read")
    assert told[0].is_transient


async def test_a_site_that_stops_answering_ends_the_crawl() -> None:
    pages: Pages = {"/": linking(*(f"{n}.html" for n in range(30)))}
    pages |= {f"/{n}.html": (lambda: web.Response(status=500)) for n in range(30)}
    with pytest.raises(TransientError, match="stopped answering after 1 pages"):
        await paths(pages)


@pytest.mark.parametrize(
    ("pages", "error", "says"),
    [
        ({}, PermanentError, "answered 404"),
        (
            {"/": "<div id=app></div><script>draw()</script>"},
            PermanentError,
            "looked at 1 addresses",
        ),
        (
            {"/": lambda: web.Response(body=b"x", content_type="image/png")},
            PermanentError,
            "is no page",
        ),
        ({"/robots.txt": lambda: web.Response(status=500)}, TransientError, "answered 500"),
    ],
)
async def test_a_site_without_a_page_is_an_error_that_says_why(
    pages: Pages, error: type[DocbotError], says: str
) -> None:
    with pytest.raises(error, match=says):
        await paths(pages)


async def test_a_crawl_that_is_left_early_stops_its_requests() -> None:
    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/":
            return web.Response(text=linking("a.html", "b.html"), content_type="text/html")
        if request.path.endswith(".html"):
            await asyncio.Event().wait()  # never answers
        raise web.HTTPNotFound

    async def convert(fetched: Fetched) -> Page:
        return read_fetched(fetched)

    async with served(slow) as url:
        source = WebsiteSource(url, user_agent="docbot/1", pause=0)
        async with asyncio.timeout(60), aclosing(crawl(source, convert)) as results:
            first = await anext(results)
            assert isinstance(first, Page)
        assert not [task for task in asyncio.all_tasks() if "_Walk" in str(task.get_coro())]


async def test_a_page_that_takes_long_to_convert_leaves_others_work_and_keeps_its_place() -> None:
    names = [f"{number:02}.html" for number in range(12)]
    pages: Pages = {f"/{name}": linking(text=name) for name in names}
    others_done = asyncio.Event()
    done: set[str] = set()

    async def convert(fetched: Fetched) -> Page:
        if fetched.url.endswith("/00.html"):
            await others_done.wait()
        done.add(fetched.url)
        if len(done) > 8:  # the start and twice as many as there are connections
            others_done.set()
        return read_fetched(fetched)

    async with served(pages_handler({"/": linking(*names), **pages})) as url:
        source = WebsiteSource(url, user_agent="docbot/1", pause=0, backoff=0)
        async with asyncio.timeout(60), aclosing(crawl(source, convert)) as results:
            came = [result.url async for result in results if isinstance(result, Page)]
    assert came == [url, *(url + name for name in names)]


async def test_an_unreachable_site_is_named_with_the_cause() -> None:
    async with served(pages_handler({})) as url:
        pass
    with pytest.raises(TransientError, match=f"{url}.* could not be reached: .*connect"):
        await read(url)
    for wrong in ("ftp://x.y/", "docs.example.org", "http://", "http://x:port/"):
        with pytest.raises(UsageError, match="no address of a website"):
            await read(wrong)


def test_addresses_of_one_page_are_one() -> None:
    assert folded("HTTP://Host:80/a/index.html?q#f") == "http://host/a/"
    assert folded("https://host:8443") == "https://host:8443/"
    assert folder_of("https://h/a/b.html") == "https://h/a/"
    assert not is_under("https://h.evil.org/a/", "https://h/")
    assert not is_under("https://h:bad/a", "https://h/")
    assert (
        rebase("http://l:1/d/a.html#x", "http://l:1/d/index.html", "https://b/v1/")
        == "https://b/v1/a.html#x"
    )
    assert rebase("http://l:1/e/", "http://l:1/d/", "https://b/") == "http://l:1/e/"


def test_a_sitemap_cannot_ask_for_files_or_memory() -> None:
    evil = (
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">'
        b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><urlset><url><loc>&f;&b;</loc></url>'
        b"<url><loc> https://h/a </loc></url></urlset>"
    )
    assert parse_sitemap(evil).pages == ("https://h/a",)
    assert parse_sitemap(b"<html>no sitemap</html>").pages == ()
    assert parse_sitemap(b"").pages == parse_sitemap(gzip.compress(b"x")).pages == ()


@given(st.lists(st.sampled_from(["a", "b.c", ".", "..", "%2e", "%2E.", "...", ".d"]), max_size=8))
def test_dots_of_an_address_are_gone_the_way_a_server_does(parts: list[str]) -> None:
    url = f"https://h/{'/'.join(parts)}"
    written = folded(url)
    assert folded(written) == folded(asked(url)) == written
    assert not {".", ".."} & set(written.lower().replace("%2e", ".").split("/"))
    named = re.sub("%2e", ".", url, flags=re.IGNORECASE)
    assert written == folded(urljoin("https://h/", f"/{named.removeprefix('https://h/')}"))
