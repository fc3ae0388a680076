"""HTML to Markdown on real pages, beside other converters: what is kept, and how fast.

What a page holds is read from its raw HTML by `benchmarks.reference`, and marked by hand on forty
pages (`benchmarks.marks`); `benchmarks.fidelity` says how the Markdown is held against it. Nothing
that docbot wrote is ever what is expected.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import fidelity, marks
from benchmarks.converters import ARE_RIVALS_HERE, HOW_TO_INSTALL, Converter, all_converters
from benchmarks.markup import read_markdown
from benchmarks.reference import Reference, read_page
from benchmarks.table import Line, print_grid, print_table

WITHIN = 1.0  # points that docbot may be behind the first in a column
FASTER = 2.0  # times markdownify's pages a second, at least
ADDRESSES = {
    "airflow": "https://airflow.apache.org/docs/apache-airflow/2.5.3/",
    "fastapi": "https://fastapi.tiangolo.com/",
    "ray": "https://docs.ray.io/en/master/",
    "vite": "https://vite.dev/",
}
_CORPORA = Path(__file__).parents[1].parent / "shared" / "evaldata" / "corpora"
_TIMED_EVERY = 8  # pages of each site; all would take markdownify minutes
_ROUNDS = 5
_LEFT_IN = "navigation"  # the one column in which less is better


@dataclass(frozen=True, slots=True)
class Source:
    """A page as it lies on disk."""

    site: str
    path: str  # below the site's folder
    url: str
    html: str


@dataclass(slots=True)
class Tally:
    """By column, what was found of what there is."""

    found: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)

    def add(self, judged: Mapping[str, tuple[int, int]]) -> None:
        for column, (found, wanted) in judged.items():
            self.found[column] += found
            self.wanted[column] += wanted

    def percent(self, column: str) -> float:
        return 100 * self.found[column] / self.wanted[column] if self.wanted[column] else 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """By the name of a converter: over all pages, of their articles alone, and by the marks."""

    pages: int
    whole: dict[str, Tally]
    article: dict[str, Tally]
    marked: dict[str, Tally]

    def behind(self, column: str, tallies: Mapping[str, Tally]) -> float:
        """How many points docbot is behind the best of all in a column."""
        shares = {name: tally.percent(column) for name, tally in tallies.items()}
        best = min(shares.values()) if column == _LEFT_IN else max(shares.values())
        return abs(best - shares["docbot"])


@dataclass(frozen=True, slots=True)
class Speed:
    """Pages a second of one core, by the name of a converter, one for each round."""

    rounds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def ratio(self, name: str) -> float:
        """How many times as fast docbot is, the median of the rounds."""
        pairs = zip(self.rounds["docbot"], self.rounds[name], strict=True)
        return statistics.median(own / other for own, other in pairs)


def sources(folders: Mapping[str, Path], every: int = 1) -> Iterator[Source]:
    """The pages of the sites in order, or each n-th of every site."""
    for site, folder in folders.items():
        for file in sorted(folder.rglob("*.html"))[::every]:
            path = file.relative_to(folder).as_posix()
            yield Source(site, path, ADDRESSES[site] + path, file.read_text("utf-8"))


def read_source(source: Source) -> Reference | None:
    return read_page(source.site, source.html, source.url)


def compare(folders: Mapping[str, Path], converters: Sequence[Converter], every: int = 1) -> Kept:
    """Convert the pages with each and count what was kept; the marked pages are always among them."""
    names = [converter.name for converter in converters]
    in_need = [converter for converter in converters if not converter.finds_main]
    whole, marked = ({name: Tally() for name in names} for _ in range(2))
    article = {converter.name: Tally() for converter in in_need}
    by_page = {(mark.site, mark.page): mark for mark in marks.all_marks()}
    drawn = {(source.site, source.path) for source in sources(folders, every)}
    pages = 0
    for source in sources(folders):
        mark = by_page.get((source.site, source.path))
        is_drawn = (source.site, source.path) in drawn
        page = read_source(source) if mark or is_drawn else None
        if page is None:
            continue
        pages += is_drawn
        for converter in converters:
            kept = read_markdown(converter.convert(source.html, source.url))
            if is_drawn:
                whole[converter.name].add(fidelity.judge(page, kept))
            if mark:
                marked[converter.name].add(marks.judge(mark, kept))
        if is_drawn:
            for converter in in_need:
                kept = read_markdown(converter.convert(page.article, source.url))
                article[converter.name].add(fidelity.judge(page, kept))
    return Kept(pages, whole, article, marked)


def measure_speed(
    pages: Sequence[Source], converters: Sequence[Converter], rounds: int = _ROUNDS
) -> Speed:
    """Convert the whole pages in turn with each, again and again, in this process.

    The time is the processor's, so that it tells pages a second of one core on a busy machine too.
    """
    for converter in converters:
        converter.convert(pages[0].html, pages[0].url)
    measured: dict[str, list[float]] = {converter.name: [] for converter in converters}
    for _ in range(rounds):
        for converter in converters:
            before = time.process_time()
            for page in pages:
                converter.convert(page.html, page.url)
            measured[converter.name].append(len(pages) / (time.process_time() - before))
    return Speed(measured)


def lines(kept: Kept, speed: Speed) -> list[Line]:
    """What has to hold, as lines of a table."""
    columns = [(f"{name}, all pages", kept.behind(name, kept.whole)) for name in fidelity.COLUMNS]
    columns += [(f"{name}, by hand", kept.behind(name, kept.marked)) for name in marks.COLUMNS]
    bar = f"at most {WITHIN:.0f} point"
    found = [Line(f"behind the first: {name}", f"{gap:.1f} points", bar) for name, gap in columns]
    if "markdownify" in speed.rounds:
        ratio = f"{speed.ratio('markdownify'):.1f} times"
        found.append(Line("pages/s beside markdownify's", ratio, f"at least {FASTER:.0f} times"))
    return found


def unpack(into: Path) -> dict[str, Path]:
    """Unpack the sites from beside the project."""
    for site in ADDRESSES:
        archive = _CORPORA / f"{site}.tar.zst"
        subprocess.run(["tar", "--zstd", "-xf", archive], cwd=into, check=True)
    return {site: into / site for site in ADDRESSES}


def _print_kept(title: str, columns: Sequence[str], tallies: Mapping[str, Tally]) -> None:
    print(f"\n{title}\n")
    some = next(iter(tallies.values()))
    rows = [
        [name, *(f"{tally.percent(column):.1f}" for column in columns)]
        for name, tally in tallies.items()
    ]
    print_grid(["%", *columns], [*rows, ["of", *(f"{some.wanted[name]:,}" for name in columns)]])


def _print_speed(speed: Speed, pages: int) -> None:
    print(f"\nWhole pages, {pages} of them, {len(speed.rounds['docbot'])} rounds, medians\n")
    rows = [
        [name, f"{speed.median(name):.1f}", f"{speed.ratio(name):.1f}"] for name in speed.rounds
    ]
    print_grid(["converter", "pages/s of one core", "docbot is times as fast"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.knowledge", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only each n-th page of a site")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="of the measuring of speed")
    arguments = parser.parse_args()
    if not _CORPORA.exists() or not shutil.which("zstd"):
        sys.exit(f"the sites are read from {_CORPORA} with tar and zstd: one of them is missing")
    if not ARE_RIVALS_HERE:
        print(HOW_TO_INSTALL, file=sys.stderr)
    before = os.getloadavg()[0]
    converters = all_converters()
    with tempfile.TemporaryDirectory() as folder:
        folders = unpack(Path(folder))
        kept = compare(folders, converters, arguments.every)
        timed = list(sources(folders, _TIMED_EVERY))
    speed = measure_speed(timed, converters, arguments.rounds)
    _print_kept(f"{kept.pages} whole pages", fidelity.COLUMNS, kept.whole)
    if kept.article:
        _print_kept("Given the article alone", fidelity.COLUMNS, kept.article)
    _print_kept("40 pages marked by hand", marks.COLUMNS, kept.marked)
    _print_speed(speed, len(timed))
    print()
    print_table(lines(kept, speed))
    print(f"\n{os.cpu_count()} cores, load before {before:.1f}.")


if __name__ == "__main__":
    main()
