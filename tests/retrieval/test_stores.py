"""What every vector store does: the embedded one, and the one on a Qdrant server.

The server's store runs over the client's in-memory mode, over HTTP against a recorder that
validates each request and answers by way of that mode, and, where QDRANT_URL is set, over a real
server. The first two do not show that a real server works.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import AsyncQdrantClient

from docbot.errors import GoneError, PermanentError
from docbot.retrieval.edge import EdgeStore
from docbot.retrieval.places import server_address
from docbot.retrieval.qdrant import QdrantServer
from docbot.retrieval.server import ServerStore
from docbot.retrieval.store import Row, Sparse, VectorStore
from tests.conftest import GIVEN_QDRANT_API_KEY, GIVEN_QDRANT_URL
from tests.qdrant_server import QdrantRecorder
from tests.retrieval.rows import (
    DIMENSIONS,
    MEANING,
    QUERY,
    best,
    bm25,
    cosine,
    opened,
    some_rows,
    streamed,
)

# The in-memory mode says, once each, that it searches exactly and without payload indexes.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),
]


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[VectorStore]:
    store = EdgeStore(folder / "index")
    yield store
    await store.close()


@asynccontextmanager
async def embedded_in_parts(folder: Path) -> AsyncIterator[VectorStore]:
    store = EdgeStore(folder / "index", part_bytes=10_000)
    yield store
    await store.close()


@asynccontextmanager
async def in_memory(folder: Path) -> AsyncIterator[VectorStore]:
    store = ServerStore(QdrantServer(AsyncQdrantClient(":memory:"), "memory"), "test")
    yield store
    await store.close()


@asynccontextmanager
async def recorded(folder: Path) -> AsyncIterator[VectorStore]:
    async with QdrantRecorder.open(key="right") as recorder:
        store = ServerStore(QdrantServer.connect(recorder.url, "right"), "test")
        yield store
        await store.close()
        assert recorder.violations == []


@asynccontextmanager
async def real(folder: Path) -> AsyncIterator[VectorStore]:
    if GIVEN_QDRANT_URL is None:
        pytest.skip("not tried against a real Qdrant server: set QDRANT_URL to do so")
    server = QdrantServer.connect(server_address(GIVEN_QDRANT_URL), GIVEN_QDRANT_API_KEY)
    store = ServerStore(server, f"test{uuid4().hex[:12]}")
    yield store
    for name in await store.names():
        await store.drop(name)
    await store.close()


@pytest.fixture(params=[embedded, embedded_in_parts, in_memory, recorded, real])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorStore]:
    opening: AbstractAsyncContextManager[VectorStore] = request.param(tmp_path)
    async with opening as store:
        yield store


@pytest.mark.parametrize("sources", [[0], [1, 2], [0, 1, 2]])
async def test_both_sides_are_exact_with_idf_over_the_sources_asked(
    store: VectorStore, sources: list[int]
) -> None:
    rows = some_rows(1_200)
    hits = await (await opened(store, rows)).search(QUERY, MEANING, sources, 50)
    by_words = bm25(rows, QUERY, sources)
    by_meaning = {
        row.chunk: cosine(row.dense or [], MEANING) for row in rows if row.source in sources
    }
    assert {hit.chunk for hit in hits} == best(by_words, 50) | best(by_meaning, 50)
    for hit in hits:
        assert hit.lexical == pytest.approx(by_words[hit.chunk], abs=1e-5)
        assert hit.dense == pytest.approx(by_meaning[hit.chunk], abs=1e-5)


async def test_the_best_words_come_first_and_equal_scores_by_id(store: VectorStore) -> None:
    same = Sparse((5,), (1.0,))
    chunks = list(range(1, 31))
    random.Random(3).shuffle(chunks)
    rows = [Row(chunk, chunk % 3, same, [1.0] * DIMENSIONS) for chunk in chunks]
    rows.append(Row(31, 0, Sparse((5,), (2.0,)), [1.0] * DIMENSIONS))
    hits = await (await opened(store, rows)).search(same, [1.0] * DIMENSIONS, [0, 1, 2], 5)
    assert [hit.chunk for hit in hits] == [31, 1, 2, 3, 4, 5]  # 5 by words, 1 to 5 by meaning


async def test_a_generation_without_embeddings_is_searched_by_words_alone(
    store: VectorStore,
) -> None:
    rows = some_rows(50, dimensions=0)
    index = await opened(store, rows, dimensions=0)
    hits = await index.search(QUERY, None, [0, 1, 2], 5)
    assert {hit.chunk for hit in hits} == best(bm25(rows, QUERY, [0, 1, 2]), 5)
    assert all(hit.dense is None for hit in hits)
    assert await index.search(QUERY, MEANING, [0, 1, 2], 5) == hits


async def test_a_question_without_embedding_is_searched_by_words_alone(store: VectorStore) -> None:
    hits = await (await opened(store, some_rows(50))).search(QUERY, None, [0, 1, 2], 5)
    assert len(hits) == 5
    assert all(hit.dense is None for hit in hits)


async def test_a_question_without_words_is_searched_by_meaning_alone(store: VectorStore) -> None:
    index = await opened(store, some_rows(50))
    hits = await index.search(Sparse((), ()), MEANING, [0, 1, 2], 5)
    assert len(hits) == 5
    assert all(hit.lexical == 0 and hit.dense is not None for hit in hits)
    assert await index.search(Sparse((), ()), None, [0, 1, 2], 5) == []


async def test_chunks_without_words_or_embedding_are_counted_and_found_by_the_other_side(
    store: VectorStore,
) -> None:
    rows = [
        Row(1, 0, Sparse((), ()), [1.0] * DIMENSIONS),
        Row(2, 0, Sparse((3,), (1.0,)), None),
    ]
    index = await opened(store, rows)
    assert await index.count() == 2
    found = {hit.chunk: hit for hit in await index.search(QUERY, [1.0] * DIMENSIONS, [0], 5)}
    assert found[1].lexical == 0
    assert found[1].dense == pytest.approx(1.0)
    assert found[2].lexical > 0
    assert found[2].dense is None


async def test_no_source_and_an_unknown_source_give_no_hit(store: VectorStore) -> None:
    index = await opened(store, some_rows(50))
    assert await index.search(QUERY, MEANING, [], 5) == []
    assert await index.search(QUERY, MEANING, [99], 5) == []


async def test_an_embedding_of_another_length_is_refused_with_what_to_do(
    store: VectorStore,
) -> None:
    index = await opened(store, some_rows(5))
    with pytest.raises(PermanentError, match=r"8 numbers.* has 3.*docbot sync"):
        await index.search(QUERY, [1.0, 2.0, 3.0], [0], 5)


async def test_the_words_of_a_chunk_are_read_as_they_were_written(store: VectorStore) -> None:
    rows = some_rows(50)
    rows.append(Row(51, 0, Sparse((), ()), [1.0] * DIMENSIONS))
    index = await opened(store, rows)
    found = await index.words_of([7, 51, 99])
    assert found.keys() == {7, 51}
    assert found[51] == Sparse((), ())
    read = dict(zip(found[7].ids, found[7].weights, strict=True))
    written = dict(zip(rows[6].lexical.ids, rows[6].lexical.weights, strict=True))
    assert read == pytest.approx(written, abs=1e-6)
    assert await index.words_of([]) == {}


async def test_an_empty_generation_is_a_generation(store: VectorStore) -> None:
    index = await opened(store, [])
    assert await index.count() == 0
    assert await index.search(QUERY, MEANING, [0], 5) == []


async def test_a_generation_is_never_built_over(store: VectorStore) -> None:
    await opened(store, some_rows(5))
    with pytest.raises(PermanentError, match="exists already"):
        await store.build("g1", DIMENSIONS, streamed(some_rows(6)))
    assert await (await store.open("g1")).count() == 5


async def test_a_chunk_given_twice_is_refused(store: VectorStore) -> None:
    with pytest.raises(PermanentError, match="chunk 1 was given twice"):
        await store.build("g1", DIMENSIONS, streamed([*some_rows(600), *some_rows(1)]))
    assert await store.names() == []


async def test_a_generation_that_is_not_there_is_told_from_a_damaged_one(
    store: VectorStore,
) -> None:
    with pytest.raises(GoneError, match="g7"):
        await store.open("g7")


@pytest.mark.parametrize("name", ["", "..", "a/b", "g1.new", "-x", "g" * 101])
async def test_a_name_that_is_no_folder_of_its_own_is_refused(
    store: VectorStore, name: str
) -> None:
    for call in (store.open(name), store.drop(name), store.build(name, 0, streamed([]))):
        with pytest.raises(PermanentError, match="cannot name an index"):
            await call


async def test_a_build_that_fails_leaves_nothing(store: VectorStore) -> None:
    rows = [*some_rows(600), Row(601, 0, Sparse((1, 1), (1.0, 1.0)), None)]
    with pytest.raises(PermanentError, match="chunk 601"):
        await store.build("g1", DIMENSIONS, streamed(rows))
    assert await store.names() == []


async def test_a_build_that_is_cancelled_leaves_nothing(store: VectorStore) -> None:
    def rows() -> Iterator[Row]:
        yield from some_rows(600)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await store.build("g1", DIMENSIONS, streamed(rows()))
    assert await store.names() == []


async def test_a_generation_is_named_until_it_is_dropped_and_dropped_twice_without_error(
    store: VectorStore,
) -> None:
    await store.build("g2", DIMENSIONS, streamed(some_rows(5)))
    await store.build("g1", DIMENSIONS, streamed(some_rows(5)))
    assert await store.names() == ["g1", "g2"]
    await store.drop("g1")
    await store.drop("g1")
    assert await store.names() == ["g2"]
    with pytest.raises(GoneError, match="g1"):
        await store.open("g1")
