"""Markdown seen as the smallest blocks that a cut may stand between.

The units of a text, one after the other, are its lines: nothing is lost, whatever the Markdown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from docbot.knowledge.chunking.cutting import Part, Rule, Rules, pieces
from docbot.knowledge.chunking.tokens import tokens

MOST = 500  # of a chunk, in tokens
MOST_WHOLE = 1000  # of a chunk that a single block fills; no chunk could hold more
_MOST_FENCE = 900  # a fence up to this stays whole; there is room for what introduces it
# So much counts as a token even where it is blank, so that every chunk has a longest length.
_CHARACTERS_A_TOKEN = 8
_LONGEST_OPENING = 1000  # characters of a fence's first line; what is repeated must be short
_LONGEST_HEADER = 1000  # of a table
_LONGEST_PREFIX = 200
_NAME = 40  # characters that tell a place from others; an edit further on moves no cut
_IDEOGRAPHIC_END = re.compile("(?<=[\u3002\uff01\uff1f])")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_LEAVES = frozenset({"paragraph_open", "heading_open", "fence", "code_block", "hr", "tr_open"})

_FEWEST = 200  # of a piece of what is enormous
_LAST_RESORT = 100
# Code is cut after a blank line, the less indented the better; else at a line without indent.
_AFTER_BLANK = 2
_UNINDENTED = 1
_MOST_INDENT = 16
_CODE_RULES = Rules(
    MOST,
    within=(),
    beyond=(
        Rule(_FEWEST, _AFTER_BLANK + _MOST_INDENT),
        Rule(_LAST_RESORT, _AFTER_BLANK + _MOST_INDENT),
        Rule(_FEWEST, _AFTER_BLANK),
        Rule(_LAST_RESORT, _AFTER_BLANK),
        Rule(_FEWEST, 0),
        Rule(1, 0),
    ),
)
_SENTENCE, _WORD, _SLICE = 2, 1, 0
_TEXT_RULES = Rules(
    MOST,
    within=(),
    beyond=(
        Rule(_FEWEST, _SENTENCE),
        Rule(_LAST_RESORT, _SENTENCE),
        Rule(_LAST_RESORT, _SLICE),
        Rule(1, _SLICE),
    ),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Some lines of a page that stay together.

    `repeated` are lines to set before when a chunk begins here: a table's header.
    """

    lines: tuple[str, ...]
    is_heading: bool = False
    is_code: bool = False
    repeated: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return size_of(self.lines)


