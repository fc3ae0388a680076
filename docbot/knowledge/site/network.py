"""The way out to the network: to public addresses only, save the hosts that the operator named.

What is checked is what is connected to. A name is looked up here, each of its addresses is judged,
and a connection is opened to one that passed and to no other; so it is at each new connection, and
with it at each redirect and each new try. A host that the operator named is reached wherever it is,
through the environment's proxy where there is one. For any other host no proxy is asked: it would
look the name up itself, where nothing can be checked.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from docbot.errors import RefusedError, UsageError

_LONGEST_LOOK_UP = 10.0  # seconds for the addresses of a name
_LONGEST_DETOUR = 3.0  # seconds for an address while there is another to try
_MOST_ADDRESSES = 6  # of one name that are tried
_PORTS = {"http": 80, "https": 443}
# Not of the public network, whatever `is_global` of a Python version says.
_CLOSED_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services, seen from its machines alone
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNICAST = IPv6Network("2000::/3")  # what is given out of IPv6; all else has a special use
_CLOSED_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")

LookUp: TypeAlias = Callable[[str, int], Awaitable[Iterable[str]]]  # host and port to addresses


def is_public(address: str) -> bool:
    """Tell whether an IP address lies in the public network; what is no IP address does not.

    An IPv6 address that stands for one of IPv4 (mapped, NAT64, 6to4) is as public as that.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_v4(parsed)
    return _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in _CLOSED_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    within = address.ipv4_mapped
    if address in _NAT64:
        within = IPv4Address(int(address) & 0xFFFF_FFFF)
    if within is not None:
        return _is_public_v4(within)
    tunnelled = (address.sixtofour, *(address.teredo or ()))
    return (
        address.is_global
        and address in _UNICAST
        and not any(address in network for network in _CLOSED_V6)
        and all(_is_public_v4(inner) for inner in tunnelled if inner is not None)
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A host, written as addresses write it, and a port of it; None: any."""

    host: str
    port: int | None

    def covers(self, host: str, port: int) -> bool:
        return self.host == _written(host) and self.port in (None, port)


def place_of(text: str) -> Place:
    """Read `host`, `host:port`, or an IP address, one of IPv6 with a port in brackets.

    Raises:
        UsageError: it is none of these.
    """
    try:
        return Place(str(ip_address(text)), None)
    except ValueError:
        pass
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname and text.split() == [parts.netloc] and "@" not in text:
            return Place(_written(parts.hostname), parts.port)
    except (ValueError, httpx.InvalidURL):
        pass
    raise UsageError(f"{text!r} is no host; write it as docs.example.org, or docs.example.org:8080")


def place_of_url(url: str) -> Place:
    """Return the host and port that an address leads to.

    Raises:
        UsageError: it is no http(s) address.
    """
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in _PORTS:
            return Place(_written(parts.hostname), parts.port or _PORTS[parts.scheme])
    except (ValueError, httpx.InvalidURL):  # as a port that is no number
        pass
    raise UsageError(f"{url} is no address of a website; it begins with http:// or https://")


def _written(host: str) -> str:
    """Return a host in the one form it is compared in."""
    try:
        return str(ip_address(host))
    except ValueError:
        return httpx.URL(scheme="http", host=host).raw_host.decode().lower().rstrip(".")


async def look_up(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a name, in the order in which they are best tried."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, each to an address that was found to be allowed."""

    def __init__(
        self,
        allowed: Collection[Place],
        *,
        connect: httpcore.AsyncNetworkBackend | None = None,
        look_up: LookUp = look_up,
    ) -> None:
        self._allowed = allowed
        self._connect = connect or httpcore.AnyIOBackend()
        self._look_up = look_up

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect.

        Raises:
            RefusedError: no address of the host is public.
        """
        connect = partial(
            self._connect.connect_tcp,
            port=port,
            local_address=local_address,
            socket_options=socket_options,
        )
        if any(place.covers(host, port) for place in self._allowed):
            return await connect(host, timeout=timeout)
        longest = _LONGEST_LOOK_UP if timeout is None else min(timeout, _LONGEST_LOOK_UP)
        addresses = await self._public_addresses(host, port, longest)
        detour = min(longest, _LONGEST_DETOUR)
        for address in addresses[:-1]:
            try:
                return await connect(address, timeout=detour)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await connect(addresses[-1], timeout=timeout)

    async def _public_addresses(self, host: str, port: int, longest: float) -> list[str]:
        """Return what may be tried, one address at least, within so many seconds."""
        try:
            async with asyncio.timeout(longest):
                found = list(dict.fromkeys(await self._look_up(host, port)))
        except TimeoutError as error:
            message = f"the addresses of {host} could not be found within {longest:g} seconds"
            raise httpcore.ConnectTimeout(message) from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        public = [address for address in found if is_public(address)]
        if not public:
            at = f"the address {found[0]}, which is not public" if found else "no address"
            raise RefusedError(
                f"{host} has {at}; where it may be read all the same, add {host} to "
                "DOCBOT_ALLOW_HOSTS"
            )
        return public[:_MOST_ADDRESSES]

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise RefusedError(f"{path} is a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """What an `httpx.AsyncClient` connects through, so that it reaches nothing it should not."""

    def __init__(
        self,
        allowed: Collection[Place],
        *,
        connections: int,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """`backend` opens the connections; None: a `GuardedBackend` of the system's network."""
        self._allowed = allowed
        self._connections = connections
        self._tls = httpx.create_ssl_context()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            network_backend=backend or GuardedBackend(allowed),
        )
        self._named_proxies = getproxies()
        self._proxies: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises:
            RefusedError: its host has no public address.
            UsageError: the environment names a proxy that cannot be used.
        """
        proxy = self._proxy_for(request.url)
        if proxy is not None:
            return await proxy.handle_async_request(request)
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            with _as_httpx():
                response = await self._pool.handle_async_request(asked)
        except RefusedError as error:
            raise RefusedError(f"{url} was not asked for: {error}") from error
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def _proxy_for(self, url: httpx.URL) -> httpx.AsyncHTTPTransport | None:
        proxy = self._named_proxies.get(url.scheme) or self._named_proxies.get("all")
        if not proxy or url.scheme not in _PORTS or proxy_bypass(url.netloc.decode()):
            return None
        port = url.port or _PORTS[url.scheme]
        if not any(place.covers(url.host, port) for place in self._allowed):
            return None
        if proxy not in self._proxies:
            self._proxies[proxy] = self._transport_of(proxy)
        return self._proxies[proxy]

    def _transport_of(self, proxy: str) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=self._connections)
        address = proxy if "://" in proxy else f"http://{proxy}"
        try:
            return httpx.AsyncHTTPTransport(verify=self._tls, limits=limits, proxy=address)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise UsageError(
                f"the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used: {error}"
            ) from error

    async def aclose(self) -> None:
        await self._pool.aclose()
        for proxy in self._proxies.values():
            await proxy.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for piece in self._response.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise httpcore's errors as those of httpx, which bear the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error
