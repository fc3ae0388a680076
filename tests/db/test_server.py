"""Servers of an operator's own: too old, refusing, with TLS, restarted, behind a pooler."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.db.listen import Listener
from docbot.db.locks import open_for_lock, sync_lock
from docbot.db.migrations import migrate
from docbot.db.pool import Database, close
from docbot.db.server import OLDEST_MAJOR, connect_error, refuse_older, shares_sessions
from docbot.errors import DocbotError, SettingsError, TransientError, UsageError
from tests.db.servers import PASSWORD, OwnServer, free_port, own_server, pgbouncer


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    folder = Path(tempfile.mkdtemp(prefix="docbot-server-"))
    folder.chmod(0o755)
    try:
        yield from own_server(folder)
    finally:
        shutil.rmtree(folder)


async def refused(url: str) -> tuple[type[DocbotError], str]:
    with pytest.raises(DocbotError) as error:
        await close(await Database(url, Path("unused")).connect())
    assert PASSWORD not in str(error.value)
    return type(error.value), str(error.value)


async def accepts(url: str) -> bool:
    """Connect; whether the connection is encrypted."""
    conn = await Database(url, Path("unused")).connect()
    encrypted = await conn.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await close(conn)
    return bool(encrypted)


@given(st.integers(70_000, 250_000))
def test_a_server_before_14_is_refused_with_its_version(number: int) -> None:
    if number >= OLDEST_MAJOR * 10_000:
        refuse_older(number, "db.test/docbot")
        return
    shown = f"{number // 10_000}.{number % 10_000}"
    with pytest.raises(SettingsError, match=rf"db\.test/docbot is Postgres {shown}, and .* 14"):
        refuse_older(number, "db.test/docbot")


@pytest.mark.parametrize(
    ("pids", "shared"),
    [
        ((1, 2, 2, 1, 1, 2), False),  # Postgres itself, or a pooler in session mode
        ((1, 1, 1, 1, 1, 1), True),  # the last used is handed out
        ((1, 2, 1, 2, 1, 2), True),  # of two the one that waited longest
        ((1, 2, 3, 1, 2, 3), True),
        ((1, 2, 2, 1, 3, 2), True),
    ],
)
def test_a_pooler_that_hands_server_processes_around_is_told(
    pids: tuple[int, ...], shared: bool
) -> None:
    assert shares_sessions(pids) is shared


@pytest.mark.parametrize("sslmode", ["require", "prefer"])
async def test_tls_is_used_where_the_server_has_it(server: OwnServer, sslmode: str) -> None:
    assert await accepts(server.url(f"?sslmode={sslmode}"))
    assert not await accepts(server.url("?sslmode=disable"))


async def test_a_certificate_is_verified_by_the_authority_that_is_named(server: OwnServer) -> None:
    query = f"?sslmode=verify-full&sslrootcert={server.certificate}"
    assert await accepts(server.url(query, host="localhost"))
    kind, says = await refused(server.url(query))  # the certificate names localhost alone
    assert kind is SettingsError
    assert f"the certificate of 127.0.0.1:{server.port}/postgres is not trusted" in says
    assert "sslmode=verify-full a host that the certificate names" in says


async def test_an_unknown_authority_is_told_with_what_to_give(
    server: OwnServer, tmp_path: Path
) -> None:
    server.run(
        ["openssl", "req", "-new", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=other",
         "-out", "other.crt", "-keyout", "other.key", "-batch"]
    )  # fmt: skip
    other = server.folder / "other.crt"
    kind, says = await refused(server.url(f"?sslmode=verify-ca&sslrootcert={other}"))
    assert kind is SettingsError
    assert "is not trusted" in says
    assert "sslrootcert=FILE" in says
    kind, says = await refused(server.url(f"?sslmode=verify-ca&sslrootcert={tmp_path}/none.crt"))
    assert (kind, says) == (
        SettingsError,
        f"DATABASE_URL: sslrootcert={tmp_path}/none.crt: there is no such file",
    )
    (tmp_path / "text.crt").write_text("no certificate")
    kind, says = await refused(server.url(f"?sslmode=verify-ca&sslrootcert={tmp_path}/text.crt"))
    assert "look at sslmode and the ssl* files in DATABASE_URL" in says


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?sslmode=sometimes", "DATABASE_URL: `sslmode` parameter must be one of: disable"),
        ("?frobnicate=1", 'refuses a parameter of the address: unrecognized .* "frobnicate"'),
        ("?statement_timeout=soon", "refuses a parameter of the address: invalid value"),
        ("?target_session_attrs=standby", "does not answer: "),
    ],
)
async def test_a_wrong_parameter_of_the_address_is_named(
    server: OwnServer, query: str, says: str
) -> None:
    with pytest.raises(DocbotError, match=says):
        await Database(server.url(query), Path("unused")).connect()


async def test_a_server_that_refuses_is_told_with_the_reason(server: OwnServer) -> None:
    kind, says = await refused(server.url(password="wrong"))
    assert kind is SettingsError
    assert 'refuses this user: password authentication failed for user "docbot"' in says
    url = server.url("?sslmode=disable").replace("/postgres?", "/tls_only?")
    kind, says = await refused(url)
    assert kind is SettingsError
    assert says.endswith("it may want TLS: add ?sslmode=require")
    kind, says = await refused(server.url().replace("/postgres", "/missing"))
    assert (kind, "create it with `createdb`" in says) == (SettingsError, True)


async def test_a_server_out_of_reach_may_be_back(server: OwnServer) -> None:
    nowhere = server.url().replace(f":{server.port}/", f":{free_port()}/")
    kind, says = await refused(nowhere)
    assert kind is TransientError
    assert "does not answer" in says


def test_a_server_without_tls_is_told_where_tls_is_demanded() -> None:
    error = ConnectionError('PostgreSQL server at "db.test:5432" rejected SSL upgrade')
    demanded = "postgresql://db.test/docbot?sslmode=require"
    assert isinstance(connect_error(error, "db.test/docbot", demanded), SettingsError)
    assert "offers no TLS" in str(connect_error(error, "db.test/docbot", demanded))


@given(st.text(min_size=4), st.sampled_from([ValueError, asyncpg.InterfaceError]))
def test_what_the_driver_says_of_an_address_never_shows_its_password(
    password: str, kind: type[Exception]
) -> None:
    url = f"postgresql://me:{password}@db.test/docbot"
    said = str(connect_error(kind(f"ssl: invalid {url}"), "db.test/docbot", url))
    assert url not in said


async def test_a_user_that_may_make_no_tables_is_told_what_to_give(server: OwnServer) -> None:
    database = Database(server.url(), Path("unused"))
    conn = await database.connect()
    await conn.execute(
        "CREATE USER guest PASSWORD 'guest'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    )
    url = server.url(password="guest").replace("docbot:", "guest:")
    guest = await Database(url, Path("unused")).connect()
    with pytest.raises(DocbotError, match=r"permission denied.*the database's owner"):
        await migrate(guest)
    await close(guest)
    await conn.execute("DROP USER guest")
    await close(conn)


# asyncpg leaves the socket of a connection to the garbage that a server refuses while it stops.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_pool_and_a_listener_go_on_after_a_restart_of_the_server(
    server: OwnServer,
) -> None:
    database = Database(server.url(), Path("unused"))
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def note() -> None:
        await heard.put(None)

    async with database.pool(size=3) as pool:
        listening = asyncio.create_task(Listener(database, {"news": note}).run())
        await heard.get()
        await asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.05)") for _ in range(3)))
        await asyncio.to_thread(server.control, "restart", "--mode=fast")
        await heard.get()  # it listens again
        assert await pool.fetchval("SELECT 1") == 1
        limit = "SHOW idle_in_transaction_session_timeout"
        assert {await pool.fetchval(limit) for _ in range(3)} == {"20s"}
        await pool.execute("NOTIFY news")
        await heard.get()
        listening.cancel()


async def test_through_pgbouncer_in_session_mode_all_that_docbot_needs_holds(
    server: OwnServer,
) -> None:
    with pgbouncer(server, "pool_mode = session") as url:
        database = Database(url, Path("unused"))
        conn = await database.connect()
        await database.refuse_shared_sessions(conn)
        await close(conn)
        async with database.pool(size=3) as pool, sync_lock(database):
            rows = await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(9)))
            assert rows == list(range(9))
            limit = "SHOW idle_in_transaction_session_timeout"
            assert {await pool.fetchval(limit) for _ in range(3)} == {"20s"}
            with pytest.raises(UsageError, match="another sync is running"):
                async with sync_lock(database):
                    pass
            lock = await open_for_lock(database)
            assert await lock.fetchval("SHOW client_connection_check_interval") == "2s"
            await close(lock)


@pytest.mark.parametrize("order", ["server_round_robin = 0", "server_round_robin = 1"])
async def test_pgbouncer_in_transaction_mode_is_refused_with_the_mode_to_set(
    server: OwnServer, order: str
) -> None:
    with pgbouncer(server, "pool_mode = transaction", order) as url:
        database = Database(url, Path("unused"))
        for _ in range(3):  # with more server processes each time
            conn = await database.connect()
            with pytest.raises(SettingsError, match="set pool_mode = session"):
                await database.refuse_shared_sessions(conn)
            await close(conn)
