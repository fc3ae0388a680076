"""What was posted while docbot was away."""

from docbot.app.rooms import open_rooms
from docbot.app.run import RunningBot
from docbot.playground.server import Playground
from tests.town import ANSWER_PLACE, QUESTION, Ground, bind, running, settings_for

BODY = "It fails each night."


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


async def test_a_restart_without_news_reads_no_thread_again(ground: Ground) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker = playground.members[0]
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                thread = await asker.post(playground.forum, QUESTION, BODY)
                await asker.sees_reply(thread)
            before = len(playground.requests)
            bot = RunningBot(rooms, read_settings=lambda: settings)
            async with running(bot):
                other = await asker.post(playground.forum, QUESTION, BODY)
                await asker.sees_reply(other)
            paths = [request.path for request in list(playground.requests)[before:]]
            assert not any(str(thread.id) in path for path in paths)
