"""How long a search takes, without what the embedding of a question costs.

Made documentation of 2,000, 20,000 and 100,000 chunks, stored in docbot's own Postgres and built
into its own index, searched by the `Searcher` that the bot uses. The vector of a question is
given. Beside it, in the same run, SQLite's full-text search (FTS5, its own BM25) over the same
text, asked for the same words. Times are of one search after the other, in milliseconds.

    python -m benchmarks.search [--chunks N ...] [--questions N]
"""

import argparse
import asyncio
import gc
import hashlib
import os
import random
import re
import sqlite3
import time
from array import array
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import cycle, islice
from math import hypot
from pathlib import Path
from typing import Any

from benchmarks.corpus import SECTIONS, Page, Prose, invented_words, pages
from benchmarks.house import open_to_all, wait_for_server_to_end
from benchmarks.table import print_grid
from docbot.app.rooms import Rooms, open_rooms
from docbot.db.chunks import Chunks
from docbot.processes import freeze_what_is_loaded
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.search import Query, Searcher
from docbot.retrieval.store import Index
from docbot.retrieval.vocabulary import Vocabulary
from docbot.settings import Settings

SIZES = (2_000, 20_000, 100_000)
QUESTIONS = 300
BARS = {20_000: 20.0, 100_000: 60.0}  # milliseconds, the slowest of a hundred
TARGET = 0.5  # of the time of the reference, at 20,000 chunks by words and vector
_TOLD = ("search", "read", "rank")  # by the search itself
STAGES = (*_TOLD, "rest", "all")
_WARM_UP = 20
_MODEL = "given"
_DIMENSIONS = 384
_NOISE = 0.04  # of each number; vectors of a page then are as near as those of related passages
_WORDS = (8, 60)  # of a question
_SEED = 2207
_LIMIT = 200  # hits of the reference, as many as docbot takes of each side
_PAGES_AT_ONCE = 200
_REFERENCE = "SELECT rowid FROM chunks WHERE chunks MATCH ? ORDER BY bm25(chunks, 2, 1) LIMIT ?"
_ASKED_WORD = re.compile(r"[a-z_]+")


@dataclass(frozen=True, slots=True)
class Asked:
    query: Query
    vector: list[float]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each search, by stage."""

    by_stage: dict[str, list[float]]

    def share(self, stage: str, percent: int) -> float:
        """The time that so many percent of the searches stay below."""
        ordered = sorted(self.by_stage[stage])
        return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


@dataclass(frozen=True, slots=True)
class Measured:
    """One size: searches by words, by words and meaning, and those of the reference."""

    chunks: int
    by_words: Times
    by_both: Times
    reference: list[float]

    @property
    def times_reference(self) -> float:
        """The usual search by both, as a part of the reference's."""
        return self.by_both.share("all", 50) / sorted(self.reference)[len(self.reference) // 2]


class InUse:
    """The index that the rooms have, said to be of the model that is given."""

    dimensions = _DIMENSIONS
    embedding_model = _MODEL

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    @property
    def vocabularies(self) -> Mapping[int, Vocabulary]:
        return self._rooms.index.vocabularies

    async def reach(self) -> Index | None:
        return await self._rooms.index.reach()

    def let_go(self, gone: Index) -> None:
        raise RuntimeError(f"index {gone} was lost meanwhile")


class GivenVector:
    """An embedder that costs nothing; of one question's texts each has a vector of its own."""

    model = _MODEL

    def __init__(self) -> None:
        self.vector: list[float] = []
        self._draw = random.Random(_SEED)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self.vector for _ in texts]

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        return [_near(self.vector, self._draw) for _ in texts]

    def with_model(self, _: str) -> Embedder:
        return self


