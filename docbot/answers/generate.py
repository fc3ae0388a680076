"""Chat models behind one small protocol; the one place that asks for chat completions.

Every failure becomes an error of docbot that names the endpoint, the model, the cause and what
to do; whoever asked decides when to ask again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from docbot.answers.prompt import ChatMessage
from docbot.answers.reply import Completion, ReplyReader
from docbot.errors import EmptyError, PermanentError, TransientError
from docbot.retrieval.endpoint import Endpoint, Model, ReportedError

if TYPE_CHECKING:
    import openai

# Told a text as it comes.
OnText: TypeAlias = Callable[[str], None]

_STREAM_SECONDS = 600.0  # a model at home writes some ten words a second
_LONGEST_REPLY = 30_000  # characters; several times what is used of one: the model is in a loop
_AFTER_END_SECONDS = 2.0  # for the usage, which some endpoints send last


class ChatModel(Protocol):
    @property
    def name(self) -> str: ...

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        """Give the model's reply, never an empty one.

        Args:
            messages: what it is asked.
            on_text: told the reply as it is written; the text in all may still end in an error.

        Raises:
            TransientError: unreachable, overloaded, too slow, broken off, or at a rate limit.
            RefusedError: a wrong key, an unknown model, an exhausted quota.
            TooLongError: the messages are more than the model takes.
            EmptyError: a reply without a text.
            PermanentError: a filtered or unreadable reply.
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
        stream_seconds: float = _STREAM_SECONDS,
    ) -> None:
        """Set up the client.

        Args:
            model: the endpoint's name for it.
            api_key: None for an endpoint that asks for none.
            base_url: None for OpenAI's own.
            timeout_seconds: for a reply that comes whole; of one that comes in pieces, for each.
            stream_seconds: for a reply that comes in pieces, as a whole.
        """
        self.name = model
        self._asked = Model(model, "DOCBOT_CHAT_MODEL", "about 16,000 tokens")
        self._endpoint = Endpoint(api_key, base_url, timeout_seconds)
        self._silence_seconds = timeout_seconds
        self._stream_seconds = stream_seconds

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        """Give the model's reply; see `ChatModel`."""
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
        }
        reader = ReplyReader(self.name)
        if on_text is None:
            async with self._endpoint.call(self._asked) as client:
                reader.add(await client.post("/chat/completions", cast_to=object, body=body))
        else:
            await self._read_stream(body, reader, on_text)
        return self._checked(reader)

    async def close(self) -> None:
        await self._endpoint.close()

    async def _read_stream(
        self, body: dict[str, Any], reader: ReplyReader, on_text: OnText
    ) -> None:
        async with (
            self._endpoint.call(self._asked, seconds=self._stream_seconds) as client,
            aclosing(self._pieces(client, body, reader)) as pieces,
        ):
            written = 0
            async for piece in pieces:
                shown = reader.add(piece)
                if shown:
                    on_text(shown)
                written += len(shown)
                if written > _LONGEST_REPLY:
                    reader.finish_reason = "length"
                    return
            if reader.finish_reason is None:
                raise self._broken_off("without an end")

    async def _pieces(
        self, client: "openai.AsyncOpenAI", body: dict[str, Any], reader: ReplyReader
    ) -> AsyncGenerator[object, None]:
        """Give the pieces of a stream; nothing after its end is worth an error."""
        import openai  # noqa: PLC0415  # loaded by then

        stream = await self._begin(client, body)
        kind = stream.response.headers.get("content-type", "")
        if "json" in kind:  # an endpoint that does not stream
            yield await self._whole(stream)
            return
        if "html" in kind:
            await stream.close()
            raise ValueError(f"a reply of type {kind}")
        pieces = aiter(stream)
        async with stream:
            while True:
                ended = reader.finish_reason is not None
                try:
                    async with asyncio.timeout(
                        _AFTER_END_SECONDS if ended else self._silence_seconds
                    ):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except (TimeoutError, openai.APIConnectionError) as error:
                    if ended:
                        return
                    raise self._broken_off(_how(error, self._silence_seconds)) from error
                except (openai.APIError, ValueError) as error:
                    if ended:
                        return
                    if isinstance(error, openai.APIError):
                        raise ReportedError(error.body) from error
                    raise
                yield piece

    async def _whole(self, stream: "openai.AsyncStream[object]") -> object:
        try:
            async with stream, asyncio.timeout(self._silence_seconds):
                await stream.response.aread()
        except Exception as error:  # of the SDK's transport: one of two libraries
            raise self._broken_off(_how(error, self._silence_seconds)) from error
        return stream.response.json()

    async def _begin(
        self, client: "openai.AsyncOpenAI", body: dict[str, Any]
    ) -> "openai.AsyncStream[object]":
        import openai  # noqa: PLC0415  # loaded by then

        try:
            async with asyncio.timeout(self._silence_seconds):
                return await client.post(
                    "/chat/completions",
                    cast_to=object,
                    body=body | {"stream": True},
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
        except TimeoutError as error:
            raise self._broken_off(_how(error, self._silence_seconds)) from error

    def _broken_off(self, how: str) -> TransientError:
        return TransientError(
            f"model {self.name} at {self._endpoint.base_url}: the reply broke off ({how});"
            " the endpoint is overloaded, or the model too slow for it"
        )

    def _checked(self, reader: ReplyReader) -> Completion:
        completion, reason = reader.completion(), reader.finish_reason
        where = f"{self._endpoint.base_url} gave"
        if reason == "content_filter":
            raise PermanentError(
                f"{where} no reply of model {self.name}: its filter held it back"
                " (content_filter); ask in other words, or set DOCBOT_CHAT_MODEL to another model"
            )
        if not completion.text:
            raise EmptyError(
                f"{where} an empty reply of model {self.name} (finish reason: {reason}): ask in"
                " other words, or set DOCBOT_CHAT_MODEL to another model"
            )
        return completion


def _how(error: Exception, silence_seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {silence_seconds:g} seconds"
    return str(error.__cause__ or error)
