"""What was posted while docbot was away."""

import asyncio

from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot
from docbot.playground.server import Playground
from docbot.playground.world import Clock
from tests.town import ANSWER_PLACE, QUESTION, Ground, bind, running, settings_for

BODY = "It fails each night."


async def until(rooms: Rooms, sql: str, *arguments: object) -> None:
    """Wait, bounded, until the query gives a true value."""
    async with asyncio.timeout(20):
        while not await rooms.pool.fetchval(sql, *arguments):
            await asyncio.sleep(0.02)


async def test_a_post_made_while_away_is_answered_and_older_ones_are_not(ground: Ground) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            asker, helper, _ = playground.members
            before = await asker.post(playground.forum, QUESTION, "Before the binding.")
            await bind(rooms, playground)
            helped = await asker.post(playground.forum, QUESTION, "Somebody helps.")
            await helper.reply(helped, "Look at the docs.")
            archived = await asker.post(playground.forum, QUESTION, "Archived meanwhile.")
            await playground.moderator.archive(archived)
            missed = await asker.post(playground.forum, QUESTION, BODY)
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                assert ANSWER_PLACE in (await asker.sees_reply(missed)).content
                await asker.sees_reply(archived)
            world = playground.world
            assert world.replies_of_bot(before.id) == []
            assert world.replies_of_bot(helped.id) == []


async def test_a_mention_made_while_away_is_answered(ground: Ground) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker = playground.members[0]
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                thread = await asker.post(playground.forum, QUESTION, BODY)
                first = await asker.sees_reply(thread)
            await asker.reply(thread, f"{playground.bot.mention} when does it time out?")
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                second = await asker.sees_reply(thread, after=first)
            assert "timeout_seconds" in second.content


async def test_a_mention_made_while_away_is_answered_though_an_older_answer_goes_out_first(
    ground: Ground,
) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker = playground.members[0]
            playground.faults.answer(
                503, method="POST", path=r"/channels/\d+/messages", times=1_000
            )
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                thread = await asker.post(playground.forum, QUESTION, BODY)
                await until(rooms, "SELECT attempt > 0 AND state = 'pending' FROM outbox")
            playground.faults.clear()
            await asker.reply(thread, f"{playground.bot.mention} when does it time out?")
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                await until(rooms, "SELECT count(*) = 2 FROM questions WHERE state = 'answered'")


async def test_a_mention_made_while_away_in_an_old_thread_is_answered(ground: Ground) -> None:
    clock = Clock()
    clock.advance(-10 * 3600)
    async with Playground.open(clock=clock) as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker = playground.members[0]
            old = await asker.post(playground.forum, QUESTION, BODY)
            clock.advance(10 * 3600)
            await asker.reply(old, f"{playground.bot.mention} when does it time out?")
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                assert "timeout_seconds" in (await asker.sees_reply(old)).content
            [(origin, _)] = await rooms.pool.fetch("SELECT origin, state FROM questions")
            assert origin == "mention"


async def test_who_helps_while_docbot_is_away_keeps_it_quiet_unless_it_is_called(
    ground: Ground,
) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker, helper, _ = playground.members
            greeter = playground.world.add_user("greeter", bot=True)
            playground.world.add_member(playground.guild.id, greeter)
            greeted = await asker.post(playground.forum, QUESTION, BODY)
            playground.world.send_message(greeted.id, greeter.id, {"content": "Welcome!"})
            called = await asker.post(playground.forum, QUESTION, BODY)
            await helper.reply(called, f"{playground.bot.mention} when does it time out?")
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                assert ANSWER_PLACE in (await asker.sees_reply(greeted)).content
                assert "timeout_seconds" in (await asker.sees_reply(called)).content
            rows = await rooms.pool.fetch("SELECT origin FROM questions ORDER BY message_id")
            assert [row["origin"] for row in rows] == ["post", "mention"]


async def test_a_restart_without_news_reads_no_thread_again(ground: Ground) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker = playground.members[0]
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                thread = await asker.post(playground.forum, QUESTION, BODY)
                reply = await asker.sees_reply(thread)
                await until(rooms, "SELECT seen_id >= $1 FROM threads", reply.id)
            before = len(playground.requests)
            bot = RunningBot(rooms, read_settings=lambda: settings)
            async with running(bot):
                other = await asker.post(playground.forum, QUESTION, BODY)
                await asker.sees_reply(other)
            paths = [request.path for request in list(playground.requests)[before:]]
            assert not any(str(thread.id) in path for path in paths)
