"""What to quote of one section: the sentences and items that say most of what is asked, and code.

A unit is chosen with all that it needs before it, or not at all. Nothing is cut but code, at the
ends of its lines.
"""

import math
import re
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from docbot.answers.tables import without_tables
from docbot.answers.units import Unit
from docbot.retrieval.lexical import terms

Weights = Mapping[str, float]

_MOST_UNITS = 5
_WHOLE = 300  # characters; a section of less is quoted in full
_LEAST_GAIN = 0.3  # of the first unit's: a further one with less is padding
_LITTLE = 150  # characters; with less, the sentence behind goes on to explain
_SAID_AGAIN = 0.2  # of a term's worth, where a unit chosen before holds it
_FIRST = 0.1  # what a section's first unit gains for being it; next to any term little
_BESIDE = 1.25  # times its gain, for a unit right beside a chosen one: what is said in one go
_USUAL_LENGTH = 90  # characters; longer ones hold more words without saying more
_LONGEST_CHAIN = 6  # units that one needs before it, such as the steps up to this one

_LEAST_CODE = 40  # characters; less room shows nothing
_NEAR = 0.5  # of the gain of the words it stands beside
_MOST_LINES = 60
_LISTING = 0.5  # of the gain of code that is longer
_LEAST_WORTH = 0.5  # of a unit, where that of its whole section is measured
_MOST_ROWS = 6
_LEAST_ROW = 0.5  # of the best row's worth
_MOST_SEARCHED = 200  # lines of code
_ELLIPSIS = "…"
_JOINT = 5  # characters at most between units, with the mark where some are left out
_TICKS = re.compile(r"`+")
_SETTING_UP = re.compile(
    r"\s*(?:import\b|from\b.*\bimport\b|#include\b|using\b|package\b|#|//|\"\"\")"
)
_INSIDE_STATEMENT = (" ", "\t", ")", "]", "}")


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading of a passage.

    `url` and `heading` are the passage's, `under` is the heading within it, if any; `number` cites
    the passage, `order` is the place within its page; `weights` are of what is asked for, `terms`
    what of that stands in each unit, `names` in the page's title and the headings, by their stems
    in its `language`.
    """

    number: int
    page_id: int
    order: tuple[int, int]
    url: str
    page: str
    heading: str
    under: str
    units: tuple[Unit, ...]
    terms: tuple[frozenset[str], ...]
    names: frozenset[str]
    weights: Weights
    language: str


@dataclass(frozen=True, slots=True)
class Code:
    """A fence to show behind the unit before `place`; `units` are the words that lead in to it."""

    place: int
    text: str
    units: frozenset[int]
    gain: float


def words_of(section: Section, room: int, known: Collection[str] = ()) -> frozenset[int]:
    """Choose the units to quote, at most `room` characters; none whose text is in `known`."""
    chains = {
        place: chain
        for place, unit in enumerate(section.units)
        if unit.worth and unit.text not in known and (chain := _chain(section.units, place))
    }
    whole = frozenset(each for chain in chains.values() for each in chain)
    if _length(section, whole) <= min(_WHOLE, room):
        return whole
    chosen: frozenset[int] = frozenset()
    covered: frozenset[str] = frozenset()
    first = 0.0
    while chains and len(chosen) < _MOST_UNITS:
        gains = {place: _gain(section, chain, chosen, covered) for place, chain in chains.items()}
        place = max(gains, key=lambda each: (gains[each], -each))
        if gains[place] < _LEAST_GAIN * first:
            place = next((each for each in chains if _goes_on(chosen, each)), place)
            if _length(section, chosen) > _LITTLE or not _goes_on(chosen, place):
                break
        chain = chains.pop(place)
        if _length(section, chosen | chain) > room:
            continue
        first = first or gains[place]
        chosen |= chain
        covered = covered.union(*(section.terms[each] for each in chain))
        chains = {each: chain for each, chain in chains.items() if each not in chosen}
    return _whole_lists(section, chosen, chains.values(), room)


def _whole_lists(
    section: Section, chosen: frozenset[int], left: Iterable[frozenset[int]], room: int
) -> frozenset[int]:
    """Add the other items of the lists begun, where all of them fit: half a list misleads."""
    lists = {
        section.units[place].paragraph for place in chosen if section.units[place].kind == "item"
    }
    for paragraph in sorted(lists):
        rest = frozenset(
            place
            for chain in left
            for place in chain
            if section.units[place].paragraph == paragraph
        )
        if _length(section, chosen | rest) <= room:
            chosen |= rest
    return chosen


def _goes_on(chosen: Collection[int], place: int) -> bool:
    return place - 1 in chosen


def worth_of(section: Section, chosen: Collection[int], names_share: float) -> float:
    """Measure how much of what is asked the chosen units say, and the headings above them."""
    best: dict[str, float] = {}
    for place in chosen:
        for term in section.terms[place]:
            best[term] = max(
                best.get(term, 0.0),
                section.weights[term] * max(section.units[place].worth, _LEAST_WORTH),
            )
    for term in section.names:
        best[term] = max(best.get(term, 0.0), section.weights[term] * names_share)
    return sum(best.values())


def code_of(section: Section, chosen: Collection[int], room: int) -> Code | None:
    """Choose the code or table that belongs best to the chosen units, cut to `room` characters."""
    beside = max((_said(section, place) for place in chosen), default=0.0)
    best: Code | None = None
    for place, unit in enumerate(section.units):
        if unit.kind not in {"code", "table"}:
            continue
        gain = unit.worth * _said(section, place)
        if unit.text.count("\n") > _MOST_LINES and unit.kind == "code":
            gain *= _LISTING
        gain += unit.worth * _NEAR * beside * _nearness(place, chosen)
        if gain <= 0 or (best and gain <= best.gain):
            continue
        best = _shown(section, place, chosen, room, gain) or best
    return best


def written(section: Section, chosen: Collection[int], code: Code | None) -> str:
    """Write the chosen units in the section's order, and the code in its place."""
    parts: list[str] = []
    shown = {*chosen, *(code.units if code else ())}
    places = sorted({*shown, *([code.place] if code else ())})
    before: int | None = None
    for place in places:
        if code is not None and place == code.place:
            parts.append(f"{_left_out(section.units, before, shown)}\n\n{code.text}")
        else:
            joint = _joint(section.units, before, place)
            if "\n\n" in joint:
                parts.append(_left_out(section.units, before, shown))
            parts.append(joint + section.units[place].text)
        before = place
    return "".join([*parts, _left_out(section.units, before, shown)]).strip("\n")


