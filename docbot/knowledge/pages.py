"""What a source gives: pages, cut into chunks, from whatever they were written in."""

import codecs
import re
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeAlias
from urllib.parse import urljoin

from docbot.errors import PermanentError
from docbot.knowledge.addresses import folded, is_possible, is_under, rebase
from docbot.knowledge.chunking.chunks import Chunk, chunk
from docbot.knowledge.html.convert import Converted, convert, decode
from docbot.knowledge.html.head import NO_HEAD, Head
from docbot.knowledge.memory import Known
from docbot.knowledge.repeated import edges, without
from docbot.knowledge.text.markdown import read
from docbot.knowledge.text.pdf import read_pdf

# Raised when the same body would give another page, so that pages that did not change are read anew.
CONVERTER_VERSION = 2
PDF_TYPE = "application/pdf"
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# Text holds next to no control characters; a picture or an archive has a tenth of them.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT = 4096  # bytes of a body
_MOST_CONTROL = 0.05
_WIDE = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is stored; without chunks it holds no text, as a redirect stub or a script's shell.

    `content_hash` covers title and Markdown, `edges` are hashes of the first and last blocks. `links` are addresses as they were
    read, for a crawler; those within `markdown` already have the stored form. `read_from` is the
    address or file it came from, `body_hash` covers the body as it came.
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
    is_login: bool = False  # it asks for a password and says little else
    read_from: str = ""
    body_hash: bytes | None = None
    edges: tuple[bytes, ...] = ()
    head: Head = NO_HEAD
    missed_selector: bool = False  # the operator's selector found no text here


@dataclass(frozen=True, slots=True)
class Unchanged:
    """An address that gives what it gave before; nothing of it was parsed.

    The same body may come with other validators, as after a site was built anew: then `known` has
    the new ones, to be asked with next time.
    """

    read_from: str
    known: Known
    has_new_validators: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """An address without a page of its own, remembered so that its body is not asked for again.

    `note` says why where an operator should know, as of a page without text.
    """

    read_from: str
    etag: str | None
    last_modified: str | None
    body_hash: bytes | None
    links: tuple[str, ...] = ()
    leads_to: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """An address that gave a page before and still answers, but that nothing names any more."""

    read_from: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be read, and why.

    A transient one may be read next time, and what it leads to may be missing until then; any other
    (gone, leads elsewhere, no text) will be the same tomorrow. A page that is gone, or has no text
    any more, is removed; any other keeps its old content.
    """

    url: str
    reason: str
    is_transient: bool = False
    is_gone: bool = False
    moved_to: str | None = None  # the address outside of the source that it leads to
    read_from: str = ""  # the address or file that was asked for


# What comes of an address.
Result: TypeAlias = Page | Unchanged | Nothing | Missed | Failure


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page's body as it came, with the folder of the site that is read.

    `selector` is the operator's CSS for where the text of a page is, `repeated` what stands at the
    ends of most pages of the site and is in no chunk.
    """

    url: str
    root: str
    body: bytes
    content_type: str
    etag: str | None = None
    last_modified: str | None = None
    selector: str | None = None
    repeated: frozenset[bytes] = frozenset()


def body_hash(body: bytes) -> bytes:
    """Return what a body is known by, to tell whether it is still the same."""
    return blake2b(body, digest_size=16).digest()


def refuse_binary(body: bytes, name: str) -> None:
    """Raise PermanentError for what is no text, whatever its name or its server says."""
    beginning = body[:_LOOKED_AT]
    found = len(_CONTROL.findall(beginning))
    if not beginning.startswith(_WIDE) and found > _MOST_CONTROL * len(beginning):
        raise PermanentError(f"{name} is no text, although it says so")


def page_of(converted: Converted, url: str, repeated: frozenset[bytes] = frozenset()) -> Page:
    """Cut a converted page; blocks at its edges that are `repeated` on the site are in no chunk."""
    own = replace(converted, markdown=without(converted.markdown, repeated))
    chunks = tuple(chunk(own, url))
    content = f"{converted.title}\x1f{converted.markdown}"
    digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return Page(
        url=url,
        title=converted.title,
        markdown=converted.markdown,
        links=converted.links,
        chunks=chunks,
        content_hash=digest,
        edges=edges(converted.markdown),
        leads_to=converted.refresh,
        is_login=converted.is_login,
        head=converted.head,
        missed_selector=converted.missed_selector,
    )


def read_fetched(fetched: Fetched, base_url: str | None = None) -> Page:
    """Convert one fetched page; meant for a process pool, since it takes tens of milliseconds.

    Its address is the canonical one where the page names one on the same site, and begins with
    `base_url` where that is given.

    Raises:
        PermanentError: its body is no text.
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

    if fetched.content_type == PDF_TYPE:
        converted = read_pdf(fetched.body, fetched.url)
    else:
        refuse_binary(fetched.body, fetched.url)
        converted = (
            convert(fetched.body, fetched.url, rewrite=stored, selector=fetched.selector)
            if fetched.content_type in HTML_TYPES
            else read(decode(fetched.body), fetched.url, linked)
        )
    canonical = converted.canonical or ""
    is_own = is_under(canonical, fetched.root) and is_possible(canonical)
    address = canonical if is_own else fetched.url
    page = page_of(converted, stored(folded(address)), fetched.repeated)
    return replace(page, etag=fetched.etag, last_modified=fetched.last_modified)


def moved(page: Page, url: str) -> Page:
    """Return the page at another address."""
    chunks = tuple(
        replace(piece, url=url + piece.url.removeprefix(page.url)) for piece in page.chunks
    )
    return replace(page, url=url, chunks=chunks)
