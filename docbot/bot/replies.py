"""The replier: says to who called docbot by a command what was written down for them.

The first message of a reply takes the place of "thinking ..." by an edit, so trying it again says
nothing twice. The others are follow-ups, and Discord knows no nonce for those: one whose outcome is
unknown, because docbot died or the connection broke in the midst of it, is sent again and may then
stand there twice. What counts as sent is noted after each.

Discord takes replies for a quarter of an hour. What is not said by then to a call that everyone sees
is said in its channel, by the outbox; that may repeat a message whose outcome was unknown. A private
one has no other way, and its question fails.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from docbot import texts
from docbot.answers.sanitise import plain
from docbot.answers.split import LIMIT, length
from docbot.bot import faults
from docbot.bot.attached import attached
from docbot.bot.pace import LONGEST_RATE_LIMIT
from docbot.db.errors import translated
from docbot.db.interactions import Interactions, Reply
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Questions
from docbot.errors import DocbotError, GoneError, TransientError
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.retry import is_worth_a_line, pause
from docbot.text import shortened

log = logging.getLogger(__name__)

# Discord takes replies for 15 minutes from the call on; what is begun in the last one may be late.
REPLY_SECONDS = 14 * 60.0
# The acknowledgement of a call may still be on its way, and without it there is nothing to edit.
_ACKNOWLEDGED_SECONDS = 5.0
_NOT_ACKNOWLEDGED = 10015
_TOKEN_ENDED = {_NOT_ACKNOWLEDGED, 10062, 50027}

_LATE = "Discord takes replies to a command for 15 minutes, and they are over"

_QUESTION_CHARACTERS = 200

Step: TypeAlias = Literal["send", "show", "hand over", "wait", "give up", "end"]


class _TokenEndedError(GoneError):
    """Discord takes no reply by this token any more, or never did."""


class Replier(ClaimLoop):
    """Replies to calls that are due: there is something to say, or their time is over."""

    def __init__(
        self,
        *,
        client: discord.Client,
        pool: Pool,
        interactions: Interactions,
        questions: Questions,
        outbox: Outbox,
        epoch: int,
        number: int,
        wake: Wake,
        idle_seconds: float,
        wake_worker: Callable[[], None],
        wake_drain: Callable[[], None],
        send_seconds: float,
    ) -> None:
        super().__init__(wake=wake, idle_seconds=idle_seconds)
        self._client = client
        self._pool = pool
        self._interactions = interactions
        self._questions = questions
        self._outbox = outbox
        self._epoch = epoch
        self._number = number
        self._wake_worker = wake_worker
        self._wake_drain = wake_drain
        self._send_seconds = send_seconds

    async def take_one(self) -> bool:
        reply = await self._interactions.claim_next(self._epoch, self._number)
        if reply is None:
            return False
        self._wake.set()
        await self._see_through(reply)
        self._wake.set()  # a later call of this person may be replied to now
        return True

    async def put_back(self) -> None:
        await self._interactions.put_back(self._epoch, self._number)

    async def seconds_to_next(self) -> float | None:
        return await self._interactions.seconds_to_next()

    async def _see_through(self, reply: Reply) -> None:
        try:
            await self._take(next_step(reply), reply)
        except _TokenEndedError:
            await self._take(step_without_token(reply), reply)
        except TransientError as error:
            await self._put_off(reply, error)
        except GoneError as error:
            await self._end(reply, "cancelled", str(error))
        except Exception as error:
            if not isinstance(error, DocbotError):
                log.exception("the call %d broke its replier", reply.id)
            await self._refused(reply, str(error) or repr(error))

    async def _take(self, step: Step, reply: Reply) -> None:
        match step:
            case "send":
                await self._send_parts(reply, reply.parts or ())
            case "show":
                await self._edit_original(reply, {"content": reply.note})
                await self._interactions.mark_shown(reply, self._epoch)
            case "hand over":
                await self._hand_over(reply, reply.parts or ())
            case "wait":
                await self._interactions.wait_without_token(reply, self._epoch)
            case "give up":
                await self._end(reply, "failed", _LATE)
            case "end":
                await self._end(reply, "cancelled", "nothing was left to say")

    async def _send_parts(self, reply: Reply, parts: Sequence[dict[str, Any]]) -> None:
        for number in range(reply.parts_sent, len(parts)):
            if number == 0:
                await self._edit_original(reply, parts[0])
            else:
                await self._follow_up(reply, parts[number])
            if not await self._note_sent(reply, number + 1, is_last=number + 1 == len(parts)):
                return

    async def _note_sent(self, reply: Reply, parts_sent: int, *, is_last: bool) -> bool:
        """Return False when the claim is no longer ours."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._questions.lock(conn, reply.question_id)
                ours = await self._interactions.mark_sent(conn, reply, self._epoch, parts_sent)
                if ours and parts_sent == 1 and reply.answer_id is not None:
                    await self._questions.end_posted(conn, reply.answer_id, "answered", None)
                if ours and is_last:
                    await self._interactions.end(conn, reply, self._epoch)
        if parts_sent == 1:
            self._wake_worker()  # the next question of this conversation may go now
        return ours

    async def _edit_original(self, reply: Reply, part: dict[str, Any]) -> None:
        edit = async_context.get().edit_original_interaction_response
        # What is attached is named anew, so that it takes the place of what is there.
        with handle_message_parameters(
            part["content"],
            attachments=attached(part),
            flags=discord.MessageFlags(suppress_embeds=True),
            allowed_mentions=discord.AllowedMentions.none(),
        ) as body:
            await self._answered(
                reply, edit(self._own_id, **self._by_token(reply), **body._asdict())
            )

    async def _follow_up(self, reply: Reply, part: dict[str, Any]) -> None:
        post = async_context.get().execute_webhook
        with handle_message_parameters(
            part["content"],
            files=attached(part),
            flags=discord.MessageFlags(suppress_embeds=True, ephemeral=reply.kind == "private"),
            allowed_mentions=discord.AllowedMentions.none(),
        ) as body:
            await self._answered(
                reply, post(self._own_id, **self._by_token(reply), **body._asdict(), wait=True)
            )

    @property
    def _own_id(self) -> int:
        return self._client.application_id or 0

    def _by_token(self, reply: Reply) -> dict[str, Any]:
        """What discord.py sends a reply with."""
        own = discord.Webhook.partial(self._own_id, reply.token or "", client=self._client)
        return {"token": own.token, "session": own.session, "proxy": own.proxy}

    async def _answered(self, reply: Reply, request: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._send_seconds):
                with faults.translated(), faults.understood(), _token_checked(reply):
                    await request
        except TimeoutError as error:
            raise TransientError(
                f"Discord let the reply wait for {self._send_seconds:.0f} s",
                # What it waited for may be a pause that Discord asked for.
                retry_after=LONGEST_RATE_LIMIT,
            ) from error

    async def _hand_over(self, reply: Reply, parts: Sequence[dict[str, Any]]) -> None:
        """Let the outbox say in the channel what was not said, and to whose question."""
        head = head_of(reply.person_id, reply.question)
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                sent = await self._interactions.end(conn, reply, self._epoch)
                if sent is None:
                    return
                for part, message in enumerate(headed(head, parts[sent:]), start=sent + 1):
                    await self._write_down(conn, reply, message, part)
        self._wake_drain()

    async def _write_down(
        self, conn: Conn, reply: Reply, message: dict[str, Any], part: int
    ) -> None:
        await self._outbox.add(
            conn,
            guild_id=reply.guild_id,
            channel_id=reply.channel_id,
            payload={**message, "reply_to": None, "vote_on": None, "after": reply.id},
            answer_id=reply.answer_id,
            part=part,
        )

    async def _refused(self, reply: Reply, reason: str) -> None:
        """What Discord does not take as a reply, it may take as a message, or say again why not."""
        if reply.parts is None:  # no more than a line that asks for patience
            log.warning("call %d is not told to wait: %s", reply.id, reason)
            await self._interactions.mark_shown(reply, self._epoch)
        elif reply.kind == "chat":
            log.warning("the reply to call %d goes to its channel instead: %s", reply.id, reason)
            await self._hand_over(reply, reply.parts)
        else:
            await self._end(reply, "failed", reason)

    async def _put_off(self, reply: Reply, error: TransientError) -> None:
        seconds = pause(reply.attempt, retry_after=error.retry_after)
        level = logging.WARNING if is_worth_a_line(reply.attempt) else logging.DEBUG
        log.log(level, "the reply to call %d waits %.0f s: %s", reply.id, seconds, error)
        await self._interactions.put_off(reply, self._epoch, seconds)

    async def _end(self, reply: Reply, state: str, reason: str) -> None:
        # What was deleted needs nobody to act.
        level = logging.INFO if state == "cancelled" else logging.ERROR
        what = f"the reply to call {reply.id} (question {reply.question_id})"
        log.log(level, "%s is %s: %s", what, state, reason)
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._interactions.end_question(conn, reply, self._epoch, state, reason)
                await self._interactions.end(conn, reply, self._epoch)
        self._wake_worker()


