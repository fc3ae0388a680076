"""From a question and the passages found for it to a checked answer with its evidence.

The lane is decided first and only ever lowered: a quiet lane never calls the model, and a reply
that cites nothing it was given is not passed on.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from docbot.answers import texts
from docbot.answers.citations import check
from docbot.answers.generate import ChatModel, OnText
from docbot.answers.lanes import Caution, Lane, judge
from docbot.answers.prompt import (
    NO_ANSWER,
    PROMPT_VERSION,
    QuestionText,
    Turn,
    chat_messages,
    within_budget,
)
from docbot.answers.quote import quote, title
from docbot.answers.reply import Completion
from docbot.answers.split import split
from docbot.answers.tables import tables_as_code
from docbot.errors import DownError, PermanentError, RefusedError, TooLongError
from docbot.retrieval.lexical import asked_in, terms
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import SearchResult

log = logging.getLogger(__name__)

_MOST_SUGGESTED = 3  # pages
_LONGEST_ANSWER = 5_500  # characters, three messages; beyond, a model has lost its thread
_MOST_READ = 2 * _LONGEST_ANSWER  # characters; cutting what is thrown away takes time too
_LITTLE = 5_000  # characters of passages: with rules and question some 2,500 tokens
_LITTLE_QUESTION = 2_000  # characters
_CUT_BY_MODEL = "the end of the reply: the model stopped at its length limit"
# Within its line: over its end, each of a thousand empty lines would be read to the last.
_NO_ANSWER_LINE = re.compile(rf"^[ \t*`\"'>]*{NO_ANSWER}\b(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Citation:
    """One line of the sources; `title` is `Page title › Heading`."""

    n: int
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that was found; `n` is its number in the answer, None if that names it nowhere."""

    n: int | None
    passage: Passage
    cited: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to say, before it is written as messages.

    `probability`, from 0 to 1, is that of the passages answering the question, by which the lane
    was chosen. `model`, `prompt_version` and tokens are None where no model was heard; `cut` is
    what was taken out of its reply; `note` is for the operator: why it says nothing, or why a
    model's reply was not used.
    """

    lane: Lane
    text: str
    citations: tuple[Citation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    model: str | None = None
    prompt_version: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    note: str | None = None
    probability: float = 0.0


@dataclass(frozen=True, slots=True)
class _Told:
    """A model's reply, and the passages that it was shown; `note` is for the operator."""

    completion: Completion
    shown: list[Passage]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """An answer without what was measured; `cited` are numbers of the passages, in order."""

    lane: Lane
    text: str
    cited: tuple[int, ...] = ()
    cut: tuple[str, ...] = ()
    note: str | None = None


