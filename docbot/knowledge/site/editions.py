"""Old versions and translations of a site, told from folders that only look like them. Pure.

A folder named like a version (`v1.2`, `2.x`, `latest`) or a language (`de`, `pt-br`) is a
candidate, and nothing more: `it/` may be a department, `2.0/` a chapter, `next/` a product. It is
another edition of the site where it has pages of the same names as the site beside it, or as its
siblings do; of a language, the site or the pages themselves must say so.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

_DEEPEST = 4  # folders below the start; editions lie near the top
_LEAST_SHARED = 0.3  # of the names of an edition; old versions had other pages
_MOST_SHARED = 0.5
_NUMBER = re.compile(
    r"(?:v|version-|release-|r)?(\d{1,4}(?:\.\d{1,4}){1,3})(?:[-._]?(a|b|rc|alpha|beta|pre|dev|post)[-.]?\d*)?",
    re.IGNORECASE,
)
_SERIES = re.compile(r"(?:v|version-)?(\d{1,3}(?:\.\d{1,3}){0,2})\.[xX]")
_MAJOR = re.compile(r"(?:v|version-)(\d{1,3})", re.IGNORECASE)
_WHOLE = re.compile(r"(\d{1,3})")
_CURRENT = ("stable", "current", "latest", "lts", "release")  # the best one first
_COMING = (
    "main",
    "master",
    "next",
    "dev",
    "devel",
    "develop",
    "development",
    "devdocs",
    "nightly",
    "edge",
    "head",
    "trunk",
    "canary",
    "unstable",
    "preview",
    "snapshot",
    "beta",
    "alpha",
)
_PAST = ("old", "legacy", "previous", "archive", "archives", "deprecated")
_WORDS: dict[str, tuple[int, ...]] = {
    **{word: (3, -place) for place, word in enumerate(_CURRENT)},
    **{word: (1, -place) for place, word in enumerate(_COMING)},
    **dict.fromkeys(_PAST, (0,)),
}
_LANGUAGE = re.compile(r"([a-z]{2}|fil|yue)(?:[-_](?:[a-z]{2}|[a-z]{4}|\d{3}))?", re.IGNORECASE)
# Folders of writing about versions, and of programs' interfaces that have versions of their own.
_ABOUT_VERSIONS = re.compile(
    r"(?:release|change|migrat|upgrad|updat|whats-?new|news|blog|history|announce|advisor|roadmap|download)",
    re.IGNORECASE,
)
_INTERFACE = re.compile(
    r"(?:rest|graphql|http|web|open)?-?_?(?:apis?|reference|spec|schemas?)", re.IGNORECASE
)
_ENDING = re.compile(r"(?:/|\.html?)$", re.IGNORECASE)
# Words that every English page of some length has, and pages in other languages lack.
_ENGLISH = frozenset({"the", "and", "of", "to", "with", "you", "this", "that", "are", "be", "can"})
_WORD = re.compile(r"[^\W\d_]+")
_LEAST_WORDS = 25

Strength = Literal["number", "major", "whole", "word"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A folder, as a path below the start with its slash, that may hold another edition."""

    folder: str
    kind: Literal["version", "language"]
    strength: Strength = "word"
    rank: tuple[int, ...] = ()  # of a version: the higher, the sooner it is the one to read

    @property
    def prefix(self) -> str:
        """The folder around it."""
        return self.folder[:-1].rpartition("/")[0] + "/" if "/" in self.folder[:-1] else ""

    @property
    def reason(self) -> str:
        kind = "other versions" if self.kind == "version" else "translations"
        return f"{kind}: {self.folder}"

    @property
    def language(self) -> str:
        return primary(self.folder[:-1].rpartition("/")[2])


def candidates(path: str) -> list[Candidate]:
    """Return the folders of a path that may hold another edition, the outermost first."""
    parts = path.split("/")
    found: list[Candidate] = []
    for depth, name in enumerate(parts[:_DEEPEST]):
        is_page = depth == len(parts) - 1
        around = parts[depth - 1] if depth else ""
        folder = "/".join(parts[: depth + 1]) + "/"
        candidate = _version(folder, name, around) or (None if is_page else _language(folder, name))
        if candidate is not None and not (is_page and candidate.strength == "word"):
            found.append(candidate)
    return found


def _version(folder: str, name: str, around: str) -> Candidate | None:
    if _ABOUT_VERSIONS.match(around):
        return None
    strength, rank = _named(name) or ("word", None)
    if rank is None or (strength == "major" and _INTERFACE.fullmatch(around)):
        return None
    return Candidate(folder, "version", strength, rank)


