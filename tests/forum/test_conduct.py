"""When docbot speaks, to whom, and when it stops: the one decision, held by hand and by machine."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from docbot.config import ForumConfig
from docbot.forum.conduct import (
    LONGEST_SETTLING,
    STOPPED,
    Called,
    Decision,
    Mode,
    QuestionState,
    Rules,
    ThreadState,
    consequence,
    decide,
    next_look,
    whom_to_call,
    why_undone,
)
from docbot.forum.effects import (
    Archive,
    CallHuman,
    Effect,
    Learn,
    OfferDraft,
    Post,
    Remind,
    SayClosed,
    SayNothingFound,
    ShowState,
    ShowTag,
    Unlearn,
    WithdrawDraft,
)
from docbot.forum.events import (
    Actor,
    Closed,
    Deleted,
    DraftDeleted,
    DraftDiscarded,
    Drafted,
    DraftSent,
    Edited,
    Escalated,
    Event,
    Opened,
    Origin,
    Retagged,
    Shut,
    Solved,
    Ticked,
    Unsolved,
    Wrote,
)

AUTHOR, BEN, HELPER = 300, 301, 302
START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = 100
STAFF_CHANNEL, HELPER_ROLE = 50, 60
BY_AUTHOR, BY_BEN = Actor(AUTHOR, is_staff=False), Actor(BEN, is_staff=False)
BY_HELPER = Actor(HELPER, is_staff=True)
PLAIN = ForumConfig()
STAFFED = ForumConfig(staff_channel=STAFF_CHANNEL, helper_role=HELPER_ROLE)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def thread_in(mode: Mode = "auto", config: ForumConfig = PLAIN, **changes: Any) -> ThreadState:
    return ThreadState(AUTHOR, START, Rules(mode, config), spoke_at=START, **changes)


def question_in(state: str = "waiting", **changes: Any) -> QuestionState:
    question = QuestionState(
        "post", "auto", "waiting", FIRST, START, START, frozenset([FIRST]), opens_thread=True
    )
    return replace(question, **({"state": state} | changes))


def post(at: float = 0) -> Wrote:
    return Wrote(FIRST, AUTHOR, after(at), "post", opens_thread=True)


def words(by: int, at: float = 10, message_id: int = 101, **changes: Any) -> Wrote:
    return Wrote(message_id, by, after(at), **({"asks": None} | changes))


def then(decision: Decision, event: Event) -> Decision:
    """Go on where a decision left off, with what it asked as the question."""
    return decide(decision.thread, decision.asked or decision.question, event)


def ends(question: QuestionState | None) -> tuple[str, str | None]:
    assert question is not None
    return question.state, question.reason


# A post in parts


def test_a_post_waits_for_its_author_to_stop_writing() -> None:
    asked = decide(thread_in(), None, post()).asked
    assert asked is not None
    assert (asked.state, asked.ready_at) == ("collecting", after(6))


def test_each_further_part_restarts_the_wait_up_to_half_a_minute() -> None:
    decision = decide(thread_in(), None, post())
    for number, at in enumerate((5, 10, 15, 20, 25, 29), start=101):
        decision = then(decision, words(AUTHOR, at, number))
        assert decision.question is not None
        assert decision.question.ready_at == min(after(at + 6), START + LONGEST_SETTLING)
    assert decision.question is not None
    assert len(decision.question.messages) == 7


def test_what_is_not_kept_is_no_part_of_the_question() -> None:
    decision = then(decide(thread_in(), None, post()), words(AUTHOR, 3, is_kept=False))
    assert decision.question is not None
    assert decision.question.messages == {FIRST}


def test_who_wrote_counts_also_where_what_they_wrote_is_not_kept() -> None:
    decision = decide(thread_in(), None, words(BEN, is_kept=False))
    assert (decision.thread.others_wrote, decision.thread.spoke_at) == (True, after(10))


def test_a_part_that_mentions_docbot_is_part_of_the_question_all_the_same() -> None:
    decision = then(decide(thread_in(), None, post()), words(AUTHOR, 3, asks="mention"))
    assert decision.asked is None
    assert decision.question is not None
    assert decision.question.messages == {FIRST, 101}


def test_a_call_after_half_a_minute_is_a_question_of_its_own() -> None:
    posted = decide(thread_in(), None, post())
    called = then(posted, words(AUTHOR, at=31, asks="mention"))
    assert called.question is not None
    assert called.question.messages == {FIRST}
    assert called.asked is not None
    assert called.asked.origin == "mention"


def test_without_settling_a_post_is_a_question_at_once() -> None:
    asked = decide(thread_in(config=ForumConfig(settle_seconds=0)), None, post()).asked
    assert asked is not None
    assert asked.state == "waiting"


def test_the_same_event_twice_changes_nothing() -> None:
    once = then(decide(thread_in(), None, post()), words(AUTHOR, 3))
    assert then(once, words(AUTHOR, 3)) == Decision(once.thread, once.question)


def test_a_post_that_was_missed_is_never_answered() -> None:
    decision = decide(thread_in(), None, replace(post(), missed="missed"))
    assert ends(decision.asked) == ("cancelled", "missed")


@pytest.mark.parametrize("state", ["answering", "posting"])
def test_an_edit_before_the_answer_is_there_has_it_written_anew(state: str) -> None:
    decision = decide(thread_in(), question_in(state), Edited(FIRST, after(9)))
    assert decision.question is not None
    assert (decision.question.state, decision.question.ready_at) == ("waiting", after(15))


def test_an_edit_takes_back_the_draft_that_staff_has() -> None:
    review = question_in("review", holds_draft=True, mode="draft", lane="answer")
    decision = decide(thread_in("draft", STAFFED), review, Edited(FIRST, after(9)))
    assert decision.effects == (WithdrawDraft("the question was edited"),)
    assert decision.question is not None
    assert (decision.question.state, decision.question.holds_draft) == ("waiting", False)


@pytest.mark.parametrize(
    "event", [Edited(101, after(9)), Deleted(frozenset([101]), after(9))], ids=["edit", "deletion"]
)
def test_an_edit_takes_back_the_draft_of_what_was_left_to_people(event: Event) -> None:
    messages = frozenset([FIRST, 101])
    yielded = question_in(
        "yielded", holds_draft=True, reason="people were first", messages=messages
    )
    decision = decide(thread_in(config=STAFFED), yielded, event)
    assert decision.effects == (WithdrawDraft("the question was edited"),)
    assert ends(decision.question) == ("yielded", "people were first")
    assert then(decision, DraftSent(BY_HELPER)).refusal == "draft over"


def test_an_edit_of_what_was_answered_changes_nothing() -> None:
    answered = question_in("answered")
    assert decide(thread_in(), answered, Edited(FIRST, after(9))).question == answered


# People first


@pytest.mark.parametrize("state", ["collecting", "waiting", "answering", "posting"])
def test_docbot_holds_back_when_somebody_else_was_first(state: str) -> None:
    decision = decide(thread_in(), question_in(state), words(BEN))
    assert ends(decision.question) == ("yielded", "people were first")
    assert decision.effects == ()


@pytest.mark.parametrize("state", ["collecting", "waiting", "answering"])
def test_with_a_staff_channel_the_answer_is_still_written_and_offered_there(state: str) -> None:
    decision = decide(thread_in(config=STAFFED), question_in(state), words(BEN))
    assert decision.question == question_in(state)
    drafted = decide(decision.thread, question_in("answering"), Drafted("answer"))
    assert ends(drafted.question) == ("yielded", "people were first")
    assert drafted.effects == (OfferDraft(),)


def test_an_answer_on_its_way_becomes_a_draft_when_somebody_is_faster() -> None:
    decision = decide(thread_in(config=STAFFED), question_in("posting"), words(BEN))
    assert ends(decision.question) == ("yielded", "people were first")
    assert decision.effects == (OfferDraft(),)


def test_where_only_helpers_count_docbot_answers_beside_others() -> None:
    config = ForumConfig(yields_to="helpers")
    beside = decide(thread_in(config=config), question_in(), words(BEN))
    assert beside.question == question_in()
    helped = decide(beside.thread, question_in(), words(HELPER, 12, 102, is_staff=True))
    assert ends(helped.question) == ("yielded", "people were first")


def test_a_mention_by_somebody_else_is_answered_and_the_post_is_left_to_people() -> None:
    decision = decide(thread_in(), question_in(), words(BEN, asks="mention"))
    assert ends(decision.question) == ("yielded", "people were first")
    assert decision.asked is not None
    assert (decision.asked.origin, decision.asked.state) == ("mention", "waiting")
    answered = decide(
        decision.thread, replace(decision.asked, state="answering"), Drafted("answer")
    )
    assert answered.effects == (Post(),)


def test_nobody_is_asked_back_who_thanks() -> None:
    decision = decide(thread_in(), question_in("answered"), words(AUTHOR))
    assert (decision.asked, decision.effects) == (None, ())


# Stop


@pytest.mark.parametrize("by", [AUTHOR, HELPER])
def test_stop_ends_docbot_in_a_thread(by: int) -> None:
    stop = words(by, asks="mention", says_stop=True, is_staff=by == HELPER)
    decision = decide(thread_in(), question_in("answering"), stop)
    assert decision.thread.is_closed
    assert decision.asked is None
    assert ends(decision.question) == ("cancelled", STOPPED)
    called = decide(decision.thread, None, words(BEN, 20, 102, asks="mention"))
    assert (called.asked, called.effects) == (None, (SayClosed(BEN),))
    woken = decide(decision.thread, None, Opened(BY_AUTHOR))
    assert decide(woken.thread, None, words(BEN, 30, 103, asks="mention")).asked is not None


def test_stop_by_somebody_else_stops_nothing() -> None:
    decision = decide(thread_in(), None, words(BEN, says_stop=True, asks="mention"))
    assert not decision.thread.is_closed


def test_close_ends_every_open_question() -> None:
    closed = decide(thread_in(), question_in(), Closed(BY_HELPER))
    mention = question_in("waiting", origin="mention", first_id=105)
    other = consequence(closed.thread, mention, Closed(BY_HELPER))
    assert ends(other.question) == ("cancelled", STOPPED)


# Lanes


def test_nothing_found_is_silent_under_a_post() -> None:
    decision = decide(thread_in(), question_in("answering"), Drafted("abstain", "too little"))
    assert ends(decision.question) == ("abstained", "too little")
    assert decision.effects == ()


def test_nothing_found_is_said_where_the_forum_wants_it_with_the_way_to_a_human() -> None:
    config = replace(STAFFED, says_nothing_found=True)
    decision = decide(thread_in(config=config), question_in("answering"), Drafted("abstain"))
    assert decision.effects == (SayNothingFound(asks_human=True),)


def test_nothing_found_is_said_to_whom_called() -> None:
    mention = question_in("answering", origin="mention")
    decision = decide(thread_in(), mention, Drafted("abstain"))
    assert decision.effects == (SayNothingFound(asks_human=False),)


# Drafts


def drafted(config: ForumConfig = STAFFED) -> Decision:
    asked = question_in("answering", mode="draft")
    return decide(thread_in("draft", config), asked, Drafted("answer"))


def test_in_draft_mode_the_answer_goes_to_staff() -> None:
    decision = drafted()
    assert decision.effects == (OfferDraft(),)
    assert decision.question is not None
    assert (decision.question.state, decision.question.holds_draft) == ("review", True)


def test_without_a_staff_channel_a_draft_fails_and_says_what_to_do() -> None:
    state, reason = ends(drafted(PLAIN).question)
    assert state == "failed"
    assert "staff-channel" in str(reason)


def test_staff_sends_a_draft_once() -> None:
    sent = then(drafted(), DraftSent(BY_HELPER))
    assert sent.effects == (Post(reviewed_by=HELPER),)
    assert sent.question is not None
    assert sent.question.state == "posting"
    assert then(sent, DraftSent(BY_HELPER)).refusal == "draft over"


def test_staff_sends_the_draft_of_a_question_that_yielded() -> None:
    yielded = question_in("yielded", holds_draft=True, reason="people were first", lane="answer")
    sent = decide(thread_in(config=STAFFED), yielded, DraftSent(BY_HELPER))
    assert sent.effects == (Post(reviewed_by=HELPER),)
    assert ends(sent.question) == ("posting", None)


def test_what_staff_sent_goes_out_although_somebody_writes_before_it_is_there() -> None:
    sent = then(drafted(), DraftSent(BY_HELPER))
    decision = then(sent, words(BEN))
    assert decision.question == sent.question
    assert decision.effects == ()


def test_an_edit_before_it_is_there_takes_back_what_staff_sent() -> None:
    edited = then(then(drafted(), DraftSent(BY_HELPER)), Edited(FIRST, after(9)))
    assert edited.question is not None
    assert (edited.question.state, edited.question.was_reviewed) == ("waiting", False)


def test_nobody_but_staff_decides_on_a_draft() -> None:
    assert then(drafted(), DraftSent(BY_AUTHOR)).refusal == "staff only"
    assert then(drafted(), DraftDiscarded(BY_BEN)).refusal == "staff only"


def test_a_discarded_draft_is_never_sent() -> None:
    discarded = then(drafted(), DraftDiscarded(BY_HELPER))
    assert ends(discarded.question) == ("cancelled", "staff discarded the draft")
    assert then(discarded, DraftSent(BY_HELPER)).refusal == "draft over"


def test_a_draft_whose_message_is_deleted_is_discarded() -> None:
    deleted = then(drafted(), DraftDeleted())
    assert ends(deleted.question) == ("cancelled", "staff deleted the draft")
    assert deleted.effects == ()
    assert then(deleted, DraftSent(BY_HELPER)).refusal == "draft over"


def test_a_deleted_draft_of_a_question_that_yielded_leaves_it_as_it_was() -> None:
    yielded = question_in("yielded", holds_draft=True, reason="people were first", lane="answer")
    deleted = decide(thread_in(config=STAFFED), yielded, DraftDeleted())
    assert ends(deleted.question) == ("yielded", "people were first")
    assert deleted.question is not None
    assert not deleted.question.holds_draft


def test_the_message_of_a_draft_that_was_decided_on_may_go() -> None:
    sent = then(drafted(), DraftSent(BY_HELPER))
    assert then(sent, DraftDeleted()).question == sent.question


@pytest.mark.parametrize(
    "event",
    [Shut("thread locked"), Deleted(frozenset([FIRST]), START), Solved(BY_AUTHOR, START)],
    ids=["locked", "deleted", "solved"],
)
def test_what_ends_a_post_takes_its_draft_back(event: Event) -> None:
    ended = then(drafted(), event)
    assert ended.question is not None
    assert ended.question.state == "cancelled"
    assert WithdrawDraft(str(ended.question.reason)) in ended.effects


# Solved, and a human


def test_the_author_marks_what_solved_it() -> None:
    decision = decide(thread_in(), question_in("answered"), Solved(BY_AUTHOR, after(60), 120))
    assert decision.thread.is_solved
    assert decision.thread.solution_id == 120
    assert decision.effects == (ShowTag(), Learn(120, AUTHOR), ShowState())


def test_another_solution_takes_the_place_of_the_first() -> None:
    once = decide(thread_in(), None, Solved(BY_AUTHOR, after(60), 120))
    assert then(once, Solved(BY_AUTHOR, after(70), 120)).refusal == "solved already"
    assert then(once, Solved(BY_AUTHOR, after(70))).refusal == "solved already"
    assert then(once, Solved(BY_HELPER, after(70), 121)).effects == (
        Learn(121, HELPER),
        ShowState(),
    )


def test_solved_is_taken_back() -> None:
    once = decide(thread_in(), None, Solved(BY_AUTHOR, after(60), 120))
    decision = then(once, Unsolved(BY_HELPER))
    assert decision.effects == (ShowTag(), Unlearn(), ShowState())
    assert not decision.thread.is_solved
    assert then(decision, Unsolved(BY_HELPER)).refusal == "not solved"


def test_a_post_solved_before_it_is_answered_is_not() -> None:
    decision = decide(thread_in(), question_in("answering"), Solved(BY_AUTHOR, after(1)))
    assert ends(decision.question) == ("cancelled", "solved")


def test_the_tag_put_on_by_hand_counts_and_so_does_its_removal() -> None:
    tagged = decide(thread_in(), question_in(), Retagged(is_solved=True, at=after(1)))
    assert tagged.thread.is_solved
    assert ShowTag() not in tagged.effects
    again = then(tagged, Retagged(is_solved=False, at=after(2)))
    assert not again.thread.is_solved
    assert again.effects == (Unlearn(), ShowState())


def test_a_human_is_called_once_in_a_thread() -> None:
    called = decide(thread_in(config=STAFFED), None, Escalated(BY_AUTHOR))
    assert called.effects == (CallHuman(AUTHOR), ShowState())
    assert then(called, Escalated(BY_HELPER)).refusal == "asked already"
    assert decide(thread_in(), None, Escalated(BY_AUTHOR)).refusal == "nobody to ask"


@pytest.mark.parametrize(
    "event",
    [Solved(BY_BEN, START), Unsolved(BY_BEN), Closed(BY_BEN), Opened(BY_BEN), Escalated(BY_BEN)],
    ids=lambda event: type(event).__name__,
)
def test_who_is_neither_author_nor_staff_is_refused_and_nothing_changes(event: Event) -> None:
    thread, question = thread_in(config=STAFFED), question_in()
    assert decide(thread, question, event) == Decision(thread, question, refusal="not yours")


@pytest.mark.parametrize(
    ("can_ping", "has_ping_left", "can_tell_staff", "expected"),
    [
        (True, True, True, Called(in_thread=True, role=HELPER_ROLE, staff_channel=None)),
        (True, False, True, Called(in_thread=False, role=None, staff_channel=STAFF_CHANNEL)),
        (True, False, False, Called(in_thread=True, role=None, staff_channel=None)),
        (False, False, True, Called(in_thread=True, role=None, staff_channel=STAFF_CHANNEL)),
    ],
    ids=["helpers", "pinged often enough", "and staff is gone", "a role that cannot be pinged"],
)
def test_whom_a_call_for_a_human_reaches(
    *, can_ping: bool, has_ping_left: bool, can_tell_staff: bool, expected: Called
) -> None:
    called = whom_to_call(
        STAFFED, can_ping=can_ping, has_ping_left=has_ping_left, can_tell_staff=can_tell_staff
    )
    assert called == expected


# A text channel


@pytest.mark.parametrize(
    "event", [Solved(BY_HELPER, START), Closed(BY_HELPER), Escalated(BY_HELPER)]
)
def test_nothing_in_a_text_channel_is_solved_closed_or_escalated(event: Event) -> None:
    channel = thread_in("mention", STAFFED, is_channel=True)
    assert decide(channel, None, event) == Decision(channel, None, refusal="no thread")


def test_in_a_text_channel_docbot_answers_who_calls_whoever_says_stop() -> None:
    channel = thread_in("draft", STAFFED, is_channel=True)
    stopped = decide(channel, None, words(HELPER, is_staff=True, says_stop=True))
    assert not stopped.thread.is_closed
    asked = decide(stopped.thread, None, words(BEN, asks="mention")).asked
    assert asked is not None
    assert (asked.state, asked.mode) == ("waiting", "mention")


# Time


def test_who_is_silent_after_an_answer_is_asked_once_and_the_thread_closed_later() -> None:
    config = ForumConfig(remind_hours=24, close_hours=48)
    thread = thread_in(config=config, was_answered=True)
    assert next_look(thread) == START + timedelta(hours=24)
    reminded = decide(thread, None, Ticked(START + timedelta(hours=24)))
    assert reminded.effects == (Remind(),)
    assert next_look(reminded.thread) == START + timedelta(hours=72)
    closed = decide(reminded.thread, None, Ticked(START + timedelta(hours=72)))
    assert closed.effects == (Archive(),)
    assert next_look(closed.thread) is None


@pytest.mark.parametrize(
    "change",
    [
        {"others_wrote": True},
        {"is_archived": True},
        {"is_solved": True},
        {"is_closed": True},
        {"is_locked": True},
        {"was_answered": False},
        {"was_escalated": True},
    ],
    ids=str,
)
def test_nobody_is_reminded_where_it_is_over_or_people_talk(change: dict[str, Any]) -> None:
    config = ForumConfig(remind_hours=24, close_hours=48)
    thread = replace(thread_in(config=config, was_answered=True), **change)
    assert decide(thread, None, Ticked(START + timedelta(days=2))).effects == ()


def test_old_threads_are_not_brought_up_again() -> None:
    config = ForumConfig(remind_hours=24, close_hours=24)
    thread = thread_in(config=config, was_answered=True)
    assert decide(thread, None, Ticked(START + timedelta(days=2))).effects == (Remind(),)
    late = decide(thread, None, Ticked(START + timedelta(days=2, seconds=1)))
    assert late.effects == ()
    assert next_look(late.thread) is None


def test_nothing_is_closed_whose_author_was_not_asked() -> None:
    config = ForumConfig(remind_hours=24, close_hours=24)
    thread = thread_in(config=config, was_answered=True)
    late = decide(thread, None, Ticked(START + timedelta(days=20)))
    assert decide(late.thread, None, Ticked(START + timedelta(days=22))).effects == ()


def test_a_word_after_the_reminder_keeps_the_thread_open() -> None:
    config = ForumConfig(remind_hours=24, close_hours=48)
    thread = thread_in(config=config, was_answered=True, reminded_at=START + timedelta(hours=24))
    spoken = decide(thread, None, words(AUTHOR, 25 * 3600))
    assert next_look(spoken.thread) is None


def test_a_solved_thread_is_archived_after_its_delay() -> None:
    config = ForumConfig(archive_solved_hours=2)
    solved = decide(thread_in(config=config), None, Solved(BY_AUTHOR, START))
    assert next_look(solved.thread) == START + timedelta(hours=2)
    assert decide(solved.thread, None, Ticked(START + timedelta(hours=2))).effects == (Archive(),)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"is_locked": True}, "thread locked"),
        ({"is_locked": True, "is_deleted": True}, "thread deleted"),
        ({"is_closed": True}, STOPPED),
        ({"is_solved": True}, "solved"),
        ({"others_wrote": True}, "people were first"),
    ],
)
def test_what_nobody_asked_for_is_said_only_as_long_as_it_fits(
    changes: dict[str, Any], why: str | None
) -> None:
    thread = thread_in(was_answered=True, reminded_at=after(10), **changes)
    assert why_undone(thread, "nothing found", after(20)) == why
    assert why_undone(thread, "reminder", after(20)) == why


@pytest.mark.parametrize(
    "changes",
    [{"is_archived": True}, {"was_escalated": True}, {"spoke_at": after(20)}],
)
def test_a_reminder_is_said_only_in_a_thread_that_is_left_alone(changes: dict[str, Any]) -> None:
    thread = thread_in(was_answered=True, reminded_at=after(10))
    thread = replace(thread, **changes)
    assert why_undone(thread, "nothing found", after(20)) is None
    assert why_undone(thread, "reminder", after(20)) == "the thread is not left alone any more"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"spoke_at": after(1_000)}, "the thread is not left alone any more"),
        ({"is_solved": False, "solved_at": None}, "the thread is not left alone any more"),
        ({"is_archived": True}, "the thread is not left alone any more"),
        ({"is_locked": True}, "thread locked"),
    ],
)
def test_a_solved_thread_is_archived_only_if_it_is_still_time(
    changes: dict[str, Any], why: str | None
) -> None:
    config = ForumConfig(archive_solved_hours=1.0)
    thread = thread_in(config=config, is_solved=True, solved_at=START)
    in_an_hour = START + timedelta(hours=1)
    assert why_undone(replace(thread, **changes), "archive", in_an_hour) == why


# Every order of events


class Conduct(RuleBasedStateMachine):
    """A thread with its questions, driven by any order of what people, staff and time do."""

    def __init__(self) -> None:
        super().__init__()
        self.at = START
        self.thread = thread_in()
        self.questions: list[QuestionState] = []
        self.done: list[Effect] = []
        self.next_id = FIRST

    @initialize(
        mode=st.sampled_from(["auto", "draft", "mention"]),
        yields_to=st.sampled_from(["anyone", "helpers"]),
        is_staffed=st.booleans(),
        says_nothing_found=st.booleans(),
    )
    def begin(self, mode: Mode, yields_to: Any, is_staffed: bool, says_nothing_found: bool) -> None:
        base = STAFFED if is_staffed else PLAIN
        config = replace(base, yields_to=yields_to, says_nothing_found=says_nothing_found)
        config = replace(config, remind_hours=1, close_hours=1, archive_solved_hours=1)
        self.thread = thread_in(mode, config)
        asks: Origin | None = None if mode == "mention" else "post"
        self._tell(Wrote(self._new_id(), AUTHOR, self.at, asks))

    @rule(
        by=st.sampled_from([AUTHOR, BEN, HELPER]),
        calls=st.booleans(),
        stop=st.booleans(),
        is_kept=st.booleans(),
    )
    def write(self, by: int, calls: bool, stop: bool, is_kept: bool) -> None:
        asks: Origin | None = "mention" if calls else None
        event = Wrote(self._new_id(), by, self.at, asks, by == HELPER, calls and stop)
        event = replace(event, is_kept=calls or is_kept)
        self._tell(event, event.message_id)

    @rule(number=st.integers(0, 50), deletes=st.booleans())
    def edit_or_delete(self, number: int, deletes: bool) -> None:
        message_id = FIRST + 1 + number % max(1, self.next_id - FIRST)
        event = (
            Deleted(frozenset([message_id]), self.at) if deletes else Edited(message_id, self.at)
        )
        self._tell(event, message_id)

    @rule(by=st.sampled_from([BY_AUTHOR, BY_BEN, BY_HELPER]), what=st.integers(0, 5))
    def press(self, by: Actor, what: int) -> None:
        events: Sequence[Event] = (
            Solved(by, self.at),
            Solved(by, self.at, self.next_id),
            Unsolved(by),
            Closed(by),
            Opened(by),
            Escalated(by),
        )
        self._tell(events[what])

    @rule(
        by=st.sampled_from([BY_AUTHOR, BY_HELPER]), what=st.integers(0, 2), number=st.integers(0, 9)
    )
    def decide_draft(self, by: Actor, what: int, number: int) -> None:
        offered = [one for one in self.questions if one.lane is not None]
        events: Sequence[Event] = (DraftSent(by), DraftDiscarded(by), DraftDeleted())
        if offered:
            self._tell(events[what], offered[number % len(offered)].first_id)

    @rule(has_tag=st.booleans())
    def retag(self, has_tag: bool) -> None:
        self._tell(Retagged(has_tag, self.at))

    @rule()
    def lock(self) -> None:
        self._tell(Shut("thread locked"))

    @rule(lane=st.sampled_from(["answer", "suggest", "abstain"]))
    def work(self, lane: Any) -> None:
        """A worker takes the first question that waits, and has an answer."""
        for number, question in enumerate(self.questions):
            if question.state in ("collecting", "waiting"):
                self.questions[number] = replace(question, state="answering")
                break
        for question in self.questions:
            if question.state == "answering":
                self._tell(Drafted(lane), question.first_id)
                break

    @rule()
    def claim(self) -> None:
        """A worker takes a question, and is not done with it."""
        for number, question in enumerate(self.questions):
            if question.state == "waiting":
                self.questions[number] = replace(question, state="answering")
                break

    @rule()
    def send(self) -> None:
        """What is on its way arrives."""
        for number, question in enumerate(self.questions):
            if question.state == "posting":
                self.questions[number] = replace(question, state="answered")
                self.thread = replace(self.thread, was_answered=True)

    @rule(hours=st.sampled_from([0.5, 1.0, 3.0, 50.0]))
    def time_passes(self, hours: float) -> None:
        self.at += timedelta(hours=hours)
        self._tell(Ticked(self.at))

    # What is decided, and what must hold of it

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def _tell(self, event: Event, message_id: int | None = None) -> None:
        before, chosen = self.thread, self._about(message_id)
        question = self.questions[chosen] if chosen is not None else None
        decision = decide(before, question, event)
        if chosen is not None and decision.question is not None:
            self.questions[chosen] = decision.question
        effects = list(decision.effects)
        for number, other in enumerate(self.questions):
            if number != chosen and (other.is_open or other.holds_draft):
                followed = consequence(decision.thread, other, event)
                self.questions[number] = followed.question or other
                effects += followed.effects
        if decision.asked is not None:
            self.questions.append(decision.asked)
        self.thread = decision.thread
        self._check(event, decision, before, question, effects)
        self._check_words(event, decision, question)
        self.done += effects

    def _about(self, message_id: int | None) -> int | None:
        for number, question in enumerate(self.questions):
            if message_id in question.messages:
                return number
        for number, question in enumerate(self.questions):
            if question.origin == "post" and (question.is_open or question.holds_draft):
                return number
        return None

    def _check(
        self,
        event: Event,
        decision: Decision,
        before: ThreadState,
        question: QuestionState | None,
        effects: list[Effect],
    ) -> None:
        by = getattr(event, "by", None)
        if decision.refusal is not None:
            assert effects == []
            assert (decision.thread, decision.question, decision.asked) == (before, question, None)
        elif by is not None:
            assert by.is_staff or by.id == AUTHOR
        for effect in effects:
            match effect:
                case Post(reviewed_by=None):
                    # Nothing goes out by itself where people are, docbot was told to stop, or
                    # staff wants to see it first.
                    assert question is not None
                    assert question.mode in {"auto", "mention"}
                    assert question.origin == "mention" or not before.people_talk
                    assert not before.is_closed
                    assert not before.is_shut
                case Post():
                    assert isinstance(event, DraftSent)
                    assert event.by.is_staff
                    assert question is not None
                    assert question.holds_draft
                case SayNothingFound():
                    assert not before.is_closed
                    assert not before.is_shut
                case Remind() | Archive():
                    assert not before.is_archived
                    assert not before.is_shut
                    # Nobody's thread is closed who was not asked before.
                    is_asked = any(isinstance(each, Remind) for each in self.done)
                    assert isinstance(effect, Remind) or before.is_solved or is_asked
                case CallHuman():
                    assert not before.was_escalated
                    assert before.rules.has_somebody_to_ask
        if before.is_closed and not isinstance(event, Opened):
            assert decision.asked is None

    def _check_words(
        self, event: Event, decision: Decision, question: QuestionState | None
    ) -> None:
        if isinstance(event, Wrote):
            assert decision.thread.others_wrote or event.author_id == AUTHOR
            assert decision.thread.spoke_at >= event.at
            joined = decision.question.messages if decision.question is not None else frozenset()
            assert event.is_kept or event.message_id not in joined
        if isinstance(event, Edited) and question is not None and decision.question is not None:
            # No draft outlives the text that it was written for.
            is_its = event.message_id in question.messages
            assert not (is_its and decision.question.holds_draft)
        if question is not None and question.was_reviewed and decision.question is not None:
            # Staff has judged; nobody's words make docbot step back from that.
            assert decision.question.state != "yielded"

    @invariant()
    def holds(self) -> None:
        assert sum(isinstance(effect, CallHuman) for effect in self.done) <= 1
        assert sum(isinstance(effect, Remind) for effect in self.done) <= 1
        assert sum(question.origin == "post" for question in self.questions) <= 1
        for question in self.questions:
            if question.holds_draft:
                assert question.state in ("review", "yielded")
            if question.state in ("yielded", "cancelled", "failed"):
                assert question.reason
            if self.thread.is_shut or self.thread.is_closed:
                # What is on its way is settled by who has it in hand.
                assert not question.is_open
                assert not question.holds_draft
        look = next_look(self.thread)
        if look is not None and look <= self.at:
            # Whoever looks gets on: the same moment is never due for ever.
            again = decide(self.thread, None, Ticked(self.at)).thread
            assert next_look(again) != look


Conduct.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestEveryOrder = Conduct.TestCase
