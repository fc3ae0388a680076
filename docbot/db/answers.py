"""Answers with all their evidence, and the votes on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
from docbot.db.touched import touched
from docbot.errors import GoneError
from docbot.text import storable

_ADD = """
    INSERT INTO answers (question_id, guild_id, lane, text, citations, evidence, model,
                         prompt_version, tokens_in, tokens_out, timings_ms, cut, repeat_key,
                         probability)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    RETURNING id
"""
# The first of them was made, the others repeat it. One vote against any of them, and none is
# repeated: the text is the same.
_FIND_REPEATED = """
    SELECT answers.id, lane, text, citations, evidence, model, prompt_version, cut, probability
    FROM answers JOIN questions ON questions.id = question_id
    WHERE answers.guild_id = $1 AND repeat_key = $2 AND state = 'answered' AND NOT EXISTS (
        SELECT FROM answers AS same JOIN feedback ON answer_id = same.id
        WHERE same.guild_id = $1 AND same.repeat_key = $2 AND vote = 'not_right')
    ORDER BY answers.id LIMIT 1
"""
_FIND = """
    SELECT id, lane, text, citations, evidence, model, prompt_version, cut, probability
    FROM answers WHERE id = $1 AND erased_at IS NULL
"""
# What staff wrote for one thread is given in no other.
_SET_TEXT = """
    UPDATE answers SET text = $2, repeat_key = CASE WHEN text = $2 THEN repeat_key END WHERE id = $1
"""
_VOTE = """
    INSERT INTO feedback (answer_id, person_id, guild_id, vote)
    SELECT id, $2, guild_id, $4 FROM answers WHERE id = $1 AND guild_id = $3
    -- A vote that changes loses its reason.
    ON CONFLICT (answer_id, person_id) DO UPDATE
    SET vote = $4, changed_at = now(),
        reason = CASE WHEN feedback.vote = $4 THEN feedback.reason END,
        note = CASE WHEN feedback.vote = $4 THEN feedback.note END
    RETURNING answer_id
"""
_GIVE_REASON = """
    UPDATE feedback SET reason = $4, note = $5, changed_at = now()
    WHERE answer_id = $1 AND person_id = $2 AND guild_id = $3 AND vote = 'not_right'
"""
_TAKE_BACK = "DELETE FROM feedback WHERE answer_id = $1 AND person_id = $2 AND guild_id = $3"
_BOARD = """
    SELECT answers.guild_id, coalesce(threads.solved_at IS NOT NULL, false) AS is_solved,
           coalesce(threads.escalated_at IS NOT NULL, false) AS was_escalated,
           (SELECT count(*) FROM feedback WHERE answer_id = answers.id AND vote = 'helpful')
               AS helpful,
           (SELECT count(*) FROM feedback WHERE answer_id = answers.id AND vote = 'not_right')
               AS not_right
    FROM answers JOIN questions ON questions.id = question_id
    JOIN conversations ON conversations.id = conversation_id
    LEFT JOIN threads ON threads.id = thread_id
    WHERE answers.id = $1
"""
_THREAD_STATUS = """
    SELECT solved_at, closed_at, escalated_at, others_wrote, locked, archived,
           (SELECT count(*) FROM feedback WHERE answer_id = buttons_on AND vote = 'helpful')
               AS helpful,
           (SELECT count(*) FROM feedback WHERE answer_id = buttons_on AND vote = 'not_right')
               AS not_right
    FROM threads WHERE id = $1 AND guild_id = $2 AND deleted_at IS NULL
"""
_THREAD_QUESTIONS = """
    SELECT origin, state, questions.reason, asked_at, lane, probability, citations
    FROM conversations JOIN questions ON conversation_id = conversations.id
    LEFT JOIN answers ON question_id = questions.id
    WHERE thread_id = $1 ORDER BY questions.id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer as it is stored; `text` is as members read it, without the list of sources.

    `prompt_version` names the prompt of the answer, if a model was asked for one, then that of the
    follow-up, if one was rewritten. `repeat_key` is None for what is not to be given again;
    `probability`, from 0 to 1, is that of the passages answering.
    """

    lane: str
    text: str
    citations: Sequence[dict[str, Any]]
    evidence: Sequence[dict[str, Any]]
    model: str | None
    prompt_version: str | None
    tokens_in: int | None
    tokens_out: int | None
    timings_ms: dict[str, float]
    cut: Sequence[str]
    repeat_key: bytes | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer that was given; its row without what it cost."""

    id: int
    row: AnswerRow


