from dataclasses import replace
from datetime import UTC, datetime, timedelta

from docbot.db.forums import Forum
from docbot.db.threads import Message, Thread
from docbot.forum.decide import Incoming, judge

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


def test_a_post_that_was_found_late_is_only_remembered() -> None:
    assert judge(Incoming(FIRST, THREAD, calls_us=False, is_late=True), FORUM) == "store"
    assert judge(Incoming(LATER, THREAD, calls_us=True, is_late=True), FORUM) == "mention"


def test_a_later_message_is_remembered_and_answered_only_when_it_calls() -> None:
    assert judge(Incoming(LATER, THREAD, calls_us=False), FORUM) == "store"
    assert judge(Incoming(LATER, THREAD, calls_us=True), FORUM) == "mention"


def test_bots_are_ignored_also_when_they_call() -> None:
    assert judge(Incoming(replace(LATER, is_bot=True), THREAD, calls_us=True), FORUM) == "ignore"


def test_an_unbound_forum_and_one_that_is_off_are_ignored() -> None:
    assert judge(Incoming(FIRST, THREAD, calls_us=True), None) == "ignore"
    assert judge(Incoming(FIRST, THREAD, calls_us=True), replace(FORUM, mode="off")) == "ignore"


def test_in_mention_mode_a_post_is_only_remembered() -> None:
    forum = replace(FORUM, mode="mention")
    assert judge(Incoming(FIRST, THREAD, calls_us=False), forum) == "store"
    assert judge(Incoming(FIRST, THREAD, calls_us=True), forum) == "mention"


def test_a_post_older_than_the_binding_is_answered_only_when_it_calls() -> None:
    assert judge(Incoming(FIRST, OLD_THREAD, calls_us=False), FORUM) == "ignore"
    assert judge(Incoming(LATER, OLD_THREAD, calls_us=True), FORUM) == "mention"
