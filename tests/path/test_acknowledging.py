"""Presses and commands are acknowledged and answered, whatever Postgres or Discord does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from docbot.playground.interactions import ACKNOWLEDGE_SECONDS, Callback
from docbot.playground.objects import Message
from tests.path.processes import Way, way_to
from tests.town import QUESTION, Ground, QuietTown, Town, button, eventually, open_town

BODY = "It fails each night."
WRONG = "Something went wrong"


@asynccontextmanager
async def _town_by_a_way(ground: Ground) -> AsyncIterator[tuple[Town, Way]]:
    async with (
        way_to(ground.database_url) as way,
        open_town(
            Ground(way.url, ground.data_dir), acknowledge_seconds=ACKNOWLEDGE_SECONDS
        ) as town,
    ):
        yield town, way


def _cut_all_but_the_lock(way: Way) -> None:
    """From now on docbot may act, and reaches nothing that it has stored."""
    way.refuses = True
    for link in way.links:
        if not link.is_lock:
            for side in link.sides:
                side.transport.abort()


async def _answer(town: QuietTown) -> Message:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    answer = await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions")
    return answer


def _errors(caplog: pytest.LogCaptureFixture, what: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if what in each.getMessage()]


async def test_with_postgres_away_each_is_told_so_in_private_and_the_operator_once(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with _town_by_a_way(ground) as (town, way):
        answer = await _answer(town)
        thread = town.playground.world.get_channel(answer.channel_id)
        helpful = button(answer, "Helpful")
        _cut_all_but_the_lock(way)
        calls = [
            (helpful, await town.asker.press(answer, helpful)),
            *[
                (f"/{name}", await town.asker.slash(thread, name))
                for name in ("solve", "status", "collections", "about")
            ],
        ]
        for what, call in calls:
            reply = await call.answered()
            assert reply.ephemeral_to == town.asker.id
            assert WRONG in reply.content
            assert len(_errors(caplog, f"{what} failed: ")) == 1
        found = await (await town.asker.slash(thread, "search", query="retries")).answered()
        assert "cannot reach" in found.content
        typed = await town.asker.autocomplete(thread, "search", "source", "do", query="x")
        assert await typed.choices() == []
        greeting = await (await town.asker.slash(thread, "hello")).answered()
        assert "new post" in greeting.content
        way.refuses = False


async def test_with_a_silent_postgres_each_is_acknowledged_in_time(ground: Ground) -> None:
    async with _town_by_a_way(ground) as (town, way):
        answer = await _answer(town)
        thread = town.playground.world.get_channel(answer.channel_id)
        way.swallows = lambda _: True
        calls = [
            await town.asker.press(answer, button(answer, "Helpful")),
            await town.asker.press(answer, button(answer, "Solved")),
            await town.asker.slash(thread, "status"),
            await town.asker.slash(thread, "search", query="retries"),
        ]
        # The stand-in refuses what comes after three seconds, as Discord does.
        for call in calls:
            assert await call.acknowledged() is Callback.DEFERRED_MESSAGE
        way.swallows = lambda _: False
        way.break_off()


async def test_a_draft_that_cannot_be_read_in_time_is_refused_in_time(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with _town_by_a_way(ground) as (town, way):
        staff = town.playground.staff
        await town.configure("staff-channel", str(staff.id))
        await town.configure("mode", "draft")
        await town.asker.post(town.playground.forum, QUESTION, BODY)
        draft = await town.playground.admin.sees_reply(staff)
        lock = way.lock()
        way.swallows = lambda link: link is not lock
        edit = await town.playground.admin.press(draft, button(draft, "Edit"))
        assert WRONG in (await edit.answered()).content
        assert len(_errors(caplog, "docbot:draft:edit:")) == 1
        way.swallows = lambda _: False
        way.break_off()


async def test_what_breaks_docbot_in_a_press_is_told_too(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await _answer(town)
    await town.rooms.pool.execute("ALTER TABLE feedback RENAME COLUMN vote TO elsewhere")
    press = await town.asker.press(answer, button(answer, "Helpful"))
    assert WRONG in (await press.answered()).content
    assert len(_errors(caplog, "docbot:vote:helpful")) == 1


async def test_who_is_too_late_to_acknowledge_counts_the_vote_all_the_same(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await _answer(town)
    town.playground.faults.answer(404, method="POST", path=r"/interactions/.*", times=2)
    await town.asker.press(answer, button(answer, "Helpful"))
    await eventually(lambda: bool(_errors(caplog, "docbot:vote:helpful")))
    assert await town.rooms.pool.fetchval("SELECT vote FROM feedback") == "helpful"
    assert len(_errors(caplog, "docbot:vote:helpful")) == 1
