"""A site that means ill, or that nobody looks after: it is told, and nothing else is lost by it."""

import random
import re
import string
import time
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp import web

from docbot.db.pool import Pool
from docbot.errors import PermanentError
from docbot.knowledge.globs import matches
from docbot.knowledge.html.convert import convert
from docbot.knowledge.site.discovery import read_lists
from docbot.knowledge.site.fetch import Fetcher
from docbot.knowledge.site.pacer import Pacer
from docbot.knowledge.site.robots import parse_robots
from tests.knowledge.conftest import pages_handler, served
from tests.knowledge.site import Body, Remembered, Site, crawled, page, site
from tests.knowledge.test_bad_sites import Answer, sync

pytestmark = pytest.mark.slow

LONG = "".join(random.Random(1).choices(string.ascii_letters, k=6_000))


def listing(*addresses: str) -> Answer:
    return lambda: web.Response(text="\n".join(addresses), content_type="text/plain")


def told(text: str, kind: str = "text/html") -> Answer:
    return lambda: web.Response(text=text, content_type=kind)


@pytest.mark.parametrize("odd", [LONG, "a\x00b", "a\x1b[31mb", "a\u202eb"])
async def test_an_impossible_address_is_left_out_and_costs_no_other(pool: Pool, odd: str) -> None:
    says = "<main><p>what it says</p></main>"
    pages: dict[str, Answer] = {"/docs/": "<p>start</p>", "/docs/good": says, f"/docs/{odd}": says}
    left_out: list[str] = []
    async with served(pages_handler(pages)) as url:
        pages["/sitemap.xml"] = listing(f"{url}docs/{odd}", f"{url}docs/good")
        _, stored = await sync(pool, url, lambda _, reason: left_out.append(reason))
    assert stored == {"", "good"}
    assert left_out == ["addresses with control characters, or of more than 2,000 bytes"]


@pytest.mark.parametrize(
    "odd", ["a b", "a\u2028b", "..%2f..%2fetc", "%00", "é", "%zz", "[", "a\\b"]
)
async def test_an_odd_address_is_asked_for_and_told(pool: Pool, odd: str) -> None:
    pages: dict[str, Answer] = {"/docs/": "<p>start</p>", "/docs/good": "<p>what it says</p>"}
    async with served(pages_handler(pages)) as url:
        pages["/sitemap.xml"] = listing(f"{url}docs/{odd}", f"{url}docs/good")
        summary, stored = await sync(pool, url)
    assert stored == {"", "good"}
    assert len(summary.failures) == 1


async def test_a_canonical_address_beyond_all_measure_is_not_taken(pool: Pool) -> None:
    head = f'<link rel="canonical" href="/docs/{LONG}">'
    async with served(pages_handler({"/docs/": f"<head>{head}</head><p>start</p>"})) as url:
        _, stored = await sync(pool, url)
    assert stored == {""}


@pytest.mark.parametrize("kind", ["text/html", "text/markdown"])
@pytest.mark.parametrize("odd", ["\x00", "&#0;", "\x1b[31m", "\ufffe", "&#55296;"])
async def test_text_of_odd_characters_is_stored(pool: Pool, kind: str, odd: str) -> None:
    text = f"# a{odd}b\n\n<h1>a{odd}b</h1> and [more](c{odd}d) {'words ' * 50}"
    pages = {"/docs/": '<p>start <a href="a.md">a</a></p>', "/docs/a.md": told(text, kind)}
    async with served(pages_handler(pages)) as url:
        _, stored = await sync(pool, url)
    assert stored == {"", "a.md"}


