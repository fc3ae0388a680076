"""What a forum learned from its solved threads answers its next posts, and no other forum's."""

import asyncio
from pathlib import Path

import pytest

from docbot import texts
from docbot.app.reading import is_stale, sync_sources
from docbot.app.renewal import keep_renewed, renew_index
from docbot.app.rooms import Rooms
from docbot.app.sources import lines_about_sources
from docbot.forum.bindings import Bindings
from docbot.forum.learning import Learning
from docbot.forum.reviews import Reviews
from docbot.forum.staff_notes import StaffNotes
from docbot.playground.objects import Channel, ChannelKind, Message, Permission, Thread
from tests.model_server import ModelServer
from tests.town import (
    BASE_URL,
    OFF_TOPIC,
    PAGES,
    QUESTION,
    Ground,
    Quiet,
    QuietTown,
    Town,
    button,
    open_quiet_town,
    open_town,
)

pytestmark = pytest.mark.slow

TITLE = "Grue in the cellar after the upgrade"
BODY = "Since the upgrade a grue eats the lanterns. <@1> what can I do? I have two cellars."
SOLUTION = "Put a torch beside the stairs:\n```sh\ntorch --bright\n```\nThe grue leaves by itself."
SAME = "Grue in my cellar since the upgrade", "It eats every lantern. What can I do about it?"


async def posted(town: Town) -> tuple[Thread, Message]:
    """A thread with the message of a member that solves it, both stored."""
    thread = await town.asker.post(town.playground.forum, TITLE, BODY)
    solving = await town.helper.reply(thread, SOLUTION)
    await town.until("SELECT true FROM messages WHERE id = $1", solving.id)
    await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
    return thread, solving


def learning_of(rooms: Rooms) -> Learning:
    """Where no docbot runs that knows of a channel of the staff."""
    bindings = Bindings(rooms.forums, rooms.configs)
    reviews = Reviews(rooms.solutions, StaffNotes(rooms.outbox), bindings)
    return Learning(rooms.solutions, reviews)


async def learn(town: QuietTown, thread: Thread, solving: Message) -> None:
    """Learn as docbot does, where none runs to be told of it."""
    async with town.rooms.pool.acquire() as conn, conn.transaction():
        state = await learning_of(town.rooms).learn(
            conn,
            thread_id=thread.id,
            message_id=solving.id,
            marked_by=town.asker.id,
            learns="on",
            is_open=True,
        )
    assert state == "verified"


async def solved(town: Town) -> tuple[Thread, Message]:
    """A thread that a member solved, as soon as it is found."""
    index = town.rooms.index.name
    thread, solving = await posted(town)
    await town.until("SELECT tags IS NOT NULL FROM forums")
    await town.bot.bindings.reload()
    await town.asker.message_menu(solving, "Mark solution")
    await town.until("SELECT true FROM solutions WHERE state = 'verified'")
    await renewed(town, index)
    assert town.forum_as_bound().solved_source_id is not None
    return thread, solving


async def renewed(town: Town, index: str | None) -> None:
    await town.until(
        "SELECT true FROM index_generations WHERE state = 'current' AND name <> $1", index
    )
    await town.rooms.index.refresh()
    await town.bot.bindings.reload()


def link(town: QuietTown, thread: Thread, message: Message) -> str:
    return f"https://discord.com/channels/{town.playground.guild.id}/{thread.id}/{message.id}"


async def ask(
    town: Town, title: str, body: str, forum: Channel | None = None, tags: tuple[str, ...] = ()
) -> Thread:
    thread = await town.asker.post(forum or town.playground.forum, title, body, tags)
    await town.until("SELECT ended_at IS NOT NULL FROM questions WHERE message_id = $1", thread.id)
    return thread


def said(town: Town, thread: Thread) -> list[str]:
    bot = town.playground.bot.id
    return [each.content for each in town.asker.reads(thread) if each.author.id == bot]


async def test_a_post_that_asks_the_same_gets_the_link(town: Town) -> None:
    thread, solving = await solved(town)
    [answer] = said(town, await ask(town, *SAME))
    first, *_ = answer.splitlines()
    assert first == f"Already solved here: [{TITLE}](<{link(town, thread, solving)}>)"


async def test_another_question_is_answered_with_the_solution_as_its_source(town: Town) -> None:
    thread, solving = await solved(town)
    [answer] = said(town, await ask(town, "What is a torch in the cellar for?", "By the stairs."))
    assert "Already solved" not in answer
    assert "torch --bright" in answer
    assert "eats the lanterns" not in answer  # which is what was asked there
    assert f"[{TITLE}](<{link(town, thread, solving)}>) (solved thread)" in answer


