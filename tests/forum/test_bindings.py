import asyncio
import logging
from datetime import UTC, datetime

import pytest

from docbot.config import ForumConfig, ServerConfig, Window
from docbot.db.config import Configs
from docbot.db.forums import Forum, Forums
from docbot.db.pool import Pool
from docbot.db.sources import Sources
from docbot.forum.bindings import Bindings, Known, Place, changed_names

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _forum(channel: int, mode: str = "auto", *sources: int) -> dict[int, Forum]:
    return {channel: Forum(channel, 1, mode, NOW, sources, tuple(map(str, sources)))}


def test_what_changed_is_named_by_forum_and_setting() -> None:
    before = Known({**_forum(1, "auto", 5), **_forum(2), **_forum(3)})
    after = Known({**_forum(1, "off", 5, 6), **_forum(3), **_forum(4)})
    assert changed_names(before, after) == [
        "forum 4 added",
        "forum 2 removed",
        "forum 1 mode",
        "forum 1 sources",
    ]


def test_what_is_set_anew_changed_or_no_more_is_named_by_its_place() -> None:
    forums = {**_forum(1), **_forum(2)}
    before = Known(
        forums, {Place(1): {"learn": "off", "banned": "5"}, Place(1, 1): {"learn": "on"}}
    )
    after = Known(forums, {Place(1): {"learn": "on", "banned": "5"}, Place(1, 2): {"learn": "off"}})
    assert changed_names(before, after) == ["forum 1 learn", "forum 2 learn", "server 1 learn"]
    assert changed_names(before.in_guild(2), after.in_guild(2)) == []


def test_what_came_and_went_with_a_forum_is_not_named_besides() -> None:
    before = Known(_forum(1), {Place(1, 1): {"learn": "on"}})
    after = Known(_forum(2), {Place(1, 2): {"learn": "on"}})
    assert changed_names(before, after) == ["forum 2 added", "forum 1 removed"]


def _bindings(pool: Pool) -> Bindings:
    return Bindings(Forums(pool), Configs(pool))


async def test_a_reload_takes_in_what_was_bound_since(pool: Pool) -> None:
    bindings, forums = _bindings(pool), Forums(pool)
    source = await Sources(pool).add(name="docs", kind="folder", location="/d", base_url=None)
    assert await bindings.reload() == []
    await forums.bind(guild_id=1, channel_id=20, mode="auto", source_ids=[source])
    await forums.bind(guild_id=2, channel_id=30, mode="auto", source_ids=[source])
    assert bindings.find(20) is None
    assert await _bindings(pool).reload(guild_id=2) == ["forum 30 added"]
    await forums.remove(30)
    assert await bindings.reload() == ["forum 20 added"]
    bound = bindings.find(20)
    assert bound is not None
    assert bound.source_names == ("docs",)
    await Sources(pool).remove("docs")
    assert await bindings.reload() == ["forum 20 sources"]


async def test_a_version_tells_whoever_looks_that_something_else_was_read(pool: Pool) -> None:
    bindings = _bindings(pool)
    await bindings.reload()
    await Forums(pool).bind(guild_id=1, channel_id=20, mode="auto", source_ids=[])
    assert (await bindings.reload(), bindings.version) == (["forum 20 added"], 1)
    await Configs(pool).set(1, None, "helper-role", "7")
    assert (await bindings.reload(guild_id=2), bindings.version) == ([], 2)
    assert (await bindings.reload(), bindings.version) == ([], 2)


class SlowForums(Forums):
    """Takes its time between what it has read and what it tells of it."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.has_read, self.may_tell = asyncio.Event(), asyncio.Event()

    async def all(self) -> list[Forum]:
        found = await super().all()
        self.has_read.set()
        await self.may_tell.wait()
        return found


async def test_of_two_reloads_at_once_the_later_has_the_last_word(pool: Pool) -> None:
    forums, configs = SlowForums(pool), Configs(pool)
    await forums.bind(guild_id=1, channel_id=20, mode="auto", source_ids=[])
    bindings = Bindings(forums, configs)
    earlier = asyncio.create_task(bindings.reload())
    await forums.has_read.wait()
    await configs.set(1, None, "remind-hours", "48")
    later = asyncio.create_task(bindings.reload())
    await asyncio.sleep(0)
    forums.may_tell.set()
    await asyncio.gather(earlier, later)
    bound = bindings.find(20)
    assert bound is not None
    assert bound.config.remind_hours == 48
    assert bindings.version == 1  # so that whoever acted on what was set before looks again


async def test_a_reload_takes_in_what_was_set_since(pool: Pool) -> None:
    bindings, configs = _bindings(pool), Configs(pool)
    await Forums(pool).bind(guild_id=1, channel_id=20, mode="auto", source_ids=[])
    await bindings.reload()
    assert bindings.server(1) == ServerConfig()
    await configs.set(1, None, "limit-calls", "5/1")
    await configs.set(1, None, "helper-role", "7")
    await configs.set(1, 20, "settle-seconds", "0")
    assert await bindings.reload() == [
        "forum 20 settle-seconds",
        "server 1 helper-role",
        "server 1 limit-calls",
    ]
    assert bindings.server(1) == ServerConfig(call_limit=Window(5, 1))
    assert bindings.server(2) == ServerConfig()
    forum = bindings.find(20)
    assert forum is not None
    assert forum.config == ForumConfig(settle_seconds=0, helper_role=7)


async def test_a_value_that_cannot_be_read_any_more_is_told_once_and_passed_over(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    bindings, configs = _bindings(pool), Configs(pool)
    await Forums(pool).bind(guild_id=1, channel_id=20, mode="auto", source_ids=[])
    await configs.set(1, None, "limit-calls", "a lot")
    await configs.set(1, 20, "of-a-later-version", "5")
    with caplog.at_level(logging.WARNING):
        await bindings.reload()
        await bindings.reload()
    assert bindings.server(1) == ServerConfig()
    of_server, of_forum = caplog.messages
    assert of_server.startswith("limit-calls of server 1 is passed over")
    assert "`docbot config unset limit-calls --guild 1`" in of_server
    assert "`docbot config unset of-a-later-version --forum 20`" in of_forum


async def test_what_is_for_staff_without_a_channel_is_told_once(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    bindings, configs = _bindings(pool), Configs(pool)
    source = await Sources(pool).add(name="docs", kind="folder", location="/d", base_url=None)
    await Forums(pool).bind(guild_id=1, channel_id=20, mode="auto", source_ids=[source])
    await configs.set(1, 20, "learn", "review")
    for _ in range(2):
        await bindings.reload()
    [line] = caplog.messages
    assert "solutions wait" in line
    assert "docbot config set staff-channel CHANNEL_ID --forum 20" in line
    await configs.set(1, None, "staff-channel", "50")
    await bindings.reload()
    assert len(caplog.messages) == 1
