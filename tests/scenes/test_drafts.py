"""Drafts: staff decides what is sent."""

import pytest

from docbot import texts
from docbot.playground.objects import Permission
from tests.model_server import Hang
from tests.scenes.script import Scene, scene
from tests.town import ANSWER_PLACE, QUESTION, button, eventually

pytestmark = pytest.mark.check

DRAFTS = {"mode": "draft", "staff-channel": "#staff"}
REVIEWED = "Reviewed by"
REPLY = "Set `max_retries` [1]."


@scene(
    "Ada is answered once, and reads that it was reviewed.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
)
async def test_a_draft_is_sent(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets(ANSWER_PLACE)
    assert (await s.hana.presses("Send", draft)).content == texts.refused("staff only")
    assert (await s.mina.presses("Send", draft)).content == texts.draft_sent()
    answer = await s.docbot_says(ANSWER_PLACE)
    assert REVIEWED in answer.content
    await s.staff_reads("was sent by", draft)
    assert draft.buttons == []


@scene(
    "Nobody has docbot say in public what staff has not read.",
    ends=["review"],
    to_staff=1,
    given=DRAFTS,
)
async def test_who_calls_docbot_by_a_command_where_staff_reads_first(s: Scene) -> None:
    await s.ada.posts()
    await s.staff_gets()
    refused = await s.ben.asks("chat", QUESTION, s.thread)
    assert refused.content == texts.staff_reads_first()


@scene("Ada gets what Mina made of the draft.", ends=["answered"], says=1, to_staff=1, given=DRAFTS)
async def test_a_draft_is_edited_and_sent(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    form = await s.mina.opens("Edit", draft)
    assert (await s.mina.fills_in(form, "Set it to 5.")).content == texts.draft_changed()
    await s.staff_reads("Set it to 5.", draft)
    await s.mina.presses("Send", draft)
    answer = await s.docbot_says("Set it to 5.")
    assert REVIEWED in answer.content
    assert "frobnicate(max_retries=3)" not in answer.content


@scene(
    "Olga decides on Mina's words once she can read them, and not on what she read before.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
)
async def test_two_people_have_a_draft_before_them(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    stale = [button(draft, label) for label in ("Send", "Edit", "Discard")]
    minas, olgas = await s.mina.opens("Edit", draft), await s.olga.opens("Edit", draft)
    assert (await s.mina.fills_in(minas, "Set it to 5.")).content == texts.draft_changed()
    changed = texts.refused("draft changed")
    assert (await s.olga.fills_in(olgas, "Set it to 6.")).content == changed
    for each in stale:
        assert (await s.olga.forges(each, draft)).content == changed
    await s.staff_reads("Set it to 5.", draft)
    assert (await s.olga.presses("Send", draft)).content == texts.draft_sent()
    await s.docbot_says("Set it to 5.")


@scene(
    "What Mina wrote for Ada is not given to Ben, who asks the same; what docbot wrote is to Cleo.",
    ends=["answered", "answered", "answered"],
    says=3,
    to_staff=2,
    given=DRAFTS,
    model=[REPLY, "Raise `max_retries` [1]."],
)
async def test_a_draft_that_was_written_anew_is_not_repeated(s: Scene) -> None:
    await s.ada.posts()
    form = await s.mina.opens("Edit", draft := await s.staff_gets())
    await s.mina.fills_in(form, "Set it to 5 for Ada.")
    await s.staff_reads("for Ada", draft)
    await s.mina.presses("Send", draft)
    await s.docbot_says("for Ada")
    await s.ben.posts()
    await s.mina.presses("Send", await s.staff_gets("Raise"))
    await s.docbot_says("Raise")
    await s.question_is("answered")
    await s.set("mode", "auto")
    await s.cleo.posts()
    await s.docbot_says("Raise")


@scene(
    "Docbot says nothing to Ada.",
    ends=["cancelled: staff discarded the draft"],
    to_staff=1,
    given=DRAFTS,
)
async def test_a_draft_is_discarded(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    send = button(draft, "Send")
    assert (await s.mina.presses("Discard", draft)).content == texts.draft_discarded()
    await s.staff_reads("was discarded by", draft)
    assert (await s.mina.forges(send, draft)).content == texts.refused("draft over")


@scene(
    "Staff decides: the draft is posted although people wrote meanwhile.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
)
async def test_a_draft_is_sent_after_people_wrote(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    await s.ben.writes("I have that too.")
    await s.mina.presses("Send", draft)
    await s.docbot_says(ANSWER_PLACE)


@scene(
    "What staff has sent is posted although Ben writes before it is there.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
)
async def test_somebody_writes_while_a_sent_draft_is_on_its_way(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    s.playground.faults.answer(
        503, method="POST", path=rf"/channels/{s.thread.id}/messages", times=1000
    )
    await s.mina.presses("Send", draft)
    await s.until("SELECT attempt > 0 AND state = 'pending' FROM outbox WHERE answer_id > 0")
    await s.ben.writes("I have that too.")
    s.playground.faults.clear()
    await s.docbot_says(REVIEWED)


@scene(
    "What docbot held back is posted once staff sends it.",
    ends=["answered"],
    says=1,
    to_staff=1,
    model=[Hang(), REPLY],
    given={"staff-channel": "#staff"},
)
async def test_a_draft_that_was_held_back_is_sent(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.ben.writes("I have that too.")
    s.docbot_goes_on()
    draft = await s.staff_gets("Somebody else replied first")
    await s.question_is("yielded")
    await s.mina.presses("Send", draft)
    assert REVIEWED in (await s.docbot_says(ANSWER_PLACE)).content


@scene(
    "The draft that was held back is withdrawn when Ada asks something else.",
    ends=["yielded"],
    to_staff=1,
    model=[Hang(), REPLY],
    given={"staff-channel": "#staff"},
)
async def test_the_post_of_a_draft_that_was_held_back_is_edited(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.ben.writes("I have that too.")
    s.docbot_goes_on()
    draft = await s.staff_gets()
    send = button(draft, "Send")
    await s.ada.edits(s.post, "Sorry, when does it time out?")
    await s.staff_reads("the question was edited", draft)
    assert (await s.mina.forges(send, draft)).content == texts.refused("draft over")


@scene(
    "Of two who decide at once one is told so; Ada is answered once.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
)
async def test_two_people_send_a_draft_at_once(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    said = await s.at_once(s.mina.presses("Send", draft), s.olga.presses("Send", draft))
    assert sorted(each.content for each in said) == sorted(
        [texts.draft_sent(), texts.refused("draft over")]
    )
    await s.docbot_says()


@scene(
    "The draft is withdrawn, who presses Send all the same is told why, and docbot says nothing.",
    ends=["cancelled: thread locked"],
    to_staff=1,
    given=DRAFTS,
)
async def test_the_thread_of_a_draft_is_locked(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    send = button(draft, "Send")
    await s.mina.locks()
    await s.staff_reads("withdrawn: thread locked", draft)
    assert draft.buttons == []
    assert (await s.mina.forges(send, draft)).content == texts.refused("draft over")


@scene(
    "The draft is withdrawn; staff gets one of the new text.",
    ends=["review"],
    to_staff=2,
    given=DRAFTS,
)
async def test_the_post_of_a_draft_is_edited(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    await s.ada.edits(s.post, "I mean: what is timeout_seconds?")
    await s.staff_reads("withdrawn", draft)
    await s.staff_gets()
    assert await s.value("SELECT count(*) FROM drafts WHERE state = 'open'") == 1


@scene(
    "Nothing can be reviewed, so nothing is said, and the operator reads why.",
    ends=["failed"],
    given=DRAFTS,
)
async def test_the_staff_channel_is_deleted(s: Scene) -> None:
    await s.olga.member.delete_channel(s.playground.staff)
    await s.operator_reads("docbot config set staff-channel")
    await s.ada.posts()
    await s.question_is("failed")
    reason = await s.value("SELECT reason FROM questions")
    assert "could not be shown to staff" in reason


@scene(
    "No draft leaves its server, and the operator reads why.",
    ends=["failed"],
    given=DRAFTS,
)
async def test_the_staff_channel_is_of_another_server(s: Scene) -> None:
    elsewhere = await s.another_server()
    await s.set("staff-channel", str(elsewhere.staff.id))
    await s.operator_reads("none of this server's text channels")
    await s.ada.posts()
    await s.question_is("failed")
    assert "could not be shown to staff" in await s.value("SELECT reason FROM questions")
    assert s.playground.world.replies_of_bot(elsewhere.staff.id) == []


@scene(
    "Who deletes the draft has discarded it: docbot says nothing to Ada.",
    ends=["cancelled: staff deleted the draft"],
    to_staff=1,
    given=DRAFTS,
)
async def test_staff_deletes_a_draft(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    send = button(draft, "Send")
    await s.mina.deletes(draft)
    await s.question_is("cancelled")
    assert (await s.olga.forges(send, s.post)).content == texts.refused("draft over")


@scene(
    "What staff deletes while docbot is away is discarded too, and what it leaves is not.",
    ends=["cancelled: staff deleted the draft", "review"],
    to_staff=2,
    given=DRAFTS,
)
async def test_staff_deletes_a_draft_while_docbot_is_away(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    await s.ben.posts()
    await s.staff_gets()
    await s.docbot_stops()
    await s.mina.member.delete(draft)
    await s.docbot_starts()
    await s.until("SELECT count(*) = 1 FROM questions WHERE state = 'cancelled'")


@scene(
    "Where docbot may not read what stands there, it takes nothing as deleted.",
    ends=["review"],
    to_staff=1,
    given=DRAFTS,
)
async def test_docbot_may_not_read_the_staff_channel(s: Scene) -> None:
    await s.ada.posts()
    await s.staff_gets()
    s.docbot_may_not(Permission.READ_MESSAGE_HISTORY, place=s.playground.staff)
    await s.docbot_restarts()
    await eventually(lambda: not s.was_refused_nothing())


@scene(
    "All that a moderator clears away at once is discarded; what was decided before stays so.",
    ends=["answered", *["cancelled: staff deleted the draft"] * 2],
    says=1,
    to_staff=3,
    given=DRAFTS,
)
async def test_staff_clears_its_channel(s: Scene) -> None:
    await s.ada.posts()
    drafts = [await s.staff_gets()]
    await s.mina.presses("Send", drafts[0])
    await s.docbot_says()
    for each in (s.ben, s.cleo):
        await each.posts()
        drafts.append(await s.staff_gets())
    await s.mina.clears(drafts)
    await s.until("SELECT count(*) = 2 FROM questions WHERE state = 'cancelled'")


@scene(
    "What docbot held back is not offered any more, and the thread is left to Ben.",
    ends=["yielded"],
    to_staff=1,
    model=[Hang(), REPLY],
    given={"staff-channel": "#staff"},
)
async def test_staff_deletes_a_draft_that_was_held_back(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_thinks()
    await s.ben.writes("I have that too.")
    s.docbot_goes_on()
    draft = await s.staff_gets()
    await s.mina.deletes(draft)
    await s.until("SELECT state = 'discarded' FROM drafts")


@scene(
    "A draft that went with its channel is written anew for the next one, once the operator retries.",
    ends=["answered"],
    says=1,
    to_staff=2,
    given=DRAFTS,
)
async def test_the_staff_channel_is_deleted_with_a_draft(s: Scene) -> None:
    await s.ada.posts()
    await s.staff_gets()
    await s.olga.member.delete_channel(s.playground.staff)
    await s.question_is("failed")
    [line] = s.lines_with("drafts lost: 1")
    assert "docbot config set staff-channel" in line
    assert "docbot questions retry" in await s.value("SELECT reason FROM questions")
    await s.staff_moves()
    await s.operator_retries()
    await s.mina.presses("Send", await s.staff_gets())
    await s.docbot_says(REVIEWED)


@scene(
    "The channel is gone when docbot comes back: the draft does not wait for nobody.",
    ends=["failed", "yielded"],
    to_staff=2,
    model=[REPLY, Hang(), REPLY],
    given=DRAFTS,
)
async def test_the_staff_channel_is_deleted_while_docbot_is_away(s: Scene) -> None:
    await s.ada.posts()
    await s.staff_gets()
    await s.cleo.posts()
    await s.docbot_thinks(times=2)
    await s.ben.writes("I have that too.")
    s.docbot_goes_on()
    await s.staff_gets("Somebody else replied first")
    await s.docbot_stops()
    await s.olga.member.delete_channel(s.playground.staff)
    await s.docbot_starts()
    await s.operator_reads("drafts lost: 2")
    assert await s.value("SELECT count(*) FROM drafts WHERE state = 'open'") == 0


@scene("A channel that is only hidden is not lost.", ends=["review"], to_staff=1, given=DRAFTS)
async def test_the_staff_channel_is_hidden_while_a_draft_waits(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    s.docbot_may_not(Permission.VIEW_CHANNEL, place=s.playground.staff)
    await s.operator_reads("docbot lacks View Channels in its staff channel")
    await s.docbot_restarts()
    assert s.lines_with("drafts lost") == []
    assert len(draft.buttons) == 3


@scene(
    "Staff that decides in a thread loses its drafts with it, and not while it is only hidden.",
    ends=["failed"],
    to_staff=1,
    given=DRAFTS,
)
async def test_staff_decides_in_a_thread(s: Scene) -> None:
    world, room = s.playground.world, s.playground.staff
    thread = world.create_thread(room.id, s.olga.id, {"name": "Drafts", "type": 11})
    await s.staff_moves(thread)
    await s.ada.posts()
    await s.staff_gets()
    s.docbot_may_not(Permission.VIEW_CHANNEL, place=room)
    await s.docbot_restarts()
    assert s.lines_with("drafts lost") == []
    s.docbot_may_not(place=room)
    await s.docbot_restarts()
    await s.mina.member.delete_thread(thread)
    await s.question_is("failed")
    assert len(s.lines_with("drafts lost: 1")) == 1


@scene(
    "A forum that is set to drafts and has no channel for them says nothing, and tells why.",
    ends=["failed"],
    given={"mode": "draft"},
)
async def test_drafts_without_a_staff_channel(s: Scene) -> None:
    await s.ada.posts()
    await s.question_is("failed")
    assert "staff-channel" in await s.value("SELECT reason FROM questions")


@scene("The form counts also after a restart.", ends=["answered"], says=1, to_staff=1, given=DRAFTS)
async def test_a_draft_edited_across_a_restart(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    form = await s.mina.opens("Edit", draft)
    await s.docbot_restarts()
    assert (await s.mina.fills_in(form, "Set it to 5.")).content == texts.draft_changed()
    await s.staff_reads("Set it to 5.", draft)
    await s.mina.presses("Send", draft)
    await s.docbot_says("Set it to 5.")


@scene(
    "What is withdrawn before it arrived waits for itself alone: Mina's decision shows meanwhile.",
    ends=["cancelled: staff discarded the draft", "cancelled: thread locked"],
    to_staff=2,
    given=DRAFTS,
)
async def test_a_draft_that_is_on_its_way_holds_up_no_other(s: Scene) -> None:
    await s.ada.posts()
    first = await s.staff_gets()
    path = f"/channels/{s.playground.staff.id}/messages"
    s.playground.faults.answer(503, method="POST", path=path, times=1000)
    await s.ben.posts()
    await s.until("SELECT attempt > 0 AND state = 'pending' FROM outbox ORDER BY id DESC LIMIT 1")
    await s.mina.locks()
    await s.until("SELECT attempt > 0 FROM outbox WHERE kind = 'edit'")
    await s.mina.presses("Discard", first)
    await s.staff_reads("was discarded by", first)
    s.playground.faults.clear()
    await s.staff_reads("withdrawn: thread locked", await s.staff_gets())
