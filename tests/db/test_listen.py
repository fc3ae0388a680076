"""Hearing of changes: what an operator is told while it is not possible."""

import asyncio
from typing import Any

import pytest

from docbot.db.listen import Listener
from docbot.errors import TransientError


class OutOfReach:
    """A database that nobody can connect to."""

    def __init__(self, *, tries: int) -> None:
        self.tried_enough = asyncio.Event()
        self._left = tries

    async def connect(self) -> Any:
        self._left -= 1
        if self._left == 0:
            self.tried_enough.set()
        raise TransientError("too many connections")


@pytest.mark.check
async def test_that_nothing_can_be_heard_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    database: Any = OutOfReach(tries=3)
    listening = asyncio.create_task(Listener(database, {}).run())
    async with asyncio.timeout(60):
        await database.tried_enough.wait()
    listening.cancel()
    await asyncio.wait([listening])
    assert len(caplog.records) == 1
