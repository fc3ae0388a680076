"""Plain HTML, as `prepare` leaves it, becomes Markdown.

One walk over lxml's tree, without recursion: entering an element may open a frame (a list item, a
cell, a quotation) that gathers blocks of Markdown until the element is left.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from lxml import etree

from docbot.knowledge.html.tables import Cell, render_table
from docbot.knowledge.html.tree import HEADINGS, attribute, text_of

# Deeper lists and quotations are read flat: each level copies the text within it once more.
_DEEPEST_FRAME = 24
_ZERO_WIDTH = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]")
_SPACE = re.compile(r"\s+")
_BROKEN_LINES = re.compile(r"(?<![ \t])[ \t]*\n\s*")
# In a text it would begin a tag, and what it names would not be seen.
_TAG_START = re.compile(r"<(?=[a-zA-Z/!?])")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^\s()]*\)")
_LOOSE_SPACE = re.compile(r"[ \t]{2,}")
_ANCHOR = re.compile(r"[^\s{}]{1,300}")
_LONGEST_LINK = 2000  # characters; a longer address is data, or an attack
_LONGEST_ALT = 2000
# What would begin a heading, quotation, list, fence or underline if a line of text began with it.
_BLOCK_START = re.compile(
    r"^(?=#{1,6}(?:\s|$)|>|[-+*](?:\s|$)|`{3}|~{3}|[-=]+\s*$|[*_]{3,}\s*$)", re.MULTILINE
)
_NUMBERED_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)", re.MULTILINE)
_STARTS_OWN_LINE = re.compile(r"-\s|>|`{3}|\||\d+\. ")
_BACKTICKS = re.compile(r"`+")
_CODE = frozenset({"code", "tt", "kbd", "samp"})
_MARKS = {
    **dict.fromkeys(("strong", "b", "summary"), "**"),
    **dict.fromkeys(("em", "i"), "*"),
    **dict.fromkeys(("del", "s", "strike"), "~~"),
}
_BLOCKS = (
    *("html", "body", "main", "article", "section", "div", "p", "header", "aside", "details"),
    *("figure", "figcaption", "address", "center", "fieldset", "hgroup", "hr", "caption"),
    *("thead", "tbody", "tfoot", "colgroup"),
)

_Leave: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    kind: str = "text"  # or fence, list, table, item, term, definition


@dataclass(slots=True)
class _Mark:
    """An open inline element; `start` is where it began in its frame's inline pieces."""

    tag: etree._Element
    start: int


@dataclass(slots=True)
class _Frame:
    kind: str  # the tag that opened it
    blocks: list[_Block] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    marks: list[_Mark] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)  # of a table


@dataclass(frozen=True, slots=True)
class Written:
    """A page's Markdown, with the level and the plain text of each heading."""

    markdown: str
    headings: tuple[tuple[int, str], ...]


def to_markdown(main: etree._Element) -> Written:
    writer = _Writer()
    waiting: list[etree._Element | str | _Leave] = [main]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            writer.text(node)
        elif callable(node):
            node()
        else:
            if node.tail and node is not main:
                waiting.append(node.tail)
            leave = writer.enter(node)
            if leave is not None:
                waiting.append(leave)
                waiting.extend(reversed(node))
                if node.text:
                    writer.text(node.text)
    markdown = writer.markdown()
    return Written(markdown, tuple(writer.headings))


