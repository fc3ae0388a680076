"""From a question and the passages found for it to a checked answer with its evidence.

The lane is decided first and only ever lowered: a quiet lane never calls the model, and of a reply
only what the passages bear out is passed on.
"""

import asyncio
import logging
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from docbot import texts
from docbot.answers.citations import check
from docbot.answers.follow_up import Rewriting, rewrite
from docbot.answers.generate import ChatModel, OnText
from docbot.answers.lanes import Caution, Lane, judge
from docbot.answers.prompt import (
    NO_ANSWER,
    PASSAGES_BUDGET,
    PROMPT_VERSION,
    QUESTION_BUDGET,
    QuestionText,
    Turn,
    asked_again,
    chat_messages,
    new_mark,
    within_budget,
)
from docbot.answers.quote import quote, title
from docbot.answers.reply import Completion, total
from docbot.answers.review import MOST_READ, Review
from docbot.answers.unwrapped import unwrapped
from docbot.errors import (
    BusyError,
    DocbotError,
    DownError,
    EmptyError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)
from docbot.retrieval.lexical import asked_in, terms
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import SearchResult

log = logging.getLogger(__name__)

_MOST_SUGGESTED = 3  # pages
_LITTLE = 1_250  # tokens of passages: with rules and question some 2,750
_LITTLE_QUESTION = 500  # tokens
# Who asked in a forum looks away, and who mentioned docbot waits: a page now is worth more than an
# answer later. It is as long as a model may take for one reply.
_SECONDS = 60.0
_RETRY_SECONDS = 1.0  # before what failed in passing is tried again, half of it by chance
_LEAST_LEFT = 0.25  # of the time, for a second try; with less it would end in nothing
# Within its line: over its end, each of a thousand empty lines would be read to the last.
_NO_ANSWER_LINE = re.compile(rf"^[ \t*`\"'>]*{NO_ANSWER}\b(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Citation:
    """One line of the sources; `title` is `Page title › Heading`, `source` where the page is of.

    `is_solved`: the page is a thread that members solved. The one that the answer begins with, as
    it asked the same, has number 0.
    """

    n: int
    url: str
    title: str
    source: str = ""
    is_solved: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that was found; `n` is its number in the answer, None if that names it nowhere.

    `given` are the chunks of its section that the model read as one passage, this one among them;
    none where it did not read it.
    """

    n: int | None
    passage: Passage
    cited: bool
    given: tuple[int, ...] = ()


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
    """A model's reply, and the passages that it was shown; `note` is for the operator.

    `written` is the reply before an answer was taken out of its JSON.
    """

    completion: Completion
    written: str
    shown: list[Passage]
    review: Review
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """An answer without what was measured; `cited` are numbers of the passages, in order.

    `shown` is what the model read of them.
    """

    lane: Lane
    text: str
    cited: tuple[int, ...] = ()
    cut: tuple[str, ...] = ()
    note: str | None = None
    shown: Sequence[Passage] = ()


class Answerer:
    """Answers with a model, or without one by quoting."""

    def __init__(
        self,
        model: ChatModel | None,
        caution: Caution = "cautious",
        *,
        seconds: float = _SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        """Set up.

        Args:
            model: None quotes. It keeps its own time for one reply.
            caution: how sure docbot must be.
            seconds: for an answer, its second try included.
            retry_seconds: before what failed in passing is tried again.
        """
        self._model = model
        self._caution = caution
        self._seconds = seconds
        self._retry_seconds = retry_seconds

    @property
    def has_model(self) -> bool:
        """Whether a model reads the passages."""
        return self._model is not None

    @property
    def made_by(self) -> tuple[str, ...]:
        """What an answer of a model depends on beside question and passages; () without a model."""
        return (PROMPT_VERSION, self._model.name, self._caution) if self._model else ()

    async def rewritten(self, question: QuestionText, history: Sequence[Turn]) -> Rewriting | None:
        """Make of a follow-up the question to search for; None where there is nobody to ask."""
        return await rewrite(self._model, question, history) if self._model and history else None

    async def answer(
        self,
        question: QuestionText,
        history: Sequence[Turn],
        found: SearchResult,
        on_text: OnText | None = None,
        *,
        sought: QuestionText | None = None,
        may_wait: bool = True,
    ) -> Answer:
        """Answer from the passages that were found.

        They are quoted where the model is left alone or refuses, and pointed to where it takes
        too long.

        Args:
            question: in the person's own words.
            history: earlier turns of the conversation, oldest first.
            found: what the search gave.
            on_text: told what of a reply has passed the check, while the model writes on.
            sought: what was searched for, where that is not the question as it stands.
            may_wait: False where it was asked too long ago to be asked again later: pages are
                pointed to instead.

        Raises:
            BusyError: the model is at its rate limit; ask again later.
            TransientError: the model fails in passing, and `may_wait`; ask again later.
        """
        started = perf_counter()
        passages = found.passages
        sought = sought or question
        judgement = judge(found, self._caution)
        lane = judgement.lane
        timings = {"decide": _since(started)}
        completion: Completion | None = None
        if lane == "answer" and self._model is not None:
            generating = perf_counter()
            asking = _Asking(
                model=self._model,
                question=question,
                sought=sought,
                history=history,
                passages=passages,
                on_text=_Listener(on_text) if on_text else None,
                ends_at=generating + self._seconds,
                least_left=self._seconds * _LEAST_LEFT,
                retry_seconds=self._retry_seconds,
                may_wait=may_wait,
            )
            draft, completion = await asking.draft()
            timings["generate"] = _since(generating)
        elif lane == "answer":
            draft = _quoted(sought, passages)
        elif lane == "suggest":
            draft = _suggestion(passages)
        else:
            draft = _quiet(sought, passages)
        timings["total"] = _since(started)
        return _answer(draft, judgement.probability, passages, completion, timings)


class _Listener:
    """Who is told a reply as it is written, and whether they were: nothing told is taken back."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self.was_told = False

    def __call__(self, text: str) -> None:
        self.was_told = True
        self._on_text(text)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One question to a model; `ends_at` and `least_left` are of `perf_counter`."""

    model: ChatModel
    question: QuestionText
    sought: QuestionText
    history: Sequence[Turn]
    passages: Sequence[Passage]
    on_text: _Listener | None
    ends_at: float
    least_left: float
    retry_seconds: float
    may_wait: bool

    async def draft(self) -> tuple[_Draft, Completion | None]:
        """Give what the model says once it is checked; where it is not to be had, a quotation."""
        try:
            told = await self._told()
        except (DownError, PermanentError) as error:
            return self._quoted_instead(error), None
        except BusyError:
            raise
        except TransientError as error:
            if self.may_wait and self._left() > 0:
                raise
            return self._pointed_instead(error), None
        draft = await self._judged(told)
        notes = "; ".join(filter(None, (told.note, draft.note)))
        return replace(draft, note=notes or None, shown=told.shown), told.completion

    async def _judged(self, told: _Told) -> _Draft:
        """Check a reply; one that does not answer, or proves nothing, becomes a pointer at most."""
        declined = _declined(told, self.passages)
        if declined is not None:
            return declined
        # In a thread: the loop goes on while a long reply is checked.
        reviewed = await asyncio.to_thread(told.review.end, told.completion)
        told.review.show(reviewed)
        if reviewed.note is not None:
            return replace(_suggestion(self.passages), cut=reviewed.cut, note=reviewed.note)
        cited = _numbers(reviewed.cited, told.shown, self.passages)
        return _Draft("answer", reviewed.text, cited, reviewed.cut)

    def _pointed_instead(self, error: TransientError) -> _Draft:
        note = f"suggested pages instead of answering: {error}"
        log.warning("%s", note)
        return replace(_suggestion(self.passages), note=note)

    def _quoted_instead(self, error: DownError | PermanentError) -> _Draft:
        quoted = replace(
            _quoted(self.sought, self.passages), note=f"quoted instead of answering: {error}"
        )
        if isinstance(error, DownError):
            return replace(quoted, text=f"{texts.quoted_instead()}\n\n{quoted.text}")
        if not isinstance(error, RefusedError):  # which is told where it was met, once for all
            log.warning("%s", quoted.note)
        return quoted

    async def _told(self) -> _Told:
        """Ask; once more where that failed in passing, or what came is of no use."""
        try:
            told = await self._ask()
        except (BusyError, DownError):
            raise
        except (TransientError, EmptyError) as error:
            if not self._may_ask_again():
                raise
            log.warning("asked again: %s", error)
            await asyncio.sleep(self.retry_seconds * random.uniform(0.5, 1))  # noqa: S311  # spreads retries
            return replace(await self._ask_within_time(), note=f"asked again: {error}")
        fault = _fault(told)
        if fault is None or not self._may_ask_again():
            return told
        try:
            second = await self._ask_within_time(told.written)
        except DocbotError as error:  # what came first is all there is
            log.info("its reply %s, and asked again it failed: %s", fault, error)
            return told
        completion = _both(told.completion, second.completion)
        return replace(
            second, completion=completion, note=f"asked again: the model's reply {fault}"
        )

    def _left(self) -> float:
        return self.ends_at - perf_counter()

    def _may_ask_again(self) -> bool:
        return self._left() > self.least_left and not (self.on_text and self.on_text.was_told)

    async def _ask_within_time(self, refused: str = "") -> _Told:
        try:
            async with asyncio.timeout(self._left()):
                return await self._ask(refused)
        except TimeoutError as error:
            raise TransientError(
                f"model {self.model.name}: asked again, it gave no reply in the time that was left;"
                " it is too slow, or its endpoint overloaded"
            ) from error

    async def _ask(self, refused: str = "") -> _Told:
        """Ask; with little where that is more than the model takes.

        `refused` is a reply to this very question that was of no use.
        """
        try:
            return await self._complete(self.history, PASSAGES_BUDGET, QUESTION_BUDGET, refused)
        except TooLongError as error:
            log.warning("asked again with fewer passages: %s", error)
            note = f"asked again with fewer passages: {error}"
        return replace(await self._complete((), _LITTLE, _LITTLE_QUESTION, refused), note=note)

    async def _complete(
        self, history: Sequence[Turn], passages_budget: int, question_budget: int, refused: str
    ) -> _Told:
        messages = chat_messages(
            self.question,
            history,
            self.passages,
            new_mark(),
            passages_budget=passages_budget,
            question_budget=question_budget,
        )
        if refused:
            messages = asked_again(messages, refused)
        shown = within_budget(self.passages, passages_budget)
        asked = dict.fromkeys([self.question.text, self.sought.text])
        said = "\n".join(turn.text for turn in history if turn.role == "user")
        review = Review(shown, "\n".join(asked), said, self.on_text)
        completion = await self.model.complete(messages, review.listener)
        text = unwrapped(completion.text) or ""
        return _Told(replace(completion, text=text), completion.text, shown, review)


def _fault(told: _Told) -> str | None:
    """Say why nothing can be made of a reply; None where it answers, or says that it cannot."""
    text = told.completion.text
    if not text:
        return "was JSON without an answer"
    if _NO_ANSWER_LINE.search(text) or check(text[:MOST_READ], told.shown).cited:
        return None
    return "cited none of the passages"


def _both(first: Completion, second: Completion) -> Completion:
    """Give the second reply at the price of both."""
    return replace(
        second,
        tokens_in=total(first.tokens_in, second.tokens_in),
        tokens_out=total(first.tokens_out, second.tokens_out),
    )


def _declined(told: _Told, passages: Sequence[Passage]) -> _Draft | None:
    """Take a model's own word that there is no answer; None where it does not say so."""
    declined = _NO_ANSWER_LINE.search(told.completion.text)
    if declined is None:
        return None
    named = check(declined[1], told.shown).cited
    note = "the model found no answer in the passages"
    if not named:
        return _Draft("abstain", texts.nothing_found(), note=note)
    pointed = _numbers(named[:_MOST_SUGGESTED], told.shown, passages)
    return _Draft("suggest", texts.may_help(), pointed, note=note)


def _numbers(
    cited: Sequence[int], shown: Sequence[Passage], passages: Sequence[Passage]
) -> tuple[int, ...]:
    """Number the passages that were found, where the model was shown those of a section as one."""
    number_of = {passage.chunk_id: number for number, passage in enumerate(passages, start=1)}
    return tuple(number_of[shown[number - 1].chunk_id] for number in cited)


def _quiet(question: QuestionText, passages: Sequence[Passage]) -> _Draft:
    if not terms(asked_in(question.title, question.body)):
        note = "its title and text say nothing to search for"
        return _Draft("abstain", texts.nothing_asked(), note=note)
    note = "what was found says too little about it" if passages else "nothing was found"
    return _Draft("abstain", texts.nothing_found(), note=note)


def _quoted(question: QuestionText, passages: Sequence[Passage]) -> _Draft:
    checked = check(quote(question.text, passages), passages)
    return _Draft("answer", checked.text, checked.cited)


def _suggestion(passages: Sequence[Passage]) -> _Draft:
    """Point to the best pages, each once."""
    pages: dict[int, int] = {}
    for number, passage in enumerate(passages, start=1):
        pages.setdefault(passage.page_id, number)
    return _Draft("suggest", texts.may_help(), tuple(pages.values())[:_MOST_SUGGESTED])


def _answer(
    draft: _Draft,
    probability: float,
    passages: Sequence[Passage],
    completion: Completion | None,
    timings: dict[str, float],
) -> Answer:
    cited = [passages[number - 1] for number in draft.cited]
    citations = tuple(cites(number, passage) for number, passage in enumerate(cited, start=1))
    numbers = {citation.url: citation.n for citation in citations}
    read = {chunk: each.chunk_ids for each in draft.shown for chunk in each.chunk_ids}
    evidence = tuple(
        Evidence(
            numbers.get(passage.url),
            passage,
            passage.url in numbers,
            read.get(passage.chunk_id, ()),
        )
        for passage in passages
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


def cites(number: int, passage: Passage) -> Citation:
    """Give the line of the sources that names a passage."""
    is_solved = passage.solved is not None
    return Citation(number, passage.url, title(passage), passage.source, is_solved)


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
