"""Figures over records: what was found, what was answered, how sure, how long, how much.

Pure functions. A figure that nothing was asked for is None, never 0.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from docbot.answers.lanes import Caution, Lane, lane_of
from docbot.evaluation.records import KINDS, Key, Record
from docbot.evaluation.statistics import (
    Difference,
    Estimate,
    difference,
    estimated,
    mean,
    percentile,
)

CAUTIONS: Final[tuple[Caution, ...]] = get_args(Caution)
TOLERATED: Final = 0.05  # of what should not be answered, the share by which settings are judged
_LANES: Final[tuple[Lane, ...]] = get_args(Lane)
_POINTS = 100  # of the curve
_BINS = 10  # of the reliability diagram

# `quiet` is all that should not be answered, `removed` what was asked without its pages.
Group = Literal["answerable", "quiet", "unanswerable", "cross", "removed"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of each record, None where it has none; `better` is where a good one goes."""

    name: str
    label: str
    of: Callable[[Record], float | None]
    better: Direction
    is_share: bool = True


def _within(limit: int) -> Callable[[Record], float | None]:
    def found(record: Record) -> float | None:
        if record.kind != "answerable":
            return None
        return float(record.rank is not None and record.rank <= limit)

    return found


def _reciprocal_rank(record: Record) -> float | None:
    if record.kind != "answerable":
        return None
    return 1 / record.rank if record.rank else 0.0


def _share(group: Group, *lanes: Lane) -> Callable[[Record], float | None]:
    def ended(record: Record) -> float | None:
        return float(record.lane in lanes) if _is_in(record, group) else None

    return ended


def _citation_precision(record: Record) -> float | None:
    is_told = record.kind == "answerable" and record.lane == "answer" and record.citations > 0
    return record.gold_citations / record.citations if is_told else None


def _of_answers(value: Callable[[Record], float]) -> Callable[[Record], float | None]:
    return lambda record: value(record) if record.lane == "answer" else None


MEASURES: Final = (
    Measure("recall_at_1", "recall@1", _within(1), "up"),
    Measure("recall_at_5", "recall@5", _within(5), "up"),
    Measure("recall_at_10", "recall@10", _within(10), "up"),
    Measure("mrr", "MRR", _reciprocal_rank, "up"),
    Measure("answered", "answered, of the answerable", _share("answerable", "answer"), "up"),
    Measure(
        "helped",
        "answered or suggested, of the answerable",
        _share("answerable", "answer", "suggest"),
        "up",
    ),
    Measure(
        "wrongly_answered", "answered, of what should not be", _share("quiet", "answer"), "down"
    ),
    Measure(
        "removed_answered", "answered, gold pages taken out", _share("removed", "answer"), "down"
    ),
    Measure("citation_precision", "citations that are gold pages", _citation_precision, "up"),
    Measure(
        "unknown_names",
        "unknown names per answer",
        _of_answers(lambda record: float(len(record.unknown_names))),
        "down",
        is_share=False,
    ),
    Measure(
        "characters",
        "characters per answer",
        _of_answers(lambda record: float(record.characters)),
        "down",
        is_share=False,
    ),
    Measure(
        "milliseconds",
        "milliseconds per question",
        lambda record: record.timings_ms.get("total"),
        "down",
        is_share=False,
    ),
    Measure("cost", "cost per question", lambda record: record.cost, "down", is_share=False),
)
MEASURE: Final = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True, slots=True)
class Shares:
    """How a group of questions was divided among the lanes."""

    answer: Estimate
    suggest: Estimate
    abstain: Estimate


@dataclass(frozen=True, slots=True)
class Point:
    """With answers from this probability on: the share of the answerable, and of the quiet."""

    threshold: float
    answered: float | None
    wrongly: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions whose probability lies between `low` and `high`: how many were borne out."""

    low: float
    high: float
    count: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """`error` is the expected calibration error, `brier` the mean squared one; both best at 0."""

    error: float
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one stage."""

    p50: float
    p99: float
    count: int


