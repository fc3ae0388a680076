"""Measures docbot on the four documentation sites of ../shared/evaldata: `make eval`.

Needs no network. The lexical figures always; the dense ones with vectors from a cache outside of
the clone, which an endpoint fills once:

    OPENAI_BASE_URL=http://127.0.0.1:8711/v1 DOCBOT_EMBEDDING_MODEL=all-minilm-l6-v2 make eval
"""

import argparse
import asyncio
import json
import math
import sys
import tarfile
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType

import platformdirs

from benchmarks.baselines import GROUPS, baselines, lines, plain_text
from benchmarks.eval_cache import CachedEmbedder, VectorCache, question_key
from docbot import __version__
from docbot.app.evaluating import Wanted, evaluate
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms, rebuild_index
from docbot.app.sources import Wanted as WantedSource
from docbot.app.sources import add_source
from docbot.db.locks import sync_lock
from docbot.errors import DocbotError
from docbot.evaluation.metrics import MEASURE, compared, values_of
from docbot.evaluation.page import page_of
from docbot.evaluation.questions import read_questions
from docbot.evaluation.report import Report, Run, document
from docbot.evaluation.table import lines_of
from docbot.retrieval.embedder import embedding_text, question_text
from docbot.retrieval.generations import embed_missing
from docbot.retrieval.stages import ALL_STAGES, OFF, Stages
from docbot.settings import Settings, load
from docbot.telemetry import set_up_logging

ROOT = Path(__file__).parents[1]
EVALDATA = ROOT.parent / "shared" / "evaldata"
SITES = {
    "airflow": "https://airflow.apache.org/docs/apache-airflow/2.5.3/",
    "ray": "https://docs.ray.io/en/master/",
    "fastapi": "https://fastapi.tiangolo.com/",
    "vite": "https://vite.dev/",
}
_CACHE = Path(platformdirs.user_cache_dir("docbot", appauthor=False)) / "eval-vectors.sqlite"
_NOWHERE = "http://127.0.0.1:9/v1"
_JUDGED_BY = ("recall_at_5", "mrr")
PAIRS = (("ray", "vite"), ("airflow", "fastapi"))
CONSTANTS: Mapping[str, Sequence[float]] = MappingProxyType(
    {
        "k1": (1.2, 2, 3, 5),
        "b": (0.5, 0.75, 0.9),
        "headings": (1, 2, 3),
        "question_title": (1, 2, 3),
        "focus": (0, 0.1, 0.2, 0.4),
    }
)
_OF_VECTORS = frozenset({"dense", "focus", "sides"})
_HOW_TO_FILL = (
    "Start a local endpoint of embeddings, then once:\n"
    "    OPENAI_BASE_URL=http://127.0.0.1:8711/v1 DOCBOT_EMBEDDING_MODEL=all-minilm-l6-v2 make eval"
)


