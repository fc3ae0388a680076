"""Real parts for every test: Postgres runs here, and each test gets a database of its own."""

import asyncio
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from docbot.app.rooms import open_rooms
from docbot.db.embedded import SERVER_LOCK, EmbeddedServer
from docbot.db.migrations import migrate
from docbot.db.pool import Database, Pool
from docbot.settings import Settings
from tests import forked
from tests.model_server import ModelServer
from tests.town import Ground, Library, read_pages

# A deadline would measure the machine. Where a change waits to land, the same examples are drawn
# each time; everywhere else new ones.
hypothesis_settings.register_profile("here", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "here")

SHARED = Path(__file__).parents[2] / "shared"
TEMPLATE = "docbot_template"
LIBRARY = "docbot_library"

# A real Qdrant server for the tests of the store alone; all others keep to what they set up.
GIVEN_QDRANT_URL = os.environ.get("QDRANT_URL")
GIVEN_QDRANT_API_KEY = os.environ.get("QDRANT_API_KEY")


@pytest.fixture(scope="session", autouse=True)
def no_server_that_was_given() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("QDRANT_URL", raising=False)
        patch.delenv("QDRANT_API_KEY", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_process_that_outlives_the_run() -> Iterator[None]:
    yield
    forked.end()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A server for the whole run: the one in TEST_DATABASE_URL, or our own embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    # A short path: child processes reach the socket by its name, which may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="docbot-") as folder:
        Path(folder).chmod(0o755)  # as root Postgres runs as nobody, who must reach it
        server = EmbeddedServer(Path(folder), durable=False)
        where = server.ensure()
        socket = os.path.realpath(where["host"])
        yield f"postgresql://{where['user']}@/{{}}?host={socket}&port={where['port']}"
        server.close()
        with (server.location / SERVER_LOCK).open() as lock:  # free once the server is gone
            fcntl.flock(lock, fcntl.LOCK_EX)


def url_of(server_url: str, database: str) -> str:
    return server_url.format(database)


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """A database migrated once per run."""
    asyncio.run(_make_template(server_url))
    return TEMPLATE


async def _make_template(server_url: str) -> None:
    await _create(server_url, TEMPLATE, "template0")
    conn = await asyncpg.connect(url_of(server_url, TEMPLATE))
    await migrate(conn)
    await conn.close()


@pytest.fixture(scope="session")
def library(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The pages of `tests/town.py`, read and indexed once per run."""
    folder = tmp_path_factory.mktemp("library")
    return asyncio.run(_make_library(server_url, template, LIBRARY, folder))


@pytest.fixture(scope="session")
def library_with_vectors(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Library:
    """The same, whose index holds the vectors of `tests/model_server.py` too."""
    folder = tmp_path_factory.mktemp("vectors")

    async def make() -> Library:
        async with ModelServer.open() as model:
            chosen = {
                "openai_base_url": model.base_url,
                "docbot_embedding_model": "test-embedding",
            }
            return await _make_library(
                server_url, template, f"{LIBRARY}_with_vectors", folder, **chosen
            )

    return asyncio.run(make())


async def _make_library(
    server_url: str, template: str, name: str, folder: Path, **changes: Any
) -> Library:
    await _create(server_url, name, template)
    settings = Settings(_env_file=None).model_copy(
        update={
            "database_url": SecretStr(url_of(server_url, name)),
            "docbot_data_dir": folder / "data",
            **changes,
        }
    )
    async with open_rooms(settings) as rooms:
        await read_pages(rooms, folder / "pages")
    return Library(name, folder / "data" / "index")


async def _create(server_url: str, name: str, template: str) -> None:
    admin = await asyncpg.connect(url_of(server_url, "postgres"))
    await admin.execute(f"DROP DATABASE IF EXISTS {name}")
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    await admin.close()


async def _drop(server_url: str, name: str) -> None:
    admin = await asyncpg.connect(url_of(server_url, "postgres"))
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def ground(server_url: str, library: Library, tmp_path: Path) -> AsyncIterator[Ground]:
    """A copy of the library for one test."""
    async with _copy_of(library, server_url, tmp_path) as ground:
        yield ground


@pytest.fixture
async def ground_with_vectors(
    server_url: str, library_with_vectors: Library, tmp_path: Path
) -> AsyncIterator[Ground]:
    async with _copy_of(library_with_vectors, server_url, tmp_path) as ground:
        yield ground


@asynccontextmanager
async def _copy_of(library: Library, server_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    name = f"test_{uuid4().hex}"
    await _create(server_url, name, library.template)
    shutil.copytree(library.index, tmp_path / "data" / "index", copy_function=_copy_with_holes)
    yield Ground(url_of(server_url, name), tmp_path / "data")
    await _drop(server_url, name)


def _copy_with_holes(source: str, target: str) -> None:
    """An index is mostly room to grow: to read that takes long, to write it out fills the disk."""
    with Path(source).open("rb") as read, Path(target).open("wb") as written:
        for begin, end in _written_parts(read.fileno()):
            os.pwrite(written.fileno(), os.pread(read.fileno(), end - begin, begin), begin)
        written.truncate(os.fstat(read.fileno()).st_size)


def _written_parts(descriptor: int) -> Iterator[tuple[int, int]]:
    """Give where the holes of a file end and begin."""
    end = 0
    while True:
        try:
            begin = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # from here on it is one hole
                return
            raise
        end = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, end


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """The address of a fresh copy of the migrated database, made in some 20 ms."""
    name = f"test_{uuid4().hex}"
    await _create(server_url, name, template)
    yield url_of(server_url, name)
    await _drop(server_url, name)


@pytest.fixture
async def empty_url(server_url: str) -> AsyncIterator[str]:
    """The address of a database where docbot never was."""
    name = f"test_{uuid4().hex}"
    await _create(server_url, name, "template0")
    yield url_of(server_url, name)
    await _drop(server_url, name)


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> Database:
    return Database(database_url, tmp_path)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with database.pool() as pool:
        yield pool
