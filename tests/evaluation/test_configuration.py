import re
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.errors import UsageError
from docbot.evaluation.configuration import Configuration, configured, shown
from docbot.retrieval.stages import OFF, Stages

USUAL = Configuration(chat_model="large")


def test_what_is_not_named_is_as_usual() -> None:
    assert configured("dense=off", USUAL) == Configuration(Stages(dense=False), chat_model="large")
    assert configured("caution=helpful, chat_model=none", USUAL) == Configuration(
        caution="helpful", chat_model=None
    )
    assert configured("chat_model=small", USUAL).chat_model == "small"


def test_every_stage_can_be_switched_off_and_on() -> None:
    for field in fields(Stages):
        if field.default is not True and field.name not in OFF:
            continue  # a constant of what cannot be left out
        off = configured(f"{field.name}=off", USUAL)
        assert getattr(off.stages, field.name) == OFF.get(field.name, False)
        assert configured(f"{field.name}=true", off) == USUAL
        assert off.described()[field.name] == OFF.get(field.name, False)


def test_a_constant_is_a_number() -> None:
    assert configured("k1=1.5", USUAL).stages.k1 == 1.5
    assert configured("k1=1,b=0,headings=1", USUAL).stages == Stages(k1=1, b=0, headings=1)
    assert configured("focus=0", USUAL) == configured("focus=off", USUAL)


def test_what_is_shown_of_a_configuration_can_be_read_again() -> None:
    other = configured("dense=off,headings=1,focus=0,caution=helpful,chat_model=none", USUAL)
    for each in (USUAL, other):
        assert configured(shown(each.described()), Configuration()) == each


def test_a_file_names_the_same(tmp_path: Path) -> None:
    file = tmp_path / "words=only.toml"
    file.write_text('dense = false\ncaution = "helpful"\n')
    assert configured(str(file), USUAL) == configured("dense=off,caution=helpful", USUAL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dens=off", "there is no such name; the nearest is dense"),
        ("model=none", "the nearest is chat_model"),
        ("dense=perhaps", "dense=perhaps: allowed are on and off"),
        ("k1=off", "k1=off: give a number such as 3.0"),
        ("b=-1", "b=-1: give a number from 0 on"),
        ("focus=nan", "give a number from 0 on"),
        ("caution=bold", "allowed are cautious and helpful"),
        ("chat_model=", "give a model's name, or none"),
        ("dense=on,caution", "caution: has no value, as in caution=helpful; write name=value"),
        ("dense=on,else", "else: has no `=`; write name=value"),
        ("stemming", "stemming: has no value, as in stemming=off; write name=value"),
        ("focus", "focus: has no value, as in focus=off"),
        ("k1", "k1: has no value, as in k1=3.0"),
        ("chat_model", "chat_model: has no value, as in chat_model=none"),
        ("", "the configuration is empty; write name=value[,name=value...], as stemming=off"),
        (" ", "the configuration is empty"),
        ("no-such.toml", "no-such.toml: cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        configured(text, USUAL)
    assert said in str(refused.value)


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("dense = ")
    with pytest.raises(UsageError, match="is no TOML"):
        configured(str(file), USUAL)


@pytest.mark.parametrize("table", ["[stages]\nstemming = false", "stages.stemming = false"])
def test_a_table_in_a_file_is_refused_as_names_stand_flat(tmp_path: Path, table: str) -> None:
    file = tmp_path / "tables.toml"
    file.write_text(f"dense = false\n{table}\n")
    with pytest.raises(UsageError) as refused:
        configured(str(file), USUAL)
    assert f"{file}: holds a table, stages; names stand flat" in str(refused.value)


def test_each_name_without_a_value_is_shown_with_one_that_can_be_read() -> None:
    for name in USUAL.described():
        with pytest.raises(UsageError) as refused:
            configured(name, USUAL)
        [example] = re.findall(rf"as in ({name}=\S+);", str(refused.value))
        configured(example, USUAL)


@given(st.text())
def test_any_text_is_a_configuration_or_refused(text: str) -> None:
    with suppress(UsageError):
        configured(text, USUAL)
