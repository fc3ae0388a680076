"""Endpoints that speak OpenAI's protocol: one client, and its errors as docbot's.

Every failure names the endpoint, the model, the cause and what to do: `TransientError` where the
same call may succeed later, `RefusedError` where key, model or quota are wrong, `TooLongError`
where less would do, `PermanentError` where this one request cannot be answered. Nothing is tried
again here: callers know how long they can wait.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docbot.errors import (
    BusyError,
    GarbledError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)

if TYPE_CHECKING:
    import openai

OPENAI_URL = "https://api.openai.com/v1"

_NO_KEY = "none"  # the SDK insists on a key; an endpoint that asks for none ignores it
_CONNECT_SECONDS = 10.0  # as for Postgres: a busy machine's own pauses count too
_LONGEST_WAIT = 86_400.0  # seconds; who asks for more means something else
_CAUSE_LENGTH = 200  # characters of a far side's message that ours repeat
_TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window|size)|too many tokens|too long", re.IGNORECASE
)
# Some endpoints refuse a model with status 400, and say so in words alone.
_NO_SUCH_MODEL = re.compile(
    r"not a valid model|model.{0,100}(?:does not exist|not found|decommissioned|retired)",
    re.IGNORECASE,
)
_NO_SUCH_MODEL_CODES = {"model_not_found", "model_decommissioned"}
# What an error in the body of a reply stands for, where it names no status of its own.
_STATUS_OF_CODE = {
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "invalid_api_key": 401,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model as an operator sets it; `setting` and `takes` are words of the advice."""

    name: str
    setting: str  # the variable to change where the endpoint refuses the model
    takes: str  # what a model must take, such as `about 16,000 tokens`


class ReportedError(ValueError):
    """An error in the body of a reply that claims to be fine, as some endpoints give."""

    def __init__(self, error: Any) -> None:
        known: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
        super().__init__(str(known.get("message") or error))
        self.words = {str(known[name]) for name in ("code", "type") if known.get(name) is not None}


def refuse_reported(document: Any) -> None:
    """Raise `ReportedError` if the document is an error in place of a reply."""
    if isinstance(document, Mapping) and document.get("error"):
        raise ReportedError(document["error"])


@dataclass(frozen=True, slots=True)
class _Said:
    """What an endpoint said in place of a reply; `words` are its codes."""

    status: int
    cause: str
    words: frozenset[str]
    retry_after: float | None = None


class Endpoint:
    """One address with one key; safe to share between tasks.

    Making one imports the SDK, which takes half a second: make it before traffic begins.
    """

    def __init__(self, api_key: str | None, base_url: str | None, timeout_seconds: float) -> None:
        """Set up the client.

        Args:
            api_key: None for an endpoint that asks for none.
            base_url: None for OpenAI's own.
            timeout_seconds: for a call as a whole.
        """
        import openai  # noqa: PLC0415  # half a second: only where a model is set

        self.base_url = base_url or OPENAI_URL
        self._timeout_seconds = timeout_seconds
        # Key and address are given always: where they are None the SDK takes its own variables.
        self._client = openai.AsyncOpenAI(
            api_key=api_key or _NO_KEY,
            base_url=self.base_url,
            timeout=openai.Timeout(None, connect=_CONNECT_SECONDS),
            max_retries=0,  # the SDK would try again what a used-up quota refuses
            # Without it a page of HTML with status 200 passes for a reply.
            _strict_response_validation=True,
        )

    @asynccontextmanager
    async def call(
        self, model: Model | None, *, seconds: float | None = None
    ) -> AsyncIterator["openai.AsyncOpenAI"]:
        """Give the client for one call; a `ValueError` within is a reply that cannot be read.

        Args:
            model: whose call it is; None for the list of models.
            seconds: for this call as a whole, where it is not the usual time.

        Raises:
            BusyError: a rate limit.
            TransientError: unreachable, overloaded, or too slow.
            RefusedError: a wrong key, an unknown model, a used-up quota.
            TooLongError: more than the model takes at once.
            GarbledError: an unreadable reply.
            PermanentError: any other request that is not taken.
        """
        import openai  # noqa: PLC0415  # loaded by then

        what = f"{f'model {model.name}' if model else 'the list of models'} at {self.base_url}"
        seconds = seconds or self._timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                yield self._client
        except TimeoutError as error:
            raise TransientError(
                f"{what}: no reply within {seconds:g} seconds; the endpoint is"
                " overloaded or the model too slow for it"
            ) from error
        except openai.APIConnectionError as error:
            cause = _brief(str(error.__cause__ or "") or str(error))
            raise TransientError(
                f"{what}: cannot be reached ({cause}); check OPENAI_BASE_URL and the network"
            ) from error
        except openai.APIStatusError as error:
            raise _refusal(what, model, _said(error)) from error
        except ReportedError as error:
            raise _refusal(what, model, _reported(error)) from error
        except (openai.APIError, ValueError) as error:
            raise GarbledError(
                f"{what}: the reply is not one of OpenAI's protocol ({_brief(str(error))});"
                " OPENAI_BASE_URL must be the address of the API, usually one that ends in /v1"
            ) from error

    async def close(self) -> None:
        await self._client.close()


