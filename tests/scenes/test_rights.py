"""What docbot may not do any more, and what was deleted that its settings name."""

import pytest

from docbot import texts
from docbot.playground.objects import Permission
from tests.scenes.script import Scene, scene
from tests.town import Ground

pytestmark = pytest.mark.check

HELPERS = {"helper-role": "@Helpers"}
STAFF = {"staff-channel": "#staff"}
DRAFTS = STAFF | {"mode": "draft"}
VIEW, SEND, ATTACH = Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES, Permission.ATTACH_FILES
LONG = "Set `max_retries` [1].\n\n```python\n" + "frobnicate()\n" * 300 + "```"

# Asking for a human


@scene(
    "Discord would not ping the role: whoever reads the thread is asked, and the operator told once.",
    ends=["answered"],
    says=2,
    given=HELPERS,
)
async def test_a_helper_role_that_docbot_may_not_ping(s: Scene) -> None:
    s.nobody_may_mention_helpers()
    await s.operator_reads('docbot may not ping its helper role "Helpers"')
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Ask a human")).content == texts.human_called()
    assert texts.human_wanted_here() in (await s.docbot_says()).content
    [line] = s.lines_with("may not ping")
    assert str(s.playground.forum.id) in line
    assert "Server Settings > Roles > Helpers" in line


@scene(
    "The staff channel gets a line too.",
    ends=["answered"],
    says=2,
    to_staff=1,
    given=HELPERS | STAFF,
)
async def test_a_helper_role_that_docbot_may_not_ping_where_there_is_staff(s: Scene) -> None:
    s.nobody_may_mention_helpers()
    await s.operator_reads("may not ping")
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Ask a human")
    assert texts.human_wanted_here() in (await s.docbot_says()).content
    await s.staff_gets("asks for a human")


@scene(
    "Docbot may ping every role: the helpers are pinged.",
    ends=["answered"],
    says=2,
    pings=1,
    given=HELPERS,
)
async def test_a_docbot_that_may_ping_every_role(s: Scene) -> None:
    role = s.playground.town.bot_role
    s.playground.world.edit_role(role, role.permissions | Permission.MENTION_EVERYONE)
    s.nobody_may_mention_helpers()
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Ask a human")
    await s.docbot_says("help is needed")
    assert s.lines_with("may not ping") == []


@scene(
    "The channel of the staff is gone: whoever reads the thread is asked.",
    ends=["answered"],
    says=2,
    given=STAFF,
)
async def test_a_human_is_asked_for_and_the_staff_channel_is_deleted(s: Scene) -> None:
    await s.olga.member.delete_channel(s.playground.staff)
    await s.operator_reads("docbot config set staff-channel")
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Ask a human")).content == texts.human_called()
    assert texts.human_wanted_here() in (await s.docbot_says()).content


@scene(
    "What is set for staff is another server's channel: whoever reads the thread is asked.",
    ends=["answered"],
    says=2,
)
async def test_a_human_is_asked_for_and_the_staff_channel_is_of_another_server(s: Scene) -> None:
    elsewhere = await s.another_server()
    await s.set("staff-channel", str(elsewhere.staff.id))
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Ask a human")
    assert texts.human_wanted_here() in (await s.docbot_says()).content


@scene(
    "Docbot may not write to staff: whoever reads the thread is asked.",
    ends=["answered"],
    says=2,
    given=STAFF,
)
async def test_a_human_is_asked_for_and_docbot_may_not_write_to_staff(s: Scene) -> None:
    s.docbot_may_not(SEND, place=s.playground.staff)
    await s.operator_reads("docbot lacks Send Messages in its staff channel #staff")
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Ask a human")
    assert texts.human_wanted_here() in (await s.docbot_says()).content


# Drafts