@dataclass(frozen=True, slots=True)
class Board:
    """What the buttons of an answer show: how its thread stands, and the votes."""

    guild_id: int
    is_solved: bool
    was_escalated: bool
    helpful: int
    not_right: int


@dataclass(frozen=True, slots=True)
class QuestionStatus:
    """A question of a thread and what became of it; `citations` are those of its answer."""

    origin: str
    state: str
    reason: str | None
    asked_at: datetime
    lane: str | None
    probability: float | None
    citations: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ThreadStatus:
    """How a thread stands; its newest questions first."""

    solved_at: datetime | None
    closed_at: datetime | None
    escalated_at: datetime | None
    others_wrote: bool
    locked: bool
    archived: bool
    helpful: int
    not_right: int
    questions: Sequence[QuestionStatus]


class Answers:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, conn: Conn, question_id: int, guild_id: int, answer: AnswerRow) -> int:
        """Join the transaction that sends the question on; a question has at most one answer."""
        return int(
            await conn.fetchval(
                _ADD,
                question_id,
                guild_id,
                answer.lane,
                storable(answer.text),
                list(answer.citations),
                list(answer.evidence),
                answer.model,
                answer.prompt_version,
                answer.tokens_in,
                answer.tokens_out,
                answer.timings_ms,
                list(answer.cut),
                answer.repeat_key,
                answer.probability,
            )
        )

    async def find_repeated(self, guild_id: int, repeat_key: bytes) -> StoredAnswer | None:
        """The answer that was given to this very question, unless somebody found it not right."""
        with translated():
            row = await self._pool.fetchrow(_FIND_REPEATED, guild_id, repeat_key)
        return _stored(row) if row else None

    async def find(self, conn: Conn, answer_id: int) -> StoredAnswer | None:
        """Join the caller's transaction: an answer as it is stored; None: it was erased."""
        row = await conn.fetchrow(_FIND, answer_id)
        return _stored(row) if row else None

    async def set_text(self, conn: Conn, answer_id: int, text: str) -> None:
        """Join the caller's transaction: what is sent; written anew by staff, it is not repeated."""
        await conn.execute(_SET_TEXT, answer_id, storable(text))

    async def vote(
        self, conn: Conn, answer_id: int, person_id: int, guild_id: int, vote: str
    ) -> bool:
        """Join the caller's transaction: a person's vote in place of an earlier one.

        False: there is no such answer in this server.
        """
        voted = await conn.fetchval(_VOTE, answer_id, person_id, guild_id, vote)
        return voted is not None

    async def give_reason(
        self,
        answer_id: int,
        person_id: int,
        guild_id: int,
        reason: str,
        note: str | None = None,
    ) -> bool:
        """Keep why an answer is not right for this person; False where they did not say so."""
        kept = None if note is None else storable(note)
        with translated():
            status = await self._pool.execute(
                _GIVE_REASON, answer_id, person_id, guild_id, reason, kept
            )
        return touched(status) > 0

    async def take_back(self, conn: Conn, answer_id: int, person_id: int, guild_id: int) -> bool:
        """Join the caller's transaction; False where this person has no vote."""
        status = await conn.execute(_TAKE_BACK, answer_id, person_id, guild_id)
        return touched(status) > 0

    async def thread_status(
        self, conn: Conn, thread_id: int, guild_id: int, most: int = 5
    ) -> ThreadStatus | None:
        """How a thread of this server stands, with its `most` newest questions; None: not stored."""
        row = await conn.fetchrow(_THREAD_STATUS, thread_id, guild_id)
        if row is None:
            return None
        asked = await conn.fetch(_THREAD_QUESTIONS, thread_id, most)
        questions = [
            QuestionStatus(**{**each, "citations": each["citations"] or ()}) for each in asked
        ]
        return ThreadStatus(**row, questions=questions)

    async def board(self, answer_id: int) -> Board:
        """How the buttons of an answer stand.

        Raises:
            GoneError: the answer is not stored any more.
        """
        with translated():
            row = await self._pool.fetchrow(_BOARD, answer_id)
        if row is None:
            raise GoneError(f"answer {answer_id} is not stored any more")
        return Board(**row)


def _stored(row: asyncpg.Record) -> StoredAnswer:
    given = {name: value for name, value in row.items() if name != "id"}
    return StoredAnswer(
        row["id"], AnswerRow(**given, tokens_in=None, tokens_out=None, timings_ms={})
    )
