"""A passage cut into what can be quoted of it: sentences, list items, code and tables.

Each unit says what must stand before it to be understood, and what it is worth against a plain
statement. What no reader misses is no unit or never quoted: admonition markers, footnotes,
images, lines about versions, pointers to other pages. Pure functions, linear in their text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from docbot.answers.citations import without_numbers
from docbot.answers.markdown import Fence, Prose, blocks
from docbot.answers.statements import (
    ASIDE,
    WEAK,
    has_words_outside_links,
    is_long_enough,
    is_of_the_page,
    is_pointer,
    is_whole,
    leads_in,
    leans,
    leans_on_heading,
    may_cite,
    readable,
    sentences,
    with_plain_links,
    worth,
)
from docbot.answers.tables import table_length

Kind = Literal["sentence", "item", "code", "table"]

_OUTPUT = 0.25  # of what a program prints, against the code that makes it do so
_LEAST_WORDS = 4  # a shorter sentence says nothing alone
_LEAST_ITEM_WORDS = 2  # its lead-in says the rest

_HEADING = re.compile(r"[ \t]*(?P<marks>#{1,6})[ \t]+(?P<name>.*?)[ \t#]*$")
_BOLD_LINE = re.compile(r"\*\*(?P<name>[^*\n]{1,120}?):?\*\*:?")
_QUOTED = re.compile(r"[ \t]*(?:>[ \t]?)+")
_ITEM = re.compile(r"(?P<indent>[ \t]*)(?P<bullet>[-*+]|\d{1,9}[.)])[ \t]+(?P<text>\S.*)")
_SKIPPED_LINE = re.compile(
    r"[ \t]*(?:\[\^?[^\]\n]+\]:|:::|\.\. |</?[A-Za-z][^>\n]*>[ \t]*$|[-*_=][-*_= \t]*$|!!! |\?\?\? )"
)
_INDENTED_CODE = re.compile(r"(?: {4}|\t)")

_LOG_LINE = re.compile(
    r"\s*(?:\[?\d{4}-\d\d-\d\d|\[?\d\d:\d\d:\d\d|(?:\[?(?:INFO|WARNING|ERROR|DEBUG)\b)|\(\w+ pid=\d+"
    r"|[+|]?[-=+|]{8,}|[├└│|]|.*\d%\||\w+ \| )"
)
_OUTPUT_LANGUAGES = frozenset(
    {"text", "output", "log", "logs", "none", "ansi", "plaintext", "txt", "mermaid"}
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a passage; of `level` 1 to 6."""

    name: str
    level: int


