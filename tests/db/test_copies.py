"""A backup brings every table back; what is no whole backup changes nothing."""

import asyncio
import contextlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from docbot.app.archive import MANIFEST, Archive, ArchiveWriter, Manifest, TableCopy
from docbot.app.copies import back_up, restore
from docbot.db.activity import ActiveLock
from docbot.db.copies import LEFT_OUT, snapshot
from docbot.db.locks import sync_lock
from docbot.db.migrations import Migration, migrate, shipped, tables_of
from docbot.db.pool import Conn, Database
from docbot.errors import DocbotError, PermanentError, TransientError, UsageError
from docbot.settings import Settings
from tests.db.contents import FILL, contents
from tests.town import Quiet

pytestmark = pytest.mark.slow

# One that waits for its answer, and one whose answer was handed to the outbox.
_OPEN_CALLS = """
    INSERT INTO interactions
        (id, guild_id, channel_id, forum_id, person_id, kind, token, expires_at, due_at, ended_at)
    VALUES (80, 1, 9, 9, 300, 'chat', 'token-of-a-call', now(), now(), NULL),
           (81, 1, 9, 9, 300, 'chat', NULL, now(), NULL, now());
    INSERT INTO questions (conversation_id, guild_id, author_id, origin, interaction_id, asked_at, ready_at, state)
    VALUES (2, 1, 300, 'chat', 80, now(), now(), 'waiting'),
           (2, 1, 300, 'chat', 81, now(), now(), 'posting');
"""
_CALLS = """
    SELECT interactions.id, state, token IS NOT NULL
    FROM interactions JOIN questions ON interaction_id = interactions.id ORDER BY interactions.id
"""


def settings_of(url: str, folder: Path) -> Settings:
    plain = Settings(_env_file=None)
    return plain.model_copy(update={"database_url": SecretStr(url), "docbot_data_dir": folder})


async def back_up_to(file: Path, url: str, *, force: bool = False) -> list[str]:
    said: list[str] = []
    settings = settings_of(url, file.parent / "data")
    await back_up(settings, file, force=force, say=said.append, progress=Quiet())
    return said


async def restore_from(file: Path, url: str) -> list[str]:
    said: list[str] = []
    settings = settings_of(url, file.parent / "restored")
    await restore(settings, file, say=said.append, progress=Quiet())
    return said


async def with_connection(url: str, act: Callable[[Conn], Any]) -> Any:
    conn = await asyncpg.connect(url)
    try:
        return await act(conn)
    finally:
        await conn.close()


async def execute(url: str, sql: str) -> None:
    await with_connection(url, lambda conn: conn.execute(sql))


async def fetch_value(conn: Conn, sql: str) -> Any:
    return await conn.fetchval(sql)


