"""A chat model that is called within limits, and left alone while its endpoint is down.

Promises: no more calls at once and within a minute than allowed, first come, first served; a
pause that the endpoint asks for is kept by all; after some failures in a row nothing is called,
and whoever asks is told so at once, until a call that is let through now and then goes well. The
operator hears once of each: a pause, an endpoint that is down, one that refuses us, and the end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from docbot.answers.generate import ChatModel, OnText
from docbot.answers.prompt import ChatMessage
from docbot.answers.reply import Completion
from docbot.breaker import Breaker
from docbot.errors import (
    BusyError,
    DocbotError,
    DownError,
    GarbledError,
    RefusedError,
    TransientError,
)
from docbot.pace import Pace

log = logging.getLogger(__name__)

# Who would wait longer for the end of a pause lets go of what else could be done meanwhile.
_LONGEST_WAIT = 5.0  # seconds


class GuardedModel:
    """`model` within limits; safe to share between tasks."""

    def __init__(
        self,
        model: ChatModel,
        *,
        at_once: int,
        pace: Pace,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = model.name
        self._model = model
        self._slots = asyncio.Semaphore(at_once)
        self._pace = pace
        self._breaker = breaker or Breaker(clock=clock)
        self._clock = clock
        self._sleep = sleep
        self._paused_until = 0.0
        self._failure: DocbotError | None = None  # the last one, of an endpoint that is down
        self._refusal: str | None = None  # the one that the operator was told

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        """Give the model's reply; see `ChatModel`.

        Raises:
            DownError: the endpoint failed several times in a row, this time included.
            BusyError: it asked for a pause that is not over; nothing was asked of it.
            DocbotError: as the model itself.
        """
        is_trial = self._breaker.is_open
        self._refuse_in_pause()
        if not self._breaker.allows():
            raise self._down()
        async with self._slots:
            await self._pace.turn()
            # What was so before the wait need not be so after it.
            if self._breaker.is_open and not is_trial:
                raise self._down()
            self._refuse_in_pause()
            await self._sleep(max(0.0, self._paused_until - self._clock()))
            return await self._call(messages, on_text)

    async def _call(self, messages: Sequence[ChatMessage], on_text: OnText | None) -> Completion:
        try:
            completion = await self._model.complete(messages, on_text)
        except BusyError as error:
            self._note_pause(error)
            if self._breaker.is_open:
                raise self._down() from error
            raise
        except (TransientError, GarbledError) as error:
            self._note_failure(error)
            if self._breaker.is_open:
                raise self._down() from error
            raise
        except RefusedError as error:
            self._note_refusal(error)
            raise
        except DocbotError:  # a fault of this one request: the endpoint is up
            self._note_reply()
            raise
        self._note_reply()
        return completion

    def _refuse_in_pause(self) -> None:
        left = self._paused_until - self._clock()
        if left > _LONGEST_WAIT:
            if self._breaker.is_open:  # who might try it waits no longer than the others
                raise self._down()
            raise BusyError(
                f"model {self.name}: its endpoint is at its rate limit and asked for a pause,"
                f" which ends in {left:.0f} s",
                retry_after=left,
            )

    def _down(self) -> DownError:
        return DownError(f"failed several times in a row and is left alone: {self._failure}")

    def _note_pause(self, error: TransientError) -> None:
        if error.retry_after is None:
            return
        if self._paused_until <= self._clock():
            log.warning("no question is put to the model for %.0f s: %s", error.retry_after, error)
        self._paused_until = max(self._paused_until, self._clock() + error.retry_after)

    def _note_failure(self, error: TransientError | GarbledError) -> None:
        self._failure = error
        if isinstance(error, TransientError):
            self._note_pause(error)
        if self._breaker.failed():
            log.warning("passages are quoted until the model answers again: %s", error)

    def _note_refusal(self, error: RefusedError) -> None:
        if self._breaker.succeeded():
            log.info("model %s can be reached again", self.name)
        if str(error) != self._refusal:
            log.warning("passages are quoted until the model takes questions: %s", error)
        self._refusal = str(error)

    def _note_reply(self) -> None:
        was_down = self._breaker.succeeded()
        if was_down or self._refusal is not None:
            log.info("model %s answers again", self.name)
        self._refusal = None
