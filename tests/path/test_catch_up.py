"""What was posted while docbot was away, and events that come twice, late or in no order."""

import re
from collections.abc import Sequence

import pytest

from docbot.playground.faults import SEND_MESSAGE
from docbot.playground.objects import Thread
from docbot.playground.world import Clock
from tests.town import (
    ANSWER_PLACE,
    QUESTION,
    Ground,
    QuietTown,
    Town,
    bind,
    eventually,
    open_quiet_town,
)

pytestmark = pytest.mark.slow

BODY = "It fails each night."
AN_HOUR = 3600.0
_BIND_AS_OF = """
    WITH bound AS (
        INSERT INTO forums (channel_id, guild_id, bound_at) VALUES ($1, $2, $3)
        RETURNING channel_id)
    INSERT INTO forum_sources SELECT channel_id, sources.id FROM bound CROSS JOIN sources
"""
_IS_TRIED = "SELECT attempt > 0 AND state = 'pending' FROM outbox"
_IS_NOW = {
    "solved": "SELECT solved_at IS NOT NULL FROM threads",
    "archived": "SELECT archived FROM threads",
    "locked": "SELECT locked FROM threads",
}
_REMINDER_IS_DUE = "UPDATE threads SET spoke_at = now() - interval '49 hours', look_at = now()"
_ALL_IS_DUE = """
    WITH rows AS (UPDATE outbox SET due_at = now() WHERE ended_at IS NULL)
    UPDATE questions SET ready_at = now() WHERE ended_at IS NULL
"""


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the operator was told of catching up."""
    return [line for line in caplog.messages if "while docbot was away" in line]


async def _told_in_step(town: Town) -> Thread:
    """Post until one is told when nothing is missing any more; wait for its answer."""
    await town.caught_up()
    while True:
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.asker.sees_reply(thread)
        if await town.rooms.pool.fetchval("SELECT seen_id FROM threads WHERE id = $1", thread.id):
            return thread


async def _posts(town: QuietTown, number: int) -> Sequence[Thread]:
    forum = town.playground.forum
    return [await town.asker.post(forum, QUESTION, f"Case {n}.") for n in range(number)]


async def test_a_post_made_while_away_is_answered_and_older_ones_are_not(ground: Ground) -> None:
    async with open_quiet_town(ground, bound=False) as town:
        before = await town.asker.post(town.playground.forum, QUESTION, "Before the binding.")
        await bind(town.rooms, town.playground)
        helped = await town.asker.post(town.playground.forum, QUESTION, "Somebody helps.")
        await town.helper.reply(helped, "Look at the docs.")
        archived = await town.asker.post(town.playground.forum, QUESTION, "Archived meanwhile.")
        await town.playground.moderator.archive(archived)
        missed = await town.asker.post(town.playground.forum, QUESTION, BODY)
        async with town.awake():
            assert ANSWER_PLACE in (await town.asker.sees_reply(missed)).content
            await town.asker.sees_reply(archived)
        world = town.playground.world
        assert world.replies_of_bot(before.id) == []
        assert world.replies_of_bot(helped.id) == []
        stored = await town.rooms.pool.fetch("SELECT id FROM threads ORDER BY id")
        assert [row["id"] for row in stored] == [helped.id, archived.id, missed.id]
        assert (await town.states())[0] == ("yielded", "people were first")


async def test_a_mention_made_while_away_is_answered(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            first = await town.asker.sees_reply(thread)
        await town.asker.reply(thread, f"{town.mention} when does it time out?")
        async with town.awake():
            second = await town.asker.sees_reply(thread, after=first)
        assert "timeout_seconds" in second.content


async def test_a_mention_made_while_away_is_answered_though_an_older_answer_goes_out_first(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as town:
        town.playground.faults.answer(
            503, method="POST", path=r"/channels/\d+/messages", times=1_000
        )
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
        town.playground.faults.clear()
        await town.asker.reply(thread, f"{town.mention} when does it time out?")
        async with town.awake():
            await town.until("SELECT count(*) = 2 FROM questions WHERE state = 'answered'")


async def test_a_mention_made_while_away_in_an_old_thread_is_answered(ground: Ground) -> None:
    clock = Clock()
    clock.advance(-10 * 3600)
    async with open_quiet_town(ground, clock=clock) as town:
        old = await town.asker.post(town.playground.forum, QUESTION, BODY)
        clock.advance(10 * 3600)
        await town.asker.reply(old, f"{town.mention} when does it time out?")
        async with town.awake():
            assert "timeout_seconds" in (await town.asker.sees_reply(old)).content
        [(origin, _)] = await town.rooms.pool.fetch("SELECT origin, state FROM questions")
        assert origin == "mention"


async def test_who_helps_while_docbot_is_away_keeps_it_quiet_unless_it_is_called(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as town:
        greeter = town.playground.world.add_user("greeter", bot=True)
        town.playground.world.add_member(town.playground.guild.id, greeter)
        greeted = await town.asker.post(town.playground.forum, QUESTION, BODY)
        town.playground.world.send_message(greeted.id, greeter.id, {"content": "Welcome!"})
        called = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.helper.reply(called, f"{town.mention} when does it time out?")
        async with town.awake():
            assert ANSWER_PLACE in (await town.asker.sees_reply(greeted)).content
            assert "timeout_seconds" in (await town.asker.sees_reply(called)).content
        rows = await town.rooms.pool.fetch("SELECT origin FROM questions ORDER BY message_id")
        assert [row["origin"] for row in rows] == ["post", "post", "mention"]
        states = await town.states()
        assert states.count(("yielded", "people were first")) == 1
        assert states.count(("answered", None)) == 2


async def test_who_is_no_helper_keeps_no_post_unanswered_where_only_helpers_count(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="docbot")
    async with open_quiet_town(ground, docbot_missed_posts=1) as town:
        await town.configure("yields-to", "helpers")
        await town.configure("helper-role", str(town.playground.town.helpers.id))
        helped = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.playground.helper.reply(helped, "Set max_retries.")
        bystander = town.playground.members[2]
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await bystander.reply(thread, "I have that too.")
        async with town.awake():
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
            await eventually(lambda: bool(_lines(caplog)))
        assert await town.states() == [("yielded", "people were first"), ("answered", None)]
        [line] = _lines(caplog)
        assert line.endswith("1 to be answered, 1 left to people who wrote first")


async def test_staff_gets_the_draft_of_a_post_that_a_human_answered_while_docbot_was_away(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as town:
        await town.configure("staff-channel", str(town.playground.staff.id))
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.helper.reply(thread, "Set max_retries.")
        async with town.awake():
            await town.until("SELECT state = 'yielded' FROM questions")
            await town.until("SELECT state = 'sent' FROM outbox")
        assert town.playground.world.replies_of_bot(thread.id) == []
        [draft] = town.playground.world.replies_of_bot(town.playground.staff.id)
        assert ANSWER_PLACE in draft.content


async def test_whoever_called_in_two_threads_while_docbot_was_away_is_answered_in_both(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground, docbot_limits="on") as town:
        await town.configure("mode", "mention")
        threads = []
        for _ in range(2):
            thread = await town.asker.post(town.playground.forum, "My jobs", BODY)
            await town.asker.reply(thread, f"{town.mention} {QUESTION}")
            threads.append(thread)
        async with town.awake():
            for thread in threads:
                assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_restart_without_news_reads_no_thread_again(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake() as awake:
            thread = await _told_in_step(awake)
            [reply] = town.playground.world.replies_of_bot(thread.id)
            seen = "SELECT seen_id >= $2 FROM threads WHERE id = $1"
            await town.until(seen, thread.id, reply.id)
        before = len(town.playground.requests)
        async with town.awake():
            other = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(other)
        paths = [request.path for request in list(town.playground.requests)[before:]]
        assert not any(str(thread.id) in path for path in paths)


# Bounds


async def test_what_is_too_old_or_too_much_is_cancelled_as_missed_and_one_line_tells(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    clock.advance(-7 * AN_HOUR)
    async with open_quiet_town(
        ground, clock=clock, docbot_missed_hours=6.0, docbot_missed_posts=2
    ) as town:
        await town.rooms.pool.execute("UPDATE forums SET bound_at = now() - interval '1 day'")
        [old] = await _posts(town, 1)
        clock.advance(7 * AN_HOUR)
        first, second, third = await _posts(town, 3)
        async with town.awake():
            await town.asker.sees_reply(first)
            await town.asker.sees_reply(second)
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
            await eventually(lambda: bool(_lines(caplog)))
        for thread in (old, third):
            assert town.playground.world.replies_of_bot(thread.id) == []
        rows = await town.rooms.pool.fetch("SELECT message_id, state, reason FROM questions")
        ended = {row["message_id"]: (row["state"], row["reason"]) for row in rows}
        answered, missed = ("answered", None), ("cancelled", "missed")
        assert ended == {
            old.id: missed,
            first.id: answered,
            second.id: answered,
            third.id: missed,
        }
        [line] = _lines(caplog)
        assert "found 4 questions" in line
        assert "2 to be answered, 2 cancelled as missed (1 too many, 1 too old)" in line
        texts = await town.rooms.pool.fetch("SELECT content FROM messages ORDER BY id")
        assert texts[0]["content"] == "Case 0."
        async with town.awake() as awake:  # what was missed once is not found again
            await awake.caught_up()
        assert await town.rooms.pool.fetchval("SELECT count(*) FROM questions") == 4
        assert len(_lines(caplog)) == 1


async def test_archived_threads_are_paged_back_to_the_binding_and_later_to_the_mark(
    ground: Ground,
) -> None:
    clock = Clock()
    clock.advance(-3 * AN_HOUR)
    async with open_quiet_town(ground, clock=clock, docbot_missed_posts=1) as town:
        await town.rooms.pool.execute("UPDATE forums SET bound_at = now() - interval '1 day'")
        for thread in await _posts(town, 130):
            await town.playground.moderator.archive(thread)
        clock.advance(3 * AN_HOUR)
        await _posts(town, 1)
        async with town.awake(requests_per_second=1_000):
            await town.until("SELECT count(*) = 131 FROM questions WHERE ended_at IS NOT NULL")
            assert await _archived_pages(town) == 2
            await town.until("SELECT told_until > now() - interval '1 hour' FROM forums")
        counts = await town.rooms.pool.fetch("SELECT state, count(*) FROM questions GROUP BY 1")
        assert {row["state"]: row["count"] for row in counts} == {"answered": 1, "cancelled": 130}
        before = len(town.playground.requests)
        async with town.awake() as awake:
            await awake.caught_up()
        assert await _archived_pages(town, before) == 1


async def _archived_pages(town: QuietTown, since: int = 0) -> int:
    requests = list(town.playground.requests)[since:]
    return sum(bool(re.search("threads/archived/public", one.path)) for one in requests)


async def test_a_mention_that_is_too_old_is_cancelled_as_missed(ground: Ground) -> None:
    clock = Clock()
    clock.advance(-8 * AN_HOUR)
    async with open_quiet_town(ground, clock=clock) as town:
        await town.rooms.pool.execute("UPDATE forums SET bound_at = now() - interval '1 day'")
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until("SELECT state = 'answered' FROM questions")
        await town.asker.reply(thread, f"{town.mention} when does it time out?")
        clock.advance(8 * AN_HOUR)
        async with town.awake():
            await town.until("SELECT count(*) = 2 FROM questions WHERE ended_at IS NOT NULL")
        assert await town.states() == [("answered", None), ("cancelled", "missed")]


async def test_live_posts_do_not_wait_for_missed_ones(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        missed = await _posts(town, 40)
        async with town.awake() as awake:
            await town.until("SELECT count(*) = 40 FROM questions")
            await awake.caught_up()
            live = await town.helper.post(town.playground.forum, QUESTION, BODY)
            await town.helper.sees_reply(live)
            world = town.playground.world
            answered = [each for each in missed if world.replies_of_bot(each.id)]
            assert len(answered) < len(missed)
            turns = "SELECT max(ready_at) - min(ready_at) >= interval '7 s' FROM questions"
            assert await town.rooms.pool.fetchval(turns + " WHERE counts_from IS NOT NULL")


async def test_nothing_is_answered_at_a_first_install_not_even_who_calls(ground: Ground) -> None:
    async with open_quiet_town(ground, bound=False) as town:
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.asker.reply(thread, f"{town.mention} when does it time out?")
        await bind(town.rooms, town.playground)
        async with town.awake() as awake:
            await awake.caught_up()
            later = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(later)
        assert town.playground.world.replies_of_bot(thread.id) == []
        assert await town.rooms.pool.fetchval("SELECT count(*) FROM threads") == 1


async def test_what_was_written_while_the_forum_was_off_is_left_alone(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        await bind(town.rooms, town.playground, mode="off")
        async with town.awake() as awake:
            quiet = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await bind(town.rooms, town.playground, mode="auto")
            await eventually(lambda: awake.forum_as_bound().mode == "auto")
            await awake.caught_up()
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(thread)
        assert town.playground.world.replies_of_bot(quiet.id) == []
        assert await town.rooms.pool.fetchval("SELECT count(*) FROM threads") == 1


async def test_an_edit_made_while_away_of_a_post_that_waits_is_taken_in(ground: Ground) -> None:
    async with open_quiet_town(ground, bound=False) as town:
        await town.rooms.sources.add(name="empty", kind="folder", location="/x", base_url=None)
        await bind(town.rooms, town.playground, source="empty")
        async with town.awake() as awake:
            await awake.caught_up()
            thread = await town.asker.post(town.playground.forum, "Help", "What?")
            await town.until("SELECT attempt > 0 AND state = 'waiting' FROM questions")
        await town.asker.edit(town.playground.world.messages[thread.id], QUESTION)
        await town.asker.reply(thread, "Thanks.")
        await bind(town.rooms, town.playground, source="docs")
        async with town.awake():
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_thread_deleted_while_it_is_caught_up_on_delays_no_other(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as town:
        gone, missed = await _posts(town, 2)
        path = rf"/channels/{gone.id}/messages.*"
        town.playground.faults.answer(404, code=10003, method="GET", path=path)
        async with town.awake():
            await town.asker.sees_reply(missed)
        assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_change_that_is_told_meanwhile_is_not_put_back(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        first, second = await _posts(town, 2)
        async with town.awake():
            await town.asker.sees_reply(first)
            await town.asker.sees_reply(second)
        for thread in (first, second):
            await town.asker.reply(thread, "It still fails.")
        path = rf"/channels/{first.id}/messages.*"
        held = town.playground.faults.hold(method="GET", path=path)
        async with town.awake():
            await held.reached.wait()
            await town.playground.moderator.lock(second)
            await town.until("SELECT locked FROM threads WHERE id = $1", second.id)
            held.release()
            await town.until("SELECT count(*) = 4 FROM messages")
        assert await town.rooms.pool.fetchval("SELECT locked FROM threads WHERE id = $1", second.id)


# Events


async def _is_answered_once(town: Town, thread: Thread) -> None:
    await town.asker.sees_reply(thread)
    await town.until("SELECT bool_and(state = 'answered') FROM questions")
    assert await town.rooms.pool.fetchval("SELECT count(*) FROM questions") == 1
    assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_post_told_twice_and_found_at_the_same_time_is_one_question(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        listing = quiet.playground.faults.hold(method="GET", path=r"/guilds/\d+/threads/active")
        async with quiet.awake() as town:
            await listing.reached.wait()
            town.playground.faults.duplicate_events("MESSAGE_CREATE", times=3)
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            listing.release()
            await _is_answered_once(town, thread)


async def test_a_post_whose_thread_is_told_late_or_never_is_answered(town: Town) -> None:
    await town.caught_up()
    town.playground.faults.lose_events("THREAD_CREATE")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await _is_answered_once(town, thread)


async def test_a_message_told_before_its_thread_is_answered_once(town: Town) -> None:
    await town.caught_up()
    held = town.playground.faults.hold_events("THREAD_CREATE")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.asker.sees_reply(thread)
    held.release()
    await _is_answered_once(town, thread)


async def test_a_post_of_which_only_what_came_after_it_was_told_is_found(ground: Ground) -> None:
    async with open_quiet_town(ground) as quiet:
        async with quiet.awake() as town:
            await _told_in_step(town)
            # As when docbot is killed between two events that came the wrong way round.
            town.playground.faults.lose_events("MESSAGE_CREATE")
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            town.playground.world.send_message(thread.id, town.asker.id, {"content": "Nobody?"})
            await town.until("SELECT count(*) = 1 FROM messages WHERE content = 'Nobody?'")
        async with quiet.awake() as town:
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_an_edit_told_before_its_message_is_the_text_that_counts(town: Town) -> None:
    await town.caught_up()
    held = town.playground.faults.hold_events("MESSAGE_CREATE|MESSAGE_UPDATE")
    thread = await town.asker.post(town.playground.forum, "Help", "What?")
    message = town.playground.world.messages[thread.id]
    await town.asker.edit(message, "How do I repeat a failed frobnication?")
    held.release(reverse=True)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
    content = await town.rooms.pool.fetchval("SELECT content FROM messages WHERE NOT is_bot")
    assert content == "How do I repeat a failed frobnication?"


@pytest.mark.parametrize("what", ["message", "thread"])
async def test_a_post_deleted_before_it_is_told_is_not_answered(town: Town, what: str) -> None:
    await town.caught_up()
    held = town.playground.faults.hold_events("THREAD_.*|MESSAGE_.*")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    if what == "message":
        await town.asker.delete(town.playground.world.messages[thread.id])
    else:
        await town.playground.moderator.delete_thread(thread)
    held.release(reverse=True)
    other = await town.helper.post(town.playground.forum, QUESTION, BODY)
    await town.helper.sees_reply(other)
    rows = await town.rooms.pool.fetch("SELECT message_id FROM questions")
    assert [row["message_id"] for row in rows] == [other.id]


# What cannot be read at first


async def test_a_post_whose_thread_is_answered_with_a_page_at_first_is_answered(
    town: Town,
) -> None:
    await town.caught_up()
    town.playground.faults.lose_events("THREAD_CREATE")
    town.playground.faults.garble("page", method="GET", path=r"/channels/\d+")
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await _is_answered_once(town, thread)


@pytest.mark.parametrize("path", [r"/guilds/\d+/threads/active", r"/channels/\d+/messages"])
async def test_a_page_in_place_of_what_is_asked_for_ends_no_catch_up(
    ground: Ground, path: str
) -> None:
    async with open_quiet_town(ground) as town:
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        town.playground.faults.garble("page", method="GET", path=path)
        async with town.awake():
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_thread_that_cannot_be_read_keeps_none_from_being_found(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        odd = await town.asker.post(town.playground.forum, QUESTION, BODY)
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        town.playground.faults.garble(
            "page", method="GET", path=rf"/channels/{odd.id}/messages", times=1_000
        )
        async with town.awake(catch_up_seconds=0.5):
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_post_whose_event_breaks_is_found_again(ground: Ground) -> None:
    broken: list[str] = []

    def break_once(step: str) -> None:
        if step == "message received" and not broken:
            broken.append(step)
            raise RuntimeError("no error that is expected")

    async with open_quiet_town(ground) as quiet, quiet.awake(on_step=break_once) as town:
        await town.caught_up()
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await eventually(lambda: bool(broken))
        await bind(town.rooms, town.playground)  # at which it looks again, as it does now and then
        await _is_answered_once(town, thread)


async def test_a_post_made_before_a_process_hears_that_the_forum_is_bound_again_is_answered(
    town: Town,
) -> None:
    await town.caught_up()
    forum = town.playground.forum.id
    before = await town.rooms.pool.fetchval("SELECT clock_timestamp()")
    await town.rooms.forums.remove(forum)
    await eventually(lambda: town.bot.bindings.find(forum) is None)
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    await town.rooms.pool.execute(_BIND_AS_OF, forum, town.playground.guild.id, before)
    await town.rooms.pool.execute("SELECT pg_notify('docbot_settings', '')")
    await _is_answered_once(town, thread)


async def test_a_tag_put_on_while_away_solves_the_thread(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(thread)
        await town.asker.tag(thread, "solved")
        await town.asker.reply(thread, "That was it.")
        async with town.awake():
            await town.until("SELECT solved_at IS NOT NULL FROM threads")


# What waits


@pytest.mark.parametrize("is_written", [False, True])
async def test_who_was_first_while_docbot_was_away_is_not_talked_over(
    ground: Ground, *, is_written: bool
) -> None:
    async with open_quiet_town(ground) as town:
        if is_written:
            town.playground.faults.answer(503, method="POST", path=SEND_MESSAGE, times=1_000)
        else:
            await town.configure("settle-seconds", "30")
        async with town.awake() as awake:
            await awake.caught_up()
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until(_IS_TRIED if is_written else "SELECT count(*) = 1 FROM questions")
        town.playground.faults.clear()
        await town.playground.moderator.reply(thread, "Set max_retries.")
        await town.rooms.pool.execute(_ALL_IS_DUE)
        async with town.awake():
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
            assert await town.states() == [("yielded", "people were first")]
        assert town.playground.world.replies_of_bot(thread.id) == []


async def test_what_waits_is_answered_though_catching_up_takes_for_ever(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        town.playground.faults.hold(method="GET", path=r"/guilds/\d+/threads/active")
        async with town.awake(catch_up_seconds=0.5):
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
        town.playground.faults.clear()


@pytest.mark.parametrize("what", ["solved", "archived", "locked"])
async def test_what_became_of_a_thread_while_docbot_was_away_is_taken_in(
    ground: Ground, what: str
) -> None:
    """Without a message that would tell of it; nobody is reminded of it either."""
    async with open_quiet_town(ground) as town:
        await town.configure("remind-hours", "48")
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(thread)
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
        if what == "solved":
            await town.asker.tag(thread, "solved")
        elif what == "archived":
            await town.playground.moderator.archive(thread)
        else:
            await town.playground.moderator.lock(thread)
        await town.rooms.pool.execute(_REMINDER_IS_DUE)
        async with town.awake():
            await town.until(_IS_NOW[what])
            await town.until("SELECT look_at IS NULL FROM threads")
        assert await town.rooms.pool.fetchval("SELECT reminded_at IS NULL FROM threads")


async def test_what_was_solved_while_docbot_was_away_is_not_answered(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        town.playground.faults.answer(503, method="POST", path=SEND_MESSAGE, times=1_000)
        async with town.awake() as awake:
            await awake.caught_up()
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until(_IS_TRIED)
        town.playground.faults.clear()
        await town.asker.tag(thread, "solved")
        await town.rooms.pool.execute(_ALL_IS_DUE)
        async with town.awake():
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
            assert await town.states() == [("cancelled", "solved")]
        assert town.playground.world.replies_of_bot(thread.id) == []


# Who wrote


async def test_what_was_both_asked_and_solved_while_docbot_was_away_is_not_answered(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as town:
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        await town.asker.tag(thread, "solved")
        async with town.awake():
            await town.until("SELECT ended_at IS NOT NULL FROM questions")
            assert await town.states() == [("cancelled", "solved")]
            assert await town.rooms.pool.fetchval(_IS_NOW["solved"])
            await town.asker.reply(thread, f"{town.mention} one more thing: what is timeout?")
            await town.asker.sees_reply(thread)
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1


async def test_a_stop_of_staff_while_docbot_was_away_is_heeded(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake():
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            said = await town.asker.sees_reply(thread)
        await town.playground.moderator.reply(thread, "stop", said)
        async with town.awake():
            await town.until("SELECT closed_at IS NOT NULL AND staff_wrote FROM threads")


async def test_a_helper_who_wrote_while_docbot_was_away_was_first(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        await town.configure("yields-to", "helpers")
        await town.configure("helper-role", str(town.playground.town.helpers.id))
        await town.configure("settle-seconds", "30")
        async with town.awake() as awake:
            await awake.caught_up()
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.until("SELECT count(*) = 1 FROM questions")
        await town.playground.helper.reply(thread, "Set max_retries.")
        await town.rooms.pool.execute(_ALL_IS_DUE)
        async with town.awake():
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
            assert await town.states() == [("yielded", "people were first")]


async def test_who_left_since_they_wrote_is_taken_in_as_anybody(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
        town.playground.world.remove_member(town.playground.guild.id, town.asker.id)
        async with town.awake():
            await town.until("SELECT state = 'answered' FROM questions")
        assert len(town.playground.world.replies_of_bot(thread.id)) == 1


# In several parts

_PARTS = "SELECT count(*) = $1 FROM question_messages"


async def test_a_post_in_parts_that_is_found_later_is_answered_as_a_whole(ground: Ground) -> None:
    async with open_quiet_town(ground) as quiet:
        thread = await quiet.asker.post(quiet.playground.forum, "Hello", "I have a problem.")
        for n in range(29):
            await quiet.asker.reply(thread, f"This is step {n}.")
        # Found while docbot is at work already.
        async with quiet.awake(catch_up_seconds=0.0) as town:
            await town.until("SELECT count(*) = 1 FROM questions")
            await town.until("SELECT bool_and(ended_at IS NOT NULL) FROM questions")
            assert await town.rooms.pool.fetchval(_PARTS, 30)


async def test_a_post_in_parts_that_is_told_late_is_answered_as_a_whole(ground: Ground) -> None:
    clock = Clock()
    clock.advance(-60)  # so late is all that is told
    async with open_quiet_town(ground, clock=clock) as quiet:
        await quiet.rooms.pool.execute("UPDATE forums SET bound_at = now() - interval '1 day'")
        await quiet.configure("settle-seconds", "6")
        async with quiet.awake() as town:
            await town.caught_up()
            thread = await town.asker.post(town.playground.forum, "Hello", "I have a problem.")
            await town.until(_PARTS, 1)
            assert await town.rooms.pool.fetchval("SELECT ready_at > now() FROM questions")
            await town.asker.reply(thread, QUESTION)
            assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
            assert await town.rooms.pool.fetchval(_PARTS, 2)
