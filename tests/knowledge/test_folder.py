import asyncio
import gc
import os
import pickle
import re
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from docbot.db.sources import Source
from docbot.errors import PermanentError, TransientError, UsageError
from docbot.knowledge.folder.folder import FolderSource, read_file
from docbot.knowledge.memory import NoMemory
from docbot.knowledge.pages import Failure, Page
from docbot.knowledge.reading import bounded, read_pages
from docbot.processes import process_pool

BASE = "https://docs.example.org/v1/"


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def test_every_documentation_file_is_found_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "docs", b_md="x", a__z_mdx="x", a__c_HTML="x", d_markdown="x", e_htm="x")
    write(tmp_path / "docs", f_txt="x", _git__y_md="x")
    (tmp_path / "docs" / "node_modules").mkdir()
    (tmp_path / "docs" / "node_modules" / "h.md").write_text("x")
    (tmp_path / "outside.md").write_text("x")
    (tmp_path / "docs" / "out.md").symlink_to(tmp_path / "outside.md")
    found = [
        str(path.relative_to(tmp_path / "docs"))
        for path in FolderSource(tmp_path / "docs", None).files()
    ]
    assert "out.md" not in found
    assert not any(name.startswith((".git", "node_modules/")) for name in found)
    assert {"a/c.HTML", "a/z.mdx", "b.md", "d.markdown", "e.htm"} <= set(found)
    assert found == sorted(found)


@pytest.mark.parametrize("kind", ["missing", "file", "empty"])
def test_a_folder_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    reason = {"missing": "does not exist", "file": "is not a folder", "empty": r"read are \.md"}
    with pytest.raises(UsageError, match=reason[kind]):
        FolderSource(tmp_path / kind, None).files()


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("index.html", ""),
        ("guide/index.html", "guide/"),
        ("guide/install.html", "guide/install.html"),
        ("guide/index.md", "guide/"),
        ("README.md", ""),
        ("guide/set up.mdx", "guide/set%20up"),
        ("guide/v1.2.md", "guide/v1.2"),
    ],
)
def test_a_file_has_the_address_a_live_site_gives_it(
    tmp_path: Path, path: str, address: str
) -> None:
    assert FolderSource(tmp_path, BASE).address(tmp_path / path) == BASE + address
    assert FolderSource(tmp_path, BASE.rstrip("/")).address(tmp_path / path) == BASE + address
    assert FolderSource(tmp_path, None).address(tmp_path / path) == path


def test_a_readme_beside_an_index_keeps_its_name(tmp_path: Path) -> None:
    write(tmp_path, README_md="x", index_md="x")
    source = FolderSource(tmp_path, BASE)
    assert [source.address(path) for path in source.files()] == [f"{BASE}README", BASE]


def test_links_between_files_lead_to_their_addresses(tmp_path: Path) -> None:
    write(tmp_path, guide__a_md="[b](b.md#x) [c](/index.html) [d](./b) [e](../guide/) [f](f.png)")
    write(tmp_path, guide__b_md="x", index_html="x", guide__index_md="x")
    page = read_file(tmp_path, tmp_path / "guide" / "a.md", BASE)
    assert page.markdown.strip() == (
        f"[b]({BASE}guide/b#x) [c]({BASE}) [d]({BASE}guide/b) [e]({BASE}guide/) [f]({BASE}guide/f.png)"
    )
    bare = read_file(tmp_path, tmp_path / "guide" / "a.md", None)
    assert bare.markdown.startswith("[b](guide/b.md#x) [c](index.html) [d](guide/b.md)")


def test_links_in_html_are_folded_as_addresses_are(tmp_path: Path) -> None:
    write(
        tmp_path,
        guide__a_html='<main><p><a href="../index.html#x">I</a> <a href="b.html">B</a></p></main>',
    )
    page = read_file(tmp_path, tmp_path / "guide" / "a.html", BASE)
    assert page.markdown.strip() == f"[I]({BASE}#x) [B]({BASE}guide/b.html)"


def test_a_page_travels_between_processes_and_its_hash_covers_its_text(tmp_path: Path) -> None:
    write(tmp_path, a_md="# A\n\ntext", b_md="# A\n\ntext", c_md="# A\n\nother")
    first, second, third = (
        read_file(tmp_path, tmp_path / name, None) for name in ("a.md", "b.md", "c.md")
    )
    assert pickle.loads(pickle.dumps(first)) == first
    assert first.content_hash == second.content_hash != third.content_hash
    assert [chunk.url for chunk in first.chunks] == ["a.md#a"]


