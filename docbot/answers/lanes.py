"""The lane of a question: answer it, point to pages, or stay quiet.

Decided from what the passages have in common with the question, never from a raw search score:
such a score only orders, and says nothing about whether the documentation answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from docbot.retrieval.lexical import terms
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import SearchResult

Lane = Literal["answer", "suggest", "abstain"]
Caution = Literal["cautious", "helpful"]

# Measured with lexical search on 252 questions to four documentation sites, each asked of all
# four (214 answerable, 756 of another site): weighing long words or identifiers more found
# nothing, fewer passages or all terms of the body instead of the title's did worse.
_LOOKED_AT = 8  # passages
_TOGETHER = 0.5  # what one passage holds alone counts as much as what all hold between them
_DOUBT = 0.5  # terms, counted as missing: a question of two words proves less than one of ten

# Cosines of unrelated and of matching texts with common embedding models; between them the
# similarity counts from 0 to 1, and as much as the words do. Not measured yet.
_UNRELATED, _MATCHING = 0.2, 0.7
_DENSE_SHARE = 0.5

# There, 84 % of the answerable and 14 % of another site's questions reach the first, 95 % and
# 31 % the second.
_ANSWER_FROM: dict[Caution, float] = {"cautious": 0.65, "helpful": 0.65}
_SUGGEST_FROM: dict[Caution, float] = {"cautious": 0.55, "helpful": 0.55}


@dataclass(frozen=True, slots=True)
class Judgement:
    """`probability`, from 0 to 1, is that of the best passages answering the question."""

    lane: Lane
    probability: float


def judge(question_terms: Sequence[str], found: SearchResult, caution: Caution) -> Judgement:
    """Choose the lane; `abstain` when nothing was asked or nothing of it is found."""
    probability = support(question_terms, found.passages)
    return Judgement(lane_of(probability, caution), probability)


def lane_of(probability: float, caution: Caution) -> Lane:
    if probability >= _ANSWER_FROM[caution]:
        return "answer"
    return "suggest" if probability >= _SUGGEST_FROM[caution] else "abstain"


def support(question_terms: Sequence[str], passages: Sequence[Passage]) -> float:
    """Measure, from 0 to 1, how much of the question the best passages are about.

    Args:
        question_terms: of `terms`, in any order; repetitions count once.
        passages: best first.
    """
    asked = set(question_terms)
    best = passages[:_LOOKED_AT]
    if not asked or not best:
        return 0.0
    found = [passage_terms(passage) & asked for passage in best]
    single = max(len(each) for each in found)
    together = len(set().union(*found))
    words = ((1 - _TOGETHER) * single + _TOGETHER * together) / (len(asked) + _DOUBT)
    similarities = [passage.dense for passage in best if passage.dense is not None]
    if not similarities:
        return words
    closeness = (max(similarities) - _UNRELATED) / (_MATCHING - _UNRELATED)
    return (1 - _DENSE_SHARE) * words + _DENSE_SHARE * min(max(closeness, 0.0), 1.0)


def passage_terms(passage: Passage) -> set[str]:
    """List the terms of a passage with its title and headings."""
    return set(terms("\n".join([passage.title, *passage.heading_path, passage.text])))
