"""What staff see of the solutions that wait for them, kept in step with what is stored.

Promise: whatever happens to a solution, `show` in the same transaction leaves one message of it that
asks for a decision, or none; where the forum has no staff channel it waits for one.
"""

from typing import Literal, TypeAlias

from docbot.answers.write import Message
from docbot.db.pool import Conn
from docbot.db.solutions import Shown, Solution, Solutions
from docbot.forum import notes
from docbot.forum.bindings import Bindings
from docbot.forum.staff_notes import StaffNote, StaffNotes

Step: TypeAlias = Literal["offer", "amend", "close"]


class Reviews:
    def __init__(self, solutions: Solutions, staff_notes: StaffNotes, bindings: Bindings) -> None:
        self._solutions = solutions
        self._staff_notes = staff_notes
        self._bindings = bindings

    async def show(self, conn: Conn, thread_id: int, by: int | None = None) -> None:
        """Bring the message that staff has of a thread's solution in step with it.

        Args:
            conn: of the transaction that changed the solution.
            thread_id: whose solution.
            by: who of the staff has just decided on it.
        """
        solution = await self._solutions.lock(conn, thread_id)
        if solution is None:
            return
        shown = await self._solutions.find_shown(conn, thread_id)
        channel_id = self._staff_channels().get(solution.forum_id)
        step = next_step(solution, shown, channel_id)
        if step == "offer" and channel_id is not None:
            await self._offer(conn, solution, channel_id)
        elif step == "amend" and shown is not None:
            await self._amend(conn, solution, shown)
        elif step == "close" and shown is not None:
            await self._close(conn, solution, shown, by)

    async def forget(self, conn: Conn, thread_id: int) -> None:
        """Join the caller's transaction: the message that showed this solution was deleted."""
        shown = await self._solutions.find_shown(conn, thread_id)
        if shown is not None:
            await self._solutions.set_shown(conn, thread_id, shown.row_id, None)

    async def unseen(self, limit: int) -> list[int]:
        """Return threads whose solutions wait for staff that was not shown them, the oldest first."""
        return await self._solutions.unseen(self._staff_channels(), limit)

    def _staff_channels(self) -> dict[int, int]:
        return {
            forum.channel_id: forum.config.staff_channel
            for forum in self._bindings.all()
            if forum.config.staff_channel is not None
        }

    async def _offer(self, conn: Conn, solution: Solution, channel_id: int) -> None:
        row_id = await self._staff_notes.send(
            conn,
            notes.solution(solution),
            guild_id=solution.guild_id,
            channel_id=channel_id,
            thread_id=solution.thread_id,
            buttons=_buttons(solution),
        )
        await self._solutions.set_shown(conn, solution.thread_id, row_id, solution.revision)

    async def _amend(self, conn: Conn, solution: Solution, shown: Shown) -> None:
        message = notes.solution(solution)
        await self._staff_notes.edit(conn, _note(solution, shown), message, _buttons(solution))
        await self._solutions.set_shown(conn, solution.thread_id, shown.row_id, solution.revision)

    async def _close(self, conn: Conn, solution: Solution, shown: Shown, by: int | None) -> None:
        note = _note(solution, shown)
        if by is not None:
            message = Message(notes.solution_decided(solution, by))
            await self._staff_notes.edit(conn, note, message)
        else:
            content, why = notes.solution_over(solution)
            await self._staff_notes.take_back(conn, note, content, why)
        await self._solutions.set_shown(conn, solution.thread_id, shown.row_id, None)


def next_step(solution: Solution, shown: Shown | None, channel_id: int | None) -> Step | None:
    """What is to be done about the message that shows a solution to staff.

    `channel_id` is theirs by now, which may still be the one that was deleted.
    """
    is_open = shown is not None and shown.revision is not None and not shown.is_lost
    if solution.state != "review":
        return "close" if is_open else None
    if shown is not None and is_open:
        return None if shown.revision == solution.revision else "amend"
    is_gone = shown is not None and shown.is_lost and shown.channel_id == channel_id
    return None if channel_id is None or is_gone else "offer"


def _buttons(solution: Solution) -> tuple[str, int, int]:
    return "learn", solution.thread_id, solution.revision


def _note(solution: Solution, shown: Shown) -> StaffNote:
    return StaffNote(shown.row_id, solution.guild_id, shown.channel_id, solution.thread_id)
