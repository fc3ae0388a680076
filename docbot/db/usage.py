"""Uses: who asked when, as far as a limit counts it.

A use is added in the transaction that stores its question: what is not stored is not counted. Who
reads holds the person's lock, and the server's where its calls are counted together, until that
transaction ends, so that of two calls at once only one finds the last place free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool

# A call asks docbot by name: a mention, /chat, /private. A post begins a thread of a bound forum.
UseKind = Literal["call", "post"]

# The second key is one that no lock on who acts has: those are found by it. Two people whose first
# keys are the same wait for each other, and no more than that.
_LOCK_PERSON = (
    "SELECT pg_advisory_xact_lock(hashtext(concat($1::bigint, ' ', $2::bigint)), 7110004)"
)
_LOCK_SERVER = "SELECT pg_advisory_xact_lock(hashtext($1::bigint::text), 7110005)"
# A statement of its own: it sees what was committed while the locks were waited for.
_READ = """
    SELECT clock_timestamp() AS now,
           (SELECT at FROM uses WHERE guild_id = $1 AND person_id = $2 AND kind = $3
            ORDER BY at DESC LIMIT 1 OFFSET $4::bigint - 1) AS own_at,
           (SELECT at FROM uses WHERE guild_id = $1 AND kind = 'call'
            ORDER BY at DESC LIMIT 1 OFFSET $5::bigint - 1) AS server_at,
           -- In review people have it, and what is posting may wait for a right for hours.
           (SELECT conversation_id FROM questions
            WHERE guild_id = $1 AND author_id = $2 AND ended_at IS NULL
              AND state IN ('collecting', 'waiting', 'answering')
            ORDER BY id DESC LIMIT 1) AS running_in
"""
# The person's turns are touched only where something changes: a claim may be at them.
_ADD = """
    WITH use AS (
        INSERT INTO uses (guild_id, person_id, kind)
        SELECT $1::bigint, $2::bigint, $3::text WHERE $4::boolean)
    INSERT INTO person_turns (guild_id, person_id, served_at, is_first)
    SELECT $1, $2, '-infinity', $5::boolean
    WHERE $5 <> coalesce(
        (SELECT is_first FROM person_turns WHERE guild_id = $1 AND person_id = $2), false)
    ON CONFLICT (guild_id, person_id) DO UPDATE SET is_first = excluded.is_first
"""
_SERVERS = "SELECT DISTINCT guild_id FROM uses"
_PRUNE = """
    DELETE FROM uses USING unnest($1::bigint[], $2::float8[]) AS kept (guild_id, hours)
    WHERE uses.guild_id = kept.guild_id AND at <= now() - hours * interval '1 hour'
"""


@dataclass(frozen=True, slots=True)
class Past:
    """What a person and their server asked before, by the database's clock.

    A window with N places is full as long as the Nth newest use counts: `own_at` is that of the
    person's uses, `server_at` that of the server's calls. None where there are fewer.
    """

    now: datetime
    own_at: datetime | None
    server_at: datetime | None
    running_in: int | None  # the conversation of their newest question that docbot is on


class Uses:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(
        self,
        conn: Conn,
        *,
        guild_id: int,
        person_id: int,
        kind: UseKind,
        own_places: int | None,
        server_places: int | None,
    ) -> Past:
        """Join the caller's transaction, and keep others of this person out until it ends.

        Args:
            conn: within that transaction.
            guild_id: the server; each counts for itself.
            person_id: who asks.
            kind: which of the person's uses are looked at; of the server it is the calls.
            own_places: of the person's window, at least 1; None: there is none, and `own_at` tells
                nothing.
            server_places: the same of the server; where it has a window, its other callers are kept
                out too.
        """
        await conn.execute(_LOCK_PERSON, guild_id, person_id)
        if (
            server_places is not None
        ):  # always after the person's, so that no two wait for each other
            await conn.execute(_LOCK_SERVER, guild_id)
        [row] = await conn.fetch(_READ, guild_id, person_id, kind, own_places, server_places)
        return Past(**row)

    async def add(
        self,
        conn: Conn,
        *,
        guild_id: int,
        person_id: int,
        kind: UseKind,
        is_counted: bool,
        is_first: bool,
    ) -> None:
        """Join the transaction that stores the question: count it, and place it.

        `is_first`: from here on the person's questions go before others of their server, or not.
        """
        await conn.execute(_ADD, guild_id, person_id, kind, is_counted, is_first)

    async def servers(self) -> list[int]:
        """The servers of which any use is kept."""
        with translated():
            return [row["guild_id"] for row in await self._pool.fetch(_SERVERS)]

    async def prune(self, hours: Mapping[int, float]) -> None:
        """Delete the uses of each server that are older than so many hours."""
        with translated():
            await self._pool.execute(_PRUNE, list(hours.keys()), list(hours.values()))
