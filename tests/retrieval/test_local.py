import asyncio
import importlib.util
import math
import multiprocessing
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from docbot.errors import RefusedError, TakenError, TransientError
from docbot.retrieval.embedder import OpenAIEmbedder
from docbot.retrieval.embedders import AnyEmbedder
from docbot.retrieval.local import LocalModels
from docbot.retrieval.local_model import Prompts, prompts_of
from tests.model_server import ModelServer
from tests.retrieval.tiny_model import (
    BGE,
    BGE_REPOSITORY,
    DIMENSIONS,
    MINI,
    MINI_REPOSITORY,
    hub,
    model_files,
    put,
)

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("fastembed") is None,
    reason="docbot[local-embeddings] is not installed",
)
lacks_extra = pytest.mark.skipif(
    importlib.util.find_spec("fastembed") is not None,
    reason="docbot[local-embeddings] is installed",
)


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[LocalModels]:
    models = LocalModels(tmp_path / "models")
    yield models
    models.close()


@pytest.fixture
def mini(models: LocalModels) -> str:
    put(models.place(MINI), MINI_REPOSITORY, model_files())
    return f"local:{MINI}"


class Seen:
    def __init__(self) -> None:
        self.megabytes: list[int] = []

    def at(self, done: int) -> None:
        self.megabytes.append(done)


def cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        (MINI, Prompts()),
        ("BAAI/bge-base-en", prompts_of(BGE)),
        ("nomic-ai/nomic-embed-text-v1.5-Q", Prompts("search_query: ", "search_document: ")),
        ("intfloat/multilingual-e5-large", Prompts("query: ", "passage: ")),
    ],
)
def test_each_model_reads_questions_and_passages_as_it_was_trained_to(
    name: str, prompts: Prompts
) -> None:
    assert prompts_of(name) == prompts
    assert prompts_of("BAAI/bge-small-zh-v1.5") != prompts_of(BGE) != Prompts()


@lacks_extra
def test_without_the_extra_the_error_says_how_to_install_it(models: LocalModels) -> None:
    with pytest.raises(RefusedError, match=r"pip install 'docbot\[local-embeddings\]'"):
        models.embedder(f"local:{MINI}")


@needs_extra
def test_a_model_that_was_not_fetched_is_refused_with_the_command(models: LocalModels) -> None:
    with pytest.raises(RefusedError, match=f"docbot models fetch {MINI}"):
        models.embedder(f"local:{MINI}")


def test_a_models_folder_lies_in_the_folder_of_models(models: LocalModels, tmp_path: Path) -> None:
    assert models.place("Org/Name.v2") == tmp_path / "models" / "org--name.v2"


async def test_an_endpoints_model_without_an_endpoint_is_refused_with_its_name(
    models: LocalModels,
) -> None:
    with pytest.raises(RefusedError, match="model text-small is of an endpoint, and neither"):
        AnyEmbedder("text-small", models, None)


@needs_extra
async def test_models_of_both_kinds_follow_one_another(models: LocalModels, mini: str) -> None:
    async with ModelServer.open() as server:
        endpoint = OpenAIEmbedder("test-embedding", None, server.base_url, retries=0)
        embedder = AnyEmbedder(mini, models, endpoint)
        before = embedder.with_model("test-embedding")
        assert (embedder.model, before.model) == (mini, "test-embedding")
        assert len((await embedder.embed_questions(["forum"]))[0]) == DIMENSIONS
        assert await before.embed_questions(["forum"]) == await before.embed(["forum"])
        [request] = {request.body["model"] for request in server.requests}
        assert request == "test-embedding"
        await embedder.close()


@needs_extra
async def test_vectors_come_in_order_and_of_unit_length_without_any_network(
    models: LocalModels, mini: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    embedder = models.embedder(mini)
    texts = ["install docker", "bind forum", *["sync"] * 70]
    vectors = await embedder.embed(texts)
    assert len(vectors) == len(texts)
    assert all(math.hypot(*vector) == pytest.approx(1) for vector in vectors)
    [found] = await embedder.embed_questions(["forum ?"])
    assert max(range(len(texts)), key=lambda place: cosine(found, vectors[place])) == 1


@needs_extra
async def test_a_question_is_read_with_its_models_words_before_it(models: LocalModels) -> None:
    put(models.place(BGE), BGE_REPOSITORY, model_files("model_optimized.onnx"))
    embedder = models.embedder(f"local:{BGE}")  # which goes by a text's first word
    [passage, other] = await embedder.embed(["forum", "docker"])
    assert cosine(passage, other) < 0.5
    [represent] = await embedder.embed(["represent"])
    assert (await embedder.embed_questions(["forum"]))[0] == pytest.approx(represent)


@needs_extra
async def test_a_process_that_dies_is_followed_by_another(models: LocalModels, mini: str) -> None:
    embedder = models.embedder(mini)
    before = await embedder.embed_questions(["forum"])
    [process] = multiprocessing.active_children()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert await embedder.embed_questions(["forum"]) == before


@needs_extra
async def test_a_damaged_model_is_refused_with_what_to_do(models: LocalModels) -> None:
    put(models.place(MINI), MINI_REPOSITORY, {**model_files(), "model.onnx": b"not a model"})
    with pytest.raises(RefusedError, match=f"docbot models fetch {MINI}"):
        await models.embedder(f"local:{MINI}").embed(["forum"])


@needs_extra
async def test_the_loop_is_free_while_a_model_loads_and_works(
    models: LocalModels, mini: str
) -> None:
    late: list[float] = []

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            late.append(loop.time() - before)

    watching = asyncio.create_task(watch())
    await models.embedder(mini).embed(["install docker forum"] * 64)
    watching.cancel()
    late.sort()
    assert (
        late[len(late) * 99 // 100] < 0.25
    )  # a machine that is busy besides has pauses of its own


@needs_extra
async def test_a_model_is_fetched_whole_and_then_works_without_the_hub(
    models: LocalModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub(MINI_REPOSITORY, model_files()) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        await models.fetch(MINI, Seen())
    assert [place.name for place in models.place(MINI).parent.iterdir() if place.is_dir()] == [
        models.place(MINI).name
    ]
    [found] = await models.embedder(f"local:{MINI}").embed_questions(["forum"])
    assert len(found) == DIMENSIONS


@needs_extra
@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json"])
async def test_of_a_model_that_came_in_part_nothing_is_left(
    models: LocalModels, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    files = model_files()
    del files[missing]
    async with hub(MINI_REPOSITORY, files) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises((RefusedError, TransientError)):
            await models.fetch(MINI, Seen())
    assert not any(place.is_dir() for place in models.place(MINI).parent.iterdir())


@needs_extra
async def test_without_a_network_fetching_ends_soon_with_the_reason(
    models: LocalModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(TransientError, match="cannot be asked"):
        async with asyncio.timeout(30):
            await models.fetch(MINI, Seen())
    assert not models.is_fetched(MINI)


async def test_two_do_not_fetch_at_once(models: LocalModels, tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "models").mkdir()
    with (tmp_path / "models" / ".fetch.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TakenError, match="another process is fetching"):
            await models.fetch(MINI, Seen())


def closed_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
