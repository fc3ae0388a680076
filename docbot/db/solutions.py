"""Solutions: what members solved in a forum's threads, and the pages that are searched of them.

The solutions of a forum are a source of that forum alone, each one a page of it. What is taken back
is gone from the searches with its transaction; what is new is found once the index holds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from docbot.db.errors import translated
from docbot.db.listen import TELL_OF_SETTINGS
from docbot.db.outbox import UndecidedNote
from docbot.db.pool import Conn, Pool
from docbot.db.sources import PageRow, write_page
from docbot.text import storable

State = Literal["review", "verified", "removed"]

# What a post asks may stand in several messages. Null is what was erased here, though not deleted on
# Discord: nothing is known of it any more.
_FIND_MARKED = """
    SELECT threads.guild_id, threads.forum_id, threads.author_id AS asker_id,
           CASE WHEN threads.erased_at IS NULL OR threads.deleted_at IS NOT NULL
                THEN threads.title END AS title,
           marked.author_id AS solver_id, marked.is_bot,
           CASE WHEN marked.erased_at IS NULL OR marked.deleted_at IS NOT NULL
                THEN marked.content END AS solution,
           CASE WHEN opening.erased_at IS NULL OR opening.deleted_at IS NOT NULL THEN coalesce((
               SELECT string_agg(content, E'\n\n' ORDER BY messages.id) FROM messages
               WHERE messages.thread_id = threads.id AND content <> ''
                 AND (messages.id = threads.id OR messages.id IN (
                     SELECT question_messages.message_id FROM question_messages
                     JOIN questions ON questions.id = question_id
                     WHERE questions.message_id = threads.id))), '') END AS question,
           threads.deleted_at IS NOT NULL OR marked.deleted_at IS NOT NULL AS is_deleted
    FROM threads JOIN messages AS marked ON marked.thread_id = threads.id
    LEFT JOIN messages AS opening ON opening.id = threads.id
    WHERE threads.id = $1 AND marked.id = $2
"""
# Whoever writes about a thread locks its row first.
_LOCK_THREAD = "SELECT id FROM threads WHERE id = $1 FOR UPDATE"
_SELECT = """
    SELECT thread_id, guild_id, forum_id, source_id, message_id, asker_id, solver_id, title,
           question, solution, edited, state, reason, marked_by, verified_by,
           is_reviewed, revision, page_id
    FROM solutions WHERE {which}
"""
_FIND = _SELECT.format(which="thread_id = $1")
_LOCK = _SELECT.format(which="thread_id = $1 FOR UPDATE")
# One whose message could not be sent is tried in another channel at once, in the same a day later;
# one whose channel was deleted in another alone.
_UNSEEN = """
    SELECT solutions.thread_id FROM solutions
    JOIN unnest($1::bigint[], $2::bigint[]) AS staff (forum, channel) ON staff.forum = forum_id
    LEFT JOIN outbox ON outbox.id = outbox_id
    WHERE solutions.state = 'review'
      AND (shown IS NULL
        OR is_lost AND outbox.channel_id <> staff.channel
        OR NOT is_lost AND outbox.state IN ('dropped', 'dead')
           AND (outbox.channel_id <> staff.channel OR ended_at < now() - interval '1 day'))
    ORDER BY learned_at, solutions.thread_id LIMIT $3
"""
_FIND_SHOWN = """
    SELECT outbox.id AS row_id, outbox.channel_id, shown AS revision, is_lost
    FROM solutions JOIN outbox ON outbox.id = outbox_id
    WHERE solutions.thread_id = $1 AND (is_lost OR outbox.state NOT IN ('dropped', 'dead'))
"""
_SET_SHOWN = """
    UPDATE solutions SET outbox_id = $2, shown = $3, is_lost = false WHERE thread_id = $1
"""
_LOSE = "UPDATE solutions SET is_lost = true WHERE thread_id = $1"
_UNDECIDED = """
    SELECT {what}
    FROM solutions JOIN outbox ON outbox.id = outbox_id
    WHERE solutions.state = 'review' AND shown IS NOT NULL AND NOT is_lost
      AND outbox.state NOT IN ('dropped', 'dead') AND {which}
