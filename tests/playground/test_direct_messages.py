"""Direct messages: the bot writes to one person, as far as that person lets it."""

import discord
import pytest
from discord import app_commands

from docbot.playground.objects import DiscordError
from docbot.playground.server import Playground
from docbot.playground.world import Clock
from tests.playground.conftest import Bot, connected
from tests.playground.test_interactions import Buttons, Call
from tests.playground.test_rest import send_raw


async def test_the_bot_writes_to_a_person_who_alone_reads_it(
    playground: Playground, bot: Bot
) -> None:
    ada, ben, _ = playground.members
    assert ada.direct_messages() == []
    user = await bot.fetch_user(ada.id)
    sent = await user.send("psst", nonce="1")
    heard = await bot.next("message")
    assert (heard.id, heard.guild, heard.content) == (sent.id, None, "psst")
    assert isinstance(heard.channel, discord.DMChannel)
    [read] = ada.direct_messages()
    assert (read.id, read.content, read.author) == (sent.id, "psst", playground.bot)
    assert await ada.sees_direct_message(containing="sst") is read
    assert ben.direct_messages() == []
    with pytest.raises(DiscordError) as hidden:
        ben.reads(playground.world.direct_channels[sent.channel.id])
    assert hidden.value.code == 50001


async def test_a_channel_is_opened_by_an_id_alone_and_only_once(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    opened = await bot.create_dm(discord.Object(ada.id))
    _, again = await send_raw(
        playground, "POST", "/users/@me/channels", json={"recipient_id": str(ada.id)}
    )
    assert (int(again["id"]), again["recipients"][0]["id"]) == (opened.id, str(ada.id))
    await opened.send("hello")
    fetched = await bot.fetch_channel(opened.id)
    assert isinstance(fetched, discord.DMChannel)
    assert [one.content async for one in fetched.history()] == ["hello"]


async def test_a_nonce_and_the_limits_hold_in_direct_messages_too(
    playground: Playground, bot: Bot, clock: Clock
) -> None:
    channel = await bot.create_dm(discord.Object(playground.members[0].id))
    first = await channel.send("once", nonce="7:1")
    assert (await channel.send("once", nonce="7:1")).id == first.id
    clock.advance(181)
    assert (await channel.send("once", nonce="7:1")).id != first.id
    with pytest.raises(discord.HTTPException) as long:
        await channel.send("x" * 2001)
    assert long.value.code == 50035


async def test_a_person_who_closed_them_gets_none(playground: Playground, bot: Bot) -> None:
    ada = playground.members[0]
    channel = await bot.create_dm(discord.Object(ada.id))
    ada.user.takes_direct_messages = False
    with pytest.raises(discord.Forbidden) as closed:
        await channel.send("psst")
    assert closed.value.code == 50007
    assert ada.direct_messages() == []


async def test_who_left_the_last_common_server_gets_none(playground: Playground, bot: Bot) -> None:
    ada = playground.members[0]
    channel = await bot.create_dm(discord.Object(ada.id))
    playground.world.remove_member(playground.guild.id, ada.id)
    with pytest.raises(discord.Forbidden) as alone:
        await channel.send("psst")
    assert alone.value.code == 50278


async def test_there_is_no_channel_with_bots_strangers_or_nobody(
    playground: Playground, bot: Bot
) -> None:
    other = playground.add_member("helpbot", bot=True)
    for recipient_id, code in ((other.id, 50007), (playground.bot.id, 50033), (1, 50033)):
        with pytest.raises(discord.HTTPException) as refused:
            await bot.create_dm(discord.Object(recipient_id))
        assert refused.value.code == code
    for body in ({}, {"recipient_id": "Ada"}, {"recipient_id": None}):
        status, answer = await send_raw(playground, "POST", "/users/@me/channels", json=body)
        assert (status, answer["code"]) == (400, 50035)


async def test_a_person_answers_and_the_bot_edits_deletes_and_moderates_nothing(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    channel = await bot.create_dm(discord.Object(ada.id))
    said = await channel.send(f"first {ada.mention} @everyone")
    place = playground.world.direct_channels[channel.id]
    await ada.type(place)
    assert (await bot.next("raw_typing")).user_id == ada.id
    told = f"and? {playground.bot.mention}"
    answer = await ada.send(place, told, reply_to=ada.direct_messages()[0])
    assert (answer.mentions, answer.mention_everyone) == ([playground.bot], False)
    heard = await bot.next_message()
    assert (heard.content, heard.guild) == (answer.content, None)
    assert heard.reference is not None
    assert heard.reference.message_id == said.id
    await said.edit(content="second")
    assert ada.direct_messages()[0].content == "second"
    for method, path in (
        ("DELETE", f"/channels/{channel.id}/messages/{answer.id}"),
        ("DELETE", f"/channels/{channel.id}"),
    ):
        status, refusal = await send_raw(playground, method, path)
        assert (status, refusal["code"]) == (400, 50003)
    await said.delete()
    assert ada.direct_messages() == [answer]


async def test_what_others_write_to_the_bot_is_readable_without_the_privilege(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    channel = await bot.create_dm(discord.Object(ada.id))
    playground.application.message_content = False
    said = await ada.send(playground.world.direct_channels[channel.id], "for you")
    assert (await channel.fetch_message(said.id)).content == "for you"
    assert (await bot.next_message()).content == "for you"


async def test_buttons_and_commands_work_there_without_a_server(
    playground: Playground, bot: Bot
) -> None:
    @app_commands.command(name="hello", description="Test")
    async def hello(interaction: Call, who: discord.User) -> None:
        await interaction.response.send_message(f"{interaction.guild_id} {who.name}")

    @app_commands.command(name="here", description="Test")
    @app_commands.guild_only()
    async def here(interaction: Call) -> None:
        raise AssertionError

    bot.tree.add_command(hello)
    bot.tree.add_command(here)
    await bot.tree.sync()
    ada = playground.members[0]
    channel = await bot.create_dm(discord.Object(ada.id))
    await channel.send("old", view=Buttons())
    await (await ada.press(ada.direct_messages()[0], "update")).answered()
    assert ada.direct_messages()[0].content == "updated"
    place = playground.world.direct_channels[channel.id]
    call = await ada.slash(place, "hello", who=ada.user)
    assert (await call.answered()).content == "None ada"
    with pytest.raises(LookupError, match="only \\['hello'\\]"):
        await ada.slash(place, "here")


async def test_nothing_is_heard_of_them_without_the_intent(
    playground: Playground, pointed: None
) -> None:
    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    async with connected(playground, Bot(intents)) as bot:
        ada = playground.members[0]
        channel = await bot.create_dm(discord.Object(ada.id))
        await ada.send(playground.world.direct_channels[channel.id], "unheard")
        await ada.send(playground.text, "heard")
        assert (await bot.next_message()).content == "heard"
