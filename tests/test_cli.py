import asyncio
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import click
import pytest

from docbot import __version__
from docbot.cli import commands
from docbot.db.embedded import SERVER_LOCK
from docbot.playground.server import Playground
from tests import forked
from tests.model_server import ModelServer, Reply, Reset
from tests.town import ANSWER_PLACE, Ground

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """`docbot` as a person runs it, on a data folder and a database of its own.

    What is started is a new process, what is run one forked from a docbot that is loaded.
    """

    environment: dict[str, str]
    cwd: Path

    async def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] = MappingProxyType({}),
        start_new_session: bool = False,
    ) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "docbot",
            *arguments,
            cwd=self.cwd,
            env={**self.environment, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=start_new_session,
        )

    async def run(self, *arguments: str, **environment: str) -> Ran:
        process = await forked.start(
            "docbot",
            *arguments,
            cwd=self.cwd,
            env={**self.environment, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ran(await process.wait(), out.decode(), err.decode())


def shell_in(folder: Path, database_url: str, data_dir: Path) -> Shell:
    (folder / "docs").mkdir()
    (folder / "docs" / "install.md").write_text(
        "# Installing\n\n## Requirements\n\nThe frobnicator needs Python 3.11 and two cores.\n"
    )
    (folder / "docs" / "usage.md").write_text(
        "# Usage\n\n## Retries\n\nSet `max_retries` to repeat a failed frobnication.\n"
    )
    return Shell(
        {"PATH": "/usr/bin:/bin", "DATABASE_URL": database_url, "DOCBOT_DATA_DIR": str(data_dir)},
        folder,
    )


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    return shell_in(tmp_path, database_url, tmp_path)


@pytest.fixture
def read(ground: Ground, tmp_path: Path) -> Shell:
    """A shell whose documentation is read: the pages of `tests/town.py`."""
    return shell_in(tmp_path, ground.database_url, ground.data_dir)


async def test_a_folder_is_read_and_the_next_sync_finds_nothing_to_do(shell: Shell) -> None:
    await shell.run("sources", "add", "docs", "./docs")
    first = await shell.run("sync")
    assert "2 pages: 2 added" in first.out
    (shell.cwd / "docs" / "usage.md").unlink()
    second = await shell.run("sync", "docs")
    assert second.code == 1
    assert "1 pages are gone, so many that it may be a mistake; nothing was removed" in second.out
    sure = await shell.run("sync", "docs", "--yes")
    assert "1 pages: 0 added, 0 changed, 1 unchanged, 1 deleted, 0 failed" in sure.out
    third = await shell.run("sync")
    assert "1 unchanged, 0 deleted" in third.out
    assert "indexed" not in third.out


async def test_search_prints_one_json_document_and_nothing_else(read: Shell) -> None:
    ran = await read.run("search", "max_retries", "--json", "--limit", "1")
    [found] = json.loads(ran.out)
    assert found.keys() == {"rank", "url", "title", "heading", "text", "score", "source"}
    assert (found["rank"], found["url"]) == (1, ANSWER_PLACE)
    assert (found["title"], found["heading"], found["source"]) == ("Usage", "Retries", "docs")


async def test_ask_answers_with_citations(read: Shell) -> None:
    ran = await read.run("ask", "How do I repeat a failed frobnication?", "--json")
    answer = json.loads(ran.out)
    assert answer.keys() == {"lane", "text", "citations", "model", "timings_ms"}
    assert answer["lane"] == "answer"
    assert answer["citations"][0]["url"] == ANSWER_PLACE
    assert answer["model"] is None


async def test_questions_without_a_solved_one_are_an_empty_file(read: Shell) -> None:
    ran = await read.run("questions", "export", "--solved", "-")
    assert (ran.code, ran.out) == (0, "")
    assert "solved questions written: 0" in ran.err


async def test_ask_in_plain_text_shows_the_sources(read: Shell) -> None:
    ran = await read.run("ask", "How do I repeat a failed frobnication?")
    assert "max_retries" in ran.out
    assert ANSWER_PLACE in ran.out


@pytest.fixture
def questions(read: Shell) -> Path:
    path = read.cwd / "questions.jsonl"
    asked = {"id": "retries", "source": "docs", "title": "How do I repeat a failed frobnication?"}
    path.write_text(json.dumps({**asked, "body": "", "gold": [ANSWER_PLACE]}) + "\n")
    return path


async def test_an_evaluation_is_one_json_document_that_the_next_is_held_against(
    read: Shell, questions: Path
) -> None:
    ran = await read.run("eval", str(questions), "--json", "--html", "report.html")
    told = json.loads(ran.out)
    assert (ran.code, told["schema"], told["docbot"]) == (0, 1, __version__)
    assert told["index"]["generation"]
    assert told["figures"]["all"]["measures"]["recall_at_5"]["value"] == 1
    assert [record["rank"] for record in told["records"]] == [1]
    assert (read.cwd / "report.html").read_text().startswith("<!doctype html>")

    baseline = read.cwd / "baseline.json"
    baseline.write_text(ran.out)
    same = await read.run("eval", str(questions), "--gate", str(baseline))
    assert (same.code, "nothing is worse beyond noise" in same.out) == (0, True)
    (read.cwd / "none.toml").write_text("dense = true\n")
    both = await read.run("eval", str(questions), "--config", "none.toml", "--against", "dense=off")
    assert "second - first, paired" in both.out


async def test_a_gate_that_finds_a_figure_worse_ends_with_one(read: Shell, questions: Path) -> None:
    told = json.loads((await read.run("eval", str(questions), "--json")).out)
    wrong = questions.read_text().replace("/usage#retries", "/install")
    questions.write_text(wrong.replace("failed frobnication", "failure of frobnication"))
    baseline = read.cwd / "baseline.json"
    baseline.write_text(json.dumps(told))
    ran = await read.run("eval", str(questions), "--gate", str(baseline))
    assert ran.code == 1
    assert "WORSE" in ran.out
    assert "worse: MRR" in ran.err


async def test_gold_that_is_in_no_page_is_listed_after_which_the_command_fails(
    read: Shell, questions: Path
) -> None:
    lost = {"id": "lost", "source": "docs", "title": "Where?", "body": "", "gold": ["https://x.y/"]}
    questions.write_text(questions.read_text() + json.dumps(lost))
    ran = await read.run("eval", str(questions))
    assert ran.code == 1
    assert "lost: https://x.y/ is in no page of docs" in ran.err
    assert "recall@5" in ran.out


async def test_a_questions_file_that_cannot_be_used_is_wrong_usage(
    read: Shell, questions: Path
) -> None:
    questions.write_text(questions.read_text() + "{broken\n")
    broken = await read.run("eval", str(questions))
    assert (broken.code, broken.out) == (2, "")
    assert f"{questions}:2: is no JSON" in broken.err
    assert (await read.run("eval", "none.jsonl")).code == 2
    nowhere = await read.run("eval", str(questions), "--html", "no/such/report.html")
    assert (nowhere.code, "make it first" in nowhere.err) == (2, True)


async def test_a_page_that_cannot_be_written_is_refused_before_anything_is_asked(
    read: Shell, questions: Path
) -> None:
    too_long = await read.run("eval", str(questions), "--html", "x" * 300)
    assert (too_long.code, too_long.out) == (2, "")
    assert "cannot be written (File name too long); name another file" in too_long.err
    assert "asking" not in too_long.err
    kept = read.cwd / "report.html"
    kept.write_text("an earlier one")
    assert (await read.run("eval", "none.jsonl", "--html", "report.html")).code == 2
    assert (await read.run("eval", "none.jsonl", "--html", "new.html")).code == 2
    assert kept.read_text() == "an earlier one"
    assert not (read.cwd / "new.html").exists()


async def test_a_page_that_fails_to_be_written_fails_the_command_after_the_figures(
    read: Shell, questions: Path
) -> None:
    ran = await read.run("eval", str(questions), "--html", "/dev/full")
    assert ran.code == 1
    assert "recall@5" in ran.out
    assert "--html /dev/full: cannot be written (No space left on device)" in ran.err


async def test_what_the_docs_do_not_answer_is_said_so(read: Shell) -> None:
    ran = await read.run("ask", "Who won the chess tournament in Reykjavik?")
    assert ran.code == 0
    assert "nothing" in ran.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sources", "add", "x", "./nowhere"], "there is no such folder"),
        (["sources", "add", "x", "~nobody-here/docs"], "cannot be a folder"),
        (["sources", "add", "x", "long/" * 1_000], "cannot be a folder"),
        (["sources", "add", "x", "ftp://there/"], "only http:// and https://"),
        (["sources", "add", "A B", "./docs"], "cannot be a source's name"),
        (["sources", "add", "x", "./docs", "--base-url", "there"], "--base-url there"),
        (["sources", "add", "x", "./docs", "--base-url", "http:there"], "with a host"),
        (["sources", "add", "x", "./docs", "--base-url", "http://[there"], "with a host"),
        (["sources", "add", "x", "./docs", "--exclude", ""], "names nothing; write a glob as"),
        (["sources", "remove", "x"], "there is no source `x`"),
        (["sync"], "there is no source yet"),
        (["search", "x", "--source", "nope"], "there is no source `nope`"),
        (["sources", "add", "x", ""], "give the address"),
        (["sources", "add", "x", "http://[oops/"], "names no host"),
        (["ask", "x"], "nothing was read yet"),
        (["search", "x"], "nothing was read yet"),
        (["demo", "--port", "99999"], "is not in the range"),
        (["demo", "--once", "--source", ""], "give the address"),
        (["ask", "caf\udce9"], "is not UTF-8"),
        (["sources", "add", "x", "http://caf\udce9/"], "is not UTF-8"),
        (["run"], "DISCORD_TOKEN is not set"),
        (["forum", "add", "1", "2", "--source", "nope"], "there is no source `nope`"),
        (["forum", "add", "one", "2", "--source", "docs"], "is not a valid integer"),
        (["forum", "remove", "5"], "no forum 5 is bound"),
        (["forum", "add", "1", "2", "--source", "docs", "--mode", "loud"], "'draft'"),
        (["config", "set", "settle-seconds", "5", "--guild", "1"], "forum list --available"),
        (["config", "list", "--forum", "5"], "`docbot forum list` shows all"),
        (["config", "set", "settle-seconds"], "Missing argument 'VALUE"),
        (["questions", "show", "5"], "there is no question 5"),
        (["questions", "show", "99999999999999999999"], "is not in the range"),
        (["questions", "retry", "5"], "there is no question 5"),
        (["questions", "retry", "five"], "is not a valid integer"),
        (["questions", "list", "--state", "typo"], "states: collecting, waiting"),
        (["questions", "export", "q.jsonl"], "docbot questions export --solved q.jsonl"),
        (["questions", "export", "--solved", "docs"], "docs is no file"),
        (["questions", "export", "--solved", "nowhere/q.jsonl"], "there is no folder nowhere"),
        (["backup"], "Missing argument 'FILE'"),
        (["backup", "-"], "not to standard output"),
        (["backup", "nowhere/docbot.tar"], "there is no folder nowhere"),
        (["restore", "nowhere.tar"], "nowhere.tar cannot be read (No such file or directory)"),
        (["restore", "docs/usage.md"], "docs/usage.md cannot be restored: it is not a tar file"),
        (["frobnicate"], "No such command"),
    ],
)
async def test_wrong_usage_ends_with_2_and_says_what_to_do(
    shell: Shell, arguments: list[str], says: str
) -> None:
    ran = await shell.run(*arguments)
    assert ran.code == 2
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