"""
_UNDECIDED_BY_MESSAGE = _UNDECIDED.format(
    what="solutions.thread_id", which="outbox.message_id = ANY($1::bigint[])"
)
_UNDECIDED_BY_CHANNEL = _UNDECIDED.format(
    what="solutions.thread_id", which="outbox.channel_id = $1"
)
_UNDECIDED_NOTES = _UNDECIDED.format(
    what="outbox.guild_id, outbox.channel_id, outbox.message_id", which="true"
)
_OF_FORUM = "SELECT thread_id FROM solutions WHERE forum_id = $1 AND state <> 'removed' ORDER BY 1"
_OF_PERSON = """
    SELECT thread_id FROM solutions
    WHERE guild_id = $1 AND (asker_id = $2 OR solver_id = $2) AND state <> 'removed' ORDER BY 1
"""
# Its name is for operators; no person can take it from the forum, as names are unique by server.
_FIND_SOURCE = "SELECT id FROM sources WHERE forum_id = $1"
_PUT_GUILD = "INSERT INTO guilds (id, name) VALUES ($1, '') ON CONFLICT DO NOTHING"
_ADD_SOURCE = """
    INSERT INTO sources (guild_id, forum_id, name, kind, location)
    VALUES ($1, $2::bigint, 'solved-' || $2::bigint, 'solved', '')
    ON CONFLICT (forum_id) DO UPDATE SET guild_id = $1 RETURNING id
"""
_PUT = """
    INSERT INTO solutions (thread_id, guild_id, forum_id, source_id, message_id, asker_id, solver_id,
                           title, question, solution, state, marked_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'review', $11)
    ON CONFLICT (thread_id) DO UPDATE
    SET guild_id = $2, forum_id = $3, source_id = $4, page_id = NULL, message_id = $5,
        asker_id = $6, solver_id = $7, title = $8, question = $9, solution = $10, edited = NULL,
        state = 'review', reason = NULL, marked_by = $11, verified_by = NULL, is_reviewed = false,
        learned_at = now(), revision = solutions.revision + 1
"""
_SET_TEXTS = """
    UPDATE solutions
    SET title = $2, question = $3, solution = $4, revision = revision + 1
    WHERE thread_id = $1
"""
_SET_EDITED = "UPDATE solutions SET edited = $2 WHERE thread_id = $1"
_VERIFY = """
    UPDATE solutions
    SET state = 'verified', verified_by = $2, page_id = $3, is_reviewed = $4
    WHERE thread_id = $1
"""
_HOLD_BACK = """
    UPDATE solutions
    SET state = 'review', verified_by = NULL, page_id = NULL, is_reviewed = false
    WHERE thread_id = $1
"""
_REMOVE = """
    UPDATE solutions
    SET state = 'removed', reason = $2, title = '', question = '', solution = '', edited = NULL,
        verified_by = NULL, page_id = NULL, is_reviewed = false
    WHERE thread_id = $1
"""
# What a vector was made of can be guessed from it.
_FORGET_VECTORS = """
    DELETE FROM embeddings USING chunks WHERE chunk_hash = chunks.hash AND page_id = $1
"""
# An answer that leans on it is not given again. It cites a chunk's address, which may lead to a
# heading of the page.
_FORGET_REPEATS = """
    UPDATE answers SET repeat_key = NULL
    FROM (SELECT DISTINCT url FROM chunks WHERE page_id = $2) AS own
    WHERE guild_id = $1 AND repeat_key IS NOT NULL
      AND citations @> jsonb_build_array(jsonb_build_object('url', own.url))
"""
_DELETE_PAGE = "DELETE FROM pages WHERE id = $1"
_NOTIFY = "SELECT pg_notify('docbot_learned', '')"
_PAGE_OF_THREAD = "SELECT page_id FROM solutions WHERE thread_id = $1 AND page_id IS NOT NULL"
_COUNTS = """
    SELECT sources.name, sources.guild_id, sources.forum_id,
           count(*) FILTER (WHERE state = 'verified') AS verified,
           count(*) FILTER (WHERE state = 'review') AS in_review
    FROM sources LEFT JOIN solutions ON solutions.source_id = sources.id
    WHERE sources.kind = 'solved' GROUP BY sources.id ORDER BY sources.name
