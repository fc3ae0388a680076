"""Cutting a Markdown answer into Discord messages.

Each part stands alone: fences are closed at its end and opened again in the next, links are
whole. Lengths are counted in UTF-16 code units, as Discord's own clients count: a text has never
fewer of them than characters, so a part within the limit is within it by either count.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from docbot.answers.markdown import Block, Fence, Span, blocks, source, spans

LIMIT = 2000  # Discord's, for the content of one message
_SMALLEST_LIMIT = 16  # below it not even an empty fence fits

# How good a place to cut is; a cut at a better place is taken although the part gets shorter,
# down to a quarter of the limit.
_INSIDE, _WORD, _SENTENCE, _CODE_LINE, _LINE, _PARAGRAPH = range(6)
_SHORTEST_PART = 0.25

_SPACE = re.compile(r"\s+")
# Scripts without spaces break after their (full-width) punctuation.
_IDEOGRAPHIC_END = re.compile("[\u3001\u3002\uff01\uff0c\uff1b\uff1f]+")
_SENTENCE_END = re.compile(r"[.!?…:;][\"')\]*_]*$")
# Zero-width joiner and non-joiner, and the two marks that choose text or emoji form.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
_LITERAL = re.compile(r"\\[^0-9A-Za-z\s]|`+|~{3,}")
_ONLY_MARKS = re.compile(r"[`~>\s]*")
_BEFORE_MARKS = re.compile(r"[^`~>\s][`~>\s]*$")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What surrounds a unit and is repeated when a cut falls inside: a fence's lines, or `."""

    first: str
    again: str
    end: str


_BARE = _Frame("```\n", "```\n", "\n```")


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a word, a link, a line of code; `gap` follows it unless a cut does."""

    text: str
    gap: str
    strength: int
    frame: _Frame | None = None


def length(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Cut an answer into messages of at most `limit` UTF-16 code units, none of them empty.

    A cut falls between paragraphs rather than lines, sentences or words, and inside a word,
    link or inline code only when that alone is over the limit. A text without words gives no
    message; a short one is given back as it is, an open fence closed.

    Raises:
        ValueError: `limit` is below 16.
    """
    if limit < _SMALLEST_LIMIT:
        raise ValueError(f"a limit of {limit} is too small for a message, give at least 16")
    text = text.strip("\n")
    if not text.strip():
        return []
    if length(text) <= limit and not _is_open(text):
        return [text]
    return _pack(_units(text, limit), limit)


def _is_open(text: str) -> bool:
    return any(isinstance(block, Fence) and block.closing is None for block in blocks(text))


def _pack(units: list[_Unit], limit: int) -> list[str]:
    joints = [_joint(here, after) for here, after in pairwise(units)]
    sizes = [length(unit.text) for unit in units]
    gaps = [length(joint) for joint in joints]
    parts = []
    start = 0
    while (start := _next_start(units, start)) < len(units):
        end = _end(units, sizes, gaps, start, limit)
        inside = zip((unit.text for unit in units[start:end]), joints[start:end], strict=True)
        body = "".join(text + joint for text, joint in inside) + units[end].text
        parts.append(_head(units, start) + body + _tail(units[end]))
        start = end + 1
    return parts


def _next_start(units: list[_Unit], start: int) -> int:
    """Skip blank lines of code where a part would begin with them."""
    while start < len(units) and start and not units[start].text.strip():
        start += 1
    return start


def _end(units: list[_Unit], sizes: list[int], gaps: list[int], start: int, limit: int) -> int:
    """Choose the last unit of the part that begins with `start`."""
    filled = length(_head(units, start)) + sizes[start]
    best, best_strength = start, -1
    for end in range(start, len(units)):
        if filled + length(_tail(units[end])) > limit:
            return best
        strength = units[end].strength if filled >= limit * _SHORTEST_PART else _INSIDE
        if strength >= best_strength:
            best, best_strength = end, strength
        if end + 1 < len(units):
            filled += gaps[end] + sizes[end + 1]
    return len(units) - 1


def _joint(here: _Unit, after: _Unit) -> str:
    if here.frame is after.frame:
        return here.gap
    return _tail(here) + here.gap + (after.frame.first if after.frame else "")


def _head(units: list[_Unit], start: int) -> str:
    frame = units[start].frame
    if frame is None:
        return ""
    begun = start > 0 and units[start - 1].frame is frame
    return frame.again if begun else frame.first


def _tail(unit: _Unit) -> str:
    return unit.frame.end if unit.frame else ""


