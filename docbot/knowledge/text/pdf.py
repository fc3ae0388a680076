"""A PDF becomes Markdown: a section for each entry of its outline, else for each page.

Each section's anchor is `page=N`, with which a browser opens the file at that page. The text is
what the file says it is; a picture of text says nothing. Reading is bounded in pages and
characters; whoever calls bounds the seconds.
"""

import importlib.util
import io
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbot.errors import PermanentError
from docbot.knowledge.html.convert import Converted
from docbot.knowledge.text.markdown import name_of

if TYPE_CHECKING:  # an extra
    from pypdf import PdfReader

MOST_BYTES = 50_000_000
_MOST_PAGES = 2_000
_MOST_CHARACTERS = 10_000_000
_MOST_ENTRIES = 5_000
_DEEPEST_HEADING = 6
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_HYPHEN_AT_END = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_BLOCK_START = re.compile(r"^(?=#{1,6}(?:\s|$)|>|`{3}|~{3}|[-=]+\s*$)", re.MULTILINE)
_REPEATED_ON = 0.6  # of the pages: a line that heads or ends them
_FEWEST_PAGES_WITH_EDGES = 4
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    level: int
    page: int  # from 0


def can_read_pdf() -> bool:
    """Whether the extra that reads PDFs is installed."""
    return importlib.util.find_spec("pypdf") is not None


def read_pdf(body: bytes, url: str) -> Converted:
    """Read one PDF; its `markdown` is empty when it holds no text, as one of scanned pages.

    Raises:
        PermanentError: it is damaged, encrypted, larger than 50 MB or longer than 2,000 pages.
    """
    from pypdf import PdfReader  # noqa: PLC0415  # an extra

    if len(body) > MOST_BYTES:
        raise PermanentError(f"{url} has {len(body) // 1_000_000} MB; a PDF may have 50")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of each small fault
    try:
        reader = PdfReader(io.BytesIO(body))
        if reader.is_encrypted and not reader.decrypt(""):
            raise PermanentError(
                f"{url} is encrypted; give docbot one that opens without a password"
            )
        count = len(reader.pages)
        if count > _MOST_PAGES:
            raise PermanentError(f"{url} has {count} pages; a PDF may have {_MOST_PAGES}")
        return _converted(reader, url)
    except PermanentError:
        raise
    except Exception as error:  # what pypdf raises on a damaged file is not its own kinds alone
        raise PermanentError(f"{url} is damaged, or no PDF: {error}") from error


def _converted(reader: "PdfReader", url: str) -> Converted:
    texts = _without_edges(list(_texts(reader)))
    stated = reader.metadata.title if reader.metadata else None
    title = " ".join(_CONTROL.sub("", stated).split()) if isinstance(stated, str) else ""
    title = title or name_of(url)
    if not any(text.strip() for text in texts):
        return Converted(title, "")
    sections = list(_sections(reader, len(texts))) or [
        _Section(f"Page {page + 1}", 2, page) for page in range(len(texts))
    ]
    blocks = [f"# {title} {{#page=1}}", *_written(sections, texts)]
    return Converted(title, "\n\n".join(blocks) + "\n")


def _texts(reader: "PdfReader") -> Iterator[str]:
    left = _MOST_CHARACTERS
    for page in reader.pages:
        try:
            text = page.extract_text() if left > 0 else ""
        except Exception:  # noqa: BLE001  # one damaged page costs that page alone
            text = ""
        left -= len(text)
        yield _tidy(text)


def _tidy(text: str) -> str:
    text = _HYPHEN_AT_END.sub("", _CONTROL.sub("", text.replace("\r", "\n")))
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _without_edges(texts: Sequence[str]) -> list[str]:
    """Take away the lines that head or end most pages, page numbers in them or not."""
    if len(texts) < _FEWEST_PAGES_WITH_EDGES:
        return list(texts)
    lines = [text.split("\n") for text in texts]
    counts = Counter(edge for page in lines for edge in {_edge(page[0]), _edge(page[-1])})
    repeated = {edge for edge, count in counts.items() if count > _REPEATED_ON * len(texts)}
    return ["\n".join(_inner(page, repeated)).strip() for page in lines]


def _inner(page: list[str], repeated: set[str]) -> list[str]:
    first = 1 if _edge(page[0]) in repeated else 0
    last = len(page) - 1 if len(page) > first and _edge(page[-1]) in repeated else len(page)
    return page[first:last]


def _edge(line: str) -> str:
    return _NUMBER.sub("0", line.strip())


def _sections(reader: "PdfReader", pages: int) -> Iterator[_Section]:
    """Give the outline's entries in the order of their pages; nothing where there is none."""
    found: list[_Section] = []
    waiting: list[tuple[object, int]] = [(reader.outline, 1)]
    while waiting and len(found) < _MOST_ENTRIES:
        entry, depth = waiting.pop()
        if isinstance(entry, list):
            waiting.extend((inner, depth + 1) for inner in reversed(entry))
            continue
        number = reader.get_destination_page_number(entry)  # type: ignore[arg-type]  # of an outline
        title = " ".join(_CONTROL.sub("", str(getattr(entry, "title", "") or "")).split())
        if title and number is not None and 0 <= number < pages:
            found.append(_Section(title, min(depth, _DEEPEST_HEADING), number))
    yield from sorted(found, key=lambda section: section.page)


def _written(sections: Sequence[_Section], texts: Sequence[str]) -> Iterator[str]:
    """Write the pages one after the other, each section's heading where its title stands."""
    beginning_on: defaultdict[int, list[_Section]] = defaultdict(list)
    for section in sections:
        beginning_on[section.page].append(section)
    for page, text in enumerate(texts):
        left = text
        for section in beginning_on[page]:
            before, left = _parted(left, section.title)
            yield from _plain(before)
            yield f"{'#' * section.level} {section.title} {{#page={page + 1}}}"
        yield from _plain(left)


def _parted(text: str, title: str) -> tuple[str, str]:
    """Part a page where a line is a section's title; the title itself goes."""
    wanted = _words(title)
    lines = text.split("\n")
    for position, line in enumerate(lines):
        if wanted and _words(line).endswith(wanted) and len(line) < 2 * len(title) + 10:
            return "\n".join(lines[:position]), "\n".join(lines[position + 1 :])
    return "", text


def _words(line: str) -> str:
    return "".join(letter for letter in line.lower() if letter.isalnum())


def _plain(text: str) -> Iterator[str]:
    if text.strip():
        yield _BLOCK_START.sub(r"\\", text.strip())
