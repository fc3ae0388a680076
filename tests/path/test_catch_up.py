"""What was posted while docbot was away."""

from docbot.playground.world import Clock
from tests.town import ANSWER_PLACE, QUESTION, Ground, bind, open_quiet_town

BODY = "It fails each night."


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
        assert [row["origin"] for row in rows] == ["post", "mention"]


async def test_a_restart_without_news_reads_no_thread_again(ground: Ground) -> None:
    async with open_quiet_town(ground) as town:
        async with town.awake() as awake:
            await awake.caught_up()
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            reply = await town.asker.sees_reply(thread)
            await town.until("SELECT seen_id >= $1 FROM threads", reply.id)
        before = len(town.playground.requests)
        async with town.awake():
            other = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(other)
        paths = [request.path for request in list(town.playground.requests)[before:]]
        assert not any(str(thread.id) in path for path in paths)