class Lines:
    """Progress in a few lines on stderr."""

    def begin(self, what: str) -> None:
        print(f"{what} ...", file=sys.stderr, flush=True)

    def expect(self, total: int) -> None: ...
    def at(self, done: int) -> None:
        if done % 500 == 0:
            print(f"  {done}", file=sys.stderr, flush=True)

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an evaluation keeps what it needs."""

    folder: Path
    evaldata: Path = EVALDATA
    names: tuple[str, ...] = tuple(SITES)

    @property
    def questions(self) -> Path:
        """The questions about the sites that are used."""
        return self.folder / "questions.jsonl"


def unpack(place: Place) -> None:
    """Lay out the sites and the questions about them; what lies there already is kept.

    Raises:
        DocbotError: the data is not there, or nothing is that unpacks it.
    """
    if not place.evaldata.is_dir():
        raise DocbotError(f"{place.evaldata}: is not there; it holds the sites and the questions")
    for name in place.names:
        if not (place.folder / "sites" / name).is_dir():
            _unpack(place.evaldata / "corpora" / f"{name}.tar.zst", place.folder / "sites")
    lines = (place.evaldata / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    chosen = [line for line in lines if json.loads(line)["source"] in place.names]
    place.questions.write_text("\n".join(chosen), encoding="utf-8")


def _unpack(archive: Path, folder: Path) -> None:
    try:
        import zstandard  # noqa: PLC0415  # of the extra `dev`, which may be missing
    except ImportError as error:
        raise DocbotError(
            f"{archive}: needs the package zstandard to be unpacked; `make eval` installs it, or"
            " pip install zstandard"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("rb") as packed,
        zstandard.ZstdDecompressor().stream_reader(packed) as plain,
        tarfile.open(fileobj=plain, mode="r|") as members,
    ):
        members.extractall(folder, filter="data")


async def read_sites(rooms: Rooms, place: Place, progress: Lines) -> None:
    """Add the sites as sources where they are none yet, and index what changed."""
    known = {source.name for source in await rooms.sources.all()}
    for name in place.names:
        if name not in known:
            location = str(place.folder / "sites" / name)
            await add_source(rooms, WantedSource(name, location, SITES[name]))
    await sync_sources(
        rooms, [], full=False, say=lambda line: print(line, file=sys.stderr), progress=progress
    )


async def embed_sites(rooms: Rooms, embedder: CachedEmbedder) -> None:
    """Give every chunk its vector, and build an index of them."""
    await embed_missing(rooms.generations, embedder, lambda _: None)
    async with sync_lock(rooms.database):
        await rebuild_index(rooms)


async def keys_to_embed(rooms: Rooms, place: Place, model: str) -> list[str]:
    """List under what the vectors of all questions, and of chunks without one, are kept."""
    chunks = await rooms.generations.not_embedded(model, 10_000_000)
    texts = [embedding_text(chunk.title, chunk.heading_path, chunk.text) for chunk in chunks]
    for one in read_questions(place.questions):
        # Nothing is asked in the plain ways that has no page to be found.
        asked = question_text(one.title, one.body), plain_text(one) if one.gold else ""
        texts += [question_key(text) for text in asked if text]
    return texts


def settings_for(place: Place, given: Settings, model: str | None) -> Settings:
    """Leave out what is set for docbot itself, but the endpoint of vectors."""
    return given.model_copy(
        update={
            "docbot_data_dir": place.folder / "data",
            "database_url": None,
            "qdrant_url": None,
            "docbot_chat_model": None,
            "docbot_embedding_model": model,
        }
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """What one side of the measuring works with; no `embedder` where it goes by words alone."""

    title: str
    rooms: Rooms
    embedder: CachedEmbedder | None


@asynccontextmanager
async def by_words(place: Place, given: Settings, progress: Lines) -> AsyncIterator[Bench]:
    """Read the sites, to measure with words alone."""
    bare = settings_for(place, given, None).model_copy(
        update={"openai_base_url": None, "openai_api_key": None}
    )
    async with open_rooms(bare) as rooms:
        await read_sites(rooms, place, progress)
        yield Bench("by words alone", rooms, None)


@asynccontextmanager
async def with_vectors(
    place: Place, given: Settings, cache: Path, progress: Lines
) -> AsyncIterator[Bench | None]:
    """Embed the sites, where vectors can be had; None where not, and how is said."""
    async with AsyncExitStack() as stack:
        vectors = VectorCache(cache)
        stack.callback(vectors.close)
        model = given.docbot_embedding_model or next(iter(vectors.models()), None)
        if model is None:
            print(f"\nNo vectors yet in {cache}, so this was by words alone. {_HOW_TO_FILL}")
            yield None
            return
        settings = settings_for(place, given, model)
        if not _has_endpoint(given):  # the cache has all that would be asked of it
            settings = settings.model_copy(update={"openai_base_url": _NOWHERE})
        rooms = await stack.enter_async_context(open_rooms(settings))
        endpoint = rooms.embedder if _has_endpoint(given) else None
        embedder = CachedEmbedder(model, vectors, endpoint)
        lacking = embedder.lacking(await keys_to_embed(rooms, place, model))
        if lacking and endpoint is None:
            print(f"\n{len(lacking)} vectors of {model} are missing. {_HOW_TO_FILL}")
            yield None
            return
        progress.begin(f"embedding {len(lacking)} texts")
        await embed_sites(rooms, embedder)
        yield Bench("with vectors", rooms, embedder)


async def measured(bench: Bench, wanted: Wanted, progress: Lines) -> Report:
    return await evaluate(
        bench.rooms, wanted, progress=progress, warn=_warn, embedder=bench.embedder
    )


async def show_baselines(bench: Bench, report: Report, by_words_alone: Report | None) -> None:
    """Print how much more often the page is found than in plain ways, paired.

    With vectors at hand, what words alone found is held against the fusion too.
    """
    found = await baselines(bench.rooms, report.plan.askings, bench.embedder)
    records = report.run.measured.records
    print("\na gold page among the first five, in the plain way -> docbot, on the same chunks")
    for name, ranks in (("BM25", found.plain), ("RRF", found.fused)):
        print("\n".join(lines(records, name, ranks)))
    if found.fused and by_words_alone is not None:
        alone = by_words_alone.run.measured.records
        print("\n".join(lines(alone, "RRF -> words", found.fused)))


async def show_stages(bench: Bench, wanted: Wanted, progress: Lines) -> None:
    """Print what each stage is worth: all of them, less all but that one."""
    print("\nwhat each stage adds: all of them, less all but that one")
    for stage in fields(Stages):
        is_stage = stage.default is True or stage.name in OFF
        if not is_stage or (stage.name in _OF_VECTORS and bench.embedder is None):
            continue
        report = await measured(bench, replace(wanted, against=f"{stage.name}=off"), progress)
        if report.against is not None:
            print("\n".join(gains(stage.name, report)), flush=True)


async def show_tuning(bench: Bench, wanted: Wanted, progress: Lines) -> None:
    """Choose each constant on one pair of sites, and print what the choice does on the other."""
    runs: dict[str, Run] = {}

    async def run(configuration: str) -> Run:
        report = await measured(bench, replace(wanted, config=configuration or None), progress)
        return report.run

    shipped = await run("")
    for name, values in CONSTANTS.items():
        for value in values:
            if getattr(ALL_STAGES, name) != value:
                runs[f"{name}={value}"] = await run(f"{name}={value}")
    print("\nconstants chosen on one pair of sites, measured on the other, less those shipped")
    for chosen_on, told_of in (PAIRS, PAIRS[::-1]):
        configuration = ",".join(_best(shipped, runs, chosen_on))
        tuned = await run(configuration)
        for line in told("", shipped, tuned, {" and ".join(told_of): told_of}):
            print(f"chosen on {' and '.join(chosen_on)}: {configuration or 'as shipped'}")
            print(line, flush=True)


def _best(shipped: Run, runs: Mapping[str, Run], sources: Collection[str]) -> Iterable[str]:
    """Name the value of each constant that is best on these sources, where it is not the usual."""
    for name in CONSTANTS:
        own = [each for each in runs if each.startswith(f"{name}=")]
        best = max(own, key=lambda each: _worth(runs[each], sources))
        if _worth(runs[best], sources) > _worth(shipped, sources):
            yield best


def _worth(run: Run, sources: Collection[str]) -> float:
    """The mean of recall@5 and MRR."""
    records = [each for each in run.measured.records if each.source in sources]
    values = [value for name in _JUDGED_BY for value in values_of(MEASURE[name], records)]
    return math.fsum(values) / max(len(values), 1)


def gains(stage: str, report: Report) -> Iterable[str]:
    """Write the gain of a stage, as recall@5 and MRR, by group of sources."""
    if report.against is None:
        return
    yield from told(stage, report.against, report.run, GROUPS)


def told(
    name: str, before: Run, after: Run, groups: Mapping[str, Collection[str]]
) -> Iterable[str]:
    """Write what the second run has more than the first, by group of sources."""
    for group, sources in groups.items():
        cells = []
        for measure in _JUDGED_BY:
            change = compared(
                MEASURE[measure],
                [each for each in before.measured.records if each.source in sources],
                [each for each in after.measured.records if each.source in sources],
            )
            if change is not None:
                cells.append(f"{change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}]")
        yield f"{name:<15} {group:<16} {'   '.join(cells)}"


def _has_endpoint(given: Settings) -> bool:
    return bool(given.openai_base_url or given.openai_api_key)


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


def _show(title: str, report: Report, folder: Path | None) -> None:
    print(f"\n=== {title} (docbot {__version__})\n")
    print("\n".join(lines_of(report)), flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        name = title.replace(" ", "-")
        (folder / f"{name}.html").write_text(page_of(report), encoding="utf-8")
        told = json.dumps(document(report), ensure_ascii=False)
        (folder / f"{name}.json").write_text(told, encoding="utf-8")


async def run(arguments: argparse.Namespace) -> None:
    place = Place(arguments.folder)
    unpack(place)
    given, progress = load(None), Lines()
    wanted = Wanted(
        place.questions,
        cross=True,
        remove_gold=True,
        config=arguments.config,
        against=arguments.against,
    )
    async with by_words(place, given, progress) as bench:
        report = await _measure(bench, wanted, arguments, progress)
    async with with_vectors(place, given, arguments.cache, progress) as vectors:
        if vectors is not None:
            await _measure(vectors, wanted, arguments, progress, report)


async def _measure(
    bench: Bench,
    wanted: Wanted,
    arguments: argparse.Namespace,
    progress: Lines,
    by_words_alone: Report | None = None,
) -> Report | None:
    alone = replace(wanted, cross=False, remove_gold=False)
    if arguments.stages:
        await show_stages(bench, alone, progress)
    if arguments.tune:
        await show_tuning(bench, alone, progress)
    if arguments.stages or arguments.tune:
        return None
    report = await measured(bench, wanted, progress)
    _show(bench.title, report, arguments.out)
    await show_baselines(bench, report, by_words_alone)
    return report


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".eval", help="its data folder")
    parser.add_argument("--cache", type=Path, default=_CACHE, help="of vectors; outside the clone")
    parser.add_argument("--out", type=Path, help="a folder for the pages and the JSON documents")
    parser.add_argument("--config", help="as of `docbot eval`")
    parser.add_argument("--against", help="as of `docbot eval`")
    parser.add_argument("--stages", action="store_true", help="what each stage is worth, instead")
    parser.add_argument("--tune", action="store_true", help="what other constants do, instead")
    set_up_logging("error", "text")
    try:
        asyncio.run(run(parser.parse_args(given)))
    except DocbotError as error:
        sys.exit(f"eval: {error}")


if __name__ == "__main__":
    main()
