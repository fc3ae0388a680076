"""Cutting a Markdown text into sentences, list items, table rows, headings and code blocks.

Nothing is lost: joined again, the pieces are the text. Code, links and addresses are never cut,
and a citation behind a full stop belongs to the sentence before it.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from docbot.answers.citations import CITATION
from docbot.answers.markdown import Prose, Span, blocks, source, spans

# Possessive: two runs of blanks side by side take the square of their length to fail.
_QUOTED = r"[ \t]*+(?:>[ \t]?)*+[ \t]*+"
_ITEM = re.compile(rf"{_QUOTED}(?:[-*+•]|\d{{1,9}}[.)])(?:[ \t]+|$)")
_NUMBERED = re.compile(rf"^({_QUOTED})(\d{{1,9}})([.)][ \t]+)$")
_HEADING = re.compile(rf"{_QUOTED}#{{1,6}}[ \t]+")
_ROW = re.compile(rf"{_QUOTED}\|")
_PREFIX = re.compile(_QUOTED)
# A full stop, whatever closes behind it, and its citations; then a blank or the end.
_END = re.compile(
    r"[.!?…]+[\"')\]*_”’»]*(?=\s|\Z|[\[【]\^?\d)|[。！？｡]+[\"')\]*_”’」』）]*"  # noqa: RUF001  # as written
)
_AROUND_A_STOP = ".!?…。！？｡\"')*_”’»」』）"  # noqa: RUF001  # as written
_GAP = re.compile(r"\s+(?:>[ \t]?)*")
# No sentence begins so: the full stop was an abbreviation's, the mark a name's ("Yahoo! as ...").
_GOES_ON = re.compile(r"[a-zà-öø-ÿ,;:)]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|eg|ie|cf|vs|approx|ca|resp|incl|fig|no|nr|vol|ver|z\.B|d\.h|bzw|usw|p\.ex|"
    r"eq|prof|Mr|Mrs|Ms|Dr|St)|(?:^|[\s(])(?:[A-Za-z]\.)*[A-Za-z])\.$",
    re.IGNORECASE,
)
_INITIAL = re.compile(r"(?:^|[\s(])[B-HJ-Z]\.$")  # "A." and "I." end sentences as well
_LONGEST_ABBREVIATION = 12  # characters looked back for one

PieceKind = Literal["sentence", "heading", "row", "fence"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a text, with its place.

    `before` is what parts it from the piece before it. Pieces of one `element` (a paragraph, a list
    item, a table, a code block) follow each other; the first of them has the element's `marker`.
    `indent` is where an item's marker stands, -1 for what is no item.
    """

    kind: PieceKind
    text: str
    before: str
    marker: str
    element: int
    indent: int = -1

    @property
    def is_item(self) -> bool:
        return self.indent >= 0


@dataclass(frozen=True, slots=True)
class _Element:
    """Whole lines that belong together; `start` is where its text begins, behind its marker."""

    kind: PieceKind
    before: str
    marker: str
    text: str
    indent: int = -1


def cut(text: str) -> list[Piece]:
    """Cut a text into its pieces, in order; a text of blanks has none."""
    pieces: list[Piece] = []
    for number, element in enumerate(_elements(text)):
        pieces.extend(_pieces(element, number))
    return pieces


def joined(pieces: Sequence[Piece], kept: Collection[int]) -> str:
    """Join the pieces of these places again: the first kept one of an element has its marker.

    Items of a numbered list that lost one are numbered anew.
    """
    openings = _openings(pieces)
    written: list[str] = []
    last = -1
    numbers: dict[int, int] = {}
    for place, piece in enumerate(pieces):
        if not piece.is_item and piece.kind == "sentence":
            numbers = {}
        if place not in kept:
            continue
        before, marker = piece.before, piece.marker
        if piece.element != last:
            before, marker = openings[piece.element]
            marker = _numbered(marker, piece.indent, numbers)
        last = piece.element
        written.append(f"{before if written else before.lstrip(chr(10))}{marker}{piece.text}")
    return "".join(written)


def _openings(pieces: Sequence[Piece]) -> dict[int, tuple[str, str]]:
    openings: dict[int, tuple[str, str]] = {}
    for piece in pieces:
        openings.setdefault(piece.element, (piece.before, piece.marker))
    return openings


