import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from docbot.answers.generate import OnText, OpenAIChatModel
from docbot.answers.prompt import ChatMessage
from docbot.errors import (
    DocbotError,
    EmptyError,
    GarbledError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)
from tests.model_server import NO_QUOTA, Fault, Hang, Html, ModelServer, Reply, Reset, Status

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


async def failure(
    fault: Fault | Reply, seconds: float = 20, on_text: OnText | None = None
) -> DocbotError:
    """Ask once, meet the fault, and return the error that comes of it."""
    async with (
        ModelServer.open([fault]) as server,
        chat_model(server.base_url, seconds=seconds) as model,
    ):
        with pytest.raises(DocbotError) as caught:
            await model.complete(ASKED, on_text)
        assert len(server.requests) == 1  # when to try again is the caller's matter
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
    ("fault", "kind", "cause"),
    [
        (Html(), GarbledError, "/v1"),
        (Reply(""), EmptyError, "empty reply"),
        (Reply("  \n", finish_reason="length"), EmptyError, "length"),
        (Reply("<think>hm", finish_reason="length"), EmptyError, "length"),
        (Reply("<think>hm</think>\n"), EmptyError, "empty reply"),
        (Reply("I will not", finish_reason="content_filter"), PermanentError, "held it back"),
    ],
)
async def test_what_cannot_be_answered_is_permanent_and_says_why(
    fault: Fault | Reply, kind: type[DocbotError], cause: str
) -> None:
    error = await failure(fault)
    assert type(error) is kind
    assert cause in str(error)


async def test_a_request_too_long_says_what_the_model_must_take() -> None:
    error = await failure(Status(400, "no", "context_length_exceeded"))
    assert isinstance(error, TooLongError)
    assert "about 16,000 tokens" in str(error)


async def test_a_reply_cut_by_the_models_own_limit_says_so() -> None:
    replies = [Reply("Because", finish_reason="length"), Reply("Because")]
    async with ModelServer.open(replies) as server, chat_model(server.base_url) as model:
        assert (await model.complete(ASKED)).is_cut
        assert not (await model.complete(ASKED)).is_cut


@pytest.mark.parametrize(
    "reply",
    [
        Reply("Because [1]\u2028of that."),
        Reply("<think>\nhm [9]\n</think>\n\nBecause [1]\u2028of that."),
        Reply("Because [1]\u2028of that.", done=False),
        Reply("Because [1]\u2028of that.", done=False, then=Hang()),
        Reply("Because [1]\u2028of that.", streams=False),
    ],
)
async def test_a_reply_is_told_as_it_is_written_however_the_endpoint_streams(
    reply: Reply,
) -> None:
    told: list[str] = []
    async with ModelServer.open([reply]) as server, chat_model(server.base_url) as model:
        server.release.set()
        completion = await model.complete(ASKED, told.append)
        assert server.requests[0].body["stream"] is True
    assert completion.text == "".join(told) == "Because [1]\u2028of that."
    assert completion.model == "test-chat"
    assert len(told) == (4 if reply.streams else 1)


async def test_a_text_is_told_before_the_rest_of_it_is_written() -> None:
    told = asyncio.Event()
    reply = Reply("Because.", then=Hang())
    async with ModelServer.open([reply]) as server, chat_model(server.base_url) as model:
        asking = asyncio.create_task(model.complete(ASKED, lambda _: told.set()))
        async with asyncio.timeout(60):
            await told.wait()
        assert not asking.done()
        server.release.set()
        assert (await asking).text == "Because."


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Reply("Because", then=Reset()), "broke off"),
        (Reply("Because", finish_reason=None), "broke off (without an end)"),
        (Reply("Because", finish_reason=None, done=False), "broke off (without an end)"),
        (Reply("Because", then=Hang()), "nothing came for 0.3 seconds"),
        (Hang(), "nothing came for 0.3 seconds"),
        (Reply("Because", then=Status(200, "upstream died")), "upstream died"),
        (Reply("", then=Status(200, "slow down", "rate_limit_exceeded")), "slow down"),
        (Status(429, "slow down"), "slow down"),
        (Html(502), "status 502"),
    ],
)
async def test_a_stream_that_fails_in_passing_is_transient(fault: Fault | Reply, said: str) -> None:
    error = await failure(fault, seconds=0.3, on_text=lambda _: None)
    assert isinstance(error, TransientError)
    assert said in str(error)


async def test_a_stream_that_never_ends_is_given_up() -> None:
    async with ModelServer.open([Reply("Because", then=Hang())]) as server:
        model = OpenAIChatModel(
            "test-chat", api_key=None, base_url=server.base_url, stream_seconds=0.3
        )
        with pytest.raises(TransientError, match=r"within 0\.3 seconds"):
            await model.complete(ASKED, lambda _: None)
    await model.close()


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (NO_QUOTA, RefusedError, "no credit"),
        (Reply("", then=NO_QUOTA), RefusedError, "no credit"),
        (Status(410, code="model_not_found"), RefusedError, "DOCBOT_CHAT_MODEL"),
        (Status(400, "no", "context_length_exceeded"), TooLongError, "about 16,000"),
        (Html(), GarbledError, "/v1"),
        (Reply(""), EmptyError, "empty reply"),
        (Reply("<think>hm"), EmptyError, "empty reply"),
        (Reply("I will", finish_reason="content_filter"), PermanentError, "filter held it back"),
    ],
)
async def test_a_stream_that_is_refused_says_why(
    fault: Fault | Reply, kind: type[DocbotError], said: str
) -> None:
    error = await failure(fault, on_text=lambda _: None)
    assert type(error) is kind
    assert said in str(error)


async def asked_of_raw(response: bytes) -> str:
    """Ask for a stream an endpoint that sends these very bytes and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, chat_model(f"http://127.0.0.1:{port}/v1") as model:
        return (await model.complete(ASKED, lambda _: None)).text


async def test_a_whole_reply_that_breaks_off_is_transient() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
    with pytest.raises(TransientError, match="broke off"):
        await asked_of_raw(head + b'{"choices"')


@pytest.mark.parametrize("late", [b"data: {oops\n\n", b'data: {"error": {"message": "late"}}\n\n'])
async def test_what_follows_the_end_of_a_stream_spoils_nothing(late: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    piece = b'data: {"choices": [{"delta": {"content": "Why."}, "finish_reason": "stop"}]}\n\n'
    assert await asked_of_raw(head + piece + late) == "Why."


async def test_a_model_in_a_loop_is_cut_off() -> None:
    told: list[str] = []
    reply = Reply("again and " * 3_100, then=Hang())
    async with ModelServer.open([reply]) as server, chat_model(server.base_url) as model:
        completion = await model.complete(ASKED, told.append)
    assert completion.is_cut
    assert 30_000 < len("".join(told)) < 30_010
