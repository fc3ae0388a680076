"""What becomes of a forum: lost, hidden, closed to docbot; and what the operator is told, once."""

from collections.abc import Sequence

import pytest

from docbot.bot.client import PERMISSIONS
from docbot.playground.objects import ChannelKind, Permission, Thread
from tests.model_server import Hang, ModelServer, Script
from tests.town import (
    ANSWER_PLACE,
    QUESTION,
    Ground,
    QuietTown,
    Town,
    bind,
    eventually,
    open_quiet_town,
    open_town,
)

pytestmark = pytest.mark.slow

BODY = "It fails each night."
SEND = r"/channels/\d+/messages"
VIEW, SEND_IN_THREADS, HISTORY = (
    Permission.VIEW_CHANNEL,
    Permission.SEND_MESSAGES_IN_THREADS,
    Permission.READ_MESSAGE_HISTORY,
)


def _take(town: QuietTown, right: Permission) -> None:
    """Take a right from docbot in the forum alone, as Edit Channel > Permissions does."""
    town.playground.world.set_overwrite(
        town.playground.forum.id, town.playground.town.bot_role.id, deny=right
    )


def _give_back(town: QuietTown) -> None:
    town.playground.world.set_overwrite(town.playground.forum.id, town.playground.town.bot_role.id)


def _told(caplog: pytest.LogCaptureFixture, level: str = "WARNING") -> list[str]:
    """The lines from this level up."""
    least = {"INFO": 20, "WARNING": 30}[level]
    return [record.message for record in caplog.records if record.levelno >= least]


async def _posts(town: Town, number: int) -> Sequence[Thread]:
    forum = town.playground.forum
    return [await town.asker.post(forum, QUESTION, f"Case {n}.") for n in range(number)]


# Rights


