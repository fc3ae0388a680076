"""What `docbot doctor` and `forum list --available` tell of a docbot in a local Discord."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from docbot.app.configuring import set_value
from docbot.app.doctor import Examination
from docbot.app.findings import Finding
from docbot.app.rooms import open_rooms, rebuild_index
from docbot.bot.access import Access, signed_in
from docbot.bot.client import PERMISSIONS
from docbot.db.activity import ActiveLock
from docbot.db.pool import Database
from docbot.errors import GoneError
from docbot.forum.bindings import Place
from docbot.playground.objects import ChannelKind, Permission
from docbot.playground.server import Playground
from docbot.settings import Settings
from tests.model_server import ModelServer
from tests.qdrant_server import QdrantRecorder
from tests.town import Ground, bind, pointed_at_a_stand_in, settings_for

pytestmark = pytest.mark.slow


async def examined(settings: Settings, *, quick: bool = False) -> list[Finding]:
    found: list[Finding] = []
    examination = Examination(settings, found.append)
    async with pointed_at_a_stand_in():
        await (examination.quick() if quick else examination.whole())
    assert examination.failed == len([f for f in found if f.state == "failed"])
    return found


def told(found: list[Finding], part: str) -> list[tuple[str, str]]:
    return [(finding.state, finding.says) for finding in found if finding.part == part]


@asynccontextmanager
async def bound(ground: Ground, **changes: Any) -> AsyncIterator[tuple[Playground, Settings]]:
    """A stand-in of Discord in which docbot has its permissions, and a bound forum."""
    async with Playground.open() as playground:
        playground.world.edit_role(playground.town.bot_role, Permission(PERMISSIONS.value))
        settings = settings_for(playground, ground.database_url, ground.data_dir, **changes)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
        yield playground, settings


@asynccontextmanager
async def access_to(playground: Playground) -> AsyncIterator[Access]:
    async with (
        pointed_at_a_stand_in(),
        signed_in(playground.token, playground.api_url, None) as access,
    ):
        yield access


async def test_of_a_whole_docbot_only_the_bot_that_does_not_run_is_told(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        found = await examined(settings)
    assert [finding.part for finding in found if finding.state != "ok"] == ["bot"]
    assert told(found, f"forum #{playground.forum.name}") == [
        ("ok", f"in {playground.guild.name}: auto, from docs")
    ]
    assert told(found, "index")[0][1].endswith("chunks, found by words")
    assert told(found, "clock") == [("ok", "as Discord's, to a few seconds")]
    assert playground.violations == []


async def test_no_secret_is_shown(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        found = await examined(settings)
    shown = " ".join(f"{finding.says} {finding.advice}" for finding in found)
    assert playground.token not in shown


async def test_a_permission_that_lacks_is_told_with_where_to_give_it(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        playground.world.edit_role(
            playground.town.bot_role, Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES_IN_THREADS
        )
        everyone = playground.guild.roles[playground.guild.id]
        playground.world.edit_role(everyone, Permission(0))
        [finding] = [f for f in await examined(settings) if f.state == "failed"]
    assert finding.says == "docbot lacks there: Read Message History"
    assert f"Edit Channel #{playground.forum.name} > Permissions" in finding.advice


async def test_a_forum_of_a_server_that_docbot_left_is_told_with_the_invite_link(
    ground: Ground,
) -> None:
    async with bound(ground) as (playground, settings):
        playground.world.remove_member(playground.guild.id, playground.bot.id)
        found = await examined(settings)
    [finding] = [finding for finding in found if finding.state == "failed"]
    assert finding.says == f"docbot is not in its server {playground.guild.id}"
    assert "https://discord.com/oauth2/authorize" in finding.advice
    assert ("warning", "docbot is in no server yet") in told(found, "Discord")


async def test_a_deleted_forum_is_told_with_how_to_let_go_of_it(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        playground.world.delete_channel(playground.forum.id, playground.admin.id)
        [finding] = [f for f in await examined(settings) if f.state == "failed"]
    assert finding.says == f"server {playground.guild.name} has no such forum or text channel"
    assert f"docbot forum remove {playground.forum.id}" in finding.advice


async def test_a_missing_intent_is_told(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        playground.application.message_content = False
        found = await examined(settings)
    [finding] = [finding for finding in found if finding.state == "failed"]
    assert "Message Content intent is off" in finding.says


async def test_a_wrong_token_spoils_no_other_check(ground: Ground) -> None:
    async with bound(ground, discord_token=SecretStr("wrong")) as (_, settings):
        found = await examined(settings)
    [(state, says)] = told(found, "Discord")
    assert state == "failed"
    assert says.startswith("DISCORD_TOKEN: Discord refuses it")
    assert told(found, "source docs")[0][0] == "ok"


async def test_a_database_out_of_reach_spoils_no_other_check(ground: Ground) -> None:
    async with bound(ground) as (_, settings):
        nowhere = SecretStr("postgresql://me:hunter2@127.0.0.1:9/db")
        found = await examined(settings.model_copy(update={"database_url": nowhere}))
    [(state, says)] = told(found, "database")
    assert state == "failed"
    assert "does not answer" in says
    assert "hunter2" not in says
    assert ("ok", "in 1 server") in told(found, "Discord")


async def test_models_are_asked_a_word(ground: Ground) -> None:
    async with (
        ModelServer.open(["ready"], key="right") as server,
        bound(
            ground,
            openai_base_url=server.base_url,
            openai_api_key=SecretStr("right"),
            docbot_chat_model="test-chat",
            docbot_embedding_model="test-embedding",
        ) as (_, settings),
    ):
        found = await examined(settings)
        wrong = settings.model_copy(update={"openai_api_key": SecretStr("wrong")})
        refused = await examined(wrong)
    assert told(found, "chat model")[0][0] == "ok"
    assert told(found, "embeddings")[0][1].startswith("test-embedding answers, ")
    for part in ("chat model", "embeddings"):
        [(state, says)] = told(refused, part)
        assert state == "failed"
        assert "check that OPENAI_API_KEY is right" in says


async def test_a_local_model_that_is_not_here_is_told_once_and_spoils_no_other_check(
    ground: Ground,
) -> None:
    async with bound(ground) as (_, settings):
        absent = settings.model_copy(update={"docbot_embedding_model": "local:Org/Name"})
        found = await examined(absent)
    [(state, says)] = told(found, "embeddings")
    assert state == "failed"
    assert says.startswith("DOCBOT_EMBEDDING_MODEL: model local:Org/Name ")
    assert told(found, "database")[0][0] == "ok"
    assert told(found, "source docs")[0][0] == "ok"


async def test_the_quick_look_fails_until_a_bot_acts(ground: Ground) -> None:
    async with bound(ground) as (_, settings):
        before = await examined(settings, quick=True)
        lock = ActiveLock(Database(ground.database_url, ground.data_dir))
        assert await lock.try_acquire()
        after = await examined(settings, quick=True)
        await lock.release()
    assert told(before, "bot") == [("failed", "no `docbot run` acts on this database")]
    assert told(after, "bot")[0][0] == "ok"


async def test_every_forum_of_every_server_is_seen_with_what_lacks_there() -> None:
    async with Playground.open() as playground, access_to(playground) as access:
        everyone = playground.guild.roles[playground.guild.id]
        playground.world.edit_role(everyone, Permission(0))
        playground.world.edit_role(playground.town.bot_role, Permission.VIEW_CHANNEL)
        [guild] = await access.guilds()
    assert (guild.id, guild.name) == (playground.guild.id, playground.guild.name)
    seen = {forum.channel_id: forum.is_forum for forum in guild.forums}
    assert seen.pop(playground.forum.id)
    assert seen == {playground.text.id: False, playground.staff.id: False}
    assert guild.forums[0].missing == ("Read Message History", "Send Messages in Threads")
    assert guild.forums[0].wanted == ("Attach Files", "Manage Threads")


async def test_a_server_that_docbot_is_not_in_is_gone() -> None:
    async with Playground.open() as playground, access_to(playground) as access:
        with pytest.raises(GoneError, match="docbot is not in server 5"):
            await access.guild(5)


async def test_a_qdrant_server_is_tried_with_a_point_that_is_deleted_again(ground: Ground) -> None:
    async with (
        QdrantRecorder.open() as server,
        bound(ground, qdrant_url=server.url) as (_, settings),
    ):
        before = await examined(settings)
        async with open_rooms(settings) as rooms:
            await rebuild_index(rooms)
        after = await examined(settings)
        assert len(await server.names()) == 1
        assert server.violations == []
    [tried, lost] = told(before, "Qdrant")
    assert tried[0] == "ok"
    assert tried[1].endswith("a point was written, found and deleted")
    assert lost[0] == "failed"
    assert lost[1].endswith("is missing")
    assert [state for state, _ in told(after, "Qdrant")] == ["ok", "ok"]
    assert told(after, "index")[0][0] == "ok"


async def test_a_qdrant_server_that_is_too_old_or_refuses_the_key_is_told(ground: Ground) -> None:
    async with (
        QdrantRecorder.open(version="1.18.2") as old,
        QdrantRecorder.open(key="right") as locked,
        bound(ground) as (_, settings),
    ):
        wrong = {"qdrant_url": locked.url, "qdrant_api_key": SecretStr("wrong")}
        of_old = await examined(settings.model_copy(update={"qdrant_url": old.url}))
        of_locked = await examined(settings.model_copy(update=wrong))
    [(state, says)] = told(of_old, "Qdrant")
    assert state == "failed"
    assert "1.19 or later" in says
    [(state, says)] = told(of_locked, "Qdrant")
    assert state == "failed"
    assert "QDRANT_API_KEY" in says
    assert told(of_locked, "source docs")[0][0] == "ok"


async def test_a_server_with_channels_of_any_type_is_read_for_its_forums() -> None:
    async with Playground.open() as playground, access_to(playground) as access:
        for number in (*range(200), 2**31):
            channel = playground.world.add_channel(playground.guild.id, f"channel-{number}")
            channel.kind = cast("ChannelKind", number)  # most are not thought of yet
        [guild] = await access.guilds()
    assert playground.forum.id in [forum.channel_id for forum in guild.forums]


async def test_of_a_hidden_forum_only_that_it_is_hidden_is_told(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        playground.world.set_overwrite(
            playground.forum.id, playground.town.bot_role.id, deny=Permission.VIEW_CHANNEL
        )
        [finding] = [f for f in await examined(settings) if f.state == "failed"]
    assert finding.says == "docbot lacks there: View Channels"


async def test_what_a_forums_settings_name_and_is_of_no_use_is_told(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        town, world = playground.town, playground.world
        await configured(settings, "helper-role", str(town.helpers.id))
        await configured(settings, "staff-channel", str(town.staff.id))
        await configured(settings, "solved-tag", "Answered")
        world.add_tag(town.forum, "answered")
        well = await examined(settings)
        town.helpers.mentionable = False
        world.set_overwrite(
            town.staff.id,
            town.bot_role.id,
            allow=Permission.VIEW_CHANNEL,
            deny=Permission.SEND_MESSAGES,
        )
        world.delete_tag(town.forum, "answered")
        shut = await examined(settings)
        world.delete_role(town.helpers)
        world.delete_channel(town.staff.id, playground.admin.id)
        gone = await examined(settings)
    part = f"forum #{town.forum.name}"
    assert told(well, part) == [("ok", f"in {playground.guild.name}: auto, from docs")]
    assert [state for state, _ in told(shut, part)] == ["ok", "warning", "warning", "warning"]
    says = [says for _, says in told(shut, part)[1:]]
    assert says[0].startswith(f'docbot may not ping its helper role "Helpers" ({town.helpers.id})')
    assert says[1].startswith(f"docbot lacks Send Messages in its staff channel #{town.staff.name}")
    assert says[2] == 'it has no tag "Answered", so solved threads get none'
    assert [says for _, says in told(gone, part)[1:3]] == [
        f"its helper role {town.helpers.id} does not exist any more, so nobody is pinged",
        (
            f"its staff channel {town.staff.id} was deleted, or is none of this server's text channels, "
            "so staff gets no drafts"
        ),
    ]


async def test_a_staff_channel_of_another_server_is_told(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        elsewhere = playground.add_town("Elsewhere")
        await configured(settings, "staff-channel", str(elsewhere.staff.id))
        found = await examined(settings)
    [_, (state, says)] = told(found, f"forum #{playground.forum.name}")
    assert state == "warning"
    assert f"{elsewhere.staff.id} was deleted, or is none of this server's text channels" in says


async def test_a_value_that_this_version_cannot_read_is_told(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        async with open_rooms(settings) as rooms:
            await rooms.configs.set(playground.guild.id, None, "remind-hours", "soon")
        [finding] = [found for found in await examined(settings) if found.part == "config"]
    assert finding.state == "warning"
    assert f"docbot config unset remind-hours --guild {playground.guild.id}" in finding.says


async def configured(settings: Settings, name: str, value: str) -> None:
    async with open_rooms(settings) as rooms:
        [forum] = await rooms.forums.all()
        await set_value(rooms, Place(forum.guild_id), name, value)


async def test_a_bot_in_timeout_is_told_so_and_asked_for_no_permission(ground: Ground) -> None:
    async with bound(ground) as (playground, settings):
        member = playground.world.get_member(playground.guild.id, playground.bot.id)
        member.timed_out_until = datetime(2222, 2, 2, 12, tzinfo=UTC).timestamp()
        [finding] = [f for f in await examined(settings) if f.state == "failed"]
        async with access_to(playground) as access:
            [guild] = await access.guilds()
        member.timed_out_until = datetime(2022, 2, 2, tzinfo=UTC).timestamp()
        after = await examined(settings)
    assert finding.says.endswith("timed docbot out until 2222-02-02 12:00 UTC")
    assert guild.forums[0].missing == ()
    assert [found for found in after if found.state == "failed"] == []


async def test_a_page_in_place_of_discords_answer_is_told(ground: Ground) -> None:
    async with bound(ground) as (_, settings), a_login_page() as address:
        found = await examined(settings.model_copy(update={"docbot_discord_api": address}))
    [(state, says)] = told(found, "Discord")
    assert state == "failed"
    assert says.startswith("what answered is not Discord")
    assert told(found, "clock")[0][0] == "ok"


async def test_a_long_pause_that_discord_asks_for_is_told_and_not_waited_for(
    ground: Ground,
) -> None:
    async with bound(ground) as (playground, settings):
        playground.faults.rate_limit(600.0, path=".*/users/@me")
        found = await examined(settings)
    assert told(found, "Discord") == [("failed", "Discord asks for a pause of 600 s")]


@asynccontextmanager
async def a_login_page() -> AsyncIterator[str]:
    """A network that answers all with its own page, but for the address of the gateway."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/gateway":
            return web.json_response({"url": "ws://127.0.0.1:9"})
        return web.Response(text="<html>Please log in", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield f"http://{server.host}:{server.port}"
