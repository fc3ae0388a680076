"""What strikes at Discord's side and at the model's, each by its name in the schedule."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

from docbot.playground.faults import ANY, SEND_MESSAGE, Faults, RestFault
from tests.model_server import Fault, Hang, Html, ModelServer, Reset, Status

_OUTAGE_SECONDS = 2.0
_SILENCE_SECONDS = 70.0  # longer than docbot waits for a model
_RESUMABLE = (4000, 4001, 4002, 4003, 4005, 4008, 1001)
_FORGOTTEN = (4007, 4009)


class Troubles:
    """Each strikes once; what else there is to choose is drawn."""

    def __init__(self, faults: Faults, model: ModelServer) -> None:
        self._faults = faults
        self._model = model

    async def strike(self, name: str, draw: random.Random) -> None:
        await _BY_NAME[name](self, draw)

    async def reset(self, draw: random.Random, *, after_effect: bool) -> None:
        times = draw.randint(1, 3)
        await self._for_a_while(
            self._faults.reset(
                method="POST", path=SEND_MESSAGE, times=times, after_effect=after_effect
            )
        )

    async def rate_limit(self, draw: random.Random, *, everywhere: bool) -> None:
        path, seconds = (ANY if everywhere else SEND_MESSAGE), draw.uniform(0.3, 2)
        await self._for_a_while(
            self._faults.rate_limit(
                seconds, method="POST", path=path, times=1, everywhere=everywhere
            )
        )

    async def cloudflare(self, draw: random.Random) -> None:
        status = draw.choice((429, 403))
        await self._for_a_while(self._faults.cloudflare(status, method="POST", path=SEND_MESSAGE))

    async def server_error(self, draw: random.Random, *, after_effect: bool) -> None:
        path = SEND_MESSAGE if after_effect else ANY
        status = draw.choice((500, 502, 503, 504))
        times = draw.randint(1, 8)
        await self._for_a_while(
            self._faults.answer(status, path=path, times=times, after_effect=after_effect)
        )

    async def slow(self, draw: random.Random) -> None:
        after, seconds = draw.random() < 0.5, draw.uniform(0.2, 1.5)
        times = draw.randint(2, 8)
        await self._for_a_while(self._faults.delay(seconds, times=times, after_effect=after))

    async def _for_a_while(self, fault: RestFault) -> None:
        """An outage lasts some time, however few requests it meets."""
        await asyncio.sleep(_OUTAGE_SECONDS)
        fault.times = 0

    async def close_gateway(self, draw: random.Random, codes: Sequence[int | None]) -> None:
        code = draw.choice(codes)
        self._faults.drop_gateway(resumable=code not in _FORGOTTEN, code=code)

    async def invalidate(self, _: random.Random, *, resumable: bool) -> None:
        self._faults.invalidate_session(resumable=resumable)

    async def ask_to_reconnect(self, _: random.Random) -> None:
        self._faults.ask_to_reconnect()

    async def double_events(self, draw: random.Random) -> None:
        self._faults.duplicate_events(r"(MESSAGE|THREAD)_.*", times=draw.randint(5, 20))

    async def reverse_events(self, draw: random.Random) -> None:
        held = self._faults.hold_events(r"(MESSAGE|THREAD)_CREATE")
        await asyncio.sleep(draw.uniform(0.05, 0.3))
        held.release(reverse=True)

    async def model_fails(self, draw: random.Random, faults: Sequence[Fault]) -> None:
        self._model.fail(draw.choice(faults), draw.randint(1, 2))

    async def model_is_silent(self, _: random.Random) -> None:
        self._model.fail(Hang(_SILENCE_SECONDS))


_Trouble = Callable[[Troubles, random.Random], Awaitable[None]]
_BY_NAME: Mapping[str, _Trouble] = {
    "reset before the effect": lambda t, d: t.reset(d, after_effect=False),
    "reset after the effect": lambda t, d: t.reset(d, after_effect=True),
    "429 of a route": lambda t, d: t.rate_limit(d, everywhere=False),
    "429 of all routes": lambda t, d: t.rate_limit(d, everywhere=True),
    "429 of Cloudflare's": Troubles.cloudflare,
    "5xx before the effect": lambda t, d: t.server_error(d, after_effect=False),
    "5xx after the effect": lambda t, d: t.server_error(d, after_effect=True),
    "slow REST": Troubles.slow,
    "gateway closed, resumable": lambda t, d: t.close_gateway(d, _RESUMABLE),
    "gateway closed, session forgotten": lambda t, d: t.close_gateway(d, _FORGOTTEN),
    "gateway's connection cut": lambda t, d: t.close_gateway(d, (None,)),
    "gateway asks to reconnect": Troubles.ask_to_reconnect,
    "session invalid, resumable": lambda t, d: t.invalidate(d, resumable=True),
    "session invalid, to identify anew": lambda t, d: t.invalidate(d, resumable=False),
    "events doubled": Troubles.double_events,
    "events reversed": Troubles.reverse_events,
    "model slow": lambda t, d: t.model_fails(d, [Hang(d.uniform(0.3, 3))]),
    "model silent": Troubles.model_is_silent,
    "model cut off": lambda t, d: t.model_fails(d, [Reset()]),
    "model answers an error": lambda t, d: t.model_fails(
        d, [Status(500), Status(503), Status(429, headers={"Retry-After": "1"})]
    ),
    "model answers garbage": lambda t, d: t.model_fails(d, [Html(), Html(502)]),
}
