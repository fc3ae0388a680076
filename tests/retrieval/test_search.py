import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from docbot.breaker import Breaker
from docbot.db.chunks import ChunkBeside, ChunkPlace, StoredChunk
from docbot.errors import GoneError, RefusedError, TransientError
from docbot.retrieval.edge import EdgeStore
from docbot.retrieval.embedder import Embedder, OpenAIEmbedder, embedding_text
from docbot.retrieval.lexical import document_vector
from docbot.retrieval.search import Query, Searcher
from docbot.retrieval.stages import Stages
from docbot.retrieval.store import Hit, Index, Row, Sparse
from docbot.retrieval.vocabulary import Vocabulary
from tests.model_server import DIMENSIONS, NO_QUOTA, Hang, ModelServer, Status, hashed_vector
from tests.retrieval.rows import streamed


@dataclass
class Shelf:
    """Chunks in a dict, as Postgres would give them."""

    chunks: dict[int, StoredChunk]
    asked: list[Sequence[int]] = field(default_factory=list)  # whose text was read
    asked_beside: list[Sequence[int]] = field(default_factory=list)
    removed_while_read: set[int] = field(default_factory=set)

    async def places(self, ids: Sequence[int]) -> dict[int, ChunkPlace]:
        sizes = Counter(chunk.page_id for chunk in self.chunks.values())
        pages = {
            chunk: ChunkPlace(self.chunks[chunk].page_id, sizes[self.chunks[chunk].page_id])
            for chunk in ids
            if chunk in self.chunks
        }
        for chunk in self.removed_while_read:
            del self.chunks[chunk]
        return pages

    async def get_many(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        self.asked.append(ids)
        return {chunk: self.chunks[chunk] for chunk in ids if chunk in self.chunks}

    async def beside(self, ids: Sequence[int], reach: int) -> list[ChunkBeside]:
        self.asked_beside.append(ids)
        known = [self.chunks[chunk] for chunk in ids if chunk in self.chunks]
        return [
            ChunkBeside(
                each.id, each.page_id, each.position, each.heading_path, each.url, each.text
            )
            for each in self.chunks.values()
            if each.id not in ids
            and any(
                (each.page_id, each.url) == (one.page_id, one.url)
                and abs(each.position - one.position) <= reach
                for one in known
            )
        ]


@dataclass
class Opened:
    """The index in use, and the model that it was built with."""

    index: Index | None
    embedding_model: str | None = None
    dimensions: int = DIMENSIONS
    vocabularies: dict[int, Vocabulary] = field(default_factory=dict)

    async def reach(self) -> Index | None:
        return self.index

    def let_go(self, gone: Index) -> None:
        assert gone is self.index
        self.index = None


def chunk(number: int, page: int, title: str, text: str, source: int = 1) -> StoredChunk:
    url = f"https://docs.example/{title.lower()}.html#part-{number}"
    return StoredChunk(
        number, page, source, f"source-{source}", title, ("Part",), url, text, number
    )


CHUNKS = [
    chunk(1, 10, "Pools", "A pool limits how many slots are taken at once."),
    chunk(2, 10, "Pools", "Slots of the default pool can be raised."),
    chunk(3, 20, "Scheduler", "The scheduler starts tasks whose turn it is."),
    chunk(4, 30, "Webserver", "The webserver shows the state of each task."),
    chunk(5, 40, "Pools", "Slots and pools of another project.", source=2),
]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({each.id: each for each in CHUNKS})


MODEL = "test-embedding"


async def indexed(folder: Path, model: str | None = None) -> Opened:
    dimensions = DIMENSIONS if model else 0
    store = EdgeStore(folder)
    rows = [
        Row(
            each.id,
            each.source_id,
            document_vector(each.title, each.heading_path, each.url, each.text),
            hashed_vector(embedding_text(each.title, each.heading_path, each.text))
            if model
            else None,
        )
        for each in CHUNKS
    ]
    await store.build("g1", dimensions, streamed(rows))
    return Opened(await store.open("g1"), model)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer.open() as server:
        yield server


@pytest.fixture
async def embedder(server: ModelServer) -> AsyncIterator[OpenAIEmbedder]:
    embedder = OpenAIEmbedder(MODEL, None, server.base_url, retries=0)
    yield embedder
    await embedder.close()


QUESTION = Query("How do I raise the slots of a pool?", "Please help!")


async def test_a_page_that_is_left_out_is_neither_ranked_nor_read(
    shelf: Shelf, tmp_path: Path
) -> None:
    searcher = Searcher(await indexed(tmp_path), None, shelf)
    whole = await searcher.search(Query("pool slots scheduler", ""), [1])
    without = await searcher.search(Query("pool slots scheduler", ""), [1], without_pages=[10])
    assert {page.page for page in whole.pages} == {10, 20}
    assert [page.page for page in without.pages] == [20]
    assert [each.page_id for each in without.passages] == [20]


async def test_the_page_that_answers_comes_first_with_all_a_citation_needs(
    tmp_path: Path, shelf: Shelf
) -> None:
    index = await indexed(tmp_path)
    found = await Searcher(index, None, shelf).search(QUESTION, [1])
    best = found.passages[0]
    assert (best.rank, best.chunk_id, best.page_id, best.source) == (1, 2, 10, "source-1")
    assert best.url == "https://docs.example/pools.html#part-2"
    assert best.text == CHUNKS[1].text
    assert best.lexical > 0
    assert best.dense is None
    assert (found.indexed, found.dense_used, found.warning) == (True, False, None)
    assert set(found.timings_ms) == {"embed", "search", "read", "rank"}


async def test_passages_are_ranked_by_score_and_kept_to_the_limit(
    tmp_path: Path, shelf: Shelf
) -> None:
    index = await indexed(tmp_path)
    found = await Searcher(index, None, shelf).search(Query("pool task", ""), [1], limit=3)
    assert [passage.rank for passage in found.passages] == [1, 2, 3]
    scores = [passage.score for passage in found.passages]
    assert scores == sorted(scores, reverse=True)


async def test_only_the_sources_asked_are_searched(tmp_path: Path, shelf: Shelf) -> None:
    index = await indexed(tmp_path)
    searcher = Searcher(index, None, shelf)
    assert {p.source for p in (await searcher.search(QUESTION, [1])).passages} == {"source-1"}
    assert {p.source for p in (await searcher.search(QUESTION, [2])).passages} == {"source-2"}
    assert (await searcher.search(QUESTION, [])).passages == []


async def test_with_a_model_both_sides_are_scored(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder
) -> None:
    index = await indexed(tmp_path, MODEL)
    found = await Searcher(index, embedder, shelf).search(QUESTION, [1])
    assert found.dense_used
    assert found.passages[0].page_id == 10
    assert len(found.passages) == 4  # meaning finds every chunk, words only some
    assert all(passage.dense is not None for passage in found.passages)


async def test_an_index_without_vectors_is_searched_by_words_and_asks_the_model_nothing(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    found = await Searcher(await indexed(tmp_path), embedder, shelf).search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert not found.dense_used
    assert "`docbot sync` makes those of model test-embedding" in (found.warning or "")
    assert server.requests == []


async def test_an_index_of_another_model_is_searched_with_that_model(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    server.models.append("older")
    found = await Searcher(await indexed(tmp_path, "older"), embedder, shelf).search(QUESTION, [1])
    assert (found.dense_used, found.warning) == (True, None)
    assert [request.body["model"] for request in server.requests] == ["older"]


async def test_an_index_of_a_model_that_is_gone_is_searched_by_words_and_that_is_logged_once(
    tmp_path: Path,
    shelf: Shelf,
    embedder: OpenAIEmbedder,
    server: ModelServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    searcher = Searcher(await indexed(tmp_path, "retired"), embedder, shelf)
    with caplog.at_level(logging.WARNING):
        for _ in range(6):
            found = await searcher.search(QUESTION, [1])
            assert found.passages[0].page_id == 10
            assert not found.dense_used
    assert len(server.requests) == 3
    [line] = [record.getMessage() for record in caplog.records]
    assert f"model retired at {server.base_url}" in line
    assert "was retired" in line


async def test_an_endpoint_that_is_dead_is_soon_not_waited_for_and_found_again_when_back(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    now = [0.0]
    searcher = Searcher(
        await indexed(tmp_path, MODEL),
        embedder,
        shelf,
        breaker=lambda: Breaker(failures=2, rest_seconds=30, clock=lambda: now[0]),
    )

    async def used() -> bool:
        return (await searcher.search(QUESTION, [1])).dense_used

    server.fail(Status(503), times=2)
    assert [await used() for _ in range(4)] == [False] * 4
    assert len(server.requests) == 2
    now[0] = 30.0
    assert [await used() for _ in range(2)] == [True] * 2


async def test_an_index_with_vectors_is_searched_by_words_when_no_model_is_set(
    tmp_path: Path, shelf: Shelf
) -> None:
    found = await Searcher(await indexed(tmp_path, MODEL), None, shelf).search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert (found.dense_used, found.warning) == (False, None)


class Swapping:
    """An embedder whose index is replaced by one of another model while it is asked."""

    def __init__(self, index: Opened, models: Sequence[str | None]) -> None:
        self.model = MODEL
        self._index = index
        self._models = list(models)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self._models:
            self._index.embedding_model = self._models.pop(0)
        return [hashed_vector(text) for text in texts]

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        return await self.embed(texts)

    def with_model(self, model: str) -> Embedder:
        return self


class Elsewhere(Swapping):
    """An embedder that has its own model alone."""

    def with_model(self, model: str) -> Embedder:
        raise RefusedError(f"model {model} is not to be had")


async def test_an_index_of_a_model_that_is_not_to_be_had_is_searched_by_words(
    tmp_path: Path, shelf: Shelf
) -> None:
    index = await indexed(tmp_path, "local:Org/Name")
    found = await Searcher(index, Elsewhere(index, []), shelf).search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert not found.dense_used
    assert found.warning == "searched by words alone: model local:Org/Name is not to be had"


@pytest.mark.parametrize(
    ("models", "used"), [(["b"], True), ([None], False), (["b", "c", "d", "e"], False)]
)
async def test_an_index_of_another_model_that_comes_meanwhile_is_searched_as_it_can_be(
    tmp_path: Path, shelf: Shelf, models: list[str | None], used: bool
) -> None:
    index = await indexed(tmp_path, MODEL)
    found = await Searcher(index, Swapping(index, models), shelf).search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert found.dense_used is used
    assert (found.warning is None) is used


async def test_an_endpoint_that_lets_a_search_wait_too_long_is_not_waited_for(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    server.fail(Hang())
    searcher = Searcher(await indexed(tmp_path, MODEL), embedder, shelf, embed_seconds=0.2)
    found = await searcher.search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert not found.dense_used
    assert "within 0.2 seconds" in (found.warning or "")


async def test_when_the_endpoint_is_out_of_reach_words_alone_are_searched(
    tmp_path: Path,
    shelf: Shelf,
    embedder: OpenAIEmbedder,
    server: ModelServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    index = await indexed(tmp_path, MODEL)
    server.fail(Status(503))
    with caplog.at_level(logging.INFO):
        found = await Searcher(index, embedder, shelf).search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert not found.dense_used
    assert found.warning is not None
    assert server.base_url in found.warning
    assert server.base_url in caplog.text


async def test_an_endpoint_that_refuses_leaves_a_search_by_words_with_a_warning(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    index = await indexed(tmp_path, MODEL)
    server.fail(NO_QUOTA)
    found = await Searcher(index, embedder, shelf).search(QUESTION, [1])
    assert found.passages
    assert not found.dense_used
    assert "no credit" in (found.warning or "")


class Shorter(Swapping):
    """An endpoint that has another model under the same name by now."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[0.6, 0.8] for _ in texts]


async def test_a_model_that_became_another_one_leaves_a_search_by_words_with_a_warning(
    tmp_path: Path, shelf: Shelf
) -> None:
    index = await indexed(tmp_path, MODEL)
    found = await Searcher(index, Shorter(index, []), shelf).search(QUESTION, [1])
    assert found.passages[0].page_id == 10
    assert not found.dense_used
    assert f"vectors of 2 numbers, the index holds such of {DIMENSIONS}" in (found.warning or "")


async def test_without_an_index_nothing_is_found_and_nothing_asked(
    shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    found = await Searcher(Opened(None), embedder, shelf).search(QUESTION, [1])
    assert (found.passages, found.indexed) == ([], False)
    assert shelf.asked == []
    assert server.requests == []


def counted(chunks: Sequence[StoredChunk]) -> Vocabulary:
    holding: Counter[int] = Counter()
    for each in chunks:
        vector = document_vector(each.title, each.heading_path, each.url, each.text)
        holding.update(vector.ids)
    return Vocabulary.counted(len(chunks), holding)


@dataclass
class Fading:
    """An index that is asked for words when it is gone, or has lost some."""

    index: Index
    words: dict[int, Sparse] | None = None

    async def search(
        self, lexical: Sparse, dense: Sequence[float] | None, sources: Collection[int], limit: int
    ) -> list[Hit]:
        return await self.index.search(lexical, dense, sources, limit)

    async def words_of(self, chunks: Collection[int]) -> dict[int, Sparse]:
        if self.words is None:
            raise GoneError("index g1 is gone")
        return self.words

    async def count(self) -> int:
        return await self.index.count()


async def test_what_a_search_tells_is_measured_by_the_words_that_the_index_holds(
    tmp_path: Path, shelf: Shelf
) -> None:
    index = await indexed(tmp_path)
    index.vocabularies = {1: counted(CHUNKS[:4])}
    whole = (await Searcher(index, None, shelf).search(Query("slots of a pool", ""), [1])).signals
    half = (await Searcher(index, None, shelf).search(Query("slots of a zebra", ""), [1])).signals
    assert whole
    assert half
    assert (whole.coverage, half.coverage) == (1, 0.5)
    assert 0 < half.strength < whole.strength < 1


async def test_an_index_that_is_gone_when_it_is_asked_for_words_is_let_go(
    tmp_path: Path, shelf: Shelf
) -> None:
    opened = await indexed(tmp_path)
    assert opened.index
    index = Opened(Fading(opened.index))
    found = await Searcher(index, None, shelf).search(QUESTION, [1])
    assert (found.indexed, index.index) == (False, None)


async def test_an_index_without_the_words_of_what_it_found_is_to_be_asked_again(
    tmp_path: Path, shelf: Shelf
) -> None:
    opened = await indexed(tmp_path)
    assert opened.index
    with pytest.raises(TransientError, match="does not hold the words"):
        await Searcher(Opened(Fading(opened.index, {})), None, shelf).search(QUESTION, [1])


async def test_chunks_removed_since_the_build_are_left_out(tmp_path: Path, shelf: Shelf) -> None:
    index = await indexed(tmp_path)
    del shelf.chunks[2]
    found = await Searcher(index, None, shelf).search(QUESTION, [1])
    assert 2 not in [passage.chunk_id for passage in found.passages]
    assert [passage.rank for passage in found.passages] == list(range(1, len(found.passages) + 1))


async def test_a_chunk_removed_while_it_is_read_is_left_out(tmp_path: Path, shelf: Shelf) -> None:
    index = await indexed(tmp_path)
    shelf.removed_while_read = {2}
    found = await Searcher(index, None, shelf).search(QUESTION, [1])
    assert [(passage.rank, passage.chunk_id) for passage in found.passages] == [(1, 1)]


async def test_the_text_of_a_few_chunks_more_than_wanted_is_read_at_once(
    tmp_path: Path, shelf: Shelf
) -> None:
    index = await indexed(tmp_path)
    query = Query("pool task", "")
    found = await Searcher(index, None, shelf).search(query, [1], limit=2, sections=True)
    [read] = shelf.asked
    assert [passage.chunk_id for passage in found.passages] == list(read[:2])
    assert len(read) == 4
    assert shelf.asked_beside == [list(read[:2])]


async def test_a_follow_up_is_understood_from_its_context(tmp_path: Path, shelf: Shelf) -> None:
    index = await indexed(tmp_path)
    searcher = Searcher(index, None, shelf)
    assert (await searcher.search(Query("How do I do that?", ""), [1])).passages == []
    found = await searcher.search(Query("How do I do that?", "", "About the scheduler"), [1])
    assert found.passages[0].page_id == 20


async def test_a_question_without_a_word_finds_nothing(
    tmp_path: Path, shelf: Shelf, embedder: OpenAIEmbedder, server: ModelServer
) -> None:
    index = await indexed(tmp_path, MODEL)
    found = await Searcher(index, embedder, shelf).search(Query("", " "), [1])
    assert (found.passages, found.indexed) == ([], True)
    assert server.requests == []


async def test_what_repeats_a_better_passage_is_left_out_and_the_next_takes_its_place(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.chunks[3] = replace(shelf.chunks[1], id=3, page_id=20, url="https://docs.example/p.html")
    index, query = await indexed(tmp_path), Query("pool task slots scheduler", "")
    found = await Searcher(index, None, shelf).search(query, [1], limit=3)
    assert {each.text for each in found.passages} == {CHUNKS[at].text for at in (0, 1, 3)}
    assert [each.rank for each in found.passages] == [1, 2, 3]
    plain = Searcher(index, None, shelf, stages=Stages(folded=False))
    texts = [each.text for each in (await plain.search(query, [1], limit=4)).passages]
    assert texts.count(CHUNKS[0].text) == 2


async def test_for_a_model_a_passage_comes_with_the_parts_of_its_section(
    tmp_path: Path, shelf: Shelf
) -> None:
    address = shelf.chunks[1].url
    shelf.chunks[2] = replace(shelf.chunks[2], url=address)
    shelf.chunks[6] = replace(shelf.chunks[2], id=6, position=3, text="No word of the question.")
    index, query = await indexed(tmp_path), Query("What limits it?", "")
    searcher = Searcher(index, None, shelf)
    [found] = (await searcher.search(query, [1], sections=True)).passages
    assert (found.chunk_id, found.text) == (1, CHUNKS[0].text)
    assert found.chunk_ids == (1, 2, 6)
    [asked_without] = (await searcher.search(query, [1])).passages
    assert asked_without.chunk_ids == (1,)
    plain = Searcher(index, None, shelf, stages=Stages(sections=False))
    [alone] = (await plain.search(query, [1], sections=True)).passages
    assert alone.chunk_ids == (1,)
