"""How far a figure can be trusted: percentile bootstrap intervals, the same each time.

Pure functions. A question counts as drawn at random from those that people ask: what is found
holds for such questions, not for other people's.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Literal

DRAWS = 2_000
_SEED = 20_261_121  # any number, so that the same records give the same interval
_OUTSIDE = 0.05  # of the draws, half on each side of the interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `count` values, and between `low` and `high` 95 % of the means of resamples."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of the second less that of the first, over what both have."""

    value: float
    low: float
    high: float
    count: int

    @property
    def verdict(self) -> Literal["real", "not told apart"]:
        return "real" if self.low > 0 or self.high < 0 else "not told apart"


def estimated(values: Sequence[float]) -> Estimate | None:
    """Give the mean with its interval; None for no value."""
    if not values:
        return None
    low, high = _interval(values)
    return Estimate(mean(values), low, high, len(values))


def difference(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """Compare two runs over the same questions, in the same order; None for no question."""
    changes = [after - before for before, after in zip(first, second, strict=True)]
    if not changes:
        return None
    low, high = _interval(changes)
    return Difference(mean(changes), low, high, len(changes))


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the least of the values that at least `share` (above 0) of them do not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def _interval(values: Sequence[float]) -> tuple[float, float]:
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return distinct[0], distinct[0]
    random = Random(_SEED)  # noqa: S311  # draws samples, guards nothing
    means = _two_valued(values, distinct, random) if len(distinct) == 2 else _any(values, random)
    means.sort()
    outside = round(_OUTSIDE / 2 * DRAWS)
    return means[outside], means[DRAWS - 1 - outside]


def _any(values: Sequence[float], random: Random) -> list[float]:
    count = len(values)
    return [sum(random.choices(values, k=count)) / count for _ in range(DRAWS)]


def _two_valued(values: Sequence[float], distinct: Sequence[float], random: Random) -> list[float]:
    """Draw how often the greater value is in a resample: the same as drawing the resample.

    Most figures are shares, of which thousands are drawn in a millisecond this way.
    """
    low, high = distinct
    count = len(values)
    cumulated = list(accumulate(_binomial(count, sum(value == high for value in values) / count)))
    ones = [min(bisect_left(cumulated, random.random()), count) for _ in range(DRAWS)]
    return [(low * (count - one) + high * one) / count for one in ones]


def _binomial(count: int, share: float) -> list[float]:
    """Give the probability of each number of successes from 0 to `count`."""
    whole = math.lgamma(count + 1)
    log_share, log_rest = math.log(share), math.log1p(-share)
    return [
        math.exp(
            whole
            - math.lgamma(successes + 1)
            - math.lgamma(count - successes + 1)
            + successes * log_share
            + (count - successes) * log_rest
        )
        for successes in range(count + 1)
    ]
