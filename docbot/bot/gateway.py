"""Keeps the client on Discord's gateway: resumes, begins anew, and never more often than allowed.

Stands in for discord.py's own loop, which waits up to 17 minutes between two tries, not at all after
some failures, for ever for a READY that does not come and at an address that is gone, and breaks
where the very first connection fails. What no other try can cure ends it, with what to do.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic, perf_counter
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from docbot.bot import faults
from docbot.errors import DocbotError, SettingsError, TransientError, UsageError
from docbot.forum.retry import is_worth_a_line, pause

log = logging.getLogger(__name__)

# From opening a connection to READY or RESUMED.
CONNECT_SECONDS = 60.0
# Discord acknowledges each heartbeat; half a beat later than the next one it does not come.
SILENT_BEATS = 1.5
# Longer than any silence that is waited for here: discord.py shall not end a connection itself.
HEARTBEAT_TIMEOUT = 300.0

# One that lasted for less counts as another failure.
_STEADY_SECONDS = 60.0
# Somebody who vanished does not say goodbye.
_CLOSE_SECONDS = 2.0
# Discord takes one IDENTIFY in 5 s; what is sent evenly may arrive unevenly.
# https://discord.com/developers/docs/events/gateway#rate-limiting
_IDENTIFY_SECONDS = 5.5
# Discord asks for a wait by chance between these before who lost a session begins another.
_NEW_SESSION_SECONDS = (1.0, 5.0)
# While Discord allows no session the operator is told again after this long.
_TOLD_AGAIN_SECONDS = 3600.0
_LONG_SECONDS = 10.0

# Closes after which Discord has no session to resume any more.
_SESSION_ENDED = {4007, 4009}
_CLOSES = {
    1000: "no reason given",
    1001: "that server of Discord's goes away",
    1006: "the connection broke",
    4000: "unknown error",
    4001: "unknown opcode",
    4002: "not understood",
    4003: "not identified",
    4005: "identified twice",
    4007: "invalid sequence",
    4008: "too much sent",
    4009: "session timed out",
}
_UNSHARDED = (
    "docbot is in more servers than Discord allows on one connection (2,500), and docbot has no "
    "other; take it out of some, or run a second application for them"
)
_OUTDATED = "this docbot is too old for Discord's gateway; install the newest one"
# Those that no other try can cure. All end with exit code 2, at which a supervisor leaves it.
_REFUSALS: dict[int, type[UsageError]] = {4004: SettingsError, 4014: SettingsError}
_ADVICE = {
    4004: "DISCORD_TOKEN: Discord's gateway refuses it; was it reset meanwhile?",
    4010: _UNSHARDED,
    4011: _UNSHARDED,
    4012: _OUTDATED,
    4013: _OUTDATED,
    4014: (
        "the Message Content intent is off; switch it on at "
        "https://discord.com/developers/applications (your application > Bot > "
        "Privileged Gateway Intents), then start docbot again"
    ),
}


def refusal(code: int) -> UsageError | None:
    """What a close says that no other try can cure; None for every other close."""
    if code not in _ADVICE:
        return None
    return _REFUSALS.get(code, UsageError)(f"{_ADVICE[code]} (Discord closed with {code})")


@dataclass(frozen=True, slots=True)
class Session:
    """What RESUME needs; `gateway` None: the general address."""

    id: str
    sequence: int | None
    gateway: yarl.URL | None


class LostError(Exception):
    """A connection is lost: why, what there is to resume, and how long to wait at least."""

    def __init__(self, why: str, *, session: Session | None, seconds: float = 0.0) -> None:
        super().__init__(why)
        self.session = session
        self.seconds = seconds


class GatewaySocket(DiscordWebSocket):
    """discord.py's connection; tells why it ended, and closes within seconds."""

    async def poll_event(self) -> None:
        """Take one event.

        Raises:
            LostError: the connection is over.
            UsageError: and no other try can help.
        """
        try:
            await super().poll_event()
        except ReconnectWebSocket as error:
            raise self._lost(resume=error.resume) from error
        except discord.ConnectionClosed as error:
            raise refusal(error.code) or self._lost(resume=True) from error
        except (OSError, aiohttp.ClientError) as error:
            raise LostError(f"the connection broke: {error!r}", session=self.session()) from error
        except Exception as error:  # one event that discord.py cannot read must not end docbot
            log.exception("an event of the gateway was not understood")
            await self.close()
            raise LostError("an event was not understood", session=self.session()) from error

    async def close(self, code: int = 4000) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await super().close(code)
        except TimeoutError:
            log.debug("the gateway did not say goodbye")

    def session(self) -> Session | None:
        if self.session_id is None:
            return None
        return Session(self.session_id, self.sequence, self.gateway)

    def seconds_unacknowledged(self) -> float:
        beat = self._keep_alive
        return perf_counter() - beat._last_ack if beat else 0.0  # noqa: SLF001  # no public name

    def seconds_allowed(self) -> float:
        """For how long no heartbeat need be acknowledged."""
        beat = self._keep_alive
        return SILENT_BEATS * (beat.interval if beat and beat.interval else CONNECT_SECONDS)

    def _lost(self, *, resume: bool) -> LostError:
        if not resume:
            wait = random.uniform(*_NEW_SESSION_SECONDS)  # noqa: S311  # spreads, guards nothing
            return LostError("Discord ended the session", session=None, seconds=wait)
        if self._close_code is not None:  # it was we who closed, as op 7 or 9 asked for
            return LostError("Discord asks for another connection", session=self.session())
        code = self.socket.close_code or 1006
        why = f"Discord closed the connection ({code}: {_CLOSES.get(code, 'unknown code')})"
        return LostError(why, session=None if code in _SESSION_ENDED else self.session())


