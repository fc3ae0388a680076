"""What the playground's Discord is made of, and how each thing looks on the wire.

Every `payload` has the field names, types and nulls of Discord's API v10, so
that the real client reads it as it reads Discord. Nothing here decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import Any, ClassVar

Payload = dict[str, Any]

EPOCH_MS = 1_420_070_400_000  # Discord's first millisecond, 2015-01-01
LOCALE = "en-US"


class ChannelKind(IntEnum):
    TEXT = 0
    DIRECT = 1
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


class MessageKind(IntEnum):
    DEFAULT = 0
    REPLY = 19
    SLASH_COMMAND = 20
    CONTEXT_MENU = 23


class MessageFlag(IntFlag):
    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


class Permission(IntFlag):
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


ALL_PERMISSIONS = Permission(sum(Permission))
EVERYONE_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
DIRECT_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
)
NO_PERMISSIONS = Permission(0)


class DiscordError(Exception):
    """A refusal as Discord words it: the HTTP status, its own code and a sentence."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        errors: Payload | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} (error code: {code}): {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.retry_after = retry_after  # seconds

    def payload(self) -> Payload:
        body: Payload = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        if self.retry_after is not None:
            body["retry_after"] = round(self.retry_after, 3)
        return body


def timestamp(seconds: float) -> str:
    """Write a time as Discord does, always with microseconds and the zone."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def snowflake_seconds(snowflake: int) -> float:
    return ((snowflake >> 22) + EPOCH_MS) / 1000


@dataclass(slots=True, eq=False)
class User:
    id: int
    name: str
    bot: bool = False
    takes_direct_messages: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "username": self.name.lower().replace(" ", "_"),
            "discriminator": "0",
            "global_name": self.name,
            "avatar": None,
            "avatar_decoration_data": None,
            "banner": None,
            "accent_color": None,
            "collectibles": None,
            "primary_guild": None,
            "public_flags": 0,
            "flags": 0,
            "bot": self.bot,
        }

    def private_payload(self) -> Payload:
        """Describe the user to itself, as `GET /users/@me` does."""
        return self.payload() | {
            "mfa_enabled": True,
            "locale": LOCALE,
            "premium_type": 0,
            "email": None,
            "verified": True,
        }


@dataclass(slots=True, eq=False)
class Role:
    id: int
    guild_id: int
    name: str
    permissions: Permission
    position: int = 1
    bot_id: int | None = None  # the bot that this role came with
    mentionable: bool = False  # by everybody

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(int(self.permissions)),
            "position": self.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": self.bot_id is not None,
            "mentionable": self.mentionable,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }
        if self.bot_id is not None:
            body["tags"] = {"bot_id": str(self.bot_id)}
        return body


@dataclass(slots=True, eq=False)
class Membership:
    """A user in a guild."""

    guild_id: int
    user: User
    joined_at: float
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    timed_out_until: float | None = None

    def payload(self, *, with_user: bool = True) -> Payload:
        body: Payload = {
            "avatar": None,
            "banner": None,
            "communication_disabled_until": timestamp(self.timed_out_until)
            if self.timed_out_until is not None
            else None,
            "flags": 0,
            "joined_at": timestamp(self.joined_at),
            "nick": self.nick,
            "pending": False,
            "premium_since": None,
            "roles": [str(role_id) for role_id in self.role_ids],
            "mute": False,
            "deaf": False,
        }
        if with_user:
            body["user"] = self.user.payload()
        return body


@dataclass(slots=True, eq=False)
class Overwrite:
    """What a channel allows or denies one role (kind 0) or one member (kind 1)."""

    target_id: int
    kind: int
    allow: Permission = NO_PERMISSIONS
    deny: Permission = NO_PERMISSIONS

    def payload(self) -> Payload:
        return {
            "id": str(self.target_id),
            "type": self.kind,
            "allow": str(int(self.allow)),
            "deny": str(int(self.deny)),
        }


@dataclass(slots=True, eq=False)
class Tag:
    id: int
    name: str
    moderated: bool = False
    emoji: str | None = None

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "name": self.name,
            "moderated": self.moderated,
            "emoji_id": None,
            "emoji_name": self.emoji,
        }


@dataclass(slots=True, eq=False)
class Channel:
    """A text channel or a forum; threads are `Thread`."""

    id: int
    guild_id: int
    kind: ChannelKind
    name: str
    topic: str | None = None
    position: int = 0
    tags: list[Tag] = field(default_factory=list)
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    message_ids: list[int] = field(default_factory=list)  # oldest first
    last_message_id: int | None = None  # of a forum: the newest thread
    slow_seconds: int = 0  # between two messages of one person; of a forum, between two posts
    thread_slow_seconds: int = 0  # what its new threads begin with

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "type": int(self.kind),
            "guild_id": str(self.guild_id),
            "name": self.name,
            "position": self.position,
            "parent_id": None,
            "topic": self.topic,
            "nsfw": False,
            "flags": 0,
            "last_message_id": _maybe(self.last_message_id),
            "last_pin_timestamp": None,
            "rate_limit_per_user": self.slow_seconds,
            "default_thread_rate_limit_per_user": self.thread_slow_seconds,
            "permission_overwrites": [one.payload() for one in self.overwrites.values()],
        }
        if self.kind is ChannelKind.FORUM:
            body |= {
                "available_tags": [tag.payload() for tag in self.tags],
                "default_reaction_emoji": None,
                "default_sort_order": None,
                "default_forum_layout": 0,
            }
        return body


@dataclass(slots=True, eq=False)
class Thread:
    """A forum post with its replies, or a thread of a text channel."""

    id: int
    guild_id: int
    parent_id: int
    owner_id: int
    name: str
    created_at: float
    kind: ChannelKind = ChannelKind.PUBLIC_THREAD
    in_forum: bool = True
    archived: bool = False
    locked: bool = False
    archived_at: float = 0.0  # when `archived` last changed
    auto_archive_minutes: int = 4320
    applied_tags: list[int] = field(default_factory=list)
    flags: int = 0
    member_ids: dict[int, float] = field(default_factory=dict)  # user: when joined
    message_ids: list[int] = field(default_factory=list)  # oldest first
    last_message_id: int | None = None
    messages_sent: int = 0  # the first message of a post is not counted
    slow_seconds: int = 0  # between two messages of one person

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    def payload(self, member_id: int | None = None) -> Payload:
        """Describe the thread; with `member_id` also how that user takes part, if so."""
        body: Payload = {
            "id": str(self.id),
            "type": int(self.kind),
            "guild_id": str(self.guild_id),
            "parent_id": str(self.parent_id),
            "owner_id": str(self.owner_id),
            "name": self.name,
            "flags": self.flags,
            "last_message_id": _maybe(self.last_message_id),
            "rate_limit_per_user": self.slow_seconds,
            "message_count": len(self.message_ids) - (self.id in self.message_ids[:1]),
            "total_message_sent": self.messages_sent,
            "member_count": min(len(self.member_ids), 50),  # Discord stops counting there
            "thread_metadata": {
                "archived": self.archived,
                "locked": self.locked,
                "archive_timestamp": timestamp(self.archived_at),
                "auto_archive_duration": self.auto_archive_minutes,
                "create_timestamp": timestamp(self.created_at),
            },
        }
        if self.kind is ChannelKind.PRIVATE_THREAD:
            body["thread_metadata"]["invitable"] = True
        if self.in_forum:
            body["applied_tags"] = [str(tag_id) for tag_id in self.applied_tags]
        if member_id in self.member_ids:
            body["member"] = self.member_payload(member_id)
        return body

    def member_payload(self, user_id: int) -> Payload:
        return {
            "id": str(self.id),
            "user_id": str(user_id),
            "join_timestamp": timestamp(self.member_ids[user_id]),
            "flags": 0,
        }


@dataclass(slots=True, eq=False)
class DirectChannel:
    """The direct messages between the bot and one person, which belong to no guild."""

    kind: ClassVar[ChannelKind] = ChannelKind.DIRECT
    guild_id: ClassVar[None] = None

    id: int
    recipient: User
    message_ids: list[int] = field(default_factory=list)  # oldest first
    last_message_id: int | None = None

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "type": int(self.kind),
            "flags": 0,
            "last_message_id": _maybe(self.last_message_id),
            "last_pin_timestamp": None,
            "recipients": [self.recipient.payload()],
        }


@dataclass(frozen=True, slots=True)
class Attachment:
    id: int
    filename: str
    content: bytes
    url: str
    content_type: str
    description: str | None = None

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "filename": self.filename,
            "size": len(self.content),
            "url": self.url,
            "proxy_url": self.url,
            "content_type": self.content_type,
        }
        if self.description:
            body["description"] = self.description
        return body


@dataclass(slots=True, eq=False)
class Message:
    """One message; `ephemeral_to` names the only person who sees it, if so."""

    id: int
    channel_id: int
    guild_id: int | None  # None: a direct message
    author: User
    content: str
    created_at: float
    kind: MessageKind = MessageKind.DEFAULT
    flags: MessageFlag = field(default_factory=lambda: MessageFlag(0))
    embeds: list[Payload] = field(default_factory=list)
    components: list[Payload] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    edited_at: float | None = None
    nonce: str | int | None = None
    reply_to: "int | None" = None
    referenced: "Message | None" = None
    position: int | None = None  # in a thread
    interaction: Payload | None = None  # which interaction it answers
    command: str = ""  # the name of the command that this interaction was, if it was one
    application_id: int | None = None
    ephemeral_to: int | None = None
    deleted: bool = False

    @property
    def ephemeral(self) -> bool:
        return self.ephemeral_to is not None

    @property
    def loading(self) -> bool:
        """Whether it still says that the bot is thinking."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def buttons(self) -> list[Payload]:
        """All buttons and selects in reading order."""
        return [part for part in walk(self.components) if part["type"] in INTERACTIVE]

    def payload(self, *, with_reference: bool = True) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "channel_id": str(self.channel_id),
            "author": self.author.payload(),
            "content": self.content,
            "timestamp": timestamp(self.created_at),
            "edited_timestamp": None if self.edited_at is None else timestamp(self.edited_at),
            "tts": False,
            "mention_everyone": self.mention_everyone,
            "mentions": [user.payload() for user in self.mentions],
            "mention_roles": [str(role_id) for role_id in self.mention_roles],
            "attachments": [attachment.payload() for attachment in self.attachments],
            "embeds": self.embeds,
            "components": self.components,
            "pinned": False,
            "type": int(self.kind),
            "flags": int(self.flags),
        }
        if self.nonce is not None:
            body["nonce"] = self.nonce
        if self.position is not None:
            body["position"] = self.position
        if self.interaction is not None:
            body["interaction_metadata"] = self.interaction
        if self.application_id is not None:
            body["application_id"] = body["webhook_id"] = str(self.application_id)
        if self.reply_to is not None:
            self._add_reference(body, with_reference)
        return body

    def _add_reference(self, body: Payload, with_reference: bool) -> None:
        body["message_reference"] = {
            "type": 0,
            "message_id": str(self.reply_to),
            "channel_id": str(self.channel_id),
        }
        if self.guild_id is not None:
            body["message_reference"]["guild_id"] = str(self.guild_id)
        if with_reference:
            gone = self.referenced is None or self.referenced.deleted
            body["referenced_message"] = (
                None
                if gone or not self.referenced
                else self.referenced.payload(with_reference=False)
            )


