"""What of a site is read: all that is named or linked, each page once, and one edition of it."""

import gzip
from dataclasses import dataclass

import httpx
import pytest
from aiohttp import web

from docbot.errors import MovedError
from docbot.knowledge.pages import Page
from docbot.knowledge.site.crawl import WebsiteSource
from tests.knowledge.site import Body, Remembered, crawled, page, site

NAMES = ("install.html", "usage.html", "api.html")
GERMAN = (
    "Diese Seite sagt Ihnen, wie man das Werkzeug einrichtet, und was sich damit machen lässt, "
    "wenn es auf einem Rechner läuft, der keine Verbindung hat. "
) * 2


def edition(
    folder: str, text: str, names: tuple[str, ...] = NAMES, language: str = "en"
) -> dict[str, Body]:
    """A folder with its start page and pages, linked among each other."""
    pages: dict[str, Body] = {folder: page(f"{text} start", *names, language=language)}
    return pages | {
        f"{folder}{name}": page(f"{text} {name}", *names, language=language) for name in names
    }


async def test_old_versions_beside_the_pages_are_left_out_and_said() -> None:
    pages = (
        edition("/docs/", "now") | edition("/docs/v1.1/", "one") | edition("/docs/next/", "next")
    )
    pages["/docs/"] = page(
        "now start",
        *NAMES,
        "v1.1/",
        "next/",
        "v1.1/install.html",
        "next/usage.html",
        "next/api.html",
    )
    async with site(pages) as place:
        found = await crawled(place, "docs/")
        assert found.pages == ["docs/", *(f"docs/{name}" for name in NAMES)]
        assert found.reasons == {"other versions: v1.1/", "other versions: next/"}
        assert not [path for path in place.paths if "v1.1" in path or "next" in path]


async def test_versions_of_which_only_the_start_is_linked_are_told_by_one_page() -> None:
    pages = edition("/", "now") | edition("/1.x/", "one") | edition("/2.x/", "two")
    pages["/"] = page("now start", *NAMES, "1.x/", "2.x/")
    async with site(pages) as place:
        found = await crawled(place)
        assert found.pages == ["", *NAMES]
        assert len([path for path in place.paths if ".x/" in path]) == 1


async def test_of_editions_side_by_side_the_stable_one_is_read() -> None:
    pages: dict[str, Body] = {"/": page("choose", "stable/", "latest/", "2.5.3/", "2.4/")}
    for folder in ("/stable/", "/latest/", "/2.5.3/", "/2.4/"):
        pages |= edition(folder, folder)
    async with site(pages) as place:
        found = await crawled(place)
    assert found.pages == ["", "stable/", *(f"stable/{name}" for name in NAMES)]


async def test_an_old_version_is_read_where_it_is_the_start_or_is_chosen() -> None:
    pages = edition("/", "now") | edition("/v1.1/", "one") | edition("/v1.2/", "two")
    pages["/"] = page("now start", *NAMES, *(f"v1.{n}/{name}" for n in (1, 2) for name in NAMES))
    async with site(pages) as place:
        assert (await crawled(place, "v1.1/")).pages == [
            "v1.1/",
            *(f"v1.1/{name}" for name in NAMES),
        ]
        chosen = await crawled(place, include=("v1.2/**",))
    assert "v1.2/usage.html" in chosen.pages
    assert not [path for path in chosen.pages if path.startswith("v1.1")]


async def test_folders_that_only_look_like_editions_are_read() -> None:
    pages: dict[str, Body] = {
        "/": page(
            "start",
            "install.html",
            "it/",
            "hr/",
            "go/",
            "2.0-migration/",
            "next/",
            "api/v1/",
            "api/v2/",
            "releases/1.2/",
            "releases/1.3/",
            "v2.0/",
            language="en",
        ),
        "/install.html": page("install", language="en"),
        "/2.0-migration/": page("migration", language="en"),
        "/v2.0/": page("what 2.0 was", language="en"),
        "/releases/1.2/": page("release 1.2", language="en"),
        "/releases/1.3/": page("release 1.3", language="en"),
    }
    for folder in ("/it/", "/hr/", "/go/"):
        pages |= edition(folder, f"team {folder}")
    pages |= edition("/next/", "router", ("routing.html", "images.html"))
    pages |= edition("/api/v1/", "v1") | edition("/api/v2/", "v2")
    async with site(pages) as place:
        found = await crawled(place)
    assert (len(found.pages), found.left_out) == (len(pages), [])