async def read_folder(root: Path) -> tuple[list[Page], list[Failure]]:
    source = Source(1, "docs", "folder", str(root), BASE, None, 0, 0)
    with process_pool(1) as executor:
        results = [
            result
            async for result in read_pages(
                source, executor, memory=NoMemory(), pause=0, user_agent="", expect=lambda _: None
            )
        ]
    return (
        [result for result in results if isinstance(result, Page)],
        [result for result in results if isinstance(result, Failure)],
    )


class BrokenPool(Executor):
    """One whose processes have died."""

    def submit(self, *_: Any, **__: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool("a process died"))
        return future


async def test_a_pool_that_breaks_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, a_md="# A", b_md="# B", c_md="# C")
    source = Source(1, "docs", "folder", str(tmp_path), BASE, None, 0, 0)
    pages = read_pages(
        source, BrokenPool(), memory=NoMemory(), pause=0, user_agent="", expect=lambda _: None
    )
    is_told = False
    try:
        await anext(pages)
    except BrokenProcessPool:
        is_told = True
    await asyncio.sleep(0)  # what has ended is told in the loop's next round
    gc.collect()  # asyncio complains of an error that nobody asked for once it is forgotten
    assert is_told
    assert [record.message for record in caplog.records] == []


async def test_of_two_files_with_one_address_the_second_is_told(tmp_path: Path) -> None:
    write(tmp_path, guide_md="# First", guide_mdx="# Second")
    pages, [failure] = await read_folder(tmp_path)
    assert [page.title for page in pages] == ["First"]
    assert "guide.mdx has the same address as" in failure.reason
    assert not failure.is_transient


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_may_be_read_next_time(tmp_path: Path) -> None:
    write(tmp_path, a_md="# A")
    (tmp_path / "a.md").chmod(0)
    with pytest.raises(TransientError, match=r"a\.md cannot be read"):
        read_file(tmp_path, tmp_path / "a.md", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
@pytest.mark.parametrize("rights", [0o000, 0o400], ids=["closed", "names alone can be seen"])
async def test_a_folder_within_that_may_not_be_looked_into_is_told(
    tmp_path: Path, rights: int
) -> None:
    write(tmp_path, a_md="# A", closed__b_md="# B")
    (tmp_path / "closed").chmod(rights)
    try:
        pages, [failure] = await read_folder(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [page.title for page in pages] == ["A"]
    assert failure.url.startswith(str(tmp_path / "closed"))
    assert failure.is_transient


def test_a_conversion_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    write(tmp_path, a_md="# A")

    def read() -> Page:
        re.match(r"(?:a|a)*$", "a" * 60 + "b")  # 2 to the power of 60 ways
        raise AssertionError("the search ended")

    with pytest.raises(PermanentError, match=r"a\.md takes more than 0\.1 seconds to convert"):
        bounded(read, "a.md", seconds=0.1)

    def read_on() -> Page:
        while True:
            with suppress(Exception):  # as a library does that outlives what is damaged
                read()

    with pytest.raises(PermanentError, match=r"a\.md takes more than 0\.1 seconds to convert"):
        bounded(read_on, "a.md", seconds=0.1)
    page = read_file(tmp_path, tmp_path / "a.md", None)
    assert bounded(lambda: page, "a.md", seconds=0.1) is page


def test_a_file_beyond_all_measure_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "a.md").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(PermanentError, match="a page may have 10"):
        read_file(tmp_path, tmp_path / "a.md", None)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"gone\.md is no longer there"):
        read_file(tmp_path, tmp_path / "gone.md", None)


def test_an_operators_selector_holds_for_the_html_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<main><p>main</p></main><div id=doc><p>doc</p></div>")
    page = read_file(tmp_path, tmp_path / "a.html", None, selector="#doc")
    assert (page.markdown, page.missed_selector) == ("doc\n", False)
    assert read_file(tmp_path, tmp_path / "a.html", None, selector="#x").missed_selector


async def test_a_file_whose_address_is_beyond_all_measure_is_told(tmp_path: Path) -> None:
    deep = "/".join("é" * 100 for _ in range(15)) + "/a.md"
    (tmp_path / deep).parent.mkdir(parents=True)
    (tmp_path / deep).write_text("# A")
    (tmp_path / "b.md").write_text("# B")
    pages, [failure] = await read_folder(tmp_path)
    assert [page.title for page in pages] == ["B"]
    assert "address of more than 2000 bytes" in failure.reason


async def test_a_file_whose_name_could_steer_a_terminal_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J.md").write_text("# A")
    (tmp_path / "b.md").write_text("# B")
    pages, [failure] = await read_folder(tmp_path)
    assert [page.title for page in pages] == ["B"]
    assert "control characters" in failure.reason
