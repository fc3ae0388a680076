"""The outbox drain: sends what was written down, each message once.

A send whose outcome is unknown is repeated with the row's nonce, which Discord honours for a few
minutes; later the channel's history tells whether the message is there.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import discord

from docbot import texts
from docbot.bot import faults
from docbot.bot.attached import attached, contents
from docbot.bot.deeds import Deeds
from docbot.bot.pace import LONGEST_RATE_LIMIT, confirming
from docbot.bot.refusals import HeldBackError, Refusals
from docbot.bot.set_up import STAFF_NEEDED
from docbot.bot.views import ANSWER_BUTTONS, plain_view
from docbot.bot.watch import Trouble, is_of_server, lacked_in, may_attach
from docbot.db.errors import translated
from docbot.db.outbox import Delivery, Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.questions import Questions
from docbot.errors import DocbotError, GoneError, PermanentError, RefusedError, TransientError
from docbot.forum.claims import ClaimLoop, Wake
from docbot.forum.conductor import Conductor
from docbot.forum.retry import REFUSALS, is_too_old, is_worth_a_line, pause
from docbot.telemetry import OnStep

log = logging.getLogger(__name__)

# Discord keeps a nonce for "a few minutes"; beyond this age it is not relied upon.
NONCE_SECONDS = 60.0
SEND_SECONDS = 60.0
# What takes longer mostly waits for its own channel's rate limit, which is no matter of the others.
_PATIENCE_SECONDS = 1.0
_MOST_IN_HAND = 32  # by one drain; more wait for one of them to end
# Messages after a question that are looked through for its answer; 50 requests.
_HISTORY_MESSAGES = 5_000
# What is answered so late may have been answered already by a docbot whose last writes were lost:
# this database was restored from a backup, or from a replica that was behind.
_LATE_SECONDS = 120.0


class OutboxDrain(ClaimLoop):
    """Delivers due rows; one that takes long is left to itself while the next are taken.

    discord.py waits for the rate limit of a channel within a call, up to 30 s.
    """

    def __init__(
        self,
        *,
        client: discord.Client,
        pool: Pool,
        outbox: Outbox,
        questions: Questions,
        epoch: int,
        number: int,
        wake: Wake,
        idle_seconds: float,
        wake_worker: Callable[[], None],
        conductor: Conductor,
        deeds: Deeds,
        trouble_in: Callable[[int | None], Trouble | None],
        refusals: Refusals,
        send_seconds: float,
        on_step: OnStep,
    ) -> None:
        super().__init__(wake=wake, idle_seconds=idle_seconds)
        self._wake_worker = wake_worker
        self._conductor = conductor
        self._deeds = deeds
        self._trouble_in = trouble_in
        self._refusals = refusals
        self._send_seconds = send_seconds
        self._client = client
        self._pool = pool
        self._outbox = outbox
        self._questions = questions
        self._epoch = epoch
        self._number = number
        self._on_step = on_step
        self._tasks = asyncio.TaskGroup()
        # The rows in hand by the tasks that deliver them.
        self._in_hand: dict[asyncio.Task[Exception | None], int] = {}

    async def run(self) -> None:
        async with self._tasks:
            await super().run()

    async def take_one(self) -> bool:
        if len(self._in_hand) >= _MOST_IN_HAND:
            await asyncio.wait(self._in_hand, return_when=asyncio.FIRST_COMPLETED)
        self._let_go_of_ended()
        delivery = await self._outbox.claim_next(self._epoch, self._number)
        if delivery is None:
            return False
        self._wake.set()
        self._on_step("row claimed")
        task = self._tasks.create_task(self._outcome(delivery), name=f"outbox row {delivery.id}")
        self._in_hand[task] = delivery.id
        # The more of them are slow, the sooner it goes on: they shall not add up for the others.
        patience = _PATIENCE_SECONDS / len(self._in_hand)
        if not (await asyncio.wait([task], timeout=patience))[0]:
            # The drains may rest by then: the next of its channel is due, or it is itself, later.
            task.add_done_callback(lambda _: self._wake.set())
        self._let_go_of_ended()
        return True

    async def put_back(self) -> None:
        in_hand = [row_id for task, row_id in self._in_hand.items() if not task.done()]
        await self._outbox.put_back(self._epoch, self._number, in_hand)

    async def _outcome(self, delivery: Delivery) -> Exception | None:
        """Deliver; give what failed as a value, since an error would end the whole group."""
        try:
            await self._deliver(delivery)
        except Exception as error:  # noqa: BLE001  # raised again by whoever looks at the outcome
            return error
        return None

    def _let_go_of_ended(self) -> None:
        """Forget deliveries that ended; raise what one of them could not see through."""
        failed: Exception | None = None
        for task in [task for task in self._in_hand if task.done()]:
            del self._in_hand[task]
            failed = task.result() or failed
        if failed is not None:
            raise failed

    async def seconds_to_next(self) -> float | None:
        return await self._outbox.seconds_to_next()

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            message_id = await self._settle(delivery)
        except HeldBackError as error:  # told already, once for all
            await self._put_off(delivery, error, logging.DEBUG)
        except TransientError as error:
            is_told = is_worth_a_line(delivery.attempt)
            await self._put_off(delivery, error, logging.WARNING if is_told else logging.DEBUG)
        except GoneError as error:
            await self._end(delivery, "dropped", str(error))
        except Exception as error:
            if not isinstance(error, DocbotError):
                log.exception("outbox row %d broke its drain", delivery.id)
            await self._end_refused(delivery, error)
        else:
            self._on_step("message sent")
            await self._end_sent(delivery, message_id)
            self._on_step("message recorded")

    async def _settle(self, delivery: Delivery) -> int | None:
        try:
            async with asyncio.timeout(self._send_seconds):
                with faults.translated():
                    if delivery.kind == "send":
                        return await self._send_or_find(delivery)
                    self._check_sight(delivery)
                    self._check_files(delivery)
                    await self._refuse_undone(delivery)
                    return await self._deeds.do(delivery)
        except TimeoutError as error:
            raise TransientError(
                f"Discord let the message wait for {self._send_seconds:.0f} s",
                # What it waited for may be a pause that Discord asked for.
                retry_after=LONGEST_RATE_LIMIT,
            ) from error

    async def _send_or_find(self, delivery: Delivery) -> int:
        """Send it; what cannot be sent any more may be there from a try whose answer was lost.

        Raises:
            GoneError: it is not there, and is not sent.
        """
        is_tried = delivery.attempt > 1
        try:
            if delivery.withdrawn is not None:
                raise GoneError(delivery.withdrawn)
            with faults.translated():
                self._check_forum(delivery)
                self._check_channel(delivery)
                await self._check_place(delivery)
                self._on_step("thread checked")
                found = await self._find_sent(delivery) if nonce_is_old(delivery) else None
                if found is None and replies_late(delivery, datetime.now(UTC)):
                    await self._refuse_answered(delivery)
                is_tried = True
                return found or await self._send_and_reopen(delivery)
        except GoneError:
            found = await self._find_if_visible(delivery) if is_tried else None
            if found is None:
                raise
            return found

    async def _send_and_reopen(self, delivery: Delivery) -> int:
        try:
            return await self._send(delivery)
        except discord.HTTPException as error:
            if error.code != faults.ARCHIVED:
                raise
        await self._reopen(delivery.channel_id)
        return await self._send(delivery)

    async def _find_if_visible(self, delivery: Delivery) -> int | None:
        """As `_find_sent`; None where docbot may not look, or nothing is left to look at."""
        if self._client.get_guild(delivery.guild_id) is None:
            return None
        try:
            with faults.translated():
                return await self._find_sent(delivery)
        except PermanentError:
            return None

    def _check_forum(self, delivery: Delivery) -> None:
        """Hold what cannot go out in any of the forum's threads, until the operator has acted."""
        if self._client.get_guild(delivery.guild_id) is None:
            raise GoneError("docbot is no longer in the server")
        self._refusals.check(delivery.forum_id)
        trouble = self._trouble_in(delivery.forum_id)
        if trouble is None:
            return
        if trouble.stops_sending or (trouble.stops_reading and needs_history(delivery)):
            raise HeldBackError(trouble.line)

    def _check_channel(self, delivery: Delivery) -> None:
        """Do not ask where docbot is known not to write, outside of the threads of its forums.

        Raises:
            HeldBackError: it is the channel of the staff, of which the watch has told.
            PermanentError: it is one that somebody called docbot in by a command.
        """
        lacks = self._lacked_in(delivery)
        if not lacks & {"view_channel", "send_messages"}:
            return
        names = ", ".join(name for right, name in STAFF_NEEDED.items() if right in lacks)
        where = f"docbot lacks {names} in channel {delivery.channel_id}"
        if "after" not in delivery.payload:
            raise HeldBackError(where)
        raise PermanentError(
            f"{where}, where /chat was called and is answered now that Discord takes no reply any "
            "more. Give it to docbot's role there, then: docbot questions retry ID"
        )

    def _check_sight(self, delivery: Delivery) -> None:
        """Hold what is to be changed where docbot sees nothing or is timed out; the watch has told."""
        trouble = self._trouble_in(delivery.forum_id)
        lacks = trouble.missing if trouble else self._lacked_in(delivery)
        if delivery.kind == "direct":
            return
        if trouble is not None and trouble.kind == "timeout":
            raise HeldBackError(trouble.line)
        if "view_channel" in lacks:
            raise HeldBackError("docbot lacks View Channels there")

    def _lacked_in(self, delivery: Delivery) -> set[str]:
        """What docbot lacks in a channel that is no thread of its forums, as far as is known."""
        if delivery.forum_id is not None:
            return set()
        return {*lacked_in(self._client.get_channel(delivery.channel_id))}

    def _check_files(self, delivery: Delivery) -> None:
        """Hold what was written with files while docbot may not attach any; the watch has told."""
        place = delivery.forum_id or delivery.channel_id
        if contents(delivery.payload) and may_attach(self._client, place) is False:
            raise HeldBackError(
                "docbot lacks Attach Files there, which it had when the answer was written"
            )

    async def _check_place(self, delivery: Delivery) -> None:
        channel: object = self._client.get_channel(delivery.channel_id)
        if channel is None:
            channel = await self._fetch(delivery.channel_id)
        if isinstance(channel, discord.Thread) and channel.locked:
            raise GoneError("the thread is locked")
        if not is_of_server(channel, delivery.guild_id):  # what was set for staff may be anything
            raise GoneError(f"{delivery.channel_id} is no channel of this server")

    async def _fetch(self, channel_id: int) -> object:
        with faults.understood():
            return await self._client.fetch_channel(channel_id)

    async def _reopen(self, channel_id: int) -> None:
        """A send opens an archived thread by itself, mostly; where it did not, it is asked for."""
        thread = await self._fetch(channel_id)
        if not isinstance(thread, discord.Thread) or thread.locked:
            raise GoneError("the thread is locked and archived")
        try:
            with faults.understood():
                await thread.edit(archived=False)
        except discord.Forbidden as error:
            why = faults.classify(error)
            raise GoneError(f"the thread is archived and docbot may not open it: {why}") from error

    async def _send(self, delivery: Delivery) -> int:
        self._check_files(delivery)
        payload = delivery.payload
        channel = self._client.get_partial_messageable(
            delivery.channel_id, guild_id=delivery.guild_id
        )
        parts = _optional_parts(delivery) | await self._buttons(delivery)
        with faults.understood(), confirming(partial(self._confirm, delivery)):
            sent = await channel.send(
                payload["content"],
                nonce=delivery.nonce,
                suppress_embeds=True,
                allowed_mentions=_may_ping(payload.get("ping")),
                files=attached(delivery.payload),
                **parts,
            )
        return sent.id

    async def _confirm(self, delivery: Delivery) -> None:
        """Look again right before it is sent: the wait for Discord's limits may have been long.

        Raises:
            GoneError: it must not be sent any more.
        """
        withdrawn = await self._outbox.withdrawn(delivery.id)
        if withdrawn is not None:
            raise GoneError(withdrawn)
        await self._refuse_undone(delivery)

    async def _refuse_undone(self, delivery: Delivery) -> None:
        """Raise GoneError for what nobody called for, where it does not fit any more."""
        deed = delivery.payload.get("unasked")
        if deed is None:
            return
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                why = await self._conductor.why_undone(
                    conn, delivery.channel_id, deed, delivery.payload.get("reply_to")
                )
        if why is not None:
            raise GoneError(why)

    async def _buttons(self, delivery: Delivery) -> dict[str, Any]:
        """The buttons of a message, as things stand by now."""
        answer_id = delivery.payload["vote_on"]
        if answer_id is not None:
            return {"view": await self._deeds.answer_view(answer_id, delivery.id)}
        buttons = delivery.payload.get("buttons")
        return {"view": plain_view(buttons, delivery.id)} if buttons else {}

    async def _find_sent(self, delivery: Delivery) -> int | None:
        """Look for the row's message among all that came after its question.

        No clock has a say in it: Discord's ids alone tell what came after what.
        """
        channel = self._client.get_partial_messageable(
            delivery.channel_id, guild_id=delivery.guild_id
        )
        after, seen = discord.Object(delivery.after_id), 0
        with faults.understood():
            async for message in channel.history(
                after=after, limit=_HISTORY_MESSAGES, oldest_first=True
            ):
                seen += 1
                if self._is_ours(message, delivery) and not await self._outbox.is_claimed(
                    message.id
                ):
                    return message.id
        if seen == _HISTORY_MESSAGES:
            raise PermanentError(
                f"whether it was sent before cannot be told: over {seen} messages came after the "
                "question. Look in the thread; it is not sent again"
            )
        return None

    async def _refuse_answered(self, delivery: Delivery) -> None:
        """Raise GoneError where a message that this database does not know says it already."""
        trouble = self._trouble_in(delivery.forum_id)
        if trouble is not None and trouble.stops_reading:
            return
        channel = self._client.get_partial_messageable(
            delivery.channel_id, guild_id=delivery.guild_id
        )
        question = discord.Object(delivery.payload["reply_to"])
        with faults.understood():
            async for message in channel.history(
                after=question, limit=_HISTORY_MESSAGES, oldest_first=True
            ):
                if not self._is_by_us(message) or not says_the_same(message, delivery):
                    continue
                if not await self._outbox.is_claimed(message.id):
                    raise GoneError(
                        f"message {message.id} answers it already; this database does not know of "
                        "it, as after a backup was restored"
                    )

    def _is_by_us(self, message: discord.Message) -> bool:
        return self._client.user is not None and message.author.id == self._client.user.id

    def _is_ours(self, message: discord.Message, delivery: Delivery) -> bool:
        if not self._is_by_us(message):
            return False
        ids = _custom_ids(message)
        if ids or delivery.payload["vote_on"] or delivery.payload.get("buttons"):
            return any(custom_id.endswith(f":{delivery.id}") for custom_id in ids)
        return _says_its_words(message, delivery)

    async def _end_sent(self, delivery: Delivery, message_id: int | None) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                ours = await self._outbox.mark_sent(conn, delivery, self._epoch, message_id)
                if ours and delivery.answer_id is not None and delivery.part == 1:
                    await self._questions.end_posted(conn, delivery.answer_id, "answered", None)
        self._wake_worker()  # the next question of this conversation may go now

    async def _end_refused(self, delivery: Delivery, error: Exception) -> None:
        reason = str(error) or repr(error)
        is_final = isinstance(error, PermanentError) and not isinstance(error, RefusedError)
        if is_final or delivery.refusals + 1 >= REFUSALS:
            await self._end(delivery, "dead", reason)
            return
        if isinstance(error, RefusedError) and delivery.forum_id is not None:
            self._refusals.refused_in(delivery.forum_id)
        seconds = pause(delivery.attempt)
        log.log(
            logging.DEBUG if delivery.refusals else logging.WARNING,  # its end is told again
            "outbox row %d for channel %d is refused, again in %.0f s: %s",
            delivery.id,
            delivery.channel_id,
            seconds,
            reason,
        )
        await self._outbox.put_off(delivery, self._epoch, seconds, reason, refused=True)

    async def _put_off(self, delivery: Delivery, error: TransientError, level: int) -> None:
        if is_too_old(delivery.counts_from):
            if delivery.withdrawn is not None:
                await self._end(delivery, "dropped", delivery.withdrawn)
            else:
                await self._end(delivery, "dead", f"given up after 6 hours: {error}")
            return
        seconds = pause(delivery.attempt, retry_after=error.retry_after)
        log.log(level, "outbox row %d waits %.0f s: %s", delivery.id, seconds, error)
        await self._outbox.put_off(delivery, self._epoch, seconds, str(error), refused=False)

    async def _end(self, delivery: Delivery, state: str, reason: str) -> None:
        draft_id = draft_shown_by(delivery)
        # What was deleted or locked needs nobody to act, save where staff is to decide on it.
        is_quiet = state == "dropped" and not asks_staff(delivery)
        level = logging.INFO if is_quiet else logging.ERROR
        where = f"outbox row {delivery.id} for channel {delivery.channel_id}"
        log.log(level, "%s is %s: %s", where, state, reason)
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await self._conductor.begin_in(conn, delivery.channel_id)
                ended = await self._outbox.end_unsent(conn, delivery, self._epoch, state, reason)
                if ended and delivery.answer_id is not None and delivery.part == 1:
                    await self._end_question(conn, delivery, delivery.answer_id, state, reason)
                elif ended and draft_id is not None:
                    await self._conductor.lose_draft(conn, draft_id, reason)
        self._wake_worker()

    async def _end_question(
        self, conn: Conn, delivery: Delivery, answer_id: int, state: str, reason: str
    ) -> None:
        if state == "dead":
            await self._questions.end_posted(conn, answer_id, "failed", reason)
        elif await self._questions.end_dropped(conn, answer_id, reason) == "yielded":
            await self._conductor.offer_draft(conn, answer_id, delivery.channel_id)


