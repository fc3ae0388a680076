"""Votes, and buttons that are pressed late, twice, or by nobody's hand."""

import pytest

from docbot import texts
from docbot.playground.objects import Permission
from tests.model_server import Hang
from tests.scenes.script import BODY, Scene, scene
from tests.town import ANSWER_PLACE, QUESTION, button

pytestmark = pytest.mark.check

VOTES = (
    "SELECT string_agg(concat_ws(' ', vote, reason, note), ', ' ORDER BY person_id) FROM feedback"
)
STORED_OF = "SELECT count(*) FROM messages WHERE author_id = $1"
REPLY = "Set `max_retries` [1]."


@scene(
    "One vote, whose reason is the last that was given; taken back it is gone.",
    ends=["answered"],
    says=1,
)
async def test_not_right_for_each_reason(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    why = await s.ada.presses("Not right")
    for label, reason in (
        (texts.outdated(), "outdated"),
        (texts.inaccurate(), "inaccurate"),
        (texts.does_not_answer(), "unanswered"),
    ):
        assert (await s.ada.presses(label, why)).content == texts.reason_noted()
        assert await s.value(VOTES) == f"not_right {reason}"
    form = await s.ada.opens(texts.other_reason(), why)
    assert (await s.ada.fills_in(form, "It is *for* v2.")).content == texts.reason_noted()
    assert await s.value(VOTES) == "not_right other It is *for* v2."
    await s.answer_shows("Not right (1)")
    assert (await s.ada.presses(texts.take_back(), why)).content == texts.taken_back()
    assert (await s.ada.presses(texts.outdated(), why)).content == texts.no_vote()
    await s.answer_shows("Not right")
    assert await s.value(VOTES) is None


@scene(
    "2,000 characters are kept; one more is refused with a line that says so, and changes nothing.",
    ends=["answered"],
    says=1,
)
async def test_a_reason_of_2001_characters(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    why = await s.ada.presses("Not right")
    form = await s.ada.opens(texts.other_reason(), why)
    custom_id = (await form.modal()).custom_id
    said = await s.ada.sends_in(custom_id, "x" * 2001)
    assert said.content == texts.reason_too_long(2000)
    assert await s.value(VOTES) == "not_right"
    assert (await s.ada.fills_in(form, "x" * 2000)).content == texts.reason_noted()
    assert await s.value("SELECT length(note) FROM feedback") == 2000


@scene("What was written before the restart counts after it.", ends=["answered"], says=1)
async def test_a_form_sent_in_after_a_restart(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    why = await s.ada.presses("Not right")
    form = await s.ada.opens(texts.other_reason(), why)
    await s.docbot_restarts()
    assert (await s.ada.fills_in(form, "It is for v2.")).content == texts.reason_noted()
    assert await s.value(VOTES) == "not_right other It is for v2."


@scene(
    "All buttons work as before.",
    ends=["answered"],
    says=2,
    pings=1,
    given={"helper-role": "@Helpers"},
)
async def test_buttons_after_a_restart(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.docbot_restarts()
    assert (await s.ada.presses("Helpful")).content == texts.voted("helpful")
    assert (await s.ada.presses("Ask a human")).content == texts.human_called()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.answer_shows("Helpful (1)")
    await s.answer_shows(texts.is_solved())
    await s.docbot_says("help is needed")


@scene(
    "The vote counts, Ada is thanked, and nothing is left to be shown.", ends=["answered"], says=1
)
async def test_a_button_on_a_message_that_is_deleted(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.question_is("answered")
    await s.mina.deletes(answer)
    said = await s.ada.forges(button(answer, "Helpful"), answer)
    assert said.content == texts.voted("helpful")
    assert await s.value(VOTES) == "helpful"
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'edit'")


@scene("Each is answered with one private line, and changes nothing.", ends=["answered"], says=1)
async def test_forged_buttons(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.question_is("answered")
    unknown = (
        "docbot:vote:best:1:1",
        "docbot:vote:helpful:1; DROP TABLE feedback:1",
        "docbot:draft:burn:1:1",
        "docbot:why:",
        "docbot:zzz:1",
        "docbot:vote",
        "docbot",
        "docbot:search:999:1:x",
    )
    for custom_id in unknown:
        assert (await s.cleo.forges(custom_id, answer)).content == texts.button_unknown()
    for custom_id, said in (
        ("docbot:vote:helpful:999999:1", texts.vote_unknown()),
        ("docbot:vote:helpful:9999999999999999999:1", texts.vote_unknown()),
        ("docbot:reason:outdated:1", texts.no_vote()),
        ("docbot:reason:none:1", texts.no_vote()),
        ("docbot:draft:send:1:1:1", texts.refused("no draft")),
        ("docbot:draft:discard:999999:1:1", texts.refused("no draft")),
        ("docbot:solve:1:1", texts.refused("not yours")),
        ("docbot:human:1:1", texts.refused("not yours")),
    ):
        assert (await s.cleo.forges(custom_id, answer)).content == said
    assert (await s.cleo.sends_in("docbot:why:1", "Nothing")).content == texts.no_vote()
    assert (await s.cleo.sends_in("docbot:edited:1:1", "Mine")).content == texts.refused(
        "staff only"
    )
    assert await s.value(VOTES) is None


@scene(
    "An answer of another server cannot be voted on, nor its draft be sent, from this one.",
    ends=["answered", "answered"],
    says=2,
)
async def test_the_id_of_another_servers_answer(s: Scene) -> None:
    elsewhere = await s.another_server()
    await s.ada.posts(forum=elsewhere.forum)
    theirs = button(await s.docbot_says(), "Helpful")
    await s.ben.posts()
    ours = await s.docbot_says()
    assert (await s.ben.forges(theirs, ours)).content == texts.vote_unknown()
    assert (await s.mina.forges("docbot:draft:send:1:1:1", ours)).content == texts.refused(
        "no draft"
    )
    assert await s.value(VOTES) is None


@scene(
    "Ada is banned in one server, and answered in the other.",
    ends=["answered"],
    says=1,
)
async def test_a_person_in_two_servers(s: Scene) -> None:
    elsewhere = await s.another_server()
    await s.set("banned", str(s.ada.id))
    await s.ada.posts()
    await s.ada.posts(forum=elsewhere.forum)
    await s.docbot_says(ANSWER_PLACE)
    assert (await s.ada.presses("Helpful")).content == texts.voted("helpful")


@scene(
    "Nothing that Ben does is of any account: no post, no mention, no command, no button.",
    ends=["answered"],
    says=1,
)
async def test_a_banned_person(s: Scene) -> None:
    await s.set("banned", str(s.ben.id))
    await s.ben.posts()
    assert (await s.ben.runs("solve")).content == texts.not_heard()
    assert (await s.ben.runs("status")).content == texts.not_heard()
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.ben.calls_docbot(QUESTION)
    for label in ("Helpful", "Not right", "Solved", "Ask a human"):
        assert (await s.ben.presses(label, answer)).content == texts.not_heard()
    assert (await s.ben.sends_in("docbot:why:1", "Bad.")).content == texts.not_heard()
    assert await s.value(VOTES) is None
    assert s.tags == []
    assert await s.value(STORED_OF, s.ben.id) == 0


@scene(
    "Nobody who counts was faster than docbot, and Ada's stop stops nothing any more.",
    ends=["answered", "answered"],
    says=2,
    model=[Hang(), REPLY, REPLY],
)
async def test_words_of_a_banned_person(s: Scene) -> None:
    await s.set("banned", str(s.ben.id))
    await s.ada.posts()
    await s.docbot_thinks()
    await s.ben.writes("lol")
    await s.ada.writes("It fails on Sundays too.")
    s.docbot_goes_on()
    answer = await s.docbot_says()
    await s.question_is("answered")
    await s.set("banned", str(s.ada.id))
    await s.ada.writes("stop", to=answer)
    await s.cleo.calls_docbot(QUESTION)
    await s.docbot_says()


@scene(
    "Ada is answered: who wrote below her post while docbot was away does not count.",
    ends=["answered"],
    says=1,
)
async def test_words_of_a_banned_person_while_docbot_was_away(s: Scene) -> None:
    await s.set("banned", str(s.ben.id))
    await s.docbot_stops()
    s.thread = await s.ada.member.post(s.playground.forum, QUESTION, BODY)
    await s.ben.member.reply(s.thread, "lol")
    await s.docbot_starts()
    await s.docbot_says()


@scene(
    "What is pressed in an archived thread shows there, and it is archived again.",
    ends=["answered"],
    says=1,
)
async def test_presses_in_an_archived_thread(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.mina.archives()
    assert (await s.ben.presses("Helpful")).content == texts.voted("helpful")
    await s.answer_shows("Helpful (1)")
    await s.comes_true(lambda: s.thread.archived)
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.thread_has_tags("solved")
    await s.answer_shows(texts.is_solved())
    await s.comes_true(lambda: s.thread.archived)


@scene(
    "A vote counts, also where docbot may not open the thread to show it.",
    ends=["answered"],
    says=1,
)
async def test_a_vote_in_an_archived_thread_that_docbot_may_not_open(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.mina.archives()
    s.docbot_may_not(Permission.MANAGE_THREADS)
    await s.ben.presses("Helpful", answer)
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'edit'")
    assert s.thread.archived