def _chain(section_units: Sequence[Unit], place: int) -> frozenset[int]:
    """List a unit with those it needs; nothing where one of them is not to be quoted."""
    chain: list[int] = []
    needed: int | None = place
    while needed is not None:
        unit = section_units[needed]
        if unit.kind in {"code", "table"} or not unit.quotable or len(chain) > _LONGEST_CHAIN:
            return frozenset()
        chain.append(needed)
        needed = unit.needs
    return frozenset(chain)


def _gain(
    section: Section,
    chain: Collection[int],
    chosen: Collection[int],
    covered: Collection[str],
) -> float:
    new = [place for place in chain if place not in chosen]
    held = frozenset[str]().union(*(section.terms[place] for place in new))
    said = sum(section.weights[term] * (_SAID_AGAIN if term in covered else 1.0) for term in held)
    # Without a shared word the first sentences say best what a section is about.
    said += _FIRST / (1 + min(chain))
    worth = max(section.units[place].worth for place in new)
    length = max(_length(section, new), _USUAL_LENGTH) / _USUAL_LENGTH
    beside = any(place - 1 in chosen or place + 1 in chosen for place in new)
    return said * worth / math.sqrt(length) * (_BESIDE if beside else 1.0)


def _said(section: Section, place: int) -> float:
    return sum(section.weights[term] for term in section.terms[place])


def _length(section: Section, places: Collection[int]) -> int:
    return sum(len(section.units[place].text) + _JOINT for place in places)


def _nearness(place: int, chosen: Collection[int]) -> float:
    """Give 1 for code right behind a chosen unit, less for what is further away."""
    if not chosen:
        return 0.0
    distance = min(abs(place - each) if each < place else abs(place - each) + 1 for each in chosen)
    return 1 / distance


