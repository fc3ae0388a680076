"""Bad input as an operator meets it: on the command line, with the words that say what to do."""

import asyncio
import re
from asyncio.subprocess import Process
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web

from docbot.playground.server import Playground
from tests.knowledge.conftest import pages_handler, served
from tests.test_cli import Ran, Shell

pytestmark = pytest.mark.slow


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    (tmp_path / "docs" / "guide").mkdir(parents=True)
    (tmp_path / "docs" / "guide" / "install.md").write_text("# Installing\n\nIt needs two cores.\n")
    return Shell(
        {"PATH": "/usr/bin:/bin", "DATABASE_URL": database_url, "DOCBOT_DATA_DIR": str(tmp_path)},
        tmp_path,
    )


async def together(shell: Shell, *commands: str) -> list[Ran]:
    return await asyncio.gather(*(shell.run(*command.split()) for command in commands))


async def until_said(process: Process, sign: str) -> str:
    """Read its log up to the line with the sign."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while line := (await process.stderr.readline()).decode():
            if sign in line:
                return line
    raise AssertionError(f"it ended without a word of {sign!r}")


async def test_a_wrong_line_of_the_env_file_is_named_by_its_number(shell: Shell) -> None:
    (shell.cwd / ".env").write_text("# docbot\nDISCORD_TOKEN hunter2\n")
    ran = await shell.run("sources", "list")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("docbot: .env: line 2 cannot be read; write NAME=value")
    assert "hunter2" not in ran.err


async def test_an_unknown_setting_is_named_with_the_nearest_known_one(shell: Shell) -> None:
    ran = await shell.run("sources", "list", DOCBOT_CHAT_MODL="x")
    assert ran.code == 2
    assert "DOCBOT_CHAT_MODL: there is no such setting; the nearest is DOCBOT_CHAT_MODEL" in ran.err


async def test_a_newer_database_is_refused_by_every_command_and_left_as_it_is(
    shell: Shell, database_url: str
) -> None:
    conn = await asyncpg.connect(database_url)
    await conn.execute("INSERT INTO migrations VALUES ('9999_later.sql', 'abc')")
    await conn.execute("DROP TABLE feedback")  # as a later version may have done
    ran = await together(
        shell, "sources add docs ./docs", "sync", "search x", "questions list", "doctor"
    )
    assert {one.code for one in ran} == {1}
    for one in ran:
        assert "the database is newer than this docbot: it has 9999_later.sql" in one.err + one.out
        assert "install the version that last ran on it, or a later one" in one.err + one.out
        assert "Traceback" not in one.err
    assert await conn.fetchval("SELECT count(*) FROM sources") == 0
    await conn.close()


async def test_what_is_read_already_is_refused_and_what_lies_within_is_told(shell: Shell) -> None:
    assert (await shell.run("sources", "add", "docs", "./docs")).code == 0
    same, within = await together(
        shell, "sources add again ./docs/", "sources add guide ./docs/guide"
    )
    assert same.code == 2
    assert "is read already, as source docs; docbot sync docs reads it again" in same.err
    assert within.code == 0
    assert f"lies within {shell.cwd}/docs (source docs)" in within.err


async def test_a_name_that_is_not_known_is_told_with_the_nearest(shell: Shell) -> None:
    await shell.run("sources", "add", "manual", "./docs")
    ran = await together(
        shell, "sync manaul", "search x --source manaul", "forum add 1 2 --source manaul"
    )
    ran = [*ran, await shell.run("sources", "remove", "manaul")]
    assert {one.code for one in ran} == {2}
    for one in ran:
        assert "there is no source `manaul`; did you mean `manual`?" in one.err


@pytest.mark.parametrize("name", ["x" * 10_000, "", "🎉\n", "do\x1b[31mcs", "-x"])
async def test_an_odd_name_is_refused_in_one_short_line(shell: Shell, name: str) -> None:
    ran = await shell.run("sources", "add", "--", name, "./docs")
    assert ran.code == 2
    assert "cannot be a source's name; allowed: up to 64 lower-case letters" in ran.err
    assert len(ran.err) < 300
    assert ran.err.rstrip("\n").isprintable()


async def test_a_sync_says_of_each_site_what_is_wrong_with_it(shell: Shell) -> None:
    def moved() -> web.Response:
        return web.Response(status=301, headers={"Location": "https://new.invalid/docs/"})

    books = "".join(f'<a href="{number}.epub">p</a>' for number in range(200))
    mixed = f'<p>text {books} <a href="a">a</a> <a href="b">b</a> <a href="c">c</a></p>'
    async with served(
        pages_handler(
            {
                "/moved/": moved,
                "/mixed/": mixed,
                "/mixed/a": moved,
                "/mixed/b": moved,
                "/mixed/c": lambda: web.Response(status=401),
                "/closed/": lambda: web.Response(status=401),
            }
        )
    ) as url:
        for name in ("moved", "mixed", "closed"):
            assert (await shell.run("sources", "add", name, f"{url}{name}/")).code == 0
        ran = await shell.run("sync", DOCBOT_CRAWL_PAUSE="0")
    assert ran.code == 0, ran.err
    assert f"moved: not read: {url}moved/ leads to https://new.invalid/docs/" in ran.out
    assert "to read that site: docbot sources add NAME https://new.invalid/docs/" in ran.out
    assert "closed: not read: " in ran.out
    assert "1 added, 0 changed, 0 unchanged, 0 deleted, 3 failed\n" in ran.out
    assert "  left out: 200 PDFs and the like\n" in ran.out
    assert f"  failed: {url}mixed/a leads to https://new.invalid/docs/" in ran.out
    assert "  2 of them lead to https://new.invalid/; to read that site: docbot" in ran.out
    assert "401 Unauthorized: it needs a login, which docbot does not have" in ran.out


async def test_a_second_bot_stands_by_names_who_acts_and_takes_over(shell: Shell) -> None:
    async with Playground.open() as playground:
        discord = {"DISCORD_TOKEN": playground.token, "DOCBOT_DISCORD_API": playground.api_url}
        first = await shell.start("run", environment=discord)
        await until_said(first, "connected to Discord")
        second = await shell.start("run", environment=discord)
        standing = await until_said(second, "standing by")
        first.terminate()
        await first.communicate()
        await until_said(second, "active from now on (epoch 2)")
        second.terminate()
        await second.communicate()
    assert re.search(rf"standing by: process {first.pid} on \S+ is active and answers", standing)
    assert (first.returncode, second.returncode) == (0, 0)


async def test_what_a_site_writes_cannot_steer_the_terminal(shell: Shell) -> None:
    red = "\x1b[31m\x9b2J\u202e"
    named = (
        f'<title>{red}</title><h1>{red}Title</h1><p>text <a href="a{red}">a</a> <a href="b">b</a>'
    )

    def moved() -> web.Response:
        return web.Response(status=302, headers={"Location": "https://x.invalid/\x9b2J\u202e"})

    async with served(pages_handler({"/docs/": named, "/docs/b": moved})) as url:
        await shell.run("sources", "add", "docs", f"{url}docs/")
        synced = await shell.run("sync", DOCBOT_CRAWL_PAUSE="0")
    ran = [synced, *await together(shell, "sources list", "search text", "ask text")]
    assert synced.code == 0
    assert "https://x.invalid/" in synced.out
    for one in ran:
        assert (one.out + one.err).replace("\n", "").isprintable(), repr(one.out + one.err)