class _Writer:
    def __init__(self) -> None:
        self.headings: list[tuple[int, str]] = []
        self._frames = [_Frame("page")]
        self._heading: etree._Element | None = None  # the open one
        self._level = 1  # of the last heading that was not an API object's
        self._openers: dict[str, Callable[[etree._Element], _Leave | None]] = {
            **dict.fromkeys(HEADINGS, self._open_heading),
            **dict.fromkeys(_CODE, self._put_inline_code),
            **dict.fromkeys(_MARKS, self._open_mark),
            **dict.fromkeys(_BLOCKS, self._open_block),
            **dict.fromkeys(("td", "th"), self._open_cell),
            **dict.fromkeys(("ul", "ol"), self._open_list),
            "a": self._open_mark,
            "br": self._put_line_break,
            "img": self._put_image,
            "input": self._put_task_box,
            "pre": self._put_fence,
            "li": partial(self._open_frame, leave=self._end_item),
            "blockquote": self._open_quotation,
            "dl": partial(self._open_frame, leave=self._end_definitions),
            "dt": self._open_term,
            "dd": partial(self._open_frame, leave=self._end_definition),
            "table": partial(self._open_frame, leave=self._end_table),
            "tr": self._open_row,
        }

    def markdown(self) -> str:
        self._flush()
        text = "\n\n".join(block.text for block in self._frames[0].blocks)
        return f"{text}\n" if text else ""

    def text(self, text: str) -> None:
        shown = _TAG_START.sub(r"\\<", _visible(text))
        self._frames[-1].inline.append(_SPACE.sub(" ", shown))

    def enter(self, tag: etree._Element) -> _Leave | None:
        """Open an element; return what to do when it is left, or None if nothing in it is left."""
        if label := attribute(tag, "data-docbot-label"):
            self._flush()
            self._add(f"**{label}**")
        if label := attribute(tag, "data-docbot-footnote"):
            return self._open_frame(tag, partial(self._end_footnote, label))
        opener = self._openers.get(tag.tag)
        return opener(tag) if opener else _nothing

    # Inline elements

    def _open_mark(self, tag: etree._Element) -> _Leave:
        if tag.tag == "summary":
            self._flush()
        frame = self._frames[-1]
        frame.marks.append(_Mark(tag, len(frame.inline)))
        return self._end_mark

    def _end_mark(self) -> None:
        frame = self._frames[-1]
        mark = frame.marks.pop()
        self._wrap(frame, mark)
        if mark.tag.tag == "summary":
            self._flush()

    def _wrap(self, frame: _Frame, mark: _Mark) -> None:
        if self._heading is None or mark.tag.tag == "a":
            inner = "".join(frame.inline[mark.start :])
            frame.inline[mark.start :] = [_marked(mark.tag, inner)]

    def _put_inline_code(self, tag: etree._Element) -> _Leave | None:
        if tag.find(".//pre") is not None:
            return _nothing
        for line_break in tag.iter("br"):
            line_break.text = " "
        code = " ".join(_visible(text_of(tag)).split())
        if code and tag.get("data-docbot-math") is not None:
            self._frames[-1].inline.append(f"${code}$")
        elif code:
            shown = _inline_code(code)
            self._frames[-1].inline.append(_link(shown, _only_target(tag)))
        return None

    def _put_line_break(self, _: etree._Element) -> None:
        self._frames[-1].inline.append("\n")

    def _put_image(self, tag: etree._Element) -> None:
        if not attribute(tag, "src").startswith("data:"):
            self.text(attribute(tag, "alt")[:_LONGEST_ALT])

    def _put_task_box(self, tag: etree._Element) -> None:
        self.text("[x] " if tag.get("checked") is not None else "[ ] ")

    # Blocks

    def _open_block(self, _: etree._Element) -> _Leave:
        self._flush()
        return self._flush

    def _add(self, text: str, kind: str = "text") -> None:
        self._frames[-1].blocks.append(_Block(text, kind))

    def _flush(self) -> None:
        """End the paragraph, or heading, that is being gathered."""
        frame = self._frames[-1]
        if not frame.inline:
            return
        if self._heading is not None:
            self._end_heading(self._heading)
            return
        for mark in reversed(frame.marks):
            self._wrap(frame, mark)
            mark.start = 0
        text = _paragraph("".join(frame.inline))
        frame.inline.clear()
        if text:
            self._add(text)

    def _open_heading(self, tag: etree._Element) -> _Leave:
        self._flush()
        self._heading = tag
        return partial(self._leave_heading, tag)

    def _leave_heading(self, tag: etree._Element) -> None:
        self._flush()
        if self._heading is tag:  # it held no text
            self._heading = None

    def _end_heading(self, tag: etree._Element) -> None:
        """Write the heading down; one without text is still to come: `<h2><div>Title</div></h2>`."""
        frame = self._frames[-1]
        text = " ".join("".join(frame.inline).split())
        if not text:
            return
        self._heading = None
        frame.inline.clear()
        for mark in frame.marks:
            mark.start = 0
        self._level = int(tag.tag[1])
        plain = _LINK.sub(r"\1", text).replace("`", "").replace("\\<", "<")
        self.headings.append((self._level, plain))
        self._add_heading(self._level, text, attribute(tag, "id"))

    def _add_heading(self, level: int, text: str, anchor: str) -> None:
        if len(self._frames) > 1:  # in a quotation, item or cell it opens no section
            self._add(f"**{text}**")
        else:
            mark = f" {{#{anchor}}}" if _ANCHOR.fullmatch(anchor) else ""
            self._add(f"{'#' * level} {text}{mark}")

    def _put_fence(self, tag: etree._Element) -> None:
        self._flush()
        if name := attribute(tag, "data-docbot-name"):
            level = min(6, self._level + int(attribute(tag, "data-docbot-level") or "1"))
            self._add_heading(level, _inline_code(name), attribute(tag, "id"))
        code = _visible(text_of(tag))
        if tag.get("data-docbot-math") is not None:
            # A line of TeX that looks like the beginning of a block must not begin one.
            tex = " ".join(code.split("\n")) if _BLOCK_START.search(code) else code
            self._add(f"$$\n{tex}\n$$", "fence")
        elif code.strip():
            longest = max((len(run[0]) for run in _BACKTICKS.finditer(code)), default=0)
            fence = "`" * max(3, longest + 1)
            language = attribute(tag, "data-docbot-language")
            self._add(f"{fence}{language}\n{code}\n{fence}", "fence")

    # Frames

    def _open_frame(self, tag: etree._Element, leave: _Leave) -> _Leave:
        self._flush()
        if len(self._frames) >= _DEEPEST_FRAME:
            return self._flush
        self._frames.append(_Frame(tag.tag))
        return leave

    def _close_frame(self) -> _Frame:
        if self._heading is not None and not text_of(self._heading).strip():
            self._heading = None
        self._flush()
        return self._frames.pop()

    def _open_list(self, tag: etree._Element) -> _Leave:
        start = attribute(tag, "start") or (attribute(tag[0], "value") if len(tag) else "")
        first = int(start) if start.isdecimal() and len(start) < 9 else 1
        number = first if tag.tag == "ol" else None
        return self._open_frame(tag, partial(self._end_list, number))

    def _end_list(self, number: int | None) -> None:
        parts: list[list[str]] = []
        for block in self._close_frame().blocks:
            if block.kind == "list" and parts:  # `<ul><li>a</li><ul>...`
                parts[-1].append(_indented(block.text, 2))
                continue
            marker = "- " if number is None else f"{number + len(parts)}. "
            parts.append([marker + _indented(block.text, len(marker)).lstrip()])
        items = ["\n".join(part) for part in parts]
        if items:
            is_loose = any("\n\n" in item for item in items)
            self._add(("\n\n" if is_loose else "\n").join(items), "list")

    def _end_item(self) -> None:
        text = _joined(self._close_frame().blocks)
        if text and self._frames[-1].kind in {"ul", "ol"}:
            self._add(text, "item")
        elif text:
            self._add("- " + _indented(text, 2).lstrip(), "list")

    def _open_quotation(self, tag: etree._Element) -> _Leave:
        return self._open_frame(
            tag, partial(self._end_quotation, attribute(tag, "data-docbot-kind"))
        )

    def _end_quotation(self, kind: str) -> None:
        blocks = self._close_frame().blocks
        if kind:
            blocks.insert(0, _Block(f"**{kind}**"))
        if blocks:
            lines = "\n\n".join(block.text for block in blocks).split("\n")
            self._add("\n".join(f"> {line}".rstrip() for line in lines))

    def _end_footnote(self, label: str) -> None:
        text = _joined(self._close_frame().blocks)
        self._add(f"[^{label}]: {_indented(text, 4).lstrip()}", "list")

    def _open_term(self, tag: etree._Element) -> _Leave:
        is_marked = tag.get("data-docbot-term") is not None
        return self._open_frame(tag, partial(self._end_term, is_marked=is_marked))

    def _end_term(self, *, is_marked: bool) -> None:
        text = " ".join(block.text for block in self._close_frame().blocks)
        if not is_marked:
            text = text.replace("**", "").strip().removesuffix(":")
        if text:
            self._add(text if is_marked else f"**{text}**", "term")

    def _end_definition(self) -> None:
        text = _joined(self._close_frame().blocks)
        if text:
            self._add(text, "definition")

    def _end_definitions(self) -> None:
        items: list[str] = []
        terms: list[str] = []
        is_after_definition = False
        for block in self._close_frame().blocks:
            if block.kind == "term":
                terms.append(block.text)
            else:
                if items and not terms and is_after_definition:
                    items[-1] += "\n\n" + _indented(block.text, 2)
                else:
                    items.append(_definition(terms, block.text))
                terms = []
            is_after_definition = block.kind == "definition"
        items += [f"- {term}" for term in terms]
        if items:
            is_loose = any("\n\n" in item for item in items)
            self._add(("\n\n" if is_loose else "\n").join(items), "list")

    # Tables

    def _open_row(self, _: etree._Element) -> _Leave:
        self._flush()
        if self._frames[-1].kind == "table":
            self._frames[-1].rows.append([])
        return self._flush

    def _open_cell(self, tag: etree._Element) -> _Leave:
        return self._open_frame(tag, partial(self._end_cell, tag))

    def _end_cell(self, tag: etree._Element) -> None:
        blocks, table = self._close_frame().blocks, self._frames[-1]
        if table.kind != "table":
            table.blocks += blocks
            return
        cell = Cell(
            blocks=tuple(block.text for block in blocks),
            is_header=tag.tag == "th",
            columns=_count(attribute(tag, "colspan")),
            rows=_count(attribute(tag, "rowspan")),
            has_fence=any(block.kind in {"fence", "table"} for block in blocks),
            has_list=any(block.kind == "list" for block in blocks),
        )
        if not table.rows:
            table.rows.append([])
        table.rows[-1].append(cell)

    def _end_table(self) -> None:
        frame = self._close_frame()
        self._frames[-1].blocks += frame.blocks  # its caption
        for block in render_table(frame.rows):
            self._add(block, "table" if block.startswith("|") else "text")


