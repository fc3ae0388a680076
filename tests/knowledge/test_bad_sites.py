"""A site that was read once, and then turns bad: nothing that was read is lost, and the cause is told."""

from collections.abc import Callable
from contextlib import aclosing

import pytest
from aiohttp import web

from docbot.db.addresses import Addresses
from docbot.db.pool import Pool
from docbot.db.sources import Source, Sources
from docbot.db.syncs import Syncs
from docbot.errors import DocbotError, MovedError, PermanentError, RefusedError, TransientError
from docbot.knowledge.pages import Fetched, Page, read_fetched
from docbot.knowledge.site.crawl import WebsiteSource, crawl
from docbot.knowledge.sync import Stored, Summary, store
from tests.knowledge.conftest import pages_handler, served

Answer = str | Callable[[], web.Response]

ELSEWHERE = "https://elsewhere.invalid/new/"
LOGIN = '<h1>Sign in</h1><form><input type="Password" name="p"> Please sign in</form>'
GOOD: dict[str, Answer] = {
    "/docs/": '<main><p>start <a href="a.html">a</a> <a href="b.html">b</a></p></main>',
    "/docs/a.html": '<main><p>what a says <a href="deep.html">deep</a></p></main>',
    "/docs/b.html": "<main><p>what b says</p></main>",
    "/docs/deep.html": "<main><p>what deep says</p></main>",
}


def answer(status: int, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, headers=headers)


def body(content: bytes, kind: str = "text/html") -> Callable[[], web.Response]:
    return lambda: web.Response(body=content, content_type=kind)


async def sync(
    pool: Pool, url: str, leave_out: Callable[[str, str], None] = lambda _, __: None
) -> tuple[Summary, set[str]]:
    """Read the site into the database; what the sync did, and the paths that are stored then."""

    async def convert(fetched: Fetched) -> Page:
        return read_fetched(fetched)

    sources = Sources(pool)
    [source] = await sources.all() or [await _added(sources, f"{url}docs/")]
    site = WebsiteSource(source.location, user_agent="docbot/1", pause=0, backoff=0, tries=1)
    kept = Stored(sources, Addresses(pool), Syncs(pool))
    begun = await kept.syncs.begin(source.id, is_full=False, resumable_hours=0)
    async with aclosing(crawl(site, convert, leave_out)) as pages:
        summary = await store(
            source, kept, begun, pages, progress=lambda _: None, may_remove=remove_all
        )
    return summary, await stored(pool, url)


async def remove_all(_doomed: int, _pages: int) -> bool:
    return True


async def _added(sources: Sources, location: str) -> Source:
    await sources.add(name="docs", kind="website", location=location, base_url=None)
    [source] = await sources.all()
    return source


async def stored(pool: Pool, url: str) -> set[str]:
    [source] = await Sources(pool).all()
    return {place.removeprefix(f"{url}docs/") for place in await _hashes(pool, source.id)}


async def _hashes(pool: Pool, source_id: int) -> dict[str, bytes]:
    return await Sources(pool).page_hashes(source_id)


@pytest.mark.parametrize(
    ("start", "error", "says"),
    [
        (
            answer(301, Location=ELSEWHERE),
            MovedError,
            f"to read that site: docbot sources add NAME {ELSEWHERE}",
        ),
        (
            answer(302, Location="https://sso.invalid/login?next=docs"),
            MovedError,
            "that looks like a login",
        ),
        (answer(401), RefusedError, "it needs a login"),
        (answer(403), RefusedError, "does not let docbot read it"),
        (answer(500), TransientError, "answered 500"),
        (body(b"%PDF-1.7", "application/pdf"), PermanentError, "no page of HTML or Markdown"),
        (body(bytes(range(256)) * 40), PermanentError, "is no text, although it says so"),
        (body(b""), PermanentError, "holds no text"),
        (LOGIN, PermanentError, "asks for a password"),
    ],
)
async def test_a_start_that_turned_bad_is_told_and_nothing_is_lost(
    pool: Pool, start: Answer, error: type[DocbotError], says: str
) -> None:
    pages = dict(GOOD)
    async with served(pages_handler(pages)) as url:
        await sync(pool, url)
        before = await _hashes(pool, (await Sources(pool).all())[0].id)
        pages["/docs/"] = start
        with pytest.raises(error) as raised:
            await sync(pool, url)
        assert says in str(raised.value)
        assert await _hashes(pool, (await Sources(pool).all())[0].id) == before


