"""Passages made ready for sentences to be held against them.

A passage is a row of places: a sentence, an item of a list, a row of a table, a line of code. Of
each word it is known at which of them it stands.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from docbot.answers.language import is_foreign
from docbot.answers.markdown import spans
from docbot.answers.sentences import cut
from docbot.retrieval.lexical import terms
from docbot.retrieval.passages import Passage

_AROUND = 2  # places before and behind one that are read with it
_BESIDE = 1  # of these, places that help to tell which one speaks of a matter
_PREFIX = 5  # letters in which the forms of a word agree
_DISCORD_MARK = re.compile(r"</?(?:[@#]|\w*:)[^<>\s]*>")
# What does not say of the matter itself that it is not so: code, and "if you don't want it".
_BESIDE_THE_POINT = re.compile(r"`[^`\n]*`|\b(?:if|when|unless|in case)\b[^,.;:)]*", re.IGNORECASE)
_NOT = re.compile(
    r"\b(?:not|never|no|cannot|nor|neither|none|nothing)\b|n['’]t\b",
    re.IGNORECASE,
)


class Match(NamedTuple):
    """Where a ground speaks of a matter: the words that stand there, and how close it comes."""

    found: frozenset[str]
    closeness: float
    denies: bool


class Ground:
    """The passages of one address."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        above = "\n".join(" . ".join([each.title, *each.heading_path]) for each in passages)
        self.text = "\n".join([above, *(each.text for each in passages)])
        self.is_foreign = is_foreign(" ".join(each.text for each in passages))
        self._above = words_of(above)
        self._denies: list[bool] = []
        self._places: dict[str, set[int]] = {}  # by word
        for passage in passages:
            for piece in cut(passage.text):
                if piece.kind == "fence":
                    for line in piece.text.split("\n")[1:]:
                        self._add(line, denies=False)
                else:
                    self._add(piece.text, denies=_denies(piece.text))

    def match(self, words: Collection[str]) -> Match:
        """Find the words that stand together, and whether the place that comes closest denies."""
        together: Counter[int] = Counter()
        closeness: Counter[int] = Counter()
        for word in words:
            places = self._places.get(word, set())
            if word not in self._above:
                together.update(self._around(places, _AROUND))
            closeness.update(places)
            closeness.update(self._around(places, _BESIDE))
        best = _first_of_most(together)
        near = range(best - _AROUND, best + _AROUND + 1)
        found = {
            word
            for word in words
            if word in self._above or any(place in self._places.get(word, ()) for place in near)
        }
        closest = _first_of_most(closeness)
        denies = closest in closeness and self._denies[closest]
        return Match(frozenset(found), closeness[closest], denies)

    def _add(self, text: str, *, denies: bool) -> None:
        for word in words_of(text):
            self._places.setdefault(word, set()).add(len(self._denies))
        self._denies.append(denies)

    def _around(self, places: Collection[int], reach: int) -> set[int]:
        last = len(self._denies)
        return {
            near
            for place in places
            for near in range(max(0, place - reach), min(last, place + reach + 1))
        }


def words_of(text: str) -> frozenset[str]:
    """Give the words of a text that say something, all forms of one alike."""
    return frozenset(
        word[:_PREFIX] if word.isalpha() else word for word in terms(without_addresses(text))
    )


def without_addresses(text: str) -> str:
    """Leave of links their labels, and of images, addresses and Discord's marks nothing."""
    text = _DISCORD_MARK.sub(" ", text)
    out: list[str] = []
    position = 0
    for span in spans(text):
        out.append(text[position : span.start])
        position = span.end
        if span.kind == "code":
            out.append(text[span.start : span.end])
        elif span.kind == "link":
            out.append(without_addresses(span.text))
    return "".join([*out, text[position:]])


def _denies(prose: str) -> bool:
    return _NOT.search(_BESIDE_THE_POINT.sub("", prose)) is not None


def _first_of_most(counted: Counter[int]) -> int:
    return min(counted, key=lambda place: (-counted[place], place), default=0)