def next_step(reply: Reply) -> Step:
    """Tell what is to be done about a call that is due."""
    if reply.token is None or reply.is_expired:
        return step_without_token(reply)
    if reply.parts is not None:
        return "send"
    if reply.is_over:
        return "end"
    return "show" if reply.note is not None else "wait"


def step_without_token(reply: Reply) -> Step:
    """Tell what is to be done about a call whose token is of no use any more."""
    if reply.kind == "private":
        return "give up"
    if reply.parts is not None:
        return "hand over"
    return "end" if reply.is_over else "wait"


def head_of(person_id: int, question: str) -> str:
    """Say whose question is answered; who asked is named and not pinged."""
    return texts.asked_by(f"<@{person_id}>", plain(shortened(question, _QUESTION_CHARACTERS)))


def headed(head: str, parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the head above the first message, or before it where both do not fit into one."""
    first, *others = parts
    joined = f"{head}\n\n{first['content']}"
    if length(joined) <= LIMIT:
        return [{**first, "content": joined}, *others]
    return [{"content": head}, *parts]


@contextmanager
def _token_checked(reply: Reply) -> Iterator[None]:
    """Tell what Discord has against the token from what it has against the message."""
    try:
        yield
    except discord.HTTPException as error:
        if error.code == _NOT_ACKNOWLEDGED and reply.age < _ACKNOWLEDGED_SECONDS:
            raise TransientError(str(faults.classify(error))) from error
        if error.code in _TOKEN_ENDED:
            raise _TokenEndedError(str(faults.classify(error))) from error
        raise
