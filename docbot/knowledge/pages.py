"""What a source gives: pages, cut into chunks, from whatever they were written in."""

from dataclasses import dataclass, replace
from hashlib import blake2b
from urllib.parse import urljoin

from docbot.knowledge.addresses import folded, is_under, rebase
from docbot.knowledge.chunks import CHUNKER_VERSION, Chunk, chunk
from docbot.knowledge.html import Converted, convert, decode
from docbot.knowledge.markdown import read


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is stored; without chunks it holds no text, as a redirect stub or a script's shell.

    `content_hash` covers all that the chunks are made from. `links` are addresses as they were
    read, for a crawler; those within `markdown` already have the stored form.
    """

    url: str
    title: str
    markdown: str
    links: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    content_hash: bytes
    etag: str | None = None
    last_modified: str | None = None
    leads_to: str | None = None  # where a meta refresh goes


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be read, and why.

    A transient one may be read next time, and what it leads to may be missing until then; any other
    (gone, leads elsewhere, no text) will be the same tomorrow.
    """

    url: str
    reason: str
    is_transient: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page's body as it came, with the folder of the site that is read."""

    url: str
    root: str
    body: bytes
    content_type: str
    etag: str | None = None
    last_modified: str | None = None


def page_of(converted: Converted, url: str) -> Page:
    chunks = tuple(chunk(converted, url))
    content = f"{CHUNKER_VERSION}\x1f{converted.title}\x1f{converted.markdown}"
    digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Page(
        url=url,
        title=converted.title,
        markdown=converted.markdown,
        links=converted.links,
        chunks=chunks,
        content_hash=digest,
        leads_to=converted.refresh,
    )


def read_fetched(fetched: Fetched, base_url: str | None = None) -> Page:
    """Convert one fetched page; meant for a process pool, since it takes tens of milliseconds.

    Its address is the canonical one where the page names one on the same site, and begins with
    `base_url` where that is given.
    """

    def stored(address: str) -> str:
        if not is_under(address, fetched.root):
            return address
        page, mark, fragment = address.partition("#")
        home = folded(page)
        return (rebase(home, fetched.root, base_url) if base_url else home) + mark + fragment

    def linked(href: str) -> str:
        try:
            return stored(urljoin(fetched.url, href))
        except ValueError:  # as "//[broken"
            return href

    if fetched.content_type.endswith("html+xml") or fetched.content_type == "text/html":
        converted = convert(fetched.body, fetched.url, rewrite=stored)
    else:
        converted = read(decode(fetched.body), fetched.url, linked)
    canonical = converted.canonical
    address = canonical if canonical and is_under(canonical, fetched.root) else fetched.url
    page = page_of(converted, stored(folded(address)))
    return replace(page, etag=fetched.etag, last_modified=fetched.last_modified)


def moved(page: Page, url: str) -> Page:
    """Return the page at another address."""
    chunks = tuple(
        replace(piece, url=url + piece.url.removeprefix(page.url)) for piece in page.chunks
    )
    return replace(page, url=url, chunks=chunks)
