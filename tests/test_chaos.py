"""The chaos benchmark sees what it must: docbot as it is comes through, a planted fault does not."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.cases import Case, Said, ask, judge, model_reply
from benchmarks.chaos import planted, rounds
from benchmarks.planted_bot import PLANTS
from benchmarks.round import Plan, Result, run_round
from benchmarks.schedule import schedule
from docbot import texts

THREAD = 100
POST = Case(3, THREAD, THREAD)
MENTION = Case(7, THREAD, 500)


def parts(number: int, *, cut_after: int) -> tuple[str, str]:
    lines = model_reply(ask(number, "How?")).split("\n")
    return "\n".join(lines[:cut_after]), "\n".join(lines[cut_after:])


def said(message_id: int, content: str, *, replies_to: int | None = None, first: bool) -> Said:
    return Said(message_id, content, replies_to, first)


def wrongs(thread: Sequence[Said], cases: Sequence[Case] = (POST,)) -> list[str]:
    return [finding.wrong for finding in judge(thread, cases)]


FIRST, SECOND = parts(3, cut_after=5)  # three lines lead in
ANSWER = [said(200, FIRST, first=True), said(201, SECOND, first=False)]
FOLLOW_UP = said(600, model_reply(ask(7, "And?")), replies_to=500, first=True)


def test_an_answer_in_full_and_in_order_is_right() -> None:
    assert wrongs(ANSWER) == []
    assert wrongs([*ANSWER, FOLLOW_UP], [POST, MENTION]) == []


def test_quoted_passages_are_an_answer_and_so_is_an_honest_no() -> None:
    assert wrongs([said(200, "From the page ...", first=True)]) == []
    no = said(600, texts.nothing_found(), replies_to=500, first=False)
    assert wrongs([*ANSWER, no], [POST, MENTION]) == []


def test_being_told_to_wait_is_no_answer() -> None:
    wait = said(550, texts.later(), replies_to=500, first=False)
    assert wrongs([*ANSWER, wait, FOLLOW_UP], [POST, MENTION]) == []
    assert wrongs([*ANSWER, wait], [POST, MENTION]) == ["lost"]
    assert wrongs([*ANSWER, wait, wait, FOLLOW_UP], [POST, MENTION]) == ["doubled"]


def test_silence_and_a_missing_part_are_lost() -> None:
    assert wrongs([]) == ["lost"]
    assert wrongs(ANSWER[:1]) == ["lost"]


def test_a_second_answer_and_a_repeated_part_are_doubled() -> None:
    assert wrongs([*ANSWER, *ANSWER]) == ["doubled"]
    assert wrongs([*ANSWER, ANSWER[1]]) == ["doubled"]
    assert wrongs([said(200, "the same", first=True), said(201, "the same", first=False)]) == [
        "doubled"
    ]


def test_swapped_parts_and_swapped_answers_are_out_of_order() -> None:
    swapped = [said(200, SECOND, first=True), said(201, FIRST, first=False)]
    assert wrongs(swapped) == ["out of order"]
    assert wrongs(list(reversed(ANSWER))) == ["out of order", "lost"]
    assert wrongs([FOLLOW_UP, *ANSWER], [POST, MENTION]) == ["out of order"]


def test_what_answers_another_question_is_misplaced() -> None:
    assert wrongs([said(200, model_reply(ask(9, "?")), first=True)]) == ["misplaced"]
    stray = said(700, "From the page ...", replies_to=999, first=True)
    assert wrongs([*ANSWER, stray]) == ["misplaced"]


def test_the_same_seed_strikes_the_same_and_nothing_is_left_out() -> None:
    assert schedule("a", 300, 10, 2) == schedule("a", 300, 10, 2) != schedule("b", 300, 10, 2)
    strikes = [struck.strike for struck in schedule("a", 300, 10, 2)]
    assert strikes.count("docbot killed") == 10
    assert {"Postgres killed", "Postgres stopped at once"} <= set(strikes)


def test_rounds_share_out_all_there_is() -> None:
    plans = rounds(7, 10_000, 200, 20, 600)
    assert sum(plan.questions for plan in plans) == 10_000
    assert sum(plan.kills for plan in plans) == 200
    assert sum(plan.crashes for plan in plans) == 20
    assert len({plan.seed for plan in plans}) == len(plans)


def summary(result: Result) -> str:
    return f"{result.findings}, stuck {result.stuck}, {result.exits}, {result.violations}"


@pytest.mark.check
async def test_300_questions_are_answered_once_each_through_10_kills(tmp_path: Path) -> None:
    result = await run_round(Plan("check", questions=300, kills=10, crashes=2), tmp_path)
    assert result.is_clean, summary(result)
    assert result.strikes["docbot killed"] == 10
    assert result.messages > result.questions


@pytest.mark.check
@pytest.mark.parametrize("name", PLANTS)
async def test_chaos_turns_red_on_a_planted_fault(tmp_path: Path, name: str) -> None:
    plan = planted(Plan("plant", questions=60, kills=5, crashes=0), name)
    result = await run_round(plan, tmp_path)
    assert result.findings