def _visible(text: str) -> str:
    return text if text.isascii() else _ZERO_WIDTH.sub("", text)


def _nothing() -> None:
    """Leave an element that means nothing in Markdown."""


def _count(value: str) -> int:
    return max(1, int(value)) if value.isdecimal() and len(value) < 6 else 1


def _paragraph(text: str) -> str:
    """Tidy a paragraph's spaces, and keep its lines from being read as blocks of their own."""
    if "\n" not in text:
        tidy = (_LOOSE_SPACE.sub(" ", text) if "  " in text else text).strip()
        if tidy[:1].isalpha():  # as most are: it opens no block
            return tidy
    else:
        tidy = _LOOSE_SPACE.sub(" ", _BROKEN_LINES.sub("\n", text)).strip()
    return _NUMBERED_START.sub(r"\1\\\2", _BLOCK_START.sub(r"\\", tidy))


def _inline_code(code: str) -> str:
    longest = max((len(run[0]) for run in _BACKTICKS.finditer(code)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {code} {fence}" if longest else f"`{code}`"


def _only_target(code: etree._Element) -> str:
    """Where the code leads when all of it is one link; parts of it can be none in Markdown."""
    links = list(code.iter("a"))
    is_whole = len(links) == 1 and text_of(links[0]).strip() == text_of(code).strip()
    return attribute(links[0], "href") if is_whole else ""


def _marked(tag: etree._Element, inner: str) -> str:
    core = inner.strip()
    if not core:
        return inner
    if tag.tag == "a":
        marked = _link(core, attribute(tag, "href"))
    else:
        mark = _MARKS[tag.tag]
        # Marks within marks of the same kind would end the outer ones.
        marked = core if mark in core else f"{mark}{core}{mark}"
    before = inner[: len(inner) - len(inner.lstrip())]
    after = inner[len(inner.rstrip()) :]
    return f"{before}{marked}{after}"


def _link(text: str, href: str) -> str:
    if not href or len(href) > _LONGEST_LINK:
        return text
    target = "".join(
        {"(": "%28", ")": "%29", " ": "%20", "<": "%3C", ">": "%3E"}.get(c, c) for c in href
    )
    if text == href:
        return f"<{target}>"
    if text.count("[") != text.count("]"):
        text = text.replace("[", "\\[").replace("]", "\\]")
    return f"[{' '.join(text.split())}]({target})"


def _definition(terms: Sequence[str], text: str) -> str:
    """Write one definition as a list item that begins with what it defines."""
    if not terms:
        return "- " + _indented(text, 2).lstrip()
    # A definition that begins with a list, fence or table begins on a line of its own.
    gap = "\n\n" if _STARTS_OWN_LINE.match(text) else " "
    return "- " + _indented(f"{', '.join(terms)}:{gap}{text}", 2).lstrip()


def _indented(text: str, width: int) -> str:
    indent = " " * width
    return "\n".join(f"{indent}{line}" if line else line for line in text.split("\n"))


def _joined(blocks: Sequence[_Block]) -> str:
    """Join an item's blocks; a tight list stays close to the line it belongs to."""
    text, is_close = "", True  # to a line of text, or to another tight list
    for block in blocks:
        is_tight = block.kind == "list" and "\n\n" not in block.text
        if not text:
            text = block.text
        elif is_tight and is_close:
            text += f"\n{block.text}"
        else:
            text += f"\n\n{block.text}"
        is_close = is_tight or block.kind == "text"
    return text
