"""Fetching from one site, politely: paced, bounded in size, time and tries."""

import asyncio
import codecs
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import overload
from urllib.parse import urldefrag, urljoin

import httpx

from docbot.errors import (
    GoneError,
    MovedError,
    PermanentError,
    RefusedError,
    TransientError,
)
from docbot.knowledge.html import decode_as

MOST_BYTES = 10_000_000  # of a body, as sent and again after decompression
_MOST_REDIRECTS = 6
_LONGEST_WAIT = 60.0  # seconds that a Retry-After is obeyed
_LONGEST_BODY = 60.0  # seconds for one whole answer, however it drips
_PASSING = frozenset({408, 425, 429})  # and every 5xx
_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_IN_A_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Answer:
    """A body as text or bytes; `url` is where the redirects ended."""

    url: str
    body: bytes
    content_type: str  # lower case, without parameters
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class Validators:
    """What an earlier answer said of its version, to ask whether it changed since.

    They are sent to the address that gave them and to no other, since another page may well bear
    the same: `url` is that address where redirects ended there, None: the one that is asked for.
    """

    etag: str | None
    last_modified: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The answer would be the one that the validators came with; `url` is where it lies."""

    url: str


class Pacer:
    """Lets one request begin each `pause` seconds, whoever asks."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self._next = 0.0

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next)
        self._next = turn + self.pause
        if turn > now:
            await asyncio.sleep(turn - now)


