import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.errors import UsageError
from docbot.evaluation.questions import Question, folded, parse, read_questions

FIELDS: dict[str, Any] = {
    "id": "one",
    "source": "docs",
    "title": "How?",
    "body": "",
    "gold": ["https://docs.test/usage#retries"],
}


def line(**changes: Any) -> str:
    return json.dumps({**FIELDS, **changes})


def faults_of(*lines: str) -> list[tuple[int, str]]:
    return parse(lines)[1]


def test_a_line_is_a_question_whatever_else_it_holds() -> None:
    questions, faults = parse([line(why="x", id="a"), "", line(id="b", gold=[])])
    assert faults == []
    assert questions == [
        Question("a", "docs", "How?", "", ("https://docs.test/usage#retries",)),
        Question("b", "docs", "How?", "", ()),
    ]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ('{"id": "x",', "is no JSON"),
        ("[]", "is no JSON object"),
        ("[" * 100_000, "is nested too deeply"),
        (line(id=7), "`id` is a number; write it as text"),
        (line(source=" "), "`source` is empty"),
        (line(title=None), "`title` is null"),
        (line(gold="https://docs.test/"), "`gold` is text; write a list of addresses"),
        (line(gold=[1]), "`gold` holds a number"),
        (line(gold=[""]), "`gold` holds text that is no address"),
        (line(title="", body=" \n"), "`title` and `body` are both empty; write what was asked"),
        (json.dumps({"id": "x"}), "has no `source`"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_number(broken: str, fault: str) -> None:
    [(number, said)] = faults_of(line(), broken)
    assert number == 2
    assert fault in said


def test_either_title_or_body_is_enough() -> None:
    assert faults_of(line(id="a", body=""), line(id="b", title="", body="How?")) == []


def test_an_id_that_stands_twice_is_refused_with_both_lines() -> None:
    [(number, fault)] = faults_of(line(), line(id="two"), line())
    assert number == 3
    assert "`one` stands on line 1 already" in fault


def test_broken_lines_are_listed_with_the_file_twenty_at_most(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join([line(), *["{"] * 25]))
    with pytest.raises(UsageError) as refused:
        read_questions(file)
    said = str(refused.value).splitlines()
    assert len(said) == 21
    assert said[0].startswith(f"{file}:2: is no JSON")
    assert said[-1] == "and 5 more lines cannot be used"


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_a_file_without_a_question_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="no question in it; write lines such as"):
        read_questions(file)


def test_a_file_that_is_not_there_or_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="cannot be read"):
        read_questions(tmp_path)
    (tmp_path / "latin.jsonl").write_bytes(line().encode() + b"\n\xe9")
    with pytest.raises(UsageError, match=r"latin\.jsonl:2: is not UTF-8"):
        read_questions(tmp_path / "latin.jsonl")


@given(st.text())
def test_any_line_is_a_question_or_a_fault(text: str) -> None:
    questions, faults = parse([text])
    assert len(questions) + len(faults) == bool(text.strip())


PART = st.text("abcxyz019-_.é ", min_size=1, max_size=8).filter(
    lambda part: part.strip("./ ") and part == part.strip() and not part.endswith((".html", ".htm"))
)


@given(st.lists(PART.filter(lambda part: part != "index"), max_size=4))
def test_every_address_of_a_page_folds_to_the_same(parts: list[str]) -> None:
    page = "/".join(["https://docs.test", *parts])
    others = [f"{page}/", f"{page}/index.html", f"{page}/#top", f"{page}/index", f"{page}#a/b.html"]
    if parts:
        others += [f"{page}.html", f"{page}.html#x", page.replace(" ", "%20")]
    assert {folded(other) for other in others} == {folded(page)}


def test_other_pages_fold_to_others() -> None:
    addresses = ["https://a.test", "https://a.test/x", "https://a.test/x?v=1", "https://b.test/x"]
    addresses += ["guide/x", "guide/X", "x/reindex", "index.html"]
    assert len({folded(address) for address in addresses}) == len(addresses)
    assert folded("http://[x#y") == "http://[x"  # no address, and no page's
    assert folded("HTTPS://Docs.Test/X.html") == "https://docs.test/X"
