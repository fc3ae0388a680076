"""The file of a backup: a tar with one text file for each table, and a manifest at its end.

The sizes and hashes are known only once a table was read, so each member's header is written
twice, and the manifest comes last: without it a file is no backup. Reading trusts nothing: each
byte belongs to a member that the manifest names, or to the padding between them, and no name is
ever used as a path.
"""

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import BinaryIO, Final

from pydantic import TypeAdapter, ValidationError

from docbot.errors import UsageError

MANIFEST = "manifest.json"
_PROGRAM: Final = "docbot"
_FORMAT: Final = 1
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_PIECE = 1 << 18  # bytes
_LARGEST_MANIFEST = 1 << 20  # bytes

OnBytes = Callable[[int], None]  # told how many more bytes were read


@dataclass(frozen=True, slots=True)
class TableCopy:
    """What the manifest says of one table."""

    name: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; `schema` is the last migration of the database it was read from."""

    program: str
    format: int
    docbot: str
    schema: str
    taken_at: str
    tables: tuple[TableCopy, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(
        cls,
        *,
        docbot: str,
        schema: str,
        taken_at: str,
        tables: Sequence[TableCopy],
        left_out: Sequence[str],
    ) -> "Manifest":
        return cls(_PROGRAM, _FORMAT, docbot, schema, taken_at, tuple(tables), tuple(left_out))


@dataclass(frozen=True, slots=True)
class _Member:
    start: int
    size: int


class ArchiveWriter:
    """Writes members one after the other, each in pieces; `file` must be able to seek."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def begin(self, name: str) -> "MemberWriter":
        return MemberWriter(self._file, name)

    def finish(self, manifest: Manifest) -> None:
        member = self.begin(MANIFEST)
        member.write(json.dumps(asdict(manifest), indent=2).encode())
        member.finish()
        self._file.write(_END)


class MemberWriter:
    """One member; nothing else may be written until `finish`."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._header_at = file.tell()
        self._hash = hashlib.sha256()
        self.size = 0
        file.write(bytes(_BLOCK))

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def finish(self) -> None:
        self._file.write(bytes(-self.size % _BLOCK))
        end = self._file.tell()
        self._file.seek(self._header_at)
        self._file.write(_header(self._name, self.size))
        self._file.seek(end)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)  # its size field has no limit


class Archive:
    """A backup that was found whole: `manifest` holds, and each table is there as it says."""

    def __init__(self, file: BinaryIO, members: dict[str, _Member], manifest: Manifest) -> None:
        self._file = file
        self._members = members
        self.manifest = manifest

    @classmethod
    def read(cls, file: BinaryIO, on_bytes: OnBytes) -> "Archive":
        """Look at every byte.

        Raises:
            UsageError: it is no backup, or not a whole one; the message says what is wrong.
        """
        members = _members(file)
        archive = cls(file, members, _manifest(file, members))
        archive._refuse_other_members()
        for table in archive.manifest.tables:
            for piece in archive.pieces(table):
                on_bytes(len(piece))
        return archive

    def pieces(self, table: TableCopy) -> Iterator[bytes]:
        """A table's rows as they were written, in pieces of bounded size.

        Raises:
            UsageError: at their end, if they are not what the manifest says.
        """
        member = self._members[_file_of(table)]
        rows, digest = 0, hashlib.sha256()
        for piece in _read(self._file, member):
            rows += piece.count(b"\n")  # in Postgres's text no value holds one
            digest.update(piece)
            yield piece
        if digest.hexdigest() != table.sha256:
            raise UsageError(
                f"{_file_of(table)} was changed or damaged: its SHA-256 is another one"
            )
        if rows != table.rows:
            raise UsageError(
                f"{_file_of(table)} has {rows} rows, and the manifest says {table.rows}"
            )

    def _refuse_other_members(self) -> None:
        wanted = {_file_of(table): table for table in self.manifest.tables}
        if len(wanted) != len(self.manifest.tables):
            raise UsageError(f"{MANIFEST} names a table twice")
        missing = sorted(wanted.keys() - self._members.keys())
        if missing:
            raise UsageError(f"{', '.join(missing)} is missing")
        unknown = sorted(self._members.keys() - wanted.keys() - {MANIFEST})
        if unknown:
            raise UsageError(f"it holds {unknown[0]!a}, which {MANIFEST} does not name")
        for name, table in wanted.items():
            if self._members[name].size != table.bytes:
                raise UsageError(
                    f"{name} has {self._members[name].size} bytes, "
                    f"and {MANIFEST} says {table.bytes}"
                )


def member_name(table: str) -> str:
    return f"{table}.copy"


def _file_of(table: TableCopy) -> str:
    return member_name(table.name)


def _members(file: BinaryIO) -> dict[str, _Member]:
    """Find every member; what is behind the last one must be a tar's end and nothing else."""
    total = file.seek(0, 2)
    members: dict[str, _Member] = {}
    at = 0
    while True:
        file.seek(at)
        block = file.read(_BLOCK)
        if block == bytes(_BLOCK) and members:
            break
        info = _info(block, at)
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise UsageError(f"it holds {info.name!a}, which is no plain file")
        if info.name in members:
            raise UsageError(f"it holds {info.name!a} twice")
        members[info.name] = _Member(at + _BLOCK, info.size)
        at += _BLOCK + info.size + -info.size % _BLOCK
        if at > total:
            raise UsageError(f"it is cut off within {info.name!a}")
    _refuse_wrong_end(file, at)
    return members


def _info(block: bytes, at: int) -> tarfile.TarInfo:
    if len(block) < _BLOCK and at > 0:
        raise UsageError("it is cut off: its end is missing")
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        what = "it is damaged" if at > 0 else "it is not a tar file"
        raise UsageError(f"{what} ({error} at byte {at})") from error
    if info.size < 0:
        raise UsageError(f"it is damaged (a size below 0 at byte {at})")
    return info


def _refuse_wrong_end(file: BinaryIO, at: int) -> None:
    file.seek(at)
    size = 0
    while piece := file.read(_PIECE):
        if piece.count(0) != len(piece):
            raise UsageError("it holds something behind its end")
        size += len(piece)
    if size < len(_END):
        raise UsageError("it is cut off: its end is missing")


def _manifest(file: BinaryIO, members: dict[str, _Member]) -> Manifest:
    member = members.get(MANIFEST)
    if member is None:
        raise UsageError(f"{MANIFEST} is missing, so it is no backup of docbot's")
    if member.size > _LARGEST_MANIFEST:
        raise UsageError(f"{MANIFEST} is too large ({member.size} bytes)")
    try:
        said = json.loads(b"".join(_read(file, member)))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{MANIFEST} is not JSON") from error
    if not isinstance(said, dict) or said.get("program") != _PROGRAM:
        raise UsageError(f"{MANIFEST} is not of docbot, so it is a backup of another program")
    if said.get("format") != _FORMAT:
        raise UsageError(
            f"it is of format {said.get('format')!a}, and this docbot reads {_FORMAT}; "
            f"restore it with docbot {said.get('docbot')!a} or later"
        )
    try:
        return TypeAdapter(Manifest).validate_python(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{MANIFEST} is wrong at {where}: {first['msg']}") from error


def _read(file: BinaryIO, member: _Member) -> Iterator[bytes]:
    file.seek(member.start)
    left = member.size
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise UsageError("it became shorter while it was read")
        left -= len(piece)
        yield piece
