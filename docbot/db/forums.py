"""Which forums docbot answers in, from which sources; and the guilds it is in."""

from dataclasses import dataclass
from datetime import datetime

from docbot.db.errors import translated
from docbot.db.pool import Pool
from docbot.errors import UsageError
from docbot.text import storable

_PUT_GUILD = """
    INSERT INTO guilds (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = $2
"""
_PUT = """
    INSERT INTO forums (channel_id, guild_id, mode) VALUES ($1, $2, $3)
    ON CONFLICT (channel_id) DO UPDATE SET guild_id = $2, mode = $3,
        -- What was written while it was off was not written to docbot.
        bound_at = CASE WHEN forums.mode = 'off' AND $3 <> 'off' THEN now() ELSE forums.bound_at END
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
               FILTER (WHERE sources.id IS NOT NULL) AS source_names
    FROM forums
    LEFT JOIN forum_sources USING (channel_id)
    LEFT JOIN sources ON sources.id = forum_sources.source_id
    GROUP BY forums.channel_id ORDER BY forums.guild_id, forums.channel_id
"""
_TOLD_UNTIL = "SELECT greatest(bound_at, told_until) FROM forums WHERE channel_id = $1"
_TELL = """
    UPDATE forums SET told_until = $2
    WHERE channel_id = $1 AND (told_until IS NULL OR told_until < $2)
"""
# Running processes take the change in at once.
_NOTIFY = "SELECT pg_notify('docbot_settings', '')"


@dataclass(frozen=True, slots=True)
class Forum:
    """A bound forum; `mode` is auto, draft, mention or off."""

    channel_id: int
    guild_id: int
    mode: str
    bound_at: datetime
    source_ids: tuple[int, ...]
    source_names: tuple[str, ...]


class Forums:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put_guild(self, guild_id: int, name: str) -> None:
        with translated():
            await self._pool.execute(_PUT_GUILD, guild_id, storable(name))

    async def bind(
        self, *, guild_id: int, channel_id: int, mode: str, source_ids: list[int]
    ) -> None:
        """Bind the forum, or give a bound one another mode and other sources."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                await conn.execute(_PUT, channel_id, guild_id, mode)
                await conn.execute(_CLEAR_SOURCES, channel_id)
                await conn.execute(_ADD_SOURCES, channel_id, source_ids)
                await conn.execute(_NOTIFY)

    async def remove(self, channel_id: int) -> None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                removed = await conn.fetchval(_REMOVE, channel_id)
                await conn.execute(_NOTIFY)
        if removed is None:
            raise UsageError(f"no forum {channel_id} is bound; `docbot forum list` shows all")

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
            )
            for row in rows
        ]
