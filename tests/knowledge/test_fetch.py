"""One address fetched: what is asked for, what is taken, and what a bad server can do."""

import codecs
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web

from docbot.errors import PermanentError
from docbot.knowledge.fetch import Answer, Fetcher, NotModified, Validators
from docbot.knowledge.pacer import Pacer
from tests.knowledge.conftest import served

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


def anywhere(_: str) -> bool:
    return True


@asynccontextmanager
async def fetcher(*, tries: int = 1, timeout: float = 5) -> AsyncIterator[Fetcher]:
    async with httpx.AsyncClient(timeout=timeout) as client:
        yield Fetcher(client, Pacer(0), tries=tries, backoff=0)


class Site:
    """Pages with validators; keeps the conditions that each path was asked under."""

    def __init__(self, *, moved: dict[str, str] | None = None) -> None:
        self._moved = moved or {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.connections: set[object] = set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        given = request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")
        self.asked.append((request.path, *given))
        self.connections.add(request.transport)
        if request.path in self._moved:
            return web.Response(status=301, headers={"Location": self._moved[request.path]})
        headers = {"ETag": '"v1"', "Last-Modified": DATE}
        if '"v1"' in (given[0] or "") or given == (None, DATE):
            return web.Response(status=304, headers=headers)
        return web.Response(text="body", content_type="text/html", headers=headers)


async def test_what_did_not_change_costs_no_body_and_keeps_its_connection() -> None:
    site = Site()
    async with served(site) as url, fetcher() as fetch:
        first = await fetch.get(f"{url}a", may_follow=anywhere)
        assert isinstance(first, Answer)
        for known in (
            Validators(first.etag, first.last_modified),
            Validators(first.etag, None),
            Validators(None, first.last_modified),
        ):
            again = await fetch.get(f"{url}a", may_follow=anywhere, known=known)
            assert again == NotModified(f"{url}a")
    assert site.asked == [
        ("/a", None, None),
        ("/a", '"v1"', DATE),
        ("/a", '"v1"', None),
        ("/a", None, DATE),
    ]
    assert len(site.connections) == 1


async def test_what_changed_comes_whole_with_its_new_validators() -> None:
    async with served(Site()) as url, fetcher() as fetch:
        answer = await fetch.get(f"{url}a", may_follow=anywhere, known=Validators('"v0"', None))
    assert answer == Answer(f"{url}a", codecs.BOM_UTF8 + b"body", "text/html", '"v1"', DATE)


async def test_validators_are_sent_only_to_the_address_that_gave_them() -> None:
    site = Site(moved={"/old": "/new", "/new": "/newest"})
    given = '"v1"', DATE
    async with served(site) as url, fetcher() as fetch:
        answer = await fetch.get(f"{url}old", may_follow=anywhere, known=Validators(*given))
        assert isinstance(answer, Answer)
        known = Validators(*given, url=f"{url}newest")
        again = await fetch.get(f"{url}old", may_follow=anywhere, known=known)
        assert again == NotModified(f"{url}newest")
        elsewhere = await fetch.get(f"{url}other", may_follow=anywhere, known=known)
        assert isinstance(elsewhere, Answer)
    assert [path for path, *conditions in site.asked if any(conditions)] == ["/old", "/newest"]


@pytest.mark.parametrize("known", [None, Validators(None, None), Validators("", "")])
async def test_an_answer_of_unchanged_that_was_not_asked_for_is_refused(
    known: Validators | None,
) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=304)

    async with served(handle) as url, fetcher() as fetch:
        with pytest.raises(PermanentError, match="304 Not Modified, although docbot did not ask"):
            await fetch.get(url, may_follow=anywhere, known=known)


@pytest.mark.parametrize("broken", ['"a\r\nX: y"', '"größe"', " ", "\x00", "\u20ac"])
async def test_a_validator_that_fits_in_no_header_is_left_out(broken: str) -> None:
    site = Site()
    async with served(site) as url, fetcher() as fetch:
        await fetch.get(url, may_follow=anywhere, known=Validators(broken, broken))
    assert site.asked == [("/", None, None)]
