"""Whether a sync of a large site takes more memory than that of a small one.

`docbot sync` in a process of its own, on sites of made pages from a local server, pause 0. Its
memory is looked at 20 times a second: that of the process itself, and with all its children, which
convert pages and build the index. Needs Linux, which tells a process's memory in /proc.

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
    """Resident bytes at most: of the process, and of it with its children together."""

    alone: int
    together: int


@dataclass(frozen=True, slots=True)
class Growth:
    pages: tuple[int, int]
    small: Peak
    large: Peak

    @property
    def times(self) -> float:
        return self.large.together / self.small.together

    def lines(self) -> list[Line]:
        peaks = zip(self.pages, (self.small, self.large), strict=True)
        return [
            *(
                Line(
                    f"Peak memory of a sync of {pages:,} pages: itself / with its children",
                    f"{megabytes(peak.alone)} / {megabytes(peak.together)}",
                )
                for pages, peak in peaks
            ),
            Line("Times as much, with its children", f"{self.times:.2f}", f"at most {MOST_GROWTH}"),
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
            add = "sources", "add", "site", site.url, "--max-pages", str(pages)
            await (await _docbot(environment, *add)).wait()
            sync = await _docbot(environment, "sync")
            ended = asyncio.ensure_future(sync.wait())
            alone = together = 0
            while not ended.done():
                alone = max(alone, _resident(sync.pid))
                together = max(together, sum(map(_resident, (sync.pid, *_children(sync.pid)))))
                await asyncio.wait([ended], timeout=_LOOK_SECONDS)
            if ended.result() != 0:
                raise RuntimeError("docbot sync failed; the lines above say why")
    return Peak(alone, together)


async def _docbot(environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docbot", *arguments), env=environment
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
