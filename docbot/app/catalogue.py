"""Writes `locale/docbot.pot`, all texts that members read, from the code; translations begin with it.

python -m docbot.app.catalogue docbot/locale/docbot.pot

It needs Babel, which comes with the extra `dev`: docbot itself only reads translations.
"""

import asyncio
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

from docbot import texts
from docbot.bot.commands import every_command
from docbot.bot.localisation import command_texts

# No date in it: the same code gives the same file.
_HEAD = """\
# All that docbot says to members; docs/translating.md says how it is translated.
msgid ""
msgstr ""
"Project-Id-Version: docbot\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
_COMMENT = "Translators:"
_CALLS = {"_say": None, "_count": (1, 2)}
_WIDTH = 100
_RULES = {
    "command name": "at most 32 small letters, digits, - and _, without blanks",
    "option name": "at most 32 small letters, digits, - and _, without blanks",
    "menu name": "at most 32 characters",
}
_OTHER_RULE = "at most 100 characters"


def sentences() -> Catalog:
    """Collect what the module `texts` says, in its order."""
    catalog = Catalog(charset="utf-8")
    source = Path(texts.__file__).read_bytes()
    for _, text, comments, _ in extract(
        "python", BytesIO(source), _CALLS, comment_tags=[_COMMENT], strip_comment_tags=True
    ):
        filled = "{" in "".join(text)
        flags = ["python-brace-format"] if filled else []
        catalog.add(text, flags=flags, auto_comments=comments)
    return catalog


async def add_commands(catalog: Catalog) -> None:
    """Add the names and descriptions of commands, each with what a translation must obey."""
    for kind, text in await command_texts(every_command()):
        catalog.add(text, context=kind, auto_comments=[_RULES.get(kind, _OTHER_RULE)])


async def written() -> str:
    """Return all texts as a template for translations."""
    catalog = sentences()
    await add_commands(catalog)
    file = BytesIO()
    write_po(file, catalog, omit_header=True, width=_WIDTH)
    return _HEAD + file.getvalue().decode()


def main() -> None:
    Path(sys.argv[1]).write_text(asyncio.run(written()), encoding="utf-8")


if __name__ == "__main__":
    main()