@dataclass(frozen=True, slots=True)
class StartLimit:
    """How often Discord lets a bot identify, as it counts itself: over all processes and restarts."""

    gateway: yarl.URL
    total: int  # within a day
    remaining: int
    reset_after: float  # seconds
    at_once: int  # within 5 s

    def wait(self, since_last: float) -> float:
        """Seconds to wait before the next IDENTIFY.

        Somewhat over 5 s after the last one; once less than half are left, so long that they last until the
        reset. Somebody who starts seldom waits for nothing.
        """
        if self.remaining <= 0:
            return max(self.reset_after, 1.0)
        apart = _IDENTIFY_SECONDS / max(self.at_once, 1)
        if 2 * self.remaining < self.total:
            apart = max(apart, self.reset_after / self.remaining)
        return max(apart - since_last, 0.0)


class Starts:
    """Begins sessions no more often than Discord allows; outlives the client."""

    def __init__(self, record: Callable[[], Awaitable[None]]) -> None:
        """`record` notes for other processes that a session begins now."""
        self._record = record
        self._last = -float("inf")  # of all processes, as far as it was told

    def note(self, seconds_ago: float | None) -> None:
        """Take in that some process began a session so long ago."""
        if seconds_ago is not None:
            self._last = max(self._last, monotonic() - seconds_ago)

    async def turn(self, client: discord.Client) -> yarl.URL:
        """Wait until a session may begin; return the gateway's address.

        Raises:
            TransientError: Discord does not say how often it may.
        """
        limit = await _fetch_start_limit(client)
        while limit.remaining <= 0:
            seconds = limit.wait(0.0)
            log.warning(
                "not connecting: Discord allows %d new sessions a day and all are used up; "
                "the next in %.0f s. Find out why docbot starts or reconnects so often",
                limit.total,
                seconds,
            )
            await asyncio.sleep(min(seconds, _TOLD_AGAIN_SECONDS))
            limit = await _fetch_start_limit(client)
        seconds = limit.wait(monotonic() - self._last)
        if seconds > _LONG_SECONDS:
            log.warning(
                "connecting in %.0f s: %d of %d new sessions are left until %.0f s from now. Find "
                "out why docbot starts or reconnects so often",
                *(seconds, limit.remaining, limit.total, limit.reset_after),
            )
        await asyncio.sleep(seconds)
        return limit.gateway

    async def begin(self) -> None:
        """Note that a session begins now."""
        self._last = monotonic()
        try:
            await self._record()
        except TransientError as error:  # at worst the next process is sent away once
            log.debug("the start of a session was not noted: %s", error)


async def _fetch_start_limit(client: discord.Client) -> StartLimit:
    try:
        with faults.translated(), faults.understood():
            answer = await client.http.request(discord.http.Route("GET", "/gateway/bot"))
            limit = answer["session_start_limit"]
            return StartLimit(
                yarl.URL(answer["url"]),
                int(limit["total"]),
                int(limit["remaining"]),
                limit["reset_after"] / 1000,
                int(limit["max_concurrency"]),
            )
    except TransientError as error:
        if isinstance(error.__cause__, discord.HTTPException) and error.__cause__.status == 401:
            raise SettingsError(_ADVICE[4004]) from error
        raise


