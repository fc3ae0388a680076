import asyncio
from io import StringIO
from pathlib import Path

from babel.messages.pofile import read_po

from docbot.app.catalogue import written
from docbot.texts import LOCALE

POT = LOCALE / "docbot.pot"


def test_the_catalogue_is_as_the_code_has_it() -> None:
    assert asyncio.run(written()) == POT.read_text(encoding="utf-8"), "run `make docs`"


def test_every_command_and_option_is_described() -> None:
    catalog = read_po(StringIO(POT.read_text(encoding="utf-8")))
    undescribed = "…"  # what discord.py says in place of a description
    assert undescribed not in {message.id for message in catalog}


def test_every_translation_that_comes_with_docbot_is_compiled() -> None:
    for path in Path(LOCALE).rglob("*.po"):
        assert path.with_suffix(".mo").exists(), f"compile {path}: docs/translating.md"
