"""Syncs of sources: which one is under way, how the last ones ended, when the next is due."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from docbot.db.errors import translated
from docbot.db.pool import Pool
from docbot.text import storable

Outcome = Literal["done", "partly", "held", "failed"]

_RESUME = """
    SELECT id, added, changed, unchanged FROM syncs
    WHERE source_id = $1 AND ended_at IS NULL AND is_full = $2
      AND begun_at > now() - make_interval(hours => $3)
"""
_GIVE_UP_OPEN = """
    UPDATE syncs SET ended_at = now(), outcome = 'failed', reason = 'it was stopped half way'
    WHERE source_id = $1 AND ended_at IS NULL
"""
_FORGET_OLD = """
    DELETE FROM syncs WHERE source_id = $1 AND begun_at < now() - make_interval(days => $2)
"""
_BEGIN = "INSERT INTO syncs (source_id, is_full) VALUES ($1, $2) RETURNING id"
_COUNT_UNCHANGED = "UPDATE syncs SET unchanged = $2 WHERE id = $1"
_END = """
    UPDATE syncs
    SET ended_at = now(), outcome = $2, reason = $3, added = $4, changed = $5, unchanged = $6,
        deleted = $7, failed = $8
    WHERE id = $1
"""
_LAST = """
    SELECT DISTINCT ON (source_id) source_id, begun_at, ended_at, outcome, reason, failed
    FROM syncs WHERE source_id = ANY($1::bigint[]) ORDER BY source_id, id DESC
"""
_PUT_OFF = """
    UPDATE sources SET due_at = now() + make_interval(secs => $2) WHERE id = $1
"""
_BRING_FORWARD = """
    UPDATE sources SET due_at = now() + make_interval(secs => $1)
    WHERE due_at > now() + make_interval(secs => $1)
"""
_ARE_OPEN = "SELECT EXISTS (SELECT FROM syncs WHERE ended_at IS NULL)"
# One that was never read is left to who added it for a while.
_DUE = """
    SELECT name FROM sources
    WHERE guild_id IS NULL
      AND coalesce(due_at, created_at + make_interval(secs => $1)) <= now() ORDER BY id
"""
_SECONDS_TO_NEXT = """
    SELECT extract(epoch FROM
        min(coalesce(due_at, created_at + make_interval(secs => $1))) - now())::float8
    FROM sources WHERE guild_id IS NULL
"""

_KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Counts:
    """How many pages of a source came new, changed or as they were."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """A sync under way; one that was stopped half way and goes on has counts already."""

    id: int
    is_full: bool
    is_resumed: bool
    counts: Counts


@dataclass(frozen=True, slots=True)
class LastSync:
    """`ended_at` is None while it is under way, or when it was stopped half way."""

    begun_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    reason: str | None
    failed: int


class Syncs:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, source_id: int, *, is_full: bool, resumable_hours: int) -> Begun:
        """Begin a sync, or go on with one that was stopped half way; asks for the sync lock."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                row = await conn.fetchrow(_RESUME, source_id, is_full, resumable_hours)
                if row is not None:
                    counts = Counts(row["added"], row["changed"], row["unchanged"])
                    return Begun(row["id"], is_full, is_resumed=True, counts=counts)
                await conn.execute(_GIVE_UP_OPEN, source_id)
                await conn.execute(_FORGET_OLD, source_id, _KEPT_DAYS)
                begun = await conn.fetchval(_BEGIN, source_id, is_full)
        return Begun(begun, is_full, is_resumed=False, counts=Counts())

    async def count_unchanged(self, sync_id: int, unchanged: int) -> None:
        """Keep how far it is, for who looks on; pages that are written count themselves."""
        with translated():
            await self._pool.execute(_COUNT_UNCHANGED, sync_id, unchanged)

    async def end(
        self,
        sync_id: int,
        outcome: Outcome,
        *,
        counts: Counts,
        deleted: int,
        failed: int,
        reason: str | None = None,
    ) -> None:
        with translated():
            await self._pool.execute(
                _END,
                sync_id,
                outcome,
                None if reason is None else storable(reason),
                counts.added,
                counts.changed,
                counts.unchanged,
                deleted,
                failed,
            )

    async def last(self, source_ids: Sequence[int]) -> dict[int, LastSync]:
        """The last sync of each of these sources that had one, by the source's id."""
        with translated():
            rows = await self._pool.fetch(_LAST, list(source_ids))
        return {
            row["source_id"]: LastSync(
                row["begun_at"], row["ended_at"], row["outcome"], row["reason"], row["failed"]
            )
            for row in rows
        }

    async def put_off(self, source_ids: Collection[int], seconds: float) -> None:
        """Let the next scheduled sync of these sources be in so many seconds."""
        with translated():
            await self._pool.executemany(_PUT_OFF, [(each, seconds) for each in source_ids])

    async def bring_forward(self, seconds: float) -> None:
        """Let no scheduled sync be later than in so many seconds."""
        with translated():
            await self._pool.execute(_BRING_FORWARD, seconds)

    async def are_open(self) -> bool:
        """Whether any sync is under way, or was stopped half way."""
        with translated():
            return bool(await self._pool.fetchval(_ARE_OPEN))

    async def due(self, *, first_after_seconds: float) -> list[str]:
        """Name the sources whose sync is due."""
        with translated():
            rows = await self._pool.fetch(_DUE, first_after_seconds)
        return [row["name"] for row in rows]

    async def seconds_to_next(self, *, first_after_seconds: float) -> float | None:
        """Return in how many seconds the next one is due; None where there is no source."""
        with translated():
            seconds: float | None = await self._pool.fetchval(_SECONDS_TO_NEXT, first_after_seconds)
        return seconds
