"""A folder of documentation on this machine: HTML as a site generator left it, or its sources."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from docbot.errors import DocbotError, UsageError
from docbot.knowledge.addresses import MOST_BYTES, folded, is_possible, is_under
from docbot.knowledge.folder.inside import read_inside
from docbot.knowledge.folder.published import HTML, MARKDOWN, RESTRUCTURED, Site
from docbot.knowledge.folder.snippets import with_snippets
from docbot.knowledge.globs import Choice
from docbot.knowledge.html.convert import Converted, convert, decode
from docbot.knowledge.memory import Known
from docbot.knowledge.pages import (
    Failure,
    Nothing,
    Page,
    Unchanged,
    page_of,
    refuse_binary,
)
from docbot.knowledge.text.front import is_draft
from docbot.knowledge.text.markdown import read
from docbot.knowledge.text.pdf import MOST_BYTES as MOST_PDF_BYTES
from docbot.knowledge.text.pdf import can_read_pdf, read_pdf

_PDF = (".pdf",)
_READ = MARKDOWN + HTML + RESTRUCTURED
_MOST_BYTES = 10_000_000
# Nobody misses what a version control keeps for itself.
_NOT_WORTH_A_LINE = frozenset({".git", ".hg", ".svn"})
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
# Of Markdown and HTML, then of reStructuredText.
_LINK = re.compile(
    r"""(?:\]\(|\]:|href\s*=\s*["'])\s*<?([^\s()<>"']+)"""
    r"""|:(?:doc|download):`(?:[^`<]*<)?([^`<>]+)>?`|<([^\s<>`]+)>`_|^\.\. _[^:\n]+:[ ]+(\S+)""",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class File:
    """One file to read; `path` is relative to the folder, with `/` between its parts."""

    path: str
    address: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds: what is read, what cannot be, and what is left out with the reason."""

    files: tuple[File, ...]
    failures: tuple[Failure, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder; `base_url` is the address at which its content is published, None if nowhere.

    `selector` is the operator's CSS for where the text of an HTML page is, `repeated` what stands at
    the ends of most pages and is in no chunk.
    """

    root: Path
    base_url: str | None
    choice: Choice = field(default_factory=Choice)
    selector: str | None = None
    repeated: frozenset[bytes] = frozenset()

    def listing(self) -> Listing:
        """Look at every file below the folder; meant for a process pool.

        Links are followed to files within the folder only.

        Raises:
            UsageError: there is no such folder, or no documentation in it.
        """
        if not self.root.exists():
            raise UsageError(f"the folder {self.root} does not exist")
        if not self.root.is_dir():
            raise UsageError(f"{self.root} is not a folder; give the folder that holds the pages")
        survey = _Survey(self.root, self.choice)
        survey.walk()
        if not survey.found:
            endings = ", ".join(_READ)
            raise UsageError(f"the folder {self.root} holds no documentation: read are {endings}")
        return _listing(Site.at(self.root, self.base_url), survey)

    def files(self) -> list[Path]:
        """Return every file to read, sorted; raises as `listing`."""
        return [self.root / file.path for file in self.listing().files]

    def address(self, path: Path) -> str:
        return Site.at(self.root, self.base_url).address(path)


class _Survey:
    """Walks a folder of any depth and size."""

    def __init__(self, root: Path, choice: Choice) -> None:
        self.found: list[str] = []
        self.failures: list[Failure] = []
        self.left_out: list[tuple[str, str]] = []
        self._root = root
        self._home = os.path.realpath(root)
        self._choice = choice

    def walk(self) -> None:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self._root / folder) as entries:
                    for entry in entries:
                        path = f"{folder}{entry.name}"
                        if self._look(path, entry):
                            waiting.append(f"{path}/")
            except OSError as error:
                self._cannot_read(folder, error)
        self.found.sort()

    def _look(self, path: str, entry: "os.DirEntry[str]") -> bool:
        """Note a file that is to be read; True for a folder to look into."""
        try:
            if entry.is_dir():
                return self._is_looked_into(path, entry)
            if PurePosixPath(path).suffix.lower() in _READ + _PDF:
                self._look_at_file(path, entry)
        except OSError as error:
            self._cannot_read(path, error)
        return False

    def _is_looked_into(self, path: str, entry: "os.DirEntry[str]") -> bool:
        reason = self._choice.reason_against_all(path)
        if reason is None and entry.is_symlink():
            reason = "a link to a folder"
        if reason is not None and entry.name not in _NOT_WORTH_A_LINE:
            self.left_out.append((f"{_shown(path)}/", reason))
        return reason is None

    def _look_at_file(self, path: str, entry: "os.DirEntry[str]") -> None:
        reason = self._choice.reason_against(path) or self._reason_against_file(path, entry)
        if reason is not None:
            self.left_out.append((_shown(path), reason))
        elif _NOT_IN_NAMES.search(path):
            shown = _shown(path)
            fault = "with control characters, or that is no text in UTF-8"
            reason = f"{shown} has a name {fault}; rename it"
            self.failures.append(Failure(shown, reason, read_from=shown))
        else:
            self.found.append(path)

    def _reason_against_file(self, path: str, entry: "os.DirEntry[str]") -> str | None:
        if entry.is_symlink() and not _is_within(os.path.realpath(entry.path), self._home):
            return "a link that leads out of the folder"
        if not entry.is_file():
            return "a link to nothing" if entry.is_symlink() else "no regular file"
        if path.lower().endswith(_PDF) and not can_read_pdf():
            return 'a PDF; to read it: pip install "docbot[pdf]"'
        return None

    def _cannot_read(self, path: str, error: OSError) -> None:
        shown = _shown(str(self._root / path))
        reason = f"{shown} cannot be read: {error.strerror or error}"
        self.failures.append(Failure(shown, reason, is_transient=True, read_from=_shown(path)))


