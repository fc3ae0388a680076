from collections.abc import AsyncIterator

import pytest

from tests.town import Ground, Town, open_town


@pytest.fixture
async def town(ground: Ground) -> AsyncIterator[Town]:
    async with open_town(ground) as town:
        yield town
