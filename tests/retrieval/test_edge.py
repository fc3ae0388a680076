import asyncio
import math
import multiprocessing
import os
import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from docbot.errors import GoneError, PermanentError, TransientError
from docbot.retrieval.edge import EdgeStore
from docbot.retrieval.store import Index, Row, Sparse, VectorStore

DIMENSIONS = 8


def some_rows(count: int, *, dimensions: int = DIMENSIONS, seed: int = 1) -> list[Row]:
    chance = random.Random(seed)
    return [
        Row(
            chunk=chunk,
            source=chunk % 3,
            lexical=Sparse(
                ids := tuple(sorted(chance.sample(range(40), 6))),
                tuple(chance.uniform(0.1, 3.0) for _ in ids),
            ),
            dense=[chance.gauss(0, 1) for _ in range(dimensions)] if dimensions else None,
        )
        for chunk in range(1, count + 1)
    ]


def bm25(rows: Sequence[Row], query: Sparse, sources: Sequence[int]) -> dict[int, float]:
    """By hand: IDF over the rows of the sources asked, ln(1 + (N - n + 1/2) / (n + 1/2))."""
    asked = [row for row in rows if row.source in sources]
    scores = dict.fromkeys((row.chunk for row in asked), 0.0)
    for term, weight in zip(query.ids, query.weights, strict=True):
        holders = sum(term in row.lexical.ids for row in asked)
        idf = math.log(1 + (len(asked) - holders + 0.5) / (holders + 0.5))
        for row in asked:
            own = dict(zip(row.lexical.ids, row.lexical.weights, strict=True))
            scores[row.chunk] += weight * idf * own.get(term, 0.0)
    return scores


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    product = sum(one * other for one, other in zip(left, right, strict=True))
    return product / math.hypot(*left) / math.hypot(*right)


def best(scores: dict[int, float], limit: int) -> set[int]:
    return set(sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:limit])


QUERY = Sparse((3, 11, 25), (1.0, 1.7, 0.3))
MEANING = [1.0, -0.5, 0.2, 0.0, 0.3, 0.9, -1.0, 0.1]


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    return EdgeStore(tmp_path / "index")


def opened(store: VectorStore, rows: Sequence[Row], dimensions: int = DIMENSIONS) -> Index:
    assert store.build("g1", dimensions, rows) == len(rows)
    return store.open("g1")


@pytest.mark.parametrize("sources", [[0], [1, 2], [0, 1, 2]])
def test_both_sides_are_exact_with_idf_over_the_sources_asked(
    store: EdgeStore, sources: list[int]
) -> None:
    rows = some_rows(1_200)
    hits = opened(store, rows).search(QUERY, MEANING, sources, 50)
    by_words = bm25(rows, QUERY, sources)
    by_meaning = {
        row.chunk: cosine(row.dense or [], MEANING) for row in rows if row.source in sources
    }
    assert {hit.chunk for hit in hits} == best(by_words, 50) | best(by_meaning, 50)
    for hit in hits:
        assert hit.lexical == pytest.approx(by_words[hit.chunk], abs=1e-5)
        assert hit.dense == pytest.approx(by_meaning[hit.chunk], abs=1e-5)


def test_the_best_words_come_first_and_equal_scores_by_id(store: EdgeStore) -> None:
    same = Sparse((5,), (1.0,))
    chunks = list(range(1, 31))
    random.Random(3).shuffle(chunks)
    rows = [Row(chunk, chunk % 3, same, [1.0] * DIMENSIONS) for chunk in chunks]
    rows.append(Row(31, 0, Sparse((5,), (2.0,)), [1.0] * DIMENSIONS))
    hits = opened(store, rows).search(same, [1.0] * DIMENSIONS, [0, 1, 2], 5)
    assert [hit.chunk for hit in hits] == [31, 1, 2, 3, 4, 5]  # 5 by words, 1 to 5 by meaning


def test_a_generation_without_embeddings_is_searched_by_words_alone(store: EdgeStore) -> None:
    rows = some_rows(50, dimensions=0)
    index = opened(store, rows, dimensions=0)
    hits = index.search(QUERY, None, [0, 1, 2], 5)
    assert {hit.chunk for hit in hits} == best(bm25(rows, QUERY, [0, 1, 2]), 5)
    assert all(hit.dense is None for hit in hits)
    assert index.search(QUERY, MEANING, [0, 1, 2], 5) == hits