async def test_many_pages_named_like_versions_are_read_without_a_probe_of_each() -> None:
    names = [f"py/{n}.0" for n in range(80)]
    pages: dict[str, Body] = {"/": page("start", *names)}
    pages |= {f"/{n}": page(n) for n in names}
    async with site(pages) as place:
        found = await crawled(place)
    assert sorted(found.pages) == sorted(["", *names])


async def test_translations_are_told_by_hreflang_and_none_of_them_is_asked_for() -> None:
    head = "".join(
        f'<link rel="alternate" hreflang="{code}" href="/{folder}">'
        for code, folder in (("en", ""), ("de", "de/"), ("zh-Hant", "zh-hant/"), ("x-default", ""))
    )
    pages = (
        edition("/", "now")
        | edition("/de/", "jetzt", language="de")
        | edition("/zh-hant/", "x", language="zh-Hant")
    )
    pages["/"] = page("start", *NAMES, "de/", "zh-hant/", head=head, language="en")
    memory = Remembered()
    async with site(pages) as place:
        found = await crawled(place, memory=memory)
        assert found.pages == ["", *NAMES]
        assert found.reasons == {"translations: de/", "translations: zh-hant/"}
        assert place.paths == ["/", "/install.html", "/usage.html", "/api.html"]
        again = await crawled(place, memory=memory)
        assert (again.pages, again.unchanged) == ([], found.pages)
        assert place.paths == ["/", "/install.html", "/usage.html", "/api.html"]


async def test_a_menu_of_languages_tells_translations_too() -> None:
    menu = '<a href="/" hreflang="en">English</a><a href="/de/" hreflang="de">Deutsch</a>'
    pages = edition("/", "now") | edition("/de/", "jetzt", language="de")
    start = page("start", *NAMES, language="en")
    pages["/"] = start.replace("<nav>", f"<nav>{menu}")
    async with site(pages) as place:
        found = await crawled(place)
        assert not [path for path in place.paths if path.startswith("/de/")]
    assert (found.pages, found.reasons) == (["", *NAMES], {"translations: de/"})


@pytest.mark.parametrize("language", ["de", "", "en"])
async def test_translations_are_told_by_their_pages_where_the_site_does_not_say(
    language: str,
) -> None:
    english = (
        "This is the page that tells you how to use it and what can be done with the tools. " * 4
    )
    pages = edition("/", "now") | edition("/de/", GERMAN, language=language)
    pages["/"] = page(english, *NAMES, "de/", language="en" if language else "")
    memory = Remembered()
    async with site(pages) as place:
        found = await crawled(place, memory=memory)
        assert found.pages == ["", *NAMES]
        assert len([path for path in place.paths if path.startswith("/de/")]) == 1
        again = await crawled(place, memory=memory)
        assert (again.pages, place.bodies) == ([], [])


async def test_translations_by_the_names_of_files_are_left_out_too() -> None:
    head = '<link rel="alternate" hreflang="fr" href="/a.fr.html">'
    pages: dict[str, Body] = {
        "/": page("start", "a.html", language="en"),
        "/a.html": page("a", "a.fr.html", head=head, language="en"),
        "/a.fr.html": page("le a", language="fr"),
    }
    async with site(pages) as place:
        found = await crawled(place)
    assert (found.pages, found.reasons) == (["", "a.html"], {"translations"})


async def test_a_site_in_one_language_below_its_landing_page_is_read() -> None:
    pages: dict[str, Body] = {"/": page("choose", "en/", "fr/", language="en")}
    pages |= edition("/en/", "now", language="en") | edition("/fr/", "maintenant", language="fr")
    async with site(pages) as place:
        found = await crawled(place)
    assert found.pages == ["", "en/", *(f"en/{name}" for name in NAMES)]


async def test_what_is_excluded_is_not_asked_for() -> None:
    pages: dict[str, Body] = {
        "/": page("start", "blog/", "blog/a/b.html", "guide/x.html", "v1.0/x.html"),
        "/blog/": page("blog"),
        "/blog/a/b.html": page("b"),
        "/guide/x.html": page("x"),
        "/v1.0/x.html": page("old x"),
    }
    async with site(pages) as place:
        found = await crawled(place, exclude=("blog/*",))
        assert "/blog/" not in place.paths
        assert found.pages == ["", "guide/x.html", "v1.0/x.html"]
        both = await crawled(place, include=("guide/**",), exclude=(f"{place.url}guide/**",))
    assert "guide/x.html" not in both.pages
    assert [reason for address, reason in both.left_out if "guide" in address] == ["excluded"]