async def test_a_site_that_cannot_be_reached_is_named_with_the_cause(shell: Shell) -> None:
    await shell.run("sources", "add", "site", "http://127.0.0.1:9/docs/")
    ran = await shell.run("sync")
    assert ran.code == 1
    assert "http://127.0.0.1:9/docs/" in ran.out + ran.err
    assert "Traceback" not in ran.err


async def test_one_source_that_fails_keeps_no_other_from_being_read(shell: Shell) -> None:
    await shell.run("sources", "add", "docs", "./docs")
    (shell.cwd / "gone").mkdir()
    (shell.cwd / "gone" / "page.md").write_text("# Here")
    await shell.run("sources", "add", "gone", "./gone")
    (shell.cwd / "gone" / "page.md").unlink()
    ran = await shell.run("sync")
    assert ran.code == 0
    assert "gone: not read" in ran.out
    assert "docs: 2 pages" in ran.out


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://me:hunter2@127.0.0.1:9/db", "127.0.0.1:9"),
        ("postgres//me", "DATABASE_URL: must be postgresql://"),
    ],
)
async def test_a_wrong_database_is_named_without_its_password(
    shell: Shell, url: str, says: str
) -> None:
    ran = await shell.run("sources", "list", DATABASE_URL=url)
    assert ran.code in (1, 2)
    assert says in ran.err
    assert "DATABASE_URL" in ran.err
    assert "hunter2" not in ran.err + ran.out
    assert "Traceback" not in ran.err


