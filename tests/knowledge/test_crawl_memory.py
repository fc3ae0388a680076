"""A second look at a site: what is the same costs a question, and nothing that is there is lost."""

import pytest
from aiohttp import web

from docbot.knowledge.pages import Missed, Nothing, Unchanged
from tests.knowledge.conftest import served
from tests.knowledge.site import Body, Remembered, Site, crawled, page, site


def small() -> dict[str, Body]:
    return {
        "/": page("start", "a.html", "b.html"),
        "/a.html": page("a", "deep.html"),
        "/b.html": page("b"),
        "/deep.html": page("deep"),
    }


async def test_an_unchanged_site_gives_no_body_and_all_its_pages() -> None:
    memory = Remembered()
    async with site(small()) as place:
        first = await crawled(place, memory=memory)
        second = await crawled(place, memory=memory)
    assert (second.pages, second.unchanged) == ([], first.pages)
    assert place.bodies == []
    assert sorted(place.paths) == ["/", "/a.html", "/b.html", "/deep.html"]


async def test_a_changed_page_alone_is_converted_and_its_new_links_are_followed() -> None:
    memory = Remembered()
    async with site(small()) as place:
        await crawled(place, memory=memory)
        place.pages["/b.html"] = page("b, edited", "new.html")
        place.pages["/new.html"] = page("new")
        second = await crawled(place, memory=memory)
    assert second.pages == ["b.html", "new.html"]
    assert second.unchanged == ["", "a.html", "deep.html"]


async def test_the_same_body_without_validators_is_not_converted_again() -> None:
    memory = Remembered()
    bare: Body = lambda: web.Response(text=page("bare"), content_type="text/html")  # noqa: E731
    async with site({"/": page("start", "bare.html"), "/bare.html": bare}) as place:
        await crawled(place, memory=memory)
        second = await crawled(place, memory=memory)
    assert (second.pages, second.unchanged) == ([], ["", "bare.html"])


async def test_a_site_that_tells_only_when_a_page_changed_gives_each_body_once() -> None:
    asked: list[int] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/":
            raise web.HTTPNotFound
        dated = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
        is_known = request.headers.get("If-Modified-Since") == dated["Last-Modified"]
        asked.append(304 if is_known else 200)
        if is_known:
            return web.Response(status=304)
        return web.Response(text=page("start"), content_type="text/html", headers=dated)

    memory = Remembered()
    async with served(handle) as url:
        place = Site(url, {})
        await crawled(place, memory=memory)
        second = await crawled(place, memory=memory)
        third = await crawled(place, memory=memory)
    assert asked == [200, 304, 304]
    assert (second.unchanged, third.unchanged, third.pages) == ([""], [""], [])


async def test_what_this_sync_has_read_already_is_not_asked_for_again() -> None:
    memory = Remembered()
    async with site(small()) as place:
        await crawled(place, memory=memory)
        memory.settle(place.url, f"{place.url}a.html")
        second = await crawled(place, memory=memory)
    assert sorted(place.paths) == ["/b.html", "/deep.html"]
    assert second.unchanged == ["", "a.html", "b.html", "deep.html"]


async def test_what_gives_no_page_is_remembered_and_not_read_again() -> None:
    memory = Remembered()
    stub = '<meta http-equiv="refresh" content="0; url=new.html"><p>Redirecting</p>'
    pages: dict[str, Body] = {
        "/": page("start", "stub.html", "empty.html", "copy.html", "moved.html"),
        "/stub.html": stub,
        "/new.html": page("new"),
        "/empty.html": "<main></main>",
        "/copy.html": page("new"),
        "/moved.html": lambda: web.Response(status=301, headers={"Location": "/new.html"}),
    }
    async with site(pages) as place:
        first = await crawled(place, memory=memory)
        notes = [r.note for r in first.results if isinstance(r, Nothing) and r.note]
        second = await crawled(place, memory=memory)
    assert len(first.pages) == 2
    assert notes == [f"{place.url}empty.html holds no text"]
    assert (second.pages, place.bodies) == ([], [])
    assert [
        r.known.note for r in second.results if isinstance(r, Unchanged) and r.known.note
    ] == notes


