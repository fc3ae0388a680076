from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from docbot.app.configuring import (
    Change,
    find_place,
    set_value,
    settings_of,
    unset_value,
)
from docbot.app.rooms import Rooms, open_rooms
from docbot.config import ENTRIES, MODE
from docbot.errors import UsageError
from docbot.forum.bindings import Place
from docbot.settings import Settings
from tests.town import Ground

SERVER, FORUM = Place(1), Place(1, 20)


@pytest.fixture
async def empty(ground: Ground) -> AsyncIterator[Rooms]:
    changes = {
        "database_url": SecretStr(ground.database_url),
        "docbot_data_dir": ground.data_dir,
    }
    async with open_rooms(Settings(_env_file=None).model_copy(update=changes)) as rooms:
        yield rooms


@pytest.fixture
async def rooms(empty: Rooms) -> Rooms:
    """One server with one forum."""
    await empty.forums.put_guild(1, "Frobnicators")
    await empty.forums.bind(guild_id=1, channel_id=20, mode="auto", source_ids=[])
    return empty


async def holds(rooms: Rooms, place: Place, name: str) -> tuple[str, str]:
    [found] = [each for each in (await settings_of(rooms, place)).found if each.entry.name == name]
    return found.shown, found.origin


async def test_the_server_need_not_be_named_where_one_is_known(rooms: Rooms) -> None:
    assert await find_place(rooms, None, None) == SERVER
    assert await find_place(rooms, 1, None) == SERVER
    assert await find_place(rooms, None, 20) == FORUM
    assert await find_place(rooms, 1, 20) == FORUM


async def test_a_place_that_is_not_known_is_refused_with_what_to_run(rooms: Rooms) -> None:
    with pytest.raises(UsageError, match=r"--guild 2: .*`docbot forum list --available`"):
        await find_place(rooms, 2, None)
    with pytest.raises(UsageError, match=r"--forum 30: .*`docbot forum list` shows all"):
        await find_place(rooms, None, 30)
    with pytest.raises(UsageError, match="--forum 20 is of server 1, not of 2"):
        await find_place(rooms, 2, 20)


async def test_of_several_servers_one_must_be_named(rooms: Rooms) -> None:
    await rooms.forums.bind(guild_id=2, channel_id=30, mode="auto", source_ids=[])
    with pytest.raises(UsageError, match=r"name one with --guild ID: 1 \(Frobnicators\), 2$"):
        await find_place(rooms, None, None)
    assert await find_place(rooms, 2, None) == Place(2)


async def test_where_no_server_is_known_it_is_told_how_to_get_there(empty: Rooms) -> None:
    with pytest.raises(UsageError, match=r"no server yet; `docbot forum list --available`"):
        await find_place(empty, None, None)


async def test_a_change_tells_what_was_what_is_and_how_to_undo_it(rooms: Rooms) -> None:
    assert await set_value(rooms, SERVER, "remind-hours", "5.0") == Change(
        "0 (default)", "5", "docbot config unset remind-hours --guild 1"
    )
    assert await set_value(rooms, FORUM, "remind-hours", "6") == Change(
        "5 (as the server has it)", "6", "docbot config unset remind-hours --forum 20"
    )
    assert await unset_value(rooms, FORUM, "remind-hours") == Change(
        "6", "5 (as the server has it)", "docbot config set remind-hours 6 --forum 20"
    )
    assert await unset_value(rooms, FORUM, "remind-hours") is None
    await set_value(rooms, SERVER, "solved-tag", "it's done")
    change = await set_value(rooms, SERVER, "solved-tag", "none")
    assert change.undo == """docbot config set solved-tag 'it'"'"'s done' --guild 1"""


async def test_a_list_has_what_holds_and_whose_value_it_is(rooms: Rooms) -> None:
    await set_value(rooms, SERVER, "helper-role", "<@&5>")
    await set_value(rooms, FORUM, "yields-to", "helpers")
    assert await holds(rooms, FORUM, "helper-role") == ("5", "server")
    assert await holds(rooms, FORUM, "yields-to") == ("helpers", "forum")
    assert await holds(rooms, FORUM, "learn") == ("on", "default")
    assert await holds(rooms, SERVER, "yields-to") == ("anyone", "default")
    of_server, of_forum = await settings_of(rooms, SERVER), await settings_of(rooms, FORUM)
    assert {each.entry.name for each in of_server.found} == {each.name for each in ENTRIES} - {MODE}
    assert {each.entry.scope for each in of_forum.found} == {"forum"}
    assert of_server.notes == [
        "forum 20 has its own: yields-to. Next: docbot config list --forum 20"
    ]


async def test_the_mode_of_a_forum_is_set_as_everything_else(rooms: Rooms) -> None:
    assert await set_value(rooms, FORUM, MODE, "Off") == Change(
        "auto", "off", "docbot config set mode auto --forum 20"
    )
    [off] = await rooms.forums.all()
    assert off.mode == "off"
    assert await holds(rooms, FORUM, MODE) == ("off", "forum")
    await unset_value(rooms, FORUM, MODE)
    [auto] = await rooms.forums.all()
    assert auto.mode == "auto"
    assert auto.bound_at > off.bound_at


@pytest.mark.parametrize(
    ("place", "name", "value", "told"),
    [
        (FORUM, "limit-calls", "5/1", "limit-calls holds for a whole server.*--guild 1"),
        (SERVER, MODE, "off", "mode is set forum by forum; name one with --forum ID"),
        (SERVER, "settle", "5", "the nearest is settle-seconds"),
        (SERVER, "settle-seconds", "soon", '"soon" is not a number'),
        (FORUM, "tag-sources", "v2=docs, v3=nowhere", "there is no source `nowhere`"),
    ],
)
async def test_what_cannot_be_set_is_refused_and_nothing_is_stored(
    rooms: Rooms, place: Place, name: str, value: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        await set_value(rooms, place, name, value)
    assert await rooms.configs.all() == []


async def test_only_what_can_be_set_somewhere_can_be_unset_there(rooms: Rooms) -> None:
    for place, name in [(FORUM, "limit-calls"), (SERVER, MODE), (SERVER, "settle")]:
        with pytest.raises(UsageError):
            await unset_value(rooms, place, name)


async def test_what_another_version_stored_is_told_and_can_be_taken_away(rooms: Rooms) -> None:
    await rooms.configs.set(1, None, "of-a-later-version", "5")
    await rooms.configs.set(1, 20, "learn", "later")
    assert len((await settings_of(rooms, SERVER)).warnings) == 1
    assert len((await settings_of(rooms, FORUM)).warnings) == 2
    assert await holds(rooms, FORUM, "learn") == ("on", "default")
    assert await unset_value(rooms, SERVER, "of-a-later-version") == Change("5", "nothing", None)
    assert await unset_value(rooms, FORUM, "learn") == Change("later", "on (default)", None)
    assert (await settings_of(rooms, FORUM)).warnings == []


async def test_sources_of_tags_are_those_that_there_are(rooms: Rooms) -> None:
    change = await set_value(rooms, FORUM, "tag-sources", "v2 = docs")
    assert change.after == "v2=docs"
    assert (await set_value(rooms, FORUM, "tag-sources", "none")).after == "none"
