"""What is learned of a solved thread, and how it follows what becomes of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from docbot.db.chunks import Chunks
from docbot.db.config import Configs
from docbot.db.erasure import Erasure
from docbot.db.forums import Forums
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn, Pool
from docbot.db.solutions import Solution, Solutions, State
from docbot.db.sources import Sources
from docbot.db.threads import Message, Thread, ThreadChange, Threads
from docbot.errors import UsageError
from docbot.forum.bindings import Bindings
from docbot.forum.learning import Learning, Learns, SeenSolution, cleaned
from docbot.forum.reviews import Reviews
from docbot.forum.staff_notes import StaffNotes

GUILD, FORUM, ASKER, HELPER, STAFF = 1, 20, 300, 301, 302
THREAD, SOLVING = 500, 501
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
QUESTION = "It stops with `E42` since the update."
SOLUTION = "Delete the old lock file:\n```sh\nrm frob.lock  # <@7> @here\n```"


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Conn]:
    async with pool.acquire() as conn, conn.transaction():
        yield conn


def learning_of(pool: Pool) -> Learning:
    """Of a server where no staff has a channel."""
    solutions, bindings = Solutions(pool), Bindings(Forums(pool), Configs(pool))
    return Learning(solutions, Reviews(solutions, StaffNotes(Outbox(pool)), bindings))


def message(number: int, author: int, content: str, thread: int = THREAD) -> Message:
    is_bot = author < 100
    return Message(number, GUILD, thread, author, is_bot, content, NOW)


@pytest.fixture
async def thread(pool: Pool) -> int:
    """A thread of two messages, as intake stores one."""
    await store(pool, THREAD)
    return THREAD


async def store(pool: Pool, thread: int, forum: int = FORUM) -> None:
    threads = Threads(pool)
    async with transaction(pool) as conn:
        await threads.put(conn, Thread(thread, GUILD, forum, ASKER, "Frobnication fails", NOW))
        await threads.put_message(conn, message(thread, ASKER, QUESTION, thread))
        await threads.put_message(conn, message(thread + 1, HELPER, SOLUTION, thread))


async def learn(
    pool: Pool,
    *,
    thread: int = THREAD,
    solving: int = SOLVING,
    learns: Learns = "on",
    is_open: bool = True,
) -> State | None:
    async with transaction(pool) as conn:
        return await learning_of(pool).learn(
            conn,
            thread_id=thread,
            message_id=solving,
            marked_by=ASKER,
            learns=learns,
            is_open=is_open,
        )


async def learned(pool: Pool, thread: int = THREAD) -> Solution:
    solution = await Solutions(pool).find(thread)
    assert solution is not None
    return solution


async def pages(pool: Pool) -> dict[str, str]:
    """The pages that are searched, by address."""
    rows = await pool.fetch(
        "SELECT url, markdown FROM pages WHERE id IN (SELECT page_id FROM chunks)"
    )
    return {row["url"]: row["markdown"] for row in rows}


async def edit(pool: Pool, number: int, content: str) -> None:
    async with transaction(pool) as conn:
        assert await Threads(pool).edit_message(conn, number, content, datetime.now(UTC))
        await learning_of(pool).follow_thread(conn, THREAD)


async def delete(pool: Pool, number: int) -> None:
    async with transaction(pool) as conn:
        await Threads(pool).delete_messages(conn, [number])
        await learning_of(pool).follow_thread(conn, THREAD)


async def test_a_marked_solution_is_a_page_of_its_forums_own_source(
    pool: Pool, thread: int
) -> None:
    assert await learn(pool) == "verified"
    address = f"https://discord.com/channels/{GUILD}/{thread}/{SOLVING}"
    assert list(await pages(pool)) == [address]
    [source] = await Sources(pool).solved()
    assert (source.name, source.kind, source.pages) == (f"solved-{FORUM}", "solved", 1)
    solution = await learned(pool)
    assert (solution.verified_by, solution.solver_id, solution.url) == (ASKER, HELPER, address)


async def test_it_is_found_by_its_question_and_read_as_its_solution(
    pool: Pool, thread: int
) -> None:
    await learn(pool)
    [indexed] = await pool.fetch("SELECT id, text FROM chunks")
    assert QUESTION in indexed["text"]
    [chunk] = (await Chunks(pool).get_many([indexed["id"]])).values()
    assert (chunk.title, chunk.text, chunk.solved) == ("Frobnication fails", SOLUTION, QUESTION)
    assert await Chunks(pool).beside([indexed["id"]], 4) == []


async def test_a_post_in_several_messages_is_one_question(pool: Pool, thread: int) -> None:
    async with transaction(pool) as conn:
        await Threads(pool).put_message(conn, message(502, ASKER, "On Linux."))
        await conn.execute(
            """
            WITH conversation AS (
                INSERT INTO conversations (kind, guild_id, channel_id, thread_id)
                VALUES ('post', 1, 500, 500) RETURNING id),
            question AS (
                INSERT INTO questions (conversation_id, guild_id, author_id, origin, message_id,
                                       asked_at, ready_at)
                SELECT id, 1, 300, 'post', 500, now(), now() FROM conversation RETURNING id)
            INSERT INTO question_messages (question_id, message_id)
            SELECT id, unnest('{500,502}'::bigint[]) FROM question
            """
        )
    await learn(pool)
    assert (await learned(pool)).question == f"{QUESTION}\n\nOn Linux."


async def test_calls_of_people_are_taken_out_and_code_is_kept() -> None:
    said = "<@5> see <#6>, @everyone: use `@here`.\n```py\n@everyone\n```\nThanks <:frob:77>"
    assert cleaned(said) == "see , : use `@here`.\n```py\n@everyone\n```\nThanks"


@pytest.mark.parametrize("learns", ["on", "review", "off"])
async def test_a_forum_learns_as_it_is_set(pool: Pool, thread: int, learns: Learns) -> None:
    expected = {"on": ("verified", 1), "review": ("review", 0), "off": (None, 0)}
    state = await learn(pool, learns=learns)
    assert (state, len(await pages(pool))) == expected[learns]


async def test_a_thread_that_some_cannot_see_is_not_learned_from(pool: Pool, thread: int) -> None:
    assert await learn(pool, is_open=False) is None
    assert await Solutions(pool).find(thread) is None


async def test_what_docbot_said_or_the_post_itself_or_no_words_is_not_learned(
    pool: Pool, thread: int
) -> None:
    async with transaction(pool) as conn:
        await Threads(pool).put_message(conn, message(503, 99, "From the documentation: so."))
        await Threads(pool).put_message(conn, message(504, HELPER, "<@300>"))
    for number in (503, 504, thread, 9999):
        assert await learn(pool, solving=number) is None
    assert await pages(pool) == {}


async def test_another_message_takes_the_place_of_the_first(pool: Pool, thread: int) -> None:
    await learn(pool)
    async with transaction(pool) as conn:
        await Threads(pool).put_message(conn, message(505, ASKER, "Updating twice helped."))
    assert await learn(pool, solving=505) == "verified"
    [page] = (await pages(pool)).items()
    assert page[0].endswith("/505")
    assert "twice" in page[1]
    assert await learn(pool, solving=505) == "verified"  # marked twice is marked once


async def test_a_solution_follows_the_edits_of_its_thread(pool: Pool, thread: int) -> None:
    await learn(pool)
    await pool.execute(
        "INSERT INTO embeddings (model, chunk_hash, vector) SELECT 'm', hash, '' FROM chunks"
    )
    await edit(pool, SOLVING, "Delete `frob.cache`.")
    await edit(pool, thread, "It stops with E43.")
    [text] = (await pages(pool)).values()
    assert text == "It stops with E43.\n\nDelete `frob.cache`."
    assert await pool.fetchval("SELECT count(*) FROM embeddings") == 0
    async with transaction(pool) as conn:
        change = ThreadChange(thread, "Error E43", (), archived=True, locked=False)
        await Threads(pool).update(conn, change)
        await learning_of(pool).follow_thread(conn, thread)
    assert await pool.fetchval("SELECT title FROM pages") == "Error E43"


async def test_a_deleted_solution_is_gone_from_searches_at_once(pool: Pool, thread: int) -> None:
    await learn(pool)
    [chunk] = await pool.fetch("SELECT id FROM chunks")
    await delete(pool, SOLVING)
    assert await Chunks(pool).get_many([chunk["id"]]) == {}
    solution = await learned(pool)
    assert (solution.state, solution.solution, solution.question) == ("removed", "", "")


async def test_a_deleted_question_leaves_the_solution(pool: Pool, thread: int) -> None:
    await learn(pool)
    await delete(pool, thread)
    assert list((await pages(pool)).values()) == [SOLUTION]


async def test_a_message_that_is_kept_no_longer_leaves_what_was_learned(
    pool: Pool, thread: int
) -> None:
    await learn(pool)
    async with transaction(pool) as conn:
        await conn.execute("DELETE FROM messages")
        await learning_of(pool).follow_thread(conn, thread)
    assert len(await pages(pool)) == 1


async def test_nothing_is_left_of_a_deleted_thread_or_forum(pool: Pool, thread: int) -> None:
    for number in (600, 700):
        await store(pool, number)
    for number in (thread, 600, 700):
        assert await learn(pool, thread=number, solving=number + 1) == "verified"
    learning = learning_of(pool)
    async with transaction(pool) as conn:
        await Threads(pool).delete(conn, thread)
        await learning.follow_thread(conn, thread)
    assert len(await pages(pool)) == 2
    async with transaction(pool) as conn:
        await Threads(pool).delete_of_forum(conn, FORUM)
        await learning.follow_forum_deletion(conn, FORUM)
    assert await pages(pool) == {}


async def test_who_asks_to_be_forgotten_takes_their_threads_along(pool: Pool, thread: int) -> None:
    await learn(pool)
    learning = learning_of(pool)
    assert await learning.threads_of(GUILD + 1, HELPER) == []
    assert await learning.threads_of(GUILD, STAFF) == []
    assert await learning.threads_of(GUILD, ASKER) == await learning.threads_of(GUILD, HELPER)
    for number in await learning.threads_of(GUILD, HELPER):
        async with transaction(pool) as conn:
            await learning.forget_for_person(conn, number)
    assert await pages(pool) == {}
    assert await learning.threads_of(GUILD, HELPER) == []


async def test_a_thread_unsolved_is_forgotten_and_can_be_solved_again(
    pool: Pool, thread: int
) -> None:
    await learn(pool)
    async with transaction(pool) as conn:
        await learning_of(pool).unlearn(conn, thread)
    assert await pages(pool) == {}
    assert await learn(pool) == "verified"


async def seen(pool: Pool, thread: int = THREAD) -> SeenSolution:
    """What staff reads just now."""
    return SeenSolution(GUILD, thread, (await learned(pool, thread)).revision)


async def test_staff_let_a_solution_pass(pool: Pool, thread: int) -> None:
    await learn(pool, learns="review")
    assert await pages(pool) == {}
    async with transaction(pool) as conn:
        assert await learning_of(pool).accept(conn, await seen(pool), STAFF) is None
    assert len(await pages(pool)) == 1
    assert (await learned(pool)).verified_by == STAFF
    async with transaction(pool) as conn:
        again = await learning_of(pool).accept(conn, await seen(pool), STAFF)
    assert again == "solution learned"


async def test_what_staff_let_pass_waits_for_them_again_when_it_is_edited(
    pool: Pool, thread: int
) -> None:
    await learn(pool, learns="review")
    async with transaction(pool) as conn:
        await learning_of(pool).accept(conn, await seen(pool), STAFF)
    await edit(pool, SOLVING, "Ask <@7> to send money.")  # is not what staff saw
    assert await pages(pool) == {}
    assert (await learned(pool)).state == "review"


async def test_staff_cannot_let_pass_what_they_have_not_read(pool: Pool, thread: int) -> None:
    await learn(pool, learns="review")
    before = await seen(pool)
    await edit(pool, SOLVING, "Ask <@7> to send money.")
    learning = learning_of(pool)
    async with transaction(pool) as conn:
        assert await learning.accept(conn, before, STAFF) == "solution changed"
        assert await learning.edit(conn, before, "Delete it.", STAFF) == "solution changed"
        assert await learning.discard(conn, before, STAFF) == "solution changed"
    assert (await learned(pool)).state == "review"
    async with transaction(pool) as conn:
        assert await learning.accept(conn, await seen(pool), STAFF) is None


async def test_what_staff_read_of_the_first_solution_decides_nothing_on_the_next(
    pool: Pool, thread: int
) -> None:
    await learn(pool, learns="review")
    first = await seen(pool)
    learning = learning_of(pool)
    async with transaction(pool) as conn:
        assert await learning.accept(conn, first, STAFF) is None
        await Threads(pool).put_message(conn, message(505, ASKER, "Updating twice helped."))
    assert await learn(pool, solving=505, learns="review") == "review"
    async with transaction(pool) as conn:
        assert await learning.edit(conn, first, "Delete it.", STAFF) == "solution changed"
    assert await pages(pool) == {}


async def test_nobody_decides_on_a_solution_of_another_server(pool: Pool, thread: int) -> None:
    await learn(pool, learns="review")
    learning, theirs = learning_of(pool), SeenSolution(GUILD + 1, thread, 1)
    async with transaction(pool) as conn:
        assert await learning.accept(conn, theirs, STAFF) == "no solution"
        assert await learning.edit(conn, theirs, "Mine.", STAFF) == "no solution"
        assert await learning.discard(conn, theirs, STAFF) == "no solution"
        assert await learning.accept(conn, SeenSolution(GUILD, 9999, 1), STAFF) == "no solution"
    assert await learning.find(GUILD + 1, thread) is None
    assert (await learned(pool)).state == "review"


async def test_staffs_words_stand_in_place_of_the_members(pool: Pool, thread: int) -> None:
    learning = learning_of(pool)
    await learn(pool, learns="review")
    async with transaction(pool) as conn:
        assert await learning.edit(conn, await seen(pool), "@here", STAFF) == "no words"
        assert await learning.edit(conn, await seen(pool), "Delete the lock file.", STAFF) is None
    await edit(pool, SOLVING, "Never mind.")
    assert list((await pages(pool)).values()) == [f"{QUESTION}\n\nDelete the lock file."]


async def test_what_staff_discarded_is_not_learned_again(pool: Pool, thread: int) -> None:
    learning = learning_of(pool)
    await learn(pool, learns="review")
    async with transaction(pool) as conn:
        assert await learning.discard(conn, await seen(pool), STAFF) is None
        again = await learning.discard(conn, await seen(pool), STAFF)
    assert again == "solution discarded"
    async with transaction(pool) as conn:
        await learning.unlearn(conn, thread)
    assert await learn(pool) is None
    assert await pages(pool) == {}


async def test_an_operators_source_may_have_the_same_name(pool: Pool, thread: int) -> None:
    sources, name = Sources(pool), f"solved-{FORUM}"
    await learn(pool)
    with pytest.raises(UsageError, match="no source"):
        await sources.remove(name)
    await sources.add(name=name, kind="folder", location="/d", base_url=None)
    assert [source.kind for source in await sources.get_many([name])] == ["folder"]
    await sources.remove(name)
    assert len(await sources.solved()) == 1


_A_YEAR_PASSES = """
    INSERT INTO guilds (id, name) VALUES (1, '') ON CONFLICT DO NOTHING;
    UPDATE questions SET state = 'cancelled', reason = 'test', ended_at = now();
    UPDATE messages SET created_at = created_at - interval '1 year';
    UPDATE threads SET created_at = created_at - interval '1 year', spoke_at = NULL;
"""


async def test_what_was_erased_for_its_age_stays_learned_until_it_is_deleted_on_discord(
    pool: Pool, thread: int
) -> None:
    await learn(pool)
    before = await learned(pool)
    assert before.question != ""
    await pool.execute(_A_YEAR_PASSES)
    while await Erasure(pool).expire(GUILD, 180):
        pass
    assert await pool.fetchval("SELECT string_agg(content, '') FROM messages") == ""
    async with transaction(pool) as conn:
        await learning_of(pool).follow_thread(conn, thread)
    assert await learned(pool) == before
    await delete(pool, thread)
    assert (await learned(pool)).question == ""
    assert (await learned(pool)).solution == before.solution
    await delete(pool, SOLVING)
    assert (await learned(pool)).state == "removed"
