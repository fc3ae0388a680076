"""Sitemaps and `llms.txt`: the addresses a site says it has.

Pure; XML from outside is read with nothing it may ask for, and one entry after the other.
"""

import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import urljoin

from lxml import etree

_MOST_BYTES = 50_000_000  # after decompression; the protocol's own limit
_MOST_ADDRESSES = 250_000  # of one sitemap; the protocol allows 50,000
_GZIP = b"\x1f\x8b"
_ROOT = re.compile(rb"<(?:[\w.-]+:)?(?:urlset|sitemapindex)[\s>]")
_ROOT_END = re.compile(rb"</(?:[\w.-]+:)?(?:urlset|sitemapindex)\s*>|/>\s*$")
_WITHIN = 4096  # bytes of its beginning, or of its end; comments may stand around it
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)")


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What a sitemap names; `fault` says why it may name more than that."""

    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]  # of an index
    fault: str = ""


def parse_sitemap(body: bytes) -> Sitemap:
    """Read a sitemap, an index of sitemaps or a list of addresses; what is none of these is empty."""
    unpacked, fault = _decompressed(body)
    text = unpacked.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"http://", b"https://")):
        lines = (line.strip() for line in text.decode("utf-8", "replace").splitlines())
        listed = tuple(dict.fromkeys(filter(None, lines)))
        return Sitemap(listed[:_MOST_ADDRESSES], (), fault or _fault_of_number(len(listed)))
    entries = _entries(text)
    pages = dict.fromkeys(address for kind, address in entries if kind == "url")
    sitemaps = dict.fromkeys(address for kind, address in entries if kind == "sitemap")
    fault = fault or _fault_of_number(len(entries)) or _fault_of_xml(text)
    return Sitemap(tuple(pages), tuple(sitemaps), fault)


def parse_llms(text: str, place: str) -> tuple[str, ...]:
    """Return the addresses that an `llms.txt` links to; `place` is its own."""
    found: dict[str, None] = {}
    for link in _LINK.finditer(text):
        try:
            address = urljoin(place, link[1]).partition("#")[0]
        except ValueError:  # as "//[broken"
            continue
        if address.startswith(("http://", "https://")):
            found[address] = None
    return tuple(found)[:_MOST_ADDRESSES]


def _decompressed(body: bytes) -> tuple[bytes, str]:
    """Return what was packed, and what is wrong with it."""
    if not body.startswith(_GZIP):
        return body, ""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        text = unpacking.decompress(body, _MOST_BYTES)
    except zlib.error:
        return b"", "is compressed and damaged"
    if unpacking.eof:
        return text, ""
    is_long = len(text) == _MOST_BYTES
    return text, f"is larger than {_MOST_BYTES // 1_000_000} MB" if is_long else "is cut off"


def _fault_of_number(entries: int) -> str:
    return f"names more than {_MOST_ADDRESSES} addresses" if entries >= _MOST_ADDRESSES else ""


def _fault_of_xml(text: bytes) -> str:
    """Say that a sitemap has no end; a stray `&` is a fault that nothing is lost by."""
    is_sitemap, has_end = _ROOT.search(text[:_WITHIN]), _ROOT_END.search(text[-_WITHIN:])
    return "is cut off" if is_sitemap and not has_end else ""


def _entries(text: bytes) -> list[tuple[str, str]]:
    """Give each entry's kind, `url` or `sitemap`, with its address; the tree never holds more."""
    found: list[tuple[str, str]] = []
    if not text:
        return found
    events = etree.iterparse(
        BytesIO(text),
        events=("end",),
        tag=("{*}url", "{*}sitemap"),
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        recover=True,
    )
    try:
        for _, entry in events:
            kind = etree.QName(entry).localname
            places = ((place.text or "").strip() for place in entry.iterchildren("{*}loc"))
            found += [(kind, address) for address in places if address]
            _forget(entry)
            if len(found) >= _MOST_ADDRESSES:
                break
    except (etree.XMLSyntaxError, ValueError):  # what was read before it counts
        pass
    return found


def _forget(entry: etree._Element) -> None:
    entry.clear()
    parent = entry.getparent()
    while parent is not None and entry.getprevious() is not None:
        del parent[0]