def _numbered(marker: str, indent: int, numbers: dict[int, int]) -> str:
    """Give an item the number that follows on the last kept one of its list."""
    found = _NUMBERED.match(marker)
    for deeper in [each for each in numbers if each > indent]:
        del numbers[deeper]
    if found is None:
        return marker
    number = numbers[indent] + 1 if indent in numbers else 1 if int(found[2]) > 0 else 0
    numbers[indent] = number
    return f"{found[1]}{number}{found[3]}"


def _elements(text: str) -> Iterator[_Element]:
    before = ""
    for block in blocks(text):
        if isinstance(block, Prose):
            for element in _prose_elements(block.text):
                yield replace(element, before=before + element.before)
                before = ""
            before += _trailing_blank(block.text)
            before += "\n"
        else:
            yield _Element("fence", before, "", source(block))
            before = "\n"


def _trailing_blank(text: str) -> str:
    return text[len(text.rstrip()) :]


def _prose_elements(text: str) -> Iterator[_Element]:
    """Group lines: a blank line, a marker, a heading or a row of a table begins another element."""
    held: list[str] = []
    before = ""
    for line in text.split("\n"):
        if not line.strip(" \t>"):
            if held:
                yield _element(before, held)
                held, before = [], ""
                before = "\n"
            before += f"{line}\n"
            continue
        if held and _begins(line, held[-1]):
            yield _element(before, held)
            held, before = [], "\n"
        held.append(line)
    if held:
        yield _element(before, held)


def _begins(line: str, last: str) -> bool:
    return bool(
        _ITEM.match(line)
        or _HEADING.match(line)
        or _HEADING.match(last)
        or _ROW.match(line)
        or _ROW.match(last)
        or (">" in _prefix(line)) != (">" in _prefix(last))
    )


def _prefix(line: str) -> str:
    found = _PREFIX.match(line)
    return found[0] if found else ""


def _element(before: str, lines: Sequence[str]) -> _Element:
    text = "\n".join(lines)
    kept = text.rstrip()
    item = _ITEM.match(text)
    if item is not None:
        indent = len(item[0]) - len(item[0].lstrip())
        return _Element("sentence", before, item[0], kept[item.end() :], indent)
    heading = _HEADING.match(text)
    if heading is not None:
        return _Element("heading", before, heading[0], kept[heading.end() :])
    if _ROW.match(text):
        return _Element("row", before, _prefix(text), kept[len(_prefix(text)) :])
    return _Element("sentence", before, _prefix(text), kept[len(_prefix(text)) :])


def _pieces(element: _Element, number: int) -> Iterator[Piece]:
    first = Piece(
        element.kind, element.text, element.before, element.marker, number, element.indent
    )
    if element.kind != "sentence":
        yield first
        return
    start = 0
    before = element.before
    for end in [*ends(element.text), len(element.text)]:
        gap = _GAP.match(element.text, start) if start else None
        begin = gap.end() if gap else start
        if start:
            before = element.text[start:begin]
        if begin < end or not start:
            marker = element.marker if not start else ""
            yield replace(first, text=element.text[begin:end], before=before, marker=marker)
        start = end


def ends(text: str) -> Iterator[int]:
    """Give where sentences end, but for the last; code and links are whole."""
    guarded = spans(text)
    starts = [span.start for span in guarded]
    stops = [_stop(span) for span in guarded]
    past = 0
    for match in _END.finditer(text):
        if match.start() < past:
            continue
        span = bisect_right(starts, match.start()) - 1
        if span >= 0 and match.start() < stops[span]:
            continue
        end = _with_citations(text, match.end())
        gap = _GAP.match(text, end)
        rest = gap.end() if gap else end
        if rest >= len(text):
            return
        if gap is None and match[0][0] in ".!?…":
            continue
        if match[0][0] in ".!?…" and end == match.end() and _GOES_ON.match(text, rest):
            continue
        behind = text[max(0, match.end() - _LONGEST_ABBREVIATION) : match.end()]
        if end == match.end() and _is_abbreviated(behind):
            continue
        past = end
        yield end


def _stop(span: Span) -> int:
    """Give where a span ends; a bare address takes the full stop behind it, which is none of its."""
    if span.kind != "address":
        return span.end
    return span.start + len(span.target.rstrip(_AROUND_A_STOP))


def _is_abbreviated(behind: str) -> bool:
    found = _ABBREVIATION.search(behind)
    if found is None:
        return False
    return len(found[0].strip(" (.")) > 1 or _INITIAL.search(behind) is not None


def _with_citations(text: str, end: int) -> int:
    while (found := CITATION.match(text, end)) or (
        text[end : end + 1] == " " and (found := CITATION.match(text, end + 1))
    ):
        end = found.end()
    return end
