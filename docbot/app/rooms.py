"""What every command works with: database, repositories, index and search, opened once."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from docbot.answers.answer import Answerer
from docbot.answers.generate import OpenAIChatModel
from docbot.answers.guard import GuardedModel
from docbot.db.addresses import Addresses
from docbot.db.answers import Answers
from docbot.db.chunks import Chunks
from docbot.db.config import Configs
from docbot.db.drafts import Drafts
from docbot.db.erasure import Erasure
from docbot.db.forums import Forums
from docbot.db.generations import Generations
from docbot.db.interactions import Interactions
from docbot.db.migrations import migrate
from docbot.db.outbox import Outbox
from docbot.db.pool import Database, Pool, close
from docbot.db.questions import Questions
from docbot.db.solutions import Solutions
from docbot.db.sources import Sources
from docbot.db.syncs import Syncs
from docbot.db.threads import Threads
from docbot.errors import DocbotError, RefusedError, SettingsError, TransientError
from docbot.pace import Pace
from docbot.retrieval.embedder import OpenAIEmbedder
from docbot.retrieval.embedders import AnyEmbedder
from docbot.retrieval.endpoint import list_models
from docbot.retrieval.generations import Builder, CurrentIndex
from docbot.retrieval.local import LocalModels
from docbot.retrieval.places import (
    FolderPlace,
    Place,
    ServerPlace,
    is_sent_in_clear,
    server_address,
)
from docbot.retrieval.search import Searcher
from docbot.retrieval.store import VectorStore
from docbot.settings import Settings
from docbot.text import LOCAL_MODEL

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What every command works with, opened once."""

    settings: Settings
    database: Database
    pool: Pool
    sources: Sources
    addresses: Addresses
    syncs: Syncs
    forums: Forums
    configs: Configs
    threads: Threads
    questions: Questions
    answers: Answers
    drafts: Drafts
    erasure: Erasure
    outbox: Outbox
    solutions: Solutions
    interactions: Interactions
    generations: Generations
    store: VectorStore
    index: CurrentIndex
    builder: Builder
    embedder: AnyEmbedder | None
    searcher: Searcher


@asynccontextmanager
async def open_rooms(settings: Settings) -> AsyncIterator[Rooms]:
    """Open the database (its own server where none is set), bring it up to date, open the index.

    Raises:
        DocbotError: a part cannot be opened; the message says which and what to do.
    """
    make_folder(settings.docbot_data_dir)
    database = Database(database_url(settings), settings.docbot_data_dir)
    async with AsyncExitStack() as stack:
        stack.callback(database.close)
        conn = await database.connect()
        try:
            await database.refuse_shared_sessions(conn)
            for name in await migrate(conn):
                log.info("applied migration %s", name)
        finally:
            await close(conn)
        pool = await stack.enter_async_context(database.pool())
        embedder = _embedder(settings)
        if embedder is not None:
            stack.push_async_callback(embedder.close)
        builder = await _builder(settings, Generations(pool))
        stack.push_async_callback(builder.store.close)
        yield await _rooms(settings, database, pool, embedder, builder)


