"""Addresses of pages: which belong to a site, and which name the same page."""

import re
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from urllib.parse import urljoin, urlsplit, urlunsplit

from docbot.text import printable

MOST_BYTES = 2000  # of an address; a browser's bar holds about as much, an index of Postgres 2,700
_INDEX = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.IGNORECASE)
_ENDING = re.compile(r"(?:/|\.html?)$", re.IGNORECASE)
# What nearly every link is already, told without taking it apart; no such port is a default one.
_FOLDED = re.compile(r"https?://[a-z0-9.-]+(?::\d{4,5})?/[\w/.~%+@-]*", re.ASCII)
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_DOT = re.compile(r"%2e", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What is linked like a page and is none.
_NO_PAGE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|avif|ico|bmp|mp4|webm|mov|mp3|wav|ogg|pdf|epub|zip|gz|tgz|bz2|xz|zst"
    r"|tar|whl|exe|dmg|deb|rpm|jar|css|m?js|map|json|xml|rss|atom|ya?ml|toml|csv|tsv|parquet|ipynb|py"
    r"|woff2?|ttf|otf|eot|wasm|inv|txt)$",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(r"\.(?:pdf|epub)$", re.IGNORECASE)
_INDEX_NAME = re.compile(r"/index(?:\.html?)?$", re.IGNORECASE)
_MARKDOWN = re.compile(r"\.(?:md|mdx|markdown)$", re.IGNORECASE)
# Who is reading, written into an address by servers that do not trust cookies.
_SESSION = re.compile(
    r";(?:jsessionid|phpsessid|sid|sessionid)=[^/;]*|/\([SAF]\([^()/]*\)\)(?=/)", re.IGNORECASE
)
# Addresses that hold nothing but folders and names, as nearly all do.
_PLAIN_BASE = re.compile(
    r"(https?://[\w.-]+(?::\d+)?/)((?:[\w-][\w.-]*/)*)(?:[\w-][\w.-]*)?", re.ASCII
)
_PLAIN_LINK = re.compile(
    r"(?P<whole>https?://[\w.-]+/)?(?P<root>/)?(?P<up>(?:\.\./)*)(?:[\w-][\w.-]*/)*(?:[\w-][\w.-]*)?"
    r"(?:(?<=[\w./-])\#[\w.-]+)?",
    re.ASCII,
)
_LOGIN = re.compile(r"log-?in|sign-?in|sso|oauth|saml|authorize", re.IGNORECASE)
_LOGIN_PAGE = re.compile(
    r"(?:^|/)(?:log|sign)[-_]?in(?:\.\w+)?/?$|/(?:sso|oauth2?|saml2?|authorize)(?:/|$)",
    re.IGNORECASE,
)


def is_possible(url: str) -> bool:
    """Tell whether an address is one that a page of a site may have and a database can find.

    One of control characters is a fault, or is meant to steer the terminal that shows it.
    """
    return printable(url) == url and len(url.encode("utf-8", "replace")) <= MOST_BYTES


def joiner(base: str) -> Callable[[str], str]:
    """Return what reads links against an address: urljoin, without parsing all of them.

    A page has hundreds of links around its text, and urljoin takes both sides apart for each.
    """
    plain = _PLAIN_BASE.fullmatch(base)
    if plain is None:
        return partial(urljoin, base)
    names = plain[2].split("/")[:-1]
    # From the page's own folder up to the root.
    folders = list(accumulate([plain[1], *(f"{name}/" for name in names)]))[::-1]

    def join(href: str) -> str:
        link = _PLAIN_LINK.fullmatch(href)
        if not href or link is None or (link["up"] and (link["root"] or link["whole"])):
            return urljoin(base, href)
        if link["whole"]:
            return urljoin(base, href) if link["root"] else href
        if link["root"]:
            return folders[-1] + href[1:]
        up = len(link["up"]) // len("../")
        return folders[up] + href[len(link["up"]) :] if up < len(folders) else urljoin(base, href)

    return join


def folded(url: str) -> str:
    """Return the one address of a page: no query, fragment, session, `index.html` or default port."""
    if _FOLDED.fullmatch(url) and not _INDEX.search(url) and not _DOTS.search(url):
        return url
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port if parts.port != _DEFAULT_PORTS.get(parts.scheme) else None
    path = _INDEX.sub("/", _without_dots(_SESSION.sub("", parts.path)) or "/")
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, path, "", ""))


