"""Where code, links and addresses lie in a Markdown text.

One reading for all that handles answers: splitting, sanitising and citations agree on what is
code and what is a link. Every function takes time linear in its text, and only finds; what is
done with a find is the caller's.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

# What ends an address. The backslash does, so that an escape after it stays whole, and `](`
# does, where the label of a link ends.
_REST = r"(?:[^\s<>`\\\]]|\](?!\())"
# A scheme glued to a word is an address too: Discord links the end of `xhttps://host`.
ADDRESS = re.compile(
    rf"""(?<![A-Za-z0-9+.\-])(?:
      [A-Za-z0-9+.\-]+://{_REST}*
    | (?:https?|ftp):/+{_REST}*
    | www\.{_REST}+
    | (?:javascript|vbscript|mailto|tel):{_REST}+
    | data:\w+/{_REST}+
    | (?:[a-z0-9\-]+\.)+[a-z]{{2,}}(?::\d+)?/{_REST}*
    )""",
    re.IGNORECASE | re.VERBOSE,
)

# Possessive: two runs of blanks side by side take the square of their length to fail.
_OPENING = re.compile(
    r"(?P<quote>[ \t]*+(?:>[ \t]?)*+[ \t]*+)(?P<bullet>(?:[-*+]|\d{1,9}[.)])[ \t]+)?"
    r"(?P<marker>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$"
)
_CLOSING = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*$")
_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)+")
_RUN = re.compile(r"`+")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+\-.#]+")
_PARAGRAPH_END = re.compile(r"\n[ \t]*(?=\n)")

_MARK = re.compile(
    r"\\[^0-9A-Za-z\s]|`+|!?\[|\]"
    r"|<(?:[a-z][a-z0-9+.\-]*:/|mailto:|javascript:|data:|tel:)[^\s<>`]*>",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"""\([ \t]*\n?[ \t]*
    (?:<(?P<angled>[^<>\n]*)>|(?P<bare>(?:[^\s()<>`]|\([^\s()`]*\))*))
    (?:\s+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?
    [ \t]*\n?[ \t]*\)""",
    re.VERBOSE,
)
_LABEL = re.compile(r"\[([^\[\]\n]*)\]")
# One of these stands in whatever `spans` finds.
_TELLTALES = ("`", "[", "<", "/", ":", "www.")

SpanKind = Literal["code", "image", "link", "autolink", "address"]


@dataclass(frozen=True, slots=True)
class Prose:
    text: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A code fence; `lines` are raw, with whatever indents or quotes them."""

    opening: str  # the whole line
    prefix: str  # what stands before the marker, a list's bullet made blank
    bullet: str  # the bullet as it was written, or nothing
    marker: str
    info: str
    lines: tuple[str, ...]
    closing: str | None  # the whole line; None: the text ended first

    @property
    def quoted(self) -> bool:
        return ">" in self.prefix

    @property
    def code(self) -> list[str]:
        """The lines without what indents or quotes them."""
        return [self._unindented(line) for line in self.lines]

    @property
    def language(self) -> str:
        """As it is named behind the marker, or nothing."""
        named = _LANGUAGE.match(self.info)
        return named[0] if named else ""

    def _unindented(self, line: str) -> str:
        if self.quoted:
            return re.sub(r"^[ \t]*(?:>[ \t]?)+", "", line)
        indent = len(self.prefix)
        return line[:indent].lstrip(" ") + line[indent:]


Block = Prose | Fence


@dataclass(frozen=True, slots=True)
class Span:
    """A find in prose, `start` to `end`.

    `text` is a link's label, an image's alternative text or the inside of code; `target` the
    address of a link, an autolink or a bare address, as written.
    """

    kind: SpanKind
    start: int
    end: int
    text: str = ""
    target: str = ""


def blocks(text: str) -> list[Block]:
    """Cut a text into prose and fences, whole lines each; a fence left open ends with the text."""
    found: list[Block] = []
    prose: list[str] = []
    lines = deque(text.split("\n"))
    while lines:
        line = lines.popleft()
        opening = _OPENING.match(line)
        if opening is None:
            prose.append(line)
            continue
        if prose:
            found.append(Prose("\n".join(prose)))
            prose = []
        found.append(_fence(opening, lines))
    if prose:
        found.append(Prose("\n".join(prose)))
    return found


def source(block: Block) -> str:
    """Give a block back as it was written."""
    if isinstance(block, Prose):
        return block.text
    closing = [block.closing] if block.closing is not None else []
    return "\n".join([block.opening, *block.lines, *closing])


