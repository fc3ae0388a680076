import json
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from qdrant_client import models

from docbot.errors import DocbotError, GoneError, RefusedError, TransientError
from docbot.retrieval.places import ServerPlace, is_sent_in_clear, server_address
from docbot.retrieval.qdrant import QdrantServer, is_too_old
from docbot.retrieval.server import CollectionInfo, ServerStore
from docbot.retrieval.store import Row
from tests.qdrant_server import Cut, Fault, Hang, Html, QdrantRecorder, Status
from tests.retrieval.rows import DIMENSIONS, MEANING, QUERY, opened, some_rows, streamed

KEY = "a-key-that-nobody-may-read"


@pytest.fixture
async def recorder() -> AsyncIterator[QdrantRecorder]:
    async with QdrantRecorder.open(key=KEY) as recorder:
        yield recorder
        assert recorder.violations == []


@pytest.fixture
async def store(recorder: QdrantRecorder) -> AsyncIterator[ServerStore]:
    store = store_at(recorder.url)
    yield store
    await store.close()


def store_at(
    url: str, *, key: str | None = KEY, installation: str = "here", seconds: float = 10
) -> ServerStore:
    server = QdrantServer.connect(url, key, read_seconds=seconds, write_seconds=seconds)
    return ServerStore(server, installation)


