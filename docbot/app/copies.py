"""Backing up all that docbot knows into one file, and bringing it back.

A backup is whole or not there: it is written under another name and renamed at its end. A restore
reads the whole file before it touches the database, and loads all of it or nothing.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from docbot import __version__
from docbot.app.archive import Archive, ArchiveWriter, Manifest, TableCopy, member_name
from docbot.app.embedding import Progress
from docbot.app.files import new_file, refuse_target, writing
from docbot.app.rooms import database_url, make_folder, open_rooms, rebuild_index
from docbot.db.copies import Loading, Snapshot, Table, loading, nobody_acts, snapshot
from docbot.db.locks import sync_lock
from docbot.db.migrations import Migration, shipped, tables_of
from docbot.db.pool import Database
from docbot.errors import DocbotError, TransientError, UsageError
from docbot.settings import Settings

_MEGABYTE = 1_000_000
_WHAT = "the backup"


class _Megabytes:
    """Counts bytes and shows megabytes, of a file of which nobody knows how many rows it has."""

    def __init__(self, progress: Progress, what: str, total: int | None = None) -> None:
        self._progress = progress
        self._bytes = 0
        progress.begin(f"{what}, in MB")
        if total is not None:
            progress.expect(total // _MEGABYTE)

    def add(self, count: int) -> None:
        before, self._bytes = self._bytes, self._bytes + count
        if before // _MEGABYTE < self._bytes // _MEGABYTE:
            self._progress.at(self._bytes // _MEGABYTE)


@contextmanager
def _shown(progress: Progress, what: str, total: int | None = None) -> Iterator[_Megabytes]:
    try:
        yield _Megabytes(progress, what, total)
    finally:
        progress.end()


async def back_up(
    settings: Settings, path: Path, *, force: bool, say: Callable[[str], None], progress: Progress
) -> None:
    """Write every table into one file, as all of them were at one moment.

    Raises:
        UsageError: the file is there already, or cannot be written; or there is nothing to back up.
        DocbotError: it could not be read or written to its end; no file is left.
    """
    refuse_target(path, force=force)
    make_folder(settings.docbot_data_dir)
    with closing(Database(database_url(settings), settings.docbot_data_dir)) as database:
        async with snapshot(database) as snap:
            with new_file(path, _WHAT, force=force) as file, _shown(progress, "backing up") as done:
                manifest = await _write(snap, file, done)
    for name in snap.foreign:
        say(f"left out: table {name}, which is not docbot's")
    say(f"Backed up {_counts(manifest)} to {path} ({_size(path)}).")
    say(_each(manifest))


async def _write(snap: Snapshot, file: BinaryIO, done: _Megabytes) -> Manifest:
    taken_at = datetime.now(UTC).isoformat(timespec="seconds")
    writer = ArchiveWriter(file)
    tables = [await _write_table(snap, table, writer, done) for table in snap.tables]
    manifest = Manifest.of(
        docbot=__version__,
        schema=snap.schema,
        taken_at=taken_at,
        tables=tables,
        left_out=snap.left_out,
    )
    with writing(_WHAT):
        writer.finish(manifest)
    return manifest


async def _write_table(
    snap: Snapshot, table: Table, writer: ArchiveWriter, done: _Megabytes
) -> TableCopy:
    with writing(_WHAT):
        member = writer.begin(member_name(table.name))

    async def take(data: bytes) -> None:
        with writing(_WHAT):  # here, or it would be taken for a fault of Postgres
            member.write(data)
        done.add(len(data))

    rows = await snap.copy(table, take)
    with writing(_WHAT):
        member.finish()
    return TableCopy(table.name, table.columns, rows, member.size, member.sha256)


async def restore(
    settings: Settings, path: Path, *, say: Callable[[str], None], progress: Progress
) -> None:
    """Bring a backup into an empty database, and build the index from it.

    Raises:
        UsageError: the file is no whole backup that this docbot can read, or the database is not
            empty or in use; nothing was changed.
        DocbotError: it was not loaded, and nothing was changed; or the index was not built, which
            the message says.
    """
    with _opened(path) as file:
        plan = _check(path, file, progress)
        say(f"{path} is whole: {_counts(plan.archive.manifest)}, {_origin(plan.archive.manifest)}.")
        make_folder(settings.docbot_data_dir)
        with closing(Database(database_url(settings), settings.docbot_data_dir)) as database:
            async with sync_lock(database), nobody_acts(database):
                later = await _load(plan, database, progress)
            say(f"Restored {_counts(plan.archive.manifest)} into {database.place}.")
            for name in later:
                say(f"  applied migration {name}")
            await _index(settings, say, progress)
    say("Next: docbot run")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A backup that can be restored, and the migrations that make the tables it was read from."""

    path: Path
    archive: Archive
    migrations: list[Migration]


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file; give a file that `docbot backup` wrote")
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    with file:
        yield file


