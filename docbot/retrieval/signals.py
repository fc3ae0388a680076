"""What a search tells about whether its passages answer: a few numbers, none of them a raw score.

A raw score only orders, and means something else in every documentation. These are shares and
cosines, which mean the same everywhere; the lane of a question is chosen by them.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from docbot.retrieval.lexical import Stems, highest_weight, idf, term_id
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Sparse
from docbot.retrieval.vocabulary import Vocabulary, together

LOOKED_AT: Final = 8  # passages, the best ones


@dataclass(frozen=True, slots=True)
class Signals:
    """What a search tells, from 0 to 1 but for `length` and for `closeness`, which is a cosine.

    `familiarity` is how much at home the words of what is asked are in the documentation,
    `coverage` the share of them in the passage that holds most, `strength` the best passage's
    BM25 score for them over the highest that there can be, `length` ln(1 + their number),
    `closeness` the best cosine of any chunk to the question, None without embeddings. A word with
    a stem in each of several languages counts once, by the one that most chunks hold.
    """

    familiarity: float
    coverage: float
    strength: float
    length: float
    closeness: float | None = None


NONE: Final = Signals(0.0, 0.0, 0.0, 0.0)  # of a question that finds nothing, or asks nothing


def signals(
    asked: Collection[Stems],
    vocabularies: Sequence[Vocabulary],
    passages: Sequence[Sparse],
    closeness: float | None,
    stages: Stages = ALL_STAGES,
) -> Signals | None:
    """Take the measure of a search; None where no word of its sources was counted.

    Args:
        asked: the words of what is asked.
        vocabularies: of the sources searched.
        passages: the words of the best `LOOKED_AT`, as the index holds them.
        closeness: the best cosine of any chunk, if embeddings took part.
        stages: with which the index was made.
    """
    if not asked or not passages:
        return NONE
    chunks = sum(each.chunks for each in vocabularies)
    if not chunks:
        return None
    holding = together(vocabularies, {term_id(stem) for stems in asked for stem in stems})
    stems_of = _by_best_stem(asked, holding)
    rarity = {best: idf(holding[best], chunks) for best in stems_of}
    weights = [dict(zip(each.ids, each.weights, strict=True)) for each in passages]
    said = [_said(stems_of, each) for each in weights]
    return Signals(
        familiarity=_familiarity([holding[best] for best in stems_of], chunks),
        coverage=max(map(len, said)) / len(stems_of),
        strength=max(_score(rarity, each) for each in said)
        / (highest_weight(stages) * math.fsum(rarity.values())),
        length=math.log1p(len(stems_of)),
        closeness=closeness,
    )


def _by_best_stem(asked: Collection[Stems], holding: Mapping[int, int]) -> dict[int, set[int]]:
    """List the stems of each word under the one that most chunks hold: two forms are one word."""
    found: dict[int, set[int]] = {}
    for stems in asked:
        ids = [term_id(stem) for stem in stems]
        found.setdefault(max(ids, key=holding.__getitem__), set()).update(ids)
    return found


def _said(stems_of: Mapping[int, set[int]], weights: Mapping[int, float]) -> dict[int, float]:
    """Give the words that a passage holds, each with the weight of its heaviest stem."""
    return {
        best: max(weights[stem] for stem in stems & weights.keys())
        for best, stems in stems_of.items()
        if not stems.isdisjoint(weights)
    }


def _score(rarity: Mapping[int, float], weights: Mapping[int, float]) -> float:
    return math.fsum(worth * weights.get(term, 0.0) for term, worth in rarity.items())


def _familiarity(holding: Sequence[int], chunks: int) -> float:
    """Average ln(1 + chunks that hold it) / ln(1 + all chunks) over the terms, from 0 to 1."""
    return math.fsum(map(math.log1p, holding)) / len(holding) / math.log1p(chunks)
