"""The report as text for a terminal."""

import re
from collections.abc import Iterable, Mapping, Sequence

from docbot.evaluation.comparison import Comparison, Gate
from docbot.evaluation.configuration import shown
from docbot.evaluation.measure import Plan, Site
from docbot.evaluation.metrics import (
    CAUTIONS,
    MEASURES,
    TOLERATED,
    Calibration,
    Figures,
    Group,
    Measure,
    Point,
    Shares,
)
from docbot.evaluation.questions import folded
from docbot.evaluation.report import Report, Run
from docbot.evaluation.statistics import Difference, Estimate
from docbot.text import printable, shortened

GROUP_LABELS: dict[Group, str] = {
    "answerable": "answerable",
    "quiet": "not to be answered, in all",
    "unanswerable": "unanswerable",
    "cross": "of another source",
    "removed": "gold pages taken out",
}
_NOTHING = "-"
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_MOST_LISTED = 20
_BEGINNING = re.compile(r"[a-z][a-z0-9+.-]*://[^/]*|[./]+")  # scheme and host, or dots and slashes

Rows = Iterable[Sequence[str]]


def lines_of(report: Report) -> list[str]:
    """Write the whole report."""
    run = report.run
    lines = [*_head(report), *_measures(run)]
    lines += ["", *_lanes(run.whole), "", *_curve(run.whole), "", *_calibration(run.whole)]
    lines += ["", *_latency(run.whole), *_spending(run.whole)]
    if report.against is not None:
        lines += ["", *_against(report, report.against)]
    if report.gate is not None:
        lines += ["", *_gate(report.gate)]
    return [printable(line).rstrip() for line in lines]


def lines_of_gaps(plan: Plan, sites: Mapping[str, Site]) -> list[str]:
    """List what of the questions the database does not have, and how its addresses look."""
    lines = [
        f"source {name}: is not in the database, its questions were not asked;"
        f" docbot sources add {name} URL_OR_FOLDER"
        for name in plan.unknown_sources
    ]
    lines += [
        f"{question}: {address} is in no page of {source}"
        for question, source, address in plan.unknown_gold
    ]
    lines += [
        f"{name}: `docbot search` shows how addresses of its pages are written, such as"
        f" {next(iter(sites[name].urls.values()))}"
        for name in _written_otherwise(plan, sites)
    ]
    return [shortened(printable(line), 500) for line in lines]


def _written_otherwise(plan: Plan, sites: Mapping[str, Site]) -> list[str]:
    """Name the sources for which an address is given that begins as none of their pages does."""
    names = dict.fromkeys(name for _, name, _ in plan.unknown_gold if sites[name].urls)
    begins = {name: {_beginning(page) for page in sites[name].pages} for name in names}
    unlike = {
        name
        for _, name, address in plan.unknown_gold
        if name in begins and _beginning(folded(address)) not in begins[name]
    }
    return [name for name in names if name in unlike]


def _beginning(address: str) -> str:
    found = _BEGINNING.match(address)
    return found.group() if found else ""


def lines_of_failures(report: Report) -> list[str]:
    """List what failed, and what searches warned of."""
    lines: list[str] = []
    for run in filter(None, (report.run, report.against)):
        failed = [
            f"{each.id} ({each.source}, {each.kind}): {each.reason}"
            for each in run.measured.failures
        ]
        lines += failed[:_MOST_LISTED]
        if len(failed) > _MOST_LISTED:
            lines.append(f"and {len(failed) - _MOST_LISTED} more could not be asked")
        lines += run.measured.warnings
    return [shortened(printable(line), 500) for line in lines]


def described(run: Run) -> str:
    return shown(run.configuration.described())


def estimate(found: Estimate | None, measure: Measure | None = None) -> str:
    """Write a figure with its interval."""
    if found is None:
        return _NOTHING
    form = ".2f" if measure is None or measure.is_share else ",.4g"
    return f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]"


def difference(found: Difference | None, measure: Measure) -> str:
    if found is None:
        return "not in both"
    form = "+.3f" if measure.is_share else "+,.4g"
    interval = f"[{found.low:{form}}, {found.high:{form}}]"
    return f"{found.value:{form}} {interval}"


def _head(report: Report) -> list[str]:
    index, whole = report.index, report.run.whole
    asked = ", ".join(f"{count} {kind}" for kind, count in whole.asked.items() if count)
    vectors = f"vectors of {index.embedding_model}" if index.embedding_model else "no vectors"
    total = sum(whole.asked.values())
    return [
        f"docbot {report.docbot}, index {index.generation}: {index.chunks} chunks, {vectors}",
        f"{described(report.run)}; embeddings took part in {whole.dense} of {total}",
        f"asked: {asked or 'nothing'}",
        "",
    ]


