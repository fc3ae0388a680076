"""Whether Discord would take a request's body: lengths, counts and known fields.

Pure functions; each returns nothing or raises the `DiscordError` (400) that
Discord answers with. Stricter than Discord in one point: a field it does not
know is refused, since it shows a mistake of the sender.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from docbot.playground.objects import (
    INTERACTIVE,
    DiscordError,
    MessageFlag,
    Payload,
    walk,
)

CONTENT_CHARACTERS = 2000
NONCE_CHARACTERS = 25
EMBEDS = 10
EMBED_CHARACTERS = 6000  # titles, texts, names and values of all embeds of a message
ROWS = 5
COMPONENTS = 40  # nested ones included
CUSTOM_ID_CHARACTERS = 100
LABEL_CHARACTERS = 80
MODAL_TITLE_CHARACTERS = 45
MODAL_PARTS = 5
NAME_CHARACTERS = 100
APPLIED_TAGS = 5
FORUM_TAGS = 20
COMMANDS = 100
OPTIONS = 25
CHOICES = 25
FILES = 10
FILE_BYTES = 10 * 1024 * 1024
ARCHIVE_MINUTES = (60, 1440, 4320, 10080)
SELECT_OPTIONS = 25
SLOW_MODE_SECONDS = 6 * 60 * 60

UNKNOWN_FIELD = "UNKNOWN_FIELD"


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COMMAND_NAME = re.compile(r"[-_'\w]{1,32}")
_MESSAGE_FIELDS = _names(
    "content embeds components attachments flags allowed_mentions tts nonce enforce_nonce "
    "message_reference sticker_ids poll"
)
_EDIT_FIELDS = _names("content embeds components attachments flags allowed_mentions tts")
_RESPONSE_FIELDS = _names("content embeds components attachments flags allowed_mentions tts poll")
_MENTION_FIELDS = frozenset(("parse", "users", "roles", "replied_user"))
_REFERENCE_FIELDS = frozenset(
    ("message_id", "channel_id", "guild_id", "fail_if_not_exists", "type")
)
_THREAD_FIELDS = _names(
    "name auto_archive_duration rate_limit_per_user applied_tags message type invitable"
)
_THREAD_EDIT_FIELDS = _names(
    "name archived locked invitable auto_archive_duration rate_limit_per_user flags applied_tags"
)
_CHANNEL_EDIT_FIELDS = _names(
    "name topic position nsfw rate_limit_per_user permission_overwrites available_tags flags "
    "default_auto_archive_duration default_thread_rate_limit_per_user default_sort_order "
    "default_reaction_emoji default_forum_layout parent_id type"
)
_EMBED_FIELDS = _names(
    "title type description url color timestamp footer image thumbnail author fields provider video flags"
)
_COMMAND_FIELDS = _names(
    "id name name_localizations description description_localizations options type nsfw "
    "default_member_permissions dm_permission contexts integration_types handler"
)
_OPTION_FIELDS = _names(
    "type name name_localizations description description_localizations required choices options "
    "channel_types min_value max_value min_length max_length autocomplete"
)
_COMPONENT_FIELDS: Mapping[int, frozenset[str]] = {
    1: frozenset(("components",)),
    2: frozenset(("style", "label", "emoji", "custom_id", "sku_id", "url", "disabled")),
    3: _names("custom_id options placeholder min_values max_values disabled required"),
    4: _names("custom_id style label min_length max_length required value placeholder"),
    **dict.fromkeys(
        (5, 6, 7, 8),
        _names(
            "custom_id placeholder default_values min_values max_values disabled required channel_types"
        ),
    ),
    9: frozenset(("components", "accessory")),
    10: frozenset(("content",)),
    11: frozenset(("media", "description", "spoiler")),
    12: frozenset(("items",)),
    13: frozenset(("file", "spoiler")),
    14: frozenset(("divider", "spacing")),
    17: frozenset(("components", "accent_color", "spoiler")),
    18: frozenset(("label", "description", "component")),
}
_BUTTON_LINK = 5


def invalid(field: str, code: str, message: str) -> DiscordError:
    """Build the refusal of one field, by its path as Discord nests it."""
    errors: Payload = {"_errors": [{"code": code, "message": message}]}
    for part in reversed(field.split(".")):
        errors = {part: errors}
    return DiscordError(400, 50035, f"Invalid Form Body\nIn {field}: {message}", errors=errors)


def check_new_message(body: Payload, *, files: int = 0) -> None:
    """Check the body of POST messages, and of a forum post's first message."""
    _check_fields("message", body, _MESSAGE_FIELDS)
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > NONCE_CHARACTERS:
        raise _too_long("nonce", NONCE_CHARACTERS)
    if body.get("message_reference"):
        _check_fields("message_reference", body["message_reference"], _REFERENCE_FIELDS)
    _check_parts(body)
    _check_not_empty(body, files)


