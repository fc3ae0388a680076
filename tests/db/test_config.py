import asyncio

import pytest

from docbot.config import ForumConfig
from docbot.db.config import Configs, Stored
from docbot.db.forums import Forums
from docbot.db.listen import SETTINGS_CHANGED
from docbot.db.pool import Database, Pool
from docbot.errors import UsageError


@pytest.fixture
async def configs(pool: Pool) -> Configs:
    """Two forums of one server, and what is set there: nothing."""
    for channel in (20, 30):
        await Forums(pool).bind(guild_id=1, channel_id=channel, mode="auto", source_ids=[])
    return Configs(pool)


def texts(stored: list[Stored]) -> list[tuple[int, int | None, str, str]]:
    return [(each.guild_id, each.channel_id, each.name, each.value) for each in stored]


async def test_a_value_is_kept_once_for_each_place(configs: Configs) -> None:
    assert await configs.set(1, None, "remind-hours", "5") is None
    assert await configs.set(1, 20, "remind-hours", "6") is None
    assert await configs.set(1, None, "remind-hours", "7") == "5"
    assert await configs.set(1, 20, "remind-hours", "8") == "6"
    assert texts(await configs.all()) == [
        (1, None, "remind-hours", "7"),
        (1, 20, "remind-hours", "8"),
    ]


async def test_what_is_unset_is_given_back_and_the_other_places_keep_theirs(
    configs: Configs,
) -> None:
    await configs.set(1, None, "remind-hours", "5")
    await configs.set(1, 20, "remind-hours", "6")
    assert await configs.unset(1, None, "remind-hours") == "5"
    assert await configs.unset(1, None, "remind-hours") is None
    assert texts(await configs.all()) == [(1, 20, "remind-hours", "6")]


async def test_what_is_set_for_a_forum_goes_with_its_binding(configs: Configs, pool: Pool) -> None:
    await configs.set(1, None, "remind-hours", "5")
    await configs.set(1, 20, "remind-hours", "6")
    await configs.set(1, 30, "remind-hours", "7")
    await Forums(pool).remove(20)
    assert texts(await configs.all()) == [
        (1, None, "remind-hours", "5"),
        (1, 30, "remind-hours", "7"),
    ]


async def test_what_is_set_for_a_forum_follows_it_to_the_server_it_is_in(
    configs: Configs, pool: Pool
) -> None:
    await configs.set(1, 20, "remind-hours", "6")
    await Forums(pool).bind(guild_id=2, channel_id=20, mode="auto", source_ids=[])
    assert texts(await configs.all()) == [(2, 20, "remind-hours", "6")]


@pytest.mark.parametrize(("guild", "channel"), [(1, 40), (2, 20)])
async def test_a_forum_that_is_not_bound_in_that_server_is_refused(
    configs: Configs, guild: int, channel: int
) -> None:
    with pytest.raises(UsageError, match=f"no forum {channel} is bound; `docbot forum list`"):
        await configs.set(guild, channel, "remind-hours", "5")
    assert await configs.all() == []


async def test_a_forum_comes_with_what_holds_in_it(configs: Configs, pool: Pool) -> None:
    await configs.set(1, None, "remind-hours", "5")
    await configs.set(1, None, "helper-role", "500")
    await configs.set(1, 20, "remind-hours", "6")
    await configs.set(2, None, "close-hours", "7")
    one, other = await Forums(pool).all()
    assert one.config == ForumConfig(remind_hours=6, helper_role=500)
    assert other.config == ForumConfig(remind_hours=5, helper_role=500)


async def test_each_change_is_told_to_who_listens(
    configs: Configs, pool: Pool, database: Database
) -> None:
    conn = await database.connect()
    heard: asyncio.Queue[object] = asyncio.Queue()
    await conn.add_listener(SETTINGS_CHANGED, lambda *told: heard.put_nowait(told))
    async with asyncio.timeout(60):
        await configs.set(1, 20, "remind-hours", "5")
        await heard.get()
        await configs.unset(1, 20, "remind-hours")
        await heard.get()
        await Forums(pool).set_mode(20, "off")
        await heard.get()
    await conn.close()