class GatewayLine:
    """Holds one client on the gateway until the client is closed."""

    def __init__(self, client: discord.Client, starts: Starts, *, connect_seconds: float) -> None:
        self._client = client
        self._starts = starts
        self._connect_seconds = connect_seconds
        self._session: Session | None = None
        self._failures = 0  # in a row
        self._began: float | None = None  # when the connection became a session
        self._lost_at: float | None = None
        self._is_told = False  # that it is lost

    async def hold(self) -> None:
        """Stay connected.

        Raises:
            UsageError: Discord refuses for good; says what to do.
        """
        while not self._client.is_closed():
            lost = await self._listen_until_lost()
            if not self._client.is_closed():
                await self._put_off(lost)

    async def _listen_until_lost(self) -> LostError:
        self._began = None
        try:
            return await self._listen()
        except LostError as lost:
            return lost
        except TimeoutError:
            await self._hang_up(4000)  # the session may be resumed
            return self._unanswered()
        except asyncio.CancelledError:
            await self._hang_up(1000)  # so that nobody is shown as there who is not
            raise
        except (OSError, aiohttp.ClientError) as error:
            # The address to resume at may be gone: then the general one is asked.
            session = replace(self._session, gateway=None) if self._session else None
            return LostError(f"it is out of reach: {error or repr(error)}", session=session)
        except DocbotError as error:
            if not isinstance(error, TransientError):
                raise
            return LostError(str(error), session=None, seconds=error.retry_after or 0.0)

    async def _listen(self) -> LostError:
        session = self._session
        if session is None:
            how: dict[str, Any] = {"gateway": await self._starts.turn(self._client)}
        else:
            known = {"session": session.id, "sequence": session.sequence}
            how = {"resume": True, "gateway": session.gateway, **known}
        async with asyncio.timeout(self._connect_seconds) as limit:
            socket = await GatewaySocket.from_client(self._client, **how)
            self._client.ws = socket
            answer = socket.wait_for("RESUMED" if session else "READY", lambda _: True)
            while True:
                await socket.poll_event()
                if answer.done():
                    self._arrive(resumed=session is not None)
                    silent = socket.seconds_allowed() - socket.seconds_unacknowledged()
                    limit.reschedule(asyncio.get_running_loop().time() + silent)

    def _arrive(self, *, resumed: bool) -> None:
        if self._began is not None:
            return
        self._began = monotonic()
        if self._lost_at is not None and self._is_told:
            what = "the session was resumed" if resumed else "with a new session"
            log.info(
                "back on Discord's gateway after %.0f s, %s", self._began - self._lost_at, what
            )
        self._is_told = False

    async def _hang_up(self, code: int) -> None:
        if isinstance(self._client.ws, GatewaySocket):
            await self._client.ws.close(code)

    def _unanswered(self) -> LostError:
        if self._began is not None and isinstance(self._client.ws, GatewaySocket):
            return LostError(
                "no heartbeat was acknowledged any more", session=self._client.ws.session()
            )
        session = self._session  # it may hang at that address, or with that session
        if session is not None:
            session = replace(session, gateway=None) if session.gateway else None
        return LostError(f"no answer within {self._connect_seconds:.0f} s", session=session)

    async def _put_off(self, lost: LostError) -> None:
        now = monotonic()
        if self._began is not None:
            self._lost_at = now
        was_steady = self._began is not None and now - self._began > _STEADY_SECONDS
        self._failures = 1 if was_steady else self._failures + 1
        self._session = lost.session
        # The first time at once: Discord moves its bots about several times a day.
        seconds = max(pause(self._failures - 1) if self._failures > 1 else 0.0, lost.seconds)
        self._tell(lost, seconds)
        await asyncio.sleep(seconds)

    def _tell(self, lost: LostError, seconds: float) -> None:
        if not is_worth_a_line(self._failures):
            return
        self._is_told = True
        log.log(
            logging.INFO if self._failures == 1 else logging.WARNING,
            "not on Discord's gateway: %s; %s in %.0f s (failures in a row: %d)",
            lost,
            "resuming" if lost.session else "a new session",
            seconds,
            self._failures,
        )
