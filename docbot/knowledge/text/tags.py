"""Tags of HTML and of components that stand in Markdown, written as Markdown or taken away.

Code is hidden before: what looks like a tag within it is never met here. Text between tags stays.
"""

import re
from collections.abc import Callable

_LONGEST = 2000  # characters of an element that is read whole; bounds each search
_ATTRIBUTES = r"(?:\s(?:[^<>\n]|\n(?![ \t]*\n))*)?"  # a blank line ends a tag that was never closed
_UNSEEN = re.compile(
    r"<(?P<name>script|style)\b[^<>]*>(?:[^<]|<(?!/(?P=name)\b))*</(?P=name)\s*>[ \t]*",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"<(?P<name>p|div|span)(?=[^<>]*(?:\shidden(?=[\s>/]|$)|display\s*:\s*[\"']?none|[\"'\s](?:sr-only|visually-hidden)[\"'\s]))"
    rf"[^<>]*>(?:[^<]|<(?!/?(?P=name)\b)){{0,{_LONGEST}}}</(?P=name)\s*>",
    re.IGNORECASE,
)
_BLOCK_END = re.compile(
    r"</(?:div|p|section|article|figure|figcaption)\s*>(?=[ \t]*(?:[^\s<]|<(?!/)))", re.IGNORECASE
)
_NUMBER = re.compile(r"=\{(\d{1,3})\}")  # as MDX writes it
_READ_WHOLE = re.compile(r"<(table|dl)\b", re.IGNORECASE)
_TABS = frozenset({"Tab", "TabItem", "Tabs.Tab", "Card"})
_WHOLE = re.compile(
    rf"<(?P<name>summary|kbd|code|strong|b|em|i|h[1-6]){_ATTRIBUTES}>"
    rf"(?P<text>(?:[^<]|<(?!/?(?P=name)\b)){{0,{_LONGEST}}})</(?P=name)\s*>",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"<img\b([^<>]*)>", re.IGNORECASE)
_FRAME = re.compile(r"<iframe\b([^<>]*)>(?:\s*</iframe\s*>)?", re.IGNORECASE)
_PLACE = re.compile(
    r"<a\s+(?:id|name)\s*=\s*[\"'][^\"'<>]*[\"']\s*(?:/>|>\s*</a\s*>)", re.IGNORECASE
)
_BREAK = re.compile(r"[ \t]*<br\s*/?>[ \t]*", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?P<indent>^[ \t]+)?</?(?:div|p|span|center|section|details|figure|figcaption|article|small|u"
    rf"|font|picture|source|nav|header|footer|sub|sup|mark|abbr|ins|video|audio){_ATTRIBUTES}/?>",
    re.IGNORECASE | re.MULTILINE,
)
_COMPONENT = re.compile(rf"<(?P<end>/?)(?P<name>[A-Z][\w.]*)(?P<attributes>{_ATTRIBUTES})>")
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_SOURCE = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_TITLE = re.compile(r"""\btitle\s*=\s*(?:"([^"\[\]]*)"|'([^'\[\]]*)')""", re.IGNORECASE)
_SAYS = re.compile(r"""\b(?:title|label|text|name)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_WRAPPED = {"kbd": "`", "code": "`", "strong": "**", "b": "**", "em": "*", "i": "*"}
_LISTS_OF_CONTENTS = re.compile(
    r"^[ \t]*(?:\[\[_?toc_?\]\]|\[toc\]|\{:toc\}|\$\{toc\})[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_TEMPLATES = re.compile(r"^[ \t]*(?:\{%[^%\n]*%\}|\{\{[<%][^\n{}]*[>%]\}\})[ \t]*$", re.MULTILINE)
_ATTRIBUTE_LIST = re.compile(r"(?<=[^\s#{}])[ \t]*\{:?[ \t]*[.][\w-][^{}\n]*\}")
_ICON = re.compile(r":(?:material|octicons|fontawesome|simple)-[\w-]+:[ \t]?")


def plain_tags(text: str) -> str:
    """Write tags as Markdown where it has a form for them; others go, their text stays."""
    text = _LISTS_OF_CONTENTS.sub("", _TEMPLATES.sub("", _ICON.sub("", text)))
    text = _ATTRIBUTE_LIST.sub("", text)
    if "<" not in text:
        return text
    text = _WHOLE.sub(_written, _HIDDEN.sub("", _UNSEEN.sub("", text)))
    text = _IMAGE.sub(lambda found: _words_of_picture(found[1]), text)
    text = _FRAME.sub(lambda found: _frame(found[1]), text)
    text = "\n".join(map(_parted, text.split("\n")))
    text = _BREAK.sub(" ", _PLACE.sub("", text))
    text = _PLAIN.sub("", text)
    closed = {found["name"] for found in _COMPONENT.finditer(text) if found["end"]}
    return _COMPONENT.sub(lambda found: _said(found, closed), text)


def converted_blocks(text: str, convert: Callable[[str], str]) -> str:
    """Put in the place of each table, and list of definitions, of HTML what `convert` makes of it."""
    shown: list[str] = []
    position = 0
    lowered = text.lower() if "<" in text else ""
    while opening := _READ_WHOLE.search(lowered, position):
        closing = f"</{opening[1]}>"
        end = lowered.find(closing, opening.start())
        if end < 0:
            break
        end += len(closing)
        whole = _NUMBER.sub(r'="\1"', text[opening.start() : end])
        shown += [text[position : opening.start()], "\n\n", convert(whole), "\n\n"]
        position = end
    return "".join([*shown, text[position:]])


def _parted(line: str) -> str:
    """Begin a block on a line of its own where one ends before it; a row of a table is one line."""
    if "</" not in line or "|" in line:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return _BLOCK_END.sub(lambda found: f"{found[0]}\n\n{indent}", line)


def _written(found: re.Match[str]) -> str:
    name, text = found["name"].lower(), _WHOLE.sub(_written, found["text"]).strip()
    if not text:
        return ""
    if name in _WRAPPED:
        return f"{_WRAPPED[name]}{text}{_WRAPPED[name]}"
    if name == "summary":
        return f"\n\n**{' '.join(text.split()).replace('**', '')}**\n\n"
    return f"\n\n{'#' * int(name[1])} {' '.join(text.split())}\n\n"


def _said(found: re.Match[str], closed: set[str]) -> str:
    """Take a component's tag away; what it says of itself stays, and so does a mere `<T>`."""
    if found["end"]:
        return ""
    attributes = found["attributes"]
    if not attributes.strip() and found["name"] not in closed:
        return found[0]
    said = _value(_SAYS, attributes)
    if said and found["name"] in _TABS and not attributes.rstrip().endswith("/"):
        before = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
        return f"\n\n{before}**{said}**\n\n{before}" if not before.strip() else f"{said} "
    return f"{said} " if said and not attributes.rstrip().endswith("/") else said


def _value(expression: re.Pattern[str], attributes: str) -> str:
    found = expression.search(attributes)
    return (found[1] or found[2] or "") if found else ""


def _words_of_picture(attributes: str) -> str:
    return "" if _value(_SOURCE, attributes).startswith("data:") else _value(_ALT, attributes)


def _frame(attributes: str) -> str:
    """Write a link to what a page shows of another."""
    source = _value(_SOURCE, attributes)
    if not source.startswith(("http://", "https://")):
        return ""
    title = _value(_TITLE, attributes).strip()
    return f"[{title}]({source})" if title else f"<{source}>"
