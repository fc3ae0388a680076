"""Members who act: they post, press and type, and tell what they see of it.

For tests and for the page in the browser. A member obeys the same rules as the
bot; what Discord's client would not let somebody do raises `DiscordError`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from docbot.playground.interactions import (
    Callback,
    CommandKind,
    Interaction,
    InteractionKind,
    Interactions,
)
from docbot.playground.objects import (
    Channel,
    DiscordError,
    Membership,
    Message,
    Payload,
    Role,
    Thread,
    User,
    walk,
)
from docbot.playground.world import Place

PATIENCE = 60.0  # seconds that a member waits for the bot unless told otherwise

_SUBCOMMAND, _GROUP, _STRING, _USER, _CHANNEL, _ROLE, _MENTIONABLE = 1, 2, 3, 6, 7, 8, 9
_TEXT_INPUT, _LABEL = 4, 18

Result = TypeVar("Result")
OptionValue = str | int | float | bool | User | Channel | Thread | Role


@dataclass(frozen=True, slots=True)
class Modal:
    """A form on a member's screen."""

    title: str
    custom_id: str
    components: list[Payload]

    @property
    def fields(self) -> dict[str, Payload]:
        """What can be filled in, by custom id, in the order shown."""
        return {part["custom_id"]: part for part in walk(self.components) if "custom_id" in part}


class Invocation:
    """One call of the bot by a member, as it looks on the member's screen."""

    def __init__(self, interactions: Interactions, interaction: Interaction) -> None:
        self.interaction = interaction
        self._interactions = interactions
        self._world = interactions.world

    @property
    def failed(self) -> bool:
        """Whether the client says "The application did not respond"."""
        return self._interactions.is_given_up(self.interaction)

    @property
    def thinking(self) -> bool:
        response = self.interaction.response
        return response is not None and response.loading

    @property
    def messages(self) -> list[Message]:
        """The answer and what followed it, without what was deleted since."""
        every = (self.interaction.response, *self.interaction.follow_ups)
        return [message for message in every if message is not None and not message.deleted]

    async def acknowledged(self, timeout: float = PATIENCE) -> Callback:
        return await self._until(lambda: self.interaction.callback, timeout)

    async def answered(self, timeout: float = PATIENCE) -> Message:
        """Return the answer once it is there and no longer "thinking"."""

        def look() -> Message | None:
            response = self.interaction.response
            return response if response is not None and not response.loading else None

        return await self._until(look, timeout)

    async def followed_up(self, count: int = 1, timeout: float = PATIENCE) -> list[Message]:
        """Return the messages after the answer once there are `count` of them."""
        found = self.interaction.follow_ups
        await self._until(lambda: len(found) >= count, timeout)
        return found

    async def modal(self, timeout: float = PATIENCE) -> Modal:
        shown = await self._until(lambda: self.interaction.modal, timeout)
        return Modal(shown["title"], shown["custom_id"], shown["components"])

    async def choices(self, timeout: float = PATIENCE) -> list[Payload]:
        """Return what autocomplete offers: dicts with `name` and `value`."""
        await self.acknowledged(timeout)
        return self.interaction.choices or []

    async def _until(self, look: Callable[[], Result | None], timeout: float) -> Result:
        return await self._world.wait_for(look, timeout, channel_id=self.interaction.channel_id)


