"""Slash commands and buttons, as members meet them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from docbot import texts
from docbot.answers.split import length
from docbot.app.configuring import set_value
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.app.run import RunningBot
from docbot.bot.search import asked, asked_on, page_text
from docbot.errors import SettingsError
from docbot.forum.bindings import Place
from docbot.playground.actors import PATIENCE, Invocation
from docbot.playground.objects import DiscordError, Message, MessageFlag, Permission
from docbot.playground.server import Playground
from docbot.retrieval.lexical import query_vector
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import Query
from docbot.settings import Settings
from tests.model_server import ModelServer
from tests.town import (
    ANSWER_PLACE,
    QUESTION,
    Ground,
    Quiet,
    Town,
    bind,
    button,
    eventually,
    open_town,
    running,
    settings_for,
)

pytestmark = pytest.mark.slow

BODY = "It fails each night."


async def test_search_answers_privately_with_titles_links_and_a_line_of_text(town: Town) -> None:
    invocation = await town.asker.slash(town.playground.text, "search", query="max_retries")
    reply = await invocation.answered()
    assert reply.ephemeral_to == town.asker.id
    head, title, line = reply.content.splitlines()[:3]
    assert head.endswith("for `max_retries`")
    assert title == f"1. [Usage › Retries](<{ANSWER_PLACE}>)"
    assert "to repeat a failed frobnication" in line
    assert reply.flags & MessageFlag.SUPPRESS_EMBEDS
    assert reply.buttons == []


async def test_search_takes_a_limit_and_a_source(town: Town) -> None:
    invocation = await town.asker.slash(
        town.playground.text, "search", query="frobnication", source="docs", limit=1
    )
    reply = await invocation.answered()
    assert reply.content.startswith("1 result for `frobnication`\n1. ")
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


def _passage(number: int, *, title: str = "", url: str = "", text: str = "") -> Passage:
    return Passage(
        rank=number,
        chunk_id=number,
        page_id=number,
        source="docs",
        title=title or f"Page {number}",
        heading_path=(),
        url=url or f"https://docs.test/{number}",
        text=text or "A line of text.",
        score=1.0,
        lexical=1.0,
        dense=None,
    )


@pytest.mark.parametrize("characters", [300, 900, 1_980])
def test_a_link_too_long_to_show_costs_its_page_no_result(characters: int) -> None:
    long = "https://docs.test/" + "a" * characters
    found = [_passage(n, url=f"{long}{n}", text="\U0001f600 " * 100) for n in range(1, 11)]
    page = page_text("retries", found, 2)
    assert [line for line in page.splitlines() if line.startswith("6. ")]
    assert "Page 10" in page
    assert length(page) <= 2000


def test_the_longest_link_is_the_first_to_go() -> None:
    found = [_passage(1), _passage(2, url="https://docs.test/" + "a" * 1_990), _passage(3)]
    assert page_text("retries", found, 1).splitlines() == [
        "Results 1–3 of 3 for `retries`",
        "1. [Page 1](<https://docs.test/1>)",
        "   A line of text.",
        "2. Page 2 (its address is too long to show)",
        "3. [Page 3](<https://docs.test/3>)",
        "   A line of text.",
    ]


_QUERIES = st.text(min_size=1, max_size=400).map(asked).filter(bool)


@given(query=_QUERIES, title=st.text(min_size=1, max_size=200), text=st.text(max_size=300))
def test_every_page_fits_and_says_what_was_asked(query: str, title: str, text: str) -> None:
    passages = [_passage(number, title=title, text=text) for number in range(1, 8)]
    for page in (1, 2):
        shown = page_text(query, passages, page)
        assert length(shown) <= 2000
        again = asked_on(shown)
        assert again is not None
        assert query_vector(again, "", "") == query_vector(query, "", "")


@pytest.mark.parametrize("message", ["", "No results for soup", "Results for ``\n1. `soup`"])
def test_a_message_that_is_no_page_names_no_query(message: str) -> None:
    assert asked_on(message) is None


async def _read_many(rooms: Rooms, folder: Path) -> None:
    """A source `recipes` with twelve pages about soup."""
    folder.mkdir()
    for number in range(1, 13):
        (folder / f"soup{number}.md").write_text(f"# Soup {number}\n\nStir the soup well.\n")
    await rooms.sources.add(
        name="recipes", kind="folder", location=str(folder), base_url="https://soup.test/"
    )
    await sync_sources(rooms, ["recipes"], full=False, say=lambda _: None, progress=Quiet())


def _titles(message: Message) -> list[str]:
    return [line.split(". ")[0] for line in message.content.splitlines() if "](<" in line]


def _button(message: Message, label: str) -> str:
    [found] = [each["custom_id"] for each in message.buttons if each["label"] == label]
    return str(found)


async def _shows(playground: Playground, message: Message, head: str) -> None:
    """Wait, bounded, until the message was changed to begin so."""
    await playground.world.wait_for(lambda: message.content.startswith(head), PATIENCE)


async def test_results_are_turned_page_by_page_in_the_same_message(
    ground: Ground, tmp_path: Path
) -> None:
    async with open_town(ground) as town:
        await _read_many(town.rooms, tmp_path / "recipes")
        call = await town.asker.slash(
            town.playground.text, "search", query="`soup`", source="recipes", limit=11
        )
        page = await call.answered()
        assert page.content.startswith("Results 1–5 of 11 for `soup`\n")
        assert [bool(button.get("disabled")) for button in page.buttons] == [True, False]
        seen = _titles(page)
        for first, last in ((6, 10), (11, 11)):
            turn = await town.asker.press(page, _button(page, texts.next_page()))
            await _shows(town.playground, page, f"Results {first}–{last} of 11")
            assert await turn.answered() is page
            assert page.flags & MessageFlag.SUPPRESS_EMBEDS
            seen += _titles(page)
        assert seen == [str(number) for number in range(1, 12)]
        assert [bool(button.get("disabled")) for button in page.buttons] == [False, True]
        await town.asker.press(page, _button(page, texts.previous_page()))
        await _shows(town.playground, page, "Results 6–10 of 11")
        with pytest.raises(DiscordError):
            await town.helper.press(page, _button(page, texts.previous_page()))


async def test_pages_are_turned_also_after_a_restart_or_say_why_not(
    ground: Ground, tmp_path: Path
) -> None:
    async with Playground.open() as playground:
        settings = settings_for(playground, ground.database_url, ground.data_dir)
        async with open_rooms(settings) as rooms:
            await _read_many(rooms, tmp_path / "recipes")
            asker = playground.members[0]
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                call = await asker.slash(playground.text, "search", query="soup", source="recipes")
                page = await call.answered()
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                await asker.press(page, _button(page, texts.next_page()))
                await _shows(playground, page, "Results 6–10 of 12")
                await rooms.sources.remove("recipes")
                turn = await asker.press(page, _button(page, texts.next_page()))
                [line] = await turn.followed_up()
        assert playground.violations == []
    assert line.ephemeral_to == asker.id
    assert line.content == "There is no source `recipes`. Sources: `docs`."
    assert "Results 6–10" in page.content  # what was found stays


async def test_who_was_banned_turns_no_page(ground: Ground, tmp_path: Path) -> None:
    async with open_town(ground) as town:
        await _read_many(town.rooms, tmp_path / "recipes")
        call = await town.asker.slash(
            town.playground.text, "search", query="soup", source="recipes"
        )
        page = await call.answered()
        await town.configure("banned", str(town.asker.id))
        turn = await town.asker.press(page, _button(page, texts.next_page()))
        reply = await turn.answered()
        assert reply.content == texts.not_heard()
        assert reply.ephemeral_to == town.asker.id
        assert page.content.startswith("Results 1–5")


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
    helpful, not_right = button(answer, "Helpful"), button(answer, "Not right")
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
                pressed = await asker.press(answer, button(answer, "Helpful"))
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
            bot, forum_id = RunningBot(rooms, read_settings=lambda: new), playground.forum.id
            async with running(bot):
                # What it takes in by itself at its start is over.
                await eventually(
                    lambda: getattr(bot.bindings.find(forum_id), "tags", None) is not None
                )
                await rooms.pool.execute("UPDATE forums SET mode = 'mention'")
                call = await playground.admin.slash(playground.text, "reload-config")
                reply = (await call.answered()).content
    taken_in, restart = reply.splitlines()
    assert taken_in == (
        f"Applied: `forum {playground.forum.id} mode`, `OPENAI_API_KEY`, `DOCBOT_CRAWL_PAUSE`."
    )
    assert restart == "Changed, but needs a restart: `DOCBOT_DATA_DIR`."
    assert "new-secret" not in reply


async def test_a_reloaded_key_is_used_to_embed_questions_too(ground: Ground) -> None:
    async with ModelServer.open(key="right") as model, Playground.open() as playground:
        settings = settings_for(
            playground,
            ground.database_url,
            ground.data_dir,
            docbot_operator_guild=playground.guild.id,
            docbot_embedding_model="test-embedding",
            openai_base_url=model.base_url,
            openai_api_key=SecretStr("right"),
        )
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Quiet())
            query, sources = Query(QUESTION, ""), [each.id for each in await rooms.sources.all()]
            assert (await rooms.searcher.search(query, sources)).dense_used
            model.key = "newer"
            new = settings.model_copy(update={"openai_api_key": SecretStr("newer")})
            async with running(RunningBot(rooms, read_settings=lambda: new)):
                assert not (await rooms.searcher.search(query, sources)).dense_used
                call = await playground.admin.slash(playground.text, "reload-config")
                assert "OPENAI_API_KEY" in (await call.answered()).content
                assert (await rooms.searcher.search(query, sources)).dense_used


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
        assert reply.startswith("Nothing was applied: DOCBOT_LOG_LEVEL")
        assert town.forum_as_bound().mode == "auto"


async def test_a_setting_changed_elsewhere_is_taken_in_at_once(town: Town) -> None:
    place = Place(town.playground.guild.id, town.playground.forum.id)
    await set_value(town.rooms, place, "remind-hours", "5")
    await eventually(lambda: town.forum_as_bound().config.remind_hours == 5)
    await town.rooms.configs.set(place.guild_id, None, "banned", "5")
    await eventually(lambda: town.bot.bindings.server(place.guild_id).banned == {5})


async def test_what_the_town_configures_holds_at_once(town: Town) -> None:
    assert town.forum_as_bound().config.settle_seconds == 0
    await town.configure("helper-role", "123")
    assert town.forum_as_bound().config.helper_role == 123
    await town.configure("helper-role", "none", of_forum=True)
    await town.configure("mode", "mention")
    assert town.forum_as_bound().config.helper_role is None
    assert town.forum_as_bound().mode == "mention"