class Answerer:
    """Answers with a model, or without one by quoting."""

    def __init__(self, model: ChatModel | None, caution: Caution = "cautious") -> None:
        self._model = model
        self._caution = caution

    async def answer(
        self,
        question: QuestionText,
        history: Sequence[Turn],
        found: SearchResult,
        on_text: OnText | None = None,
    ) -> Answer:
        """Answer from the passages that were found; quote them where the model is left alone or refuses.

        `on_text` is told what a model writes as it writes it, before anything is checked.

        Raises:
            TransientError: the model cannot be reached now; ask again later.
        """
        started = perf_counter()
        passages = found.passages
        judgement = judge(found, self._caution)
        lane = judgement.lane
        timings = {"decide": _since(started)}
        completion: Completion | None = None
        if lane == "answer" and self._model is not None:
            asking = _Asking(self._model, question, history, passages, on_text)
            generating = perf_counter()
            draft, completion = await asking.draft()
            timings["generate"] = _since(generating)
        elif lane == "answer":
            draft = _quoted(question, passages)
        elif lane == "suggest":
            draft = _suggestion(passages)
        else:
            draft = _quiet(question, passages)
        timings["total"] = _since(started)
        return _answer(draft, judgement.probability, passages, completion, timings)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One question to a model."""

    model: ChatModel
    question: QuestionText
    history: Sequence[Turn]
    passages: Sequence[Passage]
    on_text: OnText | None

    async def draft(self) -> tuple[_Draft, Completion | None]:
        """Give what the model says once it is checked; where it is not to be had, a quotation."""
        try:
            told = await self._told()
        except (DownError, PermanentError) as error:
            return self._instead(error), None
        draft = _judged(told.completion, told.shown, self.passages)
        notes = "; ".join(filter(None, (told.note, draft.note)))
        return replace(draft, note=notes or None), told.completion

    def _instead(self, error: DownError | PermanentError) -> _Draft:
        quoted = replace(
            _quoted(self.question, self.passages), note=f"quoted instead of answering: {error}"
        )
        if isinstance(error, DownError):
            return replace(quoted, text=f"{texts.QUOTED_INSTEAD}\n\n{quoted.text}")
        if not isinstance(error, RefusedError):  # which is told where it was met, once for all
            log.warning("%s", quoted.note)
        return quoted

    async def _told(self) -> _Told:
        """Ask; once more with little where that was more than the model takes."""
        try:
            messages = chat_messages(self.question, self.history, self.passages, _mark())
            completion = await self.model.complete(messages, self.on_text)
            return _Told(completion, within_budget(self.passages))
        except TooLongError as error:
            log.warning("asked again with fewer passages: %s", error)
            note = f"asked again with fewer passages: {error}"
        messages = chat_messages(
            self.question,
            (),
            self.passages,
            _mark(),
            passages_budget=_LITTLE,
            question_budget=_LITTLE_QUESTION,
        )
        completion = await self.model.complete(messages, self.on_text)
        return _Told(completion, within_budget(self.passages, _LITTLE), note)


def _mark() -> str:
    return secrets.token_hex(8)


def _judged(
    completion: Completion, shown: Sequence[Passage], passages: Sequence[Passage]
) -> _Draft:
    """Check a reply; one that does not answer, or proves nothing, becomes a pointer at most."""
    declined = _NO_ANSWER_LINE.search(completion.text)
    if declined is not None:
        named = check(declined[1], shown).cited
        note = "the model found no answer in the passages"
        if not named:
            return _Draft("abstain", texts.NOTHING_FOUND, note=note)
        return _Draft("suggest", texts.MAY_HELP, named[:_MOST_SUGGESTED], note=note)
    text, beyond = _bounded(completion)
    checked = check(text, shown)
    cut = (*checked.cut, *beyond)
    if not checked.cited:
        pointer = _suggestion(passages)
        note = "the model's reply cited none of the passages"
        return _Draft(pointer.lane, pointer.text, pointer.cited, cut, note)
    return _Draft("answer", checked.text, checked.cited, cut)


def _bounded(completion: Completion) -> tuple[str, tuple[str, ...]]:
    """Hold a reply to its length, and show where it was cut, by us or by the model's own limit."""
    written = len(completion.text)
    text = tables_as_code(completion.text[:_MOST_READ])
    if len(text) <= _LONGEST_ANSWER and not completion.is_cut:
        return text, ()
    kept = "".join(split(text, _LONGEST_ANSWER)[:1])  # of a marker alone nothing is left
    if len(text) > _LONGEST_ANSWER:
        why = f"what followed the first {len(kept)} of {max(written, len(text))} characters"
    else:
        why = _CUT_BY_MODEL
    return f"{kept}\n…", (why,)


def _quiet(question: QuestionText, passages: Sequence[Passage]) -> _Draft:
    if not terms(asked_in(question.title, question.body)):
        note = "its title and text say nothing to search for"
        return _Draft("abstain", texts.NOTHING_ASKED, note=note)
    note = "what was found says too little about it" if passages else "nothing was found"
    return _Draft("abstain", texts.NOTHING_FOUND, note=note)


def _quoted(question: QuestionText, passages: Sequence[Passage]) -> _Draft:
    checked = check(quote(question.text, passages), passages)
    return _Draft("answer", checked.text, checked.cited)


def _suggestion(passages: Sequence[Passage]) -> _Draft:
    """Point to the best pages, each once."""
    pages: dict[int, int] = {}
    for number, passage in enumerate(passages, start=1):
        pages.setdefault(passage.page_id, number)
    return _Draft("suggest", texts.MAY_HELP, tuple(pages.values())[:_MOST_SUGGESTED])


def _answer(
    draft: _Draft,
    probability: float,
    passages: Sequence[Passage],
    completion: Completion | None,
    timings: dict[str, float],
) -> Answer:
    cited = [passages[number - 1] for number in draft.cited]
    citations = tuple(
        Citation(number, passage.url, title(passage))
        for number, passage in enumerate(cited, start=1)
    )
    numbers = {citation.url: citation.n for citation in citations}
    evidence = tuple(
        Evidence(numbers.get(passage.url), passage, passage.url in numbers) for passage in passages
    )
    return Answer(
        lane=draft.lane,
        text=draft.text,
        citations=citations,
        evidence=evidence,
        model=completion.model if completion else None,
        prompt_version=PROMPT_VERSION if completion else None,
        tokens_in=completion.tokens_in if completion else None,
        tokens_out=completion.tokens_out if completion else None,
        timings_ms=timings,
        cut=draft.cut,
        note=draft.note,
        probability=probability,
    )


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
