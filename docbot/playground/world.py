"""The truth of the playground: guilds, channels, threads, messages, and Discord's rules on them.

State and rules only, no network. Whoever acts, the bot or a member, calls the
same methods with its own id; what Discord would refuse raises `DiscordError`
and changes nothing. Each change is told to the subscribers as Discord's event
`(name, payload)`; what only the playground knows of has a name in small letters.
"""

import asyncio
import re
import time
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from docbot.playground.checks import (
    FILE_BYTES,
    FILES,
    check_channel_edit,
    check_message_edit,
    check_new_message,
    check_thread,
    check_thread_edit,
)
from docbot.playground.objects import (
    ALL_PERMISSIONS,
    DIRECT_PERMISSIONS,
    EPOCH_MS,
    EVERYONE_PERMISSIONS,
    NO_PERMISSIONS,
    Application,
    Attachment,
    Channel,
    ChannelKind,
    DirectChannel,
    DiscordError,
    Guild,
    Membership,
    Message,
    MessageFlag,
    MessageKind,
    Overwrite,
    Payload,
    Permission,
    Role,
    Tag,
    Thread,
    User,
    numbered,
    timestamp,
)

Place = Channel | Thread | DirectChannel
Subscriber = Callable[[str, Payload], None]
Result = TypeVar("Result")

NONCE_SECONDS = 180.0  # Discord says "a few minutes"
CONTENT_FIELDS: Payload = {"content": "", "embeds": [], "attachments": [], "components": []}

_ABOVE_SLOW_MODE = Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS
_IN_TIMEOUT = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
_USER_MENTION = re.compile(r"<@!?(\d+)>")
_ROLE_MENTION = re.compile(r"<@&(\d+)>")
_EVERYONE_MENTION = re.compile(r"@(?:everyone|here)\b")


