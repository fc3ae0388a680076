import asyncio
import time

import aiohttp
import discord
import pytest

from docbot.playground.faults import SEND_MESSAGE
from docbot.playground.server import Playground
from tests.playground.conftest import PATIENCE, Bot
from tests.playground.test_rest import fetched_thread, text_channel


async def test_a_global_rate_limit_is_waited_for(playground: Playground, bot: Bot) -> None:
    playground.faults.rate_limit(0.2, path=SEND_MESSAGE, everywhere=True)
    began = time.monotonic()
    await (await text_channel(playground, bot)).send("patience")
    assert time.monotonic() - began >= 0.2
    refused = next(one for one in playground.requests if one.status == 429)
    assert refused.answer["global"] is True


async def test_a_page_of_cloudflare_is_an_error_to_the_client(
    playground: Playground, bot: Bot
) -> None:
    playground.faults.cloudflare(path=SEND_MESSAGE)
    with pytest.raises(discord.HTTPException) as refused:
        await (await text_channel(playground, bot)).send("hello")
    assert refused.value.status == 429
    assert "Access denied" in refused.value.text


async def test_a_success_can_come_back_unreadable(playground: Playground, bot: Bot) -> None:
    channel = await text_channel(playground, bot)
    playground.record()  # what comes back is not Discord's, and held against no schema
    playground.faults.garble("page", path=SEND_MESSAGE)
    with pytest.raises(TypeError):
        await channel.send("hello")
    playground.faults.garble("cut", path=SEND_MESSAGE, after_effect=False)
    with pytest.raises(ValueError, match="char"):
        await channel.send("hello")
    assert [one.content for one in playground.world.messages_of(channel.id)] == ["hello"]


async def test_a_limit_that_others_used_up_is_no_invalid_request(
    playground: Playground, bot: Bot
) -> None:
    playground.faults.rate_limit(0.01, path=SEND_MESSAGE, shared=True)
    playground.faults.rate_limit(0.01, path=SEND_MESSAGE)
    await (await text_channel(playground, bot)).send("hello")
    assert playground.rest.invalid_requests == 1


async def test_who_is_timed_out_may_read_and_not_write(playground: Playground, bot: Bot) -> None:
    channel = await text_channel(playground, bot)
    world, guild_id = playground.world, playground.guild.id
    world.time_out(guild_id, playground.bot.id, world.clock() + 60)
    with pytest.raises(discord.Forbidden):
        await channel.send("hello")
    assert [message async for message in channel.history()] == []
    world.time_out(guild_id, playground.bot.id, None)
    await channel.send("  hello\n")
    assert [message.content async for message in channel.history()] == ["hello"]


async def test_a_server_error_is_retried_by_the_client(playground: Playground, bot: Bot) -> None:
    playground.faults.answer(502, method="POST", path=SEND_MESSAGE)
    await (await text_channel(playground, bot)).send("hello")
    statuses = [one.status for one in playground.requests if one.method == "POST"]
    assert statuses == [502, 200]


async def test_503_is_not_retried_by_the_client(playground: Playground, bot: Bot) -> None:
    playground.faults.answer(503, path=SEND_MESSAGE)
    with pytest.raises(discord.DiscordServerError):
        await (await text_channel(playground, bot)).send("hello")


async def test_an_error_of_ones_choice_is_answered_as_often_as_asked(
    playground: Playground, bot: Bot
) -> None:
    playground.faults.answer(400, code=30046, message="Too many edits", path=SEND_MESSAGE, times=2)
    channel = await text_channel(playground, bot)
    for _ in range(2):
        with pytest.raises(discord.HTTPException) as refused:
            await channel.send("hello")
        assert refused.value.code == 30046
    await channel.send("hello")


