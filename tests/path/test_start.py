"""What an operator is told when the bot cannot start."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot
from docbot.errors import SettingsError
from docbot.playground.server import Playground
from tests.town import Ground, eventually, open_quiet_town, pointed_at_a_stand_in, settings_for

pytestmark = pytest.mark.slow


async def _run(rooms: Rooms) -> None:
    async with pointed_at_a_stand_in():
        await RunningBot(rooms, read_settings=lambda: rooms.settings).run()


async def test_a_wrong_token_is_told_with_where_to_get_a_right_one(ground: Ground) -> None:
    async with Playground.open() as playground:
        settings = settings_for(
            playground, ground.database_url, ground.data_dir, discord_token=SecretStr("wrong")
        )
        async with open_rooms(settings) as rooms:
            with pytest.raises(SettingsError, match=r"DISCORD_TOKEN: Discord refuses it.*Reset"):
                await _run(rooms)


async def test_a_missing_message_content_intent_is_told_with_where_to_switch_it_on(
    ground: Ground,
) -> None:
    async with Playground.open() as playground:
        playground.application.message_content = False
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            with pytest.raises(SettingsError, match=r"Message Content intent is off"):
                await _run(rooms)


async def test_with_nothing_bound_it_stays_up_and_says_what_to_do(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with open_quiet_town(ground, bound=False) as town, town.awake():
        pass
    [told] = [record.message for record in caplog.records if "no forum is bound" in record.message]
    assert "https://discord.com/oauth2/authorize?client_id=" in told
    assert "docbot forum add GUILD_ID CHANNEL_ID --source NAME" in told


async def test_a_discord_out_of_reach_is_tried_again_at_growing_intervals(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as town:
        town.playground.faults.answer(503, path="/users/@me", times=2)
        async with town.awake():
            pass
    waits = [record.args for record in caplog.records if "not acting" in record.message]
    first, second = [args[0] for args in waits if isinstance(args, tuple)]
    assert isinstance(first, float)
    assert isinstance(second, float)
    assert 0.5 <= first <= 1 <= second <= 2


@pytest.mark.parametrize("has_source", [True, False])
async def test_with_nothing_read_it_stays_up_and_says_what_to_do(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, has_source: bool
) -> None:
    caplog.set_level("INFO")
    async with open_quiet_town(Ground(database_url, tmp_path), bound=False) as town:
        if has_source:
            await town.rooms.sources.add(name="docs", kind="folder", location="/x", base_url=None)
        async with town.awake():
            await eventually(lambda: any("no forum is bound" in each for each in caplog.messages))
            next_step = "docbot sync" if has_source else "docbot sources add NAME URL_OR_FOLDER"
            await eventually(lambda: any(next_step in each for each in caplog.messages))
