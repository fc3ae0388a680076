import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from docbot.app.evaluating import Wanted, evaluate
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.errors import PermanentError, UsageError
from docbot.evaluation.records import Record
from docbot.evaluation.report import Report, document
from docbot.settings import Settings
from tests.model_server import ModelServer, Reply, Script, Status
from tests.town import ANSWER_PLACE, BASE_URL, OFF_TOPIC, QUESTION, Ground, Quiet

ASKED = {"id": "retries", "source": "docs", "title": QUESTION, "body": "", "gold": [ANSWER_PLACE]}
OTHER = {"id": "chess", "source": "docs", "title": OFF_TOPIC, "body": "", "gold": []}


@asynccontextmanager
async def rooms_on(ground: Ground, **changes: Any) -> AsyncIterator[Rooms]:
    settings = Settings(_env_file=None).model_copy(
        update={
            "database_url": SecretStr(ground.database_url),
            "docbot_data_dir": ground.data_dir,
            **changes,
        }
    )
    async with open_rooms(settings) as rooms:
        yield rooms


def written(folder: Path, *questions: dict[str, Any]) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, questions)))
    return path


async def measured(
    rooms: Rooms, path: Path, *, warned: list[str] | None = None, **options: Any
) -> Report:
    warn = (warned if warned is not None else []).append
    return await evaluate(rooms, Wanted(path, **options), progress=Quiet(), warn=warn)


def records_of(report: Report) -> dict[tuple[str, str], Record]:
    return {(record.id, record.kind): record for record in report.run.measured.records}


def ids(records: Sequence[Record]) -> list[str]:
    return [record.id for record in records]


async def test_a_question_is_asked_as_a_members_would_be(ground: Ground, tmp_path: Path) -> None:
    async with rooms_on(ground) as rooms:
        report = await measured(rooms, written(tmp_path, ASKED, OTHER), remove_gold=True)
        again = await measured(rooms, written(tmp_path, ASKED, OTHER), remove_gold=True)
    found = records_of(report)
    asked = found["retries", "answerable"]
    assert (asked.rank, asked.given, asked.lane, asked.dense) == (1, True, "answer", False)
    assert asked.pages[0] == f"{BASE_URL}usage"
    assert asked.citations >= asked.gold_citations == 1
    assert asked.unknown_names == ()
    assert {"search", "read", "decide", "total"} <= asked.timings_ms.keys()
    assert found["chess", "unanswerable"].lane == "abstain"
    removed = found["retries", "removed"]
    assert (removed.rank, removed.given) == (None, False)
    assert f"{BASE_URL}usage" not in removed.pages
    assert report.faults == []
    for one, other in zip(report.run.measured.records, again.run.measured.records, strict=True):
        assert (one.rank, one.probability, one.lane) == (other.rank, other.probability, other.lane)


async def test_an_address_is_its_page_however_it_is_written(ground: Ground, tmp_path: Path) -> None:
    forms = ["usage", "usage/", "usage.html", "usage/index.html#retries", "usage#x"]
    asked = [{**ASKED, "id": form, "gold": [f"{BASE_URL}{form}"]} for form in forms]
    async with rooms_on(ground) as rooms:
        report = await measured(rooms, written(tmp_path, *asked))
    assert [record.rank for record in report.run.measured.records] == [1] * len(forms)


async def test_an_address_that_leads_to_a_page_is_that_page(ground: Ground, tmp_path: Path) -> None:
    moved = {**ASKED, "gold": [f"{BASE_URL}old-usage"]}
    async with rooms_on(ground) as rooms:
        [source] = await rooms.sources.all()
        sync = await rooms.syncs.begin(source.id, is_full=False, resumable_hours=1)
        await rooms.pool.execute(
            "INSERT INTO addresses (source_id, sync_id, address, leads_to, converter)"
            " VALUES ($1, $2, $3, $4, 1), ($1, $2, $4, NULL, 1)",
            *(source.id, sync.id, f"{BASE_URL}old-usage", f"{BASE_URL}new-usage"),
        )
        await rooms.pool.execute(
            "UPDATE addresses SET page_url = $1 WHERE address = $2",
            *(f"{BASE_URL}usage", f"{BASE_URL}new-usage"),
        )
        report = await measured(rooms, written(tmp_path, moved))
    assert records_of(report)["retries", "answerable"].rank == 1


