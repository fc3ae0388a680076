"""What every command works with: database, repositories, index and search, opened once."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from docbot.answers.answer import Answerer
from docbot.answers.generate import OpenAIChatModel
from docbot.db.answers import Answers
from docbot.db.chunks import Chunks
from docbot.db.forums import Forums
from docbot.db.generations import Generations
from docbot.db.migrations import migrate
from docbot.db.outbox import Outbox
from docbot.db.pool import Database, Pool, close
from docbot.db.questions import Questions
from docbot.db.sources import Sources
from docbot.db.threads import Threads
from docbot.errors import DocbotError, SettingsError
from docbot.retrieval.edge import EdgeStore
from docbot.retrieval.embedder import Embedder, OpenAIEmbedder
from docbot.retrieval.endpoint import list_models
from docbot.retrieval.generations import CurrentIndex, build_current, index_folder, rebuild
from docbot.retrieval.search import Searcher
from docbot.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What every command works with, opened once."""

    settings: Settings
    database: Database
    pool: Pool
    sources: Sources
    forums: Forums
    threads: Threads
    questions: Questions
    answers: Answers
    outbox: Outbox
    generations: Generations
    index: CurrentIndex
    embedder: Embedder | None
    searcher: Searcher


@asynccontextmanager
async def open_rooms(settings: Settings) -> AsyncIterator[Rooms]:
    """Open the database (its own server where none is set), bring it up to date, open the index.

    Raises:
        DocbotError: a part cannot be opened; the message says which and what to do.
    """
    _make_folder(settings.docbot_data_dir)
    database = Database(database_url(settings), settings.docbot_data_dir)
    async with AsyncExitStack() as stack:
        stack.callback(database.close)
        conn = await database.connect()
        try:
            for name in await migrate(conn):
                log.info("applied migration %s", name)
        finally:
            await close(conn)
        pool = await stack.enter_async_context(database.pool())
        embedder = _embedder(settings)
        if embedder is not None:
            stack.push_async_callback(embedder.close)
        yield await _rooms(settings, database, pool, embedder)


def _make_folder(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"DOCBOT_DATA_DIR: {data_dir} cannot be made a folder ({error.strerror}); "
            "give a folder that this user may write"
        ) from error


async def _rooms(
    settings: Settings, database: Database, pool: Pool, embedder: Embedder | None
) -> Rooms:
    generations = Generations(pool)
    index = CurrentIndex(EdgeStore(index_folder(settings.docbot_data_dir)), generations)
    await index.refresh()
    return Rooms(
        settings=settings,
        database=database,
        pool=pool,
        sources=Sources(pool),
        forums=Forums(pool),
        threads=Threads(pool),
        questions=Questions(pool),
        answers=Answers(pool),
        outbox=Outbox(pool),
        generations=generations,
        index=index,
        embedder=embedder,
        searcher=Searcher(index, embedder, Chunks(pool)),
    )


@asynccontextmanager
async def open_answerer(settings: Settings) -> AsyncIterator[Answerer]:
    """What answers: with the model that is set, or without one by quoting."""
    model = chat_model(settings)
    if model is None:
        yield Answerer(None)
        return
    try:
        yield Answerer(model)
    finally:
        await model.close()


def chat_model(settings: Settings) -> OpenAIChatModel | None:
    """The model that is set; the caller closes it."""
    if settings.docbot_chat_model is None:
        return None
    return OpenAIChatModel(
        settings.docbot_chat_model, api_key=_api_key(settings), base_url=settings.openai_base_url
    )


def _embedder(settings: Settings) -> OpenAIEmbedder | None:
    if settings.docbot_embedding_model is None:
        return None
    return OpenAIEmbedder(
        settings.docbot_embedding_model, _api_key(settings), settings.openai_base_url
    )


def database_url(settings: Settings) -> str | None:
    return settings.database_url.get_secret_value() if settings.database_url else None


def _api_key(settings: Settings) -> str | None:
    return settings.openai_api_key.get_secret_value() if settings.openai_api_key else None


async def refuse_endpoint_without_model(settings: Settings) -> None:
    """A key or an address alone does nothing: say which models there are to choose from.

    Raises:
        SettingsError: an endpoint is set and neither model is.
    """
    key, base_url = _api_key(settings), settings.openai_base_url
    if not (key or base_url) or settings.docbot_chat_model or settings.docbot_embedding_model:
        return
    try:
        offered = ", ".join(await list_models(api_key=key, base_url=base_url)) or "none"
    except DocbotError as error:
        offered = f"could not be listed: {error}"
    raise SettingsError(
        "DOCBOT_CHAT_MODEL, DOCBOT_EMBEDDING_MODEL: a model endpoint is set but no model; "
        f"set one of them, or unset OPENAI_API_KEY and OPENAI_BASE_URL. Models there: {offered}"
    )


async def rebuild_index(rooms: Rooms) -> int:
    """Build the index anew from Postgres and switch to it; the caller holds the sync lock.

    It keeps the vectors of the model it has until every chunk has one of the model that is set.
    """
    points = await rebuild(
        rooms.generations,
        database_url=database_url(rooms.settings),
        data_dir=rooms.settings.docbot_data_dir,
        embedding_model=await _model_to_build_with(rooms),
    )
    await rooms.index.refresh()
    return points


async def _model_to_build_with(rooms: Rooms) -> str | None:
    wanted = rooms.settings.docbot_embedding_model
    current = await rooms.generations.find_current()
    held = current.embedding_model if current else None
    if wanted is None or wanted == held or not await rooms.generations.not_embedded(wanted, 1):
        return wanted
    return held


async def complete_index(rooms: Rooms) -> None:
    """Build what Postgres names and this data folder lacks; the caller holds the sync lock."""
    if await rooms.index.refresh():  # another process has built it meanwhile
        return
    is_there = await build_current(
        rooms.generations,
        database_url=database_url(rooms.settings),
        data_dir=rooms.settings.docbot_data_dir,
    )
    if not is_there or not await rooms.index.refresh():
        await rebuild_index(rooms)
