import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.playground.actors import Member
from docbot.playground.interactions import Interactions
from docbot.playground.objects import (
    ALL_PERMISSIONS,
    NO_PERMISSIONS,
    Channel,
    ChannelKind,
    DiscordError,
    Guild,
    Permission,
    snowflake_seconds,
)
from docbot.playground.world import World


class Place:
    """A guild without a bot connected to it."""

    def __init__(self, clock: Any = None) -> None:
        self.world = World(clock=clock)
        owner = self.world.add_user("Olga")
        self.world.add_application("docbot", owner=owner, token="token")
        self.guild: Guild = self.world.add_guild("Here", owner=owner)
        self.forum = self.world.add_channel(
            self.guild.id, "help", ChannelKind.FORUM, tags=["question", "solved"]
        )
        self.text: Channel = self.world.add_channel(self.guild.id, "general")
        self.owner = Member(Interactions(self.world), self.guild.members[owner.id])
        self.ada, self.ben = self.joins("Ada"), self.joins("Ben")
        self.world.invite_bot(self.guild.id, Permission.SEND_MESSAGES)

    def joins(self, name: str) -> Member:
        membership = self.world.add_member(self.guild.id, self.world.add_user(name))
        return Member(Interactions(self.world), membership)


@pytest.fixture
def place() -> Place:
    return Place()


@given(st.lists(st.floats(0, 5), max_size=200))
def test_ids_grow_whatever_the_clock_does(steps: list[float]) -> None:
    now = 1_800_000_000.0
    world = World(clock=lambda: now)
    known = [world.new_id()]
    for step in steps:
        now += step - 2
        known.append(world.new_id())
    assert known == sorted(set(known))


def test_an_id_tells_when_it_was_made() -> None:
    world = World(clock=lambda: 1_800_000_000.25)
    assert snowflake_seconds(world.new_id()) == 1_800_000_000.25


async def test_a_post_counts_its_replies_and_not_itself(place: Place) -> None:
    thread = await place.ada.post(place.forum, "How?", "With what?", ["question"])
    await place.ada.reply(thread, "More.")
    reply = await place.ben.reply(thread, "Use this.")
    await place.ben.delete(reply)
    payload = thread.payload()
    assert (payload["message_count"], payload["total_message_sent"]) == (1, 2)
    assert payload["member_count"] == 2
    assert payload["last_message_id"] == str(reply.id)


async def test_everybody_who_subscribes_hears_of_changes_until_they_stop(place: Place) -> None:
    heard: list[str] = []
    end = place.world.subscribe(lambda name, _payload: heard.append(name))
    await place.ada.post(place.forum, "How?", "With what?")
    end()
    await place.ada.send(place.text, "unheard")
    assert heard == ["THREAD_CREATE", "MESSAGE_CREATE"]


async def test_waiting_ends_with_the_event_that_makes_it_true(place: Place) -> None:
    async def answer() -> None:
        await place.ben.send(place.text, "not this")
        await place.ben.send(place.text, "this")

    def look() -> bool:
        return any(one.content == "this" for one in place.world.messages_of(place.text.id))

    asking = asyncio.create_task(answer())
    assert await place.world.wait_for(look, 5, channel_id=place.text.id)
    await asking
    assert await place.world.wait_for(look, 0)


async def test_waiting_in_vain_ends_and_an_error_in_the_look_is_told(place: Place) -> None:
    with pytest.raises(TimeoutError):
        await place.world.wait_for(lambda: False, 0.01)

    def broken() -> bool:
        return bool(place.text.message_ids and 1 / 0)

    waiting = asyncio.create_task(place.world.wait_for(broken, 5))
    await asyncio.sleep(0)
    await place.ada.send(place.text, "now")
    with pytest.raises(ZeroDivisionError):
        await waiting


def test_rights_add_up_over_roles_and_channels(place: Place) -> None:
    world, ada, channel = place.world, place.ada, place.text.id
    assert world.may(ada.id, channel, Permission.SEND_MESSAGES)
    world.set_overwrite(channel, place.guild.id, deny=Permission.SEND_MESSAGES)
    assert not world.may(ada.id, channel, Permission.SEND_MESSAGES)
    role = world.add_role(place.guild.id, "Helpers", NO_PERMISSIONS)
    world.set_roles(place.guild.id, ada.id, [role])
    world.set_overwrite(channel, role.id, allow=Permission.SEND_MESSAGES)
    assert world.may(ada.id, channel, Permission.SEND_MESSAGES)
    world.set_overwrite(channel, ada.id, deny=Permission.SEND_MESSAGES)
    assert not world.may(ada.id, channel, Permission.SEND_MESSAGES)
    world.edit_role(role, Permission.ADMINISTRATOR)
    assert world.permissions(ada.id, channel) == ALL_PERMISSIONS
    assert world.permissions(place.owner.id, channel) == ALL_PERMISSIONS
    assert world.permissions(12345, channel) == NO_PERMISSIONS


