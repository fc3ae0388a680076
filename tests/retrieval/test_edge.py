import asyncio
import multiprocessing
import os
import shutil
import signal
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from docbot.errors import GoneError, PermanentError, TransientError
from docbot.retrieval.edge import EdgeStore
from docbot.retrieval.store import Row, Sparse
from tests.retrieval.rows import DIMENSIONS, MEANING, QUERY, opened, some_rows, streamed

Found = TypeVar("Found")


def inline(call: Coroutine[None, None, Found]) -> Found:
    """The result of a call that awaits nothing, as all of this store: also within a build."""
    try:
        call.send(None)
    except StopIteration as done:
        result: Found = done.value
        return result
    raise AssertionError("it waited")


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    return EdgeStore(tmp_path / "index")


async def test_a_generation_is_named_once_it_is_whole_and_until_it_is_dropped(
    store: EdgeStore,
) -> None:
    assert await store.names() == []

    def rows() -> Iterator[Row]:
        assert inline(store.names()) == []
        yield from some_rows(5)

    await store.build("g1", DIMENSIONS, streamed(rows()))
    assert await store.names() == ["g1"]
    await store.drop("g1")
    await store.drop("g1")
    assert await store.names() == []
    await store.close()


async def test_a_search_goes_on_while_another_generation_is_built_and_its_own_dropped(
    store: EdgeStore,
) -> None:
    index = await opened(store, some_rows(700))
    before = await index.search(QUERY, MEANING, [0, 1, 2], 20)

    def rows() -> Iterator[Row]:
        for row in some_rows(1_500, seed=2):
            if row.chunk % 400 == 0:
                assert inline(index.search(QUERY, MEANING, [0, 1, 2], 20)) == before
            yield row

    await store.build("g2", DIMENSIONS, streamed(rows()))
    await store.drop("g1")
    assert await index.search(QUERY, MEANING, [0, 1, 2], 20) == before
    assert await (await store.open("g2")).count() == 1_500


async def test_two_readers_open_one_generation(store: EdgeStore, tmp_path: Path) -> None:
    first = await opened(store, some_rows(50))
    second = await EdgeStore(tmp_path / "index").open("g1")
    found = await first.search(QUERY, MEANING, [0, 1, 2], 5)
    assert await second.search(QUERY, MEANING, [0, 1, 2], 5) == found


async def test_a_second_builder_waits_its_turn(store: EdgeStore, tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        with pytest.raises(TransientError, match="another process"):
            inline(EdgeStore(tmp_path / "index").build("g2", DIMENSIONS, streamed(some_rows(5))))
        yield from some_rows(5)

    await store.build("g1", DIMENSIONS, streamed(rows()))
    assert await store.names() == ["g1"]


def _build_and_die(folder: Path) -> None:
    def rows() -> Iterator[Row]:
        yield from some_rows(1_200)
        os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(EdgeStore(folder).build("g1", DIMENSIONS, streamed(rows())))


async def test_what_a_killed_build_left_is_no_generation_and_goes_with_the_next(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "index"
    child = multiprocessing.get_context("spawn").Process(target=_build_and_die, args=(folder,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert (folder / "g1.new").is_dir()

    store = EdgeStore(folder)
    assert await store.names() == []
    with pytest.raises(GoneError, match="does not exist"):
        await store.open("g1")
    await store.build("g2", DIMENSIONS, streamed(some_rows(5)))
    assert not (folder / "g1.new").exists()


async def test_a_build_that_fails_leaves_nothing(store: EdgeStore, tmp_path: Path) -> None:
    rows = [*some_rows(600), Row(601, 0, Sparse((1, 1), (1.0, 1.0)), None)]
    with pytest.raises(PermanentError, match="chunk 601"):
        await store.build("g1", DIMENSIONS, streamed(rows))
    assert [path.name for path in (tmp_path / "index").iterdir()] == [".build.lock"]


async def test_a_disk_with_too_little_room_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    store = EdgeStore(tmp_path, free_bytes=lambda folder: 68_000_000)
    with pytest.raises(PermanentError, match=r"68 MB free.* needs 7\d MB.*DOCBOT_DATA_DIR"):
        await store.build("g1", DIMENSIONS, streamed(some_rows(3_000)), expected=3_000)
    assert await store.names() == []


async def test_a_disk_that_fills_up_meanwhile_is_refused_too(tmp_path: Path) -> None:
    room = iter([1_000_000_000, 1_000_000_000, 1_000])
    store = EdgeStore(tmp_path, free_bytes=lambda folder: next(room))
    with pytest.raises(PermanentError, match="0 MB free"):
        await store.build("g1", DIMENSIONS, streamed(some_rows(3_000)))
    assert await store.names() == []


async def test_a_generation_that_lost_its_points_is_noticed(
    store: EdgeStore, tmp_path: Path
) -> None:
    await opened(store, some_rows(50))
    await store.build("empty", DIMENSIONS, streamed([]))
    points = tmp_path / "index" / "g1" / "points"
    shutil.rmtree(points)
    shutil.copytree(tmp_path / "index" / "empty" / "points", points)
    with pytest.raises(PermanentError, match="damaged: 0 chunks where 50 were written"):
        await store.open("g1")


# By what Qdrant Edge does with each: an error, an empty shard, a panic.
@pytest.mark.parametrize("lost", ["segment.json", "version.info", "id_tracker.deleted"])
@pytest.mark.parametrize("emptied", [False, True])
async def test_a_damaged_generation_is_refused_whatever_it_raises(
    store: EdgeStore, tmp_path: Path, lost: str, *, emptied: bool
) -> None:
    await opened(store, some_rows(50))
    for path in (tmp_path / "index" / "g1" / "points" / "segments").glob(f"*/{lost}"):
        path.unlink()
        if emptied:
            path.touch()
    with pytest.raises(PermanentError, match="g1"):
        await store.open("g1")


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file in its place")
    with pytest.raises(PermanentError, match=r"cannot build index g1 in .*index"):
        await EdgeStore(tmp_path / "index").build("g1", 0, streamed([]))


async def test_a_large_generation_is_made_of_parts(tmp_path: Path) -> None:
    segments = []
    for rows in 500, 2_000:
        store = EdgeStore(tmp_path / str(rows), part_bytes=10_000)
        assert await store.build("g1", DIMENSIONS, streamed(some_rows(rows))) == rows
        segments.append(len(list((tmp_path / str(rows)).rglob("segments/*/"))))
    assert segments[1] > 2 * segments[0]
