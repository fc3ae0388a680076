"""Chat models behind one small protocol; the one place that asks for chat completions.

Every failure becomes an error of docbot that names the endpoint, the model, the cause and what
to do; whoever asked decides when to ask again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from docbot.answers.prompt import ChatMessage
from docbot.errors import PermanentError
from docbot.retrieval.endpoint import Endpoint, Model

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

# Models run at home often put their reasoning before the reply.
_REASONING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)


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
    ) -> None:
        """Set up the client.

        Args:
            model: the endpoint's name for it.
            api_key: None for an endpoint that asks for none.
            base_url: None for OpenAI's own.
            timeout_seconds: for a call as a whole.
        """
        self.name = model
        self._asked = Model(model, "DOCBOT_CHAT_MODEL", "about 16,000 tokens")
        self._endpoint = Endpoint(api_key, base_url, timeout_seconds)

    async def complete(self, messages: Sequence[ChatMessage]) -> Completion:
        """Give the model's reply; see `ChatModel`."""
        async with self._endpoint.call(self._asked) as client:
            reply = await client.chat.completions.create(
                model=self.name, messages=[_parameter(message) for message in messages]
            )
        return self._completion(reply)

    async def close(self) -> None:
        await self._endpoint.close()

    def _completion(self, reply: "ChatCompletion") -> Completion:
        choice = reply.choices[0] if reply.choices else None
        text = _REASONING.sub("", (choice.message.content if choice else None) or "").strip()
        if not text:
            reason = choice.finish_reason if choice else "no choice"
            raise PermanentError(
                f"{self._endpoint.base_url} gave an empty reply of model {self.name} (finish reason:"
                f" {reason}): ask again in other words, or set DOCBOT_CHAT_MODEL to another model"
            )
        usage = reply.usage
        return Completion(
            text=text,
            model=reply.model or self.name,
            tokens_in=usage.prompt_tokens if usage else None,
            tokens_out=usage.completion_tokens if usage else None,
        )


def _parameter(message: ChatMessage) -> "ChatCompletionMessageParam":
    match message.role:
        case "system":
            return {"role": "system", "content": message.content}
        case "assistant":
            return {"role": "assistant", "content": message.content}
        case "user":
            return {"role": "user", "content": message.content}