def _check(path: Path, file: BinaryIO, progress: Progress) -> _Plan:
    with _named(path), _shown(progress, "checking", path.stat().st_size) as done:
        archive = Archive.read(file, done.add)
        return _Plan(path, archive, _migrations_of(archive.manifest))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say of which file it is, and that nothing happened."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path} cannot be restored: {error}; nothing was changed") from error
    except OSError as error:
        raise TransientError(f"{path} cannot be read: {error.strerror}") from error


def _migrations_of(manifest: Manifest) -> list[Migration]:
    """Which migrations led to the backup's tables.

    Raises:
        UsageError: this docbot lacks one of them, or they make other tables.
    """
    known = shipped()
    if manifest.schema not in {migration.name for migration in known}:
        raise UsageError(
            f"its schema {manifest.schema!a} is newer than this docbot {__version__}, which knows "
            f"{known[-1].name} as the last; install docbot {manifest.docbot!a} or later"
        )
    migrations = [migration for migration in known if migration.name <= manifest.schema]
    told = {table.name for table in manifest.tables}.union(manifest.left_out)
    made = tables_of(migrations)
    if told - made:
        raise UsageError(
            f"it holds table {min(told - made)!a}, which schema {manifest.schema} does not have"
        )
    if made - told:
        raise UsageError(f"it lacks table {min(made - told)} of schema {manifest.schema}")
    return migrations


async def _load(plan: _Plan, database: Database, progress: Progress) -> list[str]:
    copies = {table.name: table for table in plan.archive.manifest.tables}
    total = sum(table.bytes for table in copies.values())
    with _shown(progress, "loading", total) as done:
        async with loading(database, plan.migrations) as target:
            for table in target.tables:
                if table.name in copies:
                    await _load_table(plan, target, table, copies[table.name], done)
            return await target.finish()


async def _load_table(
    plan: _Plan, target: Loading, table: Table, copy: TableCopy, done: _Megabytes
) -> None:
    if set(copy.columns) != set(table.columns):
        raise UsageError(
            f"{plan.path} cannot be restored: table {table.name} has other columns in schema "
            f"{plan.archive.manifest.schema}; nothing was changed"
        )

    async def lines() -> AsyncIterator[bytes]:
        with _named(plan.path):
            for piece in plan.archive.pieces(copy):
                yield piece
                done.add(len(piece))

    loaded = await target.load(Table(table.name, copy.columns), lines())
    if loaded != copy.rows:
        raise UsageError(
            f"{plan.path} cannot be restored: Postgres read {loaded} rows of table {table.name}, "
            f"and the manifest says {copy.rows}; nothing was changed"
        )


async def _index(settings: Settings, say: Callable[[str], None], progress: Progress) -> None:
    try:
        async with open_rooms(settings) as rooms, sync_lock(rooms.database):
            if not await rooms.generations.has_chunks():
                return
            progress.begin("indexing")
            try:
                chunks = await rebuild_index(rooms)
            finally:
                progress.end()
    except DocbotError as error:
        raise DocbotError(
            f"all is restored but the index, which `docbot sync` or `docbot run` builds: {error}"
        ) from error
    say(f"indexed {chunks} chunks")


def _origin(manifest: Manifest) -> str:
    return f"of docbot {manifest.docbot} at {manifest.taken_at} (schema {manifest.schema})"


def _counts(manifest: Manifest) -> str:
    rows = sum(table.rows for table in manifest.tables)
    return f"{rows:,} rows in {len(manifest.tables)} tables"


def _each(manifest: Manifest) -> str:
    held = [f"{table.name} {table.rows:,}" for table in manifest.tables if table.rows]
    return f"  {', '.join(held)}" if held else "  every table is empty"


def _size(path: Path) -> str:
    count = path.stat().st_size
    for unit, bytes_in_it in (("GB", 1_000_000_000), ("MB", _MEGABYTE), ("kB", 1_000)):
        if count >= bytes_in_it:
            return f"{count / bytes_in_it:.1f} {unit}"
    return f"{count} bytes"
