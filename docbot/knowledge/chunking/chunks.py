"""A page is cut into chunks: what a search finds and an answer quotes.

Cuts lie at headings first, then between blocks; a fence or a table row is never cut, unless it
alone is enormous. Sections too small to be found are joined with their neighbours. Joined in
order, the chunks hold every word of the page. An edit changes the chunks around it alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Protocol
from urllib.parse import quote

from docbot.knowledge.chunking.blocks import MOST, MOST_WHOLE, Unit, size_of, split_units
from docbot.knowledge.chunking.cutting import Part, Rule, Rules, pieces
from docbot.knowledge.chunking.tokens import tokens

# Raised when the same page would be cut differently, so that stored pages are cut anew.
CHUNKER_VERSION = 4
_FEWEST = 200  # tokens; a section below this is joined with its neighbours
# A chunk beyond the most is cut between sections even where a side is smaller, down to this.
_CRUMB = 100
_LONGEST_INTRODUCTION = 100
_MOST_CONTEXT = 150  # tokens of title and headings that are counted

# How good a cut before a unit is. Of the first two a heading's level is taken away.
_SECTION = 40
_SMALL_SECTION = 30
_BLOCK = 12
_MOST_DEPTH = 6  # levels of indent, each a little worse than the one around it
_ROW = 5
_CODE = 2  # what stands before it mostly introduces it
_BOUND = 1  # to the line before, which announces it
_TORN = 0  # from its heading, or from the header of its table

_CHIEF_SECTION = _SECTION - 2  # of h1 or h2
_ANY_SECTION = _SMALL_SECTION - 6
_RULES = Rules(
    MOST,
    within=(Rule(_FEWEST, _CHIEF_SECTION),),
    beyond=(
        Rule(_FEWEST, _ANY_SECTION),
        Rule(_CRUMB, _ANY_SECTION),
        Rule(_FEWEST, _ROW),
        Rule(_CRUMB, _CODE),
    ),
)
_LAST_RULES = Rules(MOST_WHOLE, within=(), beyond=(Rule(1, _TORN),))
_LONGEST_HEADING = 1000  # characters; what is longer is text, whatever it looks like
_LONGEST_EMPHASIS = 200
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ANCHOR = re.compile(r"\{#([^{}\s]+)\}$")
_LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(
    rf"(?<!\w)(\*{{1,3}}|_{{1,3}})(?=\S)(.{{1,{_LONGEST_EMPHASIS}}}?)(?<=\S)\1(?!\w)"
)
_NAME = 40  # characters that tell a unit from others; an edit further on moves no cut
_LABEL = re.compile(r"\*\*[^*\n]+\*\*$")


class Readable(Protocol):
    """A page as far as it is cut."""

    @property
    def title(self) -> str: ...
    @property
    def markdown(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a page.

    `heading_path` leads from the page's top to the chunk, without the title; `text` is Markdown
    without the heading it stands under; `hash` is over title, path and text, not the address,
    which is left out of links to the page itself too. `tokens` is an estimate, over the same.
    """

    position: int
    heading_path: tuple[str, ...]
    url: str  # of the page, with the anchor of the chunk's first heading
    text: str
    hash: bytes
    tokens: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A unit and where on the page it stands; `level` is 0 for what is no heading."""

    unit: Unit
    size: int
    level: int
    path: tuple[str, ...]
    anchor: str


def chunk(page: Readable, url: str) -> list[Chunk]:
    """Cut a page; one without text gives none, one of headings alone gives one."""
    places = list(_places(page)) if page.markdown.strip() else []
    chunks: list[Chunk] = []
    for piece in _pieces(places, page.title):
        first = _opening(places, piece)
        home = places[max(first - 1, piece.start)]
        text = _text([place.unit for place in places[first : piece.stop]])
        text = text or "".join(home.path[-1:]) or page.title
        if text:
            address = _at(url, home.anchor)
            chunks.append(_chunk(len(chunks), page.title, home.path, address, text))
    return chunks


def plain(heading: str) -> str:
    """Take the Markdown out of a heading's text; what is longer than any heading is cut."""
    text = _LINK.sub(r"\1", heading[:_LONGEST_HEADING])
    if "`" not in text:
        text = _EMPHASIS.sub(r"\2", text)
    return text.replace("`", "").replace("\\", "").strip()


def _parted(heading: str) -> tuple[str, str]:
    """Part a heading from the anchor written at its end, "" if there is none."""
    anchor = _ANCHOR.search(heading.rstrip())
    return (heading[: anchor.start()].rstrip(), anchor[1]) if anchor else (heading, "")


def _chunk(position: int, title: str, path: tuple[str, ...], url: str, text: str) -> Chunk:
    said = "\x1e".join((title, "\x1f".join(path)))
    identity = f"{said}\x1e{_wherever_it_is(text, url)}"
    digest = blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Chunk(position, path, url, text, digest, tokens(f"{said}\x1e{text}"))


def _wherever_it_is(text: str, url: str) -> str:
    """Take its own address out of the links of a page to itself: they follow where it moves."""
    page = url.partition("#")[0]
    return text.replace(f"]({page}#", "](\x1d#").replace(f"]({page})", "](\x1d)")