async def test_without_the_right_to_send_answers_wait_for_it_and_one_line_tells(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    _take(town, SEND_IN_THREADS)
    await eventually(lambda: bool(_told(caplog)))
    threads = await _posts(town, 3)
    await town.until("SELECT count(*) = 3 FROM outbox WHERE attempt > 0 AND state = 'pending'")
    sends = [one for one in town.playground.requests if one.route.endswith("/messages")]
    assert not any(request.method == "POST" for request in sends)
    _give_back(town)
    for thread in threads:
        assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
    await town.until("SELECT count(*) = 3 FROM questions WHERE state = 'answered'")
    [line] = _told(caplog)
    assert "docbot lacks Send Messages in Threads in forum #help" in line
    assert str(town.playground.forum.id) in line
    assert '"Playground"' in line
    assert "Edit Channel > Permissions" in line


async def test_an_answer_that_waits_too_long_for_a_right_fails_with_the_reason(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    _take(town, SEND_IN_THREADS)
    await eventually(lambda: bool(_told(caplog)))
    await _posts(town, 1)
    await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
    await town.rooms.pool.execute("UPDATE outbox SET created_at = now() - interval '7 hours'")
    await town.until("SELECT state = 'failed' FROM questions")
    [(_, reason)] = await town.states()
    assert reason is not None
    assert "6 hours" in reason
    assert "Send Messages in Threads" in reason


async def test_a_forum_that_is_shown_again_is_caught_up_on_without_a_restart(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    _take(town, VIEW)
    await eventually(lambda: any("lacks View Channel" in line for line in _told(caplog)))
    [hidden] = await _posts(town, 1)
    _give_back(town)
    assert ANSWER_PLACE in (await town.asker.sees_reply(hidden)).content
    [thread] = await _posts(town, 1)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content
    assert len(_told(caplog)) == 1
    assert any("all is well again" in line for line in _told(caplog, "INFO"))


async def test_what_is_written_before_docbot_caught_up_hides_nothing_that_it_missed(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    [thread] = await _posts(town, 1)
    first = await town.asker.sees_reply(thread)
    _take(town, VIEW)
    await eventually(lambda: any("lacks View Channel" in line for line in _told(caplog)))
    await town.asker.reply(thread, f"{town.mention} when does it time out?")
    held = town.playground.faults.hold(method="GET", path=r"/guilds/\d+/threads/active")
    _give_back(town)
    await held.reached.wait()
    await town.asker.reply(thread, "That was the question.")
    await town.until("SELECT count(*) = 2 FROM messages WHERE NOT is_bot")
    held.release()
    assert "timeout_seconds" in (await town.asker.sees_reply(thread, after=first)).content


async def test_a_forum_that_cannot_be_caught_up_on_delays_no_other(town: Town) -> None:
    world, guild = town.playground.world, town.playground.guild
    await town.caught_up()
    late = world.add_channel(guild.id, "more-help", ChannelKind.FORUM)
    [docs] = await town.rooms.sources.get_many(["docs"])
    await town.rooms.forums.bind(
        guild_id=guild.id, channel_id=late.id, mode="auto", source_ids=[docs.id]
    )
    await eventually(lambda: town.bot.bindings.find(late.id) is not None)
    archived = rf"/channels/{town.playground.forum.id}/threads/archived/.*"
    town.playground.faults.answer(503, method="GET", path=archived, times=1_000)
    created = town.playground.faults.hold_events("THREAD_CREATE|MESSAGE_CREATE")
    thread = await town.asker.post(late, QUESTION, BODY)
    created.events.clear()
    town.playground.faults.drop_gateway(resumable=False)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_without_the_history_new_posts_are_answered_and_replies_wait(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    _take(town, HISTORY)
    await eventually(lambda: any("Read Message History" in line for line in _told(caplog)))
    [thread] = await _posts(town, 1)
    first = await town.asker.sees_reply(thread)
    await town.asker.reply(thread, f"{town.mention} when does it time out?")
    await town.until("SELECT count(*) = 1 FROM outbox WHERE attempt > 0 AND state = 'pending'")
    _give_back(town)
    assert "timeout_seconds" in (await town.asker.sees_reply(thread, after=first)).content
    assert len(_told(caplog)) == 1


@pytest.mark.parametrize("right", [VIEW, SEND_IN_THREADS, HISTORY])
async def test_a_right_that_is_missing_at_the_start_is_told_once(
    ground: Ground, caplog: pytest.LogCaptureFixture, right: Permission
) -> None:
    async with open_quiet_town(ground) as town:
        _take(town, right)
        async with town.awake():
            await eventually(lambda: any("docbot lacks" in line for line in _told(caplog)))
        assert len(_told(caplog)) == 1


async def test_a_right_taken_from_docbots_role_is_told_too(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    world, guild = town.playground.world, town.playground.guild
    everyone = world.guilds[guild.id].roles[guild.id]
    world.edit_role(everyone, everyone.permissions & ~SEND_IN_THREADS)
    world.edit_role(town.playground.town.bot_role, Permission(PERMISSIONS.value) & ~SEND_IN_THREADS)
    await eventually(lambda: any("docbot lacks Send" in line for line in _told(caplog)))


async def test_answers_that_wait_for_a_right_delay_no_other_forum(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    world = town.playground.world
    other = world.add_channel(town.playground.guild.id, "more-help", ChannelKind.FORUM)
    [docs] = await town.rooms.sources.get_many(["docs"])
    await town.rooms.forums.bind(
        guild_id=town.playground.guild.id, channel_id=other.id, mode="auto", source_ids=[docs.id]
    )
    await eventually(lambda: town.bot.bindings.find(other.id) is not None)
    _take(town, SEND_IN_THREADS)
    await eventually(lambda: bool(_told(caplog)))
    await _posts(town, 6)
    thread = await town.asker.post(other, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


# Lost


@pytest.mark.parametrize("waits_for", ["the model", "the send"])
async def test_a_deleted_forum_ends_its_questions_and_loses_its_texts(
    ground: Ground, caplog: pytest.LogCaptureFixture, waits_for: str
) -> None:
    replies: list[Script] = ["Set `max_retries` [1]."]
    if waits_for == "the model":
        replies.insert(0, Hang())
    async with (
        ModelServer.open(replies=replies) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        town.playground.faults.answer(503, method="POST", path=SEND, times=2)
        await _posts(town, 1)
        if waits_for == "the model":
            await model.arrived.wait()
        else:
            await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
        caplog.clear()
        town.playground.world.delete_channel(town.playground.forum.id, town.playground.admin.id)
        await town.until("SELECT state = 'cancelled' FROM questions")
        await town.until("SELECT content = '' FROM messages")
        await eventually(lambda: any("does not exist any more" in each for each in _told(caplog)))
        model.release.set()
        [(_, reason)] = await town.states()
    # Discord's client tells of the threads that it knows one by one, at the same time.
    assert reason in {"forum deleted", "thread deleted"}
    [line] = [line for line in _told(caplog) if "does not exist any more" in line]
    assert f"docbot forum remove {town.playground.forum.id}" in line


async def test_a_forum_deleted_while_docbot_is_away_ends_its_questions(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as quiet:
        quiet.playground.faults.answer(503, method="POST", path=SEND, times=1_000)
        async with quiet.awake() as town:
            await _posts(town, 2)
            await town.until("SELECT count(*) = 2 FROM outbox WHERE attempt > 0")
        quiet.playground.faults.clear()
        quiet.playground.world.delete_channel(quiet.playground.forum.id, quiet.playground.admin.id)
        async with quiet.awake():
            await quiet.until("SELECT count(*) = 2 FROM questions WHERE state = 'cancelled'")
            await quiet.until("SELECT bool_and(content = '') FROM messages")
        assert await quiet.rooms.pool.fetchval("SELECT bool_and(state = 'dropped') FROM outbox")
    assert len([line for line in _told(caplog) if "does not exist any more" in line]) == 1


async def test_who_takes_docbot_out_of_a_server_and_back_is_answered_again(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        ModelServer.open(replies=[Hang(), "Not sent [1].", "Set `max_retries` [1]."]) as model,
        open_town(ground, openai_base_url=model.base_url, docbot_chat_model="test-chat") as town,
    ):
        world, guild = town.playground.world, town.playground.guild
        await _posts(town, 1)
        await model.arrived.wait()
        world.remove_member(guild.id, town.playground.bot.id)
        await town.until("SELECT state = 'cancelled' FROM questions")
        assert await town.states() == [("cancelled", "docbot is no longer in the server")]
        model.release.set()
        [line] = [line for line in _told(caplog) if "not in server" in line]
        assert f"docbot is not in server {guild.id}" in line
        assert "https://discord.com/oauth2/authorize?client_id=" in line
        world.invite_bot(guild.id, Permission(PERMISSIONS.value))
        await eventually(lambda: town.bot.bindings.find(town.playground.forum.id) is not None)
        [thread] = await _posts(town, 1)
        assert "max_retries" in (await town.asker.sees_reply(thread)).content


async def test_an_answer_on_its_way_to_a_server_that_docbot_left_is_dropped(
    ground: Ground,
) -> None:
    async with open_quiet_town(ground) as quiet:
        quiet.playground.faults.answer(503, method="POST", path=SEND, times=1_000)
        async with quiet.awake() as town:
            await _posts(town, 1)
            await town.until("SELECT attempt > 0 AND state = 'pending' FROM outbox")
        world, bot = quiet.playground.world, quiet.playground.bot
        world.remove_member(quiet.playground.guild.id, bot.id)
        async with quiet.awake():
            await quiet.until("SELECT state = 'cancelled' FROM questions")
        assert await quiet.states() == [("cancelled", "docbot is no longer in the server")]


async def test_a_renamed_forum_is_answered_as_before(town: Town) -> None:
    town.playground.world.edit_channel(
        town.playground.forum.id, town.playground.admin.id, {"name": "questions"}
    )
    [thread] = await _posts(town, 1)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


# The start


async def test_a_forum_of_a_server_without_docbot_is_told_with_the_invite_link(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_quiet_town(ground) as town:
        await _bind_elsewhere(town, guild_id=77, channel_id=78)
        async with town.awake():
            await eventually(lambda: bool(_told(caplog)))
            # The others are answered all the same.
            thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
            await town.asker.sees_reply(thread)
    [line] = _told(caplog)
    assert "docbot is not in server 77, whose forum 78 is bound" in line
    assert "https://discord.com/oauth2/authorize?client_id=" in line
    assert "docbot forum remove 78" in line


@pytest.mark.parametrize("kind", ["a thread", "a channel of another server"])
async def test_a_bound_channel_that_is_no_forum_is_told_with_what_to_do(
    ground: Ground, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async with open_quiet_town(ground, bound=False) as town:
        world = town.playground.world
        guild_id = town.playground.guild.id
        if kind == "a thread":
            channel_id = (await town.asker.post(town.playground.forum, QUESTION, BODY)).id
        else:
            other = world.add_guild("Elsewhere", owner=town.playground.admin.user)
            world.invite_bot(other.id, Permission(PERMISSIONS.value))
            channel_id = world.add_channel(other.id, "help", ChannelKind.FORUM).id
        await _bind_elsewhere(town, guild_id=guild_id, channel_id=channel_id)
        async with town.awake():
            await eventually(lambda: bool(_told(caplog)))
    [line] = _told(caplog)
    assert "no forum" in line
    assert str(channel_id) in line
    assert f"docbot forum remove {channel_id}" in line


async def test_a_forum_without_pages_is_told_until_they_are_read(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with open_quiet_town(ground, bound=False) as town:
        await town.rooms.sources.add(name="empty", kind="folder", location="/x", base_url=None)
        await bind(town.rooms, town.playground, source="empty")
        async with town.awake():
            await eventually(lambda: any("docbot sync empty" in each for each in _told(caplog)))
            await bind(town.rooms, town.playground, source="docs")
            await eventually(lambda: any("well again" in each for each in _told(caplog, "INFO")))
            await town.rooms.sources.remove("docs")
            await bind_nothing(town)
            await eventually(lambda: any("has no source" in each for each in _told(caplog)))


async def bind_nothing(town: QuietTown) -> None:
    """As when the only source of a forum was removed."""
    await _bind_elsewhere(
        town, guild_id=town.playground.guild.id, channel_id=town.playground.forum.id, sources=()
    )


async def _bind_elsewhere(
    town: QuietTown, *, guild_id: int, channel_id: int, sources: Sequence[str] = ("docs",)
) -> None:
    chosen = await town.rooms.sources.get_many(sources) if sources else []
    await town.rooms.forums.bind(
        guild_id=guild_id,
        channel_id=channel_id,
        mode="auto",
        source_ids=[source.id for source in chosen],
    )