class Fetcher:
    def __init__(
        self, client: httpx.AsyncClient, pacer: Pacer, *, tries: int, backoff: float
    ) -> None:
        """`backoff` is the first wait after a failure in seconds; each next one doubles it."""
        self._client = client
        self._pacer = pacer
        self._tries = tries
        self._backoff = backoff
        self._random = SystemRandom()

    @overload
    async def get(
        self,
        url: str,
        *,
        may_follow: Callable[[str], bool],
        accepts: Callable[[str, str], bool] | None = None,
    ) -> Answer | None: ...

    @overload
    async def get(
        self,
        url: str,
        *,
        may_follow: Callable[[str], bool],
        accepts: Callable[[str, str], bool] | None = None,
        known: Validators | None,
    ) -> Answer | NotModified | None: ...

    async def get(
        self,
        url: str,
        *,
        may_follow: Callable[[str], bool],
        accepts: Callable[[str, str], bool] | None = None,
        known: Validators | None = None,
    ) -> Answer | NotModified | None:
        """Fetch one address.

        Args:
            url: an http(s) address.
            may_follow: whether a redirect to this address may be followed.
            accepts: whether a body is wanted, by its address and content type; None: any.
            known: what an earlier answer came with; None: the body is wanted in any case.

        Returns:
            The answer; `NotModified` where it is still the one that `known` came with; None when
            `accepts` did not want it.

        Raises:
            GoneError: 404 or 410.
            RefusedError: 401 or 403.
            MovedError: a redirect that must not be followed.
            TransientError: the network, or the site, failed at every try.
            PermanentError: any other answer that is no page, or one beyond 10 MB.

        """
        for attempt in range(1, self._tries + 1):
            try:
                return await self._follow(url, may_follow, accepts, known)
            except TransientError as error:
                if attempt == self._tries:
                    raise
                await asyncio.sleep(self._wait_after(attempt, error.retry_after))
        raise AssertionError("tries is at least 1")

    def _wait_after(self, attempt: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return min(retry_after, _LONGEST_WAIT)
        jitter = self._random.uniform(0.5, 1.5)
        return self._backoff * float(2 ** (attempt - 1)) * jitter

    async def _follow(
        self,
        url: str,
        may_follow: Callable[[str], bool],
        accepts: Callable[[str, str], bool] | None,
        known: Validators | None,
    ) -> Answer | NotModified | None:
        place = url
        theirs = (known.url or url) if known else None
        for _ in range(_MOST_REDIRECTS):
            await self._pacer.wait()
            try:
                async with asyncio.timeout(_LONGEST_BODY):
                    answer = await self._once(place, accepts, known if place == theirs else None)
            except (httpx.TransportError, httpx.StreamError, TimeoutError) as error:
                cause = str(error) or type(error).__name__
                if isinstance(error.__context__, httpx.InvalidURL):  # in a Location header
                    raise PermanentError(f"{place} leads to no address: {cause}") from error
                raise TransientError(f"{place} could not be reached: {cause}") from error
            except (httpx.InvalidURL, ValueError) as error:
                raise PermanentError(f"{place} is, or leads to, no address: {error}") from error
            if not isinstance(answer, str):
                return answer
            if not may_follow(answer):
                raise MovedError(
                    f"{place} leads to {answer}, outside of what is read", target=answer
                )
            place = answer
        raise PermanentError(f"{url} leads from one address to the next without end")

    async def _once(
        self,
        url: str,
        accepts: Callable[[str, str], bool] | None,
        known: Validators | None,
    ) -> Answer | NotModified | str | None:
        """Return the answer, the address a redirect leads to, or None for what is not wanted."""
        asked = _conditions(known)
        async with self._client.stream(
            "GET", url, headers=asked, follow_redirects=False
        ) as response:
            if response.status_code == 304 and asked:
                await response.aread()  # it has no body; the connection is free for the next
                return NotModified(url)
            if response.is_redirect and "location" in response.headers:
                return urldefrag(urljoin(url, response.headers["location"]))[0]
            _check_status(url, response)
            content_type, charset = _content_type(response)
            if accepts is not None and not accepts(url, content_type):
                return None
            body = _decoded(url, response, await _raw_body(url, response))
        return Answer(
            url=url,
            body=_as_utf8(body, charset) if content_type.startswith("text/") else body,
            content_type=content_type,
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
        )


def _conditions(known: Validators | None) -> dict[str, str]:
    """Return the headers that ask only for what changed; a validator that fits in none is left out."""
    if known is None:
        return {}
    stated = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {
        name: value for name, value in stated.items() if value and _IN_A_HEADER.fullmatch(value)
    }


def _check_status(url: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    said = f"{url} answered {status} {response.reason_phrase}".rstrip()
    if status in _PASSING or status >= 500:
        raise TransientError(said, retry_after=_retry_after(response))
    if status == 304:
        raise PermanentError(f"{said}, although docbot did not ask whether it changed")
    if status == 401:
        raise RefusedError(f"{said}: it needs a login, which docbot does not have")
    if status == 403:
        raise RefusedError(f"{said}: the site does not let docbot read it")
    raise GoneError(said) if status in (404, 410) else PermanentError(said)


def _retry_after(response: httpx.Response) -> float | None:
    stated = response.headers.get("retry-after", "").strip()
    if stated.isdecimal():
        return float(stated)
    try:
        moment = parsedate_to_datetime(stated)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _content_type(response: httpx.Response) -> tuple[str, str]:
    kind, _, parameters = response.headers.get("content-type", "text/html").partition(";")
    charset = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'")
    return kind.strip().lower(), charset


async def _raw_body(url: str, response: httpx.Response) -> bytes:
    body = bytearray()
    # Raw: httpx would hand out a decompressed bomb in one piece.
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise _too_large(url)
    return bytes(body)


def _decoded(url: str, response: httpx.Response, raw: bytes) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return raw
    if encoding not in _ENCODINGS:
        raise PermanentError(f"{url} came in the encoding {encoding!r}, which was not asked for")
    window = _ENCODINGS[encoding]
    if encoding == "deflate" and raw[:1] and raw[0] & 0x0F != 8:
        window = -15  # some servers send deflate without zlib's header
    try:
        body = zlib.decompressobj(wbits=window).decompress(raw, MOST_BYTES + 1)
    except zlib.error as error:
        raise PermanentError(f"{url} came compressed and damaged: {error}") from error
    if len(body) > MOST_BYTES:
        raise _too_large(url)
    return body


def _too_large(url: str) -> PermanentError:
    return PermanentError(f"{url} is larger than {MOST_BYTES // 1_000_000} MB")


def _as_utf8(body: bytes, charset: str) -> bytes:
    """Bring a body whose charset the header names to UTF-8, marked so that nothing else is guessed."""
    text = None if not charset or body.startswith(codecs.BOM_UTF8) else decode_as(body, charset)
    return body if text is None else codecs.BOM_UTF8 + text.encode("utf-8", "replace")
