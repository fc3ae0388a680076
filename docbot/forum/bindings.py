"""The forums docbot answers in, as this process knows them; re-read when they change."""

from docbot.db.forums import Forum, Forums


class Bindings:
    def __init__(self, forums: Forums) -> None:
        self._forums = forums
        self._by_channel: dict[int, Forum] = {}

    async def reload(self, guild_id: int | None = None) -> list[str]:
        """Take in what Postgres holds now; return the names of what changed, in one server or all."""
        found = {forum.channel_id: forum for forum in await self._forums.all()}
        before, self._by_channel = self._by_channel, found
        return changed_names(_in_guild(before, guild_id), _in_guild(found, guild_id))

    def find(self, channel_id: int) -> Forum | None:
        return self._by_channel.get(channel_id)

    def all(self) -> list[Forum]:
        return list(self._by_channel.values())


def _in_guild(forums: dict[int, Forum], guild_id: int | None) -> dict[int, Forum]:
    if guild_id is None:
        return forums
    return {channel: forum for channel, forum in forums.items() if forum.guild_id == guild_id}


def changed_names(before: dict[int, Forum], after: dict[int, Forum]) -> list[str]:
    """Name what differs, by forum: `forum 12 added`, `forum 12 mode`, `forum 12 sources`."""
    names = [f"forum {channel} added" for channel in sorted(after.keys() - before.keys())]
    names += [f"forum {channel} removed" for channel in sorted(before.keys() - after.keys())]
    for channel in sorted(before.keys() & after.keys()):
        if before[channel].mode != after[channel].mode:
            names.append(f"forum {channel} mode")
        if before[channel].source_ids != after[channel].source_ids:
            names.append(f"forum {channel} sources")
    return names
