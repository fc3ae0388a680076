from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docbot.config import (
    ENTRIES,
    MODE,
    Entry,
    ForumConfig,
    Override,
    ServerConfig,
    Window,
    forum_config,
    get_entry,
    is_tag,
    resolve,
    server_config,
    why_unreadable,
)
from docbot.errors import UsageError
from docbot.text import printable

IDS = st.integers(1, 2**63 - 1)
HOURS = st.integers(10, 720_000).map(lambda thousandths: thousandths / 1_000)
WINDOWS = st.builds(Window, st.integers(1, 100_000), HOURS)
OVERRIDES = st.one_of(
    st.builds(
        Override, IDS, st.sampled_from(["person", "role"]), WINDOWS, st.booleans(), st.just(False)
    ),
    st.builds(
        lambda target, kind, is_first: Override(target, kind, None, is_first, not is_first),
        IDS,
        st.sampled_from(["person", "role"]),
        st.booleans(),
    ),
)
TAGS = st.text(st.sampled_from("abCD12 =é🎉"), min_size=1, max_size=20).filter(
    lambda tag: tag == " ".join(tag.split()) and tag not in {"", "none"}
)
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["auto", "draft", "mention", "off"]),
    "settle-seconds": st.integers(0, 30_000).map(lambda thousandths: thousandths / 1_000),
    "yields-to": st.sampled_from(["anyone", "helpers"]),
    "staff-channel": st.none() | IDS,
    "helper-role": st.none() | IDS,
    "solved-tag": st.none() | TAGS,
    "archive-solved-hours": HOURS,
    "remind-hours": st.just(0.0) | HOURS,
    "close-hours": HOURS,
    "say-nothing-found": st.booleans(),
    "tag-sources": st.dictionaries(TAGS, st.sampled_from(["docs", "docs-v2"]), max_size=5).filter(
        lambda chosen: len({tag.casefold() for tag in chosen}) == len(chosen)
    ),
    "learn": st.sampled_from(["on", "review", "off"]),
    "feedback": st.booleans(),
    "limit-calls": st.none() | WINDOWS,
    "limit-posts": st.none() | WINDOWS,
    "limit-server": st.none() | WINDOWS,
    "limit-overrides": st.lists(
        OVERRIDES, unique_by=lambda each: (each.kind, each.target_id), max_size=5
    ).map(tuple),
    "banned": st.frozensets(IDS, max_size=5),
    "retention-days": st.none() | st.integers(1, 3650),
}
# Texts that come near to being values, so that more than the first check is reached.
NEARLY = st.text(st.sampled_from("0123456789/.=,:<>@&#! -abonefirstgpl\x00\ud800٣"), max_size=30)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
@settings(max_examples=40)
@given(data=st.data())
def test_a_value_is_read_back_as_it_is_shown(entry: Entry, data: st.DataObject) -> None:
    value = data.draw(BY_NAME[entry.name])
    assert entry.parse(entry.show(value)) == value


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
@settings(max_examples=60)
@given(text=st.text() | NEARLY)
def test_any_text_is_a_value_or_a_clear_error(entry: Entry, text: str) -> None:
    try:
        value = entry.parse(text)
    except UsageError as error:
        told = str(error)
        assert told.startswith(f"{entry.name}: ")
        assert f"allowed is {entry.kind.allowed}" in told
        assert f"docbot config set {entry.name} {entry.example}" in told
        assert printable(told) == told
    else:
        assert entry.parse(entry.show(value)) == value
        entry.show(value).encode()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_explains_itself(entry: Entry) -> None:
    assert entry.parse(entry.show(entry.default)) == entry.default
    assert entry.parse(entry.example) is not None
    assert entry.effect.endswith(".")
    assert "|" not in entry.effect + entry.kind.allowed  # they stand in a table of Markdown


