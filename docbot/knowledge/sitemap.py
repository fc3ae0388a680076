"""Sitemaps: the addresses a site says it has. Pure; XML from outside is read with nothing it may ask for."""

import zlib
from dataclasses import dataclass

from lxml import etree

_MOST_BYTES = 50_000_000  # after decompression; the protocol's own limit
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sitemap:
    pages: tuple[str, ...]
    sitemaps: tuple[str, ...]  # of an index


def parse_sitemap(body: bytes) -> Sitemap:
    """Read a sitemap or an index of sitemaps; what is neither is empty."""
    root = _root(_decompressed(body))
    if root is None:
        return Sitemap((), ())
    return Sitemap(pages=_locations(root, "url"), sitemaps=_locations(root, "sitemap"))


def _decompressed(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _MOST_BYTES)
    except zlib.error:
        return b""


def _root(body: bytes) -> etree._Element | None:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=True
    )
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _locations(root: etree._Element, kind: str) -> tuple[str, ...]:
    found = (
        (place.text or "").strip()
        for entry in root.iter(f"{{*}}{kind}")
        for place in entry.iterchildren("{*}loc")
    )
    return tuple(dict.fromkeys(address for address in found if address))
