"""Text that a Markdown file takes in from another: `--8<-- "file"` and `<!--@include: file-->`.

Which files may be taken in is for the caller to say. What cannot be had is left out, and how deep
files take one another in, and how large the whole grows, is bounded.
"""

import re
from collections.abc import Callable

_ONE = re.compile(
    r"^(?P<indent>[ \t]*)(?:-+8<-+[ \t]+[\"'](?P<name>[^\"'\n]+)[\"']"
    r"|<!--[ \t]*@include:[ \t]*(?P<included>[^\n]+?)[ \t]*-->)[ \t]*$",
    re.MULTILINE,
)
_SEVERAL = re.compile(
    r"^(?P<indent>[ \t]*)-+8<-+[ \t]*\n(?P<names>(?:(?![ \t]*-+8<-)[^\n]*\n){1,100})[ \t]*-+8<-+[ \t]*$",
    re.MULTILINE,
)
_MARKER = re.compile(r"^[^\n]*-+8<-+[ \t]*\[(?:start|end):[^\n\]]*\][^\n]*\n?", re.MULTILINE)
_PART = re.compile(r":(?P<section>[A-Za-z_][\w-]*)$|:(?P<first>\d*):(?P<last>\d*)$|\{[^{}]*\}$")
_DEEPEST = 5
_MOST_CHARACTERS = 10_000_000


def with_snippets(text: str, load: Callable[[str], str | None], depth: int = 0) -> str:
    """Return the text with each snippet in its place.

    Args:
        text: the Markdown.
        load: gives the text of a file by the name it is asked for, None where it may not be had.
        depth: how many files lie around this text.
    """
    if depth >= _DEEPEST or ("8<-" not in text and "@include" not in text):
        return text
    left = _MOST_CHARACTERS

    def taken(indent: str, name: str) -> str:
        nonlocal left
        snippet = _load(name.strip(), load)
        left -= len(snippet)
        if left < 0:
            return ""
        inner = _MARKER.sub("", with_snippets(snippet, load, depth + 1)).rstrip("\n")
        return "\n".join(f"{indent}{line}" if line else line for line in inner.split("\n"))

    def several(found: re.Match[str]) -> str:
        names = [name for name in found["names"].split("\n") if name.strip()]
        return "\n\n".join(taken(found["indent"], name) for name in names)

    text = _SEVERAL.sub(several, text)
    return _ONE.sub(lambda found: taken(found["indent"], found["name"] or found["included"]), text)


def _load(name: str, load: Callable[[str], str | None]) -> str:
    part = _PART.search(name)
    text = load(name[: part.start()] if part else name)
    if text is None:
        return ""
    text = text.replace("\r\n", "\n")
    if part is None or part[0].startswith("{"):
        return text
    if part["section"]:
        return _section(text, part["section"])
    lines = text.split("\n")
    return "\n".join(lines[max(0, int(part["first"] or 1) - 1) : int(part["last"] or len(lines))])


def _section(text: str, name: str) -> str:
    begin = re.search(rf"^[^\n]*8<-+[ \t]*\[start:{name}\][^\n]*\n", text, re.MULTILINE)
    if begin is None:
        return ""
    end = re.compile(rf"^[^\n]*8<-+[ \t]*\[end:{name}\]", re.MULTILINE).search(text, begin.end())
    return text[begin.end() : end.start() if end else len(text)]