async def test_a_member_changes_its_own_thread_and_no_other(place: Place) -> None:
    thread = await place.ada.post(place.forum, "How?", "With what?")
    await place.ada.rename(thread, "What?")
    await place.ada.tag(thread, "solved")
    await place.ada.archive(thread)
    await place.ben.unarchive(thread)
    for forbidden in (
        place.ben.rename(thread, "Mine"),
        place.ben.archive(thread),
        place.ada.lock(thread),
        place.ada.delete_thread(thread),
    ):
        with pytest.raises(DiscordError) as refused:
            await forbidden
        assert refused.value.code == 50013
    await place.owner.lock(thread)
    with pytest.raises(DiscordError):
        await place.ada.rename(thread, "Too late")
    await place.owner.unlock(thread)
    await place.ada.rename(thread, "Again")


async def test_tags_for_moderators_are_theirs(place: Place) -> None:
    place.forum.tags[1].moderated = True
    thread = await place.ada.post(place.forum, "How?", "With what?")
    with pytest.raises(DiscordError):
        await place.ada.tag(thread, "solved")
    await place.owner.tag(thread, "solved")


async def test_pings_are_worked_out_as_far_as_the_author_and_the_message_allow(
    place: Place,
) -> None:
    role = place.world.add_role(place.guild.id, "Helpers", NO_PERMISSIONS, mentionable=True)
    text = f"@everyone {place.ben.mention} {place.ben.mention} <@&{role.id}> <@1>"
    message = await place.ada.send(place.text, text)
    assert message.mentions == [place.ben.user]
    assert message.mention_roles == [role.id]
    assert not message.mention_everyone
    assert (await place.owner.send(place.text, text)).mention_everyone
    quiet = {"content": text, "allowed_mentions": {"parse": [], "roles": [str(role.id)]}}
    sent = place.world.send_message(place.text.id, place.owner.id, quiet)
    assert (sent.mentions, sent.mention_roles, sent.mention_everyone) == ([], [role.id], False)


async def test_a_role_that_is_not_mentionable_is_pinged_by_moderators_alone(place: Place) -> None:
    role = place.world.add_role(place.guild.id, "Staff", NO_PERMISSIONS)
    assert (await place.ada.send(place.text, f"<@&{role.id}>")).mention_roles == []
    assert (await place.owner.send(place.text, f"<@&{role.id}>")).mention_roles == [role.id]


async def test_a_reply_to_nothing_is_refused_or_becomes_a_message(place: Place) -> None:
    body: dict[str, Any] = {"content": "x", "message_reference": {"message_id": "1"}}
    with pytest.raises(DiscordError):
        place.world.send_message(place.text.id, place.ada.id, body)
    assert place.world.messages_of(place.text.id) == []
    body["message_reference"]["fail_if_not_exists"] = False
    assert place.world.send_message(place.text.id, place.ada.id, body).reply_to is None


async def test_a_reply_to_a_deleted_message_no_longer_shows_it(place: Place) -> None:
    first = await place.ada.send(place.text, "first")
    reply = await place.ben.send(place.text, "second", reply_to=first)
    assert reply.payload()["referenced_message"]["content"] == "first"
    await place.ada.delete(first)
    assert reply.payload()["referenced_message"] is None


async def test_a_forum_takes_posts_and_a_text_channel_takes_messages(place: Place) -> None:
    with pytest.raises(DiscordError) as not_text:
        await place.ada.send(place.forum, "hello")
    assert not_text.value.code == 50008
    with pytest.raises(DiscordError) as not_forum:
        await place.ada.post(place.text, "How?", "With what?")
    assert not_forum.value.code == 50024


async def test_a_message_has_one_thread_at_most(place: Place) -> None:
    message = await place.ada.send(place.text, "talk")
    body = {"name": "Talk"}
    thread = place.world.create_thread(place.text.id, place.ada.id, body, message.id)
    assert thread.id == message.id
    with pytest.raises(DiscordError) as refused:
        place.world.create_thread(place.text.id, place.ada.id, body, message.id)
    assert refused.value.code == 160004


async def test_files_are_limited_in_number_and_size(place: Place) -> None:
    small = place.world.attachment("a.txt", b"a", "text/plain", place.text.id)
    large = place.world.attachment("b.txt", b"b" * (10 * 2**20 + 1), "text/plain", place.text.id)
    for files, code in (([small] * 11, 30015), ([large], 40005)):
        with pytest.raises(DiscordError) as refused:
            place.world.send_message(place.text.id, place.ada.id, {}, files)
        assert refused.value.code == code
    place.world.send_message(place.text.id, place.ada.id, {}, [small])


async def test_a_refused_message_leaves_no_trace(place: Place) -> None:
    heard: list[str] = []
    thread = await place.ada.post(place.forum, "How?", "With what?")
    await place.ada.archive(thread)
    place.world.subscribe(lambda name, _payload: heard.append(name))
    place.world.blocked_words.append("blocked")
    for text in ("x" * 2001, "blocked", ""):
        with pytest.raises(DiscordError):
            await place.ada.reply(thread, text)
    assert heard == []
    assert thread.archived


def test_a_world_without_an_application_says_what_is_missing() -> None:
    with pytest.raises(LookupError, match="add_application"):
        _ = World().bot
