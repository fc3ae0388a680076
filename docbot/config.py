"""The settings that live in Postgres: one table of entries, from which all else is made.

An entry tells its name, where it holds, how its values are written and what it does. Commands,
documentation and `ForumConfig` and `ServerConfig`, which the rest of docbot acts on, are made from
the table. An entry of a forum may also be set for a server: it then holds in every forum there that
has no value of its own.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from docbot.errors import UsageError
from docbot.text import printable, shortened, storable

MODE = "mode"  # the one entry that is stored with the forum's binding
NO_TAG = "none"  # what `solved-tag` is where solved threads get none

MODES = ("auto", "draft", "mention", "off")

_MOST_CHARACTERS = 10_000  # of a value: some 500 ids
_SHOWN_CHARACTERS = 60  # of a wrong value, in its error
_HIGHEST_ID = 2**63 - 1  # ids are bigint in Postgres
_TAG_CHARACTERS = 20  # Discord's limit for the name of a tag
_YEAR = 365 * 24  # hours

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_ID = re.compile(r"[0-9]{1,19}")
_CHANNEL = re.compile(r"<#([0-9]{1,19})>")
_ROLE = re.compile(r"(?:role:)?<@&([0-9]{1,19})>|role:([0-9]{1,19})")
_PERSON = re.compile(r"(?:person:)?<@!?([0-9]{1,19})>|person:([0-9]{1,19})")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as Postgres holds it

Scope: TypeAlias = Literal["server", "forum"]
Setter: TypeAlias = Literal["managers", "operator"]  # of the server, and of docbot
Origin: TypeAlias = Literal["forum", "server", "default"]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Window:
    """So many within the last so many hours; written `10/6`."""

    count: int
    hours: float


@dataclass(frozen=True, slots=True)
class Override:
    """What holds for one person or role in place of a server's limit."""

    target_id: int
    kind: Literal["person", "role"]
    window: Window | None  # None: the usual one
    has_priority: bool
    is_ignored: bool


