"""Dense vectors from an endpoint that speaks OpenAI's embeddings protocol.

Promises: vectors come back in the order of the texts, all of unit length; every failure is one
of docbot's errors and names the endpoint, the model and what to do.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from docbot.errors import DocbotError, PermanentError, RefusedError, TransientError
from docbot.retrieval.lexical import prose

if TYPE_CHECKING:
    import openai

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_BATCH = 64  # texts a request: some 20,000 tokens, far below every endpoint's limit
_TIMEOUT = 30.0  # seconds for a request; a batch takes a slow endpoint some 10
_CONNECT_TIMEOUT = 5.0  # seconds
_MAX_RETRIES = 2  # by the SDK, with jitter, on 408, 409, 429, 5xx and lost connections

# What a model reads is 256 to 8,000 tokens; a post's point stands in its first lines.
_QUESTION_CHARACTERS = 2_000
_SHOWN_CHARACTERS = 200  # of a far side's own message


class Embedder(Protocol):
    model: str

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length for each text, in order; no text may be blank."""
        ...


def embedding_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """Return what stands for a chunk before the model: where it stands, then what it says."""
    headings = dict.fromkeys([title, *heading_path])
    return f"{' > '.join(filter(None, headings))}\n\n{text}".strip()


def question_text(title: str, body: str, context: str = "") -> str:
    """Return what stands for a question; the context last, where a long post cuts it off."""
    said = [prose(part) for part in (title, body, context)]
    return "\n\n".join(filter(None, said))[:_QUESTION_CHARACTERS]


class OpenAIEmbedder:
    """One model of one endpoint; safe to share between tasks."""

    def __init__(
        self,
        model: str,
        api_key: str | None,
        base_url: str | None,
        *,
        timeout: float = _TIMEOUT,
        max_retries: int = _MAX_RETRIES,
    ) -> None:
        import openai  # noqa: PLC0415 - takes 580 ms, for those alone who set a model

        self.model = model
        self._base_url = base_url or DEFAULT_BASE_URL
        # Both are given always: where they are None the SDK takes its own environment variables.
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",
            base_url=self._base_url,
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT)),
            max_retries=max_retries,
        )

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not all(text.strip() for text in texts):
            raise ValueError("a blank text has no embedding")
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            vectors.extend(await self._embed_batch(texts[start : start + _BATCH]))
        return vectors

    async def close(self) -> None:
        await self._client.close()

    async def _embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        import openai  # noqa: PLC0415 - loaded already by the constructor

        try:
            # The raw response: with a wrong address the SDK hands out HTML as a str.
            response = await self._client.embeddings.with_raw_response.create(
                model=self.model, input=list(texts), encoding_format="float"
            )
        except openai.OpenAIError as error:
            raise endpoint_error(error, self._base_url, self.model) from error
        try:
            return _vectors(response.http_response.json(), len(texts))
        except (ValueError, KeyError, TypeError) as error:
            raise PermanentError(
                f"{self._base_url} answered {self.model} with something else than embeddings"
                f" ({_shortened(error)}): check OPENAI_BASE_URL, which mostly ends in /v1"
            ) from error


def endpoint_error(error: "openai.OpenAIError", base_url: str, model: str) -> DocbotError:
    """Return what an error of the SDK means for the caller: wait, change something, or give up.

    An error that names no status is a connection that failed or timed out.
    """
    where = f"model {model} at {base_url}"
    status: int | None = getattr(error, "status_code", None)
    code: str | None = getattr(error, "code", None)
    said = _shortened(error)
    if status is None:
        cause = f" ({_shortened(error.__cause__)})" if error.__cause__ else ""
        return TransientError(f"cannot reach {where}: {said}{cause}")
    if code == "insufficient_quota":
        return RefusedError(f"no quota is left for {where}: check the plan and billing of its key")
    if status in (401, 403):
        return RefusedError(f"{where} refused the key: check OPENAI_API_KEY ({said})")
    if status == 404:
        return PermanentError(
            f"{where} does not exist: check the model's name and OPENAI_BASE_URL ({said})"
        )
    if status in (408, 409, 429) or status >= 500:
        return TransientError(f"{where} is unwell: {said}", retry_after=_retry_after(error))
    return PermanentError(f"{where} refused the request: {said}")


def _vectors(answer: Any, expected: int) -> list[list[float]]:
    """Read the vectors of an answer, in the order asked; ValueError and kin on any other shape."""
    items = sorted(answer["data"], key=lambda item: int(item["index"]))
    if [item["index"] for item in items] != list(range(expected)):
        raise ValueError(f"{len(items)} embeddings for {expected} texts")
    vectors = [_normalised([float(number) for number in item["embedding"]]) for item in items]
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("embeddings of unequal length")
    return vectors


def _normalised(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    if not math.isfinite(length) or length == 0:
        raise ValueError("an embedding that is zero or not finite")
    return [number / length for number in vector]


def _retry_after(error: Exception) -> float | None:
    """Return the seconds that a 429 or 503 asks to wait, where it says so as a number."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _shortened(error: BaseException) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= _SHOWN_CHARACTERS else said[:_SHOWN_CHARACTERS] + "..."
