import json
from pathlib import Path
from typing import Any

import pytest

from docbot.errors import UsageError
from docbot.evaluation.comparison import (
    GATED,
    SCHEMA,
    Baseline,
    Comparison,
    comparisons,
    gate,
    read_baseline,
)
from docbot.evaluation.metrics import MEASURE
from docbot.evaluation.records import Record, as_fields
from docbot.evaluation.statistics import Difference
from tests.evaluation.make import record

USUAL = {"dense": True, "caution": "cautious", "chat_model": "none"}


def run_of(found: int, quiet_answered: int) -> list[Record]:
    """Twenty answerable questions of which so many are found and answered, and twenty others."""
    answerable = [
        record(n, rank=1 if n < found else None, lane="answer" if n < found else "abstain")
        for n in range(20)
    ]
    quiet = [
        record(100 + n, kind="cross", lane="answer" if n < quiet_answered else "abstain")
        for n in range(20)
    ]
    return [*answerable, *quiet]


def held(before: list[Record], now: list[Record]) -> set[str]:
    baseline = Baseline(Path("baseline.json"), "1", USUAL, tuple(before))
    found = gate(baseline, now, docbot="1", configuration=USUAL)
    return {each.measure.name for each in found.worse}


def test_what_is_as_it_was_or_better_passes() -> None:
    assert held(run_of(15, 2), run_of(15, 2)) == set()
    assert held(run_of(10, 5), run_of(20, 0)) == set()


def test_what_is_worse_beyond_noise_is_named() -> None:
    assert held(run_of(20, 0), run_of(10, 0)) == {"recall_at_5", "mrr", "answered"}
    assert held(run_of(20, 0), run_of(20, 8)) == {"wrongly_answered"}


def test_a_change_within_noise_passes() -> None:
    assert held(run_of(15, 2), run_of(14, 3)) == set()


def test_only_what_both_asked_is_held_against_each_other() -> None:
    before, now = run_of(20, 0), run_of(10, 8)
    assert held(before, [each for each in now if each.kind == "answerable"]) == {
        "recall_at_5",
        "mrr",
        "answered",
    }
    with pytest.raises(UsageError, match="has no question in common with this run"):
        held(before, [record(999)])


def test_other_versions_and_settings_are_noted() -> None:
    baseline = Baseline(Path("b.json"), "0.9", USUAL, (record(),))
    found = gate(baseline, [record()], docbot="1.0", configuration={**USUAL, "dense": False})
    assert "is of docbot 0.9, this run of 1.0" in found.notes[0]
    assert "dense=on" in found.notes[1]
    assert "dense=off" in found.notes[1]


def test_more_is_worse_where_less_is_better() -> None:
    up = Difference(0.2, 0.1, 0.3, 9)
    assert not Comparison(MEASURE["recall_at_5"], up).is_worse
    assert Comparison(MEASURE["wrongly_answered"], up).is_worse
    assert not Comparison(MEASURE["mrr"], None).is_worse


def test_the_second_run_less_the_first_is_told() -> None:
    found = {
        each.measure.name: each.difference for each in comparisons(run_of(10, 0), run_of(20, 0))
    }
    assert found["recall_at_5"] is not None
    assert found["recall_at_5"].value == 0.5
    assert found["removed_answered"] is None


def written(path: Path, **changes: Any) -> Path:
    document = {
        "schema": SCHEMA,
        "docbot": "1",
        "configuration": USUAL,
        "records": [as_fields(record())],
    }
    path.write_text(json.dumps({**document, **changes}))
    return path


def test_an_earlier_run_is_read_back(tmp_path: Path) -> None:
    path = written(tmp_path / "b.json", more="is passed over")
    assert read_baseline(path) == Baseline(path, "1", USUAL, (record(),))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("", "is no JSON"),
        ("\x80", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no document of `docbot eval`"),
        ("{}", "is no document of `docbot eval`"),
        (
            '{"schema": 99, "docbot": "7.0"}',
            "has schema 99 of docbot 7.0, this docbot reads schema 1",
        ),
        (f'{{"schema": {SCHEMA}}}', "holds no records"),
        (
            f'{{"schema": {SCHEMA}, "configuration": {{}}, "records": [{{}}]}}',
            "record 1 lacks the field `id`",
        ),
    ],
)
def test_what_is_no_earlier_run_is_refused_with_what_makes_one(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(UsageError) as refused:
        read_baseline(path)
    assert said in str(refused.value)
    assert "docbot eval QUESTIONS.jsonl --json > baseline.json" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rank": "first"}, "has a wrong `rank`: Input should be a valid integer"),
        ({"rank": 0}, "has a wrong `rank`: Input should be greater than 0"),
        ({"lane": []}, "has a wrong `lane`: Input should be 'answer', 'suggest' or 'abstain'"),
        ({"kind": "other"}, "has a wrong `kind`: Input should be 'answerable'"),
        ({"id": 7}, "has a wrong `id`: Input should be a valid string"),
        ({"pages": 5}, "has a wrong `pages`: Input should be a valid tuple"),
        ({"pages": "abc"}, "has a wrong `pages`: Input should be a valid tuple"),
        ({"timings_ms": {"total": "long"}}, "has a wrong `timings_ms.total`"),
        ({"probability": None}, "has a wrong `probability`: Input should be a valid number"),
    ],
)
def test_a_record_of_another_shape_is_refused_with_its_number_and_what_is_wrong(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    records = [as_fields(record()), {**as_fields(record(2)), **changes}]
    path = written(tmp_path / "baseline.json", records=records)
    with pytest.raises(UsageError) as refused:
        read_baseline(path)
    assert str(refused.value).startswith(f"{path}: record 2 {said}")
    assert "__init__" not in str(refused.value)
    assert "docbot eval QUESTIONS.jsonl --json > baseline.json" in str(refused.value)


def test_the_gate_watches_finding_and_answering() -> None:
    assert set(GATED) <= MEASURE.keys()
