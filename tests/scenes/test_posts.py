"""Posts, and what becomes of them before they are answered."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from docbot import texts
from docbot.playground.objects import DiscordError, Permission
from tests.model_server import Chat, Hang, Script
from tests.scenes.script import Scene, scene
from tests.town import ANSWER_PLACE, OFF_TOPIC, QUESTION

pytestmark = pytest.mark.check

REPLY = "Set `max_retries` [1]."
TIMEOUT = "What is timeout_seconds?"


@scene(
    "Docbot waits for the last part, and answers all three at once.",
    ends=["answered"],
    says=1,
    given={"settle-seconds": "30"},
)
async def test_a_post_in_three_parts(s: Scene) -> None:
    await s.ada.posts("Help with my frobnication", "Hello everybody!")
    await s.ada.writes("It fails each night.")
    await s.ada.writes("How do I repeat it when it failed?")
    await s.question_is("collecting")
    await s.time_passes(seconds=30)
    assert ANSWER_PLACE in (await s.docbot_says()).content
    assert await s.value("SELECT count(*) FROM question_messages") == 3


@scene(
    "Where docbot answers only when called it waits for the last part too.",
    ends=["answered"],
    says=1,
    given={"mode": "mention", "settle-seconds": "30"},
)
async def test_a_post_in_parts_that_calls_docbot(s: Scene) -> None:
    await s.ada.posts("Help with my frobnication", f"Hello {s.town.mention}!")
    await s.ada.writes("It fails each night.")
    await s.ada.renames(QUESTION)
    await s.question_is("collecting")
    await s.time_passes(seconds=30)
    assert ANSWER_PLACE in (await s.docbot_says()).content
    assert await s.value("SELECT count(*) FROM question_messages") == 2


def _slow_to_each() -> Chat:
    """Hang once for what was asked first, and once for what it was edited to."""
    hung: set[str] = set()

    def chat(body: dict[str, Any]) -> Script:
        asked = "Edited" if "Sorry" in body["messages"][-1]["content"] else "First"
        if asked in hung:
            return f"{asked}: set `max_retries` [1]."
        hung.add(asked)
        return Hang()

    return chat


@scene(
    "Docbot answers what the post says by then, once, and throws the other answer away.",
    ends=["answered"],
    says=1,
    model=_slow_to_each(),
)
async def test_a_post_edited_while_docbot_thinks(s: Scene) -> None:
    await s.ada.posts(QUESTION)
    await s.docbot_thinks()
    await s.ada.edits(s.post, "Sorry, it fails each morning.")
    await s.docbot_thinks(times=2)
    s.docbot_goes_on()
    assert "Edited" in (await s.docbot_says()).content


@scene("Docbot says nothing.", ends=["cancelled: message deleted"], model=[Hang(), REPLY])
async def test_a_post_deleted_while_docbot_thinks(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.ada.deletes(s.post)
    s.docbot_goes_on()


@scene("Docbot says nothing.", ends=["cancelled: thread locked"], model=[Hang(), REPLY])
async def test_a_thread_locked_before_the_answer(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.mina.locks()
    s.docbot_goes_on()


@scene("Docbot says nothing.", ends=["cancelled: solved"], model=[Hang(), REPLY])
async def test_a_thread_solved_before_the_answer(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    assert (await s.ada.runs("solve")).content == texts.marked_solved()
    s.docbot_goes_on()


@scene(
    "Docbot answers all the same, and the thread is open again.",
    ends=["answered"],
    says=1,
    model=[Hang(), REPLY],
)
async def test_a_thread_archived_before_the_answer(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.mina.archives()
    s.docbot_goes_on()
    await s.docbot_says()
    assert not s.thread.archived


@scene("Docbot answers the post; the thanks it leaves alone.", ends=["answered"], says=1)
async def test_the_author_says_thanks(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.ada.writes("Thanks, that was it!")
    await s.ada.writes("Thank you very much!", to=answer)


@scene(
    "Discord refuses Ada's second part; docbot, whom it does not slow down, answers the first.",
    ends=["answered"],
    says=1,
    given={"settle-seconds": "30"},
)
async def test_slow_mode(s: Scene) -> None:
    await s.ada.posts()
    await s.mina.member.slow_down(s.thread, 3600)
    with pytest.raises(DiscordError):
        await s.ada.writes("And each day.")
    await s.time_passes(seconds=30)
    await s.docbot_says()


@scene(
    "The answer waits for the right, the operator is told what lacks, and Ada is answered once.",
    ends=["answered"],
    says=1,
    model=[Hang(), REPLY],
)
async def test_a_permission_lost_and_given_back(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    s.docbot_may_not(Permission.SEND_MESSAGES_IN_THREADS)
    s.docbot_goes_on()
    await s.until("SELECT state = 'pending' AND attempt > 0 FROM outbox")
    await s.operator_reads("Send Messages in Threads")
    s.docbot_may_not()
    await s.docbot_says()


@scene("Docbot answers Ada, and no other bot.", ends=["answered"], says=1)
async def test_another_bot_writes(s: Scene) -> None:
    robot = s.robot("Chatterbox")
    await robot.posts("How do I repeat a failed frobnication?")
    await robot.calls_docbot(QUESTION)
    await s.ada.posts()
    answer = await s.docbot_says()
    await robot.calls_docbot(TIMEOUT)
    await robot.writes("Beep.", to=answer)
    await s.ada.writes("What is that?")


@scene("Docbot says nothing.", ends=["abstained"])
async def test_nothing_is_found(s: Scene) -> None:
    await s.ada.posts(OFF_TOPIC)


@scene(
    "Docbot says in one line that it found nothing, with a button that asks a human.",
    ends=["abstained"],
    says=2,
    pings=1,
    given={"say-nothing-found": "on", "helper-role": "@Helpers"},
)
async def test_nothing_is_found_and_docbot_says_so(s: Scene) -> None:
    await s.ada.posts(OFF_TOPIC)
    assert (await s.docbot_says()).content == texts.nothing_found()
    assert (await s.ada.presses("Ask a human")).content == texts.human_called()
    await s.docbot_says("help is needed")


async def is_about_to_say(s: Scene, asks: Callable[[], Awaitable[object]]) -> None:
    """Docbot has written a line down that Discord does not take yet."""
    s.playground.faults.answer(503, method="POST", path=r"/channels/\d+/messages", times=1000)
    await asks()
    await s.until("SELECT attempt > 0 AND state = 'pending' FROM outbox ORDER BY id DESC LIMIT 1")


@scene(
    "Ada deletes what she asked, or is helped, before docbot says that it found nothing: it does not.",
    ends=["abstained", "abstained", "abstained"],
    given={"say-nothing-found": "on"},
)
async def test_it_is_too_late_to_say_that_nothing_was_found(s: Scene) -> None:
    for reason in ("people were first", "message deleted", "solved"):
        await is_about_to_say(s, lambda: s.ada.posts(OFF_TOPIC))
        if reason == "people were first":
            await s.mina.writes("It was Anna.")
        elif reason == "message deleted":
            await s.ada.deletes(s.post)
        else:
            await s.ada.runs("solve")
        s.playground.faults.clear()
        dropped = "SELECT reason = $1 FROM outbox WHERE channel_id = $2 AND kind = 'send'"
        await s.until(f"{dropped} AND state = 'dropped'", reason, s.thread.id)


@scene(
    "Who called docbot is told that nothing was found, also where people talk.",
    ends=["answered", "abstained"],
    says=2,
)
async def test_nothing_is_found_for_who_called(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await is_about_to_say(s, lambda: s.ada.calls_docbot(OFF_TOPIC))
    await s.mina.writes("It was Anna.")
    s.playground.faults.clear()
    await s.docbot_says(texts.nothing_found())


@scene(
    "The first post is answered and the second not: what is set counts for the next post.",
    ends=["answered", "answered"],
    says=2,
    model=[Hang(), REPLY, "After `timeout_seconds` [1]."],
)
async def test_the_mode_is_changed_between_two_posts(s: Scene) -> None:
    first = await s.ada.posts()
    await s.docbot_thinks()
    await s.set("mode", "mention")
    await s.ben.posts(TIMEOUT)
    s.docbot_goes_on()
    await s.until("SELECT state = 'answered' FROM questions")
    assert s.playground.world.replies_of_bot(s.thread.id) == []
    await s.ben.calls_docbot("please?")
    await s.docbot_says("timeout_seconds")
    s.thread = first
    await s.docbot_says("max_retries")


@scene(
    "Docbot says nothing while it is off, and answers the post after.", ends=["answered"], says=1
)
async def test_off(s: Scene) -> None:
    await s.set("mode", "off")
    await s.ada.posts()
    await s.ada.calls_docbot(QUESTION)
    await s.set("mode", "auto")
    await s.ben.posts()
    await s.docbot_says()


@scene(
    "What was posted before the forum was turned off is answered; what is posted then is not.",
    ends=["answered"],
    says=1,
    given={"settle-seconds": "30"},
)
async def test_off_after_a_post(s: Scene) -> None:
    thread = await s.ada.posts()
    await s.set("mode", "off")
    await s.ben.posts()
    s.thread = thread
    await s.time_passes(seconds=30)
    await s.docbot_says(ANSWER_PLACE)


@scene(
    "Titles and names stay as they were written: they ping, link and format nothing.",
    ends=["review"],
    to_staff=1,
    says=1,
    pings=1,
    given={"mode": "draft", "staff-channel": "#staff", "helper-role": "@Helpers"},
)
async def test_a_title_of_markdown_and_mentions(s: Scene) -> None:
    helpers = s.playground.town.helpers.id
    title = f"**@everyone** <@&{helpers}> [repeat](https://evil.test) a failed frobnication"
    await s.ada.posts(title, f"@here <@{s.olga.id}> `how`?\n# Really")
    draft = await s.staff_gets()
    assert "[repeat](https://evil.test)" not in draft.content
    assert (await s.ada.runs("escalate")).content == texts.human_called()
    call = await s.docbot_says()
    assert call.mention_roles == [helpers]
    assert call.content.count(f"<@&{helpers}>") == 1
    assert "[repeat](https://evil.test)" not in call.content
