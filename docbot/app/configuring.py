"""What lives in Postgres as an operator sees, sets and unsets it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from docbot.app.rooms import Rooms
from docbot.config import ENTRIES, MODE, Entry, Resolved, get_entry, resolve, why_unreadable
from docbot.db.forums import Forum
from docbot.errors import UsageError
from docbot.forum.bindings import Place, by_place, passed_over


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds in one place, and what there is to tell about it."""

    found: list[Resolved]
    warnings: list[str]  # of what is stored and passed over
    notes: list[str]  # of what the forums of a server have of their own


@dataclass(frozen=True, slots=True)
class Change:
    """What held before and holds now; `undo` is the command that takes it back, if there is one."""

    before: str
    after: str
    undo: str | None


@dataclass(frozen=True, slots=True)
class _Texts:
    """What is stored, by name: for the server, and for the forum where the place is one."""

    place: Place
    of_server: Mapping[str, str]
    of_forum: Mapping[str, str]

    @property
    def own(self) -> Mapping[str, str]:
        return self.of_server if self.place.channel_id is None else self.of_forum

    def resolve(self, entry: Entry) -> Resolved:
        return resolve(entry, self.of_server, self.of_forum)


async def find_place(rooms: Rooms, guild_id: int | None, channel_id: int | None) -> Place:
    """Find the forum, or the server, which need not be named where there is only one.

    Raises:
        UsageError: it is not known; the message has the command that lists what is.
    """
    if channel_id is not None:
        return await _find_forum(rooms, guild_id, channel_id)
    known = await rooms.forums.guilds()
    shows = "`docbot forum list --available` shows those it is in"
    if guild_id is not None and guild_id not in known:
        raise UsageError(f"--guild {guild_id}: docbot knows no such server; {shows}")
    if not known:
        raise UsageError(f"docbot knows no server yet; {shows}")
    if guild_id is None and len(known) > 1:
        listed = ", ".join(
            f"{each} ({name})" if name else str(each) for each, name in known.items()
        )
        raise UsageError(f"several servers are known; name one with --guild ID: {listed}")
    return Place(guild_id or next(iter(known)))


async def _find_forum(rooms: Rooms, guild_id: int | None, channel_id: int) -> Place:
    forum = await _bound(rooms, channel_id)
    if guild_id not in {None, forum.guild_id}:
        raise UsageError(
            f"--forum {channel_id} is of server {forum.guild_id}, not of {guild_id}; "
            "leave --guild out"
        )
    return Place(forum.guild_id, channel_id)


async def _bound(rooms: Rooms, channel_id: int) -> Forum:
    for forum in await rooms.forums.all():
        if forum.channel_id == channel_id:
            return forum
    raise UsageError(
        f"--forum {channel_id}: no such forum is bound; `docbot forum list` shows all, and "
        "`docbot forum add` binds one"
    )


async def settings_of(rooms: Rooms, place: Place) -> Settings:
    """Collect what holds in a place: in a forum the entries of a forum, in a server all but modes."""
    set_in = by_place(await rooms.configs.all())
    texts = await _texts(rooms, place)
    found = [texts.resolve(entry) for entry in ENTRIES if _why_not(entry, place) is None]
    here = {
        each: stored
        for each, stored in set_in.items()
        if each.guild_id == place.guild_id and each.channel_id in {None, place.channel_id}
    }
    notes = [
        f"{each.name} has its own: {', '.join(stored)}. Next: docbot config list {each.option}"
        for each, stored in set_in.items()
        if place.channel_id is None and each.guild_id == place.guild_id and each != place
    ]
    return Settings(found, list(passed_over(here)), notes)


async def set_value(rooms: Rooms, place: Place, name: str, text: str) -> Change:
    """Store a value; running processes take it in at once.

    Raises:
        UsageError: there is no such setting, it cannot be set there, or the value is wrong.
    """
    entry = get_entry(name)
    why_not = _why_not(entry, place)
    if why_not is not None:
        raise UsageError(why_not)
    value = entry.parse(text)
    if entry.field == "tag_sources" and value:
        await rooms.sources.get_many(list(value.values()))
    before = await _texts(rooms, place)
    await _store(rooms, place, name, entry.show(value))
    after = await _texts(rooms, place)
    return Change(_held(before, name), _held(after, name), _undo(before, name))


async def unset_value(rooms: Rooms, place: Place, name: str) -> Change | None:
    """Store no value there any more; None where none was.

    What another version stored under a name that this one does not know is taken away too.

    Raises:
        UsageError: there is no such setting, or it cannot be set there.
    """
    before = await _texts(rooms, place)
    if name not in before.own:
        why_not = _why_not(get_entry(name), place)
        if why_not is not None:
            raise UsageError(why_not)
        return None
    if name == MODE:
        await _store(rooms, place, name, str(get_entry(name).default))
    else:
        await rooms.configs.unset(place.guild_id, place.channel_id, name)
        await _look_at_threads(rooms, place)
    after = await _texts(rooms, place)
    return Change(_held(before, name), _held(after, name), _undo(before, name))


async def _store(rooms: Rooms, place: Place, name: str, text: str) -> None:
    if name == MODE and place.channel_id is not None:
        await rooms.forums.set_mode(place.channel_id, text)
    else:
        await rooms.configs.set(place.guild_id, place.channel_id, name, text)
    await _look_at_threads(rooms, place)


async def _look_at_threads(rooms: Rooms, place: Place) -> None:
    """A reminder or an archiving may be due by what is set now, also where no docbot runs yet."""
    forums = [each for each in await rooms.forums.all() if each.guild_id == place.guild_id]
    chosen = [each.channel_id for each in forums if place.channel_id in (None, each.channel_id)]
    await rooms.threads.look_anew(chosen)


async def _texts(rooms: Rooms, place: Place) -> _Texts:
    set_in = by_place(await rooms.configs.all())
    of_server = set_in.get(Place(place.guild_id), {})
    if place.channel_id is None:
        return _Texts(place, of_server, {})
    forum = await _bound(rooms, place.channel_id)
    of_forum = set_in.get(place, {})
    return _Texts(place, of_server, {MODE: forum.mode, **of_forum})


def _why_not(entry: Entry, place: Place) -> str | None:
    """Say why an entry cannot be set in a place, and what to do; None when it can."""
    if entry.scope == "server" and place.channel_id is not None:
        return (
            f"{entry.name} holds for a whole server; name it with --guild {place.guild_id} in place "
            "of --forum"
        )
    if entry.name == MODE and place.channel_id is None:
        return f"{MODE} is set forum by forum; name one with --forum ID (`docbot forum list`)"
    return None


def _held(texts: _Texts, name: str) -> str:
    """Tell what a name has in a place, and where that comes from if not from the place itself."""
    if name in texts.own:
        return texts.own[name]
    try:
        found = texts.resolve(get_entry(name))
    except UsageError:  # of another version
        return "nothing"
    return f"{found.shown} ({'default' if found.origin == 'default' else 'as the server has it'})"


def _undo(before: _Texts, name: str) -> str | None:
    """The command that brings back what was; None where that was nothing this version can read."""
    own, option = before.own.get(name), before.place.option
    if own is None:
        return f"docbot config unset {name} {option}"
    if why_unreadable(name, own) is not None:
        return None
    return f"docbot config set {name} {shlex.quote(own)} {option}"