"""


@dataclass(frozen=True, slots=True)
class Marked:
    """A message that is to solve its thread, as both are stored now; None: that text was erased."""

    guild_id: int
    forum_id: int
    asker_id: int
    title: str | None
    solver_id: int
    is_bot: bool
    solution: str | None
    question: str | None
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Solution:
    """A solved thread; `edited` is what staff wrote in place of `solution`.

    `revision` grows with each change of what members wrote, also from one solution of the thread to
    the next. `page_id` is the page that is searched of it.
    """

    thread_id: int
    guild_id: int
    forum_id: int
    source_id: int
    message_id: int
    asker_id: int
    solver_id: int
    title: str
    question: str
    solution: str
    edited: str | None
    state: State
    reason: str | None
    marked_by: int
    verified_by: int | None
    is_reviewed: bool
    revision: int
    page_id: int | None

    @property
    def text(self) -> str:
        """What is quoted of it."""
        return self.edited or self.solution

    @property
    def url(self) -> str:
        return f"https://discord.com/channels/{self.guild_id}/{self.thread_id}/{self.message_id}"


@dataclass(frozen=True, slots=True)
class Shown:
    """The message that shows a solution to staff, by its row in the outbox.

    `revision` is the one that stands there; None: there is nothing to decide any more. `is_lost`:
    the message went with its channel.
    """

    row_id: int
    channel_id: int
    revision: int | None
    is_lost: bool


@dataclass(frozen=True, slots=True)
class SolvedCount:
    """How many threads of a forum are searched, and how many wait for staff."""

    name: str
    guild_id: int
    forum_id: int
    verified: int
    in_review: int


class Solutions:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find_marked(self, conn: Conn, thread_id: int, message_id: int) -> Marked | None:
        """Join the caller's transaction; None where the thread or the message is not stored."""
        row = await conn.fetchrow(_FIND_MARKED, thread_id, message_id)
        return Marked(**row) if row else None

    async def lock(self, conn: Conn, thread_id: int) -> Solution | None:
        """Join the caller's transaction, which alone changes this solution from here on."""
        await conn.execute(_LOCK_THREAD, thread_id)
        row = await conn.fetchrow(_LOCK, thread_id)
        return Solution(**row) if row else None

    async def find(self, thread_id: int) -> Solution | None:
        with translated():
            row = await self._pool.fetchrow(_FIND, thread_id)
        return Solution(**row) if row else None

    async def unseen(self, staff_channels: Mapping[int, int], limit: int) -> list[int]:
        """Return the threads whose solutions wait for staff that was not shown them, the oldest first.

        `staff_channels`: of each forum that has one.
        """
        forums, channels = list(staff_channels), list(staff_channels.values())
        with translated():
            rows = await self._pool.fetch(_UNSEEN, forums, channels, limit)
        return [row["thread_id"] for row in rows]

    async def find_shown(self, conn: Conn, thread_id: int) -> Shown | None:
        """Join the caller's transaction; None where no message ever showed it, or will."""
        row = await conn.fetchrow(_FIND_SHOWN, thread_id)
        return Shown(**row) if row else None

    async def set_shown(
        self, conn: Conn, thread_id: int, row_id: int, revision: int | None
    ) -> None:
        """Join the caller's transaction: note what stands in the message that shows it."""
        await conn.execute(_SET_SHOWN, thread_id, row_id, revision)

    async def undecided_by_message(self, conn: Conn, message_ids: Sequence[int]) -> list[int]:
        """Return the threads whose solutions these messages show to staff, who may decide."""
        rows = await conn.fetch(_UNDECIDED_BY_MESSAGE, list(message_ids))
        return [row["thread_id"] for row in rows]

    async def undecided_by_channel(self, conn: Conn, channel_id: int) -> list[int]:
        """Return the threads whose solutions this channel shows to staff, or is to show."""
        rows = await conn.fetch(_UNDECIDED_BY_CHANNEL, channel_id)
        return [row["thread_id"] for row in rows]

    async def undecided_notes(self, conn: Conn) -> list[UndecidedNote]:
        """Return the messages that show one to staff, who may decide."""
        return [UndecidedNote(**row) for row in await conn.fetch(_UNDECIDED_NOTES)]

    async def lose(self, conn: Conn, thread_id: int) -> None:
        """Join the caller's transaction: no message shows it any more, its channel was deleted."""
        await conn.execute(_LOSE, thread_id)

    async def find_page(self, thread_id: int) -> int | None:
        """Return the page that is searched of this thread."""
        with translated():
            page: int | None = await self._pool.fetchval(_PAGE_OF_THREAD, thread_id)
        return page

    async def counts(self) -> list[SolvedCount]:
        """Count the solutions of every forum that learned any."""
        with translated():
            rows = await self._pool.fetch(_COUNTS)
        return [SolvedCount(**row) for row in rows]

    async def of_forum(self, conn: Conn, forum_id: int) -> list[int]:
        return [row["thread_id"] for row in await conn.fetch(_OF_FORUM, forum_id)]

    async def of_person(self, guild_id: int, person_id: int) -> list[int]:
        """Return the learned threads that this person asked in or solved."""
        with translated():
            rows = await self._pool.fetch(_OF_PERSON, guild_id, person_id)
        return [row["thread_id"] for row in rows]

    async def put(
        self,
        conn: Conn,
        marked: Marked,
        known: Solution | None,
        *,
        thread_id: int,
        message_id: int,
        marked_by: int,
    ) -> Solution:
        """Store a solution for review, in place of the one that is known of its thread."""
        source_id = await _source_of(conn, marked.guild_id, marked.forum_id)
        await conn.execute(
            _PUT,
            thread_id,
            marked.guild_id,
            marked.forum_id,
            source_id,
            message_id,
            marked.asker_id,
            marked.solver_id,
            storable(marked.title or ""),
            storable(marked.question or ""),
            storable(marked.solution or ""),
            marked_by,
        )
        if known is not None:
            await _take_down(conn, known)
        [row] = await conn.fetch(_FIND, thread_id)
        return Solution(**row)

    async def set_texts(
        self, conn: Conn, thread_id: int, *, title: str, question: str, solution: str
    ) -> None:
        texts = storable(title), storable(question), storable(solution)
        await conn.execute(_SET_TEXTS, thread_id, *texts)

    async def set_edited(self, conn: Conn, thread_id: int, edited: str) -> None:
        await conn.execute(_SET_EDITED, thread_id, storable(edited))

    async def publish(
        self,
        conn: Conn,
        solution: Solution,
        page: PageRow,
        *,
        verified_by: int,
        is_reviewed: bool,
    ) -> None:
        """Let the page be searched in place of any other of the thread."""
        await self.hold_back(conn, solution)
        page_id = await write_page(conn, solution.source_id, page)
        await conn.execute(_VERIFY, solution.thread_id, verified_by, page_id, is_reviewed)
        await conn.execute(_NOTIFY)

    async def hold_back(self, conn: Conn, solution: Solution) -> None:
        """Take its page out of every search, at once, and let it wait for review."""
        await conn.execute(_HOLD_BACK, solution.thread_id)
        await _take_down(conn, solution)

    async def remove(self, conn: Conn, solution: Solution, reason: str) -> None:
        """Take its page out of every search, at once, and erase its text."""
        await conn.execute(_REMOVE, solution.thread_id, storable(reason))
        await _take_down(conn, solution)


async def _source_of(conn: Conn, guild_id: int, forum_id: int) -> int:
    """Return the forum's source; the first solution of a forum makes it."""
    found: int | None = await conn.fetchval(_FIND_SOURCE, forum_id)
    if found is not None:
        return found
    await conn.execute(_PUT_GUILD, guild_id)
    made = int(await conn.fetchval(_ADD_SOURCE, guild_id, forum_id))
    await conn.execute(TELL_OF_SETTINGS)
    return made


async def _take_down(conn: Conn, solution: Solution) -> None:
    """Delete the page that a solution had, which it must not name any more."""
    if solution.page_id is None:
        return
    await conn.execute(_FORGET_VECTORS, solution.page_id)
    await conn.execute(_FORGET_REPEATS, solution.guild_id, solution.page_id)
    await conn.execute(_DELETE_PAGE, solution.page_id)
    await conn.execute(_NOTIFY)