@pytest.mark.parametrize("right", [VIEW, SEND], ids=["hidden", "closed"])
async def test_a_staff_channel_is_closed_to_docbot_for_a_while(
    right: Permission, ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    @scene(
        "The draft waits for the right, and the operator reads one line.",
        ends=["answered"],
        says=1,
        to_staff=1,
        given=DRAFTS,
    )
    async def play(s: Scene) -> None:
        s.docbot_may_not(right, place=s.playground.staff)
        await s.operator_reads("in its staff channel #staff")
        await s.ada.posts()
        await s.until("SELECT reason LIKE '%docbot lacks%' FROM outbox")
        assert await s.value("SELECT state FROM questions") == "review"
        s.docbot_may_not(place=s.playground.staff)
        await s.value("UPDATE outbox SET due_at = now()")
        draft = await s.staff_gets()
        await s.mina.presses("Send", draft)
        await s.docbot_says()
        assert len(s.lines_with("lacks")) == 1
        assert s.was_refused_nothing()

    await play(ground, caplog)


@scene(
    "A draft that is so long that it needs a file waits for the right to attach it.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
    model=[LONG],
)
async def test_docbot_may_attach_nothing_for_staff(s: Scene) -> None:
    s.docbot_may_not(ATTACH, place=s.playground.staff)
    await s.operator_reads("docbot lacks Attach Files in its staff channel #staff")
    await s.ada.posts()
    await s.until("SELECT reason LIKE '%Attach Files%' FROM outbox")
    s.docbot_may_not(place=s.playground.staff)
    await s.value("UPDATE outbox SET due_at = now()")
    draft = await s.staff_gets()
    assert draft.attachments
    await s.mina.presses("Send", draft)
    await s.docbot_says()
    assert s.was_refused_nothing()


@scene(
    "What is said below a draft waits until docbot sees the channel again.",
    ends=["answered"],
    says=1,
    to_staff=1,
    given=DRAFTS,
)
async def test_the_staff_channel_is_hidden_before_a_draft_is_sent(s: Scene) -> None:
    await s.ada.posts()
    draft = await s.staff_gets()
    s.docbot_may_not(VIEW, place=s.playground.staff)
    await s.operator_reads("in its staff channel #staff")
    assert (await s.mina.presses("Send", draft)).content == texts.draft_sent()
    await s.docbot_says()
    await s.until("SELECT reason LIKE '%View Channels%' FROM outbox WHERE kind = 'edit'")
    s.docbot_may_not(place=s.playground.staff)
    await s.value("UPDATE outbox SET due_at = now()")
    await s.staff_reads("sent", draft)
    assert s.was_refused_nothing()


# Solved threads and buttons


@scene(
    "It is solved without a tag; Discord is not asked, and the operator reads one line.",
    ends=["answered"],
    says=1,
)
async def test_docbot_may_not_manage_threads(s: Scene) -> None:
    s.docbot_may_not(Permission.MANAGE_THREADS)
    await s.operator_reads("docbot could use Manage Threads")
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.answer_shows(texts.is_solved())
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'tag'")
    assert s.tags == []
    assert len(s.lines_with("Manage Threads")) == 1
    assert s.was_refused_nothing()


@scene(
    "A moderator timed docbot out: the tag is put on once that is over.",
    ends=["answered"],
    says=1,
)
async def test_a_thread_is_solved_while_docbot_is_timed_out(s: Scene) -> None:
    world, guild, bot = s.playground.world, s.playground.guild, s.playground.bot
    await s.ada.posts()
    await s.docbot_says()
    await s.question_is("answered")
    world.time_out(guild.id, bot.id, world.clock() + 600)
    await s.operator_reads("timed docbot out")
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.until("SELECT reason LIKE '%timed docbot out%' FROM outbox WHERE kind = 'tag'")
    world.time_out(guild.id, bot.id, None)
    await s.value("UPDATE outbox SET due_at = now()")
    await s.thread_has_tags("solved")


@scene(
    "Nothing is archived, nor tried again and again.",
    ends=["answered"],
    says=1,
    given={"archive-solved-hours": "24"},
)
async def test_docbot_may_not_archive(s: Scene) -> None:
    await s.ada.posts()
    await s.docbot_says()
    await s.ada.presses("Solved")
    await s.thread_has_tags("solved")
    s.docbot_may_not(Permission.MANAGE_THREADS)
    await s.operator_reads("docbot could use Manage Threads")
    await s.time_passes(hours=24)
    await s.until("SELECT state = 'dropped' FROM outbox WHERE kind = 'archive'")
    assert await s.value("SELECT look_at IS NULL FROM threads")
    assert not s.thread.archived
    assert s.was_refused_nothing()


@scene(
    "The tag that is set was renamed: solved without one, and the operator reads it.",
    ends=["answered"],
    says=1,
    given={"solved-tag": "bug"},
)
async def test_the_tag_that_is_set_is_renamed(s: Scene) -> None:
    s.playground.world.delete_tag(s.playground.forum, "bug")
    await s.operator_reads('it has no tag "bug"')
    await s.ada.posts()
    await s.docbot_says()
    assert (await s.ada.presses("Solved")).content == texts.marked_solved()
    await s.answer_shows(texts.is_solved())
    assert s.tags == []
    [line] = s.lines_with("has no tag")
    assert f"docbot config set solved-tag NAME --forum {s.playground.forum.id}" in line


@scene(
    "A vote counts while the forum is hidden, and shows once it no longer is.",
    ends=["answered"],
    says=1,
)
async def test_a_button_in_a_forum_that_docbot_sees_no_more(s: Scene) -> None:
    await s.ada.posts()
    answer = await s.docbot_says()
    await s.question_is("answered")
    s.docbot_may_not(VIEW)
    await s.operator_reads("docbot lacks View Channels")
    assert (await s.ben.presses("Helpful", answer)).content == texts.voted("helpful")
    await s.until("SELECT reason LIKE '%View Channels%' FROM outbox WHERE kind = 'edit'")
    s.docbot_may_not()
    await s.value("UPDATE outbox SET due_at = now()")
    await s.answer_shows(texts.counted_votes(texts.helpful(), 1))
    assert len(s.lines_with("View Channels")) == 1