async def test_the_thread_itself_is_not_answered_with_what_solved_it(town: Town) -> None:
    thread, _ = await solved(town)
    before = said(town, thread)
    await town.asker.reply(thread, f"{town.mention} {SAME[0]}? {SAME[1]}")
    await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
    answers = said(town, thread)[len(before) :]
    assert [each for each in answers if "solved" in each.lower()] == []


async def test_another_forum_does_not_see_what_was_solved_here(town: Town) -> None:
    await solved(town)
    world, guild = town.playground.world, town.playground.guild
    other = world.add_channel(guild.id, "public-help", ChannelKind.FORUM)
    [docs] = await town.rooms.sources.all()
    await town.rooms.forums.bind(
        guild_id=guild.id, channel_id=other.id, mode="auto", source_ids=[docs.id]
    )
    await town.bot.bindings.reload()
    assert said(town, await ask(town, *SAME, forum=other)) == []


@pytest.mark.parametrize("with_history", [True, False])
async def test_a_solution_that_is_older_than_the_binding_is_learned(
    ground: Ground, *, with_history: bool
) -> None:
    async with open_quiet_town(ground) as quiet:
        place = quiet.playground
        thread = await quiet.asker.post(place.forum, TITLE, BODY)
        solving = await quiet.helper.reply(thread, SOLUTION)
        await quiet.rooms.pool.execute("UPDATE forums SET bound_at = now()")
        if not with_history:
            right = Permission.READ_MESSAGE_HISTORY
            place.world.set_overwrite(place.forum.id, place.town.bot_role.id, deny=right)
        async with quiet.awake() as town:
            await town.until("SELECT tags IS NOT NULL FROM forums")
            await town.bot.bindings.reload()
            stranger = await place.members[2].message_menu(solving, "Mark solution")
            assert (await stranger.answered()).content == texts.refused("not yours")
            assert await town.rooms.pool.fetchval("SELECT count(*) FROM messages") == 0
            called = await town.asker.message_menu(solving, "Mark solution")
            assert (await called.answered()).content == texts.marked_solved()
            learned = await town.rooms.solutions.find(thread.id)
    assert learned is not None
    assert (learned.state, learned.title, learned.solution) == ("verified", TITLE, SOLUTION)
    assert learned.question == (BODY.replace("<@1> ", " ") if with_history else "")
    assert (learned.asker_id, learned.solver_id) == (quiet.asker.id, quiet.helper.id)


async def test_a_deleted_solution_is_not_cited_any_more(town: Town) -> None:
    _, solving = await solved(town)
    await town.helper.delete(solving)
    await town.until("SELECT state = 'removed' FROM solutions")
    assert said(town, await ask(town, *SAME)) == []
    await renew_index(town.rooms)
    assert not await is_stale(town.rooms)


async def test_every_change_of_what_was_learned_makes_an_index(ground: Ground) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            thread, solving = await posted(town)
        rooms, changed = quiet.rooms, asyncio.Event()
        took: list[float] = []

        def rest(built_seconds: float) -> float:
            took.append(built_seconds)
            return 0

        keeping = asyncio.create_task(keep_renewed(rooms, changed, rest=rest))
        for is_solved in (True, False):
            before = await rooms.generations.find_current()
            assert before is not None
            if is_solved:
                await learn(quiet, thread, solving)
            else:
                async with rooms.pool.acquire() as conn, conn.transaction():
                    await learning_of(rooms).unlearn(conn, thread.id)
            changed.set()
            await quiet.until(
                "SELECT true FROM index_generations WHERE state = 'current' AND id > $1", before.id
            )
            assert not await rooms.generations.lacks_solutions()
        assert took[0] > 0
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping


