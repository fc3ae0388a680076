import asyncio
import io
from typing import Any

import aiohttp
import discord
import pytest

from docbot.playground.objects import Permission
from docbot.playground.server import BOT_PERMISSIONS, Playground
from docbot.playground.world import Clock
from tests.playground.conftest import Bot


async def fetched_thread(bot: Bot, thread_id: int) -> discord.Thread:
    thread = await bot.fetch_channel(thread_id)
    assert isinstance(thread, discord.Thread)
    return thread


async def text_channel(playground: Playground, bot: Bot) -> discord.TextChannel:
    channel = bot.get_channel(playground.text.id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def send_raw(
    playground: Playground, method: str, path: str, *, token: str | None = None, **options: Any
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bot {token or playground.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, playground.api_url + path, headers=headers, **options) as answer,
    ):
        return answer.status, await answer.json() if answer.status != 204 else None


async def test_the_same_nonce_gives_one_message_within_its_window(
    playground: Playground, bot: Bot, clock: Clock
) -> None:
    channel = await text_channel(playground, bot)
    first = await channel.send("once", nonce="7:1")
    again = await channel.send("once", nonce="7:1")
    assert first.id == again.id
    clock.advance(181)
    later = await channel.send("once", nonce="7:1")
    assert later.id != first.id
    assert [one.content for one in playground.world.messages_of(channel.id)] == ["once", "once"]


async def test_a_nonce_belongs_to_its_author_and_not_to_the_channel(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    thread = await ada.post(playground.forum, "How?", "With what?")
    channel = await text_channel(playground, bot)
    first = await channel.send("here", nonce="9")
    second = await (await fetched_thread(bot, thread.id)).send("there", nonce="9")
    assert second.id == first.id
    mine = await ada.send(playground.text, "my own", nonce="9")
    assert mine.id != first.id


async def test_a_reply_points_at_its_message_and_pings_nobody_unless_told(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    thread = await ada.post(playground.forum, "How?", "With what?")
    asked = await bot.next_message()
    await asked.reply(f"@everyone {ada.mention} <@&{playground.town.moderators.id}>")
    reply = await ada.sees_reply(thread)
    assert reply.reply_to == thread.id
    assert (reply.mentions, reply.mention_roles, reply.mention_everyone) == ([], [], False)
    loud = discord.AllowedMentions(users=True, replied_user=True)
    await asked.reply(f"{ada.mention}", allowed_mentions=loud)
    assert (await ada.sees_reply(thread, after=reply)).mentions == [ada.user]


async def test_the_bot_edits_and_deletes_its_own_messages_alone(
    playground: Playground, bot: Bot
) -> None:
    channel = await text_channel(playground, bot)
    message = await channel.send("first")
    edited = await message.edit(content="second")
    assert edited.content == "second"
    assert playground.world.messages[message.id].content == "second"
    await message.delete()
    assert playground.world.messages_of(channel.id) == []
    with pytest.raises(discord.NotFound) as gone:
        await message.edit(content="third")
    assert gone.value.code == 10008
    other = await playground.members[0].send(playground.text, "mine")
    with pytest.raises(discord.Forbidden) as refused:
        await channel.get_partial_message(other.id).edit(content="yours")
    assert refused.value.code == 50005
    with pytest.raises(discord.Forbidden) as refused:
        await channel.get_partial_message(other.id).delete()
    assert refused.value.code == 50013


async def test_history_is_read_in_pages_from_either_end(playground: Playground, bot: Bot) -> None:
    ada = playground.members[0]
    sent = [await ada.send(playground.text, str(number)) for number in range(120)]
    channel = await text_channel(playground, bot)
    newest = [int(one.content) async for one in channel.history(limit=None)]
    assert newest == list(reversed(range(120)))
    after = channel.history(limit=None, after=discord.Object(sent[9].id), oldest_first=True)
    assert [int(one.content) async for one in after] == list(range(10, 120))
    around = channel.history(limit=5, around=discord.Object(sent[50].id))
    assert {int(one.content) async for one in around} == {48, 49, 50, 51, 52}
    one = await channel.fetch_message(sent[3].id)
    assert one.content == "3"


async def test_embeds_files_and_flags_survive_the_way(playground: Playground, bot: Bot) -> None:
    channel = await text_channel(playground, bot)
    embed = discord.Embed(title="Title", description="Text", url="https://example.org/")
    embed.add_field(name="Name", value="Value")
    file = discord.File(io.BytesIO(b"log"), "log.txt", description="what happened")
    sent = await channel.send(
        "see <https://example.org>", embed=embed, file=file, suppress_embeds=True
    )
    message = await channel.fetch_message(sent.id)
    assert message.embeds[0].title == "Title"
    assert message.flags.suppress_embeds
    (attachment,) = message.attachments
    assert (attachment.filename, attachment.description) == ("log.txt", "what happened")
    assert await attachment.read() == b"log"


async def test_a_thread_is_tagged_archived_and_reopened_by_a_message(
    playground: Playground, bot: Bot
) -> None:
    post = await playground.members[0].post(playground.forum, "How?", "With what?", ["question"])
    thread = await fetched_thread(bot, post.id)
    forum = bot.get_channel(playground.forum.id)
    assert isinstance(forum, discord.ForumChannel)
    solved = next(tag for tag in forum.available_tags if tag.name == "solved")
    await thread.edit(applied_tags=[solved], archived=True)
    assert post.archived
    assert post.applied_tags == [solved.id]
    with pytest.raises(discord.HTTPException) as refused:
        await thread.edit(name="renamed")
    assert refused.value.code == 50083
    await thread.send("one more thing")
    assert not post.archived


async def test_a_locked_thread_takes_messages_of_moderators_alone(
    playground: Playground, bot: Bot
) -> None:
    world, ada = playground.world, playground.members[0]
    post = await ada.post(playground.forum, "How?", "With what?")
    thread = await fetched_thread(bot, post.id)
    await playground.moderator.lock(post)
    await thread.send("moderators may")
    world.edit_role(playground.town.bot_role, BOT_PERMISSIONS & ~Permission.MANAGE_THREADS)
    with pytest.raises(discord.Forbidden) as refused:
        await thread.send("others may not")
    assert refused.value.code == 160005
    await playground.moderator.archive(post)
    with pytest.raises(discord.HTTPException) as archived:
        await thread.send("not even then")
    assert archived.value.code == 50083


async def test_what_was_deleted_is_unknown(playground: Playground, bot: Bot) -> None:
    post = await playground.members[0].post(playground.forum, "How?", "With what?")
    message = await bot.next_message()
    await playground.members[0].delete(playground.world.messages[post.id])
    with pytest.raises(discord.NotFound) as gone:
        await message.channel.fetch_message(message.id)
    assert gone.value.code == 10008
    with pytest.raises(discord.HTTPException) as lost:
        await message.reply("to whom?")
    assert lost.value.code == 50035
    await playground.moderator.delete_thread(post)
    with pytest.raises(discord.NotFound) as unknown:
        await message.channel.send("where?")
    assert unknown.value.code == 10003


async def test_lost_rights_are_told_apart(playground: Playground, bot: Bot) -> None:
    world, forum = playground.world, playground.forum
    post = await playground.members[0].post(forum, "How?", "With what?")
    thread = await fetched_thread(bot, post.id)
    world.set_overwrite(
        forum.id, playground.town.bot_role.id, deny=Permission.SEND_MESSAGES_IN_THREADS
    )
    with pytest.raises(discord.Forbidden) as refused:
        await thread.send("may I?")
    assert refused.value.code == 50013
    world.set_overwrite(forum.id, playground.guild.id, deny=Permission.READ_MESSAGE_HISTORY)
    world.set_overwrite(forum.id, playground.town.bot_role.id, deny=Permission.READ_MESSAGE_HISTORY)
    assert [one async for one in thread.history()] == []
    world.set_overwrite(forum.id, playground.town.bot_role.id, deny=Permission.READ_MESSAGE_HISTORY)
    own = await thread.send("I may again.")
    with pytest.raises(discord.Forbidden) as unread:
        await own.reply("nor this?")
    assert unread.value.code == 160002
    world.set_overwrite(forum.id, playground.town.bot_role.id, deny=Permission.ATTACH_FILES)
    with pytest.raises(discord.Forbidden) as bare:
        await own.edit(attachments=[discord.File(io.BytesIO(b"x"), "x.md")])
    assert bare.value.code == 50013
    world.set_overwrite(forum.id, playground.bot.id, deny=Permission.VIEW_CHANNEL)
    with pytest.raises(discord.Forbidden) as hidden:
        await bot.fetch_channel(post.id)
    assert hidden.value.code == 50001


async def test_automod_refuses_what_a_guild_does_not_want_to_read(
    playground: Playground, bot: Bot
) -> None:
    playground.world.blocked_words.append("forbidden")
    channel = await text_channel(playground, bot)
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send("a Forbidden word")
    assert refused.value.code == 200000


async def test_active_and_archived_threads_are_listed_in_pages(
    playground: Playground, bot: Bot, clock: Clock
) -> None:
    ada = playground.members[0]
    posts = [await ada.post(playground.forum, f"Post {n}", "text") for n in range(7)]
    for post in posts[:5]:
        clock.advance(1)
        await playground.moderator.archive(post)
    forum = bot.get_channel(playground.forum.id)
    assert isinstance(forum, discord.ForumChannel)
    archived = [thread.id async for thread in forum.archived_threads(limit=None)]
    assert archived == [post.id for post in reversed(posts[:5])]
    status, page = await send_raw(
        playground, "GET", f"/channels/{forum.id}/threads/archived/public?limit=2"
    )
    assert (status, page["has_more"], len(page["threads"])) == (200, True, 2)
    before = page["threads"][-1]["thread_metadata"]["archive_timestamp"].replace("+", "%2B")
    _, rest = await send_raw(
        playground, "GET", f"/channels/{forum.id}/threads/archived/public?limit=50&before={before}"
    )
    assert [int(one["id"]) for one in rest["threads"]] == [post.id for post in reversed(posts[:3])]
    active = await bot.guilds[0].active_threads()
    assert {thread.id for thread in active} == {post.id for post in posts[5:]}


async def test_the_bot_opens_posts_and_threads_of_its_own(playground: Playground, bot: Bot) -> None:
    forum = bot.get_channel(playground.forum.id)
    assert isinstance(forum, discord.ForumChannel)
    created = await forum.create_thread(
        name="News", content="Read me", applied_tags=[forum.available_tags[0]]
    )
    assert created.message.id == created.thread.id
    channel = await text_channel(playground, bot)
    message = await channel.send("let us talk")
    below = await message.create_thread(name="Talk")
    assert below.id == message.id
    private = await channel.create_thread(name="Quiet")
    assert private.type is discord.ChannelType.private_thread
    await private.add_user(discord.Object(playground.members[0].id))
    assert playground.world.sees(playground.members[0].id, private.id)
    assert not playground.world.sees(playground.members[1].id, private.id)
    await playground.world.wait_for(lambda: bot.get_channel(created.thread.id))
    await created.thread.join()


async def test_the_bot_reads_about_itself_and_its_guilds(playground: Playground, bot: Bot) -> None:
    assert (await bot.application_info()).owner.name == "olga"
    guild = await bot.fetch_guild(playground.guild.id)
    assert guild.approximate_member_count == 7
    assert [one.id async for one in bot.fetch_guilds()] == [playground.guild.id]
    assert len(await guild.fetch_channels()) == 3
    assert {role.name for role in await guild.fetch_roles()} >= {"@everyone", "Moderators"}
    member = await guild.fetch_member(playground.members[0].id)
    assert member.name == "ada"
    assert (await bot.fetch_user(member.id)).name == "ada"
    with pytest.raises(discord.NotFound) as unknown:
        await guild.fetch_member(1)
    assert unknown.value.code == 10007
    with pytest.raises(discord.NotFound) as nobody:
        await bot.fetch_user(1)
    assert nobody.value.code == 10013
    elsewhere = playground.world.add_guild("Elsewhere", owner=playground.admin.user)
    with pytest.raises(discord.Forbidden):
        await bot.fetch_guild(elsewhere.id)


async def test_a_channel_is_edited_and_deleted_by_those_who_may(
    playground: Playground, bot: Bot
) -> None:
    forum = bot.get_channel(playground.forum.id)
    assert isinstance(forum, discord.ForumChannel)
    with pytest.raises(discord.Forbidden):
        await forum.edit(topic="Ask here")
    playground.world.edit_role(playground.town.bot_role, Permission.ADMINISTRATOR)
    await forum.edit(topic="Ask here")
    assert playground.forum.topic == "Ask here"
    await forum.create_tag(name="docs")
    assert [tag.name for tag in playground.forum.tags] == ["question", "bug", "solved", "docs"]
    await playground.members[0].post(playground.forum, "How?", "With what?")
    await forum.delete()
    assert playground.world.threads == {}


async def test_the_content_of_others_is_blank_for_an_application_without_the_privilege(
    playground: Playground, bot: Bot
) -> None:
    sent = await playground.members[0].send(playground.text, "secret")
    playground.application.message_content = False
    channel = await text_channel(playground, bot)
    assert (await channel.fetch_message(sent.id)).content == ""
    own = await channel.send("mine")
    assert (await channel.fetch_message(own.id)).content == "mine"


async def test_every_request_is_kept_with_its_answer(playground: Playground, bot: Bot) -> None:
    channel = await text_channel(playground, bot)
    await channel.send("hello", nonce="1")
    last = playground.requests[-1]
    assert (last.method, last.route) == ("POST", "/channels/{channel_id}/messages")
    assert (last.body["nonce"], last.body["enforce_nonce"], last.status) == ("1", True, 200)
    assert last.answer["content"] == "hello"


async def test_unknown_routes_fields_and_bodies_are_refused_and_written_down(
    playground: Playground,
) -> None:
    messages = f"/channels/{playground.text.id}/messages"
    status, answer = await send_raw(playground, "POST", messages, json={"contents": "typo"})
    assert (status, answer["code"]) == (400, 50035)
    status, _ = await send_raw(playground, "GET", "/no/such/route")
    assert status == 404
    status, answer = await send_raw(playground, "POST", messages, data="{not json")
    assert (status, answer["code"]) == (400, 50109)
    assert len(playground.violations) == 3
    assert "contents" in playground.violations[0]


async def test_wrong_values_in_a_query_are_refused(playground: Playground) -> None:
    messages = f"/channels/{playground.text.id}/messages"
    for query in ("limit=0", "limit=101", "limit=x", "before=x"):
        status, answer = await send_raw(playground, "GET", f"{messages}?{query}")
        assert (status, answer["code"]) == (400, 50035)
    archived = f"/channels/{playground.forum.id}/threads/archived/public?before=yesterday"
    assert (await send_raw(playground, "GET", archived))[0] == 400


async def test_without_the_right_token_nothing_is_answered(playground: Playground) -> None:
    status, answer = await send_raw(playground, "GET", "/users/@me", token="wrong")
    assert (status, answer) == (401, {"message": "401: Unauthorized", "code": 0})


async def test_json_is_sent_as_json_and_nothing_more(playground: Playground) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{playground.api_url}/gateway") as answer,
    ):
        assert answer.headers["Content-Type"] == "application/json"
        assert await answer.json() == {"url": playground.gateway_url}


async def test_pages_can_be_added_to_the_same_server() -> None:
    async def page(_request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="the page")

    async with (
        Playground.open(routes=lambda _: [aiohttp.web.get("/", page)]) as playground,
        aiohttp.ClientSession() as session,
        session.get(playground.url) as answer,
    ):
        assert await answer.text() == "the page"


async def test_rate_limits_hold_the_client_back_once_they_are_switched_on(
    playground: Playground, bot: Bot
) -> None:
    playground.limits.enabled = True
    playground.limits.buckets["POST /channels/{channel_id}/messages"] = (2, 0.3)
    channel = await text_channel(playground, bot)
    await asyncio.gather(*(channel.send(str(number)) for number in range(5)))
    statuses = [one.status for one in playground.requests if one.method == "POST"]
    assert statuses.count(200) == 5
    began = [one.began for one in playground.requests if one.status == 200 and one.method == "POST"]
    assert began[-1] - began[0] > 0.5
