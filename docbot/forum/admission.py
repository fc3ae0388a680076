"""The door that a question passes before it is stored: asked, and told what became of it."""

import math
from collections.abc import Callable, Collection
from dataclasses import replace

from docbot import texts
from docbot.config import ServerConfig
from docbot.db.pool import Conn
from docbot.db.usage import UseKind, Uses
from docbot.forum.limits import (
    Allowed,
    Caller,
    Refused,
    judge_call,
    longest_hours,
    terms_for,
)


class Admission:
    """`are_limits_on` is False where DOCBOT_LIMITS is off: for measuring, nothing is counted."""

    def __init__(
        self, *, uses: Uses, config_of: Callable[[int], ServerConfig], are_limits_on: bool
    ) -> None:
        self._uses = uses
        self._config_of = config_of
        self._are_limits_on = are_limits_on

    def is_banned(self, guild_id: int, person_id: int) -> bool:
        """Whether nothing that this person does in this server is of any account."""
        return person_id in self._config_of(guild_id).banned

    async def ask(
        self,
        conn: Conn,
        *,
        guild_id: int,
        person_id: int,
        role_ids: Collection[int],
        is_staff: bool,
        kind: UseKind,
        conversation_id: int | None,
        was_missed: bool = False,
    ) -> Allowed | Refused:
        """Ask within the transaction that stores the question; nothing is written.

        What is allowed is counted by `note`, once the question is stored: an event that is told
        twice is asked about twice, and counts once. Until the transaction ends, other questions of
        this person wait here. One that `was_missed` is not held against their last question: that
        is still open because docbot was away.
        """
        caller = Caller(person_id, role_ids, is_staff)
        config = self._config_of(guild_id)
        terms = terms_for(caller, kind, config, are_limits_on=self._are_limits_on)
        if isinstance(terms, Refused):
            return terms
        past = await self._uses.read(
            conn,
            guild_id=guild_id,
            person_id=person_id,
            kind=kind,
            own_places=terms.own.count if terms.own else None,
            server_places=terms.server.count if terms.server else None,
        )
        if was_missed:
            terms = replace(terms, is_one_at_a_time=False)
        return judge_call(terms, past, conversation_id)

    async def note(
        self, conn: Conn, allowed: Allowed, *, guild_id: int, person_id: int, kind: UseKind
    ) -> None:
        """Write down, in the transaction that stored the question, that it was let in."""
        await self._uses.add(
            conn,
            guild_id=guild_id,
            person_id=person_id,
            kind=kind,
            is_counted=allowed.is_counted,
            is_first=allowed.has_priority,
        )

    async def prune(self) -> None:
        """Delete what no window counts any more; every hour or so is often enough."""
        servers = await self._uses.servers()
        await self._uses.prune({each: longest_hours(self._config_of(each)) for each in servers})


def why_refused(refused: Refused) -> str:
    """What the person is told, in private; of a post that was refused nobody is told."""
    if refused.next_free_at is not None:
        # Discord shows whole seconds; a moment earlier it would be refused again.
        free_at = math.ceil(refused.next_free_at.timestamp())
        if refused.reason == "over the server's limit":
            return texts.over_server_limit(free_at)
        return texts.over_own_limit(free_at)
    if refused.reason == "still on the last one":
        return texts.still_on_last_one()
    return texts.not_heard()
