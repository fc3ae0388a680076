"""Where docbot connects to. Nothing here leaves the machine: connections are written down."""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import httpcore
import httpx
import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st

from docbot.errors import RefusedError, UsageError
from docbot.knowledge.site.crawl import WebsiteSource
from docbot.knowledge.site.fetch import Answer, Fetcher
from docbot.knowledge.site.network import (
    GuardedBackend,
    GuardedTransport,
    Place,
    is_public,
    place_of,
    place_of_url,
)
from docbot.knowledge.site.pacer import Pacer
from tests.knowledge.conftest import served

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage"

# What the registries of special addresses say, by another way than the code's own.
INSIDE_V4 = [
    ip_network(text)
    for text in [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    ]
]
INSIDE_V6 = [
    ip_network(text)
    for text in [
        "::/16",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/32",
        "2001:2::/48",
        "2001:10::/28",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    ]
]

anywhere_v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
inside_v4 = st.sampled_from(INSIDE_V4).flatmap(
    lambda network: st.integers(int(network[0]), int(network[-1])).map(IPv4Address)
)
inside_v6 = st.sampled_from(INSIDE_V6).flatmap(
    lambda network: st.integers(int(network[0]), int(network[-1])).map(IPv6Address)
)


class Recorder(httpcore.AsyncNetworkBackend):
    """Writes down where it was told to connect; some of these places do not answer."""

    def __init__(self, answer: bytes = PAGE, *, silent: Iterable[str] = ()) -> None:
        self._answer = answer
        self._silent = frozenset(silent)
        self.asked: list[tuple[str, int]] = []
        self.names: list[str | None] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.asked.append((host, port))
        if host in self._silent:
            raise httpcore.ConnectError("no answer")
        return Stream(self, self._answer)