async def contents_of(url: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = await with_connection(url, contents)
    return found


@pytest.fixture
async def filled_url(database_url: str) -> str:
    """A database with something in every table."""
    await execute(database_url, FILL)
    return database_url


@pytest.fixture(scope="module")
def backup(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup of a database with something in every table."""
    path = tmp_path_factory.mktemp("backup") / "docbot.tar"
    asyncio.run(_make_backup(server_url, template, path))
    return path.read_bytes()


async def _make_backup(server_url: str, template: str, path: Path) -> None:
    admin, name = server_url.format("postgres"), f"test_{uuid4().hex}"
    await execute(admin, f"CREATE DATABASE {name} TEMPLATE {template}")
    await execute(server_url.format(name), FILL)
    await back_up_to(path, server_url.format(name))
    await execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def file(backup: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "docbot.tar"
    path.write_bytes(backup)
    return path


async def test_every_table_comes_back_as_it_was(
    filled_url: str, empty_url: str, tmp_path: Path
) -> None:
    await back_up_to(tmp_path / "docbot.tar", filled_url)
    await restore_from(tmp_path / "docbot.tar", empty_url)
    before, after = await contents_of(filled_url), await contents_of(empty_url)
    assert before.keys() == after.keys()
    for name in before.keys() - LEFT_OUT.keys():
        assert after[name] == before[name], name


async def test_a_table_is_in_a_backup_or_left_out_with_a_reason(
    file: Path, filled_url: str
) -> None:
    there = await contents_of(filled_url)
    with tarfile.open(file) as tar:
        sizes = {member.name: member.size for member in tar}
    copied = {name.removesuffix(".copy") for name in sizes} - {MANIFEST}
    assert copied | LEFT_OUT.keys() == there.keys()
    # A new table: give it a row in tests/db/contents.py, so that its way there and back is seen.
    assert [name for name in copied if not sizes[f"{name}.copy"]] == []


async def test_an_open_call_loses_its_token_and_fails_since_it_may_have_been_answered(
    filled_url: str, empty_url: str, tmp_path: Path
) -> None:
    await execute(filled_url, _OPEN_CALLS)
    await back_up_to(tmp_path / "docbot.tar", filled_url)
    assert b"token-of-a-call" not in (tmp_path / "docbot.tar").read_bytes()
    await restore_from(tmp_path / "docbot.tar", empty_url)
    states = await with_connection(empty_url, lambda conn: conn.fetch(_CALLS))
    assert [tuple(row) for row in states] == [
        (8, "answered", False),
        (80, "failed", False),
        (81, "posting", False),  # the outbox says it
    ]


async def test_the_tables_of_the_migrations_are_those_of_the_database(database_url: str) -> None:
    assert tables_of(shipped()) == (await contents_of(database_url)).keys()


async def test_a_restored_database_has_its_own_name_no_holder_and_no_foreign_index(
    file: Path, filled_url: str, empty_url: str
) -> None:
    await restore_from(file, empty_url)
    before, after = await contents_of(filled_url), await contents_of(empty_url)
    assert len(after["installation"]) == 1
    assert after["installation"] != before["installation"]
    assert after["activity"] == ['(t,0,"",,,)']
    assert not any("g1" in row for row in after["index_generations"])


async def test_new_rows_get_new_ids_that_no_button_on_discord_bears(
    file: Path, empty_url: str
) -> None:
    await restore_from(file, empty_url)
    add_source = (
        "INSERT INTO sources (name, kind, location) VALUES ('x', 'folder', '/') RETURNING id"
    )
    assert await with_connection(empty_url, lambda conn: conn.fetchval(add_source)) == 4
    for table in ("answers", "outbox"):
        add = f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))"
        assert await with_connection(empty_url, partial(fetch_value, sql=add)) > 1_000


_PUT_PAGE = """
    INSERT INTO pages (source_id, url, title, markdown, content_hash, etag)
    SELECT id, $1, $2, $2, '', $3 FROM sources
"""


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
        | st.lists(
            st.sampled_from(["\n", "\r", "\t", "\\", "\\N", "\\.", "\b", "", "\ufeff", "🦊"])
        ).map("".join),
        max_size=200,
    )
)
def test_any_text_comes_back_as_it_was(
    texts: list[str], database_url: str, empty_url: str, tmp_path: Path
) -> None:
    asyncio.run(_round_trip(texts, database_url, empty_url, tmp_path))


async def _round_trip(texts: list[str], full: str, empty: str, folder: Path) -> None:
    async def put(conn: Conn) -> None:
        rows = [(str(number), text, text or None) for number, text in enumerate(texts)]
        await conn.execute("DELETE FROM pages; DELETE FROM sources")
        await conn.execute("INSERT INTO sources (name, kind, location) VALUES ('d', 'folder', '/')")
        await conn.executemany(_PUT_PAGE, rows)

    await with_connection(full, put)
    await execute(empty, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await back_up_to(folder / "texts.tar", full, force=True)
    await restore_from(folder / "texts.tar", empty)
    assert (await contents_of(empty))["pages"] == (await contents_of(full))["pages"]


async def test_a_backup_is_of_one_moment_while_others_write(
    filled_url: str, tmp_path: Path
) -> None:
    async with snapshot(Database(filled_url, tmp_path)) as snap:
        await execute(filled_url, "DELETE FROM feedback; UPDATE guilds SET name = 'Other'")
        seen = {}
        for table in snap.tables:
            lines: list[bytes] = []

            async def take(data: bytes, lines: list[bytes] = lines) -> None:
                lines.append(data)

            await snap.copy(table, take)
            seen[table.name] = b"".join(lines)
    assert seen["feedback"] != b""
    assert b"Frobnicators" in seen["guilds"]


async def test_dates_and_bytes_do_not_hang_on_how_a_server_is_set_up(
    filled_url: str, empty_url: str, tmp_path: Path
) -> None:
    before = await contents_of(filled_url)
    name = filled_url.partition("@/")[2].partition("?")[0]
    odd = {
        "datestyle": "German",
        "timezone": "Asia/Tokyo",
        "bytea_output": "escape",
        "extra_float_digits": "-5",
    }
    for parameter, value in odd.items():
        await execute(filled_url, f"ALTER DATABASE {name} SET {parameter} = '{value}'")
    await back_up_to(tmp_path / "docbot.tar", filled_url)
    await restore_from(tmp_path / "docbot.tar", empty_url)
    after = await contents_of(empty_url)
    for table in ("threads", "embeddings", "chunks"):
        assert after[table] == before[table]


async def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    empty_url: str, server_url: str, tmp_path: Path, template: str
) -> None:
    first = shipped()[0]

    async def make(conn: Conn) -> None:
        await migrate(conn, [first])
        await conn.execute("INSERT INTO guilds (id, name) VALUES (1, 'Old')")

    await with_connection(empty_url, make)
    said = await back_up_to(tmp_path / "old.tar", empty_url)
    assert said[0].startswith("Backed up 1 rows")
    admin = server_url.format("postgres")
    await execute(admin, f"CREATE DATABASE test_newer TEMPLATE {template}")
    try:
        newer = server_url.format("test_newer")
        said = await restore_from(tmp_path / "old.tar", newer)
        assert [line for line in said if "applied migration" in line] == [
            f"  applied migration {later.name}" for later in shipped()[1:]
        ]
        assert (await contents_of(newer))["guilds"] == (await contents_of(empty_url))["guilds"]
        assert await with_connection(newer, migrate) == []
    finally:
        await execute(admin, "DROP DATABASE test_newer WITH (FORCE)")


async def test_a_backup_changes_nothing_in_an_older_database(
    empty_url: str, tmp_path: Path
) -> None:
    await with_connection(empty_url, lambda conn: migrate(conn, shipped()[:1]))
    before = await contents_of(empty_url)
    await back_up_to(tmp_path / "old.tar", empty_url)
    assert await contents_of(empty_url) == before


async def test_a_table_of_another_program_is_left_out_and_said(
    filled_url: str, empty_url: str, tmp_path: Path
) -> None:
    await execute(filled_url, "CREATE TABLE theirs AS SELECT 1 AS number")
    said = await back_up_to(tmp_path / "docbot.tar", filled_url)
    assert said[0] == "left out: table theirs, which is not docbot's"
    await restore_from(tmp_path / "docbot.tar", empty_url)
    assert "theirs" not in await contents_of(empty_url)


async def test_a_database_where_docbot_never_was_has_nothing_to_back_up(
    empty_url: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="nothing to back up"):
        await back_up_to(tmp_path / "docbot.tar", empty_url)
    assert list(tmp_path.glob("docbot*")) == []


async def test_a_newer_database_is_not_backed_up(database_url: str, tmp_path: Path) -> None:
    newer = Migration("9999_later.sql", "CREATE TABLE later (id int)")
    await with_connection(database_url, lambda conn: migrate(conn, [*shipped(), newer]))
    with pytest.raises(PermanentError, match=r"newer than this docbot.*9999_later"):
        await back_up_to(tmp_path / "docbot.tar", database_url)


async def test_a_table_that_was_dropped_by_hand_is_named(database_url: str, tmp_path: Path) -> None:
    await execute(database_url, "DROP TABLE feedback")
    with pytest.raises(PermanentError, match="lacks docbot's table feedback"):
        await back_up_to(tmp_path / "docbot.tar", database_url)


async def test_a_file_that_is_there_is_replaced_only_when_that_is_asked_for(
    file: Path, filled_url: str
) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError, match=r"docbot\.tar is there already.*--force"):
        await back_up_to(file, filled_url)
    assert file.read_bytes() == before
    await execute(filled_url, "DELETE FROM feedback")
    await back_up_to(file, filled_url, force=True)
    assert file.read_bytes() != before
    assert [entry.name for entry in file.parent.iterdir() if "tar" in entry.name] == ["docbot.tar"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("-", "not to standard output"),
        ("/dev/null", "/dev/null is no file"),
        ("nowhere/docbot.tar", "there is no folder"),
        (".", "is no file"),
    ],
)
async def test_where_no_file_can_be_is_refused(
    database_url: str, tmp_path: Path, target: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        await back_up_to(tmp_path / target, database_url, force=True)


async def test_a_full_disk_is_told_and_leaves_no_file(filled_url: str, tmp_path: Path) -> None:
    import resource  # not on every platform

    await execute(
        filled_url,
        "INSERT INTO embeddings SELECT 'big', int4send(n), decode(repeat('ab', 3000), 'hex')"
        " FROM generate_series(1, 200) AS n",
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))  # EFBIG, as ENOSPC an OSError
    try:
        with pytest.raises(TransientError, match="the backup cannot be written: File too large"):
            await back_up_to(tmp_path / "docbot.tar", filled_url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.glob("docbot*")) == []


async def test_a_database_that_is_not_empty_is_left_as_it_is(file: Path, filled_url: str) -> None:
    before = await contents_of(filled_url)
    with pytest.raises(
        UsageError, match=r"not empty \(rows: .*guilds 1.*DOCBOT_DATA_DIR.*DATABASE"
    ):
        await restore_from(file, filled_url)
    assert await contents_of(filled_url) == before


async def test_a_database_that_docbot_only_prepared_is_empty(
    file: Path, server_url: str, template: str
) -> None:
    admin = server_url.format("postgres")
    await execute(admin, f"CREATE DATABASE test_prepared TEMPLATE {template}")
    try:
        await restore_from(file, server_url.format("test_prepared"))
        assert len((await contents_of(server_url.format("test_prepared")))["guilds"]) == 1
    finally:
        await execute(admin, "DROP DATABASE test_prepared WITH (FORCE)")


async def test_nothing_is_restored_under_a_bot_that_acts(
    file: Path, empty_url: str, tmp_path: Path
) -> None:
    database = Database(empty_url, tmp_path)
    await with_connection(empty_url, migrate)
    lock = ActiveLock(database)
    assert await lock.try_acquire()
    await execute(empty_url, "BEGIN; UPDATE activity SET holder = 'process 7 on there'; COMMIT")
    with pytest.raises(UsageError, match=r"`docbot run` \(process 7 on there\) is active on"):
        await restore_from(file, empty_url)
    await lock.release()
    await restore_from(file, empty_url)


async def test_nothing_is_restored_while_a_sync_runs(
    file: Path, empty_url: str, tmp_path: Path
) -> None:
    async with sync_lock(Database(empty_url, tmp_path)):
        with pytest.raises(UsageError, match="another sync is running"):
            await restore_from(file, empty_url)


async def test_whoever_comes_during_a_restore_finds_all_or_nothing(
    file: Path, empty_url: str
) -> None:
    async def look() -> list[str]:
        applied: list[str] = await with_connection(empty_url, migrate)
        return applied

    _, applied = await asyncio.gather(restore_from(file, empty_url), look(), return_exceptions=True)
    # The migrations of who came first are made once; who came second finds them.
    assert applied in ([], [migration.name for migration in shipped()])
    assert len((await contents_of(empty_url))["guilds"]) == 1


async def test_what_postgres_refuses_leaves_nothing(file: Path, empty_url: str) -> None:
    rewrite(file, {"forums": lambda lines: lines.replace(b"mention", b"shouting")})
    with pytest.raises(PermanentError, match="forums_mode_check"):
        await restore_from(file, empty_url)
    assert await contents_of(empty_url) == {}


async def test_rows_that_hide_behind_an_end_mark_are_missed(file: Path, empty_url: str) -> None:
    rewrite(file, {"guilds": lambda lines: b"\\.\n" + lines})
    with pytest.raises(DocbotError):
        await restore_from(file, empty_url)
    assert await contents_of(empty_url) == {}


# What stands in a backup, taken apart and put together again.
Parts = dict[str, bytes]


def parts_of(file: Path) -> tuple[Manifest, Parts]:
    with file.open("rb") as opened:
        archive = Archive.read(opened, lambda _: None)
        manifest = archive.manifest
        return manifest, {t.name: b"".join(archive.pieces(t)) for t in manifest.tables}


def rewrite(
    file: Path,
    changes: dict[str, Callable[[bytes], bytes]],
    change_manifest: Callable[[Manifest], Manifest] = lambda manifest: manifest,
) -> None:
    """Write the backup anew with other rows, whose hashes fit."""
    manifest, parts = parts_of(file)
    with file.open("wb") as opened:
        writer = ArchiveWriter(opened)
        tables = []
        for table in manifest.tables:
            change = changes.get(table.name)
            lines = change(parts[table.name]) if change else parts[table.name]
            member = writer.begin(f"{table.name}.copy")
            member.write(lines)
            member.finish()
            rows = lines.count(b"\n")
            tables.append(replace(table, rows=rows, bytes=member.size, sha256=member.sha256))
        writer.finish(change_manifest(replace(manifest, tables=tuple(tables))))


def without_table(manifest: Manifest) -> Manifest:
    return replace(manifest, tables=manifest.tables[1:])


def with_table(manifest: Manifest) -> Manifest:
    return replace(manifest, left_out=(*manifest.left_out, "passwords"))


def with_first_table(**changes: Any) -> Callable[[Manifest], Manifest]:
    def change(manifest: Manifest) -> Manifest:
        first, *others = manifest.tables
        return replace(manifest, tables=(replace(first, **changes), *others))

    return change


# A database is reached for only once the file was found whole.
NOWHERE = "postgresql://127.0.0.1:9/nowhere"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: replace(m, schema="9999_later.sql"), r"schema '9999_later\.sql' is newer"),
        (lambda m: replace(m, schema="0001"), r"schema '0001' is newer"),
        (lambda m: replace(m, format=2), "of format 2, and this docbot reads 1"),
        (lambda m: replace(m, program="pg_dump"), "of another program"),
        (without_table, r"addresses\.copy', which manifest\.json does not name"),
        (with_table, "holds table 'passwords'"),
        (lambda m: replace(m, left_out=()), r"lacks table activity of schema"),
        (lambda m: replace(m, tables=(*m.tables, m.tables[0])), "names a table twice"),
        (with_first_table(sha256="0" * 64), r"addresses\.copy was changed or damaged"),
        (with_first_table(rows=2), r"addresses\.copy has 1 rows, and the manifest says 2"),
        (with_first_table(bytes=2), r"addresses\.copy has \d+ bytes, and manifest\.json says 2"),
        (with_first_table(name="../../etc/passwd"), r"\.\./\.\./etc/passwd\.copy is missing"),
        (with_first_table(rows="many"), r"manifest\.json is wrong at tables\.0\.rows"),
    ],
)
async def test_a_manifest_that_does_not_fit_is_refused_and_changes_nothing(
    file: Path, change: Callable[[Manifest], Manifest], says: str
) -> None:
    rewrite(file, {}, change)
    with pytest.raises(UsageError, match=rf"docbot\.tar cannot be restored: .*{says}.*nothing was"):
        await restore_from(file, NOWHERE)


@pytest.mark.parametrize("columns", [("id",), ('id"; DROP TABLE x',), ()])
async def test_other_columns_than_those_of_the_schema_are_refused(
    file: Path, empty_url: str, columns: tuple[str, ...]
) -> None:
    rewrite(file, {}, with_first_table(columns=columns))
    with pytest.raises(UsageError, match=r"table addresses has other columns.*nothing was changed"):
        await restore_from(file, empty_url)
    assert await contents_of(empty_url) == {}


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def plain(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a tar file"),
        (b"-- PostgreSQL database dump\n" * 100, "not a tar file"),
        (bytes(10_240), "not a tar file"),
        (b"PK\x03\x04" + bytes(1_000), "not a tar file"),
        (tar_of([(plain("notes.txt"), b"hello")]), r"manifest\.json is missing"),
        (tar_of([(plain(MANIFEST), b"{")]), r"manifest\.json is not JSON"),
        (tar_of([(plain(MANIFEST), b"[" * 100_000)]), r"manifest\.json is not JSON"),
        (tar_of([(plain(MANIFEST), b"[]")]), "of another program"),
        (tar_of([(plain(MANIFEST), b'{"program": "other"}')]), "of another program"),
        (tar_of([(plain(MANIFEST), b" " * 2_000_000)]), "too large"),
        (tar_of([(plain("a"), b""), (plain("a"), b"")]), "holds 'a' twice"),
        (tar_of([(link("guilds.copy", "/etc/passwd"), b"")]), "'guilds.copy', which is no plain"),
    ],
)
async def test_what_is_no_backup_is_refused_and_changes_nothing(
    tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "docbot.tar"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=rf"docbot\.tar cannot be restored: .*{says}"):
        await restore_from(file, NOWHERE)


@pytest.mark.parametrize(
    "name", ["../evil.copy", "/etc/evil.copy", "guilds.copy/", "x\x1b[2J.copy"]
)
async def test_a_member_that_nobody_named_is_refused(file: Path, name: str) -> None:
    manifest, parts = parts_of(file)
    members = [(plain(f"{table}.copy"), data) for table, data in parts.items()]
    said = json.dumps(asdict(manifest)).encode()
    file.write_bytes(tar_of([*members, (plain(name), b""), (plain(MANIFEST), said)]))
    with pytest.raises(UsageError) as error:
        await restore_from(file, NOWHERE)
    assert "\x1b" not in str(error.value)


async def test_a_backup_that_was_unpacked_and_packed_again_is_as_good(
    file: Path, empty_url: str
) -> None:
    manifest, parts = parts_of(file)
    said = json.dumps(asdict(manifest)).encode()
    members = [(plain(f"{table}.copy"), data) for table, data in parts.items()]
    file.write_bytes(tar_of([(plain(MANIFEST), said), *members]))
    await restore_from(file, empty_url)


@pytest.mark.parametrize(
    ("path", "says"),
    [("nowhere.tar", "No such file"), (".", "is no file"), ("/dev/null", "is no file")],
)
async def test_what_cannot_be_read_is_named(tmp_path: Path, path: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        await restore_from(tmp_path / path, NOWHERE)


def small_backup() -> bytes:
    stream = io.BytesIO()
    writer = ArchiveWriter(stream)
    tables = []
    for name, lines in (("guilds", b"1\tone\n2\ttwo\n"), ("forums", b"")):
        member = writer.begin(f"{name}.copy")
        member.write(lines)
        member.finish()
        rows = lines.count(b"\n")
        tables.append(TableCopy(name, ("id", "name"), rows, member.size, member.sha256))
    writer.finish(Manifest.of(docbot="1", schema="1", taken_at="", tables=tables, left_out=[]))
    return stream.getvalue()


WHOLE = small_backup()


def told_of(content: bytes) -> Iterator[bytes]:
    archive = Archive.read(io.BytesIO(content), lambda _: None)
    for table in archive.manifest.tables:
        yield from archive.pieces(table)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_backup_that_is_cut_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(UsageError):
        list(told_of(WHOLE[:length]))


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_byte_that_flips_is_seen_or_does_not_matter(at: int, mask: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= mask
    try:
        told = list(told_of(bytes(damaged)))
    except UsageError:
        return
    assert told == list(told_of(WHOLE))


@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused_and_nothing_else(content: bytes) -> None:
    with pytest.raises(UsageError):
        list(told_of(content))


@given(
    st.dictionaries(
        st.sampled_from(
            list(asdict(Manifest.of(docbot="", schema="", taken_at="", tables=[], left_out=[])))
        ),
        st.recursive(
            st.none() | st.integers() | st.text() | st.just("docbot"),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_manifest_is_read_or_refused_and_nothing_else(said: dict[str, Any]) -> None:
    content = tar_of(
        [(plain(MANIFEST), json.dumps({"program": "docbot", "format": 1, **said}).encode())]
    )
    with contextlib.suppress(UsageError):
        list(told_of(content))


def test_a_member_may_be_larger_than_a_plain_header_can_say(tmp_path: Path) -> None:
    path = tmp_path / "large.tar"
    size = 9 * 1024**3  # a hole: nothing is written to the disk
    with path.open("w+b") as file:
        member = ArchiveWriter(file).begin("embeddings.copy")
        file.seek(size, os.SEEK_CUR)
        member.size = size
        member.finish()
        file.truncate()
    with tarfile.open(path) as tar:
        assert [(info.name, info.size) for info in tar] == [("embeddings.copy", size)]
    path.unlink()
