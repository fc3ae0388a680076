"""Dense vectors from an endpoint that speaks OpenAI's embeddings protocol.

Promises: vectors come back in the order of the texts, all of unit length; what may pass is tried
again a few times, what is too long for one request goes in several; every failure is one of
docbot's errors.
"""

import asyncio
import logging
import math
import random
from collections.abc import Sequence
from copy import copy
from typing import Any, Protocol

from docbot.errors import TooLongError, TransientError
from docbot.retrieval.endpoint import Endpoint, Model, refuse_reported
from docbot.retrieval.lexical import prose

log = logging.getLogger(__name__)

# Texts a request: some 10,000 tokens, below every endpoint's limit; a reply with twice as many
# vectors of 3,000 numbers takes 100 ms to read, which would hold up the event loop.
BATCH = 32
_TIMEOUT_SECONDS = 30.0  # for a request; a batch takes a slow endpoint some 10
_RETRIES = 3  # of a request; rate limits are mostly by the minute, and say how long to wait
_FIRST_WAIT = 0.5  # seconds, doubling
_LONGEST_WAIT = 60.0  # seconds; who is to wait longer is told so at once

_SHORTEST_TEXT = 800  # characters; the smallest models take 256 tokens

# What a model reads is 256 to 8,000 tokens; a post's point stands in its first lines.
_QUESTION_CHARACTERS = 2_000


class Embedder(Protocol):
    model: str

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of unit length for each passage, in order; none may be blank."""
        ...

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the vectors of questions, which some models tell from passages."""
        ...

    def with_model(self, model: str) -> "Embedder":
        """Return another model; this one's owner closes both.

        Raises:
            DocbotError: it is not to be had.
        """
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
        timeout_seconds: float = _TIMEOUT_SECONDS,
        retries: int = _RETRIES,
    ) -> None:
        self.model = model
        self._timeout_seconds = timeout_seconds
        # The last is in use, by every copy; what one of the others is asked may still be under way.
        self._endpoints = [Endpoint(api_key, base_url, timeout_seconds)]
        self._retries = retries

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not all(text.strip() for text in texts):
            raise ValueError("a blank text has no embedding")
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            vectors.extend(await self._embed_batch(texts[start : start + BATCH]))
        return vectors

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        return await self.embed(texts)

    def with_model(self, model: str) -> "OpenAIEmbedder":
        other = copy(self)
        other.model = model
        return other

    def move_to(self, api_key: str | None, base_url: str | None) -> None:
        """Ask another address, or with another key, from now on; all models of it do."""
        self._endpoints.append(Endpoint(api_key, base_url, self._timeout_seconds))

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.close()

    async def _embed_batch(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts in one request, in several where they are too long for one.

        A text that alone is longer than the model takes is embedded by its beginning.
        """
        try:
            return await self._patient_request(texts)
        except TooLongError:
            half = len(texts) // 2
            if half:
                first = await self._embed_batch(texts[:half])
                return [*first, *await self._embed_batch(texts[half:])]
            [text] = texts
            if len(text) < _SHORTEST_TEXT:
                raise
            return await self._embed_batch([text[: len(text) // 2].strip()])

    async def _patient_request(self, texts: Sequence[str]) -> list[list[float]]:
        for attempt in range(self._retries):
            try:
                return await self._request(texts)
            except TransientError as error:
                wait = error.retry_after or _drawn_wait(attempt)
                if wait > _LONGEST_WAIT:
                    raise
                log.info("embedding again in %.1f s: %s", wait, error)
                await asyncio.sleep(wait)
        return await self._request(texts)

    async def _request(self, texts: Sequence[str]) -> list[list[float]]:
        asked = Model(self.model, "DOCBOT_EMBEDDING_MODEL", "longer texts")
        async with self._endpoints[-1].call(asked) as client:
            # The raw response: many endpoints leave out fields that the SDK would insist on.
            response = await client.embeddings.with_raw_response.create(
                model=self.model, input=list(texts), encoding_format="float"
            )
            document = response.http_response.json()
            refuse_reported(document)
            return read_vectors(document, len(texts))


def read_vectors(answer: Any, expected: int) -> list[list[float]]:
    """Read the vectors of an answer, in the order asked; ValueError on any other shape."""
    try:
        items = sorted(answer["data"], key=lambda item: int(item["index"]))
        places = [item["index"] for item in items]
        vectors = [normalised([float(number) for number in item["embedding"]]) for item in items]
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"no embeddings: {error!r}") from error
    if places != list(range(expected)):
        raise ValueError(f"{len(items)} embeddings for {expected} texts")
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("embeddings of unequal length")
    return vectors


def _drawn_wait(attempt: int) -> float:
    """Seconds after failure `attempt` (from 0): doubling, half of it by chance."""
    longest = _FIRST_WAIT * 2.0**attempt
    return longest * random.uniform(0.5, 1)  # noqa: S311  # spreads retries, guards nothing


def normalised(vector: list[float]) -> list[float]:
    """Bring a vector to unit length; ValueError where it has none."""
    length = math.hypot(*vector)
    if not math.isfinite(length) or length == 0:
        raise ValueError("an embedding that is zero or not finite")
    return [number / length for number in vector]
