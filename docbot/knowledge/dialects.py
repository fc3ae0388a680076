"""Blocks that only some sites' Markdown has, written in Markdown that all have.

`:::tip Title` (Docusaurus, VitePress), `!!! note "Title"`, `??? tip` and `=== "Tab"` (MkDocs),
`> [!NOTE]` (GitHub), and MDX's statements and components. Line by line; fences are left alone.
"""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t>]*(?:(?:[-+*]|\d+[.)])[ \t]*)?(`{3,}|~{3,})(.*)$")
_COLONS = re.compile(r"^[ \t]*(:{3,})[ \t]*(?:\{?([\w-]+)\}?)?(?:\[([^\]]*)\])?(.*)$")
_INDENTED = re.compile(
    r"""^([ \t]*)(!!!|\?\?\?\+?|===[+!]?)[ \t]+(?![ \t])((?:[\w-]+(?:[ ]+[\w-]+)*)?)"""
    r"""[ \t]*(?![ \t])(?:["'](.*)["'][ \t]*)?$"""
)
_GITHUB = re.compile(r"^([ \t]*>[ \t]*)\[!(\w+)\][+-]?[ \t]*(.*)$")
_STATEMENT = re.compile(
    r"^(?:import\s+(?:[\w*{][^\n]*\sfrom\s+)?[\"'][^\"']+[\"'];?\s*$|import\s*\{\s*$"
    r"|export\s+(?:const|let|var|default|function|class|async|\{|\*))"
)
_COMPONENT = re.compile(r"^\s*</?[A-Z][\w.]*(\s[^<>]*)?/?>\s*$")
_LABEL = re.compile(r"\b(?:label|title)\s*=\s*[\"']([^\"']+)[\"']")
_CODE_GROUP_TITLE = re.compile(r"\[([^\[\]]+)\]")
_CONTAINERS_WITHOUT_NAME = frozenset({"code-group", "tabs", "details", "raw", "v-pre", "steps"})
_DEEPEST = 20  # blocks in each other; what is deeper stands in the innermost


@dataclass(slots=True)
class _Open:
    """An open block; `indent` is the column its content begins at (0: closed by a line)."""

    prefix: str
    indent: int
    marks: str = ""


def plain_blocks(text: str) -> str:
    """Write the dialects' blocks as quotations, labels and plain blocks."""
    reader = _Reader()
    for line in text.split("\n"):
        reader.read(line)
    return "\n".join(reader.lines)


class _Reader:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._open: list[_Open] = []
        self._fence = ""
        self._in_statement = False

    def read(self, line: str) -> None:
        if self._fence:
            self._read_code(line)
            return
        self._close_left(line)
        line = self._inner(line)
        if self._skips_statement(line):
            return
        fence = _FENCE.match(line)
        if fence and not ("`" in fence[2] and fence[1][0] == "`"):
            self._open_fence(line, fence)
        elif not (self._opens_or_closes(line) or self._is_component(line)):
            self._write(self._github(line))

    def _inner(self, line: str) -> str:
        indent = sum(block.indent for block in self._open)
        return line[min(indent, len(line) - len(line.lstrip(" \t"))) :]

    def _write(self, line: str) -> None:
        prefix = "".join(block.prefix for block in self._open)
        self.lines.append(f"{prefix}{line}".rstrip() if prefix else line)

    def _close_left(self, line: str) -> None:
        """Close the indented blocks that this line stands outside of."""
        if not line.strip():
            return
        column = len(line) - len(line.lstrip(" \t"))
        while self._open and self._open[-1].indent and column < sum(b.indent for b in self._open):
            self._open.pop()
            self.lines.append("".join(block.prefix for block in self._open).rstrip())

    def _read_code(self, line: str) -> None:
        inner = self._inner(line)
        self._write(inner)
        if re.match(rf"^[ \t>]*{re.escape(self._fence)}+[ \t]*$", inner):
            self._fence = ""

    def _open_fence(self, line: str, fence: re.Match[str]) -> None:
        self._fence = fence[1]
        title = _CODE_GROUP_TITLE.search(fence[2]) if any(b.marks for b in self._open) else None
        if title:
            self._write(f"**{title[1]}**")
            self._write("")
            line = line.replace(title[0], "").rstrip()
        self._write(line)

    def _skips_statement(self, line: str) -> bool:
        if self._open:
            return False
        if not self._in_statement and _STATEMENT.match(line):
            self._in_statement = True
        elif self._in_statement and not line.strip():
            self._in_statement = False
        return self._in_statement

    def _opens_or_closes(self, line: str) -> bool:
        if colons := _COLONS.match(line):
            return self._colons(colons)
        if indented := _INDENTED.match(line):
            return self._indented(indented)
        return False

    def _colons(self, found: re.Match[str]) -> bool:
        marks, kind, bracketed, rest = found[1], found[2] or "", found[3] or "", found[4].strip()
        if not kind:
            matching = [i for i, block in enumerate(self._open) if block.marks == marks]
            if matching and not rest:
                del self._open[matching[-1] :]
                self._write("")
            return bool(matching) and not rest
        title = bracketed or re.sub(r"\{[^{}]*\}", "", rest).strip().strip("\"'")
        is_plain = kind in _CONTAINERS_WITHOUT_NAME and not title
        self._begin(
            _Open("" if is_plain else "> ", 0, marks), "" if is_plain else _name(kind, title)
        )
        return True

    def _indented(self, found: re.Match[str]) -> bool:
        kind, title = found[3].split(" ")[0], found[4] or ""
        is_tab = found[2].startswith("===")
        if is_tab != (not kind) or (is_tab and not title):
            return False
        block = _Open("" if is_tab else "> ", len(found[1]) + 4)
        self._begin(block, title if is_tab else _name(kind, title))
        return True

    def _begin(self, block: _Open, label: str) -> None:
        self._write("")
        if len(self._open) < _DEEPEST:
            self._open.append(block)
        if label:
            self._write(f"**{label}**")
            self._write("")

    def _is_component(self, line: str) -> bool:
        component = _COMPONENT.match(line)
        if component is None:
            return False
        label = _LABEL.search(component[1] or "")
        self._write("")
        if label:
            self._write(f"**{label[1]}**")
            self._write("")
        return True

    def _github(self, line: str) -> str:
        found = _GITHUB.match(line)
        if found is None:
            return line
        prefix = "".join(block.prefix for block in self._open)
        return f"{found[1]}**{_name(found[2], found[3])}**\n{prefix}{found[1].rstrip()}"


def _name(kind: str, title: str) -> str:
    shown = kind.replace("-", " ").capitalize() if kind.lower() != "details" else ""
    if not title or title.lower() == kind.lower():
        return shown or "Details"
    return f"{shown}: {title}" if shown else title
