"""What the model is asked: the rules, the conversation so far, the passages and the question.

The rules are `prompts/answer.md`, and `prompts/again.md` for who kept to none of them;
`PROMPT_VERSION` names both texts exactly, so that an answer kept in the database tells which rules
it was made under.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import Final, Literal
from urllib.parse import urlsplit

from docbot.answers.citations import without_numbers
from docbot.knowledge.chunking.tokens import first_tokens, tokens
from docbot.retrieval.passages import Passage
from docbot.retrieval.sections import whole

NO_ANSWER: Final = "NO_ANSWER"  # what the model writes when the passages do not answer

# In tokens as docbot estimates them: with the rules all stays near 9,000, which the smallest models
# take and their reply too; a passage is 200 to 500.
PASSAGES_BUDGET = 5_000
HISTORY_BUDGET = 1_500
QUESTION_BUDGET = 2_000  # a post with its log; what is beyond seldom says more
_REPLY_BUDGET = 500  # of a reply that is shown to the model again
_ASKED_BUDGET = 150  # of what a solved thread asked, beside its solution

# How documentation names its editions in addresses. A bare number is a year or a chapter as well.
_EDITION = re.compile(
    r"v\d+|v?\d+(?:\.(?:\d+|x))+|latest|stable|current|lts|main|master|dev|nightly|next"
)


@dataclass(frozen=True, slots=True)
class QuestionText:
    """What a member asks; `title` is the post's, empty where there is none."""

    title: str
    body: str

    @property
    def text(self) -> str:
        return "\n\n".join(part for part in (self.title.strip(), self.body.strip()) if part)


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier message of the same conversation; `assistant` is docbot itself."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


def packaged(*names: str) -> tuple[str, list[Template]]:
    """Read prompts of `prompts/`; give the version that the first one states, and their texts.

    The version ends in a digest of all of them.
    """
    folder = files("docbot.answers") / "prompts"
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    stated, texts[0] = texts[0].split("\n", 1)
    digest = sha256("\n".join([stated, *texts]).encode()).hexdigest()[:8]
    version = f"{stated.removeprefix('version:').strip()}-{digest}"
    return version, [Template(text.strip()) for text in texts]


PROMPT_VERSION, (_RULES, _AGAIN) = packaged("answer.md", "again.md")


def within_budget(passages: Sequence[Passage], budget: int = PASSAGES_BUDGET) -> list[Passage]:
    """Keep the first passages that fit into `budget` tokens together, at least one.

    What is left of the budget goes to the rest of their sections, the best passage's first.
    """
    kept: list[Passage] = []
    left = budget
    for passage in passages:
        size = tokens(_described(passage))
        if size > left and kept:
            break
        kept.append(passage)
        left -= size
    return whole(kept, left)


def chat_messages(
    question: QuestionText,
    history: Sequence[Turn],
    passages: Sequence[Passage],
    mark: str,
    *,
    passages_budget: int = PASSAGES_BUDGET,
    history_budget: int = HISTORY_BUDGET,
    question_budget: int = QUESTION_BUDGET,
) -> list[ChatMessage]:
    """Write the request to the model.

    Args:
        question: cut where it does not fit.
        history: earlier turns, oldest first; the oldest go first where they do not fit.
        passages: best first, numbered from 1; the last go first where they do not fit.
        mark: random and new for each request, so that no text can pretend to end a passage.
        passages_budget: in tokens; one passage is always kept, cut if need be.
        history_budget: in tokens.
        question_budget: in tokens.
    """
    rules = _RULES.substitute(mark=mark, no_answer=NO_ANSWER)
    shown = within_budget(passages, passages_budget)
    parts = [
        between(f"passage {number}", first_tokens(_described(passage), passages_budget), mark)
        for number, passage in enumerate(shown, start=1)
    ]
    parts.append(between("question", first_tokens(question.text, question_budget), mark))
    return [
        ChatMessage("system", rules),
        *(ChatMessage(turn.role, turn.text) for turn in _latest(history, history_budget)),
        ChatMessage("user", "\n\n".join(parts)),
    ]


def asked_again(messages: Sequence[ChatMessage], reply: str) -> list[ChatMessage]:
    """Write the request once more to a model whose reply could not be used."""
    return [
        *messages,
        ChatMessage("assistant", first_tokens(reply, _REPLY_BUDGET)),
        ChatMessage("user", _AGAIN.substitute(no_answer=NO_ANSWER)),
    ]


def new_mark() -> str:
    """Draw the mark of one request, which no text can know."""
    return secrets.token_hex(8)


def between(name: str, text: str, mark: str) -> str:
    """Fence a text with the mark, so that nothing in it can end it."""
    return f"--- {name} {mark} ---\n{text.replace(mark, '')}\n--- end {mark} ---"


def edition(address: str) -> str | None:
    """Give the edition that an address names, as `2.5.3` or `latest`; None where it names none."""
    folders = urlsplit(address).path.lower().split("/")[:-1]
    return next((folder for folder in folders if _EDITION.fullmatch(folder)), None)


def _described(passage: Passage) -> str:
    """Say where a passage comes from, then what it says."""
    if passage.solved is not None:
        asked = first_tokens(passage.solved, _ASKED_BUDGET)
        return f"Source: a thread that was solved\nTitle: {passage.title}\nQuestion: {asked}\n\n{passage.text}"
    named = edition(passage.url)
    source = f"{passage.source}, edition {named}" if named else passage.source
    headings = [part for part in passage.heading_path if part != passage.title]
    page = " > ".join([passage.title, *headings])
    return f"Source: {source}\nPage: {page}\n\n{passage.text}"


def _latest(history: Sequence[Turn], budget: int) -> list[Turn]:
    """Keep the newest turns that fit; the first kept is a member's, as some endpoints demand.

    docbot's own lose their numbers, which named the passages of that time.
    """
    kept: list[Turn] = []
    for turn in reversed(history):
        text = without_numbers(turn.text) if turn.role == "assistant" else turn.text
        budget -= tokens(text)
        if budget < 0:
            break
        if text.strip():
            kept.append(Turn(turn.role, text))
    while kept and kept[-1].role == "assistant":
        kept.pop()
    return kept[::-1]