def draft_shown_by(delivery: Delivery) -> int | None:
    """The answer whose draft this message shows to staff."""
    match delivery.payload.get("buttons"):
        case ["draft", int(answer_id), *_]:
            return answer_id
    return None


def asks_staff(delivery: Delivery) -> bool:
    """Whether staff is to decide on what this message shows."""
    match delivery.payload.get("buttons"):
        case ["draft" | "learn", *_]:
            return True
    return False


def nonce_is_old(delivery: Delivery) -> bool:
    """Whether an earlier try of this row may lie beyond Discord's memory of its nonce."""
    return delivery.attempt > 1 and delivery.tried_for > NONCE_SECONDS


def replies_late(delivery: Delivery, now: datetime) -> bool:
    """Whether it is the first message of a reply to what was written a good while ago."""
    reply_to = delivery.payload["reply_to"]
    if reply_to is None or delivery.part != 1:
        return False
    return (now - discord.utils.snowflake_time(reply_to)).total_seconds() > _LATE_SECONDS


def says_the_same(message: discord.Message, delivery: Delivery) -> bool:
    """Whether a message of ours is a reply to the same message, and of the same kind."""
    reply_to, reference = delivery.payload["reply_to"], message.reference
    told = reference.message_id if reference else delivery.channel_id  # a post's own head
    if told != reply_to:
        return False
    if _says_its_words(message, delivery):
        return True
    if delivery.answer_id is None:
        return False
    if reference is None:  # as all that docbot says in a thread by itself
        return any(custom_id.startswith(ANSWER_BUTTONS) for custom_id in _custom_ids(message))
    return message.content not in (texts.later(), texts.cannot_answer())