class Member:
    """Somebody in a guild, by whose hand the world changes."""

    def __init__(self, interactions: Interactions, membership: Membership) -> None:
        self._interactions = interactions
        self._world = interactions.world
        self.membership = membership

    @property
    def user(self) -> User:
        return self.membership.user

    @property
    def id(self) -> int:
        return self.membership.user.id

    @property
    def name(self) -> str:
        return self.membership.user.name

    @property
    def mention(self) -> str:
        return self.membership.user.mention

    # Threads and messages

    async def post(self, forum: Channel, title: str, body: str, tags: Iterable[str] = ()) -> Thread:
        """Open a forum post; `tags` are names."""
        known = {tag.name: str(tag.id) for tag in forum.tags}
        fields: Payload = {
            "name": title,
            "applied_tags": [known[tag] for tag in tags],
            "message": {"content": body},
        }
        thread, _ = self._world.create_post(forum.id, self.id, fields)
        return thread

    async def send(
        self, place: Place, text: str, *, reply_to: Message | None = None, nonce: str | None = None
    ) -> Message:
        body: Payload = {"content": text}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to.id)}
        if nonce is not None:
            body["nonce"] = nonce
        return self._world.send_message(place.id, self.id, body)

    async def reply(self, thread: Thread, text: str, reply_to: Message | None = None) -> Message:
        return await self.send(thread, text, reply_to=reply_to)

    async def edit(self, message: Message, text: str) -> Message:
        return self._world.edit_message(message.channel_id, message.id, self.id, {"content": text})

    async def delete(self, message: Message) -> None:
        self._world.delete_message(message.channel_id, message.id, self.id)

    async def clear(self, messages: Sequence[Message]) -> None:
        """Delete messages of one channel at once."""
        [channel_id] = {message.channel_id for message in messages}
        self._world.delete_messages(channel_id, [message.id for message in messages], self.id)

    async def type(self, place: Place) -> None:
        self._world.typing(place.id, self.id)

    async def rename(self, thread: Thread, title: str) -> None:
        self._world.edit_thread(thread.id, self.id, {"name": title})

    async def tag(self, thread: Thread, *tags: str) -> None:
        """Put these tags on a thread, by name, in place of those it has."""
        known = {tag.name: str(tag.id) for tag in self._world.channels[thread.parent_id].tags}
        chosen = [known[tag] for tag in tags]
        self._world.edit_thread(thread.id, self.id, {"applied_tags": chosen})

    async def archive(self, thread: Thread) -> None:
        self._world.edit_thread(thread.id, self.id, {"archived": True})

    async def unarchive(self, thread: Thread) -> None:
        self._world.edit_thread(thread.id, self.id, {"archived": False})

    async def lock(self, thread: Thread) -> None:
        self._world.edit_thread(thread.id, self.id, {"locked": True})

    async def unlock(self, thread: Thread) -> None:
        self._world.edit_thread(thread.id, self.id, {"locked": False})

    async def slow_down(self, place: Channel | Thread, seconds: int) -> None:
        """Let others wait between two messages; in a forum, between two posts. 0 ends it."""
        edit = self._world.edit_thread if isinstance(place, Thread) else self._world.edit_channel
        edit(place.id, self.id, {"rate_limit_per_user": seconds})

    async def delete_thread(self, thread: Thread) -> None:
        self._world.delete_channel(thread.id, self.id)

    async def delete_channel(self, channel: Channel) -> None:
        self._world.delete_channel(channel.id, self.id)

    # Calls of the bot

    async def press(
        self, message: Message, custom_id: str, values: Iterable[str] | None = None
    ) -> Invocation:
        """Press a button, or choose `values` in a select."""
        if message.ephemeral_to not in {None, self.id} or message.deleted:
            raise DiscordError(404, 10008, "Unknown Message")
        found = [one for one in message.buttons if one.get("custom_id") == custom_id]
        if not found or found[0].get("disabled"):
            shown = [one.get("custom_id") for one in message.buttons]
            raise LookupError(f"no enabled component {custom_id!r} on the message, only {shown}")
        data: Payload = {
            "custom_id": custom_id,
            "component_type": found[0]["type"],
            "id": found[0]["id"],
        }
        if values is not None:
            data["values"] = list(values)
        kind = InteractionKind.COMPONENT
        return self._call(kind, message.channel_id, data, message=message)

    async def slash(self, place: Place, name: str, **options: OptionValue) -> Invocation:
        """Run a chat command; subcommands follow the name after spaces."""
        command, path = self._command(place, name)
        resolved: Payload = {}
        given = [
            _filled(option, options.pop(option["name"]), resolved)
            for option in path[-1].get("options", ())
            if _takes(option, options)
        ]
        if options:
            raise LookupError(f"/{name} has no option {', '.join(options)}")
        self._add_people(place, resolved)
        data = _command_data(command, path, given)
        if resolved:
            data["resolved"] = resolved
        return self._call(InteractionKind.COMMAND, place.id, data)

    async def autocomplete(
        self, place: Place, name: str, option: str, typed: str, **others: OptionValue
    ) -> Invocation:
        """Type into an option of a chat command; its `choices()` are what is offered."""
        command, path = self._command(place, name)
        options = {one["name"]: one for one in path[-1].get("options", ())}
        if not options[option].get("autocomplete"):
            raise LookupError(f"option {option} of /{name} does not autocomplete")
        given = [_filled(options[key], value, {}) for key, value in others.items()]
        focused = {"name": option, "type": options[option]["type"], "value": typed, "focused": True}
        data = _command_data(command, path, [*given, focused])
        return self._call(InteractionKind.AUTOCOMPLETE, place.id, data)

    async def message_menu(self, message: Message, name: str) -> Invocation:
        """Run a command of a message's context menu."""
        command = self._menu(message.guild_id, name, CommandKind.MESSAGE)
        data: Payload = {
            "id": command["id"],
            "name": command["name"],
            "type": int(CommandKind.MESSAGE),
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): message.payload()}},
        }
        return self._call(InteractionKind.COMMAND, message.channel_id, data | _home(command))

    async def user_menu(self, place: Place, user: User, name: str) -> Invocation:
        """Run a command of a user's context menu."""
        command = self._menu(place.guild_id, name, CommandKind.USER)
        resolved: Payload = {"users": {str(user.id): user.payload()}}
        self._add_people(place, resolved)
        data: Payload = {
            "id": command["id"],
            "name": command["name"],
            "type": int(CommandKind.USER),
            "target_id": str(user.id),
            "resolved": resolved,
        }
        return self._call(InteractionKind.COMMAND, place.id, data | _home(command))

    async def submit_modal(
        self, invocation: Invocation, values: Mapping[str, str | list[str]]
    ) -> Invocation:
        """Fill in the form that an invocation showed; `values` are by custom id."""
        modal = await invocation.modal()
        if unknown := values.keys() - modal.fields.keys():
            raise LookupError(f"the modal has no field {unknown}, only {list(modal.fields)}")
        for custom_id, field in modal.fields.items():
            _check_filled(field, values.get(custom_id, ""))
        data: Payload = {
            "custom_id": modal.custom_id,
            "components": [_submitted(part, values) for part in modal.components],
        }
        opener = invocation.interaction
        kind = InteractionKind.MODAL
        return self._call(kind, opener.channel_id, data, message=opener.message, opener=opener)

    # Seeing

    def reads(self, place: Place) -> list[Message]:
        """List what this member sees in a channel, ephemeral messages to it included."""
        own = [
            message
            for message in self._world.messages.values()
            if message.channel_id == place.id
            and message.ephemeral_to == self.id
            and not message.deleted
        ]
        public = self._world.history(place.id, self.id, limit=1_000_000)
        return sorted((*public, *own), key=lambda message: message.id)

    def direct_messages(self) -> list[Message]:
        """List the direct messages between the bot and this member, oldest first."""
        channel = self._world.find_direct_channel(self.id)
        return self.reads(channel) if channel else []

    async def sees_direct_message(
        self, timeout: float = PATIENCE, *, containing: str = ""
    ) -> Message:
        """Return the bot's first direct message to this member, once it is there."""

        def look() -> Message | None:
            for message in self.direct_messages():
                if message.author is self._world.bot and containing in message.content:
                    return message
            return None

        return await self._world.wait_for(look, timeout)

    async def sees_reply(
        self,
        thread: Place,
        timeout: float = PATIENCE,
        *,
        after: Message | None = None,
        containing: str = "",
    ) -> Message:
        """Return the bot's first message in a thread, once it is there."""
        least = after.id if after else 0

        def look() -> Message | None:
            for message in self._world.replies_of_bot(thread.id):
                if message.id > least and not message.loading and containing in message.content:
                    return message
            return None

        return await self._world.wait_for(look, timeout, channel_id=thread.id)

    # Inside

    def _call(
        self, kind: InteractionKind, channel_id: int, data: Payload, **context: Any
    ) -> Invocation:
        interaction = self._interactions.begin(kind, self.user, channel_id, data, **context)
        return Invocation(self._interactions, interaction)

    def _command(self, place: Place, name: str) -> tuple[Payload, list[Payload]]:
        """Find a chat command and the way to its subcommand, the command itself first."""
        first, *rest = name.split()
        command = self._menu(place.guild_id, first, CommandKind.CHAT)
        path = [command]
        for word in rest:
            inner = {one["name"]: one for one in path[-1].get("options", ())}
            if word not in inner:
                raise LookupError(f"/{name}: no subcommand {word}, only {list(inner)}")
            path.append(inner[word])
        if any(one["type"] in {_SUBCOMMAND, _GROUP} for one in path[-1].get("options", ())):
            raise LookupError(f"/{name} needs a subcommand")
        return command, path

    def _menu(self, guild_id: int | None, name: str, kind: CommandKind) -> Payload:
        offered = self._interactions.commands_for(guild_id, self.id, kind)
        for command in offered:
            if command["name"] == name:
                return command
        names = [command["name"] for command in offered]
        raise LookupError(f"{self.name} finds no command {name!r}, only {names}")

    def _add_people(self, place: Place, resolved: Payload) -> None:
        """Add the guild's side of each user in `resolved`."""
        members = {} if place.guild_id is None else self._world.get_guild(place.guild_id).members
        found: Payload = {}
        for user_id in resolved.get("users", ()):
            member = members.get(int(user_id))
            if member is not None:
                granted = self._world.permissions(int(user_id), place.id)
                body = member.payload(with_user=False) | {"permissions": str(int(granted))}
                found[user_id] = {k: v for k, v in body.items() if k not in {"mute", "deaf"}}
        if found:
            resolved["members"] = found
        for channel_id, channel in resolved.get("channels", {}).items():
            granted = self._world.permissions(self.id, int(channel_id))
            channel["permissions"] = str(int(granted))


