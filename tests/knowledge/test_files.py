"""A folder read again and again: what did not change costs nothing, what did is read anew."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from docbot.errors import DocbotError, GoneError, PermanentError, UsageError
from docbot.knowledge.folder.files import folder_pages
from docbot.knowledge.folder.folder import FolderSource, read_file
from docbot.knowledge.folder.inside import read_inside
from docbot.knowledge.globs import Choice
from docbot.knowledge.memory import Memory, NoMemory
from docbot.knowledge.pages import Failure, Nothing, Page, Result, Unchanged
from tests.knowledge.memories import Remembered

BASE = "https://docs.example.org/v1/"
_T = TypeVar("_T")


class Here:
    """Runs each job in this process and notes of which files."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, job: Callable[[], _T], name: str) -> "asyncio.Future[_T]":
        self.names.append(name)
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(job())
        except DocbotError as error:
            future.set_exception(error)
        return future


class Reading:
    """One reading of a folder, with all that was told of it."""

    def __init__(self) -> None:
        self.outcomes: list[Result] = []
        self.left_out: dict[str, str] = {}
        self.expected = 0
        self.looked_at: list[str] = []

    def of(self, kind: type[_T]) -> list[_T]:
        return [outcome for outcome in self.outcomes if isinstance(outcome, kind)]

    @property
    def read(self) -> list[str]:
        return [page.read_from for page in self.of(Page)]

    @property
    def failures(self) -> dict[str, str]:
        return {failure.read_from: failure.reason for failure in self.of(Failure)}


async def read(
    root: Path,
    memory: Memory | None = None,
    *,
    base: str | None = BASE,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
) -> Reading:
    reading, run = Reading(), Here()

    def expect(count: int) -> None:
        reading.expected = count

    source = FolderSource(root, base, Choice(include, exclude))
    pages = folder_pages(
        source,
        run,
        memory or NoMemory(),
        expect=expect,
        leave_out=reading.left_out.__setitem__,
    )
    reading.outcomes = [outcome async for outcome in pages]
    reading.looked_at = [name.removeprefix(f"{root}/") for name in run.names[1:]]
    return reading


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


# Memory


async def test_a_page_says_which_file_it_came_from(tmp_path: Path) -> None:
    write(tmp_path, {"guide/a.md": "# A\n\ntext"})
    [page] = (await read(tmp_path)).of(Page)
    assert (page.read_from, page.url) == ("guide/a.md", f"{BASE}guide/a")
    assert page.body_hash is not None
    assert len(page.body_hash) == 16


async def test_a_file_that_did_not_change_is_not_converted(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A", "b.html": "<p>b</p>", "c.md": "# C"})
    first = await read(tmp_path)
    write(tmp_path, {"c.md": "# Changed"})
    again = await read(tmp_path, Remembered(first.outcomes))
    assert [outcome.read_from for outcome in again.of(Unchanged)] == ["a.md", "b.html"]
    assert [page.title for page in again.of(Page)] == ["Changed"]


async def test_a_file_that_this_sync_has_read_already_is_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A", "b.md": "# B"})
    first = await read(tmp_path)
    write(tmp_path, {"a.md": "# Changed"})
    again = await read(tmp_path, Remembered(first.outcomes, settled=["a.md"]))
    assert again.looked_at == ["b.md"]
    assert [outcome.read_from for outcome in again.of(Unchanged)] == ["a.md", "b.md"]


async def test_a_file_without_text_is_remembered_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A", "empty.md": "<!-- nothing yet -->\n"})
    first = await read(tmp_path)
    [nothing] = first.of(Nothing)
    assert (nothing.read_from, nothing.note) == ("empty.md", "empty.md holds no text")
    again = await read(tmp_path, Remembered(first.outcomes))
    assert len(again.of(Unchanged)) == 2


async def test_a_stub_of_html_is_no_page_and_says_where_it_leads(tmp_path: Path) -> None:
    stub = '<meta http-equiv="refresh" content="0; url=new.html"><p>Moved</p>'
    write(tmp_path, {"old.html": stub, "new.html": "<h1>New</h1><p>text</p>"})
    [nothing] = (await read(tmp_path)).of(Nothing)
    assert (nothing.leads_to, nothing.note) == (f"{BASE}new.html", None)


async def test_a_page_is_read_anew_where_what_it_links_to_moved(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "[b](b) and [own](a.md)", "b.md": "x", "c.md": "nothing"})
    first = await read(tmp_path)
    (tmp_path / "b.md").unlink()
    write(tmp_path, {"b/index.md": "x"})
    again = await read(tmp_path, Remembered(first.outcomes))
    [page, moved] = again.of(Page)
    assert (page.read_from, moved.read_from) == ("a.md", "b/index.md")
    assert f"[b]({BASE}b/)" in page.markdown
    assert [outcome.read_from for outcome in again.of(Unchanged)] == ["c.md"]


