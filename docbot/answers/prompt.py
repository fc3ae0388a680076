"""What the model is asked: the rules, the conversation so far, the passages and the question.

The rules are `prompts/answer.md`; `PROMPT_VERSION` names that text exactly, so that an answer
kept in the database tells which rules it was made under.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from string import Template
from typing import Final, Literal

from docbot.retrieval.passages import Passage

NO_ANSWER: Final = "NO_ANSWER"  # what the model writes when the passages do not answer

# In characters, about four to a token of English: passages and history together stay near
# 7,000 tokens, which the smallest models take, and a passage is about 1,200 characters.
PASSAGES_BUDGET = 20_000
HISTORY_BUDGET = 6_000
QUESTION_BUDGET = 8_000  # a post with its log; what is beyond seldom says more


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


def _packaged() -> tuple[str, Template]:
    text = (files("docbot.answers") / "prompts" / "answer.md").read_text(encoding="utf-8")
    first, rules = text.split("\n", 1)
    digest = sha256(text.encode()).hexdigest()[:8]
    return f"{first.removeprefix('version:').strip()}-{digest}", Template(rules.strip())


PROMPT_VERSION, _RULES = _packaged()


def within_budget(passages: Sequence[Passage], budget: int = PASSAGES_BUDGET) -> list[Passage]:
    """Keep the first passages that fit into `budget` characters together, at least one."""
    kept: list[Passage] = []
    left = budget
    for passage in passages:
        left -= len(_described(passage))
        if left < 0 and kept:
            break
        kept.append(passage)
    return kept


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
        passages_budget: in characters; one passage is always kept, cut if need be.
        history_budget: in characters.
        question_budget: in characters.
    """
    rules = _RULES.substitute(mark=mark, no_answer=NO_ANSWER)
    shown = within_budget(passages, passages_budget)
    parts = [
        _between(f"passage {number}", _described(passage)[:passages_budget], mark)
        for number, passage in enumerate(shown, start=1)
    ]
    parts.append(_between("question", question.text[:question_budget], mark))
    return [
        ChatMessage("system", rules),
        *(ChatMessage(turn.role, turn.text) for turn in _latest(history, history_budget)),
        ChatMessage("user", "\n\n".join(parts)),
    ]


def _between(name: str, text: str, mark: str) -> str:
    return f"--- {name} {mark} ---\n{text.replace(mark, '')}\n--- end {mark} ---"


def _described(passage: Passage) -> str:
    headings = [part for part in passage.heading_path if part != passage.title]
    return f"{' > '.join([passage.title, *headings])}\n\n{passage.text}"


def _latest(history: Sequence[Turn], budget: int) -> list[Turn]:
    """Keep the newest turns that fit; the first kept is a member's, as some endpoints demand."""
    kept: list[Turn] = []
    for turn in reversed(history):
        budget -= len(turn.text)
        if budget < 0:
            break
        if turn.text.strip():
            kept.append(turn)
    while kept and kept[-1].role == "assistant":
        kept.pop()
    return kept[::-1]
