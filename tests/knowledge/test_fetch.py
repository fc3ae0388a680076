"""One address fetched: what is asked for, what is taken, and what a bad server can do."""

import asyncio
import codecs
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from docbot.errors import DocbotError, MovedError, PermanentError, TransientError
from docbot.knowledge.html.convert import decode, decode_as
from docbot.knowledge.site.body import read_body
from docbot.knowledge.site.fetch import Answer, Fetcher, NotModified, Validators
from docbot.knowledge.site.pacer import Pacer
from tests.knowledge.conftest import served

Write = Callable[[asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


def anywhere(_: str) -> bool:
    return True


@asynccontextmanager
async def fetcher(
    *, tries: int = 1, timeout: float = 5, longest: float = 60, pacer: Pacer | None = None
) -> AsyncIterator[Fetcher]:
    async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
        yield Fetcher(client, pacer or Pacer(0), tries=tries, backoff=0, longest=longest)


@asynccontextmanager
async def raw(write: Write) -> AsyncIterator[str]:
    """A server that writes what it likes to whoever asks, and then closes the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await write(writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


def saying(answer: bytes) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return write


def then_nothing(beginning: bytes) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        await saying(beginning)(writer)
        while True:
            await asyncio.sleep(60)

    return write


def without_end(beginning: bytes, again: bytes, *, every: float = 0) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        await saying(beginning)(writer)
        while True:
            await saying(again)(writer)
            await asyncio.sleep(every)

    return write


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


MEGABYTE = b"x" * 1_000_000
BOMB = gzip.compress(b" " * 60_000_000)


def sent_as(encoding: str, body: bytes) -> bytes:
    return b"%sContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        HEAD,
        encoding.encode(),
        len(body),
        body,
    )


def bare_deflate(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-15)


@pytest.mark.parametrize(
    ("write", "error", "says"),
    [
        (then_nothing(b""), TransientError, "could not be reached: it fell silent"),
        (then_nothing(HEAD), TransientError, "it fell silent"),
        (
            then_nothing(HEAD + b"Content-Length: 9\r\n\r\nhalf"),
            TransientError,
            "it fell silent",
        ),
        (
            without_end(HEAD + b"\r\n", b"x", every=0.01),
            TransientError,
            "was not whole after 0.4 seconds",
        ),
        (
            without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01),
            TransientError,
            "was not whole after 0.4 seconds",
        ),
        (without_end(HEAD, b"X-More: 1\r\n" * 1000), TransientError, "could not be reached: "),
        (without_end(HEAD + b"X: ", MEGABYTE), TransientError, "could not be reached: "),
        (without_end(b"", MEGABYTE), TransientError, "could not be reached: "),
        (saying(b""), TransientError, "without sending a response"),
        (saying(b"SSH-2.0-OpenSSH\r\n"), TransientError, "could not be reached: "),
        (
            saying(HEAD + b"Content-Length: 9\r\n\r\nhalf"),
            TransientError,
            "received 4 bytes, expected 9",
        ),
        (
            saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            TransientError,
            "incomplete chunked read",
        ),
        (
            saying(HEAD + b"Content-Length: 9\r\nContent-Length: 4\r\n\r\nhalf"),
            TransientError,
            "conflicting Content-Length",
        ),
        (saying(HEAD + b"Content-Length: -4\r\n\r\nhalf"), TransientError, "Content-Length"),
        (
            then_nothing(HEAD + b"Content-Length: 50000000\r\n\r\n"),
            PermanentError,
            "is larger than 10 MB",
        ),
        (without_end(HEAD + b"\r\n", MEGABYTE), PermanentError, "is larger than 10 MB"),
        (saying(sent_as("gzip", BOMB)), PermanentError, "is larger than 10 MB"),
        (
            saying(sent_as("deflate", zlib.compress(b" " * 60_000_000))),
            PermanentError,
            "is larger than 10 MB",
        ),
        (
            saying(sent_as("deflate", bare_deflate(b" " * 60_000_000))),
            PermanentError,
            "is larger than 10 MB",
        ),
        (
            saying(sent_as("gzip", gzip.compress(b" " * 6_000_000) * 2)),
            PermanentError,
            "is larger than 10 MB",
        ),
        (
            saying(sent_as("gzip", gzip.compress(b"") * 101)),
            PermanentError,
            "compressed in more than 100 parts",
        ),
        (
            saying(sent_as("gzip, gzip", gzip.compress(BOMB))),
            PermanentError,
            "in the encoding 'gzip, gzip', which was not asked for",
        ),
        (saying(sent_as("br", b"x")), PermanentError, "in the encoding 'br'"),
        (saying(sent_as("gzip", b"no gzip")), PermanentError, "compressed and damaged"),
        (
            saying(sent_as("gzip", gzip.compress(b"a page")[:-9])),
            TransientError,
            "compressed and cut off",
        ),
    ],
)
async def test_a_bad_server_is_one_clear_failure_in_bounded_time(
    write: Write, error: type[DocbotError], says: str
) -> None:
    async with raw(write) as url, fetcher(timeout=0.2, longest=0.4) as fetch:
        async with asyncio.timeout(60):
            with pytest.raises(error) as raised:
                await fetch.get(url, may_follow=anywhere)
    assert str(raised.value).startswith(url)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 400


async def test_the_time_for_an_address_is_bounded_over_tries_and_redirects() -> None:
    asked = 0

    async def write(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await without_end(HEAD + b"\r\n", b"x", every=0.01)(writer)

    async with raw(write) as url, fetcher(tries=50, longest=0.1) as fetch:
        with pytest.raises(TransientError, match=r"was not whole after 0\.\d+ seconds"):
            await fetch.get(url, may_follow=anywhere)
    assert 2 <= asked <= 4


@pytest.mark.parametrize(
    "body",
    [
        sent_as("gzip", gzip.compress(b"one ") + gzip.compress(b"page")),
        sent_as("gzip", gzip.compress(b"one page") + b"\0" * 100),
        sent_as("x-gzip", gzip.compress(b"one page")),
        sent_as("deflate", zlib.compress(b"one page")),
        sent_as("deflate", bare_deflate(b"one page")),
        sent_as("identity", b"one page"),
        HEAD + b"\r\none page",
        HEAD.replace(b"Content-Type: text/html\r\n", b"") + b"\r\none page",
        HEAD.replace(b"text/html", b"") + b"\r\none page",
    ],
)
async def test_what_is_whole_is_read_whole_however_it_was_sent(body: bytes) -> None:
    async with raw(saying(body)) as url, fetcher() as fetch:
        answer = await fetch.get(url, may_follow=anywhere)
    assert answer == Answer(url, b"one page", "text/html", None, None)


async def test_an_empty_body_needs_no_encoding() -> None:
    async with raw(saying(sent_as("gzip", b""))) as url, fetcher() as fetch:
        answer = await fetch.get(url, may_follow=anywhere)
    assert answer
    assert answer.body == b""


@given(
    st.binary(max_size=3000),
    st.sampled_from(["gzip", "x-gzip", "deflate", "identity", "br", "gzip, gzip", "\u20ac"]),
    st.integers(0, 3),
)
def test_whatever_body_comes_is_a_body_or_a_clear_failure(
    body: bytes, encoding: str, packed: int
) -> None:
    for _ in range(packed):
        body = gzip.compress(body)

    async def stream() -> AsyncIterator[bytes]:
        yield body

    response = httpx.Response(
        200, headers=httpx.Headers({"Content-Encoding": encoding}, "utf-8"), content=stream()
    )
    with suppress(PermanentError, TransientError):
        read, kind = asyncio.run(read_body("https://h/", response))
        assert kind == "text/html"
        if packed and encoding.endswith("gzip"):
            assert gzip.compress(read, mtime=0)[10:] == body[10:]


def test_a_bomb_takes_little_memory() -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield BOMB * 100

    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=stream())
    tracemalloc.start()
    try:
        with pytest.raises(PermanentError, match="larger than 10 MB"):
            asyncio.run(read_body("https://h/", response))
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("status", "target", "says"),
    [
        (301, "file:///etc/passwd", "leads to file:///etc/passwd, which is no website"),
        (302, "ftp://h/a", "leads to ftp://h/a, which is no website"),
        (303, "gopher://h", "leads to gopher://h, which is no website"),
        (307, "javascript:alert(1)", "is, or leads to, no address"),
        (308, "data:text/html,x", "is, or leads to, no address"),
    ],
)
async def test_a_redirect_to_what_is_no_website_is_refused(
    status: int, target: str, says: str
) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": target})

    async with served(handle) as url, fetcher() as fetch:
        with pytest.raises(PermanentError, match=f"{url} {says}"):
            await fetch.get(url, may_follow=anywhere)


async def test_redirects_without_end_end() -> None:
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": f"/{len(asked)}"})

    async with served(handle) as url, fetcher(tries=3) as fetch:
        with pytest.raises(PermanentError, match="leads from one address to the next without end"):
            await fetch.get(url, may_follow=anywhere)
        assert len(asked) == 6
        with pytest.raises(MovedError, match="outside of what is read") as moved:
            await fetch.get(url, may_follow=lambda _: False)
        assert moved.value.target == f"{url}7"


class Clock:
    """Time that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_redirects_tries_and_connections_share_one_pause() -> None:
    clock = Clock()
    arrived: list[float] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        arrived.append(clock.now)
        if request.path == "/old":
            return web.Response(status=301, headers={"Location": "/down"})
        return web.Response(status=503, headers={"Retry-After": "0"})

    pacer = Pacer(5, clock=clock, sleep=clock.sleep)
    async with served(handle) as url, fetcher(tries=2, pacer=pacer) as fetch:
        with pytest.raises(TransientError, match="down answered 503"):
            await fetch.get(f"{url}old", may_follow=anywhere)
    assert arrived == [0, 5, 10, 15]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_rest_that_one_request_was_told_of_is_kept_by_all(status: int) -> None:
    clock = Clock()
    arrived: list[tuple[str, float]] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        arrived.append((request.path, clock.now))
        if request.path == "/busy":
            return web.Response(status=status, headers={"Retry-After": "40"})
        return web.Response(text="page")

    pacer = Pacer(0, clock=clock, sleep=clock.sleep)
    async with served(handle) as url, fetcher(tries=1, pacer=pacer) as fetch:
        with pytest.raises(TransientError, match=f"answered {status}"):
            await fetch.get(f"{url}busy", may_follow=anywhere)
        await fetch.get(f"{url}other", may_follow=anywhere)
    assert arrived == [("/busy", 0), ("/other", 40)]


async def test_a_rest_longer_than_is_waited_for_is_told_and_nothing_more_is_asked() -> None:
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=429, headers={"Retry-After": "7200"})

    async with served(handle) as url, fetcher(tries=3) as fetch:
        with pytest.raises(TransientError, match="left alone for 7200 seconds, longer than") as one:
            await fetch.get(f"{url}a", may_follow=anywhere)
        with pytest.raises(
            TransientError, match=f"{url}b was not asked for: the site asked"
        ) as two:
            await fetch.get(f"{url}b", may_follow=anywhere)
    assert asked == ["/a"]
    assert one.value.retry_after == 7200
    assert two.value.retry_after == pytest.approx(7200, abs=60)


async def test_a_cookie_comes_back_and_cookies_without_end_do_not() -> None:
    given: list[int] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        given.append(len(request.cookies))
        response = web.Response(text="page")
        for number in range(1 if request.path == "/modest" else 80):
            response.set_cookie(f"{request.path[1:]}{number}", "x")
        return response

    async with served(handle) as url, fetcher() as fetch:
        for path in ("modest", "a", "b", "c", "d", "e"):
            await fetch.get(f"{url}{path}", may_follow=anywhere)
    assert given == [0, 1, 81, 0, 80, 0]


async def test_failures_of_the_network_slow_what_comes_after() -> None:
    pacer = Pacer(0, step=4)
    async with raw(saying(b"")) as url, fetcher(pacer=pacer) as fetch:
        with pytest.raises(TransientError):
            await fetch.get(url, may_follow=anywhere)
    assert pacer.current == 1


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("no-such-charset", "größe".encode()),
        ("punycode", "größe".encode()),
        ("zlib_codec", "größe".encode()),
        ("unicode_escape", "größe".encode()),
        ("rot13", "größe".encode()),
        ("undefined", "größe".encode()),
        ("", "größe".encode("cp1252")),
        ("utf-16", "größe".encode("utf-16")),
        ("utf-16", "größe".encode("utf-16-le")),
        ("utf-16", codecs.BOM_UTF16_BE + "größe".encode("utf-16-be")),
        ("utf-32", "größe".encode("utf-32")),
        ("shift_jis", codecs.BOM_UTF8 + "größe".encode()),
        ("\0", "größe".encode()),
    ],
)
async def test_a_charset_that_is_none_is_as_good_as_unnamed(charset: str, body: bytes) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield body

    header = {"Content-Type": f"text/html; charset={charset}"}
    read, _ = await read_body("https://h/", httpx.Response(200, headers=header, content=stream()))
    assert decode(read) == "größe"


@given(
    st.sampled_from(["utf-8", "utf-16", "shift_jis", "gb18030", "big5", "iso2022_jp", "cp1252"]),
    st.binary(min_size=1, max_size=40),
)
def test_a_long_text_is_decoded_as_in_one_piece(charset: str, pattern: bytes) -> None:
    body = (pattern * 70_000)[:140_000]
    assert decode_as(body, charset) == body.decode(charset, "replace").removeprefix("\ufeff")
