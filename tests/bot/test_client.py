from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from docbot.bot.client import HelpClient, Parts
from docbot.bot.gateway import Starts
from docbot.bot.pace import RequestPace
from docbot.forum.decide import Bounds


async def greeted(_: HelpClient) -> None:
    raise AssertionError("it was closed before it was ready")


async def confirmed() -> None: ...


async def not_started() -> None:
    raise AssertionError("it was closed before it was connected")


async def test_a_client_that_is_closed_takes_no_more_events() -> None:
    nothing: Any = SimpleNamespace(**dict.fromkeys(Parts.__dataclass_fields__))
    client = HelpClient(
        nothing,
        proxy=None,
        pace=RequestPace(1),
        confirm=confirmed,
        bounds=Bounds(timedelta(hours=6), posts=50),
        on_connected=greeted,
        starts=Starts(not_started),
    )
    async with client:
        pass
    client.dispatch("ready")  # discord.py has no loop for it any more
