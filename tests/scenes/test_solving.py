"""Solved threads, their tags, and what time brings."""

import pytest

from docbot import texts
from docbot.app.configuring import set_value
from docbot.forum.bindings import Place
from docbot.playground.objects import Message, Permission
from tests.scenes.script import Scene, scene

pytestmark = pytest.mark.check

_THREAD = r"/channels/\d+"


async def is_reminded(s: Scene) -> Message:
    """Ada posts and is answered; nobody says anything, so docbot asks."""
    await s.ada.posts()
    await s.docbot_says()
    await s.question_is("answered")
    await s.time_passes(hours=48)
    return await s.docbot_says("did this solve it?")


@scene(
    "Solved by Ada: the tag is on, the button shows it. Cleo is refused.", ends=["answered"], says=1
)
async def test_the_author_presses_solved(s: Scene) -> None:
    await s.ada.posts(tags=["question"])
    await s.docbot_says()
    assert (await s.cleo.presses("Solved")).content == texts.refused("not yours")
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.thread_has_tags("question", "solved")
    await s.answer_shows(texts.is_solved())
    assert (await s.mina.runs("unsolve")).content == texts.marked_unsolved()
    await s.thread_has_tags("question")
    await s.answer_shows(texts.solved())


@scene("The message that solved it is kept as the solution.", ends=["yielded"])
async def test_somebodys_message_is_marked_as_the_solution(s: Scene) -> None:
    await s.set("settle-seconds", "30")
    await s.ada.posts()
    helped = await s.ben.writes("Set max_retries.")
    assert (await s.ada.marks_as_solution(helped)).content == texts.marked_solved()
    assert await s.value("SELECT solution_id FROM threads") == helped.id
    await s.thread_has_tags("solved")


@scene(
    "Mina has locked the thread before she says what solved it; Ada can do nothing there any more.",
    ends=["yielded"],
)
async def test_a_locked_thread_is_solved(s: Scene) -> None:
    await s.set("settle-seconds", "30")
    await s.ada.posts()
    helped = await s.ben.writes("Set max_retries.")
    await s.mina.locks()
    assert (await s.ada.marks_as_solution(helped)).content == texts.refused("thread shut")
    assert (await s.mina.marks_as_solution(helped)).content == texts.marked_solved()
    await s.thread_has_tags("solved")
    assert await s.value("SELECT state FROM solutions") == "verified"
    assert (await s.mina.runs("unsolve")).content == texts.marked_unsolved()
    await s.thread_has_tags()


