"""Files that a command writes: whole under their name or not there, and none replaced unasked."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from docbot.errors import TransientError, UsageError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Tell of a disk that fails; `what` is such as `a backup`."""
    try:
        yield
    except OSError as error:
        raise TransientError(f"{what} cannot be written: {error.strerror}") from error


def refuse_target(path: Path, *, force: bool) -> None:
    """Refuse a name that no file can be written under.

    Raises:
        UsageError: it is no file, has no folder, or is there already and `force` is not given.
    """
    if path.name == "-":
        raise UsageError("FILE: this is written to a file, not to standard output")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} is no file; give the name of a file to be written")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; give another name, or --force to replace it")


@contextmanager
def new_file(path: Path, what: str, *, force: bool) -> Iterator[BinaryIO]:
    """A file that gets its name once the block has ended well; readable by its owner alone."""
    folder = path.parent
    try:
        number, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to ({error.strerror})") from error
    new = Path(name)
    try:
        with _closed(os.fdopen(number, "w+b")) as file:
            yield file
            with writing(what):
                file.flush()
                os.fsync(file.fileno())
        refuse_target(path, force=force)  # it may have come meanwhile
        with writing(what):
            new.replace(path)
            _sync_folder(folder)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _closed(file: BinaryIO) -> Iterator[BinaryIO]:
    """Close it in the end; what then cannot be written any more hides no error that led there."""
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
