"""What is done about a call that is due, and how an answer stands that comes too late."""

import pytest

from docbot.answers.split import LIMIT
from docbot.bot.replies import Step, head_of, headed, next_step, step_without_token
from docbot.db.interactions import CallKind, Reply

PART = {"content": "So."}


def a_reply(kind: CallKind = "chat", **changes: object) -> Reply:
    values: dict[str, object] = {
        "id": 1,
        "guild_id": 1,
        "channel_id": 2,
        "person_id": 3,
        "kind": kind,
        "token": "token",
        "note": None,
        "parts": None,
        "parts_sent": 0,
        "attempt": 1,
        "question_id": 4,
        "question": "How?",
        "is_over": False,
        "is_expired": False,
        "age": 1.0,
        "answer_id": None,
    }
    return Reply(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "step"),
    [
        (a_reply(parts=[PART]), "send"),
        (a_reply("private", parts=[PART], is_over=True), "send"),
        (a_reply(note="Later."), "show"),
        (a_reply(parts=[PART], note="Later."), "send"),
        (a_reply(is_over=True), "end"),
        (a_reply(parts=[PART], is_expired=True), "hand over"),
        (a_reply(parts=[PART], token=None), "hand over"),
        (a_reply(note="Later.", is_expired=True), "wait"),
        (a_reply(is_expired=True), "wait"),
        (a_reply(is_expired=True, is_over=True), "end"),
        (a_reply("private", parts=[PART], is_expired=True), "give up"),
        (a_reply("private", is_expired=True), "give up"),
    ],
)
def test_a_call_is_seen_through_by_what_is_known_of_it(reply: Reply, step: Step) -> None:
    assert next_step(reply) == step


def test_a_private_answer_never_goes_another_way_than_by_its_token() -> None:
    for parts in (None, [PART]):
        for is_over in (True, False):
            reply = a_reply("private", parts=parts, is_over=is_over)
            assert step_without_token(reply) == "give up"


def test_the_head_stands_above_the_answer_or_before_it_where_it_does_not_fit() -> None:
    one, two = {"content": "One.", "files": [{"name": "a.py"}]}, {"content": "Two."}
    assert headed("Head:", [one, two]) == [{**one, "content": "Head:\n\nOne."}, two]
    long = {"content": "x" * LIMIT}
    assert headed("Head:", [long, two]) == [{"content": "Head:"}, long, two]


@pytest.mark.parametrize(
    "question", ["@everyone", "<@&1>", "[x](https://evil.test)", "a\nb", "*a*"]
)
def test_the_question_in_the_head_is_inert(question: str) -> None:
    head = head_of(3, question)
    assert head.startswith("<@3> asked: ")
    quoted = head.removeprefix("<@3> asked: ")
    for mark in ("@everyone", "<@&1>", "](https://", "\n"):
        assert mark not in quoted
