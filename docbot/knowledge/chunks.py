"""A page is cut into chunks: what a search finds and an answer quotes.

Cuts lie at headings first, then between blocks; a fence or a table row is never cut, unless a
fence alone is enormous. Joined in order, the chunks hold every word of the page.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol
from urllib.parse import quote

from docbot.knowledge.blocks import MOST_CHARACTERS, Unit, split_units

# Raised when the same page would be cut differently, so that stored pages are cut anew.
CHUNKER_VERSION = 2
TARGET_WORDS = 200
MOST_WORDS = 400
_FULL_WORDS = 300  # what is not longer than this is not cut
_FEWEST_WORDS = 40  # a section below this is joined with its neighbour
_LONGEST_HEADING = 1000  # characters; bounds the search for its emphasis
_LONGEST_EMPHASIS = 200
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ANCHOR = re.compile(r"\{#([^{}\s]+)\}$")
_LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(
    rf"(?<!\w)(\*{{1,3}}|_{{1,3}})(?=\S)(.{{1,{_LONGEST_EMPHASIS}}}?)(?<=\S)\1(?!\w)"
)
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
    without the heading it stands under; `hash` is over title, path and text, not the address.
    """

    position: int
    heading_path: tuple[str, ...]
    url: str  # of the page, with the anchor of the chunk's first heading
    text: str
    hash: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Section:
    path: tuple[str, ...]
    anchor: str
    level: int  # 0: what stands before the first heading
    heading: Unit | None
    units: tuple[Unit, ...]

    @property
    def words(self) -> int:
        return sum(unit.words for unit in self.units)

    def with_heading(self) -> tuple[Unit, ...]:
        return self.units if self.heading is None else (self.heading, *self.units)


def chunk(page: Readable, url: str) -> list[Chunk]:
    """Cut a page; one without text gives none, one of headings alone gives one."""
    chunks: list[Chunk] = []
    for section in _joined(_sections(page)):
        for units in _pieces(section.units):
            text = _text(units) or "".join(section.path[-1:])
            if text:
                address = _at(url, section.anchor)
                chunks.append(_chunk(len(chunks), page.title, section.path, address, text))
    if not chunks and page.title and page.markdown.strip():  # nothing but its h1
        chunks.append(_chunk(0, page.title, (), url, page.title))
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
    identity = "\x1e".join((title, "\x1f".join(path), text))
    digest = blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Chunk(position, path, url, text, digest)


def _at(url: str, anchor: str) -> str:
    # Letters of any script stay readable; what would end a link in Markdown does not.
    return f"{url}#{_quoted(anchor)}" if anchor else url


def _quoted(anchor: str) -> str:
    return re.sub(r"[\s()<>\[\]\"'`\\^|]", lambda found: quote(found[0]), anchor)


def _sections(page: Readable) -> list[_Section]:
    path: list[tuple[int, str]] = []
    sections: list[_Section] = []
    heading: Unit | None = None
    anchor, level, units = "", 0, list[Unit]()

    def close() -> None:
        if heading is not None or units:
            names = tuple(name for _, name in path)
            sections.append(_Section(names, anchor, level, heading, tuple(units)))

    for unit in split_units(page.markdown):
        match = _HEADING.match(unit.lines[0]) if unit.is_heading else None
        if match is None:
            units.append(unit)
            continue
        close()
        written, anchor = _parted(match[2])
        heading, level, units = unit, len(match[1]), []
        name = plain(written)
        path = [outer for outer in path if outer[0] < level]
        if not (level == 1 and name == page.title):
            path.append((level, name))
        else:
            heading = None  # every chunk carries the title
    close()
    return sections


def _joined(sections: Sequence[_Section]) -> list[_Section]:
    """Join sections under 40 words: a parent with its first child, any other with the one before."""
    joined: list[_Section] = []
    for position, section in enumerate(sections):
        following = sections[position + 1] if position + 1 < len(sections) else None
        previous = joined[-1] if joined else None
        if previous is not None and _belong_together(previous, section, following):
            units = (*previous.units, *section.with_heading())
            joined[-1] = _Section(
                previous.path, previous.anchor, previous.level, previous.heading, units
            )
        else:
            joined.append(section)
    return joined


def _belong_together(previous: _Section, section: _Section, following: _Section | None) -> bool:
    opens_the_next = following is not None and following.level > section.level
    # A heading alone is no chunk, however long its neighbour is.
    if previous.words == 0 or (section.words == 0 and not opens_the_next):
        return True
    if previous.words + section.words > _FULL_WORDS:
        return False
    if previous.words < _FEWEST_WORDS:
        return True
    return section.words < _FEWEST_WORDS and not opens_the_next


def _pieces(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Group units into pieces of about the target, none beyond the most that a chunk holds."""
    left = sum(unit.words for unit in units)
    piece: list[Unit] = []
    words = characters = 0
    for unit in units:
        coming, room = unit.words, MOST_CHARACTERS - unit.characters
        if piece and (characters > room or _is_full(words, coming, left)):
            carried = _introduction(piece)
            if _characters(carried) > room:
                carried = []
            yield piece[: len(piece) - len(carried)]
            piece, words = carried, sum(unit.words for unit in carried)
            characters = _characters(carried)
        piece.append(unit)
        words += coming
        characters += unit.characters
        left -= coming
    yield piece


def _characters(units: Sequence[Unit]) -> int:
    return sum(unit.characters for unit in units)


def _is_full(words: int, coming: int, left: int) -> bool:
    """Decide whether to cut before a unit of `coming` words, the first of `left` words."""
    leaves_crumb = words < _FEWEST_WORDS or left < _FEWEST_WORDS
    if words + coming > MOST_WORDS:
        return not leaves_crumb
    if leaves_crumb or words + left <= _FULL_WORDS:
        return False
    return words >= TARGET_WORDS or (words >= TARGET_WORDS // 2 and words + coming > _FULL_WORDS)


def _introduction(piece: Sequence[Unit]) -> list[Unit]:
    """Return the headings, labels and lines with a colon that belong to what comes next."""
    count = 0
    for unit in reversed(piece):
        if unit.words > _FEWEST_WORDS or not _announces(unit):
            break
        count += 1
    return list(piece[len(piece) - count :]) if 0 < count < len(piece) else []


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
    return _dedented(lines).rstrip()


def _dedented(lines: Sequence[str]) -> str:
    """Take away the indent of an item whose first line went to the chunk before."""
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    width = min(indents, default=0)
    return "\n".join(line[width:] for line in lines)