async def test_what_the_database_does_not_have_is_listed_and_the_rest_is_measured(
    ground: Ground, tmp_path: Path
) -> None:
    half = {**ASKED, "id": "half", "gold": [f"{BASE_URL}none", ANSWER_PLACE]}
    gone = {**ASKED, "id": "gone", "gold": [f"{BASE_URL}none"]}
    wiki = {**ASKED, "id": "wiki", "source": "wiki"}
    warned: list[str] = []
    async with rooms_on(ground) as rooms:
        path = written(tmp_path, ASKED, half, gone, wiki)
        report = await measured(rooms, path, warned=warned, cross=True)
    assert ids(report.run.measured.records) == ["retries", "half"]
    assert [question for question, _, _ in report.plan.unknown_gold] == ["half", "gone"]
    assert warned[0].startswith("source wiki: is not in the database")
    assert warned[2] == f"gone: {BASE_URL}none is in no page of docs"
    assert len(report.faults) == 2


async def test_a_file_of_which_nothing_can_be_asked_is_refused_with_the_sources_there_are(
    ground: Ground, tmp_path: Path
) -> None:
    wiki, blog = ({**ASKED, "id": name, "source": name} for name in ("wiki", "blog"))
    gone = {**ASKED, "gold": ["./usage.md"]}
    warned: list[str] = []
    async with rooms_on(ground) as rooms:
        with pytest.raises(PermanentError) as refused:
            await measured(rooms, written(tmp_path, wiki, blog))
        with pytest.raises(PermanentError, match="no address of `gold` is in a page"):
            await measured(rooms, written(tmp_path, gone), warned=warned)
    assert str(refused.value) == (
        f"{tmp_path / 'questions.jsonl'}: no question can be asked: there is no source wiki, blog;"
        " sources: docs"
    )
    assert warned[0] == "retries: ./usage.md is in no page of docs"
    assert f"addresses of its pages are written, such as {BASE_URL}" in warned[1]


async def test_crossing_with_one_source_says_that_there_is_no_other(
    ground: Ground, tmp_path: Path
) -> None:
    warned: list[str] = []
    async with rooms_on(ground) as rooms:
        path = written(tmp_path, ASKED, OTHER)
        await measured(rooms, path)
        report = await measured(rooms, path, warned=warned, cross=True)
    [said] = warned
    assert said.startswith("--cross: of the sources that the questions name only docs is there")
    assert report.faults == []


async def test_a_model_writes_the_answers_and_its_cost_is_told(
    ground: Ground, tmp_path: Path
) -> None:
    def reply(_: dict[str, Any]) -> Reply:
        return Reply("Set `max_retries` or `no_such_name` [1].")

    async with ModelServer.open(reply) as model:
        settings = {
            "openai_base_url": model.base_url,
            "docbot_chat_model": "test-chat",
            "docbot_price_in": 2.0,
            "docbot_price_out": 10.0,
        }
        async with rooms_on(ground, **settings) as rooms:
            path = written(tmp_path, ASKED)
            report = await measured(rooms, path, against="chat_model=none")
            quoting = await measured(rooms, path, no_model=True)
    [record] = report.run.measured.records
    assert record.model is not None
    assert record.tokens_in is not None
    assert record.tokens_out is not None
    assert record.cost == (record.tokens_in * 2 + record.tokens_out * 10) / 1e6
    assert report.against is not None
    for without in (report.against, quoting.run):
        assert without.measured.records[0].model is None
        assert without.whole.spending.cost is None


async def test_a_question_that_fails_is_counted_and_spoils_no_other(
    ground: Ground, tmp_path: Path
) -> None:
    replies: list[Script] = [Status(503), Status(503), Reply("Set `max_retries` [1].")]
    warned: list[str] = []
    async with ModelServer.open(replies) as model:
        settings = {
            "openai_base_url": model.base_url,
            "docbot_chat_model": "test-chat",
            "docbot_model_calls_at_once": 1,
        }
        async with rooms_on(ground, **settings) as rooms:
            path = written(tmp_path, ASKED, {**ASKED, "id": "again"})
            report = await measured(rooms, path, warned=warned)
    assert [failure.id for failure in report.run.measured.failures] == ["retries"]
    assert ids(report.run.measured.records) == ["again"]
    assert warned[0].startswith("retries (docs, answerable): model test-chat")
    assert report.faults == []


