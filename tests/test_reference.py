from collections import Counter
from pathlib import Path

import pytest

from docbot.bot.commands import every_command
from docbot.bot.described import described
from docbot.reference import PLACE, TABLES, with_tables
from docbot.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
WITH_TABLES = sorted(name for name, page in PAGES.items() if PLACE.search(page))


@pytest.mark.parametrize("name", WITH_TABLES)
def test_the_page_is_as_the_code_has_it(name: str) -> None:
    assert with_tables(PAGES[name]) == PAGES[name], "run `make docs`"


def test_each_table_stands_on_one_page() -> None:
    places = Counter(place["name"] for page in PAGES.values() for place in PLACE.finditer(page))
    assert places == Counter(TABLES.keys())


def test_the_pages_that_make_docs_writes_are_those_with_tables() -> None:
    [line] = [line for line in (ROOT / "Makefile").read_text().split("\n") if "reference " in line]
    assert sorted(Path(word).name for word in line.split() if word.endswith(".md")) == WITH_TABLES


def test_the_example_names_no_setting_that_there_is_not() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = {line.removeprefix("# ").partition("=")[0].lower() for line in lines if "=" in line}
    assert named <= Settings.model_fields.keys()


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("# Settings\n", "no place"),
        ("<!-- weather from the code: make docs -->\n<!-- end -->", "no table is called `weather`"),
    ],
)
def test_a_page_that_cannot_be_filled_is_told(page: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        with_tables(page)


def test_every_command_says_who_may_use_it_and_what_it_does() -> None:
    commands = described(every_command())
    assert "/search query [source] [limit]" in [command.usage for command in commands]
    assert all(command.what for command in commands)
