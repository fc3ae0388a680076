"""The same question once more: what makes it the same, and the answer that is given again.

Only what a model wrote is repeated; everything else costs nothing to find anew.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from docbot import __version__
from docbot.answers.answer import Answer, Citation
from docbot.db.answers import AnswerRow, StoredAnswer
from docbot.db.questions import Claimed, PastTurn

if TYPE_CHECKING:
    from docbot.answers.lanes import Lane


def repeat_key(
    question: Claimed,
    history: Sequence[PastTurn],
    sources: Collection[int],
    generation: str | None,
    made_by: Sequence[str],
) -> bytes | None:
    """Name a question with all that its answer depends on, but for its server.

    Args:
        question: case and white space of its texts do not count.
        history: a question that goes on with a conversation is never the same.
        sources: that are searched.
        generation: of the index; None: there is none.
        made_by: prompt, model and caution; empty: no model is asked.

    Returns:
        None for what must not be answered from the store, nor given again.
    """
    if history or not made_by or generation is None or question.origin == "private":
        return None
    texts = [_folded(text) for text in (question.title, question.body, question.post)]
    named = [*texts, sorted(sources), generation, *made_by, __version__]
    return sha256(json.dumps(named).encode()).digest()


def is_repeatable(answer: Answer) -> bool:
    """Whether a model wrote it, or pointed to its pages; silence and what stands in are not."""
    return answer.lane != "abstain" and answer.model is not None


def repeated(stored: StoredAnswer) -> Answer:
    """Give the answer as far as its messages need it; its evidence is only in its row."""
    citations = tuple(Citation(**citation) for citation in stored.row.citations)
    return Answer(cast("Lane", stored.row.lane), stored.row.text, citations)


def repeated_row(stored: StoredAnswer, key: bytes, milliseconds: float) -> AnswerRow:
    """Give the row of an answer given again: its text and evidence, at no price."""
    return replace(
        stored.row,
        tokens_in=0,
        tokens_out=0,
        timings_ms={"repeat": milliseconds, "total": milliseconds},
        cut=[*stored.row.cut, f"repeats answer {stored.id}"],
        repeat_key=key,
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
