"""What `docbot sources list` tells."""

from pydantic import SecretStr

from docbot.app.rooms import Rooms, open_rooms
from docbot.app.sources import lines_about_sources
from docbot.settings import Settings
from tests.town import Ground


async def lines_with_failing(rooms: Rooms, addresses: int) -> list[str]:
    """What is told of failures when so many addresses of the library cannot be read."""
    [library] = await rooms.sources.all()
    sync = await rooms.syncs.begin(library.id, is_full=False, resumable_hours=24)
    for number in range(addresses):
        address = f"https://docs.test/{number:04}"
        await rooms.addresses.fail(
            library.id, sync.id, address=address, page_url=address, reason="answered 503"
        )
    return [line for line in await lines_about_sources(rooms) if "fail" in line]


async def test_of_what_fails_three_are_named_and_all_are_counted(ground: Ground) -> None:
    changes = {
        "database_url": SecretStr(ground.database_url),
        "docbot_data_dir": ground.data_dir,
    }
    async with open_rooms(Settings(_env_file=None).model_copy(update=changes)) as rooms:
        three = await lines_with_failing(rooms, 3)
        many = await lines_with_failing(rooms, 23)
    assert three == [f"  fails: https://docs.test/{each:04}: answered 503" for each in range(3)]
    assert many[3:] == ["  and 20 more; 23 addresses fail in all"]
