"""Commands, buttons and modals: how a member calls the bot, and how the bot may answer.

An interaction must be acknowledged within 3 s and its token lives 15 minutes;
then Discord knows it no more. Answers obey the same limits as messages.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from docbot.playground.checks import (
    FILE_BYTES,
    check_choices,
    check_commands,
    check_message_edit,
    check_modal,
    check_response,
    invalid,
)
from docbot.playground.objects import (
    LOCALE,
    Attachment,
    DiscordError,
    Message,
    MessageFlag,
    MessageKind,
    Payload,
    Permission,
    Thread,
    User,
    numbered,
)
from docbot.playground.world import World

ACKNOWLEDGE_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
_GUILD, _DIRECT = 0, 1  # contexts of a call


class InteractionKind(IntEnum):
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CommandKind(IntEnum):
    CHAT = 1
    USER = 2
    MESSAGE = 3


class Callback(IntEnum):
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


_ALLOWED = {
    InteractionKind.COMMAND: {Callback.MESSAGE, Callback.DEFERRED_MESSAGE, Callback.MODAL},
    InteractionKind.COMPONENT: set(Callback) - {Callback.CHOICES},
    InteractionKind.AUTOCOMPLETE: {Callback.CHOICES},
    InteractionKind.MODAL: set(Callback) - {Callback.CHOICES, Callback.MODAL},
}


@dataclass(slots=True, eq=False)
class Interaction:
    """One call of the bot, and what came of it so far."""

    id: int
    token: str
    kind: InteractionKind
    guild_id: int | None  # None: in direct messages
    channel_id: int
    user: User
    data: Payload
    created_at: float
    message: Message | None = None  # whose component was pressed
    opener: "Interaction | None" = None  # of a modal: the call that showed it
    callback: Callback | None = None  # how it was acknowledged
    response: Message | None = None  # the original response, also while it is loading
    follow_ups: list[Message] = field(default_factory=list)
    modal: Payload | None = None
    choices: list[Payload] | None = None

    @property
    def owners(self) -> Payload:
        """For whom the application was installed there: a guild, or 0 in direct messages."""
        return {"0": str(self.guild_id or 0)}

    def metadata(self) -> Payload:
        """Describe the call as the messages that answer it do."""
        body: Payload = {
            "id": str(self.id),
            "type": int(self.kind),
            "user": self.user.payload(),
            "authorizing_integration_owners": self.owners,
        }
        if self.kind is InteractionKind.COMPONENT and self.message:
            body["interacted_message_id"] = str(self.message.id)
        if self.kind is InteractionKind.MODAL and self.opener:
            body["triggering_interaction_metadata"] = self.opener.metadata()
        return body


class Interactions:
    """The commands that the bot registered, and the calls of the last quarter of an hour."""

    def __init__(self, world: World, *, acknowledge_seconds: float = ACKNOWLEDGE_SECONDS) -> None:
        self.world = world
        self._acknowledge_seconds = acknowledge_seconds
        self.commands: dict[int | None, list[Payload]] = {}  # by guild; None: global
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}

    # Commands

    def set_commands(self, guild_id: int | None, bodies: Sequence[Payload]) -> list[Payload]:
        """Replace all commands of a guild or the global ones; same names keep their ids."""
        check_commands(bodies)
        known = {_key(command): command for command in self.commands.get(guild_id, ())}
        self.commands[guild_id] = [
            self._registered(guild_id, body, known.get(_key(body))) for body in bodies
        ]
        return self.commands[guild_id]

    def add_command(self, guild_id: int | None, body: Payload) -> Payload:
        others = [one for one in self.commands.get(guild_id, []) if _key(one) != _key(body)]
        return self.set_commands(guild_id, [*map(_as_request, others), body])[-1]

    def delete_command(self, guild_id: int | None, command_id: int) -> None:
        kept = [one for one in self.commands.get(guild_id, []) if one["id"] != str(command_id)]
        if len(kept) == len(self.commands.get(guild_id, [])):
            raise DiscordError(404, 10063, "Unknown application command")
        self.commands[guild_id] = kept

    def commands_for(
        self, guild_id: int | None, user_id: int, kind: CommandKind = CommandKind.CHAT
    ) -> list[Payload]:
        """List what a person finds when typing `/` or opening a menu; guild commands go first.

        In direct messages, without a guild, there are only those that are said to work there.
        """
        if guild_id is None:
            offered = [one for one in self.commands.get(None, ()) if _is_for_direct_messages(one)]
        else:
            granted = self.world.guild_permissions(user_id, guild_id)
            known = (*self.commands.get(guild_id, ()), *self.commands.get(None, ()))
            offered = [one for one in known if _is_allowed(one, granted)]
        found: dict[str, Payload] = {}
        for command in offered:
            if command["type"] == kind:
                found.setdefault(command["name"], command)
        return list(found.values())

    def _registered(self, guild_id: int | None, body: Payload, known: Payload | None) -> Payload:
        permissions = body.get("default_member_permissions")
        command: Payload = {
            "id": known["id"] if known else str(self.world.new_id()),
            "application_id": str(self.world.application.id),
            "version": str(self.world.new_id()),
            "type": body.get("type") or int(CommandKind.CHAT),
            "name": body["name"],
            "name_localizations": body.get("name_localizations"),
            "description": body.get("description") or "",
            "description_localizations": body.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": body.get("dm_permission", True),
            "contexts": body.get("contexts"),
            "integration_types": body.get("integration_types") or [0],
            "nsfw": body.get("nsfw") or False,
            "options": [_option(option) for option in body.get("options") or []],
        }
        if guild_id is not None:
            command["guild_id"] = str(guild_id)
        return command

    # Calls

    def begin(
        self,
        kind: InteractionKind,
        user: User,
        channel_id: int,
        data: Payload,
        *,
        message: Message | None = None,
        opener: Interaction | None = None,
    ) -> Interaction:
        """Let a member call the bot; the bot is told through the gateway."""
        place = self.world.visible(channel_id, user.id)
        interaction = Interaction(
            self.world.new_id(),
            secrets.token_urlsafe(40),
            kind,
            place.guild_id,
            channel_id,
            user,
            data,
            self.world.clock(),
            message,
            opener,
        )
        self._forget_old()
        self._by_id[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        self.world.emit("INTERACTION_CREATE", self._payload(interaction))
        return interaction

    def is_given_up(self, interaction: Interaction) -> bool:
        """Whether the bot did not acknowledge it, and cannot any more."""
        waited = self.world.clock() - interaction.created_at
        return interaction.callback is None and waited > self._acknowledge_seconds

    def respond(
        self, interaction_id: int, token: str, body: Payload, files: Sequence[Attachment] = ()
    ) -> Interaction:
        """Take the bot's acknowledgement, which may be the answer itself."""
        interaction = self._by_id.get(interaction_id)
        if interaction is None or interaction.token != token or self.is_given_up(interaction):
            raise DiscordError(404, 10062, "Unknown interaction")
        if interaction.callback is not None:
            raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
        callback = _callback(body)
        if callback not in _ALLOWED[interaction.kind]:
            raise invalid("type", "INTERACTION_TYPE_INVALID", f"Not for a {interaction.kind.name}")
        answer = {
            Callback.MESSAGE: self._answer,
            Callback.DEFERRED_MESSAGE: self._defer,
            Callback.DEFERRED_UPDATE: self._defer_update,
            Callback.UPDATE: self._update,
            Callback.CHOICES: self._choose,
            Callback.MODAL: self._show_modal,
        }[callback]
        answer(interaction, body.get("data") or {}, files)
        interaction.callback = callback
        self._tell(interaction)
        return interaction

    def follow_up(self, token: str, body: Payload, files: Sequence[Attachment] = ()) -> Message:
        """Post one more answer; the first one after "thinking" takes that message's place."""
        interaction = self._acknowledged(token)
        check_response(body, files=len(files))
        if interaction.response is not None and interaction.response.loading:
            return self._fill(interaction, interaction.response, body, files)
        message = self._post(interaction, body, files)
        interaction.follow_ups.append(message)
        self._tell(interaction)
        return message

    def original(self, token: str) -> Message:
        interaction = self._acknowledged(token)
        if interaction.response is None or interaction.response.deleted:
            raise DiscordError(404, 10008, "Unknown Message")
        return interaction.response

    def message(self, token: str, message_id: int) -> Message:
        """Return one of the answers to an interaction, by id."""
        interaction = self._acknowledged(token)
        for message in (interaction.response, *interaction.follow_ups):
            if message is not None and message.id == message_id and not message.deleted:
                return message
        raise DiscordError(404, 10008, "Unknown Message")

    def edit(
        self, token: str, message: Message, body: Payload, files: Sequence[Attachment] = ()
    ) -> Message:
        interaction = self._acknowledged(token)
        check_message_edit(body)
        return self._fill(interaction, message, body, files)

    def delete(self, token: str, message: Message) -> None:
        interaction = self._acknowledged(token)
        self.world.remove_message(message)
        self._tell(interaction)

    # The ways to acknowledge

    def _answer(self, call: Interaction, data: Payload, files: Sequence[Attachment]) -> None:
        check_response(data, files=len(files))
        call.response = self._post(call, data, files)

    def _defer(self, call: Interaction, data: Payload, _files: Sequence[Attachment]) -> None:
        check_response(data, may_be_empty=True)
        flags = int(data.get("flags") or 0) | MessageFlag.LOADING
        call.response = self._post(call, {"flags": flags}, ())

    def _defer_update(
        self, call: Interaction, _data: Payload, _files: Sequence[Attachment]
    ) -> None:
        call.response = self._pressed(call)

    def _update(self, call: Interaction, data: Payload, files: Sequence[Attachment]) -> None:
        check_response(data, may_be_empty=True)
        call.response = self.world.change_message(self._pressed(call), data, files)

    def _choose(self, call: Interaction, data: Payload, _files: Sequence[Attachment]) -> None:
        check_choices(data)
        call.choices = data.get("choices") or []

    def _show_modal(self, call: Interaction, data: Payload, _files: Sequence[Attachment]) -> None:
        check_modal(data)
        call.modal = data | {"components": numbered(data["components"])}

    # Inside

    def _pressed(self, call: Interaction) -> Message:
        if call.message is None:
            raise invalid("type", "INTERACTION_TYPE_INVALID", "No message to update")
        if call.message.deleted:
            raise DiscordError(404, 10008, "Unknown Message")
        return call.message

    def _post(self, call: Interaction, body: Payload, files: Sequence[Attachment]) -> Message:
        place = self.world.get_channel(call.channel_id)
        ephemeral = bool(int(body.get("flags") or 0) & MessageFlag.EPHEMERAL)
        if isinstance(place, Thread) and place.archived and place.locked and not ephemeral:
            raise DiscordError(403, 50083, "Thread is archived")
        reply_to = call.message.id if call.message and not call.message.deleted else None
        if call.response is not None and call.response is not call.message:
            reply_to = call.response.id  # a follow-up hangs below the first answer
        return self.world.put_response(
            place,
            body,
            files,
            kind=MessageKind.REPLY if reply_to else _message_kind(call),
            interaction=call.metadata(),
            command=str(call.data["name"]) if call.kind is InteractionKind.COMMAND else "",
            ephemeral_to=call.user.id if ephemeral else None,
            reply_to=reply_to,
        )

    def _fill(
        self, call: Interaction, message: Message, body: Payload, files: Sequence[Attachment]
    ) -> Message:
        message.flags &= ~MessageFlag.LOADING
        self.world.change_message(message, body, files)
        self._tell(call)
        return message

    def _acknowledged(self, token: str) -> Interaction:
        interaction = self._by_token.get(token)
        if interaction is None or self.world.clock() - interaction.created_at > TOKEN_SECONDS:
            raise DiscordError(401, 50027, "Invalid Webhook Token")
        if interaction.callback is None:
            raise DiscordError(404, 10015, "Unknown Webhook")
        return interaction

    def _tell(self, interaction: Interaction) -> None:
        self.world.emit(
            "interaction_answered",
            {"id": str(interaction.id), "channel_id": str(interaction.channel_id)},
        )

    def _forget_old(self) -> None:
        oldest = self.world.clock() - TOKEN_SECONDS
        for interaction in tuple(self._by_id.values()):
            if interaction.created_at >= oldest:
                return  # they lie in order of time
            del self._by_id[interaction.id]
            del self._by_token[interaction.token]

    def _payload(self, call: Interaction) -> Payload:
        world = self.world
        place = world.get_channel(call.channel_id)
        granted = str(int(world.permissions(call.user.id, call.channel_id)))
        body: Payload = {
            "id": str(call.id),
            "application_id": str(world.application.id),
            "type": int(call.kind),
            "token": call.token,
            "version": 1,
            "data": call.data,
            "channel_id": str(call.channel_id),
            "channel": place.payload() | {"permissions": granted},
            "app_permissions": str(int(world.permissions(world.bot.id, call.channel_id))),
            "locale": LOCALE,
            "entitlements": [],
            "authorizing_integration_owners": call.owners,
            "context": _GUILD if call.guild_id is not None else _DIRECT,
            "attachment_size_limit": FILE_BYTES,
        }
        if call.guild_id is None:
            body["user"] = call.user.payload()
        else:
            member = world.get_member(call.guild_id, call.user.id).payload()
            body |= {
                "guild_id": str(call.guild_id),
                "guild": {"id": str(call.guild_id), "features": [], "locale": LOCALE},
                "guild_locale": LOCALE,
                "member": member | {"permissions": granted},
            }
        if call.message is not None:
            body["message"] = call.message.payload()
        return body


