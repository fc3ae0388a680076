"""Globs over the paths of files: which of a folder's files are read.

A path is relative to the folder and has `/` between its parts. `*` and `?` stand for letters of
one part, `**` for any number of parts. A glob without a slash names a file or folder anywhere, one
with a slash begins at the folder that is read; what names a folder names all within it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from docbot.errors import UsageError

# Into `_static` Sphinx copies the styles of its theme, with templates in HTML.
_LEFT_OUT_BY_NAME = {"node_modules": "node_modules", "_static": "files of a theme"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which files of a folder are read.

    Left out by default is what is hidden (`.github`), `node_modules` and `_static`. `include` brings
    back what it names of that; it leaves nothing out. `exclude` leaves out what it names, also of
    what `include` brought back.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def reason_against(self, path: str) -> str | None:
        """Say why a path is left out; None if it is read."""
        for glob in self.exclude:
            if matches(glob, path):
                return f"excluded by {glob}"
        hidden = _hidden_part(path)
        if hidden is None or any(matches(glob, path) for glob in self.include):
            return None
        return _LEFT_OUT_BY_NAME.get(hidden, "hidden")

    def reason_against_all(self, folder: str) -> str | None:
        """Say why nothing within a folder is read; None if something may be."""
        reason = self.reason_against(folder)
        if reason is None or reason.startswith("excluded"):
            return reason
        return None if any(_may_match_within(glob, folder) for glob in self.include) else reason


def check_glob(glob: str) -> None:
    """Refuse what names nothing.

    Raises:
        UsageError: it is empty, or a slash alone.
    """
    if not glob.removeprefix("./").strip("/ "):
        raise UsageError(f"{glob!r} names nothing; write a glob as `blog/**` or `*.pdf`")


def matches(glob: str, path: str) -> bool:
    return _expression(_parts(glob)).fullmatch(path) is not None


def _hidden_part(path: str) -> str | None:
    return next(
        (part for part in path.split("/") if part.startswith(".") or part in _LEFT_OUT_BY_NAME),
        None,
    )


def _parts(glob: str) -> list[str]:
    stripped = glob.removeprefix("./").rstrip("/")
    parts = stripped.removeprefix("/").split("/")
    parts = ["**", *parts] if "/" not in stripped else parts
    # Several in a row mean what one means, and take endless time.
    return [
        part
        for place, part in enumerate(parts)
        if part != "**" or parts[place - 1 : place] != ["**"]
    ]


def _may_match_within(glob: str, folder: str) -> bool:
    """Tell whether a glob may name something below a folder that it does not name itself."""
    parts = _parts(glob)
    for position, name in enumerate(folder.split("/")):
        if position >= len(parts) or parts[position] == "**":
            return True
        if not re.fullmatch(_of_part(parts[position]), name):
            return False
    return True


def _expression(parts: Sequence[str]) -> re.Pattern[str]:
    written = ""
    for position, part in enumerate(parts):
        is_last = position == len(parts) - 1
        if part == "**":
            written += ".+" if is_last else "(?:[^/]+/)*"
        else:
            written += _of_part(part) + ("(?:/.*)?" if is_last else "/")
    return re.compile(written, re.DOTALL)


def _of_part(part: str) -> str:
    return "".join(
        {"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter))
        for letter in re.sub(r"\*{2,}", "*", part)
    )
