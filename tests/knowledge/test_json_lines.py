import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docbot.db.sources import Source
from docbot.errors import DocbotError, UsageError
from docbot.knowledge.folder.files import line_pages
from docbot.knowledge.folder.json_lines import Line, batches, read_record, records
from docbot.knowledge.memory import Memory, NoMemory
from docbot.knowledge.pages import Failure, Nothing, Page, Unchanged
from docbot.knowledge.reading import read_pages
from docbot.processes import process_pool
from tests.knowledge.memories import Remembered
from tests.knowledge.test_files import Here, Reading


def line(url: str = "https://x.test/a", markdown: str = "# A\n\ntext", **more: object) -> str:
    return json.dumps({"url": url, "markdown": markdown, **more})


async def read(path: Path, memory: Memory | None = None, base: str | None = None) -> Reading:
    reading, run = Reading(), Here()
    pages = line_pages(path, base, run, memory or NoMemory(), expect=lambda _: None)
    reading.outcomes = [outcome async for outcome in pages]
    reading.looked_at = [name for name in run.names if name != str(path)]
    return reading


def written(folder: Path, *lines: str | bytes, newline: bytes = b"\n") -> Path:
    path = folder / "pages.jsonl"
    path.write_bytes(
        b"".join((one if isinstance(one, bytes) else one.encode()) + newline for one in lines)
    )
    return path


async def test_each_line_is_a_page(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line("https://x.test/a", "# Own\n\n[b](b#c)", title="Gi\x00ven\ud800", other=[1]),
        line("https://x.test/b", "## Part\n\ntext"),
        line("https://x.test/faq#q1", "# Q\n\n## Why\n\ntext"),
    )
    first, second, third = (await read(path)).of(Page)
    assert (first.title, first.url) == ("Given", "https://x.test/a")
    assert "[b](https://x.test/b#c)" in first.markdown
    assert [chunk.url for chunk in second.chunks] == ["https://x.test/b#part"]
    assert {chunk.url for chunk in third.chunks} == {"https://x.test/faq#q1"}


async def test_a_line_that_cannot_be_used_is_told_with_its_number(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line(),
        "{not json",
        "",
        "[1]",
        '{"markdown": "x"}',
        line("ftp://x.test/a"),
        line("guide/a"),
        line("http://[broken"),
        line("https://x.test/a b"),
        '{"url": "https://x.test/b"}',
        line(markdown="again"),
        line("https://x.test/c", "\ud800"),
        b'{"url": "https://x.test/d", "markdown": "caf\xe9"}',
        "[" * 100_000,
    )
    reading = await read(path)
    reasons = {
        place.removeprefix("pages.jsonl, line "): reason
        for place, reason in reading.failures.items()
    }
    assert list(reasons) == ["2", "4", "5", "6", "7", "8", "9", "10", "11", "13", "14"]
    for number, part in {
        "2": "is not JSON",
        "4": "is no JSON object",
        "5": 'has no "url"',
        "6": "no http address",
        "7": "with --base-url a path would do",
        "10": 'has no "markdown"',
        "11": "has the url of line 1, which is read instead",
        "13": "is not JSON",
        "14": "is not JSON",
    }.items():
        assert reasons[number].startswith(f"pages.jsonl, line {number} ")
        assert part in reasons[number]
    assert reading.read == ["https://x.test/a"]


async def test_a_path_alone_stands_below_the_base_address(tmp_path: Path) -> None:
    path = written(tmp_path, line("guide/a"), line("/b"), line("https://y.test/c"))
    reading = await read(path, base="https://x.test/docs/")
    assert reading.read == [
        "https://x.test/docs/guide/a",
        "https://x.test/docs/b",
        "https://y.test/c",
    ]


async def test_a_byte_order_mark_and_windows_line_ends_are_no_text(tmp_path: Path) -> None:
    path = written(
        tmp_path, b"\xef\xbb\xbf" + line().encode(), line("https://x.test/b"), newline=b"\r\n"
    )
    reading = await read(path)
    assert len(reading.of(Page)) == 2
    assert reading.failures == {}