async def test_a_collection_is_made_for_exact_search_with_one_shard_and_no_quantisation(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    assert await recorder.names() == ["docbot_here_g1"]
    [made] = recorder.bodies(models.CreateCollection)
    assert made.shard_number == 1
    assert made.quantization_config is None
    assert made.hnsw_config is not None
    assert made.hnsw_config.m == 0
    assert made.sparse_vectors is not None
    assert made.sparse_vectors["lexical"].modifier == models.Modifier.IDF
    assert isinstance(made.vectors, dict)
    assert made.vectors["dense"].size == DIMENSIONS
    assert made.vectors["dense"].quantization_config is None
    [index] = recorder.bodies(models.CreateFieldIndex)
    assert index.field_name == "source"
    assert isinstance(index.field_schema, models.IntegerIndexParams)


async def test_rows_are_written_in_batches_each_waited_for(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    await store.build("g1", DIMENSIONS, streamed(some_rows(250)))
    assert [len(body.points) for body in recorder.bodies(models.PointsList)] == [100, 100, 50]
    written = [each.path for each in recorder.requests if "/points?" in each.path]
    assert all("wait=true" in path for path in written)
    assert len(written) == 3


async def test_each_search_is_exact_and_counts_idf_over_the_sources_asked(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    index = await opened(store, some_rows(300))
    await index.search(QUERY, MEANING, [2, 0], 5)
    searches = [
        each for batch in recorder.bodies(models.QueryRequestBatch) for each in batch.searches
    ]
    asked = models.FieldCondition(key="source", match=models.MatchAny(any=[0, 2]))
    assert [each.using for each in searches] == ["lexical", "dense", "lexical", "dense"]
    for search in searches:
        assert search.params is not None
        assert search.params.exact
        assert search.filter is not None
        assert isinstance(search.filter.must, list)
        assert asked in search.filter.must
        if search.using == "lexical":
            corpus = models.IdfCorpusParams(corpus=models.Filter(must=[asked]))
            assert search.params.idf == corpus


async def test_every_request_carries_the_key(store: ServerStore, recorder: QdrantRecorder) -> None:
    await opened(store, some_rows(5))
    assert {each.key for each in recorder.requests} == {KEY}


async def test_collections_of_another_installation_are_not_seen_and_not_dropped(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    other = store_at(recorder.url, installation="here2")
    await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    await other.build("g1", DIMENSIONS, streamed(some_rows(7)))
    assert await store.names() == ["g1"]
    await store.drop("g1")
    assert await store.names() == []
    assert await other.describe("g1") == CollectionInfo(7, DIMENSIONS)
    await other.close()


async def test_a_collection_is_described_and_a_missing_one_is_none(store: ServerStore) -> None:
    await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    await store.build("g2", 0, streamed(some_rows(3, dimensions=0)))
    assert await store.describe("g1") == CollectionInfo(5, DIMENSIONS)
    assert await store.describe("g2") == CollectionInfo(3, 0)
    assert await store.describe("g3") is None


async def test_a_search_of_a_dropped_generation_says_that_it_is_gone(store: ServerStore) -> None:
    index = await opened(store, some_rows(5))
    await store.drop("g1")
    with pytest.raises(GoneError, match=r"docbot_here_g1.*docbot sync"):
        await index.search(QUERY, MEANING, [0], 5)
    with pytest.raises(GoneError, match=r"docbot_here_g1.*docbot sync"):
        await index.words_of([1])


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (Status(401), RefusedError, "QDRANT_API_KEY"),
        (
            Status(403, "Forbidden: Global manage access is required"),
            RefusedError,
            "QDRANT_API_KEY",
        ),
        (Status(507, "quota"), RefusedError, "no space left"),
        (
            Status(500, "Service internal error: No space left on device (os error 28)"),
            RefusedError,
            "no space left",
        ),
        (Status(400, "Wrong input: unknown field"), RefusedError, "unknown field"),
        (Html(200), RefusedError, "none of Qdrant's.*QDRANT_URL"),
        (Html(404), RefusedError, "none of Qdrant's.*QDRANT_URL"),
    ],
)
async def test_what_no_second_try_changes_is_asked_once_and_said_with_what_to_do(
    store: ServerStore,
    recorder: QdrantRecorder,
    fault: Fault,
    kind: type[DocbotError],
    said: str,
) -> None:
    recorder.fail(fault, 9)
    with pytest.raises(kind, match=rf"Qdrant at {re.escape(recorder.url)}.*{said}") as error:
        await store.names()
    assert KEY not in str(error.value)
    assert len(recorder.waiting_faults()) == 8


@pytest.mark.parametrize("fault", [Status(503), Status(429), Status(500), Html(502), Cut()])
async def test_what_may_pass_is_tried_again_a_few_times(
    store: ServerStore, recorder: QdrantRecorder, fault: Fault
) -> None:
    recorder.fail(fault, 2)
    assert await store.names() == []
    recorder.fail(fault, 3)
    with pytest.raises(TransientError, match=re.escape(recorder.url)):
        await store.names()
    assert recorder.waiting_faults() == []


async def test_a_server_that_asks_for_a_long_pause_is_not_waited_for(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    recorder.fail(Status(429, "too many", {"Retry-After": "60"}))
    with pytest.raises(TransientError, match="too many") as error:
        await store.names()
    assert error.value.retry_after == 60


async def test_a_pause_that_is_asked_for_as_a_date_is_drawn_instead(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    date = "Sat, 21 Nov 2026 12:00:00 GMT"
    recorder.fail(Status(429, "too many", {"Retry-After": date}))
    assert await store.names() == []


async def test_a_server_that_is_down_is_told_from_one_that_refuses() -> None:
    async with QdrantRecorder.open() as recorder:
        url = recorder.url
    store = store_at(url)
    for call in (
        store.names(),
        store.open("g1"),
        store.build("g1", 2, streamed([])),
        store.round_trip(),
    ):
        with pytest.raises(TransientError, match=r"cannot be reached.*QDRANT_URL") as error:
            await call
        assert KEY not in str(error.value)
    await store.close()


async def test_a_server_that_does_not_answer_is_not_waited_for(recorder: QdrantRecorder) -> None:
    store = store_at(recorder.url, seconds=0.2)
    recorder.fail(Hang())
    with pytest.raises(TransientError, match=r"no answer within 0\.2 seconds"):
        await store.names()
    await store.close()


async def test_a_wrong_key_is_refused_before_anything_is_built(recorder: QdrantRecorder) -> None:
    store = store_at(recorder.url, key="wrong")
    with pytest.raises(RefusedError, match="QDRANT_API_KEY"):
        await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    await store.close()
    assert await recorder.names() == []


@pytest.mark.parametrize("version", ["1.18.3", "0.11.0", "no version"])
async def test_a_server_too_old_for_idf_by_source_is_refused(version: str) -> None:
    async with QdrantRecorder.open(version=version) as recorder:
        store = store_at(recorder.url)
        for call in (store.open("g1"), store.build("g1", DIMENSIONS, streamed(some_rows(5)))):
            with pytest.raises(RefusedError, match=rf"version {version}.*1\.19 or later.*update"):
                await call
        assert await store.version() == version
        assert await recorder.names() == []
        await store.close()


@pytest.mark.parametrize("version", ["1.19.0", "1.20.1-dev", "v2.0.0"])
def test_later_versions_are_new_enough(version: str) -> None:
    assert not is_too_old(version)


# In the order of a build: making the collection, its index, its points.
@pytest.mark.parametrize("step", ["PUT /collections/docbot_here_g1", "/index", "/points"])
@pytest.mark.parametrize("fault", [Status(500, "No space left on device"), Cut(done=True)])
async def test_a_build_that_fails_on_the_server_leaves_no_collection(
    store: ServerStore, recorder: QdrantRecorder, step: str, fault: Fault
) -> None:
    recorder.fail(fault, 3, on=step)
    with pytest.raises((RefusedError, TransientError)):
        await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    recorder.forgive()
    assert await recorder.names() == []


async def test_a_batch_whose_answer_was_lost_is_written_again(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    recorder.fail(Cut(done=True), on="/points")
    assert await store.build("g1", DIMENSIONS, streamed(some_rows(5))) == 5
    assert await (await store.open("g1")).count() == 5


async def test_what_a_failed_build_leaves_on_a_server_that_went_is_told(
    recorder: QdrantRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_at(recorder.url, seconds=0.3)

    def rows() -> Iterator[Row]:
        recorder.fail(Hang(), 9)
        yield from some_rows(5)

    with caplog.at_level(logging.WARNING), pytest.raises(TransientError, match="writing 5 points"):
        await store.build("g1", DIMENSIONS, streamed(rows()))
    assert "not cleared after a failure" in caplog.text
    assert "docbot_here_g1" in caplog.text
    assert await recorder.names() == ["docbot_here_g1"]
    await store.close()


async def test_a_round_trip_leaves_the_server_as_it_was(
    store: ServerStore, recorder: QdrantRecorder
) -> None:
    await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    await store.round_trip()
    assert await recorder.names() == ["docbot_here_g1"]
    made = recorder.bodies(models.CreateCollection)
    assert len(made) == 2


@pytest.mark.parametrize("step", ["/points", "/points/query"])
async def test_a_round_trip_that_fails_leaves_no_collection(
    store: ServerStore, recorder: QdrantRecorder, step: str
) -> None:
    recorder.fail(Status(507, "quota"), on=step)
    with pytest.raises(RefusedError, match="no space left"):
        await store.round_trip()
    assert await recorder.names() == []


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://qdrant", "http://qdrant:6333"),
        ("https://qdrant.example.org:443", "https://qdrant.example.org:443"),
        ("https://example.org/vectors/", "https://example.org:6333/vectors"),
        ("http://[::1]:6333", "http://[::1]:6333"),
        ("http://someone:secret@qdrant:6333", "http://qdrant:6333"),
    ],
)
def test_an_address_has_its_port_and_no_password(url: str, address: str) -> None:
    assert server_address(url) == address


@pytest.mark.parametrize(
    ("url", "in_clear"),
    [
        ("http://qdrant:6333", True),
        ("http://192.0.2.7:6333", True),
        ("https://qdrant:6333", False),
        ("http://localhost:6333", False),
        ("http://127.0.0.1:6333", False),
        ("http://[::1]:6333", False),
    ],
)
def test_a_key_that_crosses_a_network_without_tls_is_told(url: str, *, in_clear: bool) -> None:
    assert is_sent_in_clear(url) is in_clear


def test_no_place_shows_its_key() -> None:
    place = ServerPlace("http://someone:secret@qdrant", KEY, "here")
    assert KEY not in repr(place)
    assert str(place) == "Qdrant at http://qdrant:6333"


def test_each_place_needs_its_own_library_alone() -> None:
    script = """
import json, sys
sys.modules["qdrant_edge"] = None
import docbot.app.run, docbot.app.reading
before = "qdrant_client" in sys.modules
from docbot.retrieval.places import ServerPlace
store = ServerPlace("http://127.0.0.1:1", "k", "here").open()
print(json.dumps([before, type(store).__name__]))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(run.stdout) == [False, "ServerStore"]
