"""One evaluation from the command line: the questions of a file, asked as the bot would be."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from docbot import __version__
from docbot.app.asking import PASSAGES, refuse_without_index
from docbot.app.embedding import Progress
from docbot.app.rooms import (
    Rooms,
    database_url,
    open_answerer,
    refuse_endpoint_without_model,
)
from docbot.db.chunks import Chunks
from docbot.db.sources import Source
from docbot.errors import PermanentError, UsageError
from docbot.evaluation.comparison import gate, read_baseline, refuse_other_questions
from docbot.evaluation.configuration import Configuration, configured
from docbot.evaluation.measure import Plan, Prices, Site, Subject, measure, plan
from docbot.evaluation.questions import Question, folded, read_questions
from docbot.evaluation.report import IndexState, Report, Run
from docbot.evaluation.table import lines_of_failures, lines_of_gaps
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.search import IndexInUse, Searcher
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.trial import trial_index
from docbot.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """An evaluation as somebody asked for it; nothing of it is checked yet."""

    questions: Path
    cross: bool = False
    remove_gold: bool = False
    no_model: bool = False
    config: str | None = None
    against: str | None = None
    gate: Path | None = None


async def evaluate(
    rooms: Rooms,
    wanted: Wanted,
    *,
    progress: Progress,
    warn: Callable[[str], None],
    embedder: Embedder | None = None,
) -> Report:
    """Ask every question of the file and make the figures.

    Args:
        rooms: what it works with.
        wanted: what is asked, of what, and what it is compared with.
        progress: shows how many were asked.
        warn: told what could not be asked, and what the sources lack.
        embedder: of the questions, in place of the one that is set.

    Raises:
        UsageError: the questions, a configuration or the earlier run cannot be used, or nothing
            was read yet.
        DocbotError: nothing of it can be asked, as the sources lack it; or the index cannot be asked.
    """
    questions = read_questions(wanted.questions)
    first, second = _configurations(rooms.settings, wanted)
    baseline = read_baseline(wanted.gate) if wanted.gate is not None else None
    await refuse_endpoint_without_model(rooms.settings)
    await refuse_without_index(rooms)
    planned = await _planned(rooms, wanted, questions, warn)
    if baseline is not None:
        refuse_other_questions(baseline, [asking.key for asking in planned.askings])
    report = Report(
        docbot=__version__,
        index=await _index_state(rooms),
        plan=planned,
        run=await _run(rooms, planned, first, progress, embedder),
        against=await _run(rooms, planned, second, progress, embedder) if second else None,
    )
    for line in lines_of_failures(report):
        warn(line)
    if baseline is None:
        return report
    held = gate(
        baseline,
        report.run.measured.records,
        docbot=__version__,
        configuration=first.described(),
    )
    return replace(report, gate=held)


def _configurations(
    settings: Settings, wanted: Wanted
) -> tuple[Configuration, Configuration | None]:
    """Give the first configuration, and the second, which differs from it in what it names."""
    model = None if wanted.no_model else settings.docbot_chat_model
    first = Configuration(caution=settings.docbot_caution, chat_model=model)
    if wanted.config is not None:
        first = configured(wanted.config, first)
    second = configured(wanted.against, first) if wanted.against is not None else None
    endpoint = settings.openai_api_key or settings.openai_base_url
    if not endpoint and any(each is not None and each.chat_model for each in (first, second)):
        raise UsageError(
            "chat_model: a model needs OPENAI_API_KEY, or OPENAI_BASE_URL of an endpoint that asks"
            " for no key"
        )
    return first, second


async def _planned(
    rooms: Rooms, wanted: Wanted, questions: list[Question], warn: Callable[[str], None]
) -> Plan:
    """Choose what to ask, and tell what cannot be asked before an hour goes by."""
    sites = await _sites(rooms, questions)
    planned = plan(questions, sites, cross=wanted.cross, remove_gold=wanted.remove_gold)
    for line in lines_of_gaps(planned, sites):
        warn(line)
    if not planned.askings:
        raise PermanentError(f"{wanted.questions}: {await _nothing_to_ask(rooms, planned)}")
    if wanted.cross and len(sites) == 1:
        warn(
            f"--cross: of the sources that the questions name only {next(iter(sites))} is there,"
            " so there is no other one to ask; add questions of another source"
        )
    return planned


async def _sites(rooms: Rooms, questions: list[Question]) -> dict[str, Site]:
    """Read the pages of the sources that the questions name."""
    named = {question.source for question in questions}
    sources = [source for source in await rooms.sources.all() if source.name in named]
    return {source.name: await _site(rooms, source) for source in sources}


async def _nothing_to_ask(rooms: Rooms, planned: Plan) -> str:
    """Say why none of the questions can be asked, and what can be."""
    if not planned.unknown_sources:
        return "no address of `gold` is in a page, so nothing can be asked; mend the addresses"
    named = ", ".join(planned.unknown_sources)
    known = ", ".join(source.name for source in await rooms.sources.all())
    return f"no question can be asked: there is no source {named}; sources: {known or 'none yet'}"


async def _site(rooms: Rooms, source: Source) -> Site:
    places = await rooms.addresses.places(source.id)
    pages = {folded(place.address): place.page_id for place in places}
    pages |= {folded(place.url): place.page_id for place in places}  # a page's own goes before
    return Site(source.id, source.name, pages, {place.page_id: place.url for place in places})


async def _index_state(rooms: Rooms) -> IndexState:
    current = await rooms.generations.find_current()
    if current is None:  # it was there a moment ago
        raise UsageError("nothing was read yet; `docbot sources add`, then `docbot sync`")
    return IndexState(
        current.name, current.points, current.lexical_version, current.embedding_model
    )


async def _run(
    rooms: Rooms,
    planned: Plan,
    configuration: Configuration,
    progress: Progress,
    embedder: Embedder | None,
) -> Run:
    settings = rooms.settings.model_copy(
        update={
            "docbot_chat_model": configuration.chat_model,
            "docbot_caution": configuration.caution,
        }
    )
    # Side by side only where one waits for a model: else each would wait for the others.
    at_once = settings.docbot_model_calls_at_once if configuration.chat_model else 1
    try:
        async with (
            _index(rooms, configuration.stages, progress) as index,
            open_answerer(settings) as answerer,
        ):
            progress.begin("asking")
            progress.expect(len(planned.askings))
            searcher = Searcher(
                index,
                embedder or rooms.embedder,
                Chunks(rooms.pool),
                stages=configuration.stages,
            )
            subject = Subject(searcher, answerer, PASSAGES, _prices(settings))
            measured = await measure(planned.askings, subject, at_once=at_once, done=progress.at)
    finally:
        progress.end()
    return Run(configuration, measured)


@asynccontextmanager
async def _index(rooms: Rooms, stages: Stages, progress: Progress) -> AsyncIterator[IndexInUse]:
    """Give the index in use, or one made for the occasion where the stages ask for another."""
    current = await rooms.generations.find_current()
    if current is None or stages.makes_the_same_index(ALL_STAGES):
        yield rooms.index
        return
    progress.begin("indexing")
    settings = rooms.settings
    async with trial_index(
        database_url(settings), settings.docbot_data_dir, current, stages
    ) as trial:
        yield trial


def _prices(settings: Settings) -> Prices | None:
    if settings.docbot_price_in is None or settings.docbot_price_out is None:
        return None
    return Prices(settings.docbot_price_in, settings.docbot_price_out)