async def test_a_data_folder_that_cannot_be_made_is_named(shell: Shell) -> None:
    ran = await shell.run("sources", "list", DOCBOT_DATA_DIR="/dev/null/x")
    assert ran.code == 2
    assert "DOCBOT_DATA_DIR: /dev/null/x cannot be made a folder" in ran.err


async def test_an_index_that_is_gone_is_told_and_built_by_the_next_sync(read: Shell) -> None:
    shutil.rmtree(read.cwd / "data" / "index")
    ran = await read.run("search", "max_retries")
    assert ran.code == 2
    assert "`docbot sync` builds it there" in ran.err
    await read.run("sync")
    assert "usage#retries" in (await read.run("search", "max_retries")).out


async def test_ctrl_c_ends_a_sync_without_a_traceback(shell: Shell) -> None:
    for number in range(6_000):
        text = f"# Page {number}\n\nWhat page {number} says.\n"
        (shell.cwd / "docs" / f"page-{number}.md").write_text(text)
    await shell.run("sources", "add", "docs", "./docs")
    # Who was started in the background ignores it, and so would the child.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = await shell.start("sync", start_new_session=True)
    signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    assert b"reading docs" in await process.stderr.readline()
    assert b"reading docs" in await process.stderr.readline()  # its children are at work
    os.killpg(process.pid, signal.SIGINT)
    _, rest = await process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in rest.decode()
    assert "never retrieved" not in rest.decode()
    assert rest.decode().splitlines()[-1] == "docbot: stopped"