@pytest.mark.parametrize("content", [b"", b"\n\r\n \n", b"\xef\xbb\xbf"])
async def test_an_empty_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"pages\.jsonl is empty"):
        await read(path)


async def test_a_file_that_is_gone_or_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        await read(tmp_path / "pages.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UsageError, match="no regular file"):
        await read(tmp_path / "pipe.jsonl")


async def test_what_did_not_change_is_not_converted(tmp_path: Path) -> None:
    first = await read(
        written(tmp_path, *(line(f"https://x.test/{name}", f"# {name}") for name in "abc"))
    )
    again = await read(
        written(tmp_path, line("https://x.test/b", "# b"), line("https://x.test/a", "# changed")),
        Remembered(first.outcomes),
    )
    assert [outcome.read_from for outcome in again.of(Unchanged)] == ["https://x.test/b"]
    assert [page.title for page in again.of(Page)] == ["changed"]
    [gone] = again.of(Failure)
    assert (gone.url, gone.is_gone) == ("https://x.test/c", True)


async def test_a_line_that_this_sync_has_read_is_not_looked_at_again(tmp_path: Path) -> None:
    path = written(tmp_path, line(), line("https://x.test/b"))
    first = await read(path)
    again = await read(path, Remembered(first.outcomes, settled=["https://x.test/a"]))
    assert again.looked_at == ["pages.jsonl, line 2"]


async def test_a_line_without_text_is_remembered_with_its_reason(tmp_path: Path) -> None:
    [nothing] = (await read(written(tmp_path, line(markdown="")))).of(Nothing)
    assert (nothing.read_from, nothing.note) == ("https://x.test/a", "line 1 holds no text")


def test_a_line_beyond_all_measure_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + line().encode())
    tracemalloc.start()
    lines = [one for batch in batches(path) for one in batch]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.number for one in lines] == [1, 2]
    assert records(lines, None)[0].reason == "has more than 10 MB"
    assert peak < 25_000_000


def test_a_large_file_is_never_held_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    one = (line(markdown="word " * 2_000) + "\n").encode()
    with path.open("wb") as file:
        for _ in range(3_000):
            file.write(one)
    tracemalloc.start()
    assert sum(map(len, batches(path))) == 3_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@settings(max_examples=50)
@given(st.binary(max_size=80) | st.text(max_size=60).map(lambda text: line(markdown=text).encode()))
def test_no_line_is_an_error(body: bytes) -> None:
    one = Line(1, body)
    [record] = records([one], "https://x.test/")
    if record.reason:
        return
    try:
        read_record(one, record, None)
    except DocbotError:
        pytest.fail("a line with an address is read")


async def test_a_source_of_kind_file_is_read_through_its_pool(tmp_path: Path) -> None:
    path = written(tmp_path, line(), "broken", line("https://x.test/b"))
    source = Source(1, "docs", "file", str(path), None, None, 0, 0)
    with process_pool(1) as executor:
        results = [
            result
            async for result in read_pages(
                source, executor, memory=NoMemory(), pause=0, user_agent="", expect=lambda _: None
            )
        ]
    assert sorted(result.read_from for result in results) == [
        "https://x.test/a",
        "https://x.test/b",
        "pages.jsonl, line 2",
    ]


async def test_a_broken_line_takes_no_page_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, line("https://x.test/a"), line("https://x.test/b"))
    memory = Remembered((await read(path)).outcomes)
    [failure] = (await read(written(tmp_path, line("https://x.test/a"), "{broken"), memory)).of(
        Failure
    )
    assert ("line 2" in failure.reason, failure.is_gone, failure.is_transient) == (
        True,
        False,
        True,
    )


async def test_an_address_beyond_all_measure_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, line(), line("https://x.test/" + "é" * 1_000))
    reading = await read(path)
    assert [page.url for page in reading.of(Page)] == ["https://x.test/a"]
    [failure] = reading.of(Failure)
    assert 'line 2 has a "url" of more than 2000 bytes' in failure.reason
    assert len(failure.reason) < 300