RULES = "User-agent: *\nDisallow: /docs/secret\n"


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", ""])
async def test_robots_txt_is_obeyed_whatever_its_server_calls_it(kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    pages: dict[str, Body] = {
        "/docs/": page("start", "secret", "open"),
        "/docs/secret": page("secret"),
        "/docs/open": page("open"),
        "/robots.txt": lambda: web.Response(body=RULES.encode(), headers=headers),
    }
    async with site(pages) as place:
        found = await crawled(place, "docs/")
        assert found.pages == ["docs/", "docs/open"]
        pages["/robots.txt"] = f"<!doctype html><p>not found\n{RULES}</p>"
        assert "docs/secret" in (await crawled(place, "docs/")).pages


async def test_robots_txt_is_obeyed_where_it_lies_elsewhere() -> None:
    pages: dict[str, Body] = {"/docs/": page("start", "secret"), "/docs/secret": page("secret")}
    async with site({"/robots.txt": RULES}) as other, site(pages) as place:
        port = urlsplit(other.url).port
        pages["/robots.txt"] = lambda: web.Response(
            status=301, headers={"Location": f"{other.url}robots.txt"}
        )
        found = await crawled(place, "docs/", allow_hosts=(f"127.0.0.1:{port}",))
    assert found.pages == ["docs/"]


async def test_a_robots_txt_beyond_all_measure_closes_the_site() -> None:
    """Nobody knows what it allows; that it allows everything is the least likely."""
    body = RULES.encode() + b"# more\n" * 2_000_000
    pages: dict[str, Body] = {
        "/docs/": page("start"),
        "/robots.txt": lambda: web.Response(body=body),
    }
    async with site(pages) as place:
        with pytest.raises(PermanentError, match=r"robots\.txt is larger than 10 MB, and nobody"):
            await crawled(place, "docs/")
        assert place.paths == []


async def test_a_delay_beyond_all_measure_is_told_with_what_is_left_instead() -> None:
    body = "User-agent: *\nCrawl-delay: 3600\n"
    async with site({"/docs/": page("start"), "/robots.txt": body}) as place:
        robots = parse_robots(body.encode(), "docbot/1")
        assert robots.crawl_delay == 30
        async with httpx.AsyncClient() as client:
            fetcher = Fetcher(client, Pacer(0), tries=1, backoff=0)
            [failure] = (await read_lists(fetcher, robots, f"{place.url}docs/")).failures
    assert failure.url == f"{place.url}robots.txt"
    assert failure.reason == "asks for 3600 seconds between two requests; docbot leaves 30"


async def test_a_sitemap_that_is_cut_off_is_told_and_makes_nothing_missed() -> None:
    pages: dict[str, Body] = {"/docs/": page("start"), "/docs/a": page("a"), "/docs/b": page("b")}
    async with site(pages) as place:
        entries = [f"<url><loc>{place.url}docs/{name}</loc></url>" for name in "ab"]
        pages["/sitemap.xml"] = f"<urlset>{''.join(entries)}</urlset>"
        memory = Remembered()
        assert (await crawled(place, "docs/", memory)).pages == ["docs/", "docs/a", "docs/b"]
        pages["/sitemap.xml"] = f"<urlset>{entries[0]}<url><loc>"
        cut = await crawled(place, "docs/", memory)
    [failure] = cut.failures
    assert (failure.url, failure.reason) == (f"{place.url}sitemap.xml", "is cut off")
    assert failure.is_transient
    assert cut.missed == []


async def test_sitemaps_without_end_end_with_the_time_of_the_crawl() -> None:
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        if not request.path.endswith(".xml"):
            return web.Response(text=page("start"), content_type="text/html")
        asked.append(request.path)
        inner = f"<sitemap><loc>{request.url.with_path(f'/{len(asked)}.xml')}</loc></sitemap>"
        return web.Response(text=f"<sitemapindex>{inner}</sitemapindex>")

    async with served(handle) as url:
        found = await crawled(Site(url, {}), max_seconds=0.3)
    assert len(asked) < 900
    [told] = [one for one in found.failures if "sitemaps" in one.reason]
    assert re.fullmatch(r"stopped after \d+ sitemaps; 1 more were not read", told.reason)


@pytest.mark.parametrize("status", [400, 451])
async def test_what_a_page_led_to_is_found_while_the_page_cannot_be_read(status: int) -> None:
    pages: dict[str, Body] = {
        "/docs/": page("start", "list"),
        "/docs/list": page("list", "only-here"),
        "/docs/only-here": page("only-here"),
    }
    async with site(pages) as place:
        memory = Remembered()
        await crawled(place, "docs/", memory)
        pages["/docs/list"] = lambda: web.Response(status=status)
        again = await crawled(place, "docs/", memory)
    assert again.unchanged == ["docs/", "docs/only-here"]
    assert again.missed == []


@pytest.mark.parametrize("dots", ["../", "%2e%2e/", "x/../../", "./../", ".%2E/"])
async def test_dots_lead_nowhere_that_is_closed(dots: str) -> None:
    pages: dict[str, Body] = {
        "/docs/": page("start"),
        "/docs/a": page("a"),
        "/secret": page("secret"),
        "/docs/secret/b": page("b"),
        "/robots.txt": "User-agent: *\nDisallow: /docs/secret/",
    }
    async with site(pages) as place:
        pages["/sitemap.xml"] = (
            f"<urlset><url><loc>{place.url}docs/{dots}secret</loc></url>"
            f"<url><loc>{place.url}docs/y/{dots.replace('x/../', '')}secret/b</loc></url>"
            f"<url><loc>{place.url}docs/./a</loc></url></urlset>"
        )
        found = await crawled(place, "docs/")
    assert found.pages == ["docs/", "docs/a"]
    assert not {"/secret", "/docs/secret/b"} & set(place.paths)


@pytest.mark.parametrize(
    "shell",
    [
        "<title>App</title><noscript>You need to enable JavaScript.</noscript><div id=app></div>",
        "<title>Docs</title><div id=app>Loading...</div>",
        "<title>Docs</title><p>Please enable JavaScript to view this site.</p>",
        "<title>Just a moment...</title><h1>Checking your browser before you go on</h1>",
    ],
)
async def test_a_site_that_a_script_draws_is_told_and_gives_no_page(shell: str) -> None:
    pages: dict[str, Body] = {"/": f"<html>{shell}<script src='a.js'></script></html>"}
    async with site(pages) as place:
        with pytest.raises(PermanentError, match="pages that a script draws in the browser"):
            await crawled(place)


async def test_a_page_about_scripts_and_logins_is_a_page() -> None:
    said = "If you see that the page says to enable JavaScript, go to the settings of the browser. "
    pages: dict[str, Body] = {
        "/": f"<h1>Start</h1><p>{said * 3}<a href='a'>a</a> <a href='b'>b</a></p><script>x</script>",
        "/a": "<h1>Log in</h1><p>Run <code>acme login</code>.</p>",
        "/b": "<h1>Lazy loading</h1><p>Loading is lazy.</p><script>x</script>",
    }
    async with site(pages) as place:
        assert (await crawled(place)).pages == ["", "a", "b"]


async def test_a_login_that_asks_for_no_password_yet_removes_nothing(pool: Pool) -> None:
    """As where a service behind a button asks who is there."""
    login = "<h1>Sign in to Acme</h1><a href='/auth/saml'>Continue with SSO</a><input type='email'>"
    says = "<p>what it says</p>"
    pages: dict[str, Answer] = {"/docs/": f"<a href='a'>a</a>{says}", "/docs/a": says * 2}
    async with served(pages_handler(pages)) as url:
        await sync(pool, url)
        pages["/docs/a"] = login
        summary, stored = await sync(pool, url)
        assert stored == {"", "a"}
        [failure] = summary.failures
        assert "docbot reads only what needs no login" in failure.reason
        pages["/docs/"] = login
        with pytest.raises(PermanentError, match="reads only what needs no login"):
            await sync(pool, url)


def test_a_tag_of_more_attributes_than_anybody_wrote_takes_no_time() -> None:
    began = time.process_time()
    many = "".join(f"a{number}=1 " for number in range(800_000))
    assert (
        convert(f"<p>before</p><p {many}>after</p>", "https://h/").markdown == "before\n\nafter\n"
    )
    picture = f"<p><a title='{'x ' * 50_000}' href='/b'>link</a></p>"
    assert convert(picture, "https://h/").markdown == "[link](https://h/b)\n"
    assert time.process_time() - began < 20


async def test_an_old_version_within_a_language_is_left_out_whole() -> None:
    names = [f"{language}/{version}/{name}" for language in ("en", "de") for version in ("1.0", "2.0")
             for name in ("install", "usage", "api", "faq")]  # fmt: skip
    said = {"en": "This is what you can do with the files. ", "de": "Das kann man damit machen. "}
    pages: dict[str, Body] = {"/": page("start", *names, language="en")}
    for name in names:
        pages[f"/{name}"] = page(f"{name} {said[name[:2]] * 9}", language=name[:2])
    async with site(pages) as place:
        found = await crawled(place)
    assert sorted(found.pages) == ["", "en/2.0/api", "en/2.0/faq", "en/2.0/install", "en/2.0/usage"]
    assert found.reasons == {"other versions: en/1.0/", "translations: de/"}


def test_a_glob_of_many_stars_takes_no_time() -> None:
    began = time.process_time()
    assert not matches("**/" * 30 + "x", "a/" * 60 + "b")
    assert matches("**/**/x", "a/b/x")
    assert time.process_time() - began < 10
