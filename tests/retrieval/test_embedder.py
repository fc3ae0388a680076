import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from docbot.errors import (
    DocbotError,
    GarbledError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)
from docbot.retrieval.embedder import (
    OpenAIEmbedder,
    embedding_text,
    question_text,
    read_vectors,
)
from tests.model_server import (
    NO_QUOTA,
    Fault,
    Hang,
    Html,
    ModelServer,
    Reset,
    Status,
    hashed_vector,
)

MODEL = "test-embedding"
SOON = {"retry-after": "0.01"}


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer.open(key="right") as server:
        yield server


@pytest.fixture
async def embedder(server: ModelServer) -> AsyncIterator[OpenAIEmbedder]:
    embedder = OpenAIEmbedder(MODEL, "right", server.base_url, retries=0)
    yield embedder
    await embedder.close()


async def test_vectors_come_back_in_order_and_of_unit_length(embedder: OpenAIEmbedder) -> None:
    texts = ["the scheduler", "a pool of slots", "the scheduler again"]
    vectors = await embedder.embed(texts)
    assert vectors == [pytest.approx(hashed_vector(text)) for text in texts]
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1.0] * 3)


async def test_many_texts_go_in_batches(embedder: OpenAIEmbedder, server: ModelServer) -> None:
    vectors = await embedder.embed([f"text {n}" for n in range(66)])
    assert len(vectors) == 66
    assert [len(request.body["input"]) for request in server.requests] == [32, 32, 2]
    assert vectors[65] == pytest.approx(hashed_vector("text 65"))


async def test_no_text_asks_nothing(embedder: OpenAIEmbedder, server: ModelServer) -> None:
    assert await embedder.embed([]) == []
    assert server.requests == []


async def test_a_blank_text_is_the_callers_mistake(embedder: OpenAIEmbedder) -> None:
    with pytest.raises(ValueError, match="blank"):
        await embedder.embed(["text", " \n"])


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Status(401), RefusedError, "OPENAI_API_KEY"),
        (NO_QUOTA, RefusedError, "no credit"),
        (Status(404), RefusedError, "set DOCBOT_EMBEDDING_MODEL"),
        (Status(400, "too long"), TooLongError, "takes longer texts"),
        (Status(503), TransientError, "overloaded"),
        (Html(502), TransientError, "overloaded"),
        (Html(), GarbledError, "OPENAI_BASE_URL"),
        (Reset(), TransientError, "cannot be reached"),
    ],
)
async def test_a_failure_says_where_and_what_to_do(
    embedder: OpenAIEmbedder,
    server: ModelServer,
    fault: Fault,
    kind: type[DocbotError],
    said: str,
) -> None:
    server.fail(fault)
    with pytest.raises(DocbotError, match=said) as caught:
        await embedder.embed(["text"])
    assert type(caught.value) is kind
    assert server.base_url in str(caught.value)
    assert MODEL in str(caught.value)
    assert len(await embedder.embed(["text"])) == 1  # the next call works again