def test_a_question_without_embedding_is_searched_by_words_alone(store: EdgeStore) -> None:
    hits = opened(store, some_rows(50)).search(QUERY, None, [0, 1, 2], 5)
    assert len(hits) == 5
    assert all(hit.dense is None for hit in hits)


def test_a_question_without_words_is_searched_by_meaning_alone(store: EdgeStore) -> None:
    index = opened(store, some_rows(50))
    hits = index.search(Sparse((), ()), MEANING, [0, 1, 2], 5)
    assert len(hits) == 5
    assert all(hit.lexical == 0 and hit.dense is not None for hit in hits)
    assert index.search(Sparse((), ()), None, [0, 1, 2], 5) == []


def test_chunks_without_words_or_embedding_are_counted_and_found_by_the_other_side(
    store: EdgeStore,
) -> None:
    rows = [
        Row(1, 0, Sparse((), ()), [1.0] * DIMENSIONS),
        Row(2, 0, Sparse((3,), (1.0,)), None),
    ]
    index = opened(store, rows)
    assert index.count() == 2
    found = {hit.chunk: hit for hit in index.search(QUERY, [1.0] * DIMENSIONS, [0], 5)}
    assert found[1].lexical == 0
    assert found[1].dense == pytest.approx(1.0)
    assert found[2].lexical > 0
    assert found[2].dense is None


def test_no_source_and_an_unknown_source_give_no_hit(store: EdgeStore) -> None:
    index = opened(store, some_rows(50))
    assert index.search(QUERY, MEANING, [], 5) == []
    assert index.search(QUERY, MEANING, [99], 5) == []


def test_an_embedding_of_another_length_is_refused_with_what_to_do(store: EdgeStore) -> None:
    index = opened(store, some_rows(5))
    with pytest.raises(PermanentError, match=r"8 numbers.* has 3.*docbot sync"):
        index.search(QUERY, [1.0, 2.0, 3.0], [0], 5)


def test_an_empty_generation_is_a_generation(store: EdgeStore) -> None:
    index = opened(store, [])
    assert index.count() == 0
    assert index.search(QUERY, MEANING, [0], 5) == []


def test_a_generation_is_named_once_it_is_whole_and_until_it_is_dropped(store: EdgeStore) -> None:
    assert store.names() == []

    def rows() -> Iterator[Row]:
        assert store.names() == []
        yield from some_rows(5)

    store.build("g1", DIMENSIONS, rows())
    assert store.names() == ["g1"]
    store.drop("g1")
    store.drop("g1")
    assert store.names() == []
    store.close()


def test_a_generation_is_never_built_over(store: EdgeStore) -> None:
    opened(store, some_rows(5))
    with pytest.raises(PermanentError, match="exists already"):
        store.build("g1", DIMENSIONS, some_rows(6))
    assert store.open("g1").count() == 5


def test_a_search_goes_on_while_another_generation_is_built_and_its_own_dropped(
    store: EdgeStore,
) -> None:
    index = opened(store, some_rows(700))
    before = index.search(QUERY, MEANING, [0, 1, 2], 20)

    def rows() -> Iterator[Row]:
        for row in some_rows(1_500, seed=2):
            if row.chunk % 400 == 0:
                assert index.search(QUERY, MEANING, [0, 1, 2], 20) == before
            yield row

    store.build("g2", DIMENSIONS, rows())
    store.drop("g1")
    assert index.search(QUERY, MEANING, [0, 1, 2], 20) == before
    assert store.open("g2").count() == 1_500


def test_two_readers_open_one_generation(store: EdgeStore, tmp_path: Path) -> None:
    first = opened(store, some_rows(50))
    second = EdgeStore(tmp_path / "index").open("g1")
    found = first.search(QUERY, MEANING, [0, 1, 2], 5)
    assert second.search(QUERY, MEANING, [0, 1, 2], 5) == found


