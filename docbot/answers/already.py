"""Whether a post asks what a thread asked that was solved already, and the answer that says so.

Two posts are compared by the words that a search takes from them, each counted by how rare it is
in what was searched: of two posts about one subject nearly all words agree but the rare one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from docbot.answers.answer import Answer, cites
from docbot.answers.prompt import QuestionText
from docbot.retrieval.lexical import idf, query_vector
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import SearchResult
from docbot.retrieval.store import Sparse
from docbot.retrieval.vocabulary import Vocabulary, languages_of, together

# Cosines over rare words. Of all pairs among 252 questions about four projects, those that ask the
# same had .60 and more, and those that ask for something near .45 and less; a wrong link costs more
# than one that lacks.
_ALIKE: Final = 0.6
# Where it is nearest by meaning too: by so much of a cosine before all else that was found.
_ALIKE_BY_MEANING: Final = 0.45
_NEARER: Final = 0.1
_FEWEST_SHARED: Final = 3  # words; two posts of two words each agree too soon


def already_solved(question: QuestionText, found: SearchResult) -> Passage | None:
    """Find the solved thread that asked the same.

    Args:
        question: of the post, not of what follows it.
        found: what the search for it gave.

    Returns:
        the passage most like it; None where none is.
    """
    solved = [passage for passage in found.passages if passage.solved is not None]
    scored = [(_likeness(question, passage, found.vocabularies), passage) for passage in solved]
    best = max(scored, key=lambda each: each[0], default=None)
    if best is None:
        return None
    likeness, passage = best
    least = _ALIKE_BY_MEANING if _stands_out(passage, found.passages) else _ALIKE
    return passage if likeness >= least else None


def beginning_with(answer: Answer, passage: Passage) -> Answer:
    """Let an answer begin with the link to a solved thread; one that says nothing says just that."""
    if answer.lane == "answer":
        return replace(answer, citations=(cites(0, passage), *answer.citations))
    others = [each for each in answer.citations if each.url != passage.url]
    numbered = (replace(each, n=number) for number, each in enumerate(others, start=1))
    return replace(
        answer,
        lane="suggest",
        text=answer.text if others else "",
        citations=(cites(0, passage), *numbered),
        note="; ".join(filter(None, (answer.note, "a solved thread asked the same"))),
    )


def _likeness(
    question: QuestionText, passage: Passage, vocabularies: Sequence[Vocabulary]
) -> float:
    """Compare two posts, and their titles alone, from 0 to 1; bodies tell each its own story."""
    asked = QuestionText(passage.title, passage.solved or "")
    pairs = [(question, asked)]
    if question.title:
        pairs.append((QuestionText(question.title, ""), QuestionText(asked.title, "")))
    return max(_cosine(one, other, vocabularies) for one, other in pairs)


def _cosine(one: QuestionText, other: QuestionText, vocabularies: Sequence[Vocabulary]) -> float:
    languages = languages_of(vocabularies)
    left, right = (
        query_vector(each.title, each.body, languages=languages) for each in (one, other)
    )
    if len(set(left.ids) & set(right.ids)) < _FEWEST_SHARED:
        return 0.0
    holding = together(vocabularies, {*left.ids, *right.ids})
    chunks = sum(each.chunks for each in vocabularies)
    rare = {term: idf(count, chunks) for term, count in holding.items()}
    own, others = _weighed(left, rare), _weighed(right, rare)
    shared = math.fsum(weight * others[term] for term, weight in own.items() if term in others)
    return shared / (_length(own) * _length(others))


def _weighed(words: Sparse, rare: Mapping[int, float]) -> dict[int, float]:
    return {
        term: weight * rare[term] for term, weight in zip(words.ids, words.weights, strict=True)
    }


def _length(weights: Mapping[int, float]) -> float:
    return math.hypot(*weights.values())


def _stands_out(passage: Passage, passages: Sequence[Passage]) -> bool:
    """Whether the vectors know nothing else that is nearly as near."""
    if passage.dense is None:
        return False
    others = [
        each.dense
        for each in passages
        if each.dense is not None and each.page_id != passage.page_id
    ]
    return passage.dense - max(others, default=-1.0) >= _NEARER
