from types import SimpleNamespace
from typing import Any

from docbot.bot.client import HelpClient


async def greeted(_: HelpClient) -> None:
    raise AssertionError("it was closed before it was ready")


async def confirmed() -> None: ...


async def test_a_client_that_is_closed_takes_no_more_events() -> None:
    nothing: Any = SimpleNamespace(**dict.fromkeys(("intake", "bindings", "threads"), None))
    client = HelpClient(
        nothing, proxy=None, requests_per_second=1, confirm=confirmed, on_connected=greeted
    )
    async with client:
        pass
    client.dispatch("ready")  # discord.py has no loop for it any more
