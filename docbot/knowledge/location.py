"""What a person gave as documentation to read: a website or a folder."""

from pathlib import Path
from urllib.parse import urlsplit

from docbot.errors import UsageError


def located(location: str) -> tuple[str, str]:
    """Tell a website from a folder: (kind, address or absolute path).

    Raises:
        UsageError: it is neither; a folder must be there.
    """
    parts = urlsplit(location)
    if parts.scheme in ("http", "https"):
        if not parts.hostname:
            raise UsageError(f"{location}: the address names no host")
        return "website", location
    if "://" in location:
        raise UsageError(f"{location}: only http:// and https:// addresses can be read")
    folder = Path(location).expanduser().resolve()
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    return "folder", str(folder)
