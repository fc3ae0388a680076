"""Chunks as Postgres gives them to a search."""

from docbot.db.chunks import Chunks
from docbot.db.pool import Pool

_SOURCE = (
    "INSERT INTO sources (name, kind, location) VALUES ('docs', 'folder', '/docs') RETURNING id"
)
_PAGE = """
    INSERT INTO pages (source_id, url, title, markdown, content_hash)
    VALUES ($1, $2, 'Page', '', '') RETURNING id
"""
_CHUNK = """
    INSERT INTO chunks (source_id, page_id, position, hash, heading_path, url, text)
    VALUES ($1, $2, $3, '', '{Part}', $4, 'Says this.') RETURNING id
"""


async def stored(pool: Pool, page: str, anchors: dict[int | None, str]) -> dict[int | None, int]:
    """Store a page with chunks at these places, each with an anchor; return their ids by place."""
    source = await pool.fetchval("SELECT id FROM sources") or await pool.fetchval(_SOURCE)
    number = await pool.fetchval(_PAGE, source, page)
    return {
        place: await pool.fetchval(_CHUNK, source, number, place, f"{page}#{anchor}")
        for place, anchor in anchors.items()
    }


async def test_beside_a_chunk_are_the_near_ones_of_its_page_with_its_address(pool: Pool) -> None:
    anchors = {0: "a", 1: "b", 2: "b", 3: "b", 4: "b", 5: "c", None: "b"}
    ids = await stored(pool, "https://docs.test/1", anchors)
    await stored(pool, "https://docs.test/2", {1: "b"})
    found = await Chunks(pool).beside([ids[1], ids[2]], 2)
    assert sorted((each.position, each.id) for each in found) == [(3, ids[3]), (4, ids[4])]
    assert {(each.url, each.heading_path) for each in found} == {
        ("https://docs.test/1#b", ("Part",))
    }


async def test_a_chunk_that_its_page_lost_has_nothing_beside_it(pool: Pool) -> None:
    ids = await stored(pool, "https://docs.test/1", {0: "a", 1: "a", None: "a"})
    assert await Chunks(pool).beside([ids[None]], 4) == []
    assert (await Chunks(pool).get_many([ids[None]]))[ids[None]].position == 0
