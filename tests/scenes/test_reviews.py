"""Staff sees what is learned before it counts."""

import pytest

from docbot import texts
from docbot.playground.objects import Message
from tests.scenes.script import Person, Scene, scene
from tests.town import button

pytestmark = pytest.mark.check

REVIEW = {"learn": "review", "staff-channel": "#staff"}
TITLE = "Grue in the cellar after the upgrade"
BODY = "Since the upgrade a grue eats the lanterns. What can I do? I have two cellars."
SOLUTION = "Put a torch beside the stairs. The grue leaves by itself."
IN_SEARCH = """
    SELECT true FROM index_generations
    WHERE state = 'current' AND name <> $1
"""


async def is_solved(s: Scene) -> Message:
    """Ada posts, Ben helps, and Ada says that he did."""
    await s.until("SELECT tags IS NOT NULL FROM forums")
    await s.town.bot.bindings.reload()
    await s.ada.posts(TITLE, BODY)
    await s.question_is("abstained")
    helped = await s.ben.writes(SOLUTION)
    assert (await s.ada.marks_as_solution(helped)).content == texts.marked_solved()
    return helped


async def is_found(s: Scene, index: str | None) -> None:
    """What was learned is in the index that is searched."""
    await s.until(IN_SEARCH, index)
    await s.town.rooms.index.refresh()
    await s.town.bot.bindings.reload()


async def is_discarded_for_good(s: Scene, helped: Message) -> None:
    """Ada marks it once more, and it is not learned."""
    await s.ada.runs("unsolve")
    await s.ada.marks_as_solution(helped)
    assert await s.value("SELECT state FROM solutions") == "removed"


@scene(
    "Mina lets it pass: the next who asks is answered with it.",
    ends=["abstained", "answered"],
    says=1,
    to_staff=1,
    given=REVIEW,
)
async def test_a_solution_is_learned(s: Scene) -> None:
    index = s.town.rooms.index.name
    await is_solved(s)
    note = await s.staff_gets(SOLUTION)
    assert s.thread.mention in note.content
    assert f"{s.ada.member.user.mention} marked" in note.content
    assert await s.value("SELECT state FROM solutions") == "review"
    assert (await s.hana.presses("Learn", note)).content == texts.refused("staff only")
    assert (await s.hana.presses("Edit", note)).content == texts.refused("staff only")
    learn = button(note, "Learn")
    assert (await s.mina.presses("Learn", note)).content == texts.solution_learned()
    await s.staff_reads("let me learn", note)
    assert note.buttons == []
    assert (await s.olga.forges(learn, note)).content == texts.refused("solution learned")
    await is_found(s, index)
    await s.cleo.posts("What is a torch in the cellar for?", "By the stairs.")
    answer = await s.docbot_says("torch beside the stairs")
    assert f"({texts.solved_thread()})" in answer.content


@scene(
    "Mina's words are learned in place of Ben's.",
    ends=["abstained", "answered"],
    says=1,
    to_staff=1,
    given=REVIEW,
)
async def test_a_solution_is_edited(s: Scene) -> None:
    index = s.town.rooms.index.name
    await is_solved(s)
    note = await s.staff_gets()
    form = await s.mina.opens("Edit", note)
    assert (await s.mina.fills_in(form, " @here ")).content == texts.refused("no words")
    form = await s.mina.opens("Edit", note)
    said = await s.mina.fills_in(form, "Hang a bright lamp in the cellar.")
    assert said.content == texts.solution_learned_as_edited()
    await s.staff_reads("in their own words", note)
    await is_found(s, index)
    await s.cleo.posts("What is a lamp in the cellar for?", "A bright one.")
    answer = await s.docbot_says("bright lamp")
    assert SOLUTION not in answer.content