def check_response(body: Payload, *, files: int = 0, may_be_empty: bool = False) -> None:
    """Check a message that answers an interaction or follows one up."""
    _check_fields("data", body, _RESPONSE_FIELDS)
    _check_parts(body)
    if not may_be_empty:
        _check_not_empty(body, files)


def check_message_edit(body: Payload) -> None:
    _check_fields("message", body, _EDIT_FIELDS)
    _check_parts(body)


def check_thread(body: Payload, *, in_forum: bool, known_tags: Collection[int]) -> None:
    _check_fields("thread", body, _THREAD_FIELDS)
    if in_forum and not isinstance(body.get("message"), dict):
        raise invalid("message", "BASE_TYPE_REQUIRED", "This field is required")
    _check_thread_values({"name": None} | body, known_tags)


def check_thread_edit(body: Payload, *, known_tags: Collection[int]) -> None:
    _check_fields("thread", body, _THREAD_EDIT_FIELDS)
    _check_thread_values(body, known_tags)


def check_channel_edit(body: Payload) -> None:
    _check_fields("channel", body, _CHANNEL_EDIT_FIELDS)
    if "name" in body:
        _check_length("name", body["name"], NAME_CHARACTERS, at_least=1)
    _check_slow_mode(body)
    tags = body.get("available_tags") or []
    if len(tags) > FORUM_TAGS:
        raise _too_many("available_tags", FORUM_TAGS)
    for tag in tags:
        _check_fields("available_tags", tag, {"id", "name", "moderated", "emoji_id", "emoji_name"})
        _check_length("available_tags.name", tag.get("name"), 20, at_least=1)


def check_direct_channel(body: Payload) -> None:
    _check_fields("channel", body, {"recipient_id"})
    if not str(body.get("recipient_id")).isdigit():
        raise invalid("recipient_id", "NUMBER_TYPE_COERCE", "Must be the id of a user")


def check_modal(data: Payload) -> None:
    _check_fields("data", data, {"custom_id", "title", "components"})
    _check_length("data.title", data.get("title"), MODAL_TITLE_CHARACTERS, at_least=1)
    _check_length("data.custom_id", data.get("custom_id"), CUSTOM_ID_CHARACTERS, at_least=1)
    parts = data.get("components") or []
    if not 1 <= len(parts) <= MODAL_PARTS:
        raise _too_many("data.components", MODAL_PARTS)
    for part in parts:
        if part.get("type") not in {1, 10, 18}:
            raise invalid("data.components", "UNION_TYPE_CHOICES", "Not allowed in a modal")
    _check_components(parts)


def check_choices(data: Payload) -> None:
    _check_fields("data", data, {"choices"})
    choices = data.get("choices") or []
    if len(choices) > CHOICES:
        raise _too_many("data.choices", CHOICES)
    for choice in choices:
        _check_choice("data.choices", choice)


def check_commands(commands: Sequence[Payload]) -> None:
    """Check a whole set of commands: chat commands are limited, names unique by type."""
    chat = [command for command in commands if (command.get("type") or 1) == 1]
    if len(chat) > COMMANDS:
        raise DiscordError(
            400, 30032, f"Maximum number of application commands reached ({COMMANDS})"
        )
    names = [(command.get("type") or 1, command.get("name")) for command in commands]
    if len(set(names)) < len(names):
        raise invalid("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Command names must be unique")
    for command in commands:
        _check_command(command)


def _check_command(command: Payload) -> None:
    _check_fields("command", command, _COMMAND_FIELDS)
    name = command.get("name")
    if (command.get("type") or 1) == 1:
        _check_command_name("name", name)
        _check_length("description", command.get("description"), 100, at_least=1)
        _check_options("options", command.get("options") or [])
        return
    _check_length("name", name, 32, at_least=1)
    if command.get("description"):
        raise invalid(
            "description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", "Must be empty"
        )


def _check_options(field: str, options: Sequence[Payload]) -> None:
    if len(options) > OPTIONS:
        raise _too_many(field, OPTIONS)
    optional_seen = False
    for number, option in enumerate(options):
        at = f"{field}.{number}"
        _check_fields(at, option, _OPTION_FIELDS)
        _check_command_name(f"{at}.name", option.get("name"))
        _check_length(f"{at}.description", option.get("description"), 100, at_least=1)
        if option.get("required") and optional_seen:
            raise invalid(
                at, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be first"
            )
        optional_seen = optional_seen or not option.get("required")
        if len(option.get("choices") or []) > CHOICES:
            raise _too_many(f"{at}.choices", CHOICES)
        if option.get("choices") and option.get("autocomplete"):
            raise invalid(
                at, "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE", "Choices exclude autocomplete"
            )
        for choice in option.get("choices") or []:
            _check_choice(f"{at}.choices", choice)
        _check_options(f"{at}.options", option.get("options") or [])