_INTERRUPT_A_CHILD_AS_IT_STARTS = """
import os, signal
from docbot.processes import process_pool

signal.signal(signal.SIGINT, lambda *_: None)
with process_pool(1) as pool:
    child = pool.submit(os.getpid)
    os.killpg(0, signal.SIGINT)
    print("unharmed" if child.result() != os.getpid() else "no child")
"""


async def test_ctrl_c_harms_no_child_that_is_just_starting() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _INTERRUPT_A_CHILD_AS_IT_STARTS,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert await process.communicate() == (b"unharmed\n", b"")


async def test_a_database_that_does_not_exist_is_named(shell: Shell, database_url: str) -> None:
    missing = database_url.replace("/test_", "/missing_")
    ran = await shell.run("sources", "list", DATABASE_URL=missing)
    assert ran.code == 2
    assert "does not exist" in ran.err


async def test_a_chat_endpoint_that_is_down_is_named(read: Shell) -> None:
    ran = await read.run(
        "ask",
        "How do I repeat a failed frobnication?",
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        DOCBOT_CHAT_MODEL="some-model",
    )
    assert ran.code == 1
    assert "http://127.0.0.1:9/v1" in ran.err
    assert "Traceback" not in ran.err


async def test_an_endpoint_without_a_model_lists_what_it_offers(read: Shell) -> None:
    async with ModelServer.open() as server:
        ran = await read.run("ask", "anything", OPENAI_BASE_URL=server.base_url)
    assert ran.code == 2
    assert "DOCBOT_CHAT_MODEL" in ran.err
    assert any(model in ran.err for model in server.models)


