"""Whether a sync of a large site takes more memory than that of a small one.

`docbot sync` in a process of its own, on sites of made pages from a local server, pause 0. Its
memory is looked at 20 times a second, with that of its children: those that convert pages while it
reads, and then the one that builds the index, which grows with what is indexed. Needs Linux, which
tells a process's memory in /proc.

    python -m benchmarks.growth [--pages N N]
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.house import open_to_all
from benchmarks.syncs import served
from benchmarks.table import Line, megabytes, print_table

PAGES = (500, 10_000)
MOST_GROWTH = 1.2
_LOOK_SECONDS = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Peak:
    """Resident bytes at most, of the process and its children together."""

    reading: int
    indexing: int


@dataclass(frozen=True, slots=True)
class Growth:
    pages: tuple[int, int]
    small: Peak
    large: Peak

    @property
    def times(self) -> float:
        return self.large.reading / self.small.reading

    def lines(self) -> list[Line]:
        peaks = zip(self.pages, (self.small, self.large), strict=True)
        return [
            *(
                Line(
                    f"Peak memory of a sync of {pages:,} pages: while it reads / builds the index",
                    f"{megabytes(peak.reading)} / {megabytes(peak.indexing)}",
                )
                for pages, peak in peaks
            ),
            Line("Times as much while it reads", f"{self.times:.2f}", f"at most {MOST_GROWTH}"),
        ]


async def measure(pages: tuple[int, int]) -> Growth:
    small, large = [await _peak_of_sync(count) for count in pages]
    return Growth(pages, small, large)


async def _peak_of_sync(pages: int) -> Peak:
    async with served("--made", str(pages)) as site:
        with open_to_all() as folder:
            environment = {
                "PATH": os.environ["PATH"],
                "DOCBOT_DATA_DIR": str(folder / "data"),
                "DOCBOT_CRAWL_PAUSE": "0",
            }
            add = "sources", "add", "site", site.url, "--max-pages", str(2 * pages)
            await (await _docbot(environment, *add)).communicate()
            sync = await _docbot(environment, "sync")
            peak = await _watched(sync)
            if await sync.wait() != 0:
                raise RuntimeError("docbot sync failed; the lines above say why")
    return peak


async def _watched(sync: asyncio.subprocess.Process) -> Peak:
    """Follow a sync by what it says of its progress, until it ends."""
    assert sync.stderr is not None
    peaks = {"reading": 0, "indexing": 0}
    stage = "reading"
    line = asyncio.ensure_future(sync.stderr.readline())
    while True:
        await asyncio.wait([line], timeout=_LOOK_SECONDS)
        now = sum(map(_resident, (sync.pid, *_children(sync.pid))))
        peaks[stage] = max(peaks[stage], now)
        if line.done():
            if not line.result():
                return Peak(peaks["reading"], peaks["indexing"])
            stage = "indexing" if line.result().startswith(b"indexing") else stage
            line = asyncio.ensure_future(sync.stderr.readline())


async def _docbot(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docbot", *arguments),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


def _children(pid: int) -> Iterator[int]:
    """Its processes, but not the database server, which several may share."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return
    for child in map(int, listed):
        yield child
        yield from _children(child)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pages", type=int, nargs=2, default=PAGES)
    arguments = parser.parse_args()
    small, large = arguments.pages
    print_table(asyncio.run(measure((small, large))).lines())


if __name__ == "__main__":
    main()
