"""Fetching from one site, politely: paced, bounded in size, time and tries."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from time import monotonic
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
from docbot.knowledge.site.body import content_type, read_body
from docbot.knowledge.site.pacer import LONGEST_REST, Pacer

_MOST_REDIRECTS = 6
_MOST_COOKIES = 100  # some sites ask for theirs back; one that sets more each time gets none
_PASSING = frozenset({408, 425, 429})  # and every 5xx
_IN_A_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_SHOWN = 200  # characters of an address that is none
_YEAR = 366 * 86_400.0  # seconds; what a Retry-After says beyond it is taken as that
_FELL_SILENT: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "no connection within the time limit",
    httpx.ReadTimeout: "it fell silent",
    httpx.WriteTimeout: "it does not take the request",
    httpx.PoolTimeout: "no connection became free",
}


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


class Fetcher:
    def __init__(
        self,
        client: httpx.AsyncClient,
        pacer: Pacer,
        *,
        tries: int,
        backoff: float,
        longest: float = 60.0,
    ) -> None:
        """Fetch through a client, as often as a pacer allows.

        Args:
            client: what connects.
            pacer: of the site; everything that goes there shares it.
            tries: how often a request that failed is made in all.
            backoff: the first wait after a failure in seconds; each next one doubles it.
            longest: seconds for one whole answer, however it drips; twice that for an address with
                all tries and redirects, pauses aside.
        """
        self._client = client
        self._pacer = pacer
        self._tries = tries
        self._backoff = backoff
        self._longest = longest
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
            RefusedError: 401 or 403, or a host that is not to be reached.
            MovedError: a redirect that must not be followed.
            TransientError: the network, or the site, failed at every try, or asks for a long rest.
            PermanentError: any other answer that is no page, or one beyond 10 MB.

        """
        errand = _Errand(url, may_follow, accepts, known, self._longest * 2)
        for attempt in range(1, self._tries + 1):
            try:
                return await self._follow(errand)
            except TransientError as error:
                rest = error.retry_after
                if attempt == self._tries or errand.seconds <= 0 or (rest or 0) > LONGEST_REST:
                    raise
                if rest is None:  # else the pacer holds everything back so long
                    await asyncio.sleep(self._wait_after(attempt))
        raise AssertionError("tries is at least 1")

    def _wait_after(self, attempt: int) -> float:
        jitter = self._random.uniform(0.5, 1.5)
        return self._backoff * float(2 ** (attempt - 1)) * jitter

    async def _follow(self, errand: "_Errand") -> Answer | NotModified | None:
        place = errand.url
        for _ in range(_MOST_REDIRECTS):
            try:
                await self._pacer.wait()
            except TransientError as error:
                message = f"{place} was not asked for: {error}"
                raise TransientError(message, retry_after=error.retry_after) from error
            answer = await self._try(place, errand)
            if not isinstance(answer, str):
                return answer
            if not answer.startswith(("http://", "https://")):
                raise PermanentError(f"{place} leads to {answer[:_SHOWN]}, which is no website")
            if not errand.may_follow(answer):
                raise MovedError(
                    f"{place} leads to {answer}, outside of what is read", target=answer
                )
            place = answer
        raise PermanentError(f"{errand.url} leads from one address to the next without end")

    async def _try(self, place: str, errand: "_Errand") -> Answer | NotModified | str | None:
        """Ask once, within the time that is left; every failure comes as an error of ours."""
        began = monotonic()
        seconds = min(self._longest, errand.seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._once(place, errand)
        except TransientError as error:
            self._pacer.failed(error.retry_after)
            raise
        except (httpx.TransportError, httpx.StreamError, TimeoutError) as error:
            self._pacer.failed()
            if isinstance(error.__context__, httpx.InvalidURL):  # in a Location header
                raise PermanentError(f"{place} leads to no address: {error}") from error
            if isinstance(error, TimeoutError):
                message = f"{place} was not whole after {max(seconds, 0):.3g} seconds"
                raise TransientError(message) from error
            cause = _FELL_SILENT.get(type(error)) or str(error) or type(error).__name__
            raise TransientError(f"{place} could not be reached: {cause}") from error
        except (httpx.InvalidURL, ValueError) as error:
            raise PermanentError(f"{place} is, or leads to, no address: {error}") from error
        finally:
            errand.seconds -= monotonic() - began

    async def _once(self, url: str, errand: "_Errand") -> Answer | NotModified | str | None:
        """Return the answer, the address a redirect leads to, or None for what is not wanted."""
        asked = errand.conditions(url)
        began = monotonic()
        async with self._client.stream(
            "GET", url, headers=asked, follow_redirects=False
        ) as response:
            if len(self._client.cookies.jar) > _MOST_COOKIES:
                self._client.cookies.clear()
            if not _is_passing(response.status_code):
                self._pacer.answered(monotonic() - began)
            if response.status_code == 304 and asked:
                await response.aread()  # it has no body; the connection is free for the next
                return NotModified(url)
            if response.is_redirect and "location" in response.headers:
                return urldefrag(urljoin(url, response.headers["location"]))[0]
            _check_status(url, response)
            if errand.accepts is not None and not errand.accepts(url, content_type(response)[0]):
                return None
            body, kind = await read_body(url, response)
        return Answer(
            url=url,
            body=body,
            content_type=kind,
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
        )


@dataclass(slots=True)
class _Errand:
    """One address to get, and the seconds that are left for it, pauses aside."""

    url: str
    may_follow: Callable[[str], bool]
    accepts: Callable[[str, str], bool] | None
    known: Validators | None
    seconds: float

    def conditions(self, url: str) -> dict[str, str]:
        """Return the headers that ask this address only for what changed."""
        if self.known is None or url != (self.known.url or self.url):
            return {}
        stated = {"If-None-Match": self.known.etag, "If-Modified-Since": self.known.last_modified}
        return {
            name: value
            for name, value in stated.items()
            if value and _IN_A_HEADER.fullmatch(value)  # what fits in none is left out
        }


def _is_passing(status: int) -> bool:
    return status in _PASSING or status >= 500


def _check_status(url: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    said = f"{url} answered {status} {response.reason_phrase}".rstrip()
    if _is_passing(status):
        rest = _retry_after(response)
        if rest is not None and rest > LONGEST_REST:
            said += f" and asks to be left alone for {rest:.0f} seconds, longer than docbot waits"
        raise TransientError(said, retry_after=rest)
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
        return min(float(stated), _YEAR)
    try:
        moment = parsedate_to_datetime(stated)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), _YEAR)
