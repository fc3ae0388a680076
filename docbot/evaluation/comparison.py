"""Two runs over the same questions: what differs, whether it is real, and what got worse.

Also reads the earlier run that a gate compares with: a document that `docbot eval --json` printed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from docbot.errors import UsageError
from docbot.evaluation.configuration import shown
from docbot.evaluation.metrics import MEASURE, MEASURES, Measure, compared
from docbot.evaluation.records import Key, Record, record_from
from docbot.evaluation.statistics import Difference

SCHEMA: Final = 1  # of the document; another one for a record that means something else
GATED: Final = ("recall_at_5", "mrr", "answered", "wrongly_answered")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is that of the second run less the first; None where both have no figure."""

    measure: Measure
    difference: Difference | None

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval lies on the bad side."""
        if self.difference is None:
            return False
        if self.measure.better == "up":
            return self.difference.high < 0
        return self.difference.low > 0


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier run."""

    path: Path
    docbot: str
    configuration: Mapping[str, Any]
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Gate:
    """What a run is against an earlier one; `notes` say why the two may differ by themselves."""

    baseline: Baseline
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def worse(self) -> tuple[Comparison, ...]:
        return tuple(each for each in self.comparisons if each.is_worse)


def comparisons(
    first: Sequence[Record], second: Sequence[Record], measures: Sequence[Measure] = MEASURES
) -> tuple[Comparison, ...]:
    return tuple(Comparison(measure, compared(measure, first, second)) for measure in measures)


def gate(
    baseline: Baseline,
    records: Sequence[Record],
    *,
    docbot: str,
    configuration: Mapping[str, Any],
) -> Gate:
    """Hold a run against an earlier one.

    Raises:
        UsageError: they have no question in common.
    """
    refuse_other_questions(baseline, [record.key for record in records])
    notes = []
    if baseline.docbot != docbot:
        notes.append(
            f"{baseline.path} is of docbot {baseline.docbot}, this run of {docbot}: a difference"
            " may be docbot's own"
        )
    if dict(baseline.configuration) != dict(configuration):
        notes.append(
            f"{baseline.path} was made with {shown(baseline.configuration)}; this run with"
            f" {shown(configuration)}"
        )
    measures = [MEASURE[name] for name in GATED]
    return Gate(baseline, comparisons(baseline.records, records, measures), tuple(notes))


def refuse_other_questions(baseline: Baseline, keys: Iterable[Key]) -> None:
    """Refuse a baseline that no question of a run can be held against.

    Raises:
        UsageError: they have no question in common.
    """
    if {record.key for record in baseline.records}.isdisjoint(keys):
        raise UsageError(
            f"{baseline.path}: has no question in common with this run; {_make_anew(baseline.path)}"
        )


def read_baseline(path: Path) -> Baseline:
    """Read what `docbot eval --json` printed.

    Raises:
        UsageError: it cannot be read, is something else, or is of another schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); {_make_anew(path)}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no JSON ({error}); {_make_anew(path)}") from error
    if not isinstance(document, Mapping) or "schema" not in document:
        raise UsageError(f"{path}: is no document of `docbot eval`; {_make_anew(path)}")
    if document["schema"] != SCHEMA:
        raise UsageError(
            f"{path}: has schema {document['schema']} of docbot {document.get('docbot')}, this"
            f" docbot reads schema {SCHEMA}; {_make_anew(path)}"
        )
    return _baseline(path, document)


def _baseline(path: Path, document: Mapping[str, Any]) -> Baseline:
    records, configuration = document.get("records"), document.get("configuration")
    if not isinstance(records, list) or not isinstance(configuration, Mapping):
        raise UsageError(f"{path}: holds no records; {_make_anew(path)}")
    read = []
    for number, values in enumerate(records, start=1):
        try:
            read.append(record_from(values))
        except ValueError as error:
            raise UsageError(f"{path}: record {number} {error}; {_make_anew(path)}") from error
    return Baseline(path, str(document.get("docbot")), configuration, tuple(read))


def _make_anew(path: Path) -> str:
    return f"`docbot eval QUESTIONS.jsonl --json > {path.name}` makes a new one"
