"""What the head of an HTML page says to a crawler: its language, its translations, its twin."""

from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin

from lxml import etree

from docbot.knowledge.html.tree import attribute, select

_MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})
_MOST_TRANSLATIONS = 200  # of one page


@dataclass(frozen=True, slots=True)
class Head:
    """`translations` are (language, absolute address); the page itself may be one of them."""

    language: str | None = None
    translations: tuple[tuple[str, str], ...] = ()
    twin: str | None = None  # the absolute address of the same page as Markdown


NO_HEAD = Head()


def read_head(root: etree._Element, base: str) -> Head:
    """Read the head of a parsed page; `base` is what relative addresses are read against."""
    html = next(iter(select(root, "descendant-or-self::html")), None)
    language = attribute(html, "lang").strip().lower() if html is not None else ""
    translations: list[tuple[str, str]] = []
    twin = None
    # A menu of languages is as good as the head.
    for link in root.iter("link", "a"):
        if not link.get("href") or (link.tag == "a" and not link.get("hreflang")):
            continue
        if link.tag == "link" and "alternate" not in attribute(link, "rel").lower().split():
            continue
        address = _joined(base, attribute(link, "href"))
        if address is None:
            continue
        spoken = attribute(link, "hreflang").strip().lower()
        if spoken and len(translations) < _MOST_TRANSLATIONS:
            translations.append((spoken, address))
        if twin is None and attribute(link, "type").lower() in _MARKDOWN:
            twin = address
    return Head(language or None, tuple(translations), twin)


def _joined(base: str, href: str) -> str | None:
    try:
        return urldefrag(urljoin(base, href.strip()))[0]
    except ValueError:  # as "http://[broken"
        return None
