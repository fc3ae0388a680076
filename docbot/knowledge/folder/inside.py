"""Opens files of a folder, and nothing outside of it, whatever links or races lie on the way."""

import os
import stat
from pathlib import Path

from docbot.errors import GoneError, PermanentError, TransientError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without waiting: a pipe that took the file's place would otherwise hold the reader for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_inside(root: Path, path: Path, *, most: int) -> bytes:
    """Return a file's bytes.

    Raises:
        GoneError: the file is no longer there.
        TransientError: the file cannot be read, or is being changed.
        PermanentError: it leads out of the folder, is no file, or is larger than `most` bytes.
    """
    body, size = _read(root, path, most)
    if size > most:
        raise PermanentError(f"{path} has {size // 1_000_000} MB; {_allowed(most)}")
    return body


def read_beginning(root: Path, path: Path, *, most: int) -> bytes:
    """Return a file's first `most` bytes; raises as `read_inside`, however large the file is."""
    return _read(root, path, most)[0][:most]


def _allowed(most: int) -> str:
    return f"a page may have {most // 1_000_000}"


def _read(root: Path, path: Path, most: int) -> tuple[bytes, int]:
    """Return up to `most` bytes and one more, with the size; what is far larger is not read."""
    try:
        descriptor = _open(root, path)
        with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor has no path
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise PermanentError(f"{path} is no file of text; it is not read")
            body = file.read(most + 1)
            return body, max(found.st_size, len(body))
    except FileNotFoundError as error:
        raise GoneError(f"{path} is no longer there") from error
    except OSError as error:
        raise TransientError(f"{path} cannot be read: {error.strerror or error}") from error


def _open(root: Path, path: Path) -> int:
    """Open where the path leads, one folder after the other and along no link.

    A link is followed by asking first where it leads; whatever takes a folder's place after that
    is not followed.
    """
    home, target = os.path.realpath(root), os.path.realpath(path)
    if os.path.commonpath((home, target)) != home:
        raise PermanentError(f"{path} leads out of the folder; it is not read")
    *folders, name = Path(os.path.relpath(target, home)).parts
    descriptor = os.open(home, _FOLDER)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        return os.open(name, _FILE, dir_fd=descriptor)
    finally:
        os.close(descriptor)