def _units(text: str, limit: int) -> list[_Unit]:
    units: list[_Unit] = []
    for block in blocks(text):
        for unit in _block_units(block, limit):
            if unit.text or unit.frame:
                units.append(unit)
            elif units:  # blank lines widen the gap before them
                last = units[-1]
                units[-1] = replace(last, gap=last.gap + unit.gap)
    return units


def _block_units(block: Block, limit: int) -> Iterator[_Unit]:
    if not isinstance(block, Fence):
        return _prose_units(_inert(source(block)), limit)
    frame = _frame(block, limit)
    if frame is None:
        # What it held must stay code: as text it could act.
        block = _bare(block)
        frame = _BARE
    return _code_units(block, frame, limit)


def _bare(fence: Fence) -> Fence:
    """Give the fence without what stands in its first line; that becomes a line of its code."""
    written = [fence.info, *fence.lines] if fence.info else fence.lines
    lines = tuple(line.replace("```", "``\u200b`") for line in written)
    return replace(fence, opening="```", prefix="", marker="```", info="", lines=lines)


def _frame(fence: Fence, limit: int) -> _Frame | None:
    """Give the lines around each part of a fence; None if they alone would fill a message."""
    closing = f"\n{fence.closing or fence.prefix + fence.marker}"
    language = fence.info.split(maxsplit=1)[0] if fence.info else ""
    again = f"{fence.prefix}{fence.marker}{language}\n"
    first = f"{fence.opening}\n"
    if length(first) + length(closing) > limit // 2:
        first = again
    if length(again) + length(closing) > limit // 2:
        return None
    return _Frame(first, again, closing)


def _code_units(fence: Fence, frame: _Frame, limit: int) -> Iterator[_Unit]:
    room = limit - max(length(frame.first), length(frame.again)) - length(frame.end)
    # A blank line would end the quotation that an empty fence may stand in.
    lines = fence.lines or (fence.prefix.rstrip(),)
    for number, line in enumerate(lines, start=1):
        last = number == len(lines)
        pieces = [line] if length(line) <= room else _open_pieces(list(_chopped(line, room)), room)
        for piece in pieces[:-1]:
            yield _Unit(piece, "", _WORD, frame)
        yield _Unit(pieces[-1], "\n", _PARAGRAPH if last else _CODE_LINE, frame)


def _open_pieces(pieces: list[str], room: int) -> list[str]:
    """Move a little of a line to its next piece where that alone would end the fence."""
    moved = pieces[:1]
    for piece in pieces[1:]:
        before = _BEFORE_MARKS.search(moved[-1])
        if _ONLY_MARKS.fullmatch(piece) and before and length(before[0] + piece) <= room:
            moved[-1] = moved[-1][: before.start()]
            moved.append(before[0] + piece)
        else:
            moved.append(piece)
    return [piece for piece in moved if piece]


def _inert(prose: str) -> str:
    """Escape marks that stand for themselves where a part that begins with them would open a fence.

    All of them, since one alone could be taken for the end of another.
    """
    marks: list[str] = []
    written: list[str] = []
    position = 0
    for span in [*spans(prose), Span("code", len(prose), len(prose))]:
        between = prose[position : span.start]
        marks += _LITERAL.findall(between)
        written.append(_LITERAL.sub(_escaped, between))
        whole = prose[span.start : span.end]
        # Code marked like a fence would be one at the start of a part, were it of several lines.
        is_marked = span.kind == "code" and whole.startswith("```")
        written.append(whole.replace("\n", " ") if is_marked else whole)
        position = span.end
    is_needed = "```" in prose or any(mark.startswith("~") for mark in marks)
    return "".join(written) if is_needed else prose


def _escaped(mark: re.Match[str]) -> str:
    return mark[0] if mark[0].startswith("\\") else "".join(f"\\{each}" for each in mark[0])


def _prose_units(text: str, limit: int) -> Iterator[_Unit]:
    """Cut prose into words; what holds spaces but is one (a link, inline code) stays whole."""
    whole = spans(text)
    starts = [span.start for span in whole]
    position = 0
    for begin, end in _breaks(text):
        holder = bisect_left(starts, begin) - 1
        if holder >= 0 and begin < whole[holder].end:
            continue
        gap = text[begin:end]
        yield from _word_units(text[position:begin], gap, _strength(text, begin, gap), limit)
        position = end
    strength = _strength(text, len(text), "\n\n")
    yield from _word_units(text[position:], "\n", strength, limit)


