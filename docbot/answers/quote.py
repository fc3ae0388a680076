"""Answering without a model: what bears most on the question is quoted, each page named.

It says nothing but what the passages say, in the order of each page, each section below its name
with its number.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from docbot import texts
from docbot.answers.asked import weigh
from docbot.answers.excerpt import Code, Section, Weights, code_of, words_of, worth_of, written
from docbot.answers.sanitise import plain
from docbot.answers.split import split
from docbot.answers.tables import without_tables
from docbot.answers.units import Headings, Unit, units
from docbot.retrieval.lexical import document_language, terms
from docbot.retrieval.passages import Passage

LIMIT = 900  # characters: a pointer with an excerpt, not the page
_TITLE_LIMIT = 120
_MOST_PAGES = 3  # named, quoted or not: as many as where pages are only suggested
_MOST_SECTIONS = 2
# Passages. With 8 the page quoted first is as seldom the right one, at twice the time.
_LOOKED_INTO = 4
_PROSE_LIMIT = 430  # of the words of a section, so that code has room
_SHARED_LIMIT = 280  # of each of several sections
_CODE_ROOM = 120  # kept free for code
_ALSO_LIMIT = 170  # of the line that names pages that are not quoted

# A section is worth what it says of the question; the search knew more than words, and each
# place further down its list counts a little less.
_PAGE_COUNTS = 0.5
_PLACE_COUNTS = 0.05
_NAMES_SHARE = 0.75  # of a term's worth, where headings alone hold it
_CODE_SHARE = 0.4
_CODE_ALONE = 0.5  # times the worth of a section without words to quote
_LEAST_ALONE = 0.5  # of code without words: what a program prints is none
_SECOND_FROM = 0.5  # of the best section's worth


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands below one heading of a passage; `start` is the place of its first unit there."""

    number: int
    passage: Passage
    headings: Headings
    start: int
    units: tuple[Unit, ...]
    terms: tuple[frozenset[str], ...]
    language: str


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A section with what is quoted of it."""

    section: Section
    chosen: frozenset[int]
    code: Code | None = None


def quote(question: str, passages: Sequence[Passage]) -> str:
    """Quote what bears most on the question: of one or two sections the words, and some code.

    `[n]` cites the passage number n of those given. At most 900 characters; nothing for no
    passages.

    Args:
        question: the title, an empty line and the body; or one text.
        passages: best first.
    """
    if not passages:
        return ""
    best = _best(_sections(question, passages[:_LOOKED_INTO]))
    best = best or _best(_sections(question, passages))
    for count in range(len(best), 0, -1):
        for pages in range(_MOST_PAGES, 0, -1):
            text = _written(best[:count], passages, pages)
            if 0 < len(text) <= LIMIT:
                return text
    return _pointer(passages)


def first_words(text: str) -> str:
    """Give the prose of a passage as one line: what a list of results shows of it.

    A passage of code or a table alone gives its first line, in code marks.
    """
    found = units(text)
    words = [
        unit.text.split(" ", 1)[1] if unit.kind == "item" else unit.text
        for unit in found
        if unit.kind in ("sentence", "item")
    ]
    if words or not found:
        return " ".join(words)
    text = without_tables(found[0].text, widest=len(found[0].text))  # as code
    first = text.split("\n")[found[0].kind == "table"]
    return f"`{first.replace('`', '')}`"


def title(passage: Passage) -> str:
    """Name a passage as `Page title › Heading`, at most 120 characters."""
    return _title(passage.title, passage.heading)


def _title(page: str, heading: str) -> str:
    return _shortened(page if heading == page else f"{page} › {heading}")


def _shortened(name: str) -> str:
    return name if len(name) <= _TITLE_LIMIT else f"{name[: _TITLE_LIMIT - 1].rstrip()}…"


def _name(page: str, heading: str) -> str:
    return _bold(_title(page, heading))


def _bold(name: str) -> str:
    # Within bold, code is not shown as such.
    name = plain(_shortened(name).replace("`", "")).strip()
    return f"**{name.replace('[', '(').replace(']', ')')}**" if name else ""


def _pointer(passages: Sequence[Passage]) -> str:
    """Name the best passage where nothing of it can be quoted whole, with its beginning if any."""
    best = passages[0]
    name = f"{_name(best.title, best.heading)} [1]"
    words = (unit.text for unit in units(best.text) if unit.quotable and unit.kind == "sentence")
    begun = "".join(split(next(words, ""), _PROSE_LIMIT)[:1])
    pointer = f"{texts.from_page(name)}\n\n{begun} …" if begun else texts.see(name)
    also = _also(passages, [best.page_id], _MOST_PAGES)
    return f"{pointer}\n\n{also}" if also and len(pointer) + len(also) + 2 <= LIMIT else pointer


def _sections(question: str, passages: Sequence[Passage]) -> list[Section]:
    """Cut the passages at the headings within them; each part is quoted under its own name."""
    parts = [part for number, each in enumerate(passages, 1) for part in _parts(number, each)]
    languages = dict.fromkeys(part.language for part in parts)
    weights = weigh(question, [each for part in parts for each in part.terms], languages)
    return [_section(part, weights) for part in parts]


def _parts(number: int, passage: Passage) -> Iterator[_Part]:
    language = document_language(passage.title, passage.heading_path, passage.text)
    start = 0
    for headings, group in groupby(units(passage.text), key=lambda unit: unit.headings):
        those = tuple(_moved(unit, start) for unit in group)
        read = tuple(frozenset(terms(unit.text, language=language)) for unit in those)
        yield _Part(number, passage, headings, start, those, read, language)
        start += len(those)


def _section(part: _Part, weights: Weights) -> Section:
    passage = part.passage
    names = terms("\n".join(_names(passage, part.headings)), language=part.language)
    return Section(
        number=part.number,
        page_id=passage.page_id,
        order=(passage.position, part.start),
        url=passage.url,
        page=passage.title,
        heading=passage.heading,
        under=" › ".join(heading.name for heading in part.headings),
        units=part.units,
        terms=tuple(frozenset(each & weights.keys()) for each in part.terms),
        names=frozenset(weights.keys() & names),
        weights=weights,
        language=part.language,
    )


def _names(passage: Passage, headings: Headings) -> list[str]:
    """List the page's title and the headings that a part of a passage stands below.

    A small section shares a passage with its neighbours, whose headings are not its own. How deep
    those of the passage's path stand is not known; mostly the title is of level 1, and the first
    of them of level 2.
    """
    path = passage.heading_path
    above = path[: max(headings[0].level - 2, 0)] if headings else path
    return [passage.title, *above, *(heading.name for heading in headings)]


def _moved(unit: Unit, by: int) -> Unit:
    return unit if unit.needs is None or not by else replace(unit, needs=unit.needs - by)


def _best(sections: Sequence[Section]) -> list[Section]:
    """Choose the sections that bear most on the question, the best one first."""
    pages = list(dict.fromkeys(section.page_id for section in sections))
    chosen = [words_of(section, _PROSE_LIMIT) for section in sections]
    worth = [
        _worth(section, words, pages.index(section.page_id))
        for section, words in zip(sections, chosen, strict=True)
    ]
    order = sorted(range(len(sections)), key=lambda place: (-worth[place], place))
    order = [place for place in order if worth[place] > 0]
    least = worth[order[0]] * _SECOND_FROM if order else 0.0
    best: list[Section] = []
    said: dict[int, frozenset[str]] = {}  # of the question, by what is quoted of each page
    for place in (each for each in order if worth[each] >= least):
        section = sections[place]
        says = section.names.union(*(section.terms[each] for each in chosen[place]))
        known = said.get(section.page_id)
        # Another page may be the right one, whatever it says.
        if known is None or not says <= known:
            best.append(section)
            said[section.page_id] = says.union(known or ())
    return best[:_MOST_SECTIONS]


def _worth(section: Section, chosen: frozenset[int], page_place: int) -> float:
    code = code_of(section, chosen, _PROSE_LIMIT)
    if not chosen and (code is None or section.units[code.place].worth < _LEAST_ALONE):
        return 0.0
    worth = worth_of(section, chosen, _NAMES_SHARE) * (1.0 if chosen else _CODE_ALONE)
    if code is not None:
        worth += _CODE_SHARE * code.gain
    # Where nothing is shared, as with a question in other words, the search's order decides.
    return (worth + 0.01) / (1 + _PAGE_COUNTS * page_place + _PLACE_COUNTS * (section.number - 1))


def _written(sections: Sequence[Section], passages: Sequence[Passage], pages: int) -> str:
    """Write the sections below their leads, then the pages that are only named."""
    also = _also(passages, [section.page_id for section in sections], pages)
    ordered = _in_page_order(sections)
    leads = _leads(ordered)
    room = LIMIT - sum(len(lead) + 4 for lead in leads) - len(also)
    if room < _CODE_ROOM:
        return ""
    quoted = _quoted(ordered, room)
    parts = [
        f"{lead}\n\n{text}" if lead else text
        for lead, each in zip(leads, quoted, strict=True)
        if (text := written(each.section, each.chosen, each.code))
    ]
    return "\n\n".join([*parts, *filter(None, [also])]) if len(parts) == len(sections) else ""


def _quoted(sections: Sequence[Section], room: int) -> list[_Quoted]:
    limit = _PROSE_LIMIT if len(sections) == 1 else _SHARED_LIMIT
    chosen = _words(sections, min(limit, (room - _CODE_ROOM) // len(sections)))
    left = room - sum(_written_length(each) for each in chosen)
    codes = [code_of(each.section, each.chosen, left) for each in chosen]
    gains = [code.gain if code else 0.0 for code in codes]
    best = max(range(len(codes)), key=lambda place: (gains[place], -place))
    code = codes[best]
    if code is None:
        return _words(sections, room // len(sections))
    chosen[best] = replace(chosen[best], code=code)
    return chosen


def _words(sections: Sequence[Section], room: int) -> list[_Quoted]:
    found: list[_Quoted] = []
    known: set[str] = set()
    for section in sections:
        chosen = words_of(section, room, known)
        known.update(section.units[place].text for place in chosen)
        found.append(_Quoted(section, chosen))
    return found


def _written_length(quoted: _Quoted) -> int:
    return len(written(quoted.section, quoted.chosen, None)) + 2


def _in_page_order(sections: Sequence[Section]) -> list[Section]:
    """Keep sections of a page together and in its order, the page of the best one first."""
    pages = list(dict.fromkeys(section.page_id for section in sections))
    return sorted(sections, key=lambda section: (pages.index(section.page_id), section.order))


def _leads(sections: Sequence[Section]) -> list[str]:
    """Name each section; what the one before it said is not said again."""
    return [
        _lead(section, before) for section, before in zip(sections, [None, *sections], strict=False)
    ]


def _lead(section: Section, before: Section | None) -> str:
    heading, under = _bold(section.heading), _bold(section.under)
    if before is None or before.page_id != section.page_id or not heading:
        name = _name(section.page, section.heading)
        return texts.from_page(f"{name} [{section.number}]", under)
    if (before.url, before.heading) != (section.url, section.heading):
        return texts.from_section(f"{heading} [{section.number}]", under)
    if before.under == section.under:
        return ""  # a long section was cut into several passages
    return texts.from_section(f"{under or heading} [{section.number}]")


def _also(passages: Sequence[Passage], quoted: Collection[int], pages: int) -> str:
    """Name the best pages that are not quoted, so that `pages` are named in all."""
    named = set(quoted)
    names: list[str] = []
    for number, passage in enumerate(passages, start=1):
        if len(named) >= pages or passage.page_id in named:
            continue
        name = f"{_name(passage.title, passage.heading)} [{number}]"
        line = texts.see_also([*names, name])
        if names and len(line) > _ALSO_LIMIT:
            break
        named.add(passage.page_id)
        names.append(name)
    return texts.see_also(names) if names else ""