async def test_forums_are_bound_listed_and_removed(read: Shell) -> None:
    bound = await read.run("forum", "add", "11", "22", "--source", "docs", "--mode", "mention")
    assert bound.code == 0, bound.err
    listed = await read.run("forum", "list")
    assert "guild 11  forum 22  mention  docs" in listed.out
    await read.run("forum", "remove", "22")
    assert "No forum yet" in (await read.run("forum", "list")).out


async def test_a_setting_is_set_listed_and_unset(read: Shell) -> None:
    await read.run("forum", "add", "11", "22", "--source", "docs", "--mode", "draft")
    overrides = ["role:5=50/6", "first,", "person:6=ignore"]
    done = await read.run("config", "set", "limit-overrides", *overrides)
    assert done.out == (
        "limit-overrides of server 11: none (default) -> role:5=50/6 first, person:6=ignore\n"
        "To undo: docbot config unset limit-overrides --guild 11\n"
    )
    await read.run("config", "set", "settle-seconds", "0", "--forum", "22")
    listed = await read.run("config", "list", "--forum", "22")
    assert listed.out.startswith("forum 22:\nmode = draft  (forum; default auto)\n    When docbot")
    assert "settle-seconds = 0  (forum; default 6)\n    How long" in listed.out
    of_server = await read.run("config", "list")
    assert "limit-calls = 10/6  (default)\n" in of_server.out
    assert of_server.out.endswith(
        "forum 22 has its own: settle-seconds. Next: docbot config list --forum 22\n"
    )
    gone = await read.run("config", "unset", "settle-seconds", "--forum", "22")
    assert gone.out == (
        "settle-seconds of forum 22: 0 -> 6 (default)\n"
        "To undo: docbot config set settle-seconds 0 --forum 22\n"
    )
    again = await read.run("config", "unset", "settle-seconds", "--forum", "22")
    assert again.out == "settle-seconds is not set for forum 22; nothing was changed.\n"


async def test_settings_are_one_json_document(read: Shell) -> None:
    await read.run("forum", "add", "11", "22", "--source", "docs")
    await read.run("config", "set", "banned", "7,", "5", "--guild", "11")
    rows = {
        row["name"]: row for row in json.loads((await read.run("config", "list", "--json")).out)
    }
    row = rows["banned"]
    assert (row["value"], row["from"], row["default"]) == ("5, 7", "server", "none")
    assert (row["scope"], row["set_by"]) == ("server", "managers")
    assert row.keys() == {
        *("name", "value", "from", "default", "scope", "allowed", "example", "effect", "set_by")
    }


async def test_removing_a_source_removes_its_pages_from_the_search(read: Shell) -> None:
    assert (await read.run("sources", "remove", "docs")).code == 0
    assert "No source yet" in (await read.run("sources", "list")).out
    await read.run("sources", "add", "other", "./docs")
    assert json.loads((await read.run("search", "max_retries", "--json")).out) == []


@pytest.fixture
def elsewhere(read: Shell) -> Iterator[Shell]:
    """A shell on a data folder of its own, with the embedded server."""
    with tempfile.TemporaryDirectory(prefix="docbot-") as folder:
        Path(folder).chmod(0o755)  # as root Postgres runs as nobody, who must reach it
        yield Shell({"PATH": "/usr/bin:/bin", "DOCBOT_DATA_DIR": folder}, read.cwd)
        with (Path(folder) / "postgres" / SERVER_LOCK).open() as lock:  # free once it is gone
            fcntl.flock(lock, fcntl.LOCK_EX)


