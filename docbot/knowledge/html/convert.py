"""An HTML page becomes clean Markdown.

`convert` promises one shape for every documentation theme: headings that carry the anchor the
site really uses, fences with their language, absolute links, no navigation, no text twice. Broken
or hostile HTML gives a poorer page, never an error, and takes time in proportion to its size.
"""

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from urllib.parse import urljoin

from lxml import etree

from docbot.errors import PermanentError
from docbot.knowledge.addresses import joiner
from docbot.knowledge.html.head import NO_HEAD, Head, read_head
from docbot.knowledge.html.mainpart import find_main
from docbot.knowledge.html.prepare import prepare
from docbot.knowledge.html.selector import selected
from docbot.knowledge.html.signatures import unfold_parameters
from docbot.knowledge.html.tree import attribute, line_of, select
from docbot.knowledge.html.walk import to_markdown

# libxml2 drops what lies deeper than 2048 elements, the text after it included.
_DEEPEST_READ = 2000
# Each takes up to 60 microseconds; the fullest of 1,272 real pages has 137,000 tags.
_MOST_ELEMENTS = 300_000
# Python's own escapes and names of hosts; "punycode" takes time with the square of the length.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
# Little-endian unless they begin with the mark of the other end.
_EITHER_END = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}
_PIECE = 65_536  # bytes decoded at once, so that a thread which does it lets others in
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A charset stands in the first 1024 bytes (HTML standard); some pages are a little late.
_CHARSET_WITHIN = 4096
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_REFRESH = re.compile(r"""^\s*[\d.]+\s*[;,]\s*url\s*=\s*["']?([^"']+)""", re.IGNORECASE)
_MOST_LINKS = 50_000  # of one page that are followed
_LONGEST_STUB = 60  # words on a page that only leads elsewhere
_LONGEST_LOGIN = 100  # words on a page that only asks who is there
_ASKS_WHO = "descendant::input[translate(@type, 'PASWORD', 'pasword') = 'password']"
# Who asks for a name first, or sends to a service that does.
_SENDS_TO_LOGIN = re.compile(r"/(?:auth|oauth2?|saml2?|sso|login|signin)(?:[/?.]|$)", re.IGNORECASE)
_LOGIN_TITLE = re.compile(r"\W*(?:sign|log)[ -]?in\b", re.IGNORECASE)
_LONGEST_SHELL = 30  # words of a page that a script is to draw
_SHELL = re.compile(
    r"\bloading\b[ .\u2026]*$|(?:enable|requires?|needs?|turn on|without) javascript"
    r"|javascript (?:is |to be )?(?:required|disabled|enabled)|checking your browser|just a moment",
    re.IGNORECASE,
)
# Libraries take time with the square of their number.
_MOST_ATTRIBUTES = 5_000
_LONG_TAG = re.compile(r"<([a-zA-Z]+)\s([^<>]{50000,})>?")
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_FRAMES = ("frame", "iframe")
_TITLE_SEPARATORS = re.compile(r"\s+(?:[|\u2013\u2014\u00b7\u2022-]|::)\s+")
_TAG = re.compile(r"<[^<>]*>")
_WORD = re.compile(r"[^\W\d_]{3,}")
# What XML cannot hold, and so no tree either.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Converted:
    """A page as Markdown, with what a crawler wants to know of it.

    `links` are the absolute http(s) addresses anywhere on the page, navigation included, in order,
    without fragments and without repeats. `markdown` is empty when the page holds no text.
    """

    title: str
    markdown: str
    links: tuple[str, ...] = ()
    canonical: str | None = None  # absolute; as the page says, in scope or not
    refresh: str | None = None  # where a meta refresh leads: the page is a stub
    is_login: bool = False  # it asks for a password and says little else
    head: Head = NO_HEAD
    missed_selector: bool = False  # the operator's selector found no text here


def convert(
    html: bytes | str,
    url: str,
    *,
    rewrite: Callable[[str], str] | None = None,
    selector: str | None = None,
) -> Converted:
    """Read one HTML page.

    Args:
        html: the page; bytes are decoded by mark, meta tag, else UTF-8, else Windows-1252.
        url: its address; relative links are read against it.
        rewrite: what becomes of each absolute link within the Markdown; `links` stay as they are.
        selector: CSS that says where the text is; where it finds none, the page is read as any.

    Raises:
        PermanentError: it has more elements than can be read in a bearable time.
    """
    text = _CONTROL.sub("", html if isinstance(html, str) else decode(html))
    text = _LONG_TAG.sub(_without_attributes, text)
    root = _parse(unfold_parameters(text))
    if root is None:
        return Converted(title="", markdown="")
    _refuse_too_many_elements(root, url)
    base = _base_of(root, url)
    links = _links(root, base)
    canonical, refresh = _canonical(root, base), _refresh(root, base)
    head = read_head(root, base)
    head_title = next(map(line_of, select(root, "descendant::title")), "")
    asks_who = bool(select(root, _ASKS_WHO))
    sends_to_login = any(map(_SENDS_TO_LOGIN.search, links))
    has_script = next(root.iter("script", "noscript"), None) is not None
    chosen = _parse(selected(text, selector)) if selector else None
    main = find_main(root) if chosen is None else chosen
    prepare(main, base, rewrite or _unchanged)
    written = to_markdown(main)
    markdown = written.markdown
    if refresh and len(markdown.split()) < _LONGEST_STUB:
        markdown = ""  # "Redirecting... click here"
    if has_script and _is_shell(markdown):
        markdown = ""
    title = _title(written.headings, head_title)
    is_asking = asks_who or (sends_to_login and bool(_LOGIN_TITLE.match(title)))
    is_login = is_asking and len(markdown.split()) < _LONGEST_LOGIN
    missed = selector is not None and chosen is None
    return Converted(title, markdown, links, canonical, refresh, is_login, head, missed)


