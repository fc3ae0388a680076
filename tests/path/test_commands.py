"""Slash commands and buttons, as members meet them."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from docbot.answers.split import length
from docbot.app.rooms import open_rooms
from docbot.app.run import RunningBot
from docbot.bot.commands import search_reply
from docbot.errors import SettingsError
from docbot.playground.actors import Invocation
from docbot.playground.objects import Permission
from docbot.playground.server import Playground
from docbot.retrieval.passages import Passage
from docbot.settings import Settings
from tests.town import (
    ANSWER_PLACE,
    QUESTION,
    Ground,
    Town,
    bind,
    eventually,
    open_town,
    running,
    settings_for,
)

BODY = "It fails each night."


async def test_search_answers_privately_with_titles_links_and_a_line_of_text(town: Town) -> None:
    invocation = await town.asker.slash(town.playground.text, "search", query="max_retries")
    reply = await invocation.answered()
    assert reply.ephemeral_to == town.asker.id
    assert reply.content.startswith(f"1. [Usage › Retries](<{ANSWER_PLACE}>)\n")
    assert "to repeat a failed frobnication" in reply.content
    assert reply.flags & 4


async def test_search_takes_a_limit_and_a_source(town: Town) -> None:
    invocation = await town.asker.slash(
        town.playground.text, "search", query="frobnication", source="docs", limit=1
    )
    reply = await invocation.answered()
    assert reply.content.startswith("1. ")
    assert "2. " not in reply.content


async def test_search_says_so_when_nothing_is_found(town: Town) -> None:
    invocation = await town.asker.slash(town.playground.text, "search", query="zeppelin")
    assert "nothing about `zeppelin`" in (await invocation.answered()).content


async def test_search_names_the_sources_there_are_when_one_is_unknown(town: Town) -> None:
    invocation = await town.asker.slash(
        town.playground.text, "search", query="retries", source="nope"
    )
    assert (await invocation.answered()).content == "There is no source `nope`. Sources: `docs`."


async def test_search_answers_however_long_the_unknown_source_is(town: Town) -> None:
    invocation = await town.asker.slash(
        town.playground.text, "search", query="retries", source="x" * 3_000
    )
    reply = await invocation.answered()
    assert reply.content.startswith("There is no source `xxx")
    assert len(reply.content) < 300


@pytest.mark.parametrize(
    "address", ["https://d.test/" + "a" * 1_980, "https://d.test/" + "a" * 900]
)
def test_search_shows_every_page_that_fits_whatever_its_address(address: str) -> None:
    passages = [
        Passage(
            rank=n,
            chunk_id=n,
            page_id=n,
            source="docs",
            title=f"Page {n}",
            heading_path=(),
            url=f"{address}{n}",
            text="\U0001f600 " * 100,
            score=1.0,
            lexical=1.0,
            dense=None,
        )
        for n in range(1, 11)
    ]
    reply = search_reply("retries", passages)
    assert "Page 1" in reply
    assert "Page 10" in reply
    assert length(reply) <= 2000


async def test_a_command_that_breaks_says_so(town: Town) -> None:
    await town.rooms.pool.execute("ALTER TABLE sources RENAME COLUMN location TO elsewhere")
    invocation = await town.asker.slash(town.playground.text, "search", query="retries")
    assert "Something went wrong" in (await invocation.answered()).content


async def test_the_source_completes_itself(town: Town) -> None:
    typed = await town.asker.autocomplete(
        town.playground.text, "search", "source", "do", query="retries"
    )
    assert [choice["value"] for choice in await typed.choices()] == ["docs"]


async def test_a_vote_is_stored_and_can_be_changed(town: Town) -> None:
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    answer = await town.asker.sees_reply(thread)
    helpful, not_right = [button["custom_id"] for button in answer.buttons]
    thanks = await (await town.asker.press(answer, helpful)).answered()
    assert thanks.ephemeral_to == town.asker.id
    await (await town.helper.press(answer, helpful)).answered()
    await (await town.asker.press(answer, not_right)).answered()
    rows = await town.rooms.pool.fetch("SELECT person_id, vote FROM feedback ORDER BY person_id")
    assert {row["person_id"]: row["vote"] for row in rows} == {
        town.asker.id: "not_right",
        town.helper.id: "helpful",
    }


async def test_buttons_outlive_a_restart(ground: Ground) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            asker = playground.members[0]
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                thread = await asker.post(playground.forum, QUESTION, BODY)
                answer = await asker.sees_reply(thread)
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                pressed = await asker.press(answer, answer.buttons[0]["custom_id"])
                await pressed.answered()
            assert await rooms.pool.fetchval("SELECT vote FROM feedback") == "helpful"


async def test_only_who_may_manage_the_server_reloads_the_settings(town: Town) -> None:
    with pytest.raises(LookupError, match="reload-config"):
        await town.asker.slash(town.playground.text, "reload-config")
    invocation = await town.playground.admin.slash(town.playground.text, "reload-config")
    reply = await invocation.answered()
    assert reply.ephemeral_to == town.playground.admin.id
    assert "Nothing changed." in reply.content
    assert "DOCBOT_OPERATOR_GUILD" in reply.content


async def test_the_right_is_checked_again_where_a_server_opened_the_command_to_all(
    town: Town,
) -> None:
    world, guild = town.playground.world, town.playground.guild
    everyone = world.guilds[guild.id].roles[guild.id]
    world.edit_role(everyone, everyone.permissions | Permission.MANAGE_GUILD)
    command = await town.asker.slash(town.playground.text, "reload-config")
    assert "Nothing changed." in (await command.answered()).content
    world.edit_role(everyone, everyone.permissions & ~Permission.MANAGE_GUILD)
    # A member's client would not offer the command now; what it sends can be forged.
    called = command.interaction
    forged = town.playground.interactions.begin(
        called.kind, town.asker.user, town.playground.text.id, dict(called.data)
    )
    reply = await Invocation(town.playground.interactions, forged).answered()
    assert "Only members who may manage" in reply.content


async def test_reload_names_what_changed_and_never_a_value(ground: Ground, tmp_path: Path) -> None:
    async with Playground.open() as playground:
        settings = settings_for(
            playground,
            ground.database_url,
            ground.data_dir,
            docbot_operator_guild=playground.guild.id,
            openai_api_key=SecretStr("old-secret"),
            docbot_chat_model="test-chat",
        )
        new = settings.model_copy(
            update={
                "docbot_crawl_pause": 7.5,
                "openai_api_key": SecretStr("new-secret"),
                "docbot_data_dir": tmp_path / "elsewhere",
            }
        )
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            async with running(RunningBot(rooms, read_settings=lambda: new)):
                await rooms.pool.execute("UPDATE forums SET mode = 'mention'")
                call = await playground.admin.slash(playground.text, "reload-config")
                reply = (await call.answered()).content
    taken_in, restart = reply.splitlines()
    assert taken_in == (
        f"Taken in: `forum {playground.forum.id} mode`, `OPENAI_API_KEY`, `DOCBOT_CRAWL_PAUSE`."
    )
    assert restart == "Changed, but needs a restart: `DOCBOT_DATA_DIR`."
    assert "new-secret" not in reply


async def test_a_forum_bound_while_the_bot_runs_is_taken_in_at_once(town: Town) -> None:
    await town.rooms.forums.remove(town.playground.forum.id)
    await eventually(lambda: not town.bot.bindings.all())
    await bind(town.rooms, town.playground)
    await eventually(lambda: bool(town.bot.bindings.all()))
    thread = await town.asker.post(town.playground.forum, QUESTION, BODY)
    assert ANSWER_PLACE in (await town.asker.sees_reply(thread)).content


async def test_a_wrong_setting_is_refused_whole(ground: Ground) -> None:
    def read_settings() -> Settings:
        raise SettingsError("DOCBOT_LOG_LEVEL: Input should be 'debug', 'info' ...")

    async with open_town(ground, read_settings=read_settings) as town:
        await town.rooms.pool.execute("UPDATE forums SET mode = 'mention'")
        call = await town.playground.admin.slash(town.playground.text, "reload-config")
        reply = (await call.answered()).content
        assert reply.startswith("Nothing was taken in: DOCBOT_LOG_LEVEL")
        assert town.forum_as_bound().mode == "auto"
