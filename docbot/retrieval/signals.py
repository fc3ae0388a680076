"""What a search tells about whether its passages answer: a few numbers, none of them a raw score.

A raw score only orders, and means something else in every documentation. These are shares and
cosines, which mean the same everywhere; the lane of a question is chosen by them.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from docbot.retrieval.lexical import highest_score, term_id, terms
from docbot.retrieval.passages import Passage
from docbot.retrieval.store import Sparse
from docbot.retrieval.vocabulary import Vocabulary, together

_LOOKED_AT = 8  # passages


@dataclass(frozen=True, slots=True)
class Signals:
    """What lies between 0 and 1, but for `closeness`, which is a cosine.

    `familiarity` is how much at home the words of what is asked are in the documentation,
    `coverage` the share of them in the passage that holds most, `strength` the best BM25 score
    over the highest that the question could reach, `closeness` the best cosine of any chunk to
    what is asked, None without embeddings.
    """

    familiarity: float
    coverage: float
    strength: float
    closeness: float | None = None


NONE: Final = Signals(0.0, 0.0, 0.0)  # of a question that finds nothing, or asks nothing


def signals(
    asked: Collection[str],
    question: Sparse,
    vocabularies: Sequence[Vocabulary],
    passages: Sequence[Passage],
    *,
    best_lexical: float,
    closeness: float | None,
) -> Signals | None:
    """Take the measure of a search; None where no word of its sources was counted.

    Args:
        asked: the terms of what is asked.
        question: its vector.
        vocabularies: of the sources searched.
        passages: best first.
        best_lexical: the highest BM25 score of any chunk.
        closeness: the best cosine of any chunk, if embeddings took part.
    """
    terms_asked = set(asked)
    if not terms_asked or not passages:
        return NONE
    chunks = sum(each.chunks for each in vocabularies)
    if not chunks:
        return None
    ids = [term_id(term) for term in terms_asked]
    holding = together(vocabularies, {*ids, *question.ids})
    highest = highest_score(question, holding, chunks)
    covered = [len(passage_terms(passage) & terms_asked) for passage in passages[:_LOOKED_AT]]
    return Signals(
        familiarity=_familiarity([holding[term] for term in ids], chunks),
        coverage=max(covered) / len(terms_asked),
        strength=min(best_lexical / highest, 1.0),
        closeness=closeness,
    )


def passage_terms(passage: Passage) -> set[str]:
    """List the terms of a passage with its title and headings."""
    return set(terms("\n".join([passage.title, *passage.heading_path, passage.text])))


def _familiarity(holding: Sequence[int], chunks: int) -> float:
    """Average ln(1 + chunks that hold it) / ln(1 + all chunks) over the terms, from 0 to 1."""
    return math.fsum(map(math.log1p, holding)) / len(holding) / math.log1p(chunks)
