"""A real browser before the real demo: `docbot demo` as its own process, Chromium without a window."""

import asyncio
import fcntl
import os
import re
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from docbot.db.embedded import SERVER_LOCK

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (  # it asks nobody for anything
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
)
_ANNOUNCED = "A local forum with docbot in it: "
_START_SECONDS = 60.0

WIDE = (1280, 800)
PHONE = (390, 844)


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Browser]:
    # Root is refused a sandbox by Chromium itself.
    arguments = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True)
class Demo:
    """A running `docbot demo`; `folder` is where it was started, so its `.env` lies there."""

    url: str
    folder: Path

    async def configure(self, name: str, value: str) -> None:
        """Set a value for its forum, as an operator does beside it."""
        forums = await self._docbot("forum", "list")
        forum_id = re.findall(r"forum (\d+)  (?:auto|draft)", forums)[0]
        await self._docbot("config", "set", name, value, "--forum", forum_id)

    async def _docbot(self, *arguments: str) -> str:
        data_dir = self.folder / "data" / f"demo-{self.url.rpartition(':')[2]}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "docbot", *arguments),
            cwd=self.folder,
            env=_environment(os.environ) | {"DOCBOT_DATA_DIR": str(data_dir)},
            stdout=PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return said.decode()


@asynccontextmanager
async def demo() -> AsyncIterator[Demo]:
    """Run it on a free port with a data folder of its own and no settings but its `.env`."""
    with tempfile.TemporaryDirectory(prefix="docbot-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root Postgres runs as nobody, who must reach it
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "docbot", "demo", "--port", "0"),
            cwd=folder,
            env=_environment(os.environ) | {"DOCBOT_DATA_DIR": str(folder / "data")},
            stdout=PIPE,
            stderr=STDOUT,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                url = await _announced(process.stdout)
            read_on = asyncio.create_task(process.stdout.read())  # a full pipe would stop it
            yield Demo(url, folder)
        finally:
            process.terminate()
            await process.wait()
        await read_on
        await asyncio.to_thread(_wait_for_postgres, folder)


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    ours = ("DOCBOT_", "DISCORD_", "DATABASE_", "QDRANT_", "OPENAI_")
    return {name: value for name, value in given.items() if not name.startswith(ours)}


async def _announced(output: asyncio.StreamReader) -> str:
    said = ""
    async for line in output:
        said += line.decode()
        if _ANNOUNCED in said:
            return said.rpartition(_ANNOUNCED)[2].split()[0].rstrip("/")
    raise AssertionError(f"the demo ended before it served the page:\n{said}")


def _wait_for_postgres(folder: Path) -> None:
    """Its lock is free once the demo's own server is gone; the folder cannot go before."""
    for found in folder.rglob(SERVER_LOCK):
        with found.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
