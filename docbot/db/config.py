"""What is set for a server or one of its forums, as text; `docbot.config` says what it means."""

from dataclasses import dataclass

import asyncpg

from docbot.db.errors import translated
from docbot.db.listen import TELL_OF_SETTINGS
from docbot.db.pool import Pool
from docbot.errors import UsageError

_ALL = """
    SELECT guild_id, channel_id, name, value FROM config
    ORDER BY guild_id, channel_id NULLS FIRST, name
"""
_SET = """
    WITH former AS (
        SELECT value FROM config
        WHERE guild_id = $1 AND channel_id IS NOT DISTINCT FROM $2 AND name = $3)
    INSERT INTO config (guild_id, channel_id, name, value) VALUES ($1, $2, $3, $4)
    ON CONFLICT (guild_id, coalesce(channel_id, 0), name)
        DO UPDATE SET value = $4
    RETURNING (SELECT value FROM former)
"""
_UNSET = """
    DELETE FROM config
    WHERE guild_id = $1 AND channel_id IS NOT DISTINCT FROM $2 AND name = $3
    RETURNING value
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A value as it was set, whether or not this version can read it."""

    guild_id: int
    channel_id: int | None  # None: for the whole server
    name: str
    value: str


class Configs:
    """Every change is told to running processes in its own transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def all(self) -> list[Stored]:
        with translated():
            return [Stored(**row) for row in await self._pool.fetch(_ALL)]

    async def set(self, guild_id: int, channel_id: int | None, name: str, value: str) -> str | None:
        """Store the value; return the one that was stored there before.

        Raises:
            UsageError: the forum is not bound.
        """
        return await self._change(_SET, guild_id, channel_id, name, value)

    async def unset(self, guild_id: int, channel_id: int | None, name: str) -> str | None:
        """Store none any more; return the one that was."""
        return await self._change(_UNSET, guild_id, channel_id, name)

    async def _change(self, sql: str, *arguments: object) -> str | None:
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                try:
                    former: str | None = await conn.fetchval(sql, *arguments)
                except asyncpg.ForeignKeyViolationError as error:
                    raise UsageError(
                        f"no forum {arguments[1]} is bound; `docbot forum list` shows all"
                    ) from error
                await conn.execute(TELL_OF_SETTINGS)
        return former
