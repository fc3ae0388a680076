from pathlib import Path

import pytest

from docbot.app.reference import with_tables
from docbot.settings import Settings

ROOT = Path(__file__).parents[2]


def test_the_settings_page_is_as_the_code_has_it() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert with_tables(page) == page, "run `make docs`"


def test_the_example_names_no_setting_that_there_is_not() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = {line.removeprefix("# ").partition("=")[0].lower() for line in lines if "=" in line}
    assert named <= Settings.model_fields.keys()


def test_a_page_without_a_place_for_each_table_is_told() -> None:
    with pytest.raises(ValueError, match="one place for each of: environment, config"):
        with_tables("# Settings\n")