class Clock:
    """The wall clock, which a test may set forward."""

    def __init__(self) -> None:
        self.ahead = 0.0  # seconds

    def __call__(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds


class World:
    """All guilds that the bot's application could see, and who is told of their changes."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] | None = None,
        nonce_seconds: float = NONCE_SECONDS,
    ) -> None:
        self.clock = clock or Clock()
        self.nonce_seconds = nonce_seconds
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.threads: dict[int, Thread] = {}
        self.direct_channels: dict[int, DirectChannel] = {}
        self.messages: dict[int, Message] = {}
        self.blocked_words: list[str] = []  # AutoMod refuses messages that hold one
        self.files_url = ""  # where attachments are served; the server sets it
        self.hold_first_messages = False  # new posts come without their first message
        self._held_messages: list[tuple[Thread, int, Payload]] = []
        self._application: Application | None = None
        self._subscribers: list[Subscriber] = []
        self._waiters: dict[int | None, list[_Waiter]] = defaultdict(list)
        self._nonces: dict[tuple[int, str], Message] = {}
        self._nonces_by_age: deque[tuple[float, tuple[int, str]]] = deque()
        # (channel, user, whether a thread was opened there): when they last did so
        self._acted: dict[tuple[int, int, bool], float] = {}
        self._last_id = 0

    # Events

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell `subscriber` of every change from now on; the result ends it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def emit(self, name: str, payload: Payload) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(name, payload)
        self._wake(None)
        for key in {payload.get("channel_id"), payload.get("id")}:
            if key is not None:
                self._wake(int(key))

    async def wait_for(
        self,
        look: Callable[[], Result | None],
        timeout: float = 10.0,
        *,
        channel_id: int | None = None,
    ) -> Result:
        """Return the first true result of `look`, asked now and after each event.

        Args:
            look: reads the world; a false result means "not yet".
            timeout: seconds until TimeoutError.
            channel_id: ask only after events of this channel or thread.
        """
        found = look()
        if found:
            return found
        waiter = _Waiter(look, asyncio.get_running_loop().create_future())
        self._waiters[channel_id].append(waiter)
        try:
            async with asyncio.timeout(timeout):
                result: Result = await waiter.future
                return result
        finally:
            self._forget(channel_id, waiter)

    def _wake(self, key: int | None) -> None:
        for waiter in tuple(self._waiters.get(key, ())):
            waiter.ask()

    def _forget(self, key: int | None, waiter: "_Waiter") -> None:
        self._waiters[key].remove(waiter)
        if not self._waiters[key]:
            del self._waiters[key]

    # Building

    def new_id(self) -> int:
        """Make a snowflake: the time in its upper bits, always above the one before."""
        now = (int(self.clock() * 1000) - EPOCH_MS) << 22
        self._last_id = max(self._last_id + 1, now)
        return self._last_id

    @property
    def application(self) -> Application:
        if self._application is None:
            raise LookupError("this world has no application yet: call add_application() first")
        return self._application

    @property
    def bot(self) -> User:
        return self.application.user

    def add_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.new_id(), name, bot)
        self.users[user.id] = user
        return user

    def add_application(self, name: str, *, owner: User, token: str) -> Application:
        """Make the bot; its user has the application's id, as at Discord today."""
        user = self.add_user(name, bot=True)
        self._application = Application(user.id, name, user, owner, token)
        return self._application

    def add_guild(self, name: str, *, owner: User) -> Guild:
        guild = Guild(self.new_id(), name, owner.id)
        self.guilds[guild.id] = guild
        guild.roles[guild.id] = Role(guild.id, guild.id, "@everyone", EVERYONE_PERMISSIONS, 0)
        self.add_member(guild.id, owner)
        return guild

    def add_role(
        self, guild_id: int, name: str, permissions: Permission, *, mentionable: bool = False
    ) -> Role:
        guild = self.get_guild(guild_id)
        role = Role(self.new_id(), guild_id, name, permissions, position=len(guild.roles))
        role.mentionable = mentionable
        guild.roles[role.id] = role
        self.emit("GUILD_ROLE_CREATE", {"guild_id": str(guild_id), "role": role.payload()})
        return role

    def edit_role(self, role: Role, permissions: Permission) -> None:
        role.permissions = permissions
        self.emit("GUILD_ROLE_UPDATE", {"guild_id": str(role.guild_id), "role": role.payload()})

    def delete_role(self, role: Role) -> None:
        """Take a role from the guild, from who has it and from the rules of channels."""
        guild = self.get_guild(role.guild_id)
        del guild.roles[role.id]
        for member in guild.members.values():
            if role.id in member.role_ids:
                member.role_ids.remove(role.id)
        self.emit("GUILD_ROLE_DELETE", {"guild_id": str(guild.id), "role_id": str(role.id)})
        for channel in self.channels_of(guild.id):
            if channel.overwrites.pop(role.id, None):
                self.emit("CHANNEL_UPDATE", channel.payload())

    def add_member(self, guild_id: int, user: User, *roles: Role) -> Membership:
        guild = self.get_guild(guild_id)
        member = Membership(guild_id, user, self.clock(), [role.id for role in roles])
        guild.members[user.id] = member
        self.emit("GUILD_MEMBER_ADD", member.payload() | {"guild_id": str(guild_id)})
        return member

    def set_roles(self, guild_id: int, user_id: int, roles: Iterable[Role]) -> None:
        member = self.get_member(guild_id, user_id)
        member.role_ids = [role.id for role in roles]
        self.emit("GUILD_MEMBER_UPDATE", member.payload() | {"guild_id": str(guild_id)})

    def time_out(self, guild_id: int, user_id: int, until: float | None) -> None:
        """Keep a member from writing until then; None ends it."""
        member = self.get_member(guild_id, user_id)
        member.timed_out_until = until
        self.emit("GUILD_MEMBER_UPDATE", member.payload() | {"guild_id": str(guild_id)})

    def remove_member(self, guild_id: int, user_id: int) -> None:
        """Let a member leave; when it is the bot, it loses the guild."""
        member = self.get_guild(guild_id).members.pop(user_id)
        if self._is_bot(user_id):
            self.emit("GUILD_DELETE", {"id": str(guild_id)})
        else:
            body: Payload = {"guild_id": str(guild_id), "user": member.user.payload()}
            self.emit("GUILD_MEMBER_REMOVE", body)

    def invite_bot(self, guild_id: int, permissions: Permission) -> Role:
        """Let the bot join with a role of its own, as an invite link does."""
        guild = self.get_guild(guild_id)
        role = Role(
            self.new_id(), guild_id, self.bot.name, permissions, len(guild.roles), self.bot.id
        )
        guild.roles[role.id] = role
        guild.members[self.bot.id] = Membership(guild_id, self.bot, self.clock(), [role.id])
        self.emit("guild_joined", {"id": str(guild_id)})
        return role

    def add_channel(
        self,
        guild_id: int,
        name: str,
        kind: ChannelKind = ChannelKind.TEXT,
        *,
        tags: Iterable[str] = (),
        topic: str | None = None,
    ) -> Channel:
        position = len(self.channels_of(guild_id))
        channel = Channel(self.new_id(), guild_id, kind, name, topic, position)
        channel.tags = [Tag(self.new_id(), tag) for tag in tags]
        self.channels[channel.id] = channel
        self.emit("CHANNEL_CREATE", channel.payload())
        return channel

    def add_tag(self, forum: Channel, name: str, *, moderated: bool = False) -> Tag:
        tag = Tag(self.new_id(), name, moderated)
        forum.tags.append(tag)
        self.emit("CHANNEL_UPDATE", forum.payload())
        return tag

    def delete_tag(self, forum: Channel, name: str) -> None:
        """Take a tag from a forum; threads that have it keep an id that nobody knows."""
        forum.tags = [tag for tag in forum.tags if tag.name != name]
        self.emit("CHANNEL_UPDATE", forum.payload())

    def set_overwrite(
        self,
        channel_id: int,
        target_id: int,
        *,
        allow: Permission = NO_PERMISSIONS,
        deny: Permission = NO_PERMISSIONS,
    ) -> None:
        """Allow or deny a role or a member something in one channel; neither: as elsewhere."""
        channel = self.channels[channel_id]
        kind = 0 if target_id in self.get_guild(channel.guild_id).roles else 1
        channel.overwrites.pop(target_id, None)
        if allow or deny:
            channel.overwrites[target_id] = Overwrite(target_id, kind, allow, deny)
        self.emit("CHANNEL_UPDATE", channel.payload())

    # Reading

    def get_guild(self, guild_id: int) -> Guild:
        if guild_id not in self.guilds:
            raise DiscordError(404, 10004, "Unknown Guild")
        return self.guilds[guild_id]

    def get_member(self, guild_id: int, user_id: int) -> Membership:
        member = self.get_guild(guild_id).members.get(user_id)
        if member is None:
            raise DiscordError(404, 10007, "Unknown Member")
        return member

    def get_channel(self, channel_id: int) -> Place:
        for places in (self.threads, self.channels, self.direct_channels):
            if channel_id in places:
                return places[channel_id]
        raise DiscordError(404, 10003, "Unknown Channel")

    def find_direct_channel(self, user_id: int) -> DirectChannel | None:
        """Return the channel between the bot and a person, if one was opened."""
        channels = self.direct_channels.values()
        return next((one for one in channels if one.recipient.id == user_id), None)

    def get_thread(self, thread_id: int) -> Thread:
        if thread_id not in self.threads:
            raise DiscordError(404, 10003, "Unknown Channel")
        return self.threads[thread_id]

    def get_message(self, channel_id: int, message_id: int) -> Message:
        message = self.messages.get(message_id)
        if message is None or message.channel_id != channel_id or message.deleted:
            raise DiscordError(404, 10008, "Unknown Message")
        return message

    def channels_of(self, guild_id: int) -> list[Channel]:
        return [one for one in self.channels.values() if one.guild_id == guild_id]

    def threads_of(self, channel_id: int, *, archived: bool | None = None) -> list[Thread]:
        """List the threads of a forum or channel, newest first."""
        return [
            thread
            for thread in reversed(self.threads.values())
            if thread.parent_id == channel_id and archived in {None, thread.archived}
        ]

    def messages_of(self, channel_id: int) -> list[Message]:
        """List what everybody sees in a channel or thread, oldest first."""
        return [self.messages[one] for one in self.get_channel(channel_id).message_ids]

    def replies_of_bot(self, channel_id: int) -> list[Message]:
        return [one for one in self.messages_of(channel_id) if one.author is self.bot]

    # Rights

    def permissions(self, user_id: int, channel_id: int) -> Permission:
        """Work out what a user may do in a channel; a thread has its parent's rules."""
        place = self.get_channel(channel_id)
        if isinstance(place, DirectChannel):
            takes_part = user_id in {self.bot.id, place.recipient.id}
            return DIRECT_PERMISSIONS if takes_part else NO_PERMISSIONS
        channel = self.channels[place.parent_id] if isinstance(place, Thread) else place
        guild = self.guilds[channel.guild_id]
        member = guild.members.get(user_id)
        if member is None:
            return NO_PERMISSIONS
        granted = self.guild_permissions(user_id, guild.id)
        if granted == ALL_PERMISSIONS:
            return granted
        allowed = self._granted_in(channel, member, granted)
        timed_out = member.timed_out_until is not None and member.timed_out_until > self.clock()
        return allowed & _IN_TIMEOUT if timed_out else allowed

    def _granted_in(self, channel: Channel, member: Membership, granted: Permission) -> Permission:
        guild, user_id = self.guilds[channel.guild_id], member.user.id
        everyone, own = channel.overwrites.get(guild.id), channel.overwrites.get(user_id)
        of_roles = [channel.overwrites[one] for one in member.role_ids if one in channel.overwrites]
        for layer in ([everyone], of_roles, [own]):
            rules = [rule for rule in layer if rule]
            for rule in rules:
                granted &= ~rule.deny
            for rule in rules:
                granted |= rule.allow
        return granted

    def guild_permissions(self, user_id: int, guild_id: int) -> Permission:
        guild = self.get_guild(guild_id)
        member = self.get_member(guild_id, user_id)
        granted = guild.roles[guild.id].permissions
        for role_id in member.role_ids:
            granted |= guild.roles[role_id].permissions
        everything = guild.owner_id == user_id or granted & Permission.ADMINISTRATOR
        return ALL_PERMISSIONS if everything else granted

    def visible(self, channel_id: int, user_id: int) -> Place:
        """Return a channel or thread that the user may see."""
        place = self.get_channel(channel_id)
        hidden = (
            isinstance(place, Thread)
            and place.kind is ChannelKind.PRIVATE_THREAD
            and user_id not in place.member_ids
            and not self.may(user_id, channel_id, Permission.MANAGE_THREADS)
        )
        if hidden or not self.may(user_id, channel_id, Permission.VIEW_CHANNEL):
            raise DiscordError(403, 50001, "Missing Access")
        return place

    def may(self, user_id: int, channel_id: int, needed: Permission) -> bool:
        return needed in self.permissions(user_id, channel_id)

    def require(self, user_id: int, channel_id: int, needed: Permission) -> None:
        if not self.may(user_id, channel_id, needed):
            raise DiscordError(403, 50013, "Missing Permissions")

    # Threads

    def create_post(
        self, forum_id: int, author_id: int, body: Payload, files: Sequence[Attachment] = ()
    ) -> tuple[Thread, Message | None]:
        """Open a forum post; its first message has the thread's own id.

        Returns:
            the thread, and its first message unless `hold_first_messages` keeps it back.
        """
        forum = self.visible(forum_id, author_id)
        if not isinstance(forum, Channel) or forum.kind is not ChannelKind.FORUM:
            raise DiscordError(400, 50024, "Cannot execute action on this channel type")
        self.require(author_id, forum_id, Permission.SEND_MESSAGES)
        check_thread(body, in_forum=True, known_tags=self._tags_for(author_id, forum))
        check_new_message(body["message"], files=len(files))
        self._check_pace(forum, author_id, opens_thread=True)
        self._check_automod(body["message"])
        thread = self._open_thread(forum, author_id, body, self.new_id())
        if self.hold_first_messages:
            self._held_messages.append((thread, author_id, body["message"]))
            return thread, None
        return thread, self._put_message(thread, self.users[author_id], body["message"], files)

    def create_thread(
        self, channel_id: int, author_id: int, body: Payload, message_id: int | None = None
    ) -> Thread:
        """Open a thread in a text channel, on one of its messages if given."""
        channel = self.visible(channel_id, author_id)
        if not isinstance(channel, Channel) or channel.kind is not ChannelKind.TEXT:
            raise DiscordError(400, 50024, "Cannot execute action on this channel type")
        check_thread(body, in_forum=False, known_tags=())
        kind = ChannelKind(body.get("type") or ChannelKind.PUBLIC_THREAD)
        if message_id is not None:
            self.get_message(channel_id, message_id)
            if message_id in self.threads:
                raise DiscordError(
                    400, 160004, "A thread has already been created for this message"
                )
        private = kind is ChannelKind.PRIVATE_THREAD
        needed = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
        self.require(author_id, channel_id, needed)
        self._check_pace(channel, author_id, opens_thread=True)
        return self._open_thread(channel, author_id, body, message_id or self.new_id(), kind)

    def release_first_messages(self) -> list[Message]:
        """Let the posts that were kept without their first message have it."""
        self.hold_first_messages = False
        held, self._held_messages = self._held_messages, []
        return [
            self._put_message(thread, self.users[author_id], body)
            for thread, author_id, body in held
            if thread.id in self.threads
        ]

    def edit_thread(self, thread_id: int, actor_id: int, changes: Payload) -> Thread:
        """Rename, tag, archive, lock or reopen a thread, as far as the actor may."""
        thread = self.get_thread(thread_id)
        self.visible(thread_id, actor_id)
        parent = self.channels[thread.parent_id]
        kept = set(thread.applied_tags) & {tag.id for tag in parent.tags}
        check_thread_edit(changes, known_tags=self._tags_for(actor_id, parent) | kept)
        moderator = self.may(actor_id, thread_id, Permission.MANAGE_THREADS)
        if not moderator and not self._own_change(thread, actor_id, changes):
            raise DiscordError(403, 50013, "Missing Permissions")
        if (
            thread.archived
            and changes.get("archived") is not False
            and changes.keys() - {"archived", "locked"}
        ):
            raise DiscordError(400, 50083, "Thread is archived")
        self._change_thread(thread, changes)
        return thread

    def join_thread(self, thread_id: int, user_id: int) -> None:
        thread = self.get_thread(thread_id)
        self.visible(thread_id, user_id)
        self._join(thread, user_id)

    def add_to_thread(self, thread_id: int, actor_id: int, user_id: int) -> None:
        thread = self.get_thread(thread_id)
        self.visible(thread_id, actor_id)
        self.get_member(thread.guild_id, user_id)
        self._join(thread, user_id)

    def edit_channel(self, channel_id: int, actor_id: int, changes: Payload) -> Channel:
        """Change a channel's name, topic, tags or slow mode."""
        self._of_guild(channel_id, actor_id)
        channel = self.channels[channel_id]
        self.require(actor_id, channel_id, Permission.MANAGE_CHANNELS)
        check_channel_edit(changes)
        channel.name = changes.get("name", channel.name)
        channel.topic = changes.get("topic", channel.topic)
        channel.slow_seconds = _given(changes.get("rate_limit_per_user"), channel.slow_seconds)
        channel.thread_slow_seconds = _given(
            changes.get("default_thread_rate_limit_per_user"), channel.thread_slow_seconds
        )
        if "available_tags" in changes:
            channel.tags = [self._tag(tag) for tag in changes["available_tags"]]
        self.emit("CHANNEL_UPDATE", channel.payload())
        return channel

    def delete_channel(self, channel_id: int, actor_id: int) -> Payload:
        """Delete a channel with its threads, or one thread; return it as it was."""
        place = self._of_guild(channel_id, actor_id)
        if isinstance(place, Thread):
            self.require(actor_id, channel_id, Permission.MANAGE_THREADS)
            return self._delete_thread(place)
        self.require(actor_id, channel_id, Permission.MANAGE_CHANNELS)
        for thread in self.threads_of(channel_id):
            self._drop_messages(self.threads.pop(thread.id))
        self._drop_messages(self.channels.pop(channel_id))
        self.emit("CHANNEL_DELETE", place.payload())
        return place.payload()

    def archived_threads(
        self, channel_id: int, actor_id: int, *, before: float | None, limit: int
    ) -> tuple[list[Thread], bool]:
        """List public archived threads, the last archived first, and whether more follow."""
        self.visible(channel_id, actor_id)
        self.require(actor_id, channel_id, Permission.READ_MESSAGE_HISTORY)
        # Held against what a client was told: microseconds, not the clock's finer steps.
        found = [
            thread
            for thread in self.threads_of(channel_id, archived=True)
            if thread.kind is ChannelKind.PUBLIC_THREAD
            and (before is None or timestamp(thread.archived_at) < timestamp(before))
        ]
        found.sort(key=lambda thread: (-thread.archived_at, -thread.id))
        return found[:limit], len(found) > limit

    def active_threads(self, guild_id: int, actor_id: int) -> list[Thread]:
        """List the guild's threads that are not archived and that the actor may see."""
        self.get_guild(guild_id)
        return [
            thread
            for thread in reversed(self.threads.values())
            if thread.guild_id == guild_id
            and not thread.archived
            and self.sees(actor_id, thread.id)
        ]

    def sees(self, user_id: int, channel_id: int) -> bool:
        try:
            self.visible(channel_id, user_id)
        except DiscordError:
            return False
        return True

    # Messages

    def open_direct_channel(self, recipient_id: int) -> DirectChannel:
        """Return the bot's channel with a person, made when it is first asked for."""
        recipient = self.users.get(recipient_id)
        if recipient is None or recipient is self.bot:
            raise DiscordError(400, 50033, "Invalid Recipient(s)")
        if recipient.bot:
            raise DiscordError(400, 50007, "Cannot send messages to this user")
        channel = self.find_direct_channel(recipient_id)
        if channel is None:
            channel = DirectChannel(self.new_id(), recipient)
            self.direct_channels[channel.id] = channel
        return channel

    def send_message(
        self, channel_id: int, author_id: int, body: Payload, files: Sequence[Attachment] = ()
    ) -> Message:
        """Post a message; a nonce that its author used lately gives back that first message."""
        place = self.visible(channel_id, author_id)
        check_new_message(body, files=len(files))
        self._check_files(files)
        self._check_may_send(place, author_id)
        if files:
            self.require(author_id, place.id, Permission.ATTACH_FILES)
        self._check_may_reply(place, author_id, body)
        known = self._known_nonce(author_id, body)
        if known is not None:
            return known
        self._check_pace(place, author_id)
        self._check_automod(body)
        if isinstance(place, Thread) and place.archived:
            self._change_thread(place, {"archived": False})
        return self._put_message(place, self.users[author_id], body, files)

    def edit_message(
        self,
        channel_id: int,
        message_id: int,
        actor_id: int,
        body: Payload,
        files: Sequence[Attachment] = (),
    ) -> Message:
        place = self.visible(channel_id, actor_id)
        message = self.get_message(channel_id, message_id)
        check_message_edit(body)
        if message.author.id != actor_id:
            raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
        if message.ephemeral:
            raise DiscordError(404, 10008, "Unknown Message")
        if isinstance(place, Thread) and place.archived:
            raise DiscordError(400, 50083, "Thread is archived")
        if files:
            self.require(actor_id, place.id, Permission.ATTACH_FILES)
        self._check_automod(body)
        return self.change_message(message, body, files)

    def delete_message(self, channel_id: int, message_id: int, actor_id: int) -> None:
        self.visible(channel_id, actor_id)
        message = self.get_message(channel_id, message_id)
        if message.author.id != actor_id:
            self._of_guild(channel_id, actor_id)
            self.require(actor_id, channel_id, Permission.MANAGE_MESSAGES)
        self.remove_message(message)

    def delete_messages(self, channel_id: int, message_ids: Sequence[int], actor_id: int) -> None:
        """Delete messages of a server at once, which is told as one event."""
        place = self._of_guild(channel_id, actor_id)
        self.require(actor_id, channel_id, Permission.MANAGE_MESSAGES)
        for message_id in message_ids:
            self._take_out(self.get_message(channel_id, message_id))
        self.emit(
            "MESSAGE_DELETE_BULK",
            {
                "ids": [str(message_id) for message_id in message_ids],
                "channel_id": str(channel_id),
                "guild_id": str(place.guild_id),
            },
        )

    def history(
        self,
        channel_id: int,
        actor_id: int,
        *,
        before: int | None = None,
        after: int | None = None,
        around: int | None = None,
        limit: int = 50,
    ) -> list[Message]:
        """List messages, newest first; nobody without the right to history sees any."""
        ids = self.visible(channel_id, actor_id).message_ids
        if not self.may(actor_id, channel_id, Permission.READ_MESSAGE_HISTORY):
            return []
        if after is not None:
            start = bisect_right(ids, after)
            chosen = ids[start : start + limit]
        elif around is not None:
            start = max(0, bisect_left(ids, around) - limit // 2)
            chosen = ids[start : start + limit]
        else:
            end = len(ids) if before is None else bisect_left(ids, before)
            chosen = ids[max(0, end - limit) : end]
        return [self.messages[one] for one in reversed(chosen)]

    def read_message(self, channel_id: int, message_id: int, actor_id: int) -> Message:
        self.visible(channel_id, actor_id)
        if not self.may(actor_id, channel_id, Permission.READ_MESSAGE_HISTORY):
            raise DiscordError(403, 50001, "Missing Access")
        message = self.get_message(channel_id, message_id)
        if message.ephemeral:
            raise DiscordError(404, 10008, "Unknown Message")
        return message

    def typing(self, channel_id: int, user_id: int) -> None:
        """Show that a user writes, for about ten seconds or until a message comes."""
        place = self.visible(channel_id, user_id)
        self._check_may_send(place, user_id)
        body: Payload = {
            "channel_id": str(channel_id),
            "user_id": str(user_id),
            "timestamp": int(self.clock()),
        }
        if place.guild_id is not None:
            member = self.get_member(place.guild_id, user_id)
            body |= {"guild_id": str(place.guild_id), "member": member.payload()}
        self.emit("TYPING_START", body)

    def put_response(
        self,
        place: Place,
        body: Payload,
        files: Sequence[Attachment] = (),
        *,
        kind: MessageKind,
        interaction: Payload,
        command: str,
        ephemeral_to: int | None,
        reply_to: int | None = None,
    ) -> Message:
        """Post a message of the bot that answers an interaction; rights do not matter to it."""
        self._check_files(files)
        message = self._message(place, self.bot, body, files)
        message.kind = kind
        message.interaction, message.command = interaction, command
        message.application_id = self.application.id
        message.ephemeral_to = ephemeral_to
        if reply_to is not None:
            message.reply_to, message.referenced = reply_to, self.messages.get(reply_to)
        return self._publish(place, message)

    def change_message(
        self, message: Message, body: Payload, files: Sequence[Attachment] = ()
    ) -> Message:
        """Take over what `body` names; a field that it leaves out stays as it was."""
        self._check_files(files)
        if "content" in body:
            message.content = body["content"] or ""
            self._set_mentions(message, body.get("allowed_mentions"))
        if "embeds" in body:
            message.embeds = _embeds(body["embeds"] or [])
        if "components" in body:
            message.components = numbered(body["components"] or [])
        if "attachments" in body or files:
            kept = {int(one["id"]) for one in body.get("attachments") or ()}
            message.attachments = [one for one in message.attachments if one.id in kept]
            message.attachments += files
        if body.get("flags") is not None:
            keep = message.flags & (MessageFlag.EPHEMERAL | MessageFlag.COMPONENTS_V2)
            message.flags = keep | MessageFlag(int(body["flags"]) & ~MessageFlag.EPHEMERAL)
        message.edited_at = self.clock()
        self.emit("MESSAGE_UPDATE", self.event_payload(message))
        return message

    def remove_message(self, message: Message) -> None:
        self._take_out(message)
        body: Payload = {"id": str(message.id), "channel_id": str(message.channel_id)}
        if message.guild_id is not None and not message.ephemeral:
            body["guild_id"] = str(message.guild_id)
        self.emit("MESSAGE_DELETE", body)

    def _take_out(self, message: Message) -> None:
        message.deleted = True
        if not message.ephemeral:
            self.get_channel(message.channel_id).message_ids.remove(message.id)

    def event_payload(self, message: Message) -> Payload:
        """Describe a message as MESSAGE_CREATE does; an ephemeral or direct one names no guild."""
        body = message.payload()
        if message.ephemeral:
            return body
        body["channel_type"] = int(self.get_channel(message.channel_id).kind)
        if message.guild_id is None:
            return body
        body["guild_id"] = str(message.guild_id)
        member = self.guilds[message.guild_id].members.get(message.author.id)
        if member is not None and message.application_id is None:
            body["member"] = member.payload(with_user=False)
        for mention in body["mentions"]:
            mentioned = self.guilds[message.guild_id].members.get(int(mention["id"]))
            if mentioned is not None:
                mention["member"] = mentioned.payload(with_user=False)
        return body

    def attachment(
        self, filename: str, content: bytes, content_type: str, place_id: int
    ) -> Attachment:
        """Keep an uploaded file; it is served below `files_url` once a message holds it."""
        known_id = self.new_id()
        url = f"{self.files_url}/attachments/{place_id}/{known_id}/{filename}"
        return Attachment(known_id, filename, content, url, content_type)

    # Inside

    def _is_bot(self, user_id: int) -> bool:
        return self._application is not None and user_id == self._application.user.id

    def _of_guild(self, channel_id: int, actor_id: int) -> Channel | Thread:
        """Return what the actor may see, where there is something to manage."""
        place = self.visible(channel_id, actor_id)
        if isinstance(place, DirectChannel):
            raise DiscordError(400, 50003, "Cannot execute action on a DM channel")
        return place

    def _open_thread(
        self,
        parent: Channel,
        owner_id: int,
        body: Payload,
        thread_id: int,
        kind: ChannelKind = ChannelKind.PUBLIC_THREAD,
    ) -> Thread:
        now = self.clock()
        thread = Thread(thread_id, parent.guild_id, parent.id, owner_id, body["name"], now, kind)
        thread.in_forum = parent.kind is ChannelKind.FORUM
        thread.archived_at = now
        thread.auto_archive_minutes = (
            body.get("auto_archive_duration") or thread.auto_archive_minutes
        )
        thread.applied_tags = [int(tag) for tag in body.get("applied_tags") or []]
        thread.slow_seconds = _given(body.get("rate_limit_per_user"), parent.thread_slow_seconds)
        thread.member_ids[owner_id] = now
        if thread.in_forum:
            parent.last_message_id = thread.id
        self.threads[thread.id] = thread
        self._acted[parent.id, owner_id, True] = now
        bot_id = self.bot.id if self._application else None
        self.emit("THREAD_CREATE", thread.payload(bot_id) | {"newly_created": True})
        return thread

    def _own_change(self, thread: Thread, actor_id: int, changes: Payload) -> bool:
        """Tell what needs no moderator: the owner's own thread, and waking an unlocked one."""
        if thread.locked:
            return False
        if changes == {"archived": False}:
            return True
        allowed = {"name", "archived", "applied_tags", "auto_archive_duration"}
        return thread.owner_id == actor_id and changes.keys() <= allowed

    def _change_thread(self, thread: Thread, changes: Payload) -> None:
        thread.name = changes.get("name") or thread.name
        thread.locked = _given(changes.get("locked"), thread.locked)
        thread.flags = _given(changes.get("flags"), thread.flags)
        thread.auto_archive_minutes = _given(
            changes.get("auto_archive_duration"), thread.auto_archive_minutes
        )
        thread.slow_seconds = _given(changes.get("rate_limit_per_user"), thread.slow_seconds)
        if changes.get("applied_tags") is not None:
            thread.applied_tags = [int(tag) for tag in changes["applied_tags"]]
        archived = _given(changes.get("archived"), thread.archived)
        if archived != thread.archived:
            thread.archived, thread.archived_at = archived, self.clock()
        self.emit("THREAD_UPDATE", thread.payload(self.bot.id if self._application else None))

    def _delete_thread(self, thread: Thread) -> Payload:
        del self.threads[thread.id]
        self._drop_messages(thread)
        body = {key: thread.payload()[key] for key in ("id", "guild_id", "parent_id", "type")}
        self.emit("THREAD_DELETE", body)
        return thread.payload()

    def _drop_messages(self, place: Place) -> None:
        for message_id in place.message_ids:
            self.messages[message_id].deleted = True

    def _join(self, thread: Thread, user_id: int) -> None:
        if user_id in thread.member_ids:
            return
        thread.member_ids[user_id] = self.clock()
        member = self.get_member(thread.guild_id, user_id)
        added = thread.member_payload(user_id) | {"member": member.payload(), "presence": None}
        self.emit(
            "THREAD_MEMBERS_UPDATE",
            {
                "id": str(thread.id),
                "guild_id": str(thread.guild_id),
                "member_count": min(len(thread.member_ids), 50),
                "added_members": [added],
            },
        )

    def _tags_for(self, user_id: int, channel: Channel) -> set[int]:
        """Return the tags that a user may apply; some are for moderators alone."""
        moderator = self.may(user_id, channel.id, Permission.MANAGE_THREADS)
        return {tag.id for tag in channel.tags if moderator or not tag.moderated}

    def _tag(self, body: Payload) -> Tag:
        known_id = int(body["id"]) if body.get("id") else self.new_id()
        return Tag(known_id, body["name"], body.get("moderated") or False, body.get("emoji_name"))

    def _check_may_send(self, place: Place, author_id: int) -> None:
        if isinstance(place, DirectChannel):
            return self._check_reachable(place.recipient, author_id)
        if not isinstance(place, Thread):
            if place.kind is ChannelKind.FORUM:
                raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
            return self.require(author_id, place.id, Permission.SEND_MESSAGES)
        self.require(author_id, place.id, Permission.SEND_MESSAGES_IN_THREADS)
        if place.locked and not self.may(author_id, place.id, Permission.MANAGE_THREADS):
            if place.archived:
                raise DiscordError(400, 50083, "Thread is archived")
            raise DiscordError(403, 160005, "Thread is locked")
        if any(place is thread for thread, _, _ in self._held_messages):
            raise DiscordError(
                400,
                40058,
                "Cannot message this thread until after the post author has sent an initial message.",
            )
        return None

    def _check_may_reply(self, place: Place, author_id: int, body: Payload) -> None:
        reads = self.may(author_id, place.id, Permission.READ_MESSAGE_HISTORY)
        if body.get("message_reference") and not reads:
            raise DiscordError(
                403, 160002, "Cannot reply without permission to read message history"
            )

    def _check_reachable(self, recipient: User, author_id: int) -> None:
        if not self._is_bot(author_id):
            return
        if not recipient.takes_direct_messages:
            raise DiscordError(403, 50007, "Cannot send messages to this user")
        guilds = self.guilds.values()
        if not any({recipient.id, author_id} <= guild.members.keys() for guild in guilds):
            reason = "Cannot send messages to this user due to having no mutual guilds"
            raise DiscordError(403, 50278, reason)

    def _check_pace(self, place: Place, user_id: int, *, opens_thread: bool = False) -> None:
        """Refuse who writes or opens threads faster than slow mode lets people; bots are free."""
        if isinstance(place, DirectChannel) or not place.slow_seconds or self.users[user_id].bot:
            return
        acted_at = self._acted.get((place.id, user_id, opens_thread))
        left = 0.0 if acted_at is None else acted_at + place.slow_seconds - self.clock()
        above = _ABOVE_SLOW_MODE
        if isinstance(place, Thread):
            above |= Permission.MANAGE_THREADS
        if left > 0 and not self.permissions(user_id, place.id) & above:
            reason = "This action cannot be performed due to slowmode rate limit"
            raise DiscordError(429, 20016, reason, retry_after=left)

    def _check_automod(self, body: Payload) -> None:
        content = (body.get("content") or "").lower()
        if any(word.lower() in content for word in self.blocked_words):
            raise DiscordError(400, 200000, "Message was blocked by automatic moderation")

    def _check_files(self, files: Sequence[Attachment]) -> None:
        if len(files) > FILES:
            raise DiscordError(400, 30015, f"Maximum number of attachments reached ({FILES})")
        if any(len(file.content) > FILE_BYTES for file in files):
            raise DiscordError(413, 40005, "Request entity too large")

    def _known_nonce(self, author_id: int, body: Payload) -> Message | None:
        """Find the author's message of the same nonce, in whichever channel it was sent."""
        if not body.get("enforce_nonce") or body.get("nonce") is None:
            return None
        oldest = self.clock() - self.nonce_seconds
        while self._nonces_by_age and self._nonces_by_age[0][0] <= oldest:
            self._nonces.pop(self._nonces_by_age.popleft()[1], None)
        return self._nonces.get((author_id, str(body["nonce"])))

    def _put_message(
        self, place: Place, author: User, body: Payload, files: Sequence[Attachment] = ()
    ) -> Message:
        message = self._message(place, author, body, files)
        self._set_reference(message, body.get("message_reference"), body.get("allowed_mentions"))
        message.nonce = body.get("nonce")
        if message.nonce is not None:
            key = (author.id, str(message.nonce))
            self._nonces[key] = message
            self._nonces_by_age.append((message.created_at, key))
        self._publish(place, message)
        self._acted[place.id, author.id, False] = message.created_at
        if isinstance(place, Thread):
            self._join(place, author.id)
        return message

    def _message(
        self, place: Place, author: User, body: Payload, files: Sequence[Attachment]
    ) -> Message:
        first = isinstance(place, Thread) and place.in_forum and place.last_message_id is None
        message = Message(
            place.id if first else self.new_id(),
            place.id,
            place.guild_id,
            author,
            (body.get("content") or "").strip(),
            self.clock(),
            flags=MessageFlag(int(body.get("flags") or 0)),
            embeds=_embeds(body.get("embeds") or []),
            components=numbered(body.get("components") or []),
            attachments=list(files),
        )
        self._set_mentions(message, body.get("allowed_mentions"))
        return message

    def _publish(self, place: Place, message: Message) -> Message:
        self.messages[message.id] = message
        if not message.ephemeral:
            if isinstance(place, Thread):
                message.position = place.messages_sent
                place.messages_sent += message.id != place.id
            place.message_ids.append(message.id)
            place.last_message_id = message.id
        self.emit("MESSAGE_CREATE", self.event_payload(message))
        return message

    def _set_reference(
        self, message: Message, reference: Payload | None, allowed: Payload | None
    ) -> None:
        if not reference:
            return
        target = self.messages.get(int(reference["message_id"]))
        if target is None or target.deleted or target.channel_id != message.channel_id:
            if reference.get("fail_if_not_exists") is False:
                return
            raise DiscordError(
                400,
                50035,
                "Invalid Form Body\nIn message_reference: Unknown message",
                errors={
                    "message_reference": {
                        "_errors": [
                            {"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}
                        ]
                    }
                },
            )
        message.kind = MessageKind.REPLY
        message.reply_to, message.referenced = target.id, target
        pings = allowed is None or allowed.get("replied_user", False)
        if pings and target.author not in message.mentions:
            message.mentions.append(target.author)

    def _set_mentions(self, message: Message, allowed: Payload | None) -> None:
        """Work out who is pinged: what the text names, as far as `allowed` lets it."""
        members, roles_there = self._known_at(message)
        author_may = self.may(message.author.id, message.channel_id, Permission.MENTION_EVERYONE)
        users = [int(one) for one in _USER_MENTION.findall(message.content)]
        roles = [int(one) for one in _ROLE_MENTION.findall(message.content)]
        everyone = bool(_EVERYONE_MENTION.search(message.content))
        message.mentions = [
            self.users[one]
            for one in dict.fromkeys(users)
            if one in members and _allowed(allowed, "users", one)
        ]
        message.mention_roles = [
            one
            for one in dict.fromkeys(roles)
            if one in roles_there
            and (author_may or roles_there[one].mentionable)
            and _allowed(allowed, "roles", one)
        ]
        message.mention_everyone = everyone and author_may and _allowed(allowed, "everyone", None)

    def _known_at(self, message: Message) -> tuple[Collection[int], Mapping[int, Role]]:
        """Return the ids of those who can be mentioned in a message, and the roles."""
        place = self.get_channel(message.channel_id)
        if isinstance(place, DirectChannel):
            return {self.bot.id, place.recipient.id}, {}
        guild = self.guilds[place.guild_id]
        return guild.members.keys(), guild.roles


class _Waiter:
    """One who waits until the world looks a certain way."""

    def __init__(self, look: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        self._look = look
        self.future = future

    def ask(self) -> None:
        if self.future.done():
            return
        try:
            found = self._look()
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            self.future.set_exception(error)
            return
        if found:
            self.future.set_result(found)


def without_content(payload: Payload) -> Payload:
    """Take from a message what a bot without the message content intent may not read."""
    stripped = payload | CONTENT_FIELDS
    if stripped.get("referenced_message"):
        stripped["referenced_message"] = stripped["referenced_message"] | CONTENT_FIELDS
    return stripped


def _allowed(allowed: Payload | None, kind: str, known_id: int | None) -> bool:
    if allowed is None or kind in (allowed.get("parse") or ()):
        return True
    return known_id in {int(one) for one in allowed.get(kind) or ()}


def _embeds(embeds: Sequence[Payload]) -> list[Payload]:
    return [{"type": "rich"} | embed for embed in embeds]


def _given(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value
