"""Addresses of pages: which belong to a site, and which name the same page."""

import re
from urllib.parse import urlsplit, urlunsplit

_INDEX = re.compile(r"/index\.html?$", re.IGNORECASE)
_ENDING = re.compile(r"(?:/|\.html?)$", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What is linked like a page and is none.
_NO_PAGE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|avif|ico|bmp|mp4|webm|mov|mp3|wav|ogg|pdf|epub|zip|gz|tgz|bz2|xz|zst"
    r"|tar|whl|exe|dmg|deb|rpm|jar|css|m?js|map|json|xml|rss|atom|ya?ml|toml|csv|tsv|parquet|ipynb|py"
    r"|woff2?|ttf|otf|eot|wasm|inv|txt)$",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(r"\.(?:pdf|epub)$", re.IGNORECASE)
_LOGIN = re.compile(r"log-?in|sign-?in|sso|oauth|saml|authorize", re.IGNORECASE)


def folded(url: str) -> str:
    """Return the one address of a page: no query, no fragment, no `index.html`, no default port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port if parts.port != _DEFAULT_PORTS.get(parts.scheme) else None
    path = _INDEX.sub("/", parts.path or "/")
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, path, "", ""))


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
    """Tell by its ending whether an address is one of text that docbot does not read."""
    return bool(_DOCUMENT.search(urlsplit(url).path))


def looks_like_login(url: str) -> bool:
    """Tell by its words whether an address asks who is there."""
    return bool(_LOGIN.search(urlsplit(url).path))


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
