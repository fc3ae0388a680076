"""The report as one page that needs nothing else: no script, no font, no picture from elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

from docbot.evaluation.comparison import Comparison
from docbot.evaluation.metrics import (
    CAUTIONS,
    MEASURE,
    MEASURES,
    TOLERATED,
    Figures,
    Group,
    Shares,
)
from docbot.evaluation.plots import Bar, answer_curve, bars, latencies, reliability
from docbot.evaluation.report import Report, Run
from docbot.evaluation.table import GROUP_LABELS, described, difference, estimate
from docbot.text import printable

_RECALL = ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")
_MOST_LISTED = 100


def page_of(report: Report) -> str:
    """Write the page."""
    parts = [
        _head(report),
        _tiles(report.run.whole),
        _listed(report),
        _gate(report),
        _against(report),
        _plots(report.run),
        _figures(report.run),
        _lanes(report.run.whole),
        _missed(report.run),
    ]
    style = (files("docbot.evaluation") / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>docbot evaluation</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    index, whole = report.index, report.run.whole
    vectors = f"vectors of {index.embedding_model}" if index.embedding_model else "no vectors"
    asked = ", ".join(f"{count} {kind}" for kind, count in whole.asked.items() if count)
    total = sum(whole.asked.values())
    facts = [
        f"docbot {report.docbot}, index {index.generation}: {index.chunks} chunks, {vectors}",
        f"{described(report.run)}; embeddings took part in {whole.dense} of {total}",
        f"asked: {asked or 'nothing'}",
    ]
    lines = "".join(f"<p>{_safe(fact)}</p>\n" for fact in facts)
    return f"<header>\n<h1>docbot evaluation</h1>\n{lines}</header>\n"


def _tiles(whole: Figures) -> str:
    chosen = ("recall_at_5", "mrr", "answered", "helped", "wrongly_answered", "citation_precision")
    tiles = []
    for name in chosen:
        found = whole.measures[name]
        if found is not None:
            tiles.append(
                f"<div><dt>{_safe(MEASURE[name].label)}</dt><dd>{found.value:.2f}"
                f"<small>{found.low:.2f} to {found.high:.2f}, n = {found.count}</small></dd></div>\n"
            )
    return f'<dl class="tiles">\n{"".join(tiles)}</dl>\n' if tiles else ""


def _listed(report: Report) -> str:
    plan = report.plan
    lines = [f"source {name} is not in the database" for name in plan.unknown_sources]
    lines += [
        f"{question}: {address} is in no page of {source}"
        for question, source, address in plan.unknown_gold
    ]
    for run in filter(None, (report.run, report.against)):
        lines += [
            f"{one.id} ({one.source}, {one.kind}): {one.reason}" for one in run.measured.failures
        ]
        lines += run.measured.warnings
    if not lines:
        return ""
    more = [f"and {len(lines) - _MOST_LISTED} more"] if len(lines) > _MOST_LISTED else []
    items = "".join(f"<li>{_safe(line)}</li>\n" for line in [*lines[:_MOST_LISTED], *more])
    return f'<section class="warning">\n<h2>What could not be measured</h2>\n<ul>\n{items}</ul>\n</section>\n'


def _gate(report: Report) -> str:
    gate = report.gate
    if gate is None:
        return ""
    worse = ", ".join(each.measure.label for each in gate.worse)
    end = f"Worse beyond noise: {worse}." if worse else "Nothing is worse beyond noise."
    rows = [
        [each.measure.label, *_compared(each, "worse" if each.is_worse else "")]
        for each in gate.comparisons
    ]
    notes = "".join(f"<p>{_safe(note)}</p>\n" for note in gate.notes)
    table = _table(["", "now - then, paired", "n", ""], rows)
    title = f"Against {gate.baseline.path.name}"
    return _section(title, f"<p>{_safe(end)}</p>\n{table}{notes}")


def _against(report: Report) -> str:
    if report.against is None:
        return ""
    first, second = report.run.whole, report.against.whole
    rows = []
    for each in report.comparisons:
        if each.difference is not None:
            name = each.measure.name
            values = [estimate(part.measures[name], each.measure) for part in (first, second)]
            rows.append([each.measure.label, *values, *_compared(each, "")])
    head = ["", "first", "second", "second - first, paired", "n", ""]
    about = f"<p>Second: {_safe(described(report.against))}</p>\n"
    return _section("Against a second configuration", about + _table(head, rows))


def _compared(each: Comparison, word: str) -> list[str]:
    found = each.difference
    count, verdict = (str(found.count), found.verdict) if found is not None else ("0", "")
    return [difference(found, each.measure), count, word or verdict]


def _plots(run: Run) -> str:
    whole = run.whole
    plots = [
        _figure("Pages found", "Share of questions; the line is the 95 % interval.", _recall(run)),
        _figure(
            "What would be answered",
            _key(("one", "of the answerable"), ("two", "of what should not be"))
            + _tolerated(whole),
            answer_curve(whole.curve, whole.tolerated, "share answered by threshold")
            if whole.calibration
            else "",
        ),
        _figure(
            "Does the probability hold?",
            "On the dashed line it does. Greater dots stand for more questions.",
            reliability(whole.calibration, "reliability of the probability")
            if whole.calibration
            else "",
        ),
        _figure(
            "How long it takes",
            _key(("one", "p50"), ("two", "p99")),
            latencies(whole.latency, "milliseconds of each stage") if whole.latency else "",
        ),
    ]
    return f'<div class="plots">\n{"".join(plots)}</div>\n'


def _recall(run: Run) -> str:
    parts = {"all": run.whole, **run.sources} if len(run.sources) > 1 else {"all": run.whole}
    rows: list[Bar] = []
    for name, part in parts.items():
        begins: str | None = f"{name} ({part.asked['answerable']})"
        for measure in _RECALL:
            found = part.measures[measure]
            if found is not None:
                rows.append(Bar(MEASURE[measure].label, found, begins))
                begins = None
    return bars(rows, "recall and mean reciprocal rank") if rows else ""


def _tolerated(whole: Figures) -> str:
    best = whole.tolerated
    if best is None:
        return ""
    return (
        f"<br>From {best.threshold:.2f} on (dashed) at most {TOLERATED:.0%} are answered wrongly,"
        f" and {best.answered or 0:.0%} of the answerable."
    )


def _key(*entries: tuple[str, str]) -> str:
    return " ".join(f'<span class="key {style}">{_safe(what)}</span>' for style, what in entries)


def _figure(title: str, about: str, plot: str) -> str:
    if not plot:
        return ""
    return (
        f"<figure>\n<h2>{_safe(title)}</h2>\n<figcaption>{about}</figcaption>\n{plot}\n</figure>\n"
    )


def _figures(run: Run) -> str:
    parts = {"all": run.whole, **run.sources} if len(run.sources) > 1 else {"all": run.whole}
    rows = [
        [
            measure.label,
            *(estimate(part.measures[measure.name], measure) for part in parts.values()),
        ]
        for measure in MEASURES
        if run.whole.measures[measure.name] is not None
    ]
    spent = run.whole.spending
    said = ""
    if spent.replies:
        cost = "" if spent.cost is None else f", cost {spent.cost:,.4f}"
        said = (
            f"<p>{spent.replies} replies of the model: {spent.tokens_in:,} tokens in,"
            f" {spent.tokens_out:,} out{cost}.</p>\n"
        )
    return _section("Every figure", _table(["", *parts], rows) + said)


def _lanes(whole: Figures) -> str:
    divided: list[tuple[str, Mapping[Group, Shares | None]]] = [("as it came out", whole.outcome)]
    divided += [(f"{caution}, by probability", whole.settings[caution]) for caution in CAUTIONS]
    rows = [
        [
            name,
            GROUP_LABELS[group],
            str(shares.answer.count),
            *map(estimate, (shares.answer, shares.suggest, shares.abstain)),
        ]
        for name, groups in divided
        for group, shares in groups.items()
        if shares is not None
    ]
    return _section("Lanes", _table(["", "questions", "n", "answer", "suggest", "abstain"], rows))


def _missed(run: Run) -> str:
    """List the questions to look into: pages not among the first five, and wrong answers."""
    rows = []
    for record in run.measured.records:
        is_missed = record.kind == "answerable" and (record.rank is None or record.rank > 5)
        is_wrong = record.is_quiet and record.lane == "answer"
        if is_missed or is_wrong:
            rank = str(record.rank or "none") if is_missed else ""
            what = "page not in the first five" if is_missed else "answered, and should not be"
            row = [record.id, record.source, what, rank, f"{record.probability:.2f}", record.lane]
            rows.append([*row, next(iter(record.pages), "")])
    if not rows:
        return ""
    head = ["question", "asked of", "what", "rank", "probability", "lane", "first page"]
    table = _table(head, rows)
    return (
        f"<details>\n<summary>Questions to look into ({len(rows)})</summary>\n{table}</details>\n"
    )


def _section(title: str, inner: str) -> str:
    return f"<section>\n<h2>{_safe(title)}</h2>\n{inner}</section>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{_safe(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return (
        f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n'
        "</table></div>\n"
    )


def _cell(text: str) -> str:
    style = ' class="worse"' if text == "worse" else ""
    return f"<td{style}>{_safe(text)}</td>"


def _safe(text: str) -> str:
    return escape(printable(text))