def size_of(lines: Sequence[str]) -> int:
    """Return how much of a chunk lines take: their tokens, or more where they are mostly blank."""
    characters = sum(map(len, lines)) + len(lines)
    return max(tokens("\n".join(lines)), -(-characters // _CHARACTERS_A_TOKEN))


def split_units(markdown: str) -> list[Unit]:
    """Split a text into units; together they are its lines."""
    lines = markdown.splitlines()
    # Only blocks matter, so inline text is not parsed. HTML and setext underlines are plain text
    # here: pages were normalised before.
    parser = MarkdownIt("commonmark").enable("table")
    parser.disable(["inline", "text_join", "html_block", "lheading", "reference"])
    parser.options["maxNesting"] = 40
    tokens = parser.parse("\n".join(lines))
    starts = _starts(tokens)
    if not starts:
        return list(_cut_if_enormous(Unit(tuple(lines)))) if lines else []
    units: list[Unit] = []
    for index, (first, token, header) in enumerate(starts):
        begin = 0 if index == 0 else first
        end = starts[index + 1][0] if index + 1 < len(starts) else len(lines)
        units += _split(_unit(lines[begin:end], token, lines, header), token)
    return units


def _starts(tokens: Sequence[Token]) -> list[tuple[int, Token, tuple[int, int] | None]]:
    """Return where each unit begins, what it is, and the header lines of the table it is in."""
    starts: list[tuple[int, Token, tuple[int, int] | None]] = []
    header: tuple[int, int] | None = None
    item_start: int | None = None
    for token in tokens:
        if token.type == "table_open" and token.map:
            header = (token.map[0], token.map[0] + 2)
        elif token.type == "table_close":
            header = None
        elif token.type in {"list_item_open", "blockquote_open"} and token.map:
            # The marker stands on the line of the first block within.
            item_start = token.map[0] if item_start is None else item_start
        if token.type not in _LEAVES or not token.map:
            continue
        first = token.map[0] if item_start is None else min(item_start, token.map[0])
        item_start = None
        if not starts or first > starts[-1][0]:
            starts.append((first, token, header))
    return starts


def _unit(
    own: Sequence[str], token: Token, lines: Sequence[str], header: tuple[int, int] | None
) -> Unit:
    repeated: tuple[str, ...] = ()
    if header is not None and token.map and token.map[0] >= header[1]:
        repeated = tuple(lines[header[0] : header[1]])
        if sum(map(len, repeated)) > _LONGEST_HEADER:
            repeated = ()
    return Unit(
        lines=tuple(own),
        is_heading=token.type == "heading_open" and token.level == 0,
        is_code=token.type in {"fence", "code_block"},
        repeated=repeated,
    )


def _split(unit: Unit, token: Token) -> Iterator[Unit]:
    for part in _split_by_kind(unit, token):
        yield from _cut_if_enormous(part)


def _cut_if_enormous(unit: Unit) -> Iterator[Unit]:
    """Cut what no reader of Markdown would take for prose or code, as nesting without end."""
    if unit.size <= MOST_WHOLE:
        yield unit
    else:
        yield from (replace(unit, lines=tuple(piece)) for piece in _portions(unit.lines))


def _split_by_kind(unit: Unit, token: Token) -> Iterator[Unit]:
    size = unit.size
    if size > _MOST_FENCE and token.type == "fence" and _is_repeatable(unit, token):
        yield from _split_fence(unit, token)
    elif size > _MOST_FENCE and token.type in {"fence", "code_block"}:
        yield from (replace(unit, lines=tuple(piece)) for piece in _portions(unit.lines))
    elif size > MOST_WHOLE or (size > MOST and token.type in {"paragraph_open", "heading_open"}):
        yield from _split_text(unit)
    else:
        yield unit


def _is_repeatable(unit: Unit, token: Token) -> bool:
    opening = next(line for line in unit.lines if token.markup in line)
    return len(opening) <= _LONGEST_OPENING


def _split_fence(unit: Unit, token: Token) -> Iterator[Unit]:
    """Cut an enormous fence at blank lines where it can be, closing and reopening it."""
    opening = next(i for i, line in enumerate(unit.lines) if token.markup in line)
    prefix_width = unit.lines[opening].index(token.markup)
    # "- ```" opens an item too; what is reopened stands within it.
    prefix = re.sub(r"[^\s>]", " ", unit.lines[opening][:prefix_width])
    last = max(i for i, line in enumerate(unit.lines) if line.strip(" >") or i == opening)
    is_closed = last > opening and unit.lines[last].strip(" >") == token.markup
    body = unit.lines[opening + 1 : last if is_closed else last + 1]
    closing = unit.lines[last:] if is_closed else (prefix + token.markup,)
    reopening = f"{prefix}{token.markup}{token.info}"
    portions = list(_portions(body))
    for number, portion in enumerate(portions):
        head = unit.lines[: opening + 1] if number == 0 else (reopening,)
        tail = closing if number == len(portions) - 1 else (prefix + token.markup,)
        yield replace(unit, lines=(*head, *portion, *tail))


def _portions(body: Sequence[str]) -> Iterator[list[str]]:
    """Cut lines of code into pieces of a chunk's size."""
    lines = [piece for whole in body for piece in _pieces_of_line(whole)]
    for piece in pieces(list(_lines_as_parts(lines)), _CODE_RULES):
        yield lines[piece.start : piece.stop]


def _lines_as_parts(lines: Sequence[str]) -> Iterator[Part]:
    is_after_blank = False
    for line in lines:
        text = line.lstrip(" >\t")
        indent = min(len(line) - len(text), _MOST_INDENT)
        rank = _UNINDENTED if text and not indent else 0
        if is_after_blank and text:
            rank = _AFTER_BLANK + _MOST_INDENT - indent
        yield Part(size_of([line]), rank, text[:_NAME])
        is_after_blank = not text


def _pieces_of_line(line: str) -> Iterator[str]:
    """Cut a line beyond all measure, as of minified code; each piece has what the line begins with."""
    if _fits(line):
        yield line
        return
    text = line.lstrip(" >")
    before = line[: len(line) - len(text)]
    if len(before) > _LONGEST_PREFIX:
        text, before = line, ""
    yield from (before + piece for piece in _slices(text))


def _slices(text: str) -> Iterator[str]:
    width = max(len(text) * MOST // size_of([text]), 1)
    return (text[start : start + width] for start in range(0, len(text), width))


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A part of a paragraph; `glue` is what parts it from the one before."""

    text: str
    glue: str
    rank: int


def _split_text(unit: Unit) -> Iterator[Unit]:
    """Cut a paragraph beyond all measure at its lines, its sentences, at last between words."""
    phrases = [phrase for line in unit.lines for phrase in _phrases(line)]
    parts = [Part(size_of([phrase.text]), phrase.rank, phrase.text[:_NAME]) for phrase in phrases]
    for piece in pieces(parts, _TEXT_RULES):
        first, *others = phrases[piece.start : piece.stop]
        text = first.text + "".join(phrase.glue + phrase.text for phrase in others)
        yield replace(unit, lines=tuple(text.split("\n")), is_heading=False)


def _phrases(line: str) -> Iterator[_Phrase]:
    if _fits(line):
        yield _Phrase(line, "\n", _SENTENCE)
        return
    glue = "\n"
    for sentence in _SENTENCE_END.split(line):
        if _fits(sentence):
            yield _Phrase(sentence, glue, _SENTENCE)
        else:
            yield from _phrases_of(sentence, glue)
        glue = " "


def _phrases_of(sentence: str, glue: str) -> Iterator[_Phrase]:
    """Part what is enormous between words; writing without spaces after its full stops."""
    rank = _SENTENCE
    for word in sentence.split():
        for clause in _IDEOGRAPHIC_END.split(word):
            for piece in _pieces_of_word(clause):
                yield _Phrase(piece, glue, rank)
                glue, rank = "", _SLICE
            rank = _SENTENCE
        glue, rank = " ", _WORD


def _pieces_of_word(word: str) -> Iterator[str]:
    return iter([word]) if _fits(word) else _slices(word)


def _fits(text: str) -> bool:
    """Tell whether a text is within a chunk; no text has more tokens than characters."""
    return len(text) < MOST or size_of([text]) <= MOST
