"""What the names and descriptions of commands are in other languages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

from docbot.bot.client import leave_out_voice
from docbot.bot.localisation import CommandTranslator, command_texts, refusal
from tests.translations import translate


def a_tree() -> app_commands.CommandTree[Any]:
    """One of everything that has a name: commands, a group, a menu, options, choices."""
    leave_out_voice()
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents(guilds=True)))
    group = app_commands.Group(name="thread", description="Of a thread")

    @tree.command(name="vote", description="Say what you think")
    @app_commands.describe(kind="How it was", why="In your words")
    @app_commands.rename(kind="how")
    @app_commands.choices(kind=[app_commands.Choice(name="Good answer", value="good")])
    async def vote(_: discord.Interaction[Any], kind: str, why: str) -> None: ...

    @group.command(name="close", description="End it")
    async def close(_: discord.Interaction[Any]) -> None: ...

    @tree.context_menu(name="Mark solution")
    async def mark(_: discord.Interaction[Any], message: discord.Message) -> None: ...

    tree.add_command(group)
    return tree


ALL = {
    ("command name", "vote"): "abstimmen",
    ("command description", "Say what you think"): "Sag, was du denkst",
    ("option name", "how"): "wie",
    ("option description", "How it was"): "Wie es war",
    ("choice", "Good answer"): "Gute Antwort",
    ("option name", "why"): "warum",
    ("option description", "In your words"): "In deinen Worten",
    ("command name", "thread"): "faden",
    ("command description", "Of a thread"): "Von einem Faden",
    ("command name", "close"): "schließen",
    ("command description", "End it"): "Beende ihn",
    ("menu name", "Mark solution"): "Als Lösung markieren",
}


async def said_in(folder: Path, locale: str = "de") -> dict[str, str]:
    """Give the English of each text that Discord is told a translation of, and that."""
    tree = a_tree()
    translator = CommandTranslator(tree, folder)
    payloads = [await each.get_translated_payload(tree, translator) for each in tree.get_commands()]
    return {english: said for payload in payloads for english, said in _told(payload, locale)}


def _told(payload: Mapping[str, Any], locale: str) -> list[tuple[str, str]]:
    own = [
        (payload[key], payload[f"{key}_localizations"][locale])
        for key in ("name", "description")
        if locale in payload.get(f"{key}_localizations", {})
    ]
    inner = [*payload.get("options", []), *payload.get("choices", [])]
    return own + [each for one in inner for each in _told(one, locale)]


async def test_each_name_and_description_is_listed_once_with_its_kind() -> None:
    assert set(await command_texts(a_tree())) == set(ALL)


async def test_discord_is_told_every_translation(tmp_path: Path) -> None:
    translate(tmp_path, "de", {}, ALL)
    assert await said_in(tmp_path) == {english: said for (_, english), said in ALL.items()}
    assert await said_in(tmp_path, "fr") == {}


async def test_a_translation_for_one_place_is_not_used_in_another(tmp_path: Path) -> None:
    translate(tmp_path, "de", {"vote": "Stimme"}, {("option name", "vote"): "stimme"})
    assert await said_in(tmp_path) == {}


@pytest.mark.parametrize(
    ("named", "said", "why"),
    [
        (("command name", "vote"), "Abstimmen", "is no name"),
        (("command name", "vote"), "gib stimme", "is no name"),
        (("command name", "vote"), "a" * 33, "is no name"),
        (("command name", "vote"), "stimme\n", "is no name"),
        (("command name", "vote"), "thread", "is the name of another one"),
        (("option name", "how"), "wie?", "is no name"),
        (("option name", "how"), "why", "is the name of another one"),
        (("menu name", "Mark solution"), "L" * 33, "between 1 and 32"),
        (("choice", "Good answer"), "G" * 101, "between 1 and 100"),
        (("command description", "End it"), "E" * 101, "between 1 and 100"),
    ],
)
async def test_what_discord_would_refuse_is_left_out_and_told(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    named: tuple[str, str],
    said: str,
    why: str,
) -> None:
    translate(tmp_path, "de", {}, {**ALL, named: said})
    told = await said_in(tmp_path)
    kind, english = named
    assert english not in told
    assert len(told) == len(ALL) - 1
    [line] = [record.getMessage() for record in caplog.records]
    assert f"the {kind} `{english}` keeps its English form in `de`" in line
    assert why in line


async def test_two_that_get_the_same_name_both_keep_theirs(tmp_path: Path) -> None:
    translate(tmp_path, "de", {}, {**ALL, ("command name", "thread"): "abstimmen"})
    told = await said_in(tmp_path)
    assert {"vote", "thread"} & set(told) == set()


@pytest.mark.parametrize("name", ["hilfe", "прикрепить", "検索", "ค้นหา", "reload-config"])
def test_names_of_any_script_are_taken(name: str) -> None:
    assert refusal("command name", name, []) is None