async def test_a_wait_that_the_endpoint_asks_for_is_handed_on(
    embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    server.fail(Status(429, headers={"retry-after": "7"}))
    with pytest.raises(TransientError) as caught:
        await embedder.embed(["text"])
    assert caught.value.retry_after == 7


async def test_an_endpoint_that_never_answers_is_given_up(server: ModelServer) -> None:
    impatient = OpenAIEmbedder(MODEL, "right", server.base_url, timeout_seconds=0.2, retries=0)
    server.fail(Hang())
    with pytest.raises(TransientError, match=r"0\.2 seconds"):
        await impatient.embed(["text"])
    await impatient.close()


async def test_an_endpoint_that_is_not_there_is_named() -> None:
    async with ModelServer.open() as server:
        gone = server.base_url
    embedder = OpenAIEmbedder(MODEL, None, gone, retries=0)
    with pytest.raises(TransientError, match=f"model {MODEL} at {gone}: cannot be reached"):
        await embedder.embed(["text"])
    await embedder.close()


async def test_a_passing_failure_is_tried_again(server: ModelServer) -> None:
    patient = OpenAIEmbedder(MODEL, "right", server.base_url, retries=2)
    server.fail(Status(503, headers=SOON), times=2)
    assert len(await patient.embed(["text"])) == 1
    assert len(server.requests) == 3
    await patient.close()


async def test_only_the_batch_that_failed_is_sent_again(server: ModelServer) -> None:
    patient = OpenAIEmbedder(MODEL, "right", server.base_url, retries=1)
    server.fail(Status(429, headers=SOON))
    assert len(await patient.embed([f"text {n}" for n in range(33)])) == 33
    assert [len(request.body["input"]) for request in server.requests] == [32, 32, 1]
    await patient.close()


async def test_what_is_too_long_for_one_request_goes_in_several(
    embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    texts = ["one", "two", "three", "four", "five"]
    server.fail(Status(413), times=2)
    assert await embedder.embed(texts) == [pytest.approx(hashed_vector(text)) for text in texts]
    assert [len(request.body["input"]) for request in server.requests] == [5, 2, 1, 1, 3]


async def test_a_text_longer_than_the_model_takes_is_embedded_by_its_beginning(
    embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    server.fail(Status(400, "the input length exceeds the context length"), times=2)
    assert len(await embedder.embed(["word " * 800])) == 1
    assert [len(request.body["input"][0]) for request in server.requests] == [4_000, 1_999, 999]
    server.fail(Status(400, "too long"), times=9)
    with pytest.raises(TooLongError):
        await embedder.embed(["word " * 800])
    assert len(server.requests) == 3 + 4


async def test_a_failure_that_does_not_pass_is_given_up(server: ModelServer) -> None:
    patient = OpenAIEmbedder(MODEL, "right", server.base_url, retries=2)
    server.fail(Status(503, headers=SOON), times=9)
    with pytest.raises(TransientError):
        await patient.embed(["text"])
    assert len(server.requests) == 3
    await patient.close()


@pytest.mark.parametrize(
    "fault",
    [NO_QUOTA, Status(401), Status(400), Html(), Status(429, headers={"retry-after": "61"})],
)
async def test_what_a_short_wait_cannot_mend_is_not_tried_again(
    server: ModelServer, fault: Fault
) -> None:
    patient = OpenAIEmbedder(MODEL, "right", server.base_url, retries=2)
    server.fail(fault)
    with pytest.raises(DocbotError):
        await patient.embed(["text"])
    assert len(server.requests) == 1
    await patient.close()


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"data": None},
        {"data": []},
        {"data": [{"index": 0}]},
        {"data": [{"index": 1, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [0.0]}]},
        {"data": [{"index": 0, "embedding": ["text"]}]},
        {"data": [{"index": 0, "embedding": [10**400]}]},
    ],
)
def test_an_answer_of_another_shape_is_no_vectors(answer: object) -> None:
    with pytest.raises(ValueError, match=r"embedding|convert"):
        read_vectors(answer, 1)


async def test_an_unknown_model_is_named(server: ModelServer) -> None:
    embedder = OpenAIEmbedder("retired-model", "right", server.base_url)
    with pytest.raises(PermanentError, match=r"model retired-model at .* does not exist"):
        await embedder.embed(["text"])
    await embedder.close()


async def test_another_model_of_the_same_endpoint_is_asked_by_its_name(
    embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    server.models.append("older")
    older = embedder.with_model("older")
    assert await older.embed(["text"]) == await embedder.embed(["text"])
    assert [r.body["model"] for r in server.requests] == ["older", MODEL]
    server.models.remove("older")
    with pytest.raises(RefusedError, match="model older at"):
        await older.embed(["text"])


async def test_several_tasks_share_one_embedder(embedder: OpenAIEmbedder) -> None:
    found = await asyncio.gather(*(embedder.embed([f"text {n}"]) for n in range(8)))
    assert [vectors[0] for vectors in found] == [
        pytest.approx(hashed_vector(f"text {n}")) for n in range(8)
    ]


def test_a_chunk_is_embedded_with_where_it_stands() -> None:
    assert embedding_text("Pools", ("Pools", "Slots"), "Text.") == "Pools > Slots\n\nText."
    assert embedding_text("", (), "Text.") == "Text."


def test_a_question_is_embedded_without_code_and_its_context_last() -> None:
    asked = question_text("Why?", "It fails.\n```\nx = 1\n```", "Before: pools")
    assert asked == "Why?\n\nIt fails.\n\nBefore: pools"
    assert question_text("", "", "") == ""
    assert len(question_text("title", "word " * 10_000)) == 2_000


async def test_another_key_is_used_from_then_on_by_every_model_of_the_endpoint(
    server: ModelServer,
) -> None:
    embedder = OpenAIEmbedder(MODEL, "wrong", server.base_url, retries=0)
    held = embedder.with_model(MODEL)
    with pytest.raises(RefusedError):
        await held.embed(["a"])
    embedder.move_to("right", server.base_url)
    assert await embedder.embed(["a"]) == await held.embed(["a"])
    await embedder.close()