async def test_a_readme_beside_a_new_index_has_another_address(tmp_path: Path) -> None:
    write(tmp_path, {"README.md": "# Readme"})
    first = await read(tmp_path)
    write(tmp_path, {"index.md": "# Index"})
    again = await read(tmp_path, Remembered(first.outcomes))
    assert sorted(page.url for page in again.of(Page)) == [BASE, f"{BASE}README"]


async def test_a_file_that_is_gone_is_told_as_gone(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A", "b.md": "# B"})
    first = await read(tmp_path)
    (tmp_path / "b.md").unlink()
    again = await read(tmp_path, Remembered(first.outcomes))
    [failure] = again.of(Failure)
    assert (failure.url, failure.read_from, failure.is_gone) == (f"{BASE}b", "b.md", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
async def test_what_lies_in_a_folder_that_cannot_be_looked_into_is_not_gone(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A", "closed/b.md": "# B"})
    first = await read(tmp_path)
    (tmp_path / "closed").chmod(0)
    try:
        again = await read(tmp_path, Remembered(first.outcomes))
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [failure.is_gone for failure in again.of(Failure)] == [False]


# Choosing


async def test_what_is_left_out_by_default_can_be_brought_back(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.md": "# A",
            ".github/b.md": "# B",
            ".git/c.md": "# C",
            "node_modules/d.md": "# D",
            "_static/macros.html": "{{ macro }}",
            "x/.e.md": "# E",
        },
    )
    usual = await read(tmp_path)
    assert usual.read == ["a.md"]
    assert usual.left_out == {
        ".github/": "hidden",
        "node_modules/": "node_modules",
        "_static/": "files of a theme",
        "x/.e.md": "hidden",
    }
    chosen = await read(tmp_path, include=(".github/**", "node_modules"))
    assert chosen.read == [".github/b.md", "a.md", "node_modules/d.md"]


async def test_what_is_excluded_is_left_out_with_the_glob_even_if_included(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "x", "old/b.md": "x", "new/old/c.md": "x", ".d/e.md": "x"})
    chosen = await read(tmp_path, include=(".d",), exclude=("old/**", "e.md"))
    assert chosen.read == ["a.md", "new/old/c.md"]
    assert chosen.left_out == {
        "old/b.md": "excluded by old/**",
        ".d/e.md": "excluded by e.md",
    }


async def test_a_draft_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.md": "---\ndraft: true\n---\n# A",
            "b.md": "+++\ndraft = true\n+++\n# B",
            "c.md": "---\ndraft: false\n---\n# C",
        },
    )
    reading = await read(tmp_path)
    assert reading.read == ["c.md"]
    assert reading.left_out == {"a.md": "a draft", "b.md": "a draft"}


async def test_files_whose_names_differ_in_case_alone_are_two_pages(tmp_path: Path) -> None:
    write(tmp_path, {"Guide.md": "# Upper", "guide.md": "# Lower"})
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system knows no case")
    assert (await read(tmp_path)).read == ["Guide.md", "guide.md"]
    write(tmp_path, {"index.md": "# I", "Index.md": "# J"})
    [failure] = (await read(tmp_path)).of(Failure)
    assert failure.reason == "index.md has the same address as Index.md, which is read instead"


# Nothing outside


async def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "docs", tmp_path / "outside"
    write(tmp_path, {"docs/a.md": "[out](out.md)", "outside/secret.md": "SECRET"})
    (root / "out.md").symlink_to(outside / "secret.md")
    (root / "up.md").symlink_to("../outside/secret.md")
    (root / "folder").symlink_to(outside)
    (root / "again").symlink_to(".")
    (root / "inner.md").symlink_to("a.md")
    (root / "nothing.md").symlink_to("nowhere.md")
    reading = await read(root)
    assert reading.read == ["a.md", "inner.md"]
    assert reading.left_out == {
        "out.md": "a link that leads out of the folder",
        "up.md": "a link that leads out of the folder",
        "folder/": "a link to a folder",
        "again/": "a link to a folder",
        "nothing.md": "a link to nothing",
    }
    assert not any("SECRET" in page.markdown for page in reading.of(Page))


