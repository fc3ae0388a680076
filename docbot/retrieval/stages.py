"""Which stages of a search are on: all of them, save where one's worth is measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Stages:
    """Each field is one stage that can be switched off, or a constant of one.

    Without a stage a search goes on; `OFF` has the value of a constant that takes its stage out.
    Those in `INDEXED` are of making the index too, which must be made anew where they differ.
    """

    dense: bool = True  # embeddings take part, where the index holds them
    several_chunks: bool = True  # a page is rated by its best four chunks, not by one
    focus: float = 0.2  # standard deviations for how near all of it is by meaning
    sides: bool = True  # each side rates a page on its own, not both together each chunk
    folded: bool = True  # what says again what a better passage says is left out
    sections: bool = True  # a passage comes with the rest of its section
    question_title: float = 2.0  # what a word of the question's title counts, against its body's
    prose: bool = True  # of the question only what is said counts: no code, logs and addresses
    damped: bool = True  # a word said four times counts little more than twice as much
    stemming: bool = True  # "retries" finds "retry"
    stop_words: bool = True  # "the", "please" and "thanks" count for nothing
    identifiers: bool = True  # `max_retries`, paths and versions count whole and in parts
    headings: float = 2.0  # what a word of title, headings and address counts, against the text's
    k1: float = 3.0  # of BM25: a word's fifth use still counts, as befits chunks on one subject
    b: float = 0.75  # of BM25: how much a long chunk counts less

    def makes_the_same_index(self, other: "Stages") -> bool:
        return all(getattr(self, name) == getattr(other, name) for name in INDEXED)


ALL_STAGES: Final = Stages()
INDEXED: Final = frozenset({"stemming", "stop_words", "identifiers", "headings", "k1", "b"})
OFF: Final[Mapping[str, float]] = MappingProxyType(
    {"focus": 0.0, "headings": 1.0, "question_title": 1.0}
)