def _check_choice(field: str, choice: Payload) -> None:
    _check_fields(field, choice, {"name", "name_localizations", "value"})
    _check_length(f"{field}.name", choice.get("name"), 100, at_least=1)
    if isinstance(choice.get("value"), str):
        _check_length(f"{field}.value", choice["value"], 100)


def _check_command_name(field: str, name: Any) -> None:
    if not isinstance(name, str) or not _COMMAND_NAME.fullmatch(name) or name != name.lower():
        raise invalid(field, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_thread_values(body: Payload, known_tags: Collection[int]) -> None:
    if "name" in body:
        _check_length("name", body["name"], NAME_CHARACTERS, at_least=1)
    minutes = body.get("auto_archive_duration")
    if minutes is not None and minutes not in ARCHIVE_MINUTES:
        raise invalid(
            "auto_archive_duration", "BASE_TYPE_CHOICES", f"Must be one of {ARCHIVE_MINUTES}"
        )
    _check_slow_mode(body)
    tags = [int(tag) for tag in body.get("applied_tags") or []]
    if len(tags) > APPLIED_TAGS:
        raise _too_many("applied_tags", APPLIED_TAGS)
    if unknown := [tag for tag in tags if tag not in known_tags]:
        raise DiscordError(400, 10087, f"Unknown Tag {unknown}")


def _check_slow_mode(body: Payload) -> None:
    for field in ("rate_limit_per_user", "default_thread_rate_limit_per_user"):
        seconds = body.get(field) or 0
        if not isinstance(seconds, int) or not 0 <= seconds <= SLOW_MODE_SECONDS:
            raise invalid(field, "NUMBER_TYPE_MAX", f"Must be between 0 and {SLOW_MODE_SECONDS}.")


def _check_parts(body: Payload) -> None:
    content = body.get("content")
    if content is not None:
        _check_length("content", content, CONTENT_CHARACTERS)
    _check_mentions(body.get("allowed_mentions"))
    _check_embeds(body.get("embeds") or [])
    components = body.get("components") or []
    modern = bool(int(body.get("flags") or 0) & MessageFlag.COMPONENTS_V2)
    if modern and (content or body.get("embeds")):
        raise invalid(
            "content",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "Not with components v2",
        )
    if not modern:
        _check_rows(components)
    _check_components(components)


def _check_not_empty(body: Payload, files: int) -> None:
    if not files and not any(
        body.get(field) for field in ("content", "embeds", "components", "sticker_ids", "poll")
    ):
        raise DiscordError(400, 50006, "Cannot send an empty message")


def _check_mentions(allowed: Payload | None) -> None:
    if allowed is None:
        return
    _check_fields("allowed_mentions", allowed, _MENTION_FIELDS)
    parse = allowed.get("parse") or []
    for kind in ("users", "roles"):
        if kind in parse and allowed.get(kind):
            raise invalid(
                "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", f"parse and {kind}"
            )
        if len(allowed.get(kind) or []) > 100:
            raise _too_many(f"allowed_mentions.{kind}", 100)


def _check_embeds(embeds: Sequence[Payload]) -> None:
    if len(embeds) > EMBEDS:
        raise _too_many("embeds", EMBEDS)
    total = sum(_check_embed(f"embeds.{number}", embed) for number, embed in enumerate(embeds))
    if total > EMBED_CHARACTERS:
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds {EMBED_CHARACTERS}")


def _check_embed(field: str, embed: Payload) -> int:
    """Return how many characters count towards the limit of all embeds together."""
    _check_fields(field, embed, _EMBED_FIELDS)
    fields = embed.get("fields") or []
    if len(fields) > 25:
        raise _too_many(f"{field}.fields", 25)
    texts: list[tuple[str, Any, int]] = [
        ("title", embed.get("title"), 256),
        ("description", embed.get("description"), 4096),
        ("footer.text", (embed.get("footer") or {}).get("text"), 2048),
        ("author.name", (embed.get("author") or {}).get("name"), 256),
    ]
    for number, one in enumerate(fields):
        _check_fields(f"{field}.fields.{number}", one, {"name", "value", "inline"})
        for key, limit in (("name", 256), ("value", 1024)):
            _check_length(f"{field}.fields.{number}.{key}", one.get(key), limit, at_least=1)
            texts.append((f"fields.{number}.{key}", one[key], limit))
    for name, text, limit in texts:
        if text is not None:
            _check_length(f"{field}.{name}", text, limit)
    return sum(len(text) for _, text, _ in texts if text)


def _check_rows(components: Sequence[Payload]) -> None:
    if len(components) > ROWS:
        raise _too_many("components", ROWS)
    for number, row in enumerate(components):
        if row.get("type") != 1:
            raise invalid(
                f"components.{number}.type", "UNION_TYPE_CHOICES", "Must be an action row"
            )
        inner = row.get("components") or []
        if not 1 <= len(inner) <= ROWS:
            raise invalid(
                f"components.{number}.components", "BASE_TYPE_BAD_LENGTH", "Must have 1 to 5"
            )


def _check_components(components: Sequence[Payload]) -> None:
    every = list(walk(components))
    if len(every) > COMPONENTS:
        raise _too_many("components", COMPONENTS)
    for component in every:
        kind = component.get("type")
        if not isinstance(kind, int) or kind not in _COMPONENT_FIELDS:
            raise invalid("components.type", "UNION_TYPE_CHOICES", f"No component of type {kind}")
        _check_fields("components", component, _COMPONENT_FIELDS[kind] | {"type", "id"})
        check = _COMPONENT_CHECKS.get(kind)
        if check:
            check(component)
    custom_ids = [one["custom_id"] for one in every if one.get("custom_id")]
    for custom_id in custom_ids:
        _check_length("components.custom_id", custom_id, CUSTOM_ID_CHARACTERS, at_least=1)
    if len(set(custom_ids)) < len(custom_ids):
        raise invalid(
            "components",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
            "Component custom id cannot be duplicated",
        )
    for one in every:
        if one["type"] in INTERACTIVE and not one.get("custom_id") and not _is_link(one):
            raise invalid("components.custom_id", "BASE_TYPE_REQUIRED", "A custom id is required")


def _is_link(component: Payload) -> bool:
    return component["type"] == 2 and component.get("style") == _BUTTON_LINK


def _check_button(button: Payload) -> None:
    if button.get("label") is not None:
        _check_length("components.label", button["label"], LABEL_CHARACTERS)
    if not button.get("label") and not button.get("emoji"):
        raise invalid(
            "components", "BUTTON_COMPONENT_NO_LABEL_OR_EMOJI", "Needs a label or an emoji"
        )
    if _is_link(button):
        if not button.get("url") or button.get("custom_id"):
            raise invalid(
                "components.url", "BUTTON_COMPONENT_INVALID_URL", "A link has a url, no custom id"
            )
        _check_length("components.url", button["url"], 512)
        if not button["url"].startswith(("http://", "https://", "discord://")):
            raise invalid("components.url", "URL_TYPE_INVALID_SCHEME", "Not a well formed URL")


def _check_select(select: Payload) -> None:
    options = select.get("options") or []
    if not 1 <= len(options) <= SELECT_OPTIONS:
        raise invalid(
            "components.options", "BASE_TYPE_BAD_LENGTH", f"Must have 1 to {SELECT_OPTIONS}"
        )
    for option in options:
        _check_fields(
            "components.options", option, {"label", "value", "description", "emoji", "default"}
        )
        for key in ("label", "value"):
            _check_length(f"components.options.{key}", option.get(key), 100, at_least=1)
        _check_length("components.options.description", option.get("description") or "", 100)
    values = [option["value"] for option in options]
    if len(set(values)) < len(values):
        raise invalid(
            "components.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "Values must differ"
        )


def _check_text_input(text: Payload) -> None:
    for key, limit in (("label", 45), ("placeholder", 100), ("value", 4000)):
        if text.get(key) is not None:
            _check_length(f"components.{key}", text[key], limit)


def _check_label(label: Payload) -> None:
    _check_length("components.label", label.get("label"), 45, at_least=1)
    if label.get("description") is not None:
        _check_length("components.description", label["description"], 100)


def _check_text_display(text: Payload) -> None:
    _check_length("components.content", text.get("content"), 4000, at_least=1)


_COMPONENT_CHECKS: Mapping[int, Callable[[Payload], None]] = {
    2: _check_button,
    3: _check_select,
    4: _check_text_input,
    10: _check_text_display,
    18: _check_label,
}


def _check_fields(field: str, body: Any, known: Collection[str]) -> None:
    if not isinstance(body, dict):
        raise invalid(field, "DICT_TYPE_CONVERT", "Only dictionaries may be used")
    for name in body:
        if name not in known:
            raise invalid(f"{field}.{name}", UNKNOWN_FIELD, "Discord knows no such field")


def _check_length(field: str, text: Any, limit: int, *, at_least: int = 0) -> None:
    if not isinstance(text, str) or len(text) < at_least:
        raise invalid(field, "BASE_TYPE_REQUIRED", "This field is required")
    if len(text) > limit:
        raise _too_long(field, limit)


def _too_long(field: str, limit: int) -> DiscordError:
    return invalid(field, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def _too_many(field: str, limit: int) -> DiscordError:
    return invalid(field, "BASE_TYPE_BAD_LENGTH", f"Must be between 0 and {limit} in length.")
