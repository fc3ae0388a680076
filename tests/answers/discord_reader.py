"""Reads a message as Discord's client does, written from the rules of its Markdown alone.

It shares no line with the sanitiser, so that one cannot hide the other's mistakes. Where the
client's order of rules is not known, the order that finds more is taken.
"""

import re
from dataclasses import dataclass, field

_ESCAPE = re.compile(r"\\[^0-9A-Za-z\s]")
_CODE_BLOCK = re.compile(r"```(?:[a-z0-9_+\-.#]+?\n)?\n*[^\n][\s\S]*?\n*```", re.IGNORECASE)
_INLINE_CODE = re.compile(r"(`+)([\s\S]*?[^`])\1(?!`)")
_LINK = re.compile(
    r"\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]"
    r"\(\s*(<?)((?:\([^)]*\)|[^\s\\]|\\.)*?)>?(?:\s+['\"][\s\S]*?['\"])?\s*\)"
)
_AUTOLINK = re.compile(r"<([^: >]+:/[^ >]+)>")
_ADDRESS = re.compile(r"(?:https?|steam|discord)://[^\s<]+[^<.,:;\"'\]\s]", re.IGNORECASE)
_INVITE = re.compile(r"discord(?:\.gg|(?:app)?\.com/invite)/\w", re.IGNORECASE)
_MENTION = re.compile(
    r"<@[!&]?\d+>|<#\d+>|@everyone|@here|<a?:\w+:\d+>|<t:-?\d+(?::\w)?>|</[^>\n]+:\d+>|<id:\w+>"
)
_STYLES = [
    re.compile(r"\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)"),
    re.compile(r"__((?:\\[\s\S]|[^\\])+?)__(?!_)"),
    re.compile(r"~~([\s\S]+?)~~(?!_)"),
    re.compile(r"\|\|([\s\S]+?)\|\|"),
    re.compile(r"_((?:__|\\[\s\S]|[^\\_])+?)_\b"),
    re.compile(r"\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)"),
]
_HTTP = re.compile(r"[\s\u200b]*https?:", re.IGNORECASE)


@dataclass
class Seen:
    """What acts in a message."""

    links: list[str] = field(default_factory=list)  # without a preview
    previews: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def read(text: str) -> Seen:
    seen = Seen()
    _read(text, seen, linking=True)
    return seen


def _read(text: str, seen: Seen, *, linking: bool) -> None:
    position = 0
    while position < len(text):
        position = _step(text, position, seen, linking=linking)


def _step(text: str, position: int, seen: Seen, *, linking: bool) -> int:
    """Take what stands at `position` and return where it ends."""
    if match := _ESCAPE.match(text, position):
        return match.end()
    if match := _CODE_BLOCK.match(text, position) or _INLINE_CODE.match(text, position):
        seen.code.append(match[0])
        return match.end()
    end = _link(text, position, seen) if linking else None
    if end is not None:
        return end
    if match := _MENTION.match(text, position):
        seen.mentions.append(match[0])
        return match.end()
    styled = next((match for style in _STYLES if (match := style.match(text, position))), None)
    if styled is not None:
        _read(styled[1], seen, linking=linking)
        return styled.end()
    return position + 1


def _link(text: str, position: int, seen: Seen) -> int | None:
    match = _LINK.match(text, position)
    if match and _HTTP.match(match[3]):
        (seen.links if match[2] else seen.previews).append(match[3])
        _read(match[1], seen, linking=False)
        return match.end()
    if (match := _AUTOLINK.match(text, position)) and _HTTP.match(match[1]):
        seen.links.append(match[1])
        return match.end()
    if match := _ADDRESS.match(text, position) or _INVITE.match(text, position):
        seen.previews.append(match[0])
        return match.end()
    return None