async def test_a_repeat_becomes_a_page_when_what_it_repeated_changes_or_goes() -> None:
    for changed in (page("other text", "x.html"), None):
        memory = Remembered()
        async with site(
            {
                "/": page("start", "a.html", "b.html"),
                "/a.html": page("same"),
                "/b.html": page("same"),
            }
        ) as place:
            first = await crawled(place, memory=memory)
            if changed is None:
                del place.pages["/a.html"]
            else:
                place.pages["/a.html"] = changed
            second = await crawled(place, memory=memory)
        assert first.pages == ["", "a.html"]
        assert "b.html" in second.pages


async def test_what_nothing_names_any_more_is_missed_while_it_is_there_and_gone_after() -> None:
    memory = Remembered()
    async with site(small()) as place:
        await crawled(place, memory=memory)
        place.pages["/"] = page("start", "a.html")
        second = await crawled(place, memory=memory)
        assert (second.missed, second.failures) == (["b.html"], [])
        assert ("/b.html", 304) in place.asked
        del place.pages["/b.html"]
        third = await crawled(place, memory=memory)
    assert third.missed == []
    assert [(f.read_from, f.is_gone) for f in third.failures] == [(f"{place.url}b.html", True)]


async def test_what_a_failing_page_led_to_is_found_all_the_same() -> None:
    memory = Remembered()
    async with site(small()) as place:
        await crawled(place, memory=memory)
        place.pages["/a.html"] = lambda: web.Response(status=503)
        second = await crawled(place, memory=memory)
    [failure] = second.failures
    assert (failure.read_from, failure.is_transient) == (f"{place.url}a.html", True)
    assert second.unchanged == ["", "b.html", "deep.html"]
    assert not [result for result in second.results if isinstance(result, Missed)]


async def test_nothing_is_missed_where_the_sitemap_cannot_be_read_or_the_crawl_was_cut_short() -> (
    None
):
    memory = Remembered()
    pages: dict[str, Body] = {"/": page("start"), "/a.html": page("a"), "/b.html": page("b")}
    async with site(pages) as place:
        names = "".join(f"<url><loc>{place.url}{name}.html</loc></url>" for name in "ab")
        pages["/sitemap.xml"] = f"<urlset>{names}</urlset>"
        first = await crawled(place, memory=memory)
        short = await crawled(place, memory=memory, max_pages=1)
        pages["/sitemap.xml"] = lambda: web.Response(status=503)
        second = await crawled(place, memory=memory)
    assert (short.missed, second.missed) == ([], [])
    assert sorted(second.unchanged) == sorted(first.pages)


async def test_a_page_whose_server_has_it_elsewhere_is_asked_for_there_with_its_validators() -> (
    None
):
    memory = Remembered()
    async with site({"/": page("start", "guide/why"), "/guide/why.html": page("why")}) as place:
        first = await crawled(place, memory=memory)
        second = await crawled(place, memory=memory)
    assert first.pages == ["", "guide/why"]
    assert (second.unchanged, place.bodies) == (["", "guide/why"], [])


@pytest.mark.parametrize("start", ["index.html", "old"])
async def test_a_start_that_leads_elsewhere_is_asked_conditionally_too(start: str) -> None:
    memory = Remembered()
    pages = small() | {
        "/index.html": small()["/"],
        "/old": lambda: web.Response(status=301, headers={"Location": "/"}),
    }
    async with site(pages) as place:
        first = await crawled(place, start, memory)
        second = await crawled(place, start, memory)
    assert (second.unchanged, place.bodies) == (first.pages, [])


async def test_the_same_body_under_another_etag_is_asked_for_with_that_one_next_time() -> None:
    memory = Remembered()
    etag = '"first"'

    def built() -> web.Response:
        return web.Response(text=page("start"), content_type="text/html", headers={"ETag": etag})

    async with site({"/": built}) as place:
        await crawled(place, memory=memory)
        etag = '"built anew"'
        [same] = (await crawled(place, memory=memory)).results
    assert isinstance(same, Unchanged)
    assert (same.has_new_validators, same.known.etag) == (True, etag)
