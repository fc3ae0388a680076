from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from docbot.answers.generate import OpenAIChatModel
from docbot.answers.prompt import ChatMessage
from docbot.errors import DocbotError, PermanentError, RefusedError, TransientError
from tests.model_server import Fault, Hang, Html, ModelServer, Reply, Status

ASKED = [
    ChatMessage("system", "Be brief."),
    ChatMessage("user", "Why?"),
    ChatMessage("assistant", "So."),
]


@asynccontextmanager
async def chat_model(
    base_url: str,
    name: str = "test-chat",
    key: str | None = None,
    seconds: float = 20,
) -> AsyncIterator[OpenAIChatModel]:
    model = OpenAIChatModel(name, api_key=key, base_url=base_url, timeout_seconds=seconds)
    try:
        yield model
    finally:
        await model.close()


async def failure(fault: Fault | Reply, seconds: float = 20) -> DocbotError:
    """Ask once, meet the fault, and return the error that comes of it."""
    async with (
        ModelServer.open([fault]) as server,
        chat_model(server.base_url, seconds=seconds) as model,
    ):
        with pytest.raises(DocbotError) as caught:
            await model.complete(ASKED)
        assert server.base_url in str(caught.value)
        assert "test-chat" in str(caught.value)
        return caught.value


async def test_a_reply_comes_with_its_model_and_tokens() -> None:
    async with ModelServer.open(["Because [1]."]) as server, chat_model(server.base_url) as model:
        completion = await model.complete(ASKED)
    assert (completion.text, completion.model) == ("Because [1].", "test-chat")
    assert completion.tokens_in
    assert completion.tokens_out == 2
    sent = server.requests[0].body
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "So."},
    ]


async def test_reasoning_before_the_reply_is_left_out() -> None:
    reply = "<think>\nhm [9]\n</think>\n\nBecause [1]."
    async with ModelServer.open([reply]) as server, chat_model(server.base_url) as model:
        assert (await model.complete(ASKED)).text == "Because [1]."


async def test_the_key_is_sent_and_none_is_needed_where_none_is_asked() -> None:
    async with (
        ModelServer.open(["a"], key="secret") as server,
        chat_model(server.base_url, key="secret") as model,
    ):
        await model.complete(ASKED)
    async with ModelServer.open(["a"]) as server, chat_model(server.base_url) as model:
        await model.complete(ASKED)


async def test_a_failure_in_passing_is_left_to_the_caller_who_can_wait() -> None:
    busy = Status(503, headers={"retry-after": "7"})
    async with ModelServer.open([busy, "a"]) as server, chat_model(server.base_url) as model:
        with pytest.raises(TransientError) as caught:
            await model.complete(ASKED)
        assert len(server.requests) == 1
        assert caught.value.retry_after == 7
        assert (await model.complete(ASKED)).text == "a"


async def test_a_reply_too_slow_is_transient_and_says_how_long_it_waited() -> None:
    error = await failure(Hang(), seconds=0.2)
    assert isinstance(error, TransientError)
    assert "0.2 seconds" in str(error)


async def test_a_retired_model_is_a_refusal_that_names_its_setting() -> None:
    error = await failure(Status(404, code="model_not_found"))
    assert isinstance(error, RefusedError)
    assert "DOCBOT_CHAT_MODEL" in str(error)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Status(400, "no", "context_length_exceeded"), "about 16,000 tokens"),
        (Html(), "/v1"),
        (Reply(""), "empty reply"),
        (Reply("  \n", finish_reason="length"), "length"),
    ],
)
async def test_what_cannot_be_answered_is_permanent_and_says_why(
    fault: Fault | Reply, cause: str
) -> None:
    error = await failure(fault)
    assert type(error) is PermanentError
    assert cause in str(error)
