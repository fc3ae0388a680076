"""A documentation to measure with: as large as wanted, the same each time, made here.

Pages of sections with prose whose words are as unevenly used as in real text (Zipf), names of
settings, code, and links. Each section is of the size of one chunk, and names a setting that no
other section sets, so that a question about it has one right place.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, product
from pathlib import Path

SECTIONS = 10  # a page
_VOCABULARY = 6_000  # words besides the commonest; about that of the documentation of a project
_SEED = 7110
_COMMONEST = """
    the of to and a in is for that with it as be on by are this or an if not can from when which
    you each one has all its at then there more only after before
"""
_SYLLABLES = "ba co di fu ga hel in jor ka lum mer nol op pra qui rin sta tor ul ver win xan yel zo"
_VERBS = ("set", "read", "limit", "retry", "check", "keep", "send", "open", "close", "count")
_HEADINGS = ("Configuring", "Using", "Limits of", "Errors of", "Internals of", "Migrating")


@dataclass(frozen=True, slots=True)
class Question:
    """A post as a member would write it about one section."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    setting: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    title: str
    sections: Sequence[Section]


def write_corpus(folder: Path, chunks: int) -> None:
    """Write Markdown pages that are cut into about so many chunks."""
    for number, page in enumerate(pages(chunks)):
        place = folder / f"part-{number // 100:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{page.name}.md").write_text(_markdown(page), "utf-8")


def questions(chunks: int, count: int) -> list[Question]:
    """Questions that the corpus of this size answers, spread over it; different ones each."""
    sections = [(page, section) for page in pages(chunks) for section in page.sections]
    step = max(len(sections) // count, 1)
    return [_question(*sections[number * step % len(sections)]) for number in range(count)]


def pages(chunks: int) -> Iterator[Page]:
    """Give the pages of a corpus of so many sections, at most 100,000."""
    draw = random.Random(_SEED)
    words = invented_words(draw)
    prose = Prose(draw, words)
    # Taken in order from all pairs, so that no setting is named twice.
    pairs = product(islice(words, 100, 1_100), islice(words, 1_200, 1_300))
    left = chunks
    while left > 0:
        topic = f"{draw.choice(words)} {draw.choice(words)}"
        sections = [_section(prose, topic, *next(pairs)) for _ in range(min(left, SECTIONS))]
        yield Page(sections[0].setting.replace("_", "-"), topic.title(), sections)
        left -= len(sections)


def invented_words(draw: random.Random) -> list[str]:
    """Invented words, the commonest first; none is a part of the English ones above."""
    syllables = _SYLLABLES.split()
    found: dict[str, None] = {}
    while len(found) < _VOCABULARY:
        found["".join(draw.choices(syllables, k=draw.choice((2, 2, 3, 3, 4))))] = None
    return list(found)


class Prose:
    """Sentences of invented words, as unevenly used as real ones."""

    def __init__(self, draw: random.Random, words: Sequence[str]) -> None:
        self.draw = draw
        self._words = [*_COMMONEST.split(), *words]
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))

    def sentence(self) -> str:
        count = self.draw.randint(8, 22)
        words = self.draw.choices(self._words, cum_weights=self._weights, k=count)
        return f"{' '.join(words).capitalize()}."

    def paragraph(self) -> str:
        return " ".join(self.sentence() for _ in range(self.draw.randint(4, 6)))


def _section(prose: Prose, topic: str, what: str, where: str) -> Section:
    verb = prose.draw.choice(_VERBS)
    setting = f"{verb}_{what}_{where}"
    default = prose.draw.randint(1, 90)
    text = (
        f"{prose.paragraph()}\n\n"
        f"Use `{setting}` to {verb} the {what} of each {where}; it is {default} unless set. "
        f"{prose.sentence()}\n\n"
        f"```python\nclient = {what.title()}Client({setting}={default})\n"
        f"client.{verb}_{where}(timeout={default + 5})\n```\n\n"
        f"{prose.paragraph()}"
    )
    return Section(f"{prose.draw.choice(_HEADINGS)} {topic} {where}", setting, text)


def _markdown(page: Page) -> str:
    parts = [f"# {page.title}"]
    parts += [f"## {section.heading}\n\n{section.text}" for section in page.sections]
    return "\n\n".join(parts) + "\n"


def _question(page: Page, section: Section) -> Question:
    verb, what, where = section.setting.split("_")
    return Question(
        f"How do I {verb} the {what} of a {where} in {page.title}?",
        f"I tried `{section.setting}` but nothing changed. What is it set to?",
    )
