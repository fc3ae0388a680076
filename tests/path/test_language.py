"""A docbot that was translated, as members of a server meet it."""

from pathlib import Path

import pytest

from docbot.app.run import RunningBot
from docbot.errors import SettingsError
from tests.town import Ground, open_quiet_town
from tests.translations import translate

SENTENCES = {"I found nothing about {query} in the documentation.": "Zu {query} steht nichts da."}
NAMES = {
    ("command name", "search"): "suche",
    ("command description", "Find pages of the documentation"): "Seiten finden",
    ("option name", "query"): "wonach",
    ("command name", "reload-config"): "Neu Laden",
}


async def test_members_see_and_hear_the_language_that_is_set(
    ground: Ground, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    locale = translate(tmp_path / "locale", "de", SENTENCES, NAMES)
    async with (
        open_quiet_town(ground, docbot_language="de") as quiet,
        quiet.awake(locale=locale) as town,
    ):
        invocation = await town.asker.slash(town.playground.text, "search", query="xyzzy")
        assert (await invocation.answered()).content == "Zu `xyzzy` steht nichts da."
        commands = {each["name"]: each for each in town.playground.interactions.commands[None]}
    assert commands["search"]["name_localizations"] == {"de": "suche"}
    assert commands["search"]["description_localizations"] == {"de": "Seiten finden"}
    assert commands["search"]["options"][0]["name_localizations"] == {"de": "wonach"}
    assert not commands["reload-config"]["name_localizations"]
    assert "`Neu Laden` is no name" in caplog.text


async def test_names_are_translated_whatever_docbot_speaks(ground: Ground, tmp_path: Path) -> None:
    locale = translate(tmp_path / "locale", "de", SENTENCES, NAMES)
    async with open_quiet_town(ground) as quiet, quiet.awake(locale=locale) as town:
        invocation = await town.asker.slash(town.playground.text, "search", query="xyzzy")
        assert (await invocation.answered()).content.startswith("I found nothing about `xyzzy`")
        [search] = [
            each for each in town.playground.interactions.commands[None] if each["name"] == "search"
        ]
    assert search["name_localizations"] == {"de": "suche"}


async def test_a_language_without_a_translation_is_refused(ground: Ground) -> None:
    async with open_quiet_town(ground, docbot_language="tlh") as quiet:
        settings = quiet.rooms.settings
        with pytest.raises(SettingsError, match="DOCBOT_LANGUAGE: docbot was not translated to"):
            await RunningBot(quiet.rooms, read_settings=lambda: settings).run()