@pytest.mark.parametrize(
    ("turned", "says"),
    [
        (answer(302, Location=ELSEWHERE), f"leads to {ELSEWHERE}, outside"),
        (answer(302, Location="/login"), "/login, outside of what is read"),
        (body(b"x" * 10_000_001), "larger than 10 MB"),
        (body(bytes(range(256)) * 40), "is no text"),
    ],
)
async def test_a_page_that_cannot_be_read_keeps_its_old_content(
    pool: Pool, turned: Answer, says: str
) -> None:
    pages = dict(GOOD)
    async with served(pages_handler(pages)) as url:
        await sync(pool, url)
        pages["/docs/b.html"] = turned
        summary, left = await sync(pool, url)
        assert [says in failure.reason for failure in summary.failures] == [True]
        assert left == {"", "a.html", "b.html", "deep.html"}


@pytest.mark.parametrize("turned", [answer(401), answer(403), answer(500), LOGIN])
async def test_what_a_page_led_to_is_kept_where_it_may_be_let_in_again(
    pool: Pool, turned: Answer
) -> None:
    pages = dict(GOOD)
    async with served(pages_handler(pages)) as url:
        await sync(pool, url)
        pages["/docs/a.html"] = turned
        _, left = await sync(pool, url)
        assert left == {"", "a.html", "b.html", "deep.html"}


@pytest.mark.parametrize("turned", [answer(404), answer(410), "<main></main>"])
async def test_a_page_that_is_gone_or_empty_is_removed(pool: Pool, turned: Answer) -> None:
    pages = dict(GOOD)
    async with served(pages_handler(pages)) as url:
        await sync(pool, url)
        pages["/docs/b.html"] = turned
        _, left = await sync(pool, url)
        assert left == {"", "a.html", "deep.html"}


async def test_one_page_behind_every_address_is_told_and_nothing_is_removed(pool: Pool) -> None:
    pages = dict(GOOD)
    links = "".join(f'<a href="{number}.html">l</a>' for number in range(9))
    async with served(pages_handler(pages)) as url:
        await sync(pool, url)
        for path in ("", *(f"{number}.html" for number in range(9))):
            pages[f"/docs/{path}"] = f"<main><p>Welcome {links}</p></main>"
        summary, left = await sync(pool, url)
    [failure] = summary.failures
    assert "10 of 10 addresses gave one and the same page" in failure.reason
    assert {"a.html", "b.html", "deep.html"} <= left


async def test_documents_of_other_kinds_are_left_out_and_are_no_failures(pool: Pool) -> None:
    links = "".join(f'<a href="{n}.pdf">l</a> <a href="get/{n}">l</a>' for n in range(20))
    pages = {**GOOD, "/docs/": f'<main><p>start {links} <img src="x.png"></p></main>'}
    pages |= {f"/docs/get/{n}": body(b"%PDF", "application/pdf") for n in range(20)}
    left_out: list[str] = []
    async with served(pages_handler(pages)) as url:
        summary, _ = await sync(pool, url, lambda address, _: left_out.append(address))
    assert (len(left_out), summary.failures) == (40, ())


async def test_broken_html_is_read_as_far_as_it_goes(pool: Pool) -> None:
    pages: dict[str, Answer] = {
        "/docs/": '<main><div><p>unclosed <a href="a.html">a<table><tr><td>cell',
        "/docs/a.html": lambda: web.Response(
            body="<p>größer".encode("latin-1"), headers={"Content-Type": "text/html; charset=utf-8"}
        ),
    }
    async with served(pages_handler(pages)) as url:
        summary, left = await sync(pool, url)
    assert (summary.failures, left) == ((), {"", "a.html"})


async def test_a_long_page_with_a_field_for_a_password_is_a_page(pool: Pool) -> None:
    text = " ".join(f"word{number}" for number in range(200))
    pages: dict[str, Answer] = {"/docs/": f"<main><p>{text}</p><input type=password></main>"}
    async with served(pages_handler(pages)) as url:
        assert (await sync(pool, url))[1] == {""}
