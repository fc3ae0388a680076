"""What staff has before it and has not decided on, when that is deleted on Discord.

Promise: who deletes the message of a draft or a solution has decided to discard it. Who deletes the
whole channel has not: what stood there counts as never shown, and nothing waits for a decision that
nobody can make.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from docbot.db.drafts import Drafts, UndecidedDraft
from docbot.db.errors import translated
from docbot.db.outbox import UndecidedNote
from docbot.db.pool import Conn, Pool
from docbot.db.solutions import Solutions
from docbot.forum.conductor import Conductor
from docbot.forum.events import DraftDeleted
from docbot.forum.learning import Learning

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Drafts, and the threads of solutions."""

    drafts: Sequence[UndecidedDraft]
    solutions: Sequence[int]

    @property
    def threads(self) -> set[int]:
        return {*self.solutions, *(draft.thread_id for draft in self.drafts)}


class Undecided:
    """`wake` is called once there may be something to do."""

    def __init__(
        self,
        *,
        pool: Pool,
        drafts: Drafts,
        solutions: Solutions,
        conductor: Conductor,
        learning: Learning,
        wake: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._drafts = drafts
        self._solutions = solutions
        self._conductor = conductor
        self._learning = learning
        self._wake = wake

    async def follow_messages(self, conn: Conn, message_ids: Sequence[int]) -> None:
        """Join the transaction that erases deleted messages: discard what they asked staff about."""
        shown = await self._in_turn(conn, partial(self._by_message, conn, message_ids))
        for draft in shown.drafts:
            event, question_id = DraftDeleted(), draft.question_id
            await self._conductor.tell(conn, draft.thread_id, event, question_id=question_id)
            await self._drafts.decide(conn, draft.answer_id, "discarded", None)
        for thread_id in shown.solutions:
            await self._learning.discard_deleted(conn, thread_id)

    async def notes(self) -> list[UndecidedNote]:
        """The messages that ask staff for a decision, those that are on their way too."""
        with translated():
            async with self._pool.acquire() as conn:
                drafts = await self._drafts.undecided_notes(conn)
                return [*drafts, *await self._solutions.undecided_notes(conn)]

    async def lose_channel(self, channel_id: int) -> None:
        """Let what stood in a deleted channel count as never shown, and tell the operator.

        The questions of drafts fail, and can be tried again; solutions are shown in the next
        channel that is set.
        """
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                shown = await self._in_turn(conn, partial(self._by_channel, conn, channel_id))
                for draft in shown.drafts:
                    why = why_lost(draft, channel_id)
                    await self._conductor.lose_draft(conn, draft.answer_id, why)
                for thread_id in shown.solutions:
                    await self._solutions.lose(conn, thread_id)
        if shown.threads:
            log.error("%s", _told(channel_id, len(shown.drafts), len(shown.solutions)))
            self._wake()

    async def _by_message(self, conn: Conn, message_ids: Sequence[int]) -> _Shown:
        return _Shown(
            await self._drafts.undecided_by_message(conn, message_ids),
            await self._solutions.undecided_by_message(conn, message_ids),
        )

    async def _by_channel(self, conn: Conn, channel_id: int) -> _Shown:
        return _Shown(
            await self._drafts.undecided_by_channel(conn, channel_id),
            await self._solutions.undecided_by_channel(conn, channel_id),
        )

    async def _in_turn(self, conn: Conn, find: Callable[[], Awaitable[_Shown]]) -> _Shown:
        """Find what is still undecided once nobody else is about to decide on it."""
        shown = await find()
        if not shown.threads:
            return shown
        for thread_id in sorted(shown.threads):
            await self._conductor.begin_in(conn, thread_id)
        return await find()


def why_lost(draft: UndecidedDraft, channel_id: int) -> str:
    """Why a draft was never decided on, and what the operator can do."""
    return (
        f"channel {channel_id} was deleted. Next, unless another one is set: docbot config set "
        f"staff-channel CHANNEL_ID --forum {draft.forum_id}; then: docbot questions retry "
        f"{draft.question_id}"
    )


def _told(channel_id: int, drafts: int, solutions: int) -> str:
    lost = f"channel {channel_id} was deleted, where staff had not decided on all"
    then = []
    if drafts:
        then.append(
            f"drafts lost: {drafts} (docbot questions list --state failed; docbot questions retry ID)"
        )
    if solutions:
        then.append(f"solutions that wait for another staff channel: {solutions}")
    return (
        f"{lost}; {'; '.join(then)}. Next, unless another one is set: docbot config set "
        "staff-channel CHANNEL_ID --forum ID"
    )
