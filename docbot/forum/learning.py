"""Learning from solved threads: a marked solution is searched with the documentation.

All but the reads join the caller's transaction, so that what happens on Discord and what is learned
of it are one. Learned is what people wrote: docbot's own answers came from the documentation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

from docbot.answers.markdown import Prose, blocks, source, spans
from docbot.db.pool import Conn
from docbot.db.solutions import Marked, Solution, Solutions, State
from docbot.db.sources import PageRow
from docbot.forum.conduct import Refusal
from docbot.forum.reviews import Reviews
from docbot.knowledge.html.convert import Converted
from docbot.knowledge.pages import page_of
from docbot.knowledge.sync import page_row
from docbot.text import as_seen

# Whether a forum learns, and whether staff let each solution pass first.
Learns = Literal["on", "review", "off"]

_DISCARDED = "discarded by staff"
_UNSOLVED = "not solved by it any more"
_DELETED = "deleted on Discord"
_FORGOTTEN = "a person of it asked to be forgotten"

# People, roles, channels and emoji of the server, and who is told of everything.
_CALL = re.compile(r"<(?:@[!&]?|#|a?:\w+:)\d+>|@(?:everyone|here)\b")


@dataclass(frozen=True, slots=True)
class SeenSolution:
    """What somebody decides on: the solution of a thread, as it was when they read it."""

    guild_id: int
    thread_id: int
    revision: int


class Learning:
    """What the forums know of their solved threads.

    `solutions` is where it is stored; `reviews` shows staff what waits for them.
    """

    def __init__(self, solutions: Solutions, reviews: Reviews) -> None:
        self._solutions = solutions
        self._reviews = reviews

    async def find(self, guild_id: int, thread_id: int) -> Solution | None:
        """Return the solution of a thread; None where this server has none."""
        solution = await self._solutions.find(thread_id)
        return solution if solution is not None and solution.guild_id == guild_id else None

    async def learn(
        self,
        conn: Conn,
        *,
        thread_id: int,
        message_id: int,
        marked_by: int,
        learns: Learns,
        is_open: bool,
    ) -> State | None:
        """Learn that a message solved its thread; of both what is stored by now counts.

        What the thread was solved by before is forgotten, unless it is the same message. One that
        staff discarded is not learned again.

        Args:
            conn: in a transaction, in which thread and message were stored if they were not.
            thread_id: of the solved thread.
            message_id: of the message that solved it.
            marked_by: who says so.
            learns: as the forum is set.
            is_open: everyone who can read the forum can read the thread.

        Returns:
            `verified`, and found as soon as the index holds it; `review` where staff see it first;
            None where nothing is learned of it.
        """
        known = await self._solutions.lock(conn, thread_id)
        marked = await self._solutions.find_marked(conn, thread_id, message_id)
        if known is not None and known.message_id == message_id:
            if known.state != "removed":
                return known.state
            if known.reason == _DISCARDED:
                return None
        if learns == "off" or not is_open or not _is_learnable(marked, thread_id, message_id):
            await self._remove(conn, known, _UNSOLVED)
            await self._reviews.show(conn, thread_id)
            return None
        solution = await self._solutions.put(
            conn,
            _cleaned(marked),
            known,
            thread_id=thread_id,
            message_id=message_id,
            marked_by=marked_by,
        )
        if learns == "on":
            await self._publish(conn, solution, verified_by=marked_by, is_reviewed=False)
        await self._reviews.show(conn, thread_id)
        return "verified" if learns == "on" else "review"

    async def unlearn(self, conn: Conn, thread_id: int) -> None:
        """Forget what solved a thread that is not solved any more."""
        await self._forget(conn, [thread_id], _UNSOLVED)

    async def follow_thread(self, conn: Conn, thread_id: int) -> None:
        """Bring what was learned of a thread in step with what is stored of it by now.

        What staff wrote in place of the solution stays; a solution that they let pass waits for
        them again when it is edited. What is not stored any more, but was not deleted on Discord
        either, is kept.
        """
        await self._follow(conn, thread_id)
        await self._reviews.show(conn, thread_id)

    async def _follow(self, conn: Conn, thread_id: int) -> None:
        solution = await self._solutions.lock(conn, thread_id)
        if solution is None or solution.state == "removed":
            return
        marked = await self._solutions.find_marked(conn, thread_id, solution.message_id)
        if marked is None:
            return
        marked = _filled(marked, solution)
        if not _is_learnable(marked, thread_id, solution.message_id):
            await self._remove(conn, solution, _DELETED)
            return
        now = _cleaned(marked)
        changed = replace(
            solution,
            title=now.title or "",
            question=now.question or "",
            solution=now.solution or "",
        )
        if changed == solution:
            return
        await self._solutions.set_texts(
            conn,
            thread_id,
            title=changed.title,
            question=changed.question,
            solution=changed.solution,
        )
        if solution.verified_by is None:
            return
        if solution.is_reviewed and changed.text != solution.text:
            await self._solutions.hold_back(conn, solution)
            return
        await self._publish(
            conn,
            changed,
            verified_by=solution.verified_by,
            is_reviewed=solution.is_reviewed,
        )

    async def follow_forum_deletion(self, conn: Conn, forum_id: int) -> None:
        await self._forget(conn, await self._solutions.of_forum(conn, forum_id), _DELETED)

    async def threads_of(self, guild_id: int, person_id: int) -> list[int]:
        """Return the learned threads in which this person asked or whose solution is theirs."""
        return await self._solutions.of_person(guild_id, person_id)

    async def forget_for_person(self, conn: Conn, thread_id: int) -> None:
        """Forget a thread because a person of it asked to be forgotten."""
        await self._forget(conn, [thread_id], _FORGOTTEN)

    async def accept(self, conn: Conn, seen: SeenSolution, staff_id: int) -> Refusal | None:
        """Let a solution pass the review, unless it waits for none, or is another by now."""
        solution = await self._solutions.lock(conn, seen.thread_id)
        refusal = why_not(solution, seen)
        if solution is None or refusal is not None:
            return refusal
        await self._publish(conn, solution, verified_by=staff_id, is_reviewed=True)
        await self._reviews.show(conn, seen.thread_id, staff_id)
        return None

    async def edit(
        self, conn: Conn, seen: SeenSolution, text: str, staff_id: int
    ) -> Refusal | None:
        """Let staff's words pass the review in place of the solution's."""
        solution = await self._solutions.lock(conn, seen.thread_id)
        refusal = why_not(solution, seen)
        if solution is None or refusal is not None:
            return refusal
        edited = cleaned(text)
        if not edited:
            return "no words"
        await self._solutions.set_edited(conn, seen.thread_id, edited)
        changed = replace(solution, edited=edited)
        await self._publish(conn, changed, verified_by=staff_id, is_reviewed=True)
        await self._reviews.show(conn, seen.thread_id, staff_id)
        return None

    async def discard(self, conn: Conn, seen: SeenSolution, staff_id: int) -> Refusal | None:
        """Forget a solution for good: this message is not learned again."""
        solution = await self._solutions.lock(conn, seen.thread_id)
        refusal = why_not(solution, seen)
        if refusal is not None:
            return refusal
        await self._remove(conn, solution, _DISCARDED)
        await self._reviews.show(conn, seen.thread_id, staff_id)
        return None

    async def discard_deleted(self, conn: Conn, thread_id: int) -> None:
        """As `discard`, where staff deleted the message that shows the solution to them."""
        solution = await self._solutions.lock(conn, thread_id)
        await self._remove(conn, solution, _DISCARDED)
        await self._reviews.forget(conn, thread_id)

    async def _forget(self, conn: Conn, thread_ids: Sequence[int], reason: str) -> None:
        for thread_id in thread_ids:
            await self._remove(conn, await self._solutions.lock(conn, thread_id), reason)
        # Only now: who writes to the staff's channel holds its turn, and must want no more threads.
        for thread_id in thread_ids:
            await self._reviews.show(conn, thread_id)

    async def _publish(
        self, conn: Conn, solution: Solution, *, verified_by: int, is_reviewed: bool
    ) -> None:
        page = page_for(solution)
        await self._solutions.publish(
            conn, solution, page, verified_by=verified_by, is_reviewed=is_reviewed
        )

    async def _remove(self, conn: Conn, solution: Solution | None, reason: str) -> None:
        if solution is not None and solution.state != "removed":
            await self._solutions.remove(conn, solution, reason)


def why_not(solution: Solution | None, seen: SeenSolution) -> Refusal | None:
    """Say why nothing can be decided on what somebody has seen; None where it can."""
    if solution is None or solution.guild_id != seen.guild_id:
        return "no solution"
    if solution.state == "verified":
        return "solution learned"
    if solution.state == "removed":
        return "solution discarded" if solution.reason == _DISCARDED else "solution over"
    return None if solution.revision == seen.revision else "solution changed"


def page_for(solution: Solution) -> PageRow:
    """Cut a solution as a page of documentation is: it is found by the question too."""
    markdown = f"{solution.question}\n\n{solution.text}".strip()
    return page_row(page_of(Converted(solution.title, markdown), solution.url))


def cleaned(text: str) -> str:
    """What a member wrote, without whom they called and what no reader sees; code stays as it is."""
    return "\n".join(
        _without_calls(block.text) if isinstance(block, Prose) else source(block)
        for block in blocks(as_seen(text))
    ).strip()


def _without_calls(prose: str) -> str:
    kept, position = [], 0
    for span in spans(prose):
        if span.kind == "code":
            kept += [_CALL.sub("", prose[position : span.start]), prose[span.start : span.end]]
            position = span.end
    return "".join([*kept, _CALL.sub("", prose[position:])])


def _is_learnable(marked: Marked | None, thread_id: int, message_id: int) -> TypeGuard[Marked]:
    """Whether the message says something, to somebody else's question."""
    return (
        marked is not None
        and not marked.is_bot
        and not marked.is_deleted
        and message_id != thread_id  # a post does not solve itself
        and bool(cleaned(marked.solution or ""))
    )


def _filled(marked: Marked, learned: Solution) -> Marked:
    """Put what was learned of the texts in the place of those that were erased since."""
    return replace(
        marked,
        title=learned.title if marked.title is None else marked.title,
        question=learned.question if marked.question is None else marked.question,
        solution=learned.solution if marked.solution is None else marked.solution,
    )


def _cleaned(marked: Marked) -> Marked:
    return replace(
        marked,
        title=cleaned(marked.title or ""),
        question=cleaned(marked.question or ""),
        solution=cleaned(marked.solution or ""),
    )
