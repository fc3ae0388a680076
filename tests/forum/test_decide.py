from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from docbot.db.forums import Forum
from docbot.db.threads import Message, Thread
from docbot.forum.decide import Bounds, Incoming, TooLate, judge, judge_missed

BOUND_AT = datetime(2026, 1, 1, tzinfo=UTC)
FORUM = Forum(20, 1, "auto", BOUND_AT, (1,), ("docs",))
THREAD = Thread(100, 1, 20, 300, "How?", BOUND_AT + timedelta(hours=1))
FIRST = Message(100, 1, 100, 300, False, "Please tell.", BOUND_AT + timedelta(hours=1))
LATER = replace(FIRST, id=101)
OLD_THREAD = replace(THREAD, created_at=BOUND_AT - timedelta(hours=1))


def test_a_new_post_is_a_question() -> None:
    assert judge(Incoming(FIRST, THREAD, calls_us=False), FORUM) == "post"


def test_a_post_that_mentions_docbot_is_one_question_not_two() -> None:
    assert judge(Incoming(FIRST, THREAD, calls_us=True), FORUM) == "post"


def test_a_later_message_is_remembered_and_answered_only_when_it_calls() -> None:
    assert judge(Incoming(LATER, THREAD, calls_us=False), FORUM) == "store"
    assert judge(Incoming(LATER, THREAD, calls_us=True), FORUM) == "mention"


def test_bots_are_ignored_also_when_they_call() -> None:
    assert judge(Incoming(replace(LATER, is_bot=True), THREAD, calls_us=True), FORUM) == "ignore"


def test_an_unbound_forum_is_ignored() -> None:
    assert judge(Incoming(FIRST, THREAD, calls_us=True), None) == "ignore"


def test_of_a_forum_that_is_off_it_counts_that_somebody_wrote_but_not_what() -> None:
    assert judge(Incoming(FIRST, THREAD, calls_us=True), replace(FORUM, mode="off")) == "note"


def test_in_mention_mode_a_post_is_only_remembered() -> None:
    forum = replace(FORUM, mode="mention")
    assert judge(Incoming(FIRST, THREAD, calls_us=False), forum) == "store"
    assert judge(Incoming(FIRST, THREAD, calls_us=True), forum) == "mention"


def test_a_post_older_than_the_binding_is_answered_only_when_it_calls() -> None:
    assert judge(Incoming(FIRST, OLD_THREAD, calls_us=False), FORUM) == "note"
    assert judge(Incoming(LATER, OLD_THREAD, calls_us=True), FORUM) == "mention"


def test_what_called_docbot_before_its_forum_was_bound_is_no_question() -> None:
    called = replace(LATER, created_at=BOUND_AT - timedelta(minutes=1))
    assert judge(Incoming(called, OLD_THREAD, calls_us=True), FORUM) == "note"


BOUNDS = Bounds(timedelta(hours=6), posts=50)
OLD, NEW = timedelta(hours=7), timedelta(hours=5)


@pytest.mark.parametrize(
    ("message", "age", "taken", "why"),
    [
        (FIRST, NEW, 49, None),
        (FIRST, NEW, 50, "too many"),
        (FIRST, OLD, 0, "too old"),
        (LATER, NEW, 50, None),
        (LATER, OLD, 0, "too old"),
    ],
)
def test_of_what_was_missed_only_what_lies_within_the_bounds_is_answered(
    message: Message, age: timedelta, taken: int, why: TooLate | None
) -> None:
    incoming = Incoming(message, THREAD, calls_us=message is LATER)
    judged = judge_missed(incoming, BOUNDS, age=age, taken=taken)
    assert judged == why
