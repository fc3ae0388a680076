"""Links that only lead about: to the next page, back to the top, to the heading they stand in.

Told by what they say of themselves (`rel`, `accesskey`, a sign in place of words), as in manuals
from before there were landmarks: DocBook, Texinfo, GTK-Doc, hand-written HTML.
"""

import re
from urllib.parse import unquote

from lxml import etree

from docbot.knowledge.html.tree import HEADINGS, attribute, line_of, remove, select

_NEIGHBOURS = frozenset(
    {"next", "prev", "previous", "up", "start", "home", "contents", "index", "first", "last"}
)
_NEIGHBOUR_KEYS = frozenset({"n", "p", "u", "h"})
_MOST_WORDS = 60  # that stand beside such links
_TO_TOP = re.compile(
    r"(?:(?:back|return|go) to |page |to )?(?:the )?top(?: of (?:the )?page)?", re.IGNORECASE
)
# What such links say where nothing else tells of them.
_SIGNPOST = re.compile(
    r"[\[(]?\s*(?:[<>«»←→↑?]{1,2}|next|prev|previous|up|top|home|contents|index)\s*[\])]?",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_FEWEST_CONTENTS = 3  # links of a list of contents
_LEAST_LINKED = 0.8  # of its text; what stands beside the links is numbers
_BLOCKS = ("p", "div", "td", "th", "li", "ul", "ol", "center", "table", "dd", "dt", "blockquote")
_LISTS_IN_HEADERS = ".//header//*[self::ul or self::ol][count(.//a) > 2]"


def remove_signposts(main: etree._Element) -> None:
    for heading in main.iter(*HEADINGS):
        _take_sign(heading)
    _remove_contents(main)
    for block in select(main, _LISTS_IN_HEADERS):
        if _is_mostly_linked(block):
            remove(block)
    for link in list(main.iter("a")):
        if link.getparent() is None or next(link.iterancestors("pre", *HEADINGS), None) is not None:
            continue
        if _leads_to_neighbour(link) or _SIGNPOST.fullmatch(_shown(link)):
            _remove_row(link, main)
        if _leads_to_top(link) or not _WORD.search(_shown(link)):
            _remove_alone(link, main)


def _remove_contents(main: etree._Element) -> None:
    """Take out a list of the page's own headings: they say all of it where they stand."""
    headings: set[str] = set()
    for listing in select(main, ".//*[self::ul or self::ol][not(ancestor::ul or ancestor::ol)]"):
        links = list(listing.iter("a"))
        leads_within = all(attribute(link, "href").startswith("#") for link in links)
        if len(links) < _FEWEST_CONTENTS or not leads_within:
            continue
        headings = headings or {line_of(heading) for heading in main.iter(*HEADINGS)}
        named = sum(line_of(link) in headings for link in links)
        linked = sum(len(line_of(link)) for link in links)
        if named == len(links) and linked >= _LEAST_LINKED * len(line_of(listing)):
            remove(listing)


def _take_sign(heading: etree._Element) -> None:
    """Note where a heading's link to itself leads, a sign of any kind, and take it out."""
    for link in list(heading.iter("a")):
        href = attribute(link, "href")
        is_sign = href.startswith("#") and line_of(link) and not _WORD.search(_shown(link))
        if is_sign and line_of(link) != line_of(heading):
            if heading.get("data-docbot-anchor") is None:
                heading.set("data-docbot-anchor", unquote(href[1:]))
            remove(link)


def _shown(link: etree._Element) -> str:
    """Return what a reader sees of a link, the words for its pictures among it."""
    pictures = " ".join(attribute(picture, "alt") for picture in link.iter("img"))
    return f"{line_of(link)} {pictures}".strip()


def _leads_to_neighbour(link: etree._Element) -> bool:
    roles = set(attribute(link, "rel").lower().split())
    return link.get("href") is not None and (
        not roles.isdisjoint(_NEIGHBOURS) or attribute(link, "accesskey").lower() in _NEIGHBOUR_KEYS
    )


def _leads_to_top(link: etree._Element) -> bool:
    return attribute(link, "href").startswith("#") and bool(_TO_TOP.fullmatch(_shown(link)))


def _remove_row(link: etree._Element, main: etree._Element) -> None:
    """Take out the line, or the table, of links of which this is one."""
    row = _block_around(link, main)
    for outer in link.iterancestors("table"):
        if outer is main:
            break
        row = outer
    if row is None or len(line_of(row).split()) > _MOST_WORDS:
        return
    if select(row, "descendant::h1|descendant::h2|descendant::h3|descendant::pre"):
        return
    links = [each for each in row.iter("a") if each.get("href") is not None]
    told = sum(map(_leads_to_neighbour, links))
    named = sum(bool(_SIGNPOST.fullmatch(_shown(each))) for each in links)
    is_row = told > 1 and 2 * told >= len(links)
    is_one_of_few = told > 0 and _is_mostly_linked(row)
    if is_row or is_one_of_few or (named > 1 and named == len(links)):
        remove(row)


def _remove_alone(link: etree._Element, main: etree._Element) -> None:
    """Take out a link that is all its block says; one in a sentence stays."""
    block = _block_around(link, main)
    if block is None or block.tag in {"td", "th", "dt"} or link.get("href") is None:
        return
    if line_of(block) == line_of(link) and len(list(block.iter("a", "img"))) <= 2:
        remove(link)


def _block_around(link: etree._Element, main: etree._Element) -> etree._Element | None:
    for outer in link.iterancestors():
        if outer is main:
            return None
        if outer.tag in _BLOCKS:
            parent = outer.getparent()
            is_item = outer.tag == "li" and parent is not None and parent is not main
            return parent if is_item else outer
    return None


def _is_mostly_linked(block: etree._Element) -> bool:
    linked = sum(len(line_of(link)) for link in block.iter("a"))
    return 2 * linked >= len(line_of(block))
