"""What a person gave as documentation to read: a website, a folder, or a file of JSON Lines."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from docbot.errors import UsageError
from docbot.knowledge.addresses import folded

_JSON_LINES = (".jsonl", ".ndjson")
_PAGE = re.compile(r"[^/]+\.(?:html?|mdx?|markdown)$", re.IGNORECASE)


def located(location: str) -> tuple[str, str]:
    """Tell a website, a folder and a file apart: (kind, address or absolute path).

    Raises:
        UsageError: it is none of them; a folder or a file must be there.
    """
    if not location.strip():
        raise UsageError("give the address of a website, a folder, or a file of JSON Lines")
    if location.startswith(("http://", "https://")):
        if not _names_host(location):
            raise UsageError(f"{location}: the address names no host, or no possible port")
        return "website", location
    if "://" in location:
        raise UsageError(f"{location}: only http:// and https:// addresses can be read")
    try:
        path = Path(location).expanduser().resolve()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such home, a null byte
        raise UsageError(f"{location[:80]!r}: cannot be a folder ({error})") from error
    if is_folder:
        return "folder", str(path)
    if is_file and path.suffix.lower() in _JSON_LINES:
        return "file", str(path)
    if is_file:
        raise UsageError(
            f"{path}: a single file is read only as JSON Lines (.jsonl); "
            "for documents give the folder that holds them"
        )
    raise UsageError(f"{path}: there is no such folder")


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