@dataclass(slots=True, eq=False)
class Guild:
    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Membership] = field(default_factory=dict)

    def payload(self) -> Payload:
        """Describe the guild as `GET /guilds/{id}` does; GUILD_CREATE adds more."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "description": None,
            "home_header": None,
            "splash": None,
            "discovery_splash": None,
            "banner": None,
            "features": ["COMMUNITY", "NEWS"],
            "owner_id": str(self.owner_id),
            "application_id": None,
            "region": "us-west",
            "afk_channel_id": None,
            "afk_timeout": 300,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "widget_enabled": False,
            "widget_channel_id": None,
            "verification_level": 0,
            "roles": [role.payload() for role in self.roles.values()],
            "default_message_notifications": 0,
            "mfa_level": 0,
            "explicit_content_filter": 0,
            "max_presences": None,
            "max_members": 500_000,
            "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
            "vanity_url_code": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": LOCALE,
            "rules_channel_id": None,
            "safety_alerts_channel_id": None,
            "public_updates_channel_id": None,
            "premium_progress_bar_enabled": False,
            "nsfw": False,
            "nsfw_level": 0,
            "emojis": [],
            "stickers": [],
            "incidents_data": None,
            "hub_type": None,
        }


@dataclass(slots=True, eq=False)
class Application:
    """The bot's application: its user, its token and the privileges it was given."""

    id: int
    name: str
    user: User
    owner: User
    token: str
    message_content: bool = True  # the privileged intents switched on for it
    guild_members: bool = False

    @property
    def flags(self) -> int:
        """The limited forms (bots in under 100 guilds): 1 << 15 members, 1 << 19 content."""
        return (1 << 15) * self.guild_members | (1 << 19) * self.message_content

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": self.user.payload(),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": self.flags,
            "flags_new": str(self.flags),
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self.owner.payload(),
            "approximate_guild_count": 1,
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
            "integration_types_config": {"0": {}},
        }