def asked(url: str) -> str:
    """Return an address as it is asked for: as it is linked, since not every server answers for the
    folder of an `index.html`, but without what names no other page.
    """
    place = _SESSION.sub("", url.partition("#")[0].partition("?")[0])
    if not _DOTS.search(place):
        return place
    parts = urlsplit(place)
    return urlunsplit(parts._replace(path=_without_dots(parts.path)))


def _without_dots(path: str) -> str:
    """Go the way of `.` and `..` in a path, as every server does, before anything is judged by it."""
    if not _DOTS.search(path):
        return path
    *folders, name = _DOT.sub(".", path).split("/")[1:]
    way: list[str] = []
    for folder in [*folders, *([name, ""] if name in {".", ".."} else [name])]:
        if folder == "..":
            del way[-1:]
        elif folder != ".":
            way.append(folder)
    return "/" + "/".join(way)


def at_home(url: str, root: str) -> str:
    """Return the address with the scheme and host of `root` where it is of the same site.

    `http` and `https`, with and without `www.`, are one site; other ports are other sites.
    """
    if url.startswith(root):
        return url
    try:
        parts, home = urlsplit(url), urlsplit(root)
        if parts.port or home.port or parts.scheme not in _DEFAULT_PORTS:
            return url
    except ValueError:  # as a port that is no number
        return url
    if _site_name(parts.hostname) != _site_name(home.hostname):
        return url
    return urlunsplit((home.scheme, home.netloc, parts.path, parts.query, parts.fragment))


def _site_name(host: str | None) -> str:
    return (host or "").lower().removeprefix("www.")


def folder_of(url: str) -> str:
    """Return the address of the folder that a page lies in, with its slash."""
    return folded(url).rpartition("/")[0] + "/"


def is_under(url: str, root: str) -> bool:
    """Tell whether a page lies under a folder: same scheme, host and port, path below it."""
    try:
        return folded(url).startswith(root)
    except ValueError:  # as a port that is no number
        return False


def bare(url: str) -> str:
    """Return an address without what servers add at its end or leave out: `.html` or a slash."""
    return _ENDING.sub("", url)


def may_be_page(url: str) -> bool:
    """Tell by its ending whether an address may be a page; pictures and archives are none."""
    return not _NO_PAGE.search(urlsplit(url).path)


def is_document(url: str) -> bool:
    """Tell by its ending whether an address is one of text that is no page of the site."""
    return bool(_DOCUMENT.search(urlsplit(url).path))


def is_pdf(url: str) -> bool:
    return urlsplit(url).path.lower().endswith(".pdf")


def is_markdown(url: str) -> bool:
    """Tell by its ending whether an address is one of Markdown."""
    return bool(_MARKDOWN.search(urlsplit(url).path))


def without_markdown(url: str) -> str:
    """Return the address of the page that an address of Markdown may be the twin of."""
    return _INDEX_NAME.sub("/", _MARKDOWN.sub("", url))


def looks_like_login(url: str) -> bool:
    """Tell by its words whether an address asks who is there."""
    return bool(_LOGIN.search(urlsplit(url).path))


def is_login_address(url: str) -> bool:
    """Tell whether an address is that of a login itself, and not of a page about logins."""
    return bool(_LOGIN_PAGE.search(urlsplit(url).path))


def rebase(url: str, start: str, base: str) -> str:
    """Replace where a page was read by the address that stands in its place.

    `start` is an address in the folder that was read, `base` the address of that folder;
    what lies elsewhere is returned as it is, a fragment stays.
    """
    root = folder_of(start)
    address, mark, fragment = url.partition("#")
    if not is_under(address, root):
        return url
    return base.rstrip("/") + "/" + folded(address)[len(root) :] + mark + fragment
