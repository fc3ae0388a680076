"""The gateway's events, told to the forum in docbot's own terms."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import discord
from discord import app_commands
from discord.gateway import KeepAliveHandler

from docbot.bot import faults
from docbot.bot.catch_up import CatchUp
from docbot.bot.gateway import CONNECT_SECONDS, HEARTBEAT_TIMEOUT, GatewayLine, Starts
from docbot.bot.in_order import InOrder
from docbot.bot.info import Models
from docbot.bot.localisation import CommandTranslator
from docbot.bot.notes_watch import NotesWatch
from docbot.bot.pace import LONGEST_RATE_LIMIT, RequestPace
from docbot.bot.presses import PressDesk
from docbot.bot.refusals import HeldBackError
from docbot.bot.search import PageButton, SearchTools
from docbot.bot.staff import writes_as_staff
from docbot.bot.tags import solved_tag
from docbot.bot.translate import (
    Place,
    change_from,
    forum_of,
    incoming_from,
    is_from_person,
    is_satisfied,
    says_stop,
)
from docbot.bot.watch import (
    NEEDED,
    NEEDED_IN_CHANNEL,
    WANTED,
    ForumWatch,
    is_of_server,
    lacked_in,
    may_attach,
    may_ping,
    tags_of,
)
from docbot.db.forums import Forum, Forums
from docbot.db.outbox import Outbox
from docbot.db.threads import ThreadChange, Threads
from docbot.errors import DocbotError, GoneError, SettingsError, TransientError
from docbot.forum.admission import Admission
from docbot.forum.bindings import Bindings
from docbot.forum.calls import Calls
from docbot.forum.decide import Bounds, Incoming
from docbot.forum.forgetting import Forgetting
from docbot.forum.intake import Intake
from docbot.forum.presses import Presses
from docbot.forum.retry import is_worth_a_line, pause
from docbot.forum.undecided import Undecided
from docbot.texts import LOCALE

log = logging.getLogger(__name__)

PERMISSIONS = discord.Permissions(**dict.fromkeys([*NEEDED, *NEEDED_IN_CHANNEL, *WANTED], True))

_PRESSES = {discord.InteractionType.component, discord.InteractionType.modal_submit}
_STORED_AT_ONCE = 64  # events; many times the connections to Postgres, as some wait for Discord
_TRIES = 20  # with pauses up to 30 s about eight minutes; a longer outage ends in a new READY


@dataclass(frozen=True, slots=True)
class Parts:
    """What the client hands events to."""

    intake: Intake
    bindings: Bindings
    threads: Threads
    presses: Presses
    forgetting: Forgetting
    admission: Admission
    forums: Forums
    outbox: Outbox
    search: SearchTools
    models: Callable[[], Models]  # those at work now
    calls: Calls
    undecided: Undecided


class HelpTree(app_commands.CommandTree["HelpClient"]):
    """The commands; whom a server banned may use none of them."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        return await self.client.desk.hears(interaction)


