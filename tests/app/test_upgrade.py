"""What the version before read, whose database knew no addresses, is followed and not paid again."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from pydantic import SecretStr

from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.db.migrations import migrate, shipped
from docbot.knowledge.pages import Fetched, Page, read_fetched
from docbot.settings import Settings
from tests.knowledge.site import Body, Site, site
from tests.model_server import DIMENSIONS, ModelServer
from tests.town import Quiet

pytestmark = pytest.mark.slow

MODEL = "test-embedding"
NAMES = ["engine", "crane", "pump", "hoist", "valve"]
FOOTER = "<p>Made by the frobnicators of the harbour.</p>"
BEFORE = "0007_address_memory.sql"


def html(name: str, *links: str) -> str:
    nav = "".join(f'<a href="/{link}">{link}</a>' for link in links)
    return (
        f"<html><head><title>{name}</title></head><body><nav>{nav}</nav>"
        f"<main><h1>{name}</h1><p>What the {name} does.</p>{FOOTER}</main></body></html>"
    )


@pytest.fixture
async def place() -> AsyncIterator[Site]:
    pages: dict[str, Body] = {f"/{name}": html(name) for name in NAMES}
    async with site({"/": html("start", *NAMES), **pages}) as opened:
        yield opened


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer.open(models=[MODEL]) as server:
        yield server


async def put_as_before(conn: asyncpg.Connection, source: int, page: Page) -> None:
    """Write a page as the version before did, with its vectors."""
    page_id = await conn.fetchval(
        "INSERT INTO pages (source_id, url, title, markdown, content_hash)"
        " VALUES ($1, $2, $3, $4, $5) RETURNING id",
        *(source, page.url, page.title, page.markdown, page.content_hash),
    )
    for chunk in page.chunks:
        await conn.execute(
            "INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            *(source, page_id, chunk.position, chunk.hash, list(chunk.heading_path)),
            *(chunk.url, chunk.text),
        )
        await conn.execute(
            "INSERT INTO embeddings (model, chunk_hash, vector) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING",
            *(MODEL, chunk.hash, b"\0\0\x80\x3f" * DIMENSIONS),
        )


async def fill_as_before(url: str, kind: str, location: str, pages: list[Page]) -> None:
    conn = await asyncpg.connect(url)
    before = [migration for migration in shipped() if migration.name < BEFORE]
    await migrate(conn, before)
    source = await conn.fetchval(
        "INSERT INTO sources (name, kind, location) VALUES ('docs', $1, $2) RETURNING id",
        *(kind, location),
    )
    for page in pages:
        await put_as_before(conn, source, page)
    await conn.close()


def read(url: str, body: str, kind: str = "text/html") -> Page:
    root = url.rpartition("/")[0] + "/"
    return read_fetched(Fetched(url=url, root=root, body=body.encode(), content_type=kind))


def settings_for(url: str, folder: Path, model: ModelServer) -> Settings:
    changes = {
        "database_url": SecretStr(url),
        "docbot_data_dir": folder,
        "docbot_crawl_pause": 0.0,
        "openai_base_url": model.base_url,
        "docbot_embedding_model": MODEL,
    }
    return Settings(_env_file=None).model_copy(update=changes)


async def sync(rooms: Rooms) -> str:
    said: list[str] = []
    await sync_sources(rooms, [], full=False, say=said.append, progress=Quiet())
    return "\n".join(said)


def embedded(model: ModelServer) -> list[str]:
    """The texts embedded since this was last asked."""
    texts = [text for request in model.requests for text in request.body.get("input", [])]
    model.requests.clear()
    return texts


async def test_a_website_loses_only_what_is_gone_once_all_was_read(
    empty_url: str, tmp_path: Path, place: Site, model: ModelServer
) -> None:
    pages = [read(place.url + path[1:], str(body)) for path, body in place.pages.items()]
    gone = read(f"{place.url}gone", html("gone"))
    await fill_as_before(empty_url, "website", place.url, [*pages, gone])
    place.pages["/"] = html("start", *NAMES, "new")
    place.pages["/new"] = lambda: web.Response(status=403)
    async with open_rooms(settings_for(empty_url, tmp_path, model)) as rooms:
        first = await sync(rooms)
        assert "6 pages: 0 added, 0 changed, 6 unchanged, 0 deleted, 1 failed" in first
        # What every page ends with is in no chunk any more, from the first sync on.
        assert len(embedded(model)) == 7
        place.pages["/new"] = html("new")
        second = await sync(rooms)
        assert "7 pages: 1 added, 0 changed, 6 unchanged, 1 deleted, 0 failed" in second
        assert embedded(model) == ["new\n\nWhat the new does."]


async def test_a_folder_loses_what_is_gone_and_nothing_that_is_the_same_is_paid_again(
    empty_url: str, tmp_path: Path, model: ModelServer
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.md").write_text(f"# {name}\n\nWhat the {name} does.\n")
    async with open_rooms(settings_for(empty_url, tmp_path / "data", model)) as rooms:
        known = await rooms.sources.add(
            name="docs", kind="folder", location=str(folder), base_url=None
        )
        await sync(rooms)
        # As the version before left it, which kept no addresses.
        await rooms.pool.execute("DELETE FROM addresses")
        await rooms.pool.execute("UPDATE pages SET chunker = 0, edges = '{}'")
        await rooms.pool.execute("UPDATE chunks SET tokens = 0")
        (folder / "valve.md").unlink()
        model.requests.clear()
        assert "4 pages: 0 added, 0 changed, 4 unchanged, 1 deleted" in await sync(rooms)
        assert embedded(model) == []
        [source] = await rooms.sources.all()
        assert (source.id, source.pages) == (known, 4)
        assert source.tokens > 0
