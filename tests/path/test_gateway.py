"""The gateway breaks in every way it can: docbot is back soon, or says why it cannot be.

What is posted meanwhile is answered, once.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest

from docbot.app.run import RunningBot
from docbot.errors import SettingsError, UsageError
from docbot.playground.faults import Stage
from docbot.playground.server import Playground
from tests.town import (
    QUESTION,
    Ground,
    QuietTown,
    Town,
    eventually,
    open_quiet_town,
    pointed_at_a_stand_in,
)

pytestmark = pytest.mark.slow

BODY = "It fails each night."
HEARTBEAT_MS = 800  # and so 1.2 s until docbot knows that none is acknowledged


def _slow(*values: Any) -> Any:
    """One of the cases that `make check` adds."""
    return pytest.param(*values, marks=pytest.mark.check)


@pytest.fixture
async def quiet(ground: Ground) -> AsyncIterator[QuietTown]:
    async with open_quiet_town(ground) as quiet:
        yield quiet


@pytest.fixture
async def town(quiet: QuietTown, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Town]:
    caplog.set_level("INFO", logger="docbot")
    async with quiet.awake() as town:
        await town.caught_up()
        yield town


async def _post(town: QuietTown) -> Any:
    return await town.asker.post(town.playground.forum, QUESTION, BODY)


async def _is_answered_once(town: QuietTown, thread: Any) -> None:
    await town.asker.sees_reply(thread)
    await town.until("SELECT state = 'answered' FROM questions WHERE message_id = $1", thread.id)
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM questions") == 1


def _counts(playground: Playground) -> tuple[int, int]:
    """How often docbot identified, and how often it resumed."""
    return len(playground.gateway.identifies), playground.gateway.resumes


def _said(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    return [message for message in caplog.messages if part in message]


async def _is_back(caplog: pytest.LogCaptureFixture, how: str) -> None:
    await eventually(lambda: bool(_said(caplog, "back on Discord's gateway")))
    assert how in _said(caplog, "back on Discord's gateway")[0]


async def test_asked_to_reconnect_it_resumes(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.playground.faults.ask_to_reconnect()
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (1, 1)
    await _is_back(caplog, "resumed")
    assert _said(caplog, "Discord asks for another connection; resuming in 0 s")


async def test_a_session_that_is_invalid_for_now_is_resumed(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.playground.faults.invalidate_session(resumable=True)
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (1, 1)
    await _is_back(caplog, "resumed")


async def test_a_session_that_is_over_is_followed_by_a_new_one_after_a_wait_by_chance(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    began = monotonic()
    town.playground.faults.invalidate_session(resumable=False)
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (2, 0)
    assert monotonic() - began >= 1
    await _is_back(caplog, "new session")
    assert _said(caplog, "Discord ended the session; a new session in")


@pytest.mark.parametrize(
    "code",
    [
        *(4000, 4999, pytest.param(None, id="abort")),
        *(_slow(code) for code in (1000, 1001, 4001, 4002, 4003, 4005, 4008)),
    ],
)
async def test_a_closed_connection_is_resumed(
    town: Town, caplog: pytest.LogCaptureFixture, code: int | None
) -> None:
    town.playground.faults.drop_gateway(code=code)
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (1, 1)
    await _is_back(caplog, "resumed")
    assert _said(caplog, f"Discord closed the connection ({code}:" if code else "connection")


@pytest.mark.parametrize("code", [4009, _slow(4007)])
async def test_a_close_that_ends_the_session_is_followed_by_a_new_one(
    town: Town, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    town.playground.faults.drop_gateway(code=code, resumable=False)
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (2, 0)
    await _is_back(caplog, "new session")


async def test_a_session_that_discord_forgot_meanwhile_is_followed_by_a_new_one(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.playground.faults.drop_gateway(resumable=False)
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (2, 0)
    await _is_back(caplog, "new session")


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        *((Stage.UPGRADE, None), (Stage.SESSION, 4000), (Stage.GUILDS, None)),
        *(_slow(stage, 4000) for stage in (Stage.HELLO, Stage.GUILDS)),
        *(_slow(stage, None) for stage in (Stage.HELLO, Stage.SESSION)),
    ],
)
async def test_a_first_connection_that_ends_early_is_followed_by_another(
    quiet: QuietTown, stage: Stage, code: int | None
) -> None:
    quiet.playground.faults.end_connections(stage, code=code, times=2)
    thread = await _post(quiet)
    async with quiet.awake():
        await _is_answered_once(quiet, thread)
    if stage is Stage.GUILDS:  # READY was there: the rest is resumed
        assert _counts(quiet.playground) == (1, 1)
    else:
        assert _counts(quiet.playground) == (3 if stage is Stage.SESSION else 1, 0)


@pytest.mark.parametrize("stage", [Stage.SESSION, _slow(Stage.UPGRADE), _slow(Stage.HELLO)])
async def test_a_first_connection_that_is_not_answered_is_given_up(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture, stage: Stage
) -> None:
    caplog.set_level("INFO", logger="docbot")
    quiet.playground.faults.stall_connections(stage)
    thread = await _post(quiet)
    async with quiet.awake(connect_seconds=1.0):
        await _is_answered_once(quiet, thread)
    assert _counts(quiet.playground) == (2 if stage is Stage.SESSION else 1, 0)
    assert _said(caplog, "no answer within 1 s; a new session")


@pytest.mark.parametrize("stage", [Stage.SESSION, _slow(Stage.UPGRADE), _slow(Stage.HELLO)])
async def test_a_resume_that_is_not_answered_is_tried_at_the_general_address_then_given_up(
    quiet: QuietTown, stage: Stage
) -> None:
    async with quiet.awake(connect_seconds=1.0) as town:
        await town.caught_up()
        town.playground.faults.stall_connections(stage, times=2)
        town.playground.faults.drop_gateway()
        await _is_answered_once(town, await _post(town))
        assert _counts(town.playground) == (2, 0)


@pytest.mark.parametrize("fault", ["withhold_acks", "fall_silent"])
async def test_a_connection_whose_heartbeats_nobody_answers_is_given_up(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level("INFO", logger="docbot")
    quiet.playground.gateway.heartbeat_ms = HEARTBEAT_MS
    async with quiet.awake() as town:
        await town.caught_up()
        getattr(town.playground.faults, fault)()
        thread = await _post(town)
        await eventually(lambda: bool(_said(caplog, "no heartbeat was acknowledged any more")))
        town.playground.faults.clear()
        await _is_answered_once(town, thread)
        assert _counts(town.playground)[0] == 1
        assert _counts(town.playground)[1] >= 1


async def test_a_half_open_connection_delays_no_stop(quiet: QuietTown) -> None:
    async with quiet.awake() as town:
        town.playground.faults.fall_silent()
        began = monotonic()
        town.bot.stop()
    assert monotonic() - began < 9  # the library alone would wait for ten


async def test_an_address_to_resume_at_that_is_gone_is_given_up_for_the_general_one(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="docbot")
    quiet.playground.gateway.url = "ws://127.0.0.1:9/gateway"  # told by READY alone
    async with quiet.awake() as town:
        await town.caught_up()
        town.playground.faults.drop_gateway()
        await _is_answered_once(town, await _post(town))
        assert _counts(town.playground) == (1, 1)
        await _is_back(caplog, "resumed")


async def test_an_event_that_discord_py_cannot_read_ends_one_connection_and_not_docbot(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.playground.gateway.dispatch(
        "GUILD_ROLE_CREATE", {"guild_id": str(town.playground.guild.id)}
    )
    await _is_answered_once(town, await _post(town))
    assert _counts(town.playground) == (1, 1)
    await _is_back(caplog, "resumed")


@pytest.mark.parametrize("fault", ["HTML as 200", _slow("429"), _slow("500"), _slow("HTML")])
async def test_docbot_does_not_identify_until_discord_tells_how_often_it_may(
    quiet: QuietTown, fault: str
) -> None:
    faults, path = quiet.playground.faults, "/gateway/bot"
    if fault == "429":
        faults.rate_limit(0.5, path=path)
    elif fault == "500":
        faults.answer(500, path=path)
    elif fault == "HTML":
        faults.cloudflare(429, path=path)
    else:
        faults.cloudflare(200, path=path)
    thread = await _post(quiet)
    async with quiet.awake():
        await _is_answered_once(quiet, thread)
    assert faults.taken == ["GET /gateway/bot"]
    assert _counts(quiet.playground) == (1, 0)


async def test_a_token_that_is_reset_meanwhile_ends_docbot(quiet: QuietTown) -> None:
    quiet.playground.faults.answer(401, path="/gateway/bot")
    with pytest.raises(SettingsError, match="DISCORD_TOKEN"):
        await _run(quiet)
    assert _counts(quiet.playground) == (0, 0)


async def test_with_all_sessions_of_the_day_used_up_docbot_waits_for_the_next(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    starts = quiet.playground.limits.starts
    starts.total, starts.window_seconds = 1, 2.0
    starts.take(quiet.playground.world.clock())  # another process's
    thread = await _post(quiet)
    async with quiet.awake():
        await _is_answered_once(quiet, thread)
    assert _counts(quiet.playground) == (1, 0)
    assert _said(caplog, "Discord allows 1 new sessions a day and all are used up; the next in")


async def test_a_stop_does_not_wait_for_the_sessions_of_the_next_day(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    quiet.playground.limits.starts.total = 0
    bot = RunningBot(quiet.rooms, read_settings=lambda: quiet.rooms.settings)
    async with pointed_at_a_stand_in(), asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.run())
        await eventually(lambda: bool(_said(caplog, "all are used up")))
        bot.stop()
    assert _counts(quiet.playground) == (0, 0)


@pytest.mark.check
async def test_sessions_begin_five_seconds_apart_over_restarts_too(
    quiet: QuietTown,
) -> None:
    quiet.playground.limits.starts.at_once = 1  # as at Discord; too early is a violation
    async with quiet.awake():
        pass
    async with quiet.awake():
        pass
    first, second = quiet.playground.gateway.identifies
    assert second - first >= 5


@pytest.mark.parametrize(
    ("code", "kind", "advice"),
    [
        (4004, SettingsError, "DISCORD_TOKEN: .* reset"),
        _slow(4010, UsageError, "2,500.*take it out of some"),
        (4011, UsageError, "2,500.*take it out of some"),
        (4012, UsageError, "install the newest"),
        _slow(4013, UsageError, "install the newest"),
        (4014, SettingsError, "Message Content intent is off; switch it on at https://"),
    ],
)
async def test_what_no_other_try_can_cure_ends_docbot_with_what_to_do(
    quiet: QuietTown, code: int, kind: type[UsageError], advice: str
) -> None:
    quiet.playground.faults.end_connections(Stage.SESSION, code=code)
    with pytest.raises(kind, match=advice):
        await _run(quiet)
    assert _counts(quiet.playground) == (1, 0)


async def test_it_ends_a_bot_that_was_connected_for_long_too(quiet: QuietTown) -> None:
    running = asyncio.create_task(_run(quiet))
    await quiet.playground.bot_connects()
    quiet.playground.faults.drop_gateway(code=4004)
    with pytest.raises(SettingsError, match="DISCORD_TOKEN"):
        await asyncio.wait_for(running, 20)
    assert _counts(quiet.playground) == (1, 0)


async def test_on_the_command_line_it_is_one_line_and_exit_code_2(
    quiet: QuietTown, ground: Ground
) -> None:
    quiet.playground.faults.end_connections(Stage.SESSION, code=4011)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docbot", "run"),
        cwd=ground.data_dir,
        env={
            "PATH": "/usr/bin:/bin",
            "DISCORD_TOKEN": quiet.playground.token,
            "DOCBOT_DISCORD_API": quiet.playground.api_url,
            "DATABASE_URL": ground.database_url,
            "DOCBOT_DATA_DIR": str(ground.data_dir),
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"Traceback" not in stderr
    assert stderr.splitlines()[-1].startswith(b"docbot: docbot is in more servers than")
    assert _counts(quiet.playground) == (1, 0)


@pytest.mark.check
async def test_a_gateway_that_is_down_is_told_now_and_then_and_its_return_once(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="docbot")
    async with quiet.awake() as town:
        await town.caught_up()
        town.playground.faults.end_connections(Stage.UPGRADE, code=503, times=3)
        town.playground.faults.drop_gateway()
        await _is_answered_once(town, await _post(town))
        await _is_back(caplog, "resumed")
    told = [message.rsplit(": ", 1)[1] for message in _said(caplog, "not on Discord's gateway")]
    assert told == ["1)", "2)", "4)"]
    assert len(_said(caplog, "back on Discord's gateway")) == 1
    assert [one for one in caplog.records if one.name.startswith("discord")] == []


@pytest.mark.check
async def test_a_discord_that_nobody_can_sign_in_to_is_told_now_and_then(
    quiet: QuietTown, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="docbot")
    quiet.playground.faults.answer(503, path="/users/@me", times=3)
    thread = await _post(quiet)
    async with quiet.awake():
        await _is_answered_once(quiet, thread)
    assert len(_said(caplog, "not acting, tried again")) == 2  # the 1st and 2nd of three
    assert _said(caplog, "connected to Discord as")
    assert _counts(quiet.playground) == (1, 0)


async def _run(town: QuietTown) -> None:
    async with pointed_at_a_stand_in():
        await RunningBot(town.rooms, read_settings=lambda: town.rooms.settings).run()