def _at(url: str, anchor: str) -> str:
    # Letters of any script stay readable; what would end a link in Markdown does not.
    return f"{url}#{_quoted(anchor)}" if anchor else url


def _quoted(anchor: str) -> str:
    return re.sub(r"[\s()<>\[\]\"'`\\^|]", lambda found: quote(found[0]), anchor)


def _places(page: Readable) -> Iterator[_Place]:
    above: list[tuple[int, str, str]] = []  # level, name and anchor of each heading
    path: tuple[str, ...] = ()
    anchor = ""
    has_title = False
    for unit in split_units(page.markdown):
        is_heading = unit.is_heading and len(unit.lines[0]) <= _LONGEST_HEADING
        heading = _HEADING.match(unit.lines[0]) if is_heading else None
        level = len(heading[1]) if heading else 0
        if heading:
            written, own = _parted(heading[2])
            name = plain(written)
            above = [outer for outer in above if outer[0] < level]
            anchor = own or next((outer[2] for outer in reversed(above) if outer[2]), "")
            # Every chunk carries the title; some pages write it as an h2.
            is_title = name == page.title and (level == 1 or not has_title)
            has_title = has_title or is_title
            above.append((level, "" if is_title else name, anchor))
            path = tuple(outer[1] for outer in above if outer[1])
        yield _Place(unit, unit.size, level, path, anchor)


def _pieces(places: Sequence[_Place], title: str) -> Iterator[range]:
    context = tokens(title)
    parts = [
        Part(
            place.size,
            rank,
            place.unit.lines[0].strip()[:_NAME],
            min(context + tokens(" ".join(place.path)), _MOST_CONTEXT)
            + size_of(place.unit.repeated),
        )
        for place, rank in zip(places, _ranks(places), strict=True)
    ]
    for piece in pieces(parts, _RULES):
        for part in pieces(parts[piece.start : piece.stop], _LAST_RULES):
            yield range(piece.start + part.start, piece.start + part.stop)


def _ranks(places: Sequence[_Place]) -> list[int]:
    ranks = [_TORN, *(_rank(before, place) for before, place in pairwise(places))]
    for position, size in _section_sizes(places):
        place, before = places[position], places[max(position - 1, 0)]
        if not before.level or before.level >= place.level:
            kind = _SECTION if size >= _FEWEST else _SMALL_SECTION
            ranks[position] = kind - place.level
    return ranks[: len(places)]


def _rank(before: _Place, place: _Place) -> int:
    unit = place.unit
    if before.level or (unit.repeated and unit.repeated == before.unit.lines[:2]):
        return _TORN
    if before.size <= _LONGEST_INTRODUCTION and _announces(before.unit):
        return _BOUND
    if unit.is_code and not before.unit.is_code:
        return _CODE
    if unit.repeated:
        return _ROW
    indent = len(unit.lines[0]) - len(unit.lines[0].lstrip(" >"))
    return _BLOCK - min(indent // 2, _MOST_DEPTH)


def _section_sizes(places: Sequence[_Place]) -> Iterator[tuple[int, int]]:
    """Return where each section begins and its size, with all sections within it."""
    open_sections: list[tuple[int, int, int]] = []  # level, position, size of all before
    size = 0
    for position, place in enumerate(places):
        while place.level and open_sections and open_sections[-1][0] >= place.level:
            _, begun, start = open_sections.pop()
            yield begun, size - start
        if place.level:
            open_sections.append((place.level, position, size))
        size += place.size
    yield from ((begun, size - start) for _, begun, start in open_sections)


def _opening(places: Sequence[_Place], piece: range) -> int:
    """Return where the text of a piece begins: after the headings that all of it stands under."""
    levels = [place.level for place in places[piece.start : piece.stop]]
    lowest = 7  # of the headings that follow
    covering = [False] * len(levels)
    for at in reversed(range(len(levels))):
        covering[at] = 0 < levels[at] < lowest
        lowest = min(lowest, levels[at] or lowest)
    first = 1 if levels[0] else 0
    while 0 < first < len(levels) and covering[first - 1] and covering[first]:
        first += 1
    return piece.start + first


def _announces(unit: Unit) -> bool:
    text = "\n".join(unit.lines).strip(" >\n")
    return not unit.is_code and (unit.is_heading or text.endswith(":") or bool(_LABEL.match(text)))


def _text(units: Sequence[Unit]) -> str:
    lines: list[str] = []
    for unit in units:
        if not lines:
            lines += unit.repeated
        own = unit.lines
        if unit.is_heading:
            own = (_parted(own[0])[0], *own[1:])
        lines += own
    while lines and not lines[0].strip(" >"):
        del lines[0]
    while lines and lines[-1].strip() in {"", ">"}:
        del lines[-1]
    return _dedented(lines).rstrip()


def _dedented(lines: Sequence[str]) -> str:
    """Take away the indent of an item whose first line went to the chunk before."""
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    width = min(indents, default=0)
    return "\n".join(line[width:] for line in lines)