async def list_models(
    *, api_key: str | None, base_url: str | None, timeout_seconds: float = 10
) -> list[str]:
    """List the models that an endpoint offers, by name.

    Raises:
        TransientError, RefusedError, PermanentError: as `Endpoint.call`.
    """
    endpoint = Endpoint(api_key, base_url, timeout_seconds)
    try:
        async with endpoint.call(None) as client:
            return sorted([model.id async for model in client.models.list()])
    finally:
        await endpoint.close()


def _said(error: "openai.APIStatusError") -> _Said:
    words = frozenset(filter(None, (error.code, error.type)))
    return _Said(error.status_code, _brief(error.message), words, _retry_after(error))


def _reported(error: ReportedError) -> _Said:
    """Read an error without a status; one that names no known cause may pass."""
    statuses = [int(word) for word in error.words if re.fullmatch(r"[45]\d\d", word)]
    statuses += [_STATUS_OF_CODE[word] for word in error.words if word in _STATUS_OF_CODE]
    return _Said(statuses[0] if statuses else 500, _brief(str(error)), frozenset(error.words))


def _refusal(what: str, model: Model | None, reply: _Said) -> TransientError | PermanentError:
    """Judge what an endpoint said in place of a reply by what can be done about it."""
    status = reply.status
    said = f"{what}: {reply.cause} (status {status}); "
    if "insufficient_quota" in reply.words or status == 402:
        return RefusedError(f"{said}the account has no credit left: top it up or raise its limit")
    if status in {401, 403}:
        return RefusedError(f"{said}check that OPENAI_API_KEY is right and may use this model")
    if status in {404, 410} or _names_no_model(reply):
        choose = f"set {model.setting} to a model that the endpoint offers, and " if model else ""
        return RefusedError(
            f"{said}it does not exist there or was retired: {choose}check OPENAI_BASE_URL"
        )
    too_long = "context_length_exceeded" in reply.words or _TOO_LONG.search(reply.cause)
    if model and (status == 413 or (status < 500 and status != 429 and too_long)):
        return TooLongError(
            f"{said}the request is too long: set {model.setting} to a model that takes"
            f" {model.takes}"
        )
    if status in {408, 409, 425, 429} or status >= 500:
        kind = BusyError if status == 429 else TransientError
        return kind(
            f"{said}it is overloaded or at its rate limit and may answer later",
            retry_after=reply.retry_after,
        )
    return PermanentError(f"{said}the endpoint does not take this request")


def _names_no_model(reply: _Said) -> bool:
    in_words = reply.status == 400 and _NO_SUCH_MODEL.search(reply.cause)
    return bool(reply.words & _NO_SUCH_MODEL_CODES or in_words)


def _retry_after(error: "openai.APIStatusError") -> float | None:
    """Read the header in seconds; a date there is left to the caller's own backoff."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < _LONGEST_WAIT else None


def _brief(cause: str) -> str:
    cause = " ".join(cause.split())
    return cause if len(cause) <= _CAUSE_LENGTH else f"{cause[:_CAUSE_LENGTH]}…"
