"""Asks every question as a member's would be asked, and keeps what became of it.

A question that fails is kept with its reason and spoils no other.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

from docbot.answers.answer import Answer, Answerer
from docbot.answers.prompt import QuestionText
from docbot.errors import DocbotError, TransientError
from docbot.evaluation.names import unknown_names
from docbot.evaluation.questions import Question, folded
from docbot.evaluation.records import Key, Kind, Record
from docbot.retrieval.search import Query, Searcher, SearchResult

_KEPT_PAGES = 10  # of each record, for those who look into one


@dataclass(frozen=True, slots=True)
class Site:
    """A source with its pages: `pages` by each of their addresses, folded; `urls` by page."""

    id: int
    name: str
    pages: Mapping[str, int]
    urls: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Asking:
    """One time that a question is asked; `gold` are the ids of pages that answer it."""

    question: Question
    site: Site
    kind: Kind
    gold: frozenset[int] = frozenset()

    @property
    def key(self) -> Key:
        """The one of its record."""
        return self.question.id, self.site.name, self.kind


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked, and what of the questions' file the database does not have.

    `unknown_gold` are (question id, source, address).
    """

    askings: tuple[Asking, ...]
    unknown_sources: tuple[str, ...]
    unknown_gold: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    id: str
    source: str
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    records: tuple[Record, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]  # of searches, each once


@dataclass(frozen=True, slots=True)
class Prices:
    """Money per million tokens."""

    tokens_in: float
    tokens_out: float

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


def plan(
    questions: Sequence[Question],
    sites: Mapping[str, Site],
    *,
    cross: bool = False,
    remove_gold: bool = False,
) -> Plan:
    """Choose what to ask.

    A question of which no gold page is known cannot be judged, and is not asked of its source.

    Args:
        questions: those of the file.
        sites: the sources of the database, by name.
        cross: ask each question of each other source that the file names, too.
        remove_gold: ask each answerable question once more, without its pages, too.
    """
    named = list(dict.fromkeys(question.source for question in questions))
    askings: list[Asking] = []
    unknown_gold: list[tuple[str, str, str]] = []
    for question in questions:
        site = sites.get(question.source)
        if site is None:
            continue
        places = {address: site.pages.get(folded(address)) for address in question.gold}
        unknown_gold += [
            (question.id, site.name, at) for at, page in places.items() if page is None
        ]
        gold = frozenset(page for page in places.values() if page is not None)
        if gold:
            askings.append(Asking(question, site, "answerable", gold))
        elif not question.gold:
            askings.append(Asking(question, site, "unanswerable"))
        if gold and remove_gold:
            askings.append(Asking(question, site, "removed", gold))
        if cross:
            others = [sites[name] for name in named if name in sites and name != site.name]
            askings += [Asking(question, other, "cross") for other in others]
    return Plan(
        tuple(askings), tuple(name for name in named if name not in sites), tuple(unknown_gold)
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """The docbot that is measured; `passages` is how many an answer is made from.

    Where a model is measured an answer without one is a failure: the figures would be those of
    quotations.
    """

    searcher: Searcher
    answerer: Answerer
    passages: int
    prices: Prices | None = None

    async def ask(self, asking: Asking) -> tuple[Record, str | None]:
        """Ask once; return what became of it, and the search's warning.

        Raises:
            DocbotError: the index or the model cannot be asked.
        """
        question = asking.question
        begun = perf_counter()
        found = await self.searcher.search(
            Query(question.title, question.body),
            [asking.site.id],
            self.passages,
            sections=self.answerer.has_model,
            without_pages=asking.gold if asking.kind == "removed" else (),
        )
        if not found.indexed:
            raise TransientError("the index cannot be opened; `docbot sync` builds it")
        text = QuestionText(question.title, question.body)
        answer = await self.answerer.answer(text, [], found)
        if self.answerer.has_model and answer.lane == "answer" and answer.model is None:
            raise TransientError(answer.note or "answered without the model")
        taken = round((perf_counter() - begun) * 1000, 3)
        return self._record(asking, found, answer, taken), found.warning

    def _record(
        self, asking: Asking, found: SearchResult, answer: Answer, milliseconds: float
    ) -> Record:
        pages = [ranked.page for ranked in found.pages]
        page_of = {passage.url: passage.page_id for passage in found.passages}
        cited = [page_of.get(citation.url) for citation in answer.citations]
        return Record(
            id=asking.question.id,
            source=asking.site.name,
            kind=asking.kind,
            rank=next((n for n, page in enumerate(pages, start=1) if page in asking.gold), None),
            given=any(passage.page_id in asking.gold for passage in found.passages),
            pages=tuple(asking.site.urls.get(page, "") for page in pages[:_KEPT_PAGES]),
            probability=answer.probability,
            lane=answer.lane,
            citations=len(cited),
            gold_citations=sum(page in asking.gold for page in cited),
            unknown_names=unknown_names(answer.text, _known_texts(asking.question, found)),
            characters=len(answer.text),
            timings_ms={**found.timings_ms, **answer.timings_ms, "total": milliseconds},
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
            cost=self._cost(answer),
            dense=found.dense_used,
            model=answer.model,
            note=answer.note,
            signals=asdict(found.signals) if found.signals else {},
        )

    def _cost(self, answer: Answer) -> float | None:
        if self.prices is None or answer.model is None:
            return None
        return self.prices.cost(answer.tokens_in or 0, answer.tokens_out or 0)


def _known_texts(question: Question, found: SearchResult) -> list[str]:
    texts = [question.title, question.body]
    for passage in found.passages:
        texts += [passage.title, *passage.heading_path, passage.text]
    return texts


async def measure(
    askings: Sequence[Asking], subject: Subject, *, at_once: int, done: Callable[[int], None]
) -> Measured:
    """Ask all, so many at a time; records come in the order of the askings."""
    outcomes: dict[int, Record | Failure] = {}
    warnings: dict[str, None] = {}
    left = iter(enumerate(askings))

    async def work() -> None:
        for number, asking in left:
            try:
                outcomes[number], warning = await subject.ask(asking)
            except DocbotError as error:
                outcomes[number] = Failure(
                    asking.question.id, asking.site.name, asking.kind, str(error)
                )
            else:
                if warning is not None:
                    warnings[warning] = None
            done(len(outcomes))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    ordered = [outcomes[number] for number in range(len(askings))]
    return Measured(
        tuple(each for each in ordered if isinstance(each, Record)),
        tuple(each for each in ordered if isinstance(each, Failure)),
        tuple(warnings),
    )
