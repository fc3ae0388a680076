"""What staff see of the solutions that wait for them, whatever becomes of those."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from docbot import texts
from docbot.db.config import Configs
from docbot.db.erasure import Erasure
from docbot.db.forums import Forums
from docbot.db.outbox import Outbox, UndecidedNote
from docbot.db.pool import Conn, Pool
from docbot.db.solutions import Solutions, State
from docbot.db.threads import Message, Thread, Threads
from docbot.forum.bindings import Bindings
from docbot.forum.learning import Learning, Learns, SeenSolution
from docbot.forum.reviews import Reviews
from docbot.forum.staff_notes import StaffNotes

GUILD, FORUM, ASKER, HELPER, STAFF = 1, 20, 300, 301, 302
THREAD, SOLVING, OTHER = 500, 501, 502
CHANNEL, ANOTHER_CHANNEL = 50, 51
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUESTION, SOLUTION = "It stops with E42.", "Delete the `lock file`."

_NOTES = """
    SELECT kind, state, channel_id, payload->>'content' AS content, payload->'buttons' AS buttons,
           payload->'files' AS files
    FROM outbox WHERE thread_id = $1 ORDER BY id
"""
_SENT = "UPDATE outbox SET state = 'sent', message_id = 70, ended_at = now() WHERE kind = 'send'"
_DEAD = "UPDATE outbox SET state = 'dead', reason = 'no right', ended_at = now()"


@dataclass(frozen=True)
class Desk:
    """A forum with a solved thread, and what staff get of it."""

    pool: Pool
    bindings: Bindings
    reviews: Reviews
    learning: Learning

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Conn]:
        async with self.pool.acquire() as conn, conn.transaction():
            yield conn

    async def set_channel(self, channel_id: int | None) -> None:
        configs = Configs(self.pool)
        if channel_id is None:
            await configs.unset(GUILD, FORUM, "staff-channel")
        else:
            await configs.set(GUILD, FORUM, "staff-channel", str(channel_id))
        await self.bindings.reload()

    async def learn(self, message_id: int = SOLVING, learns: Learns = "review") -> State | None:
        async with self.transaction() as conn:
            return await self.learning.learn(
                conn,
                thread_id=THREAD,
                message_id=message_id,
                marked_by=ASKER,
                learns=learns,
                is_open=True,
            )

    async def edit(self, text: str) -> None:
        async with self.transaction() as conn:
            assert await Threads(self.pool).edit_message(conn, SOLVING, text, datetime.now(UTC))
            await self.learning.follow_thread(conn, THREAD)

    async def delete(self) -> None:
        async with self.transaction() as conn:
            await Threads(self.pool).delete_messages(conn, [SOLVING])
            await self.learning.follow_thread(conn, THREAD)
            await Erasure(self.pool).follow_messages(conn, [SOLVING])

    async def accept(self) -> None:
        async with self.transaction() as conn:
            assert await self.learning.accept(conn, await self.seen(), STAFF) is None

    async def seen(self) -> SeenSolution:
        solution = await self.learning.find(GUILD, THREAD)
        assert solution is not None
        return SeenSolution(GUILD, THREAD, solution.revision)

    async def notes(self) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(_NOTES, THREAD)]

    async def loses_channel(self) -> None:
        solutions = Solutions(self.pool)
        async with self.transaction() as conn:
            assert await solutions.undecided_by_channel(conn, CHANNEL) == [THREAD]
            assert await solutions.undecided_notes(conn) == [UndecidedNote(GUILD, CHANNEL, 70)]
            await solutions.lose(conn, THREAD)
            assert await solutions.undecided_notes(conn) == []

    async def arrives(self) -> None:
        await self.pool.execute(_SENT)


@pytest.fixture
async def desk(pool: Pool) -> Desk:
    threads, bindings = Threads(pool), Bindings(Forums(pool), Configs(pool))
    await pool.execute(
        "INSERT INTO guilds (id, name) VALUES ($1, '') ON CONFLICT DO NOTHING", GUILD
    )
    await pool.execute(
        "INSERT INTO forums (channel_id, guild_id, mode) VALUES ($1, $2, 'auto')", FORUM, GUILD
    )
    async with pool.acquire() as conn, conn.transaction():
        await threads.put(conn, Thread(THREAD, GUILD, FORUM, ASKER, "Frobnication fails", NOW))
        for number, author, text in (
            (THREAD, ASKER, QUESTION),
            (SOLVING, HELPER, SOLUTION),
            (OTHER, HELPER, "Update twice."),
        ):
            said = Message(number, GUILD, THREAD, author, False, text, NOW)
            await threads.put_message(conn, said)
    solutions = Solutions(pool)
    reviews = Reviews(solutions, StaffNotes(Outbox(pool)), bindings)
    desk = Desk(pool, bindings, reviews, Learning(solutions, reviews))
    await desk.set_channel(CHANNEL)
    return desk


async def test_staff_get_the_thread_the_question_the_solution_and_who_marked_it(desk: Desk) -> None:
    assert await desk.learn() == "review"
    [note] = await desk.notes()
    head, question, _, solution = note["content"].splitlines()
    assert head == texts.solution_to_review(f"<#{THREAD}>", f"<@{ASKER}>")
    assert question == f"> {QUESTION}"
    assert solution == SOLUTION
    assert (note["channel_id"], note["buttons"]) == (CHANNEL, ["learn", THREAD, 1])
    assert await desk.learn() == "review"  # marked twice is marked once
    assert len(await desk.notes()) == 1


async def test_what_is_learned_at_once_is_not_shown(desk: Desk) -> None:
    assert await desk.learn(learns="on") == "verified"
    assert await desk.notes() == []


async def test_a_long_solution_is_whole_in_a_file(desk: Desk) -> None:
    long = "\n\n".join(f"{number}. Turn the crank once more." for number in range(1, 200))
    await desk.edit(long)
    await desk.learn()
    [note] = await desk.notes()
    assert texts.solution_goes_on() in note["content"]
    assert len(note["content"]) <= 2000
    assert [file["content"] for file in note["files"]] == [long]


async def test_a_solution_of_which_discord_shows_nothing_is_in_a_file(desk: Desk) -> None:
    hidden = "[1]: https://elsewhere.test/"
    await desk.edit(hidden)
    await desk.learn()
    [note] = await desk.notes()
    assert note["content"].endswith(texts.solution_goes_on())
    assert [file["content"] for file in note["files"]] == [hidden]


async def test_a_solution_that_pings_and_links_does_neither_in_the_note(desk: Desk) -> None:
    await desk.edit("Ask @everyone or <@&9>, see https://elsewhere.test/ for more.")
    await desk.learn()
    [note] = await desk.notes()
    assert "@everyone" not in note["content"]
    assert "<@&9>" not in note["content"]
    assert "`https://elsewhere.test/`" in note["content"]


async def test_an_edit_of_what_waits_is_shown_in_the_same_message(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    await desk.edit("Delete the `cache`.")
    _, edit = await desk.notes()
    assert "Delete the `cache`." in edit["content"]
    assert (edit["kind"], edit["buttons"]) == ("edit", ["learn", THREAD, 2])


async def test_another_solution_takes_the_place_of_the_first_in_the_message(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    assert await desk.learn(OTHER) == "review"
    _, edit = await desk.notes()
    assert "Update twice." in edit["content"]
    assert edit["buttons"] == ["learn", THREAD, 2]


async def test_of_a_solution_that_is_gone_there_is_nothing_to_decide(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    await desk.delete()
    send, edit = await desk.notes()
    over = texts.solution_over(f"<#{THREAD}>", "deleted on Discord")
    assert (edit["content"], edit["buttons"]) == (over, None)
    assert send["content"] is None  # it loses its text here too


async def test_a_note_of_a_thread_that_is_unsolved_before_it_was_sent_is_not_sent(
    desk: Desk,
) -> None:
    await desk.learn()
    async with desk.transaction() as conn:
        await desk.learning.unlearn(conn, THREAD)
    [note] = await desk.notes()
    assert note["state"] == "dropped"
    assert await desk.learn() == "review"  # solved after all
    assert [each["state"] for each in await desk.notes()] == ["dropped", "pending"]


async def test_the_message_says_who_let_it_be_learned_and_has_no_buttons(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    await desk.accept()
    _, edit = await desk.notes()
    assert edit["content"] == texts.solution_was_learned(f"<#{THREAD}>", f"<@{STAFF}>")
    assert edit["buttons"] is None


async def test_the_message_says_who_wrote_it_anew(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    async with desk.transaction() as conn:
        await desk.learning.edit(conn, await desk.seen(), "Delete it.", STAFF)
    _, edit = await desk.notes()
    assert edit["content"] == texts.solution_was_edited(f"<#{THREAD}>", f"<@{STAFF}>")


async def test_the_message_says_who_discarded_it(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    async with desk.transaction() as conn:
        await desk.learning.discard(conn, await desk.seen(), STAFF)
    _, edit = await desk.notes()
    assert edit["content"] == texts.solution_was_discarded(f"<#{THREAD}>", f"<@{STAFF}>")


async def test_what_passed_and_was_edited_is_shown_in_a_new_message(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    await desk.accept()
    await desk.edit("Send me money.")
    *_, note = await desk.notes()
    assert (note["kind"], note["buttons"]) == ("send", ["learn", THREAD, 2])
    assert "Send me money." in note["content"]


async def test_who_is_forgotten_leaves_nothing_to_decide_and_no_text(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    async with desk.transaction() as conn:
        await desk.learning.forget_for_person(conn, THREAD)
    await Erasure(desk.pool).forget(GUILD, HELPER, 2**62)
    send, edit = await desk.notes()
    assert send["content"] is None
    assert edit["buttons"] is None
    assert SOLUTION not in edit["content"]


async def test_without_a_channel_it_waits_for_one(desk: Desk) -> None:
    await desk.set_channel(None)
    assert await desk.learn() == "review"
    assert (await desk.notes(), await desk.reviews.unseen(5)) == ([], [])
    await desk.set_channel(CHANNEL)
    assert await desk.reviews.unseen(5) == [THREAD]
    async with desk.transaction() as conn:
        await desk.reviews.show(conn, THREAD)
    assert len(await desk.notes()) == 1
    assert await desk.reviews.unseen(5) == []


async def test_what_could_not_be_sent_is_tried_in_another_channel_and_a_day_later(
    desk: Desk,
) -> None:
    await desk.learn()
    await desk.pool.execute(_DEAD)
    assert await desk.reviews.unseen(5) == []
    await desk.set_channel(ANOTHER_CHANNEL)
    assert await desk.reviews.unseen(5) == [THREAD]
    await desk.set_channel(CHANNEL)
    await desk.pool.execute("UPDATE outbox SET ended_at = ended_at - interval '25 hours'")
    assert await desk.reviews.unseen(5) == [THREAD]
    async with desk.transaction() as conn:
        await desk.reviews.show(conn, THREAD)
    assert [each["state"] for each in await desk.notes()] == ["dead", "pending"]


async def test_what_went_with_its_channel_is_shown_in_another_one_alone(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    await desk.loses_channel()
    await desk.pool.execute("UPDATE outbox SET ended_at = ended_at - interval '25 hours'")
    assert await desk.reviews.unseen(5) == []
    await desk.edit("Delete `cache`.")
    assert len(await desk.notes()) == 1
    await desk.set_channel(ANOTHER_CHANNEL)
    assert await desk.reviews.unseen(5) == [THREAD]
    async with desk.transaction() as conn:
        await desk.reviews.show(conn, THREAD)
    first, second = await desk.notes()
    assert (first["state"], second["channel_id"]) == ("sent", ANOTHER_CHANNEL)
    assert await desk.reviews.unseen(5) == []
    await desk.edit("Delete the `cache`.")  # before it has arrived
    *_, edit = await desk.notes()
    assert (edit["kind"], edit["channel_id"]) == ("edit", ANOTHER_CHANNEL)


async def test_what_went_with_its_channel_and_is_taken_back_is_changed_nowhere(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    await desk.loses_channel()
    async with desk.transaction() as conn:
        await desk.learning.unlearn(conn, THREAD)
    assert len(await desk.notes()) == 1
    assert await desk.learn() == "review"
    assert len(await desk.notes()) == 1  # the channel is not there any more
    await desk.set_channel(ANOTHER_CHANNEL)
    assert await desk.reviews.unseen(5) == [THREAD]


async def test_a_message_that_was_deleted_is_changed_no_more(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    async with desk.transaction() as conn:
        await desk.learning.discard_deleted(conn, THREAD)
        await desk.learning.follow_thread(conn, THREAD)
    assert len(await desk.notes()) == 1
    assert await desk.learn() is None  # it was discarded for good
    assert await desk.learn(OTHER) == "review"
    *_, note = await desk.notes()
    assert note["kind"] == "send"


async def test_the_end_of_a_forum_ends_all_that_waits_there(desk: Desk) -> None:
    await desk.learn()
    await desk.arrives()
    async with desk.transaction() as conn:
        await Threads(desk.pool).delete_of_forum(conn, FORUM)
        await desk.learning.follow_forum_deletion(conn, FORUM)
    *_, edit = await desk.notes()
    assert edit["buttons"] is None