async def test_one_page_has_one_address() -> None:
    canonical = '<link rel="canonical" href="/a/">'
    pages: dict[str, Body] = {
        "/": page(
            "start",
            "a/",
            "a/index.html",
            "a/#x",
            "a/?q=1",
            "a/;jsessionid=1A2B",
            "print.html",
            "b",
            "c/",
        ),
        "/a/": page("a", head=canonical),
        "/print.html": page("a", head=canonical),
        "/b": lambda: web.Response(status=302, headers={"Location": "/b/"}),
        "/b/": page("b"),
        "/c/": page("c", "/c"),
        "/c": page("c", "/c"),
    }
    async with site(pages) as place:
        found = await crawled(place)
    assert found.pages == ["", "a/", "c/", "b/"]
    assert found.failures == []


async def test_redirects_in_a_circle_are_one_failure() -> None:
    pages: dict[str, Body] = {
        "/": page("start", "a.html"),
        "/a.html": lambda: web.Response(status=302, headers={"Location": "/b.html"}),
        "/b.html": lambda: web.Response(status=302, headers={"Location": "/a.html"}),
    }
    async with site(pages) as place:
        [failure] = (await crawled(place)).failures
    assert "without end" in failure.reason


async def test_pages_behind_a_login_keep_what_they_had() -> None:
    pages: dict[str, Body] = {
        "/": page("start", "a.html"),
        "/a.html": lambda: web.Response(status=302, headers={"Location": "/login?next=/a.html"}),
        "/login": '<h1>Sign in</h1><form><input type="password"></form>',
    }
    async with site(pages) as place:
        found = await crawled(place)
    assert [("login" in f.reason, f.is_transient) for f in found.failures] == [(True, True)]


class Renamed(httpx.AsyncBaseTransport):
    """Answers for named hosts from a local port, and moves some of them to others."""

    def __init__(self, port: int, moves: dict[str, str]) -> None:
        self._port = port
        self._moves = moves
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = f"{request.url.scheme}://{request.url.host}"
        if origin in self._moves:
            target = self._moves[origin] + request.url.raw_path.decode()
            return httpx.Response(301, headers={"Location": target})
        local = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await self._inner.handle_async_request(
            httpx.Request(request.method, local, headers=request.headers)
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass(frozen=True)
class RenamedSource(WebsiteSource):
    transport: Renamed | None = None

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport)


async def test_a_start_is_followed_to_https_and_www_and_links_to_the_other_forms_are_its_own() -> (
    None
):
    pages: dict[str, Body] = {
        "/docs/": page(
            "start", "http://docs.example/docs/a.html", "https://www.docs.example/docs/b.html"
        ),
        "/docs/a.html": page("a"),
        "/docs/b.html": page("b"),
    }
    moves = {
        "http://docs.example": "https://docs.example",
        "https://docs.example": "https://www.docs.example",
    }
    async with site(pages) as place:
        port = int(place.url.rstrip("/").rpartition(":")[2])
        place.url = ""
        found = await crawled(
            place, "http://docs.example/docs/", kind=RenamedSource, transport=Renamed(port, moves)
        )
        home = "https://www.docs.example/docs/"
        assert found.pages == [home, f"{home}a.html", f"{home}b.html"]
        away = Renamed(port, {"http://docs.example": "https://evil.example"})
        with pytest.raises(MovedError, match="sources add NAME https://evil"):
            await crawled(place, "http://docs.example/docs/", kind=RenamedSource, transport=away)


async def test_nested_and_packed_sitemaps_of_any_type_are_read() -> None:
    pages: dict[str, Body] = {"/": page("start")}
    pages |= {f"/{n}.html": page(f"p{n}") for n in range(4)}
    async with site(pages) as place:

        def urls(*numbers: int) -> str:
            return (
                "<urlset>"
                + "".join(f"<url><loc>{place.url}{n}.html</loc></url>" for n in numbers)
                + "</urlset>"
            )

        pages["/sitemap_index.xml"] = (
            f"<sitemapindex><sitemap><loc>{place.url}in.xml</loc></sitemap><sitemap><loc>{place.url}list</loc></sitemap></sitemapindex>"
        )
        pages["/in.xml"] = (
            f"<sitemapindex><sitemap><loc>{place.url}a.xml.gz</loc></sitemap></sitemapindex>"
        )
        pages["/a.xml.gz"] = lambda: web.Response(
            body=gzip.compress(urls(0, 1).encode()), content_type="text/html"
        )
        pages["/list"] = lambda: web.Response(text=f"{place.url}2.html\n{place.url}3.html\n")
        found = await crawled(place)
    assert sorted(found.pages) == ["", "0.html", "1.html", "2.html", "3.html"]