def _breaks(text: str) -> list[tuple[int, int]]:
    """List where prose may be cut: its white space, and the empty places after wide punctuation.

    The indentation of a line belongs to its first word.
    """
    places = [(match.end(), match.end()) for match in _IDEOGRAPHIC_END.finditer(text)]
    for match in _SPACE.finditer(text):
        newline = text.rfind("\n", match.start(), match.end())
        places.append((match.start(), match.end() if newline < 0 else newline + 1))
    return sorted(places)


def _strength(text: str, position: int, gap: str) -> int:
    lines = gap.count("\n")
    before = text[max(0, position - 8) : position]
    if not lines:
        return _SENTENCE if _SENTENCE_END.search(before) or not gap else _WORD
    line_start = text.rfind("\n", 0, position) + 1
    if _HEADING.match(text, line_start) or before.endswith(":"):
        return _WORD  # a heading or a lead-in stays with what it leads to
    return _PARAGRAPH if lines > 1 else _LINE


def _word_units(word: str, gap: str, strength: int, limit: int) -> Iterator[_Unit]:
    if length(word) <= limit:
        if word or gap:
            yield _Unit(word, gap, strength)
        return
    pieces = list(_long_word(word, limit))
    yield from pieces[:-1]
    last = pieces[-1]
    yield _Unit(last.text, gap, strength, last.frame)


def _long_word(word: str, limit: int) -> Iterator[_Unit]:
    """Cut a word over the limit: around its links and code, then between its characters."""
    position = 0
    for span in spans(word):
        yield from _characters(word[position : span.start], limit)
        yield from _long_span(word[span.start : span.end], span, limit)
        position = span.end
    yield from _characters(word[position:], limit)


def _characters(text: str, limit: int) -> Iterator[_Unit]:
    return (_Unit(cluster, "", _INSIDE) for cluster in _clusters(text, limit))


def _long_span(written: str, span: Span, limit: int) -> Iterator[_Unit]:
    marker = written[: (len(written) - len(span.text)) // 2]
    if length(written) <= limit:
        yield _Unit(written, "", _INSIDE)
    elif span.kind == "code" and len(marker) <= limit // 4:
        # A mark inside must not touch those around it.
        space = " " if "`" in span.text else ""
        frame = _Frame(marker + space, marker + space, space + marker)
        pieces = _chopped(span.text, limit - 2 * len(marker + space))
        yield from (_Unit(piece, "", _WORD, frame) for piece in pieces)
    else:
        yield from (_Unit(piece, "", _INSIDE) for piece in _chopped(written, limit))


def _chopped(text: str, room: int) -> Iterator[str]:
    """Cut into pieces that fit, after a space where one lies in the second half."""
    clusters = list(_clusters(text, room))
    ends = list(accumulate(length(cluster) for cluster in clusters))
    start = 0
    while start < len(clusters):
        used = ends[start - 1] if start else 0
        stop = bisect_right(ends, used + room)
        if stop < len(clusters):
            spaces = (at for at in range(stop, (start + stop) // 2, -1) if clusters[at - 1] == " ")
            stop = next(spaces, stop)
        yield "".join(clusters[start:stop])
        start = stop


def _clusters(text: str, most: int) -> Iterator[str]:
    """Cut into what a reader sees as one character; a heap of over `most` units is cut up."""
    start = 0
    for position in range(1, len(text) + 1):
        if position < len(text) and _joined(text, start, position):
            fits = 2 * (position + 1 - start) <= most
            if fits or "\ud800" <= text[position - 1] <= "\udbff":
                continue
        if start < position:
            yield text[start:position]
        start = position


def _joined(text: str, start: int, position: int) -> bool:
    """Tell whether the character at `position` belongs to the cluster that began at `start`.

    Source: Unicode Standard Annex 29, its rules for emoji, flags, marks and Hangul.
    """
    before, here = text[position - 1], text[position]
    if before == "\\" and position - start == 1 and not (here.isalnum() or here.isspace()):
        return True  # what a backslash keeps from acting would act alone
    if here in _JOINERS or before == "\u200d" or unicodedata.category(here) in {"Mn", "Mc", "Me"}:
        return True
    if "\U0001f3fb" <= here <= "\U0001f3ff" or "\U000e0020" <= here <= "\U000e007f":
        return True  # skin tones, and the letters of a region's flag
    if _is_flag_letter(before) and _is_flag_letter(here):
        return position - start == 1
    if "\ud800" <= before <= "\udbff":
        return "\udc00" <= here <= "\udfff"
    return "\u1160" <= here <= "\u11ff"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