Headings: TypeAlias = tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece to quote or to leave; a sentence of its own is never cut.

    Args:
        kind: what it is.
        text: Markdown in one line for a sentence or an item (its bullet with it); of code the
            lines inside its fence, of a table its lines.
        headings: those within the passage that it stands below, the outermost first.
        paragraph: number of the paragraph or list that it stands in.
        worth: 0 where it is never quoted for itself, 1 for a plain statement.
        needs: place of the unit that must stand before it.
        quotable: False for what is never quoted.
        language: of code.
        depth: of an item within its list.
    """

    kind: Kind
    text: str
    headings: Headings
    paragraph: int
    worth: float = 1.0
    needs: int | None = None
    quotable: bool = True
    language: str = ""
    depth: int = 0


@dataclass(slots=True)
class _Piece:
    """A paragraph, an item, code or a table as it stands in the text."""

    kind: Kind
    lines: list[str]
    headings: Headings
    aside: bool = False
    bullet: str = ""
    indent: int = 0
    language: str = ""
    follows: bool = False  # the item of the same list before it
    is_label: bool = False  # a line in bold, such as the name of a tab


def units(text: str) -> list[Unit]:
    """Cut the Markdown of a passage into its units, in order."""
    found: list[Unit] = []
    parents: list[tuple[int, int]] = []  # indentation and place of the items that are open
    steps: dict[tuple[int, int | None], int] = {}  # the last step by what all of them need
    lead_in: int | None = None
    paragraph = 0
    for piece in _pieces(without_numbers(text) if may_cite(text) else text):
        paragraph += not piece.follows
        if piece.kind == "item":
            if not piece.follows:
                parents, steps, lead_in = [], {}, _lead_in(found, piece.headings)
            while parents and parents[-1][0] >= piece.indent:
                parents.pop()
            needs = parents[-1][1] if parents else lead_in
            step = steps.get((len(parents), needs))
            is_step = piece.bullet[0].isdigit()
            needed = step if is_step and step is not None else needs
            is_on_the_page = lead_in is not None and is_of_the_page(found[lead_in].text)
            item = _item(piece, paragraph, needed, len(parents), is_on_the_page=is_on_the_page)
            steps[len(parents), needs] = len(found)
            parents.append((piece.indent, len(found)))
            found.append(item)
        elif piece.kind == "sentence":
            _add_sentences(found, piece, paragraph)
        else:
            is_behind_code = bool(found) and found[-1].kind == "code" and found[-1].language != ""
            is_output = is_behind_code and not piece.language
            found.append(
                _code(piece, paragraph, _lead_in(found, piece.headings), is_output=is_output)
            )
    return found


def _pieces(text: str) -> Iterator[_Piece]:
    reader = _Reader()
    for block in blocks(text):
        if isinstance(block, Fence):
            reader.fence(block)
        else:
            reader.prose(block)
    yield from reader.done()


class _Reader:
    """Reads lines into pieces: what each line is depends on those before it."""

    def __init__(self) -> None:
        self._found: list[_Piece] = []
        self._open: _Piece | None = None
        self._headings: Headings = ()
        self._in_list = False
        self._skips_remark = False  # "See also" and its links

    def fence(self, fence: Fence) -> None:
        self._end()
        before = _QUOTED if fence.quoted else re.compile(re.escape(fence.prefix))
        lines = [
            line[match.end() :] if (match := before.match(line)) else line for line in fence.lines
        ]
        if any(line.strip() for line in lines):
            language = re.match(r"[A-Za-z0-9_+\-.#]*", fence.info)
            piece = _Piece("code", lines, self._headings, aside=fence.quoted)
            piece.language = language[0] if language else ""
            self._found.append(piece)
        self._in_list = self._in_list and bool(fence.prefix)

    def prose(self, block: Prose) -> None:
        lines = block.text.split("\n")
        position = 0
        while position < len(lines):
            taken = table_length(lines, position)
            if taken:
                self._end()
                self._found.append(
                    _Piece("table", lines[position : position + taken], self._headings)
                )
                self._in_list = False
            else:
                self._line(lines[position])
            position += taken or 1
        self._end()

    def done(self) -> list[_Piece]:
        self._end()
        return self._found

    def _end(self) -> None:
        if self._open is not None:
            self._close(self._open)
            self._open = None

    def _close(self, piece: _Piece) -> None:
        is_prose = piece.kind == "sentence"
        name = _BOLD_LINE.fullmatch(" ".join(piece.lines).strip()) if is_prose else None
        if name is not None and piece.aside:
            self._skips_remark = name["name"].lower().startswith("see also")
        else:
            piece.is_label = name is not None
            self._found.append(piece)

    def _line(self, line: str) -> None:
        marks = _QUOTED.match(line)
        aside = marks is not None and ">" in marks[0]
        inside = line[marks.end() :] if marks and aside else line
        if not aside:
            self._skips_remark = False
        heading = _HEADING.match(inside)
        if heading or not inside.strip() or _SKIPPED_LINE.match(inside):
            self._end()
            if heading:
                self._below(Heading(with_plain_links(heading["name"]), len(heading["marks"])))
                self._in_list = False
            return
        item = _ITEM.match(inside)
        if self._skips_remark:
            return
        if item:
            self._end()
            indent = len(item["indent"].expandtabs(4))
            self._open = _Piece(
                "item", [item["text"]], self._headings, aside, item["bullet"], indent
            )
            self._open.follows = self._in_list
            self._in_list = True
        elif self._open is not None and self._open.aside == aside:
            self._open.lines.append(inside)
        else:
            self._paragraph(inside, aside=aside)

    def _below(self, heading: Heading) -> None:
        above = (outer for outer in self._headings if outer.level < heading.level)
        self._headings = (*above, heading)

    def _paragraph(self, line: str, *, aside: bool) -> None:
        self._end()
        is_within = self._in_list and line[:1] in " \t"
        if not is_within and _INDENTED_CODE.match(line):
            return
        self._in_list = is_within
        self._open = _Piece("sentence", [line], self._headings, aside)


def _lead_in(found: Sequence[Unit], headings: Headings) -> int | None:
    """Give the place of the sentence right before that announces what comes."""
    if found and found[-1].kind == "sentence" and found[-1].headings == headings:
        before = found[-1]
        if leads_in(before.text):
            return len(found) - 1
    return None


def _item(
    piece: _Piece, paragraph: int, needs: int | None, depth: int, *, is_on_the_page: bool
) -> Unit:
    text = readable(" ".join(piece.lines))
    value = worth(text, aside=piece.aside) * (WEAK if is_on_the_page else 1.0)
    return Unit(
        "item",
        f"{piece.bullet} {text}",
        piece.headings,
        paragraph,
        worth=0.0 if leads_in(text) else value,
        needs=needs,
        quotable=_says_something(text, " ".join(piece.lines), _LEAST_ITEM_WORDS),
        depth=depth,
    )


def _add_sentences(found: list[Unit], piece: _Piece, paragraph: int) -> None:
    raw = " ".join(piece.lines)
    is_navigation = not has_words_outside_links(raw)
    for sentence in sentences(readable(raw)):
        unit = Unit(
            "sentence",
            sentence,
            piece.headings,
            paragraph,
            worth=0.0 if leads_in(sentence) else worth(sentence, aside=piece.aside),
            quotable=not (is_navigation or piece.is_label)
            and is_whole(sentence)
            and not is_pointer(sentence)
            and (leads_in(sentence) or is_long_enough(sentence, _LEAST_WORDS)),
        )
        if leans(sentence):
            unit = _leaning(unit, found)
        found.append(unit)


def _leaning(unit: Unit, found: Sequence[Unit]) -> Unit:
    """Tie a sentence to the one before it; under a heading "this" may be what that names."""
    if not found or found[-1].headings != unit.headings:
        return unit if leans_on_heading(unit.text) else replace(unit, quotable=False)
    if found[-1].kind != "sentence":
        return replace(unit, quotable=False)
    return replace(unit, needs=len(found) - 1)


def _code(piece: _Piece, paragraph: int, needs: int | None, *, is_output: bool) -> Unit:
    lines = [line.rstrip() for line in piece.lines]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    value = ASIDE if piece.aside else 1.0
    if piece.kind == "code":
        logged = sum(_LOG_LINE.match(line) is not None for line in lines)
        if is_output or logged > len(lines) / 3 or piece.language.lower() in _OUTPUT_LANGUAGES:
            value *= _OUTPUT
    text = "\n".join(lines)
    return Unit(piece.kind, text, piece.headings, paragraph, value, needs, language=piece.language)


def _says_something(text: str, raw: str, least_words: int) -> bool:
    return (
        has_words_outside_links(raw)
        and is_whole(text)
        and not is_pointer(text)
        and is_long_enough(text, least_words)
    )