async def measure(chunks: int, questions: int = QUESTIONS) -> Measured:
    async with stocked(chunks) as (rooms, folder):
        asked = list(made_questions(chunks, questions))
        reference = await asyncio.to_thread(_time_reference, folder / "reference.db", asked)
        freeze_what_is_loaded()
        by_words = await time_searches(rooms, asked, by_meaning=False)
        by_both = await time_searches(rooms, asked, by_meaning=True)
        gc.unfreeze()
    return Measured(chunks, by_words, by_both, reference)


async def time_searches(rooms: Rooms, asked: Sequence[Asked], *, by_meaning: bool) -> Times:
    given = GivenVector()
    searcher = Searcher(InUse(rooms), given if by_meaning else None, Chunks(rooms.pool))
    sources = [source.id for source in await rooms.sources.all()]
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for number, each in enumerate([*asked[:_WARM_UP], *asked]):
        given.vector = each.vector
        began = time.perf_counter()
        found = await searcher.search(each.query, sources, sections=True)
        whole = 1e3 * (time.perf_counter() - began) - found.timings_ms["embed"]
        if not found.passages or found.dense_used is not by_meaning:
            raise RuntimeError(f"{each.query} was not searched for as it was to be")
        if number >= _WARM_UP:
            spent = {**found.timings_ms, "all": whole}
            spent["rest"] = whole - sum(spent[stage] for stage in _TOLD)
            for stage in STAGES:
                times[stage].append(spent[stage])
    return Times(times)


@asynccontextmanager
async def stocked(chunks: int) -> AsyncIterator[tuple[Rooms, Path]]:
    """Open a docbot that has so many chunks, and a folder with the reference's database."""
    with open_to_all() as folder:
        settings = Settings(_env_file=None).model_copy(
            update={"docbot_data_dir": folder / "data", "database_url": None}
        )
        async with open_rooms(settings) as rooms:
            await rooms.sources.add(name="docs", kind="folder", location="/made", base_url=None)
            await _store(rooms, folder / "reference.db", chunks)
            await rooms.builder.rebuild(_MODEL)
            await rooms.index.refresh()
            yield rooms, folder
        await asyncio.to_thread(wait_for_server_to_end, settings.docbot_data_dir)


async def _store(rooms: Rooms, reference: Path, chunks: int) -> None:
    """Write pages, chunks and vectors as a sync leaves them, and the reference."""
    [source] = await rooms.sources.all()
    made = enumerate(pages(chunks), start=1)
    with closing(sqlite3.connect(reference)) as database, database:
        database.execute("CREATE VIRTUAL TABLE chunks USING fts5(heading, text)")
        while some := list(islice(made, _PAGES_AT_ONCE)):
            rows = [row for number, page in some for row in _chunk_rows(number, page)]
            await _copy(
                rooms, source.id, [(number, *_page_row(page)) for number, page in some], rows
            )
            database.executemany(
                "INSERT INTO chunks (heading, text) VALUES (?, ?)",
                [(row.heading, row.text) for row in rows],
            )
    await rooms.pool.execute("ANALYZE")


@dataclass(frozen=True, slots=True)
class _ChunkRow:
    page: int
    position: int
    hash: bytes
    heading: str
    url: str
    text: str
    vector: list[float]


def _page_row(page: Page) -> tuple[str, str, str, bytes]:
    return _address(page), page.title, page.title, hashlib.sha256(page.name.encode()).digest()


def _chunk_rows(number: int, page: Page) -> list[_ChunkRow]:
    draw = random.Random(page.name)
    subject = _unit([draw.gauss(0, 1) for _ in range(_DIMENSIONS)])
    return [
        _ChunkRow(
            page=number,
            position=position,
            hash=hashlib.sha256(section.text.encode()).digest(),
            heading=section.heading,
            url=f"{_address(page)}#{position // 3}",
            text=section.text,
            vector=_near(subject, draw),
        )
        for position, section in enumerate(page.sections)
    ]


def _address(page: Page) -> str:
    return f"https://docs.test/{page.name}"