def _listing(site: Site, survey: _Survey) -> Listing:
    files: list[File] = []
    failures, left_out = list(survey.failures), list(survey.left_out)
    first_at: dict[str, str] = {}
    for path in survey.found:
        front = site.front(site.root / path)
        if is_draft(front):
            left_out.append((path, "a draft"))
            continue
        address = site.address(site.root / path, front)
        if not (is_possible(address) and is_possible(path)):
            fault = f"of more than {MOST_BYTES} bytes, or with control characters"
            failures.append(Failure(path, f"{path} has, or states, an address {fault}"))
            continue
        first = first_at.setdefault(address, path)
        if first == path:
            files.append(File(path, address))
        else:
            reason = f"{path} has the same address as {first}, which is read instead"
            failures.append(Failure(address, reason, read_from=path))
    return Listing(tuple(files), tuple(failures), tuple(left_out))


def read_file(root: Path, path: Path, base_url: str | None, selector: str | None = None) -> Page:
    """Read one file into a page; meant for a process pool.

    Raises:
        GoneError: the file is no longer there.
        TransientError: the file cannot be read.
        PermanentError: the file is larger than 10 MB, leads out of the folder, or is no text.

    """
    site = Site.at(root, base_url)
    body = read_inside(root, path, most=_most(path))
    url = site.address(path)
    return page_of(_converted(site, path, body, url, selector), url)


def read_changed(
    source: FolderSource, file: File, known: Known | None
) -> Page | Unchanged | Nothing:
    """Read one file unless it would give what it gave before; raises as `read_file`."""
    site = Site.at(source.root, source.base_url)
    path = source.root / file.path
    body = read_inside(source.root, path, most=_most(path))
    digest = _digest(site, path, body)
    if known and known.body_hash == digest and known.page_url in {None, file.address}:
        return Unchanged(file.path, known)
    converted = _converted(site, path, body, file.address, source.selector)
    page = page_of(converted, file.address, source.repeated)
    if page.chunks:
        return replace(page, read_from=file.path, body_hash=digest)
    note = None if page.leads_to else f"{file.path} holds no text"
    return Nothing(file.path, None, None, digest, leads_to=page.leads_to, note=note)


def _most(path: Path) -> int:
    return MOST_PDF_BYTES if path.suffix.lower() in _PDF else _MOST_BYTES


def _converted(site: Site, path: Path, body: bytes, url: str, selector: str | None) -> Converted:
    if path.suffix.lower() in _PDF:
        return read_pdf(body, url)
    refuse_binary(body, str(path))
    if path.suffix.lower() in HTML:

        def folded_within(link: str) -> str:
            return _folded_within(link, site.base_url)

        return convert(body, url, rewrite=folded_within, selector=selector)

    def resolve(href: str) -> str:
        return site.resolve(href, path, url)

    if path.suffix.lower() in RESTRUCTURED:
        # docutils takes as long to load as all else here; only a worker that needs it does.
        from docbot.knowledge.text.restructured import read_restructured  # noqa: PLC0415

        return read_restructured(decode(body), url, resolve)
    return read(_whole(site, path, body), url, resolve, generator=site.generator)


def _whole(site: Site, path: Path, body: bytes) -> str:
    """Return a Markdown file's text with what it takes in from files of the folder."""

    def load(name: str) -> str | None:
        for folder in (site.root, path.parent, site.root.parent):
            target = Path(os.path.normpath(folder / name))
            if not target.is_relative_to(site.root):
                continue
            with suppress(DocbotError, ValueError):  # another place may have it
                taken = read_inside(site.root, target, most=_MOST_BYTES)
                refuse_binary(taken, name)
                return decode(taken)
        return None

    return with_snippets(decode(body), load)


def _digest(site: Site, path: Path, body: bytes) -> bytes:
    """Hash all that a page is made from: its file, what it takes in, and where its links lead."""
    digest = blake2b(body, digest_size=16)
    if path.suffix.lower() in MARKDOWN and (whole := _whole(site, path, body)) != decode(body):
        digest.update(whole.encode("utf-8", "surrogatepass"))
    if path.suffix.lower() in MARKDOWN + RESTRUCTURED:
        links = {
            found[found.lastindex or 0] for found in _LINK.finditer(body.decode("utf-8", "replace"))
        }
        for link in sorted(filter(_may_name_file, links)):
            digest.update(f"\x1f{site.resolve(link, path, '')}".encode("utf-8", "surrogatepass"))
    return digest.digest()


def _may_name_file(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return bool(parts.path) and not parts.scheme and not parts.netloc


def _folded_within(link: str, base_url: str | None) -> str:
    """Give a link within the site the form that addresses have here."""
    if base_url is None or not is_under(link, f"{base_url.rstrip('/')}/"):
        return link
    page, mark, fragment = link.partition("#")
    return folded(page) + mark + fragment


def _is_within(path: str, home: str) -> bool:
    return path == home or path.startswith(home.rstrip(os.sep) + os.sep)


def _shown(path: str) -> str:
    """Write a path so that it can be stored and printed, whatever bytes its name has."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return _NOT_IN_NAMES.sub("\N{REPLACEMENT CHARACTER}", text)
