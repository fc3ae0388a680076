"""Makes the weights of `docbot/answers/lanes.json`, and checks them on documentation not used.

    make eval ARGS="--out FOLDER"
    .venv/bin/python -m benchmarks.lanes FOLDER [--write]

A logistic regression over the signals of a search, between the questions that a source answers
and those that it should not be asked: the unanswerable ones and those of other sources. The table
is made by leaving one documentation out at a time: neither its questions nor its pages were seen
by the weights that judge it.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from docbot.answers import lanes
from docbot.answers.lanes import logistic
from docbot.evaluation.records import Record, record_from
from docbot.evaluation.statistics import Estimate, estimated

WEIGHTS_FILE = Path(lanes.__file__).with_name("lanes.json")
# Which signals are looked at; the others were tried and gained nothing, see docs/retrieval.md.
SIGNALS: Final = {
    "words alone": ("familiarity", "coverage", "strength", "length"),
    "with embeddings": ("familiarity", "coverage", "strength", "closeness"),
}
_FILES: Final = {"words alone": "by-words-alone.json", "with embeddings": "with-vectors.json"}

# What is on the subject and not in the documentation is asked more often than these questions
# have it, and is harder to tell.
_UNANSWERABLE_COUNTS = 2.0
_PENALTY = 30.0  # on the square of each weight, in standard deviations of its signal
_STEPS = 30  # of Newton's method; some six are needed


@dataclass(frozen=True, slots=True)
class Case:
    """One asking: what the search told, and whether it should be answered."""

    asked: str
    own: str
    kind: str
    signals: Mapping[str, float]

    @property
    def is_answerable(self) -> bool:
        return self.kind == "answerable"


def cases(records: Iterable[Record], own: Mapping[str, str]) -> list[Case]:
    """Take what should or should not be answered; the source a question was written for is `own`."""
    return [
        Case(each.source, own[each.id], each.kind, {k: v or 0.0 for k, v in each.signals.items()})
        for each in records
        if each.kind != "removed"
    ]


def fit(names: Sequence[str], seen: Sequence[Case]) -> dict[str, float]:
    """Return the intercept and the weight of each signal; both sides count as much as each other."""
    counts = _counts(seen)
    rows = [[case.signals[name] for name in names] for case in seen]
    means, deviations = _scales(rows, counts)
    scaled = [
        [
            1.0,
            *(
                (value - mean) / deviation
                for value, mean, deviation in zip(row, means, deviations, strict=True)
            ),
        ]
        for row in rows
    ]
    answers = [float(case.is_answerable) for case in seen]
    weights = [0.0] * (len(names) + 1)
    for _ in range(_STEPS):
        step = _newton_step(scaled, answers, counts, weights)
        weights = [weight - each for weight, each in zip(weights, step, strict=True)]
    slopes = [weight / deviation for weight, deviation in zip(weights[1:], deviations, strict=True)]
    intercept = weights[0] - math.fsum(s * m for s, m in zip(slopes, means, strict=True))
    return {
        "intercept": round(intercept, 4),
        **{n: round(s, 4) for n, s in zip(names, slopes, strict=True)},
    }


def _counts(seen: Sequence[Case]) -> list[float]:
    quiet = [_UNANSWERABLE_COUNTS if case.kind == "unanswerable" else 1.0 for case in seen]
    answerable = sum(case.is_answerable for case in seen)
    others = math.fsum(
        count for count, case in zip(quiet, seen, strict=True) if not case.is_answerable
    )
    return [
        others / answerable if case.is_answerable else count
        for count, case in zip(quiet, seen, strict=True)
    ]


def _scales(
    rows: Sequence[Sequence[float]], counts: Sequence[float]
) -> tuple[list[float], list[float]]:
    total = math.fsum(counts)
    means = [
        math.fsum(c * v for c, v in zip(counts, column, strict=True)) / total
        for column in zip(*rows, strict=True)
    ]
    variances = [
        math.fsum(c * (v - mean) ** 2 for c, v in zip(counts, column, strict=True)) / total
        for column, mean in zip(zip(*rows, strict=True), means, strict=True)
    ]
    return means, [math.sqrt(variance) or 1.0 for variance in variances]


def _newton_step(
    rows: Sequence[Sequence[float]],
    answers: Sequence[float],
    counts: Sequence[float],
    weights: Sequence[float],
) -> list[float]:
    size = len(weights)
    gradient = [0.0] + [_PENALTY * weight for weight in weights[1:]]
    curvature = [
        [_PENALTY if at == other and at else 0.0 for other in range(size)] for at in range(size)
    ]
    for row, answer, count in zip(rows, answers, counts, strict=True):
        guess = 1 / (1 + math.exp(-math.fsum(w * v for w, v in zip(weights, row, strict=True))))
        for at in range(size):
            gradient[at] += count * (guess - answer) * row[at]
            for other in range(size):
                curvature[at][other] += count * guess * (1 - guess) * row[at] * row[other]
    return _solved(curvature, gradient)


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve a small symmetric positive system by elimination."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at in range(size):
        for below in range(at + 1, size):
            factor = rows[below][at] / rows[at][at]
            rows[below] = [a - factor * b for a, b in zip(rows[below], rows[at], strict=True)]
    found = [0.0] * size
    for at in reversed(range(size)):
        known = math.fsum(rows[at][other] * found[other] for other in range(at + 1, size))
        found[at] = (rows[at][size] - known) / rows[at][at]
    return found


def left_out(names: Sequence[str], all_cases: Sequence[Case]) -> list[float]:
    """Return each case's probability by weights that saw nothing of its documentation."""
    found: dict[str, dict[str, float]] = {}
    for site in {case.asked for case in all_cases}:
        found[site] = fit(names, [case for case in all_cases if site not in (case.asked, case.own)])
    return [logistic(found[case.asked], case.signals) for case in all_cases]


def table(seen: Sequence[Case], probabilities: Sequence[float]) -> Iterable[str]:
    kinds: dict[str, Callable[[Case], bool]] = {
        "answerable": lambda case: case.is_answerable,
        "not to be": lambda case: not case.is_answerable,
        "unanswerable": lambda case: case.kind == "unanswerable",
        "of another": lambda case: case.kind == "cross",
    }
    yield "from   " + "".join(f"{kind:>28}" for kind in kinds)
    for percent in range(30, 100, 5):
        cells = []
        for belongs in kinds.values():
            reached = [
                float(probability >= percent / 100)
                for case, probability in zip(seen, probabilities, strict=True)
                if belongs(case)
            ]
            cells.append(_told(estimated(reached)))
        yield f"{percent / 100:.2f}   " + "".join(f"{cell:>28}" for cell in cells)


def _told(share: Estimate | None) -> str:
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]" if share else "-"


def read_cases(file: Path) -> list[Case]:
    records = [
        record_from(each) for each in json.loads(file.read_text(encoding="utf-8"))["records"]
    ]
    own = {each.id: each.source for each in records if each.kind in ("answerable", "unanswerable")}
    return cases(records, own)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of the JSON documents of `make eval`")
    parser.add_argument("--write", action="store_true", help=f"the weights to {WEIGHTS_FILE.name}")
    given = parser.parse_args()
    model: dict[str, Any] = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    for by, names in SIGNALS.items():
        seen = read_cases(given.folder / _FILES[by])
        model[by] = fit(names, seen)
        print(f"\n{by}: {model[by]}")
        print("\n".join(table(seen, left_out(names, seen))))
    if given.write:
        WEIGHTS_FILE.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
