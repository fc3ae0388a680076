"""A website is followed through the command line: what changed alone, also after a kill."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from docbot.processes import OOM_SCORE
from tests.knowledge.site import Body, Site, page, site
from tests.test_cli import Shell, shell_in

pytestmark = pytest.mark.slow

PAGES = 40
TEXT = "What it says, at some length, so that each page is a chunk of its own. " * 3


def pages() -> dict[str, Body]:
    """A start page that links to all others."""
    names = [f"page-{number}" for number in range(PAGES)]
    others: dict[str, Body] = {f"/docs/{name}": page(f"{name} {TEXT}") for name in names}
    return {"/docs/": page("start", *names), **others}


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    made = shell_in(tmp_path, database_url, tmp_path)
    made.environment["DOCBOT_CRAWL_PAUSE"] = "0"
    return made


@pytest.fixture
async def place() -> AsyncIterator[Site]:
    async with site(pages()) as opened:
        yield opened


async def read(shell: Shell, place: Site) -> None:
    await shell.run("sources", "add", "docs", f"{place.url}docs/")
    ran = await shell.run("sync")
    assert f"{PAGES + 1} pages: {PAGES + 1} added" in ran.out, ran.err
    place.asked.clear()


async def test_a_sync_of_what_did_not_change_asks_for_no_body_and_indexes_nothing(
    shell: Shell, place: Site
) -> None:
    await read(shell, place)
    again = await shell.run("sync")
    assert f"0 added, 0 changed, {PAGES + 1} unchanged, 0 deleted, 0 failed" in again.out
    assert "indexed" not in again.out
    assert place.bodies == []


async def test_of_a_site_that_changed_only_what_changed_is_fetched(
    shell: Shell, place: Site
) -> None:
    await read(shell, place)
    place.pages["/docs/page-7"] = page(f"page-7 {TEXT} And more.", "new")
    place.pages["/docs/new"] = page(f"new {TEXT}")
    del place.pages["/docs/page-9"]
    changed = await shell.run("sync")
    assert f"1 added, 1 changed, {PAGES - 1} unchanged, 1 deleted, 0 failed" in changed.out
    assert place.bodies == ["/docs/page-7", "/docs/new"]
    found = json.loads((await shell.run("search", "page-9", "--json")).out)
    assert not any(hit["url"].endswith("page-9") for hit in found)


async def test_a_killed_sync_asks_for_nothing_twice(shell: Shell, place: Site) -> None:
    reached = asyncio.Event()

    def slow() -> web.Response:
        reached.set()
        return web.Response(text=str(pages()["/docs/page-30"]), content_type="text/html")

    place.pages["/docs/page-30"] = slow
    await shell.run("sources", "add", "docs", f"{place.url}docs/")
    process = await shell.start("sync")
    async with asyncio.timeout(60):
        await reached.wait()
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    stored = await shell.run("sources", "list")
    assert "it is under way, or was stopped half way" in stored.out
    before = set(place.bodies)
    place.pages = pages()
    place.asked.clear()
    resumed = await shell.run("sync")
    assert "going on with the sync that was stopped half way" in resumed.out
    assert f"{PAGES + 1} pages: {PAGES + 1} added, 0 changed, 0 unchanged" in resumed.out
    # What was under way when it was killed is asked for again: as much as is fetched and
    # converted at once.
    assert len(before & set(place.bodies)) <= 20
    assert len(place.bodies) < PAGES


async def test_a_converting_process_that_is_killed_costs_no_page(shell: Shell, place: Site) -> None:
    """As by a kernel that is short of memory."""
    body, killed = str(pages()["/docs/page-20"]), []

    def kill() -> web.Response:
        killed.extend(converting_processes(process.pid))
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        return web.Response(text=body, content_type="text/html")

    place.pages["/docs/page-20"] = kill
    await shell.run("sources", "add", "docs", f"{place.url}docs/")
    process = await shell.start("sync")
    out, err = await process.communicate()
    assert killed
    assert process.returncode == 0, err.decode()
    assert f"{PAGES + 1} pages: {PAGES + 1} added" in out.decode()
    assert "0 failed" in out.decode()


def converting_processes(parent: int) -> list[int]:
    """The children that the kernel is to end first."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == OOM_SCORE
    ]


async def asked_on_a_terminal(shell: Shell, answer: bytes | None) -> tuple[int | None, str]:
    """Sync, and answer what is asked; None: with Ctrl-C."""
    ours, its = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docbot", "sync"),
        cwd=shell.cwd,
        env=shell.environment,
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    shown = b""
    try:
        async with asyncio.timeout(60):
            while b"[y/N]" not in shown:
                shown += await asyncio.to_thread(os.read, ours, 1000)
            if answer is not None:
                os.write(ours, answer)
            while process.returncode is None:
                if answer is None:  # one that comes just before it reads is lost
                    process.send_signal(signal.SIGINT)
                await asyncio.wait([asyncio.create_task(process.wait())], timeout=1)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
    return process.returncode, shown.decode()


async def test_whoever_is_at_a_terminal_is_asked_before_many_pages_go(shell: Shell) -> None:
    await shell.run("sources", "add", "docs", "./docs")
    await shell.run("sync")
    (shell.cwd / "docs" / "usage.md").unlink()
    for answer, ends_with in ((b"n\n", 1), (None, 130)):
        code, shown = await asked_on_a_terminal(shell, answer)
        assert (code, "1 of 2 pages are gone. Remove them?" in shown) == (ends_with, True)
        assert "2 pages" in (await shell.run("sources", "list")).out
    assert (await asked_on_a_terminal(shell, b"y\n"))[0] == 0
    assert "1 pages" in (await shell.run("sources", "list")).out