async def test_what_was_quoted_as_the_model_refused_is_no_figure_of_the_model(
    ground: Ground, tmp_path: Path
) -> None:
    async with ModelServer.open([Status(401, "no such key")]) as model:
        settings = {"openai_base_url": model.base_url, "docbot_chat_model": "test-chat"}
        async with rooms_on(ground, **settings) as rooms:
            report = await measured(rooms, written(tmp_path, ASKED))
    assert report.run.measured.records == ()
    assert "quoted instead of answering" in report.run.measured.failures[0].reason
    assert report.faults == ["no question could be asked"]


async def test_two_configurations_are_compared_question_by_question(
    ground_with_vectors: Ground, tmp_path: Path
) -> None:
    async with ModelServer.open() as model:
        settings = {
            "openai_base_url": model.base_url,
            "docbot_embedding_model": "test-embedding",
        }
        async with rooms_on(ground_with_vectors, **settings) as rooms:
            report = await measured(rooms, written(tmp_path, ASKED, OTHER), against="dense=off")
    assert (report.run.whole.dense, report.against and report.against.whole.dense) == (2, 0)
    found = {each.measure.name: each.difference for each in report.comparisons}
    assert found["recall_at_5"] is not None
    assert found["recall_at_5"].count == 1


async def test_an_earlier_run_of_a_better_index_fails_the_gate(
    ground: Ground, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    path = written(tmp_path, *({**ASKED, "id": str(number)} for number in range(5)), OTHER)
    async with rooms_on(ground) as rooms:
        before = await measured(rooms, path)
        baseline.write_text(json.dumps(document(before)))
        assert (await measured(rooms, path, gate=baseline)).faults == []
        await rooms.pool.execute("DELETE FROM chunks WHERE url LIKE '%usage%'")
        after = await measured(rooms, path, gate=baseline)
    assert {each.measure.name for each in after.worse} >= {"recall_at_5", "mrr"}
    assert any("worse: recall@5" in fault for fault in after.faults)


async def test_an_earlier_run_of_other_questions_is_refused_before_anything_is_asked(
    ground: Ground, tmp_path: Path
) -> None:
    baseline = tmp_path / "baseline.json"
    async with ModelServer.open() as model:
        settings = {"openai_base_url": model.base_url, "docbot_chat_model": "test-chat"}
        async with rooms_on(ground, **settings) as rooms:
            before = await measured(rooms, written(tmp_path, OTHER), no_model=True)
            baseline.write_text(json.dumps(document(before)))
            with pytest.raises(UsageError, match="no question in common with this run"):
                await measured(rooms, written(tmp_path, ASKED), gate=baseline)
        assert model.requests == []


async def test_an_empty_index_and_bad_input_are_refused_before_anything_is_asked(
    database_url: str, tmp_path: Path
) -> None:
    path = written(tmp_path, ASKED)
    async with rooms_on(Ground(database_url, tmp_path / "data")) as rooms:
        with pytest.raises(UsageError, match="nothing was read yet"):
            await measured(rooms, path)
        with pytest.raises(UsageError, match="cannot be read"):
            await measured(rooms, tmp_path / "none.jsonl")
        with pytest.raises(UsageError, match="there is no such name; the nearest is dense"):
            await measured(rooms, path, against="dens=off")
        with pytest.raises(UsageError, match="chat_model: a model needs OPENAI_API_KEY"):
            await measured(rooms, path, against="chat_model=large")
        with pytest.raises(UsageError, match="makes a new one"):
            await measured(rooms, path, gate=path)


async def test_a_documentation_of_one_page_can_be_measured(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "usage.md").write_text("# Usage\n\nSet `max_retries` to repeat what failed.\n")
    async with rooms_on(Ground(database_url, tmp_path / "data")) as rooms:
        await rooms.sources.add(name="docs", kind="folder", location=str(folder), base_url=BASE_URL)
        await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Quiet())
        report = await measured(rooms, written(tmp_path, ASKED, OTHER), remove_gold=True)
    found = records_of(report)
    assert found["retries", "answerable"].rank == 1
    assert found["retries", "removed"].lane == "abstain"
