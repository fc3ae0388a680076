"""What docbot solved becomes a file of questions for `docbot eval`."""

import json
from pathlib import Path
from typing import Any

import pytest

from docbot.app.solved import export_solved, lines_of
from docbot.db.questions import Solved
from docbot.errors import UsageError
from docbot.playground.objects import Message, Thread
from tests.town import QUESTION, Ground, Town, button, open_town

BODY = "It fails each night."


async def asked(town: Town, body: str = BODY) -> tuple[Thread, Message]:
    thread = await town.asker.post(town.playground.forum, QUESTION, body)
    reply = await town.asker.sees_reply(thread)
    await town.until("SELECT bool_and(state = 'answered') FROM questions")
    return thread, reply


async def vote(town: Town, reply: Message, *labels: str) -> None:
    """Press buttons, each by another person."""
    before = await town.rooms.pool.fetchval("SELECT count(*) FROM feedback")
    for label, person in zip(labels, (town.asker, town.helper), strict=False):
        await person.press(reply, button(reply, label))
    await town.until("SELECT count(*) = $1 FROM feedback", before + len(labels))


async def exported(town: Town, path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    said: list[str] = []
    await export_solved(town.rooms, path, force=True, say=said.append)
    return [json.loads(line) for line in path.read_text().splitlines()], said


async def test_only_what_helped_and_misled_nobody_is_written(
    ground: Ground, tmp_path: Path
) -> None:
    async with open_town(ground) as town:
        _, helped = await asked(town, f"{BODY} <@5>")
        await vote(town, helped, "Helpful")
        await asked(town)  # without a vote
        _, disputed = await asked(town)
        await vote(town, disputed, "Helpful", "Not right")
        thread, deleted = await asked(town)
        await vote(town, deleted, "Helpful")
        await town.asker.delete(town.playground.world.messages_of(thread.id)[0])
        await town.until("SELECT bool_or(deleted_at IS NOT NULL) FROM messages")
        written, said = await exported(town, tmp_path / "solved.jsonl")
        first = await town.rooms.pool.fetchval("SELECT min(id) FROM questions")
    [line] = written
    assert list(line) == ["id", "source", "title", "body", "gold"]
    assert (line["id"], line["source"]) == (str(first), "docs")
    assert (line["title"], line["body"]) == (QUESTION, BODY)
    assert line["gold"][0] == "https://docs.test/usage"
    assert not any("#" in address for address in line["gold"])
    assert said == [
        "solved questions written: 1, in 1 lines (one for each source cited)",
        "left out: 1 whose text was deleted on Discord",
    ]


async def test_evidence_of_older_versions_tells_its_source_by_its_chunk(
    ground: Ground, tmp_path: Path
) -> None:
    async with open_town(ground) as town:
        _, helped = await asked(town)
        await vote(town, helped, "Helpful")
        await town.rooms.pool.execute(
            "UPDATE answers SET evidence ="
            " (SELECT jsonb_agg(piece - 'source') FROM jsonb_array_elements(evidence) AS piece)"
        )
        [line], _ = await exported(town, tmp_path / "solved.jsonl")
        assert line["source"] == "docs"
        await town.rooms.pool.execute("UPDATE answers SET evidence = evidence - 0; TRUNCATE chunks")
        assert await exported(town, tmp_path / "solved.jsonl") == (
            [],
            [
                "solved questions written: 0, in 0 lines (one for each source cited)",
                "left out: 1 whose source is not known any more",
            ],
        )


async def test_a_file_that_is_there_is_replaced_only_when_told_to(
    ground: Ground, tmp_path: Path
) -> None:
    path = tmp_path / "solved.jsonl"
    path.write_text("mine")
    async with open_town(ground) as town:
        with pytest.raises(UsageError, match="is there already"):
            await export_solved(town.rooms, path, force=False, say=lambda _: None)
        assert path.read_text() == "mine"
        assert await exported(town, path) == (
            [],
            ["solved questions written: 0, in 0 lines (one for each source cited)"],
        )


def test_a_question_whose_answer_cites_several_sources_has_a_line_for_each() -> None:
    cited = [
        ("docs", "https://d.test/a#x"),
        ("wiki", "https://w.test/b"),
        ("docs", "https://d.test/a#y"),
        (None, "https://gone.test/"),
    ]
    lines = list(lines_of(Solved(7, "How?", "Please.", False, cited)))
    assert [(line.id, line.source, line.gold) for line in lines] == [
        ("7-docs", "docs", ["https://d.test/a"]),
        ("7-wiki", "wiki", ["https://w.test/b"]),
    ]
