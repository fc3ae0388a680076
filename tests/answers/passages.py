"""Passages for the tests of answers."""

from collections.abc import Sequence

from docbot.retrieval.passages import Part, Passage
from docbot.retrieval.search import SearchResult
from docbot.retrieval.signals import Signals

SURE = Signals(familiarity=0.8, coverage=1.0, strength=0.6, length=2.0)
DOUBTFUL = Signals(familiarity=0.55, coverage=0.6, strength=0.25, length=2.0)
AWAY = Signals(familiarity=0.1, coverage=0.1, strength=0.05, length=2.0)


def found(passages: Sequence[Passage], signals: Signals | None = SURE) -> SearchResult:
    return SearchResult(list(passages), {}, dense_used=False, indexed=True, signals=signals)


def passage(
    rank: int = 1,
    *,
    title: str = "Configuration",
    heading: str = "Retries",
    text: str = "Set `max_retries` to the number of times a failed task is tried again.",
    url: str | None = None,
    dense: float | None = None,
    page_id: int | None = None,
    source: str = "docs",
    section: tuple[Part, ...] = (),
    solved: str | None = None,
) -> Passage:
    return Passage(
        rank=rank,
        chunk_id=rank,
        page_id=page_id if page_id is not None else rank,
        source=source,
        title=title,
        heading_path=(title, heading),
        url=url if url is not None else f"https://docs.example/page{rank}#retries",
        text=text,
        score=1 / rank,
        lexical=3.0,
        dense=dense,
        position=rank,
        section=section,
        solved=solved,
    )