def _home(command: Payload) -> Payload:
    return {"guild_id": command["guild_id"]} if "guild_id" in command else {}


def _command_data(command: Payload, path: list[Payload], options: list[Payload]) -> Payload:
    """Nest the options below their subcommands, as Discord does."""
    for part in reversed(path[1:]):
        options = [{"name": part["name"], "type": part["type"], "options": options}]
    data: Payload = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if options:
        data["options"] = options
    return data | _home(command)


def _takes(option: Payload, given: Mapping[str, OptionValue]) -> bool:
    if option["name"] in given:
        return True
    if option.get("required"):
        raise LookupError(f"option {option['name']} is required")
    return False


def _filled(option: Payload, value: OptionValue, resolved: Payload) -> Payload:
    """Fill in one option as the client would let it be, noting whom or what it names."""
    kind = option["type"]
    choices = [choice["value"] for choice in option.get("choices", ())]
    if choices and value not in choices:
        raise LookupError(f"option {option['name']} offers only {choices}")
    groups = {User: "users", Role: "roles", Channel: "channels", Thread: "channels"}
    if isinstance(value, User | Role | Channel | Thread):
        if kind not in {_USER, _CHANNEL, _ROLE, _MENTIONABLE}:
            raise LookupError(f"option {option['name']} does not take {value!r}")
        resolved.setdefault(groups[type(value)], {})[str(value.id)] = value.payload()
        return {"name": option["name"], "type": kind, "value": str(value.id)}
    if kind == _STRING:
        longest = option.get("max_length", 6000)
        if not isinstance(value, str) or not option.get("min_length", 0) <= len(value) <= longest:
            raise LookupError(f"option {option['name']} does not take {value!r}")
    return {"name": option["name"], "type": kind, "value": value}


def _check_filled(field: Payload, value: str | list[str]) -> None:
    if field.get("required", True) and not value:
        raise LookupError(f"field {field['custom_id']} of the modal is required")
    if field["type"] == _TEXT_INPUT:
        longest = field.get("max_length", 4000)
        if len(value) > longest:
            raise LookupError(f"field {field['custom_id']} takes {longest} characters at most")


def _submitted(part: Payload, values: Mapping[str, str | list[str]]) -> Payload:
    """Turn a shown component into what is sent back of it."""
    copy: Payload = {"type": part["type"], "id": part["id"]}
    if "components" in part:
        copy["components"] = [_submitted(inner, values) for inner in part["components"]]
    if part["type"] == _LABEL:
        copy["component"] = _submitted(part["component"], values)
    if "custom_id" in part:
        copy["custom_id"] = part["custom_id"]
        key = "value" if part["type"] == _TEXT_INPUT else "values"
        copy[key] = values.get(part["custom_id"], "" if key == "value" else [])
    return copy
