"""Forty pages marked by hand: what reading their HTML found on them.

A file below `marked/` holds one page: how many code blocks, headings, tables, admonitions and tabs
it has, all or some of them in order, phrases that belong to its text, and phrases that stand around
it. They are facts and a few words each; the pages themselves are no part of docbot.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fidelity import has_cells_within
from benchmarks.markup import Markup
from benchmarks.reference import Reference, language, words_of

_FOLDER = Path(__file__).parent / "marked"
_COUNTED = ("code", "heading", "table", "admonition", "tab")
COLUMNS = (
    *("code begins", "languages", "anchors", "tables", "admonitions", "tabs", "phrases"),
    "navigation",
)


@dataclass(slots=True)
class Marks:
    """`some` are the marked things by kind, each as the columns of its line."""

    site: str
    page: str
    counts: dict[str, int] = field(default_factory=dict)
    some: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)


def all_marks() -> list[Marks]:
    return [_read(path) for path in sorted(_FOLDER.glob("*/*.txt"))]


def _read(path: Path) -> Marks:
    marks, kind = Marks(path.parent.name, ""), ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("  "):
            marks.some[kind].append(tuple(cell.strip() for cell in line.split(" | ")))
            continue
        kind, _, rest = line.partition(" ")
        marks.some[kind] = []
        if kind == "page":
            marks.page = rest
        elif rest:
            marks.counts[kind] = int(rest)
    return marks


def differences(marks: Marks, page: Reference) -> Iterator[str]:
    """Say where the marks and what the crude reader found on the same page are not the same."""
    found: dict[str, list[tuple[str, ...]]] = {
        "code": [(code.language, _begin(code.texts[-1])) for code in page.codes],
        "heading": list(page.headings),
        "table": [table[0] for table in page.tables],
        "admonition": [(one.kind, one.title) for one in page.admonitions],
        "tab": [(tab.label,) for tab in page.tabs],
    }
    for kind in _COUNTED:
        if marks.counts[kind] != len(found[kind]):
            yield f"{kind}: {marks.counts[kind]} are marked, {len(found[kind])} were read"
        position = iter(found[kind])
        for one in _comparable(marks, kind):
            if not any(_is_same(kind, one, other) for other in position):
                yield f"{kind}: {one} was not read, or not there"
    text = f" {' '.join(page.words)} "
    yield from (f"phrase: {one}" for one in _phrases(marks, "has") if one not in text)
    yield from (f"navigation: {one}" for one in _phrases(marks, "lacks") if one in text)


def judge(marks: Marks, kept: Markup) -> dict[str, tuple[int, int]]:
    """Return for each column how many of the marked things were kept, and of how many."""
    text = f" {' '.join(kept.words)} "
    fences = [(language(fence.language), _begin(fence.text)) for fence in kept.fences]
    headings = {(heading.words, anchor) for heading in kept.headings for anchor in heading.anchors}
    rows = [row for table in kept.tables for row in table]
    begins = [" ".join(words) + " " for words in kept.quotations]
    codes = _comparable(marks, "code")
    columns = {
        "code begins": [any(begin.startswith(code) for _, begin in fences) for _, code in codes],
        "languages": [
            any(name == said and begin.startswith(code) for name, begin in fences)
            for said, code in codes
            if said
        ],
        "anchors": [one in headings for one in _comparable(marks, "heading")],
        "tables": [
            any(has_cells_within(one, row) for row in rows) for one in _comparable(marks, "table")
        ],
        "admonitions": [
            any(quotation.startswith((f"{title} ", f"{kind} {title} ")) for quotation in begins)
            for kind, title in _comparable(marks, "admonition")
        ],
        "tabs": [f" {tab} " in text for (tab,) in _comparable(marks, "tab")],
        "phrases": [one in text for one in _phrases(marks, "has")],
        "navigation": [one in text for one in _phrases(marks, "lacks")],
    }
    return {name: (sum(column), len(column)) for name, column in columns.items()}


def _comparable(marks: Marks, kind: str) -> list[tuple[str, ...]]:
    """The marked things of a kind, as words where their wording counts."""
    some = marks.some[kind]
    if kind == "code":
        return [("" if said == "-" else said, _squeezed(code)) for said, code in some]
    if kind == "heading":
        return [(" ".join(words_of(text)), anchor) for text, anchor in some]
    return [tuple(" ".join(words_of(cell)) for cell in one) for one in some]


def _is_same(kind: str, marked: Sequence[str], read: Sequence[str]) -> bool:
    if kind == "code":
        return marked[0] == read[0] and read[1].startswith(marked[1])
    return tuple(marked) == tuple(filter(None, read) if kind == "table" else read)


def _begin(code: str) -> str:
    return _squeezed(next((line for line in code.splitlines() if line.strip()), ""))


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _phrases(marks: Marks, kind: str) -> list[str]:
    return [f" {' '.join(words_of(one[0]))} " for one in marks.some[kind]]
