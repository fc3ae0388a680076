"""Chat models behind one small protocol; the one place that speaks to a chat endpoint.

Every failure becomes an error of docbot that names the endpoint, the model, the cause and what
to do: `TransientError` where the same call may succeed later, `RefusedError` where key, model or
quota are wrong, `PermanentError` where this one input cannot be answered.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from docbot.answers.prompt import ChatMessage
from docbot.errors import PermanentError, RefusedError, TransientError

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "none"  # the SDK insists on a key; an endpoint that asks for none ignores it
_CAUSE_LENGTH = 200  # characters of a far side's message that ours repeat

# Models run at home often put their reasoning before the reply.
_REASONING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_TOO_LONG = re.compile(r"context.{0,20}(?:length|window)|too many tokens|too long", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply, never empty; `model` is the one that the endpoint says it used."""

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None


class ChatModel(Protocol):
    @property
    def name(self) -> str: ...

    async def complete(self, messages: Sequence[ChatMessage]) -> Completion:
        """Give the model's reply.

        Raises:
            TransientError: unreachable, overloaded, too slow, or at a rate limit.
            RefusedError: a wrong key, an unknown model, an exhausted quota.
            PermanentError: too long a request, a filtered, empty or unreadable reply.
        """
        ...


class OpenAIChatModel:
    """A model of any endpoint that speaks OpenAI's chat completions.

    Making one imports the SDK, which takes half a second: make it before traffic begins.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None,
        base_url: str | None,
        timeout_seconds: float = 60,
        retries: int = 1,
    ) -> None:
        """Set up the client.

        Args:
            model: the endpoint's name for it.
            api_key: None for an endpoint that asks for none.
            base_url: None for OpenAI's own.
            timeout_seconds: for a call as a whole, its retries included.
            retries: of a call that failed in passing, with the SDK's backoff and jitter.
        """
        self.name = model
        self._endpoint = base_url or OPENAI_URL
        self._timeout_seconds = timeout_seconds
        self._client = _client(api_key, self._endpoint, timeout_seconds, retries)

    async def complete(self, messages: Sequence[ChatMessage]) -> Completion:
        """Give the model's reply; see `ChatModel`."""
        with _translated(self._endpoint, self.name, self._timeout_seconds):
            async with asyncio.timeout(self._timeout_seconds):
                reply = await self._client.chat.completions.create(
                    model=self.name, messages=[_parameter(message) for message in messages]
                )
        return self._completion(reply)

    async def close(self) -> None:
        await self._client.close()

    def _completion(self, reply: "ChatCompletion") -> Completion:
        choice = reply.choices[0] if reply.choices else None
        text = _REASONING.sub("", (choice.message.content if choice else None) or "").strip()
        if not text:
            reason = choice.finish_reason if choice else "no choice"
            raise PermanentError(
                f"{self._endpoint} gave an empty reply of model {self.name} (finish reason:"
                f" {reason}): ask again in other words, or set DOCBOT_CHAT_MODEL to another model"
            )
        usage = reply.usage
        return Completion(
            text=text,
            model=reply.model or self.name,
            tokens_in=usage.prompt_tokens if usage else None,
            tokens_out=usage.completion_tokens if usage else None,
        )


async def list_models(
    *, api_key: str | None, base_url: str | None, timeout_seconds: float = 10
) -> list[str]:
    """List the models that an endpoint offers, by name.

    Raises:
        TransientError, RefusedError, PermanentError: as `ChatModel.complete`.
    """
    endpoint = base_url or OPENAI_URL
    async with _client(api_key, endpoint, timeout_seconds, 0) as client:
        with _translated(endpoint, None, timeout_seconds):
            async with asyncio.timeout(timeout_seconds):
                return sorted([model.id async for model in client.models.list()])


def _client(
    api_key: str | None, endpoint: str, timeout_seconds: float, retries: int
) -> "openai.AsyncOpenAI":
    import openai  # noqa: PLC0415  # half a second: only where a model is set

    return openai.AsyncOpenAI(
        api_key=api_key or _NO_KEY,
        base_url=endpoint,
        timeout=timeout_seconds,
        max_retries=retries,
        # Without it a page of HTML with status 200 passes for a reply.
        _strict_response_validation=True,
    )


def _parameter(message: ChatMessage) -> "ChatCompletionMessageParam":
    match message.role:
        case "system":
            return {"role": "system", "content": message.content}
        case "assistant":
            return {"role": "assistant", "content": message.content}
        case "user":
            return {"role": "user", "content": message.content}


@contextmanager
def _translated(endpoint: str, model: str | None, timeout_seconds: float) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    import openai  # noqa: PLC0415  # loaded by then, see _client

    what = f"model {model} at {endpoint}" if model else f"the list of models at {endpoint}"
    try:
        yield
    except (TimeoutError, openai.APITimeoutError) as error:
        raise TransientError(
            f"{what}: no reply within {timeout_seconds:g} seconds; the endpoint is overloaded or"
            " the model too slow for it"
        ) from error
    except openai.APIConnectionError as error:
        cause = _brief(str(error.__cause__ or error))
        raise TransientError(
            f"{what}: cannot be reached ({cause}); check OPENAI_BASE_URL and the network"
        ) from error
    except openai.APIResponseValidationError as error:
        raise PermanentError(
            f"{what}: the reply is not one of OpenAI's protocol ({_brief(error.message)});"
            " OPENAI_BASE_URL must be the address of the API, usually one that ends in /v1"
        ) from error
    except openai.APIStatusError as error:
        raise _refusal(what, error) from error
    except (openai.APIError, ValueError) as error:
        raise PermanentError(
            f"{what}: the reply cannot be read ({_brief(str(error))}); check OPENAI_BASE_URL"
        ) from error


def _refusal(what: str, error: "openai.APIStatusError") -> TransientError | PermanentError:
    """Judge a reply with an error status by what can be done about it."""
    status, cause = error.status_code, _brief(error.message)
    said = f"{what}: {cause} (status {status}); "
    if error.code == "insufficient_quota" or error.type == "insufficient_quota" or status == 402:
        return RefusedError(f"{said}the account has no credit left: top it up or raise its limit")
    if status in {401, 403}:
        return RefusedError(f"{said}check that OPENAI_API_KEY is right and may use this model")
    if status in {404, 410}:
        return RefusedError(
            f"{said}it does not exist there or was retired: set DOCBOT_CHAT_MODEL to a model that"
            " the endpoint offers"
        )
    if status in {408, 409, 425, 429} or status >= 500:
        return TransientError(
            f"{said}it is overloaded or at its rate limit and may answer later",
            retry_after=_retry_after(error),
        )
    if error.code == "context_length_exceeded" or status == 413 or _TOO_LONG.search(cause):
        return PermanentError(
            f"{said}the request is too long: set DOCBOT_CHAT_MODEL to a model that takes about"
            " 16,000 tokens"
        )
    return PermanentError(f"{said}the endpoint does not take this request")


def _retry_after(error: "openai.APIStatusError") -> float | None:
    """Read the header in seconds; a date there is left to the caller's own backoff."""
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _brief(cause: str) -> str:
    cause = " ".join(cause.split())
    return cause if len(cause) <= _CAUSE_LENGTH else f"{cause[:_CAUSE_LENGTH]}…"