def test_a_second_builder_waits_its_turn(store: EdgeStore, tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        with pytest.raises(TransientError, match="another process"):
            EdgeStore(tmp_path / "index").build("g2", DIMENSIONS, some_rows(5))
        yield from some_rows(5)

    store.build("g1", DIMENSIONS, rows())
    assert store.names() == ["g1"]


def _build_and_die(folder: Path) -> None:
    def rows() -> Iterator[Row]:
        yield from some_rows(1_200)
        os.kill(os.getpid(), signal.SIGKILL)

    EdgeStore(folder).build("g1", DIMENSIONS, rows())


def test_what_a_killed_build_left_is_no_generation_and_goes_with_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    child = multiprocessing.get_context("spawn").Process(target=_build_and_die, args=(folder,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (folder / "g1.new").is_dir()

    store = EdgeStore(folder)
    assert store.names() == []
    with pytest.raises(GoneError, match="does not exist"):
        store.open("g1")
    store.build("g2", DIMENSIONS, some_rows(5))
    assert not (folder / "g1.new").exists()


def test_a_build_that_fails_leaves_nothing(store: EdgeStore, tmp_path: Path) -> None:
    rows = [*some_rows(600), Row(601, 0, Sparse((1, 1), (1.0, 1.0)), None)]
    with pytest.raises(PermanentError, match="chunk 601"):
        store.build("g1", DIMENSIONS, rows)
    assert [path.name for path in (tmp_path / "index").iterdir()] == [".build.lock"]


def test_a_chunk_given_twice_is_refused(store: EdgeStore) -> None:
    with pytest.raises(PermanentError, match="chunk 1 was given twice"):
        store.build("g1", DIMENSIONS, [*some_rows(600), *some_rows(1)])


def test_a_build_that_is_cancelled_leaves_nothing(store: EdgeStore, tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        yield from some_rows(600)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        store.build("g1", DIMENSIONS, rows())
    assert not (tmp_path / "index" / "g1.new").exists()


def test_a_disk_with_too_little_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path, free_bytes=lambda folder: 64_500_000)
    with pytest.raises(PermanentError, match=r"64 MB free.* needs 7\d MB.*DOCBOT_DATA_DIR"):
        store.build("g1", DIMENSIONS, some_rows(3_000))
    assert store.names() == []


def test_a_disk_that_fills_up_meanwhile_is_refused_too(tmp_path: Path) -> None:
    room = iter([1_000_000_000, 1_000_000_000, 1_000])
    store = EdgeStore(tmp_path, free_bytes=lambda folder: next(room))
    with pytest.raises(PermanentError, match="0 MB free"):
        store.build("g1", DIMENSIONS, some_rows(3_000))
    assert store.names() == []


def test_a_generation_that_lost_its_points_is_noticed(store: EdgeStore, tmp_path: Path) -> None:
    opened(store, some_rows(50))
    store.build("empty", DIMENSIONS, [])
    points = tmp_path / "index" / "g1" / "points"
    shutil.rmtree(points)
    shutil.copytree(tmp_path / "index" / "empty" / "points", points)
    with pytest.raises(PermanentError, match="damaged: 0 chunks where 50 were written"):
        store.open("g1")


# By what Qdrant Edge does with each: an error, an empty shard, a panic.
@pytest.mark.parametrize("lost", ["segment.json", "version.info", "id_tracker.deleted"])
@pytest.mark.parametrize("emptied", [False, True])
def test_a_damaged_generation_is_refused_whatever_it_raises(
    store: EdgeStore, tmp_path: Path, lost: str, *, emptied: bool
) -> None:
    opened(store, some_rows(50))
    for path in (tmp_path / "index" / "g1" / "points" / "segments").glob(f"*/{lost}"):
        path.unlink()
        if emptied:
            path.touch()
    with pytest.raises(PermanentError, match="g1"):
        store.open("g1")


def test_a_generation_that_is_not_there_is_told_from_a_damaged_one(store: EdgeStore) -> None:
    with pytest.raises(GoneError, match="g7"):
        store.open("g7")


@pytest.mark.parametrize("name", ["", "..", "a/b", "g1.new", "-x", "g" * 101])
def test_a_name_that_is_no_folder_of_its_own_is_refused(store: EdgeStore, name: str) -> None:
    for call in (store.open, store.drop, lambda name: store.build(name, 0, [])):
        with pytest.raises(PermanentError, match="cannot name an index"):
            call(name)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file in its place")
    with pytest.raises(PermanentError, match=r"cannot build index g1 in .*index"):
        EdgeStore(tmp_path / "index").build("g1", 0, [])
