"""What a sync costs: the first one, one where nothing changed, one where a page did.

A built site on a local server with ETags, pause 0, an endpoint that embeds at once. In the same run
the conversion of the same pages alone, with as many processes, as a measure that does not hang on
the machine.

    python -m benchmarks.syncs [FOLDER_OF_A_BUILT_SITE]

Without a folder it takes the largest of the sites that `benchmarks.knowledge` reads.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.house import ROOT, open_to_all, wait_for_server_to_end
from benchmarks.knowledge import unpack
from benchmarks.table import Line, print_table
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.knowledge.pages import Fetched, read_fetched
from docbot.processes import process_pool
from docbot.settings import Settings
from docbot.telemetry import set_up_logging
from tests.model_server import ModelServer

LEAST_OF_CONVERSION = 0.6  # of the pages a second that conversion alone gives
LEAST_CHEAPER = 10  # times, when nothing changed
_MODEL = "test-embedding"
_LARGEST = "ray"
_AT_ONCE = 64  # pages in conversion
_READ = """
    SELECT address FROM addresses JOIN pages ON pages.url = page_url
    ORDER BY length(markdown), address
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What one sync took, and what it asked for; `stages` are seconds by what was done."""

    stages: dict[str, float]
    requests: int
    bodies: int
    embedded: int  # texts

    @property
    def seconds(self) -> float:
        return sum(self.stages.values())

    @property
    def reading(self) -> float:
        return self.stages["reading site"]

    def __str__(self) -> str:
        stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in self.stages.items())
        return (
            f"{self.seconds:.2f} s ({stages}), {self.requests} requests, {self.bodies} bodies, "
            f"{self.embedded} texts embedded"
        )


@dataclass(frozen=True, slots=True)
class Syncs:
    """Of one site; `changed_chunks` are those that the changed page gained."""

    pages: int
    conversion_seconds: float
    first: Done
    unchanged: Done
    changed: Done
    changed_chunks: int

    @property
    def of_conversion(self) -> float:
        return self.conversion_seconds / self.first.reading

    @property
    def cheaper(self) -> float:
        return self.first.seconds / self.unchanged.seconds

    def lines(self) -> list[Line]:
        rate = self.pages / self.conversion_seconds
        return [
            Line(
                f"Conversion alone of {self.pages} pages",
                f"{self.conversion_seconds:.2f} s, {rate:.0f} a second",
            ),
            Line("First sync: fetch, convert, store, embed, index", str(self.first)),
            Line(
                "Pages read, converted and stored a second, as a share of conversion alone",
                f"{self.of_conversion:.2f}",
                f"at least {LEAST_OF_CONVERSION}",
            ),
            Line("Sync where nothing changed", str(self.unchanged), "0 bodies, 0 texts"),
            Line("Times cheaper", f"{self.cheaper:.1f}", f"at least {LEAST_CHEAPER}"),
            Line(
                "Sync where one page changed",
                str(self.changed),
                f"1 body, {self.changed_chunks} texts",
            ),
        ]


class Stages:
    """Tells how long each stage of a sync took, up to the beginning of the next."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = [("beginning", time.monotonic())]

    def begin(self, what: str) -> None:
        self._begun.append((what, time.monotonic()))

    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None: ...
    def end(self) -> None: ...

    def seconds(self) -> dict[str, float]:
        moments = [*(moment for _, moment in self._begun), time.monotonic()]
        return {
            what: after - before
            for (what, before), after in zip(self._begun, moments[1:], strict=True)
        }


class SiteServer:
    """A site in a process of its own, `benchmarks.site_server`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.AsyncClient(base_url=url)

    async def counts(self) -> dict[str, int]:
        counts: dict[str, int] = (await self._client.get(".counts")).json()
        return counts

    async def change(self, path: str) -> None:
        await self._client.get(".change", params={"path": path})

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def served(*options: str) -> AsyncIterator[SiteServer]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.site_server", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        server = SiteServer(json.loads(await process.stdout.readline())["url"])
        yield server
        await server.close()
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def open_docbot(**changes: Any) -> AsyncIterator[Rooms]:
    with open_to_all() as folder:
        settings = Settings(_env_file=None).model_copy(
            update={
                "docbot_data_dir": folder / "data",
                "database_url": None,
                "docbot_crawl_pause": 0.0,
                **changes,
            }
        )
        async with open_rooms(settings) as rooms:
            yield rooms
        await asyncio.to_thread(wait_for_server_to_end, settings.docbot_data_dir)


async def measure(folder: Path) -> Syncs:
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(ModelServer.open())
        site = await stack.enter_async_context(served("--folder", str(folder)))
        rooms = await stack.enter_async_context(
            open_docbot(openai_base_url=model.base_url, docbot_embedding_model=_MODEL)
        )
        await rooms.sources.add(
            name="site", kind="website", location=f"{site.url}index.html", base_url=None
        )
        first = await _sync(rooms, site, model)
        unchanged = await _sync(rooms, site, model)
        read = [row["address"] for row in await rooms.pool.fetch(_READ)]
        before = await _chunks(rooms)
        await site.change("/" + read[len(read) // 2].removeprefix(site.url))
        changed = await _sync(rooms, site, model)
        gained = len(await _chunks(rooms) - before)
        conversion = await _convert([_fetched(folder, site.url, address) for address in read])
    return Syncs(len(read), conversion, first, unchanged, changed, gained)


async def _chunks(rooms: Rooms) -> set[bytes]:
    rows = await rooms.pool.fetch("SELECT hash FROM chunks WHERE position IS NOT NULL")
    return {row["hash"] for row in rows}


async def _sync(rooms: Rooms, site: SiteServer, model: ModelServer) -> Done:
    before, asked = await site.counts(), _embedded(model)
    stages = Stages()
    await sync_sources(rooms, [], full=False, say=lambda _: None, progress=stages)
    after = await site.counts()
    gave = {name: after.get(name, 0) - before.get(name, 0) for name in ("requests", "bodies")}
    return Done(stages.seconds(), gave["requests"], gave["bodies"], _embedded(model) - asked)


def _embedded(model: ModelServer) -> int:
    return sum(len(request.body["input"]) for request in model.requests if "input" in request.body)


def _fetched(folder: Path, root: str, address: str) -> Fetched:
    path = folder / address.removeprefix(root)
    file = path / "index.html" if path.is_dir() else path
    return Fetched(
        address,
        root,
        (file if file.exists() else path.with_name(f"{path.name}.html")).read_bytes(),
        "text/html",
    )


async def _convert(pages: Sequence[Fetched]) -> float:
    """Convert and cut all pages, with as many processes as a sync has; return the seconds."""
    loop = asyncio.get_running_loop()
    with process_pool(os.cpu_count() or 1) as pool:

        async def convert(some: Sequence[Fetched]) -> None:
            jobs = (loop.run_in_executor(pool, read_fetched, page) for page in some)
            await asyncio.gather(*jobs)

        await convert(pages[:8])  # the start of the processes is no conversion
        began = time.monotonic()
        for start in range(0, len(pages), _AT_ONCE):
            await convert(pages[start : start + _AT_ONCE])
        return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, nargs="?")
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    with tempfile.TemporaryDirectory() as folder:
        site = arguments.folder or unpack(Path(folder))[_LARGEST]
        print_table(asyncio.run(measure(site.resolve())).lines())


if __name__ == "__main__":
    main()