def _without_attributes(tag: re.Match[str]) -> str:
    """Take the attributes from a tag of more than anybody wrote; a picture in one is one."""
    found = len(_QUOTED.sub("", tag[2]).split())
    return f"<{tag[1]}>" if found > _MOST_ATTRIBUTES else tag[0]


def _is_shell(markdown: str) -> bool:
    """Tell a page that says only that a script has not drawn it yet."""
    return len(markdown.split()) < _LONGEST_SHELL and bool(_SHELL.search(markdown.strip()))


def decode(html: bytes) -> str:
    """Turn bytes into text; what its charset does not know becomes U+FFFD."""
    for mark, charset in _BYTE_ORDER_MARKS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, "replace")
    if named := _CHARSET.search(html[:_CHARSET_WITHIN]):
        charset = named[1].decode("ascii", "replace")
        # The tag could be read, so the page is not UTF-16, whatever it says.
        text = None if charset.lower().startswith("utf-16") else decode_as(html, charset)
        if text is not None:
            return text
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        return html.decode("windows-1252", "replace")


def decode_as(body: bytes, charset: str) -> str | None:
    """Decode with a charset as a page or server names it; None when that is no charset of text."""
    try:
        name = codecs.lookup(charset).name
        if name in _NO_CHARSETS:
            return None
        if name in _EITHER_END:
            name += "-be" if body.startswith(_EITHER_END[name]) else "-le"
        b"a".decode(name, "replace")  # refuses "base64" and the like, which give no text
        pieces = (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))
        return "".join(codecs.iterdecode(pieces, name, "replace")).removeprefix("\ufeff")
    except (LookupError, ValueError):  # unknown, or for other uses
        return None


def _parse(text: str) -> etree._Element | None:
    root = _tree(text)
    if root is not None and _is_deeper_than(root, _DEEPEST_READ):
        root = _tree(f"<p>{_TAG.sub(' ', text)}</p>")
    return root


def _tree(text: str) -> etree._Element | None:
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, no_network=True
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:  # nothing that could be a page, as an empty file
        return None


def _refuse_too_many_elements(root: etree._Element, url: str) -> None:
    found = root.xpath("count(//*)")
    if isinstance(found, float) and found > _MOST_ELEMENTS:
        raise PermanentError(
            f"{url} has {found:,.0f} elements of HTML, more than the {_MOST_ELEMENTS:,} that are read of"
            " one page"
        )


def _is_deeper_than(root: etree._Element, limit: int) -> bool:
    level: list[etree._Element] = [root]
    for _ in range(limit):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def _base_of(root: etree._Element, url: str) -> str:
    stated = next((attribute(element, "href") for element in root.iter("base")), "")
    base = _join(url, stated) or url
    # Against "javascript:" or "data:" a relative link would stay relative.
    return base if _is_http(base) or not _is_http(url) else url


def _links(root: etree._Element, base: str) -> tuple[str, ...]:
    join = joiner(base)
    hrefs = dict.fromkeys(
        attribute(link, "src" if link.tag in _FRAMES else "href")
        for link in root.iter("a", "area", *_FRAMES)
    )
    found = (_joined(join, href) for href in islice(hrefs, _MOST_LINKS) if href)
    return tuple(dict.fromkeys(link.partition("#")[0] for link in found if _is_http(link)))


def _canonical(root: etree._Element, base: str) -> str | None:
    for link in root.iter("link"):
        if link.get("href") and "canonical" in attribute(link, "rel").lower().split():
            return _join(base, attribute(link, "href"))
    return None


def _refresh(root: etree._Element, base: str) -> str | None:
    for meta in root.iter("meta"):
        if attribute(meta, "http-equiv").lower() == "refresh":
            target = _REFRESH.match(attribute(meta, "content"))
            return _join(base, target[1].strip()) if target else None
    return None


def _title(headings: Sequence[tuple[int, str]], head_title: str) -> str:
    """Choose what the page calls itself: its h1, unless that names the site, or one section.

    Without any of these it is the first heading.
    """
    stated = _without_suffix(head_title)
    first = next((text for level, text in headings if level == 1), "")
    if not first or not stated:
        return first or stated or next((text for _, text in headings), "")
    names = {text.casefold() for level, text in headings if level > 1}
    is_of_site = head_title.casefold().endswith(first.casefold()) and stated.casefold() in names
    is_one_of_several = sum(level == 1 for level, _ in headings) > 1
    is_section = is_one_of_several and not _share_words(first, head_title)
    return stated if is_of_site or is_section else first


def _share_words(one: str, other: str) -> bool:
    return bool(set(_WORD.findall(one.casefold())) & set(_WORD.findall(other.casefold())))


def _without_suffix(title: str) -> str:
    """Drop the site's name, the last part of "Install | Guide | Acme"."""
    cuts = list(_TITLE_SEPARATORS.finditer(title))
    return title[: cuts[-1].start()].strip() if cuts else title


def _join(base: str, href: str) -> str | None:
    return _joined(partial(urljoin, base), href) or None


def _joined(join: Callable[[str], str], href: str) -> str:
    try:
        return join(href.strip())
    except ValueError:  # as "http://[broken"
        return ""


def _is_http(link: str) -> bool:
    return link.startswith(("http://", "https://"))


def _unchanged(link: str) -> str:
    return link