class Stream(httpcore.AsyncMockStream):
    def __init__(self, recorder: Recorder, answer: bytes) -> None:
        super().__init__([answer])
        self._recorder = recorder

    async def start_tls(
        self,
        ssl_context: object,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self._recorder.names.append(server_hostname)
        return self


class Names:
    """A name server whose every answer is given; the last one is repeated."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[str]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def client(recorder: Recorder, names: Names, *allowed: Place) -> httpx.AsyncClient:
    backend = GuardedBackend(allowed, connect=recorder, look_up=names)
    return httpx.AsyncClient(transport=GuardedTransport(allowed, connections=4, backend=backend))


async def fetch(http: httpx.AsyncClient, url: str) -> Answer:
    answer = await Fetcher(http, Pacer(0), tries=1, backoff=0).get(url, may_follow=lambda _: True)
    assert isinstance(answer, Answer)
    return answer


@given(inside_v4 | inside_v6)
def test_no_address_of_special_use_is_public(address: IPv4Address | IPv6Address) -> None:
    assert not is_public(str(address))


@given(anywhere_v4 | inside_v4)
def test_an_address_that_stands_for_another_is_as_public_as_that(inner: IPv4Address) -> None:
    public = is_public(str(inner))
    number = int(inner)
    assert is_public(f"::ffff:{inner}") is public
    assert is_public(str(IPv6Address(int(IPv6Address("64:ff9b::")) + number))) is public
    assert is_public(str(IPv6Address(int(IPv6Address("2002::1")) + (number << 80)))) is public


@given(st.ip_addresses(v=6), st.text("abc0123", min_size=1))
def test_an_address_of_one_link_is_not_public(address: IPv6Address, scope: str) -> None:
    assert not is_public(f"{address}%{scope}")


@given(st.ip_addresses(network=IPv6Network("2600::/12")) | st.ip_addresses(network="8.0.0.0/8"))
def test_what_providers_were_given_is_public(address: IPv4Address | IPv6Address) -> None:
    assert is_public(str(address))


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:127.0.0.1",
        "::ffff:100.64.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "fec0::1",
        "192.0.0.8",
        "0.0.0.0",
        "127.0.0.1",
        "::1",
        "::",
        "169.254.169.254",
        "168.63.129.16",
        "fd00:ec2::254",
        "100.100.100.200",
        "192.88.99.1",
        "255.255.255.255",
        "239.1.1.1",
        "ff02::1",
        "fe80::1%eth0",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "2001:0:7f00:1::",
        "2001:0:808:808:0:0:80ff:fffe",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "localhost",
        "docs.example.org",
        "8.8.8.8:80",
        "[::1]",
        "1.1.1.1/32",
    ],
)
def test_no_other_way_to_write_an_inner_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["", " 8.8.8.8", "8.8.8.8\n", "\uff18.8.8.8"])
def test_what_is_no_address_is_not_public(address: str) -> None:
    assert not is_public(address)


def written(address: IPv4Address, way: int) -> str:
    """One of the forms in which a C library takes an IPv4 address."""
    number, parts = int(address), address.packed
    return (
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(f"0x{part:x}" for part in parts),
        ".".join(f"0{part:o}" for part in parts),
        f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        f"::ffff:{address}",
        str(address),
    )[way]


@given(inside_v4, st.integers(0, 8))
@example(IPv4Address("127.0.0.1"), 5)
def test_a_host_that_is_an_inner_address_in_any_form_is_never_connected_to(
    address: IPv4Address, way: int
) -> None:
    host = written(address, way)

    async def numeric(host: str, port: int) -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(place[0]) for *_, place in found]

    async def ask() -> Recorder:
        recorder = Recorder()
        backend = GuardedBackend((), connect=recorder, look_up=numeric)
        with pytest.raises((RefusedError, httpcore.ConnectError)):
            await backend.connect_tcp(host, 80)
        return recorder

    assert asyncio.run(ask()).asked == []


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    recorder = Recorder()
    async with client(recorder, Names(["93.184.216.34"], ["10.0.0.1"])) as http:
        answer = await fetch(http, "https://docs.example/a")
    assert answer.body.endswith(b"page")
    assert recorder.asked == [("93.184.216.34", 443)]
    assert recorder.names == ["docs.example"]  # whose certificate is asked for


async def test_a_name_that_turns_inward_is_refused_at_its_next_connection() -> None:
    closing = PAGE.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
    recorder = Recorder(closing)
    async with client(recorder, Names(["93.184.216.34"], ["10.0.0.1"])) as http:
        await fetch(http, "http://docs.example/a")
        with pytest.raises(RefusedError) as error:
            await fetch(http, "http://docs.example/b")
    assert recorder.asked == [("93.184.216.34", 80)]
    assert str(error.value) == (
        "http://docs.example/b was not asked for: docs.example has the address 10.0.0.1, which is "
        "not public; where it may be read all the same, add docs.example to DOCBOT_ALLOW_HOSTS"
    )


async def test_of_several_addresses_a_refused_one_is_never_tried() -> None:
    recorder = Recorder(silent=["93.184.216.34"])
    names = Names(["127.0.0.1", "93.184.216.34", "fe80::1%lo", "::1", "2606:2800:220:1::1"])
    async with client(recorder, names) as http:
        await fetch(http, "http://docs.example/")
    assert recorder.asked == [("93.184.216.34", 80), ("2606:2800:220:1::1", 80)]


async def test_not_all_addresses_of_a_name_are_tried() -> None:
    many = [f"93.184.216.{last}" for last in range(250)]
    recorder = Recorder(silent=many)
    async with client(recorder, Names(many)) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://docs.example/")
    assert [host for host, _ in recorder.asked] == many[:6]


async def test_a_redirect_inward_is_refused() -> None:
    inward = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\n\r\n"
    recorder = Recorder(inward + PAGE)
    names = Names(["93.184.216.34"], ["169.254.169.254"])
    async with client(recorder, names) as http:
        with pytest.raises(RefusedError, match=r"169\.254\.169\.254/latest was not asked for"):
            await fetch(http, "http://docs.example/")
    assert recorder.asked == [("93.184.216.34", 80)]


async def test_a_name_server_that_says_nothing_is_waited_for_so_long() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    backend = GuardedBackend((), connect=Recorder(), look_up=never)
    with pytest.raises(httpcore.ConnectTimeout, match=r"of docs\.example could not be found"):
        await backend.connect_tcp("docs.example", 80, timeout=0.01)


async def test_a_name_without_address_is_no_refusal() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    backend = GuardedBackend((), connect=Recorder(), look_up=unknown)
    with pytest.raises(httpcore.ConnectError, match=r"docs\.example has no address: .*not known"):
        await backend.connect_tcp("docs.example", 80)
    with pytest.raises(RefusedError):
        await backend.connect_unix_socket("/run/docker.sock")


@pytest.mark.parametrize(
    ("allowed", "url", "reached"),
    [
        ("wiki.local", "http://wiki.local:8080/", True),
        ("wiki.local", "http://WIKI.local./", True),
        ("wiki.local", "http://other.wiki.local/", False),
        ("wiki.local:8080", "http://wiki.local:8080/", True),
        ("wiki.local:8080", "http://wiki.local/", False),
        ("wiki.local:443", "https://wiki.local/", True),
        ("10.0.0.7", "http://10.0.0.7:1234/", True),
        ("10.0.0.7", "http://10.0.0.8/", False),
        ("::1", "http://[0:0::1]:1234/", True),
        ("[::1]:80", "http://[::1]/", True),
        ("[::1]:80", "http://[::1]:81/", False),
        ("größe.local", "http://xn--gre-6ka8i.local/", True),
    ],
)
async def test_a_host_that_the_operator_named_is_reached_wherever_it_is(
    allowed: str, url: str, reached: bool
) -> None:
    recorder = Recorder()
    async with client(recorder, Names(["10.0.0.9"]), place_of(allowed)) as http:
        if reached:
            await fetch(http, url)
        else:
            with pytest.raises(RefusedError):
                await fetch(http, url)
    assert len(recorder.asked) == reached


@pytest.mark.parametrize(
    "text", ["", "http://h/", "h/p", "me@h", "h:port", "h:99999", "[::1", "a b"]
)
def test_what_is_no_host_cannot_be_allowed(text: str) -> None:
    with pytest.raises(UsageError, match="is no host; write it as"):
        place_of(text)


def test_an_address_allows_its_own_host_and_port() -> None:
    assert place_of_url("https://Docs.Example/a") == Place("docs.example", 443)
    assert place_of_url("http://[::1]:8000/") == Place("::1", 8000)


async def test_a_source_reaches_its_own_place_and_no_other_on_this_machine() -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="page", content_type="text/html")

    async with served(handle) as url, served(handle) as other:
        start = url.replace("127.0.0.1", "localhost")
        async with WebsiteSource(start, "docbot/1", 0).client() as http:
            assert await fetch(http, start)
            for refused in (other.replace("127.0.0.1", "localhost"), url):
                with pytest.raises(RefusedError, match=r"127\.0\.0\.1, which is not public"):
                    await fetch(http, refused)
        source = WebsiteSource(start, "docbot/1", 0, allow_hosts=("127.0.0.1",))
        async with source.client() as http:
            assert await fetch(http, other)


async def test_the_environments_proxy_is_for_hosts_that_the_operator_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(str(request.url))
        return web.Response(text="through", content_type="text/html")

    async with served(proxy) as url:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, url)
            monkeypatch.setenv(name.lower(), url)
        monkeypatch.setenv("NO_PROXY", "direct.local")
        monkeypatch.setenv("no_proxy", "direct.local")
        recorder = Recorder()
        allowed = Place("wiki.local", 80), Place("direct.local", 80)
        async with client(recorder, Names(["10.0.0.1"]), *allowed) as http:
            assert (await fetch(http, "http://wiki.local/a")).body.endswith(b"through")
            await fetch(http, "http://direct.local/")
            for refused in ("http://wiki.local:81/", "http://other.local/"):
                with pytest.raises(RefusedError, match="not public"):
                    await fetch(http, refused)
    assert asked == ["http://wiki.local/a"]
    assert recorder.asked == [("direct.local", 80)]


async def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://proxy:70")
    async with client(Recorder(), Names([]), Place("wiki.local", 80)) as http:
        with pytest.raises(UsageError, match="HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"):
            await fetch(http, "http://wiki.local/")
