"""The anchors that generators give to the headings of Markdown."""

import re
import unicodedata
from collections import Counter

_NOT_IN_GITHUBS = re.compile(r"[^\w\- ]")
_NOT_IN_MKDOCS = re.compile(r"[^\w\s-]")
_NOT_IN_DOCUTILS = re.compile(r"[^a-z0-9]+")
_SPECIAL_IN_VITEPRESS = re.compile(
    r"""[\s~`!@#$%^&*()\-_+=\[\]{}|\\;:"'\u201c\u201d\u2018\u2019<>,.?/]+"""
)
_COMBINING = re.compile("[\u0300-\u036f]")


class Anchors:
    """Gives each heading of one page its anchor, in order; `generator` names whose rule it is."""

    def __init__(self, generator: str = "") -> None:
        self._generator = generator
        self._seen: Counter[str] = Counter()
        self._numbered = 0

    def next(self, heading: str) -> str:
        """Return the anchor of the next heading, given as plain text; "" if it gets none."""
        if self._generator == "sphinx":
            return self._next_of_docutils(_docutils(heading))
        mark = "_" if self._generator == "mkdocs" else "-"
        slugs = {"mkdocs": _mkdocs, "vitepress": _vitepress}
        base = slugs.get(self._generator, slug)(heading)
        anchor = f"{base}{mark}{self._seen[base]}" if self._seen[base] else base
        self._seen[base] += 1
        return anchor

    def _next_of_docutils(self, base: str) -> str:
        self._seen[base] += 1
        if base and self._seen[base] == 1:
            return base
        self._numbered += 1
        return f"id{self._numbered}"


def slug(heading: str) -> str:
    """Return the anchor GitHub gives to a heading of this plain text."""
    return _NOT_IN_GITHUBS.sub("", heading.strip().lower()).replace(" ", "-")


def _mkdocs(heading: str) -> str:
    ascii_alone = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", _NOT_IN_MKDOCS.sub("", ascii_alone).strip().lower())


def _vitepress(heading: str) -> str:
    letters = _COMBINING.sub("", unicodedata.normalize("NFKD", heading))
    joined = _SPECIAL_IN_VITEPRESS.sub("-", letters).strip("-")
    return re.sub(r"^(\d)", r"_\1", joined).lower()


def _docutils(heading: str) -> str:
    letters = unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode()
    return _NOT_IN_DOCUTILS.sub("-", letters).strip("-").lstrip("0123456789-")