async def test_a_given_answer_is_not_repeated_once_its_thread_is_forgotten(ground: Ground) -> None:
    async with (
        ModelServer.open(lambda _: "Put a torch beside the stairs [1].") as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        thread, _ = await solved(town)
        await ask(town, "What is a torch in the cellar for?", "By the stairs.")
        assert await town.rooms.pool.fetchval("SELECT count(repeat_key) FROM answers") == 1
        assert "Question: Since the upgrade" in str(model.requests[-1].body)
        await town.asker.slash(thread, "unsolve")
        await town.until("SELECT state = 'removed' FROM solutions")
        assert await town.rooms.pool.fetchval("SELECT count(repeat_key) FROM answers") == 0


async def test_what_was_learned_follows_edits_and_the_end_of_its_thread(town: Town) -> None:
    thread, solving = await solved(town)
    markdown = (
        "SELECT markdown FROM pages JOIN sources ON source_id = sources.id WHERE kind = 'solved'"
    )
    await town.helper.edit(solving, "Put a lamp there.")
    await town.until(f"SELECT ({markdown}) LIKE '%lamp%'")
    await town.asker.rename(thread, "No grue any more")
    await town.until("SELECT true FROM pages WHERE title = 'No grue any more'")
    await town.playground.moderator.delete_thread(thread)
    await town.until("SELECT state = 'removed' FROM solutions")
    assert await town.rooms.pool.fetchval(markdown) is None


async def test_who_has_nothing_left_but_what_was_learned_is_shown_it_and_has_it_erased(
    town: Town,
) -> None:
    thread, solving = await posted(town)
    await learn(town, thread, solving)
    await town.rooms.pool.execute("UPDATE messages SET created_at = now() - interval '1 year'")
    while await town.rooms.erasure.expire(town.playground.guild.id, 180):
        pass
    offer = await (await town.helper.slash(town.playground.text, "forget")).answered()
    lines = [line for line in offer.content.splitlines() if line.startswith("- ")]
    assert lines == ["- what I learned from 1 solved thread that you opened or solved"]
    press = await town.helper.press(offer, button(offer, texts.erase()))
    assert (await press.answered()).content == texts.all_erased()
    assert await town.rooms.pool.fetchval("SELECT state FROM solutions") == "removed"
    again = await (await town.helper.slash(town.playground.text, "forget")).answered()
    assert again.content == texts.nothing_held()


async def test_who_is_forgotten_keeps_one_of_their_threads_waiting_at_a_time(town: Town) -> None:
    first, second = await posted(town), await posted(town)
    for thread, solving in (first, second):
        await learn(town, thread, solving)
    offer = await (await town.asker.slash(town.playground.text, "forget")).answered()
    async with town.rooms.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM threads WHERE id = $1 FOR UPDATE", second[0].id)
        press = await town.asker.press(offer, button(offer, texts.erase()))
        forgotten = "SELECT state = 'removed' FROM solutions WHERE thread_id = $1"
        await town.until(forgotten, first[0].id)
    assert (await press.answered()).content == texts.all_erased()
    assert await town.rooms.pool.fetchval(forgotten, second[0].id)


async def test_syncs_leave_what_was_learned_alone(town: Town) -> None:
    thread, _ = await solved(town)
    await sync_sources(town.rooms, [], full=True, say=lambda _: None, progress=Quiet())
    assert await town.rooms.solutions.find_page(thread.id) is not None
    assert await town.rooms.syncs.due(first_after_seconds=0) == []
    told = (await lines_about_sources(town.rooms))[-1]
    assert told.startswith(f"solved-{town.playground.forum.id}  learned from the threads of forum")


async def test_what_was_learned_while_nobody_built_the_index_is_found_after_a_restart(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            thread, solving = await posted(town)
        index = quiet.rooms.index.name
        await learn(quiet, thread, solving)
        assert await quiet.rooms.generations.lacks_solutions()
        async with quiet.awake() as town:
            await renewed(town, index)
            assert not await quiet.rooms.generations.lacks_solutions()
            [answer] = said(town, await ask(town, *SAME))
    assert answer.startswith("Already solved here")


async def test_a_tag_narrows_the_search_to_its_source(town: Town, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text.replace("max_retries", "crank_turns"))
    rooms, forum = town.rooms, town.playground.forum
    await rooms.sources.add(name="old", kind="folder", location=str(folder), base_url=BASE_URL)
    await sync_sources(rooms, ["old"], full=False, say=lambda _: None, progress=Quiet())
    await rooms.index.refresh()
    tag = forum.tags[0].name
    await rooms.configs.set(town.playground.guild.id, forum.id, "tag-sources", f"{tag.upper()}=old")
    await town.until("SELECT tags IS NOT NULL FROM forums")
    await town.bot.bindings.reload()
    [plain] = said(town, await ask(town, QUESTION, "It fails each night."))
    [tagged] = said(town, await ask(town, QUESTION, "It fails each day.", tags=(tag,)))
    assert "max_retries" in plain
    assert "crank_turns" not in plain
    assert "crank_turns" in tagged
    assert "max_retries" not in tagged


async def test_a_renamed_tag_is_known_by_its_new_name(town: Town) -> None:
    world, forum = town.playground.world, town.playground.forum
    await town.until("SELECT tags IS NOT NULL FROM forums")
    tags = [{"id": str(tag.id), "name": f"new {tag.name}"[:20]} for tag in forum.tags]
    world.edit_channel(forum.id, town.playground.guild.owner_id, {"available_tags": tags})
    named = {tag["id"]: tag["name"] for tag in tags}
    await town.until("SELECT tags = $1 FROM forums", named)


async def test_off_topic_is_still_met_with_silence(town: Town) -> None:
    await solved(town)
    assert said(town, await ask(town, OFF_TOPIC, "I could not find it.")) == []
