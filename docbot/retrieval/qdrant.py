"""A Qdrant server: each call with a time limit and a bounded retry, its errors as docbot's.

Every failure names the server, the cause and what to do: `TransientError` where the same call
may succeed later, `GoneError` where the collection is not there, `RefusedError` where key,
address, version or space are wrong. The key is in no message.

Importing this loads the client, which takes about a second: import it where a server is set.
"""

import asyncio
import json
import random
import re
import warnings
from collections.abc import Awaitable, Callable
from typing import Self, TypeVar

import httpx
from qdrant_client import AsyncQdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docbot.errors import GoneError, PermanentError, RefusedError, TransientError

# From 1.19 on IDF can be taken over the sources asked; an older server might rank by another one
# without a word.
OLDEST_VERSION = (1, 19)

READ_SECONDS = 10.0  # for a call with all its tries: somebody waits for the answer
WRITE_SECONDS = 60.0  # a batch on a slow disk; a sync can wait for longer than who asks

_TRIES = 3
_FIRST_WAIT = 0.2  # seconds, doubling
_LONGEST_WAIT = 3.0  # seconds; who is to wait longer is told so at once
_CAUSE_LENGTH = 200  # characters of the server's message that ours repeat
_NO_SPACE = re.compile(
    r"no space left|(?:disk|storage) (?:is )?(?:full|space)|insufficient (?:disk|storage)",
    re.IGNORECASE,
)
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})

Answer = TypeVar("Answer")
Request = Callable[[AsyncQdrantClient], Awaitable[Answer]]


class QdrantServer:
    """One server; safe to share between tasks of one event loop."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        address: str,
        *,
        read_seconds: float = READ_SECONDS,
        write_seconds: float = WRITE_SECONDS,
    ) -> None:
        self._client = client
        self.address = address
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds

    @classmethod
    def connect(
        cls,
        address: str,
        api_key: str | None,
        *,
        read_seconds: float = READ_SECONDS,
        write_seconds: float = WRITE_SECONDS,
    ) -> Self:
        """Set up the client; nothing is sent before the first call."""
        with warnings.catch_warnings():
            # Who opens the store for a command says so in its log: see `is_sent_in_clear`.
            warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
            client = AsyncQdrantClient(
                url=address,
                api_key=api_key,
                timeout=int(write_seconds) + 1,  # beneath our own, which is for all tries together
                check_compatibility=False,  # it would ask from a thread, and warn where we refuse
            )
        return cls(client, address, read_seconds=read_seconds, write_seconds=write_seconds)

    async def read(self, what: str, request: Request[Answer]) -> Answer:
        """Make a call that may be repeated.

        Raises:
            TransientError: unreachable, overloaded or too slow.
            GoneError: the collection is not there.
            RefusedError: a wrong key or address, no space, or a request that it does not take.
        """
        return await self._ask(what, request, self._read_seconds, _TRIES)

    async def write(self, what: str, request: Request[Answer]) -> Answer:
        """Make a call that changes something and may be repeated; it raises as `read` does."""
        return await self._ask(what, request, self._write_seconds, _TRIES)

    async def write_once(self, what: str, request: Request[Answer]) -> Answer:
        """Make a call whose repetition would be taken for another's; it raises as `read` does."""
        return await self._ask(what, request, self._write_seconds, 1)

    async def version(self) -> str:
        """Ask for the server's version, whatever it is; it raises as `read` does."""
        return (await self.read("its version", lambda client: client.info())).version

    async def check_version(self) -> None:
        """Refuse a server that might rank otherwise without a word.

        Raises:
            RefusedError: the server is too old.
        """
        version = await self.version()
        if is_too_old(version):
            oldest = ".".join(map(str, OLDEST_VERSION))
            raise RefusedError(
                f"Qdrant at {self.address} is version {version}, and docbot needs {oldest} or later"
                " (IDF over the sources asked): update the server"
            )

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, what: str, request: Request[Answer], seconds: float, tries: int) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await self._try(what, request, tries)
        except TimeoutError as error:
            raise TransientError(
                f"{self._named(what)}: no answer within {seconds:g} seconds; the server is"
                " overloaded, or QDRANT_URL leads elsewhere"
            ) from error

    async def _try(self, what: str, request: Request[Answer], tries: int) -> Answer:
        for attempt in range(tries - 1):
            try:
                return await self._once(what, request)
            except TransientError as error:
                wait = error.retry_after or _drawn_wait(attempt)
                if wait > _LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)
        return await self._once(what, request)

    async def _once(self, what: str, request: Request[Answer]) -> Answer:
        named = self._named(what)
        try:
            return await request(self._client)
        except QdrantException as error:  # 429 with a header that says when, or a date
            raise TransientError(
                f"{named}: it is at its limit ({_brief(str(error))}) and may answer later",
                retry_after=_retry_after(error),
            ) from error
        except UnexpectedResponse as error:
            raise _refusal(named, error.status_code or 0, error.content) from error
        except ResponseHandlingException as error:
            if isinstance(error.source, httpx.TransportError):
                cause = _brief(str(error.source) or type(error.source).__name__)
                raise TransientError(
                    f"{named}: cannot be reached ({cause}); check QDRANT_URL and the network"
                ) from error
            raise _not_qdrant(named) from error
        except json.JSONDecodeError as error:  # a page with status 200
            raise _not_qdrant(named) from error

    def _named(self, what: str) -> str:
        return f"Qdrant at {self.address}, {what}"


def is_too_old(version: str) -> bool:
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_VERSION


def _refusal(named: str, status: int, content: bytes) -> TransientError | PermanentError:
    """Judge an answer with an error status by what can be done about it."""
    cause = _cause(content)
    if status in {401, 403}:
        return RefusedError(
            f"{named}: the key is refused (status {status}); set QDRANT_API_KEY to a key of this"
            " server that may write"
        )
    if status == 507 or _NO_SPACE.search(cause or ""):
        return RefusedError(
            f"{named}: the server has no space left ({_brief(cause or str(status))}); free some"
            " on its disk, or give it a larger one"
        )
    if status in _MAY_PASS:
        return TransientError(
            f"{named}: {_brief(cause or 'no reason given')} (status {status}); it is overloaded or"
            " restarts and may answer later"
        )
    if cause is None:
        return _not_qdrant(f"{named} (status {status})")
    if status == 404:
        return GoneError(f"{named}: {_brief(cause)}; `docbot sync` builds it anew")
    return RefusedError(f"{named}: it does not take this request: {_brief(cause)} ({status})")


def _retry_after(error: QdrantException) -> float | None:
    return error.retry_after_s if isinstance(error, ResourceExhaustedResponse) else None


def _not_qdrant(named: str) -> RefusedError:
    return RefusedError(
        f"{named}: the answer is none of Qdrant's; QDRANT_URL must be the address of its REST"
        " interface, usually one with port 6333"
    )


def _cause(content: bytes) -> str | None:
    """Read the reason out of an error of Qdrant's; None where it is another's."""
    try:
        status = json.loads(content)["status"]
        return str(status["error"] if isinstance(status, dict) else status)
    except (ValueError, KeyError, TypeError):
        return None


def _brief(cause: str) -> str:
    cause = " ".join(cause.split())
    return cause if len(cause) <= _CAUSE_LENGTH else f"{cause[:_CAUSE_LENGTH]}…"


def _drawn_wait(attempt: int) -> float:
    """Seconds after failure `attempt` (from 0): doubling, half of it by chance."""
    longest = _FIRST_WAIT * 2.0**attempt
    return longest * random.uniform(0.5, 1)  # noqa: S311  # spreads retries, guards nothing
