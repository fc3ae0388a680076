"""What a search tells about whether its passages answer: a few numbers, none of them a raw score.

A raw score only orders, and means something else in every documentation. These are shares and
cosines, which mean the same everywhere; the lane of a question is chosen by them.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from docbot.retrieval.lexical import HIGHEST_WEIGHT, document_vector, idf, term_id
from docbot.retrieval.passages import Passage
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.vocabulary import Vocabulary, together

_LOOKED_AT = 8  # passages


@dataclass(frozen=True, slots=True)
class Signals:
    """What a search tells, from 0 to 1 but for `length` and for `closeness`, which is a cosine.

    `familiarity` is how much at home the words of what is asked are in the documentation,
    `coverage` the share of them in the passage that holds most, `strength` the best passage's
    BM25 score for them over the highest that there can be, `length` ln(1 + their number),
    `closeness` the best cosine of any chunk to the question, None without embeddings.
    """

    familiarity: float
    coverage: float
    strength: float
    length: float
    closeness: float | None = None


NONE: Final = Signals(0.0, 0.0, 0.0, 0.0)  # of a question that finds nothing, or asks nothing


def signals(
    asked: Collection[str],
    vocabularies: Sequence[Vocabulary],
    passages: Sequence[Passage],
    closeness: float | None,
    stages: Stages = ALL_STAGES,
) -> Signals | None:
    """Take the measure of a search; None where no word of its sources was counted.

    Args:
        asked: the terms of what is asked.
        vocabularies: of the sources searched.
        passages: best first.
        closeness: the best cosine of any chunk, if embeddings took part.
        stages: with which the index was made.
    """
    terms_asked = {term_id(term) for term in asked}
    if not terms_asked or not passages:
        return NONE
    chunks = sum(each.chunks for each in vocabularies)
    if not chunks:
        return None
    holding = together(vocabularies, terms_asked)
    rarity = {term: idf(count, chunks) for term, count in holding.items()}
    weights = [_weights(passage, stages) for passage in passages[:_LOOKED_AT]]
    return Signals(
        familiarity=_familiarity(list(holding.values()), chunks),
        coverage=max(len(terms_asked & each.keys()) for each in weights) / len(terms_asked),
        strength=max(_score(rarity, each) for each in weights)
        / (HIGHEST_WEIGHT * math.fsum(rarity.values())),
        length=math.log1p(len(terms_asked)),
        closeness=closeness,
    )


def _weights(passage: Passage, stages: Stages) -> dict[int, float]:
    vector = document_vector(passage.title, passage.heading_path, passage.url, passage.text, stages)
    return dict(zip(vector.ids, vector.weights, strict=True))


def _score(rarity: Mapping[int, float], weights: Mapping[int, float]) -> float:
    return math.fsum(worth * weights.get(term, 0.0) for term, worth in rarity.items())


def _familiarity(holding: Sequence[int], chunks: int) -> float:
    """Average ln(1 + chunks that hold it) / ln(1 + all chunks) over the terms, from 0 to 1."""
    return math.fsum(map(math.log1p, holding)) / len(holding) / math.log1p(chunks)