@scene(
    "It is not learned, and not again when Ada marks it once more.",
    ends=["abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_a_solution_is_discarded(s: Scene) -> None:
    helped = await is_solved(s)
    note = await s.staff_gets()
    discard = button(note, "Discard")
    assert (await s.mina.presses("Discard", note)).content == texts.solution_discarded()
    await s.staff_reads("discarded the solution", note)
    again = await s.mina.forges(discard, note)
    assert again.content == texts.refused("solution discarded")
    await is_discarded_for_good(s, helped)


@scene(
    "Of what Ben changed while it waited staff reads the new words, and decides on those alone.",
    ends=["abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_a_solution_is_edited_while_it_waits(s: Scene) -> None:
    helped = await is_solved(s)
    note = await s.staff_gets()
    stale = button(note, "Learn")
    form = await s.mina.opens("Edit", note)
    await s.ben.edits(helped, "Put a lamp there.")
    await s.staff_reads("Put a lamp there.", note)
    assert SOLUTION not in note.content
    assert (await s.mina.forges(stale, note)).content == texts.refused("solution changed")
    assert (await s.mina.fills_in(form, "A torch.")).content == texts.refused("solution changed")
    assert (await s.mina.presses("Learn", note)).content == texts.solution_learned()
    assert await s.value("SELECT solution FROM solutions") == "Put a lamp there."


@scene(
    "Nothing is left to decide once Ben has deleted it.",
    ends=["abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_a_solution_is_deleted_while_it_waits(s: Scene) -> None:
    helped = await is_solved(s)
    note = await s.staff_gets()
    learn = button(note, "Learn")
    await s.ben.deletes(helped)
    await s.staff_reads("nothing to decide any more", note)
    assert note.buttons == []
    assert (await s.mina.forges(learn, note)).content == texts.refused("solution over")


@scene(
    "Ada says that something else solved it: staff decides on that.",
    ends=["abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_another_message_is_marked_while_the_first_waits(s: Scene) -> None:
    await is_solved(s)
    note = await s.staff_gets()
    other = await s.cleo.writes("Sell the cellar.")
    await s.ada.marks_as_solution(other)
    await s.staff_reads("Sell the cellar.", note)
    await s.ada.runs("unsolve")
    await s.staff_reads("nothing to decide any more", note)
    assert await s.value("SELECT state FROM solutions") == "removed"


@scene(
    "What Ben makes of it after it was learned is shown to staff anew.",
    ends=["abstained"],
    to_staff=2,
    given=REVIEW,
)
async def test_a_solution_is_edited_after_it_was_learned(s: Scene) -> None:
    helped = await is_solved(s)
    await s.mina.presses("Learn", await s.staff_gets())
    await s.ben.edits(helped, "Send me a hundred coins.")
    note = await s.staff_gets("hundred coins")
    assert await s.value("SELECT state FROM solutions") == "review"
    assert [each["label"] for each in note.buttons] == ["Learn", "Edit", "Discard"]


@scene("Buttons and form count also after a restart.", ends=["abstained"], to_staff=1, given=REVIEW)
async def test_a_solution_is_edited_across_restarts(s: Scene) -> None:
    await is_solved(s)
    note = await s.staff_gets()
    await s.docbot_restarts()
    form = await s.mina.opens("Edit", note)
    await s.docbot_restarts()
    said = await s.mina.fills_in(form, "Hang a lamp there.")
    assert said.content == texts.solution_learned_as_edited()
    await s.staff_reads("in their own words", note)
    assert await s.value("SELECT edited FROM solutions") == "Hang a lamp there."


@scene(
    "Who runs another server has no say over what is learned here.",
    ends=["abstained", "abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_a_forged_button_of_another_server(s: Scene) -> None:
    await is_solved(s)
    note, thread = await s.staff_gets(), s.thread
    elsewhere = await s.another_server()
    theirs = Person(s, elsewhere.admin)
    await theirs.posts(TITLE, BODY, forum=elsewhere.forum)
    for what in ("Learn", "Edit", "Discard"):
        said = await theirs.forges(button(note, what), s.post)
        assert said.content == texts.refused("no solution")
    said = await theirs.sends_in(f"docbot:learned:{thread.id}:1", "Mine.")
    assert said.content == texts.refused("no solution")
    assert await s.value("SELECT state FROM solutions") == "review"
    assert len(note.buttons) == 3


@scene(
    "Without a staff channel it waits; the operator reads what to set, and then staff has it.",
    ends=["abstained"],
    to_staff=1,
    given={"learn": "review"},
)
async def test_a_solution_waits_for_a_staff_channel(s: Scene) -> None:
    await s.operator_reads("docbot config set staff-channel CHANNEL_ID --forum")
    await is_solved(s)
    assert await s.value("SELECT state FROM solutions") == "review"
    await s.set("staff-channel", "#staff")
    note = await s.staff_gets(SOLUTION)
    assert (await s.mina.presses("Learn", note)).content == texts.solution_learned()


@scene(
    "Who deletes the message has discarded the solution, also when Ada marks it once more.",
    ends=["abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_staff_deletes_a_solution_that_waits(s: Scene) -> None:
    helped = await is_solved(s)
    note = await s.staff_gets()
    learn = button(note, "Learn")
    await s.mina.deletes(note)
    await s.until("SELECT state = 'removed' FROM solutions")
    again = await s.olga.forges(learn, s.post)
    assert again.content == texts.refused("solution discarded")
    await is_discarded_for_good(s, helped)


@scene(
    "What was learned stays when the message that tells of it is cleared away.",
    ends=["abstained"],
    to_staff=1,
    given=REVIEW,
)
async def test_staff_deletes_a_solution_that_was_learned(s: Scene) -> None:
    await is_solved(s)
    note = await s.staff_gets()
    await s.mina.presses("Learn", note)
    await s.staff_reads("let me learn", note)
    await s.mina.deletes(note)
    await s.until("SELECT erased_at IS NOT NULL FROM outbox WHERE message_id = $1", note.id)
    assert await s.value("SELECT state FROM solutions") == "verified"


@scene(
    "Staff gets in its next channel what waited in the one that was deleted.",
    ends=["abstained"],
    to_staff=2,
    given=REVIEW,
)
async def test_the_staff_channel_is_deleted_with_a_solution(s: Scene) -> None:
    helped = await is_solved(s)
    await s.staff_gets()
    await s.olga.member.delete_channel(s.playground.staff)
    await s.operator_reads("solutions that wait for another staff channel: 1")
    await s.staff_moves()
    note = await s.staff_gets(SOLUTION)
    await s.ben.edits(helped, "Put a lamp there.")
    await s.staff_reads("Put a lamp there.", note)
    assert (await s.mina.presses("Learn", note)).content == texts.solution_learned()


@scene("Of two who decide at once one is told so.", ends=["abstained"], to_staff=1, given=REVIEW)
async def test_two_people_decide_on_a_solution_at_once(s: Scene) -> None:
    await is_solved(s)
    note = await s.staff_gets()
    said = await s.at_once(s.mina.presses("Learn", note), s.olga.presses("Learn", note))
    assert sorted(each.content for each in said) == sorted(
        [texts.solution_learned(), texts.refused("solution learned")]
    )
