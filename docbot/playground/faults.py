"""What can go wrong with Discord, to be asked for by name and number.

Each fault is a rule for the next requests or events that it matches, first
come first served; without rules nothing goes wrong.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, Protocol

from docbot.playground.objects import Payload
from docbot.playground.world import World

ANY = ".*"
SEND_MESSAGE = r"/channels/\d+/messages"
EDIT_CHANNEL = r"/channels/\d+"
CALLBACK = r"/interactions/\d+/[^/]+/callback"
FOLLOW_UP = r"/webhooks/\d+/[^/]+"


# What a success comes as: a page of HTML, or JSON that breaks off.
Garble = Literal["page", "cut"]


class Breakable(Protocol):
    """The connections that can be broken on purpose."""

    def fall_silent(self) -> None: ...
    def acknowledge(self, acknowledges: bool) -> None: ...
    def drop(self, *, code: int | None, forget: bool) -> None: ...
    def send_op(self, op: int, data: bool | None, *, forget: bool) -> None: ...
    def dispatch(self, name: str, payload: Payload) -> None: ...


class Hold:
    """Requests that wait in the middle until they are let go.

    `reached` is set when the first one has come; `release()` lets all go on and
    `drop()` breaks their connections instead.
    """

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.dropped = False
        self._open = asyncio.Event()

    def release(self) -> None:
        self._open.set()

    def drop(self) -> None:
        self.dropped = True
        self._open.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._open.wait()


@dataclass(slots=True)
class RestFault:
    """What happens to the next `times` requests of a method and path.

    `after_effect`: Discord did what was asked, and its answer is what goes wrong.
    """

    method: str
    path: re.Pattern[str]
    times: int
    after_effect: bool
    status: int | None = None  # None: the answer is the true one, if one comes
    code: int = 0
    message: str = ""
    retry_after: float | None = None
    scope: str = "user"  # of a 429: user, global or shared
    cloudflare: bool = False  # a page of HTML from before Discord, without `Via`
    garble: Garble | None = None  # the answer is a success that cannot be read
    reset: bool = False
    seconds: float = 0.0
    hold: Hold | None = None

    def matches(self, method: str, path: str) -> bool:
        return self.method in {ANY, method} and self.path.fullmatch(path) is not None


class Stage(Enum):
    """What a new connection of the bot waits for when its fault comes in place of it."""

    UPGRADE = auto()  # the answer to the websocket's handshake
    HELLO = auto()
    SESSION = auto()  # the answer to IDENTIFY or RESUME
    GUILDS = auto()  # the servers, after READY


@dataclass(slots=True)
class ConnectionFault:
    """What happens to the next `times` connections; one that does not end it leaves it waiting."""

    stage: Stage
    times: int
    ends: bool
    code: int | None  # None: broken without a word
    hold: Hold


class _Fate(Enum):
    LOST = auto()
    DOUBLED = auto()
    HELD = auto()


@dataclass(slots=True)
class _EventRule:
    name: re.Pattern[str]
    times: int
    fate: _Fate
    held: "HeldEvents | None" = None


class HeldEvents:
    """Events kept back from the bot until they are released, in order or reversed."""

    def __init__(self, dispatch: Callable[[str, Payload], None], end: Callable[[], None]) -> None:
        self.events: list[tuple[str, Payload]] = []
        self._dispatch = dispatch
        self._end = end

    def release(self, *, reverse: bool = False) -> None:
        self._end()
        events, self.events = self.events, []
        for name, payload in reversed(events) if reverse else events:
            self._dispatch(name, payload)


@dataclass(slots=True)
class Faults:
    """The faults in force; `taken` tells which requests met one."""

    world: World
    gateway: Breakable | None = None  # the gateway sets itself
    taken: list[str] = field(default_factory=list)
    _requests: list[RestFault] = field(default_factory=list)
    _events: list[_EventRule] = field(default_factory=list)
    _connections: list[ConnectionFault] = field(default_factory=list)

    # REST

    def answer(
        self,
        status: int,
        *,
        method: str = ANY,
        path: str = ANY,
        times: int = 1,
        code: int = 0,
        message: str = "",
        after_effect: bool = False,
    ) -> RestFault:
        """Answer with an error of Discord's; `code` is its own number (50013, 30046, ...)."""
        fault = RestFault(method, re.compile(path), times, after_effect, status, code, message)
        return self._add(fault)

    def rate_limit(
        self,
        retry_after: float,
        *,
        method: str = ANY,
        path: str = ANY,
        times: int = 1,
        everywhere: bool = False,
        shared: bool = False,
    ) -> RestFault:
        """Answer 429 before the effect.

        `everywhere`: the global limit is meant; `shared`: one that other bots used up.
        """
        fault = RestFault(method, re.compile(path), times, after_effect=False, status=429)
        fault.retry_after = retry_after
        fault.scope = "global" if everywhere else "shared" if shared else "user"
        return self._add(fault)

    def cloudflare(
        self,
        status: int = 429,
        *,
        method: str = ANY,
        path: str = ANY,
        times: int = 1,
        retry_after: float | None = None,
    ) -> RestFault:
        """Answer with a page of HTML, as what stands before Discord does in trouble."""
        fault = RestFault(method, re.compile(path), times, after_effect=False, status=status)
        fault.cloudflare = True
        fault.retry_after = retry_after
        return self._add(fault)

    def garble(
        self,
        garble: Garble,
        *,
        method: str = ANY,
        path: str = ANY,
        times: int = 1,
        after_effect: bool = True,
    ) -> RestFault:
        """Answer 200 with what cannot be read, as a proxy may."""
        fault = RestFault(method, re.compile(path), times, after_effect, status=200)
        fault.garble = garble
        return self._add(fault)

    def reset(
        self, *, method: str = ANY, path: str = ANY, times: int = 1, after_effect: bool = False
    ) -> RestFault:
        """Break the connection without an answer."""
        fault = RestFault(method, re.compile(path), times, after_effect)
        fault.reset = True
        return self._add(fault)

    def delay(
        self,
        seconds: float,
        *,
        method: str = ANY,
        path: str = ANY,
        times: int = 1,
        after_effect: bool = False,
    ) -> RestFault:
        fault = RestFault(method, re.compile(path), times, after_effect)
        fault.seconds = seconds
        return self._add(fault)

    def hold(
        self, *, method: str = ANY, path: str = ANY, times: int = 1, after_effect: bool = False
    ) -> Hold:
        """Keep requests waiting before or after their effect, until the result lets them go."""
        fault = RestFault(method, re.compile(path), times, after_effect)
        fault.hold = Hold()
        self._add(fault)
        return fault.hold

    def take(self, method: str, path: str) -> RestFault | None:
        """Use up one turn of the first fault that matches a request."""
        for fault in self._requests:
            if fault.times > 0 and fault.matches(method, path):
                fault.times -= 1
                self.taken.append(f"{method} {path}")
                return fault
        return None

    def clear(self) -> None:
        """End all faults; who is held goes on, what is held is sent."""
        for fault in self._requests:
            if fault.hold:
                fault.hold.release()
        for rule in tuple(self._events):
            if rule.held:
                rule.held.release()
        for stalled in self._connections:
            stalled.hold.release()
        if self.gateway is not None:
            self.gateway.acknowledge(True)
        self._requests.clear()
        self._events.clear()
        self._connections.clear()
        self.world.release_first_messages()

    def _add(self, fault: RestFault) -> RestFault:
        self._requests = [one for one in self._requests if one.times > 0 or one.hold]
        self._requests.append(fault)
        return fault

    # Gateway

    def drop_gateway(self, *, resumable: bool = True, code: int | None = 4000) -> None:
        """Close the bot's connection; `code` None breaks it without a word.

        `resumable` False forgets the session too, so that RESUME is refused.
        """
        self._broken().drop(code=code, forget=not resumable)

    def ask_to_reconnect(self) -> None:
        """Send op 7: the bot shall come back and resume."""
        self._broken().send_op(7, None, forget=False)

    def invalidate_session(self, *, resumable: bool) -> None:
        """Send op 9: the bot shall resume, or identify anew."""
        self._broken().send_op(9, resumable, forget=not resumable)

    def end_connections(self, stage: Stage, *, code: int | None = None, times: int = 1) -> None:
        """Close the next connections at a stage; `code` None breaks them without a word.

        At UPGRADE the code is an HTTP status; a handshake that breaks is repeated by aiohttp once.
        """
        fault = ConnectionFault(stage, times, True, code, Hold())
        fault.hold.release()
        self._connections.append(fault)

    def stall_connections(self, stage: Stage, *, times: int = 1) -> None:
        """Leave the next connections waiting at a stage, for as long as they wait."""
        self._connections.append(ConnectionFault(stage, times, False, None, Hold()))

    def withhold_acks(self) -> None:
        """Acknowledge no heartbeat any more; all else goes on."""
        self._broken().acknowledge(False)

    def fall_silent(self) -> None:
        """Leave the bot's connection half open: nothing comes, nothing is taken."""
        self._broken().fall_silent()

    def meet(self, stage: Stage) -> ConnectionFault | None:
        """Use up one turn of the first fault of a new connection at this stage."""
        for fault in self._connections:
            if fault.times > 0 and fault.stage is stage:
                fault.times -= 1
                return fault
        return None

    def lose_events(self, name: str, *, times: int = 1) -> None:
        """Never send the next events of a name (a regular expression)."""
        self._events.append(_EventRule(re.compile(name), times, _Fate.LOST))

    def duplicate_events(self, name: str, *, times: int = 1) -> None:
        self._events.append(_EventRule(re.compile(name), times, _Fate.DOUBLED))

    def hold_events(self, name: str, *, times: int = 1_000_000) -> HeldEvents:
        """Keep events back until the result releases them."""
        rule = _EventRule(re.compile(name), times, _Fate.HELD)
        rule.held = HeldEvents(self._broken().dispatch, lambda: self._end(rule))
        self._events.append(rule)
        return rule.held

    def hold_first_messages(self) -> None:
        """Let new posts come without their first message, until `release_first_messages`."""
        self.world.hold_first_messages = True

    def release_first_messages(self) -> None:
        self.world.release_first_messages()

    def pass_event(self, name: str, payload: Payload) -> int:
        """Say how often an event is sent now: 0 (lost or held), 1 or 2."""
        for rule in self._events:
            if rule.times > 0 and rule.name.fullmatch(name):
                rule.times -= 1
                if rule.held is not None:
                    rule.held.events.append((name, payload))
                return 2 if rule.fate is _Fate.DOUBLED else 0
        return 1

    def _end(self, rule: _EventRule) -> None:
        if rule in self._events:
            self._events.remove(rule)

    def _broken(self) -> Breakable:
        if self.gateway is None:
            raise LookupError(
                "no gateway stands behind these faults yet: open the playground first"
            )
        return self.gateway
