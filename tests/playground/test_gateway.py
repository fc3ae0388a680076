import asyncio
import zlib
from typing import Any

import aiohttp
import discord
import pytest

from docbot.playground.gateway import Close
from docbot.playground.objects import Permission
from docbot.playground.server import BOT_PERMISSIONS, TOKEN, Playground
from docbot.playground.world import Clock
from tests.playground.conftest import PATIENCE, Bot, Recorder, connected, reading_intents
from tests.playground.schemas import FOLDER, MISSING


@pytest.mark.skipif(not FOLDER.exists(), reason=MISSING)
async def test_frames_and_exchanges_are_held_against_the_schemas(
    bot: Bot, recorder: Recorder
) -> None:
    assert recorder.schemas
    assert recorder.schemas.checked > 3
    assert recorder.problems == []
    ready = recorder.events("READY")[0]
    without_user = {key: value for key, value in ready.items() if key != "user"}
    assert recorder.schemas.problems_of_frame({"t": "READY", "d": without_user})


async def test_the_client_sees_the_guild_with_its_channels_roles_and_itself(
    playground: Playground, bot: Bot
) -> None:
    (guild,) = bot.guilds
    assert guild.name == "Playground"
    assert guild.member_count == 7
    assert guild.me.guild_permissions.manage_threads
    forum = guild.get_channel(playground.forum.id)
    assert isinstance(forum, discord.ForumChannel)
    assert [tag.name for tag in forum.available_tags] == ["question", "bug", "solved"]
    assert isinstance(guild.get_channel(playground.text.id), discord.TextChannel)


async def test_a_forum_post_arrives_as_a_message_with_the_threads_own_id(
    playground: Playground, bot: Bot
) -> None:
    thread = await playground.members[0].post(playground.forum, "How?", "With what?", ["bug"])
    message = await bot.next_message()
    assert message.id == message.channel.id == thread.id
    assert message.content == "With what?"
    assert isinstance(message.channel, discord.Thread)
    assert message.channel.name == "How?"
    assert [tag.name for tag in message.channel.applied_tags] == ["bug"]
    assert message.author.display_name == "Ada"


async def test_a_thread_that_the_client_never_heard_of_can_be_fetched(
    playground: Playground, bot: Bot
) -> None:
    playground.faults.lose_events("THREAD_CREATE")
    thread = await playground.members[0].post(playground.forum, "How?", "With what?")
    message = await bot.next_message()
    assert isinstance(message.channel, discord.PartialMessageable)
    assert bot.get_channel(thread.id) is None
    fetched = await bot.fetch_channel(message.channel.id)
    assert isinstance(fetched, discord.Thread)
    assert fetched.name == "How?"


async def test_edits_and_deletions_reach_the_client(playground: Playground, bot: Bot) -> None:
    ada = playground.members[0]
    thread = await ada.post(playground.forum, "How?", "With what?")
    reply = await ada.reply(thread, "More.")
    await ada.edit(reply, "Much more.")
    _, after = await bot.next("message_edit")
    assert after.content == "Much more."
    assert after.edited_at is not None
    await ada.delete(reply)
    deleted = await bot.next("message_delete")
    assert deleted.id == reply.id


async def test_what_moderators_do_to_a_thread_reaches_the_client(
    playground: Playground, bot: Bot
) -> None:
    thread = await playground.members[0].post(playground.forum, "How?", "With what?")
    await playground.moderator.rename(thread, "What?")
    _, after = await bot.next("thread_update")
    assert after.name == "What?"
    await playground.moderator.lock(thread)
    _, after = await bot.next("thread_update")
    assert after.locked
    await playground.moderator.delete_thread(thread)
    deleted = await bot.next("thread_delete")
    assert deleted.id == thread.id


async def test_joining_and_leaving_a_guild_reach_the_client(
    playground: Playground, bot: Bot, recorder: Recorder
) -> None:
    guild = playground.world.add_guild("Elsewhere", owner=playground.admin.user)
    playground.world.invite_bot(guild.id, BOT_PERMISSIONS)
    joined = await bot.next("guild_join")
    assert joined.name == "Elsewhere"
    assert "unavailable" not in recorder.events("GUILD_CREATE")[-1]
    playground.world.remove_member(guild.id, playground.bot.id)
    left = await bot.next("guild_remove")
    assert left.id == guild.id