def _fence(opening: re.Match[str], lines: deque[str]) -> Fence:
    """Take the fence's body and closing line off the front of `lines`."""
    bullet = opening["bullet"] or ""
    prefix = opening["quote"] + " " * len(bullet)
    quoted = ">" in prefix
    body: list[str] = []
    closing = None
    while lines:
        if quoted and not _QUOTE.match(lines[0]):
            break  # the quotation is over, and its fence with it
        line = lines.popleft()
        if _closes(line, opening["marker"], quoted=quoted):
            closing = line
            break
        body.append(line)
    return Fence(
        opening=opening.string,
        prefix=prefix,
        bullet=bullet,
        marker=opening["marker"],
        info=opening["info"].strip(),
        lines=tuple(body),
        closing=closing,
    )


def _closes(line: str, marker: str, *, quoted: bool) -> bool:
    closing = _CLOSING.match(_QUOTE.sub("", line, count=1) if quoted else line)
    return closing is not None and closing[1].startswith(marker)


def spans(text: str, definitions: Mapping[str, str] | None = None) -> list[Span]:
    """Find code, images, links and addresses in prose, in order and apart from each other.

    Args:
        text: prose without fences. Code and links end with their paragraph.
        definitions: targets of reference links by label in lower case; a `[label]` that is a
            number is never one, it is a citation.
    """
    lower = text.lower()
    if not any(mark in lower for mark in _TELLTALES):
        return []  # most sentences hold none, and to read them takes long
    found: list[Span] = []
    begin = 0
    ends = [match.end() for match in _PARAGRAPH_END.finditer(text)]
    for end in [*ends, len(text)]:
        found.extend(_paragraph(text, begin, end, definitions or {}))
        begin = end
    return found


def _paragraph(text: str, begin: int, end: int, definitions: Mapping[str, str]) -> Iterator[Span]:
    position = begin
    for span in _marked(text, begin, end, definitions):
        yield from _addresses(text, position, span.start)
        yield span
        position = span.end
    yield from _addresses(text, position, end)


def _addresses(text: str, begin: int, end: int) -> Iterator[Span]:
    for match in ADDRESS.finditer(text, begin, end):
        yield Span("address", match.start(), match.end(), target=match[0])


def _marked(text: str, begin: int, end: int, definitions: Mapping[str, str]) -> Iterator[Span]:
    """Find what Markdown marks as code or as a link; the outermost of nested links."""
    marks, codes = _marks(text, begin, end)
    closing = _brackets(marks)
    position = begin
    for mark in marks:
        if mark.start() < position:
            continue
        span = None
        if mark[0].startswith("`"):
            span = codes.get(mark.start())
        elif mark[0].startswith("<"):
            span = Span("autolink", mark.start(), mark.end(), target=mark[0][1:-1])
        elif mark.end() in closing:
            span = _link(text, mark, closing[mark.end()], end, definitions)
        if span is not None:
            yield span
            position = span.end


def _marks(text: str, begin: int, end: int) -> tuple[list[re.Match[str]], dict[int, Span]]:
    """Find the marks outside code, and the code by where it starts."""
    runs: defaultdict[int, deque[int]] = defaultdict(deque)
    for run in _RUN.finditer(text, begin, end):
        runs[len(run[0])].append(run.start())
    marks: list[re.Match[str]] = []
    codes: dict[int, Span] = {}
    position = begin
    while (mark := _MARK.search(text, position, end)) is not None:
        marks.append(mark)
        position = mark.end()
        if not mark[0].startswith("`"):
            continue
        closers = runs[len(mark[0])]
        while closers and closers[0] < mark.end():
            closers.popleft()
        if closers:
            position = closers[0] + len(mark[0])
            inside = text[mark.end() : closers[0]]
            codes[mark.start()] = Span("code", mark.start(), position, text=inside)
    return marks, codes


def _brackets(marks: list[re.Match[str]]) -> dict[int, int]:
    """Pair brackets: the place after each opening one to the place of its closing one."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for mark in marks:
        if mark[0].endswith("[") and not mark[0].startswith("\\"):
            opened.append(mark.end())
        elif mark[0] == "]" and opened:
            closing[opened.pop()] = mark.start()
    return closing


def _link(
    text: str, mark: re.Match[str], close: int, end: int, definitions: Mapping[str, str]
) -> Span | None:
    kind: SpanKind = "image" if mark[0].startswith("!") else "link"
    label = text[mark.end() : close]
    target = _TARGET.match(text, close + 1, end)
    if target is not None:
        address = target["angled"] if target["angled"] is not None else target["bare"]
        return Span(kind, mark.start(), target.end(), text=label, target=address.strip())
    if not definitions:
        return None
    reference = _LABEL.match(text, close + 1, end)
    name = reference[1] if reference and reference[1] else label
    address = definitions.get(name.strip().lower())
    if address is None or label.strip().isdigit():
        return None
    stop = reference.end() if reference else close + 1
    return Span(kind, mark.start(), stop, text=label, target=address)
