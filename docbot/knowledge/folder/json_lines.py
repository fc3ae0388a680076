"""Pages from a file of JSON Lines: one object `{"url", "title", "markdown"}` on each line.

For whatever a project has that is no website and no folder. The file is read line by line and
never held as a whole; other keys of a line are passed over. A line that cannot be used is told with
its number and spoils nothing else.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from docbot.errors import PermanentError, UsageError
from docbot.knowledge.addresses import MOST_BYTES, is_possible
from docbot.knowledge.html.convert import Converted
from docbot.knowledge.memory import Known
from docbot.knowledge.pages import Nothing, Page, Unchanged, page_of
from docbot.knowledge.text.markdown import read

MOST_BYTES_A_LINE = 10_000_000
_MOST_BYTES_AT_ONCE = 1_000_000  # of lines looked at together
_MOST_LINES_AT_ONCE = 200
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")  # no database takes it
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SKIPPED_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank; `body` is None where it is too long to be read."""

    number: int  # from 1
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """What a line says of itself: its page's address, or why it has none."""

    number: int
    url: str = ""
    reason: str = ""
    body_hash: bytes = b""


def batches(path: Path) -> Iterator[list[Line]]:
    """Give the lines, some at a time; meant for a thread, as each step reads the file.

    Raises:
        UsageError: there is no such file, or it is empty.
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor has no path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path} is no regular file; give a file of JSON Lines")
        batch: list[Line] = []
        size, is_empty = 0, True
        for line in _lines(file):
            batch.append(line)
            size += len(line.body or b"")
            is_empty = False
            if size > _MOST_BYTES_AT_ONCE or len(batch) == _MOST_LINES_AT_ONCE:
                yield batch
                batch, size = [], 0
        if is_empty:
            raise UsageError(f"{path} is empty; each line holds a page as JSON")
        if batch:
            yield batch


def _lines(file: BinaryIO) -> Iterator[Line]:
    number = 0
    while body := file.readline(MOST_BYTES_A_LINE + 1):
        number += 1
        if len(body) > MOST_BYTES_A_LINE:
            while body and not body.endswith(b"\n"):
                body = file.readline(_SKIPPED_AT_ONCE)
            yield Line(number, None)
            continue
        body = body.removeprefix(_BYTE_ORDER_MARK).strip() if number == 1 else body.strip()
        if body:
            yield Line(number, body)


def records(lines: Sequence[Line], base_url: str | None) -> list[Record]:
    """Tell of each line which page it holds; meant for a process pool."""
    return [_record(line, base_url) for line in lines]


def read_record(line: Line, record: Record, known: Known | None) -> Page | Unchanged | Nothing:
    """Read a line's page unless it would give what it gave before; meant for a process pool.

    Raises:
        PermanentError: the line holds no page.
    """
    if known and known.body_hash == record.body_hash and known.page_url in {None, record.url}:
        return Unchanged(record.url, known)
    fields = _fields(line)
    page = _page(_converted(fields, record.url), record.url)
    if page.chunks:
        return replace(page, read_from=record.url, body_hash=record.body_hash)
    note = f"line {line.number} holds no text"
    return Nothing(record.url, None, None, record.body_hash, note=note)


def _converted(fields: dict[str, object], url: str) -> Converted:
    converted = read(str(fields["markdown"]), url, lambda href: urljoin(url, href))
    title = fields.get("title")
    stated = " ".join(_NO_TEXT.sub("", title).split()) if isinstance(title, str) else ""
    return replace(converted, title=stated or converted.title)


def _page(converted: Converted, url: str) -> Page:
    page = page_of(converted, url)
    if "#" not in url:
        return page
    # An address that already names a place on its page has no room for another.
    return replace(page, chunks=tuple(replace(chunk, url=url) for chunk in page.chunks))


def _record(line: Line, base_url: str | None) -> Record:
    if line.body is None:
        most = MOST_BYTES_A_LINE // 1_000_000
        return Record(line.number, reason=f"has more than {most} MB")
    try:
        fields = _fields(line)
        url = _address(fields, base_url)
    except PermanentError as error:
        return Record(line.number, reason=str(error))
    return Record(line.number, url, "", blake2b(line.body, digest_size=16).digest())


def _fields(line: Line) -> dict[str, object]:
    try:
        found = json.loads(line.body or b"")
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise PermanentError(f"is not JSON: {reason}") from error
    if not isinstance(found, dict):
        raise PermanentError("is no JSON object")
    if not isinstance(found.get("markdown"), str):
        raise PermanentError('has no "markdown" with a text')
    return found


def _address(fields: dict[str, object], base_url: str | None) -> str:
    stated = fields.get("url")
    if not isinstance(stated, str) or not stated.strip():
        raise PermanentError('has no "url"')
    url = stated.strip()
    try:
        parts = urlsplit(url)
        if base_url and not parts.scheme and not parts.netloc:
            url = f"{base_url.rstrip('/')}/{url.lstrip('/')}"
            parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address or any(letter.isspace() or not letter.isprintable() for letter in url):
        hint = "" if base_url else "; with --base-url a path would do"
        raise PermanentError(f'has a "url" that is no http address: {url[:80]!r}{hint}')
    if not is_possible(url):
        raise PermanentError(f'has a "url" of more than {MOST_BYTES} bytes: {url[:80]!r}')
    return url
