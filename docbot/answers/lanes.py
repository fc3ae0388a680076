"""The lane of a question: answer it, point to pages, or stay quiet.

Chosen by the probability that the passages answer, never by a raw search score: such a score only
orders, and means something else in every documentation. The probability is that of a logistic
regression over a few signals of the search; its weights stand in `lanes.json`, with the command
that made them, and docs/retrieval.md tells what they were measured to do.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Final, Literal

from docbot.retrieval.search import SearchResult
from docbot.retrieval.signals import NONE, Signals

Lane = Literal["answer", "suggest", "abstain"]
Caution = Literal["cautious", "helpful"]

_INTERCEPT = "intercept"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`probability`, from 0 to 1, is that of the best passages answering the question."""

    lane: Lane
    probability: float


def _packaged() -> dict[str, Any]:
    text = (files("docbot.answers") / "lanes.json").read_text(encoding="utf-8")
    model: dict[str, Any] = json.loads(text)
    return model


_MODEL: Final = _packaged()


def judge(found: SearchResult, caution: Caution) -> Judgement:
    """Choose the lane; `abstain` when nothing was asked or nothing of it is found."""
    if not found.passages or found.signals in (None, NONE):
        return Judgement("abstain", 0.0)
    probability = probability_of(found.signals)
    return Judgement(lane_of(probability, caution), probability)


def lane_of(probability: float, caution: Caution) -> Lane:
    if probability >= _MODEL["answer from"][caution]:
        return "answer"
    return "suggest" if probability >= _MODEL["suggest from"][caution] else "abstain"


def probability_of(signals: Signals) -> float:
    """Return the probability, from 0 to 1, that the passages behind the signals answer.

    Searches with embeddings and those by words alone have weights of their own.
    """
    by = "words alone" if signals.closeness is None else "with embeddings"
    return logistic(_MODEL[by], asdict(signals))


def logistic(weights: Mapping[str, float], values: Mapping[str, float]) -> float:
    """Return 1 / (1 + e^-x), where x is the intercept and each value times its weight."""
    total = weights[_INTERCEPT] + math.fsum(
        weight * values[name] for name, weight in weights.items() if name != _INTERCEPT
    )
    # Beyond this either side is 0 or 1 to a hundred digits, and the power would overflow.
    return 1 / (1 + math.exp(-min(max(total, -250.0), 250.0)))
