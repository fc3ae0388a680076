import asyncio
from types import SimpleNamespace
from typing import Any

from docbot.bot.typing import typing


async def test_where_it_would_be_refused_nothing_is_typed() -> None:
    asked = asyncio.Event()

    def may_type(_: int) -> bool:
        asked.set()
        return False

    client: Any = SimpleNamespace(may_type=may_type)  # it has no `http` to type with
    async with typing(client, 1):
        await asked.wait()
