"""Which forums docbot answers in, from which sources; and the guilds it is in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from docbot.config import ForumConfig, forum_config
from docbot.db.errors import translated
from docbot.db.listen import TELL_OF_SETTINGS
from docbot.db.pool import Pool
from docbot.errors import UsageError
from docbot.text import storable

_PUT_GUILD = """
    INSERT INTO guilds (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = $2
"""
_PUT = """
    INSERT INTO forums (channel_id, guild_id, mode) VALUES ($1, $2, $3)
    ON CONFLICT (channel_id) DO UPDATE SET guild_id = $2
"""
_SET_MODE = """
    UPDATE forums SET mode = $2,
        -- What was written while it was off was not written to docbot.
        bound_at = CASE WHEN mode = 'off' AND $2 <> 'off' THEN now() ELSE bound_at END
    WHERE channel_id = $1
    RETURNING channel_id
"""
_GUILDS = """
    SELECT id, name FROM guilds
    UNION ALL
    SELECT DISTINCT guild_id, '' FROM forums WHERE guild_id NOT IN (SELECT id FROM guilds)
    ORDER BY id
"""
_CLEAR_SOURCES = "DELETE FROM forum_sources WHERE channel_id = $1"
_ADD_SOURCES = """
    INSERT INTO forum_sources (channel_id, source_id) SELECT $1, unnest($2::bigint[])
"""
_REMOVE = "DELETE FROM forums WHERE channel_id = $1 RETURNING channel_id"
_LIST = """
    SELECT forums.channel_id, forums.guild_id, forums.mode, forums.bound_at,
           array_agg(sources.id ORDER BY sources.id)
               FILTER (WHERE sources.id IS NOT NULL) AS source_ids,
           array_agg(sources.name ORDER BY sources.id)
               FILTER (WHERE sources.id IS NOT NULL) AS source_names,
           (SELECT jsonb_object_agg(name, value) FROM config
            WHERE config.guild_id = forums.guild_id AND config.channel_id IS NULL) AS of_server,
           (SELECT jsonb_object_agg(name, value) FROM config
            WHERE config.channel_id = forums.channel_id) AS of_forum,
           (SELECT id FROM sources WHERE forum_id = forums.channel_id) AS solved_source_id,
           forums.tags
    FROM forums
    LEFT JOIN forum_sources USING (channel_id)
    LEFT JOIN sources ON sources.id = forum_sources.source_id
    GROUP BY forums.channel_id ORDER BY forums.guild_id, forums.channel_id
"""
_SOURCE_IDS = "SELECT name, id FROM sources WHERE guild_id IS NULL"
_PUT_TAGS = """
    UPDATE forums SET tags = $2 WHERE channel_id = $1 AND tags IS DISTINCT FROM $2
    RETURNING channel_id
"""
_TOLD_UNTIL = "SELECT greatest(bound_at, told_until) FROM forums WHERE channel_id = $1"
_TELL = """
    UPDATE forums SET told_until = $2
    WHERE channel_id = $1 AND (told_until IS NULL OR told_until < $2)
"""


@dataclass(frozen=True, slots=True)
class Forum:
    """A bound forum; `mode` is auto, draft, mention or off.

    `solved_source_id` is the source of what was learned from its threads, None before anything was;
    `tags` are the names of its tags by id, None before docbot saw them.
    """

    channel_id: int
    guild_id: int
    mode: str
    bound_at: datetime
    source_ids: tuple[int, ...]
    source_names: tuple[str, ...]
    config: ForumConfig = field(default_factory=ForumConfig)
    solved_source_id: int | None = None
    tags: Mapping[int, str] | None = None


class Forums:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put_guild(self, guild_id: int, name: str) -> None:
        with translated():
            await self._pool.execute(_PUT_GUILD, guild_id, storable(name))

    async def guilds(self) -> dict[int, str]:
        """The names of the servers that docbot is in or has a forum of, empty before it was there."""
        with translated():
            return {row["id"]: row["name"] for row in await self._pool.fetch(_GUILDS)}

    async def bind(
        self, *, guild_id: int, channel_id: int, mode: str, source_ids: list[int]
    ) -> None:
        """Bind the forum, or give a bound one another mode and other sources."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await conn.execute(_PUT, channel_id, guild_id, mode)
                await conn.execute(_SET_MODE, channel_id, mode)
                await conn.execute(_CLEAR_SOURCES, channel_id)
                await conn.execute(_ADD_SOURCES, channel_id, source_ids)
                await conn.execute(TELL_OF_SETTINGS)

    async def set_mode(self, channel_id: int, mode: str) -> None:
        """Give a bound forum another mode.

        Raises:
            UsageError: it is not bound.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                changed = await conn.fetchval(_SET_MODE, channel_id, mode)
                await conn.execute(TELL_OF_SETTINGS)
        if changed is None:
            raise _not_bound(channel_id)

    async def remove(self, channel_id: int) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                removed = await conn.fetchval(_REMOVE, channel_id)
                await conn.execute(TELL_OF_SETTINGS)
        if removed is None:
            raise _not_bound(channel_id)

    async def put_tags(self, channel_id: int, tags: Mapping[int, str]) -> None:
        """Store the names of a bound forum's tags; running processes hear of a change."""
        named = {str(tag): storable(name) for tag, name in tags.items()}
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                if await conn.fetchval(_PUT_TAGS, channel_id, named) is not None:
                    await conn.execute(TELL_OF_SETTINGS)

    async def source_ids(self) -> dict[str, int]:
        """Return the operator's sources by name."""
        with translated():
            rows = await self._pool.fetch(_SOURCE_IDS)
        return {row["name"]: row["id"] for row in rows}

    async def told_until(self, forum: Forum) -> datetime:
        """Everything that happened in the forum up to then was told to docbot."""
        with translated():
            found: datetime | None = await self._pool.fetchval(_TOLD_UNTIL, forum.channel_id)
        return found or forum.bound_at  # it was removed meanwhile

    async def tell(self, channel_id: int, until: datetime) -> None:
        """Note that everything up to then was told; never moves back."""
        with translated():
            await self._pool.execute(_TELL, channel_id, until)

    async def all(self) -> list[Forum]:
        with translated():
            rows = await self._pool.fetch(_LIST)
        return [
            Forum(
                row["channel_id"],
                row["guild_id"],
                row["mode"],
                row["bound_at"],
                tuple(row["source_ids"] or ()),
                tuple(row["source_names"] or ()),
                forum_config(row["of_server"] or {}, row["of_forum"] or {}),
                row["solved_source_id"],
                _tags(row["tags"]),
            )
            for row in rows
        ]


def _tags(stored: Mapping[str, str] | None) -> dict[int, str] | None:
    return None if stored is None else {int(tag): name for tag, name in stored.items()}


def _not_bound(channel_id: int) -> UsageError:
    return UsageError(f"no forum {channel_id} is bound; `docbot forum list` shows all")
