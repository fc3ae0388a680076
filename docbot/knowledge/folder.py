"""A folder of documentation on this machine: HTML as a site generator left it, or Markdown."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urljoin, urlsplit

from docbot.errors import GoneError, PermanentError, TransientError, UsageError
from docbot.knowledge.addresses import folded, is_under
from docbot.knowledge.html import convert, decode
from docbot.knowledge.markdown import read
from docbot.knowledge.pages import Page, page_of, refuse_binary

_MARKDOWN = (".md", ".markdown", ".mdx")
_HTML = (".html", ".htm")
_MOST_BYTES = 10_000_000


class FolderSource:
    def __init__(self, root: Path, base_url: str | None) -> None:
        """`base_url` is the address at which the folder's content is published, None if nowhere."""
        self.root = root
        self.base_url = base_url

    def files(self, tell: Callable[[OSError], None] = lambda _: None) -> list[Path]:
        """Return every documentation file below the folder, sorted.

        Hidden folders, `node_modules` and links that lead out of the folder are left out.

        Args:
            tell: called for each file or folder within that cannot be looked at.

        Raises:
            UsageError: there is no such folder, or no documentation in it.

        """
        if not self.root.exists():
            raise UsageError(f"the folder {self.root} does not exist")
        if not self.root.is_dir():
            raise UsageError(f"{self.root} is not a folder; give the folder that holds the pages")
        found = sorted(_documentation(self.root, tell))
        if not found:
            endings = ", ".join(_MARKDOWN + _HTML)
            raise UsageError(f"the folder {self.root} holds no documentation: read are {endings}")
        return found

    def address(self, path: Path) -> str:
        return address_of(self.root, path, self.base_url)


def address_of(root: Path, path: Path, base_url: str | None) -> str:
    """Return a file's address: under `base_url` as live sites have it, else its path in the folder.

    HTML keeps its path, Markdown loses its ending, and an index is its folder.
    """
    relative = PurePosixPath(path.relative_to(root).as_posix())
    if base_url is None:
        return str(relative)
    folder = "" if relative.parent == PurePosixPath() else f"{relative.parent}/"
    suffix = relative.suffix.lower()
    if _is_index(path):
        shown = folder
    elif suffix in _HTML:
        shown = str(relative)
    else:
        shown = f"{folder}{relative.stem}"
    return base_url.rstrip("/") + "/" + quote(shown, safe="/~!$&'*+,;=:@")


def read_file(root: Path, path: Path, base_url: str | None) -> Page:
    """Read one file into a page; meant for a process pool.

    Raises:
        GoneError: the file is no longer there.
        TransientError: the file cannot be read.
        PermanentError: the file is larger than 10 MB, or no text.

    """
    url = address_of(root, path, base_url)
    body = _body(path)
    refuse_binary(body, str(path))
    if path.suffix.lower() in _HTML:
        return page_of(convert(body, url, rewrite=_folding(base_url)), url)
    resolver = _Resolver(root, path, base_url, url)
    return page_of(read(decode(body), url, resolver.resolve), url)


def _body(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise PermanentError(f"{path} has {size // 1_000_000} MB; a page may have 10")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise GoneError(f"{path} is no longer there") from error
    except OSError as error:
        raise TransientError(f"{path} cannot be read: {error.strerror or error}") from error


class _Resolver:
    """Finds what a link in a Markdown file leads to: another file's page, or an address."""

    def __init__(self, root: Path, path: Path, base_url: str | None, url: str) -> None:
        self._root = root
        self._path = path
        self._base_url = base_url
        self._url = url

    def resolve(self, href: str) -> str:
        try:
            target, mark, fragment = href.partition("#")
            path = unquote(urlsplit(target).path)
            file = self._find(path)
        except (ValueError, OSError):  # no address at all, or a name too long for a file
            return href
        if file is not None:
            return address_of(self._root, file, self._base_url) + mark + fragment
        if self._base_url is None:
            return href
        # `./x.md` names a file; what is not in the folder is taken as the site would have it.
        return urljoin(self._url if not path.startswith("/") else self._base_url, href)

    def _find(self, path: str) -> Path | None:
        start = self._root if path.startswith("/") else self._path.parent
        target = Path(os.path.normpath(start / path.lstrip("/")))
        if not target.is_relative_to(self._root) or not path:
            return None
        names = (target, *(target.with_name(target.name + ending) for ending in _MARKDOWN + _HTML))
        indexes = (
            target / f"{name}{ending}" for name in ("index", "README") for ending in _MARKDOWN
        )
        candidates = (target / "index.html", *indexes) if target.is_dir() else names
        return next((file for file in candidates if _is_documentation(file)), None)


def _folding(base_url: str | None) -> Callable[[str], str]:
    """Give links within the site the form that addresses have here."""
    root = f"{base_url.rstrip('/')}/" if base_url else ""

    def fold(link: str) -> str:
        if not root or not is_under(link, root):
            return link
        page, mark, fragment = link.partition("#")
        return folded(page) + mark + fragment

    return fold


def _documentation(root: Path, tell: Callable[[OSError], None]) -> Iterator[Path]:
    inside = root.resolve()
    for folder, names, files in os.walk(root, onerror=tell):
        names[:] = [name for name in names if not name.startswith(".") and name != "node_modules"]
        for name in files:
            path = Path(folder, name)
            try:
                is_wanted = (
                    not name.startswith(".")
                    and _is_documentation(path)
                    and path.resolve().is_relative_to(inside)
                )
            except OSError as error:
                tell(error)
                continue
            if is_wanted:
                yield path


def _is_documentation(path: Path) -> bool:
    return path.suffix.lower() in _MARKDOWN + _HTML and path.is_file()


def _is_index(path: Path) -> bool:
    """A README stands for its folder where no index does."""
    stem = path.stem.lower()
    if stem == "readme" and path.suffix.lower() in _MARKDOWN:
        return not any((path.parent / f"index{ending}").exists() for ending in _MARKDOWN + _HTML)
    return stem == "index"