@pytest.mark.parametrize(("after_effect", "kept"), [(False, []), (True, ["hello"])])
async def test_a_broken_connection_leaves_the_effect_or_not(
    playground: Playground, bot: Bot, after_effect: bool, kept: list[str]
) -> None:
    playground.faults.reset(path=SEND_MESSAGE, after_effect=after_effect)
    channel = await text_channel(playground, bot)
    with pytest.raises((OSError, aiohttp.ClientError)):
        await channel.send("hello", nonce="1")
    assert [one.content for one in playground.world.messages_of(channel.id)] == kept
    await channel.send("hello", nonce="1")
    assert [one.content for one in playground.world.messages_of(channel.id)] == ["hello"]


async def test_a_request_can_be_held_before_and_after_its_effect(
    playground: Playground, bot: Bot
) -> None:
    channel = await text_channel(playground, bot)
    for after_effect in (False, True):
        hold = playground.faults.hold(path=SEND_MESSAGE, after_effect=after_effect)
        sending = asyncio.create_task(channel.send("hello"))
        async with asyncio.timeout(PATIENCE):
            await hold.reached.wait()
        there = playground.world.messages_of(channel.id)
        assert len(there) == (2 if after_effect else 0)
        hold.release()
        await sending
    hold = playground.faults.hold(path=SEND_MESSAGE)
    sending = asyncio.create_task(channel.send("never"))
    await hold.reached.wait()
    hold.drop()
    with pytest.raises((OSError, aiohttp.ClientError)):
        await sending


async def test_a_held_request_takes_effect_though_its_sender_is_gone(
    playground: Playground,
) -> None:
    hold = playground.faults.hold(path=SEND_MESSAGE)
    url = f"{playground.api_url}/channels/{playground.text.id}/messages"
    headers = {"Authorization": f"Bot {playground.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        sending = asyncio.create_task(session.post(url, json={"content": "last words"}))
        await hold.reached.wait()
        sending.cancel()
    hold.release()
    message = await playground.members[0].sees_reply(playground.text)
    assert message.content == "last words"


async def test_a_request_can_be_delayed(playground: Playground, bot: Bot) -> None:
    playground.faults.delay(0.2, path=SEND_MESSAGE)
    began = time.monotonic()
    await (await text_channel(playground, bot)).send("late")
    assert time.monotonic() - began >= 0.2


async def test_events_can_be_doubled_lost_and_held_back(playground: Playground, bot: Bot) -> None:
    ada, faults = playground.members[0], playground.faults
    faults.duplicate_events("MESSAGE_CREATE")
    await ada.send(playground.text, "twice")
    assert [(await bot.next_message()).content for _ in range(2)] == ["twice", "twice"]
    faults.lose_events("MESSAGE_CREATE")
    await ada.send(playground.text, "lost")
    held = faults.hold_events("MESSAGE_.*")
    for word in ("one", "two", "three"):
        await ada.send(playground.text, word)
    held.release(reverse=True)
    await ada.send(playground.text, "four")
    received = [(await bot.next_message()).content for _ in range(4)]
    assert received == ["three", "two", "one", "four"]


async def test_a_post_whose_first_message_is_not_there_yet_takes_no_answer(
    playground: Playground, bot: Bot
) -> None:
    playground.faults.hold_first_messages()
    post = await playground.members[0].post(playground.forum, "How?", "With what?")
    created = await bot.next("thread_create")
    thread = await fetched_thread(bot, post.id)
    with pytest.raises(discord.HTTPException) as early:
        await thread.send("too early")
    assert early.value.code == 40058
    with pytest.raises(discord.NotFound) as unknown:
        await created.fetch_message(post.id)
    assert unknown.value.code == 10008
    playground.faults.release_first_messages()
    assert (await bot.next_message()).id == post.id
    await thread.send("now")


async def test_clearing_the_faults_lets_everything_go_on(playground: Playground, bot: Bot) -> None:
    faults, channel = playground.faults, await text_channel(playground, bot)
    faults.answer(503, path=SEND_MESSAGE, times=10)
    held = faults.hold_events("MESSAGE_CREATE")
    faults.hold_first_messages()
    await playground.members[0].post(playground.forum, "How?", "With what?")
    faults.clear()
    assert (await bot.next_message()).content == "With what?"
    await channel.send("hello")
    assert held.events == []
