"""The town at the start, a second one beside it, and what its administrator takes away again."""

import discord
import pytest

from docbot.playground.objects import DiscordError
from docbot.playground.server import Playground
from tests.playground.conftest import Bot
from tests.playground.test_rest import fetched_thread


async def test_staff_talk_where_ordinary_members_see_nothing(
    playground: Playground, bot: Bot
) -> None:
    staff = playground.staff
    for person in (playground.moderator, playground.helper, playground.admin):
        await person.send(staff, "among us")
    assert len(playground.world.messages_of(staff.id)) == 3
    channel = bot.get_channel(staff.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("I am here too")
    with pytest.raises(DiscordError) as hidden:
        playground.members[0].reads(staff)
    assert hidden.value.code == 50001


async def test_the_helpers_are_a_role_that_may_be_pinged_without_a_right_to_it(
    playground: Playground,
) -> None:
    helpers = playground.town.helpers
    assert playground.helper.membership.role_ids == [helpers.id]
    said = await playground.members[0].send(playground.text, f"<@&{helpers.id}>")
    assert said.mention_roles == [helpers.id]


async def test_one_person_is_in_two_towns_and_so_is_the_bot(
    playground: Playground, bot: Bot
) -> None:
    second = playground.add_town("Elsewhere", ["Ada", "Zoe"])
    joined = await bot.next("guild_join")
    assert (joined.id, joined.name, len(joined.channels)) == (second.guild.id, "Elsewhere", 3)
    ada, again = playground.members[0], second.members[0]
    assert again.user is ada.user
    assert again.membership is not ada.membership
    for member, forum in ((ada, playground.forum), (again, second.forum)):
        thread = await member.post(forum, "How?", "With what?", ["question"])
        heard = await bot.next_message()
        assert (heard.channel.id, heard.author.id) == (thread.id, ada.id)
    with pytest.raises(DiscordError):
        await second.members[1].send(playground.text, "a stranger here")


async def test_the_client_hears_that_a_role_is_gone(playground: Playground, bot: Bot) -> None:
    helpers = playground.town.helpers
    playground.world.delete_role(helpers)
    assert (await bot.next("guild_role_delete")).name == "Helpers"
    assert playground.helper.membership.role_ids == []
    assert not playground.world.sees(playground.helper.id, playground.staff.id)
    _, after = await bot.next("guild_channel_update")
    assert after.id == playground.staff.id
    assert bot.guilds[0].get_role(helpers.id) is None
    said = await playground.admin.send(playground.text, f"<@&{helpers.id}>")
    assert said.mention_roles == []


async def test_the_client_hears_that_a_tag_is_gone(playground: Playground, bot: Bot) -> None:
    ada, world, forum = playground.members[0], playground.world, playground.forum
    tag = world.add_tag(forum, "v2")
    thread = await ada.post(forum, "How?", "With what?", ["question", "v2"])
    await bot.next("thread_create")
    world.delete_tag(forum, "v2")
    await bot.next("guild_channel_update")
    _, after = await bot.next("guild_channel_update")
    assert [each.name for each in after.available_tags] == ["question", "bug", "solved"]
    seen = await fetched_thread(bot, thread.id)
    assert [each.name for each in seen.applied_tags] == ["question"]
    with pytest.raises(discord.HTTPException) as unknown:
        await seen.edit(applied_tags=[discord.Object(tag.id)])  # type: ignore[list-item]
    assert unknown.value.code == 10087


async def test_the_client_hears_that_a_channel_is_gone_with_its_threads(
    playground: Playground, bot: Bot
) -> None:
    thread = await playground.members[0].post(playground.forum, "How?", "With what?")
    seen = (await bot.next_message()).channel
    with pytest.raises(DiscordError) as refused:
        await playground.moderator.delete_channel(playground.forum)
    assert refused.value.code == 50013
    for channel in (playground.forum, playground.staff):
        await playground.admin.delete_channel(channel)
        assert (await bot.next("guild_channel_delete")).id == channel.id
    assert (await bot.next("thread_delete")).id == thread.id
    with pytest.raises(discord.NotFound) as gone:
        await seen.send("hello?")
    assert gone.value.code == 10003
