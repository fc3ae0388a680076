"""The playground's gateway: sessions of the bot, fed with the world's events.

A session outlives its connection: events go on being numbered and kept, so
that RESUME gives what was missed. What the bot may not see (intents, rights)
is left out or blanked as Discord does.
"""

import asyncio
import contextlib
import importlib
import json
import secrets
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum, IntFlag
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from docbot.playground.faults import Faults, Stage
from docbot.playground.limits import StartLimits
from docbot.playground.objects import Guild, Payload, timestamp
from docbot.playground.world import World, without_content

VERSION = 10
HEARTBEAT_MS = 41_250
# As over a network: an ACK within the same instant is taken for the one of the beat before.
ACK_SECONDS = 0.02
KEPT_EVENTS = 5_000  # for each session; a RESUME that needs older ones is refused
SENDS_A_MINUTE = 120
SHARDS = 1
_WITHOUT_A_WORD = 0  # no code of a close

FrameHook = Callable[[Payload], None]


class Op(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(IntEnum):
    GOING_AWAY = 1001
    UNKNOWN_ERROR = 4000
    UNKNOWN_OP = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    RATE_LIMITED = 4008
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class Intent(IntFlag):
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


_HIGHEST_INTENT = 1 << 25  # direct message polls
_INTENTS: Mapping[str, Intent] = {
    "GUILD_MEMBER_": Intent.GUILD_MEMBERS,
    "GUILD_": Intent.GUILDS,
    "CHANNEL_": Intent.GUILDS,
    "THREAD_": Intent.GUILDS,
    "TYPING_": Intent.GUILD_MESSAGE_TYPING,
}


class Gateway:
    """Every session of the bot; the newest connection of a session has it."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        starts: StartLimits,
        *,
        url: str,
        heartbeat_ms: int = HEARTBEAT_MS,
    ) -> None:
        self.world = world
        self.url = url
        self.heartbeat_ms = heartbeat_ms
        self.identifies: deque[float] = deque(maxlen=1000)  # when each IDENTIFY came
        self.resumes = 0  # accepted ones
        self.violations: deque[str] = deque(maxlen=1000)
        self.on_frame: FrameHook | None = None
        self._faults = faults
        self._starts = starts
        self._acknowledges = True
        self._sessions: dict[str, _Session] = {}
        self._connections: set[_Connection] = set()
        faults.gateway = self
        world.subscribe(self._hear)

    @property
    def connected(self) -> bool:
        """Whether a bot is connected and has identified itself or resumed."""
        return any(session.connection for session in self._sessions.values())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection for as long as it lasts; a page in a browser gets none."""
        if "Origin" in request.headers:
            raise web.HTTPForbidden
        if (fault := self._faults.meet(Stage.UPGRADE)) is not None:
            await fault.hold.wait()  # open at once where it shall not wait
            if fault.ends:
                if fault.code is None and request.transport is not None:
                    request.transport.abort()
                return web.Response(status=fault.code or 503)
        socket = web.WebSocketResponse(max_msg_size=64 * 1024, compress=False, timeout=1.0)
        await socket.prepare(request)
        connection = _Connection(socket, request, _compressor(request.query.get("compress")), self)
        self._connections.add(connection)
        if not self._meets(connection, Stage.HELLO):
            connection.send(Op.HELLO, {"heartbeat_interval": self.heartbeat_ms})
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.write())
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        self._receive(connection, message.data)
                connection.end()
        finally:
            self._connections.discard(connection)
            connection.ended.set()
            for session in self._sessions.values():
                if session.connection is connection:
                    session.connection = None
                    self.world.emit("bot_disconnected", {"session_id": session.id})
        return socket

    async def close(self) -> None:
        """Tell every connection that the server goes away, and wait until each is closed."""
        leaving = tuple(self._connections)
        for connection in leaving:
            if connection.silent:
                connection.abort()
            connection.close(Close.GOING_AWAY)
        for connection in leaving:
            await connection.ended.wait()

    # Faults

    def drop(self, *, code: int | None, forget: bool) -> None:
        if forget:
            self._forget_sessions()
        for connection in tuple(self._connections):
            if code is None:
                connection.abort()
            else:
                connection.close(code)

    def fall_silent(self) -> None:
        for connection in self._connections:
            connection.fall_silent()

    def acknowledge(self, acknowledges: bool) -> None:
        self._acknowledges = acknowledges

    def _meets(self, connection: "_Connection", stage: Stage) -> bool:
        """Whether a fault comes in place of what the bot is to get at this stage."""
        fault = self._faults.meet(stage)
        if fault is None:
            return False
        if fault.ends:
            connection.close(_WITHOUT_A_WORD if fault.code is None else fault.code)
        return True

    def send_op(self, op: int, data: bool | None, *, forget: bool) -> None:
        if forget:
            self._forget_sessions()
        for connection in tuple(self._connections):
            connection.send(Op(op), data)

    def dispatch(self, name: str, payload: Payload) -> None:
        """Send an event to every session that may have it, whatever faults say."""
        for session in tuple(self._sessions.values()):
            shaped = self._shape(session, name, payload)
            if shaped is not None:
                session.send(*shaped)

    def _forget_sessions(self) -> None:
        for session in self._sessions.values():
            session.connection = None
        self._sessions.clear()

    # From the world

    def _hear(self, name: str, payload: Payload) -> None:
        if name.islower() and name != "guild_joined":
            return
        for _ in range(self._faults.pass_event(name, payload)):
            self.dispatch(name, payload)

    def _shape(
        self, session: "_Session", name: str, payload: Payload
    ) -> tuple[str, Payload] | None:
        """Turn an event of the world into what this session gets; None: nothing."""
        if name == "guild_joined":
            return "GUILD_CREATE", self._guild(session, self.world.guilds[int(payload["id"])])
        if name == "INTERACTION_CREATE":
            return name, payload
        if not self._wanted(session, name, payload) or not self._seen(name, payload):
            return None
        if name in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and not self._readable(session, payload):
            return name, without_content(payload)
        return name, payload

    def _wanted(self, session: "_Session", name: str, payload: Payload) -> bool:
        if name.startswith("MESSAGE_"):
            here = Intent.GUILD_MESSAGES if "guild_id" in payload else Intent.DIRECT_MESSAGES
            return here in session.intents
        if name == "TYPING_START" and "guild_id" not in payload:
            return Intent.DIRECT_MESSAGE_TYPING in session.intents
        if name == "GUILD_MEMBER_UPDATE" and self._is_bot(payload["user"]["id"]):
            return True
        if name == "THREAD_MEMBERS_UPDATE" and Intent.GUILD_MEMBERS not in session.intents:
            return any(self._is_bot(one["user_id"]) for one in payload["added_members"])
        for prefix, intent in _INTENTS.items():
            if name.startswith(prefix):
                return intent in session.intents
        return True

    def _seen(self, name: str, payload: Payload) -> bool:
        """Whether the bot is in the guild and, for what is inside a channel, may view that."""
        if name == "GUILD_DELETE" or "guild_id" not in payload:
            return True
        guild = self.world.guilds.get(int(payload["guild_id"]))
        if guild is None or self.world.bot.id not in guild.members:
            return False
        if name.startswith("CHANNEL_"):
            return True  # bots are told of hidden channels too
        inside = payload.get("channel_id")
        if name == "THREAD_DELETE":
            inside = payload["parent_id"]
        elif name.startswith("THREAD_"):
            inside = payload["id"]
        return inside is None or self.world.sees(self.world.bot.id, int(inside))

    def _readable(self, session: "_Session", payload: Payload) -> bool:
        return (
            Intent.MESSAGE_CONTENT in session.intents
            or self._is_bot(payload["author"]["id"])
            or "guild_id" not in payload
            or any(self._is_bot(user["id"]) for user in payload["mentions"])
        )

    def _is_bot(self, user_id: str) -> bool:
        return int(user_id) == self.world.bot.id

    # From the bot

    def _receive(self, connection: "_Connection", text: str) -> None:
        if connection.silent:
            return None
        if connection.too_busy(asyncio.get_running_loop().time()):
            self.violations.append(f"gateway: over {SENDS_A_MINUTE} sends in a minute")
            return connection.close(Close.RATE_LIMITED)
        try:
            message = json.loads(text)
            op, data = Op(message["op"]), message.get("d")
        except (ValueError, KeyError, TypeError):
            self.violations.append(f"gateway: not understood: {text[:200]}")
            return connection.close(Close.DECODE_ERROR)
        return self._obey(connection, op, data)

    def _obey(self, connection: "_Connection", op: Op, data: Any) -> None:
        session = self._session_of(connection)
        if op is Op.HEARTBEAT:
            loop = asyncio.get_running_loop()
            if self._acknowledges:
                loop.call_later(ACK_SECONDS, connection.send, Op.HEARTBEAT_ACK, None)
        elif op is Op.IDENTIFY:
            self._identify(connection, data)
        elif op is Op.RESUME:
            self._resume(connection, data)
        elif session is None:
            connection.close(Close.NOT_AUTHENTICATED)
        elif op is Op.REQUEST_MEMBERS:
            self._send_members(session, data)

    def _identify(self, connection: "_Connection", data: Payload) -> None:
        self.identifies.append(self.world.clock())
        intents = int(data.get("intents", 0))
        refusal = self._refusal(connection, data, intents)
        if refusal is not None:
            self.violations.append(f"gateway: IDENTIFY refused with {refusal.name}")
            return connection.close(refusal)
        broken = self._starts.take(self.world.clock())
        if broken is not None:
            self.violations.append(f"gateway: {broken}")
            return connection.send(Op.INVALID_SESSION, False)
        if self._meets(connection, Stage.SESSION):
            return None
        session = _Session(secrets.token_hex(16), Intent(intents), self)
        session.connection = connection
        # Who identifies anew does not come back for a session that it left.
        self._sessions = {key: one for key, one in self._sessions.items() if one.connection}
        self._sessions[session.id] = session
        session.send("READY", self._ready(session))
        if self._meets(connection, Stage.GUILDS):
            session.connection = None  # what follows is kept for who resumes
        for guild in self._guilds():
            session.send("GUILD_CREATE", self._guild(session, guild) | {"unavailable": False})
        self.world.emit("bot_connected", {"session_id": session.id})
        return None

    def _refusal(self, connection: "_Connection", data: Payload, intents: int) -> Close | None:
        application = self.world.application
        if self._session_of(connection) is not None:
            return Close.ALREADY_AUTHENTICATED
        if data.get("token") != application.token:
            return Close.AUTHENTICATION_FAILED
        if intents < 0 or intents >= 2 * _HIGHEST_INTENT:
            return Close.INVALID_INTENTS
        allowed = {
            Intent.MESSAGE_CONTENT: application.message_content,
            Intent.GUILD_MEMBERS: application.guild_members,
            Intent.GUILD_PRESENCES: False,
        }
        if any(intents & intent and not given for intent, given in allowed.items()):
            return Close.DISALLOWED_INTENTS
        return None

    def _resume(self, connection: "_Connection", data: Payload) -> None:
        if data.get("token") != self.world.application.token:
            return connection.close(Close.AUTHENTICATION_FAILED)
        if self._meets(connection, Stage.SESSION):
            return None
        session = self._sessions.get(data.get("session_id") or "")
        missed = session.after(int(data.get("seq") or 0)) if session else None
        if session is None or missed is None:
            return connection.send(Op.INVALID_SESSION, False)
        if session.connection is not None:
            session.connection.close(Close.UNKNOWN_ERROR)
        session.connection = connection
        self.resumes += 1
        for text in missed:
            connection.send_text(text)
        session.send("RESUMED", {})
        self.world.emit("bot_connected", {"session_id": session.id})
        return None

    def _session_of(self, connection: "_Connection") -> "_Session | None":
        for session in self._sessions.values():
            if session.connection is connection:
                return session
        return None

    # What is sent

    def _guilds(self) -> list[Guild]:
        return [one for one in self.world.guilds.values() if self.world.bot.id in one.members]

    def _ready(self, session: "_Session") -> Payload:
        application = self.world.application
        return {
            "v": VERSION,
            "user": self.world.bot.private_payload(),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in self._guilds()],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.url,
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "application": {
                "id": str(application.id),
                "flags": application.flags,
                "flags_new": str(application.flags),
            },
        }

    def _guild(self, session: "_Session", guild: Guild) -> Payload:
        bot_id = self.world.bot.id
        everyone = Intent.GUILD_MEMBERS in session.intents
        members = [one for one in guild.members.values() if everyone or one.user.id == bot_id]
        threads = self.world.active_threads(guild.id, bot_id)
        return guild.payload() | {
            "joined_at": timestamp(guild.members[bot_id].joined_at),
            "large": False,
            "member_count": len(guild.members),
            "members": [member.payload() for member in members],
            "channels": [channel.payload() for channel in self.world.channels_of(guild.id)],
            "threads": [thread.payload(bot_id) for thread in threads],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _send_members(self, session: "_Session", data: Payload) -> None:
        guild = self.world.get_guild(int(data["guild_id"]))
        wanted = data.get("user_ids")
        start = (data.get("query") or "").lower()
        members = [
            member.payload()
            for member in guild.members.values()
            if (str(member.user.id) in {str(one) for one in wanted} if wanted else True)
            and member.user.name.lower().startswith(start)
        ]
        limit = int(data.get("limit") or 0) or len(members)
        body: Payload = {
            "guild_id": str(guild.id),
            "members": members[:limit],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
        }
        if data.get("nonce"):
            body["nonce"] = data["nonce"]
        session.send("GUILD_MEMBERS_CHUNK", body)


class _Session:
    """What one IDENTIFY began: numbered events, kept for a while after they were sent."""

    def __init__(self, known_id: str, intents: Intent, gateway: Gateway) -> None:
        self.id = known_id
        self.intents = intents
        self.connection: _Connection | None = None
        self._gateway = gateway
        self._last = 0
        self._kept: deque[str] = deque(maxlen=KEPT_EVENTS)

    def send(self, name: str, payload: Payload) -> None:
        self._last += 1
        frame = {"t": name, "s": self._last, "op": int(Op.DISPATCH), "d": payload}
        if self._gateway.on_frame:
            self._gateway.on_frame(frame)
        text = json.dumps(frame, separators=(",", ":"))
        self._kept.append(text)
        if self.connection is not None:
            self.connection.send_text(text)

    def after(self, sequence: int) -> list[str] | None:
        """Return the events after one number; None if they are no longer kept."""
        missed = self._last - sequence
        if missed < 0 or missed > len(self._kept):
            return None
        return list(self._kept)[len(self._kept) - missed :]


class _Connection:
    """One websocket; what is sent waits in a queue for its writer."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        compressor: "_Compressor | None",
        gateway: Gateway,
    ) -> None:
        self.ended = asyncio.Event()
        self.silent = False
        self._socket = socket
        self._request = request
        self._compressor = compressor
        self._gateway = gateway
        self._queue: asyncio.Queue[str | int | None] = asyncio.Queue()
        self._received: deque[float] = deque(maxlen=SENDS_A_MINUTE + 1)

    def send(self, op: Op, data: Any) -> None:
        frame = {"t": None, "s": None, "op": int(op), "d": data}
        if self._gateway.on_frame:
            self._gateway.on_frame(frame)
        self.send_text(json.dumps(frame))

    def send_text(self, text: str) -> None:
        self._queue.put_nowait(text)

    def close(self, code: int) -> None:
        """Close with a code once all that waits was sent."""
        self._queue.put_nowait(int(code))

    def end(self) -> None:
        self._queue.put_nowait(None)

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def fall_silent(self) -> None:
        """Stay open, and neither hear nor say anything any more."""
        self.silent = True
        if self._request.transport is not None:
            self._request.transport.pause_reading()

    def too_busy(self, now: float) -> bool:
        self._received.append(now)
        return len(self._received) > SENDS_A_MINUTE and now - self._received[0] < 60

    async def write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (item := await self._queue.get()) is not None:
                if self.silent:
                    continue
                if item == _WITHOUT_A_WORD:
                    self.abort()
                elif isinstance(item, int):
                    await self._socket.close(code=item)
                    return
                elif self._compressor is None:
                    await self._socket.send_str(item)
                else:
                    await self._socket.send_bytes(self._compressor.compress(item.encode()))


class _Compressor(Protocol):
    def compress(self, data: bytes) -> bytes: ...


class _Zlib:
    """One stream for the whole connection, flushed after each message."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(level=1)

    def compress(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _Zstandard:
    """The same with the zstandard package, which a client that asks for it has, too."""

    def __init__(self) -> None:
        library = importlib.import_module("zstandard")
        self._stream: Any = library.ZstdCompressor().compressobj()
        self._flush: int = library.COMPRESSOBJ_FLUSH_BLOCK

    def compress(self, data: bytes) -> bytes:
        done: bytes = self._stream.compress(data) + self._stream.flush(self._flush)
        return done


class _StandardZstandard:
    """The same with the standard library of Python 3.14."""

    def __init__(self) -> None:
        library = importlib.import_module("compression.zstd")
        self._stream: Any = library.ZstdCompressor()
        self._flush: int = library.ZstdCompressor.FLUSH_BLOCK

    def compress(self, data: bytes) -> bytes:
        done: bytes = self._stream.compress(data, self._flush)
        return done


def _compressor(kind: str | None) -> "_Compressor | None":
    if kind == "zlib-stream":
        return _Zlib()
    if kind != "zstd-stream":
        return None
    try:
        return _Zstandard()
    except ImportError:
        return _StandardZstandard()
