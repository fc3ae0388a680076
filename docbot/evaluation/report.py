"""All that an evaluation found, in one value; and as the JSON document that others read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from docbot.evaluation.comparison import SCHEMA, Comparison, Gate, comparisons
from docbot.evaluation.configuration import Configuration
from docbot.evaluation.measure import Failure, Measured, Plan
from docbot.evaluation.metrics import Figures, by_source, figures
from docbot.evaluation.records import as_fields
from docbot.evaluation.statistics import Difference


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index that was searched; `embedding_model` None: it holds no vectors."""

    generation: str
    chunks: int
    lexical_version: int
    embedding_model: str | None


@dataclass(frozen=True)
class Run:
    """One configuration, asked everything."""

    configuration: Configuration
    measured: Measured

    @cached_property
    def whole(self) -> Figures:
        return figures(self.measured.records)

    @cached_property
    def sources(self) -> dict[str, Figures]:
        """The figures of each source that was asked, by name."""
        parted = by_source(self.measured.records)
        return {name: figures(records) for name, records in parted.items()}


@dataclass(frozen=True)
class Report:
    docbot: str
    index: IndexState
    plan: Plan
    run: Run
    against: Run | None = None
    gate: Gate | None = None

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The second configuration less the first."""
        if self.against is None:
            return ()
        return comparisons(self.run.measured.records, self.against.measured.records)

    @property
    def faults(self) -> list[str]:
        """What makes this evaluation one that failed, each in a few words."""
        plan, measured = self.plan, self.run.measured
        faults = []
        if plan.unknown_sources:
            faults.append(f"sources that the database does not have: {len(plan.unknown_sources)}")
        if plan.unknown_gold:
            faults.append(f"gold addresses in no page: {len(plan.unknown_gold)}")
        if measured.failures and not measured.records:
            faults.append("no question could be asked")
        return faults + [f"worse: {each.measure.label}" for each in self.worse]

    @property
    def worse(self) -> tuple[Comparison, ...]:
        return self.gate.worse if self.gate is not None else ()


def document(report: Report) -> dict[str, Any]:
    """Give the report as one JSON document."""
    plan = report.plan
    return {
        "schema": SCHEMA,
        "docbot": report.docbot,
        "index": asdict(report.index),
        "unknown_sources": list(plan.unknown_sources),
        "unknown_gold": [
            {"id": question, "source": source, "address": address}
            for question, source, address in plan.unknown_gold
        ],
        **_run(report.run),
        "against": None
        if report.against is None
        else {
            **_run(report.against),
            "differences": _differences(report.comparisons),
        },
        "gate": None if report.gate is None else _gate(report.gate),
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "configuration": run.configuration.described(),
        "figures": {
            "all": asdict(run.whole),
            "sources": {name: asdict(of_source) for name, of_source in run.sources.items()},
        },
        "failed": _failures(run.measured.failures),
        "warnings": list(run.measured.warnings),
        "records": [as_fields(record) for record in run.measured.records],
    }


def _failures(failures: Sequence[Failure]) -> list[Mapping[str, Any]]:
    return [asdict(failure) for failure in failures]


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "baseline": str(gate.baseline.path),
        "docbot": gate.baseline.docbot,
        "differences": _differences(gate.comparisons),
        "worse": [each.measure.name for each in gate.worse],
        "notes": list(gate.notes),
    }


def _differences(compared: Sequence[Comparison]) -> dict[str, Any]:
    return {each.measure.name: _difference(each.difference) for each in compared}


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {**asdict(difference), "verdict": difference.verdict}