@dataclass(frozen=True, slots=True)
class Spending:
    """What the model took; `cost` is None without a price."""

    replies: int
    tokens_in: int
    tokens_out: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is said of a set of records; `asked` counts them by kind.

    `outcome` is how they ended, `settings` how the probability alone would divide them at each
    caution. `calibration` asks whether the question should be answered, `passages_calibration`
    whether a gold page was among the passages.
    """

    asked: dict[str, int]
    dense: int
    measures: dict[str, Estimate | None]
    outcome: dict[Group, Shares | None]
    settings: dict[Caution, dict[Group, Shares | None]]
    curve: tuple[Point, ...]
    tolerated: Point | None
    calibration: Calibration | None
    passages_calibration: Calibration | None
    latency: dict[str, Latency]
    spending: Spending


def figures(records: Sequence[Record]) -> Figures:
    """Make every figure of these records."""
    judged = [record for record in records if record.kind != "removed"]
    probabilities = [record.probability for record in judged]
    return Figures(
        asked={kind: sum(record.kind == kind for record in records) for kind in KINDS},
        dense=sum(record.dense for record in records),
        measures={measure.name: estimated(values_of(measure, records)) for measure in MEASURES},
        outcome={group: _shares(records, group, lambda record: record.lane) for group in GROUPS},
        settings={caution: _at(records, caution) for caution in CAUTIONS},
        curve=curve(judged, [number / _POINTS for number in range(_POINTS + 1)]),
        tolerated=_tolerated(judged),
        calibration=calibration(probabilities, [not record.is_quiet for record in judged]),
        passages_calibration=calibration(probabilities, [record.given for record in judged]),
        latency=_latency(records),
        spending=_spending(records),
    )


def values_of(measure: Measure, records: Iterable[Record]) -> list[float]:
    found = (measure.of(record) for record in records)
    return [value for value in found if value is not None]


def by_source(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Part records by the source that was asked, by name."""
    parted: dict[str, list[Record]] = {}
    for record in records:
        parted.setdefault(record.source, []).append(record)
    return dict(sorted(parted.items()))


def compared(
    measure: Measure, first: Sequence[Record], second: Sequence[Record]
) -> Difference | None:
    """Compare two runs, question by question, where both have the figure; None: nowhere."""
    before = _values_by_key(measure, first)
    after = _values_by_key(measure, second)
    both = sorted(before.keys() & after.keys())
    return difference([before[key] for key in both], [after[key] for key in both])


def curve(records: Sequence[Record], thresholds: Iterable[float]) -> tuple[Point, ...]:
    """Give the shares that would be answered from each threshold on, by probability alone."""
    answerable = [record.probability for record in records if record.kind == "answerable"]
    quiet = [record.probability for record in records if record.is_quiet]
    return tuple(
        Point(threshold, _from(answerable, threshold), _from(quiet, threshold))
        for threshold in thresholds
    )


def calibration(probabilities: Sequence[float], borne_out: Sequence[bool]) -> Calibration | None:
    """Hold probabilities against what came true, in ten bins of equal width."""
    if not probabilities:
        return None
    pairs = list(zip(probabilities, borne_out, strict=True))
    bins = []
    for number in range(_BINS):
        within = [pair for pair in pairs if min(int(pair[0] * _BINS), _BINS - 1) == number]
        if within:
            predicted = mean([probability for probability, _ in within])
            observed = mean([float(came) for _, came in within])
            edges = number / _BINS, (number + 1) / _BINS
            bins.append(Bin(*edges, len(within), predicted, observed))
    error = sum(each.count * abs(each.predicted - each.observed) for each in bins) / len(pairs)
    brier = mean([(probability - came) ** 2 for probability, came in pairs])
    return Calibration(error, brier, tuple(bins))


def _values_by_key(measure: Measure, records: Iterable[Record]) -> dict[Key, float]:
    found = ((record.key, measure.of(record)) for record in records)
    return {key: value for key, value in found if value is not None}


def _is_in(record: Record, group: Group) -> bool:
    return record.is_quiet if group == "quiet" else record.kind == group


def _at(records: Sequence[Record], caution: Caution) -> dict[Group, Shares | None]:
    def lane(record: Record) -> Lane:
        return lane_of(record.probability, caution)

    return {group: _shares(records, group, lane) for group in GROUPS}


def _shares(
    records: Sequence[Record], group: Group, lane: Callable[[Record], Lane]
) -> Shares | None:
    lanes = [lane(record) for record in records if _is_in(record, group)]
    answer, suggest, abstain = (
        estimated([float(each == wanted) for each in lanes]) for wanted in _LANES
    )
    if answer is None or suggest is None or abstain is None:
        return None
    return Shares(answer, suggest, abstain)


def _from(probabilities: Sequence[float], threshold: float) -> float | None:
    if not probabilities:
        return None
    return sum(each >= threshold for each in probabilities) / len(probabilities)


def _tolerated(records: Sequence[Record]) -> Point | None:
    """Find the lowest threshold at which few enough of the quiet are answered."""
    if len({record.is_quiet for record in records}) < 2:
        return None
    least_first = sorted({record.probability for record in records})
    points = curve(records, least_first)
    return next((p for p in points if p.wrongly is not None and p.wrongly <= TOLERATED), None)


def _latency(records: Iterable[Record]) -> dict[str, Latency]:
    stages: dict[str, list[float]] = {}
    for record in records:
        for stage, milliseconds in record.timings_ms.items():
            stages.setdefault(stage, []).append(milliseconds)
    return {
        stage: Latency(percentile(taken, 0.5), percentile(taken, 0.99), len(taken))
        for stage, taken in stages.items()
    }


def _spending(records: Sequence[Record]) -> Spending:
    costs = [record.cost for record in records if record.cost is not None]
    return Spending(
        replies=sum(record.model is not None for record in records),
        tokens_in=sum(record.tokens_in or 0 for record in records),
        tokens_out=sum(record.tokens_out or 0 for record in records),
        cost=sum(costs) if costs else None,
    )
