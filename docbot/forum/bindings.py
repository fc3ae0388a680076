"""The forums docbot answers in, and what is set, as this process knows it; re-read on a change."""

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from docbot.config import ForumConfig, ServerConfig, forum_config, server_config, why_unreadable
from docbot.db.config import Configs, Stored
from docbot.db.forums import Forum, Forums
from docbot.forum.sources_of import lines_about_tags, sources_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A server as a whole, or one of its forums."""

    guild_id: int
    channel_id: int | None = None

    @property
    def name(self) -> str:
        return f"server {self.guild_id}" if self.channel_id is None else f"forum {self.channel_id}"

    @property
    def option(self) -> str:
        """What names it on the command line."""
        if self.channel_id is None:
            return f"--guild {self.guild_id}"
        return f"--forum {self.channel_id}"


@dataclass(frozen=True, slots=True)
class Known:
    """What was read last: the forums by channel, of each place what is set, and sources.

    Each is read by itself: what changes between the reads is told, and read again. `sources` are
    the operator's, by name.
    """

    forums: Mapping[int, Forum] = field(default_factory=dict)
    set_in: Mapping[Place, Mapping[str, str]] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)

    def in_guild(self, guild_id: int | None) -> "Known":
        """Return the part of one server, or all."""
        if guild_id is None:
            return self
        return Known(
            {channel: one for channel, one in self.forums.items() if one.guild_id == guild_id},
            {place: texts for place, texts in self.set_in.items() if place.guild_id == guild_id},
        )


class Bindings:
    def __init__(self, forums: Forums, configs: Configs) -> None:
        self._forums = forums
        self._configs = configs
        self._known = Known()
        self._servers: dict[int, ServerConfig] = {}
        self._told: frozenset[str] = frozenset()  # the lines about what is passed over
        self._turn = asyncio.Lock()
        self._is_read = False
        self.version = 0  # one more each time that something is set otherwise than read before

    async def reload(self, guild_id: int | None = None) -> list[str]:
        """Take in what Postgres holds now; return the names of what changed, in one server or all."""
        async with self._turn:  # of two at once the one that read earlier might have the last word
            before, found = self._known, await self._read()
            self._take_in(found)
        return changed_names(before.in_guild(guild_id), found.in_guild(guild_id))

    async def _read(self) -> Known:
        # What is set comes first: what changes before the forums are read is new to the next read.
        set_in = by_place(await self._configs.all())
        forums = {forum.channel_id: forum for forum in await self._forums.all()}
        return Known(forums, set_in, await self._forums.source_ids())

    def _take_in(self, found: Known) -> None:
        before, self._known = self._known, found
        self.version += self._is_read and bool(changed_names(before, found))
        self._is_read = True
        self._servers = {
            place.guild_id: server_config(texts)
            for place, texts in found.set_in.items()
            if place.channel_id is None
        }
        forums = found.forums.values()
        about_tags = [line for forum in forums for line in lines_about_tags(forum, found.sources)]
        about_staff = [line for forum in forums for line in lines_about_staff(forum)]
        self._tell(frozenset([*passed_over(found.set_in), *about_tags, *about_staff]))

    def find(self, channel_id: int | None) -> Forum | None:
        return None if channel_id is None else self._known.forums.get(channel_id)

    def all(self) -> list[Forum]:
        return list(self._known.forums.values())

    def server(self, guild_id: int) -> ServerConfig:
        """What is set for a server, also for one that is not known."""
        return self._servers.get(guild_id) or ServerConfig()

    def config_of(self, forum: Forum | None, guild_id: int) -> ForumConfig:
        """What is set for a forum; where none is bound, for all those of the server."""
        if forum is not None:
            return forum.config
        return forum_config(self._known.set_in.get(Place(guild_id), {}), {})

    def sources_of(self, forum: Forum, tags: Collection[int]) -> tuple[int, ...]:
        """Return the sources from which a thread with these tags is answered."""
        return sources_of(forum, tags, self._known.sources)

    def _tell(self, lines: frozenset[str]) -> None:
        """Tell the operator once of each thing that is amiss, not at each reload."""
        for line in sorted(lines - self._told):
            log.warning("%s", line)
        self._told = lines


def what_lacks_staff(forum: Forum) -> list[str]:
    """Say what in a forum is for staff to decide on, where it has no channel of theirs."""
    if forum.config.staff_channel is not None:
        return []
    drafts = ["posts fail, as staff is to see their drafts"] if forum.mode == "draft" else []
    waits = forum.config.learns == "review"
    solutions = ["solutions wait, as staff is to see them first"] if waits else []
    return [*drafts, *solutions]


def set_staff_channel(forum: Forum) -> str:
    return f"docbot config set staff-channel CHANNEL_ID --forum {forum.channel_id}"


def lines_about_staff(forum: Forum) -> Iterator[str]:
    """Say what waits in vain, for the operator."""
    lacking = what_lacks_staff(forum)
    if lacking:
        yield (
            f"forum {forum.channel_id} has no staff channel: {'; '.join(lacking)}. "
            f"Next: {set_staff_channel(forum)}"
        )


def by_place(stored: Sequence[Stored]) -> dict[Place, dict[str, str]]:
    places: dict[Place, dict[str, str]] = {}
    for each in stored:
        places.setdefault(Place(each.guild_id, each.channel_id), {})[each.name] = each.value
    return places


def passed_over(set_in: Mapping[Place, Mapping[str, str]]) -> Iterator[str]:
    """Say of each value that this version cannot read where it is set, and why it is not used."""
    for place, texts in set_in.items():
        for name, text in texts.items():
            reason = why_unreadable(name, text)
            if reason is not None:
                yield (
                    f"{name} of {place.name} is passed over, as if it were not set (`docbot "
                    f"config unset {name} {place.option}` removes it): {reason}"
                )


def changed_names(before: Known, after: Known) -> list[str]:
    """Name what differs, by forum and server: `forum 12 added`, `forum 12 mode`, `server 3 banned`."""
    old, new = before.forums, after.forums
    names = [f"forum {channel} added" for channel in sorted(new.keys() - old.keys())]
    names += [f"forum {channel} removed" for channel in sorted(old.keys() - new.keys())]
    for channel in sorted(old.keys() & new.keys()):
        if old[channel].mode != new[channel].mode:
            names.append(f"forum {channel} mode")
        if old[channel].source_ids != new[channel].source_ids:
            names.append(f"forum {channel} sources")
    return [*names, *_changed_settings(before, after)]


def _changed_settings(before: Known, after: Known) -> Iterator[str]:
    # What is set for a forum that was added or removed came or went with it.
    lasting = {None, *(before.forums.keys() & after.forums.keys())}
    places = {place for place in {*before.set_in, *after.set_in} if place.channel_id in lasting}
    for place in sorted(places, key=_forums_first):
        was, now = before.set_in.get(place, {}), after.set_in.get(place, {})
        for name in sorted({*was, *now}):
            if was.get(name) != now.get(name):
                yield f"{place.name} {name}"


def _forums_first(place: Place) -> tuple[bool, int, int]:
    return place.channel_id is None, place.guild_id, place.channel_id or 0
