"""Catalogues of translations for tests, compiled as a translator's are."""

from collections.abc import Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo


def translate(
    folder: Path,
    language: str,
    sentences: Mapping[str, str] | Mapping[tuple[str, str], tuple[str, ...]],
    named: Mapping[tuple[str, str], str] | None = None,
) -> Path:
    """Write a catalogue to the folder, as `docbot/locale` has them; return the folder.

    Args:
        folder: for catalogues of all languages.
        language: as gettext names it: `de`, `pt_BR`.
        sentences: English to translated; of one that counts the forms.
        named: names and descriptions of commands: (kind, English) to translated.
    """
    catalog = Catalog(locale=language)
    for english, said in sentences.items():
        catalog.add(english, said)
    for (kind, english), said in (named or {}).items():
        catalog.add(english, said, context=kind)
    path = folder / language / "LC_MESSAGES" / "docbot.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)
    return folder
