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
_COMPONENT = re.compile(
    r"^\s*<(?P<end>/?)(?P<name>[A-Z][\w.]*)(?P<attributes>\s[^<>]*?)?(?P<alone>/?)>\s*$"
)
_BEGINS_COMPONENT = re.compile(r"^\s*<[A-Z][\w.]*(?:\s[^<>]*)?$")
_LONGEST_TAG = 20  # lines
_LABEL = re.compile(r"""\b(?:label|title)\s*=\s*\{?(?:"([^"]+)"|'([^']+)')""")
_DESCRIPTION = re.compile(r"""\bdescription\s*=\s*\{?(?:"([^"]+)"|'([^']+)')""")
_HREF = re.compile(r"""\b(?:href|to|link)\s*=\s*\{?(?:"([^"]+)"|'([^']+)')""")
_TYPE = re.compile(r"""\b(?:type|variant|kind)\s*=\s*\{?(?:"([^"]+)"|'([^']+)')""")
_ADMONITIONS = frozenset(
    {
        *("note", "tip", "info", "warning", "caution", "danger", "important", "hint", "attention"),
        *("error", "seealso", "admonition", "success", "question", "check", "alert", "deprecated"),
    }
)
_BOXES = frozenset({"aside", "callout", "admonition", "alert"})  # their kind is an attribute
_CODE_TITLE = re.compile(r"""\b(?:title|filename|file)\s*=\s*(?:"([^"]+)"|'([^']+)')""")
_LANGUAGE = re.compile(r"[^\s{}:,\[\]=\"']+(?![^\s{}:,\[\]]*=)")
_LANGUAGE_AS_CLASS = re.compile(r"\{[^{}]*?\.([\w+#-]+)")
_UNSEEN = re.compile(r"^<(script|style)(?:\s[^<>]*)?>", re.IGNORECASE)
_MYST = re.compile(r"\{([a-z][\w:-]*)\}[ \t]*(.*)$")
_MYST_CODE = frozenset({"code-block", "code", "sourcecode", "code-cell", "highlight"})
_MYST_OPTION = re.compile(r"^\s*:[\w-]+:(?:\s.*)?$")
_MYST_UNSEEN = frozenset({"toctree", "contents", "tableofcontents"})
_CODE_GROUP_TITLE = re.compile(r"\[([^\[\]]+)\]")
_CONTAINERS_WITHOUT_NAME = frozenset({"code-group", "tabs", "details", "raw", "v-pre", "steps"})
_DEEPEST = 20  # blocks in each other; what is deeper stands in the innermost


@dataclass(slots=True)
class _Open:
    """An open block; `indent` is the column its content begins at (0: closed by a line)."""

    prefix: str
    indent: int
    marks: str = ""


@dataclass(slots=True)
class _Part:
    """An open component: its content may be set in, which means nothing in Markdown of this kind."""

    name: str
    indent: int
    blocks: int  # that were open when it began
    set_in: int | None = None  # by how much; None: no line of it was seen yet


def plain_blocks(text: str) -> str:
    """Write the dialects' blocks as quotations, labels and plain blocks."""
    reader = _Reader()
    for line in text.split("\n"):
        reader.read(line)
    reader.end()
    return "\n".join(reader.lines)


