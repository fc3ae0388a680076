from datetime import UTC, datetime

from docbot.db.forums import Forum, Forums
from docbot.db.pool import Pool
from docbot.db.sources import Sources
from docbot.forum.bindings import Bindings, changed_names

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _forum(channel: int, mode: str = "auto", *sources: int) -> dict[int, Forum]:
    return {channel: Forum(channel, 1, mode, NOW, sources, tuple(map(str, sources)))}


def test_what_changed_is_named_by_forum_and_setting() -> None:
    before = {**_forum(1, "auto", 5), **_forum(2), **_forum(3)}
    after = {**_forum(1, "off", 5, 6), **_forum(3), **_forum(4)}
    assert changed_names(before, after) == [
        "forum 4 added",
        "forum 2 removed",
        "forum 1 mode",
        "forum 1 sources",
    ]


async def test_a_reload_takes_in_what_was_bound_since(pool: Pool) -> None:
    bindings, forums = Bindings(Forums(pool)), Forums(pool)
    source = await Sources(pool).add(name="docs", kind="folder", location="/d", base_url=None)
    assert await bindings.reload() == []
    await forums.bind(guild_id=1, channel_id=20, mode="auto", source_ids=[source])
    await forums.bind(guild_id=2, channel_id=30, mode="auto", source_ids=[source])
    assert bindings.find(20) is None
    assert await Bindings(forums).reload(guild_id=2) == ["forum 30 added"]
    await forums.remove(30)
    assert await bindings.reload() == ["forum 20 added"]
    bound = bindings.find(20)
    assert bound is not None
    assert bound.source_names == ("docs",)
    await Sources(pool).remove("docs")
    assert await bindings.reload() == ["forum 20 sources"]