async def _copy(
    rooms: Rooms, source: int, page_rows: Sequence[tuple[Any, ...]], rows: Sequence[_ChunkRow]
) -> None:
    async with rooms.pool.acquire() as conn, conn.transaction():
        await conn.copy_records_to_table(
            "pages",
            columns=["id", "source_id", "url", "title", "markdown", "content_hash"],
            records=[(row[0], source, *row[1:]) for row in page_rows],
        )
        await conn.copy_records_to_table(
            "chunks",
            columns=["source_id", "page_id", "position", "hash", "heading_path", "url", "text"],
            records=[
                (source, row.page, row.position, row.hash, [row.heading], row.url, row.text)
                for row in rows
            ],
        )
        await conn.copy_records_to_table(
            "embeddings",
            columns=["model", "chunk_hash", "vector"],
            records=[(_MODEL, row.hash, array("f", row.vector).tobytes()) for row in rows],
        )


def made_questions(chunks: int, count: int) -> Iterator[Asked]:
    """Give questions of 8 to 60 words about sections spread over the corpus."""
    draw = random.Random(_SEED)
    prose = Prose(draw, invented_words(draw))
    step = max(chunks // SECTIONS // count, 1)
    chosen = list(islice(pages(chunks), 0, count * step, step))
    for page in islice(cycle(chosen), count):
        section = draw.choice(page.sections)
        said = " ".join(prose.sentence() for _ in range(8)).split()
        words = said[: draw.randint(*_WORDS) - 5]
        body = " ".join(words)
        yield Asked(
            Query(f"How to {section.setting} in {page.title}?", body),
            _near(_chunk_rows(0, page)[0].vector, draw),
        )


def _near(vector: Sequence[float], draw: random.Random) -> list[float]:
    return _unit([number + draw.gauss(0, _NOISE) for number in vector])


def _unit(vector: Sequence[float]) -> list[float]:
    length = hypot(*vector)
    return [number / length for number in vector]


def _time_reference(file: Path, asked: Sequence[Asked]) -> list[float]:
    """Ask SQLite for the best by any of the words, in milliseconds."""
    times = []
    with closing(sqlite3.connect(file)) as database:
        for each in asked:
            words = set(_ASKED_WORD.findall(f"{each.query.title} {each.query.body}".lower()))
            any_word = " OR ".join(f'"{word}"' for word in sorted(words))
            began = time.perf_counter()
            database.execute(_REFERENCE, (any_word, _LIMIT)).fetchall()
            times.append(1e3 * (time.perf_counter() - began))
    return times


def rows_of(measured: Measured, smallest: Measured) -> Iterator[list[str]]:
    for name, times, before in (
        ("words", measured.by_words, smallest.by_words),
        ("words and vector", measured.by_both, smallest.by_both),
    ):
        bar = BARS.get(measured.chunks)
        yield [
            f"{measured.chunks:,}",
            name,
            *(f"{times.share(stage, 50):.1f} / {times.share(stage, 99):.1f}" for stage in STAGES),
            f"below {bar:g}" if bar else "",
            f"{times.share('all', 50) / before.share('all', 50):.1f}",
        ]
    ordered = sorted(measured.reference)
    slowest = ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]
    usual = f"{ordered[len(ordered) // 2]:.1f} / {slowest:.1f}"
    yield [f"{measured.chunks:,}", "SQLite FTS5", "", "", "", "", usual, "", ""]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chunks", type=int, nargs="+", default=SIZES)
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    arguments = parser.parse_args()
    before = os.getloadavg()[0]
    measured = [await measure(chunks, arguments.questions) for chunks in arguments.chunks]
    print_grid(
        [
            "chunks",
            "searched by",
            "index",
            "Postgres",
            "ranking",
            "the rest",
            "all (ms, p50 / p99)",
            "bar of p99",
            "times the first size",
        ],
        [row for each in measured for row in rows_of(each, measured[0])],
    )
    print(f"\n{os.cpu_count()} cores, load before {before:.1f}; of an idle machine it is near 0.")


if __name__ == "__main__":
    asyncio.run(main())
