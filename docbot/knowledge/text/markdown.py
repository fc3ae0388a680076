"""A Markdown file becomes the same shape as a converted HTML page.

Front matter, comments and MDX statements go, headings get the anchor the site gives them, relative
links become absolute, admonitions and tabs of the common dialects become quotations and labels.
What stands in fences or inline code is never touched.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from markdown_it import MarkdownIt

from docbot.knowledge.chunking.chunks import plain
from docbot.knowledge.html.convert import Converted, convert
from docbot.knowledge.text.anchors import Anchors
from docbot.knowledge.text.dialects import plain_blocks
from docbot.knowledge.text.front import without_front
from docbot.knowledge.text.tags import converted_blocks, plain_tags

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_STATED_ANCHOR = re.compile(r"\s*\\?\{\s*#([^{}\s]+)(?:\s[^{}]*)?\}\s*$")
_CLOSING_HASHES = re.compile(r"\s+#+\s*$")
_BACKTICKS = re.compile(r"`+")
# What must be found in order: each hides the others while it lasts.
_HIDING = re.compile(
    r"(?P<fence>^[ \t]*(?:(?:>|[-+*]|\d+[.)])[ \t]*)*(?P<marks>`{3,}|~{3,})[^\n]*$)"
    r"|(?P<escape>\\[`<])|(?P<code>`+)|(?P<comment><!--|\{/\*)",
    re.MULTILINE,
)
# Each text is matched in one way only: with two, a text of many brackets would take for ever.
_INLINE_LINK = re.compile(
    r"(?P<image>!?)(?<!\\)\[(?P<text>(?:[^\[\]\\\n]|\\[^\n]|\\(?=\n)|\n(?!\n)"
    r"|\[[^\[\]\n]*\](?:\([^()\n]*\)|(?!\([^()\n]*\))))*)\]"
    r"\(\s*(?!\s)(?P<href><[^<>\n]*>|(?:[^\s()]|\([^\s()]*\))*)(?P<title>\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)"
)
_DEFINITION = re.compile(r"^( {0,3}\[(?!\^)[^\]\n]+\]:\s*)(<[^<>\n]*>|\S+)", re.MULTILINE)
_HTML_LINK = re.compile(r"""(<a\s[^<>]*?href\s*=\s*)(["'])([^"'<>]*)\2""", re.IGNORECASE)
_LONGEST_CODE = 5000  # characters of inline code; bounds the search for its end
_COMMENT_ENDS = {"<!--": "-->", "{/*": "*/}"}
_MARK = "\x1a"  # stands for code while links are rewritten; no text holds it


def read(text: str, url: str, resolve: Callable[[str], str], *, generator: str = "") -> Converted:
    """Read one Markdown file.

    Args:
        text: the file.
        url: the page's address.
        resolve: gives the address that a link's target stands for; asked for each link that is
            no address with a scheme and not within the page.
        generator: whose rule the headings' anchors follow; GitHub's where none is named.

    Returns:
        The page; its title is the front matter's, else the first h1, else the file's name.

    """
    text = _CONTROL.sub("", text.removeprefix("\ufeff")).replace("\r\n", "\n").replace("\r", "\n")
    front, body = without_front(text)
    body, codes = _hide_code(plain_blocks(body))
    found: list[str] = []
    body = _rewrite_links(body, url, resolve, found)

    def as_markdown(table: str) -> str:
        codes.append(convert(_show_code(table, codes), "").markdown.strip())
        return f"{_MARK}{len(codes) - 1}{_MARK}"

    body = _show_code(plain_tags(converted_blocks(body, as_markdown)), codes)
    body, heading = _with_anchors(body, Anchors(generator))
    title = front.get("title") or heading or name_of(url)
    links = dict.fromkeys(link.partition("#")[0] for link in found)
    return Converted(title, _tidy(body), tuple(links))


def _hide_code(text: str) -> tuple[str, list[str]]:
    """Drop comments, and put marks in the place of fences and inline code."""
    shown: list[str] = []
    codes: list[str] = []
    position = 0
    last_ends = {begin: text.rfind(end) for begin, end in _COMMENT_ENDS.items()}
    while hiding := _HIDING.search(text, position):
        shown.append(text[position : hiding.start()])
        is_never_closed = hiding["comment"] and hiding.end() > last_ends[hiding["comment"]]
        position = hiding.end() if is_never_closed else _end_of(hiding, text)
        piece = text[hiding.start() : position]
        if hiding["comment"] and position > hiding.end():
            continue
        if hiding["fence"] or (hiding["code"] and position > hiding.end()):
            shown.append(f"{_MARK}{len(codes)}{_MARK}")
            codes.append(piece)
        else:
            shown.append(piece)
    shown.append(text[position:])
    return "".join(shown), codes


def _end_of(hiding: re.Match[str], text: str) -> int:
    """Return where what begins here ends; its own end when it is never closed."""
    if hiding["fence"]:
        mark = re.escape(hiding["marks"][0])
        closing = re.compile(
            rf"^[ \t>]*{mark}{{{len(hiding['marks'])},}}[ \t]*$", re.MULTILINE
        ).search(text, hiding.end())
        return closing.end() if closing else len(text)
    if hiding["comment"]:
        end = text.find(_COMMENT_ENDS[hiding["comment"]], hiding.end())
        return end + 3 if end >= 0 else hiding.end()
    if hiding["code"]:
        furthest = hiding.end() + _LONGEST_CODE
        paragraph_end = text.find("\n\n", hiding.end(), furthest)
        limit = paragraph_end if paragraph_end >= 0 else furthest
        for run in _BACKTICKS.finditer(text, hiding.end(), limit):
            if len(run[0]) == len(hiding["code"]):
                return run.end()
    return hiding.end()


def _show_code(text: str, codes: list[str]) -> str:
    return re.sub(f"{_MARK}(\\d+){_MARK}", lambda found: codes[int(found[1])], text)


def _rewrite_links(text: str, url: str, resolve: Callable[[str], str], found: list[str]) -> str:
    def absolute(href: str) -> str:
        target = href.strip("<>")
        if target.startswith("#"):
            target = url + target
        elif not re.match(r"[a-zA-Z][\w+.-]*:", target) and _MARK not in target and target:
            target = resolve(target)
        if target.startswith(("http://", "https://")):
            found.append(target)
        return target.replace(" ", "%20").replace("(", "%28").replace(")", "%29")

    def inline(link: re.Match[str]) -> str:
        if link["image"]:
            return str(link["text"])
        inner = _INLINE_LINK.sub(inline, link["text"]) if "](" in link["text"] else link["text"]
        return f"[{inner}]({absolute(link['href'])})" if link["href"] else inner

    text = _INLINE_LINK.sub(inline, text)
    text = _DEFINITION.sub(lambda link: link[1] + absolute(link[2]), text)
    return _HTML_LINK.sub(lambda link: f"{link[1]}{link[2]}{absolute(link[3])}{link[2]}", text)


def _with_anchors(text: str, anchors: Anchors) -> tuple[str, str]:
    """Write each heading as one ATX line with its anchor; return also the first h1."""
    lines = text.split("\n")
    first = ""
    written: list[str] = []
    position = 0
    for begin, end, level, content in _headings(text):
        stated = _STATED_ANCHOR.search(content)
        name = content[: stated.start()] if stated else content
        anchor = stated[1] if stated else anchors.next(plain(name))
        if level == 1 and not first:
            first = plain(name)
        written += lines[position:begin]
        suffix = f" {{#{anchor}}}" if anchor else ""
        written += ["", f"{'#' * level} {name}{suffix}", ""] if name else []
        position = end
    return "\n".join([*written, *lines[position:]]), first


def _headings(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Yield (first line, line after the last, level, text) of the headings of the page itself."""
    parser = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])
    tokens = parser.parse(text)
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open" and opening.map and opening.level == 0:
            joined = " ".join(content.content.split())
            name = _CLOSING_HASHES.sub("", joined)
            yield opening.map[0], opening.map[1], int(opening.tag[1]), name


def _tidy(text: str) -> str:
    """Keep one blank line where removals left several, outside of fences."""
    body, codes = _hide_code(text)
    return (
        _show_code(re.sub(r"\n[ \t]*(?:\n[ \t]*)+\n", "\n\n", body), codes).strip("\n") + "\n"
        if text.strip()
        else ""
    )


def name_of(url: str) -> str:
    """Make a title of an address: `guide/first-steps/` gives "First steps"."""
    parts = [part for part in re.sub(r"[?#].*", "", url).split("/") if part]
    name = re.sub(r"\.\w+$", "", parts[-1]) if parts else url
    words = re.sub(r"[-_]+", " ", name).strip()
    return words[:1].upper() + words[1:]
