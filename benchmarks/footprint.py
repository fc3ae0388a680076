"""What docbot takes: memory at two sizes, time to start, the demo's time, disk.

Memory is that of the docbot process alone, without Postgres and without its own index's pages in
the disk cache; lexical search only. Needs Linux, which tells a process's memory in /proc.

    python -m benchmarks.footprint [--chunks N N] [--asked N]
"""

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.corpus import questions
from benchmarks.house import ROOT, House, open_house, open_to_all, running_bot
from benchmarks.loop_watch import Stall
from benchmarks.table import Line, megabytes, milliseconds, print_table
from docbot.telemetry import set_up_logging

SIZES = (2_000, 20_000)
TARGET = 250e6  # bytes at the larger size
_EXTRA = "embedded"
_PATIENCE = 30.0
_DEMO_SECONDS = 120
_IDLE = "import discord, pathlib; print(pathlib.Path('/proc/self/status').read_text())"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: now, at most so far, and now with what is shared counted by its share."""

    resident: int
    peak: int
    proportional: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """Of a docbot that has answered some posts; `stall` is the worst until READY was handled."""

    chunks: int
    memory: Memory
    ready_seconds: float
    stall: Stall

    def lines(self) -> list[Line]:
        shown = (self.memory.resident, self.memory.peak, self.memory.proportional)
        at = f"{self.chunks:,} chunks"
        return [
            Line(
                f"Memory of docbot at {at}: resident / peak / proportional",
                " / ".join(map(megabytes, shown)),
                megabytes(TARGET) if self.chunks >= max(SIZES) else "",
            ),
            Line(f"Start to READY handled at {at}", milliseconds(self.ready_seconds)),
            Line(f"Worst stall of the event loop until then at {at}", str(self.stall)),
        ]


async def measure(house: House, asked: int) -> Footprint:
    """Start docbot, let it answer, and read what it takes then."""
    asker = house.playground.members[0]
    async with running_bot(house) as bot:
        for question in questions(house.chunks, asked):
            thread = await asker.post(house.playground.forum, question.title, question.body)
            await asker.sees_reply(thread, timeout=_PATIENCE)
        memory = memory_of(bot.pid)
    return Footprint(house.indexed, memory, bot.ready_seconds, bot.at_start)


def memory_of(pid: int) -> Memory:
    process = Path("/proc") / str(pid)
    status = (process / "status").read_text()
    rollup = (process / "smaps_rollup").read_text()
    return Memory(_bytes(status, "VmRSS"), _bytes(status, "VmHWM"), _bytes(rollup, "Pss"))


def idle_memory() -> int:
    """Resident bytes of a Python that has imported discord.py and does nothing."""
    told = subprocess.run([sys.executable, "-c", _IDLE], check=True, capture_output=True, text=True)
    return _bytes(told.stdout, "VmRSS")


def _bytes(told: str, name: str) -> int:
    [line] = [line for line in told.splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def demo_seconds() -> tuple[float, float]:
    """How long `make demo ARGS=--once` takes once installed: first run, and again."""
    with open_to_all() as folder:
        port = str(_free_port())
        return _demo(folder, port), _demo(folder, port)


def _demo(folder: Path, port: str) -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "docbot", "demo", "--once", "--port", port],
        check=True,
        capture_output=True,
        timeout=_DEMO_SECONDS,
        env={"PATH": os.environ["PATH"], "DOCBOT_DATA_DIR": str(folder / "data")},
    )
    return time.monotonic() - began


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def install_bytes() -> dict[str, int]:
    """The size of docbot and of each package it needs, as installed; compiled files left out."""
    packages = _closure("docbot", {_EXTRA})
    sizes = {name: _size(found) for name, found in packages.items()}
    # A checkout is installed as a mere pointer to its folder.
    sizes["docbot"] = sum(_file_sizes(ROOT / part for part in ("docbot", "docs", "migrations")))
    return sizes


def _closure(name: str, extras: Iterable[str]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    waiting = [Requirement(f"{name}[{','.join(extras)}]")]
    seen: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        package = distribution(wanted.name)
        found[package.name] = package
        waiting += [need for need in _needs(package) if _applies(need, wanted.extras)]
    return found


def _needs(package: Distribution) -> list[Requirement]:
    return [Requirement(text) for text in package.requires or ()]


def _applies(need: Requirement, extras: Iterable[str]) -> bool:
    marker = need.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _size(package: Distribution) -> int:
    listed = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(_file_sizes(listed))


def _file_sizes(paths: Iterable[Path]) -> Iterable[int]:
    for path in paths:
        if path.is_dir():
            yield from _file_sizes(path.iterdir())
        elif path.is_file() and path.suffix != ".pyc":
            yield path.stat().st_size


def installed_lines() -> list[Line]:
    """What does not hang on the size of the documentation."""
    cold, warm = demo_seconds()
    sizes = install_bytes()
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    parts = ", ".join(f"{name} {megabytes(sizes[name])}" for name in largest)
    return [
        Line(
            "`make demo ARGS=--once`, installed: first run / again", f"{cold:.1f} s / {warm:.1f} s"
        ),
        Line(
            f"Installed with everything embedded, {len(sizes)} packages",
            f"{megabytes(sum(sizes.values()))} ({parts})",
        ),
    ]


def compared(footprints: Sequence[Footprint]) -> list[Line]:
    """Memory against what discord.py takes by itself."""
    idle = idle_memory()
    ratios = " / ".join(f"{each.memory.resident / idle:.1f}" for each in footprints)
    return [Line(f"Times a Python that only imported discord.py ({megabytes(idle)})", ratios)]


async def run(sizes: Sequence[int], asked: int) -> list[Footprint]:
    footprints = []
    for chunks in sizes:
        async with open_house(chunks) as house:
            footprints.append(await measure(house, asked))
    return footprints


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, nargs="+", default=SIZES)
    parser.add_argument("--asked", type=int, default=50)
    arguments = parser.parse_args()
    set_up_logging("error", "text")
    footprints = asyncio.run(run(arguments.chunks, arguments.asked))
    lines = [line for each in footprints for line in each.lines()]
    print_table([*lines, *compared(footprints), *installed_lines()])


if __name__ == "__main__":
    main()