def _shown(
    section: Section, place: int, chosen: Collection[int], room: int, gain: float
) -> Code | None:
    unit = section.units[place]
    lead_in = _chain(section.units, unit.needs) if unit.needs is not None else frozenset()
    for units in (lead_in, frozenset()):
        left = room - _length(section, units - frozenset(chosen))
        text = (
            _table(unit, section, left)
            if unit.kind == "table"
            else _cut(unit, section.weights, left)
        )
        if text:
            return Code(place, text, units, gain)
    return None


def _left_out(section_units: Sequence[Unit], last: int | None, shown: Collection[int]) -> str:
    """Mark the end of a list of which more items follow than are shown."""
    if last is None or section_units[last].kind != "item":
        return ""
    item = section_units[last]
    for place in range(last + 1, len(section_units)):
        if section_units[place].paragraph != item.paragraph:
            return ""
        if place not in shown and section_units[place].depth == 0:
            return f"\n{_ELLIPSIS}" if item.text[0].isdigit() else f"\n- {_ELLIPSIS}"
    return ""


def _joint(section_units: Sequence[Unit], before: int | None, place: int) -> str:
    unit = section_units[place]
    indent = "  " * unit.depth
    if before is None:
        return indent
    last = section_units[before]
    if unit.kind == "item" and (last.paragraph == unit.paragraph or unit.needs == before):
        return f"\n{indent}"
    if unit.kind == "sentence" and last.kind == "sentence" and last.paragraph == unit.paragraph:
        return " " if before == place - 1 else f" {_ELLIPSIS} "
    return f"\n\n{indent}"


def _cut(unit: Unit, weights: Weights, room: int) -> str:
    """Write code as a fence; of what is too long the lines that say most, from a statement on."""
    marker = "`" * max(3, 1 + max(map(len, _TICKS.findall(unit.text)), default=0))
    lines = textwrap.dedent(unit.text).split("\n")
    left = room - 2 * len(marker) - len(unit.language) - 2
    if sum(map(len, lines)) + len(lines) > left:
        if left < _LEAST_CODE:
            return ""
        lines = _window(lines, weights, left - 2 * len(_ELLIPSIS) - 2)
    return "\n".join([marker + unit.language, *lines, marker]) if lines else ""


def _window(lines: Sequence[str], weights: Weights, room: int) -> list[str]:
    """Take the lines in a row that hold most of what is asked, and mark where some are left out."""
    held = [
        frozenset() if _SETTING_UP.match(line) else weights.keys() & terms(line)
        for line in lines[:_MOST_SEARCHED]
    ]
    best: tuple[float, int, int] = (-1.0, 0, 0)
    for start, line in enumerate(lines[:_MOST_SEARCHED]):
        if not line or (start and line[:1] in _INSIDE_STATEMENT):
            continue
        end, left, seen = start, room, set[str]()
        while end < len(held) and (left := left - len(lines[end]) - 1) >= 0:
            seen |= held[end]
            end += 1
        said = sum(weights[term] for term in seen)
        if end > start and said > best[0]:
            best = (said, start, end)
    _, start, end = best
    if end == start:
        return []
    while not lines[end - 1].strip():
        end -= 1
    shown = lines[start:end]
    return [*[_ELLIPSIS][: start > 0], *shown, *[_ELLIPSIS][: end < len(lines)]]


def _table(unit: Unit, section: Section, room: int) -> str:
    """Write a table as a fence, with the rows that say most of what is asked."""
    head, rows = unit.text.split("\n")[:2], unit.text.split("\n")[2:]
    said = [
        sum(section.weights.get(term, 0.0) for term in set(terms(row, language=section.language)))
        for row in rows
    ]
    order = sorted(range(len(rows)), key=lambda row: (-said[row], row))
    order = [row for row in order if said[row] > _LEAST_ROW * max(said)] or order
    best = ""
    for count in range(1, min(len(order), _MOST_ROWS) + 1):
        chosen = sorted(order[:count])
        text = without_tables("\n".join([*head, *(rows[row] for row in chosen)]))
        if count < len(rows):
            is_code = text.endswith("```")
            text = f"{text[:-3]}{_ELLIPSIS}\n```" if is_code else f"{text}\n- {_ELLIPSIS}"
        if len(text) > room:
            break
        best = text
    return best
