"""Markdown seen as the smallest blocks that a cut may stand between.

The units of a text, one after the other, are its lines: nothing is lost, whatever the Markdown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

MOST_CHARACTERS = 6000  # of a chunk of several units
# A fence up to this stays whole; beyond it no chunk could hold it.
_MOST_FENCE_WORDS = 600
_MOST_FENCE_CHARACTERS = 6000  # without the ends of its lines
_MOST_UNIT_CHARACTERS = 8000  # with them: room for a whole fence, and for an odd one cut like text
_CUT_FENCE_WORDS = 200
_CUT_FENCE_CHARACTERS = 3000
_MOST_PORTION_CHARACTERS = 5000
_LONGEST_OPENING = 1000  # characters of a fence's first line; what is repeated must be short
_LONGEST_HEADER = 1000  # of a table
_LONGEST_PREFIX = 200
_MOST_PARAGRAPH_WORDS = 300
_LONGEST_LINE = 1500  # characters of code, and of what is written without spaces, kept together
_CHARACTERS_A_WORD = 25  # no text has longer words on average; what looks so is measured by length
_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_IDEOGRAPHS_A_WORD = 2
_LONGEST_WORD = 500
_CHARACTERS_A_CUT_WORD = 15  # 300 such words are a paragraph within all limits
_IDEOGRAPHIC_END = re.compile("(?<=[\u3002\uff01\uff1f])")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_LEAVES = frozenset({"paragraph_open", "heading_open", "fence", "code_block", "hr", "tr_open"})


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
    def words(self) -> int:
        return sum(map(_words, self.lines))

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines)) + len(self.lines)


def _words(line: str) -> int:
    """Count words; writing without spaces has two characters to a word."""
    spaced = len(line.split())
    if not line.isascii():
        spaced += len(_IDEOGRAPHS.findall(line)) // _IDEOGRAPHS_A_WORD
    return max(spaced, len(line) // _CHARACTERS_A_WORD)


def _weight(text: str) -> int:
    """Count words where a paragraph is cut; long ones count by their length."""
    return max(_words(text), -(-len(text) // _CHARACTERS_A_CUT_WORD))


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
    if unit.characters <= _MOST_UNIT_CHARACTERS:
        yield unit
    else:
        yield from (replace(unit, lines=tuple(piece)) for piece in _portions(unit.lines))


def _split_by_kind(unit: Unit, token: Token) -> Iterator[Unit]:
    is_enormous = _is_enormous(unit)
    if is_enormous and token.type == "fence" and _is_repeatable(unit, token):
        yield from _split_fence(unit, token)
    elif is_enormous and token.type in {"fence", "code_block"}:
        yield from (replace(unit, lines=tuple(piece)) for piece in _portions(unit.lines))
    elif is_enormous or (
        token.type in {"paragraph_open", "heading_open"} and unit.words > _MOST_PARAGRAPH_WORDS
    ):
        yield from _split_paragraph(unit)
    else:
        yield unit


def _is_enormous(unit: Unit) -> bool:
    return (
        unit.words > _MOST_FENCE_WORDS
        or sum(map(len, unit.lines)) > _MOST_FENCE_CHARACTERS
        or unit.characters > _MOST_UNIT_CHARACTERS
    )


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
    pieces = list(_portions(body))
    for number, piece in enumerate(pieces):
        head = unit.lines[: opening + 1] if number == 0 else (reopening,)
        tail = closing if number == len(pieces) - 1 else (prefix + token.markup,)
        yield replace(unit, lines=(*head, *piece, *tail))


def _portions(body: Sequence[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    words = characters = 0
    for line in (piece for whole in body for piece in _pieces_of_line(whole)):
        is_over = words > _CUT_FENCE_WORDS or characters > _CUT_FENCE_CHARACTERS
        is_far_over = (
            words > _CUT_FENCE_WORDS * 3 // 2
            or characters > _CUT_FENCE_CHARACTERS * 3 // 2
            or characters + len(portion) + len(line) > _MOST_PORTION_CHARACTERS
        )
        if portion and (is_far_over or (is_over and not line.strip(" >"))):
            yield portion
            portion, words, characters = [], 0, 0
        portion.append(line)
        words += len(line.split())
        characters += len(line)
    yield portion


def _pieces_of_line(line: str) -> Iterator[str]:
    """Cut a line beyond all measure, as of minified code; each piece has what the line begins with."""
    if len(line) <= _LONGEST_LINE:
        yield line
        return
    text = line.lstrip(" >")
    before = line[: len(line) - len(text)]
    if len(before) > _LONGEST_PREFIX:
        text, before = line, ""
    for start in range(0, len(text), _LONGEST_LINE):
        yield before + text[start : start + _LONGEST_LINE]


def _split_paragraph(unit: Unit) -> Iterator[Unit]:
    """Cut a paragraph beyond all measure at its lines, its sentences, at last between words."""
    portion: list[str] = []
    words = 0
    for line in unit.lines:
        for piece in _phrases(line):
            count = _weight(piece)
            if portion and words + count > _MOST_PARAGRAPH_WORDS:
                yield replace(unit, lines=tuple(portion))
                portion, words = [], 0
            portion.append(piece)
            words += count
    yield replace(unit, lines=tuple(portion))


def _phrases(line: str) -> Iterator[str]:
    if _weight(line) <= _MOST_PARAGRAPH_WORDS:
        yield line
        return
    for sentence in _SENTENCE_END.split(line):
        yield from _phrases_of(sentence)


def _phrases_of(sentence: str) -> Iterator[str]:
    phrase: list[str] = []
    count = 0
    for word in (piece for whole in sentence.split() for piece in _pieces_of_word(whole)):
        coming = _weight(word)
        if phrase and count + coming > _MOST_PARAGRAPH_WORDS:
            yield " ".join(phrase)
            phrase, count = [], 0
        phrase.append(word)
        count += coming
    if phrase:
        yield " ".join(phrase)


def _pieces_of_word(word: str) -> Iterator[str]:
    """Cut writing without spaces after its full stops, else anywhere, once it is enormous."""
    if _weight(word) <= _MOST_PARAGRAPH_WORDS:
        yield word
        return
    for sentence in _IDEOGRAPHIC_END.split(word):
        for start in range(0, len(sentence), _LONGEST_WORD):
            yield sentence[start : start + _LONGEST_WORD]
