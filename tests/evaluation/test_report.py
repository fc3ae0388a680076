"""The report in its three forms: text, JSON and a page."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from lxml import etree

from docbot.evaluation.comparison import Baseline, gate, read_baseline
from docbot.evaluation.configuration import Configuration
from docbot.evaluation.measure import Failure, Measured, Plan, Site
from docbot.evaluation.page import page_of
from docbot.evaluation.questions import folded
from docbot.evaluation.records import Record
from docbot.evaluation.report import IndexState, Report, Run, document
from docbot.evaluation.table import lines_of, lines_of_failures, lines_of_gaps
from tests.evaluation.make import any_records, record

EVIL = '<script>alert("x")</script>\x1b[2J'


def report_of(records: list[Record], *, against: list[Record] | None = None) -> Report:
    usual = Configuration()
    failures = (Failure("q9", "docs", "answerable", f"model down {EVIL}"),)
    return Report(
        docbot="1.0",
        index=IndexState("g1", 93, 5, None),
        plan=Plan((), ("wiki",), (("q3", "docs", f"https://docs.test/{EVIL}"),)),
        run=Run(usual, Measured(tuple(records), failures, (EVIL,))),
        against=None if against is None else Run(usual, Measured(tuple(against), (), ())),
    )


FULL = [
    record(1, citations=1, gold_citations=1, timings_ms={"search": 1.0, "total": 4.0}),
    record(
        2,
        rank=7,
        probability=0.4,
        lane="suggest",
        model="m",
        tokens_in=1_000,
        tokens_out=9,
        cost=0.5,
    ),
    record(3, kind="cross", rank=None, given=False, probability=0.8, source=f"b{EVIL}"),
    record(4, kind="removed", rank=None, given=False, probability=0.1, lane="abstain"),
]


def held(report: Report) -> Report:
    baseline = Baseline(Path(f"b{EVIL}.json"), "0.9", {}, (record(1), record(2, rank=1)))
    records = report.run.measured.records
    return replace(
        report, gate=gate(baseline, records, docbot="1.0", configuration={"dense": True})
    )


def test_the_text_tells_every_figure_with_its_interval() -> None:
    text = "\n".join(lines_of(held(report_of(FULL, against=FULL))))
    assert re.search(r"recall@5 +0\.50 \[0\.00, 1\.00\]", text)
    assert "asked: 2 answerable, 1 cross, 1 removed" in text
    assert "1 replies of the model: 1,000 tokens in, 9 out, cost 0.5000" in text
    assert "not told apart" in text
    assert "is of docbot 0.9, this run of 1.0" in text
    assert "\x1b" not in text


def test_what_is_worse_is_said_in_all_three_forms() -> None:
    before = tuple(record(n) for n in range(20))
    now = [record(n, rank=None, lane="abstain") for n in range(20)]
    baseline = Baseline(Path("b.json"), "1.0", {}, before)
    fallen = report_of(now)
    fallen = replace(fallen, gate=gate(baseline, now, docbot="1.0", configuration={}))
    assert "worse beyond noise: recall@5, MRR, answered, of the answerable" in lines_of(fallen)
    assert document(fallen)["gate"]["worse"] == ["recall_at_5", "mrr", "answered"]
    assert 'class="worse"' in page_of(fallen)
    assert "worse: MRR" in fallen.faults


def test_what_could_not_be_asked_is_listed() -> None:
    report = report_of(FULL)
    site = Site(1, "docs", {"https://docs.test/usage": 1}, {1: "https://docs.test/usage"})
    lines = [*lines_of_gaps(report.plan, {"docs": site}), *lines_of_failures(report)]
    assert any("source wiki: is not in the database" in line for line in lines)
    assert any(line.startswith("q3: https://docs.test/") for line in lines)
    assert any(line.startswith("q9 (docs, answerable): model down") for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_the_document_is_plain_json_that_a_gate_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(document(held(report_of(FULL, against=FULL))), allow_nan=False))
    assert list(read_baseline(path).records) == FULL


@pytest.mark.parametrize(
    ("page", "address", "is_shown"),
    [
        ("https://docs.test/usage", "usage.md", True),
        ("https://docs.test/usage", "./usage.md", True),
        ("https://docs.test/usage", "/usage", True),
        ("https://docs.test/usage", "https://other.test/usage", True),
        ("https://docs.test/usage", "http://[x#y", True),
        ("https://docs.test/usage", "HTTPS://Docs.test/gone", False),
        ("guide/usage.md", "./guide/usage.md", True),
        ("guide/usage.md", "https://docs.test/guide/usage", True),
        ("guide/usage.md", "guide/gone.md", False),
    ],
)
def test_an_address_that_begins_as_no_page_does_is_told_how_addresses_look(
    page: str, address: str, is_shown: bool
) -> None:
    plan = Plan((), (), (("q1", "docs", address), ("q2", "docs", address)))
    site = Site(1, "docs", {folded(page): 1}, {1: page})
    hint = f"docs: `docbot search` shows how addresses of its pages are written, such as {page}"
    assert lines_of_gaps(plan, {"docs": site})[2:] == ([hint] if is_shown else [])
    assert len(lines_of_gaps(plan, {"docs": Site(1, "docs", {}, {})})) == 2


class _Tags(HTMLParser):
    """Collects which tags a page has, and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_loads_nothing_runs_nothing_and_shows_all_as_text() -> None:
    page = page_of(held(report_of(FULL, against=FULL)))
    tags = _Tags()
    tags.feed(page)
    assert "script" not in tags.names
    assert tags.loaded == []
    assert "url(" not in page
    assert "@import" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_each_plot_is_well_formed_and_says_what_it_shows() -> None:
    plots = re.findall(r"<svg.*?</svg>", page_of(report_of(FULL)), re.DOTALL)
    assert len(plots) == 4
    for plot in plots:
        root = etree.fromstring(plot)
        assert root.get("role") == "img"
        assert root.get("aria-label")


@settings(max_examples=25)
@given(any_records())
def test_every_form_can_be_made_of_any_records(records: list[Record]) -> None:
    report = report_of(records, against=records)
    assert lines_of(report)
    assert json.dumps(document(report), allow_nan=False)
    for plot in re.findall(r"<svg.*?</svg>", page_of(report), re.DOTALL):
        assert "nan" not in plot
        etree.fromstring(plot)