class HelpClient(discord.Client):
    """One connection to Discord; `parts` do the work, this class only tells them."""

    def __init__(
        self,
        parts: Parts,
        *,
        proxy: str | None,
        pace: RequestPace,
        confirm: Callable[[], Awaitable[None]],
        bounds: Bounds,
        on_connected: Callable[["HelpClient"], Awaitable[None]],
        starts: Starts,
        connect_seconds: float = CONNECT_SECONDS,
        locale: Path = LOCALE,
    ) -> None:
        """Set up; `confirm` is asked right before each request that changes something."""
        leave_out_voice()
        trace = pace.trace(self._forum_of, confirm=confirm)
        trace.on_request_end.append(self._end_global_limit)
        super().__init__(
            intents=needed_intents(),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            # Messages are in Postgres; discord.py's cache of them would be a second truth.
            max_messages=None,
            # A server that comes later is taken in when it does.
            guild_ready_timeout=0.2,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            proxy=proxy,
            http_trace=trace,
        )
        self.parts = parts
        self._pace = pace
        self.tree = HelpTree(self)
        self._locale = locale
        self._on_connected = on_connected
        self._starts = starts
        self._line = GatewayLine(self, starts, connect_seconds=connect_seconds)
        self._catching_up = asyncio.Lock()
        self.caught_up = asyncio.Event()  # once on all that it may read
        # What happens in one thread is taken in in the order in which it happened.
        self._in_order: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._events = InOrder(_STORED_AT_ONCE)
        self._session = 0
        self._greeted_in = 0
        self._catch_up = CatchUp(
            self,
            parts.intake,
            parts.bindings,
            parts.threads,
            parts.forums,
            bounds=bounds,
            as_incoming=self.as_incoming,
            change_thread=self._change_thread,
            in_order=self._order_of,
        )
        self.watch = ForumWatch(
            self,
            parts.bindings,
            parts.intake,
            is_read=self._is_read,
            invite_link=self.invite_link,
        )
        self._notes_watch = NotesWatch(self, parts.intake, parts.undecided)
        self.desk = PressDesk(
            parts.presses, parts.forgetting, parts.admission, parts.bindings, self.report
        )
        self.add_dynamic_items(PageButton)

    def report(self, what: str, error: BaseException) -> None:
        """A line for the operator about something that a member's event ran into."""
        if self.is_closed():  # the next process catches up on it
            log.debug("%s was not seen through", what, exc_info=error)
        elif isinstance(error, DocbotError):
            log.error("%s failed: %s", what, error)
        else:
            log.error("%s failed", what, exc_info=error)

    def invite_link(self) -> str:
        return invite_link(self.application_id or 0)

    def may_attach(self, channel_id: int) -> bool:
        """Whether files are sure to be taken in a channel and its threads."""
        return may_attach(self, channel_id) is True

    def may_ping(self, forum_id: int, role_id: int) -> bool:
        """Whether a mention of the role in the forum's threads pings anybody."""
        channel = self.get_channel(forum_id)
        if not isinstance(channel, discord.abc.GuildChannel):
            return False
        role, given = channel.guild.get_role(role_id), channel.permissions_for(channel.guild.me)
        return role is not None and may_ping(role, given)

    def may_write(self, guild_id: int, channel_id: int) -> bool:
        """Whether a message to a channel of the server is sure to get there."""
        channel = self.get_channel(channel_id)
        is_here = is_of_server(channel, guild_id)
        return is_here and {*lacked_in(channel)} <= {"attach_files"}

    def may_type(self, channel_id: int) -> bool:
        """Whether nothing is known to stand against it; to type is not worth a refusal."""
        forum_id = self._forum_of(channel_id)
        trouble = self.watch.trouble_in(forum_id)
        is_well = trouble is None or trouble.is_slight
        return is_well and not self._pace.refusals.was_refused_in(forum_id)

    def _forum_of(self, channel_id: int) -> int:
        """The forum of a thread that the cache knows; else what was given."""
        return forum_of(self.get_channel(channel_id)) or channel_id

    async def setup_hook(self) -> None:
        await self.tree.set_translator(CommandTranslator(self.tree, self._locale))
        try:
            await self.tree.sync()
        # Those of the last start are still there.
        except (discord.RateLimited, HeldBackError) as error:
            self.report("registering the commands", error)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay connected until closed; `reconnect` is discord.py's and always meant."""
        await self._line.hold()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once: the wait, which may be long, was before the connection was opened."""
        await self._starts.begin()

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        if self.is_closed():
            log.debug("the event %s was not seen through", event_method, exc_info=True)
        else:
            log.exception("the event %s broke its handler", event_method)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell an event; who is closing leaves what still comes to the next process."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def close(self) -> None:
        # Cancelled half way, discord.py would never be closed, and say so to whoever asks again.
        await asyncio.shield(super().close())
        # discord.py forgets a connection that ends before it is complete, and its heartbeat.
        for thread in threading.enumerate():
            if isinstance(thread, KeepAliveHandler) and _is_of(thread, self):
                thread.stop()
                await thread.ws.socket.close()

    async def _end_global_limit(
        self, _: aiohttp.ClientSession, __: object, request: aiohttp.TraceRequestEndParams
    ) -> None:
        """See to it that a pause asked for over all routes ends.

        discord.py leaves that to the request that was refused, and every other waits for ever
        when that one is cancelled in its pause, as typing is once the answer is there.
        """
        headers = request.response.headers
        if request.response.status == 429 and headers.get("X-RateLimit-Scope") == "global":
            over = self.http._global_over  # noqa: SLF001  # no public name ends it
            asyncio.get_running_loop().call_later(
                faults.retry_after(headers.get("Retry-After", "")), over.set
            )

    async def on_connect(self) -> None:
        """A new session: it tells nothing of what happened since the one before."""
        self._session += 1
        self._catch_up.fall_behind()

    async def on_ready(self) -> None:
        self._greeted_in = self._session
        await self._insist("the greeting", partial(self._on_connected, self))
        for guild in self.guilds:
            await self._store_guild(guild)
        await self.look_at_forums()
        self.caught_up.set()
        await self._look_at_notes()

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A server that was away, or came too late for READY."""
        if self._greeted_in != self._session:  # READY follows, and takes it in with all others
            return
        await self.on_guild_join(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """New to docbot, or one that it was in before: what was bound there still is."""
        self._catch_up.fall_behind(guild.id)
        await self._store_guild(guild)
        await self.look_at_forums(guild.id)
        await self._look_at_notes(guild.id)

    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        self._catch_up.fall_behind(guild.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.look_at_forums(guild.id)

    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        await self._look_if_bound(channel)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._hear_of_deleted(channel.id)
        await self._look_if_bound(channel)

    async def on_guild_channel_update(
        self, _: discord.abc.GuildChannel, channel: discord.abc.GuildChannel
    ) -> None:
        await self._look_if_bound(channel)

    async def on_guild_role_update(self, _: discord.Role, role: discord.Role) -> None:
        await self.look_at_forums(role.guild.id)

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        await self.look_at_forums(role.guild.id)

    async def on_member_update(self, _: discord.Member, member: discord.Member) -> None:
        if self.user is not None and member.id == self.user.id:
            await self.look_at_forums(member.guild.id)

    async def _look_if_bound(self, channel: discord.abc.GuildChannel) -> None:
        """Look at the forums where it is one of them, or the channel of their staff."""
        forums = self.parts.bindings.all()
        if any(channel.id in (each.channel_id, each.config.staff_channel) for each in forums):
            await self.look_at_forums(channel.guild.id)

    async def _hear_of_deleted(self, channel_id: int) -> None:
        """Staff may have had something to decide in the channel, or the thread."""
        hear = partial(self._notes_watch.channel_deleted, channel_id)
        await self._insist(f"giving up what stood in channel {channel_id}", hear)

    async def _look_at_notes(self, guild_id: int | None = None) -> None:
        look = partial(self._notes_watch.look, guild_id)
        await self._insist("looking at what staff has to decide", look)

    async def look_at_forums(self, guild_id: int | None = None) -> None:
        """Tell the operator what changed, and catch up on what docbot may read again."""
        # At once, so that what comes after is known to come after a gap.
        self._catch_up.fall_behind_where_blind(guild_id)
        await self._look(guild_id)
        # What is asked for twice, as when READY comes again meanwhile, is done once.
        async with self._catching_up:
            catch_up = partial(self._catch_up.run, guild_id)
            await self._insist("catching up on what was missed", catch_up)

    async def on_forums_changed(self) -> None:
        """The operator bound or read something; told now and then also where nobody did."""
        if self._catching_up.locked():  # what is left over is seen to the next time
            await self._look()
        else:
            await self.look_at_forums()

    async def _look(self, guild_id: int | None = None) -> None:
        await self._insist("looking at the bound forums", partial(self.watch.look, guild_id))
        await self._insist("storing the names of tags", partial(self._store_tags, guild_id))

    async def _store_tags(self, guild_id: int | None) -> None:
        """Keep the names by which operators and staff call the tags that threads bear."""
        for forum in self.parts.bindings.all():
            tags = tags_of(self.get_channel(forum.channel_id))
            if guild_id in (None, forum.guild_id) and tags is not None and tags != forum.tags:
                await self.parts.forums.put_tags(forum.channel_id, tags)

    async def _is_read(self, forum: Forum) -> bool:
        return await self.parts.search.sources.are_indexed(forum.source_ids)

    async def _store_guild(self, guild: discord.Guild) -> None:
        put = partial(self.parts.forums.put_guild, guild.id, guild.name)
        await self._insist(f"storing server {guild.id}", put)

    async def on_message(self, message: discord.Message) -> None:
        if message.guild is None:
            return
        # As it was when the message came; of a thread that the cache does not know nothing is sure.
        forum_id = forum_of(message.channel)
        in_step = self._catch_up.is_in_step(forum_id)
        if is_from_person(message):
            take_in = partial(self._take_in, message, forum_id, in_step)
            await self._events.run(
                message.channel.id, partial(self._alone, message.channel.id, take_in)
            )
        elif in_step and self._is_bound(forum_id):
            what = f"noting message {message.id}"
            saw = partial(self.parts.threads.saw_next, message.channel.id, message.id)
            await self._in_turn(message.channel.id, what, saw)

    async def _take_in(self, message: discord.Message, forum_id: int | None, in_step: bool) -> None:
        take, is_seen_to = partial(self._take, message, in_step), False
        try:
            is_seen_to = await self._insist(f"storing message {message.id}", take)
        finally:
            if not is_seen_to and message.guild is not None:
                self._catch_up.fall_behind(message.guild.id)  # it is found again
        if is_seen_to and forum_id is not None and in_step and self._is_bound(forum_id):
            told = partial(self._catch_up.told, forum_id, message)
            await self._insist(f"noting message {message.id}", told)

    def _is_bound(self, forum_id: int | None) -> bool:
        return self.parts.bindings.find(forum_id) is not None

    def _order_of(self, thread_id: int) -> asyncio.Lock:
        return self._in_order.setdefault(thread_id, asyncio.Lock())

    async def _in_turn(
        self, thread_id: int, what: str, call: Callable[[], Awaitable[object]]
    ) -> None:
        """Insist, after what came earlier in this thread: a deletion must find its message."""
        insist = partial(self._insist, what, call)
        await self._events.run(thread_id, partial(self._alone, thread_id, insist))

    async def _alone(self, thread_id: int, call: Callable[[], Awaitable[object]]) -> None:
        async with self._order_of(thread_id):  # which catching up holds while it reads the thread
            await call()

    async def _insist(self, what: str, call: Callable[[], Awaitable[object]]) -> bool:
        """Do it, again while Postgres or Discord is out of reach: an event comes only once.

        Returns:
            False where it was given up although it may be possible later.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                await call()
            except TransientError as error:
                if attempt == _TRIES or self.is_closed():
                    self.report(what, error)
                    return False
                if is_worth_a_line(attempt):
                    log.warning("%s waits: %s", what, error)
                await asyncio.sleep(pause(attempt, retry_after=error.retry_after))
            except DocbotError as error:
                self.report(what, error)
                return True
            else:
                break
        return True

    async def _take(self, message: discord.Message, in_step: bool) -> None:
        try:
            place = await self._place_of(message)
        except GoneError as error:
            log.debug("message %d is not stored, its thread is gone: %s", message.id, error)
            return
        if place is None or not self._is_bound(forum_of(place)):
            return
        incoming = await self.as_incoming(message, place, message.author)
        # An earlier message of the thread may have been given up meanwhile.
        in_step = in_step and self._catch_up.is_in_step(forum_of(place))
        await self.parts.intake.take(incoming, in_step=in_step)

    async def _place_of(self, message: discord.Message) -> Place | None:
        channel: object = message.channel
        if not isinstance(channel, discord.Thread | discord.abc.GuildChannel):
            # A thread that the cache does not know arrives as a bare id.
            with faults.translated(), faults.understood():
                channel = await self.fetch_channel(message.channel.id)
        return channel if isinstance(channel, discord.Thread | discord.TextChannel) else None

    async def as_incoming(
        self, message: discord.Message, place: Place, author: discord.abc.User
    ) -> Incoming:
        """Tell of a message: whether it calls docbot, or tells it to stop, and who wrote it.

        `author`: as Discord tells most of them, which may be more than the message does.
        """
        replies_to_us = await self._replies_to_us(message)
        forum = self.parts.bindings.find(forum_of(place))
        return incoming_from(
            message,
            place,
            author,
            calls_us=(replies_to_us or self._mentions_us(message))
            and not is_satisfied(message.content),
            is_staff=writes_as_staff(author, place, forum.config if forum else None),
            says_stop=replies_to_us and says_stop(message.content),
            solved_tag=self._solved_tag_of(place.id if forum is None else forum.channel_id),
        )

    def _mentions_us(self, message: discord.Message) -> bool:
        return self.user is not None and any(user.id == self.user.id for user in message.mentions)

    async def _replies_to_us(self, message: discord.Message) -> bool:
        is_reply = message.type is discord.MessageType.reply  # a forward has a reference too
        reference = message.reference if is_reply else None
        if reference is None or reference.message_id is None:
            return False
        if isinstance(reference.resolved, discord.Message):
            return self.user is not None and reference.resolved.author.id == self.user.id
        return await self.parts.outbox.is_claimed(reference.message_id)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Take what was pressed or sent in; commands are discord.py's own affair."""
        if interaction.type not in _PRESSES:
            return
        await self.desk.take(interaction)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        content = payload.data.get("content")
        if content is None or payload.data.get("edited_timestamp") is None:
            return
        edited_at = payload.message.edited_at or datetime.now(UTC)
        edit = partial(
            self.parts.intake.edited, payload.channel_id, payload.message_id, content, edited_at
        )
        what = f"storing the edit of message {payload.message_id}"
        await self._in_turn(payload.channel_id, what, edit)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self._delete(payload.channel_id, [payload.message_id])

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self._delete(payload.channel_id, list(payload.message_ids))

    async def _delete(self, channel_id: int, message_ids: list[int]) -> None:
        # At once: while Postgres is away a post waits here, and would be answered before its deletion.
        self.parts.intake.heard_of_deletion(message_ids)
        what = f"erasing {len(message_ids)} deleted messages"
        await self._in_turn(
            channel_id, what, partial(self.parts.intake.deleted, channel_id, message_ids)
        )

    async def on_raw_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        change = partial(self._change_thread, change_from(payload))
        what = f"storing the change of thread {payload.thread_id}"
        await self._in_turn(payload.thread_id, what, change)

    async def _change_thread(self, change: ThreadChange) -> None:
        await self.parts.intake.thread_changed(
            change, solved_tag=self._solved_tag_of(change.forum_id)
        )
        self._catch_up.changed(change)

    def _solved_tag_of(self, forum_id: int) -> int | None:
        forum, channel = self.parts.bindings.find(forum_id), self.get_channel(forum_id)
        if forum is None or not isinstance(channel, discord.ForumChannel):
            return None
        tag = solved_tag(channel, forum.config)
        return tag.id if tag else None

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        delete = partial(self.parts.intake.thread_deleted, payload.thread_id)
        what = f"erasing deleted thread {payload.thread_id}"
        await self._in_turn(payload.thread_id, what, delete)
        await self._hear_of_deleted(payload.thread_id)


async def connect(client: HelpClient, token: str) -> None:
    """Stay connected until the client is closed.

    Raises:
        UsageError: Discord refuses the token, an intent, or this docbot; says what to do.
        TransientError: Discord does not let docbot sign in just now.
    """
    with refuse_token(), faults.translated(), faults.understood():
        await client.login(token)
    await client.connect()


def leave_out_voice() -> None:
    """Let discord.py not warn at each start that docbot cannot speak."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


def _is_of(heartbeat: KeepAliveHandler, client: discord.Client) -> bool:
    socket, connection = heartbeat.ws, client._connection  # noqa: SLF001  # no public name tells
    return socket._connection is connection  # noqa: SLF001


@contextmanager
def refuse_token() -> Iterator[None]:
    """Raise SettingsError, with what to do, where Discord refuses the token."""
    try:
        yield
    except discord.LoginFailure as error:
        raise SettingsError(
            "DISCORD_TOKEN: Discord refuses it; copy it anew from the application's page "
            "(Bot > Reset Token) at https://discord.com/developers/applications"
        ) from error


def invite_link(application_id: int) -> str:
    """The address at which a server's administrator invites docbot, with no right too many."""
    return discord.utils.oauth_url(
        application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )


def needed_intents() -> discord.Intents:
    return discord.Intents(guilds=True, guild_messages=True, message_content=True)