def test_every_field_of_what_is_acted_on_has_one_entry() -> None:
    of_forum = [each.field for each in ENTRIES if each.scope == "forum" and each.name != MODE]
    of_server = [each.field for each in ENTRIES if each.scope == "server"]
    assert of_forum == [each.name for each in fields(ForumConfig)]
    assert of_server == [each.name for each in fields(ServerConfig)]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("settle-seconds", " 0 ", 0),
        ("settle-seconds", "2.5", 2.5),
        ("staff-channel", "<#123>", 123),
        ("staff-channel", "None", None),
        ("helper-role", "<@&123>", 123),
        ("helper-role", "role:123", 123),
        ("solved-tag", "Solved", None),
        ("solved-tag", "NONE", "none"),
        ("solved-tag", "Fixed  in v2", "Fixed in v2"),
        ("say-nothing-found", "ON", True),
        (
            "tag-sources",
            "v2=docs-v2,  needs v3 = docs-v3",
            {"v2": "docs-v2", "needs v3": "docs-v3"},
        ),
        ("tag-sources", "a=b=docs", {"a=b": "docs"}),
        ("limit-calls", "10 / 0.5", Window(10, 0.5)),
        ("limit-calls", "Off", None),
        (
            "limit-overrides",
            "role:123=50/6 first, person:5=ignore, <@&7>=first, <@!8>=1/24",
            (
                Override(123, "role", Window(50, 6), has_priority=True, is_ignored=False),
                Override(5, "person", None, has_priority=False, is_ignored=True),
                Override(7, "role", None, has_priority=True, is_ignored=False),
                Override(8, "person", Window(1, 24), has_priority=False, is_ignored=False),
            ),
        ),
        ("banned", "5 <@6>, 7", frozenset({5, 6, 7})),
        ("banned", "none", frozenset()),
        ("retention-days", "off", None),
    ],
)
def test_a_value_may_be_written_as_people_write_it(name: str, text: str, value: object) -> None:
    assert get_entry(name).parse(text) == value


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("settle-seconds", "31", '"31" is out of range; allowed is a number of seconds from 0'),
        ("settle-seconds", "-1", '"-1" is not a number'),
        ("settle-seconds", "nan", '"nan" is not a number'),
        ("settle-seconds", "", '"" is not a number'),
        ("yields-to", "staff", '"staff" is none of them; allowed is anyone or helpers'),
        ("staff-channel", "#help", '"#help" is not an id'),
        ("staff-channel", "<@&123>", "is not an id"),
        ("staff-channel", "0", "is out of the range of ids"),
        ("staff-channel", "9223372036854775808", "is out of the range of ids"),
        ("solved-tag", "a" * 21, "is longer than the name of a tag"),
        ("solved-tag", "a\x00", "characters that no tag has"),
        ("tag-sources", "v2", 'is not written as TAG=SOURCE in "v2"'),
        ("tag-sources", "v2=Docs", 'has "Docs" where the name of a source'),
        ("tag-sources", "v2=a, V2=b", 'names the tag "V2" twice'),
        ("tag-sources", "=docs", "names no tag"),
        ("limit-calls", "10", "is not written as COUNT/HOURS"),
        ("limit-calls", "0/6", "has a count that is out of range"),
        ("limit-calls", "10/0", 'has hours of which "0" is out of range'),
        ("limit-overrides", "5=ignore", 'has "5" where role:ID or person:ID'),
        ("limit-overrides", "role:5", "does not say once what holds"),
        ("limit-overrides", "role:5=1/1 2/2", "does not say once what holds"),
        ("limit-overrides", "role:5=last", "other words than first and ignore"),
        ("limit-overrides", "role:5=first ignore", "ignores and more"),
        ("limit-overrides", "role:5=first, <@&5>=ignore", "names a person or role twice"),
        ("banned", "5,,6", '"5,,6" is not an id'),
        ("retention-days", "0", "is out of range; allowed is a whole number of days"),
        ("retention-days", "1.5", "is not a whole number"),
        ("banned", "1," * 6_000, "is longer than 10000 characters"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_wrong(name: str, text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        get_entry(name).parse(text)
    assert told in str(error.value)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="the nearest is settle-seconds") as error:
        get_entry("settle_second")
    assert "docbot config list" in str(error.value)


def test_a_forum_has_its_own_value_else_that_of_its_server_else_the_default() -> None:
    of_server = {"helper-role": "5", "yields-to": "helpers", "limit-calls": "1/1"}
    config = forum_config(of_server, {"helper-role": "none", "settle-seconds": "0"})
    assert config == ForumConfig(settle_seconds=0, yields_to="helpers", helper_role=None)
    assert server_config(of_server) == ServerConfig(call_limit=Window(1, 1))
    assert forum_config({}, {}) == ForumConfig()
    assert server_config({}) == ServerConfig()


def test_a_tag_is_named_by_its_id_or_in_any_case() -> None:
    assert all(is_tag(wanted, 70, " Solved ") for wanted in ("70", "solved", " SOLVED"))
    assert not any(is_tag(wanted, 70, "Solved") for wanted in ("7", "solve", "none"))


def test_it_is_told_whose_value_holds() -> None:
    entry = get_entry("remind-hours")

    def origin(*places: dict[str, str]) -> tuple[str, str]:
        found = resolve(entry, *places)
        return found.shown, found.origin

    assert origin({}, {}) == ("0", "default")
    assert origin({"remind-hours": "5"}, {}) == ("5", "server")
    assert origin({"remind-hours": "5"}, {"remind-hours": "0"}) == ("0", "forum")


@pytest.mark.parametrize("make", [forum_config, lambda *places: server_config(places[0])])
def test_what_this_version_cannot_read_is_passed_over(make: Callable[..., object]) -> None:
    stored = {"helper-role": "@helpers", "settle-seconds": "soon", "of-a-later-version": "5"}
    assert make(stored, stored) == make({}, {})
    assert "is not an id" in str(why_unreadable("helper-role", "@helpers"))
    assert "there is no such setting" in str(why_unreadable("of-a-later-version", "5"))
    assert why_unreadable("helper-role", "5") is None