async def test_channels_and_roles_that_change_reach_the_client(
    playground: Playground, bot: Bot
) -> None:
    world = playground.world
    channel = world.add_channel(playground.guild.id, "news")
    assert (await bot.next("guild_channel_create")).id == channel.id
    world.set_overwrite(channel.id, playground.guild.id, deny=Permission.VIEW_CHANNEL)
    await bot.next("guild_channel_update")
    world.delete_channel(channel.id, playground.admin.id)
    assert (await bot.next("guild_channel_delete")).id == channel.id
    role = world.add_role(playground.guild.id, "Staff", Permission.MANAGE_GUILD)
    assert (await bot.next("guild_role_create")).id == role.id
    world.edit_role(role, Permission.MANAGE_THREADS)
    _, after = await bot.next("guild_role_update")
    assert after.permissions.manage_threads
    world.delete_role(role)
    assert (await bot.next("guild_role_delete")).id == role.id


async def test_what_the_bot_may_not_view_does_not_reach_it(
    playground: Playground, bot: Bot
) -> None:
    world, ada = playground.world, playground.members[0]
    world.set_overwrite(playground.forum.id, playground.bot.id, deny=Permission.VIEW_CHANNEL)
    await ada.post(playground.forum, "Hidden", "not for bots")
    await ada.send(playground.text, "seen")
    assert (await bot.next_message()).content == "seen"


async def test_without_the_content_intent_messages_come_empty_unless_they_mention_the_bot(
    playground: Playground, pointed: None
) -> None:
    async with connected(playground, Bot(discord.Intents.default())) as bot:
        ada = playground.members[0]
        await ada.send(playground.text, "nothing to see")
        assert (await bot.next_message()).content == ""
        await ada.send(playground.text, f"{playground.bot.mention} hello")
        assert (await bot.next_message()).content.endswith("hello")


async def test_an_intent_that_the_application_was_not_given_is_refused(
    playground: Playground, pointed: None
) -> None:
    playground.application.message_content = False
    bot = Bot()
    await bot.login(playground.token)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await bot.connect()
    await bot.close()


async def test_a_wrong_token_is_refused(playground: Playground, pointed: None) -> None:
    bot = Bot()
    with pytest.raises(discord.LoginFailure):
        await bot.login("wrong")
    await bot.close()
    assert playground.rest.invalid_requests == 1


async def test_typing_is_seen_by_both_sides(playground: Playground, bot: Bot) -> None:
    await playground.members[0].type(playground.text)
    channel, user, _ = await bot.next("typing")
    assert (channel.id, user.id) == (playground.text.id, playground.members[0].id)
    seen: list[Any] = []
    playground.world.subscribe(lambda name, payload: seen.append((name, payload["user_id"])))
    async with channel.typing():
        pass
    assert seen == [("TYPING_START", str(playground.bot.id))]


async def test_a_dropped_connection_is_resumed_and_gives_what_was_missed(
    playground: Playground, bot: Bot
) -> None:
    ada = playground.members[0]
    thread = await ada.post(playground.forum, "How?", "one")
    assert (await bot.next_message()).content == "one"
    playground.faults.drop_gateway()
    for word in ("two", "three"):
        await ada.reply(thread, word)
    assert [(await bot.next_message()).content for _ in range(2)] == ["two", "three"]
    await bot.next("resumed")
    assert playground.gateway.resumes == 1
    assert len(playground.gateway.identifies) == 1


@pytest.mark.parametrize("how", ["abort", "op7", "op9"])
async def test_every_gentle_break_is_resumed(playground: Playground, bot: Bot, how: str) -> None:
    match how:
        case "abort":
            playground.faults.drop_gateway(code=None)
        case "op7":
            playground.faults.ask_to_reconnect()
        case _:
            playground.faults.invalidate_session(resumable=True)
    await bot.next("resumed")
    await playground.members[0].send(playground.text, "still there?")
    assert (await bot.next_message()).content == "still there?"
    assert len(playground.gateway.identifies) == 1


@pytest.mark.parametrize("how", ["forgotten", "op9"])
async def test_a_session_that_is_gone_is_begun_anew(
    playground: Playground, bot: Bot, how: str
) -> None:
    if how == "op9":
        playground.faults.invalidate_session(resumable=False)
    else:
        playground.faults.drop_gateway(resumable=False)
    await bot.next("ready")
    await playground.members[0].send(playground.text, "still there?")
    assert (await bot.next_message()).content == "still there?"
    assert len(playground.gateway.identifies) == 2


async def test_what_happens_between_two_sessions_is_not_replayed(
    playground: Playground, pointed: None
) -> None:
    async with connected(playground, Bot()):
        pass
    await playground.members[0].send(playground.text, "anybody?")
    async with connected(playground, Bot()) as bot:
        await playground.members[0].send(playground.text, "hello")
        assert (await bot.next_message()).content == "hello"


