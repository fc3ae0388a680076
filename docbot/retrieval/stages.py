"""Which stages of a search are on: all of them, save where one's worth is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stages:
    """Each field is one stage that can be switched off; off, a search goes on without it.

    Those in `INDEXED` are stages of making the index too, which must be made anew without them.
    """

    dense: bool = True  # embeddings take part, where the index holds them
    several_chunks: bool = True  # a page is rated by its best four chunks, not by one
    focus: bool = True  # and by how near all of it is by meaning
    sides: bool = True  # each side rates a page on its own, not both together each chunk
    folded: bool = True  # what says again what a better passage says is left out
    sections: bool = True  # a passage comes with the rest of its section
    question_title: bool = True  # a word of the question's title counts twice
    prose: bool = True  # of the question only what is said counts: no code, logs and addresses
    error_lines: bool = True  # but the error lines among them do
    damped: bool = True  # a word said four times counts little more than twice as much
    stemming: bool = True  # "retries" finds "retry"
    stop_words: bool = True  # "the", "please" and "thanks" count for nothing
    identifiers: bool = (
        True  # `max_retries` counts whole and in parts, and so do paths and versions
    )
    headings: bool = True  # words of title, headings and address count twice

    def makes_the_same_index(self, other: "Stages") -> bool:
        return all(getattr(self, name) == getattr(other, name) for name in INDEXED)


ALL_STAGES: Final = Stages()
INDEXED: Final = frozenset({"stemming", "stop_words", "identifiers", "headings"})