def _named(name: str) -> tuple[Strength, tuple[int, ...]] | None:
    """Read the name of a version as a whole; None where it is none."""
    word = name.lower()
    if number := _NUMBER.fullmatch(name):
        return "number", _rank(number[1], is_early=number[2] is not None)
    if number := _SERIES.fullmatch(name):
        return "number", _rank(number[1])
    if number := _MAJOR.fullmatch(name) or _WHOLE.fullmatch(name):
        return "whole" if name.isdecimal() else "major", _rank(number[1])
    return ("word", _WORDS[word]) if word in _WORDS else None


def _rank(number: str, *, is_early: bool = False) -> tuple[int, ...]:
    return (1 if is_early else 2, *map(int, number.split(".")))


def _language(folder: str, name: str) -> Candidate | None:
    return Candidate(folder, "language") if _LANGUAGE.fullmatch(name) else None


def primary(language: str) -> str:
    """Return the language without its region: `pt` of `pt-BR`."""
    return re.split(r"[-_]", language.lower())[0]


def other_versions(
    group: Mapping[Candidate, Collection[str]], beside: Collection[str]
) -> tuple[set[Candidate], set[Candidate]]:
    """Tell which folders that lie side by side are versions of one site.

    Args:
        group: the candidates of one folder, each with the names of its pages (`name_below`).
        beside: the names of the pages that lie in that folder itself, or below in no candidate.

    Returns:
        Those to leave out, and those to read; what is in neither has not shown what it is.
    """
    outside = {name for name in beside if name}
    names = {one: {name for name in group[one] if name} for one in group}
    of_outside = {one for one in group if _shares(one, names[one], outside)}
    proven = of_outside | {
        one
        for one in group
        for other in group
        if one != other
        and _may_prove(one, other)
        and (_shares(one, names[one], names[other]) or _shares(other, names[other], names[one]))
    }
    if any(one.strength in {"number", "major"} for one in proven):
        # What is named like the others is what the others are.
        patterns = {one.strength for one in proven} - {"word", "whole"} | {"number"}
        proven |= {one for one in group if one.strength in patterns}
    if of_outside:
        return proven, set()
    best = max(proven, key=lambda one: one.rank, default=None)
    return (proven - {best}, {best}) if best else (set(), set())


def _may_prove(one: Candidate, other: Candidate) -> bool:
    """Chapters 1, 2 and 3 have pages of the same names too; beside `latest` they are versions."""
    return not (one.strength == "whole" and other.strength == "whole")


def _shares(one: Candidate, names: Collection[str], others: Collection[str]) -> bool:
    shared = sum(name in others for name in names)
    least = 1 if one.strength == "number" else 2
    return shared >= least and shared >= _LEAST_SHARED * len(names)


def repeats(names: Collection[str], beside: Collection[str]) -> bool:
    """Tell whether most names of a folder's pages are those of the pages beside it."""
    shared = sum(bool(name) and name in beside for name in names)
    return shared >= 2 and shared >= _MOST_SHARED * len(names)


def name_below(path: str, folder: str) -> str:
    """Return the name of a page below a folder, without the ending that servers add; "" of the folder."""
    return _ENDING.sub("", path[len(folder) :])


def is_other_language(
    candidate: Candidate, language: str | None, text: str, site_language: str | None, site_text: str
) -> bool | None:
    """Tell from one page of a folder whether the folder is a translation; None: it cannot be told.

    Args:
        candidate: the folder, named like a language.
        language: what the page says it is written in.
        text: of the page.
        site_language: what the start page says.
        site_text: of the start page.
    """
    if language and site_language:
        if differ(language, site_language):
            return True
    elif language and primary(language) != "en":
        return primary(language) == candidate.language
    spoken, of_site = is_english(text), is_english(site_text)
    if of_site and spoken is False:
        return True
    return False if language or (of_site and spoken) else None


def differ(language: str, other: str) -> bool:
    """Tell whether two languages are not the same; `en` and `en-GB` are, `en-US` and `en-GB` not."""
    one, two = language.lower().replace("_", "-"), other.lower().replace("_", "-")
    if primary(one) != primary(two):
        return True
    return "-" in one and "-" in two and one != two


def is_english(text: str) -> bool | None:
    """Tell by its commonest words whether a text is English; None where that is not clear."""
    words = _WORD.findall(text[:20_000].lower())
    if len(words) < _LEAST_WORDS:
        return None
    share = sum(word in _ENGLISH for word in words) / len(words)
    return True if share > 0.05 else False if share < 0.01 else None