def _is_allowed(command: Payload, granted: Permission) -> bool:
    needed = command["default_member_permissions"]
    if needed is None or Permission.ADMINISTRATOR in granted:
        return True
    return int(needed) != 0 and int(granted) & int(needed) == int(needed)


def _is_for_direct_messages(command: Payload) -> bool:
    contexts = command["contexts"]
    return bool(command["dm_permission"]) if contexts is None else _DIRECT in contexts


def _key(command: Payload) -> tuple[int, str]:
    return command.get("type") or int(CommandKind.CHAT), command["name"]


def _as_request(command: Payload) -> Payload:
    """Turn a registered command back into what registers it."""
    given = {"application_id", "version", "guild_id"}
    return {key: value for key, value in command.items() if key not in given}


def _option(option: Payload) -> Payload:
    copy = {key: value for key, value in option.items() if value is not None}
    if "options" in copy:
        copy["options"] = [_option(inner) for inner in copy["options"]]
    return copy


def _callback(body: Payload) -> Callback:
    if unknown := body.keys() - {"type", "data", "attachments"}:
        raise invalid(unknown.pop(), "UNKNOWN_FIELD", "Discord knows no such field")
    try:
        return Callback(int(body.get("type") or 0))
    except (ValueError, TypeError) as error:
        raise invalid("type", "BASE_TYPE_CHOICES", "No such type of response") from error


def _message_kind(call: Interaction) -> MessageKind:
    menu = call.data.get("type") in {CommandKind.USER, CommandKind.MESSAGE}
    return MessageKind.CONTEXT_MENU if menu else MessageKind.SLASH_COMMAND
