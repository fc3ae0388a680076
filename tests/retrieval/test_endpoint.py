import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from docbot.errors import (
    DocbotError,
    GarbledError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)
from docbot.retrieval.endpoint import Endpoint, Model, list_models, refuse_reported
from tests.model_server import NO_QUOTA, Fault, Hang, Html, ModelServer, Reset, Status

MODEL = Model("test-chat", "DOCBOT_CHAT_MODEL", "about 16,000 tokens")


@asynccontextmanager
async def opened(
    base_url: str | None, *, key: str | None = None, seconds: float = 20
) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(key, base_url, seconds)
    try:
        yield endpoint
    finally:
        await endpoint.close()


async def ask(endpoint: Endpoint, model: Model = MODEL) -> str | None:
    async with endpoint.call(model) as client:
        reply = await client.chat.completions.create(
            model=model.name, messages=[{"role": "user", "content": "Why?"}]
        )
        return reply.choices[0].message.content


async def failure(fault: Fault, *, model: Model = MODEL, seconds: float = 20) -> DocbotError:
    """Ask once, meet the fault, and return the error that comes of it."""
    async with (
        ModelServer.open(lambda _: "a", models=[model.name]) as server,
        opened(server.base_url, seconds=seconds) as endpoint,
    ):
        server.fail(fault)
        with pytest.raises(DocbotError) as caught:
            await ask(endpoint, model)
        assert len(server.requests) == 1  # when to try again is the caller's matter
        assert server.base_url in str(caught.value)
        assert model.name in str(caught.value)
        server.release.set()
        assert await ask(endpoint, model) == "a"  # the next call works again
        return caught.value


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503])
async def test_an_overloaded_endpoint_may_answer_later(status: int) -> None:
    error = await failure(Status(status, headers={"retry-after": "7"}))
    assert isinstance(error, TransientError)
    assert error.retry_after == 7


@pytest.mark.parametrize("said", ["", "soon", "-1", "nan", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_a_wait_that_is_no_number_of_seconds_is_left_to_the_caller(said: str) -> None:
    error = await failure(Status(503, headers={"retry-after": said}))
    assert isinstance(error, TransientError)
    assert error.retry_after is None


async def test_a_page_of_a_proxy_that_is_overloaded_is_transient() -> None:
    assert isinstance(await failure(Html(502)), TransientError)


async def test_a_reset_is_transient() -> None:
    assert isinstance(await failure(Reset()), TransientError)


async def test_a_reply_too_slow_is_transient_and_says_how_long_it_waited() -> None:
    error = await failure(Hang(), seconds=1.5)
    assert isinstance(error, TransientError)
    assert "1.5 seconds" in str(error)


async def test_an_endpoint_out_of_reach_is_transient_and_names_the_setting() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        async with opened(base_url) as endpoint:
            with pytest.raises(TransientError, match="OPENAI_BASE_URL") as caught:
                await ask(endpoint)
    assert f"model test-chat at {base_url}: cannot be reached" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (Status(401), "OPENAI_API_KEY"),
        (Status(403), "OPENAI_API_KEY"),
        (NO_QUOTA, "no credit"),
        (Status(402), "no credit"),
        (Status(404, code="model_not_found"), "DOCBOT_CHAT_MODEL"),
        (Status(404), "OPENAI_BASE_URL"),
        (Status(410), "retired"),
        (Status(400, "some/model is not a valid model ID"), "DOCBOT_CHAT_MODEL"),
        (Status(400, "gone", "model_decommissioned"), "DOCBOT_CHAT_MODEL"),
    ],
)
async def test_a_refusal_says_what_to_set(fault: Fault, advice: str) -> None:
    error = await failure(fault)
    assert isinstance(error, RefusedError)
    assert advice in str(error)


@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        (Status(422, "no such field"), PermanentError, "no such field"),
        (Html(), GarbledError, "/v1"),
    ],
)
async def test_what_cannot_be_answered_is_permanent_and_says_why(
    fault: Fault, kind: type[DocbotError], cause: str
) -> None:
    error = await failure(fault)
    assert type(error) is kind
    assert cause in str(error)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Status(400, "This model's maximum context length is 8192 tokens."), "too long"),
        (Status(400, "the request exceeds the available context size"), "too long"),
        (Status(400, "no", "context_length_exceeded"), "about 16,000 tokens"),
        (Status(413), "too long"),
    ],
)
async def test_a_request_too_long_is_told_apart_and_says_what_a_model_must_take(
    fault: Fault, cause: str
) -> None:
    error = await failure(fault)
    assert isinstance(error, TooLongError)
    assert cause in str(error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "no credit", "code": "insufficient_quota"}, RefusedError),
        ({"message": "slow down", "code": 429}, TransientError),
        ({"message": "no such model", "code": 404}, RefusedError),
        ({"message": "no such model", "code": "model_not_found"}, RefusedError),
        ({"message": "maximum context length", "type": "invalid_request_error"}, TooLongError),
        ({"message": "upstream died", "code": None}, TransientError),
        ("upstream died", TransientError),
    ],
)
async def test_an_error_in_a_reply_that_claims_to_be_fine_is_judged_by_its_words(
    error: object, kind: type[DocbotError]
) -> None:
    async with opened("http://127.0.0.1/v1") as endpoint:
        with pytest.raises(kind):
            async with endpoint.call(MODEL):
                refuse_reported({"error": error})


def test_a_reply_without_an_error_is_none() -> None:
    documents: list[object] = [{"choices": [], "error": None}, [], "text", None]
    for document in documents:
        refuse_reported(document)


@pytest.mark.parametrize("fault", [Status(404), Status(410), Status(413)])
async def test_the_setting_that_is_named_is_the_models_own(fault: Fault) -> None:
    error = await failure(fault, model=Model("m", "DOCBOT_EMBEDDING_MODEL", "longer texts"))
    assert "DOCBOT_EMBEDDING_MODEL" in str(error)
    assert "DOCBOT_CHAT_MODEL" not in str(error)


async def test_what_the_caller_cannot_read_is_permanent() -> None:
    async with opened("http://127.0.0.1/v1") as endpoint:
        with pytest.raises(PermanentError, match="no embeddings"):
            async with endpoint.call(MODEL):
                raise ValueError("no embeddings")


async def test_a_long_message_of_the_far_side_is_cut_short() -> None:
    assert len(str(await failure(Status(400, "word " * 10_000)))) < 500


async def test_an_endpoint_without_a_key_gets_none_of_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of someone else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid/v1")
    async with ModelServer.open(["a"]) as server, opened(server.base_url) as endpoint:
        await ask(endpoint)
    assert server.requests[0].headers["Authorization"] == "Bearer none"
    async with opened(None) as endpoint:
        assert endpoint.base_url == "https://api.openai.com/v1"


async def test_the_models_of_an_endpoint_are_listed() -> None:
    async with ModelServer.open(models=["b", "a"], key="k") as server:
        assert await list_models(api_key="k", base_url=server.base_url) == ["a", "b"]
        with pytest.raises(RefusedError, match="list of models"):
            await list_models(api_key="wrong", base_url=server.base_url)


async def test_a_list_that_is_not_there_names_no_model_to_set() -> None:
    async with ModelServer.open() as server:
        server.fail(Status(404))
        with pytest.raises(RefusedError, match="check OPENAI_BASE_URL") as caught:
            await list_models(api_key=None, base_url=server.base_url)
    assert "MODEL to" not in str(caught.value)
