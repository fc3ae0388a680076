"""Hears what other processes changed, on a connection of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from docbot.db.errors import translated
from docbot.db.pool import Connection, Database
from docbot.errors import DocbotError, TransientError

log = logging.getLogger(__name__)

INDEX_CHANGED = "docbot_index"
SETTINGS_CHANGED = "docbot_settings"
WORK_ADDED = "docbot_work"
LEARNED = "docbot_learned"
# Executed in the transaction of a change: running processes take it in at once.
TELL_OF_SETTINGS = "SELECT pg_notify('docbot_settings', '')"

_POLL_SECONDS = 30.0  # the net beneath: NOTIFY is lost while the connection is
_RECONNECT_SECONDS = 1.0


class Listener:
    """Calls each channel's callback after a NOTIFY, after a reconnect, and now and then."""

    def __init__(
        self, database: Database, callbacks: Mapping[str, Callable[[], Awaitable[object]]]
    ) -> None:
        self._database = database
        self._callbacks = callbacks
        self._heard: set[str] = set()
        self._wake = asyncio.Event()
        self._lost = False
        self._is_told = False  # that it cannot hear

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except TransientError as error:
                if not self._is_told:
                    log.warning("cannot hear of changes by other processes: %s", error)
                self._is_told = True
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        conn = await self._database.connect()
        try:
            await self._subscribe(conn)
            while not self._lost:
                await self._call_back()
                await self._rest()
        finally:
            conn.terminate()

    async def _subscribe(self, conn: Connection) -> None:
        self._lost = False
        conn.add_termination_listener(self._on_termination)
        with translated():
            for channel in self._callbacks:
                await conn.add_listener(channel, self._on_notify)
        self._heard.update(self._callbacks)
        self._is_told = False

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            self._heard.update(self._callbacks)

    async def _call_back(self) -> None:
        self._wake.clear()
        heard, self._heard = self._heard, set()
        for channel in sorted(heard):
            try:
                await self._callbacks[channel]()
            except DocbotError as error:
                log.error("a change told on %s was not taken in: %s", channel, error)

    def _on_notify(self, _conn: object, _pid: int, channel: str, _payload: object) -> None:
        self._heard.add(channel)
        self._wake.set()

    def _on_termination(self, _conn: object) -> None:
        self._lost = True
        self._wake.set()