class _Reader:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._open: list[_Open] = []
        self._fence = ""
        self._in_statement = False
        self._parts: list[_Part] = []
        self._tag: list[str] = []  # lines of a tag that is not at its end
        self._has_options = False  # what may follow the first line of a MyST directive
        self._is_unseen = False  # the open fence
        self._unseen_until = ""  # the end of a script or style

    def read(self, line: str) -> None:
        if self._fence:
            self._read_code(self._set_out(line))
        elif self._unseen_until:
            self._tag.append(line)
            if self._unseen_until in line.lower():
                self._tag, self._unseen_until = [], ""
        elif self._tag:
            self._read_tag(line)
        else:
            self._read_text(self._set_out(line))

    def end(self) -> None:
        tag, self._tag = self._tag, []
        for line in tag:
            self._write(line)

    def _read_text(self, line: str) -> None:
        if self._has_options and _MYST_OPTION.match(line):
            return
        self._has_options = False
        self._close_left(line)
        line = self._inner(line)
        if self._skips_statement(line):
            return
        fence = _FENCE.match(line)
        if fence and not ("`" in fence[2] and fence[1][0] == "`"):
            self._open_fence(line, fence)
        elif unseen := _UNSEEN.match(line):
            if f"</{unseen[1].lower()}>" not in line.lower():
                self._tag, self._unseen_until = [line], f"</{unseen[1].lower()}>"
        elif _BEGINS_COMPONENT.match(line):
            self._tag = [line]
        elif not (self._opens_or_closes(line) or self._is_component(line)):
            self._write(self._github(line))

    def _read_tag(self, line: str) -> None:
        """Join the lines of a tag; what comes to no end was text."""
        self._tag.append(line)
        if line.rstrip().endswith(">"):
            joined = self._tag[0] + " " + " ".join(map(str.strip, self._tag[1:]))
            if not _COMPONENT.match(joined):
                self.end()
                return
            self._tag = []
            self._is_component(joined)
        elif len(self._tag) > _LONGEST_TAG or not line.strip():
            self.end()

    def _set_out(self, line: str) -> str:
        """Take away by how much the content of components is set in."""
        for part in self._parts:
            column = len(line) - len(line.lstrip(" \t"))
            if not line.strip() or line.lstrip().startswith("</"):
                return line.lstrip() if line.strip() and column >= 4 else line
            if part.set_in is None:
                part.set_in = max(0, column - part.indent)
            taken = min(part.set_in, max(0, column - part.indent))
            line = line[: part.indent] + line[part.indent + taken :]
        return line

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
        is_end = bool(re.match(rf"^[ \t>]*{re.escape(self._fence)}+[ \t]*$", inner))
        if self._has_options and _MYST_OPTION.match(inner):
            return
        self._has_options = False
        if not self._is_unseen:
            self._write(inner)
        if is_end:
            self._fence, self._is_unseen = "", False

    def _open_fence(self, line: str, fence: re.Match[str]) -> None:
        marks, info = fence[1], fence[2].strip()
        if not info and any(block.marks == marks for block in self._open):
            self._close(marks)
            return
        myst = _MYST.match(info)
        kind, argument = (myst[1], myst[2].strip()) if myst else ("", "")
        self._has_options = myst is not None
        if kind.lower() in _ADMONITIONS:
            title = argument if kind == "admonition" else _name(kind, argument)
            self._begin(_Open("> ", 0, marks), title)
            return
        self._fence, self._is_unseen = marks, kind in _MYST_UNSEEN
        if self._is_unseen:
            return
        title = self._title_of_code(info)
        if title and not line[: fence.start(1)].strip(" \t>"):
            self._write(f"{line[: fence.start(1)]}**{title}**")
            self._write(line[: fence.start(1)].rstrip())
        language = argument.split(" ")[0] if kind in _MYST_CODE else kind or _language(info)
        self._write(line[: fence.end(1)] + language)

    def _title_of_code(self, info: str) -> str:
        bracketed = _CODE_GROUP_TITLE.search(info) if any(b.marks for b in self._open) else None
        if bracketed:
            return bracketed[1]
        return _value(_CODE_TITLE, info)

    def _close(self, marks: str) -> bool:
        matching = [i for i, block in enumerate(self._open) if block.marks == marks]
        if matching:
            del self._open[matching[-1] :]
            self._write("")
        return bool(matching)

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
            return not rest and self._close(marks)
        stated = _value(_LABEL, rest)
        title = bracketed or stated or re.sub(r"\{[^{}]*\}", "", rest).strip().strip("\"'")
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
        found = _COMPONENT.match(line)
        if found is None:
            return False
        if found["end"]:
            self._end_component(found["name"])
            self._write("")
            return True
        attributes, name = found["attributes"] or "", found["name"]
        if not found["alone"]:
            indent = len(line) - len(line.lstrip(" \t"))
            if len(self._parts) < _DEEPEST:
                self._parts.append(_Part(name, indent, len(self._open)))
        self._write("")
        if kind := _kind_of_box(name, attributes):
            self._begin(_Open("> ", 0, f"<{name}"), _name(kind, _value(_LABEL, attributes)))
        else:
            self._say(attributes)
        return True

    def _say(self, attributes: str) -> None:
        """Write what a component says by its attributes."""
        label, href = _value(_LABEL, attributes), _value(_HREF, attributes)
        if label:
            self._write(f"**[{label}]({href})**" if href else f"**{label}**")
            self._write("")
        if description := _value(_DESCRIPTION, attributes):
            self._write(description)
            self._write("")

    def _end_component(self, name: str) -> None:
        open_ones = [i for i, part in enumerate(self._parts) if part.name == name]
        if open_ones:
            del self._open[self._parts[open_ones[-1]].blocks :]
            del self._parts[open_ones[-1] :]

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


def _kind_of_box(name: str, attributes: str) -> str:
    """Return the kind of admonition that a component is, "" if it is none."""
    lowered = name.lower()
    if lowered in _BOXES:
        return _value(_TYPE, attributes) or "note"
    return lowered if lowered in _ADMONITIONS else ""


def _language(info: str) -> str:
    """Return the language of a fence, without what else its first line says."""
    if info.startswith("{"):
        found = _LANGUAGE_AS_CLASS.match(info)
        return found[1] if found else ""
    found = _LANGUAGE.match(info)
    return found[0] if found else ""


def _value(expression: re.Pattern[str], attributes: str) -> str:
    found = expression.search(attributes)
    return (found[1] or found[2] or "") if found else ""