@scene(
    "What Discord tells late of docbot's own tags takes nothing back of what Ada decided since.",
    ends=["answered"],
    says=1,
)
async def test_docbots_own_tags_are_told_late(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    helped = await s.ben.writes("Set max_retries.")
    await s.ada.runs("solve")
    await s.thread_has_tags("solved")
    changes = s.playground.faults.hold_events("THREAD_UPDATE")
    assert (await s.ada.runs("unsolve")).content == texts.marked_unsolved()
    await s.thread_has_tags()
    assert (await s.ada.marks_as_solution(helped)).content == texts.marked_solved()
    await s.thread_has_tags("solved")
    await s.until("SELECT count(*) = 3 FROM outbox WHERE kind = 'tag' AND ended_at IS NOT NULL")
    changes.release()
    await s.ada.writes("That was it.")
    assert await s.value("SELECT solution_id FROM threads") == helped.id
    assert await s.value("SELECT state FROM solutions") == "verified"


@scene(
    "Who takes the tag off says that it is not solved; the button shows it.",
    ends=["answered"],
    says=1,
)
async def test_the_tag_is_taken_off_by_hand(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Solved")
    await s.thread_has_tags("solved")
    await s.answer_shows(texts.is_solved())
    await s.mina.tags("bug")
    await s.answer_shows(texts.solved())
    assert (await s.ada.runs("unsolve")).content == texts.refused("not solved")
    await s.thread_has_tags("bug")


@scene(
    "Who puts the tag on says that it is solved; the button shows it.", ends=["answered"], says=1
)
async def test_the_tag_is_put_on_by_hand(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.mina.tags("bug", "solved")
    await s.answer_shows(texts.is_solved())
    assert (await s.ada.runs("solve")).content == texts.refused("solved already")
    assert s.tags == ["bug", "solved"]


@scene("Solved without a tag, as the forum has none any more.", ends=["answered"], says=1)
async def test_the_tag_is_deleted_from_the_forum(s: Scene) -> None:
    s.playground.world.delete_tag(s.playground.forum, "solved")
    await s.ada.posts(tags=["bug"])
    await s.docbot_says()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.answer_shows(texts.is_solved())
    assert s.tags == ["bug"]


@scene("Solved without a tag, as the forum has none.", ends=["answered"], says=1)
async def test_a_forum_without_tags(s: Scene) -> None:
    for tag in list(s.playground.forum.tags):
        s.playground.world.delete_tag(s.playground.forum, tag.name)
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.answer_shows(texts.is_solved())
    assert s.tags == []


@scene(
    "Solved without a tag, as none of the forum's twenty is for that.", ends=["answered"], says=1
)
async def test_a_forum_with_twenty_tags_and_none_for_solved_threads(s: Scene) -> None:
    s.playground.world.delete_tag(s.playground.forum, "solved")
    for number in range(18):
        s.playground.world.add_tag(s.playground.forum, f"v{number}")
    await s.ada.posts(tags=["v1", "v2"])
    await s.docbot_says()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.answer_shows(texts.is_solved())
    assert s.tags == ["v1", "v2"]


@scene(
    "Solved without the tag, as there is no room for a sixth; none is lost.",
    ends=["answered"],
    says=1,
)
async def test_a_thread_with_five_tags(s: Scene) -> None:
    five = ["v1", "v2", "v3", "v4", "v5"]
    for name in five:
        s.playground.world.add_tag(s.playground.forum, name)
    await s.ada.posts(tags=five)
    await s.docbot_says()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'tag'")
    await s.answer_shows(texts.is_solved())
    assert s.tags == five


@scene(
    "A day after it was solved the thread is archived, and not before.",
    ends=["answered"],
    says=1,
    given={"archive-solved-hours": "24"},
)
async def test_a_solved_thread_is_archived(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Solved")
    await s.answer_shows(texts.is_solved())
    await s.time_passes(hours=23)
    assert not s.thread.archived
    await s.time_passes(hours=1)
    await s.until("SELECT archived FROM threads")


@scene(
    "Docbot asks once whether that solved it, and archives the thread when nobody says anything.",
    ends=["answered"],
    says=2,
    given={"remind-hours": "48", "close-hours": "72"},
)
async def test_a_reminder_and_then_the_end(s: Scene) -> None:
    reminder = await is_reminded(s)
    assert [each["label"] for each in reminder.buttons] == [texts.solved(), texts.ask_a_human()]
    await s.time_passes(hours=72)
    await s.until("SELECT archived FROM threads")


@scene(
    "Ada says after the reminder that it is solved; nothing is closed over her head.",
    ends=["answered"],
    says=2,
    given={"remind-hours": "48", "close-hours": "72"},
)
async def test_a_reminder_that_is_heard(s: Scene) -> None:
    reminder = await is_reminded(s)
    assert (await s.ada.presses("Solved", reminder)).content == texts.marked_solved()
    await s.thread_has_tags("solved")
    await s.time_passes(hours=72)
    assert await s.value("SELECT look_at IS NULL AND NOT archived FROM threads")


@scene(
    "Discord does not take the reminder in time: Ada has written by then, and is not asked.",
    ends=["answered"],
    says=1,
    given={"remind-hours": "48"},
)
async def test_a_reminder_that_comes_too_late(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.question_is("answered")
    s.playground.faults.answer(503, method="POST", path=r"/channels/\d+/messages", times=1000)
    await s.time_passes(hours=48)
    waits = "SELECT attempt > 0 AND state = 'pending' FROM outbox WHERE answer_id IS NULL"
    await s.until(waits)
    await s.ada.writes("It does not help me yet.")
    s.playground.faults.clear()
    await s.until("SELECT state = 'dropped' FROM outbox WHERE answer_id IS NULL")


@scene(
    "Where people still talk nobody is reminded.",
    ends=["answered"],
    says=1,
    given={"remind-hours": "48", "close-hours": "72"},
)
async def test_no_reminder_where_people_talk(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ben.writes("I have that too.")
    await s.time_passes(hours=1000)
    assert await s.value("SELECT look_at IS NULL FROM threads")


@scene(
    "Nobody is reminded where people talk, also where the forum was off in between.",
    ends=["answered"],
    says=1,
    given={"remind-hours": "48", "close-hours": "72"},
)
async def test_no_reminder_where_people_talk_in_a_thread_from_before(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.set("mode", "off")
    await s.set("mode", "auto")
    await s.ben.member.reply(s.thread, "I have that too.")
    await s.until("SELECT others_wrote FROM threads")
    assert await s.value("SELECT count(*) FROM messages WHERE author_id = $1", s.ben.id) == 0
    await s.time_passes(hours=48)
    await s.until("SELECT look_at IS NULL FROM threads")


@scene(
    "Ada is asked how it ended, although she wrote while her answer waited for a permission.",
    ends=["answered"],
    says=2,
    given={"remind-hours": "48"},
)
async def test_a_reminder_where_the_author_wrote_before_the_answer_was_there(s: Scene) -> None:
    s.docbot_may_not(Permission.SEND_MESSAGES_IN_THREADS)
    await s.ada.posts()
    await s.until("SELECT state = 'pending' AND attempt > 0 FROM outbox")
    await s.ada.writes("It is urgent.")
    s.docbot_may_not()
    await s.docbot_says()
    await s.time_passes(hours=48)
    assert "solve" in (await s.docbot_says()).content


@scene(
    "What was solved before it was locked is archived once it is open again.",
    ends=["answered"],
    says=1,
    given={"archive-solved-hours": "1"},
)
async def test_a_solved_thread_is_locked_for_a_while(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.runs("solve")
    await s.mina.locks()
    await s.time_passes(hours=2)
    await s.until("SELECT look_at IS NULL FROM threads")
    await s.mina.unlocks()
    await s.comes_true(lambda: s.thread.archived)


@scene(
    "What was solved before anybody set it is archived, although it was set while docbot was away.",
    ends=["answered"],
    says=1,
)
async def test_archiving_is_set_while_docbot_is_away(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.runs("solve")
    await s.thread_has_tags("solved")
    await s.docbot_stops()
    await s.time_passes(hours=2)
    await set_value(s.town.rooms, Place(s.playground.guild.id), "archive-solved-hours", "1")
    await s.docbot_starts()
    await s.comes_true(lambda: s.thread.archived)


@scene(
    "The thread stays open: Ada wrote there while Discord did not let docbot archive it.",
    ends=["answered"],
    says=1,
    given={"archive-solved-hours": "1"},
)
async def test_a_thread_is_used_again_before_it_is_archived(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.runs("solve")
    await s.thread_has_tags("solved")
    s.playground.faults.answer(503, method="PATCH", path=_THREAD, times=1_000)
    await s.time_passes(hours=2)
    await s.until("SELECT attempt > 0 FROM outbox WHERE kind = 'archive'")
    await s.ada.writes("One more thing.")
    s.playground.faults.clear()
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'archive'")
    assert not s.thread.archived


@scene(
    "Nobody is reminded while the forum is off; it is noticed all the same that people talk.",
    ends=["answered"],
    says=1,
    given={"remind-hours": "48", "close-hours": "72"},
)
async def test_no_reminder_where_the_forum_is_off(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.set("mode", "off")
    await s.until("SELECT look_at IS NULL FROM threads")
    await s.ben.member.reply(s.thread, "I have that too.")
    await s.until("SELECT others_wrote FROM threads")
    await s.set("mode", "auto")
    await s.time_passes(hours=48)
    await s.until("SELECT look_at IS NULL FROM threads")