@pytest.mark.parametrize("path", ["out.md", "folder/secret.md", "../outside/secret.md"])
def test_what_lies_outside_is_refused_also_when_it_is_asked_for(tmp_path: Path, path: str) -> None:
    root = tmp_path / "docs"
    write(tmp_path, {"docs/a.md": "x", "outside/secret.md": "SECRET"})
    (root / "out.md").symlink_to(tmp_path / "outside" / "secret.md")
    (root / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(PermanentError, match="leads out of the folder"):
        read_inside(root, root / path, most=1000)


async def test_a_pipe_a_socket_and_a_device_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A"})
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "null.md").symlink_to("/dev/null")
    here = os.getcwd()  # noqa: PTH109  # a socket's path is short or relative
    os.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        try:
            listening.bind("socket.md")
        finally:
            os.chdir(here)
        reading = await read(tmp_path)
    assert reading.read == ["a.md"]
    assert reading.left_out == {
        "pipe.md": "no regular file",
        "socket.md": "no regular file",
        "null.md": "a link that leads out of the folder",
    }


def test_a_pipe_that_took_a_files_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    with pytest.raises(PermanentError, match=r"a\.md is no file of text"):
        read_file(tmp_path, tmp_path / "a.md", None)


def test_a_folder_whose_place_a_link_takes_while_it_is_read_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "docs"
    write(tmp_path, {"docs/guide/a.md": "x", "outside/a.md": "SECRET"})
    open_before = os.open

    def swapped(path: str, flags: int, **more: int) -> int:
        if path == "guide":
            (root / "guide").rename(root / "moved")
            (root / "guide").symlink_to(tmp_path / "outside")
        return open_before(path, flags, **more)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(DocbotError, match=r"a\.md cannot be read"):
        read_inside(root, root / "guide" / "a.md", most=1000)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc and such names")
async def test_a_name_that_is_no_text_is_told_and_can_be_printed(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A", "line\nbreak.md": "# B"})
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("# C")
    reading = await read(tmp_path)
    assert reading.read == ["a.md"]
    assert sorted(reading.failures) == [
        "caf\N{REPLACEMENT CHARACTER}.md",
        "line\N{REPLACEMENT CHARACTER}break.md",
    ]
    assert all("rename it" in reason for reason in reading.failures.values())


@pytest.mark.check
async def test_folders_may_lie_deeper_than_python_calls_itself(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    descriptor = here
    for _ in range(1100):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    write(tmp_path, {"a.md": "# A", "/".join(["d"] * 500) + "/b.md": "# B"})
    try:
        reading = await read(tmp_path)
    finally:  # the clean-up of tests does not reach as deep
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)
    assert sorted(page.title for page in reading.of(Page)) == ["A", "B"]


async def test_a_file_that_is_no_text_is_one_failed_page(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.md": "# A",
            "b.md": bytes(range(256)) * 40,
            "c.html": b"\x89PNG\r\n\x1a\n" + bytes(4000),
        },
    )
    reading = await read(tmp_path)
    assert reading.read == ["a.md"]
    assert set(reading.failures) == {"b.md", "c.html"}
    assert all("is no text, although it says so" in reason for reason in reading.failures.values())


async def test_a_file_that_goes_while_the_folder_is_read_is_gone(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A"})
    listing = FolderSource(tmp_path, None).listing()
    (tmp_path / "a.md").unlink()
    with pytest.raises(GoneError):
        read_file(tmp_path, tmp_path / listing.files[0].path, None)


async def test_a_folder_where_all_is_left_out_says_so(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "# A"})
    with pytest.raises(UsageError, match="holds no documentation"):
        await read(tmp_path, exclude=("**",))


@pytest.mark.check
def test_twenty_thousand_files_are_listed_once_each(tmp_path: Path) -> None:
    for folder in range(20):
        (tmp_path / f"{folder}").mkdir()
        for name in range(1000):
            (tmp_path / f"{folder}" / f"{name}.html").touch()
    assert len({file.address for file in FolderSource(tmp_path, BASE).listing().files}) == 20_000
