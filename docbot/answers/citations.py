"""The citations of an answer: only those of passages that were given, numbered by use.

What is code or a link is never touched: `list[0]` cites nothing. Only a link that has a bare
number for its label is taken for a citation.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docbot.answers.markdown import Prose, blocks, source, spans
from docbot.retrieval.passages import Passage

_MOST_DIGITS = 4  # a longer number is none of a passage

_NUMBER = rf"\^?\d{{1,{_MOST_DIGITS}}}"
CITATION = re.compile(
    rf"(?<!\\)[\[【]\s{{0,3}}(?:(?:passages?|sources?)\s)?"
    rf"(?P<numbers>{_NUMBER}(?:\s?(?:[,;–-]|and)\s?{_NUMBER}){{0,40}})(?:†[^\]】\n]{{0,40}})?"
    rf"\s{{0,3}}[\]】]",
    re.IGNORECASE,
)
_NESTED = re.compile(r"(?<![\\\w])\[(\d{1,4})[,;]?\s?\[(\d{1,4})\]\]")
_RANGE = re.compile(r"(\d+)\s?[–-]\s?\^?(\d+)|(\d+)")
# A list of sources that the model wrote itself; the program writes the true one.
_DEFINITION = re.compile(r"^[ \t]*\[\^?\d+\]:.*(?:\n|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked text: `[k]` in it cites the passage number `cited[k - 1]` of those given.

    `cut` names what was taken out, as it was written.
    """

    text: str
    cited: tuple[int, ...]
    cut: tuple[str, ...]


class _Numbering:
    """Numbers addresses 1, 2, ... in the order of their first citation."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._addresses = [passage.url for passage in passages]
        self._numbers: dict[str, int] = {}
        self.cited: list[int] = []

    def known(self, number: int) -> bool:
        return 1 <= number <= len(self._addresses)

    def cite(self, number: int) -> int:
        address = self._addresses[number - 1]
        if address not in self._numbers:
            self._numbers[address] = len(self._numbers) + 1
            self.cited.append(number)
        return self._numbers[address]

    def among(self, first: int, last: int) -> range:
        return range(max(first, 1), min(last, len(self._addresses)) + 1)


def check(text: str, passages: Sequence[Passage]) -> Checked:
    """Bring citations to the form `[n]`, numbered by first use, and take out the invented ones.

    Passages of one address share a number. `[1, 3]`, `[1][3]` and `[1-3]` are understood.
    """
    numbering = _Numbering(passages)
    cut: list[str] = []
    parts = []
    for block in blocks(text):
        if isinstance(block, Prose):
            parts.append(_checked_prose(block.text, numbering, cut))
        else:
            parts.append(source(block))
    return Checked("\n".join(parts), tuple(numbering.cited), tuple(cut))


def without_numbers(text: str) -> str:
    """Take out whatever would read as a citation, such as a page's own footnotes."""
    return check(text, ()).text


def _checked_prose(text: str, numbering: _Numbering, cut: list[str]) -> str:
    cut.extend(match[0].strip() for match in _DEFINITION.finditer(text))
    text = _NESTED.sub(r"[\1, \2]", _DEFINITION.sub("", text))
    out: list[str] = []
    beside: set[int] = set()  # what is cited at this very place already
    position = 0
    for begin, end, numbers in _citations(text):
        between = text[position:begin]
        _add(out, between)
        position = end
        if between.strip():
            beside.clear()
        while out and out[-1].endswith("[") and text[position : position + 1] == "]":
            out[-1] = out[-1][:-1]  # brackets around a citation
            position += 1
        new = [n for n in _renumbered(numbers, numbering, cut) if n not in beside]
        beside.update(new)
        if new:
            out.extend(f"[{number}]" for number in new)
        else:
            position = _close_gap(out, text, position)
    _add(out, text[position:])
    return "".join(out)


def _add(out: list[str], text: str) -> None:
    """Add what stands between citations; right behind one, a bracket would make a link of it."""
    is_behind = bool(out) and out[-1].endswith("]")
    out.append(f" {text}" if is_behind and text.startswith("(") else text)


def _citations(text: str) -> Iterator[tuple[int, int, str]]:
    """Find citations outside code, links and addresses: start, end and the numbers.

    A link whose label is a number is one too: models are fond of linking their citations.
    """
    position = 0
    for span in spans(text):
        yield from _plain_citations(text, position, span.start)
        position = span.end
        label = CITATION.fullmatch(f"[{span.text.strip(' []')}]") if span.kind == "link" else None
        if label is not None:
            yield span.start, span.end, label["numbers"]
    yield from _plain_citations(text, position, len(text))


def _plain_citations(text: str, begin: int, end: int) -> Iterator[tuple[int, int, str]]:
    for match in CITATION.finditer(text, begin, end):
        yield match.start(), match.end(), match["numbers"]


def _renumbered(written: str, numbering: _Numbering, cut: list[str]) -> list[int]:
    numbers: list[int] = []
    for first, last, single in _RANGE.findall(written.replace("^", "")):
        asked = range(int(single), int(single) + 1) if single else range(int(first), int(last) + 1)
        given = numbering.among(asked.start, asked.stop - 1)
        numbers.extend(given)
        if len(given) < len(asked) or not asked:
            cut.append(f"[{single or f'{first}-{last}'}]")
    return list(dict.fromkeys(numbering.cite(number) for number in numbers))


def _close_gap(out: list[str], text: str, position: int) -> int:
    """Mend the place a citation was taken from; return where the text goes on."""
    while len(out) > 1 and not out[-1]:
        out.pop()
    before = out.pop()
    if before.endswith("(") and text[position : position + 1] == ")":
        before, position = before[:-1], position + 1
    following = text[position : position + 1]
    at_line_start = not (before or out) or before.endswith("\n")
    if before.endswith(" ") and (not following or following in " \t\n.,;:!?)"):
        before = before.rstrip(" ")
    elif at_line_start and following == " ":
        position += 1
    out.append(before)
    return position
