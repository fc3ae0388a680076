"""What a person gave as documentation to read: a website or a folder."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from docbot.errors import UsageError
from docbot.knowledge.addresses import folded

_PAGE = re.compile(r"[^/]+\.(?:html?|mdx?|markdown)$", re.IGNORECASE)


def located(location: str) -> tuple[str, str]:
    """Tell a website from a folder: (kind, address or absolute path).

    Raises:
        UsageError: it is neither; a folder must be there.
    """
    if not location.strip():
        raise UsageError("give the address of a website, or a folder")
    if location.startswith(("http://", "https://")):
        if not _names_host(location):
            raise UsageError(f"{location}: the address names no host, or no possible port")
        return "website", location
    if "://" in location:
        raise UsageError(f"{location}: only http:// and https:// addresses can be read")
    try:
        folder = Path(location).expanduser().resolve()
        is_there = folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such home, a null byte
        raise UsageError(f"{location[:80]!r}: cannot be a folder ({error})") from error
    if not is_there:
        raise UsageError(f"{folder}: there is no such folder")
    return "folder", str(folder)


def overlap(one: str, other: str) -> Literal["same", "within", "around"] | None:
    """Tell where one location lies against another, as what is read from each.

    A page stands for the folder it is in, and http for https.
    """
    first, second = _extent(one), _extent(other)
    if first == second:
        return "same"
    if first.startswith(second):
        return "within"
    return "around" if second.startswith(first) else None


def _extent(location: str) -> str:
    if "://" not in location:
        return location.rstrip("/") + "/"
    place = _PAGE.sub("", folded(location).partition("://")[2])
    return place.rstrip("/") + "/"


def _names_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