async def test_a_backup_moves_docbot_to_another_data_folder(read: Shell, elsewhere: Shell) -> None:
    backed_up = await read.run("backup", "docbot.tar")
    assert backed_up.code == 0, backed_up.err
    assert re.match(
        r"Backed up \d+ rows in \d+ tables to docbot\.tar \(\d+\.\d kB\)\.\n  addresses 3, chunks 3, pages 3, sources 1, syncs 1\n",
        backed_up.out,
    )
    restored = await elsewhere.run("restore", "docbot.tar")
    assert restored.code == 0, restored.err
    assert "docbot.tar is whole: 11 rows in" in restored.out
    assert restored.out.endswith("indexed 3 chunks\nNext: docbot run\n")
    found = await elsewhere.run("search", "max_retries", "--json", "--limit", "1")
    assert json.loads(found.out)[0]["url"] == ANSWER_PLACE
    synced = await elsewhere.run("sync")
    assert synced.out == "docs: 3 pages: 0 added, 0 changed, 3 unchanged, 0 deleted, 0 failed\n"
    again = await elsewhere.run("restore", "docbot.tar")
    assert again.code == 2
    assert "is not empty (rows: addresses 3, chunks 3, pages 3, sources 1, syncs 2)" in again.err
    from_embedded = await elsewhere.run("backup", "docbot.tar", "--force")
    assert from_embedded.code == 0, from_embedded.err
    assert (
        from_embedded.out.splitlines()[1] == "  addresses 3, chunks 3, pages 3, sources 1, syncs 2"
    )


async def test_an_index_that_cannot_be_built_after_a_restore_is_told(
    read: Shell, elsewhere: Shell
) -> None:
    await read.run("backup", "docbot.tar")
    restored = await elsewhere.run("restore", "docbot.tar", QDRANT_URL="http://127.0.0.1:9")
    assert restored.code == 1
    assert "docbot: all is restored but the index, which `docbot sync` or" in restored.err
    assert "pages 3" in (await elsewhere.run("restore", "docbot.tar")).err


async def _on_a_terminal(shell: Shell, *arguments: str, **environment: str) -> str:
    """What a command shows where it writes to a terminal."""
    ours, its = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docbot", *arguments),
        cwd=shell.cwd,
        env={**shell.environment, **environment},
        stdout=its,
        stderr=its,
    )
    await process.wait()
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    os.close(its)
    return shown


async def test_a_backup_shows_how_far_it_is_on_a_terminal(read: Shell) -> None:
    shown = await _on_a_terminal(read, "backup", "docbot.tar")
    assert shown.startswith("backing up, in MB ...")


async def test_doctor_tells_each_part_and_fails_where_one_does(shell: Shell) -> None:
    ran = await shell.run("doctor")
    assert ran.code == 0, ran.err
    assert "ok       database: Postgres" in ran.out
    assert "         → docbot sources add NAME URL_OR_FOLDER" in ran.out
    assert "\x1b[" not in ran.out
    quick = await shell.run("doctor", "--quick")
    assert (quick.code, quick.err) == (1, "docbot: 1 check failed; see above\n")
    assert "failed   bot: no `docbot run` acts" in quick.out


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
async def test_doctor_is_coloured_on_a_terminal_unless_that_is_not_wanted(
    shell: Shell, no_color: str, is_coloured: bool
) -> None:
    shown = await _on_a_terminal(shell, "doctor", "--quick", NO_COLOR=no_color)
    assert "no `docbot run` acts" in shown
    assert ("\x1b[" in shown) is is_coloured


async def test_doctor_tells_of_a_wrong_setting(shell: Shell) -> None:
    ran = await shell.run("doctor", DOCBOT_CRAWL_PAUSE="soon")
    assert ran.code == 1
    assert "failed   settings: DOCBOT_CRAWL_PAUSE: " in ran.out