def _says_its_words(message: discord.Message, delivery: Delivery) -> bool:
    # Discord cuts blanks off both ends.
    is_same_text = message.content.strip() == delivery.payload["content"].strip()
    there = [(file.filename, file.size) for file in message.attachments]
    return is_same_text and there == [
        (name, len(content)) for name, content in contents(delivery.payload)
    ]


def needs_history(delivery: Delivery) -> bool:
    """Whether it replies to a message, or must be looked for before it is sent again."""
    return nonce_is_old(delivery) or "reference" in _optional_parts(delivery)


def _optional_parts(delivery: Delivery) -> dict[str, Any]:
    """What only some messages have beside buttons: the message replied to."""
    parts: dict[str, Any] = {}
    reply_to = delivery.payload["reply_to"]
    # A forum post is the thread's own head: the answer stands right below it.
    if reply_to is not None and reply_to != delivery.channel_id:
        parts["reference"] = discord.MessageReference(
            message_id=reply_to,
            channel_id=delivery.channel_id,
            guild_id=delivery.guild_id,
            fail_if_not_exists=False,
        )
    return parts


def _may_ping(role_id: int | None) -> discord.AllowedMentions:
    """Nobody, or one role."""
    roles = [discord.Object(role_id)] if role_id else False
    return discord.AllowedMentions(everyone=False, users=False, roles=roles, replied_user=False)


def _custom_ids(message: discord.Message) -> Iterable[str]:
    return [
        child.custom_id
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
        if isinstance(child, discord.Button) and child.custom_id
    ]