INTERACTIVE = frozenset((2, 3, 4, 5, 6, 7, 8))  # component types that carry a custom_id


def walk(components: Iterable[Payload]) -> Iterable[Payload]:
    """Yield every component, outer before inner, in the order they are shown."""
    for component in components:
        yield component
        yield from walk(component.get("components", ()))
        for key in ("component", "accessory"):
            if key in component:
                yield from walk((component[key],))


def numbered(components: Sequence[Payload]) -> list[Payload]:
    """Return components as Discord gives them back: each with an `id`."""
    counter = iter(range(1, 1000))
    return [_numbered(component, counter) for component in components]


def _numbered(component: Payload, counter: Iterable[int]) -> Payload:
    copy: Payload = {key: value for key, value in component.items() if value is not None}
    copy["id"] = copy.get("id") or next(iter(counter))
    if "components" in copy:
        copy["components"] = [_numbered(part, counter) for part in copy["components"]]
    for key in ("component", "accessory"):
        if key in copy:
            copy[key] = _numbered(copy[key], counter)
    if copy["type"] == 3:  # a string select says how many may be chosen
        copy = {"min_values": 1, "max_values": 1} | copy
    return copy


def _maybe(snowflake: int | None) -> str | None:
    return None if snowflake is None else str(snowflake)
