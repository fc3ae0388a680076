"""Other people in the thread: docbot steps back, and speaks when it is called."""

import asyncio

import pytest

from docbot import texts
from tests.model_server import Hang
from tests.scenes.script import Scene, scene
from tests.town import ANSWER_PLACE, QUESTION

pytestmark = pytest.mark.check

REPLY = "Set `max_retries` [1]."
TIMEOUT = "What is timeout_seconds?"
_BEFORE_IT_TYPES = 0.6  # seconds: twice as long as an answer may take that is not shown


@scene("Docbot says nothing.", ends=["yielded"], model=[Hang(), REPLY])
async def test_staff_answers_first(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.hana.writes("Set max_retries.")
    s.docbot_goes_on()


@scene(
    "Docbot says nothing to Ada; its draft goes to staff.",
    ends=["yielded"],
    to_staff=1,
    model=[Hang(), REPLY],
    given={"staff-channel": "#staff"},
)
async def test_staff_answers_first_where_there_is_a_staff_channel(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.hana.writes("Set max_retries.")
    s.docbot_goes_on()
    assert "Somebody else replied first" in (await s.staff_gets("max_retries")).content


@scene(
    "While docbot writes what only staff will see, the thread does not see it type.",
    ends=["yielded"],
    to_staff=1,
    model=[Hang(), REPLY],
    given={"staff-channel": "#staff", "settle-seconds": "30"},
)
async def test_staff_answers_before_docbot_begins(s: Scene) -> None:
    await s.ada.posts()
    await s.hana.writes("Set max_retries.")
    await s.time_passes(seconds=30)
    await s.docbot_thinks()
    await asyncio.sleep(_BEFORE_IT_TYPES)
    s.docbot_goes_on()
    await s.staff_gets("max_retries")
    assert not [each for each in s.playground.requests if each.route.endswith("/typing")]


@scene(
    "Cleo is no helper, so docbot answers; Hana is, so it leaves the second post to her.",
    ends=["answered", "yielded"],
    says=1,
    model=[Hang(), REPLY, Hang(), REPLY],
    given={"yields-to": "helpers", "helper-role": "@Helpers"},
)
async def test_only_helpers_come_first(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.cleo.writes("No idea, sorry.")
    s.docbot_goes_on()
    await s.docbot_says()
    s.docbot_hangs_again()
    await s.ada.posts(TIMEOUT)
    await s.docbot_thinks(times=2)
    await s.hana.writes("After 30 seconds.")
    s.docbot_goes_on()


@scene(
    "Docbot leaves the thread to them, until Ada calls it.",
    ends=["yielded", "answered"],
    says=1,
    model=[Hang(), REPLY, "After `timeout_seconds` [1]."],
)
async def test_two_helpers(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.ben.writes("Did you set max_retries?")
    await s.cleo.writes("Or look at the log.")
    s.docbot_goes_on()
    await s.ada.writes("I did both.")
    asked = await s.ada.calls_docbot(TIMEOUT)
    assert (await s.docbot_says()).reply_to == asked.id


@scene(
    "Docbot answers Ben, who called it, and holds back what it had for Ada.",
    ends=["yielded", "answered"],
    says=1,
    model=[Hang(), REPLY, REPLY],
)
async def test_a_third_person_mentions_docbot(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    asked = await s.ben.calls_docbot("can you answer this?")
    s.docbot_goes_on()
    answer = await s.docbot_says()
    assert answer.reply_to == asked.id
    assert ANSWER_PLACE in answer.content


@scene(
    "Docbot is silent from then on, tells Ada alone why, and comes back when she lets it in.",
    ends=["answered", "answered"],
    says=2,
    privately=1,
)
async def test_the_author_says_stop(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.ada.writes("Stop.", to=answer)
    await s.ada.calls_docbot(TIMEOUT)
    await s.ada.hears("stay out")
    assert (await s.ada.runs("open")).content == texts.thread_opened()
    await s.ada.calls_docbot(TIMEOUT)
    await s.docbot_says("timeout_seconds")


@scene(
    "Who calls again and again is told once, and once more by the thread they call in.",
    ends=["answered", "answered"],
    says=2,
    privately=2,
)
async def test_a_closed_thread_is_told_of_once(s: Scene) -> None:
    for _ in range(2):
        await s.ada.posts()
        await s.docbot_says()
        assert (await s.ada.runs("close")).content == texts.thread_closed()
        for _ in range(3):
            await s.ben.calls_docbot(TIMEOUT)


@scene(
    "Ben takes no messages: docbot tries it once, and Ada need not wait for it.",
    ends=["answered", "answered", "answered"],
    says=3,
)
async def test_who_takes_no_messages_holds_up_nobody(s: Scene) -> None:
    s.ben.member.user.takes_direct_messages = False
    await s.ada.posts(TIMEOUT)
    await s.docbot_says()
    await s.ada.runs("close")
    await s.ben.calls_docbot("Hi.")
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'direct'")
    for _ in range(3):
        await s.ben.calls_docbot("Hi!")
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.runs("close")
    await s.ben.calls_docbot("Hi there.")
    await s.ada.runs("open")
    await s.ada.calls_docbot(TIMEOUT)
    await s.docbot_says()
    assert s.playground.rest.invalid_requests == 1


@scene(
    "A line to Ben alone that Discord does not take just now keeps nobody in the thread waiting.",
    ends=["answered", "answered"],
    says=2,
    privately=1,
)
async def test_a_line_to_one_person_holds_up_nobody(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.runs("close")
    s.playground.faults.answer(503, method="POST", path="/users/@me/channels", times=1000)
    await s.ben.calls_docbot("Hi.")
    await s.until("SELECT attempt > 0 AND state = 'pending' FROM outbox WHERE kind = 'direct'")
    await s.ada.runs("open")
    await s.ada.calls_docbot(TIMEOUT)
    await s.docbot_says()
    s.playground.faults.clear()
    await s.ben.hears("stay out")


@scene(
    "A stranger's word does not count: docbot says nothing to it, and goes on answering Ada.",
    ends=["answered", "answered"],
    says=2,
)
async def test_a_stranger_says_stop(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.cleo.writes("stop", to=answer)
    await s.ada.calls_docbot(TIMEOUT)
    await s.docbot_says("timeout_seconds")


@scene(
    "Cleo is refused in private; Ada keeps docbot out while it thinks, and staff lets it in again.",
    ends=["cancelled: docbot was asked to stay out of this thread", "answered"],
    says=1,
    model=[Hang(), REPLY, REPLY],
)
async def test_close_and_open(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    assert (await s.cleo.runs("close")).content == texts.refused("not yours")
    assert (await s.ada.runs("close")).content == texts.thread_closed()
    assert (await s.ada.runs("close")).content == texts.refused("closed already")
    s.docbot_goes_on()
    assert (await s.mina.runs("open")).content == texts.thread_opened()
    assert (await s.mina.runs("open")).content == texts.refused("not closed")
    await s.ada.calls_docbot(QUESTION)
    await s.docbot_says()


@scene(
    "Of two who solve it at once one is told that it is, the other that it was; one tag, one state.",
    ends=["answered"],
    says=1,
)
async def test_two_people_press_solved_at_once(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    said = await s.at_once(s.ada.presses("Solved"), s.mina.presses("Solved"))
    assert sorted(each.content for each in said) == sorted(
        [texts.marked_solved(), texts.refused("solved already")]
    )
    await s.answer_shows(texts.is_solved())
    await s.thread_has_tags("solved")


@scene("Both votes count, and the button shows both.", ends=["answered"], says=1)
async def test_two_people_vote_at_once(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.at_once(s.ada.presses("Helpful"), s.ben.presses("Helpful"))
    await s.answer_shows("Helpful (2)")
    await s.at_once(s.ada.presses("Helpful"), s.ben.presses("Not right"))
    await s.answer_shows("Helpful (1)")
    await s.answer_shows("Not right (1)")
