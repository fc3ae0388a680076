"""Where a folder's files are published: the address of each, and what links between them mean.

Without a base address a file's address is its path. With one it is what the generator makes of the
path, told by the generator's configuration in the folder or beside it (only its presence counts).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote, unquote, urljoin, urlsplit

from docbot.errors import DocbotError
from docbot.knowledge.folder.inside import read_beginning
from docbot.knowledge.html.convert import decode
from docbot.knowledge.text.front import without_front

MARKDOWN = (".md", ".markdown", ".mdx")
HTML = (".html", ".htm")
RESTRUCTURED = (".rst",)

Generator = Literal["docusaurus", "mkdocs", "sphinx", "starlight", "vitepress", ""]
_CONFIGURATIONS: tuple[tuple[str, Generator], ...] = (
    ("docusaurus.config.js", "docusaurus"),
    ("docusaurus.config.ts", "docusaurus"),
    ("docusaurus.config.mjs", "docusaurus"),
    ("docusaurus.config.cjs", "docusaurus"),
    ("mkdocs.yml", "mkdocs"),
    ("mkdocs.yaml", "mkdocs"),
    ("conf.py", "sphinx"),
)
_STARLIGHT = ("src", "content", "docs")
_MOST_FRONT_BYTES = 16_384
# As Docusaurus takes it off; a date and a version such as 1.2 stay.
_NUMBER_PREFIX = re.compile(r"^\d+\s*[-_.]+\s*(?=[^\d\s._-])")
_SAFE = "/~!$&'*+,;=:@"


@dataclass(frozen=True, slots=True)
class Site:
    """A folder as it is published; `base_url` is None where it is nowhere."""

    root: Path
    base_url: str | None
    generator: Generator

    @classmethod
    def at(cls, root: Path, base_url: str | None) -> "Site":
        return cls(root, base_url, _generator_of(root) if base_url else "")

    def front(self, path: Path) -> Mapping[str, str]:
        """Return what stands in the head of a Markdown file; nothing where it cannot be read."""
        if path.suffix.lower() not in MARKDOWN:
            return {}
        try:
            beginning = read_beginning(self.root, path, most=_MOST_FRONT_BYTES)
        except DocbotError:
            return {}
        text = decode(beginning).replace("\r\n", "\n").replace("\r", "\n")
        return without_front(text.removeprefix("\ufeff"))[0]

    def address(self, path: Path, front: Mapping[str, str] | None = None) -> str:
        """Return a file's address; `front` spares reading its head again."""
        relative = PurePosixPath(path.relative_to(self.root).as_posix())
        if self.base_url is None:
            return str(relative)
        shown = self._place(path, relative)
        if relative.suffix.lower() in MARKDOWN:
            shown = self._stated(shown, relative, self.front(path) if front is None else front)
        if shown.startswith(("http://", "https://")):
            return shown
        return self.base_url.rstrip("/") + "/" + quote(shown, safe=_SAFE)

    def resolve(self, href: str, path: Path, url: str) -> str:
        """Return what a link in the file at `path` leads to: another file's page, or an address."""
        try:
            target, mark, fragment = href.partition("#")
            named = unquote(urlsplit(target).path)
            file = self._find(named, path)
        except (ValueError, OSError):  # no address at all, or a name too long for a file
            return href
        if file is not None:
            return self.address(file) + mark + fragment
        if self.base_url is None:
            return href
        # `./x.md` names a file; what is not in the folder is taken as the site would have it.
        return urljoin(url if not named.startswith("/") else self.base_url, href)

    def _place(self, path: Path, relative: PurePosixPath) -> str:
        """Return the path on the site: HTML keeps its own, and an index is its folder."""
        suffix = relative.suffix.lower()
        parts = relative.parent.parts
        stem = relative.stem
        if self.generator == "docusaurus" and suffix in MARKDOWN:
            parts = tuple(_NUMBER_PREFIX.sub("", part) for part in parts)
            stem = _NUMBER_PREFIX.sub("", stem)
        folder = "".join(f"{part}/" for part in parts)
        if self._is_index(path) or (
            self.generator == "docusaurus" and parts and stem.lower() == parts[-1].lower()
        ):
            return folder
        if suffix in HTML or suffix not in (*MARKDOWN, *RESTRUCTURED):
            return str(relative)
        if suffix in RESTRUCTURED or self.generator == "sphinx":
            return f"{folder}{stem}.html"
        return f"{folder}{stem}/" if self.generator == "mkdocs" else f"{folder}{stem}"

    def _stated(self, shown: str, relative: PurePosixPath, front: Mapping[str, str]) -> str:
        """Return the path that the file's head states, else the one that its name gives."""
        if permalink := front.get("permalink"):
            return self._from_host(permalink)
        slug = front.get("slug", "").strip()
        folder = shown[: shown.rindex("/") + 1] if "/" in shown else ""
        if slug.startswith("/"):
            return slug.lstrip("/")
        if slug:
            is_whole = self.generator == "starlight" or (not self.generator and "/" in slug)
            return slug if is_whole else f"{folder}{slug}"
        stated_id = front.get("id", "")
        if self.generator == "docusaurus" and stated_id and not shown.endswith("/") and shown:
            return f"{folder}{stated_id}"
        return shown

    def _from_host(self, permalink: str) -> str:
        """Take a permalink that repeats the base address's own path from the host on."""
        base = urlsplit(self.base_url or "")
        stated = "/" + permalink.lstrip("/")
        if base.path.strip("/") and stated.startswith(f"{base.path.rstrip('/')}/"):
            return stated[len(base.path.rstrip("/")) + 1 :]
        return stated[1:]

    def _find(self, named: str, path: Path) -> Path | None:
        start = self.root if named.startswith("/") else path.parent
        target = Path(os.path.normpath(start / named.lstrip("/")))
        if not named or not target.is_relative_to(self.root):
            return None
        endings = MARKDOWN + RESTRUCTURED + HTML
        names = (target, *(target.with_name(target.name + ending) for ending in endings))
        indexes = (
            target / f"{name}{ending}"
            for name in ("index", "README")
            for ending in MARKDOWN + RESTRUCTURED
        )
        candidates = (target / "index.html", *indexes) if target.is_dir() else names
        return next(
            (file for file in candidates if file.suffix.lower() in endings and file.is_file()), None
        )

    def _is_index(self, path: Path) -> bool:
        """A README stands for its folder where no index does."""
        stem = path.stem.lower()
        if stem == "readme" and path.suffix.lower() in MARKDOWN:
            return not any(
                (path.parent / f"index{ending}").exists()
                for ending in MARKDOWN + HTML + RESTRUCTURED
            )
        return stem == "index"


def _generator_of(root: Path) -> Generator:
    for folder in (root, root.parent):
        for name, generator in _CONFIGURATIONS:
            if (folder / name).is_file():
                return generator
        if (folder / ".vitepress").is_dir():
            return "vitepress"
    return "starlight" if root.parts[-3:] == _STARLIGHT else ""
