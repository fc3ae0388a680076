"""Answers with all their evidence, and the votes on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docbot.db.errors import translated
from docbot.db.pool import Conn, Pool
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
_VOTE = """
    INSERT INTO feedback (answer_id, person_id, guild_id, vote)
    SELECT id, $2, guild_id, $4 FROM answers WHERE id = $1 AND guild_id = $3
    ON CONFLICT (answer_id, person_id) DO UPDATE SET vote = $4, changed_at = now()
    RETURNING answer_id
"""
_COUNT_VOTES = """
    SELECT count(*) FILTER (WHERE vote = 'helpful') AS helpful,
           count(*) FILTER (WHERE vote = 'not_right') AS not_right
    FROM feedback WHERE answer_id = $1
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
class Votes:
    helpful: int
    not_right: int


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
        if row is None:
            return None
        given = {name: value for name, value in row.items() if name != "id"}
        return StoredAnswer(
            row["id"], AnswerRow(**given, tokens_in=None, tokens_out=None, timings_ms={})
        )

    async def vote(self, answer_id: int, person_id: int, guild_id: int, vote: str) -> Votes | None:
        """Store a person's vote in place of an earlier one; None: no such answer in this guild."""
        with translated():
            async with self._pool.acquire() as conn, conn.transaction():
                if await conn.fetchval(_VOTE, answer_id, person_id, guild_id, vote) is None:
                    return None
                row = await conn.fetchrow(_COUNT_VOTES, answer_id)
        return Votes(**dict(row or {}))