@pytest.mark.check
async def test_a_sitemap_of_100_000_lines_costs_no_request_beyond_the_limit() -> None:
    pages: dict[str, Body] = {"/": page("start")}
    async with site(pages) as place:
        lines = "".join(f"<url><loc>{place.url}p/{n}.html</loc></url>\n" for n in range(100_000))
        pages["/sitemap.xml"] = f"<urlset>{lines}</urlset>"
        pages |= {f"/p/{n}.html": page(f"p{n}") for n in range(30)}
        found = await crawled(place, max_pages=20)
    assert len(found.pages) == 20
    [failure] = found.failures
    assert "stopped after 20 pages; 99981 known addresses were not read" in failure.reason
    assert failure.is_transient


async def test_pages_that_only_llms_txt_names_are_found_as_pages_or_as_markdown() -> None:
    pages: dict[str, Body] = {
        "/": page("start", "linked.html", "linked.md"),
        "/linked.html": page("linked"),
        "/linked.md": "# linked\n\nWhat linked says, somewhat otherwise.\n",
        "/named.html": page("named"),
        "/named.html.md": "# named\n",
        "/alone.md": "# Alone\n\nOnly Markdown.\n",
        "/plain": page("plain"),
    }
    async with site(pages) as place:
        links = "\n".join(
            f"- [{n}]({place.url}{n})" for n in ("named.html.md", "alone.md", "plain", "linked.md")
        )
        pages["/llms.txt"] = lambda: web.Response(text=f"# Site\n\n{links}\n")
        found = await crawled(place)
    assert sorted(found.pages) == ["", "alone.md", "linked.html", "named.html", "plain"]


async def test_a_twin_is_used_where_nothing_of_the_page_is_lost_by_it() -> None:
    def with_twin(name: str) -> str:
        head = f'<link rel="alternate" type="text/markdown" href="/{name}.md">'
        code = '<pre><code class="language-sh">run it</code></pre>'
        return f"<head>{head}</head><main><h1 id='{name}'>{name}</h1><p>All of the words.</p>{code}</main>"

    pages: dict[str, Body] = {
        "/": page("start", "whole", "part", "shorn"),
        "/whole": with_twin("whole"),
        "/whole.md": "# whole\n\nAll of the words, and *more* of them.\n\n```sh\nrun it\n```\n",
        "/part": with_twin("part"),
        "/part.md": "# part\n\n```sh\nrun it\n```\n",
        "/shorn": with_twin("shorn"),
        "/shorn.md": "# shorn\n\nAll of the words, run it.\n",
    }
    async with site(pages) as place:
        found = await crawled(place)
    markdown = {
        r.url.removeprefix(place.url): r.markdown for r in found.results if isinstance(r, Page)
    }
    assert "*more* of them" in markdown["whole"]
    assert "All of the words." in markdown["part"]
    assert "```sh\nrun it" in markdown["shorn"]
    assert found.pages == ["", "whole", "part", "shorn"]


async def test_traps_end_and_are_counted() -> None:
    pages: dict[str, Body] = {
        "/": page("start", "calendar/2026/11/21/", *(f"?month={n}" for n in range(30)), "a/b/")
    }
    path = "/"
    for _ in range(12):
        path += "a/b/"
        pages[path] = page(f"deeper {path}", "a/b/")
    async with site(pages) as place:
        found = await crawled(place)
    assert {"calendars", "addresses that repeat themselves", "parameters"} <= found.reasons
    assert len(found.pages) == 3


async def test_time_and_bytes_are_bounded_and_said() -> None:
    pages: dict[str, Body] = {"/": page("start", *(f"{n}.html" for n in range(50)))}
    pages |= {f"/{n}.html": page(f"p{n}", f"x{n}.html") for n in range(50)}
    async with site(pages) as place:
        heavy = await crawled(place, max_bytes=3000)
        slow = await crawled(place, max_seconds=0.0)
        deep = await crawled(place, max_depth=0, exclude=("nothing",))
    assert "stopped after 0.003 MB" in heavy.failures[-1].reason
    assert "stopped after 0 seconds" in slow.failures[-1].reason
    assert heavy.failures[-1].is_transient
    assert len(deep.pages) == 51
