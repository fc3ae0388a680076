"""What can be made to go wrong with the bot's connections to the gateway."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from docbot.playground.faults import Stage
from docbot.playground.gateway import Op
from docbot.playground.server import TOKEN, Playground
from tests.playground.conftest import PATIENCE

SHORT = 0.2  # for which nothing comes where nothing is to come


class Raw:
    """A client that sees each frame, and the close."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, op: Op, data: object) -> None:
        await self.socket.send_json({"op": int(op), "d": data})

    async def identify(self) -> None:
        await self.say(Op.IDENTIFY, {"token": TOKEN, "intents": 1, "properties": {}})

    async def frames_until(self, name: object) -> list[object]:
        """Names of events, or numbers of other frames, up to the one that is waited for."""
        seen: list[object] = []
        async with asyncio.timeout(PATIENCE):
            while name not in seen:
                frame = await self.socket.receive_json()
                seen.append(frame["t"] or Op(frame["op"]))
        return seen

    async def close_code(self) -> int | None:
        async with asyncio.timeout(PATIENCE):
            async for _ in self.socket:
                pass
        return self.socket.close_code

    async def hears_nothing(self) -> None:
        with pytest.raises(TimeoutError):
            await self.socket.receive(timeout=SHORT)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _connect(session: aiohttp.ClientSession, playground: Playground) -> Raw:
    return Raw(await session.ws_connect(playground.gateway_url))


async def test_a_connection_can_be_ended_at_each_stage(
    playground: Playground, session: aiohttp.ClientSession
) -> None:
    faults = playground.faults
    faults.end_connections(Stage.UPGRADE, code=503)
    faults.end_connections(Stage.UPGRADE, times=2)
    for _ in range(2):
        with pytest.raises((aiohttp.ClientError, OSError)):
            await _connect(session, playground)
    faults.end_connections(Stage.HELLO, code=4000)
    raw = await _connect(session, playground)
    assert await raw.close_code() == 4000
    faults.end_connections(Stage.SESSION, code=4011)
    raw = await _connect(session, playground)
    await raw.frames_until(Op.HELLO)
    await raw.identify()
    assert await raw.close_code() == 4011
    faults.end_connections(Stage.GUILDS, code=4001)
    raw = await _connect(session, playground)
    await raw.identify()
    assert await raw.frames_until("READY") == [Op.HELLO, "READY"]
    assert await raw.close_code() == 4001
    assert len(playground.gateway.identifies) == 2


@pytest.mark.parametrize("stage", [Stage.HELLO, Stage.SESSION, Stage.GUILDS])
async def test_a_connection_can_be_left_waiting_at_each_stage(
    playground: Playground, session: aiohttp.ClientSession, stage: Stage
) -> None:
    playground.faults.stall_connections(stage)
    raw = await _connect(session, playground)
    if stage is not Stage.HELLO:
        await raw.frames_until(Op.HELLO)
        await raw.identify()
    if stage is Stage.GUILDS:
        await raw.frames_until("READY")
    await raw.hears_nothing()


async def test_a_connection_can_be_left_without_an_answer_to_its_handshake(
    playground: Playground, session: aiohttp.ClientSession
) -> None:
    playground.faults.stall_connections(Stage.UPGRADE)
    connecting = asyncio.create_task(_connect(session, playground))
    assert not (await asyncio.wait([connecting], timeout=SHORT))[0]
    playground.faults.clear()
    await (await connecting).frames_until(Op.HELLO)


async def test_heartbeats_can_be_left_unacknowledged_while_all_else_goes_on(
    playground: Playground, session: aiohttp.ClientSession
) -> None:
    raw = await _connect(session, playground)
    await raw.identify()
    await raw.frames_until("GUILD_CREATE")
    playground.faults.withhold_acks()
    await raw.say(Op.HEARTBEAT, 1)
    playground.world.add_channel(playground.guild.id, "news")
    assert await raw.frames_until("CHANNEL_CREATE") == ["CHANNEL_CREATE"]
    await raw.hears_nothing()
    playground.faults.clear()
    await raw.say(Op.HEARTBEAT, 2)
    await raw.frames_until(Op.HEARTBEAT_ACK)


async def test_a_connection_can_be_left_half_open(
    playground: Playground, session: aiohttp.ClientSession
) -> None:
    raw = await _connect(session, playground)
    await raw.identify()
    await raw.frames_until("GUILD_CREATE")
    playground.faults.fall_silent()
    await raw.say(Op.HEARTBEAT, 1)
    playground.world.add_channel(playground.guild.id, "news")
    await raw.hears_nothing()
    assert not raw.socket.closed
    other = await _connect(session, playground)  # only the one that was there is concerned
    await other.identify()
    await other.frames_until("READY")


async def test_who_identifies_too_often_is_sent_away_and_counted(
    playground: Playground, session: aiohttp.ClientSession
) -> None:
    playground.limits.starts.at_once = 1
    for expected in ("READY", Op.INVALID_SESSION):
        raw = await _connect(session, playground)
        await raw.identify()
        await raw.frames_until(expected)
    assert playground.violations == ["gateway: over 1 IDENTIFYs in 5 s"]
