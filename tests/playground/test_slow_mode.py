"""Slow mode: people wait between two messages; moderators and bots need not."""

from collections.abc import Awaitable

import discord
import pytest

from docbot.playground.objects import DiscordError, Permission
from docbot.playground.server import Playground
from docbot.playground.world import Clock
from tests.playground.conftest import Bot
from tests.playground.test_rest import fetched_thread, text_channel


async def seconds_left(act: Awaitable[object]) -> float:
    """How long Discord says that it is still too soon."""
    with pytest.raises(DiscordError) as slowed:
        await act
    assert (slowed.value.status, slowed.value.code) == (429, 20016)
    left: float = slowed.value.payload()["retry_after"]
    return left


async def test_a_person_waits_between_two_messages_of_a_channel(
    playground: Playground, clock: Clock
) -> None:
    ada, ben, _ = playground.members
    await playground.admin.slow_down(playground.text, 30)
    await ada.send(playground.text, "first")
    assert 10 < await seconds_left(ada.send(playground.text, "second")) <= 30
    await ben.send(playground.text, "mine")
    clock.advance(30)
    await ada.send(playground.text, "second")
    await playground.admin.slow_down(playground.text, 0)
    await ada.send(playground.text, "third")
    said = [message.content for message in playground.world.messages_of(playground.text.id)]
    assert said == ["first", "mine", "second", "third"]


async def test_moderators_and_bots_do_not_wait(playground: Playground, bot: Bot) -> None:
    playground.world.edit_role(playground.town.bot_role, Permission.SEND_MESSAGES)
    await playground.admin.slow_down(playground.text, 30)
    channel = await text_channel(playground, bot)
    for number in range(2):
        await channel.send(str(number))
        await playground.moderator.send(playground.text, str(number))


async def test_threads_begin_with_the_slow_mode_that_their_forum_gives_them(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    before = await ada.post(playground.forum, "Before", "Words.")
    changes = {"default_thread_rate_limit_per_user": 10}
    playground.world.edit_channel(playground.forum.id, playground.admin.id, changes)
    after = await ada.post(playground.forum, "After", "Words.")
    await ada.reply(before, "At once.")
    assert 0 < await seconds_left(ada.reply(after, "At once.")) <= 10
    assert (await fetched_thread(bot, after.id)).slowmode_delay == 10
    await playground.moderator.slow_down(after, 0)
    await ada.reply(after, "At once.")


async def test_a_forum_in_slow_mode_takes_one_post_of_a_person_at_a_time(
    playground: Playground, clock: Clock
) -> None:
    ada = playground.members[0]
    await playground.admin.slow_down(playground.forum, 60)
    thread = await ada.post(playground.forum, "First", "Words.")
    await ada.reply(thread, "More words.")
    assert 30 < await seconds_left(ada.post(playground.forum, "Second", "Words.")) <= 60
    clock.advance(60)
    await ada.post(playground.forum, "Second", "Words.")


async def test_the_bot_sets_it_where_it_may_and_within_six_hours(
    playground: Playground, bot: Bot
) -> None:
    thread = await playground.members[0].post(playground.forum, "How?", "With what?")
    seen = await fetched_thread(bot, thread.id)
    await seen.edit(slowmode_delay=5)
    assert thread.slow_seconds == 5
    with pytest.raises(discord.HTTPException) as long:
        await seen.edit(slowmode_delay=21_601)
    assert long.value.code == 50035
    with pytest.raises(discord.Forbidden):
        await (await text_channel(playground, bot)).edit(slowmode_delay=5)