def _measures(run: Run) -> list[str]:
    parts = {"all": run.whole, **run.sources} if len(run.sources) > 1 else {"all": run.whole}
    counts = [f"{name} ({part.asked['answerable']})" for name, part in parts.items()]
    rows = [
        [
            measure.label,
            *(estimate(part.measures[measure.name], measure) for part in parts.values()),
        ]
        for measure in MEASURES
        if run.whole.measures[measure.name] is not None
    ]
    return _grid(["(answerable questions)", *counts], rows)


def _lanes(figures: Figures) -> list[str]:
    parts = [("as it came out", figures.outcome)]
    parts += [(f"{caution}, by probability", figures.settings[caution]) for caution in CAUTIONS]
    rows = [
        [name, GROUP_LABELS[group], *_shares(shares)]
        for name, groups in parts
        for group, shares in groups.items()
        if shares is not None
    ]
    return _grid(["lanes", "questions", "n", "answer", "suggest", "abstain"], rows)


def _shares(shares: Shares) -> list[str]:
    lanes = shares.answer, shares.suggest, shares.abstain
    return [str(shares.answer.count), *map(estimate, lanes)]


def _curve(figures: Figures) -> list[str]:
    shown = [point for point in figures.curve if point.threshold in _THRESHOLDS]
    rows = [[f"{point.threshold:.2f}", *_point(point)] for point in shown]
    lines = _grid(["answer from", "of the answerable", "of what should not be"], rows)
    best = figures.tolerated
    if best is not None:
        answered, wrongly = _point(best)
        lines.append(
            f"at most {TOLERATED:.0%} wrongly: from {best.threshold:.3f} on, {answered} of the"
            f" answerable and {wrongly} of the others"
        )
    return lines


def _point(point: Point) -> list[str]:
    return [_NOTHING if each is None else f"{each:.2f}" for each in (point.answered, point.wrongly)]


def _calibration(figures: Figures) -> list[str]:
    judged: list[tuple[str, Calibration | None]] = [
        ("should be answered", figures.calibration),
        ("a gold page is among the passages", figures.passages_calibration),
    ]
    rows = [
        [what, f"{found.error:.3f}", f"{found.brier:.3f}"]
        for what, found in judged
        if found is not None
    ]
    return _grid(["probability that it", "calibration error", "Brier score"], rows)


def _latency(figures: Figures) -> list[str]:
    rows = [
        [stage, f"{taken.p50:,.1f}", f"{taken.p99:,.1f}", str(taken.count)]
        for stage, taken in figures.latency.items()
    ]
    return _grid(["milliseconds", "p50", "p99", "n"], rows)


def _spending(figures: Figures) -> list[str]:
    spent = figures.spending
    if not spent.replies:
        return []
    cost = "" if spent.cost is None else f", cost {spent.cost:,.4f}"
    tokens = f"{spent.tokens_in:,} tokens in, {spent.tokens_out:,} out"
    return ["", f"{spent.replies} replies of the model: {tokens}{cost}"]


def _against(report: Report, against: Run) -> list[str]:
    first, second = report.run.whole, against.whole
    rows = []
    for each in report.comparisons:
        if each.difference is not None:
            name = each.measure.name
            values = (estimate(part.measures[name], each.measure) for part in (first, second))
            rows.append([each.measure.label, *values, *_compared(each)])
    head = ["against", "first", "second", "second - first, paired", "n", ""]
    return [f"against {described(against)}", "", *_grid(head, rows)]


def _compared(each: Comparison) -> list[str]:
    found = each.difference
    if found is None:
        return [difference(None, each.measure), "0", ""]
    return [difference(found, each.measure), str(found.count), found.verdict]


def _gate(gate: Gate) -> list[str]:
    rows = []
    for each in gate.comparisons:
        *cells, verdict = _compared(each)
        rows.append([each.measure.label, *cells, "WORSE" if each.is_worse else verdict])
    head = [f"gate: {gate.baseline.path.name}", "now - then, paired", "n", ""]
    worse = ", ".join(each.measure.label for each in gate.worse)
    end = f"worse beyond noise: {worse}" if worse else "nothing is worse beyond noise"
    return [*_grid(head, rows), end, *(f"note: {note}" for note in gate.notes)]


def _grid(head: Sequence[str], rows: Rows) -> list[str]:
    """Align columns, the first to the left and the others too, under a rule."""
    all_rows = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*all_rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in all_rows
    ]
    return [lines[0], "-" * sum(widths, 2 * (len(widths) - 1)), *lines[1:]]