def make_folder(data_dir: Path) -> None:
    """Make the data folder where it is not there.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"DOCBOT_DATA_DIR: {data_dir} cannot be made a folder ({error.strerror}); "
            "give a folder that this user may write"
        ) from error


async def _place(settings: Settings, generations: Generations) -> Place:
    """Where the index is kept, and a warning when the way there is open to others."""
    if settings.qdrant_url is None:
        return FolderPlace(settings.docbot_data_dir / "index")
    key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
    if key is not None and is_sent_in_clear(settings.qdrant_url):
        log.warning(
            "QDRANT_API_KEY is sent unencrypted to %s: use an address with https://, unless "
            "nobody else is on that network",
            server_address(settings.qdrant_url),
        )
    return ServerPlace(settings.qdrant_url, key, await generations.installation())


async def _builder(settings: Settings, generations: Generations) -> Builder:
    place = await _place(settings, generations)
    return Builder(
        generations, place.open(), place, database_url(settings), settings.docbot_data_dir
    )


async def _rooms(
    settings: Settings,
    database: Database,
    pool: Pool,
    embedder: AnyEmbedder | None,
    builder: Builder,
) -> Rooms:
    index = CurrentIndex(builder.store, builder.generations)
    try:
        await index.refresh()
    except (TransientError, RefusedError) as error:
        # Much can be done without it, and each search looks for it again.
        log.warning("the index is out of reach for now: %s", error)
    return Rooms(
        settings=settings,
        database=database,
        pool=pool,
        sources=Sources(pool),
        addresses=Addresses(pool),
        syncs=Syncs(pool),
        forums=Forums(pool),
        configs=Configs(pool),
        threads=Threads(pool),
        questions=Questions(pool),
        answers=Answers(pool),
        drafts=Drafts(),
        erasure=Erasure(pool),
        outbox=Outbox(pool),
        solutions=Solutions(pool),
        interactions=Interactions(pool),
        generations=builder.generations,
        store=builder.store,
        index=index,
        builder=builder,
        embedder=embedder,
        searcher=Searcher(index, embedder, Chunks(pool)),
    )


@asynccontextmanager
async def open_answerer(settings: Settings) -> AsyncIterator[Answerer]:
    """What answers: with the model that is set, or without one by quoting."""
    model = chat_model(settings)
    if model is None:
        yield Answerer(None, settings.docbot_caution)
        return
    guarded = GuardedModel(
        model,
        at_once=settings.docbot_model_calls_at_once,
        pace=Pace(settings.docbot_model_calls_per_minute, seconds=60),
    )
    try:
        yield Answerer(guarded, settings.docbot_caution, seconds=settings.docbot_answer_seconds)
    finally:
        await model.close()


def chat_model(settings: Settings) -> OpenAIChatModel | None:
    """The model that is set; the caller closes it."""
    if settings.docbot_chat_model is None:
        return None
    return OpenAIChatModel(
        settings.docbot_chat_model,
        api_key=_api_key(settings),
        base_url=settings.openai_base_url,
        timeout_seconds=settings.docbot_answer_seconds,
    )


def _embedder(settings: Settings) -> AnyEmbedder | None:
    model, key, base_url = (
        settings.docbot_embedding_model,
        _api_key(settings),
        settings.openai_base_url,
    )
    if model is None:
        return None
    refuse_missing_model(settings)
    endpoint = OpenAIEmbedder(model, key, base_url) if key or base_url else None
    return AnyEmbedder(model, local_models(settings), endpoint)


def refuse_missing_model(settings: Settings) -> None:
    """Refuse an embedding model of this machine that is not on it.

    Raises:
        SettingsError: what to install or to fetch.
    """
    model = settings.docbot_embedding_model
    if model is None or not model.startswith(LOCAL_MODEL):
        return
    try:
        local_models(settings).embedder(model)
    except RefusedError as error:
        raise SettingsError(f"DOCBOT_EMBEDDING_MODEL: {error}") from error


def local_models(settings: Settings) -> LocalModels:
    return LocalModels(settings.docbot_data_dir / "models")


def move_embedder(rooms: Rooms, settings: Settings) -> None:
    """Let questions be embedded with the key and at the address of other settings."""
    if rooms.embedder is not None:
        rooms.embedder.move_to(_api_key(settings), settings.openai_base_url)


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
    points = await rooms.builder.rebuild(await _model_to_build_with(rooms))
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
    """Build what Postgres names and the store lacks; the caller holds the sync lock.

    Raises:
        TransientError, RefusedError: the store cannot be asked, so nothing is known to lack.
    """
    if await rooms.index.refresh():  # another process has built it meanwhile
        return
    is_there = await rooms.builder.build_current()
    if not is_there or not await rooms.index.refresh():
        await rebuild_index(rooms)