async def test_a_playground_that_closes_tells_its_clients() -> None:
    async with aiohttp.ClientSession() as session:
        async with Playground.open() as playground:
            socket = await session.ws_connect(playground.gateway_url)
            await Raw(socket).identify()
            await playground.bot_connects()
            listening = asyncio.create_task(Raw(socket).closes_with())
        assert await listening == 1001


async def test_members_are_given_when_asked_for(playground: Playground, pointed: None) -> None:
    playground.application.guild_members = True
    intents = reading_intents()
    intents.members = True
    async with connected(playground, Bot(intents)) as bot:
        guild = bot.guilds[0]
        assert len(guild.members) == 7
        found = await guild.query_members("ad")
        assert [member.name for member in found] == ["ada"]
        newcomer = playground.add_member("Dora")
        assert (await bot.next("member_join")).id == newcomer.id
        playground.world.set_roles(guild.id, newcomer.id, [playground.town.moderators])
        _, after = await bot.next("member_update")
        assert [role.name for role in after.roles] == ["@everyone", "Moderators"]
        playground.world.remove_member(guild.id, newcomer.id)
        assert (await bot.next("raw_member_remove")).user.id == newcomer.id


class Raw:
    """A connection by hand, for what the real client never does."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def closes_with(self) -> int | None:
        async with asyncio.timeout(PATIENCE):
            async for _ in self.socket:
                pass
        return self.socket.close_code

    async def identify(self, **changes: Any) -> None:
        data = {"token": TOKEN, "intents": 0, "properties": {}} | changes
        await self.socket.send_json({"op": 2, "d": data})


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"op": 8, "d": {}}, Close.NOT_AUTHENTICATED),
        ({"op": 99}, Close.DECODE_ERROR),
        ({"op": 2, "d": {"token": "wrong", "intents": 0}}, Close.AUTHENTICATION_FAILED),
        ({"op": 6, "d": {"token": "wrong"}}, Close.AUTHENTICATION_FAILED),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1 << 40}}, Close.INVALID_INTENTS),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1 << 8}}, Close.DISALLOWED_INTENTS),
    ],
)
async def test_a_client_that_breaks_the_rules_is_closed_with_the_code_that_says_which(
    playground: Playground, first: dict[str, Any], code: Close
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(playground.gateway_url) as socket,
    ):
        await socket.send_json(first)
        assert await Raw(socket).closes_with() == code


async def test_identifying_twice_and_sending_too_much_are_refused(playground: Playground) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(playground.gateway_url) as socket:
            await Raw(socket).identify()
            await Raw(socket).identify()
            assert await Raw(socket).closes_with() == Close.ALREADY_AUTHENTICATED
        async with session.ws_connect(playground.gateway_url) as socket:
            for _ in range(121):
                await socket.send_json({"op": 1, "d": None})
            assert await Raw(socket).closes_with() == Close.RATE_LIMITED


async def test_heartbeats_are_acknowledged_and_frames_are_one_compressed_stream(
    playground: Playground,
) -> None:
    url = f"{playground.gateway_url}?v=10&encoding=json&compress=zlib-stream"
    stream = zlib.decompressobj()
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        hello = stream.decompress(await socket.receive_bytes())
        assert b'"heartbeat_interval": 41250' in hello
        await socket.send_json({"op": 1, "d": None})
        frame = await socket.receive_bytes()
        assert frame.endswith(b"\x00\x00\xff\xff")
        assert b'"op": 11' in stream.decompress(frame)


async def test_events_older_than_those_kept_cannot_be_resumed(playground: Playground) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(playground.gateway_url) as socket:
            await socket.receive_json()
            await Raw(socket).identify(intents=1 << 9)
            ready = await socket.receive_json()
        for _ in range(5_100):
            playground.world.emit(
                "MESSAGE_DELETE",
                {
                    "id": "1",
                    "channel_id": str(playground.text.id),
                    "guild_id": ready["d"]["guilds"][0]["id"],
                },
            )
        async with session.ws_connect(playground.gateway_url) as socket:
            await socket.receive_json()
            data = {"token": TOKEN, "session_id": ready["d"]["session_id"], "seq": 2}
            await socket.send_json({"op": 6, "d": data})
            assert await socket.receive_json() == {"t": None, "s": None, "op": 9, "d": False}


async def test_the_founding_ids_are_the_same_each_time(
    playground: Playground, clock: Clock
) -> None:
    async with Playground.open(clock=clock) as another:
        assert another.guild.id == playground.guild.id
        assert another.forum.id == playground.forum.id
        assert another.bot.id == playground.bot.id
