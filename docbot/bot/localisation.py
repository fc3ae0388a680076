"""Names and descriptions of commands, in each language that docbot was translated to.

Discord shows them in the language of whoever looks. They stand in the same catalogues as all
other texts, each with the kind of thing it names as its context, for a name obeys other rules than
a sentence. discord.py asks for each of them when the commands are registered; a translation that
Discord would refuse, and with it all commands, is left out.
"""

import logging
from collections.abc import Iterable
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location
from discord.app_commands import TranslationContextTypes, locale_str
from discord.app_commands.commands import validate_name

from docbot.texts import find_catalogue

log = logging.getLogger(__name__)

Tree = app_commands.CommandTree[Any]

_MENU = "menu name"
_KINDS = {
    Location.command_name: "command name",
    Location.group_name: "command name",
    Location.command_description: "command description",
    Location.group_description: "command description",
    Location.parameter_name: "option name",
    Location.parameter_description: "option description",
    Location.choice_name: "choice",
}
_NAMING = {Location.command_name, Location.group_name, Location.parameter_name}
_NAMES = {"command name", "option name"}
_LONGEST = {_MENU: 32}
_LONGEST_OTHER = 100


class CommandTranslator(app_commands.Translator):
    """Looks each name and description up in the catalogues that there are."""

    def __init__(self, tree: Tree, folder: Path) -> None:
        found = ((locale, find_catalogue(locale.value, folder)) for locale in discord.Locale)
        self._catalogues = {locale: each for locale, each in found if each is not None}
        self._tree = tree

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        catalogue = self._catalogues.get(locale)
        if catalogue is None:
            return None
        kind = _kind(context)
        said = catalogue.pgettext(kind, string.message)
        if said == string.message:
            return None
        others = (other for other in _beside(self._tree, context) if other != string.message)
        why = refusal(kind, said, _as_shown(catalogue, kind, others))
        if why is None:
            return said
        log.warning(
            "the %s `%s` keeps its English form in `%s`: its translation `%s` %s",
            kind,
            string.message,
            locale.value,
            said,
            why,
        )
        return None


class _Collector(app_commands.Translator):
    """Notes what it is asked to translate."""

    def __init__(self) -> None:
        self.asked: dict[tuple[str, str], None] = {}

    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> None:
        self.asked[_kind(context), string.message] = None


async def command_texts(tree: Tree) -> list[tuple[str, str]]:
    """List what a translator is asked for the tree's commands: kind and text, each once."""
    collector = _Collector()
    for command in tree.get_commands():
        await command.get_translated_payload(tree, collector)
    return list(collector.asked)


def refusal(kind: str, said: str, others: Iterable[str]) -> str | None:
    """Say why Discord would refuse a translation; None where it would not.

    Args:
        kind: what it names, as `command_texts` gives it.
        said: the translation.
        others: names that must not be the same.
    """
    longest = _LONGEST.get(kind, _LONGEST_OTHER)
    if kind in _NAMES and not _is_name(said):
        return "is no name: at most 32 small letters, digits, `-` and `_`, without blanks"
    if not 1 <= len(said) <= longest:
        return f"is not between 1 and {longest} characters long"
    return "is the name of another one beside it" if said in others else None


def _is_name(said: str) -> bool:
    try:
        return validate_name(said) == said and not said.endswith("\n")
    except ValueError:
        return False


def _kind(context: TranslationContextTypes) -> str:
    is_menu = isinstance(context.data, app_commands.ContextMenu)
    return _MENU if is_menu else _KINDS[context.location]


def _beside(tree: Tree, context: TranslationContextTypes) -> list[str]:
    """List the English names among which this one must be the only one of its kind."""
    named = context.data
    if context.location not in _NAMING:
        return []
    if isinstance(named, app_commands.Parameter):
        return [each.display_name for each in named.command.parameters]
    if isinstance(named, app_commands.ContextMenu):
        return [each.name for each in tree.get_commands(type=named.type)]
    assert isinstance(named, app_commands.Command | app_commands.Group)  # noqa: S101  # no other has such a name
    of_chat = tree.get_commands(type=discord.AppCommandType.chat_input)
    return [each.name for each in (named.parent.commands if named.parent else of_chat)]


def _as_shown(catalogue: NullTranslations, kind: str, names: Iterable[str]) -> set[str]:
    """Return the names in English, as who has no translation sees them, and translated."""
    return {form for name in names for form in (name, catalogue.pgettext(kind, name))}
