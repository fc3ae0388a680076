"""A sync of a website as a whole: what is read, what is embedded, and what is said."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import Query
from docbot.settings import Settings
from tests.knowledge.site import Site, site
from tests.model_server import ModelServer
from tests.town import Quiet

MODEL = "test-embedding"
WORDS = [
    "valve",
    "pump",
    "flange",
    "gasket",
    "rotor",
    "bearing",
    "piston",
    "sleeve",
    "nozzle",
    "spindle",
]


def long(subject: str) -> str:
    """A section's text, so long that it is a chunk of its own."""
    return " ".join(
        f"<p>The {subject} turns the {word} at {number} bar.</p>"
        for number, word in enumerate(WORDS * 3)
    )


def guide(title: str, *sections: str, links: str = "") -> str:
    """A page whose sections are each a chunk, and whose first one leads to the last."""
    parts = "".join(
        f'<h2 id="{name}">{name.title()}</h2>{long(f"{title} {name}")}' for name in sections
    )
    leads = f'<p>Begin with <a href="#{sections[-1]}">the last part</a>.</p>' if sections else ""
    nav = "".join(f'<a href="{link}">{link}</a>' for link in links.split())
    return (
        f"<html><head><title>{title}</title></head><body><nav>{nav}</nav>"
        f"<main><h1>{title}</h1><p>About the {title}.</p>{leads}{parts}</main></body></html>"
    )


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer.open(models=[MODEL]) as server:
        yield server


@pytest.fixture
async def rooms(database_url: str, tmp_path: Path, model: ModelServer) -> AsyncIterator[Rooms]:
    changes = {
        "database_url": SecretStr(database_url),
        "docbot_data_dir": tmp_path,
        "docbot_crawl_pause": 0.0,
        "openai_base_url": model.base_url,
        "docbot_embedding_model": MODEL,
    }
    async with open_rooms(Settings(_env_file=None).model_copy(update=changes)) as opened:
        yield opened


@pytest.fixture
async def place() -> AsyncIterator[Site]:
    pages = {
        "/": guide("Start", "why", links="engine crane pump"),
        "/engine": guide("Engine", "first", "second", "third"),
        "/crane": guide("Crane", "hoist", "lower"),
        "/pump": guide("Pump"),
    }
    async with site(pages) as opened:  # type: ignore[arg-type]  # every page is a string
        yield opened


async def sync(rooms: Rooms, *, full: bool = False) -> list[str]:
    said: list[str] = []
    await sync_sources(rooms, [], full=full, say=said.append, progress=Quiet())
    return said


def embedded(model: ModelServer) -> list[str]:
    """The texts embedded since this was last asked."""
    texts = [text for request in model.requests for text in request.body.get("input", [])]
    model.requests.clear()
    return texts


async def found(rooms: Rooms, words: str) -> Sequence[Passage]:
    sources = [source.id for source in await rooms.sources.all()]
    return (await rooms.searcher.search(Query(words, ""), sources)).passages


async def test_what_changed_is_embedded_and_nothing_else(
    rooms: Rooms, place: Site, model: ModelServer
) -> None:
    await rooms.sources.add(name="docs", kind="website", location=place.url, base_url=None)
    await sync(rooms)
    assert len(embedded(model)) == 7
    body = str(place.pages["/engine"])
    place.pages["/engine"] = body.replace("The Engine second turns", "The Engine second stops")
    place.pages["/lifting"] = place.pages.pop("/crane")
    place.pages["/"] = guide("Start", "why", links="engine lifting pump")
    said = await sync(rooms)
    assert ": 1 added, 1 changed, 2 unchanged, 1 deleted" in said[0]
    [changed] = embedded(model)
    assert "stops" in changed
    # What moved has its new address all the same, in its links to itself too.
    hit = (await found(rooms, "Begin the Crane hoist"))[0]
    assert hit.url == f"{place.url}lifting"
    assert f"({place.url}lifting#lower)" in hit.text
    model.requests.clear()
    await sync(rooms)
    assert model.requests == []
