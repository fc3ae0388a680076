"""A follow-up as a question that stands alone, for the search: one short call to the model.

Promise: it costs a bounded time and never an answer. Whatever fails, and whatever reply does not
look like such a question, leaves the search with the last turns. The model that answers is asked
in the person's own words.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from docbot.answers.citations import check
from docbot.answers.generate import ChatModel
from docbot.answers.prompt import (
    NO_ANSWER,
    ChatMessage,
    QuestionText,
    Turn,
    between,
    new_mark,
    packaged,
)
from docbot.answers.reply import Completion
from docbot.errors import DocbotError
from docbot.knowledge.chunking.tokens import first_tokens
from docbot.retrieval.lexical import terms

log = logging.getLogger(__name__)

SECONDS = 10.0  # who waits for the answer waits for this first
_LONGEST = 300  # characters; beyond, it is no question but an answer
_TURN_BUDGET = 300  # tokens of each turn: what it is about stands in its beginning
_LAST_BUDGET = 600
# Of a question that stands alone all but a few words were said before; of an answer they were not.
_LEAST_SHARE = 0.5
_ODD = re.compile(r"[\n{}<>]|```|https?:", re.IGNORECASE)
_QUOTED = re.compile(r"\A([\"'\u201c\u2018`])(.*)[\"'\u201d\u2019`]\Z", re.DOTALL)

FOLLOW_UP_VERSION, (_RULES,) = packaged("follow_up.md")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """`question` is None where the search has to do with the last turns."""

    question: str | None
    milliseconds: float
    completion: Completion | None = None


async def rewrite(
    model: ChatModel, question: QuestionText, history: Sequence[Turn], seconds: float = SECONDS
) -> Rewriting:
    """Ask the model for the question that a follow-up is in its conversation; never fails."""
    started = perf_counter()
    completion: Completion | None = None
    try:
        async with asyncio.timeout(seconds):
            completion = await model.complete(rewriting_messages(question, history, new_mark()))
    except TimeoutError:
        log.info("searching with the last turns: no rewriting came within %g seconds", seconds)
    except DocbotError as error:
        log.info("searching with the last turns: %s", error)
    said = "\n".join([*(turn.text for turn in history), question.text])
    found = standing_alone(completion.text, said) if completion else None
    return Rewriting(found, round((perf_counter() - started) * 1000, 3), completion)


def rewriting_messages(
    question: QuestionText, history: Sequence[Turn], mark: str
) -> list[ChatMessage]:
    """Write the request; the conversation is material here, so it is fenced like passages."""
    names = {"user": "person", "assistant": "bot"}
    parts = [
        between(names[turn.role], first_tokens(turn.text, _TURN_BUDGET), mark) for turn in history
    ]
    parts.append(between("last", first_tokens(question.text, _LAST_BUDGET), mark))
    return [
        ChatMessage("system", _RULES.substitute(mark=mark)),
        ChatMessage("user", "\n\n".join(parts)),
    ]


def standing_alone(reply: str, said: str) -> str | None:
    """Give the question of a reply; None for one that is anything else.

    Args:
        reply: the model's.
        said: the whole conversation.
    """
    question = reply.strip()
    quoted = _QUOTED.match(question)
    question = quoted[2].strip() if quoted else question
    if not 0 < len(question) <= _LONGEST or NO_ANSWER in question or _ODD.search(question):
        return None
    if check(question, ()).cut:
        return None
    asked = set(terms(question))
    known = asked.intersection(terms(said))
    return question if asked and len(known) >= _LEAST_SHARE * len(asked) else None
