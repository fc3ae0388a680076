"""All that docbot says to Discord fits Discord's published schemas."""

import pytest

from docbot.playground.rest import Exchange
from tests.playground.schemas import Schemas
from tests.town import OFF_TOPIC, QUESTION, Town, button


@pytest.fixture
def schemas() -> Schemas:
    found = Schemas.load()
    if found is None:
        pytest.skip("../shared/discord-schemas is not there to check against")
    return found


async def test_every_request_and_answer_of_a_lively_forum_fits(
    town: Town, schemas: Schemas
) -> None:
    problems: list[str] = []
    seen: set[str] = set()

    def check(exchange: Exchange) -> None:
        seen.add(f"{exchange.method} {exchange.route}")
        problems.extend(schemas.problems_of_exchange(exchange))

    town.playground.record(on_exchange=check)
    thread = await town.asker.post(town.playground.forum, QUESTION, "It fails.")
    answer = await town.asker.sees_reply(thread)
    pressed = await town.helper.press(answer, button(answer, "Helpful"))
    await pressed.answered()
    await town.asker.reply(thread, f"{town.playground.bot.mention} {OFF_TOPIC}")
    await town.asker.sees_reply(thread, after=answer)
    for query in ("retries", "zeppelin"):
        searched = await town.asker.slash(town.playground.text, "search", query=query)
        await searched.answered()
    reloaded = await town.playground.admin.slash(town.playground.text, "reload-config")
    await reloaded.answered()
    assert problems == []
    assert any("callback" in route for route in seen)
