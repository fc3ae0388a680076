"""A bot that is stopped leaves nothing behind, wherever it was."""

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from discord.gateway import KeepAliveHandler

from docbot.app.run import RunningBot
from docbot.playground.faults import SEND_MESSAGE
from docbot.playground.rest import Exchange
from tests.model_server import Hang, ModelServer
from tests.path.processes import Bot, Way, bot, way_to
from tests.town import (
    QUESTION,
    Ground,
    QuietTown,
    eventually,
    open_quiet_town,
    open_town,
    pointed_at_a_stand_in,
)

pytestmark = pytest.mark.slow

# A stop may take 10 s; the rest is for a machine that is busy.
STOPPED_WITHIN = 30.0


def _reactions() -> list[str]:
    """The events that discord.py still has in hand."""
    return [name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("discord")]


async def test_one_that_catches_up_says_nothing_of_what_it_left(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as quiet:
        for number in range(3):
            await quiet.asker.post(quiet.playground.forum, f"{QUESTION} {number}", "Each night.")
        async with quiet.rooms.pool.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            await conn.execute("LOCK TABLE threads IN SHARE ROW EXCLUSIVE MODE")
            async with quiet.awake():
                await quiet.until(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted "
                    "AND relation = 'threads'::regclass)"
                )
            await transaction.rollback()
        await eventually(lambda: not _reactions())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_one_that_connects_anew_leaves_no_heartbeat_and_no_connection(
    ground: Ground,
) -> None:
    def heartbeats() -> list[KeepAliveHandler]:
        running = [each for each in threading.enumerate() if isinstance(each, KeepAliveHandler)]
        return [each for each in running if not each._stop_ev.is_set()]

    async with open_town(ground) as town:
        # discord.py says hello and waits 5 s before it begins another session.
        [first] = heartbeats()
        town.playground.faults.invalidate_session(resumable=False)
        await eventually(lambda: bool(heartbeats()) and first not in heartbeats())
        town.bot.stop()
        await eventually(lambda: not heartbeats())
    gc.collect()  # a connection that is still open warns, and a warning is an error


class _StopsAt(logging.Handler):
    """Stops a bot at the very moment at which discord.py says something."""

    def __init__(self, bot: RunningBot, sign: str) -> None:
        super().__init__()
        self._bot = bot
        self._sign = sign

    def emit(self, record: logging.LogRecord) -> None:
        if self._sign in record.getMessage():
            self._bot.stop()


@pytest.mark.parametrize(
    "sign",
    [
        "logging in using static token",
        "/users/@me with None has returned 200",
        "/applications/@me with None has returned 200",
        "/commands has received",
        "/gateway/bot with None has returned 200",
        "Created websocket connected",
    ],
)
async def test_one_that_signs_in_stops_between_any_two_requests(
    ground: Ground, caplog: pytest.LogCaptureFixture, sign: str
) -> None:
    async with open_quiet_town(ground) as town, pointed_at_a_stand_in():
        bot = RunningBot(town.rooms, read_settings=lambda: town.rooms.settings)
        stops = _StopsAt(bot, sign)
        # Each by its name: what sets up the log quiets some of them.
        for name in ("discord", "discord.client", "discord.http", "discord.gateway"):
            caplog.set_level(logging.DEBUG, name)
        logging.getLogger("discord").addHandler(stops)
        try:
            async with asyncio.timeout(STOPPED_WITHIN):
                await bot.run()
        finally:
            logging.getLogger("discord").removeHandler(stops)
    assert any(sign in record.getMessage() for record in caplog.records)
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []
    gc.collect()  # a connection that is still open warns, and a warning is an error


async def _before_ready(town: QuietTown, process: Bot, _: Way) -> None:
    del process
    held = town.playground.faults.hold(method="GET", path="/users/@me")
    await held.reached.wait()


async def _while_postgres_was_never_there(_: QuietTown, process: Bot, way: Way) -> None:
    del process
    way.swallows = lambda _: True
    await eventually(lambda: bool(way.links))


async def _once_postgres_is_silent(_: QuietTown, process: Bot, way: Way) -> None:
    await process.tells("connected to Discord")
    way.swallows = lambda _: True


async def _while_it_looks_for_postgres(_: QuietTown, process: Bot, way: Way) -> None:
    await process.tells("connected to Discord")
    way.swallows = lambda _: True
    way.break_off()
    await process.tells("not acting")


async def _while_it_catches_up(town: QuietTown, process: Bot, _: Way) -> None:
    held = town.playground.faults.hold(method="GET", path=".*/threads/active")
    await process.tells("connected to Discord")
    await held.reached.wait()


@pytest.mark.parametrize(
    "moment",
    [
        _before_ready,
        _while_it_catches_up,
        *(
            pytest.param(moment, marks=pytest.mark.check)
            for moment in (
                _once_postgres_is_silent,
                _while_postgres_was_never_there,
                _while_it_looks_for_postgres,
            )
        ),
    ],
)
async def test_sigterm_ends_with_0_at_any_moment_and_the_next_answers_what_waits(
    ground: Ground, moment: Callable[[QuietTown, Bot, Way], Awaitable[None]]
) -> None:
    async with open_quiet_town(ground) as town:
        async with (
            way_to(ground.database_url) as way,
            bot(town.playground, ground.data_dir, way.url) as process,
        ):
            await moment(town, process, way)
            thread = await town.asker.post(town.playground.forum, QUESTION, "Each night.")
            process.signal(signal.SIGTERM)
            assert await process.ends(STOPPED_WITHIN) == 0
            assert process.told("Traceback") == 0
        town.playground.faults.clear()
        async with town.awake():
            await town.asker.sees_reply(thread)
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


@pytest.mark.parametrize(
    "route", ["/gateway", "/users/@me", "/oauth2/applications/@me", "/commands", "/gateway/bot"]
)
async def test_a_stop_at_any_moment_of_signing_in_is_no_error(ground: Ground, route: str) -> None:
    async with (
        open_quiet_town(ground) as town,
        pointed_at_a_stand_in(),
        asyncio.TaskGroup() as tasks,
    ):

        async def stop(bot: RunningBot, turns: int) -> None:
            for _ in range(turns):  # of the event loop, which is then somewhere else each time
                await asyncio.sleep(0)
            bot.stop()

        def stops(bot: RunningBot, turns: int) -> Callable[[Exchange], None]:
            def look(exchange: Exchange) -> None:
                if exchange.route.endswith(route):
                    tasks.create_task(stop(bot, turns))

            return look

        for turns in range(20):
            # Discord would ask for a pause between so many connections.
            await town.rooms.pool.execute("UPDATE activity SET taken_at = NULL")
            bot = RunningBot(town.rooms, read_settings=lambda: town.rooms.settings)
            town.playground.record(on_exchange=stops(bot, turns))
            await asyncio.wait_for(bot.run(), 20)
    gc.collect()  # a connection that is still open warns, and a warning is an error


async def test_sigterm_ends_a_build_of_the_index_and_the_next_process_makes_it(
    ground: Ground, tmp_path: Path
) -> None:
    async with open_quiet_town(ground) as town:
        for _ in range(2):
            async with bot(town.playground, tmp_path / "empty", ground.database_url) as process:
                await process.tells("building it")
                process.signal(signal.SIGTERM)
                code = await process.ends(STOPPED_WITHIN)
            assert code == 0, process.lines


@pytest.mark.check
async def test_what_is_not_finished_in_time_is_handed_back_and_due_at_once(ground: Ground) -> None:
    async with (
        ModelServer.open([Hang(), "Too late [1]."]) as model,
        open_quiet_town(ground) as town,
    ):
        async with bot(
            town.playground,
            ground.data_dir,
            ground.database_url,
            OPENAI_BASE_URL=model.base_url,
            DOCBOT_CHAT_MODEL="test-chat",
        ) as process:
            await process.tells("connected to Discord")
            asked = await town.asker.post(town.playground.forum, QUESTION, "Each night.")
            await model.arrived.wait()
            held = town.playground.faults.hold(method="POST", path=SEND_MESSAGE)
            await _say_in(town, asked.id)
            await held.reached.wait()
            process.signal(signal.SIGTERM)
            await asyncio.sleep(1)
            process.signal(signal.SIGTERM)
            assert await process.ends(STOPPED_WITHIN) == 0
        town.playground.faults.clear()
        async with town.awake():
            await town.until("SELECT state = 'answered' FROM questions")
            await town.until("SELECT bool_and(state = 'sent') FROM outbox")
        assert len(town.playground.world.replies_of_bot(asked.id)) == 2


async def _say_in(town: QuietTown, thread_id: int) -> None:
    """Have something sent in the thread that is no answer."""
    async with town.rooms.pool.acquire() as conn, conn.transaction():
        await town.rooms.outbox.add(
            conn,
            guild_id=town.playground.guild.id,
            channel_id=thread_id,
            payload={"content": "A moment.", "reply_to": None, "vote_on": None},
            nonce="a-moment",
        )