async def test_the_forums_that_could_be_bound_are_listed_with_their_ids(read: Shell) -> None:
    async with Playground.open() as playground:
        discord = {"DISCORD_TOKEN": playground.token, "DOCBOT_DISCORD_API": playground.api_url}
        guild, forum, text = playground.guild, playground.forum, playground.text
        before = await read.run("forum", "list", "--available", **discord)
        await read.run("forum", "add", str(guild.id), str(forum.id), "--source", "docs")
        after = await read.run("forum", "list", "--available", **discord)
        playground.world.remove_member(guild.id, playground.bot.id)
        left = await read.run("forum", "list", "--available", **discord)
    assert f"{guild.name}  {guild.id}\n  {forum.id}  forum #{forum.name}  not bound\n" in before.out
    assert f"\n  {text.id}  text channel #{text.name}  not bound\n" in before.out
    assert f"forum #{forum.name}  bound\n" in after.out
    assert left.out.startswith("docbot is in no server yet. Invite it: https://discord.com/oauth2/")


def leaves(group: click.Group, path: str = "docbot") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("path", "command"), list(leaves(commands)))
def test_each_command_explains_itself_with_an_example(path: str, command: click.Command) -> None:
    assert "Example" in (command.help or "")
    assert path in (command.help or "").partition("Example")[2]


async def test_a_shell_can_complete_commands_and_choices(shell: Shell) -> None:
    completing = {"_DOCBOT_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "docbot so"}
    docbot = Path(sys.executable).with_name("docbot")
    process = await asyncio.create_subprocess_exec(
        docbot, env={**shell.environment, **completing}, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode() == "plain,sources\n"


async def ask_on_a_terminal(shell: Shell, server: ModelServer) -> Ran:
    """Run `docbot ask` as on a terminal; its two streams are told apart."""
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "docbot", "ask", "How do I repeat a failed frobnication?"),
        cwd=shell.cwd,
        env={
            **shell.environment,
            "OPENAI_BASE_URL": server.base_url,
            "DOCBOT_CHAT_MODEL": "test-chat",
        },
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    _, err = await process.communicate()
    out = os.read(ours, 60_000)
    os.close(ours)
    return Ran(process.returncode or 0, out.decode().replace("\r\n", "\n"), err.decode())


async def test_on_a_terminal_an_answer_is_shown_as_it_is_written_and_what_the_checks_add(
    read: Shell,
) -> None:
    unsafe = "Set `max_retries` [1]. Wait for [99] hours. @everyone see https://evil.test/ ."
    replies = ["<think>hm</think>\nSet `max_retries` [1].", unsafe]
    async with ModelServer.open(replies) as server:
        ran = await ask_on_a_terminal(read, server)
        assert server.requests[0].body["stream"] is True
        changed = await ask_on_a_terminal(read, server)
    assert ran.code == 0, ran.err
    assert ran.out == (
        "\x1b[2mSet `max_retries` [1].\x1b[0m\n\n"
        "**Sources**\n[1] [Usage › Retries](<https://docs.test/usage#retries>)\n"
    )
    draft, _, answer = changed.out.partition("\x1b[0m")
    assert "hours" not in draft  # what was cut was never shown
    assert "--- checked without [99]; Wait for hours." in answer
    assert "@everyone" not in answer
    assert "`https://evil.test/`" in answer


async def test_on_a_terminal_a_reply_that_breaks_off_is_no_answer(read: Shell) -> None:
    broken = Reply("Set `max_retries` [1]. And then", then=Reset())
    async with ModelServer.open([broken]) as server:
        ran = await ask_on_a_terminal(read, server)
    assert ran.code == 1
    assert ran.out == "\x1b[2mSet `max_retries` [1].\x1b[0m\n"
    assert "the reply broke off" in ran.err
    assert "Traceback" not in ran.err


async def test_an_answer_that_is_not_for_a_terminal_is_not_streamed(read: Shell) -> None:
    async with ModelServer.open(["Set `max_retries` [1]."] * 2) as server:
        endpoint = {"OPENAI_BASE_URL": server.base_url, "DOCBOT_CHAT_MODEL": "test-chat"}
        for form in ((), ("--json",)):
            ran = await read.run("ask", "How do I repeat a failed frobnication?", *form, **endpoint)
            assert "\x1b" not in ran.out
            assert "max_retries" in ran.out
        assert not any("stream" in request.body for request in server.requests)