@dataclass(frozen=True, slots=True)
class ForumConfig:
    """What is set for one forum: its own value, else its server's, else the default."""

    settle_seconds: float = 6.0  # 0: a post is a question at once
    yields_to: Literal["anyone", "helpers"] = "anyone"
    staff_channel: int | None = None
    helper_role: int | None = None
    solved_tag: str | None = None  # name or id; None: one named "solved"; NO_TAG: none
    archive_solved_hours: float = 0  # this and the next two: 0 is never
    remind_hours: float = 0  # of silence
    close_hours: float = 0  # of silence after the reminder
    says_nothing_found: bool = False
    tag_sources: Mapping[str, str] = field(default_factory=dict)  # name or id of a tag: source
    learns: Literal["on", "review", "off"] = "on"


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What is set for one server: its own value, else the default."""

    has_feedback: bool = True
    call_limit: Window | None = Window(10, 6)  # of one person; None here and below: no limit
    post_limit: Window | None = Window(30, 6)
    server_limit: Window | None = None  # of all persons together
    overrides: tuple[Override, ...] = ()
    banned: frozenset[int] = frozenset()
    retention_days: int | None = 180  # None: for good


@dataclass(frozen=True, slots=True)
class Kind(Generic[Value]):
    """How values are written: `parse(show(value)) == value`.

    `parse` gets one line without spaces at its ends, and raises a ValueError that says what is
    wrong.
    """

    allowed: str
    parse: Callable[[str], Value]
    show: Callable[[Value], str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting; `field` is what it is called in ForumConfig or ServerConfig, as its scope is."""

    name: str
    scope: Scope
    field: str | None  # None: it is in neither
    default: Any
    kind: Kind[Any]
    example: str
    effect: str  # one sentence
    set_by: Setter

    def parse(self, text: str) -> Any:
        """Read a value as a person wrote it.

        Raises:
            UsageError: what is wrong with it, what is allowed, and an example.
        """
        line = " ".join(text.split())
        try:
            if len(line) > _MOST_CHARACTERS:
                raise ValueError(f"is longer than {_MOST_CHARACTERS} characters")
            return self.kind.parse(line)
        except ValueError as error:
            raise UsageError(
                f"{self.name}: {_quoted(line)} {error}; allowed is {self.kind.allowed}. "
                f"Example: docbot config set {self.name} {self.example}"
            ) from None

    def show(self, value: Any) -> str:
        return self.kind.show(value)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What holds of an entry in one place, and whose value it is."""

    entry: Entry
    value: Any
    origin: Origin

    @property
    def shown(self) -> str:
        return self.entry.show(self.value)


def get_entry(name: str) -> Entry:
    """Return the entry of that name.

    Raises:
        UsageError: there is none; the nearest is named.
    """
    if name not in _BY_NAME:
        [nearest] = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0)
        raise UsageError(
            f"{_quoted(name)}: there is no such setting; the nearest is {nearest}, and "
            "`docbot config list` shows all"
        )
    return _BY_NAME[name]


def why_unreadable(name: str, text: str) -> str | None:
    """Say why a stored value, perhaps of another version, is passed over; None when it is not."""
    try:
        get_entry(name).parse(text)
    except UsageError as error:
        return str(error)
    return None


def resolve(entry: Entry, of_server: Mapping[str, str], of_forum: Mapping[str, str]) -> Resolved:
    """Choose the nearest of an entry's stored values that can be read, else the default.

    Args:
        entry: what to look for.
        of_server: the texts stored for the server, by name.
        of_forum: those stored for the forum; empty for a server as a whole.
    """
    places: tuple[tuple[Origin, Mapping[str, str]], ...] = (
        ("forum", of_forum),
        ("server", of_server),
    )
    for origin, stored in places:
        text = stored.get(entry.name)
        if text is not None and why_unreadable(entry.name, text) is None:
            return Resolved(entry, entry.parse(text), origin)
    return Resolved(entry, entry.default, "default")


def forum_config(of_server: Mapping[str, str], of_forum: Mapping[str, str]) -> ForumConfig:
    """What holds in a forum, of the texts stored for its server and for itself."""
    found = (resolve(each, of_server, of_forum) for each in _FORUM_ENTRIES)
    return ForumConfig(**_by_field(found))


def is_tag(wanted: str, tag_id: int, name: str) -> bool:
    """Whether a setting means this tag of a forum: by its id, or by its name in any case."""
    return wanted.strip().casefold() in (str(tag_id), name.strip().casefold())


def server_config(of_server: Mapping[str, str]) -> ServerConfig:
    """What holds in a server, of the texts stored for it."""
    found = (resolve(each, of_server, {}) for each in _SERVER_ENTRIES)
    return ServerConfig(**_by_field(found))


def _by_field(found: Iterable[Resolved]) -> dict[str, Any]:
    return {str(each.entry.field): each.value for each in found}


def _quoted(text: str) -> str:
    return f'"{shortened(printable(text), _SHOWN_CHARACTERS)}"'


# How values are written.


def _number(low: float, high: float, *, unit: str) -> Kind[float]:
    allowed = f"a number of {unit} from {_show_number(low)} to {_show_number(high)}"

    def parse(text: str) -> float:
        if not _NUMBER.fullmatch(text):
            raise ValueError("is not a number")
        number = float(text)
        if not low <= number <= high:
            raise ValueError("is out of range")
        return number

    return Kind(allowed, parse, _show_number)


def _show_number(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _days_or_off(high: int) -> Kind[int | None]:
    def parse(text: str) -> int | None:
        if text.casefold() == "off":
            return None
        if not _WHOLE.fullmatch(text):
            raise ValueError("is not a whole number")
        if not 1 <= int(text) <= high:
            raise ValueError("is out of range")
        return int(text)

    return Kind(
        f"a whole number of days from 1 to {high}, or off",
        parse,
        lambda days: "off" if days is None else str(days),
    )


def _choice(*words: str) -> Kind[str]:
    def parse(text: str) -> str:
        if text.casefold() not in words:
            raise ValueError("is none of them")
        return text.casefold()

    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", parse, str)


def _parse_switch(text: str) -> bool:
    if text.casefold() not in ("on", "off"):
        raise ValueError("is neither")
    return text.casefold() == "on"


def _id_or_none(what: str, form: re.Pattern[str], shown_form: str) -> Kind[int | None]:
    def parse(text: str) -> int | None:
        if text.casefold() == "none":
            return None
        return _parse_id(_first_group(form, text) or text)

    return Kind(
        f"the id of a {what}, {shown_form}, or none",
        parse,
        lambda value: "none" if value is None else str(value),
    )


def _parse_id(text: str) -> int:
    if not _ID.fullmatch(text):
        raise ValueError("is not an id")
    if not 1 <= int(text) <= _HIGHEST_ID:
        raise ValueError("is out of the range of ids")
    return int(text)


def _first_group(form: re.Pattern[str], text: str) -> str | None:
    match = form.fullmatch(text)
    return next(filter(None, match.groups())) if match else None


_WINDOW_HOURS = _number(0.01, 720, unit="hours")
_MOST_IN_WINDOW = 100_000


def _parse_window(text: str) -> Window:
    count, slash, hours = (part.strip() for part in text.partition("/"))
    if not slash or not _WHOLE.fullmatch(count):
        raise ValueError("is not written as COUNT/HOURS")
    if not 1 <= int(count) <= _MOST_IN_WINDOW:
        raise ValueError("has a count that is out of range")
    try:
        return Window(int(count), _WINDOW_HOURS.parse(hours))
    except ValueError as error:
        raise ValueError(f"has hours of which {_quoted(hours)} {error}") from None


def _show_window(window: Window) -> str:
    return f"{window.count}/{_show_number(window.hours)}"


def _parse_limit(text: str) -> Window | None:
    return None if text.casefold() == "off" else _parse_window(text)


def _show_limit(limit: Window | None) -> str:
    return "off" if limit is None else _show_window(limit)


def _parts(text: str) -> list[str]:
    return [] if text.casefold() == "none" else [part.strip() for part in text.split(",")]


def _shown_parts(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "none"


def _parse_overrides(text: str) -> tuple[Override, ...]:
    overrides = tuple(map(_parse_override, _parts(text)))
    if len({(each.kind, each.target_id) for each in overrides}) < len(overrides):
        raise ValueError("names a person or role twice")
    return overrides


def _parse_override(part: str) -> Override:
    target, _, written = part.partition("=")
    kind, target_id = _parse_target(target.strip())
    words = written.casefold().split()
    windows = [_parse_window(word) for word in words if "/" in word]
    marks = {word for word in words if "/" not in word}
    if not words or len(windows) > 1 or len(marks) < len(words) - len(windows):
        raise ValueError(f"does not say once what holds in {_quoted(part)}")
    if not marks <= {"first", "ignore"}:
        raise ValueError(f"has other words than first and ignore in {_quoted(part)}")
    if "ignore" in marks and len(words) > 1:
        raise ValueError(f"ignores and more in {_quoted(part)}")
    window = windows[0] if windows else None
    return Override(target_id, kind, window, "first" in marks, "ignore" in marks)


def _parse_target(target: str) -> tuple[Literal["person", "role"], int]:
    role, person = _first_group(_ROLE, target), _first_group(_PERSON, target)
    if role is None and person is None:
        raise ValueError(f"has {_quoted(target)} where role:ID or person:ID is to stand")
    return ("person", _parse_id(person)) if person else ("role", _parse_id(str(role)))


def _show_override(override: Override) -> str:
    words = [_show_window(override.window)] if override.window else []
    words += ["first"] if override.has_priority else []
    words += ["ignore"] if override.is_ignored else []
    return f"{override.kind}:{override.target_id}={' '.join(words)}"


def _parse_people(text: str) -> frozenset[int]:
    parts = [word for part in _parts(text) for word in part.split() or [part]]
    return frozenset(_parse_id(_first_group(_PERSON, part) or part) for part in parts)


def _parse_solved_tag(text: str) -> str | None:
    tag = _parse_tag(text)
    if tag.casefold() == "solved":
        return None
    return NO_TAG if tag.casefold() == NO_TAG else tag


def _parse_tag(text: str) -> str:
    if not text:
        raise ValueError("names no tag")
    if len(text) > _TAG_CHARACTERS:
        raise ValueError("is longer than the name of a tag")
    if storable(printable(text)) != text:
        raise ValueError("holds characters that no tag has")
    return text


def _parse_tag_sources(text: str) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for part in _parts(text):
        tag, equals, source = (each.strip() for each in part.rpartition("="))
        if not equals:
            raise ValueError(f"is not written as TAG=SOURCE in {_quoted(part)}")
        if not _SOURCE.fullmatch(source):
            raise ValueError(f"has {_quoted(source)} where the name of a source is to stand")
        if tag.casefold() in map(str.casefold, chosen):
            raise ValueError(f"names the tag {_quoted(tag)} twice")
        chosen[_parse_tag(tag)] = source
    return chosen


_SWITCH = Kind("on or off", _parse_switch, lambda is_on: "on" if is_on else "off")
_CHANNEL_ID = _id_or_none("channel", _CHANNEL, "`<#ID>`")
_ROLE_ID = _id_or_none("role", _ROLE, "`<@&ID>`")
_LIMIT = Kind(
    f"COUNT/HOURS (1 to {_MOST_IN_WINDOW} within 0.01 to 720 hours), or off",
    _parse_limit,
    _show_limit,
)
_OVERRIDES = Kind(
    "a list of role:ID=WHAT or person:ID=WHAT with commas between, WHAT being COUNT/HOURS, first, "
    "both, or ignore; or none",
    _parse_overrides,
    lambda overrides: _shown_parts(map(_show_override, overrides)),
)
_PEOPLE = Kind(
    "a list of ids of people with commas between, or none",
    _parse_people,
    lambda people: _shown_parts(map(str, sorted(people))),
)
_SOLVED_TAG: Kind[str | None] = Kind(
    f"the name of a tag (at most {_TAG_CHARACTERS} characters), its id, or none",
    _parse_solved_tag,
    lambda tag: "solved" if tag is None else tag,
)
_TAG_SOURCES = Kind(
    "a list of TAG=SOURCE with commas between, TAG being the name or the id of a tag; or none",
    _parse_tag_sources,
    lambda chosen: _shown_parts(f"{tag}={source}" for tag, source in chosen.items()),
)
_HOURS = _number(0, _YEAR, unit="hours")


def _of_forum(name: str, field: str, kind: Kind[Any], example: str, effect: str) -> Entry:
    default = getattr(ForumConfig(), field)
    return Entry(name, "forum", field, default, kind, example, effect, "managers")


def _of_server(
    name: str,
    field: str,
    kind: Kind[Any],
    example: str,
    effect: str,
    *,
    set_by: Setter = "managers",
) -> Entry:
    default = getattr(ServerConfig(), field)
    return Entry(name, "server", field, default, kind, example, effect, set_by)


# The table, in the order in which it is shown.
ENTRIES: tuple[Entry, ...] = (
    Entry(
        MODE,
        "forum",
        None,
        MODES[0],
        _choice(*MODES),
        "draft",
        "When docbot answers: `auto` each new post, `draft` after staff sent its draft, `mention` "
        "only when called, as always in a text channel, `off` never.",
        "managers",
    ),
    _of_forum(
        "settle-seconds",
        "settle_seconds",
        _number(0, 30, unit="seconds"),
        "6",
        "How long docbot waits for the rest of a question, anew after each message of its author; "
        "0 takes a post as it is.",
    ),
    _of_forum(
        "yields-to",
        "yields_to",
        _choice("anyone", "helpers"),
        "helpers",
        "Who else's reply makes docbot hold back its answer: anyone's, or only that of staff.",
    ),
    _of_forum(
        "staff-channel",
        "staff_channel",
        _CHANNEL_ID,
        "222222222222222222",
        "Where staff get drafts to send, and what they are to look at.",
    ),
    _of_forum(
        "helper-role",
        "helper_role",
        _ROLE_ID,
        "333333333333333333",
        "Whose members count as staff, and are pinged when somebody asks for a human.",
    ),
    _of_forum(
        "solved-tag",
        "solved_tag",
        _SOLVED_TAG,
        "Answered",
        "The tag that a solved thread gets where the forum has it; `none` gives none.",
    ),
    _of_forum(
        "archive-solved-hours",
        "archive_solved_hours",
        _HOURS,
        "24",
        "How long after it was solved a thread is archived; 0: never by docbot.",
    ),
    _of_forum(
        "remind-hours",
        "remind_hours",
        _HOURS,
        "48",
        "After how long a silence an answered thread is asked once whether that solved it; "
        "0: never.",
    ),
    _of_forum(
        "close-hours",
        "close_hours",
        _HOURS,
        "72",
        "How long after that reminder a thread that stays silent is closed; 0: never.",
    ),
    _of_forum(
        "say-nothing-found",
        "says_nothing_found",
        _SWITCH,
        "on",
        "Whether a post that the documentation does not answer gets one line that says so, or "
        "silence.",
    ),
    _of_forum(
        "tag-sources",
        "tag_sources",
        _TAG_SOURCES,
        "v2=docs-v2, v3=docs-v3",
        "Which source alone is searched for a post with a tag.",
    ),
    _of_forum(
        "learn",
        "learns",
        _choice("on", "review", "off"),
        "review",
        "Whether marked solutions are searched with the documentation: `on` at once, `review` "
        "after staff saw them, `off` not at all.",
    ),
    _of_server(
        "feedback",
        "has_feedback",
        _SWITCH,
        "off",
        "Whether answers carry the buttons Helpful and Not right.",
    ),
    _of_server(
        "limit-calls",
        "call_limit",
        _LIMIT,
        "10/6",
        "How often one person may call docbot by commands and mentions within so many hours.",
        set_by="operator",
    ),
    _of_server(
        "limit-posts",
        "post_limit",
        _LIMIT,
        "30/6",
        "How many posts of one person are answered within so many hours.",
        set_by="operator",
    ),
    _of_server(
        "limit-server",
        "server_limit",
        _LIMIT,
        "500/24",
        "How often all people of the server together may call docbot within so many hours.",
        set_by="operator",
    ),
    _of_server(
        "limit-overrides",
        "overrides",
        _OVERRIDES,
        "role:333333333333333333=50/6 first, person:444444444444444444=ignore",
        "People and roles with a limit of their own, who are answered `first`, or to whom docbot "
        "does not listen (`ignore`).",
        set_by="operator",
    ),
    _of_server(
        "banned",
        "banned",
        _PEOPLE,
        "444444444444444444",
        "People whose messages, commands and buttons docbot does not take.",
    ),
    _of_server(
        "retention-days",
        "retention_days",
        _days_or_off(3650),
        "90",
        "After how many days what members wrote is deleted here; `off` keeps it.",
    ),
)
_BY_NAME: dict[str, Entry] = {each.name: each for each in ENTRIES}
_FORUM_ENTRIES = [each for each in ENTRIES if each.scope == "forum" and each.field]
_SERVER_ENTRIES = [each for each in ENTRIES if each.scope == "server"]
